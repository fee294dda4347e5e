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
    ticks,
    unit_power,
)
from seehear.types import n_samples

STREAM_HISS = {31.5: -27, 63: -22, 125: -19, 250: -17, 500: -13, 1000: -8, 2000: -6, 4000: -7, 8000: -9, 16000: -16}
FALL_ROAR = {31.5: -18, 63: -12, 125: -9, 250: -8, 500: -8, 1000: -8, 2000: -9, 4000: -10, 8000: -13, 16000: -20}
SURF_FAR = {31.5: -24, 63: -17, 125: -12, 250: -8, 500: -6, 1000: -7, 2000: -11, 4000: -17, 8000: -24, 16000: -34}
SWELL = {31.5: -14, 63: -9, 125: -5, 250: -6, 500: -11, 1000: -19, 2000: -28}
BREAK = {63: -18, 125: -12, 250: -7, 500: -5, 1000: -6, 2000: -8, 4000: -13, 8000: -19, 16000: -28}
FOAM = {250: -26, 500: -17, 1000: -10, 2000: -6, 4000: -5, 8000: -8, 16000: -15}


def stream(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A stream: gurgling bubbles of all sizes in restless clusters, over the hiss of shallow turbulent water."""
    n = n_samples(duration_s, rate_hz)
    sizes = ((5e-4, 1.6e-3, 320, 1.0), (1.2e-3, 4e-3, 110, 1.3), (3e-3, 9e-3, 16, 1.6))
    voice = np.zeros(n)
    for smallest_m, largest_m, rate_per_s, gain in sizes:
        activity = np.exp(0.9 * gust_curve(rng, n, rate_hz, 0.7, 5) - 0.4)
        times = poisson_times(rng, rate_per_s * 4 ** (intensity - 0.5) * activity, rate_hz) - 0.05
        gains = gain * power_law(rng, len(times), 1.9, 7.0) * rng.choice([-1, 1], len(times))
        rises = rng.uniform(0, 0.25, len(times)) * (rng.random(len(times)) < 0.6)
        voice += bubbles(n, rate_hz, times, log_uniform(rng, smallest_m, largest_m, len(times)), gains, rises)
    hiss = octave_noise(rng, n, rate_hz, STREAM_HISS) * np.exp(0.12 * gust_curve(rng, n, rate_hz, 0.4, 5))
    return unit_power(voice) + (0.5 + 0.6 * intensity) * hiss


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
        power_law(rng, len(plunge), 2.2, 6) * rng.choice([-1, 1], len(plunge)),
        0.08,
    )
    spray_times = poisson_times(rng, 500 * surge, rate_hz)
    spray = ticks(rng, n, rate_hz, spray_times, power_law(rng, len(spray_times), 2.2, 8), (1500, 9000), (800, 3000))
    return roar + (0.45 - 0.2 * intensity) * unit_power(cloud) + (0.35 - 0.15 * intensity) * unit_power(spray)


def sea(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Surf: every 8 to 12 s a wave swells, breaks along the shore, runs up in hissing foam and drags the shingle back."""
    n = n_samples(duration_s, rate_hz)
    crests = wave_times(duration_s, rng)
    heights = np.exp(rng.normal(0, 0.25, len(crests)))
    offsets = rng.uniform(-1.2, 1.6, (len(crests), 4)) * np.array([0, 1, 1, 1])
    shares = rng.uniform(0.3, 0.9, (len(crests), 4)) * np.array([1.3, 1, 1, 1])
    swing = 0.3 + 0.5 * intensity

    def amplitude(times_s: Array, freqs_hz: Array) -> Array:
        since = times_s[:, None] - crests
        swell = (heights * pulse(since + 0.6, 1.3, 0.9)).sum(1)
        breaking = (heights[:, None] * shares * pulse(since[:, :, None] - offsets, 0.22, 1.1)).sum((1, 2))
        foam = (heights * pulse(since - 1.6, 0.8, 1.9)).sum(1)
        parts = ((SURF_FAR, 0.30), (SWELL, 0.35 * swing * swell), (BREAK, 1.3 * swing * breaking), (FOAM, 0.35 * foam))
        return np.sqrt(
            sum(
                np.outer(np.square(gain) * np.ones(len(times_s)), octave_amplitude(levels, freqs_hz, rate_hz) ** 2)
                for levels, gain in parts
            )
        )

    t = np.arange(n) / rate_hz
    drag = sum(h * pulse(t - c - 4.2, 0.7, 0.9) for c, h in zip(crests, heights, strict=True)) + np.zeros(n)
    splash = sum(h * pulse(t - c - 0.3, 0.3, 1.4) for c, h in zip(crests, heights, strict=True)) + np.zeros(n)
    pebbles = poisson_times(rng, 500 * drag, rate_hz)
    drops = poisson_times(rng, 300 * splash, rate_hz)
    grains = ticks(rng, n, rate_hz, pebbles, 0.03 * power_law(rng, len(pebbles), 2.2, 6), (1500, 6000), (500, 2000))
    grains += bubbles(n, rate_hz, drops, log_uniform(rng, 8e-4, 5e-3, len(drops)), 0.04 * power_law(rng, len(drops), 2.2, 8), 0.1)
    return moving_noise(rng, n, rate_hz, amplitude) + grains


def wave_times(duration_s: float, rng: np.random.Generator) -> Array:
    """Times at which waves break, 8 to 12 s apart, from before the start to past the end."""
    first = -rng.uniform(2, 14)
    count = int((duration_s - first + 4) / 8) + 2
    return first + np.concatenate([[0], np.cumsum(rng.uniform(8, 12, count))])


def pulse(since_s: Array, attack_s: float, decay_s: float) -> Array:
    """A smooth bump of height 1 at 0: rises in about ``attack_s`` before, falls as exp(-t / ``decay_s``) after it."""
    before = np.exp(-np.square(np.minimum(since_s, 0) / attack_s))
    after = np.maximum(since_s, 0) / decay_s
    return before * (1 + after) * np.exp(-after)


SOUNDS: Mapping[str, Callable[..., Array]] = {"stream": stream, "waterfall": waterfall, "sea": sea}
