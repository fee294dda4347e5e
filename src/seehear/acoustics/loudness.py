"""Loudness and true peak after ITU-R BS.1770-4, and the one gain that brings a render to its level.

Measured are the channels as they are: mono, stereo and binaural all of them; loudspeaker layouts without the LFE, with
+1.5 dB for the surrounds; ambisonics by its W channel, the omnidirectional decode. (For a single source and for a diffuse
field alike, W has the same energy as an energy-preserving loudspeaker decode.) Peaks are those of all channels.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from seehear.types import Audio, FloatArray, InputError

BLOCK_S = 0.4
"""BS.1770 gating block."""
OVERSAMPLING = 4
"""BS.1770-4 annex 2: at least 4 x at 48 kHz."""


def integrated_lufs(audio: Audio) -> float:
    """Gated loudness of ``audio`` in LUFS; -inf for silence. Shorter than 400 ms: the whole of it is one block."""
    import pyloudnorm

    samples = _measured_channels(audio)
    if not samples.any():
        return -math.inf
    meter = pyloudnorm.Meter(audio.sample_rate_hz, block_size=min(BLOCK_S, audio.duration_s))
    with np.errstate(divide="ignore"):
        return float(meter.integrated_loudness(samples.T.astype(np.float64)))


def _measured_channels(audio: Audio) -> FloatArray:
    """Channels in the order L R C Ls Rs, in which pyloudnorm weights the fourth and fifth by 1.41 (BS.1770 table 3)."""
    if audio.layout.kind == "ambisonics":
        return audio.samples[:1]
    samples = audio.samples[list(audio.layout.speakers)] if audio.layout.kind == "speakers" else audio.samples
    if len(samples) > 5 or len(samples) == 4:
        raise InputError(f"loudness is defined here for mono, stereo, 5.0 and 5.1, not for {audio.layout.name}")
    return samples


def true_peak_dbtp(audio: Audio) -> float:
    """Highest true peak of all channels in dBTP (4 x oversampled); -inf for silence."""
    from scipy.signal import resample_poly

    peak = float(np.abs(audio.samples).max(initial=0.0))
    if peak == 0.0:
        return -math.inf
    oversampled = resample_poly(audio.samples, OVERSAMPLING, 1, axis=1)
    return 20 * math.log10(max(peak, float(np.abs(oversampled).max())))


def normalise(audio: Audio, level_lufs: float = -23.0, peak_dbtp: float = -1.0) -> tuple[Audio, float]:
    """``audio`` with one gain on all channels, and that gain in dB: ``level_lufs``, or as near as ``peak_dbtp`` lets it.

    Silence stays as it is with 0 dB. What has no loudness but peaks (an LFE alone) is only lowered.
    """
    peak = true_peak_dbtp(audio)
    if peak == -math.inf:
        return audio, 0.0
    loudness = integrated_lufs(audio)
    wanted_db = level_lufs - loudness if math.isfinite(loudness) else 0.0
    gain_db = min(wanted_db, peak_dbtp - peak)
    return replace(audio, samples=audio.samples * np.float32(10 ** (gain_db / 20))), gain_db
