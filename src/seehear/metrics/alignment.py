"""Dynamic time warping: how far two sequences are apart when either may go faster or slower.

Sakoe & Chiba 1978, symmetric form without slope constraint (P = 0): a step along either sequence costs its local distance,
a step along both twice that, and the sum is divided by the two lengths together, so that the result is a mean local distance.
"""

from __future__ import annotations

import numpy as np

from seehear.types import FloatArray, InputError

MAX_CELLS = 50_000_000
"""Local distances are held in memory (400 MB); at 43 frames a second that is a little under three minutes by three minutes."""


def dtw_distance(a: FloatArray, b: FloatArray) -> float:
    """Mean Euclidean distance along the cheapest alignment of ``a`` (N, D) and ``b`` (M, D); 0 for what differs only in tempo.

    g(i, j) = min(g(i, j-1) + d, g(i-1, j-1) + 2 d, g(i-1, j) + d), g(1, 1) = 2 d; the result is g(N, M) / (N + M). All
    cells of an antidiagonal are computed at once. InputError for empty sequences, unlike widths, or too long ones.
    """
    from scipy.spatial.distance import cdist

    if a.ndim != 2 or b.ndim != 2 or not len(a) or not len(b) or a.shape[1] != b.shape[1]:
        raise InputError(f"an alignment needs two sequences (N, D) and (M, D) that are not empty, got {a.shape} and {b.shape}")
    n, m = len(a), len(b)
    if n * m > MAX_CELLS:
        raise InputError(f"an alignment of {n} and {m} frames is too long: at most {MAX_CELLS} pairs of frames")
    local = cdist(a, b)
    before, last = np.full(n + 1, np.inf), np.full(n + 1, np.inf)
    last[1] = 2 * local[0, 0]
    for k in range(1, n + m - 1):
        i = np.arange(max(0, k - m + 1), min(n - 1, k) + 1)
        d = local[i, k - i]
        now = np.full(n + 1, np.inf)
        now[i + 1] = np.minimum(np.minimum(last[i], last[i + 1]) + d, before[i] + 2 * d)
        before, last = last, now
    return float(last[n]) / (n + m)
