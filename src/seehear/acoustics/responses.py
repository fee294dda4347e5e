"""Impulse responses from one place to every channel: points in a room by their paths, wide sources and beds by spreading.

Shapes: P paths, M virtual directions, C channels of the panner (amplitude channels, then the ears), L taps, F frequencies.
Every response starts a known lead early, so that what comes before time zero (the left side of a fractional delay, the
nearer ear, a decorrelator's first half) is kept.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.binaural import hrir_taps
from seehear.acoustics.extent import decorrelators, spread
from seehear.acoustics.field import Field
from seehear.acoustics.panning import EARS_ORDER, ambisonic_ear_spectra
from seehear.acoustics.paths import NEAREST_M, Paths, coloured_spectra, path_spectra
from seehear.acoustics.sphere import real_sh
from seehear.acoustics.transforms import fast_length, irfft, rfft
from seehear.types import FloatArray

NEAR_ORDER = 1
"""Direct sound and first reflections reach the ears by the exact filters of their directions."""


def point_response(
    field: Field, displacement_m: FloatArray, first_order: int = 0, chosen: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Taps (C, L) from a point at ``displacement_m`` (3,) by its paths of ``first_order`` and above, the tail excluded.

    Of those, the images that are ``chosen`` (P,); None: all.

    Direct and first-order paths reach the ears through their own head filters, later ones through the ambisonic buses.
    """
    paths, orders = field.paths(displacement_m), field.images.orders
    wanted = (orders >= first_order) & (paths.gains > 1e-9)
    if chosen is not None:
        wanted &= chosen
    heard, near = paths[wanted], paths[wanted & (orders <= NEAR_ORDER)]
    panner, rate = field.panner, field.sample_rate_hz
    n_fft = fast_length(field.n_taps)
    buses = coloured_spectra(heard, panner.bus_gains(heard.directions), field.colouring, rate, n_fft)
    taps = irfft(buses[panner.handed_out], n_fft)
    late = np.pad(taps, ((0, 0), (field.ear_lead_samples, 0)))[:, : field.n_taps]
    if not panner.ears:
        return late
    ears = irfft(_ears(field, near, buses[: (EARS_ORDER + 1) ** 2], n_fft), n_fft)[:, : field.n_taps]
    return np.concatenate([late, ears])


def _ears(field: Field, near: Paths, ambisonics: NDArray[np.complex64], n_fft: int) -> NDArray[np.complex64]:
    """Spectra (2, F) at the ears: ``near`` paths through their own head filters, the rest of ``ambisonics`` (K, F) fixed."""
    rate = field.sample_rate_hz
    fixed = ambisonic_ear_spectra(EARS_ORDER, rate, n_fft, field.head)
    if not len(near.gains):
        return np.einsum("ekf,kf->ef", fixed, ambisonics)
    alone = path_spectra(near, field.colouring, rate, n_fft)
    far = ambisonics - real_sh(EARS_ORDER, near.directions).T.astype(np.float32) @ alone
    heads = rfft(field.head(near.directions, rate), n_fft)
    return np.einsum("ekf,kf->ef", fixed, far) + np.einsum("pef,pf->ef", heads, alone)


def spread_filters(extent_rad: float, sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Decorrelators (M, L) of the virtual sources of an extent, which share the energy of one; early by L // 2 samples."""
    n_directions = len(spread(np.array([1.0, 0, 0]), extent_rad))
    return decorrelators(n_directions, sample_rate_hz, rng) / np.float32(math.sqrt(n_directions))


def wide_response(field: Field, direction: FloatArray, extent_rad: float, filters: NDArray[np.float32]) -> NDArray[np.float32]:
    """Taps (C, L') of an extent around scene ``direction`` (3,) through `spread_filters` (M, L).

    Early by L // 2 and a head's lead. L' is L and what a head filter adds, whether heads are asked for or not.
    """
    from scipy.signal import fftconvolve

    panner, rate = field.panner, field.sample_rate_hz
    directions = spread(direction, extent_rad, len(filters)) @ field.rotation.T
    lead = field.ear_lead_samples
    taps = np.pad(panner.amplitude_gains(directions).T @ filters, ((0, 0), (lead, hrir_taps(rate) - 1 - lead)))
    if panner.ears:
        ears = fftconvolve(filters[:, None], field.head(directions, rate), axes=-1).sum(axis=0)
        taps = np.concatenate([taps, ears])
    return taps.astype(np.float32)


def through_air(field: Field, taps: NDArray[np.float32], distance_m: float) -> NDArray[np.float32]:
    """``taps`` (C, L) of a direct sound from that far: distance law and air; early by the colouring's lead more."""
    from scipy.signal import fftconvolve

    colour = field.colouring.coefficients(np.zeros(1, dtype=np.intp), np.array([distance_m])) @ field.colouring.basis
    return fftconvolve(taps, (colour / max(distance_m, NEAREST_M)).astype(np.float32), axes=-1)
