"""Small pictures and colour: what every cue starts from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def shrink(rgb: NDArray[np.uint8], long_side_px: int) -> NDArray[np.float32]:
    """Area-averaged copy (h, w, 3) in 0 to 1 whose long side is at most ``long_side_px``; smaller pictures keep their size."""
    height, width = rgb.shape[:2]
    scale = min(1.0, long_side_px / max(height, width))
    rows = np.linspace(0, height, max(1, round(height * scale)) + 1).astype(int)
    columns = np.linspace(0, width, max(1, round(width * scale)) + 1).astype(int)
    total = np.add.reduceat(rgb, rows[:-1], axis=0, dtype=np.float32)
    total = np.add.reduceat(total, columns[:-1], axis=1)
    return total / (255.0 * np.diff(rows)[:, None, None] * np.diff(columns)[None, :, None]).astype(np.float32)


def grow(small: NDArray, height_px: int, width_px: int) -> NDArray:
    """Nearest-neighbour copy (height, width) of a map (h, w), the inverse of ``shrink`` for masks and labels."""
    rows = (np.arange(height_px) + 0.5) * small.shape[0] / height_px
    columns = (np.arange(width_px) + 0.5) * small.shape[1] / width_px
    return small.take(rows.astype(int), axis=0).take(columns.astype(int), axis=1)


def lab(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """CIE L*a*b* (h, w, 3), D65, of sRGB in 0 to 1."""
    from skimage.color import rgb2lab

    return rgb2lab(rgb).astype(np.float32)
