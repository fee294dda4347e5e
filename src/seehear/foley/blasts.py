"""Blast waves and what the land makes of them: gunshots, fireworks.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level; ``event_rate`` in events per second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from seehear.foley.blocks import Array, band, event_times, fade, log_uniform, moving_noise, place, slow_random
from seehear.foley.modes import LN1000, decaying
from seehear.foley.pulses import impulses, through_air, without_rumble
from seehear.types import InputError, n_samples

SPEED_OF_SOUND = 343.0


def friedlander(positive_s: float, n: int, rate_hz: int, start_s: float = 0.0) -> Array:
    """A blast wave (n,) of unit peak: p(t) = (1 - t / t+) exp(-t / t+), positive for ``positive_s`` (Friedlander 1946).

    Each sample is the mean over its own interval, from the integral t exp(-t / t+); so no impulse is lost between samples and
    the whole sums to nothing, as it must.
    """
    edges = np.maximum((np.arange(n + 1) / rate_hz) - start_s, 0.0)
    return np.diff(edges * np.exp(-edges / positive_s)) * rate_hz


def n_wave(duration_s: float, n: int, rate_hz: int, start_s: float = 0.0) -> Array:
    """The wave (n,) of a bullet faster than sound, from 1 down to -1 in ``duration_s`` (Whitham 1952), averaged over samples."""
    edges = np.clip(np.arange(n + 1) / rate_hz - start_s, 0.0, duration_s)
    return np.diff(edges - edges**2 / duration_s) * rate_hz


def ground_delay_s(source_m: float, listener_m: float, distance_m: float) -> float:
    """By how much the reflection from level ground is late: (sqrt(d^2 + (a + b)^2) - sqrt(d^2 + (a - b)^2)) / c."""
    longer = np.hypot(distance_m, source_m + listener_m) - np.hypot(distance_m, source_m - listener_m)
    return float(longer / SPEED_OF_SOUND)


def _land(rng: np.random.Generator, rate_hz: int, length_s: float, t60_s: float, dark_s: float) -> Array:
    """What open land sends back (T,): noise that starts late, dies within ``t60_s``, loses its highs by 1/e in ``dark_s``, and
    a few distinct echoes of a wall, a wood, a slope."""

    def level(times: Array, freqs: Array) -> Array:
        highs = (freqs[None] / 1200.0) * times[:, None] / dark_s
        start = 1 - np.exp(-times[:, None] / 0.006)
        return 10 ** (-3 * times[:, None] / t60_s) * start * np.exp(-highs)

    n = round(length_s * rate_hz)
    tail = moving_noise(rng, n, rate_hz, level, 0.02)
    tail /= max(float(np.sqrt(np.sum(tail**2))), 1e-12)
    for _ in range(rng.integers(2, 6)):
        time = rng.uniform(0.04, 0.75 * length_s)
        size = max(round(rng.uniform(0.004, 0.03) * rate_hz), 8)
        echo = band(rng.standard_normal(size), None, 4000 / (1 + time / dark_s), rate_hz, 1) * np.hanning(size)
        place(tail, echo / np.sqrt(np.sum(echo**2)), time, rate_hz, 0.35 * 10 ** (-2.2 * time / t60_s) * rng.uniform(0.4, 1.3))
    return tail


# ----------------------------------------------------------------------------------------------- gunshot


@dataclass(frozen=True)
class Gun:
    positive_s: tuple[float, float]
    """Positive phase of the muzzle blast, s."""
    supersonic: bool
    action_s: tuple[float, float] | None
    """When the action slams after the shot; None where a hand works it."""


GUNS: Mapping[str, Gun] = {
    "pistol": Gun((0.0003, 0.0005), False, (0.04, 0.065)),
    "rifle": Gun((0.0005, 0.0009), True, (0.06, 0.1)),
    "shotgun": Gun((0.0007, 0.0012), False, None),
}
"""Blasts last 3 to 5 ms in all (Maher 2007, "Acoustical characterization of gunshots")."""


def gunshot(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float = 0.35,
    gun: str | None = None,
) -> Array:
    """Shots of one gun, ``gun`` pistol, rifle or shotgun (by default the clip draws), out of doors.

    A Friedlander blast, its reflection from the ground, the gases that follow, the land's answer; before a rifle's blast the
    N-wave of the bullet when one stands ahead of it, after it the slam of the action and a case that falls (Maher 2007; Beck,
    Nakasone & Marr 2011). ``intensity`` is how near: 60 m to 3 m. InputError: unknown gun.
    """
    if gun is not None and gun not in GUNS:
        raise InputError(f"a gun is one of {', '.join(GUNS)}, got {gun!r}")
    n = n_samples(duration_s, rate_hz)
    kind = GUNS[gun or str(rng.choice(list(GUNS), p=[0.4, 0.4, 0.2]))]
    distance_m = 60 * 0.05**intensity * rng.uniform(0.8, 1.25)
    ahead = kind.supersonic and rng.random() < 0.5
    land = _land(rng, rate_hz, 1.8, rng.uniform(1.1, 2.2), rng.uniform(0.3, 0.8))
    echo = (0.7 + 0.6 * (distance_m / 60) ** 0.5) * rng.uniform(0.7, 1.4)
    positive_s = rng.uniform(*kind.positive_s)
    cases = log_uniform(rng, 2500, 9500, 6)
    x = np.zeros(n)
    for time in event_times(rng, duration_s, event_rate, 0.35):
        shot = _shot(positive_s * rng.uniform(0.93, 1.07), distance_m, ahead, land, echo, rate_hz, rng)
        place(x, shot, time, rate_hz, rng.uniform(0.85, 1.1))
        near = 3 / max(distance_m, 3.0)
        if kind.action_s is not None:
            slam = _metal(rng.uniform(500, 6000, 12), 0.03, rate_hz, rng)
            place(x, slam, time + rng.uniform(*kind.action_s), rate_hz, 0.035 * near)
            bounce_s, gap_s = time + rng.uniform(0.5, 0.8), 0.16
            for k in range(4):
                place(x, _metal(cases, 0.09, rate_hz, rng), bounce_s, rate_hz, 0.014 * near * 0.6**k)
                bounce_s, gap_s = bounce_s + gap_s, gap_s * rng.uniform(0.45, 0.7)
    return without_rumble(x, rate_hz, 25.0)


def _metal(freqs_hz: Array, t60_s: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """Small metal that is struck, unit amplitude."""
    t60s = t60_s * rng.uniform(0.5, 1.3, len(freqs_hz))
    x = decaying(
        freqs_hz,
        LN1000 / t60s,
        rng.exponential(1.0, len(freqs_hz)),
        round(1.2 * t60_s * rate_hz),
        rate_hz,
        rng.uniform(0, 6, len(freqs_hz)),
    )
    return fade(x / max(float(np.abs(x).max(initial=0)), 1e-9), 0.0002, 0.01, rate_hz)


def _shot(
    positive_s: float, distance_m: float, ahead: bool, land: Array, echo: float, rate_hz: int, rng: np.random.Generator
) -> Array:
    """One shot (T,) as it arrives, unit peak before the air."""
    n = round(2.1 * rate_hz)
    lead_s = rng.uniform(0.01, 0.04) if ahead else 0.0
    x = friedlander(positive_s, n, rate_hz, lead_s)
    # The gas that leaves after the shock: a short turbulent jet.
    t = np.arange(n) / rate_hz
    gas = band(rng.standard_normal(n), 150, 5000, rate_hz, 1)
    x += 0.45 * gas * np.exp(-np.maximum(t - lead_s, 0) / rng.uniform(0.005, 0.016)) * (t > lead_s)
    if ahead:
        x += 0.4 * n_wave(rng.uniform(0.0002, 0.0004), n, rate_hz, 0.001)
    late_s = ground_delay_s(1.5, 1.6, distance_m)
    ground = band(x, None, 3000, rate_hz, 1) * rng.uniform(0.5, 0.8)
    delay = round(late_s * rate_hz)
    x[delay:] += ground[: n - delay]
    scattered = signal.oaconvolve(x[: round(0.06 * rate_hz)], land)[:n]
    x[: len(scattered)] += echo * np.sqrt(np.sum(x**2)) / max(float(np.sqrt(np.sum(scattered**2))), 1e-12) * scattered
    return fade(through_air(x, distance_m, rate_hz), 0.0, 0.2, rate_hz)


# --------------------------------------------------------------------------------------------- fireworks


def fireworks(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float | None = None
) -> Array:
    """Fireworks: mortars that lift, whistles that climb, shells that burst 40 to 280 m away, crackling stars, strings of bangs.

    A burst is a Friedlander wave of 1.5 to 6 ms with its reflection from the ground and the echo of the land; the lift is
    heard 1.5 to 3 s before it; crackling stars are a cloud of a few hundred small reports within two seconds; whistles sing
    at 1.5 to 4 kHz and sink (Conkling & Mocella 2010, Chemistry of Pyrotechnics; recordings). ``intensity`` is the size of
    the show and its nearness; ``event_rate`` bursts a second.
    """
    n = n_samples(duration_s, rate_hz)
    rate = event_rate or 0.35 + 1.1 * intensity
    distance_m = rng.uniform(60, 200) * (1.4 - 0.8 * intensity)
    land = _land(rng, rate_hz, 3.0, rng.uniform(1.3, 2.4), rng.uniform(0.2, 0.5))
    x = np.zeros(n)
    for time in event_times(rng, duration_s, rate):
        kind = str(rng.choice(["shell", "crackle", "whistle", "string"], p=[0.45, 0.25, 0.18, 0.12]))
        size = rng.uniform(0.4, 1.0)
        if kind == "string":
            place(x, _string(distance_m, land, rate_hz, rng), time, rate_hz, 0.5 * size)
            continue
        place(x, _burst(0.0015 + 0.0045 * size * rng.random(), distance_m, land, rate_hz, rng), time, rate_hz, size)
        if time > 1.5:
            place(
                x,
                _burst(rng.uniform(0.006, 0.012), distance_m, land, rate_hz, rng),
                time - rng.uniform(1.4, 2.6),
                rate_hz,
                0.12 * size,
            )
        if kind == "crackle":
            place(x, _crackle(distance_m, rate_hz, rng), time + rng.uniform(0.3, 0.8), rate_hz, 0.3 * size)
        if kind == "whistle":
            whistle = _whistle(min(rng.uniform(0.7, 1.8), max(time, 0.3)), rate_hz, rng)
            place(x, through_air(whistle, distance_m, rate_hz), time - len(whistle) / rate_hz, rate_hz, 0.05)
    return without_rumble(x, rate_hz, 22.0)


def _burst(positive_s: float, distance_m: float, land: Array, rate_hz: int, rng: np.random.Generator) -> Array:
    """One report (T,) through the air, with ground and land."""
    n = round(3.2 * rate_hz)
    height_m = rng.uniform(0.4, 0.7) * distance_m
    late_s = ground_delay_s(height_m, 1.7, np.sqrt(max(distance_m**2 - height_m**2, 1.0)))
    x = friedlander(positive_s, n, rate_hz)
    second = friedlander(1.6 * positive_s, n, rate_hz, late_s + rng.uniform(0.0, 0.002))
    x += rng.uniform(0.5, 0.8) * second
    # Turbulence along the path folds the front (Pierce & Maglieri 1972): a few weaker copies within 10 ms.
    for _ in range(5):
        x += rng.uniform(-0.1, 0.2) * friedlander(positive_s * rng.uniform(0.3, 1), n, rate_hz, rng.uniform(0.001, 0.012))
    scattered = signal.oaconvolve(x[: round(0.05 * rate_hz)], land)[:n]
    scattered *= np.sqrt(np.sum(x**2) / max(float(np.sum(scattered**2)), 1e-12))
    x[: len(scattered)] += rng.uniform(0.45, 0.9) * scattered
    return fade(through_air(x, distance_m, rate_hz), 0.0, 0.3, rate_hz)


def _crackle(distance_m: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """Stars that burst on their own: reports of 0.1 to 0.3 ms at random, densest early."""
    length_s = rng.uniform(1.2, 2.4)
    n = round((length_s + 0.3) * rate_hz)
    count = int(rng.integers(120, 420))
    times = length_s * rng.beta(1.6, 2.4, count)
    gains = rng.lognormal(0, 0.6, count)
    out = np.zeros(n)
    for part in np.array_split(np.arange(count), 4):
        report = friedlander(rng.uniform(0.0001, 0.0003), round(0.02 * rate_hz), rate_hz)
        hit = impulses(times[part], gains[part], n, rate_hz)
        late = impulses(times[part] + rng.uniform(0.002, 0.009), 0.5 * gains[part], n, rate_hz)
        out += signal.oaconvolve(hit + band(late, None, 2500, rate_hz, 1), report)[:n]
    return through_air(out / max(float(np.abs(out).max(initial=0)), 1e-9), 0.6 * distance_m, rate_hz)


def _string(distance_m: float, land: Array, rate_hz: int, rng: np.random.Generator) -> Array:
    """A string of firecrackers: 6 to 30 bangs, 20 to 120 ms apart."""
    gaps = rng.lognormal(np.log(rng.uniform(0.03, 0.09)), 0.6, int(rng.integers(6, 30)))
    times = np.cumsum(gaps)
    out = np.zeros(round((times[-1] + 1.0) * rate_hz))
    near_m = 0.3 * distance_m
    for time in times:
        bang = friedlander(rng.uniform(0.0004, 0.0009), round(0.03 * rate_hz), rate_hz)
        place(out, bang, time, rate_hz, rng.lognormal(0, 0.25))
        place(out, band(bang, None, 2000, rate_hz, 1), time + ground_delay_s(0.3, 1.7, near_m), rate_hz, 0.5)
    scattered = signal.oaconvolve(out, land[:rate_hz])[: len(out)]
    out += 0.5 * np.sqrt(np.sum(out**2) / max(float(np.sum(scattered**2)), 1e-12)) * scattered
    return fade(through_air(out, near_m, rate_hz), 0.0, 0.3, rate_hz)


def _whistle(length_s: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """A whistling rocket: a tone with overtones that sinks as its tube empties, rough and hissing."""
    n = round(length_s * rate_hz)
    part = np.linspace(0, 1, n)
    hz = (
        rng.uniform(2400, 4000)
        * (1 - rng.uniform(0.15, 0.4) * part**0.8)
        * (1 + 0.012 * np.sin(2 * np.pi * rng.uniform(9, 25) * length_s * part))
    )
    turns = np.cumsum(hz * (1 + 0.012 * slow_random(rng, n, rate_hz, 45) + 0.02 * rng.standard_normal(n))) / rate_hz
    top = float(hz.max())
    # Combustion stutters: the tone comes in puffs.
    puffs = np.clip(0.75 + 0.45 * slow_random(rng, n, rate_hz, 28), 0.05, 1.5)
    x = sum((0.5 ** (k - 1) * np.sin(2 * np.pi * k * turns) for k in (1, 2, 3) if k * top < 0.45 * rate_hz), np.zeros(n))
    hiss = band(rng.standard_normal(n), 1500, 9000, rate_hz, 1)
    return fade((x + 0.5 * hiss) * puffs * (0.4 + 0.6 * part), 0.1, 0.04, rate_hz)


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {"gunshot": gunshot, "fireworks": fireworks}
