"""How alike two sounds are, by the six measures of SEE-2-SOUND (appendix G of Dagli et al. 2024).

Measures, for two sounds of one length and rate (1 or 0 for identical ones):

- ``mfcc_dtw``, lower is more alike: DTW distance of 13 cepstral coefficients, in their units (`spectra.mfcc`, `dtw_distance`).
- ``zcr`` = 1 - |z_a - z_b|, z the zero-crossing rate per sample at 44.1 kHz.
- ``chroma`` = 1 - mean |c_a - c_b| over frames and pitch classes.
- ``spectral_contrast`` = 1 - mean |s_a - s_b| / max(s_a, s_b), the maximum over all frames and bands.
- ``rhythm`` = (1 + r) / 2, r Pearson's correlation of onset strengths. Excluded by the paper: no music is made.
- ``perceptual`` = (1 + STOI) / 2. Excluded by the paper: speech intelligibility of spatial beside mono sound means little.

Conventions: channels are compared one by one and averaged, except those that are silent in both sounds; a measure that is not
defined for a channel (rhythm of a constant, STOI of less than 0.4 s) is NaN, and a Score counts it as failed.

Source: the paper names the measures and gives no formulas. The formulas of ``zcr``, ``chroma``, ``spectral_contrast`` and
the maps to 0..1 are those of the authors' published program (github.com/see2sound/see2sound, ``audio_similarity.py``).

Deviations from that program: (1) it mixes all channels to mono before comparing; `compare` does so for ``channels="mix"``.
(2) Its MFCC-DTW is 1 / (1 + the mean of all accumulated costs), aligned over coefficients instead of time (the matrices are
transposed), where higher is more alike; the table in the paper says lower is more alike, which is a distance, so a
distance it is here. (3) Its chroma comes from a constant-Q transform, here from a long Fourier transform, C3 to B7.
(4) Its rhythm correlates 0/1 vectors of detected onsets, sample by sample; here the onset strength itself, per frame.
(5) Contrast is of power, not magnitude, and the highest band ends at 12.8 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seehear.metrics.alignment import dtw_distance
from seehear.metrics.intelligibility import stoi
from seehear.metrics.score import Score, bootstrap
from seehear.metrics.spectra import chroma, mfcc, onset_strength, spectral_contrast_db, zero_crossing_rate
from seehear.types import Audio, FloatArray, InputError

CEPSTRA_RATE_HZ = 22_050
"""Of MFCC and chroma; the others are taken at `WIDE_RATE_HZ`."""
WIDE_RATE_HZ = 44_100
Channels = Literal["each", "mix"]


@dataclass(frozen=True)
class Measure:
    """One measure of likeness of two mono sounds (T,) of one rate."""

    title: str
    compare: Callable[[FloatArray, FloatArray, int], float]
    rate_hz: int
    """The rate it is defined at."""
    better: Literal["higher", "lower"] = "higher"
    """Which way sounds are more alike."""
    excluded: str = ""
    """Why the paper leaves it out of its table; empty where it does not."""


def mfcc_dtw_distance(a: FloatArray, b: FloatArray, rate_hz: int) -> float:
    """Mean distance of cepstra along the cheapest alignment; 0 for identical sounds."""
    return dtw_distance(mfcc(a, rate_hz), mfcc(b, rate_hz))


def zcr_similarity(a: FloatArray, b: FloatArray, rate_hz: int) -> float:
    """1 - |z_a - z_b|."""
    return 1 - abs(zero_crossing_rate(a) - zero_crossing_rate(b))


def chroma_similarity(a: FloatArray, b: FloatArray, rate_hz: int) -> float:
    """1 - mean |c_a - c_b|."""
    return 1 - float(np.mean(np.abs(chroma(a, rate_hz) - chroma(b, rate_hz))))


def spectral_contrast_similarity(a: FloatArray, b: FloatArray, rate_hz: int) -> float:
    """1 - mean |s_a - s_b| / max(s_a, s_b); 1 where neither has any contrast."""
    first, second = spectral_contrast_db(a, rate_hz), spectral_contrast_db(b, rate_hz)
    largest = max(float(first.max()), float(second.max()))
    return 1.0 if largest == 0 else 1 - float(np.mean(np.abs(first - second))) / largest


def rhythm_similarity(a: FloatArray, b: FloatArray, rate_hz: int) -> float:
    """(1 + r) / 2 of the onset strengths; NaN where one of them is constant."""
    first, second = onset_strength(a, rate_hz), onset_strength(b, rate_hz)
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float("nan") if scale == 0 else (1 + float(first @ second) / scale) / 2


def perceptual_similarity(a: FloatArray, b: FloatArray, rate_hz: int) -> float:
    """(1 + STOI) / 2 with ``a`` as the clean sound."""
    return (1 + stoi(a, b, rate_hz)) / 2


MEASURES: Mapping[str, Measure] = {
    "mfcc_dtw": Measure("MFCC-DTW", mfcc_dtw_distance, CEPSTRA_RATE_HZ, "lower"),
    "zcr": Measure("ZCR", zcr_similarity, WIDE_RATE_HZ),
    "chroma": Measure("Chroma", chroma_similarity, CEPSTRA_RATE_HZ),
    "spectral_contrast": Measure("Spectral contrast", spectral_contrast_similarity, WIDE_RATE_HZ),
    "rhythm": Measure("Rhythm", rhythm_similarity, WIDE_RATE_HZ, excluded="made for music, which is not generated"),
    "perceptual": Measure("STOI", perceptual_similarity, WIDE_RATE_HZ, excluded="made for speech, and for mono"),
}
"""In the order of appendix G's table; the paper's table has those that are not excluded."""


def compare(a: Audio, b: Audio, *, channels: Channels = "each") -> dict[str, float]:
    """Every measure by name: ``each`` channel by itself and averaged, or of the ``mix`` (mean) of all channels.

    InputError for unlike shapes or rates, or when both sounds are silent.
    """
    import soxr

    if a.samples.shape != b.samples.shape or a.sample_rate_hz != b.sample_rate_hz:
        told = [f"{each.samples.shape} at {each.sample_rate_hz} Hz" for each in (a, b)]
        raise InputError(f"sounds of one shape and rate can be compared, got {told[0]} and {told[1]}")
    first, second = (x.samples.astype(np.float64) for x in (a, b))
    if channels == "mix":
        first, second = first.mean(axis=0, keepdims=True), second.mean(axis=0, keepdims=True)
    heard = first.any(axis=1) | second.any(axis=1)
    if not heard.any():
        raise InputError("silence cannot be compared with silence")
    rates = sorted({measure.rate_hz for measure in MEASURES.values()})
    at = {rate: [[soxr.resample(x, a.sample_rate_hz, rate) for x in sound[heard]] for sound in (first, second)] for rate in rates}
    return {
        name: float(np.mean([m.compare(x, y, m.rate_hz) for x, y in zip(*at[m.rate_hz], strict=True)]))
        for name, m in MEASURES.items()
    }


def mean_score(values: Sequence[float], better: Literal["higher", "lower"], n_failed: int = 0) -> Score:
    """The mean of what could be measured; NaN among ``values`` and ``n_failed`` more are the failures."""
    known = np.array([value for value in values if np.isfinite(value)])
    lost = len(values) - len(known)
    return bootstrap(lambda i: float(known[i].mean()), len(known), n_failed=n_failed + lost, better=better)
