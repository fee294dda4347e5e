"""Song birds, gulls and crows: one individual per clip (drawn from ``rng``), every call of it different.

Every function: mono (T,), exactly ``round(duration_s * rate_hz)`` samples; ``intensity`` 0..1 is vocal effort,
``event_rate`` is phrases or bouts per second. T samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import fade, slow_random
from seehear.foley.phonation import Voice, call_in_bouts, glide, normalised, smeared, throat_hz, utter

Array = NDArray[np.floating]


Shape = Literal["fall", "rise", "arch", "dip"]


@dataclass(frozen=True)
class Syllable:
    """One motor gesture of the syrinx: pressure rises and falls once while the tension moves (Gardner et al. 2001)."""

    seconds: float
    low_hz: float
    high_hz: float
    shape: Shape
    """The course of the tension, thus of the pitch; it follows from the phase between the two gestures."""
    loudness: float = 1.0
    warble_hz: float = 0.0
    """Rate of a quick vibrato within the syllable, 0 for none."""


Phrase = list[tuple[float, Syllable]]
"""(silence before it in seconds, syllable)."""


def sing(syllable: Syllable, rate_hz: int, rng: np.random.Generator, effort: float = 0.5) -> Array:
    """The sound (T,) of one syllable; where the rate cannot carry its pitch it is transposed down.

    Labia near the threshold of oscillation are almost sinusoidal, and richer in overtones at low tension
    (Mindlin & Laje 2005, ch. 4): the second and third harmonic grow as the pitch falls and the pressure rises.
    """
    n = max(round(syllable.seconds * rate_hz), 8)
    cycle = np.linspace(0, 1, n)
    turns, sign = {"fall": (0.5, 1), "rise": (0.5, -1), "arch": (1.0, -1), "dip": (1.0, 1)}[syllable.shape]
    lean = cycle ** rng.uniform(0.75, 1.3)
    tension = 0.5 + 0.5 * sign * np.cos(2 * np.pi * turns * lean)
    f = syllable.low_hz + (syllable.high_hz - syllable.low_hz) * tension
    f *= 1 + 0.012 * slow_random(rng, n, rate_hz, 2 / syllable.seconds) + 0.004 * slow_random(rng, n, rate_hz, 120)
    if syllable.warble_hz:
        f *= 1 + 0.06 * np.sin(2 * np.pi * syllable.warble_hz * np.arange(n) / rate_hz)
    f *= min(1.0, 0.4 * rate_hz / syllable.high_hz)
    phase = 2 * np.pi * np.cumsum(f) / rate_hz
    pressure = np.sin(np.pi * cycle) ** rng.uniform(0.5, 0.9) * np.exp(0.25 * slow_random(rng, n, rate_hz, 40))
    rich = np.clip(3000 / f, 0.2, 1.5) * (0.5 + effort) * pressure
    tone = np.sin(phase)
    for k, share in ((2, 0.09), (3, 0.035)):
        tone += np.where(k * f < 0.45 * rate_hz, share * rich, 0) * np.sin(k * phase + k)
    # Turbulence rides on the tone: it is heard around the pitch, not as white noise.
    tone *= 1 + 0.1 * slow_random(rng, n, rate_hz, 900)
    return syllable.loudness * pressure * tone


def _any(rng: np.random.Generator, *shapes: Shape) -> Shape:
    return shapes[rng.integers(len(shapes))]


def _chaffinch(rng: np.random.Generator) -> Callable[[], Phrase]:
    """An accelerating, falling trill of three kinds of notes and a flourish."""
    kinds = sorted((rng.uniform(2600, 5200) for _ in range(3)), reverse=True)
    shapes = [_any(rng, "fall", "arch", "rise") for _ in kinds]
    repeats = rng.integers(4, 8, 3)

    def phrase() -> Phrase:
        notes: Phrase = []
        for centre, shape, repeat in zip(kinds, shapes, repeats, strict=True):
            for i in range(repeat):
                seconds = (0.07 - 0.002 * len(notes)) * rng.uniform(0.95, 1.05)
                loud = 0.4 + 0.6 * min(len(notes) / 8, 1)
                sinking = 1 - 0.01 * i
                notes.append((0.035 - 0.0008 * len(notes), Syllable(seconds, 0.8 * centre, 1.3 * centre * sinking, shape, loud)))
        notes.append((0.03, Syllable(0.16, 2600, 5200, "fall")))
        notes.append((0.01, Syllable(0.09, 3000, 6000, "rise", 0.8)))
        return notes

    return phrase


def _great_tit(rng: np.random.Generator) -> Callable[[], Phrase]:
    """Two notes in see-saw, "tea-cher, tea-cher"."""
    high, low = rng.uniform(5000, 6500), rng.uniform(3300, 4300)
    tea_s, cher_s = rng.uniform(0.07, 0.14, 2)
    gap = rng.uniform(0.03, 0.07)

    def phrase() -> Phrase:
        notes: Phrase = []
        for _ in range(rng.integers(4, 9)):
            notes.append((gap * 1.5, Syllable(tea_s * rng.uniform(0.96, 1.04), 0.94 * high, high, "fall", 0.85)))
            notes.append((gap, Syllable(cher_s * rng.uniform(0.96, 1.04), low, 1.08 * low, "rise")))
        return notes

    return phrase


def _robin(rng: np.random.Generator) -> Callable[[], Phrase]:
    """Long thin whistles, silvery twitter and low flutes, never twice alike."""

    def twitter(centre: float) -> Phrase:
        shape = _any(rng, "fall", "rise")
        return [
            (0.012, Syllable(rng.uniform(0.03, 0.06), 0.85 * centre, 1.2 * centre, shape, 0.7)) for _ in range(rng.integers(3, 7))
        ]

    def whistle(centre: float) -> Phrase:
        low = centre / rng.uniform(1.03, 1.35)
        warble = rng.uniform(25, 45) if rng.random() < 0.33 else 0.0
        return [(0.04, Syllable(rng.uniform(0.1, 0.28), low, centre, _any(rng, "fall", "arch", "rise"), 1.0, warble))]

    def phrase() -> Phrase:
        notes: Phrase = []
        for _ in range(rng.integers(4, 8)):
            centre = float(np.exp(rng.uniform(np.log(2300), np.log(7000))))
            notes += twitter(centre) if rng.random() < 0.45 else whistle(centre)
        return notes

    return phrase


def _blackbird(rng: np.random.Generator) -> Callable[[], Phrase]:
    """Slow mellow flute notes at 1.6 to 3 kHz, then a quiet high twitter."""
    scale = rng.uniform(1700, 2100) * 2 ** (np.array([0, 2, 4, 5, 7, 9]) / 12)

    def phrase() -> Phrase:
        notes: Phrase = []
        for _ in range(rng.integers(3, 6)):
            centre = float(rng.choice(scale)) * rng.normal(1, 0.01)
            shape = _any(rng, "fall", "arch", "rise", "dip")
            notes.append((rng.uniform(0.02, 0.08), Syllable(rng.uniform(0.12, 0.32), 0.93 * centre, 1.07 * centre, shape)))
        for _ in range(rng.integers(3, 9)):
            centre = rng.uniform(3800, 6500)
            shape = _any(rng, "fall", "arch", "rise")
            notes.append((0.015, Syllable(rng.uniform(0.025, 0.06), 0.8 * centre, 1.25 * centre, shape, 0.3)))
        return notes

    return phrase


def _canary(rng: np.random.Generator) -> Callable[[], Phrase]:
    """Tours: one syllable repeated 8 to 24 times a second, then the next one."""
    tours = [
        (rng.uniform(2600, 4200), rng.uniform(1.15, 1.5), _any(rng, "fall", "arch", "rise", "dip"), rng.uniform(8, 24))
        for _ in range(5)
    ]

    def phrase() -> Phrase:
        notes: Phrase = []
        for index in rng.permutation(5)[: rng.integers(2, 4)]:
            centre, width, shape, pace = tours[index]
            for i in range(max(int(pace * rng.uniform(0.35, 0.8)), 3)):
                loud = 0.6 + 0.4 * min(i / 4, 1)
                seconds = 0.75 / pace * rng.uniform(0.97, 1.03)
                notes.append((0.25 / pace, Syllable(seconds, centre / width, centre * width, shape, loud)))
        return notes

    return phrase


def _sparrow(rng: np.random.Generator) -> Callable[[], Phrase]:
    """Single chirps, each a quick arch or fall."""
    centre = rng.uniform(3000, 4200)

    def phrase() -> Phrase:
        notes: Phrase = []
        for _ in range(rng.integers(2, 6)):
            low, high = centre * rng.uniform(0.65, 0.8), centre * rng.uniform(1.2, 1.5)
            notes.append(
                (rng.uniform(0.18, 0.4), Syllable(rng.uniform(0.06, 0.11), low, high, _any(rng, "fall", "arch", "arch")))
            )
        return notes

    return phrase


SPECIES: Mapping[str, Callable[[np.random.Generator], Callable[[], Phrase]]] = {
    "chaffinch": _chaffinch,
    "great tit": _great_tit,
    "robin": _robin,
    "blackbird": _blackbird,
    "canary": _canary,
    "sparrow": _sparrow,
}


def bird(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float = 0.4,
    species: str | None = None,
) -> Array:
    """Song (T,) of one bird: phrases with rests, at 2 to 7 kHz; ``species`` (see ``SPECIES``) is drawn when None.

    Phrasing after field descriptions (Catchpole & Slater 2008); syllables by :func:`sing`.
    """
    phrase = SPECIES[species or str(rng.choice(list(SPECIES)))](rng)

    def song() -> Array:
        parts: list[Array] = []
        for pause, syllable in phrase():
            parts += [np.zeros(round(pause * rate_hz)) if parts else np.zeros(0), sing(syllable, rate_hz, rng, intensity)]
        dry = np.concatenate(parts)
        # Leaves around the perch scatter the song: part of the source, not of the room.
        song = 0.1 * fade(smeared(dry, rate_hz, rng, 0.35), 0, 0.1, rate_hz)
        song[: len(dry)] += dry
        return normalised(song, rng.uniform(0.7, 1.0))

    return call_in_bouts(duration_s, rate_hz, rng, song, count=(1, 1), gap_s=(0.25, 0.4), event_rate=event_rate)


def seagull(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.3
) -> Array:
    """Calls (T,) of a large gull: falling mews, and series of "kek" notes, five a second.

    Fundamental 500 to 1100 Hz with some ten harmonics; the two sides of the syrinx sound together, slightly apart,
    which beats (Suthers 1990 on two voices).
    """
    pitch_hz = rng.uniform(700, 980)
    voice = Voice(
        length_m=rng.uniform(0.065, 0.08),
        slope_db_per_octave=-4.5,
        jitter=(0.006, 0.02),
        shimmer=(0.12, 0.0),
        subharmonic=0.25,
        breath=(0.05, 0.12),
        damping=2.2,
        corner_hz=1500,
    )
    apart = rng.uniform(1.02, 1.09)

    def cry(seconds: float, shape: list[tuple[float, float]], rough: float) -> Array:
        n = round(rate_hz * seconds)
        f0 = pitch_hz * rng.uniform(0.96, 1.04) * glide(shape, n) * (1 + 0.008 * slow_random(rng, n, rate_hz, 14))
        loud = glide([(0, 0), (0.08, 0.7), (0.3, 1), (0.75, 0.6), (1, 0)], n)
        gape = np.interp(np.linspace(0, 1, 7), [0, 0.3, 1], [0.9, 1.25, 0.85])
        beak = throat_hz(voice.length_m, gape, 0.55 + 0.35 * gape)
        left = utter(voice, f0, loud, rough, beak, rate_hz, rng)
        right = utter(voice, apart * f0, loud * glide([(0, 0), (0.35, 0.2), (0.7, 1), (1, 0.6)], n), rough, beak, rate_hz, rng)
        return normalised(left + 0.35 * right)

    def mew() -> Array:
        return cry(rng.uniform(0.45, 0.85), [(0, 0.8), (0.2, rng.uniform(1.25, 1.45)), (0.6, 1.1), (1, 0.72)], 0.4 + intensity)

    def kek_series() -> Array:
        parts: list[Array] = []
        count = rng.integers(4, 10)
        for i in range(count):
            loud = np.sin(np.pi * (i + 1.5) / (count + 2)) ** 0.5
            parts += [loud * cry(rng.uniform(0.15, 0.19), [(0, 0.95), (0.25, 1.2), (1, 0.68)], 0.3 + intensity)]
            parts += [np.zeros(round(rate_hz * rng.uniform(0.03, 0.06)))]
        return np.concatenate(parts[:-1])

    def call() -> Array:
        return rng.uniform(0.7, 1.0) * (mew() if rng.random() < 0.55 else kek_series())

    return call_in_bouts(duration_s, rate_hz, rng, call, count=(1, 3), gap_s=(0.12, 0.4), event_rate=event_rate)


def crow(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.3) -> Array:
    """Caws (T,) in bouts of 2 to 5, 0.25 to 0.45 s each.

    Closely spaced harmonics of 280 to 400 Hz whose energy lies at 1 to 2 kHz, dissolving into noise towards the end
    (Mates et al. 2015: American crow; harsh calls by chaotic vibration, Fitch et al. 2002).
    """
    pitch_hz = rng.uniform(290, 380)
    voice = Voice(
        length_m=rng.uniform(0.056, 0.07),
        slope_db_per_octave=-1.5,
        jitter=(0.015, 0.08),
        shimmer=(0.15, 0.25),
        subharmonic=0.3,
        breath=(0.08, 0.35),
        damping=2.4,
        corner_hz=4000,
    )
    harsh = rng.uniform(0.6, 1.2) * (0.6 + 0.8 * intensity)
    seconds = rng.uniform(0.26, 0.42)
    gap = rng.uniform(0.18, 0.4)

    def caw() -> Array:
        n = round(rate_hz * seconds * rng.uniform(0.9, 1.1))
        f0 = pitch_hz * rng.uniform(0.96, 1.04) * glide([(0, 0.85), (0.35, 1.12), (0.7, 1.02), (1, 0.75)], n)
        loud = glide([(0, 0), (0.07, 0.45), (0.35, 1), (0.75, 0.6), (1, 0)], n)
        rough = harsh * glide([(0, 0.15), (0.4, 0.3), (0.65, 1.0), (1, 1.2)], n)
        gape = np.interp(np.linspace(0, 1, 7), [0, 0.3, 0.7, 1], [0.75, 1.05, 1.0, 0.8])
        beak = throat_hz(voice.length_m, gape, 0.45 + 0.4 * gape)
        return rng.uniform(0.75, 1.0) * utter(voice, f0, loud, rough, beak, rate_hz, rng)

    return call_in_bouts(duration_s, rate_hz, rng, caw, count=(2, 5), gap_s=(gap, 1.4 * gap), event_rate=event_rate)


SOUNDS: Mapping[str, Callable[..., Array]] = {"bird": bird, "seagull": seagull, "crow": crow}
