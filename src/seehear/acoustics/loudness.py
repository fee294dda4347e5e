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
CHUNK_SAMPLES = 1 << 18


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
    """Highest true peak of all channels in dBTP: that of the samples and of a 4 x oversampling; -inf for silence."""
    import soxr

    peak = float(np.abs(audio.samples).max(initial=0.0))
    if peak == 0.0:
        return -math.inf
    rate, n_channels = audio.sample_rate_hz, audio.layout.n_channels
    stream = soxr.ResampleStream(rate, OVERSAMPLING * rate, n_channels, dtype="float32", quality="HQ")
    for start in range(0, audio.n_samples, CHUNK_SAMPLES):
        chunk = np.ascontiguousarray(audio.samples[:, start : start + CHUNK_SAMPLES].T)
        oversampled = stream.resample_chunk(chunk, last=start + CHUNK_SAMPLES >= audio.n_samples)
        peak = max(peak, float(np.abs(oversampled).max(initial=0.0)))
    return 20 * math.log10(peak)


def normalise(audio: Audio, level_lufs: float = -23.0, peak_dbtp: float = -1.0) -> tuple[Audio, float]:
    """``audio`` with one gain on all channels, and that gain in dB: ``level_lufs``, or as near as ``peak_dbtp`` lets it.

    Silence stays as it is with 0 dB. What has no loudness but peaks (an LFE alone) is only lowered.
    InputError for a level that is no programme level (-70 LUFS, the absolute gate, to 0 LUFS).
    """
    if not -70 < level_lufs <= 0:
        raise InputError(f"a loudness level must lie between -70 and 0 LUFS, got {level_lufs}")
    peak = true_peak_dbtp(audio)
    if peak == -math.inf:
        return audio, 0.0
    gain_db = min(_gain_to_level_db(audio, level_lufs, peak), peak_dbtp - peak)
    return _amplified(audio, gain_db), gain_db


def _gain_to_level_db(audio: Audio, level_lufs: float, peak_dbtp: float) -> float:
    """The gain that makes ``audio`` measure ``level_lufs``, 0 dB when it has no loudness.

    First from the peak at full scale, where no sound is too quiet for the absolute gate; then once more at the wanted level,
    because that gate may leave out other blocks there.
    """
    gain_db = -peak_dbtp
    for _ in range(2):
        loudness = integrated_lufs(_amplified(audio, gain_db))
        if loudness == -math.inf:
            return 0.0
        gain_db += level_lufs - loudness
    return gain_db


def _amplified(audio: Audio, gain_db: float) -> Audio:
    return replace(audio, samples=audio.samples * np.float32(10 ** (gain_db / 20)))
