"""Aerial perspective: how much of what is seen is the air's own light.

He, Sun & Tang, "Single Image Haze Removal Using Dark Channel Prior", CVPR 2009: in clear air some channel of some pixel
nearby is dark; what remains is airlight A, and I = J t + A (1 - t) with the transmission t = exp(-scattering * distance)
(Koschmieder 1924). Indoors white walls look like haze, so the cue counts only with evidence of haze.
Shapes: h w pixels of a small picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray

_PATCH_SHARE = 0.03
_OMEGA = 0.95
"""Share of the haze that is taken out (ibid.)."""
_LEAST = 0.05


def dark_channel(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smallest value (h, w) over the channels and a patch around each pixel (eq. 5), of a picture (h, w, 3) in 0 to 1."""
    from scipy.ndimage import minimum_filter

    side = max(3, 2 * round(_PATCH_SHARE * max(rgb.shape[:2]) / 2) + 1)
    return np.asarray(minimum_filter(rgb.min(axis=-1), side), dtype=np.float32)


def airlight(rgb: NDArray[np.float32]) -> FloatArray:
    """Colour (3,) of the air: the mean over the haziest 0.1 % of pixels by the dark channel (4.4)."""
    dark = dark_channel(rgb).ravel()
    n = max(4, len(dark) // 1000)
    return rgb.reshape(-1, 3)[np.argpartition(dark, -n)[-n:]].mean(axis=0).astype(float)


def transmission(rgb: NDArray[np.float32]) -> FloatArray:
    """Share t (h, w) of each pixel's own light that reaches the camera, 0.05 to 1 (eq. 12): 1 - 0.95 * dark(I / A)."""
    air = np.maximum(airlight(rgb), _LEAST).astype(np.float32)
    return np.clip(1 - _OMEGA * dark_channel(rgb / air), _LEAST, 1).astype(float)


def optical_depth(rgb: NDArray[np.float32]) -> FloatArray:
    """-ln t (h, w), proportional to distance in even haze (eq. 2 of the same paper, solved for d)."""
    return -np.log(transmission(rgb))
