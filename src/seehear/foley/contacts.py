"""Things of the house that are struck, shut, dropped and broken: door, glass, ball.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level; ``event_rate`` in events per second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from seehear.foley.blocks import Array, band, damped_sines, event_times, fade, log_uniform, place, power_law, slow_random
from seehear.foley.modes import LN1000, body, decaying, through_body
from seehear.foley.pulses import impulses, without_rumble
from seehear.types import InputError, n_samples


def _click(freqs_hz: Array, t60_s: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """A small hard part that snaps: its modes, and under a millisecond of contact noise; unit peak."""
    t60s = t60_s * rng.uniform(0.5, 1.3, len(freqs_hz))
    n = max(round(1.3 * t60_s * rate_hz), 8)
    gains = rng.exponential(1.0, len(freqs_hz)) * (1500 / freqs_hz) ** 0.3
    x = decaying(freqs_hz, LN1000 / t60s, gains, n, rate_hz, rng.uniform(0, 6.28, len(freqs_hz)))
    x += 2.0 * band(rng.standard_normal(n), 1200, 9000, rate_hz, 1) * np.exp(-np.arange(n) / rate_hz / 0.0012)
    return fade(x / max(float(np.abs(x).max(initial=0)), 1e-9), 0.0002, 0.2 * t60_s, rate_hz)


# -------------------------------------------------------------------------------------------------- door


@dataclass(frozen=True)
class Door:
    """One door: its leaf, its lock, its hinges."""

    panel_hz: Array
    panel_t60s_s: Array
    lock_hz: Array
    wood: Array
    creaks: bool


def door(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.4) -> Array:
    """A door that is opened and shut in turn: handle and latch, hinges that may creak, the thud of the leaf in its frame.

    Shut: the leaf strikes the frame (bending modes of a damped plate from 50 to 90 Hz, with the air behind it), the latch
    snaps 10 to 90 ms before and rattles after. Opened: handle, latch withdrawn, leaf released. A creak is stick-slip: the joint
    sticks, slips at 30 to 400 times a second depending on speed, and each slip rings the wood (Avanzini, Serafin &
    Rocchesso 2005; Farnell 2010, Creaking). ``intensity`` from drawn shut to slammed; ``event_rate`` in movements a second.
    """
    n = n_samples(duration_s, rate_hz)
    base = rng.uniform(48, 88)
    sides = np.arange(1, 6)
    panel = np.sort((sides[:, None] ** 2 + (rng.uniform(1.9, 2.4) * sides[None, :4]) ** 2).ravel())[:14]
    panel = base * panel / panel[0] * rng.uniform(0.94, 1.06, 14)
    this = Door(
        panel,
        rng.uniform(0.22, 0.42) * (base / panel) ** 0.45 * rng.uniform(0.7, 1.2, 14),
        log_uniform(rng, 500, 5500, 16),
        body(
            rng, rate_hz, ((210.0, 9.0, 0.7), (480.0, 12.0, 1.0)), (750.0, 13_000.0), count=40, q=16.0, slope_db_per_octave=-2.0
        ),
        bool(rng.random() < 0.45),
    )
    x = np.zeros(n)
    opens = bool(rng.random() < 0.4) and duration_s > 1.0
    for time in event_times(rng, duration_s, event_rate, 0.9):
        force = (0.25 + 0.9 * intensity) * rng.uniform(0.75, 1.2)
        if opens:
            place(x, _opened(this, rate_hz, rng), time, rate_hz, 0.12 + 0.08 * intensity)
        if this.creaks and intensity < 0.85 and rng.random() < 0.7:
            swing_s = rng.uniform(0.5, 1.6) * (1.3 - 0.6 * intensity)
            start = time + 0.3 if opens else time - swing_s - 0.05
            place(x, creak(swing_s, this.wood, rate_hz, rng), start, rate_hz, rng.uniform(0.04, 0.14))
        if not opens:
            place(x, _shut(this, force, rate_hz, rng), time - 0.1, rate_hz, force)
        opens = not opens
    return without_rumble(x, rate_hz, 30.0)


def _shut(this: Door, force: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """The leaf meets its frame at 0.1 s; latch before, rattle after."""
    out = np.zeros(round(0.95 * rate_hz))
    n = round(0.7 * rate_hz)
    tilt = this.panel_hz[0] / this.panel_hz
    gains = tilt ** (0.9 - 0.5 * min(force, 1)) * rng.lognormal(0, 0.35, len(tilt))
    thud = decaying(this.panel_hz, LN1000 / this.panel_t60s_s, gains, n, rate_hz, rng.uniform(-0.5, 0.5, len(tilt)))
    thud /= max(float(np.abs(thud).max()), 1e-9)
    t = np.arange(n) / rate_hz
    slap = through_body(band(rng.standard_normal(n), 120, 2200, rate_hz, 1) * np.exp(-t / rng.uniform(0.005, 0.011)), this.wood)
    place(out, fade(thud, 0.002, 0.1, rate_hz), 0.1, rate_hz)
    place(out, slap, 0.1, rate_hz, (0.12 + 0.3 * force) / max(float(np.abs(slap).max()), 1e-9))
    latch_s = 0.1 - rng.uniform(0.005, 0.08)
    for time, gain in ((latch_s, 0.14), (0.1 + rng.uniform(0.004, 0.015), 0.16), (0.1 + rng.uniform(0.03, 0.09), 0.07)):
        place(out, through_body(_click(this.lock_hz, 0.03, rate_hz, rng), this.wood), time, rate_hz, gain * rng.uniform(0.5, 1.2))
    for time in 0.12 + np.cumsum(rng.uniform(0.02, 0.06, 4)):
        place(out, _click(this.lock_hz, 0.02, rate_hz, rng), time, rate_hz, 0.02 * force * rng.random())
    return out


def _opened(this: Door, rate_hz: int, rng: np.random.Generator) -> Array:
    """Handle pressed, bolt drawn, leaf let go, handle back: four small clusters of clicks over half a second."""
    out = np.zeros(round(1.0 * rate_hz))
    times = np.cumsum([0.0, rng.uniform(0.08, 0.18), rng.uniform(0.04, 0.1), rng.uniform(0.12, 0.25)])
    for time, gain in zip(times, (0.5, 1.0, 0.7, 0.6), strict=True):
        for _ in range(rng.integers(2, 5)):
            click = _click(this.lock_hz * rng.uniform(0.95, 1.05), rng.uniform(0.012, 0.04), rate_hz, rng)
            place(
                out,
                click + 0.7 * through_body(click, this.wood),
                time + rng.exponential(0.012),
                rate_hz,
                gain * rng.uniform(0.3, 1),
            )
    slide = band(rng.standard_normal(len(out)), 1500, 7000, rate_hz, 1)
    place(out, (slide * np.exp(-(((np.arange(len(out)) / rate_hz - times[1]) / 0.03) ** 2)))[: len(out)], 0.0, rate_hz, 0.04)
    release = decaying(
        this.panel_hz, 1.5 * LN1000 / this.panel_t60s_s, this.panel_hz[0] / this.panel_hz, round(0.3 * rate_hz), rate_hz
    )
    place(out, fade(release, 0.003, 0.1, rate_hz), times[2], rate_hz, 0.25)
    return out


def creak(length_s: float, wood: Array, rate_hz: int, rng: np.random.Generator) -> Array:
    """A creak (T,) of unit peak: slips whose rate follows the swing, from ticks one hears singly to a rough tone and back."""
    n = max(round(length_s * rate_hz), 16)
    part = np.linspace(0, 1, n)
    # Hinges let go of a swing that slows: it ends in single ticks.
    speed = np.clip(part / 0.12, 0.1, 1) * (1 - part) ** rng.uniform(0.4, 1.6) * np.exp(0.5 * slow_random(rng, n, rate_hz, 2.5))
    slips_hz = 9 + rng.uniform(70, 240) * speed
    turns = np.cumsum(slips_hz) / rate_hz
    marks = np.interp(np.arange(1, int(turns[-1]) + 1), turns, np.arange(n) / rate_hz)
    marks = marks + 0.035 * rng.standard_normal(len(marks)) / np.interp(marks, np.arange(n) / rate_hz, slips_hz)
    # The longer it stuck, the more is let go.
    stuck = np.diff(marks, prepend=0.0) * slips_hz.mean()
    slips = impulses(np.sort(marks), np.clip(stuck, 0.2, 3) * rng.lognormal(0, 0.35, len(marks)), n, rate_hz)
    rough = band(slips, 250, 6500, rate_hz, 1)
    rough = rough + 0.06 * float(np.std(rough)) * band(rng.standard_normal(n), 1200, 6000, rate_hz, 1) * speed
    x = fade(through_body(rough, wood), 0.02, 0.05, rate_hz)
    return x / max(float(np.abs(x).max()), 1e-9)


# ------------------------------------------------------------------------------------------------- glass


def wine_glass_hz(fundamental_hz: float, count: int) -> Array:
    """Bending modes n = 2, 3, ... of a wine glass (count,): f ~ (n^2 - 1) / sqrt(1 + 1 / n^2) (French 1983, In vino veritas)."""
    n = np.arange(2, count + 2)
    shape = (n**2 - 1) / np.sqrt(1 + 1 / n**2)
    return fundamental_hz * shape / shape[0]


def glass(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float = 0.4,
    happening: str | None = None,
) -> Array:
    """Glass, ``happening`` clink or break: two glasses that touch, or something that falls and breaks.

    A clink strikes two glasses at once, each with the bending modes of a wine glass in slightly split pairs, low ones ringing
    longest; they touch once, and often a second time at once. Breaking is one crack and then many shards, each bouncing in
    its own dying rhythm: the ear takes several unlike rhythms for breaking (Warren & Verbrugge 1984); small shards are many,
    light and high (power law of masses). By default the clip draws, breaking likelier at high ``intensity``. InputError:
    unknown happening.
    """
    if happening not in (None, "clink", "break"):
        raise InputError(f"glass can clink or break, got {happening!r}")
    n = n_samples(duration_s, rate_hz)
    breaks = happening == "break" or (happening is None and rng.random() < 0.1 + 0.6 * intensity)
    x = np.zeros(n)
    pair = [log_uniform(rng, 480, 1300, 1)[0] * np.array([1.0, rng.uniform(1.04, 1.5)]), rng.uniform(0.9, 2.6, 2)]
    for time in event_times(rng, duration_s, event_rate, 1.8 if breaks else 0.5):
        clip = _broken(intensity, rate_hz, rng) if breaks else _clink(*pair, intensity, rate_hz, rng)
        place(x, clip, time, rate_hz, rng.uniform(0.7, 1.1))
    return without_rumble(x, rate_hz, 80.0)


def _clink(fundamentals_hz: Array, t60s_s: Array, intensity: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """Two glasses that touch."""
    n = round(1.4 * float(t60s_s.max()) * rate_hz)
    out = np.zeros(n)
    touches = [(0.0, 1.0)] + ([(rng.uniform(0.02, 0.07), rng.uniform(0.15, 0.5))] if rng.random() < 0.6 else [])
    for fundamental, t60 in zip(fundamentals_hz, t60s_s, strict=True):
        modes = wine_glass_hz(fundamental, 7) * (1 + 0.01 * rng.standard_normal(7))
        split = modes * rng.uniform(0.0005, 0.003, 7)
        order = np.arange(7)
        gains = (
            rng.lognormal(0, 0.5, 7)
            * np.array([0.5, 1.0, 0.9, 0.6, 0.4, 0.25, 0.15])
            * (order + 1.0) ** (0.8 * (intensity - 0.5))
        )
        t60s = t60 * (modes[0] / modes) ** 0.5 * rng.uniform(0.6, 1.2, 7)
        for time, force in touches:
            share = rng.uniform(0.3, 0.7, 7)
            ring = decaying(
                np.r_[modes - split, modes + split],
                LN1000 / np.r_[t60s, t60s],
                force * np.r_[gains * share, gains * (1 - share)],
                n,
                rate_hz,
            )
            place(out, ring, time, rate_hz, rng.uniform(0.7, 1.0))
    for time, force in touches:
        place(out, _click(log_uniform(rng, 2500, 14_000, 10), 0.02, rate_hz, rng), time, rate_hz, 0.5 * force)
    out /= max(float(np.abs(out).max()), 1e-9)
    return fade(out, 0.0002, 0.1, rate_hz)


def _broken(intensity: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """A crack, then shards of power-law masses that bounce on the floor, each with a rhythm and modes of its own."""
    n = round(2.2 * rate_hz)
    t = np.arange(n) / rate_hz
    crack = band(rng.standard_normal(n), 300, 14_000, rate_hz, 1) * np.exp(-t / rng.uniform(0.006, 0.014))
    vessel = decaying(
        log_uniform(rng, 500, 9000, 24), rng.uniform(25, 90, 24), rng.exponential(1.0, 24), n, rate_hz, rng.uniform(0, 6, 24)
    )
    out = crack / np.abs(crack).max() + 0.6 * vessel / max(float(np.abs(vessel).max()), 1e-9)
    shards = int(rng.integers(40, 90) * (0.6 + 0.8 * intensity))
    masses = power_law(rng, shards, 0.75, 60.0)
    lands = np.where(rng.random(shards) < 0.5, rng.exponential(0.03, shards), 0.03 + rng.gamma(2.0, 0.12, shards))
    times, freqs, decays, gains = [], [], [], []
    for mass, land in zip(masses, lands, strict=True):
        # A plate's modes go with thickness / size^2, hence with mass^-2/3 for pieces of one shape.
        base = np.clip(11_000 * mass ** (-0.5) * rng.lognormal(0, 0.3), 1100, 12_500)
        modes = base * np.array([1.0, 1.73, 2.33, 3.91]) * (1 + 0.08 * rng.standard_normal(4))
        t60s = rng.uniform(0.05, 0.22) * np.array([1.0, 0.8, 0.6, 0.4])
        restitution, gap, time, force = rng.uniform(0.3, 0.62), rng.uniform(0.06, 0.26), land, mass**0.35
        while force > 0.05 and time < 1.9:
            times += [time] * 4
            freqs += list(modes)
            decays += list(LN1000 / t60s)
            gains += list(force * rng.exponential(1.0, 4) * np.array([1.0, 0.8, 0.6, 0.3]))
            # A shard lands on another corner each time; no two bounces ring alike.
            time, gap, force = time + gap * rng.uniform(0.7, 1.2), gap * restitution, force * restitution * rng.uniform(0.6, 1.2)
            if gap < 0.008:
                break
    rain = damped_sines(n, rate_hz, np.array(times), np.array(freqs), np.array(decays), np.array(gains), phases=np.pi / 4)
    out += 0.75 * rain / max(float(np.percentile(np.abs(rain), 99.8)), 1e-9) * rng.uniform(0.5, 0.9)
    return fade(out, 0.0005, 0.2, rate_hz)


# -------------------------------------------------------------------------------------------------- ball


@dataclass(frozen=True)
class Ball:
    restitution: tuple[float, float]
    """Speed after over speed before a bounce on a hard floor."""
    contact_s: float
    """How long it touches the floor."""
    cavity_hz: float
    """First resonance of the air in a sphere of radius a: 2.08 c / 2 pi a; 0 where there is none to hear."""
    shell_hz: tuple[float, ...]
    shell_t60_s: float
    floor: float
    """How much of the floor is heard."""
    drop_m: tuple[float, float]


BALLS: Mapping[str, Ball] = {
    "basketball": Ball((0.75, 0.79), 0.012, 946.0, (85.0, 150.0, 235.0, 340.0), 0.07, 0.5, (0.7, 1.8)),
    "football": Ball((0.82, 0.88), 0.009, 1032.0, (110.0, 190.0, 300.0, 430.0), 0.05, 0.4, (0.7, 2.0)),
    "tennis ball": Ball((0.73, 0.76), 0.0045, 0.0, (330.0, 560.0, 900.0, 1400.0), 0.025, 0.2, (0.7, 1.8)),
    "table tennis ball": Ball((0.89, 0.92), 0.0008, 0.0, (5600.0, 7100.0, 8600.0, 9900.0), 0.012, 0.06, (0.2, 0.5)),
}
"""Restitution from the rules' rebounds (FIBA 1.8 m to 1.04-1.09 m; FIFA 2 m to 1.35-1.55 m; ITF 2.54 m to 1.35-1.47 m; ITTF
0.305 m to 0.24-0.26 m): the square root of the ratio of heights. Contact times after Cross 1999, air in a sphere after
Rayleigh 1896, section 331."""
GRAVITY = 9.81


def bounce_times_s(height_m: float, restitution: float, least_m_s: float = 0.12) -> tuple[Array, Array]:
    """Times (K,) of the bounces of a dropped ball after the first, and its speeds (K,) at each: v_k = e^k sqrt(2 g h), and
    between bounces it flies 2 v_(k+1) / g. It rests when slower than ``least_m_s``."""
    first = np.sqrt(2 * GRAVITY * height_m)
    count = max(int(np.log(least_m_s / first) / np.log(restitution)) + 1, 1)
    speeds = first * restitution ** np.arange(count)
    return np.r_[0.0, np.cumsum(2 * speeds[1:] / GRAVITY)], speeds


def ball(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float = 0.3,
    kind: str | None = None,
) -> Array:
    """A ball, ``kind`` basketball, football, tennis ball or table tennis ball (by default the clip draws), dropped or dribbled.

    A dropped ball bounces in intervals that shrink by its restitution; a player's hand keeps a basketball going, 1.4 to 2.4
    times a second. A bounce is a half-sine force for as long as it touches (softer the slower), on floor, shell and the air
    inside, which gives basketballs their ping. ``intensity`` is the height; ``event_rate`` drops a second. InputError:
    unknown ball.
    """
    if kind is not None and kind not in BALLS:
        raise InputError(f"a ball is one of {', '.join(BALLS)}, got {kind!r}")
    n = n_samples(duration_s, rate_hz)
    name = kind or str(rng.choice(list(BALLS), p=[0.4, 0.2, 0.2, 0.2]))
    this = BALLS[name]
    restitution = rng.uniform(*this.restitution)
    floor = np.sort(rng.uniform(70, 420, 5)), rng.uniform(0.04, 0.12, 5), rng.lognormal(0, 0.5, 5)
    x = np.zeros(n)
    dribbled = kind is None and name == "basketball" and rng.random() < 0.5
    drops = (
        event_times(rng, duration_s, event_rate, 0.8) if not dribbled else np.array([rng.uniform(0, min(0.2, 0.3 * duration_s))])
    )
    for index, drop in enumerate(drops):
        height = rng.uniform(*this.drop_m) * (0.5 + intensity)
        if dribbled:
            gaps = 1 / rng.uniform(1.4, 2.4) * (1 + 0.07 * rng.standard_normal(int(3 * duration_s) + 2))
            times, speeds = np.cumsum(np.r_[0.0, gaps]), rng.uniform(3.2, 4.8) * (1 + 0.1 * rng.standard_normal(len(gaps) + 1))
        else:
            times, speeds = bounce_times_s(height, restitution)
        # A ball that is picked up for the next throw bounces no more.
        until = drops[index + 1] - 0.25 if index + 1 < len(drops) else np.inf
        for time, speed in zip(drop + times, speeds, strict=True):
            if time < min(until, duration_s):
                place(x, _bounce(this, speed, floor, rate_hz, rng), time, rate_hz)
    return without_rumble(x, rate_hz, 35.0)


def _bounce(kind: Ball, speed_m_s: float, floor: tuple[Array, Array, Array], rate_hz: int, rng: np.random.Generator) -> Array:
    """One bounce (T,): contact force through the modes of floor, shell and air."""
    freqs = np.r_[floor[0], np.array(kind.shell_hz) * rng.uniform(0.96, 1.04, len(kind.shell_hz))]
    t60s = np.r_[floor[1], kind.shell_t60_s * rng.uniform(0.7, 1.2, len(kind.shell_hz))]
    gains = np.r_[kind.floor * floor[2] * (100 / floor[0]) ** 0.3, rng.lognormal(0, 0.3, len(kind.shell_hz))]
    if kind.cavity_hz:
        freqs = np.r_[freqs, kind.cavity_hz * np.array([1.0, 1.606, 2.17]) * rng.uniform(0.99, 1.01)]
        t60s, gains = np.r_[t60s, 0.24, 0.14, 0.1], np.r_[gains, 1.0, 0.45, 0.25]
    n = round((0.3 + kind.contact_s) * rate_hz)
    response = decaying(freqs, LN1000 / t60s, gains * freqs**0.5, n, rate_hz)
    # Stiffer the harder it hits: contact time goes with speed^-1/5 (Hertz).
    touch_s = kind.contact_s * (4.0 / max(speed_m_s, 0.05)) ** 0.2
    t = (np.arange(max(round(touch_s * rate_hz), 2)) + 0.5) / rate_hz
    force = np.sin(np.pi * np.minimum(t / touch_s, 1))
    # The flat of the foot slaps the floor as it lands: energy far above what the slow force holds.
    slap = band(rng.standard_normal(len(response)), 250, 5000, rate_hz, 1) * np.exp(
        -np.arange(n) / rate_hz / (0.25 * touch_s + 4e-4)
    )
    x = signal.oaconvolve(np.diff(force, prepend=0.0, append=0.0), response)[:n]
    rung = signal.oaconvolve(slap, response)[:n]
    x, rung = (part / max(float(np.abs(part).max()), 1e-9) for part in (x, rung))
    x += 0.55 * rung + 0.12 * slap
    return fade(speed_m_s**1.2 * x, 0.0002, 0.05, rate_hz)


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {"door": door, "glass": glass, "ball": ball}
