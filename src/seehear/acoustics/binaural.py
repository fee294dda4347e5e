"""Head-related impulse responses without any data: a rigid sphere, a pinna and shoulders.

Shapes: N directions, F frequencies, L taps.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from seehear.acoustics.sphere import directions_of
from seehear.types import FloatArray

HEAD_RADIUS_M = 0.0875
SPEED_OF_SOUND_M_S = 343.0
EAR_AZIMUTH_RAD = math.radians(100)
"""Ears a little behind the middle (Blauert 1997; Brown & Duda 1998)."""
HRIR_S = 256 / 48000
HRIR_DELAY_S = 48 / 48000
"""When a sound that reaches the place of the head's centre at time 0 appears in an HRIR."""


def hrir(directions: FloatArray, sample_rate_hz: int) -> FloatArray:
    """Head-related impulse responses (N, 2, L) float32, left then right, for unit vectors ``directions`` (N, 3)."""
    directions = np.atleast_2d(np.asarray(directions, dtype=np.float64))
    n_taps = 2 * round(HRIR_S * sample_rate_hz / 2)
    frequencies = np.arange(n_taps // 2 + 1) * sample_rate_hz / n_taps
    ears = directions_of(np.array([EAR_AZIMUTH_RAD, -EAR_AZIMUTH_RAD]), np.zeros(2))
    incidence = np.arccos(np.clip(directions @ ears.T, -1, 1))
    table = _sphere_table(sample_rate_hz)
    position = np.degrees(incidence)
    low = np.minimum(position.astype(int), 179)
    share = (position - low)[..., None]
    smooth = table[low] * (1 - share) + table[low + 1] * share
    delay = _arrival(incidence) + HRIR_DELAY_S
    spectrum = smooth * np.exp(-2j * np.pi * frequencies * delay[..., None])
    return np.fft.irfft(spectrum, n_taps).astype(np.float32)


def _arrival(incidence_rad: FloatArray) -> FloatArray:
    """First arrival in seconds at an ear, relative to the head's centre: straight, or around the sphere (Woodworth 1938)."""
    straight = -np.cos(incidence_rad)
    around = incidence_rad - np.pi / 2
    return np.where(incidence_rad < np.pi / 2, straight, around) * HEAD_RADIUS_M / SPEED_OF_SOUND_M_S


@cache
def _sphere_table(sample_rate_hz: int) -> FloatArray:
    """Sphere responses (181, F) at 0 to 180 degrees of incidence, without the delay of `_arrival`: smooth in both."""
    n_taps = 2 * round(HRIR_S * sample_rate_hz / 2)
    frequencies = np.arange(n_taps // 2 + 1) * sample_rate_hz / n_taps
    incidence = np.radians(np.arange(181.0))
    response = sphere_response(incidence, frequencies)
    return response * np.exp(2j * np.pi * frequencies * _arrival(incidence)[:, None])


def sphere_response(incidence_rad: FloatArray, frequencies_hz: FloatArray) -> FloatArray:
    """Pressure (N, F), complex, on a rigid sphere over that of the free field at its centre, for a plane wave.

    Duda & Martens 1998, eqs. 4 and A14, for a source far away, in the convention e^{+i omega t}: the sum over m of
    (-i)^(m - 1) (2 m + 1) P_m(cos incidence) / (mu^2 h_m'(mu)), conjugated, with mu = omega a / c.
    """
    from scipy.special import eval_legendre, spherical_jn, spherical_yn

    mu = 2 * np.pi * np.asarray(frequencies_hz) * HEAD_RADIUS_M / SPEED_OF_SOUND_M_S
    needed = np.ceil(mu + 4 * np.cbrt(mu) + 8).astype(int)
    order = np.arange(needed.max() + 1)[:, None]
    safe = np.where((order <= needed) & (mu > 0), mu, order + 1.0)
    derivative = spherical_jn(order, safe, derivative=True) + 1j * spherical_yn(order, safe, derivative=True)
    terms = (-1j) ** (order - 1) * (2 * order + 1) / (safe**2 * derivative)
    terms = np.where((order <= needed) & (mu > 0), terms, 0)
    legendre = eval_legendre(order[:, 0], np.cos(np.asarray(incidence_rad))[:, None])
    response = np.conj(legendre @ terms)
    response[:, mu == 0] = 1.0
    return response
