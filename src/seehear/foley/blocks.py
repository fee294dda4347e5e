"""Building blocks of procedural sound: noise, filters, resonators, random events, clouds of grains.

Every function is pure and takes its ``numpy.random.Generator``; times in seconds, frequencies in hertz, arrays (T,).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Array = NDArray[np.floating]


def noise(rng: np.random.Generator, n: int, slope_db_per_octave: float = 0.0) -> Array:
    """Gaussian noise of unit RMS whose power falls by ``slope_db_per_octave`` (0 white, -3 pink, -6 brown)."""
    if n == 0:
        return np.zeros(0)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    index = np.maximum(np.arange(len(spectrum)), 1.0)
    spectrum *= index ** (slope_db_per_octave / (20 * np.log10(2)))
    spectrum[0] = 0
    x = np.fft.irfft(spectrum, n)
    return x / max(np.sqrt(np.mean(x**2)), 1e-12)


def band(x: Array, low_hz: float | None, high_hz: float | None, rate_hz: int, order: int = 2) -> Array:
    """Butterworth band-pass; either edge may be None (low-pass, high-pass). Silence when the rate leaves nothing of the band."""
    highest = 0.98 * rate_hz / 2
    high = None if high_hz is None else min(high_hz, highest)
    if low_hz is not None and low_hz >= (high or highest):
        return np.zeros_like(x)
    if low_hz is None and high is None:
        return x
    if low_hz is None:
        sos = signal.butter(order, high, "lowpass", fs=rate_hz, output="sos")
    elif high is None:
        sos = signal.butter(order, low_hz, "highpass", fs=rate_hz, output="sos")
    else:
        sos = signal.butter(order, (low_hz, high), "bandpass", fs=rate_hz, output="sos")
    return signal.sosfilt(sos, x)


def slow_random(rng: np.random.Generator, n: int, rate_hz: float, speed_hz: float) -> Array:
    """A smooth random curve of zero mean and about ``speed_hz`` changes a second: gusts, drift.

    Its knots have unit variance; between them it is smoother, 0.81 in all.
    """
    points = max(4, int(np.ceil(n / rate_hz * speed_hz)) + 4)
    knots = rng.standard_normal(points)
    start = rng.random()
    t = start + 1 + np.arange(n) * (speed_hz / rate_hz)
    i = np.minimum(t.astype(int), points - 3)
    f = np.clip(t - i, 0, 1)
    a, b, c, d = knots[i - 1], knots[i], knots[i + 1], knots[i + 2]
    # Catmull-Rom: passes through every knot with a continuous slope.
    return b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)))


def modal_hit(freqs_hz: Array, t60s_s: Array, gains: Array, n: int, rate_hz: int, rng: np.random.Generator) -> Array:
    """Impulse response of a bank of damped modes with random phases (modal synthesis, Adrien 1991)."""
    t = np.arange(n)[:, None] / rate_hz
    phases = rng.uniform(0, 2 * np.pi, len(freqs_hz))
    keep = np.asarray(freqs_hz) < 0.48 * rate_hz
    modes = np.sin(2 * np.pi * t * np.asarray(freqs_hz)[keep] + phases[keep]) * np.exp(-6.91 * t / np.asarray(t60s_s)[keep])
    return modes @ np.asarray(gains)[keep]


def resonator(x: Array, freq_hz: float, bandwidth_hz: float, rate_hz: int) -> Array:
    """Two-pole resonator of unit peak gain: one formant, one body mode (Klatt 1980)."""
    r = np.exp(-np.pi * bandwidth_hz / rate_hz)
    theta = 2 * np.pi * min(freq_hz, 0.49 * rate_hz) / rate_hz
    a = [1, -2 * r * np.cos(theta), r * r]
    gain = (1 - r) * np.sqrt(1 - 2 * r * np.cos(2 * theta) + r * r)
    return signal.lfilter([gain], a, x)


def event_times(rng: np.random.Generator, duration_s: float, rate_per_s: float, min_gap_s: float = 0.0) -> Array:
    """Times of a Poisson process with a dead time, never empty for a positive duration (the first falls early).

    The mean interval is ``1 / rate_per_s`` unless ``min_gap_s`` is longer.
    """
    times = [min(rng.exponential(0.4 / rate_per_s), 0.3 * duration_s)]
    while times[-1] < duration_s:
        times.append(times[-1] + min_gap_s + rng.exponential(max(1 / rate_per_s - min_gap_s, 1e-3)))
    return np.array(times[:-1]) if len(times) > 1 else np.array(times)


def place(canvas: Array, clip: Array, start_s: float, rate_hz: int, gain: float = 1.0) -> None:
    """Add ``clip`` into ``canvas`` at ``start_s``, cut where the canvas ends."""
    start = round(start_s * rate_hz)
    if start < 0:
        clip, start = clip[-start:], 0
    count = min(len(clip), len(canvas) - start)
    if count > 0:
        canvas[start : start + count] += gain * clip[:count]


def fade(x: Array, seconds_in: float, seconds_out: float, rate_hz: int) -> Array:
    """Raised-cosine fades at both ends, no longer than half of the sound."""
    y = np.array(x, dtype=float)
    for seconds, end in ((seconds_in, False), (seconds_out, True)):
        n = min(round(seconds * rate_hz), len(y) // 2)
        if n > 0:
            ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
            y[len(y) - n :] *= ramp[::-1] if end else 1.0
            y[:n] *= 1.0 if end else ramp
    return y


# ------------------------------------------------------------------- textures: shaped noise and clouds of grains


def octave_amplitude(levels_db: Mapping[float, float], freqs_hz: Array, rate_hz: int) -> Array:
    """Amplitude per frequency for :func:`moving_noise` that gives each octave band its level in dB (0 dB: unit power).

    ``levels_db`` maps octave centres to levels, interpolated over log frequency; nothing remains below 16 Hz. The result
    does not depend on the rate: a lower one only loses the bands above its Nyquist frequency.
    """
    centres = np.log2(np.array(list(levels_db)))
    f = np.maximum(freqs_hz, 1.0)
    level = np.interp(np.log2(f), centres, list(levels_db.values()))
    octave_width = f * (2**0.5 - 2**-0.5)
    return np.where(freqs_hz >= 16, 10 ** (level / 20) * np.sqrt(rate_hz / 2 / octave_width), 0.0)


def moving_noise(
    rng: np.random.Generator, n: int, rate_hz: int, amplitude: Callable[[Array, Array], Array], frame_s: float = 0.04
) -> Array:
    """Gaussian noise whose spectrum moves: ``amplitude(times_s (F,), freqs_hz (K,)) -> (F, K)``, 1 everywhere: unit RMS.

    Independent random spectra per frame, power-complementary overlap-add (the stochastic part of Serra & Smith 1990).
    """
    half = max(round(frame_s * rate_hz / 2), 16)
    times = np.arange(n // half + 2) * (half / rate_hz)
    freqs = np.fft.rfftfreq(2 * half, 1 / rate_hz)
    shape = (len(times), len(freqs))
    spectra = rng.standard_normal(shape, np.float32) + 1j * rng.standard_normal(shape, np.float32)
    frames = fft.irfft(spectra * amplitude(times, freqs).astype(np.float32), 2 * half, axis=1)
    frames *= np.sqrt(half * signal.windows.hann(2 * half, sym=False)).astype(np.float32)
    return (frames[:-1, half:] + frames[1:, :half]).ravel()[:n].astype(float)


def octave_noise(
    rng: np.random.Generator, n: int, rate_hz: int, levels_db: Mapping[float, float], frame_s: float = 0.08
) -> Array:
    """Steady Gaussian noise with the octave-band levels ``levels_db``, as in :func:`octave_amplitude`."""
    return moving_noise(rng, n, rate_hz, lambda _, f: octave_amplitude(levels_db, f, rate_hz)[None], frame_s)


def gust_curve(rng: np.random.Generator, n: int, rate_hz: float, slowest_hz: float = 0.12, octaves: int = 5) -> Array:
    """A wandering curve of zero mean and variance 0.81 with power falling as 1/f over ``octaves``: flow, gusts, flames."""
    control_hz = min(32 * slowest_hz * 2 ** (octaves - 1), rate_hz)
    steps = int(np.ceil(n * control_hz / rate_hz)) + 1
    total = np.zeros(steps)
    for k in range(octaves):
        total += 2 ** (-k / 2) * slow_random(rng, steps, control_hz, slowest_hz * 2**k)
    total /= np.sqrt(sum(2.0**-k for k in range(octaves)))
    return np.interp(np.arange(n) * (control_hz / rate_hz), np.arange(steps), total)


def poisson_times(rng: np.random.Generator, rate_per_s: Array, rate_hz: int) -> Array:
    """Sorted times of an inhomogeneous Poisson process with rate ``rate_per_s`` (T,) at every sample."""
    expected = np.cumsum(rate_per_s) / rate_hz
    if len(expected) == 0:
        return np.zeros(0)
    arrivals = np.sort(rng.uniform(0, expected[-1], rng.poisson(expected[-1])))
    return np.interp(arrivals, expected, np.arange(len(expected))) / rate_hz


def damped_sines(
    n: int,
    rate_hz: int,
    times_s: Array,
    freqs_hz: Array,
    decays_per_s: Array,
    gains: Array,
    *,
    rises: Array | float = 0.0,
    phases: Array | float = 0.0,
) -> Array:
    """The sum (n,) of many ``gain * exp(-decay t) * sin(2 pi freq (t + rise decay t^2 / 2) + phase)`` starting at ``times_s``.

    ``rises`` is the relative pitch rise per decay time. Grains that would pass 0.48 of the rate are left out; times may be
    negative (already sounding at the start).
    """
    columns = np.broadcast_arrays(times_s, freqs_hz, decays_per_s, gains, rises, phases)
    highest = columns[1] * (1 + 4 * np.maximum(columns[4], 0))
    length = np.ceil(6.9 / columns[2] * rate_hz).astype(int) + 1
    start = np.round(columns[0] * rate_hz).astype(int)
    size_class = np.ceil(2 * np.log2(length)).astype(int)
    keep = np.flatnonzero((highest < 0.48 * rate_hz) & (start < n) & (start + length > 0))
    keep = keep[np.lexsort((start[keep], size_class[keep]))]
    out = np.zeros(n)
    while len(keep):
        # A block of about a quarter million samples: grains of similar length that follow one another in time.
        longest = int(2 ** (size_class[keep[0]] / 2)) + 1
        block = keep[: max(1, 2**18 // longest)]
        block = block[size_class[block] == size_class[block[0]]]
        keep = keep[len(block) :]
        t = np.arange(longest, dtype=np.float32) / np.float32(rate_hz)
        freq, decay, gain, rise, phase = (c[block, None].astype(np.float32) for c in columns[1:])
        wave = gain * np.exp(-decay * t) * np.sin(np.float32(2 * np.pi) * freq * (t + 0.5 * rise * decay * t * t) + phase)
        index = start[block, None] + np.arange(longest)
        inside = (index >= 0) & (index < n)
        first = max(int(start[block[0]]), 0)
        span = np.bincount(index[inside] - first, wave[inside])
        out[first : first + len(span)] += span
    return out


def bubbles(n: int, rate_hz: int, times_s: Array, radii_m: Array, gains: Array, rises: Array | float = 0.0) -> Array:
    """Bubbles of radius ``radii_m`` that start to ring in water at ``times_s``.

    Minnaert (1933) pitch f = 3.26 m/s / r; damping 0.13 / r + 0.0072 r^-1.5 per second and a pitch that rises as the
    bubble nears the surface, after van den Doel (2005), "Physically based models for liquid sounds", eqs. 3 to 6.
    """
    radii = np.asarray(radii_m, dtype=float)
    return damped_sines(n, rate_hz, times_s, 3.26 / radii, 0.13 / radii + 0.0072 * radii**-1.5, gains, rises=rises)


def ticks(
    rng: np.random.Generator,
    n: int,
    rate_hz: int,
    times_s: Array,
    gains: Array,
    freqs_hz: tuple[float, float],
    decays_per_s: tuple[float, float],
) -> Array:
    """Short impacts (n,): one damped sine each, pitch and decay log-uniform between the given limits, random phase."""
    count = len(times_s)
    freqs, decays = log_uniform(rng, *freqs_hz, count), log_uniform(rng, *decays_per_s, count)
    return damped_sines(n, rate_hz, times_s, freqs, decays, gains, phases=rng.uniform(0, 2 * np.pi, count))


def power_law(rng: np.random.Generator, count: int, exponent: float, largest: float) -> Array:
    """Sizes (count,) of at least 1 with P(size > s) = s^-exponent, held at ``largest``."""
    return np.minimum((1 - rng.random(count)) ** (-1 / exponent), largest)


def signs(rng: np.random.Generator, count: int) -> Array:
    """Fair random signs (count,) as -1.0 and 1.0, so that one-sided grains add up without DC."""
    return 2.0 * rng.integers(0, 2, count) - 1.0


def log_uniform(rng: np.random.Generator, low: float, high: float, count: int) -> Array:
    """Values (count,) between ``low`` and ``high``, every octave equally likely."""
    return np.exp(rng.uniform(np.log(low), np.log(high), count))


def unit_power(x: Array) -> Array:
    """``x`` with unit RMS; silence stays silence."""
    return x / max(float(np.sqrt(np.mean(x**2))), 1e-12)
