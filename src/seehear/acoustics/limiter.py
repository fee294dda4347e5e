"""A true-peak limiter that keeps the image: one gain for all channels, no delay, any length.

What a sample must be turned down by is known from its true peak over all channels (`acoustics.true_peak`). The gain gets there in
the 5 ms before a peak, by a raised-cosine window; stays for 20 ms, so that half a period of anything above 25 Hz passes at one
gain; then comes back at 60 dB a second (6 dB in 0.1 s). Everywhere else it is exactly 1, and samples stay what they are to the
last bit.
Shapes: C channels, T samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.true_peak import AFTER, BEFORE, true_peaks
from seehear.types import FloatArray, reblocked

LOOK_AHEAD_S, HOLD_S, RELEASE_DB_PER_S = 0.005, 0.02, 60.0
PIECE_SAMPLES = 1 << 15
"""Sound is limited in pieces of this length whatever comes in, so that the result does not depend on how it comes."""


def limited(blocks: Iterable[NDArray[np.float32]], sample_rate_hz: int, ceiling_dbtp: float) -> Iterator[NDArray[np.float32]]:
    """The sound of ``blocks`` (C, n) with no true peak above ``ceiling_dbtp``, of the same length, in blocks of its own (C, n).

    All channels get one gain, so that every direction and every ratio between channels stays. Two pieces are held back.
    """
    for piece, reduction_db in _reductions(_needs(reblocked(blocks, PIECE_SAMPLES), ceiling_dbtp), sample_rate_hz):
        yield piece * (10 ** (-reduction_db / 20)).astype(np.float32) if reduction_db.any() else piece


def _needs(pieces: Iterable[NDArray[np.float32]], ceiling_dbtp: float) -> Iterator[tuple[NDArray[np.float32], FloatArray]]:
    """Each piece (C, n) with the reduction (n,) in dB that its samples need, 0 where nothing passes the ceiling."""
    ceiling, behind = 10 ** (ceiling_dbtp / 20), None
    for piece, following in pairwise(chain(pieces, [None])):
        assert piece is not None
        if behind is None:
            behind = np.zeros((len(piece), BEFORE), dtype=np.float32)
        ahead = np.zeros((len(piece), AFTER), dtype=np.float32)
        if following is not None:
            head = following[:, :AFTER]
            ahead[:, : head.shape[1]] = head
        seen = np.concatenate([behind, piece, ahead], axis=1)
        behind = piece[:, -BEFORE:].copy()
        yield piece, 20 * np.log10(np.maximum(true_peaks(seen, ceiling) / ceiling, 1.0, dtype=np.float64))


def _reductions(
    needs: Iterable[tuple[NDArray[np.float32], FloatArray]], sample_rate_hz: int
) -> Iterator[tuple[NDArray[np.float32], FloatArray]]:
    """Each piece (C, n) with the reduction (n,) in dB that is made: the need, reached smoothly, held, then slowly released."""
    from scipy.ndimage import maximum_filter1d

    n_ahead, n_hold = (max(1, round(s * sample_rate_hz)) for s in (LOOK_AHEAD_S, HOLD_S))
    window = np.hanning(n_ahead + 3)[1:-1]
    window /= window.sum()
    width = n_hold + 1 + n_ahead
    behind, trail, reached = np.zeros(n_hold), None, 0.0
    for current, following in pairwise(chain(needs, [None])):
        assert current is not None
        piece, need = current
        ahead = np.zeros(n_ahead)
        if following is not None:
            head = following[1][:n_ahead]
            ahead[: len(head)] = head
        seen = np.concatenate([behind, need, ahead])
        behind = seen[len(need) : len(need) + n_hold]
        highest = maximum_filter1d(seen, width)[width // 2 : width // 2 + len(need)]
        back = RELEASE_DB_PER_S / sample_rate_hz * np.arange(1, len(need) + 1)
        released = np.maximum(np.maximum.accumulate(np.maximum(highest + back, reached)) - back, highest)
        reached = float(released[-1])
        # Before the sound begins the gain is already there for its first peaks.
        steps = np.concatenate([np.full(n_ahead, released[0]) if trail is None else trail, released])
        trail = steps[len(need) :]
        yield piece, np.convolve(steps, window, "valid") if steps.any() else np.zeros(len(need))
