"""Long continuous sounds from pieces that fade into each other, so that memory beyond the result does not grow with length."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seehear.foley.level import loudness_gain_db
from seehear.types import n_samples

LONGEST_WHOLE_S = 40.0
"""Up to here a sound is made at once."""
PIECE_S, OVERLAP_S = 30.0, 2.0


def pieces_of(duration_s: float, longest_s: float | None = None) -> tuple[int, float]:
    """How many pieces a sound of ``duration_s`` is joined from, and by how much neighbours overlap, in seconds."""
    if longest_s is None:
        return max(1, round((duration_s - OVERLAP_S) / (PIECE_S - OVERLAP_S))), OVERLAP_S
    overlap_s = min(OVERLAP_S, longest_s / 5)
    return max(1, math.ceil((duration_s - overlap_s) / (longest_s - overlap_s))), overlap_s


def in_pieces(
    make: Callable[[float, np.random.Generator], NDArray[np.floating]],
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    longest_s: float | None = None,
) -> NDArray[np.float32]:
    """Sound (T,) of ``duration_s`` from pieces ``make(seconds, rng) -> (n,)`` of about 30 s, each from an own generator.

    Neighbours overlap by 2 s with equal power, as they are independent of each other, and all have the same loudness.
    ``longest_s`` is for makers with a window: no piece is longer, and the overlap at most a fifth of it.
    """
    count, overlap_s = pieces_of(duration_s, longest_s)
    n, overlap = n_samples(duration_s, rate_hz), n_samples(overlap_s, rate_hz)
    starts = np.linspace(0, n - overlap, count + 1).astype(int)
    rise = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / overlap)
    out = np.zeros(n, np.float32)
    for index, child in enumerate(rng.spawn(count)):
        length = starts[index + 1] + overlap - starts[index]
        piece = make(length / rate_hz, child)
        piece *= 10 ** (loudness_gain_db(piece, rate_hz) / 20)
        if index > 0:
            piece[:overlap] *= rise
        if index < count - 1:
            piece[length - overlap :] *= rise[::-1]
        out[starts[index] : starts[index] + length] += piece
    return out
