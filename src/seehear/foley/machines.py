"""Turning machines: helicopter, aeroplane, chainsaw, as pulse trains of their rotation through resonances, and flow noise.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level, nothing repeats. Sounds are given at the
source: direction, distance and motion, and so Doppler, belong to the renderer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from seehear.foley import vehicles
from seehear.foley.blocks import Array, band, noise, slow_random
from seehear.foley.pulses import bursts, gusts, impulses, mix, pulse_times, resonances, through_air, tones, without_rumble
from seehear.types import n_samples


def helicopter(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A hovering helicopter: blade slap at the passage rate, modulated rotor noise, tail rotor, turbine.

    Rotor noise after Lowson & Ollerhead (1969) and Leverton & Taylor (1966): each blade sends a low pressure pulse
    (thickness and loading) and, as it meets the vortex of the one before, a slap of noise; ``intensity`` is the share of slap.
    """
    n = n_samples(duration_s, rate_hz)
    blades = int(rng.integers(2, 6))
    passage_hz = rng.uniform(11, 18) if blades < 4 else rng.uniform(15, 25)
    drift = 1 + 0.006 * slow_random(rng, n, rate_hz, 0.4)
    times = pulse_times(passage_hz * drift, rate_hz, rng, jitter=0.006)
    # No blade is quite in the track of the others: the pattern repeats once per revolution, a little differently each time.
    track = 1 + 0.12 * rng.standard_normal(blades)
    gains = track[np.arange(len(times)) % blades] * (1 + 0.06 * rng.standard_normal(len(times)))
    period = 1 / passage_hz

    thump = band(impulses(times, gains, n, rate_hz), 25, rng.uniform(110, 240), rate_hz)
    depth = rng.uniform(0.05, 0.45) + 0.5 * intensity
    swish = bursts(times, gains, 0.15 * period, 0.3 * period, n, rate_hz)
    slap = bursts(times + 0.2 * period * rng.random(), gains**2, 0.004, 0.15 * period, n, rate_hz)
    rotor = band(noise(rng, n, -3.0), 60, 10 ** rng.uniform(2.5, 3.2), rate_hz, 1) * (
        1 - depth + depth * swish / max(swish.max(), 1e-9)
    )
    crack = band(noise(rng, n, -3.0), 120, rng.uniform(600, 1500), rate_hz, 1) * slap
    tail_hz = passage_hz * rng.uniform(4.2, 6.3) * drift
    tail = tones(tail_hz, 9, 1.0, rate_hz, rng) * (1 + 0.3 * slow_random(rng, n, rate_hz, 3))
    whine_hz = rng.uniform(900, 4800) * drift
    whine = sum(tones(ratio * whine_hz, 1, 1.0, rate_hz, rng) for ratio in (1.0, 1.37, 2.24))
    hiss = band(noise(rng, n, -3.0), 500, 9000, rate_hz, 1)
    parts = (
        (thump, 0.7),
        (rotor, 1.0),
        (crack, rng.uniform(0.05, 0.3) + 0.5 * intensity**1.5),
        (tail, rng.uniform(0.08, 0.25)),
        (whine, rng.uniform(0.01, 0.06)),
        (hiss, rng.uniform(0.08, 0.25)),
    )
    heard = through_air(mix(parts) * gusts(rng, n, rate_hz, 1.5, 0.6), 10 ** rng.uniform(1.7, 2.5), rate_hz)
    return without_rumble(heard, rate_hz)


def aeroplane(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A jet overhead, one time in four a propeller aeroplane.

    Jet: mixing noise with a broad hump (rising 6, falling 6 dB per octave around it; Lighthill 1952, Tam 1996), fan tones with
    the sidebands of the shaft, unsteady air, and the comb that the reflection from the ground draws while it flies by: the
    delay follows the elevation.
    """
    n = n_samples(duration_s, rate_hz)
    propeller = rng.random() < 0.25
    x = _propellers(n, rate_hz, rng, intensity) if propeller else _jet(n, rate_hz, rng, intensity)
    elevation_sine = _sine_of_elevation(n, rate_hz, rng)
    x = _ground_echo(through_air(x, 10 ** rng.uniform(1.5, 2.2), rate_hz), elevation_sine, rate_hz, rng)
    return without_rumble(x * np.sqrt(elevation_sine) * gusts(rng, n, rate_hz, 1.4, 1.5), rate_hz)


def _jet(n: int, rate_hz: int, rng: np.random.Generator, intensity: float) -> Array:
    """Mixing noise, fan and core."""
    hump_hz = rng.uniform(160, 420) * (0.7 + 0.6 * intensity)
    roar = band(noise(rng, n), 0.6 * hump_hz, 1.4 * hump_hz, rate_hz, 1)
    rumble = band(noise(rng, n, -3.0), 40, 160, rate_hz, 1) * gusts(rng, n, rate_hz, 1.5, 2.0)
    tear = band(noise(rng, n, -3.0), 600, rng.uniform(3000, 7000), rate_hz, 1)
    # High frequencies come in rags: turbulence along the path focuses and defocuses them faster than the low ones.
    tear = tear * gusts(rng, n, rate_hz, 2.2, 5.0)
    spool = 1 + 0.004 * slow_random(rng, n, rate_hz, 0.3)
    shaft_hz = rng.uniform(45, 80) * spool
    blades = int(rng.integers(18, 34))
    fan = tones(blades * shaft_hz, 2, 1.2, rate_hz, rng) + 0.25 * sum(
        tones((blades + k) * shaft_hz, 1, 1, rate_hz, rng) for k in (-2, -1, 1, 2)
    )
    fan = fan * gusts(rng, n, rate_hz, 3.0, 3.0)
    return mix(((roar, 1.0), (rumble, 0.5), (tear, 0.35 + 0.3 * intensity), (fan, rng.uniform(0.02, 0.12))))


def _propellers(n: int, rate_hz: int, rng: np.random.Generator, intensity: float) -> Array:
    """Two or one propellers, slightly apart in speed so that they beat, their exhausts, and air."""
    passage_hz = rng.uniform(70, 110) * (1 + 0.003 * slow_random(rng, n, rate_hz, 0.3))
    detune = rng.uniform(1.004, 1.015)
    engines = tones(passage_hz, 24, 0.9, rate_hz, rng)
    if rng.random() < 0.5:
        engines = engines + 0.9 * tones(detune * passage_hz, 24, 0.9, rate_hz, rng)
    times = pulse_times(1.5 * passage_hz, rate_hz, rng, jitter=0.03)
    exhaust = impulses(times, 1 + 0.2 * rng.standard_normal(len(times)), n, rate_hz)
    exhaust = resonances(exhaust, ((140, 90, 1.0), (310, 160, 0.7), (720, 400, 0.4)), rate_hz)
    air = band(noise(rng, n, -3.0), 100, 2500, rate_hz, 1)
    return mix(((engines, 0.8), (exhaust, 0.4), (air, 0.3 + 0.3 * intensity)))


def _sine_of_elevation(n: int, rate_hz: int, rng: np.random.Generator) -> Array:
    """Sine of the elevation (T,) of something that flies straight by, closest at some time around the clip."""
    duration_s = n / rate_hz
    closest_s = rng.uniform(-0.3, 1.3) * duration_s
    pace_s = rng.uniform(2, 8)
    return 1 / np.hypot(1, (np.arange(n) / rate_hz - closest_s) / pace_s) * rng.uniform(0.5, 1.0)


def _ground_echo(x: Array, elevation_sine: Array, rate_hz: int, rng: np.random.Generator) -> Array:
    """``x`` plus its echo from the ground: 2 h sin(elevation) / c later at the ear's height h, less at high frequencies."""
    n = len(x)
    delay_s = 2 * rng.uniform(1.3, 1.9) * elevation_sine / 343
    echo = np.interp(np.arange(n) - delay_s * rate_hz, np.arange(n), x, left=0.0)
    return x + rng.uniform(0.35, 0.7) * band(echo, None, 1500, rate_hz, 1)


def chainsaw(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """A two-stroke chainsaw that idles, revs and cuts: one firing per turn, through a small muffler, chain and wood noise.

    Idle 40 to 55 Hz, free revving about 190, under load 110 to 160 Hz (2500 to 11000 rpm); cycles differ a lot (two-strokes
    misfire at idle, four-stroke when revving free: Heywood & Sher 1999); the chain rasps in the wood.
    """
    n = n_samples(duration_s, rate_hz)
    throttle, load = _work(n, rate_hz, rng, intensity)
    idle_hz, free_hz = rng.uniform(40, 55), rng.uniform(150, 195)
    speed = idle_hz + (free_hz - idle_hz) * throttle - rng.uniform(20, 45) * load
    speed = speed * (1 + 0.03 * slow_random(rng, n, rate_hz, 1.2) + 0.01 * slow_random(rng, n, rate_hz, 7))
    times = pulse_times(speed, rate_hz, rng, jitter=0.004)
    at = np.minimum((times * rate_hz).astype(int), n - 1)
    spread = 0.4 - 0.33 * throttle[at]
    gains = (0.35 + 0.65 * throttle[at]) * np.exp(spread * rng.standard_normal(len(times)))

    puffs = impulses(times, gains, n, rate_hz)
    body = [
        (f * rng.uniform(0.7, 1.4), w, g * rng.lognormal(0, 0.4))
        for f, w, g in ((190, 110, 1.0), (480, 200, 0.9), (1050, 380, 0.6), (2100, 800, 0.45))
    ]
    # An open throttle blows down faster: the upper resonances sound only under power.
    sharp = impulses(times, gains * (0.1 + 0.5 * throttle[at] ** 2 + 0.7 * load[at]), n, rate_hz)
    exhaust = resonances(puffs, body[:2], rate_hz) + resonances(sharp, body[2:], rate_hz)
    envelope = bursts(times, gains, 0.0004, 0.0025, n, rate_hz)
    gas = resonances(rng.standard_normal(n) * envelope, ((700, 700, 0.7), (1900, 1500, 0.8), (4200, 3000, 0.6)), rate_hz)
    # Drive links pass seven to a turn of the sprocket.
    chain = tones(7 * speed, 3, 0.8, rate_hz, rng) * throttle
    rasp = band(noise(rng, n), 900, 7500, rate_hz, 1) * load * np.maximum(1 + 0.5 * slow_random(rng, n, rate_hz, 40), 0.1)
    clatter = (
        band(noise(rng, n), 1500, 9000, rate_hz, 1)
        * (0.03 + 0.5 * throttle**2)
        * (0.5 + 0.5 * envelope / max(envelope.max(), 1e-9))
    )
    level = {
        "exhaust": 1.0,
        "gas": rng.uniform(0.1, 0.3),
        "chain": 0.08,
        "rasp": (0.15 + 0.25 * intensity) * rng.lognormal(0, 0.4),
        "clatter": 0.12,
    }
    parts = zip((exhaust, gas, chain, rasp, clatter), level.values(), strict=True)
    return without_rumble(through_air(mix(parts), rng.uniform(5, 60), rate_hz), rate_hz, 30.0)


def _work(n: int, rate_hz: int, rng: np.random.Generator, intensity: float) -> tuple[Array, Array]:
    """Throttle and load, both (T,) in 0 to 1: cuts of some seconds with blips and pauses between them."""
    knots = [(0.0, float(rng.random() < 0.75), rng.uniform(0, 1))]
    time = rng.uniform(-2, 0.5)
    while time < n / rate_hz:
        high, up, down = rng.uniform(0.8, 1.0), rng.uniform(0.12, 0.4), rng.uniform(0.4, 1.1)
        if rng.random() < 0.45 + 0.4 * intensity:
            drag, held = rng.uniform(0.5, 1.0), rng.uniform(1.5, 3 + 3 * intensity)
            bite = time + up + rng.uniform(0.1, 0.5)
            knots += [(time + up, high, 0.0), (bite, high, drag), (bite + held, high, drag), (bite + held + 0.15, high, 0.0)]
            end = bite + held + 0.15
        else:
            end = time + up + rng.uniform(0.05, 0.4)
            knots += [(time + up, high, 0.0), (end, high, 0.0)]
        # The clutch lets go and the engine coasts down more slowly than it came up.
        knots += [(time, rng.uniform(0, 0.12), 0.0), (end + down, rng.uniform(0, 0.12), 0.0)]
        time = end + down + rng.uniform(0.1, 0.5 + 1.2 * (1 - intensity))
    times, throttle, load = np.array(sorted(knots)).T
    t = np.arange(n) / rate_hz
    unsteady = 1 + 0.4 * slow_random(rng, n, rate_hz, 2.5)
    return np.clip(np.interp(t, times, throttle), 0, 1), np.clip(np.interp(t, times, load) * unsteady, 0, 1)


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {
    "helicopter": helicopter,
    "aeroplane": aeroplane,
    "chainsaw": chainsaw,
    **vehicles.SOUNDS,
}
