"""What tests hear in calls: pitch and loud stretches, by methods independent of how the sounds are made."""

from __future__ import annotations

import numpy as np

RATE_HZ = 24_000
"""The rate of the sounds that are measured."""


def pitches_hz(x: np.ndarray, low_hz: float, high_hz: float, *, frame_s: float = 0.04) -> np.ndarray:
    """Fundamental of every loud, clearly periodic frame, by autocorrelation (Boersma 1993: of the window too)."""
    size, hop = int(frame_s * RATE_HZ), int(0.01 * RATE_HZ)
    window = np.hanning(size)
    frames = np.lib.stride_tricks.sliding_window_view(x, size)[::hop]
    frames = frames[(frames**2).mean(1) > 0.05 * (frames**2).mean(1).max()] * window
    correlation = np.fft.irfft(np.abs(np.fft.rfft(frames, 2 * size)) ** 2)[:, :size]
    own = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * size)) ** 2)[:size]
    correlation = correlation / correlation[:, :1] / np.maximum(own / own[0], 0.05)
    first, last = int(RATE_HZ / high_hz), int(RATE_HZ / low_hz)
    lags = correlation[:, first:last]
    # The shortest lag nearly as good as the best: a call with weak alternate cycles is not an octave lower.
    shortest = (lags > 0.85 * lags.max(1, keepdims=True)).argmax(1)
    return RATE_HZ / (first + shortest)[lags.max(1) > 0.6]


def loud_runs_s(x: np.ndarray, gap_s: float) -> np.ndarray:
    """Starts and ends (K, 2) in seconds of what is louder than -40 dB of the peak, joined over gaps below ``gap_s``."""
    active = np.flatnonzero(np.abs(x) > 0.01 * np.abs(x).max())
    cut = np.flatnonzero(np.diff(active) > gap_s * RATE_HZ)
    return np.column_stack([active[np.append(0, cut + 1)], active[np.append(cut, len(active) - 1)]]) / RATE_HZ
