"""Pictures with a planted answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def scenery(width: int = 640, height: int = 360, seed: int = 0) -> np.ndarray:
    """A soft, photo-like ground (H, W, 3) uint8: gradients and grain, no object."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    base = np.stack([95 + 30 * y, 100 + 25 * x, 90 + 20 * (1 - y)], axis=-1)
    return np.clip(base + rng.normal(0, 4, (height, width, 1)), 0, 255).astype(np.uint8)


def with_disc(rgb: np.ndarray, x: float, y: float, radius: float, colour: Sequence[int] = (220, 60, 30)) -> np.ndarray:
    """A copy of a picture with a filled disc around the pixel (x, y)."""
    out = rgb.copy()
    rows, columns = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]]
    out[(columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 < radius**2] = colour
    return out
