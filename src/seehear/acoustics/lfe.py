"""The low-frequency effects channel: what a flagged source may send to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.doppler import direct_arrivals, direct_feed
from seehear.acoustics.moving import FRAME_HOP_S
from seehear.acoustics.paths import NEAREST_M
from seehear.acoustics.voices import Voice
from seehear.types import FloatArray, InputError

CROSSOVER_HZ = 120.0
"""BS.775 reserves the LFE for at most 120 Hz."""
FEED_DB = -10.0
"""Playback adds +10 dB in band (BS.775), so a feed at -10 dB plays at the level of a main channel."""
PIECE_S, SETTLE_S = 8.0, 0.25
"""The LFE is filtered in pieces; a quarter of a second before each, its filter has long forgotten where it started."""


def add_lfe(out: NDArray[np.float32], voices: Sequence[Voice], doppler: bool, begin: int) -> None:
    """Adds to ``out`` (T,), samples from ``begin`` on, low-passed voices that may feed the LFE, at their distance, without the
    room."""
    end = begin + len(out)
    for voice in voices:
        if not voice.source.lfe:
            continue
        rate, late = voice.source.audio.sample_rate_hz, doppler and voice.moves
        piece = round(PIECE_S * rate)
        for start in range(begin // piece * piece, end, piece):
            warm, stop = min(round(SETTLE_S * rate), start), min(start + piece, end)
            stem = direct_feed(voice.source, start - warm, stop) if late else voice.source.audio.read(start - warm, stop)[0]
            if stem.any():
                fed = lfe_feed(stem, rate)[warm:] * _gain_along(voice, start, stop - start, late)
                low = max(start, begin)
                out[low - begin : stop - begin] += fed[low - start :]


def _gain_along(voice: Voice, start: int, n_samples: int, late: bool) -> NDArray[np.float32]:
    """Linear gain (n,) from sample ``start`` on: level and distance law, the latter linear between points 20 ms apart."""
    source, rate = voice.source, voice.source.audio.sample_rate_hz
    if source.is_bed:
        return np.full(n_samples, voice.gain, dtype=np.float32)
    knots = np.arange(0, n_samples + round(FRAME_HOP_S * rate), round(FRAME_HOP_S * rate))
    times_s = (start + knots) / rate
    if late:
        times_s = direct_arrivals(source.trajectory, times_s[0], times_s[-1]).emission_s(times_s)[0]
    _, distances = source.trajectory.at(times_s)
    return np.interp(np.arange(n_samples), knots, voice.gain / np.maximum(distances, NEAREST_M)).astype(np.float32)


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
