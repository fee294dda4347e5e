"""Running, falling and breaking water.

Every function returns a mono waveform (T,) of ``round(duration_s * rate_hz)`` samples; ``intensity`` runs from 0 to 1.
Bubbles make the voice of water, turbulence its breath (van den Doel 2005, "Physically based models for liquid sounds").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from seehear.foley.blocks import (
    Array,
    bubbles,
    gust_curve,
    log_uniform,
    moving_noise,
    octave_amplitude,
    octave_noise,
    poisson_times,
    power_law,
    signs,
    ticks,
    unit_power,
)
from seehear.types import n_samples

STREAM_HISS = {31.5: -27, 63: -22, 125: -19, 250: -17, 500: -13, 1000: -8, 2000: -6, 4000: -7, 8000: -8, 16000: -14}
FALL_ROAR = {31.5: -18, 63: -12, 125: -9, 250: -8, 500: -8, 1000: -8, 2000: -9, 4000: -10, 8000: -13, 16000: -20}
SURF_FAR = {31.5: -24, 63: -17, 125: -12, 250: -8, 500: -6, 1000: -7, 2000: -11, 4000: -17, 8000: -24, 16000: -34}
SWELL = {31.5: -14, 63: -9, 125: -5, 250: -6, 500: -11, 1000: -19, 2000: -28}
BREAK_LOW = {63: -16, 125: -10, 250: -6, 500: -4, 1000: -7, 2000: -14, 4000: -24}
BREAK_HIGH = {250: -16, 500: -8, 1000: -6, 2000: -7, 4000: -10, 8000: -15, 16000: -23}
FOAM = {250: -26, 500: -17, 1000: -10, 2000: -6, 4000: -5, 8000: -8, 16000: -15}


def stream(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A stream: gurgling bubbles of all sizes in restless clusters, over the hiss of shallow turbulent water."""
    n = n_samples(duration_s, rate_hz)
    sizes = ((5e-4, 1.3e-3, 250, 0.6), (1.2e-3, 3.5e-3, 250, 1.0), (3e-3, 8e-3, 14, 0.7))
    voice = np.zeros(n)
    for smallest_m, largest_m, rate_per_s, gain in sizes:
        activity = np.exp(0.75 * gust_curve(rng, n, rate_hz, 0.9, 6) - 0.3)
        times = poisson_times(rng, rate_per_s * 4 ** (intensity - 0.5) * activity, rate_hz) - 0.05
        gains = gain * power_law(rng, len(times), 1.9, 7.0) * signs(rng, len(times))
        rises = rng.uniform(0, 0.25, len(times)) * (rng.random(len(times)) < 0.6)
        voice += bubbles(n, rate_hz, times, log_uniform(rng, smallest_m, largest_m, len(times)), gains, rises)
    splashes = poisson_times(rng, 120 * 3**intensity * np.exp(0.6 * gust_curve(rng, n, rate_hz, 0.7, 6)), rate_hz)
    splash_gains = power_law(rng, len(splashes), 1.8, 9) * signs(rng, len(splashes))
    splash = ticks(rng, n, rate_hz, splashes, splash_gains, (3000, 13000), (900, 5000))
    hiss = octave_noise(rng, n, rate_hz, STREAM_HISS) * np.exp(0.12 * gust_curve(rng, n, rate_hz, 0.4, 5))
    return unit_power(voice) + 0.35 * unit_power(splash) + (0.5 + 0.6 * intensity) * hiss


def waterfall(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A waterfall: the roar of plunging water, clouds of bubbles below it, spray above it."""
    n = n_samples(duration_s, rate_hz)
    roar = octave_noise(rng, n, rate_hz, FALL_ROAR) * np.exp(0.08 * gust_curve(rng, n, rate_hz, 0.3, 6))
    surge = np.exp(0.5 * gust_curve(rng, n, rate_hz, 0.8, 5))
    plunge = poisson_times(rng, 250 * surge, rate_hz) - 0.1
    cloud = bubbles(
        n,
        rate_hz,
        plunge,
        log_uniform(rng, 1e-3, 8e-3, len(plunge)),
        power_law(rng, len(plunge), 2.2, 6) * signs(rng, len(plunge)),
        0.08,
    )
    spray_times = poisson_times(rng, 500 * surge, rate_hz)
    spray = ticks(rng, n, rate_hz, spray_times, power_law(rng, len(spray_times), 2.2, 8), (1500, 9000), (800, 3000))
    return roar + (0.45 - 0.2 * intensity) * unit_power(cloud) + (0.35 - 0.15 * intensity) * unit_power(spray)


def sea(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Surf: every 8 to 12 s a wave swells, breaks along the shore, runs up in hissing foam and drags the shingle back.

    Smaller waves come between. A breaker is bubbles again: low frequencies gather first, high ones last and go first.
    """
    n = n_samples(duration_s, rate_hz)
    crests, heights, attacks = breakers(duration_s, rng)
    offsets = rng.uniform(-0.8, 1.0, (len(crests), 3)) * (0, 1, 1)
    shares = rng.uniform(0.3, 0.9, (len(crests), 3)) * (1.3, 1, 1)

    def amplitude(times_s: Array, freqs_hz: Array) -> Array:
        since = times_s[:, None] - crests
        parts = (since[:, :, None] - offsets, attacks[:, None], heights[:, None] * shares)
        dull = (parts[2] * pulse(parts[0], 1.4 * parts[1], 0.75)).sum((1, 2))
        bright = (parts[2] * pulse(parts[0], parts[1], 0.5)).sum((1, 2))
        swell = (heights * pulse(since + attacks, 1.4 + attacks, 0.9)).sum(1)
        foam = (heights * pulse(since - 1.2, 0.9, 1.5)).sum(1)
        still = np.ones(len(times_s))
        layers = (
            (SURF_FAR, 0.28 * still),
            (SWELL, (0.1 + 0.3 * intensity) * swell),
            (BREAK_LOW, (0.3 + 0.7 * intensity) * dull),
            (BREAK_HIGH, (0.3 + 0.7 * intensity) * bright),
            (FOAM, 0.22 * foam),
        )
        return np.sqrt(sum(np.outer(gain**2, octave_amplitude(levels, freqs_hz, rate_hz) ** 2) for levels, gain in layers))

    t = np.arange(0, n + 64, 64) / rate_hz
    every = np.arange(n) / 64
    drag = np.interp(every, np.arange(len(t)), (heights * pulse(t[:, None] - crests - 4.0, 0.8, 0.8)).sum(1))
    splash = np.interp(every, np.arange(len(t)), (heights * pulse(t[:, None] - crests - 0.3, 0.5, 1.2)).sum(1))
    pebbles, drops = poisson_times(rng, 500 * drag, rate_hz), poisson_times(rng, 400 * splash, rate_hz)
    spray = poisson_times(rng, 600 * splash * np.exp(0.6 * gust_curve(rng, n, rate_hz, 2, 5)), rate_hz)
    grains = ticks(
        rng, n, rate_hz, spray, 0.15 * power_law(rng, len(spray), 2.0, 7) * signs(rng, len(spray)), (1500, 10000), (900, 5000)
    )
    grains += ticks(rng, n, rate_hz, pebbles, 0.05 * power_law(rng, len(pebbles), 2.2, 5), (1500, 6000), (500, 2000))
    sizes = log_uniform(rng, 8e-4, 5e-3, len(drops))
    grains += bubbles(n, rate_hz, drops, sizes, 0.04 * power_law(rng, len(drops), 2.2, 6) * signs(rng, len(drops)), 0.1)
    return (
        moving_noise(rng, n, rate_hz, amplitude, 0.08) * np.exp(0.22 * gust_curve(rng, n, rate_hz, 0.7, 6))
        + (0.3 + 0.7 * intensity) * grains
    )


def breakers(duration_s: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Times, heights and attack times of the waves: large ones 8 to 12 s apart, up to two small ones between.

    They begin before the start and end after the end of the sound.
    """
    first = -rng.uniform(2, 14)
    count = int((duration_s - first + 4) / 8) + 2
    large = first + np.concatenate([[0], np.cumsum(rng.uniform(8, 12, count))])
    small = large[:, None] + rng.uniform((2.5, 5.5), (5.0, 7.5), (len(large), 2))
    small = small[rng.random(small.shape) < 0.75]
    heights = np.concatenate([rng.uniform(0.75, 1.25, len(large)), rng.uniform(0.2, 0.65, len(small))])
    return np.concatenate([large, small]), heights, rng.uniform(0.25, 1.1, len(heights))


def pulse(since_s: Array, attack_s: float, decay_s: float) -> Array:
    """A smooth bump of height 1 at 0: rises in about ``attack_s`` before, falls as exp(-t / ``decay_s``) after it."""
    before = np.exp(-np.square(np.minimum(since_s, 0) / attack_s))
    after = np.maximum(since_s, 0) / decay_s
    return before * (1 + after) * np.exp(-after)


SOUNDS: Mapping[str, Callable[..., Array]] = {"stream": stream, "waterfall": waterfall, "sea": sea}
