"""How high a sound goes between its samples: four times oversampled magnitudes (ITU-R BS.1770-4 annex 2).

Annex 2 asks for an oversampling of at least 4 at 48 kHz by any good interpolator. Here each of the three phases between two
samples is a Kaiser-windowed sinc of `TAPS` taps, which is flat within 0.02 dB up to 0.94 of the Nyquist frequency (22.5 kHz at
48 kHz); the fourth phase is the samples themselves.
Shapes: C channels, T samples.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

OVERSAMPLING = 4
"""BS.1770-4 annex 2: at least 4 x at 48 kHz."""
TAPS = 64
BEFORE, AFTER = TAPS // 2 - 1, TAPS // 2
"""Samples on either side of the one that is looked at, which `true_peaks` needs."""
KAISER_BETA = 6.0
RUN = 64
"""Samples that are interpolated, or skipped, together: one row of a matrix product."""


@cache
def _interpolator() -> tuple[NDArray[np.float32], float]:
    """Matrix (RUN + TAPS - 1, 3 * RUN) from samples to the three phases after each of `RUN`, and the most that it amplifies.

    y(n + f) = sum over j of x(n + j) sinc(j - f) w(j - f), w a Kaiser window over `TAPS` samples; the taps of a phase sum to 1.
    """
    taps = np.arange(-BEFORE, AFTER + 1)
    matrix = np.zeros((RUN + TAPS - 1, OVERSAMPLING - 1, RUN))
    amplified = 0.0
    for phase in range(1, OVERSAMPLING):
        distance = taps - phase / OVERSAMPLING
        response = np.sinc(distance) * np.i0(KAISER_BETA * np.sqrt(1 - (distance / AFTER) ** 2))
        response /= response.sum()
        amplified = max(amplified, float(np.abs(response).sum()))
        for n in range(RUN):
            matrix[n : n + TAPS, phase - 1, n] = response
    matrix = matrix.reshape(RUN + TAPS - 1, -1).astype(np.float32)
    matrix.setflags(write=False)
    return matrix, amplified


def true_peaks(samples: NDArray[np.float32], above: float) -> NDArray[np.float32]:
    """Magnitudes (T,) over all channels of ``samples`` (C, `BEFORE` + T + `AFTER`): of each sample and up to the next one.

    The first `BEFORE` and the last `AFTER` samples are only looked at from between. Where nothing between samples can pass
    ``above``, that of the sample alone is given: most of a sound lies far below its peaks, and is not interpolated.
    """
    n_samples = samples.shape[1] - (TAPS - 1)
    n_runs = -(-n_samples // RUN)
    padded = np.zeros((len(samples), (n_runs + 1) * RUN), dtype=np.float32)
    padded[:, : samples.shape[1]] = samples
    matrix, amplified = _interpolator()
    peaks = np.zeros((n_runs, RUN), dtype=np.float32)
    for channel in padded:
        magnitude = np.abs(channel)
        np.maximum(peaks, magnitude[BEFORE : BEFORE + n_runs * RUN].reshape(n_runs, RUN), out=peaks)
        highest = magnitude.reshape(n_runs + 1, RUN).max(axis=1)
        rows = np.flatnonzero(amplified * np.maximum(highest[:-1], highest[1:]) > above)
        if len(rows):
            seen = np.lib.stride_tricks.sliding_window_view(channel, RUN + TAPS - 1)[rows * RUN]
            between = np.abs(seen @ matrix).reshape(len(rows), OVERSAMPLING - 1, RUN).max(axis=1)
            peaks[rows] = np.maximum(peaks[rows], between)
    return peaks.reshape(-1)[:n_samples]
