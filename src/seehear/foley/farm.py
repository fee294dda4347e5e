"""Cow, sheep and goat, pig, goose and duck: one individual per clip (drawn from ``rng``), every call of it different.

Every function: mono (T,), exactly ``round(duration_s * rate_hz)`` samples; ``intensity`` 0..1 is vocal effort,
``event_rate`` is bouts per second. T samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import slow_random
from seehear.foley.phonation import Voice, call_in_bouts, glide, step, throat_hz, uneven_hz, utter

Array = NDArray[np.floating]


def cow(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.16) -> Array:
    """Moos (T,): a hum behind closed lips that opens into the call, 1.2 to 2.4 s.

    Fundamental near 80 Hz with the mouth closed, near 150 Hz with the mouth open (Padilla de la Torre et al. 2015), which some
    animals let leap to the octave towards the end; a tract of 55 to 65 cm.
    """
    excited = float(np.clip(intensity + 0.25 * rng.standard_normal(), 0, 1))
    pitch_hz = (84 + 62 * excited) * rng.uniform(0.93, 1.07)
    voice = Voice(
        length_m=rng.uniform(0.55, 0.65),
        slope_db_per_octave=-6 + 2 * intensity,
        jitter=(0.006, 0.03),
        shimmer=(0.07, 0.15),
        subharmonic=0.35 * rng.random(),
        breath=(0.03, 0.12),
        damping=0.7,
        corner_hz=200,
        long=True,
    )
    typical_s = rng.uniform(1.3, 2.0)
    leaps = rng.random() < 0.35
    width = rng.uniform(0.85, 1.15)
    head = rng.normal(1, 0.045, 7)

    def moo() -> Array:
        n = round(rate_hz * typical_s * rng.uniform(0.85, 1.2))
        opens = rng.uniform(0.25, 0.6)
        f0 = pitch_hz * rng.uniform(0.96, 1.04) * glide([(0, 0.8), (0.2, 0.93), (opens, 1.0), (0.85, 1.1), (1, 0.78)], n)
        f0 *= 1 + 0.012 * slow_random(rng, n, rate_hz, 4)
        if leaps:
            f0 *= 1 + step(n, rate_hz, min(opens + 0.12, 0.7), 0.012) - step(n, rate_hz, 0.93, 0.02)
        loud = glide([(0, 0), (0.08, 0.5), (opens - 0.05, 0.6), (opens + 0.06, 0.95), (0.8, 1), (0.94, 0.5), (1, 0)], n)
        loud *= 1 + 0.08 * slow_random(rng, n, rate_hz, 5)
        strain = np.clip(excited * glide([(0, 0.1), (opens, 0.3), (0.8, 1), (1, 0.5)], n) + 0.2, 0, 1)
        gape = width * np.interp(np.linspace(0, 1, 15), [0, opens - 0.06, opens + 0.08, 0.82, 1], [0.25, 0.4, 1.0, 1.1, 0.4])
        lips = uneven_hz(throat_hz(voice.length_m, 0.7 + 1.1 * gape, 0.8 + 0.5 * gape), voice.length_m, head)
        return rng.uniform(0.7, 1.0) * utter(voice, f0, loud, strain, lips, rate_hz, rng)

    return call_in_bouts(duration_s, rate_hz, rng, moo, count=(1, 2), gap_s=(0.7, 1.6), event_rate=event_rate)


def sheep(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float = 0.3,
    species: str | None = None,
) -> Array:
    """Bleats (T,) of 0.5 to 1.1 s whose pitch and loudness tremble 5 to 13 times a second.

    ``species`` is "sheep", "lamb" or "goat", drawn when None. Fundamental of ewes 120 to 200 Hz, of lambs 300 to 450 Hz
    (Searby & Jouventin 2003), of goats 220 to 400 Hz, whose tremor nearly cuts the call (Briefer & McElligott 2011).
    """
    low_hz, high_hz, length_m, tremor_hz, depth = {
        "sheep": (125, 190, 0.19, (5.5, 9), (0.15, 0.55)),
        "lamb": (310, 420, 0.135, (5, 8), (0.05, 0.4)),
        "goat": (230, 390, 0.16, (8, 13), (0.6, 0.95)),
    }[species or str(rng.choice(["sheep", "lamb", "goat"], p=[0.5, 0.2, 0.3]))]
    pitch_hz = rng.uniform(low_hz, high_hz)
    voice = Voice(
        length_m=length_m * rng.uniform(0.92, 1.08),
        slope_db_per_octave=-6.5 + 2.5 * intensity,
        jitter=(0.008, 0.03),
        shimmer=(0.1, 0.15),
        subharmonic=0.3 * rng.random(),
        breath=(0.04, 0.09),
        damping=1.5,
        corner_hz=1400,
        long=True,
    )
    own_tremor_hz, own_depth = rng.uniform(*tremor_hz), rng.uniform(*depth)
    front = rng.uniform(0.85, 1.1)
    head = rng.normal(1, 0.06, 4)

    def bleat() -> Array:
        n = round(rate_hz * rng.uniform(0.55, 1.05))
        beat = np.cumsum(own_tremor_hz * (1 + 0.12 * slow_random(rng, n, rate_hz, 4))) / rate_hz + rng.random()
        close = (0.5 - 0.5 * np.cos(2 * np.pi * beat)) * glide([(0, 0.2), (0.25, 1), (0.85, 1), (1, 0.4)], n)
        f0 = pitch_hz * rng.uniform(0.96, 1.04) * glide([(0, 0.86), (0.15, 1.04), (0.6, 1.0), (1, 0.84)], n)
        f0 *= (1 - 0.07 * own_depth * close) * (1 + 0.01 * slow_random(rng, n, rate_hz, 12))
        loud = glide([(0, 0), (0.06, 0.35), (0.2, 0.95), (0.6, 1), (0.88, 0.45), (1, 0)], n) * (1 - own_depth * close**1.5)
        rough = (0.25 + intensity) * (0.5 + 0.5 * close)
        gape = np.interp(np.linspace(0, 1, 11), [0, 0.15, 0.8, 1], [0.35, 1.25, 1.15, 0.7])
        mouth = uneven_hz(throat_hz(voice.length_m, gape, front * (0.75 + 0.25 * gape)), voice.length_m, head)
        return rng.uniform(0.65, 1.0) * utter(voice, f0, loud, rough, mouth, rate_hz, rng)

    return call_in_bouts(duration_s, rate_hz, rng, bleat, count=(1, 3), gap_s=(0.3, 0.9), event_rate=event_rate)


def pig(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.3) -> Array:
    """Grunts (T,) in series, and now and then a squeal; ``intensity`` makes it squeal more often.

    Grunts last 0.15 to 0.4 s, folds beating 40 to 80 times a second through the nose, most of it below 1 kHz; squeals last 0.4
    to 1.4 s at 0.5 to 1.1 kHz and are mostly noise up to 5 kHz (the low and high calls of Tallet et al. 2013).
    """
    size = rng.random()
    grunting = Voice(
        length_m=0.24 + 0.08 * size,
        slope_db_per_octave=-9,
        jitter=(0.05, 0.1),
        shimmer=(0.2, 0.2),
        breath=(0.05, 0.14),
        damping=1.5,
        corner_hz=120,
        long=True,
    )
    squealing = Voice(
        length_m=0.16 + 0.04 * size,
        slope_db_per_octave=-3,
        jitter=(0.03, 0.3),
        shimmer=(0.2, 0.3),
        subharmonic=0.6,
        breath=(0.3, 1.3),
        damping=1.8,
        corner_hz=2500,
    )
    beat_hz = rng.uniform(48, 75) * (1.1 - 0.2 * size)
    shriek_hz = rng.uniform(650, 950) * (0.9 + 0.2 * intensity)
    excited = 0.06 + 0.3 * intensity
    snarl = rng.normal([1.25, 1.05], 0.05)

    def grunt() -> Array:
        n = round(rate_hz * rng.uniform(0.16, 0.36))
        f0 = beat_hz * rng.uniform(0.85, 1.15) * glide([(0, 0.8), (0.35, 1.15), (1, 0.75)], n)
        loud = glide([(0, 0), (0.15, 0.8), (0.4, 1), (0.75, 0.55), (1, 0)], n) * (1 + 0.2 * slow_random(rng, n, rate_hz, 30))
        snout = throat_hz(grunting.length_m, [0.75, 1.05, rng.uniform(0.8, 1.1), 0.7], [0.8, rng.uniform(0.8, 1.1), 0.95, 0.8])
        return rng.uniform(0.3, 0.6) * utter(grunting, f0, loud, rng.uniform(0.2, 1.0), snout, rate_hz, rng)

    def squeal() -> Array:
        n = round(rate_hz * rng.uniform(0.45, 1.3))
        peak = rng.uniform(0.2, 0.6)
        f0 = shriek_hz * rng.uniform(0.9, 1.1) * glide([(0, 0.6), (peak, 1.1), (0.85, 0.95), (1, 0.6)], n)
        f0 *= 1 + 0.04 * slow_random(rng, n, rate_hz, 9)
        loud = glide([(0, 0), (0.08, 0.6), (peak, 1), (0.9, 0.8), (1, 0)], n) * (1 + 0.15 * slow_random(rng, n, rate_hz, 14))
        chaos = np.clip(0.6 + 0.45 * slow_random(rng, n, rate_hz, 3), 0.05, 1)
        gape = np.interp(np.linspace(0, 1, 9), [0, peak, 1], [0.9, 1.3, 1.0]) * rng.normal(1, 0.05, 9)
        mouth = uneven_hz(throat_hz(squealing.length_m, 1.9 * gape, 0.85 + 0.3 * gape), squealing.length_m, snarl)
        return rng.uniform(0.75, 1.0) * utter(squealing, f0, loud, chaos, mouth, rate_hz, rng)

    def call() -> Array:
        return squeal() if rng.random() < excited else grunt()

    return call_in_bouts(duration_s, rate_hz, rng, call, count=(3, 8), gap_s=(0.12, 0.45), event_rate=event_rate)


def goose(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float = 0.25,
    species: str | None = None,
) -> Array:
    """Honks of a goose or quacks of a duck (T,) in series of 3 to 9, two to four a second; ``species`` is drawn when None.

    A honk of 0.15 to 0.35 s starts low and breaks to 500-1200 Hz (Würdinger 1970); a quack of 0.12 to 0.3 s has a low
    fundamental and its energy at 1.5 to 2.5 kHz, each softer than the one before (mallard hens, Abraham 1974).
    """
    if (species or str(rng.choice(["goose", "duck"], p=[0.7, 0.3]))) == "duck":
        return _duck(duration_s, rate_hz, rng, intensity, event_rate)
    pitch_hz = rng.uniform(560, 1050)
    voice = Voice(
        length_m=rng.uniform(0.075, 0.1),
        slope_db_per_octave=-3 + intensity,
        jitter=(0.01, 0.06),
        shimmer=(0.12, 0.2),
        subharmonic=0.5,
        breath=(0.06, 0.3),
        damping=2.0,
        corner_hz=1800,
    )
    low = rng.uniform(0.42, 0.6)
    pace_s = rng.uniform(0.12, 0.35)

    def honk() -> Array:
        n = round(rate_hz * rng.uniform(0.17, 0.32))
        breaks = rng.uniform(0.08, 0.3)
        f0 = pitch_hz * rng.uniform(0.94, 1.06) * glide([(0, 0.95), (0.35, 1.0), (0.55, 1.04), (1, 0.72)], n)
        f0 *= (low + (1 - low) * step(n, rate_hz, breaks, 0.015)) * (1 + 0.012 * slow_random(rng, n, rate_hz, 18))
        loud = glide([(0, 0), (0.06, 0.4), (breaks, 0.5), (breaks + 0.12, 1), (0.7, 0.75), (1, 0)], n)
        rough = (0.3 + intensity) * glide([(0, 1), (breaks + 0.1, 0.25), (0.7, 0.5), (1, 1)], n)
        gape = np.interp(np.linspace(0, 1, 7), [0, 0.4, 1], [0.8, 1.15, 0.85])
        bill = throat_hz(voice.length_m, 1.15 * gape, 0.7 + 0.25 * gape)
        return rng.uniform(0.55, 1.0) * utter(voice, f0, loud, rough, bill, rate_hz, rng)

    return call_in_bouts(duration_s, rate_hz, rng, honk, count=(3, 9), gap_s=(pace_s, 1.5 * pace_s), event_rate=event_rate)


def _duck(duration_s: float, rate_hz: int, rng: np.random.Generator, intensity: float, event_rate: float) -> Array:
    """Quacks (T,): the decrescendo call of a hen."""
    pitch_hz = rng.uniform(135, 230)
    voice = Voice(
        length_m=rng.uniform(0.05, 0.06),
        slope_db_per_octave=-5 + 2 * intensity,
        jitter=(0.015, 0.05),
        shimmer=(0.15, 0.2),
        subharmonic=0.4,
        breath=(0.1, 0.3),
        damping=1.6,
        corner_hz=2000,
        long=True,
    )
    pace_s = rng.uniform(0.08, 0.2)
    position = 0

    def quack() -> Array:
        nonlocal position
        fade = 0.88**position
        position = 0 if position > 2 and rng.random() < 0.25 else position + 1
        n = round(rate_hz * rng.uniform(0.16, 0.26) * (0.6 + 0.4 * fade))
        f0 = pitch_hz * (0.8 + 0.2 * fade) * glide([(0, 0.9), (0.3, 1.08), (0.7, 1.0), (1, 0.8)], n)
        loud = glide([(0, 0), (0.08, 0.7), (0.3, 1), (0.7, 0.7), (1, 0)], n)
        gape = np.interp(np.linspace(0, 1, 7), [0, 0.35, 1], [0.75, 1.15, 0.8])
        bill = throat_hz(voice.length_m, 1.05 * gape, 0.5 + 0.15 * gape)
        return fade * rng.uniform(0.85, 1.0) * utter(voice, f0, loud, 0.3 + 0.6 * intensity, bill, rate_hz, rng)

    return call_in_bouts(duration_s, rate_hz, rng, quack, count=(3, 8), gap_s=(pace_s, 1.5 * pace_s), event_rate=event_rate)


SOUNDS: Mapping[str, Callable[..., Array]] = {"cow": cow, "sheep": sheep, "pig": pig, "goose": goose}
