"""Many damped modes at once, the bodies they make, and strings as modes: what struck, plucked and broken things share.

Frequencies in hertz, decay rates in 1/s (T60 = 6.91 / rate), arrays (T,); every function is pure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

Array = NDArray[np.floating]
LN1000 = 6.907755
"""A decay of 60 dB in nepers."""
_BLOCK_SAMPLES = 1 << 18


def decaying(
    freqs_hz: ArrayLike, decays_per_s: ArrayLike, gains: ArrayLike, n: int, rate_hz: int, phases_rad: ArrayLike = 0.0
) -> Array:
    """The sum (n,) of ``gain exp(-decay t) sin(2 pi f t + phase)`` (Adrien 1991); what passes 0.45 of the rate is left out.

    Time is cut into about sqrt(n) rows of as many samples: the phasors at the rows' starts times those within a row are one
    product of small matrices, exact, and hundreds of modes take milliseconds.
    """
    f, decay, gain, phase = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(a, dtype=float)) for a in (freqs_hz, decays_per_s, gains, phases_rad))
    )
    kept = f < 0.45 * rate_hz
    if n == 0 or not kept.any():
        return np.zeros(n)
    step = (2j * np.pi * f[kept] - decay[kept]) / rate_hz
    width = int(np.ceil(np.sqrt(n)))
    rows = gain[kept] * np.exp(1j * phase[kept] + step * (width * np.arange(-(-n // width)))[:, None])
    within = np.exp(step[:, None] * np.arange(width))
    return (rows.real @ within.imag + rows.imag @ within.real).ravel()[:n]


def body(
    rng: np.random.Generator,
    rate_hz: int,
    low: tuple[tuple[float, float, float], ...],
    upper_hz: tuple[float, float],
    *,
    count: int = 60,
    q: float = 30.0,
    slope_db_per_octave: float = -3.0,
) -> Array:
    """The impulse response (T,) of a wooden body, unit energy: named low modes (Hz, Q, gain), above them random ones.

    The upper modes are spread evenly over log frequency within ``upper_hz``, their quality is about ``q`` and their gain falls by
    ``slope_db_per_octave``. No two bodies are alike, hence the generator.
    """
    f, quality, gain = (np.array(column) for column in zip(*low, strict=True))
    f = f * rng.uniform(0.95, 1.05, len(f))
    many = np.geomspace(*upper_hz, count) * rng.uniform(0.96, 1.04, count)
    level = (many / upper_hz[0]) ** (slope_db_per_octave / 6.02) * rng.lognormal(0, 0.5, count)
    freqs, decays = np.r_[f, many], np.pi * np.r_[f / quality, many / (q * rng.uniform(0.6, 1.5, count))]
    # Equal gain means equal height of the resonance, not equal start.
    gains = np.r_[gain, np.median(gain) * level] * decays * np.r_[np.ones(len(f)), rng.choice([-1.0, 1.0], count)]
    x = decaying(freqs, decays, gains, round(0.3 * rate_hz), rate_hz, np.pi / 2)
    return x / np.sqrt(np.sum(x**2))


def through_body(x: Array, response: Array, direct: float = 0.0) -> Array:
    """``x`` (T,) through a body's impulse response, as long as ``x``, and ``direct`` times ``x`` itself.

    Block by block, so that memory beyond the result does not grow with length.
    """
    out = direct * x
    for start in range(0, len(x), _BLOCK_SAMPLES):
        part = signal.oaconvolve(x[start : start + _BLOCK_SAMPLES], response)[: len(x) - start]
        out[start : start + len(part)] += part
    return out


def stiff_string_hz(fundamental_hz: float, inharmonicity: float, count: int) -> Array:
    """Partials of a stiff string (count,): f_n = n f_0 sqrt(1 + B n^2) (Fletcher 1964, "Normal vibration frequencies of a
    stiff piano string")."""
    n = np.arange(1, count + 1)
    return n * fundamental_hz * np.sqrt(1 + inharmonicity * n**2)
