"""Head-related impulse responses computed from physics, without measured data.

- Head: the exact solution for a rigid sphere (Duda & Martens 1998) gives interaural time and level differences.
- Pinna: it opens forwards and outwards, so what comes from behind loses treble (Blauert 1997, directional bands), and a notch
  climbs with the elevation of the source and fades into a boost overhead (Hebrank & Wright 1974; Lopez-Poveda & Meddis 1996).
- Shoulders: a weak echo, the later the higher the source (Brown & Duda 1998; Algazi, Avendano & Duda 2001).
- What all directions have in common is taken out (diffuse-field equalisation, Moller 1992): a field from everywhere keeps
  its spectrum and its level.

The sizes of the pinna cues are those of the KEMAR manikin (Gardner & Martin 1995); `bench/binaural_kemar.py` compares.
Shapes: N directions, F frequencies, L taps. Spectra are complex with e^{+i omega t}.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.acoustics.extent import spread
from seehear.acoustics.sphere import directions_of
from seehear.types import FloatArray

ComplexArray = NDArray[np.complexfloating]

HEAD_RADIUS_M = 0.0875
EAR_AZIMUTH_RAD = math.radians(95)
"""Behind the middle by half of what Brown & Duda 1998 take: delays at 60 and 120 degrees differ by 23 us (KEMAR: 34 us)."""
HRIR_S = 256 / 48000
HRIR_DELAY_S = 0.5e-3
"""Time in an HRIR at which the sound passes the place of the head's centre; the nearer ear hears it up to 0.26 ms before."""

BLUR_DEG = 10
"""A real head is no perfect sphere: without blur the sound focused opposite to its direction nearly undoes the shadow there."""
PINNA_AZIMUTH_RAD, SHELF_HZ, SHELF_DB = math.radians(50), 3500.0, 5.5
"""Pinna, front and back, near and far side: where it opens to, the corner, the gain far above it there (and loss opposite)."""
NOTCH_HZ, NOTCH_RISE_DEG, NOTCH_Q = 8000.0, 100.0, 2.5
"""Pinna, elevation: centre for a level source, the elevation that doubles it, and the quality of the resonator."""
NOTCH_DB, OVERHEAD_DB = -10.0, 5.0
SHOULDER_M, SHOULDER_GAIN, SHOULDER_HZ = 0.144, 0.2, 3000.0
"""Shoulder below the ear, the echo's gain, and where its roughness begins to scatter the echo."""


def hrir(directions: FloatArray, sample_rate_hz: int) -> NDArray[np.float32]:
    """Head-related impulse responses (N, 2, L) float32, left then right, for unit vectors ``directions`` (N, 3).

    L is 5.3 ms. The head's centre is at `HRIR_DELAY_S`; remove that delay to stay in sync. A diffuse field keeps its level.
    The tables of a sample rate are computed once (0.1 s).
    """
    directions = np.atleast_2d(np.asarray(directions, dtype=np.float64))
    frequencies = _frequencies(sample_rate_hz)
    incidence = _incidence(directions)
    position = np.degrees(incidence)
    low = np.minimum(position.astype(int), 179)
    share = (position - low)[..., None]
    table = _sphere_table(sample_rate_hz)
    spectra = table[low] * (1 - share) + table[low + 1] * share
    spectra *= np.exp(-2j * np.pi * frequencies * (_arrival(incidence) + HRIR_DELAY_S)[..., None])
    spectra *= _outer_ear(directions, frequencies) * _equaliser(sample_rate_hz)
    return np.fft.irfft(spectra, 2 * (len(frequencies) - 1)).astype(np.float32)


def hrir_taps(sample_rate_hz: int) -> int:
    """L of `hrir`."""
    return 2 * round(HRIR_S * sample_rate_hz / 2)


def _frequencies(sample_rate_hz: int) -> FloatArray:
    n_taps = hrir_taps(sample_rate_hz)
    return np.arange(n_taps // 2 + 1) * sample_rate_hz / n_taps


def _incidence(directions: FloatArray) -> FloatArray:
    """Angles (N, 2) in radians between the directions and the left and right ear."""
    ears = directions_of(np.array([EAR_AZIMUTH_RAD, -EAR_AZIMUTH_RAD]), np.zeros(2))
    return np.arccos(np.clip(directions @ ears.T, -1, 1))


def _arrival(incidence_rad: FloatArray) -> FloatArray:
    """First arrival in seconds at an ear, relative to the head's centre: straight, or around the sphere (Woodworth 1938)."""
    paths = np.where(incidence_rad < np.pi / 2, -np.cos(incidence_rad), incidence_rad - np.pi / 2)
    return paths * HEAD_RADIUS_M / SPEED_OF_SOUND_M_S


# ------------------------------------------------------------------------------------------- head


def sphere_response(incidence_rad: FloatArray, frequencies_hz: FloatArray) -> ComplexArray:
    """Pressure (N, F), complex, on a rigid sphere over that of the free field at its centre, for a plane wave.

    Duda & Martens 1998, the series for an infinitely distant source: the sum over m of
    (-i)^(m - 1) (2 m + 1) P_m(cos incidence) / (mu^2 h_m'(mu)), conjugated for e^{+i omega t}, with mu = omega a / c.
    """
    from scipy.special import eval_legendre, spherical_jn, spherical_yn

    mu = 2 * np.pi * np.asarray(frequencies_hz) * HEAD_RADIUS_M / SPEED_OF_SOUND_M_S
    # Terms fall off faster than exponentially beyond mu; further ones would overflow the Bessel functions.
    needed = np.ceil(mu + 4 * np.cbrt(mu) + 8).astype(int)
    order = np.arange(needed.max() + 1)[:, None]
    used = (order <= needed) & (mu > 0)
    argument = np.where(used, mu, order + 1.0)
    derivative = spherical_jn(order, argument, derivative=True) + 1j * spherical_yn(order, argument, derivative=True)
    terms = np.where(used, (-1j) ** (order - 1) * (2 * order + 1) / (argument**2 * derivative), 0)
    legendre = eval_legendre(order[:, 0], np.cos(np.asarray(incidence_rad))[:, None])
    return np.where(mu > 0, np.conj(legendre @ terms), 1.0)


@cache
def _sphere_table(sample_rate_hz: int) -> ComplexArray:
    """Responses (181, F) at 0 to 180 degrees of incidence, without the delay of `_arrival`, blurred over `BLUR_DEG`."""
    frequencies = _frequencies(sample_rate_hz)
    incidence = np.radians(np.arange(181.0))
    exact = sphere_response(incidence, frequencies) * np.exp(2j * np.pi * frequencies * _arrival(incidence)[:, None])
    padded = np.pad(exact, ((BLUR_DEG, BLUR_DEG), (0, 0)), mode="reflect")
    window = np.hanning(2 * BLUR_DEG + 3)[1:-1]
    return np.lib.stride_tricks.sliding_window_view(padded, len(window), axis=0) @ (window / window.sum())


# ------------------------------------------------------------------------------------------- ear and shoulders


def _outer_ear(directions: FloatArray, frequencies_hz: FloatArray) -> ComplexArray:
    """Pinna and shoulder response (N, 2, F): minimum-phase analogue prototypes and an echo from a point below the ear."""
    up = directions[:, 2, None, None]
    opening = _gain(SHELF_DB * directions @ directions_of(np.array([PINNA_AZIMUTH_RAD, -PINNA_AZIMUTH_RAD]), np.zeros(2)).T)
    root, ratio = np.sqrt(opening)[..., None], 1j * frequencies_hz / SHELF_HZ
    shelf = (1 + ratio * root) / (1 + ratio / root)
    centre = NOTCH_HZ * 2 ** (np.degrees(np.arcsin(np.clip(up, -1, 1))) / NOTCH_RISE_DEG)
    root, ratio = np.sqrt(_gain(NOTCH_DB + (OVERHEAD_DB - NOTCH_DB) * np.maximum(up, 0))), 1j * frequencies_hz / centre
    notch = (1 + ratio**2 + ratio * root / NOTCH_Q) / (1 + ratio**2 + ratio / root / NOTCH_Q)
    echo_s = SHOULDER_M * (1 + up) / SPEED_OF_SOUND_M_S
    echo = SHOULDER_GAIN / (1 + 1j * frequencies_hz / SHOULDER_HZ) * np.exp(-2j * np.pi * frequencies_hz * echo_s)
    return shelf * (notch * (1 + echo))


def _gain(decibels: FloatArray) -> FloatArray:
    return 10 ** (decibels / 20)


@cache
def _equaliser(sample_rate_hz: int) -> ComplexArray:
    """Minimum-phase inverse (F,) of the mean power over all directions, with a fade-out of the last 15 % before Nyquist."""
    frequencies = _frequencies(sample_rate_hz)
    everywhere = spread(np.array([0.0, 0.0, 1.0]), 2 * np.pi, 600)
    table = _sphere_table(sample_rate_hz)
    heard = table[np.degrees(_incidence(everywhere)).round().astype(int)] * _outer_ear(everywhere, frequencies)
    power = np.mean(np.abs(heard) ** 2, axis=(0, 1))
    inverse = minimum_phase(1 / np.sqrt(power))
    fade = np.clip((frequencies / frequencies[-1] - 0.85) / 0.15, 0, 1)
    return inverse * np.cos(np.pi / 2 * fade)


def minimum_phase(magnitude: FloatArray, oversampling: int = 8) -> ComplexArray:
    """Spectra (..., F) of that magnitude and of minimum phase, by the folded cepstrum (Oppenheim & Schafer 1975).

    ``oversampling`` of the spectrum keeps the cepstrum of deep notches from folding over.
    """
    n = 2 * oversampling * (magnitude.shape[-1] - 1)
    cepstrum = np.fft.irfft(_refined(np.log(magnitude), oversampling), n)
    cepstrum[..., 1 : n // 2] *= 2
    cepstrum[..., n // 2 + 1 :] = 0
    return np.exp(np.fft.rfft(cepstrum)[..., ::oversampling])


def _refined(values: FloatArray, times: int) -> FloatArray:
    """Values (..., times (F - 1) + 1) with straight lines between those (..., F) given."""
    if times == 1:
        return values
    share = np.arange(times) / times
    between = values[..., :-1, None] * (1 - share) + values[..., 1:, None] * share
    return np.concatenate([between.reshape(*values.shape[:-1], -1), values[..., -1:]], axis=-1)
