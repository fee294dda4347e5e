"""What walls, air and ground take from a sound, and how to give it to thousands of reflections cheaply.

A reflection's colour depends on two numbers: what it touched (a row: the number of walls, or the grazing angle on the
ground) and how far it travelled. So the impulse responses of a grid of both are written as sums of a few basis filters;
each reflection then needs only its few coefficients, and the filters run once per channel instead of once per reflection.
Shapes: P paths, L taps, R basis filters, B octave bands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray

SPEED_OF_SOUND_M_S = 343.0
REFERENCE_M = 1.0
"""A stem is what is heard at this distance: air colours only what goes further."""
OCTAVES_HZ = 125.0 * 2.0 ** np.arange(8)
RT60_PROFILE = np.array([1.15, 1.07, 1.0, 1.0, 0.95, 0.9, 0.85, 0.8])
"""Reverberation time per octave over that at 500 Hz and 1 kHz, walls alone: a bass ratio of 1.1 (Beranek 2004, ch. 5)
and furnishings that take the treble. The wanted RT60 is the mid-frequency one of ISO 3382-1 (mean of 500 Hz and 1 kHz)."""
GRASS_FLOW_RESISTIVITY = 200.0
"""kPa s / m^2, the middle of what Chessell (1977) gives for grass."""
COLOUR_TAPS = 256
"""Long enough for the smooth colours of walls and air down to 16 kHz sampling and up to 96 kHz."""
GROUND_LEAD_SAMPLES = 32
"""The ground model is not strictly causal: its filters keep this much before their time zero."""
COLOUR_ERROR = 0.01
"""Basis filters are added until what they leave of all colours is below this in amplitude (-40 dB, rms)."""

COLOUR_SAMPLE = 64
"""The basis is found from this many of a table's colours, evenly picked; neighbours differ little."""


def air_attenuation_db_per_m(
    frequencies_hz: FloatArray, temperature_c: float = 20.0, humidity_percent: float = 50.0, pressure_kpa: float = 101.325
) -> FloatArray:
    """Attenuation of pure tones by air in dB per metre (ISO 9613-1:1993, eqs. 3 to 5 and annex B)."""
    f2 = np.square(np.asarray(frequencies_hz, dtype=np.float64))
    kelvin = temperature_c + 273.15
    warmth, pressure = kelvin / 293.15, pressure_kpa / 101.325
    vapour = humidity_percent * 10 ** (4.6151 - 6.8346 * (273.16 / kelvin) ** 1.261) / pressure
    oxygen_hz = pressure * (24 + 4.04e4 * vapour * (0.02 + vapour) / (0.391 + vapour))
    nitrogen_hz = pressure / math.sqrt(warmth) * (9 + 280 * vapour * math.exp(-4.170 * (warmth ** (-1 / 3) - 1)))
    classical = 1.84e-11 / pressure * math.sqrt(warmth)
    oxygen = 0.01275 * math.exp(-2239.1 / kelvin) / (oxygen_hz + f2 / oxygen_hz)
    nitrogen = 0.1068 * math.exp(-3352.0 / kelvin) / (nitrogen_hz + f2 / nitrogen_hz)
    return 8.686 * f2 * (classical + warmth**-2.5 * (oxygen + nitrogen))


def eyring_absorption(size_m: tuple[float, float, float], rt60_s: FloatArray) -> FloatArray:
    """Mean energy absorption of a shoebox's walls for the wanted ``rt60_s`` (B,): Eyring (1930) solved for alpha."""
    x, y, z = size_m
    volume, surface = x * y * z, 2 * (x * y + y * z + x * z)
    return -np.expm1(-24 * math.log(10) / SPEED_OF_SOUND_M_S * volume / (surface * np.asarray(rt60_s)))


def wall_absorption(size_m: tuple[float, float, float], rt60_s: float) -> FloatArray:
    """Energy absorption (B,) per octave of `OCTAVES_HZ` for a wanted mid-frequency RT60."""
    return eyring_absorption(size_m, rt60_s * RT60_PROFILE)


def octave_rt60_s(rt60_s: float, air: bool) -> FloatArray:
    """RT60 (B,) per octave: walls after `RT60_PROFILE`, and the air's share (Sabine's 4 m V term) on top."""
    rates = 1 / (rt60_s * RT60_PROFILE)
    if air:
        rates = rates + air_attenuation_db_per_m(OCTAVES_HZ) * SPEED_OF_SOUND_M_S / 60
    return 1 / rates


def ground_reflection(frequencies_hz: FloatArray, sin_grazing: FloatArray, length_m: FloatArray) -> NDArray[np.complex128]:
    """Spherical-wave reflection coefficient (..., F) of grass, for time going as exp(+i w t).

    Impedance by Delany & Bazley (1970); Q = R + (1 - R) F(w) by Chien & Soroka (1975) as in Chessell (1977), J. Acoust.
    Soc. Am. 62(4). ``sin_grazing`` and ``length_m`` (...,): grazing angle and length of the reflected path.
    """
    from scipy.special import wofz

    f = np.maximum(np.asarray(frequencies_hz, dtype=np.float64), 1.0)
    x = f / GRASS_FLOW_RESISTIVITY
    admittance = 1 / (1 + 9.08 * x**-0.75 + 11.9j * x**-0.73)
    sine, length = np.asarray(sin_grazing)[..., None], np.asarray(length_m)[..., None]
    plane = (sine - admittance) / (sine + admittance)
    w = (0.5 + 0.5j) * np.sqrt(2 * np.pi * f / SPEED_OF_SOUND_M_S * length) * (sine + admittance)
    return np.conj(plane + (1 - plane) * (1 + 1j * math.sqrt(math.pi) * w * wofz(w)))


@dataclass(frozen=True)
class Colouring:
    """Filters of reflections as sums of a few: ``basis`` (R, L), and coefficients on a grid of rows and log lengths."""

    basis: NDArray[np.float32]
    lead_samples: int
    """Index of time zero in the basis filters."""
    log_lengths: FloatArray
    table: FloatArray
    """(rows, lengths, R)."""

    def coefficients(self, rows: NDArray[np.intp], lengths_m: FloatArray) -> FloatArray:
        """Coefficients (..., R) of paths of ``lengths_m`` (...,) in ``rows`` (...,), linear in the logarithm of the length."""
        step = self.log_lengths[1] - self.log_lengths[0]
        position = (np.log(np.maximum(lengths_m, 1e-3)) - self.log_lengths[0]) / step
        position = np.clip(position, 0, len(self.log_lengths) - 1.001)
        index = position.astype(np.intp)
        part = (position - index)[..., None]
        return (1 - part) * self.table[rows, index] + part * self.table[rows, index + 1]


def wall_colouring(absorption: FloatArray, max_order: int, max_length_m: float, sample_rate_hz: int, air: bool) -> Colouring:
    """Colours of paths that met 0 to ``max_order`` walls (row = order) of energy ``absorption`` (B,), and air.

    Minimum phase: log spectra add along a path, so a path of n walls and r metres is exp(-(n W + r M)) with W and M the
    analytic (minimum-phase) log attenuations per wall and per metre.
    """
    per_wall = _minimum_phase(-0.5 * np.log1p(-np.minimum(_over_frequency(absorption, sample_rate_hz), 1 - 1e-6)))
    per_metre = _air_nepers(sample_rate_hz) if air else np.zeros_like(per_wall)
    lengths = _length_grid(max_length_m)
    orders = np.arange(max_order + 1)
    spectra = np.exp(-(orders[:, None, None] * per_wall + (lengths - REFERENCE_M)[:, None] * per_metre))
    return _colouring(np.fft.irfft(spectra, COLOUR_TAPS), lengths, 0)


GROUND_SINES = np.linspace(0, 1, 33) ** 2
"""Sines of the grazing angle in the ground's table, closer together at grazing where the colour changes fastest."""


def ground_rows(sin_grazing: FloatArray) -> NDArray[np.intp]:
    """Rows (...,) of `ground_colouring` for reflections of that sine of the grazing angle: the nearest in the table."""
    return 1 + np.abs(sin_grazing[..., None] - GROUND_SINES).argmin(axis=-1)


def ground_colouring(max_length_m: float, sample_rate_hz: int, air: bool) -> Colouring:
    """Colours outdoors: row 0 the direct sound, the others the reflection from grass at `ground_rows`."""
    lengths = _length_grid(max_length_m)
    frequencies = np.fft.rfftfreq(COLOUR_TAPS, 1 / sample_rate_hz)
    sines, grid = np.meshgrid(GROUND_SINES, lengths, indexing="ij")
    # A phase that does not end at Nyquist would ring there: the reflection fades out over the last seventh of the band.
    top = np.cos(0.5 * np.pi * np.clip(7 * (frequencies / frequencies[-1]) - 6, 0, 1)) ** 2
    ground = top * ground_reflection(frequencies, sines, grid)
    spectra = np.concatenate([np.ones((1, *ground.shape[1:])), ground])
    if air:
        spectra = spectra * np.exp(-(lengths - REFERENCE_M)[:, None] * _air_nepers(sample_rate_hz))
    return _colouring(np.roll(np.fft.irfft(spectra, COLOUR_TAPS), GROUND_LEAD_SAMPLES, axis=-1), lengths, GROUND_LEAD_SAMPLES)


def _colouring(responses: FloatArray, lengths_m: FloatArray, lead_samples: int) -> Colouring:
    """A few filters that all ``responses`` (rows, lengths, L) are sums of, each weighed alike whatever its loudness.

    The first filter is the unit impulse, so what has no colour stays exactly as it is.
    """
    flat = responses.reshape(-1, responses.shape[-1])
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    impulse = np.zeros((1, flat.shape[1]))
    impulse[0, lead_samples] = 1
    rest = flat / norms
    rest[:, lead_samples] = 0
    basis = np.concatenate([impulse, _principal(rest[np.linspace(0, len(rest) - 1, COLOUR_SAMPLE).astype(np.intp)])])
    table = (flat @ basis.T).reshape(*responses.shape[:2], len(basis))
    return Colouring(basis.astype(np.float32), lead_samples, np.log(lengths_m), table)


def _principal(rows: FloatArray) -> FloatArray:
    """Orthonormal vectors (R, L) that leave of ``rows`` (N, L) an rms of `COLOUR_ERROR`: Gram-Schmidt, largest rest first.

    A row or so more than singular vectors would need, without a decomposition of the whole.
    """
    rest, vectors = rows.copy(), np.zeros((0, rows.shape[1]))
    while np.sum(rest**2) > COLOUR_ERROR**2 * len(rows):
        largest = rest[np.sum(rest**2, axis=1).argmax()]
        vector = largest / np.linalg.norm(largest)
        vectors = np.concatenate([vectors, vector[None]])
        rest -= np.outer(rest @ vector, vector)
    return vectors


def _length_grid(max_length_m: float) -> FloatArray:
    """Path lengths 10 % apart from 1 m to beyond ``max_length_m``."""
    longest = max(max_length_m, 2.0)
    return np.geomspace(REFERENCE_M, longest, 1 + math.ceil(math.log(longest) / math.log(1.1)))


def _over_frequency(bands: FloatArray, sample_rate_hz: int) -> FloatArray:
    """Octave values (B,) at the bins of a `COLOUR_TAPS` transform, linear in log frequency, constant beyond the ends."""
    frequencies = np.maximum(np.fft.rfftfreq(COLOUR_TAPS, 1 / sample_rate_hz), 1.0)
    return np.interp(np.log2(frequencies), np.log2(OCTAVES_HZ), bands)


def _air_nepers(sample_rate_hz: int) -> NDArray[np.complex128]:
    frequencies = np.fft.rfftfreq(COLOUR_TAPS, 1 / sample_rate_hz)
    return _minimum_phase(air_attenuation_db_per_m(frequencies) * math.log(10) / 20)


def _minimum_phase(nepers: FloatArray) -> NDArray[np.complex128]:
    """Analytic log attenuation whose real part is ``nepers`` (F,): the cepstrum folded onto positive time."""
    cepstrum = np.fft.irfft(nepers)
    half = len(cepstrum) // 2
    cepstrum[1:half] *= 2
    cepstrum[half + 1 :] = 0
    return np.fft.rfft(cepstrum)
