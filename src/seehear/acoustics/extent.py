"""Wide sources and ambient beds: many directions, each with its own decorrelated copy of the sound.

Shapes: M directions, T samples, L filter taps.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.sphere import directions_of
from seehear.types import FloatArray, InputError

FILTER_S = 0.085
"""Length of a decorrelation filter; its energy lies within 20 ms of the middle, at high frequencies within 4 ms."""


LOW_HZ = 150.0
"""Below, the ear hears no width: the copies' phases differ but stand still, and so smear nothing."""


def spread(direction: FloatArray, extent_rad: float, n_directions: int | None = None) -> FloatArray:
    """Unit vectors (M, 3) spread evenly over the spherical cap of angular width ``extent_rad`` around ``direction`` (3,).

    A two-armed Fibonacci spiral (Swinbank & Purser 2006) around ``direction``: its mean is exactly there. 0 gives the
    direction itself, 2 pi the whole sphere. M is even and grows with the square root of the cap's share of the sphere,
    from 4 to 24, unless an even ``n_directions`` says it. InputError for an extent outside 0 to 2 pi.
    """
    if not 0 <= extent_rad <= 2 * math.pi + 1e-9:
        raise InputError(f"an extent must lie in 0 to 2 pi, got {extent_rad}")
    centre = np.asarray(direction, dtype=np.float64)
    if extent_rad == 0:
        return centre[None]
    share = (1 - math.cos(min(extent_rad / 2, math.pi))) / 2
    n_pairs = round((n_directions or 4 + 20 * math.sqrt(share)) / 2)
    pair = np.repeat(np.arange(n_pairs), 2)
    height = 1 - 2 * share * (pair + 0.5) / n_pairs
    turn = pair * math.pi * (3 - math.sqrt(5)) / 2 + np.pi * (np.arange(2 * n_pairs) % 2)
    cap = directions_of(turn, np.arcsin(height))
    return cap @ _axes_around(centre)


def _axes_around(centre: FloatArray) -> FloatArray:
    """Orthonormal rows (3, 3): to the left, up, along ``centre``. Steady while ``centre`` moves, but for the poles."""
    first = np.cross([0.0, 0.0, 1.0] if abs(centre[2]) < 0.999 else [0.0, 1.0, 0.0], centre)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(centre, first), centre])


def decorrelators(n: int, sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """All-pass filters (n, L) float32 with mutually random phase; the common delay is L // 2 samples.

    Unit magnitude, and a phase that runs straight between random values at knots: their spacing bounds the group delay by
    half its inverse (20 ms below 500 Hz, 3.3 ms above 3 kHz), so that transients stay short where the ear is quickest.

    Filters 2 j and 2 j + 1, which `spread` puts on opposite sides of the middle, have opposite phases: their sum is real and
    their difference imaginary, so the intensity of all of them together points at the middle. At each knot the phases of the
    pairs are one fixed set in random order (see `_phases`), a chirp (Chu 1972) whose cosines add up to sqrt(n) / 2: copies that
    meet in one ear or in W add up in energy, neither boosting the bass nor cancelling. (An odd ``n`` lacks the last partner.)
    """
    length = 2 * round(FILTER_S * sample_rate_hz / 2)
    frequencies = np.arange(length // 2 + 1) * sample_rate_hz / length
    knots = [LOW_HZ]
    while knots[-1] < sample_rate_hz / 2:
        knots.append(knots[-1] + min(max(knots[-1] / 20, 25.0), 150.0))
    n_pairs = (n + 1) // 2
    phases = _phases(n_pairs, np.diff(knots), rng)
    curves = np.stack([np.interp(frequencies, knots, phase) for phase in phases.T])
    spectra = np.exp(1j * np.stack([curves, -curves], axis=1).reshape(2 * n_pairs, -1))
    spectra[:, [0, -1]] = np.where(np.real(spectra[:, [0, -1]]) < 0, -1, 1)  # a real filter is real at 0 Hz and Nyquist
    return np.fft.fftshift(np.fft.irfft(spectra[:n], length), axes=1).astype(np.float32)


def _phases(n_pairs: int, widths_hz: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Phases (K, n_pairs) at K knots ``widths_hz`` (K - 1,) apart, unwrapped: the chirp in random order, with random signs, all
    turned over or not.

    None of that changes the power of the sum at a knot, but between two knots it depends on both; without correction it would
    be off by up to 3 dB on average. So of three drawn rows the next knot takes the strongest while the sum has had too little
    power so far, else the weakest.
    """
    index = np.arange(n_pairs, dtype=np.float64)
    chirp: FloatArray = np.pi * index * (index + n_pairs % 2) / n_pairs
    chirp += np.pi / 4 - np.angle(np.exp(1j * chirp).sum())
    between = (np.arange(8) + 0.5)[:, None, None] / 8
    rows: list[FloatArray] = [rng.permuted(chirp)]
    excess = 0.0
    for width_hz in widths_hz:
        drawn: FloatArray = rng.permuted(np.tile(chirp, (3, 1)), axis=1) * rng.choice([-1.0, 1.0], (3, n_pairs))
        drawn += np.pi * rng.integers(2, size=(3, 1))
        steps = (drawn - rows[-1] + np.pi) % (2 * np.pi) - np.pi
        power = np.mean(np.sum(2 * np.cos(rows[-1] + between * steps), axis=2) ** 2, axis=0) / (2 * n_pairs)
        chosen = power.argmin() if excess > 0 else power.argmax()
        excess += float(width_hz * (power[chosen] - 1))
        rows.append(rows[-1] + steps[chosen])
    return np.stack(rows)
