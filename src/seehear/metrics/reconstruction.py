"""How well a sound that went through a codec is the sound that went in.

Measures, for two mono sounds (T,) of one length and rate:

- ``snr_db``: power of the sound over that of the difference; waveforms must agree, sign and phase included.
- ``mel_distance``: mean |difference| of log10 mel magnitudes, summed over seven windows; phases do not matter.
- ``kept_bandwidth_hz``: up to where waveforms agree.
- ``intensity_error_rad``: for first-order ambisonics, the angle between the directions that sound comes from.

Source of ``mel_distance``: the multi-scale mel loss of DAC (Kumar et al., NeurIPS 2023, section 3.5 and their published
configuration: windows 32 to 2048, hops of a quarter, 5 to 320 bands, magnitudes, floor 1e-5). Deviations: bands have unit sum
rather than the area of Slaney's, so that the floor means the same in every band; frames are not centred.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from seehear.acoustics.sphere import intensity_and_energy
from seehear.metrics.spectra import mel_filters, power_spectra
from seehear.types import FloatArray, InputError

MEL_WINDOWS = ((32, 5), (64, 10), (128, 20), (256, 40), (512, 80), (1024, 160), (2048, 320))
"""Samples of the windows, and bands."""
MAGNITUDE_FLOOR = 1e-5
BAND_SAMPLES = 2048


def snr_db(made: FloatArray, wanted: FloatArray) -> float:
    """10 log10 (sum wanted^2 / sum (made - wanted)^2); infinite for equal sounds, NaN where ``wanted`` is silent."""
    _check(made, wanted)
    power, error = float(np.sum(np.square(wanted, dtype=np.float64))), float(np.sum(np.square(made - wanted, dtype=np.float64)))
    if power == 0:
        return float("nan")
    return float("inf") if error == 0 else 10 * float(np.log10(power / error))


def mel_distance(made: FloatArray, wanted: FloatArray, rate_hz: int) -> float:
    """Sum over windows of the mean |log10 m(made) - log10 m(wanted)|, m mel magnitudes; 0 for equal sounds.

    A gain of a dB everywhere moves each window by a / 20.
    """
    _check(made, wanted)
    total = 0.0
    for window, bands in MEL_WINDOWS:
        filters = mel_filters(rate_hz, window, bands)
        share = filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-12)
        # Bands between two bins are empty, here as there; they weigh nothing.
        share = share[filters.any(axis=1)]
        scale = np.sum(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window))
        logs = [
            np.log10(np.maximum(np.sqrt(power_spectra(x, window, window // 4)) @ share.T / scale, MAGNITUDE_FLOOR))
            for x in (made, wanted)
        ]
        total += float(np.abs(logs[0] - logs[1]).mean())
    return total


def kept_bandwidth_hz(made: FloatArray, wanted: FloatArray, rate_hz: int, n_bands: int = 24) -> float:
    """The upper edge of the highest of ``n_bands`` equal bands in which ``made`` explains half of ``wanted``; 0 if none does.

    Explained is |<M, W>|^2 / (<M, M> <W, W>) over all frames of the spectra of a band: their coherence, blind to a gain.
    """
    _check(made, wanted)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(BAND_SAMPLES) / BAND_SAMPLES)
    spectra = []
    for x in (made, wanted):
        padded = np.pad(np.asarray(x, np.float64), (0, max(0, BAND_SAMPLES - len(x))))
        frames = np.lib.stride_tricks.sliding_window_view(padded, BAND_SAMPLES)[:: BAND_SAMPLES // 2]
        spectra.append(np.fft.rfft(frames * window, axis=1))
    edges = np.linspace(0, BAND_SAMPLES // 2, n_bands + 1).round().astype(int)
    best = 0
    for low, high in pairwise(edges.tolist()):
        m, w = spectra[0][:, low:high], spectra[1][:, low:high]
        powers = float(np.sum(np.abs(m) ** 2) * np.sum(np.abs(w) ** 2))
        if powers > 0 and np.abs(np.vdot(m, w)) ** 2 / powers >= 0.5:
            best = high
    return best * rate_hz / BAND_SAMPLES


def intensity_error_rad(made: FloatArray, wanted: FloatArray) -> float:
    """Angle between the active intensities, the sums over time of W (X, Y, Z), of two fields (4, T) in ACN order.

    NaN where either has none: silence, or a field that comes from nowhere.
    """
    if made.shape != wanted.shape or made.ndim != 2 or len(made) != 4:
        raise InputError(f"two fields (4, T) of one length are needed, got {made.shape} and {wanted.shape}")
    vectors = [intensity_and_energy(x)[0] for x in (made, wanted)]
    lengths = [float(np.linalg.norm(v)) for v in vectors]
    if not all(lengths):
        return float("nan")
    a, b = (v / length for v, length in zip(vectors, lengths, strict=True))
    return 2 * float(np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b)))


def _check(made: FloatArray, wanted: FloatArray) -> None:
    if made.shape != wanted.shape or made.ndim != 1 or not made.size:
        raise InputError(f"two mono sounds (T,) of one length are needed, got {made.shape} and {wanted.shape}")
