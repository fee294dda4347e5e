"""How well relative depth orders what is near and far.

Ordinal accuracy: of random pairs of pixels whose true distances differ by more than a ratio (1.1), the share whose order is
right; a tie counts half, so that chance and a constant both score 0.5. It is one minus the WHDR of Chen, Fu, Yang & Deng,
"Single-Image Depth Perception in the Wild", NIPS 2016, with all weights one and without the pairs that look alike.
Pixels without a finite true distance (sky, holes of a sensor) are left out. Shapes: H W pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray, InputError


def ordinal_accuracy(
    depth: NDArray, distance: NDArray, rng: np.random.Generator, *, n_pairs: int = 4000, ratio: float = 1.1
) -> float:
    """Share of pairs, 0 to 1, that ``depth`` (H, W; any increasing scale) orders as ``distance`` (H, W; > 0) does.

    ``n_pairs`` are drawn and those within ``ratio`` of each other dropped; NaN if none is left.
    """
    if depth.shape != distance.shape:
        raise InputError(f"depth and true distance must have one shape, got {depth.shape} and {distance.shape}")
    known = np.flatnonzero(np.isfinite(distance) & (distance > 0))
    if not known.size:
        return float("nan")
    pairs = known[rng.integers(0, known.size, (2, n_pairs))]
    step = np.diff(np.log(distance.ravel()[pairs].astype(float)), axis=0)[0]
    guess = np.diff(depth.ravel()[pairs].astype(float), axis=0)[0]
    apart = np.abs(step) > np.log(ratio)
    if not apart.any():
        return float("nan")
    right: FloatArray = 0.5 + 0.5 * np.sign(step[apart]) * np.sign(guess[apart])
    return float(right.mean())
