"""Elephant, lion and tiger, wolf, monkey: one individual per clip (drawn from ``rng``), every call of it different.

Every function: mono (T,), exactly ``round(duration_s * rate_hz)`` samples; ``intensity`` 0..1 is vocal effort,
``event_rate`` is bouts per second. T samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import band, fade, slow_random
from seehear.foley.phonation import Voice, call_in_bouts, glide, normalised, smeared, step, throat_hz, uneven_hz, utter

Array = NDArray[np.floating]


def elephant(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.14
) -> Array:
    """Trumpets (T,) of 0.6 to 1.8 s, one in three of them dying away into a rumble.

    A trumpet's fundamental arches within 300 to 600 Hz with subharmonics and noise (Fuchs et al. 2021), blown through 2 m of
    trunk at a pressure that steepens the wave, so that its spectrum is as flat as a brass instrument's (Gilbert et al. 2014).
    The rumble lies at 14 to 24 Hz through a mouth of 0.7 m and lasts 2 to 4 s (Poole 2011; Stoeger et al. 2012).
    """
    pitch_hz = rng.uniform(350, 520) * (0.92 + 0.16 * intensity)
    trunk = Voice(
        length_m=rng.uniform(1.8, 2.3),
        slope_db_per_octave=-2 + intensity,
        jitter=(0.015, 0.08),
        shimmer=(0.1, 0.3),
        subharmonic=0.5 * rng.random(),
        breath=(0.15, 0.4),
        damping=0.8,
        corner_hz=2500,
        long=True,
    )
    bore = rng.normal(1, 0.03, 10)
    rumble = _rumbler(rate_hz, rng, intensity)

    def trumpet() -> Array:
        n = round(rate_hz * rng.uniform(0.7, 1.6))
        peak = rng.uniform(0.25, 0.6)
        f0 = pitch_hz * rng.uniform(0.93, 1.07) * glide([(0, 0.72), (0.5 * peak, 0.97), (peak, 1.1), (0.85, 0.95), (1, 0.65)], n)
        f0 *= 1 + 0.015 * slow_random(rng, n, rate_hz, 8)
        loud = glide([(0, 0), (0.07, 0.6), (peak, 1), (0.8, 0.75), (1, 0)], n) * (1 + 0.12 * slow_random(rng, n, rate_hz, 18))
        blast = np.clip(0.5 + 0.4 * intensity + 0.35 * slow_random(rng, n, rate_hz, 3), 0.1, 1.2)
        air = uneven_hz(throat_hz(trunk.length_m, [1.0, 1.0], [1.0, 1.0]), trunk.length_m, bore)
        # The narrow tip radiates little of the fundamental, as the bell of a horn does below its cutoff.
        blown = band(utter(trunk, f0, loud, blast, air, rate_hz, rng), 650, None, rate_hz)
        return normalised(blown, rng.uniform(0.75, 1.0))

    def call() -> Array:
        first = trumpet()
        if rng.random() > 0.33:
            return first
        second = rumble()
        at = round(0.85 * len(first))
        out = np.zeros(at + len(second))
        out[: len(first)] += first
        out[at:] += second
        return out

    return call_in_bouts(duration_s, rate_hz, rng, call, count=(1, 2), gap_s=(0.5, 1.2), event_rate=event_rate)


def _rumbler(rate_hz: int, rng: np.random.Generator, intensity: float) -> Callable[[], Array]:
    """The rumbles of one elephant."""
    chest = Voice(
        length_m=rng.uniform(0.65, 0.8),
        slope_db_per_octave=-7,
        jitter=(0.02, 0.06),
        shimmer=(0.1, 0.2),
        breath=(0.03, 0.08),
        corner_hz=60,
        long=True,
    )
    pulse_hz = rng.uniform(15, 23)
    head = rng.normal(1, 0.06, 4)

    def rumble() -> Array:
        n = round(rate_hz * rng.uniform(2.0, 3.6))
        f0 = pulse_hz * rng.uniform(0.95, 1.05) * glide([(0, 0.85), (0.4, 1.15), (0.75, 1.05), (1, 0.8)], n)
        loud = glide([(0, 0), (0.15, 0.7), (0.4, 1), (0.8, 0.6), (1, 0)], n)
        mouth = uneven_hz(throat_hz(chest.length_m, [0.7, 0.95, 0.7], [0.8, 0.9, 0.8]), chest.length_m, head)
        return rng.uniform(0.12, 0.25) * utter(chest, f0, loud, 0.4 + 0.4 * intensity, mouth, rate_hz, rng)

    return rumble


def lion(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.1) -> Array:
    """Roars (T,) of a big cat: one to three long ones, then a row of short grunts.

    Roars of 0.9 to 1.8 s fall from about 200 Hz, folds that vibrate irregularly and lose the octave (Titze et al. 2010; Pfefferle
    et al. 2007: means of 195 and 207 Hz); a tract of about 38 cm whose mouth opens and closes (Ananthakrishnan et al. 2011).
    """
    pitch_hz = rng.uniform(150, 215)
    voice = Voice(
        length_m=rng.uniform(0.34, 0.4),
        slope_db_per_octave=-9 + 3 * intensity,
        jitter=(0.015, 0.12),
        shimmer=(0.15, 0.3),
        subharmonic=rng.uniform(0.3, 0.8),
        breath=(0.04, 0.17),
        damping=1.2,
        corner_hz=150,
        long=True,
    )
    head = rng.normal(1, 0.05, 5)

    def cry(seconds: float, shape: list[tuple[float, float]], level: float, opening: float) -> Array:
        n = round(rate_hz * seconds)
        f0 = pitch_hz * rng.uniform(0.95, 1.05) * glide(shape, n) * (1 + 0.025 * slow_random(rng, n, rate_hz, 12))
        loud = glide([(0, 0), (0.12, 0.45), (0.35, 1), (0.65, 0.75), (0.85, 0.25), (1, 0)], n)
        loud *= np.clip(1 + 0.3 * slow_random(rng, n, rate_hz, 38), 0.1, None)
        rough = np.clip((0.35 + 0.7 * intensity) * glide([(0, 0.3), (0.3, 1.0), (0.7, 1.1), (1, 0.8)], n), 0, 1.3)
        gape = opening * np.interp(np.linspace(0, 1, 11), [0, 0.35, 0.65, 1], [0.6, 1.35, 1.2, 0.6])
        jaws = uneven_hz(throat_hz(voice.length_m, gape, 0.6 + 0.3 * gape), voice.length_m, head)
        return level * utter(voice, f0, loud, rough, jaws, rate_hz, rng)

    def bout() -> Iterator[Array]:
        while True:
            for _ in range(rng.integers(1, 4)):
                yield cry(rng.uniform(0.95, 1.7), [(0, 0.85), (0.3, 1.2), (0.6, 0.95), (1, 0.55)], rng.uniform(0.8, 1.0), 1.0)
            count = int(rng.integers(2, 7))
            for i in range(count):
                level = rng.uniform(0.45, 0.6) * (1 - 0.5 * i / count)
                yield cry(rng.uniform(0.35, 0.55), [(0, 0.75), (0.3, 0.9), (1, 0.45)], level, 0.85)

    calls = bout()
    return call_in_bouts(duration_s, rate_hz, rng, lambda: next(calls), count=(4, 8), gap_s=(0.3, 0.8), event_rate=event_rate)


def wolf(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.12) -> Array:
    """Howls (T,) of 2 to 5.5 s with the forest's echo; ``intensity`` brings more wolves that answer from farther off.

    Fundamental within 300 to 800 Hz, rising at once, held with slow bends, in about half of the howls breaking downwards (150 to
    780 Hz in Theberge & Falls 1967; Palacios et al. 2007); few harmonics.
    """
    others = int(rng.binomial(2, 0.2 + 0.5 * intensity))
    out = _one_wolf(duration_s, rate_hz, rng, intensity, event_rate)
    for _ in range(others):
        far = _one_wolf(duration_s, rate_hz, rng, intensity, 0.7 * event_rate)
        out = out + rng.uniform(0.1, 0.35) * fade(smeared(far, rate_hz, rng, 1.2)[: len(out)], 0, 0.2, rate_hz)
    return out


def _one_wolf(duration_s: float, rate_hz: int, rng: np.random.Generator, intensity: float, event_rate: float) -> Array:
    """Howls of one wolf (T,)."""
    pitch_hz = rng.uniform(400, 640)
    voice = Voice(
        length_m=rng.uniform(0.19, 0.24),
        slope_db_per_octave=-12 + 4 * intensity,
        jitter=(0.002, 0.01),
        shimmer=(0.03, 0.05),
        breath=(0.015, 0.03),
        damping=2.0,
        corner_hz=900,
    )

    def howl() -> Array:
        n = round(rate_hz * rng.uniform(2.0, 4.0) * (0.9 + 0.3 * intensity))
        f0 = pitch_hz * rng.uniform(0.94, 1.06) * glide(_howl_course(rng), n)
        f0 *= 1 + 0.014 * slow_random(rng, n, rate_hz, 1.5) + 0.003 * slow_random(rng, n, rate_hz, 7)
        for position in np.sort(rng.uniform(0.3, 0.85, rng.integers(0, 3))):
            leap = rng.choice([-0.28, -0.2, -0.12, 0.1])
            f0 *= 1 + leap * step(n, rate_hz, position, rng.uniform(0.02, 0.15))
        loud = glide([(0, 0), (0.04, 0.35), (0.12, 0.9), (0.5, 1), (0.85, 0.55), (1, 0)], n)
        loud *= 1 + 0.15 * slow_random(rng, n, rate_hz, 4)
        round_lips = np.interp(np.linspace(0, 1, 9), [0, 0.15, 0.7, 1], [1.3, 1.6, 1.5, 1.2])
        muzzle = throat_hz(voice.length_m, round_lips, 0.55 + 0.2 * round_lips)
        dry = rng.uniform(0.7, 1.0) * utter(voice, f0, loud, 0.2 * intensity, muzzle, rate_hz, rng)
        # What howls stands in the open: its echo from hills and trunks belongs to it as to a bird its foliage.
        wet = 0.12 * fade(smeared(dry, rate_hz, rng, 1.4), 0, 0.3, rate_hz)
        wet[: len(dry)] += dry
        return wet

    return call_in_bouts(duration_s, rate_hz, rng, howl, count=(1, 2), gap_s=(0.8, 2.0), event_rate=event_rate)


def _howl_course(rng: np.random.Generator) -> list[tuple[float, float]]:
    """The pitch of a howl, relative: a quick rise, with or without a yodel before it, then sinking or held."""
    top, end = rng.uniform(1.0, 1.35), rng.uniform(0.62, 0.95)
    start = [(0, rng.uniform(0.5, 0.75)), (rng.uniform(0.05, 0.16), top)]
    if rng.random() < 0.4:
        start = [(0, 0.8), (0.025, 1.3 * top), (0.05, 0.85), (0.09, 1.05 * top)]
    held = rng.random()
    return [*start, (0.35, top * (0.9 + 0.1 * held)), (0.7, top * (0.68 + 0.3 * held)), (1, top * end)]


def monkey(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.12
) -> Array:
    """Pant-hoots of an ape (T,): hoots that grow louder, higher and faster, panted in and out, and end in screams.

    Build-up hoots of 0.15 to 0.3 s at 250 to 450 Hz, two to four a second, alternate with breaths in that carry some voice;
    climax screams reach 0.8 to 1.6 kHz (chimpanzees: Mitani et al. 1992; Notman & Rendall 2005).
    """
    pitch_hz = rng.uniform(260, 370)
    hooting = Voice(
        length_m=rng.uniform(0.13, 0.16),
        slope_db_per_octave=-9 + 3 * intensity,
        jitter=(0.008, 0.04),
        shimmer=(0.08, 0.15),
        subharmonic=0.2,
        breath=(0.1, 0.35),
        damping=1.6,
        corner_hz=400,
    )
    scream = _screamer(rate_hz, rng, intensity, pitch_hz, 0.85 * hooting.length_m)

    def hoot(progress: float) -> Array:
        n = round(rate_hz * rng.uniform(0.2, 0.3) * (1 - 0.35 * progress))
        f0 = pitch_hz * (1 + 0.3 * progress) * rng.uniform(0.96, 1.04) * glide([(0, 0.8), (0.5, 1.1), (1, 0.88)], n)
        loud = glide([(0, 0), (0.2, 0.7), (0.5, 1), (0.8, 0.6), (1, 0)], n)
        gape = np.interp(np.linspace(0, 1, 5), [0, 0.5, 1], [0.6, 0.8 + 0.5 * progress, 0.65])
        lips = throat_hz(hooting.length_m, gape, 0.45 + 0.35 * gape)
        return (0.1 + 0.55 * progress**1.3) * utter(hooting, f0, loud, 0.2 + 0.5 * progress, lips, rate_hz, rng)

    def gasp(progress: float) -> Array:
        n = round(rate_hz * rng.uniform(0.1, 0.16))
        f0 = pitch_hz * rng.uniform(1.3, 1.7) * glide([(0, 0.85), (1, 1.15)], n)
        loud = glide([(0, 0), (0.5, 1), (1, 0)], n)
        lips = throat_hz(hooting.length_m, [0.9, 1.1], [1.0, 1.1])
        return (0.04 + 0.26 * progress) * utter(hooting, f0, loud, 2.0, lips, rate_hz, rng)

    def pant_hoot() -> Array:
        parts: list[Array] = []
        count = int(rng.integers(5, 10))
        for i in range(count):
            progress = i / (count - 1)
            pause = np.zeros(round(rate_hz * rng.uniform(0.02, 0.07) * (1.6 - progress)))
            parts += [hoot(progress), pause, gasp(progress), pause]
        for _ in range(rng.integers(1, 3 + round(2 * intensity))):
            parts += [scream(), np.zeros(round(rate_hz * rng.uniform(0.08, 0.2)))]
        return normalised(np.concatenate(parts[:-1]))

    return call_in_bouts(duration_s, rate_hz, rng, pant_hoot, count=(1, 1), gap_s=(0.5, 1.0), event_rate=event_rate)


def _screamer(rate_hz: int, rng: np.random.Generator, intensity: float, pitch_hz: float, length_m: float) -> Callable[[], Array]:
    """The screams of an ape that hoots at ``pitch_hz``."""
    screaming = Voice(
        length_m=length_m,
        slope_db_per_octave=-4 + 2 * intensity,
        jitter=(0.01, 0.13),
        shimmer=(0.1, 0.2),
        subharmonic=0.5,
        breath=(0.1, 0.5),
        corner_hz=1200,
    )
    shriek = rng.uniform(2.9, 3.9)

    def scream() -> Array:
        n = round(rate_hz * rng.uniform(0.3, 0.65))
        f0 = pitch_hz * shriek * rng.uniform(0.93, 1.07) * glide([(0, 0.55), (0.2, 1.05), (0.7, 1.0), (1, 0.6)], n)
        f0 *= 1 + 0.03 * slow_random(rng, n, rate_hz, 14)
        loud = glide([(0, 0), (0.12, 0.8), (0.5, 1), (0.8, 0.7), (1, 0)], n) * (1 + 0.15 * slow_random(rng, n, rate_hz, 20))
        chaos = np.clip(0.3 + 0.4 * intensity + 0.4 * slow_random(rng, n, rate_hz, 5), 0, 1)
        jaws = throat_hz(screaming.length_m, [1.3, 1.9, 1.7, 1.2], [1.0, 1.1, 1.1, 0.95])
        return rng.uniform(0.8, 1.0) * utter(screaming, f0, loud, chaos, jaws, rate_hz, rng)

    return scream


SOUNDS: Mapping[str, Callable[..., Array]] = {"elephant": elephant, "lion": lion, "wolf": wolf, "monkey": monkey}
