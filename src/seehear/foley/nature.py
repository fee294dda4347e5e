"""Weather, leaves, fire and quiet rooms.

Every function returns a mono waveform (T,) of ``round(duration_s * rate_hz)`` samples; ``intensity`` runs from 0 to 1.
Octave-band levels were set beside recordings (docs/foley.md); continuous sounds start in the middle of things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import signal

from seehear.foley.blocks import (
    Array,
    bubbles,
    event_times,
    fade,
    gust_curve,
    log_uniform,
    moving_noise,
    octave_amplitude,
    octave_noise,
    place,
    poisson_times,
    power_law,
    signs,
    ticks,
    unit_power,
)
from seehear.types import n_samples

SPEED_OF_SOUND_M_S = 343.0
LEAD_S = 0.05
"""Silence before the first arrival of thunder, room for the filters."""

RAIN_BED = {31.5: -23, 63: -17.5, 125: -14, 250: -12, 500: -10.5, 1000: -9, 2000: -8, 4000: -8.5, 8000: -10, 16000: -16}
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
    times = poisson_times(rng, 150 * 16**intensity * np.exp(0.45 * gust_curve(rng, n, rate_hz)), rate_hz)
    gains = power_law(rng, len(times), 2.0, 7.0) * signs(rng, len(times))
    hard, wet, dull = (kind := rng.random(len(times))) < 0.7, (kind >= 0.7) & (kind < 0.88), kind >= 0.88
    near = (
        ticks(rng, n, rate_hz, times[hard], gains[hard], (3000, 12000), (1500, 7000))
        + ticks(rng, n, rate_hz, times[hard], gains[hard], (1200, 6000), (1500, 6000))
        + ticks(rng, n, rate_hz, times[dull], 0.8 * gains[dull], (250, 1200), (200, 700))
        + bubbles(n, rate_hz, times[wet], log_uniform(rng, 6e-4, 2.5e-3, wet.sum()), 0.35 * gains[wet], 0.1)
    )
    bed = octave_noise(rng, n, rate_hz, RAIN_BED) * np.exp(0.18 * gust_curve(rng, n, rate_hz))
    return bed + 10 ** ((-5 - 4 * intensity) / 20) * unit_power(near)


def wind(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Wind: turbulent noise that grows and brightens with the gusts, and edges that howl at wandering pitches.

    Gusts have a 1/f spectrum; aeolian tones f = St u / d follow the wind speed u and their level grows much faster
    than u (Strouhal 1878; Farnell, "Designing Sound", 2010).
    """
    n = n_samples(duration_s, rate_hz)
    sampled = np.arange(n // 64 + 2) * (64 / rate_hz)
    gust = gust_curve(rng, len(sampled), round(rate_hz / 64))
    speed = np.exp((0.2 + 0.2 * intensity) * gust)
    edges = [
        (
            freq,
            q,
            (0.6 + 1.6 * intensity) * rng.uniform(0.4, 1),
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
    steps = n // 64 + 2
    gust = (0.4 + 0.3 * intensity) * gust_curve(rng, steps, round(rate_hz / 64), 0.12, 4)
    force = np.exp(gust + 0.4 * gust_curve(rng, steps, round(rate_hz / 64), 1.7, 4))
    sampled = np.arange(steps) * (64 / rate_hz)

    def amplitude(times_s: Array, freqs_hz: Array) -> Array:
        u = np.interp(times_s, sampled, force)[:, None]
        return octave_amplitude(LEAF_HUSH, freqs_hz, rate_hz) * u ** (1 - 0.15 * np.log2(np.maximum(freqs_hz, 100) / 4000))

    times = poisson_times(rng, 200 * 10**intensity * np.interp(np.arange(n) / rate_hz, sampled, force), rate_hz)
    flutter = ticks(rng, n, rate_hz, times, power_law(rng, len(times), 2.2, 8.0), (1800, 9000), (1200, 5000))
    return unit_power(moving_noise(rng, n, rate_hz, amplitude)) + (0.75 - 0.3 * intensity) * unit_power(flutter)


def fire(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Fire: lapping low flames, the hiss of escaping gas, and crackles with power-law energies that come in clusters.

    The three parts and their control are Farnell's ("Designing Sound", 2010).
    """
    n = n_samples(duration_s, rate_hz)
    flames = gust_curve(rng, n, rate_hz, 0.3, 6)
    roar = octave_noise(rng, n, rate_hz, FIRE_ROAR) * np.exp(0.35 * flames)
    hiss = octave_noise(rng, n, rate_hz, FIRE_HISS) * np.exp(0.2 * flames + 0.15 * gust_curve(rng, n, rate_hz, 2.0, 4))
    activity = np.exp(0.8 * gust_curve(rng, n, rate_hz, 0.4, 4))
    parents = poisson_times(rng, 6 * 4**intensity * activity, rate_hz)
    children = rng.geometric(0.45, len(parents))
    times = np.repeat(parents, children) + rng.exponential(0.025, children.sum()) * (rng.random(children.sum()) < 0.6)
    gains = 0.6 * power_law(rng, len(times), 1.3, 25.0)
    crackle = sum(
        ticks(rng, n, rate_hz, times + rng.exponential(3e-4, len(times)), gains, freqs, decays)
        for freqs, decays in (
            ((1200, 4500), (500, 2500)),
            ((3000, 8000), (800, 4000)),
            ((5000, 12000), (1200, 6000)),
            ((7000, 15000), (1500, 6000)),
        )
    )
    pops = gains > 4
    crackle += ticks(rng, n, rate_hz, times[pops], 0.25 * gains[pops], (150, 900), (60, 250))
    fizz_times = poisson_times(rng, 150 * activity, rate_hz)
    fizz = ticks(rng, n, rate_hz, fizz_times, 0.3 * power_law(rng, len(fizz_times), 1.8, 10), (4000, 14000), (2000, 8000))
    return (0.5 + 0.7 * intensity) * roar + 0.12 * hiss + crackle + fizz


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
        distance = 3000 * 0.04 ** np.clip(intensity + rng.normal(0, 0.06), 0, 1)
        place(out, stroke(distance, duration_s - time + LEAD_S, rate_hz, rng), time - LEAD_S, rate_hz, (300 / distance) ** 0.5)
    return out


def stroke(distance_m: float, longest_s: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """One thunder (T,) of unit peak, cut after ``longest_s``, of lightning that meets the ground ``distance_m`` away.

    Ribner & Roy (1982), "Acoustics of thunder": each short segment of a tortuous channel sends an N-wave that arrives
    after r / c with a strength of 1 / r. As r grows with time, air absorption is a low-pass that closes with time.
    Echoes from the terrain are the direct sound convolved with decaying, uneven noise.
    """
    points = channel(distance_m, rng)
    path = np.linalg.norm(points, axis=1)
    # The current varies along the channel and weakens with height.
    strength = np.exp(0.6 * gust_curve(rng, len(path), 1, 1 / 200, 4) - np.abs(points[:, 2]) / 1200) / path
    arrival = LEAD_S + (path - path.min()) / SPEED_OF_SOUND_M_S
    end_s = arrival.max() + 4.0
    n = round(min(end_s, longest_s) * rate_hz)
    x = n_waves(n, rate_hz, arrival, log_uniform(rng, 0.0008, 0.014, len(path)), strength)
    t = np.arange(n) / rate_hz
    decay = np.exp(0.9 * gust_curve(rng, n, rate_hz, 0.7, 3) - t)
    echo = decay * moving_noise(
        rng, n, rate_hz, lambda _, f: min(distance_m / 800, 1.2) / (1 + (f[None] / 150) ** 2) + 0.5 / (1 + (f[None] / 600) ** 2)
    )
    x = x + signal.oaconvolve(x, echo / np.sqrt(np.sum(decay**2)))[:n]
    x = absorb(x, rate_hz, path.min() - LEAD_S * SPEED_OF_SOUND_M_S)
    x = fade(x, LEAD_S + distance_m / 4000, 0, rate_hz) * np.clip((end_s - t) / 2.5, 0, 1)
    return x / max(float(np.max(np.abs(x))), 1e-12)


def n_waves(n: int, rate_hz: int, arrivals_s: Array, durations_s: Array, strengths: Array) -> Array:
    """The sum (n,) of N-waves, each falling in a straight line from a to -a with a^2 x duration the same per unit strength.

    Built from its jumps and its slopes, which are summed up at the end: the cost does not depend on the durations.
    """
    start = np.round(arrivals_s * rate_hz).astype(int)
    length = np.maximum(np.round(durations_s * rate_hz).astype(int), 2)
    inside = start + length < n
    start, length, height = start[inside], length[inside], (strengths / np.sqrt(durations_s))[inside]
    slope = 2 * height / (length - 1)
    jumps = np.bincount(start, height, n) + np.bincount(start + length, height, n)
    slopes = np.bincount(start + length, slope, n) - np.bincount(start + 1, slope, n)
    return np.cumsum(jumps + np.cumsum(slopes))


def absorb(x: Array, rate_hz: int, path_m: float) -> Array:
    """``x`` after air absorption over a path of ``path_m`` that grows by the speed of sound while it lasts."""
    transform = signal.ShortTimeFFT(signal.windows.hann(half := 2 * round(0.02 * rate_hz)), half // 2, rate_hz)
    frames = transform.stft(x)
    path = np.maximum(path_m + SPEED_OF_SOUND_M_S * transform.t(len(x)), 0)
    loss_db = np.outer(air_db_per_m(transform.f), path)
    return transform.istft(frames * 10 ** (-loss_db / 20), k1=len(x))


def air_db_per_m(freqs_hz: Array) -> Array:
    """Air absorption in dB/m: a power law within 2 dB/km of ISO 9613-1 (15 degrees, 70 % humidity) up to 4 kHz."""
    return 4e-3 * (freqs_hz / 1000) ** 1.4


def channel(distance_m: float, rng: np.random.Generator) -> Array:
    """Points (P, 3) every 3 m along a lightning channel with branches, the listener in the origin.

    Tortuous at two scales: kinks from segment to segment and bends over about 200 m. Where the channel runs across the
    line of sight many segments arrive together: a clap.
    """

    def walk(start: Array, heading: Array, steps: int) -> Array:
        memory = np.exp(-3 / 200)
        bends = signal.lfilter([np.sqrt(1 - memory**2)], [1, -memory], rng.standard_normal((steps, 3)), axis=0)
        directions = heading + 1.5 * bends + 0.35 * rng.standard_normal((steps, 3))
        return start + np.cumsum(3 * directions / np.linalg.norm(directions, axis=1, keepdims=True), axis=0)

    trunk = walk(np.array([distance_m, 0.0, 0.0]), np.array([rng.normal(0, 0.4), rng.normal(0, 0.4), 1.0]), 1400)
    starts = trunk[rng.integers(200, 1300, rng.integers(2, 6))]
    twigs = [walk(start, rng.normal(0, 1, 3) * (1, 1, 0.4), rng.integers(100, 400)) for start in starts]
    return np.concatenate([trunk, *twigs])


SOUNDS: Mapping[str, Callable[..., Array]] = {
    "rain": rain,
    "thunder": thunder,
    "wind": wind,
    "leaves": leaves,
    "fire": fire,
    "room tone": room_tone,
}
