"""Piston engines at work: motorcycle, truck, boat, mower, as firings at their crank angles through a pipe and a muffler.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level, nothing repeats. Sounds are given at the
source: direction, distance and motion, and so Doppler, belong to the renderer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from seehear.foley.blocks import Array, band, bubbles, fade, log_uniform, noise, place, poisson_times, slow_random
from seehear.foley.pulses import bursts, gusts, impulses, mix, resonances, through_air, tones, without_rumble
from seehear.types import n_samples

EXHAUST_GAS_M_S = 500.0
"""Speed of sound in exhaust gas of about 350 degrees Celsius (331 m/s * sqrt(T / 273 K))."""


@dataclass(frozen=True)
class Engine:
    """A piston engine as it is heard."""

    angles_deg: tuple[float, ...]
    """Crank angles at which the cylinders fire within a cycle."""
    cycle_deg: float = 720.0
    """Four strokes take two turns of the crank, two strokes one (360)."""
    pipe_m: float = 1.2
    """From the valves to the mouth of the pipe."""
    muffler_hz: float = 900.0
    """Above this the muffler lets less through, 12 dB per octave."""
    roughness: float = 0.15
    """Standard deviation of the logarithm of one firing's strength at idle; under load a third of it."""


def firings(crank_hz: Array, engine: Engine, rate_hz: int, rng: np.random.Generator, jitter: float = 0.01) -> tuple[Array, Array]:
    """Times in seconds and cylinder numbers of the firings of an engine with the crank speed (T,) in turns per second.

    ``jitter`` is the standard deviation of each time in intervals: the flame never starts at quite the same moment.
    """
    cycles = rng.random() + np.cumsum(crank_hz) * (360 / engine.cycle_deg) / rate_hz
    angles = np.array(engine.angles_deg) / engine.cycle_deg
    marks = (np.arange(int(cycles[0]), int(cycles[-1]) + 1)[:, None] + angles).ravel()
    cylinder = np.tile(np.arange(len(angles)), len(marks) // len(angles))
    inside = (marks >= cycles[0]) & (marks <= cycles[-1])
    times = np.interp(marks[inside], cycles, np.arange(len(cycles)) / rate_hz)
    if len(times) > 1:
        times = times + jitter * rng.standard_normal(len(times)) * np.gradient(times)
    return times, cylinder[inside]


def pipe(x: Array, length_m: float, reflection: float, rate_hz: int, dull_hz: float = 900.0) -> Array:
    """``x`` after a pipe closed at the valves and open at its mouth: 1 / (1 + r L(f) e^(-j 2 pi f 2 l / c)).

    Resonates at odd multiples of c / 4 l; the mouth sends back less of what lies above ``dull_hz`` (first order). The
    digital waveguide of Baldan et al. (2015), written in frequency so that any length and rate is exact.
    """
    n = fft.next_fast_len(len(x) + int(0.3 * rate_hz), real=True)
    f = np.fft.rfftfreq(n, 1 / rate_hz)
    back = reflection * np.exp(-2j * np.pi * f * 2 * length_m / EXHAUST_GAS_M_S) / (1 + 1j * f / dull_hz)
    return np.fft.irfft(np.fft.rfft(x, n) / (1 + back), n)[: len(x)]


def exhaust(engine: Engine, times_s: Array, gains: Array, bright: Array, n: int, rate_hz: int, rng: np.random.Generator) -> Array:
    """What leaves the pipe (n,): blow-down pulses and the hiss of their gas; ``bright``, 0 to 1, is how fast they break out.

    The valve opens within about 10 degrees of the crank and the cylinder empties within some 25: 3 ms at idle, 1 ms and less at
    speed, the steeper the front the fuller the throttle.
    """
    slow = bursts(times_s, gains * (1 - bright), 0.0006, 0.003, n, rate_hz)
    fast = bursts(times_s, gains * bright, 0.0002, 0.0008, n, rate_hz)
    # An impulse of 0.3 ms, and noise of the same power per hertz at every rate.
    front = band(impulses(times_s, gains * bright**1.5, n, rate_hz) * 3e-4 * rate_hz, 250, 4000, rate_hz, 1)
    gas = rng.standard_normal(n) * np.sqrt(rate_hz / 16_000) * bursts(times_s, gains * bright, 0.0005, 0.004, n, rate_hz)
    source = slow - slow.mean() + fast - fast.mean() + front + 0.35 * band(gas, 200, 4000, rate_hz, 1)
    resonant = pipe(source, engine.pipe_m, 0.72, rate_hz)
    # What the muffler keeps comes out of its walls all the same, some 20 dB weaker.
    return band(resonant, None, engine.muffler_hz, rate_hz) + 0.1 * resonant


def _power(engine: Engine, crank_hz: Array, load: Array, rate_hz: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Exhaust (T,) of an engine at work, and the times and strengths of its firings."""
    times, cylinder = firings(crank_hz, engine, rate_hz, rng)
    at = np.minimum((times * rate_hz).astype(int), len(crank_hz) - 1)
    uneven = 1 + 0.1 * rng.standard_normal(len(engine.angles_deg))
    spread = engine.roughness * (1 - 0.67 * load[at])
    gains = uneven[cylinder] * (0.35 + 0.65 * load[at]) * np.exp(spread * rng.standard_normal(len(times)))
    bright = np.clip(0.1 + 0.45 * load[at] ** 1.5 + 0.5 * crank_hz[at] / 100, 0, 1)
    return exhaust(engine, times, gains, bright, len(crank_hz), rate_hz, rng), times, gains


def _clatter(crank_hz: Array, rate_hz: int, rng: np.random.Generator, valves: int, modes_hz: tuple[float, ...]) -> Array:
    """Valve train (T,): ``valves`` small knocks per cycle, each at its own angle, on modes of covers and fins."""
    angles = tuple(np.sort(rng.uniform(0, 720, valves)))
    times, which = firings(crank_hz, Engine(angles), rate_hz, rng, jitter=0.02)
    gains = rng.lognormal(0, 0.4, valves)[which] * np.exp(0.35 * rng.standard_normal(len(times)))
    n = len(crank_hz)
    knock = impulses(times, gains, n, rate_hz) + 0.5 * rng.standard_normal(n) * bursts(times, gains, 0.0002, 0.002, n, rate_hz)
    return resonances(knock, [(f * rng.uniform(0.85, 1.15), 0.18 * f, 1.0) for f in modes_hz], rate_hz)


@dataclass(frozen=True)
class Road:
    """How a driver uses an engine: crank speeds in turns per second, seconds to pull through a gear and to change it."""

    idle_hz: float
    low_hz: float
    high_hz: float
    pull_s: tuple[float, float]
    change_s: tuple[float, float]
    step: float
    """Ratio of neighbouring gears."""


def _drive(n: int, rate_hz: int, rng: np.random.Generator, road: Road, intensity: float) -> tuple[Array, Array]:
    """Crank speed and load, both (T,): stands and blips (``intensity`` below 0.25), else pulls, changes up, holds, coasts."""
    end_s, t = n / rate_hz, -rng.uniform(0, 4)
    crank = rng.uniform(road.low_hz, road.high_hz) if intensity >= 0.25 else road.idle_hz
    knots = [(t, crank, 0.05 if intensity < 0.25 else 0.4)]

    def go(seconds: float, crank_hz: float, load: float) -> None:
        knots.append((knots[-1][0] + seconds, crank_hz, load))

    while knots[-1][0] < end_s:
        if intensity < 0.25:
            go(rng.uniform(1.5, 6), road.idle_hz, 0.05)
            peak = road.idle_hz + rng.uniform(0.3, 0.9) * (road.low_hz - road.idle_hz) * (0.4 + 2 * intensity)
            go(rng.uniform(0.12, 0.3), peak, 0.5 + intensity)
            go(0.1, 0.97 * peak, 0.05)
            go(rng.uniform(0.5, 1.0), road.idle_hz, 0.05)
            continue
        pull = 0.35 + 0.65 * intensity
        shift_hz = road.low_hz + (road.high_hz - road.low_hz) * np.clip(pull + 0.1 * rng.standard_normal(), 0, 1)
        for _ in range(int(rng.integers(1, 4))):
            go(0.15, knots[-1][1], pull)
            go(rng.uniform(*road.pull_s), shift_hz * rng.uniform(0.95, 1.02), pull)
            go(0.06, knots[-1][1], 0.05)
            go(rng.uniform(*road.change_s), max(knots[-1][1] * road.step, road.low_hz), 0.05)
        go(0.15, knots[-1][1], 0.3)
        go(rng.uniform(1.5, 6) * (1.4 - intensity), knots[-1][1] * rng.uniform(0.97, 1.03), 0.3)
        go(rng.uniform(1.0, 2.5), max(knots[-1][1] * rng.uniform(0.6, 0.85), road.low_hz), 0.05)
    times, crank_knots, load_knots = np.array(knots).T
    at = np.arange(n) / rate_hz
    crank_hz = np.interp(at, times, crank_knots) * (1 + 0.006 * slow_random(rng, n, rate_hz, 3))
    return crank_hz, np.clip(np.interp(at, times, load_knots) * (1 + 0.1 * slow_random(rng, n, rate_hz, 2)), 0, 1)


MOTORCYCLES: Mapping[str, tuple[Engine, Road]] = {
    "single": (Engine((0,), pipe_m=1.1, muffler_hz=900), Road(20, 38, 95, (1.5, 3.0), (0.15, 0.3), 0.77)),
    "v-twin": (Engine((0, 315), pipe_m=1.4, muffler_hz=650, roughness=0.22), Road(15, 32, 70, (1.8, 3.5), (0.25, 0.4), 0.75)),
    "twin": (Engine((0, 270), pipe_m=1.2, muffler_hz=850), Road(20, 45, 115, (1.5, 3.0), (0.15, 0.3), 0.78)),
    "four": (Engine((0, 180, 360, 540), pipe_m=1.0, muffler_hz=1100), Road(19, 60, 150, (1.4, 2.8), (0.1, 0.2), 0.82)),
}
"""A 45 degree V-twin on one crank pin fires 315 and 405 degrees apart, a 90 degree one or a cross-plane twin 270 and 450, a
four every 180. Idle 900 to 1200 rpm, ridden at 2000 to 9000."""


def motorcycle(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A motorcycle: single, V-twin, parallel twin or four, idling with blips, ridden through its gears, or ridden hard.

    Firing angles decide its voice (``MOTORCYCLES``); a short pipe and a small muffler leave it bright when it pulls, and the
    open engine lets valves, chain and intake through. Below ``intensity`` 0.25 it stands.
    """
    n = n_samples(duration_s, rate_hz)
    kind = str(rng.choice(list(MOTORCYCLES), p=[0.2, 0.3, 0.25, 0.25]))
    engine, road = MOTORCYCLES[kind]
    engine = replace(engine, pipe_m=engine.pipe_m * rng.uniform(0.8, 1.25), muffler_hz=engine.muffler_hz * rng.uniform(0.6, 1.7))
    pitch = rng.uniform(0.88, 1.15)
    crank, load = _drive(n, rate_hz, rng, road, intensity)
    crank = crank * pitch
    pipe_sound, times, gains = _power(engine, crank, load, rate_hz, rng)
    clatter = _clatter(crank, rate_hz, rng, 4 * len(engine.angles_deg), (950, 1700, 2900, 4600))
    # The intake breathes with every firing, loudest with the throttle open.
    breath = band(noise(rng, n, -3.0), 250, 3000, rate_hz, 1)
    breath = breath * (0.3 + bursts(times, gains, 0.002, 0.006, n, rate_hz)) * (0.3 + load)
    chain = tones(crank * rng.uniform(5.2, 7.8), 2, 1.0, rate_hz, rng) * np.sqrt(crank / road.high_hz)
    moving = intensity >= 0.25
    tyres = band(noise(rng, n, -1.5), 400, 1800, rate_hz, 1) * gusts(rng, n, rate_hz, 1.0, 2.0)
    strength = 10 ** ((0.35 + 0.65 * load) - 1)
    x = mix(
        (
            (pipe_sound * strength, 1.0),
            (clatter * (0.6 + 0.4 * load), rng.uniform(0.05, 0.16)),
            (breath, rng.uniform(0.12, 0.28)),
            (chain, 0.03 * moving),
            (tyres, 0.12 * moving),
        )
    )
    return without_rumble(through_air(x * gusts(rng, n, rate_hz, 0.6, 0.7), rng.uniform(3, 25), rate_hz), rate_hz)


def truck(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A lorry or bus: a diesel of six cylinders (now and then four), knock, turbocharger, fan, big tyres, air brakes.

    Idle 550 to 700 rpm, driven at 1000 to 1900, three firings a turn from six cylinders. Combustion that starts at once
    knocks on the block at 1 to 3 kHz, hardest when idling cold (Heywood 1988, ch. 10); the turbocharger sings at its shaft
    speed, 25000 to 100000 rpm. Below ``intensity`` 0.25 it stands and at times lets its brakes hiss.
    """
    n = n_samples(duration_s, rate_hz)
    cylinders = 6 if rng.random() < 0.75 else 4
    angles = tuple(720 / cylinders * k for k in range(cylinders))
    engine = Engine(angles, pipe_m=rng.uniform(2.2, 4.0), muffler_hz=rng.uniform(250, 600), roughness=0.1)
    road = Road(rng.uniform(9.2, 11.7), 17, 31, (2.5, 5.0), (0.45, 0.9), 0.8)
    crank, load = _drive(n, rate_hz, rng, road, intensity)
    pipe_sound, times, gains = _power(engine, crank, load, rate_hz, rng)
    hard = gains**0.3 * rng.lognormal(0, 0.2, len(times))
    knock = rng.standard_normal(n) * bursts(times, hard, 0.0006, 0.005, n, rate_hz)
    modes_hz = ((420, 0.6), (850, 0.9), (1500, 1.0), (2400, 0.8), (3700, 0.4))
    block = [(f * rng.uniform(0.85, 1.15), 0.2 * f, g) for f, g in modes_hz]
    knock = resonances(knock + 0.3 * impulses(times, hard, n, rate_hz), block, rate_hz)
    spool = band(np.r_[np.full(rate_hz, load[0]), load], None, 0.5, rate_hz, 1)[rate_hz:]
    whistle = tones(rng.uniform(420, 700) + 1100 * spool, 2, 1.3, rate_hz, rng) * (0.1 + np.maximum(spool, 0)) ** 1.5
    fan = tones(crank * rng.uniform(8, 11), 3, 0.9, rate_hz, rng) * 0.3 + band(noise(rng, n, -3.0), 150, 3500, rate_hz, 1)
    tyres = band(noise(rng, n, -2.0), 300, 1400, rate_hz, 1) * gusts(rng, n, rate_hz, 1.2, 1.5)
    body = band(noise(rng, n, -4.0), 25, 160, rate_hz) * gusts(rng, n, rate_hz, 3.0, 5.0)
    rolls = intensity >= 0.25
    x = mix(
        (
            (pipe_sound * (0.5 + 0.5 * load), 1.0),
            (knock, rng.uniform(0.35, 0.6) * (1 if rolls else 1.2)),
            (whistle, rng.uniform(0.02, 0.06)),
            (fan, rng.uniform(0.18, 0.3)),
            (tyres, (0.25 + 0.25 * intensity) * rolls),
            (body, 0.3 * rolls),
        )
    )
    if not rolls and rng.random() < 0.4:
        place(x, _air_brake(rate_hz, rng), rng.uniform(0, max(duration_s - 0.3, 0)), rate_hz, rng.uniform(0.6, 1.4))
    return without_rumble(through_air(x * gusts(rng, n, rate_hz, 0.6, 0.5), rng.uniform(4, 40), rate_hz), rate_hz)


def _air_brake(rate_hz: int, rng: np.random.Generator) -> Array:
    """Air at 8 bar let out of a brake valve: a sharp hiss that sinks as the line empties."""
    n = int(rng.uniform(0.35, 1.0) * rate_hz)
    t = np.arange(n) / rate_hz
    hiss = band(rng.standard_normal(n), 1200, 11000, rate_hz, 1) * np.exp(-t / rng.uniform(0.12, 0.35))
    return fade(hiss, 0.004, 0.05, rate_hz)


OUTBOARDS: tuple[Engine, ...] = (
    Engine((0, 180, 360, 540), pipe_m=0.6, muffler_hz=500),
    Engine((0, 240, 480), pipe_m=0.6, muffler_hz=550),
    Engine((0, 180), 360, pipe_m=0.5, muffler_hz=700, roughness=0.3),
)
"""Four-stroke four and triple, two-stroke twin; the exhaust leaves through the hub of the propeller, under water."""


def boat(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A motor boat: an outboard (or, one time in three, a slow diesel) on water that slaps the hull and washes along it.

    Outboards turn at 800 rpm idling to 5500 with a reduction of about 2 to a propeller of three blades, whose wash pulses at
    the blade rate; a launch's diesel of one to three cylinders putters at 600 to 1500 rpm through a wet exhaust that gurgles
    as it dips. The exhaust mixes with water, so little above 1 kHz is left of it. ``intensity`` is the speed.
    """
    n = n_samples(duration_s, rate_hz)
    if rng.random() < 0.67:
        engine, turns = OUTBOARDS[int(rng.integers(len(OUTBOARDS)))], rng.uniform(13, 17) + rng.uniform(50, 75) * intensity
    else:
        cylinders = int(rng.integers(1, 4))
        angles = tuple(720 / cylinders * k for k in range(cylinders))
        engine = Engine(angles, pipe_m=rng.uniform(1.2, 2.2), muffler_hz=450, roughness=0.25)
        turns = rng.uniform(9, 12) + rng.uniform(6, 14) * intensity
    waves = slow_random(rng, n, rate_hz, rng.uniform(0.5, 1.1))
    crank = turns * (1 + 0.012 * waves + 0.006 * slow_random(rng, n, rate_hz, 4))
    load = np.clip(0.25 + 0.55 * intensity + 0.12 * waves, 0.05, 1)
    pipe_sound, _, _ = _power(engine, crank, load, rate_hz, rng)
    # Waves cover and uncover the exhaust: its level and its brightness come and go with them.
    dip = np.clip(0.6 + 0.35 * slow_random(rng, n, rate_hz, 1.6), 0.15, 1.2)
    motor = band(pipe_sound, None, 350, rate_hz, 1) + dip * band(pipe_sound, 350, 2500, rate_hz, 1)
    cowl = _clatter(crank, rate_hz, rng, 6, (700, 1300, 2100)) + 3 * tones(crank * rng.uniform(11, 15), 2, 1.0, rate_hz, rng)
    blade = tones(3 * crank / rng.uniform(1.85, 2.3), 3, 1.0, rate_hz, rng)
    wash = band(noise(rng, n, -2.0), 180, 8000, rate_hz, 1) * np.maximum(1 + 0.25 * blade, 0.1) * gusts(rng, n, rate_hz, 2.5, 1.5)
    x = mix(
        (
            (motor, 1.0),
            (cowl, rng.uniform(0.06, 0.14)),
            (wash, 0.45 + 0.5 * intensity),
            (_hull(n, rate_hz, rng, waves, intensity), 0.6),
        )
    )
    return without_rumble(through_air(x, rng.uniform(4, 30), rate_hz), rate_hz)


def _hull(n: int, rate_hz: int, rng: np.random.Generator, waves: Array, intensity: float) -> Array:
    """Water at the hull (n,): slaps as it meets a wave (hollow thud and splash), and trains of bubbles along it."""
    slaps = poisson_times(rng, (0.6 + 1.6 * intensity) * np.exp(waves), rate_hz)
    sizes = rng.lognormal(0, 0.6, len(slaps))
    hollow = resonances(
        rng.standard_normal(n) * bursts(slaps, sizes, 0.004, 0.025, n, rate_hz),
        [(f * rng.uniform(0.8, 1.2), 0.35 * f, g) for f, g in ((95, 1.0), (170, 0.8), (310, 0.5))],
        rate_hz,
    )
    spray = band(rng.standard_normal(n), 900, 8000, rate_hz, 1) * bursts(slaps + 0.02, sizes**1.3, 0.03, 0.12, n, rate_hz)
    times = poisson_times(rng, 500 * np.exp(0.8 * waves), rate_hz)
    radii = log_uniform(rng, 0.0004, 0.0035, len(times))
    ringing = bubbles(n, rate_hz, times, radii, (radii / 0.003) ** 0.5 * rng.exponential(1.0, len(times)), 0.05)
    return mix(((hollow, 0.6), (spray, 0.5), (ringing, 0.45)))


def mower(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A petrol lawn mower: one four-stroke cylinder held near 3000 rpm by its governor, over the whirl of the blade.

    The crank turns 45 to 54 times a second and fires every other turn; the two tips of the blade, at most 96.5 m/s fast
    (ANSI B71.1), chop the air twice a turn and shed noise; thick grass slows the engine, the governor opens the throttle.
    """
    n = n_samples(duration_s, rate_hz)
    engine = Engine((0,), pipe_m=rng.uniform(0.25, 0.4), muffler_hz=rng.uniform(700, 1500), roughness=0.2)
    thick = np.clip(0.5 * intensity + 0.35 * slow_random(rng, n, rate_hz, 0.6), 0, 1)
    hunting = 0.012 * np.sin(2 * np.pi * rng.uniform(0.7, 1.6) * np.arange(n) / rate_hz + rng.uniform(0, 6.3))
    crank = rng.uniform(47, 54) * (1 - 0.07 * thick + hunting + 0.004 * slow_random(rng, n, rate_hz, 5))
    pipe_sound, times, gains = _power(engine, crank, 0.3 + 0.6 * thick, rate_hz, rng)
    clatter = _clatter(crank, rate_hz, rng, 5, (800, 1500, 2600, 4100))
    tips = tones(2 * crank, 6, 0.8, rate_hz, rng)
    swirl = np.maximum(1 + 0.35 * tones(2 * crank, 2, 1.0, rate_hz, rng), 0.1)
    shed = band(noise(rng, n, -2.0), rng.uniform(250, 450), rng.uniform(2200, 4000), rate_hz, 1) * swirl
    clippings = poisson_times(rng, 25 + 260 * thick**1.5, rate_hz)
    spit = band(rng.standard_normal(n), 900, 7000, rate_hz, 1)
    spit = spit * bursts(clippings, rng.lognormal(0, 0.8, len(clippings)), 0.0006, 0.006, n, rate_hz)
    deck = resonances(
        impulses(times, gains, n, rate_hz) + 0.02 * shed,
        [(f * rng.uniform(0.8, 1.25), 0.12 * f, 1.0) for f in (160, 290, 520)],
        rate_hz,
    )
    x = mix(
        (
            (pipe_sound, 1.0),
            (deck, 0.45),
            (clatter, rng.uniform(0.12, 0.22)),
            (tips, rng.uniform(0.15, 0.35)),
            (shed, 0.45 + 0.2 * intensity),
            (spit, 0.08 + 0.3 * intensity),
        )
    )
    return without_rumble(through_air(x * gusts(rng, n, rate_hz, 0.7, 0.5), rng.uniform(3, 25), rate_hz), rate_hz)


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {
    "motorcycle": motorcycle,
    "truck": truck,
    "boat": boat,
    "mower": mower,
}
