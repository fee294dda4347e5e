"""Functions on the sphere: spherical harmonics, rotation, ambisonic conventions, directions, energy maps.

Inside, ambisonics is ACN order with SN3D weights, no Condon-Shortley phase (AmbiX: Nachbar et al. 2011).
Axes: x front, y left, z up. This module is the only place that knows another convention.
Shapes: N directions, C = (order + 1)^2 channels, T samples.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seehear.types import Convention, Direction, FloatArray, InputError


def real_sh(order: int, directions: FloatArray) -> FloatArray:
    """Real spherical harmonics (N, (order + 1)^2), ACN/SN3D, float64, of unit vectors ``directions`` (N, 3).

    cos and sin of m times the azimuth come from powers of x + iy; the Schmidt semi-normalised Legendre functions, with
    cos(elevation)^m taken out, from their three-term recurrence in the degree. No angle is computed, so the poles are safe.
    """
    if order < 0:
        raise InputError(f"an ambisonic order must be 0 or more, got {order}")
    x, y, z = np.asarray(directions, dtype=np.float64).T
    harmonics = np.empty((len(z), (order + 1) ** 2))
    ring = np.ones_like(x, dtype=np.complex128)
    sectoral = 1.0
    for m in range(order + 1):
        if m > 0:
            ring = ring * (x + 1j * y)
            sectoral *= math.sqrt((2 * m - 1) / (2 * m))
        weight = math.sqrt(2.0) if m > 0 else 1.0
        before, legendre = np.zeros_like(z), np.full_like(z, weight * sectoral)
        for n in range(m, order + 1):
            if n > m:
                upper = (2 * n - 1) * z * legendre - math.sqrt((n - 1) ** 2 - m**2) * before
                before, legendre = legendre, upper / math.sqrt(n**2 - m**2)
            acn = n * n + n
            harmonics[:, acn + m] = legendre * ring.real
            if m > 0:
                harmonics[:, acn - m] = legendre * ring.imag
    return harmonics


def encode(x: FloatArray, direction: FloatArray, order: int = 1) -> FloatArray:
    """Ambisonic signals ((order + 1)^2, T), ACN/SN3D, of a plane wave ``x`` (T,) from unit vector ``direction`` (3,)."""
    weights = real_sh(order, np.asarray(direction)[None])[0].astype(np.asarray(x).dtype)
    return weights[:, None] * x


def sh_rotation(order: int, rotation: FloatArray) -> FloatArray:
    """Matrix ((order + 1)^2, (order + 1)^2) that turns ACN/SN3D signals by ``rotation`` (3, 3, orthogonal).

    ``sh_rotation(n, R) @ real_sh(n, d) == real_sh(n, R d)``: a source at d moves to R d. Exact: the harmonics are
    integrated against their rotated selves by a quadrature that is exact for their products (Gauss-Legendre in z, uniform
    in azimuth). Degrees do not mix, so what remains between them is rounding and is set to zero.
    """
    rotation = np.asarray(rotation, dtype=np.float64)
    if rotation.shape != (3, 3) or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6):
        raise InputError("a rotation must be an orthogonal 3 x 3 matrix")
    points, weights = quadrature(2 * order + 1)
    degrees = degrees_of(order)
    mixed = (real_sh(order, points @ rotation.T) * weights[:, None]).T @ real_sh(order, points)
    return np.where(degrees[:, None] == degrees, mixed * (2 * degrees + 1), 0.0)


def quadrature(degree: int) -> tuple[FloatArray, FloatArray]:
    """Unit vectors (P, 3) and weights (P,), which add up to 1, whose weighted sum is the mean over the sphere of every
    polynomial up to ``degree``: Gauss-Legendre in z, uniform in azimuth."""
    z, weights = np.polynomial.legendre.leggauss(degree // 2 + 1)
    azimuth = 2 * np.pi * np.arange(degree + 1) / (degree + 1)
    radius = np.sqrt(1 - z**2)
    points = np.stack(np.broadcast_arrays(radius[:, None] * np.cos(azimuth), radius[:, None] * np.sin(azimuth), z[:, None]), -1)
    return points.reshape(-1, 3), np.repeat(weights, len(azimuth)) / (2 * len(azimuth))


def rotation_by(yaw_rad: float, pitch_rad: float = 0.0, roll_rad: float = 0.0) -> FloatArray:
    """Matrix (3, 3) that turns a field: roll lifts its left side (about x), then pitch its front (about y), then yaw turns it
    to the left (about z)."""
    cos_y, sin_y = math.cos(yaw_rad), math.sin(yaw_rad)
    cos_p, sin_p = math.cos(pitch_rad), math.sin(pitch_rad)
    cos_r, sin_r = math.cos(roll_rad), math.sin(roll_rad)
    yaw = np.array([[cos_y, -sin_y, 0], [sin_y, cos_y, 0], [0, 0, 1.0]])
    pitch = np.array([[cos_p, 0, -sin_p], [0, 1.0, 0], [sin_p, 0, cos_p]])
    roll = np.array([[1.0, 0, 0], [0, cos_r, -sin_r], [0, sin_r, cos_r]])
    return yaw @ pitch @ roll


def degrees_of(order: int) -> NDArray[np.intp]:
    """Degree n ((order + 1)^2,) of each ACN channel."""
    return np.floor(np.sqrt(np.arange((order + 1) ** 2))).astype(np.intp)


FUMA_ORDER = 3
FUMA_TO_ACN = (0, 3, 1, 2, 6, 7, 5, 8, 4, 12, 13, 11, 14, 10, 15, 9)
"""ACN index of the FuMa channels W X Y Z R S T U V K L M N O P Q."""
_SECOND, _THIRD, _CORNER = 2 / math.sqrt(3), math.sqrt(45 / 32), math.sqrt(8 / 5)
_LM, _NO = _THIRD, 3 / math.sqrt(5)
FUMA_OVER_SN3D = (
    *(math.sqrt(0.5), 1.0, 1.0, 1.0),
    *(_SECOND, _SECOND, 1.0, _SECOND, _SECOND),
    *(_CORNER, _NO, _LM, 1.0, _LM, _NO, _CORNER),
)
"""Furse-Malham weight over SN3D of each ACN channel (Malham 2003): every harmonic peaks at 1 (maxN), but W at -3 dB."""


def order_of(n_channels: int) -> int:
    """Ambisonic order of a full set of ``n_channels``; InputError when it is not (order + 1)^2."""
    order = math.isqrt(n_channels) - 1
    if n_channels < 1 or (order + 1) ** 2 != n_channels:
        raise InputError(f"ambisonics needs (order + 1)^2 channels (1, 4, 9, 16, ...), got {n_channels}")
    return order


def convert(samples: FloatArray, from_: Convention, to: Convention) -> FloatArray:
    """Ambisonic ``samples`` (C, T) in another convention, same dtype: ``acn-sn3d``, ``acn-n3d`` or ``fuma``.

    N3D is SN3D times sqrt(2 n + 1) for degree n; FuMa is W X Y Z with W at -3 dB (Malham 2003).
    InputError for an unknown convention, an incomplete order, or FuMa beyond the third order, where it is not defined.
    """
    order = order_of(len(samples))
    index_in, gain_in = _channel_order_and_gain(from_, order)
    index_out, gain_out = _channel_order_and_gain(to, order)
    acn = np.empty_like(samples)
    acn[index_in] = samples / gain_in[index_in, None].astype(samples.dtype)
    return acn[index_out] * gain_out[index_out, None].astype(samples.dtype)


def _channel_order_and_gain(convention: Convention, order: int) -> tuple[np.ndarray, FloatArray]:
    """ACN index of each stored channel, and the gain over SN3D of each ACN channel."""
    degrees = degrees_of(order)
    if convention == "acn-sn3d":
        return np.arange(len(degrees)), np.ones(len(degrees))
    if convention == "acn-n3d":
        return np.arange(len(degrees)), np.sqrt(2 * degrees + 1)
    if convention == "fuma":
        if order > FUMA_ORDER:
            raise InputError(f"FuMa is defined up to third order (16 channels), got order {order}")
        return np.array(FUMA_TO_ACN[: len(degrees)]), np.array(FUMA_OVER_SN3D[: len(degrees)])
    raise InputError(f"unknown ambisonic convention {convention!r}: choose acn-sn3d, acn-n3d or fuma")


def directions_of(azimuth_rad: FloatArray, elevation_rad: FloatArray) -> FloatArray:
    """Unit vectors (..., 3) of azimuths (counter-clockwise from the front) and elevations, broadcast together."""
    azimuth, elevation = np.broadcast_arrays(azimuth_rad, elevation_rad)
    level = np.cos(elevation)
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=-1)


def map_directions(n_azimuth: int, n_elevation: int) -> FloatArray:
    """Unit vectors (n_elevation, n_azimuth, 3) of the cell centres of an equirectangular picture of the sphere.

    As seen from inside: the top row is up, the middle column is front, the left edge is azimuth +180 degrees (behind).
    """
    azimuth = np.pi - 2 * np.pi * (np.arange(n_azimuth) + 0.5) / n_azimuth
    elevation = np.pi / 2 - np.pi * (np.arange(n_elevation) + 0.5) / n_elevation
    return directions_of(azimuth[None, :], elevation[:, None])


def energy_map(samples: FloatArray, n_azimuth: int = 72, n_elevation: int = 36) -> FloatArray:
    """Mean power (n_elevation, n_azimuth) of a plane-wave decode of ACN/SN3D ``samples`` (C, T) over `map_directions`.

    The decode has unit gain in its own direction: sum over n, m of (2 n + 1) Y_nm(d) b_nm / (order + 1)^2. It is computed
    from the channels' covariance, so its cost does not grow with the map times the length.
    """
    return plane_wave_powers(samples @ samples.T / max(samples.shape[1], 1), n_azimuth, n_elevation)


def plane_wave_powers(covariances: FloatArray, n_azimuth: int = 72, n_elevation: int = 36) -> FloatArray:
    """`energy_map` (..., n_elevation, n_azimuth) of fields of which only the mean products (..., C, C) of channels are known."""
    n_channels = covariances.shape[-1]
    order = order_of(n_channels)
    decoder = real_sh(order, map_directions(n_azimuth, n_elevation).reshape(-1, 3)) * (2 * degrees_of(order) + 1) / n_channels
    return pattern_powers(covariances, decoder).reshape(*covariances.shape[:-2], n_elevation, n_azimuth)


def pattern_powers(covariances: FloatArray, patterns: FloatArray) -> FloatArray:
    """Mean power (..., N) of weighted sums of channels, by ``patterns`` (N, C), of fields with mean products (..., C, C)."""
    flat = covariances.reshape(-1, *covariances.shape[-2:])
    power = np.stack([np.einsum("nc,nc->n", patterns @ each, patterns) for each in flat])
    return np.maximum(power, 0).reshape(*covariances.shape[:-2], len(patterns))


def intensity_and_energy(samples: FloatArray) -> tuple[FloatArray, float]:
    """Active intensity W (X, Y, Z), shape (3,), and energy (W^2 + X^2 + Y^2 + Z^2) / 2 of ACN/SN3D ``samples`` (C >= 4, T).

    Sums over time: those of consecutive parts add up to those of the whole. Of a plane wave the intensity is as long as the
    energy is large (Merimaa & Pulkki 2005, J. Audio Eng. Soc. 53).
    """
    w, y, z, x = np.asarray(samples[:4], dtype=np.float64)
    return np.array([w @ x, w @ y, w @ z]), float(w @ w + x @ x + y @ y + z @ z) / 2


def direction_of_arrival(samples: FloatArray) -> Direction:
    """Direction of the time-averaged active intensity W (X, Y, Z) of ACN/SN3D ``samples`` (C >= 4, T).

    InputError when there is no net intensity (silence).
    """
    intensity, _ = intensity_and_energy(samples)
    if not np.linalg.norm(intensity) > 0:
        raise InputError("a sound field without net intensity has no direction of arrival")
    return Direction.of(intensity)
