"""What turning and striking things share: trains of pulses in time, and banks of modes that they excite.

Times in seconds, frequencies in hertz, arrays (T,); every function is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from seehear.foley.blocks import band, resonator, slow_random, unit_power

Array = NDArray[np.floating]


def pulse_times(frequency_hz: Array, rate_hz: int, rng: np.random.Generator, jitter: float = 0.0) -> Array:
    """Times in seconds at which a rotation with the frequency curve (T,) completes a turn, from a random start phase.

    ``jitter`` is the standard deviation of each time in periods.
    """
    turns = rng.random() + np.cumsum(frequency_hz) / rate_hz
    whole = np.arange(1, int(turns[-1]) + 1)
    times = np.interp(whole, turns, np.arange(len(turns)) / rate_hz)
    if jitter and len(times) > 1:
        times = np.sort(times + jitter * rng.standard_normal(len(times)) * np.gradient(times))
    return times


def impulses(times_s: Array, gains: Array, n: int, rate_hz: int) -> Array:
    """Impulses of area ``gains`` at ``times_s``, each shared between the two samples around it."""
    position = np.asarray(times_s) * rate_hz
    inside = (position >= 0) & (position < n - 1)
    position, gains = position[inside], np.broadcast_to(gains, inside.shape)[inside]
    index = position.astype(int)
    fraction = position - index
    return np.bincount(index, gains * (1 - fraction), n) + np.bincount(index + 1, gains * fraction, n)


def bursts(times_s: Array, gains: Array, attack_s: float, decay_s: float, n: int, rate_hz: int) -> Array:
    """An envelope (T,) that rises within about ``attack_s`` to each gain and falls by 1/e in ``decay_s``."""
    length = min(int(7 * decay_s * rate_hz) + 1, n)
    t = np.arange(length) / rate_hz
    kernel = (1 - np.exp(-t / attack_s)) * np.exp(-t / decay_s)
    return np.maximum(signal.oaconvolve(impulses(times_s, gains, n, rate_hz), kernel / max(kernel.max(), 1e-12))[:n], 0)


def resonances(x: Array, modes: Sequence[tuple[float, float, float]], rate_hz: int) -> Array:
    """``x`` through parallel resonances (centre in Hz, bandwidth in Hz, gain): a muffler, a body, a casing."""
    return sum((gain * resonator(x, centre, width, rate_hz) for centre, width, gain in modes if centre < 0.45 * rate_hz), 0 * x)


def ring(times_s: Array, gains: Array, freqs_hz: Array, t60s_s: Array, n: int, rate_hz: int) -> Array:
    """A modal bank struck again and again: mode m, struck at ``times_s[k]`` with ``gains[k, m]``, adds
    ``g sin(2 pi f t) 10^(-3 t / T60)``.

    One recursion per mode, whatever the number of strikes; a new strike adds to what still rings (Adrien 1991).
    """
    out = np.zeros(n)
    for gain, freq, t60 in zip(np.asarray(gains).T, freqs_hz, t60s_s, strict=True):
        if freq >= 0.45 * rate_hz:
            continue
        r, theta = 10 ** (-3 / (t60 * rate_hz)), 2 * np.pi * freq / rate_hz
        out += signal.lfilter([0, r * np.sin(theta)], [1, -2 * r * np.cos(theta), r * r], impulses(times_s, gain, n, rate_hz))
    return out


def without_rumble(x: Array, rate_hz: int, low_hz: float = 20.0) -> Array:
    """``x`` without DC and what lies below hearing."""
    return band(x, low_hz, None, rate_hz)


def tones(frequency_hz: Array, harmonics: int, slope: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """Harmonics 1 to ``harmonics`` of a frequency curve (T,), the k-th with gain k^-slope and random phase, below 0.45 rate."""
    phase = 2 * np.pi * np.cumsum(frequency_hz) / rate_hz
    out, top_hz = np.zeros(len(phase)), float(np.max(frequency_hz))
    for k in range(1, harmonics + 1):
        if k * top_hz < 0.45 * rate_hz:
            out += k**-slope * np.sin(k * phase + rng.uniform(0, 2 * np.pi))
    return out


def gusts(rng: np.random.Generator, n: int, rate_hz: int, depth_db: float, speed_hz: float) -> Array:
    """A gain curve (T,) around 1 that wanders by ``depth_db`` (standard deviation): unsteady air, uneven work."""
    return 10 ** (depth_db / 20 * slow_random(rng, n, rate_hz, speed_hz))


def mix(parts: Iterable[tuple[Array, float]]) -> Array:
    """The sum of (signal, gain) parts, each brought to unit RMS first."""
    return sum(gain * unit_power(part) for part, gain in parts)


def through_air(x: Array, distance_m: float, rate_hz: int) -> Array:
    """``x`` as it arrives over ``distance_m`` of ground: what one knows of big machines, which nobody hears at 1 m.

    Air takes about 0.025 dB/m at 4 kHz, growing with f^1.6 (fit to ISO 9613-1, 15 degrees, 50 %), scattering as much again.
    """
    loss_db = 2 * 0.025 * distance_m * (np.fft.rfftfreq(len(x), 1 / rate_hz) / 4000) ** 1.6
    return np.fft.irfft(np.fft.rfft(x) * 10 ** (-loss_db / 20), len(x))
