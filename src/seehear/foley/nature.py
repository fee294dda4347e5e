"""Weather, leaves, fire and quiet rooms.

Every function returns a mono waveform (T,) of ``round(duration_s * rate_hz)`` samples; ``intensity`` runs from 0 to 1.
Octave-band levels were set beside recordings (docs/foley.md); continuous sounds start in the middle of things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from scipy import fft

from seehear.foley.blocks import (
    Array,
    bubbles,
    event_times,
    gust_curve,
    log_uniform,
    moving_noise,
    octave_amplitude,
    octave_noise,
    place,
    poisson_times,
    power_law,
    ticks,
    unit_power,
)
from seehear.types import n_samples

SPEED_OF_SOUND_M_S = 343.0

RAIN_BED = {31.5: -26, 63: -20, 125: -16, 250: -13, 500: -11, 1000: -9.5, 2000: -8, 4000: -8, 8000: -9, 16000: -16}
WIND_BROAD = {31.5: -13, 63: -7, 125: -6, 250: -7, 500: -12, 1000: -18, 2000: -25, 4000: -32, 8000: -41, 16000: -50}
LEAF_HUSH = {125: -34, 250: -26, 500: -18, 1000: -11, 2000: -7, 4000: -4, 8000: -7, 16000: -17}
FIRE_HISS = {250: -30, 500: -24, 1000: -18, 2000: -12, 4000: -8, 8000: -5, 16000: -6}
FIRE_ROAR = {31.5: -9, 63: -5, 125: -5, 250: -11, 500: -19, 1000: -26, 2000: -36}
ROOM = {31.5: -8, 63: -6, 125: -7, 250: -11, 500: -17, 1000: -23, 2000: -29, 4000: -35, 8000: -41, 16000: -48}
VENTILATION = {63: -12, 125: -6, 250: -4, 500: -8, 1000: -16, 2000: -26, 4000: -38}


def rain(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Rain: near drops, each an impact tick, a ringing bubble or a thud, over the hush of all the far ones.

    Drops fall as a Poisson process on a plane, so that their gains 1/r follow a power law of exponent 2; drops on water
    ring as Minnaert bubbles (van den Doel 2005); the far ones sum to Gaussian noise with the spectrum of recordings.
    """
    n = n_samples(duration_s, rate_hz)
    times = poisson_times(rng, 60 * 25**intensity * np.exp(0.15 * gust_curve(rng, n, rate_hz)), rate_hz)
    gains = power_law(rng, len(times), 2.0, 14.0)
    hard, wet, dull = (kind := rng.random(len(times))) < 0.7, (kind >= 0.7) & (kind < 0.88), kind >= 0.88
    near = (
        ticks(rng, n, rate_hz, times[hard], gains[hard], (2500, 11000), (900, 4000))
        + ticks(rng, n, rate_hz, times[hard], gains[hard], (1200, 6000), (900, 4000))
        + ticks(rng, n, rate_hz, times[dull], 0.8 * gains[dull], (250, 1200), (200, 700))
        + bubbles(n, rate_hz, times[wet], log_uniform(rng, 6e-4, 2.5e-3, wet.sum()), 0.35 * gains[wet], 0.1)
    )
    bed = octave_noise(rng, n, rate_hz, RAIN_BED) * np.exp(0.06 * gust_curve(rng, n, rate_hz))
    return bed + 10 ** ((-2 - 6 * intensity) / 20) * unit_power(near)


def wind(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Wind: turbulent noise that grows and brightens with the gusts, and edges that howl at wandering pitches.

    Gusts have a 1/f spectrum; aeolian tones f = St u / d follow the wind speed u and their level grows much faster
    than u (Strouhal 1878; Farnell, "Designing Sound", 2010, ch. 41).
    """
    n = n_samples(duration_s, rate_hz)
    sampled = np.arange(n // 64 + 2) * (64 / rate_hz)
    gust = gust_curve(rng, len(sampled), round(rate_hz / 64))
    speed = np.exp((0.2 + 0.2 * intensity) * gust)
    edges = [
        (
            freq,
            q,
            (0.8 + 1.6 * intensity) * rng.uniform(0.5, 1),
            0.12 * gust_curve(rng, len(sampled), round(rate_hz / 64), 0.3, 3),
        )
        for freq, q in zip(log_uniform(rng, 150, 900, 4), rng.uniform(3, 9, 4), strict=True)
    ]

    def amplitude(times_s: Array, freqs_hz: Array) -> Array:
        u = np.interp(times_s, sampled, speed)[:, None]
        octaves = np.log2(np.maximum(freqs_hz, 20) / 250)
        total = octave_amplitude(WIND_BROAD, freqs_hz, rate_hz) ** 2 * u ** (4 + 1.2 * octaves)
        for freq, q, gain, wander in edges:
            centre = freq * u**0.7 * np.exp(np.interp(times_s, sampled, wander))[:, None]
            line = 1 / (1 + (q * (freqs_hz / centre - centre / np.maximum(freqs_hz, 1))) ** 2)
            total += gain**2 * line**2 * u**6 * rate_hz / 2 / (centre * 1.57 / q) * 0.1
        return np.sqrt(total)

    return moving_noise(rng, n, rate_hz, amplitude, 0.1)


def leaves(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Leaves in the wind: a granular flutter of small collisions whose number follows the gusts, over a hush."""
    n = n_samples(duration_s, rate_hz)
    gust = np.exp((0.45 + 0.25 * intensity) * gust_curve(rng, n, rate_hz, 0.15, 6))
    times = poisson_times(rng, 120 * 12**intensity * gust, rate_hz)
    gains = power_law(rng, len(times), 2.2, 8.0)
    flutter = ticks(rng, n, rate_hz, times, gains, (1800, 8000), (700, 3000))
    hush = octave_noise(rng, n, rate_hz, LEAF_HUSH) * gust**0.8
    return unit_power(hush) + 0.6 * unit_power(flutter)


def fire(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Fire: lapping low flames, the hiss of escaping gas, and crackles with power-law energies that come in clusters.

    The three parts and their control are Farnell's ("Designing Sound", 2010, ch. 34).
    """
    n = n_samples(duration_s, rate_hz)
    flames = gust_curve(rng, n, rate_hz, 0.3, 6)
    roar = octave_noise(rng, n, rate_hz, FIRE_ROAR) * np.exp(0.35 * flames)
    hiss = octave_noise(rng, n, rate_hz, FIRE_HISS) * np.exp(0.2 * flames + 0.15 * gust_curve(rng, n, rate_hz, 2.0, 4))
    activity = np.exp(0.8 * gust_curve(rng, n, rate_hz, 0.4, 4))
    parents = poisson_times(rng, 6 * 4**intensity * activity, rate_hz)
    children = rng.geometric(0.45, len(parents))
    times = np.repeat(parents, children) + rng.exponential(0.025, children.sum()) * (rng.random(children.sum()) < 0.6)
    gains = power_law(rng, len(times), 1.3, 60.0)
    crackle = sum(
        ticks(rng, n, rate_hz, times + rng.exponential(3e-4, len(times)), gains, freqs, decays)
        for freqs, decays in (
            ((900, 3500), (500, 2500)),
            ((2000, 7000), (800, 4000)),
            ((4000, 11000), (1200, 6000)),
            ((6000, 14000), (1500, 6000)),
        )
    )
    fizz_times = poisson_times(rng, 150 * activity, rate_hz)
    fizz = ticks(rng, n, rate_hz, fizz_times, power_law(rng, len(fizz_times), 1.8, 10), (4000, 14000), (2000, 8000))
    return (0.25 + 0.5 * intensity) * roar + 0.12 * hiss + unit_power(crackle) + 0.1 * unit_power(fizz)


def room_tone(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """The quiet of a room: noise between brown and pink, and a breath of ventilation without any hum."""
    n = n_samples(duration_s, rate_hz)
    breath = np.exp(0.15 * gust_curve(rng, n, rate_hz, 0.08, 3))
    air = octave_noise(rng, n, rate_hz, VENTILATION) * breath
    return octave_noise(rng, n, rate_hz, ROOM) + 0.6 * intensity * air


def thunder(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.08
) -> Array:
    """Thunder: lightning strokes ``event_rate`` times a second, nearer (crack, then roll) the higher the ``intensity``."""
    n = n_samples(duration_s, rate_hz)
    out = np.zeros(n)
    for time in event_times(rng, duration_s, event_rate, min_gap_s=4.0):
        distance = 6000 * 0.05 ** np.clip(intensity + rng.normal(0, 0.08), 0, 1)
        place(out, stroke(distance, rate_hz, rng), time, rate_hz, (300 / distance) ** 0.5)
    return out


def stroke(distance_m: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """One clap of thunder from a lightning channel that meets the ground ``distance_m`` away, about 10 s long.

    Ribner & Roy (1982), "Acoustics of thunder": a tortuous channel is a chain of short segments; each sends an N-wave
    that arrives after r / c with a strength of 1 / r. Air absorption grows with the path, terrain echoes roll on.
    """
    where = channel(distance_m, rng)
    path = np.linalg.norm(where, axis=1)
    arrival = (path - path.min()) / SPEED_OF_SOUND_M_S
    n = round((min(arrival.max(), 8.0) + 5.0) * rate_hz)
    size = fft.next_fast_len(n, real=True)
    freqs = np.fft.rfftfreq(size, 1 / rate_hz)
    spectrum = np.zeros(len(freqs), complex)
    width = rng.choice([0.004, 0.007, 0.012], len(path))
    layers = np.quantile(path, np.linspace(0, 1, 7))
    for seconds in (0.004, 0.007, 0.012):
        direct = np.zeros(len(freqs), complex)
        for near, far in pairwise(layers):
            here = (path >= near) & (path <= far) & (width == seconds)
            pulses = np.bincount(np.round(arrival[here] * rate_hz).astype(int), 1 / path[here], minlength=n)[:n]
            # ISO 9613-1 at 15 degrees and 70 %: about 4 dB/km at 1 kHz.
            absorption_db = 4e-3 * (near + far) / 2 * (freqs / 1000) ** 1.6
            direct += fft.rfft(pulses, size) * 10 ** (-absorption_db / 20)
        t = np.arange(round(seconds * rate_hz)) / rate_hz
        spectrum += direct * fft.rfft(1 - 2 * t / seconds, size)
    t = np.arange(n) / rate_hz
    echo = moving_noise(rng, n, rate_hz, lambda s, f: np.exp(-s / 1.3)[:, None] / (1 + (f / 180) ** 2)[None])
    rolling = spectrum * (1 + 0.6 * fft.rfft(echo, size) / np.sqrt(rate_hz))
    x = fft.irfft(rolling * (freqs > 15), size)[:n] * np.minimum(1, (t[-1] - t) / 2.0)
    return x / np.max(np.abs(x))


def channel(distance_m: float, rng: np.random.Generator) -> Array:
    """Points (P, 3) every 3 m along a lightning channel with branches, the listener in the origin.

    Direction changes of 16 degrees on average per segment (Hill 1968) under a slow lean make the tortuosity.
    """

    def walk(start: Array, heading: Array, steps: int) -> Array:
        turns = np.cumsum(rng.normal(0, 0.16, (steps, 3)), axis=0)
        kinks = 0.3 * rng.standard_normal((steps, 3)) + turns - turns * np.linspace(0, 1, steps)[:, None]
        directions = heading + kinks
        return start + np.cumsum(3 * directions / np.linalg.norm(directions, axis=1, keepdims=True), axis=0)

    trunk = walk(np.array([distance_m, 0.0, 0.0]), np.array([rng.normal(0, 0.4), rng.normal(0, 0.4), 1.0]), 1500)
    twigs = [
        walk(trunk[rng.integers(200, 1400)], np.array([rng.normal(), rng.normal(), -0.4]), rng.integers(100, 500))
        for _ in range(rng.integers(2, 6))
    ]
    return np.concatenate([trunk, *twigs])


SOUNDS: Mapping[str, Callable[..., Array]] = {
    "rain": rain,
    "thunder": thunder,
    "wind": wind,
    "leaves": leaves,
    "fire": fire,
    "room tone": room_tone,
}
