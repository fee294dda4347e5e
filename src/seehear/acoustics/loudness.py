"""Loudness and true peak after ITU-R BS.1770-4, and the one gain that brings a render to its level.

Measured are the channels as they are: mono, stereo and binaural all of them; loudspeaker layouts without the LFE, with
+1.5 dB for those at the sides and level (BS.1770-4 annex 3: so for Ls and Rs, but not for backs and heights); ambisonics by
its W channel, the omnidirectional decode. (For a single source and for a diffuse field alike, W has the same energy as an
energy-preserving loudspeaker decode.) Peaks are those of all channels.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from seehear.types import Audio, FloatArray, InputError, Layout

HOP_S, HOPS_PER_BLOCK = 0.1, 4
"""BS.1770-4: gating blocks of 400 ms, three quarters of which they share with the next."""
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
SIDE_WEIGHT, SIDES_RAD, LEVEL_RAD = 1.41, (math.radians(60), math.radians(120)), math.radians(30)
"""BS.1770-4 annex 3, table 4: weight 1.41 for azimuths of 60 to 120 degrees on either side below 30 degrees of elevation,
1 for every other place. Annex 1 has the same weights for 5.1."""
PIECE_S = 2
"""Sound is filtered in pieces of this length, so that memory does not grow with it."""
OVERSAMPLING = 4
"""BS.1770-4 annex 2: at least 4 x at 48 kHz."""
CHUNK_SAMPLES = 1 << 15
SILENT_DBTP = -600.0
"""A sound of a lower peak is silence: the gain that it needs would pass what 32-bit floats hold."""


def integrated_lufs(audio: Audio) -> float:
    """Gated loudness of ``audio`` in LUFS; -inf for silence. Shorter than 400 ms: the whole of it is one block."""
    return _gated_lufs(_block_powers(audio))


def _block_powers(audio: Audio) -> FloatArray:
    """K-weighted power (B,) of the gating blocks, summed over weighted channels (BS.1770-4 eqs. 1 and 3).

    An incomplete block at the end is left out; of a sound shorter than one block the whole is one.
    """
    from scipy.signal import sosfilt

    weights = channel_weights(audio.layout)
    measured = np.flatnonzero(weights)
    samples, rate = audio.samples[measured] if len(measured) < len(weights) else audio.samples, audio.sample_rate_hz
    if not audio.n_samples:
        return np.zeros(0)
    sections = _k_weighting(rate)
    state = np.zeros((len(sections), len(samples), 2))
    hops = np.rint(np.arange(0, PIECE_S, HOP_S) * rate).astype(np.intp)
    energies = []
    for start in range(0, audio.n_samples, PIECE_S * rate):
        piece = samples[:, start : start + PIECE_S * rate].astype(np.float64)
        weighted, state = sosfilt(sections, piece, zi=state)
        power = weights[measured] @ np.square(weighted)
        energies.append(np.add.reduceat(power, hops[hops < len(power)]))
    energy = np.concatenate(energies)
    n_complete = int(audio.n_samples / (HOP_S * rate) + 1e-9)
    if n_complete < HOPS_PER_BLOCK:
        return energy.sum(keepdims=True) / audio.n_samples
    return np.convolve(energy[:n_complete], np.ones(HOPS_PER_BLOCK), "valid") / (HOPS_PER_BLOCK * HOP_S * rate)


def _k_weighting(sample_rate_hz: int) -> FloatArray:
    """Second-order sections (2, 6) of the K filter: shelf and high-pass as pyloudnorm has them for any sample rate."""
    from pyloudnorm import IIRfilter

    shelf = IIRfilter(4.0, 1 / math.sqrt(2), 1500.0, sample_rate_hz, "high_shelf")
    high_pass = IIRfilter(0.0, 0.5, 38.0, sample_rate_hz, "high_pass")
    return np.stack([np.concatenate([stage.b, stage.a]) for stage in (shelf, high_pass)])


def _gated_lufs(block_powers: FloatArray) -> float:
    """Loudness of blocks (B,) above the absolute gate and above the one relative to these (eqs. 4 to 7); -inf for none."""
    loud = block_powers[block_powers > 10 ** ((ABSOLUTE_GATE_LUFS + 0.691) / 10)]
    if not len(loud):
        return -math.inf
    loud = loud[loud > 10 ** (RELATIVE_GATE_LU / 10) * loud.mean()]
    return -0.691 + 10 * math.log10(loud.mean())


def channel_weights(layout: Layout) -> FloatArray:
    """Weights (C,) of the channels' powers, 0 for what is not measured; InputError for channels that nothing is known about."""
    if layout.kind == "discrete":
        raise InputError(f"loudness needs to know where channels are played, which {layout.name} does not say")
    if layout.kind == "binaural":
        return np.ones(layout.n_channels)
    if layout.kind == "ambisonics":
        return np.eye(1, layout.n_channels)[0]
    azimuths, elevations = np.abs(layout.azimuths_rad), np.abs(layout.elevations_rad)
    beside = (azimuths > SIDES_RAD[0] - 1e-6) & (azimuths < SIDES_RAD[1] + 1e-6) & (elevations < LEVEL_RAD - 1e-6)
    weights = np.where(beside, SIDE_WEIGHT, 1.0)
    weights[[i for i in range(layout.n_channels) if i not in layout.speakers]] = 0.0
    return weights


def true_peak_dbtp(audio: Audio) -> float:
    """Highest true peak of all channels in dBTP: that of the samples and of a 4 x oversampling; -inf for silence."""
    import soxr

    peak = float(max(audio.samples.max(initial=0.0), -audio.samples.min(initial=0.0)))
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

    Silence (a peak below `SILENT_DBTP`) stays as it is with 0 dB. What has no loudness but peaks (an LFE alone) is only lowered.
    InputError for a level that is no programme level (-70 LUFS, the absolute gate, to 0 LUFS).
    """
    if not -70 < level_lufs <= 0:
        raise InputError(f"a loudness level must lie between -70 and 0 LUFS, got {level_lufs}")
    peak = true_peak_dbtp(audio)
    if peak < SILENT_DBTP:
        return audio, 0.0
    gain_db = min(_gain_to_level_db(_block_powers(audio), level_lufs, peak), peak_dbtp - peak)
    return replace(audio, samples=audio.samples * np.float32(10 ** (gain_db / 20))), gain_db


def _gain_to_level_db(block_powers: FloatArray, level_lufs: float, peak_dbtp: float) -> float:
    """The gain that makes blocks of those powers measure ``level_lufs``, 0 dB when they have no loudness.

    First from the peak at full scale, where no sound is too quiet for the absolute gate; then once more at the wanted level,
    because that gate may leave out other blocks there.
    """
    gain_db = -peak_dbtp
    for _ in range(2):
        loudness = _gated_lufs(10 ** (gain_db / 10) * block_powers)
        if loudness == -math.inf:
            return 0.0
        gain_db += level_lufs - loudness
    return gain_db
