"""The low-frequency effects channel: what a flagged source may send to it."""

from __future__ import annotations

import numpy as np

from seehear.types import FloatArray, InputError

CROSSOVER_HZ = 120.0
"""BS.775 reserves the LFE for at most 120 Hz."""
FEED_DB = -10.0
"""Playback adds +10 dB in band (BS.775), so a feed at -10 dB plays at the level of a main channel."""


def lfe_feed(x: FloatArray, sample_rate_hz: int) -> FloatArray:
    """The LFE channel (T,) of a source ``x`` (T,), same dtype: 4th-order Linkwitz-Riley low-pass at 120 Hz, at -10 dB.

    Two equal 2nd-order Butterworth sections in series (Linkwitz 1976): -6 dB at 120 Hz, 24 dB per octave above.
    """
    from scipy.signal import butter, sosfilt

    if sample_rate_hz <= 2 * CROSSOVER_HZ:
        raise InputError(f"an LFE feed needs a sample rate above {2 * CROSSOVER_HZ:.0f} Hz, got {sample_rate_hz}")
    butterworth = np.asarray(butter(2, CROSSOVER_HZ, fs=sample_rate_hz, output="sos"))
    low = np.asarray(sosfilt(np.tile(butterworth, (2, 1)), np.asarray(x, dtype=np.float64)))
    return (10 ** (FEED_DB / 20) * low).astype(np.asarray(x).dtype)
