"""Any measured head in place of the computed one: aligned, interpolated between directions, diffuse-field equalised.

A head is whatever gives impulse responses (N, 2, L) for unit vectors (N, 3) at a sample rate, as `binaural.hrir` does.
Shapes: M measured directions, N wanted ones, L taps, F frequencies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.binaural import HRIR_DELAY_S, ComplexArray, hrir, hrir_taps, minimum_phase
from seehear.acoustics.hull import Mesh, hull_of, mesh_of, weights
from seehear.acoustics.transforms import fast_length, irfft, rfft
from seehear.types import FloatArray, Hrtf

Head = Callable[[FloatArray, int], NDArray[np.float32]]
"""``head(directions, sample_rate_hz)``: responses (N, 2, L), the head's centre at `HRIR_DELAY_S`, as `binaural.hrir`."""
BUILTIN_HEAD: Head = hrir

EQUALISED_HZ = (40.0, 16000.0)
"""Beyond these edges the equaliser keeps its value."""
EXTENDED_HZ = (150.0, 250.0)
"""Below the first a response is only level and delay, above the second as measured: further down a loudspeaker of usual size
gives little, and a head is smaller than a wave (Xie 2009)."""
SHARED_HZ = (500.0, 1000.0)
"""Below the first the phase that all directions share is taken out, above the second it is left."""
LARGEST_BOOST = 10 ** (15 / 20)
SMOOTH_OCTAVES = 1 / 6
DELAY_STEP = 64
LONGEST_PERIOD = 1024
BLOCK = 512
"""Measured directions that are transformed together."""
FADE_S = 0.5e-3
SURROUNDING = "the directions of these head-related impulse responses"


@dataclass(frozen=True, eq=False)
class MeasuredHead:
    """A `Head` from measurements.

    Arrival times are taken out before and put back after interpolation, so that nothing is combed (Nam, Abel & Smith 2008);
    both are interpolated over the triangle of measured directions around the wanted one. What all directions have in common is
    taken out (diffuse-field equalisation, Moller 1992), so a field from everywhere keeps its spectrum and level. Below
    `EXTENDED_HZ` the loudspeaker of the measurement is left out: every response is flat there and keeps its delay (Xie 2009).
    """

    measured: Hrtf

    def check(self) -> None:
        """InputError when the measured directions leave half a sphere out."""
        hull_of(self.measured.directions, SURROUNDING)

    def __call__(self, directions: FloatArray, sample_rate_hz: int) -> NDArray[np.float32]:
        """Responses (N, 2, L) of unit vectors (N, 3); the tables of a rate are computed once."""
        table = _table(self, sample_rate_hz)
        corners, shares = weights(np.atleast_2d(np.asarray(directions, dtype=np.float64)), table.mesh)
        shares = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
        n_taps = hrir_taps(sample_rate_hz)
        responses = np.empty((len(corners), 2, n_taps), dtype=np.float32)
        for start in range(0, len(corners), BLOCK):
            own = slice(start, start + BLOCK)
            spectra = sum(shares[own, k, None, None] * table.aligned[corners[own, k]] for k in range(3))
            arrival_s = np.einsum("nk,nke->ne", shares[own], table.arrival_s[corners[own]])
            responses[own] = irfft(spectra * _delay(table.n_fft, sample_rate_hz, arrival_s), table.n_fft)[..., :n_taps]
        n_fade = round(FADE_S * sample_rate_hz)
        responses[..., -n_fade:] *= np.cos(0.5 * np.pi * (np.arange(n_fade) + 0.5) / n_fade) ** 2
        return responses


@dataclass(frozen=True, eq=False)
class _Table:
    """What a head needs at one sample rate."""

    mesh: Mesh
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
    mesh = mesh_of(directions, hull_of(directions, SURROUNDING).simplices)
    areas = solid_angles(directions)
    blocks = [slice(start, start + BLOCK) for start in range(0, len(first), BLOCK)]

    peak = np.abs(measured.responses).max()

    def resampled(block: slice) -> FloatArray:
        return _resampled(measured.responses[first[block]] / peak, measured.sample_rate_hz, sample_rate_hz)

    n_fft = 2 * fast_length(max(resampled(slice(1)).shape[-1], hrir_taps(sample_rate_hz)))
    frequencies = np.fft.rfftfreq(n_fft, 1 / sample_rate_hz)
    aligned = np.empty((len(directions), 2, len(frequencies)), dtype=np.complex64)
    arrival_s, power = np.empty((len(directions), 2)), np.zeros(len(frequencies))
    for block in blocks:
        responses = resampled(block)
        arrival_s[block] = arrival_samples(responses, n_fft) / sample_rate_hz
        aligned[block] = rfft(responses, n_fft) * _delay(n_fft, sample_rate_hz, -arrival_s[block])
        power += np.einsum("m,mef->f", areas[block], np.abs(aligned[block]) ** 2) / 2
    equaliser = _equaliser(power, frequencies).astype(np.complex64)
    aligned *= equaliser
    aligned *= np.exp(-1j * _common_phase(aligned, areas, frequencies)).astype(np.complex64)
    for block in blocks:
        aligned[block] = _extended(aligned[block], frequencies)
    arrival_s += HRIR_DELAY_S - float(areas @ arrival_s.mean(axis=1))
    return _Table(mesh, aligned, arrival_s, n_fft)


def _delay(n_fft: int, sample_rate_hz: int, delay_s: FloatArray) -> NDArray[np.complex64]:
    """Spectra (..., F) of delays (...): powers of that of the lowest bin, so that there is one exponential per delay."""
    turn = -2j * np.pi * (sample_rate_hz / n_fft) * np.asarray(delay_s)[..., None]
    coarse = np.exp(turn * DELAY_STEP * np.arange(n_fft // 2 // DELAY_STEP + 1)).astype(np.complex64)
    fine = np.exp(turn * np.arange(DELAY_STEP)).astype(np.complex64)
    return (coarse[..., :, None] * fine[..., None, :]).reshape(*turn.shape[:-1], -1)[..., : n_fft // 2 + 1]


def _common_phase(aligned: NDArray[np.complex64], areas: FloatArray, frequencies_hz: FloatArray) -> FloatArray:
    """Phase (F,) that equalised ``aligned`` responses (M, 2, F) share at low frequencies, faded out over `SHARED_HZ`.

    What a loudspeaker's high-pass leaves after a minimum-phase inverse of limited boost: it would spread the low end in time.
    """
    start, stop = SHARED_HZ
    last = max(int(np.searchsorted(frequencies_hz, stop)), 1)
    mean = np.einsum("m,mef->f", areas, aligned[..., : last + 1])
    phase = np.zeros(len(frequencies_hz))
    phase[: last + 1] = np.unwrap(np.angle(mean)[::-1])[::-1]
    return phase * np.clip((stop - frequencies_hz) / (stop - start), 0, 1)


def _extended(aligned: NDArray[np.complex64], frequencies_hz: FloatArray) -> NDArray[np.complex64]:
    """Equalised ``aligned`` responses (..., F) without the low end of the measurement (Xie 2009).

    Below `EXTENDED_HZ` the magnitude is that of a diffuse field, 1, and the phase a straight line to where the measurement
    takes over: one more delay, by which low frequencies differ between the ears.
    """
    low, high = EXTENDED_HZ
    last = max(int(np.searchsorted(frequencies_hz, high)), 1)
    phase = np.angle(aligned[..., last : last + 1]) * (frequencies_hz[:last] / frequencies_hz[last])
    share = np.clip((frequencies_hz[:last] - low) / (high - low), 0, 1)
    level = np.exp(share * np.log(np.maximum(np.abs(aligned[..., :last]), 1e-6)))
    aligned[..., :last] = level * np.exp(1j * phase)
    return aligned


def _resampled(responses: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """Responses (M, 2, L') of the same spectrum at another rate.

    One stream of all of them, each padded until the next starts on a sample of the new rate, is 30 times as fast as many
    channels; rates that hardly ever meet are resampled one by one.
    """
    if from_hz == to_hz:
        return responses
    import soxr

    period = from_hz // math.gcd(from_hz, to_hz)
    length = responses.shape[-1] + math.ceil(1e-3 * from_hz)
    apart = period > LONGEST_PERIOD
    length += 0 if apart else -length % period
    padded = np.pad(responses, ((0, 0), (0, 0), (0, length - responses.shape[-1])))
    if apart:
        rows = np.stack([soxr.resample(row, from_hz, to_hz) for row in padded.reshape(-1, length)])
    else:
        rows = soxr.resample(padded.ravel(), from_hz, to_hz)
    # A resampler keeps the waveform; a response must keep its spectrum, so its samples grow with the interval.
    return rows.reshape(*responses.shape[:2], -1) * np.float32(from_hz / to_hz)


def arrival_samples(responses: FloatArray, n_fft: int) -> FloatArray:
    """When each response (..., L) arrives, in samples: where it agrees best with its own minimum-phase version.

    The peak of their cross-correlation, refined by a parabola (Nam, Abel & Smith 2008, "On the minimum-phase nature of HRTFs").
    """
    spectra = rfft(responses, n_fft)
    magnitude = np.abs(spectra)
    magnitude = np.maximum(magnitude, 1e-5 * magnitude.max(axis=-1, keepdims=True))
    correlation = irfft(spectra * np.conj(minimum_phase(magnitude, 1)), n_fft)
    peak = correlation[..., : n_fft // 2].argmax(axis=-1)
    before, at, after = (np.take_along_axis(correlation, (peak + i)[..., None] % n_fft, -1)[..., 0] for i in (-1, 0, 1))
    bend = before - 2 * at + after
    return peak + np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1), 0.0)


def solid_angles(directions: FloatArray) -> FloatArray:
    """Share (M,) of the sphere that is nearest to each of the distinct unit vectors (M, 3); they add up to 1."""
    from scipy.spatial import SphericalVoronoi

    areas = SphericalVoronoi(directions, threshold=1e-8).calculate_areas()
    return areas / areas.sum()


def _equaliser(power: FloatArray, frequencies_hz: FloatArray) -> ComplexArray:
    """Minimum-phase inverse (F,) of the mean ``power`` (F,) over the sphere."""
    low, high = np.searchsorted(frequencies_hz, EQUALISED_HZ)
    high = min(int(high), len(power) - 1)
    inside = np.arange(low, high + 1)
    # Mean power over `SMOOTH_OCTAVES`, by the differences of its running sum.
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
