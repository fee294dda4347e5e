"""Any measured head in place of the computed one: aligned, interpolated between directions, diffuse-field equalised.

A head is whatever gives impulse responses (N, 2, L) for unit vectors (N, 3) at a sample rate, as `binaural.hrir` does.
Shapes: M measured directions, N wanted ones, L taps, F frequencies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.binaural import HRIR_DELAY_S, ComplexArray, hrir, hrir_taps, minimum_phase
from seehear.acoustics.hull import hull_of, weights
from seehear.types import FloatArray, Hrtf

Head = Callable[[FloatArray, int], NDArray[np.float32]]
"""``head(directions, sample_rate_hz)``: responses (N, 2, L), the head's centre at `HRIR_DELAY_S`, as `binaural.hrir`."""
BUILTIN_HEAD: Head = hrir

EQUALISED_HZ = (100.0, 16000.0)
"""Beyond these edges measurements are mostly noise and loudspeaker: the equaliser keeps its value there."""
LARGEST_BOOST = 10 ** (15 / 20)
SMOOTH_OCTAVES = 1 / 3
FADE_S = 0.5e-3
SURROUNDING = "the directions of these head-related impulse responses"


@dataclass(frozen=True, eq=False)
class MeasuredHead:
    """A `Head` from measurements.

    Arrival times are taken out before and put back after interpolation, so that nothing is combed (Nam, Abel & Smith 2008);
    both are interpolated over the triangle of measured directions around the wanted one. What all directions have in common is
    taken out (diffuse-field equalisation, Moller 1992), so a field from everywhere keeps its spectrum and level.
    """

    measured: Hrtf

    def check(self) -> None:
        """InputError when the measured directions leave half a sphere out."""
        hull_of(self.measured.directions, SURROUNDING)

    def __call__(self, directions: FloatArray, sample_rate_hz: int) -> NDArray[np.float32]:
        """Responses (N, 2, L) of unit vectors (N, 3); the tables of a rate are computed once."""
        table = _table(self, sample_rate_hz)
        corners, shares = weights(np.atleast_2d(np.asarray(directions, dtype=np.float64)), table.directions, table.corners)
        shares = shares / shares.sum(axis=1, keepdims=True)
        spectra = np.einsum("nk,nkef->nef", shares, table.aligned[corners])
        arrival_s = np.einsum("nk,nke->ne", shares, table.arrival_s[corners])
        n_taps = hrir_taps(sample_rate_hz)
        frequencies = np.fft.rfftfreq(table.n_fft, 1 / sample_rate_hz)
        responses = np.fft.irfft(spectra * np.exp(-2j * np.pi * frequencies * arrival_s[..., None]), table.n_fft)[..., :n_taps]
        n_fade = round(FADE_S * sample_rate_hz)
        responses[..., -n_fade:] *= np.cos(0.5 * np.pi * (np.arange(n_fade) + 0.5) / n_fade) ** 2
        return responses.astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Table:
    """What a head needs at one sample rate."""

    directions: FloatArray
    corners: NDArray[np.integer]
    aligned: NDArray[np.complex64]
    """(M, 2, F), equalised, every response at time 0."""
    arrival_s: FloatArray
    """(M, 2), on average the delay of a head."""
    n_fft: int


@lru_cache(maxsize=4)
def _table(head: MeasuredHead, sample_rate_hz: int) -> _Table:
    measured = head.measured
    directions, first = np.unique(measured.directions.round(6), axis=0, return_index=True)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    corners = hull_of(directions, SURROUNDING).simplices
    responses = _resampled(measured.responses[first].astype(np.float64), measured.sample_rate_hz, sample_rate_hz)
    n_fft = 2 ** int(np.ceil(np.log2(2 * max(responses.shape[-1], hrir_taps(sample_rate_hz)))))
    arrival_s = arrival_samples(responses, n_fft) / sample_rate_hz
    frequencies = np.fft.rfftfreq(n_fft, 1 / sample_rate_hz)
    aligned = np.fft.rfft(responses, n_fft) * np.exp(2j * np.pi * frequencies * arrival_s[..., None])
    areas = solid_angles(directions)
    aligned *= _equaliser(np.abs(aligned), areas, frequencies)
    arrival_s += HRIR_DELAY_S - float(areas @ arrival_s.mean(axis=1))
    return _Table(directions, corners, aligned.astype(np.complex64), arrival_s, n_fft)


def _resampled(responses: FloatArray, from_hz: int, to_hz: int) -> FloatArray:
    """Responses (M, 2, L') of the same spectrum at another rate."""
    if from_hz == to_hz:
        return responses
    import soxr

    flat = responses.reshape(-1, responses.shape[-1]).T
    padded = np.pad(flat, ((0, round(1e-3 * from_hz)), (0, 0)))
    # A resampler keeps the waveform; a response must keep its spectrum, so its samples grow with the interval.
    return soxr.resample(padded, from_hz, to_hz).T.reshape(*responses.shape[:2], -1) * (from_hz / to_hz)


def arrival_samples(responses: FloatArray, n_fft: int) -> FloatArray:
    """When each response (..., L) arrives, in samples: where it agrees best with its own minimum-phase version.

    The peak of their cross-correlation, refined by a parabola (Nam, Abel & Smith 2008, "On the minimum-phase nature of HRTFs").
    """
    spectra = np.fft.rfft(responses, n_fft)
    magnitude = np.maximum(np.abs(spectra), 1e-5 * np.abs(spectra).max(axis=-1, keepdims=True))
    correlation = np.fft.irfft(spectra * np.conj(minimum_phase(magnitude, 1)), n_fft)
    peak = correlation[..., : n_fft // 2].argmax(axis=-1)
    before, at, after = (np.take_along_axis(correlation, (peak + i)[..., None] % n_fft, -1)[..., 0] for i in (-1, 0, 1))
    bend = before - 2 * at + after
    return peak + np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1), 0.0)


def solid_angles(directions: FloatArray) -> FloatArray:
    """Share (M,) of the sphere that is nearest to each of the distinct unit vectors (M, 3); they add up to 1."""
    from scipy.spatial import SphericalVoronoi

    areas = SphericalVoronoi(directions, threshold=1e-8).calculate_areas()
    return areas / areas.sum()


def _equaliser(magnitude: FloatArray, areas: FloatArray, frequencies_hz: FloatArray) -> ComplexArray:
    """Minimum-phase inverse (F,) of the mean power of ``magnitude`` (M, 2, F) over the sphere."""
    power = np.einsum("m,mef->f", areas, magnitude**2) / 2
    low, high = np.searchsorted(frequencies_hz, EQUALISED_HZ)
    high = min(int(high), len(power) - 1)
    inside = np.arange(low, high + 1)
    # Mean power over a third of an octave, by the differences of its running sum.
    total = np.concatenate([[0.0], np.cumsum(power)])
    half = 2 ** (SMOOTH_OCTAVES / 2)
    first = np.maximum(np.floor(inside / half).astype(int), 1)
    last = np.minimum(np.ceil(inside * half).astype(int), len(power) - 1)
    smooth = np.empty_like(power)
    smooth[inside] = (total[last + 1] - total[first]) / (last + 1 - first)
    smooth[:low], smooth[high:] = smooth[low], smooth[high]
    gain = 1 / np.sqrt(smooth)
    middle = np.exp(np.mean(np.log(gain[inside])))
    return minimum_phase(np.clip(gain, middle / LARGEST_BOOST, middle * LARGEST_BOOST))
