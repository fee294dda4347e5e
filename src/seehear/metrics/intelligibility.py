"""STOI: how intelligible speech stays after processing, by short-time correlation in third octaves.

Measures: the mean correlation of clean and processed band envelopes over 384 ms. Conventions: -1 to 1, 1 for what differs at most
in level; made for speech (for other sounds it is a similarity of envelopes). Source: Taal, Hendriks, Heusdens & Jensen, IEEE
TASLP 19(7), 2011, whose symbols are used. Deviations: none known; the resampling to 10 kHz is soxr's.
"""

from __future__ import annotations

import numpy as np

from seehear.metrics.spectra import third_octaves
from seehear.types import FloatArray, InputError

RATE_HZ = 10_000
FRAME_SAMPLES, N_FFT = 256, 512
N_BANDS, LOWEST_HZ = 15, 150.0
SEGMENT_FRAMES = 30
CLIP_DB = -15.0
"""The lower bound beta of the signal-to-distortion ratio."""
SILENCE_DB = 40.0


def stoi(clean: FloatArray, processed: FloatArray, rate_hz: int) -> float:
    """The intelligibility d of ``processed`` beside ``clean`` (T,) each; NaN where less than 384 ms of it are not silent.

    InputError for unlike lengths.
    """
    import soxr

    if clean.shape != processed.shape or clean.ndim != 1:
        raise InputError(f"STOI compares two mono sounds of one length, got {clean.shape} and {processed.shape}")
    x, y = (soxr.resample(np.asarray(each, np.float64), rate_hz, RATE_HZ) for each in (clean, processed))
    x, y = _without_silence(x, y)
    if len(x) < FRAME_SAMPLES:
        return float("nan")
    bands = third_octaves(RATE_HZ, N_FFT, N_BANDS, LOWEST_HZ)
    x_bands, y_bands = (np.sqrt(np.abs(np.fft.rfft(_frames(each), N_FFT)) ** 2 @ bands.T).T for each in (x, y))
    if x_bands.shape[1] < SEGMENT_FRAMES:
        return float("nan")
    return float(np.mean(_intermediate(x_bands, y_bands)))


def _intermediate(x_bands: FloatArray, y_bands: FloatArray) -> FloatArray:
    """d_j(m) (J, M) of band envelopes (J, F): eqs. 3 to 5."""
    x, y = (np.lib.stride_tricks.sliding_window_view(each, SEGMENT_FRAMES, axis=1) for each in (x_bands, y_bands))
    tiny = np.finfo(np.float64).eps
    alpha = np.linalg.norm(x, axis=-1, keepdims=True) / (np.linalg.norm(y, axis=-1, keepdims=True) + tiny)
    y = np.minimum(alpha * y, x * (1 + 10 ** (-CLIP_DB / 20)))
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    return np.sum(x * y, axis=-1) / (np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1) + tiny)


def _frames(x: FloatArray) -> FloatArray:
    """Half-overlapping Hann-windowed frames (F, 256)."""
    window = np.hanning(FRAME_SAMPLES + 2)[1:-1]
    return np.lib.stride_tricks.sliding_window_view(x, FRAME_SAMPLES)[:: FRAME_SAMPLES // 2] * window


def _without_silence(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both sounds without the frames in which ``x`` is more than 40 dB below its loudest frame."""
    if len(x) < FRAME_SAMPLES:
        return x[:0], y[:0]
    x_frames, y_frames = _frames(x), _frames(y)
    energy_db = 20 * np.log10(np.linalg.norm(x_frames, axis=1) + np.finfo(np.float64).eps)
    heard = energy_db > energy_db.max() - SILENCE_DB
    return _overlap_added(x_frames[heard]), _overlap_added(y_frames[heard])


def _overlap_added(frames: FloatArray) -> FloatArray:
    hop = FRAME_SAMPLES // 2
    out = np.zeros((len(frames) + 1) * hop)
    out[:-hop] += frames[:, :hop].ravel()
    out[hop:] += frames[:, hop:].ravel()
    return out
