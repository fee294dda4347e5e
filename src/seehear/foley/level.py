"""The level of stems: momentary loudness, and the one gain to the reference (docs/architecture.md, Levels)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyloudnorm import IIRfilter
from scipy import signal

from seehear.foley.blocks import fade

REFERENCE_LUFS = -30.0
"""95th percentile of a stem's momentary loudness."""
PEAK_DBFS = -1.0
SILENCE_DB = 40.0
"""A window this far below the loudest one is silence between events and does not count."""
CUT_FADE_S = 0.005
SUDDEN_S, SUDDEN_RMS = 0.0002, 0.1
"""A sound that is louder than this part of its rms from its very beginning was cut there; what begins by itself rises first."""
_BLOCK_SAMPLES = 1 << 18
"""Sound is filtered in blocks of this length, so that memory does not grow with it."""


def momentary_lufs(x: NDArray[np.floating], rate_hz: int) -> NDArray[np.floating]:
    """Momentary loudness of a mono signal (T,) in LUFS: K-weighted, 400 ms windows every 100 ms (BS.1770-4, EBU 3341).

    A signal shorter than a window is one window of its own length. Of ``x`` only its length and slices are asked, so it may
    lie in a file.
    """
    window = min(round(0.4 * rate_hz), len(x))
    starts = np.arange(0, len(x) - window + 1, round(0.1 * rate_hz))
    energy = np.diff(_energy_before(np.stack([starts, starts + window]), x, rate_hz), axis=0)[0]
    return -0.691 + 10 * np.log10(np.maximum(energy, 1e-20) / window)


def _energy_before(marks: NDArray[np.integer], x: NDArray[np.floating], rate_hz: int) -> NDArray[np.floating]:
    """The K-weighted energy of ``x`` before each of the sample indices ``marks``, any shape."""
    sections = _k_weighting(rate_hz)
    state = np.zeros((len(sections), 2))
    before, total = np.zeros(marks.shape), 0.0
    for start in range(0, len(x), _BLOCK_SAMPLES):
        weighted, state = signal.sosfilt(sections, x[start : start + _BLOCK_SAMPLES].astype(float), zi=state)
        energy = total + np.cumsum(np.square(weighted))
        inside = (marks > start) & (marks <= start + len(energy))
        before[inside] = energy[marks[inside] - start - 1]
        total = energy[-1]
    return before


def _k_weighting(rate_hz: int) -> NDArray[np.floating]:
    """Second-order sections (2, 6) of the BS.1770 filters, as pyloudnorm has them for any rate.

    ``acoustics.meter`` has those of the standard's own numbers, up to 0.05 dB apart: the reference of stems is a convention
    between the generators, and what is delivered is measured there.
    """
    stages = IIRfilter(4.0, 0.5**0.5, 1500.0, rate_hz, "high_shelf"), IIRfilter(0.0, 0.5, 38.0, rate_hz, "high_pass")
    return np.stack([np.concatenate([stage.b, stage.a]) for stage in stages])


def loudness_gain_db(x: NDArray[np.floating], rate_hz: int) -> float:
    """The gain in dB that brings ``x`` to the reference loudness, whatever its peak then; 0 for silence."""
    return 0.0 if not np.any(x) else REFERENCE_LUFS - usual_lufs(momentary_lufs(x, rate_hz))


def usual_lufs(loudness: NDArray[np.floating]) -> float:
    """The 95th percentile of a momentary loudness (in LUFS) without the silence between events."""
    return float(np.percentile(loudness[loudness > loudness.max() - SILENCE_DB], 95))


def reference_gain(x: NDArray[np.floating], rate_hz: int) -> float:
    """The factor that brings ``x`` to the reference loudness, or its peak to -1 dBFS where that is lower; 1 for silence."""
    peak = max(float(x.max()), -float(x.min()))
    return 1.0 if peak == 0 else gain_to_reference(momentary_lufs(x, rate_hz), peak)


def gain_to_reference(loudness: NDArray[np.floating], peak: float) -> float:
    """`reference_gain` of a sound of that momentary loudness in LUFS and that peak."""
    return 10 ** (min(REFERENCE_LUFS - usual_lufs(loudness), PEAK_DBFS - 20 * np.log10(peak)) / 20)


def without_clicks(x: NDArray[np.floating], rate_hz: int) -> NDArray[np.floating]:
    """``x`` itself (T,), changed in place: 5 ms raised-cosine fades at its end and, where it was cut there, at its beginning.

    A stroke or a shot at the very beginning keeps its attack, as it rises from silence.
    """
    n = min(round(CUT_FADE_S * rate_hz), len(x) // 2)
    if n == 0:
        return x
    first = x[: max(1, round(SUDDEN_S * rate_hz))]
    if first @ first / len(first) > SUDDEN_RMS**2 * (x @ x) / len(x):
        x[: 2 * n] = fade(x[: 2 * n], CUT_FADE_S, 0.0, rate_hz)
    x[-2 * n :] = fade(x[-2 * n :], 0.0, CUT_FADE_S, rate_hz)
    return x
