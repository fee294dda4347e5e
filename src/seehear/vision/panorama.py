"""Whether a picture is a 360-degree panorama that does not say so."""

from __future__ import annotations

import numpy as np

from seehear.types import Image
from seehear.vision.pixels import shrink

_SIDE_PX = 360
_SEAM = 2.0
"""The step over the seam is at most so many times the median step between neighbouring columns."""
_UNLIKE = 3.0
"""Any two columns of the picture differ by at least so many times the step over the seam."""
_POLE = 0.25
"""The top and the bottom row, each one point of the sphere, vary by at most this share of the picture's variation."""
_STRUCTURE = 0.01
"""Least mean step along the seam, of 0 to 1: an empty sky goes on over any edge."""


def looks_like_panorama(image: Image) -> bool:
    """Whether a picture twice as wide as high goes on over its left and right edge, and its top and bottom rows are even.

    Both follow from the equirectangular projection: its edges are one meridian, its first and last row the poles.
    """
    if not 1.95 <= image.width_px / image.height_px <= 2.05 or image.height_px < 16:
        return False
    small = shrink(image.rgb, _SIDE_PX)
    steps = np.abs(np.diff(small, axis=1)).mean(axis=(0, 2))
    seam = float(np.abs(small[:, 0] - small[:, -1]).mean())
    shifts = [small.shape[1] * k // 6 for k in range(1, 4)]
    apart = float(np.median([np.abs(small - np.roll(small, shift, axis=1)).mean() for shift in shifts]))
    even = max(float(small[row].std(axis=0).mean()) for row in (0, -1)) <= _POLE * float(small.std(axis=(0, 1)).mean())
    structure = float(np.abs(np.diff(small[:, 0], axis=0)).mean())
    return seam <= _SEAM * float(np.median(steps)) and apart >= _UNLIKE * seam and even and structure >= _STRUCTURE
