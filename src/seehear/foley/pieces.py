"""Long sounds from pieces, so that memory beyond the result does not grow with length: what goes on fades from one into the
next, what comes and goes is joined where it rests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from seehear.foley.level import loudness_gain_db, without_clicks
from seehear.types import n_samples

LONGEST_WHOLE_S = 40.0
"""Up to here a sound is made at once."""
PIECE_S, OVERLAP_S = 30.0, 2.0
REST_S = 0.05
"""Events are joined in the quietest moment of this length in the second half of a piece."""
REST_DB = -20.0
"""A moment no quieter than this under the loudest is no rest: the sound goes on."""
SILENT_DB = -70.0
"""Among moments quieter than this the last one is taken."""

Make = Callable[[float, np.random.Generator], NDArray[np.floating]]
"""``(seconds, rng) -> (n,)``, exactly ``round(seconds * rate)`` samples."""


def pieces_of(duration_s: float, longest_s: float | None = None) -> tuple[int, float]:
    """How many pieces a sound of ``duration_s`` is joined from, and by how much neighbours overlap, in seconds."""
    if longest_s is None:
        return max(1, round((duration_s - OVERLAP_S) / (PIECE_S - OVERLAP_S))), OVERLAP_S
    overlap_s = min(OVERLAP_S, longest_s / 5)
    return max(1, math.ceil((duration_s - overlap_s) / (longest_s - overlap_s))), overlap_s


def overlapping(
    make: Make, duration_s: float, rate_hz: int, rng: np.random.Generator, *, longest_s: float | None = None
) -> Iterator[NDArray[np.float32]]:
    """Consecutive blocks (n,) of a sound of ``duration_s`` from pieces of about 30 s, each from an own generator.

    Neighbours overlap by 2 s with equal power, as they are independent of each other. ``longest_s`` is for makers with a
    window: no piece is longer, and the overlap at most a fifth of it. The pieces are taken to have one loudness.
    """
    count, overlap_s = pieces_of(duration_s, longest_s)
    n, overlap = n_samples(duration_s, rate_hz), n_samples(overlap_s, rate_hz)
    starts = np.linspace(0, n - overlap, count + 1).astype(int)
    rise = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / overlap)
    before = np.zeros(0, np.float32)
    for index, child in enumerate(rng.spawn(count)):
        length = starts[index + 1] + overlap - starts[index]
        piece = make(length / rate_hz, child)
        if index > 0:
            piece[:overlap] *= rise
        if index < count - 1:
            piece[length - overlap :] *= rise[::-1]
        piece[: len(before)] += before
        block = piece.astype(np.float32)
        end = length - overlap if index < count - 1 else length
        before = block[end:]
        yield block[:end]


def in_pieces(
    make: Make, duration_s: float, rate_hz: int, rng: np.random.Generator, *, longest_s: float | None = None
) -> NDArray[np.float32]:
    """Sound (T,) of ``duration_s`` from pieces that :func:`overlapping` joins, all brought to the same loudness."""

    def levelled(seconds: float, generator: np.random.Generator) -> NDArray[np.floating]:
        piece = make(seconds, generator)
        piece *= 10 ** (loudness_gain_db(piece, rate_hz) / 20)
        return piece

    out, start = np.empty(n_samples(duration_s, rate_hz), np.float32), 0
    for block in overlapping(levelled, duration_s, rate_hz, rng, longest_s=longest_s):
        out[start : start + len(block)] = block
        start += len(block)
    return out


def resting(make: Make, duration_s: float, rate_hz: int, rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """Consecutive blocks (n,) of a sound of ``duration_s`` that comes and goes, from pieces of 30 s joined where it rests.

    Of each piece what follows its last rest is left out, so that no event is cut by the end of a piece; the next one
    begins there. A piece without a rest goes over into the next with equal power within 2 s.
    """
    left, before = n_samples(duration_s, rate_hz), np.zeros(0, np.float32)
    overlap = n_samples(OVERLAP_S, rate_hz)
    rise = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / overlap)
    while left > 0:
        is_last = left <= LONGEST_WHOLE_S * rate_hz
        piece = make(left / rate_hz if is_last else PIECE_S, rng.spawn(1)[0])
        if len(before):
            piece[:overlap] *= rise
            piece[:overlap] += before
        else:
            piece = without_clicks(piece, rate_hz)
        rest = None if is_last else last_rest(piece, rate_hz)
        end = len(piece) if is_last else len(piece) - overlap if rest is None else rest
        block = piece.astype(np.float32)
        before = np.zeros(0, np.float32)
        if not is_last and rest is None:
            before = (block[end:] * rise[::-1]).astype(np.float32)
        yield block[:end] if is_last or rest is None else without_clicks(block[:end], rate_hz)
        left -= end


def last_rest(x: NDArray[np.floating], rate_hz: int) -> int | None:
    """The sample in the middle of the quietest moment (50 ms) in the second half of a sound (T,); None where it never rests.

    Of several that are silent, or as quiet within 3 dB, the last.
    """
    hop = max(1, round(REST_S * rate_hz / 5))
    frames = np.square(x[: len(x) // hop * hop].reshape(-1, hop).astype(float)).mean(axis=1)
    power = np.convolve(frames, np.ones(5) / 5, mode="valid")
    if power.max() <= 0:
        return len(x)
    late = power[len(power) // 2 :]
    if late.min() > power.max() * 10 ** (REST_DB / 10):
        return None
    quiet = np.flatnonzero(late <= max(2 * late.min(), power.max() * 10 ** (SILENT_DB / 10)))
    return (len(power) // 2 + int(quiet[-1])) * hop + 5 * hop // 2
