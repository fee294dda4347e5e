"""Things that strike: bells, clocks, feet and hooves, as contact events that excite modes and shake grains.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level; ``event_rate`` in events per second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import Array, band, fade, modal_hit, place
from seehear.foley.pulses import ring, without_rumble
from seehear.types import n_samples

BELL_RATIOS = np.array([0.5, 1.0, 1.183, 1.506, 2.0, 2.514, 2.662, 3.011, 4.166, 5.433, 6.796, 8.215])
"""Hum, prime, tierce, quint, nominal, tenth, eleventh, twelfth, upper octave and above of a church bell
(Fletcher & Rossing, The Physics of Musical Instruments, table 21.1), relative to the prime."""
BELL_GAINS = np.array([0.4, 0.55, 0.85, 0.3, 1.0, 0.4, 0.4, 0.8, 0.7, 0.55, 0.4, 0.3])
BELL_T60S_S = np.array([26.0, 15.0, 12.0, 6.0, 6.5, 3.0, 3.0, 3.5, 2.4, 1.7, 1.2, 0.9])
"""Low partials ring longest (Risset 1969; measured bells of Perrin et al. 1983), for a prime of 300 Hz."""


def _regular_times(rng: np.random.Generator, duration_s: float, rate_per_s: float, unevenness: float) -> Array:
    """Times of events with a period, a random start and ``unevenness`` (standard deviation over period); never empty."""
    period = 1 / rate_per_s
    start = rng.uniform(0.02, 0.95) * min(period, 0.5 * duration_s)
    steps = period * (1 + unevenness * rng.standard_normal(int(np.ceil(duration_s / period)) + 2)).clip(0.3, 1.7)
    times = start + np.concatenate([[0], np.cumsum(steps)])
    return times[times < duration_s]


def bell(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.45) -> Array:
    """A church bell, tolled: inharmonic partials in beating pairs, and the metal noise of the clapper.

    Partial ratios and decay as above; each partial is a doublet, because no bell is quite round, and so it warbles
    (Fletcher & Rossing, section 21.6). A harder stroke is brighter.
    """
    n = n_samples(duration_s, rate_hz)
    prime_hz = 10 ** rng.uniform(np.log10(210), np.log10(620))
    times = _regular_times(rng, duration_s, event_rate, 0.025)
    strength = 1 + 0.15 * rng.standard_normal(len(times))
    ratios = BELL_RATIOS * (1 + np.r_[0, 0, 0.004 * rng.standard_normal(len(BELL_RATIOS) - 2)])
    split_hz = rng.uniform(0.15, 1.6, len(ratios)) * np.sqrt(ratios)
    freqs = np.concatenate([prime_hz * ratios - split_hz / 2, prime_hz * ratios + split_hz / 2])
    t60s = np.tile(BELL_T60S_S * (300 / prime_hz) ** 0.7 * rng.uniform(0.8, 1.2, len(ratios)), 2)
    gains = BELL_GAINS * ratios ** (0.9 * (intensity - 0.5)) * rng.uniform(0.7, 1.3, len(ratios))
    share = rng.uniform(0.25, 0.5, len(ratios))
    pair = np.concatenate([gains * share, gains * (1 - share)])
    per_strike = strength[:, None] * pair * (1 + 0.12 * rng.standard_normal((len(times), len(pair))))
    x = ring(times, per_strike, freqs, t60s, n, rate_hz)
    for time, gain in zip(times, strength, strict=True):
        place(x, gain * _clapper(rate_hz, rng, prime_hz, intensity), time, rate_hz)
    return without_rumble(x, rate_hz)


def _clapper(rate_hz: int, rng: np.random.Generator, prime_hz: float, intensity: float) -> Array:
    """The stroke itself: dense short modes above the tuned partials, and a thump of the frame."""
    count = 40
    freqs = np.concatenate([prime_hz * rng.uniform(4, 26, count), rng.uniform(90, 200, 2)])
    t60s = np.concatenate([rng.uniform(0.04, 0.25, count), [0.12, 0.16]])
    gains = np.concatenate([rng.uniform(0.2, 1, count) * (0.06 + 0.1 * intensity), [0.25, 0.2]])
    return fade(modal_hit(freqs, t60s, gains, int(0.3 * rate_hz), rate_hz, rng), 0.0008, 0.05, rate_hz)


def clock(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float | None = None
) -> Array:
    """A ticking clock: tick and tock of an escapement, each a few micro-impacts that ring movement and case.

    A lever or anchor escapement sounds three times per beat: unlocking, impulse, drop (the loudest); the two pallets
    differ, so ticks pair with tocks, and a beat error spaces them unevenly. By default the clip draws its clock: quartz
    (1 tick a second), pendulum (1 to 2) or alarm clock (4 to 5).
    """
    n = n_samples(duration_s, rate_hz)
    rate = event_rate or float(rng.choice([1.0, rng.uniform(1.0, 2.2), rng.uniform(3.6, 5.0)], p=[0.4, 0.3, 0.3]))
    large = np.clip(1.3 - 0.25 * rate + 0.2 * rng.standard_normal(), 0.15, 1.0)
    times = _regular_times(rng, duration_s, rate, 0.002)
    tock = np.arange(len(times)) % 2 == rng.integers(2)
    times = times + tock * rng.uniform(-0.03, 0.03) / rate
    freqs, t60s, gains = _movement(rng, large)
    pallets = np.stack([gains * rng.lognormal(0, 0.45, len(gains)) for _ in range(2)])
    delays_s = np.sort(rng.uniform(0.002, 0.004 + 0.022 * large, 2))
    sizes = (rng.uniform(0.1, 0.3), rng.uniform(0.2, 0.6), 1.0)
    strikes, weights = [], []
    for delay, size in zip((0.0, *delays_s), sizes, strict=True):
        wander = 1 + 0.08 * rng.standard_normal((len(times), len(gains)))
        strikes.append(times + delay + 2e-4 * rng.standard_normal(len(times)))
        weights.append(size * pallets[tock.astype(int)] * wander * rng.choice([-1, 1], len(gains)))
    x = ring(np.concatenate(strikes), np.concatenate(weights), freqs, t60s, n, rate_hz)
    for time in times:
        place(x, _click(rate_hz, rng, 0.25 + 0.3 * intensity), time + delays_s[-1], rate_hz)
    return without_rumble(x, rate_hz, 60.0)


def _movement(rng: np.random.Generator, large: float) -> tuple[Array, Array, Array]:
    """Modes of case (wood or plastic, low, dull) and movement (brass, high): frequencies, T60s, gains."""
    case = rng.uniform(140, 1200, 8) * (1.7 - 0.9 * large)
    brass = rng.uniform(1500, 9000, 14)
    freqs = np.concatenate([case, brass])
    t60s = np.concatenate([rng.uniform(0.03, 0.05 + 0.13 * large, 8), rng.uniform(0.01, 0.05, 14)])
    gains = np.concatenate([rng.uniform(0.3, 1.0, 8) * (0.3 + 0.7 * large), rng.uniform(0.1, 0.7, 14) * (1.1 - 0.5 * large)])
    return freqs, t60s, gains


def _click(rate_hz: int, rng: np.random.Generator, gain: float) -> Array:
    """Metal on metal: 3 ms of high noise."""
    length = max(int(0.02 * rate_hz), 8)
    t = np.arange(length) / rate_hz
    return gain * band(rng.standard_normal(length), 1500, None, rate_hz) * np.exp(-t / rng.uniform(0.0008, 0.002))


# ------------------------------------------------------------------------------------------- feet and hooves


def _thump(rate_hz: int, rng: np.random.Generator, centre_hz: float, t60_s: float) -> Array:
    """A soft body landing: three low modes under a smooth contact."""
    freqs = centre_hz * np.array([1.0, rng.uniform(1.5, 1.9), rng.uniform(2.3, 3.2)])
    hit = modal_hit(freqs, t60_s * np.array([1.0, 0.7, 0.5]), np.array([1.0, 0.6, 0.3]), int(1.2 * t60_s * rate_hz), rate_hz, rng)
    return fade(hit, 0.004, 0.3 * t60_s, rate_hz)


def _grains(
    rate_hz: int, rng: np.random.Generator, length_s: float, density_per_s: float, low_hz: float, high_hz: float
) -> Array:
    """Loose ground under load: colliding grains at random times, their energy decaying, each with its own pitch.

    Cook's PhISEM (1997): Poisson collisions of exponentially falling energy excite a resonance, here four of them.
    """
    n = int(length_s * rate_hz)
    position = np.arange(n) / max(n, 1)
    load = np.minimum(position / 0.15, 1) * np.exp(-3.5 * position)
    out = np.zeros(n)
    for centre in np.minimum(rng.uniform(low_hz, high_hz, 4), 0.4 * rate_hz):
        hits = (rng.random(n) < density_per_s / 4 / rate_hz) * rng.exponential(1.0, n) ** 1.7 * rng.choice([-1, 1], n) * load
        out += band(hits, 0.75 * centre, min(1.3 * centre, 0.45 * rate_hz), rate_hz, 1)
    return out / max(float(np.abs(out).max()), 1e-9)


def _tap(rate_hz: int, rng: np.random.Generator, freqs_hz: Array, t60_s: float) -> Array:
    """A hard contact: the modes of sole and floor, weaker the higher, under half a millisecond of contact."""
    gains = rng.uniform(0.5, 1, len(freqs_hz)) * (freqs_hz.min() / freqs_hz) ** 1.3
    t60s = t60_s * rng.uniform(0.7, 1.2, len(freqs_hz)) * (freqs_hz.min() / freqs_hz) ** 0.3
    hit = fade(modal_hit(freqs_hz, t60s, gains, int(1.3 * t60_s * rate_hz), rate_hz, rng), 0.0006, 0.3 * t60_s, rate_hz)
    hit /= max(float(np.abs(hit).max()), 1e-9)
    place(hit, _click(rate_hz, rng, 0.12), 0.0, rate_hz)
    return hit


def footsteps(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 1.85
) -> Array:
    """Someone walking: heel, roll, toe; left and right differ; the clip draws shoe and ground.

    Two contacts per step, 90 to 160 ms apart (Visell et al. 2009), on stone or wood (modes; van den Doel 2001) or on gravel or
    leaves (grains; Cook 1997). ``event_rate`` in steps per second; a heavier walk (``intensity``) strikes harder.
    """
    n = n_samples(duration_s, rate_hz)
    ground = GROUNDS[rng.choice(["stone", "wood", "gravel", "soil"], p=[0.35, 0.2, 0.3, 0.15])]
    sole_hz = 10 ** rng.uniform(np.log10(230), np.log10(2400), 10)
    pitch = rng.uniform(0.85, 1.2)
    roll_s = rng.uniform(0.09, 0.16) * 1.85 / max(event_rate, 1.0)
    x = np.zeros(n)
    for index, time in enumerate(_regular_times(rng, duration_s, event_rate * rng.uniform(0.93, 1.07), 0.025)):
        foot = pitch * (1.0 if index % 2 else 1.06) * (1 + 0.02 * rng.standard_normal())
        for delay, force in ((0.0, 1.0), (roll_s * rng.uniform(0.85, 1.15), rng.uniform(0.3, 0.6))):
            place(
                x,
                _footfall(ground, sole_hz * foot, force, intensity, rate_hz, rng),
                time + delay,
                rate_hz,
                force * rng.uniform(0.8, 1.2),
            )
    return without_rumble(x, rate_hz, 35.0)


@dataclass(frozen=True)
class Ground:
    """How a ground answers a foot: share and pitch of the thump, of the hard tap, of the loose grains."""

    thump: float
    thump_hz: float
    thump_t60_s: float
    tap: float
    tap_pitch: float
    tap_t60_s: float
    grains: float
    grains_per_s: float
    grains_hz: tuple[float, float]
    grains_s: float


GROUNDS: Mapping[str, Ground] = {
    "stone": Ground(0.12, 95, 0.06, 1.0, 1.0, 0.045, 0.05, 900, (1200, 4000), 0.12),
    "wood": Ground(0.45, 120, 0.13, 0.8, 0.55, 0.09, 0.03, 600, (900, 3000), 0.10),
    "gravel": Ground(0.12, 80, 0.08, 0.0, 1.0, 0.05, 0.9, 900, (700, 4200), 0.24),
    "soil": Ground(0.7, 75, 0.10, 0.15, 0.4, 0.05, 0.45, 2600, (300, 1700), 0.22),
}
"""Set beside recordings of steps on hard floor, gravel and snow: octave levels and decay."""


def _footfall(ground: Ground, sole_hz: Array, force: float, intensity: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """One contact of a shoe with the ground."""
    out = np.zeros(int(0.36 * rate_hz))
    weight = 0.6 + 0.8 * intensity
    thump = _thump(rate_hz, rng, ground.thump_hz * rng.uniform(0.85, 1.15), ground.thump_t60_s)
    place(out, thump, 0.0, rate_hz, ground.thump * weight)
    place(out, _tap(rate_hz, rng, ground.tap_pitch * sole_hz, ground.tap_t60_s), 0.002, rate_hz, ground.tap * weight)
    length_s = ground.grains_s * (0.8 + 0.4 * force * rng.random())
    grains = _grains(rate_hz, rng, length_s, ground.grains_per_s * weight, *ground.grains_hz)
    place(out, grains, 0.003, rate_hz, ground.grains)
    return out


GAITS: Mapping[str, tuple[float, tuple[float, ...]]] = {
    "walk": (0.9, (0.0, 0.25, 0.5, 0.75)),
    "trot": (1.45, (0.0, 0.012, 0.5, 0.514)),
    "canter": (1.75, (0.0, 0.26, 0.275, 0.52)),
    "gallop": (2.2, (0.0, 0.12, 0.33, 0.45)),
}
"""Strides per second and the footfalls' phases within a stride (Hildebrand 1965)."""


def horse(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float | None = None
) -> Array:
    """Horse hooves: the footfalls of a walk, trot, canter or gallop on pavement or earth.

    ``intensity`` chooses the gait, ``event_rate`` the strides per second. On stone a hoof is a hollow cup that clops
    (modes around 500 to 1500 Hz), on earth a thump with a spray of soil.
    """
    n = n_samples(duration_s, rate_hz)
    names = list(GAITS)
    gait = names[int(np.clip(np.floor(4 * intensity + rng.uniform(-0.7, 0.7)), 0, 3))]
    strides_per_s, phases = GAITS[gait]
    strides_per_s = event_rate or strides_per_s * rng.uniform(0.92, 1.08)
    paved = rng.random() < (0.25 if gait == "gallop" else 0.6)
    hooves = [rng.uniform(0.92, 1.08) for _ in phases]
    cup_hz = rng.uniform(520, 900) * np.array([1.0, 1.48, 2.1, 2.9, 3.7, 5.2])
    x = np.zeros(n)
    for stride in _regular_times(rng, duration_s, strides_per_s, 0.02):
        for hoof, phase in zip(hooves, phases, strict=True):
            time = stride + (phase + 0.012 * rng.standard_normal()) / strides_per_s
            place(x, _hoof(paved, cup_hz * hoof, intensity, rate_hz, rng), max(time, 0), rate_hz, rng.uniform(0.6, 1.1))
    return without_rumble(x, rate_hz, 35.0)


def _hoof(paved: bool, cup_hz: Array, intensity: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """One hoof landing."""
    out = np.zeros(int(0.3 * rate_hz))
    place(out, _thump(rate_hz, rng, rng.uniform(65, 95), 0.09), 0.0, rate_hz, 0.25 if paved else 0.7)
    if paved:
        place(out, _tap(rate_hz, rng, cup_hz * (1 + 0.03 * rng.standard_normal()), 0.045), 0.001, rate_hz, 1.0)
        place(out, _grains(rate_hz, rng, 0.08, 800, 2000, 6000), 0.004, rate_hz, 0.05)
    else:
        place(out, _tap(rate_hz, rng, 0.45 * cup_hz, 0.05), 0.002, rate_hz, 0.45)
        place(out, _grains(rate_hz, rng, 0.14, 2200, 400, 2200), 0.006, rate_hz, 0.15 + 0.25 * intensity)
    return out


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {"horse": horse, "footsteps": footsteps, "bell": bell, "clock": clock}
