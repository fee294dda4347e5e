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

HOP_S, HOPS_PER_BLOCK = 0.1, 4
"""BS.1770-4: gating blocks of 400 ms, three quarters of which they share with the next."""
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
WEIGHTS = np.array([1.0, 1.0, 1.0, 1.41, 1.41])
"""BS.1770-4 table 3, for L R C Ls Rs."""
PIECE_S = 2
"""Sound is filtered in pieces of this length, so that memory does not grow with it."""
OVERSAMPLING = 4
"""BS.1770-4 annex 2: at least 4 x at 48 kHz."""
CHUNK_SAMPLES = 1 << 15


def integrated_lufs(audio: Audio) -> float:
    """Gated loudness of ``audio`` in LUFS; -inf for silence. Shorter than 400 ms: the whole of it is one block."""
    return _gated_lufs(_block_powers(audio))


def _block_powers(audio: Audio) -> FloatArray:
    """K-weighted power (B,) of the gating blocks, summed over weighted channels (BS.1770-4 eqs. 1 and 3).

    An incomplete block at the end is left out; of a sound shorter than one block the whole is one.
    """
    from scipy.signal import sosfilt

    samples, rate = _measured_channels(audio), audio.sample_rate_hz
    if not audio.n_samples:
        return np.zeros(0)
    sections = _k_weighting(rate)
    state = np.zeros((len(sections), len(samples), 2))
    hops = np.rint(np.arange(0, PIECE_S, HOP_S) * rate).astype(np.intp)
    energies = []
    for start in range(0, audio.n_samples, PIECE_S * rate):
        piece = samples[:, start : start + PIECE_S * rate].astype(np.float64)
        weighted, state = sosfilt(sections, piece, zi=state)
        power = WEIGHTS[: len(samples)] @ np.square(weighted)
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


def _measured_channels(audio: Audio) -> FloatArray:
    """Channels in the order L R C Ls Rs, of `WEIGHTS`."""
    if audio.layout.kind == "ambisonics":
        return audio.samples[:1]
    samples = audio.samples[list(audio.layout.speakers)] if audio.layout.kind == "speakers" else audio.samples
    if len(samples) > 5 or len(samples) == 4:
        raise InputError(f"loudness is defined here for mono, stereo, 5.0 and 5.1, not for {audio.layout.name}")
    return samples


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

    Silence stays as it is with 0 dB. What has no loudness but peaks (an LFE alone) is only lowered.
    InputError for a level that is no programme level (-70 LUFS, the absolute gate, to 0 LUFS).
    """
    if not -70 < level_lufs <= 0:
        raise InputError(f"a loudness level must lie between -70 and 0 LUFS, got {level_lufs}")
    peak = true_peak_dbtp(audio)
    if peak == -math.inf:
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
