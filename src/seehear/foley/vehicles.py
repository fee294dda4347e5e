"""What rolls: car and train, as engine orders through an exhaust, rolling noise, and wheels over rail joints.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level, nothing repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import Array, band, fade, modal_hit, noise, place, slow_random, unit_power
from seehear.foley.pulses import gusts, impulses, mix, pulse_times, resonances, through_air, tones, without_rumble
from seehear.types import n_samples

GEAR_RATIOS_HZ_PER_M_S = (7.5, 4.4, 3.0, 2.2, 1.75)
"""Crankshaft turns per metre in first to fifth gear of a common car (first: 27 km/h at 3400 rpm)."""
IDLE_HZ = 13.0


def car(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A car: engine orders through the exhaust, tyre and road noise, air, speed and gears that change slowly.

    Four-stroke engine: every cylinder fires once in two turns, so the firing rate is cylinders / 2 per turn and
    unequal cylinders add half orders (Baldan et al. 2015). Tyre noise peaks around 1 kHz and grows by about 30 lg(speed)
    (Sandberg & Ejsmont 2002). ``intensity`` 0 stands idling, 0.5 drives in town, 1 accelerates hard.
    """
    n = n_samples(duration_s, rate_hz)
    speed = _speed_m_s(n, rate_hz, rng, intensity)
    crank_hz = _crank_hz(speed, rate_hz)
    crank_hz = crank_hz * (1 + 0.004 * slow_random(rng, n, rate_hz, 5))
    engine = _engine(crank_hz, int(rng.choice([3, 4, 4, 4, 6])), rate_hz, rng)
    effort = np.clip(0.25 + crank_hz / 60 + 2.0 * np.gradient(speed) * rate_hz / 10, 0.2, 2.0)
    swift = speed / 14
    tyres = band(noise(rng, n, -1.5), rng.uniform(350, 600), rng.uniform(1200, 1900), rate_hz, 1)
    air = band(noise(rng, n, -4.0), 60, 6000, rate_hz, 1)
    road = band(noise(rng, n, -4.0), 30, 250, rate_hz) * gusts(rng, n, rate_hz, 2.0, 4.0)
    x = effort * unit_power(engine) + (0.15 + 0.7 * intensity) * swift**1.5 * unit_power(tyres)
    x += 0.35 * swift**2 * unit_power(air) + 0.4 * swift * unit_power(road)
    return without_rumble(through_air(x * gusts(rng, n, rate_hz, 0.8, 0.5), rng.uniform(5, 50), rate_hz), rate_hz)


def _speed_m_s(n: int, rate_hz: int, rng: np.random.Generator, intensity: float) -> Array:
    """Speed over time: standing for low intensity, town driving with slow changes, pulling away for high."""
    if intensity < 0.2:
        return np.zeros(n)
    t = np.arange(n) / rate_hz
    cruise = rng.uniform(8, 16) * (0.6 + 0.8 * intensity)
    pull = max(0.0, intensity - 0.4) * rng.uniform(0.5, 3.5) * (t - t[-1] / 2)
    return np.maximum(cruise * (1 + 0.08 * slow_random(rng, n, rate_hz, 0.15)) + np.clip(pull, -6, 8), 1.5)


def _crank_hz(speed: Array, rate_hz: int) -> Array:
    """Crankshaft speed (T,): the highest gear that keeps it above 26 turns a second, changed in a quarter second."""
    chosen = np.array(GEAR_RATIOS_HZ_PER_M_S)[np.sum([speed * ratio > 26 for ratio in GEAR_RATIOS_HZ_PER_M_S[1:]], axis=0)]
    crank = np.maximum(speed * chosen, IDLE_HZ)
    width = max(int(0.25 * rate_hz), 1)
    padded = np.pad(crank, (width, width), mode="edge")
    summed = np.cumsum(padded)
    return ((summed[width:] - summed[:-width]) / width)[width // 2 : width // 2 + len(speed)]


def _engine(crank_hz: Array, cylinders: int, rate_hz: int, rng: np.random.Generator) -> Array:
    """Firing pulses of ``cylinders`` unequal cylinders through exhaust and body, and the clatter of valves."""
    n = len(crank_hz)
    times = pulse_times(crank_hz * cylinders / 2, rate_hz, rng, jitter=0.008)
    each = 1 + 0.12 * rng.standard_normal(cylinders)
    gains = each[np.arange(len(times)) % cylinders] * (1 + 0.1 * rng.standard_normal(len(times)))
    puffs = impulses(times, gains, n, rate_hz)
    pipe = [
        (f * rng.uniform(0.85, 1.2), w, g)
        for f, w, g in ((75, 45, 1.0), (160, 80, 0.8), (330, 150, 0.45), (640, 300, 0.3), (1300, 700, 0.18))
    ]
    exhaust = resonances(puffs, pipe, rate_hz)
    knock = resonances(puffs * rng.standard_normal(n), ((1100, 500, 0.6), (2300, 900, 0.6), (4200, 2000, 0.4)), rate_hz)
    intake = band(noise(rng, n, -3.0), 150, 3500, rate_hz, 1)
    return mix(((exhaust, 1.0), (knock, 0.14), (intake, 0.22)))


COACH_M = 25.0
AXLES_M = np.array([0.0, 2.5, 17.5, 20.0])
"""Axles of a coach: bogies of 2.5 m wheelbase, 17.5 m apart (UIC passenger coach about 26 m long)."""


def train(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A train going by: wheels rolling on rails, their clicks over joints in bogie pattern, traction hum, at times a horn.

    Rolling noise comes from the roughness of wheel and rail: sleepers below 400 Hz, rail to 1.5 kHz, wheels
    above (Thompson 2009). A joint answers each axle with a thud of the track and the ring of rail and wheel.
    """
    n = n_samples(duration_s, rate_hz)
    speed = rng.uniform(11, 17) * (0.7 + 0.6 * intensity) * (1 + 0.01 * slow_random(rng, n, rate_hz, 0.1))
    rolling = _rolling(n, rate_hz, rng)
    clicks = _joints(speed, rate_hz, rng)
    motor_hz = rng.uniform(5, 9) * speed
    hum = tones(motor_hz, 8, 0.8, rate_hz, rng) + 0.5 * tones(rng.uniform(4.1, 6.3) * motor_hz, 3, 0.7, rate_hz, rng)
    hum = hum * gusts(rng, n, rate_hz, 3.0, 0.4)
    x = mix(((rolling, 1.0), (clicks, rng.uniform(0.6, 1.1)), (hum, rng.uniform(0.06, 0.25))))
    if duration_s > 4 and rng.random() < 0.3:
        horn = _horn(rate_hz, rng)
        place(x, horn, rng.uniform(0.2, max(0.3, duration_s - len(horn) / rate_hz - 0.5)), rate_hz, 1.6)
    return without_rumble(x, rate_hz)


def _rolling(n: int, rate_hz: int, rng: np.random.Generator) -> Array:
    """Rumble of track and coach, roar of rail and wheel, a thin singing of the flanges that comes and goes."""
    rumble = band(noise(rng, n, -3.0), 35, 140, rate_hz) * gusts(rng, n, rate_hz, 2.5, 3.0)
    roar = resonances(
        rng.standard_normal(n), [(f * rng.uniform(0.85, 1.15), 0.5 * f, 1.0) for f in (320, 700, 1250, 2200)], rate_hz
    )
    roar = roar * gusts(rng, n, rate_hz, 2.0, 4.0)
    flange_hz = rng.uniform(2400, 5200)
    squeal = resonances(rng.standard_normal(n), [(flange_hz * ratio, 25, 1.0) for ratio in (1, 1.31, 1.78)], rate_hz)
    squeal = squeal * np.maximum(slow_random(rng, n, rate_hz, 0.8), 0) ** 2
    return mix(((rumble, 0.9), (roar, 1.0), (squeal, rng.uniform(0.0, 0.12))))


def _joints(speed: Array, rate_hz: int, rng: np.random.Generator) -> Array:
    """Every axle over the joint in front of the listener, and fainter over the neighbouring one: da-dum, da-dum."""
    n = len(speed)
    travelled = np.cumsum(speed) / rate_hz
    start_m = rng.uniform(0, COACH_M)
    coaches = np.arange(-1, int((travelled[-1] + start_m) / COACH_M) + 2)
    axles = (coaches[:, None] * COACH_M + AXLES_M + 0.1 * rng.standard_normal((len(coaches), 4))).ravel() - start_m
    flats = np.tile(1 + 0.2 * rng.standard_normal(4), len(coaches)) * rng.uniform(0.75, 1.25, len(axles))
    rail_hz = np.array([62, 105, 210, 430, 780, 1080, 1620, 2400, 3300]) * rng.uniform(0.9, 1.1, 9)
    gains = np.array([1.0, 0.9, 0.8, 0.7, 0.6, 0.6, 0.4, 0.25, 0.15])
    out = np.zeros(n)
    for offset_m, strength in ((0.0, 1.0), (rng.uniform(15, 20), rng.uniform(0.2, 0.4))):
        places_m = axles + offset_m
        inside = (places_m >= travelled[0]) & (places_m < travelled[-1])
        for time, flat in zip(np.interp(places_m[inside], travelled, np.arange(n)) / rate_hz, flats[inside], strict=True):
            freqs = rail_hz * (1 + 0.02 * rng.standard_normal(9))
            hit = modal_hit(freqs, 45 / (freqs + 250) * rng.uniform(0.7, 1.3, 9), gains, int(0.3 * rate_hz), rate_hz, rng)
            place(out, fade(hit, 0.001, 0.1, rate_hz), time, rate_hz, strength * flat)
    return out


def _horn(rate_hz: int, rng: np.random.Generator) -> Array:
    """One blast of a chord of three air horns."""
    length_s = rng.uniform(0.8, 1.8)
    n = int(length_s * rate_hz)
    bend = 1 - 0.03 * np.exp(-np.arange(n) / rate_hz / 0.06)
    root_hz = rng.uniform(255, 340)
    voices = sum(
        tones(root_hz * ratio * rng.uniform(0.995, 1.005) * bend, 14, 0.9, rate_hz, rng) for ratio in (1.0, 1.189, 1.498)
    )
    breath = 0.15 * band(rng.standard_normal(n), 800, 5000, rate_hz, 1)
    return fade(resonances(voices + breath, ((650, 500, 1.0), (1500, 900, 0.8), (2800, 1500, 0.4)), rate_hz), 0.06, 0.15, rate_hz)


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {"car": car, "train": train}
