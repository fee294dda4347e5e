"""The one way in which pictures enter the encoders, in training and in use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow


def warp_to_square(rgb: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """The picture (H, W, 3) resized to a square (3, S, S) without keeping its aspect, so that all of it stays visible."""
    resized = Pillow.fromarray(rgb).resize((side_px, side_px), Pillow.Resampling.BILINEAR, reducing_gap=2.0)
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))
