"""Large frontal faces, by the cascade that scikit-image carries: evidence for a portrait, and a count of people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seehear.types import Box, Image
from seehear.vision.pixels import lab, shrink

_LONG_SIDE_PX = 192
_MIN_SHARE = 0.15
"""Smallest face looked for, as a share of the picture's short side."""
_TRAINED_SIDE_PX = 24
_MIN_NEIGHBOURS = 4
_MIN_SKIN = 0.4


def find_faces(image: Image) -> tuple[Box, ...]:
    """Boxes of frontal faces at least 15 % of the short side wide, in pixels of ``image``, largest first.

    Local binary pattern cascade (Viola & Jones 2001; OpenCV's file, shipped inside scikit-image), kept where at least 40 %
    of the box has the colour of skin: any skin, because its hue hardly depends on how dark it is. Black-and-white
    pictures therefore have none, and profiles are not found.
    """
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    small = shrink(image.rgb, _LONG_SIDE_PX)
    short = min(small.shape[:2])
    smallest = max(_TRAINED_SIDE_PX, round(_MIN_SHARE * short))
    if smallest >= short:
        return ()
    found = Cascade(lbp_frontal_face_cascade_filename()).detect_multi_scale(
        img=np.round(small * 255).astype(np.uint8),
        scale_factor=1.1,
        step_ratio=1,
        min_size=(smallest, smallest),
        max_size=(short, short),
        min_neighbor_number=_MIN_NEIGHBOURS,
    )
    skin = _skin(lab(small))
    scale_x, scale_y = image.width_px / small.shape[1], image.height_px / small.shape[0]
    boxes = []
    for face in sorted(found, key=lambda f: -f["width"]):
        x, y, width, height = (int(face[key]) for key in ("c", "r", "width", "height"))
        if skin[y : y + height, x : x + width].mean() >= _MIN_SKIN:
            boxes.append((x * scale_x, y * scale_y, (x + width) * scale_x, (y + height) * scale_y))
    return tuple(boxes)


def _skin(colours: NDArray[np.float32]) -> NDArray[np.bool_]:
    lightness, a, b = np.moveaxis(colours, -1, 0)
    hue, chroma = np.degrees(np.arctan2(b, a)), np.hypot(a, b)
    return (lightness > 15) & (lightness < 95) & (hue > 15) & (hue < 75) & (chroma > 8) & (chroma < 48)
