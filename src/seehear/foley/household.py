"""Motors of the house: vacuum cleaner, washing machine, printer, as shaft, blade and gear orders, flow noise, and what they move.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level, nothing repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import Array, band, bubbles, log_uniform, noise, poisson_times, slow_random
from seehear.foley.pulses import bursts, gusts, impulses, mix, resonances, ring, tones, without_rumble
from seehear.types import n_samples


def vacuum(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A vacuum cleaner: the roar of air through hose and nozzle, the whine of impeller and motor, a nozzle that is pushed about.

    A universal motor turns 330 to 600 times a second (20000 to 36000 rpm), its impeller of 7 or 9 blades gives the tone one
    hears (Brungart & Lauchle 2001), the commutator a thin one above, the mains pull on its iron at 100 or 120 Hz. On carpet the
    nozzle closes, the flow drops and the motor runs up; each stroke of 1 to 1.5 s is heard. Grit rattles up the tube.
    """
    n = n_samples(duration_s, rate_hz)
    stroke_hz = rng.uniform(0.6, 0.95) * (0.8 + 0.4 * intensity)
    stroke_hz = stroke_hz * (1 + 0.25 * slow_random(rng, n, rate_hz, 0.7))
    stroke = np.sin(2 * np.pi * np.cumsum(stroke_hz) / rate_hz + rng.uniform(0, 6.28))
    closed = np.clip(0.4 + 0.25 * stroke + 0.2 * slow_random(rng, n, rate_hz, 1.3), 0, 1)
    lag = band(np.r_[np.full(rate_hz, closed[0]), closed], None, 1.5, rate_hz, 1)[rate_hz:]
    shaft = rng.uniform(330, 540) * (1 + 0.05 * lag + 0.0015 * slow_random(rng, n, rate_hz, 6))
    blades = float(rng.choice([7, 9]))
    impeller = tones(blades * shaft, 3, 1.4, rate_hz, rng) * gusts(rng, n, rate_hz, 1.5, 9.0)
    # The shaft's own orders: an impeller that is not quite round, bearings; the commutator has 22 or 24 bars.
    motor = tones(shaft, 7, 0.9, rate_hz, rng) + 0.15 * tones(float(rng.choice([22, 24])) * shaft, 1, 1.0, rate_hz, rng)
    mains = tones(np.full(n, float(rng.choice([100.0, 120.0]))), 5, 1.0, rate_hz, rng)
    flow = band(noise(rng, n, -2.0), rng.uniform(200, 420), rng.uniform(2500, 5500), rate_hz, 1) * (1.15 - 0.45 * closed)
    tube_hz = rng.uniform(170, 260)
    tube = [(tube_hz * k, 0.25 * tube_hz * k, k**-0.6) for k in (1, 3, 5, 7, 9)]
    howl = resonances(band(noise(rng, n, -3.0), 80, 4000, rate_hz, 1), tube, rate_hz) * (0.7 + 0.6 * closed)
    edge = band(noise(rng, n), 2500, 9000, rate_hz, 1) * closed**2 * gusts(rng, n, rate_hz, 2.0, 12.0)
    drag = band(noise(rng, n, -4.0), 60, 500, rate_hz, 1) * np.abs(np.gradient(stroke)) * rate_hz
    grit = poisson_times(rng, (0.5 + 10 * intensity) * np.exp(1.2 * slow_random(rng, n, rate_hz, 0.8)), rate_hz)
    weights, tick_hz = rng.lognormal(-0.5, 0.9, (len(grit), 6)), rng.uniform(900, 6500, 6)
    rattle = ring(grit, weights, tick_hz, rng.uniform(0.004, 0.015, 6), n, rate_hz)
    x = mix(
        (
            (flow, 1.0),
            (howl, 0.7),
            (impeller, rng.uniform(0.12, 0.35)),
            (motor, rng.uniform(0.15, 0.35)),
            (mains, rng.uniform(0.05, 0.15)),
            (edge, rng.uniform(0.1, 0.25)),
            (drag, 0.15),
            (rattle, 0.06 + 0.15 * intensity),
        )
    )
    return without_rumble(x * gusts(rng, n, rate_hz, 0.5, 2.0), rate_hz, 30.0)


# --------------------------------------------------------------------------------------- washing machine


def washing_machine(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A washing machine: the drum turns the washing over in water, rests, turns back; or it spins.

    Washing, the drum turns 45 to 55 times a minute, ribs lift the load and drop it; it runs 8 to 15 s and rests 2 to 4. Spinning,
    it reaches 600 to 1400 turns a minute (10 to 23 a second), the belt's ratio of 10 to 13 makes the motor whine, the load is
    never quite balanced. ``intensity`` below 0.35 washes, above 0.7 spins, between them the clip draws.
    """
    n = n_samples(duration_s, rate_hz)
    spins = intensity > 0.7 or (intensity >= 0.35 and rng.random() < 0.35)
    x = _spin(n, rate_hz, rng, intensity) if spins else _wash(n, rate_hz, rng, intensity)
    # The cabinet: panels of sheet metal, damped by their paint.
    panels = [(f * rng.uniform(0.8, 1.25), 0.12 * f, g) for f, g in ((62, 0.7), (118, 0.9), (190, 1.0), (330, 0.7), (560, 0.4))]
    return without_rumble(mix(((x, 1.0), (resonances(x, panels, rate_hz), 0.9))), rate_hz)


def _wash(n: int, rate_hz: int, rng: np.random.Generator, intensity: float) -> Array:
    """Motor hum, slosh and thuds while the drum turns; trickle and drops while it rests."""
    duration_s = n / rate_hz
    drum_hz, ribs = rng.uniform(45, 55) / 60, 3
    edges, time, on = [], -rng.uniform(0, 8), True
    while time < duration_s:
        length_s = rng.uniform(8, 15) if on else rng.uniform(2, 4)
        edges += [(time, float(not on)), (time + 0.5, float(on))]
        time, on = time + length_s, not on
    at, state = np.array(edges).T
    t = np.arange(n) / rate_hz
    turning = np.interp(t, at, state)
    turns = np.cumsum(drum_hz * turning) / rate_hz
    marks = np.arange(1, int(turns[-1] * ribs) + 1)
    drops = np.interp(marks, turns * ribs + 1e-9 * t, t) + 0.06 * rng.standard_normal(len(marks))
    weights = rng.lognormal(0, 0.45, len(marks))
    soft_hz = np.array([48.0, 85.0, 140.0, 230.0]) * rng.uniform(0.85, 1.2, 4)
    soft_t60s, soft = np.array([0.16, 0.12, 0.08, 0.06]), np.array([0.7, 1.0, 0.6, 0.3])
    thuds = ring(drops, weights[:, None] * soft, soft_hz, soft_t60s, n, rate_hz)
    slosh = band(noise(rng, n, -2.0), 250, 3500, rate_hz, 1)
    slosh = slosh * (bursts(drops + 0.05, weights, 0.12, 0.22, n, rate_hz) + 0.25 * turning) * gusts(rng, n, rate_hz, 2.0, 5.0)
    times = poisson_times(rng, 30 + 350 * bursts(drops + 0.08, weights, 0.1, 0.25, n, rate_hz) + 60 * turning, rate_hz)
    radii = log_uniform(rng, 0.0006, 0.004, len(times))
    ringing = bubbles(n, rate_hz, times, radii, (radii / 0.003) ** 0.7 * rng.exponential(1.0, len(times)), 0.08)
    belt = rng.uniform(10, 13)
    # A slow motor under phase control hums on the mains and purrs at its slots.
    purr = tones(24 * belt * drum_hz * (0.3 + 0.7 * turning), 5, 0.7, rate_hz, rng)
    hum = tones(np.full(n, float(rng.choice([100.0, 120.0]))), 7, 0.8, rate_hz, rng) + 0.7 * purr
    hum = hum * turning * (1 + 0.2 * slow_random(rng, n, rate_hz, 2.0))
    hiss = band(noise(rng, n, -3.0), 120, 2500, rate_hz, 1) * (0.1 + turning)
    return mix(((thuds, 0.8), (slosh, 0.5 + 0.3 * intensity), (ringing, 0.3), (hum, rng.uniform(0.3, 0.5)), (hiss, 0.15)))


def _spin(n: int, rate_hz: int, rng: np.random.Generator, intensity: float) -> Array:
    """Unbalance, motor and its belt, air around the drum, everything rattling a little in its own time."""
    speed = rng.uniform(600, 900) + 500 * intensity * rng.random()
    ramp = np.linspace(0, 1, n) * rng.choice([0, 0, 1, -1]) * min(0.02 * n / rate_hz, 0.3)
    drum = speed / 60 * (1 + ramp + 0.003 * slow_random(rng, n, rate_hz, 0.5))
    wobble = tones(drum, 4, 1.2, rate_hz, rng)
    motor_hz = rng.uniform(10, 13) * drum
    motor = tones(motor_hz, 6, 0.8, rate_hz, rng) + 0.6 * tones(rng.choice([10, 11, 12]) * motor_hz, 2, 1.0, rate_hz, rng)
    motor = motor * (1 + 0.15 * wobble)
    swell = np.maximum(1 + 0.35 * wobble, 0.1)
    air = band(noise(rng, n, -2.0), 150, rng.uniform(1800, 3500), rate_hz, 1) * swell
    turns = rng.random() + np.cumsum(drum) / rate_hz
    knocks = np.interp(np.arange(1, int(turns[-1]) + 1), turns, np.arange(n) / rate_hz)
    knocks = knocks + 0.004 * rng.standard_normal(len(knocks))
    weights = rng.lognormal(0, 0.5, (len(knocks), 5)) * (rng.random((len(knocks), 1)) < 0.7)
    rattle = ring(knocks, weights, rng.uniform(160, 1400, 5), rng.uniform(0.02, 0.06, 5), n, rate_hz)
    low = band(noise(rng, n, -4.0), 25, 200, rate_hz) * swell
    return mix(((wobble, 0.5), (motor, rng.uniform(0.4, 0.7)), (air, 0.7), (rattle, rng.uniform(0.2, 0.4)), (low, 0.5)))


# ----------------------------------------------------------------------------------------------- printer


def printer(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A printer: an inkjet whose carriage runs to and fro over the paper, or a laser that draws sheet after sheet.

    Inkjet: a sweep of 0.5 to 1.3 s, its belt motor heard at its step rate of 400 to 1100 a second, a turn, and a short push of
    the paper. Laser: fan and scanner (a polygon of 4 to 6 faces at 20000 to 40000 rpm), and for every sheet, 12 to 30 a minute,
    a clutch, a pick-up roller and the gears of the fuser. ``intensity`` is the speed.
    """
    n = n_samples(duration_s, rate_hz)
    x = _inkjet(n, rate_hz, rng, intensity) if rng.random() < 0.6 else _laser(n, rate_hz, rng, intensity)
    case = [(f * rng.uniform(0.8, 1.25), 0.2 * f, g) for f, g in ((210, 0.6), (430, 0.9), (780, 1.0), (1350, 0.8), (2300, 0.5))]
    return without_rumble(mix(((x, 1.0), (resonances(x, case, rate_hz), 0.9))), rate_hz, 50.0)


def _inkjet(n: int, rate_hz: int, rng: np.random.Generator, intensity: float) -> Array:
    """Carriage sweeps (speed up, run, brake), paper feed between them, now and then a new sheet."""
    duration_s, t = n / rate_hz, np.arange(n) / rate_hz
    sweep_s = rng.uniform(0.5, 1.3) * (1.3 - 0.6 * intensity)
    # Some print on the way out only and hurry back.
    paces, sweep = (1.0, rng.choice([1.0, rng.uniform(1.15, 1.5)])), 0
    knots, feeds, stops = [(-9.0, 0.0)], [], []
    time, lines = -rng.uniform(0, sweep_s), int(rng.integers(4, 14))
    while time < duration_s:
        pace, up_s = paces[sweep % 2], 0.09
        run_s, sweep = sweep_s * rng.uniform(0.75, 1.05) / pace, sweep + 1
        knots += [(time, 0.0), (time + up_s, pace), (time + run_s - up_s, pace), (time + run_s, 0.0)]
        stops += [time, time + run_s]
        lines -= 1
        feed_s = rng.uniform(0.7, 1.4) if lines == 0 else rng.uniform(0.05, 0.12)
        lines = int(rng.integers(6, 18)) if lines == 0 else lines
        feeds.append((time + run_s + 0.02, feed_s))
        time += run_s + feed_s + rng.uniform(0.03, 0.07)
    pace = np.interp(t, *np.array(knots).T)
    steps_hz = rng.uniform(400, 1100) * (0.1 + 0.9 * pace) * (1 + 0.006 * slow_random(rng, n, rate_hz, 15))
    belt = tones(steps_hz, 8, 0.7, rate_hz, rng) * np.sqrt(pace)
    slide = band(noise(rng, n, -1.0), 400, 6000, rate_hz, 1) * pace * np.maximum(1 + 0.3 * slow_random(rng, n, rate_hz, 22), 0.1)
    feeding = np.zeros(n)
    for start, length in feeds:
        since = (t - start) / length
        ends = np.clip(8 * since, 0, 1) * np.clip(8 * (1 - since), 0, 1)
        feeding = np.maximum(feeding, ends)
    gear_hz = rng.uniform(250, 600) * (0.4 + 0.6 * feeding)
    gears = (tones(gear_hz, 9, 0.5, rate_hz, rng) + 0.8 * band(noise(rng, n), 800, 6000, rate_hz, 1)) * feeding
    clicks = np.array([*stops, *(start for start, _ in feeds)])
    gains = rng.lognormal(-0.4, 0.5, (len(clicks), 7))
    clunks = ring(clicks, gains, rng.uniform(180, 3500, 7), rng.uniform(0.01, 0.04, 7), n, rate_hz)
    fizz = band(noise(rng, n), 3000, 10000, rate_hz, 1) * pace
    return mix(((belt, 0.6), (slide, 0.9), (gears, 0.6), (clunks, 0.5), (fizz, 0.12)))


def _laser(n: int, rate_hz: int, rng: np.random.Generator, intensity: float) -> Array:
    """Fan, scanner and main drive all the while; for every sheet clutch, roller, and paper through the guides."""
    duration_s = n / rate_hz
    sheet_s = 60 / (rng.uniform(12, 22) + 10 * intensity)
    starts = np.arange(-rng.uniform(0, sheet_s), duration_s, sheet_s)
    starts = starts + 0.01 * rng.standard_normal(len(starts))
    fan = band(noise(rng, n, -3.0), 150, 3500, rate_hz, 1) + 0.15 * tones(
        rng.uniform(35, 60) * float(rng.choice([5, 7])) * np.ones(n), 3, 1.0, rate_hz, rng
    )
    wander = 1 + 0.001 * slow_random(rng, n, rate_hz, 2)
    facets_hz = rng.uniform(20_000, 40_000) / 60 * float(rng.choice([4, 5, 6]))
    scanner = tones(facets_hz * wander, 2, 1.5, rate_hz, rng)
    drive_hz = rng.uniform(280, 620) * wander * (1 + 0.004 * slow_random(rng, n, rate_hz, 8))
    drive = tones(drive_hz, 10, 0.6, rate_hz, rng) * np.maximum(1 + 0.25 * slow_random(rng, n, rate_hz, 30), 0.2)
    pick = bursts(starts, np.ones(len(starts)), 0.03, 0.16, n, rate_hz)
    rasp = band(noise(rng, n), 700, 6000, rate_hz, 1) * pick * np.maximum(1 + 0.6 * slow_random(rng, n, rate_hz, 70), 0)
    moving = bursts(starts + 0.35 * sheet_s, np.ones(len(starts)), 0.2 * sheet_s, 0.25 * sheet_s, n, rate_hz)
    paper = band(noise(rng, n), 1500, 9000, rate_hz, 1) * moving * gusts(rng, n, rate_hz, 3.0, 12.0)
    events = np.concatenate([starts, starts + 0.12, starts + 0.45 * sheet_s, starts + 0.8 * sheet_s])
    size = np.repeat([1.0, 0.5, 0.6, 0.35], len(starts))[:, None] * rng.lognormal(0, 0.4, (len(events), 8))
    clunks = ring(events, size, rng.uniform(120, 2800, 8), rng.uniform(0.012, 0.05, 8), n, rate_hz)
    grain = impulses(poisson_times(rng, 40 * moving, rate_hz), 1.0, n, rate_hz)
    crackle = band(grain, 1000, 7000, rate_hz, 1)
    return mix(((fan, 0.7), (scanner, 0.05), (drive, 0.45), (rasp, 0.4), (paper, 0.35), (clunks, 0.5), (crackle, 0.1)))


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {
    "vacuum cleaner": vacuum,
    "washing machine": washing_machine,
    "printer": printer,
}
