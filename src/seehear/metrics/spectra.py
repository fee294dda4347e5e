"""What toolboxes of music information retrieval take from a sound: cepstra, chroma, spectral contrast, onset strength.

Conventions: power spectra of periodic Hann windows, the last one filled up with silence, none centred before the beginning;
frames come first. Levels in dB are floored ``TOP_DB`` below the loudest of the whole sound, so that digital silence and a faint
hiss look alike. Shapes: T samples, F frames, K bins.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray

WINDOW_SAMPLES, HOP_SAMPLES = 2048, 512
CHROMA_WINDOW_SAMPLES = 8192
"""At 22.05 kHz long enough to tell semitones apart from C3 on."""
CHROMA_SEMITONES = (-21, 39)
"""From C3 up to but without C8, counted from A4: five whole octaves, between the edges of their semitones."""
A4_HZ = 440.0
N_MELS, N_CEPSTRA = 128, 13
PRE_EMPHASIS = 0.97
TOP_DB = 80.0
CONTRAST_EDGES_HZ = (0.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 12800.0)
CONTRAST_SHARE = 0.02


def power_spectra(x: FloatArray, window_samples: int = WINDOW_SAMPLES, hop_samples: int = HOP_SAMPLES) -> FloatArray:
    """Power (F, K) of overlapping frames of ``x`` (T,), at least one."""
    n_frames = max(1, 1 + -(-(len(x) - window_samples) // hop_samples))
    padded = np.pad(np.asarray(x, np.float64), (0, max(0, window_samples + (n_frames - 1) * hop_samples - len(x))))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_samples) / window_samples)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window_samples)[::hop_samples][:n_frames]
    return np.abs(np.fft.rfft(frames * window, axis=1)) ** 2


def floored_db(power: FloatArray) -> FloatArray:
    """``power`` in dB, nothing further than `TOP_DB` below its maximum; zeros for silence."""
    loudest = float(power.max(initial=0.0))
    if loudest == 0.0:
        return np.zeros_like(power)
    return 10 * np.log10(np.maximum(power, loudest * 10 ** (-TOP_DB / 10)))


def hz_to_mel(frequency_hz: FloatArray) -> FloatArray:
    """Slaney's mel scale (Auditory Toolbox, 1998): 200/3 Hz each below 1 kHz, 27 to a factor of 6.4 above."""
    f = np.asarray(frequency_hz, np.float64)
    return np.where(f < 1000, 3 * f / 200, 15 + 27 * np.log(np.maximum(f, 1000) / 1000) / np.log(6.4))


def mel_to_hz(mel: FloatArray) -> FloatArray:
    """The inverse of `hz_to_mel`."""
    m = np.asarray(mel, np.float64)
    return np.where(m < 15, 200 * m / 3, 1000 * np.exp(np.log(6.4) * (np.maximum(m, 15) - 15) / 27))


def mel_filters(rate_hz: int, window_samples: int = WINDOW_SAMPLES, n_mels: int = N_MELS) -> FloatArray:
    """Triangles (n_mels, K) up to half the rate, evenly spaced in Slaney's mel, each of unit area over frequency."""
    edges_hz = mel_to_hz(np.linspace(0.0, float(hz_to_mel(np.array(rate_hz / 2))), n_mels + 2))
    bins_hz = np.fft.rfftfreq(window_samples, 1 / rate_hz)
    rise = (bins_hz - edges_hz[:-2, None]) / np.diff(edges_hz)[:-1, None]
    fall = (edges_hz[2:, None] - bins_hz) / np.diff(edges_hz)[1:, None]
    return np.maximum(0, np.minimum(rise, fall)) * (2 / (edges_hz[2:] - edges_hz[:-2]))[:, None]


def mel_db(x: FloatArray, rate_hz: int) -> FloatArray:
    """Mel spectrogram (F, N_MELS) in dB."""
    return floored_db(power_spectra(x) @ mel_filters(rate_hz).T)


def mfcc(x: FloatArray, rate_hz: int) -> FloatArray:
    """Mel-frequency cepstral coefficients (F, 13), the level among them, of the pre-emphasised sound (DCT-II, orthonormal).

    Source: Davis & Mermelstein 1980, with filters and scale of `mel_filters`.
    """
    from scipy.fft import dct

    emphasised: FloatArray = np.append(x[:1], x[1:] - PRE_EMPHASIS * x[:-1])
    return np.asarray(dct(mel_db(emphasised, rate_hz), axis=1, norm="ortho"))[:, :N_CEPSTRA]


def chroma(x: FloatArray, rate_hz: int) -> FloatArray:
    """How strong each pitch class is (F, 12), C first, A4 = 440 Hz; the strongest of a frame is 1, a silent frame 0.

    The mean magnitude of each semitone from C3 to B7, added up over octaves (after Fujishima 1999, who adds up bins: a high
    semitone has more of them, so that white noise would not be flat).
    """
    power = power_spectra(x, CHROMA_WINDOW_SAMPLES, HOP_SAMPLES)
    bins_hz = np.fft.rfftfreq(CHROMA_WINDOW_SAMPLES, 1 / rate_hz)
    semitones = np.round(12 * np.log2(np.maximum(bins_hz, 1.0) / A4_HZ)).astype(int)
    heard = (semitones >= CHROMA_SEMITONES[0]) & (semitones < CHROMA_SEMITONES[1])
    place = semitones[heard] - CHROMA_SEMITONES[0]
    folding = np.eye(12)[place % 12] / np.bincount(place)[place, None]
    folded = np.sqrt(power[:, heard]) @ folding
    strongest = folded.max(axis=1, keepdims=True)
    # A frame that is inaudible beside the loudest one has no pitch.
    audible = strongest > 10 ** (-TOP_DB / 20) * strongest.max(initial=0.0)
    return np.where(audible, folded / np.where(audible, strongest, 1.0), 0.0)


def spectral_contrast_db(x: FloatArray, rate_hz: int) -> FloatArray:
    """Peaks over valleys in dB (F, 7), in octave bands from 200 Hz and below it.

    Mean power of the highest 2 % of a band's bins (at least one) over that of the lowest (Jiang et al. 2002).
    """
    power = power_spectra(x)
    power = np.maximum(power, float(power.max(initial=0.0)) * 10 ** (-TOP_DB / 10))
    bins_hz = np.fft.rfftfreq(WINDOW_SAMPLES, 1 / rate_hz)
    bands = []
    for low_hz, high_hz in pairwise(CONTRAST_EDGES_HZ):
        ordered = np.sort(power[:, (bins_hz >= low_hz) & (bins_hz < high_hz)], axis=1)
        n = max(1, round(CONTRAST_SHARE * ordered.shape[1]))
        peak, valley = ordered[:, -n:].mean(axis=1), ordered[:, :n].mean(axis=1)
        bands.append(10 * np.log10(np.where(valley > 0, peak, 1.0) / np.where(valley > 0, valley, 1.0)))
    return np.stack(bands, axis=1)


def onset_strength(x: FloatArray, rate_hz: int) -> FloatArray:
    """Half-wave rectified rise of the mel spectrogram in dB from frame to frame, mean over bands (F - 1,) (Ellis 2007)."""
    return np.maximum(0.0, np.diff(mel_db(x, rate_hz), axis=0)).mean(axis=1)


def zero_crossing_rate(x: FloatArray) -> float:
    """Sign changes per sample of ``x`` (T,): 2 f / rate for a sine; exact zeros count with what came before them."""
    signs = np.sign(x[x != 0])
    return float(np.count_nonzero(np.diff(signs))) / max(len(x) - 1, 1)


def third_octaves(rate_hz: int, n_fft: int, n_bands: int, lowest_hz: float) -> NDArray[np.float64]:
    """0/1 matrix (n_bands, K) of third-octave bands with centres ``lowest_hz`` 2^(k/3); edges at the nearest bins."""
    centres_hz = lowest_hz * 2 ** (np.arange(n_bands) / 3)
    bins_hz = np.fft.rfftfreq(n_fft, 1 / rate_hz)
    low, high = (np.abs(bins_hz - (centres_hz * 2 ** (s / 6))[:, None]).argmin(axis=1) for s in (-1, 1))
    k = np.arange(len(bins_hz))
    return ((k >= low[:, None]) & (k < high[:, None])).astype(np.float64)
