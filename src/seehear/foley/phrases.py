"""Short tunes that nobody wrote: a key, chords, and a melody that walks along the scale in phrases.

Equal temperament, A4 = 440 Hz = MIDI 69. Pitches are MIDI numbers, times seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

SCALES: Mapping[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
}
"""Semitones above the tonic."""
FOLLOWS: Mapping[int, tuple[int, ...]] = {0: (3, 4, 5, 1), 1: (4,), 3: (4, 0, 1), 4: (0, 5), 5: (3, 1)}
"""Which chord may follow which, by scale degree from 0: tonic, subdominant, dominant, tonic (Piston, Harmony, ch. 3)."""
BARS: Mapping[int, tuple[tuple[float, ...], ...]] = {
    4: ((1, 1, 1, 1), (1, 0.5, 0.5, 1, 1), (1.5, 0.5, 1, 1), (0.5, 0.5, 1, 0.5, 0.5, 1), (2, 1, 1), (0.5, 0.5, 0.5, 0.5, 1, 1)),
    3: ((1, 1, 1), (2, 1), (1, 0.5, 0.5, 1), (1.5, 0.5, 1), (0.5, 0.5, 0.5, 0.5, 1)),
}
"""Rhythms of a bar in beats, by beats per bar."""
CLOSES: Mapping[int, tuple[tuple[float, ...], ...]] = {
    4: ((1, 1, 2), (1.5, 0.5, 2), (0.5, 0.5, 1, 2)),
    3: ((1, 2), (0.5, 0.5, 2), (3,)),
}
"""Rhythms of a bar that ends a phrase on a long note."""


@dataclass(frozen=True)
class Note:
    midi: int
    start_s: float
    length_s: float
    """How long it is held."""
    loudness: float
    """0 to 1."""


@dataclass(frozen=True)
class Tune:
    tonic: int
    """MIDI pitch class, 0 to 11."""
    scale: tuple[int, ...]
    beats: int
    """Beats in a bar."""
    beat_s: float
    start_s: float
    chords: tuple[int, ...]
    """Scale degree of the chord of each bar, from 0."""
    melody: tuple[Note, ...]

    def bar_s(self, bar: int) -> float:
        """When a bar starts."""
        return self.start_s + bar * self.beats * self.beat_s

    def triad(self, chord: int) -> tuple[int, int, int]:
        """Pitch classes of root, third and fifth on a scale degree."""
        return tuple((self.tonic + self.scale[(chord + up) % 7]) % 12 for up in (0, 2, 4))  # type: ignore[return-value]


def hertz(midi: float) -> float:
    """The frequency of a MIDI pitch, 440 Hz * 2^((midi - 69) / 12)."""
    return 440.0 * 2 ** ((midi - 69) / 12)


def nearest_above(pitch_class: int, lowest: int) -> int:
    """The lowest MIDI pitch of a class that is not below ``lowest``."""
    return lowest + (pitch_class - lowest) % 12


def compose(
    duration_s: float,
    rng: np.random.Generator,
    *,
    lowest: int,
    highest: int,
    notes_per_s: float,
    legato: float = 0.95,
    intensity: float = 0.5,
) -> Tune:
    """A tune within ``lowest`` to ``highest`` that fills ``duration_s`` with ``notes_per_s`` notes a second on average.

    Phrases of two to four bars that end on a long note of the chord, take a breath and often repeat their rhythm. The melody
    walks: mostly steps, a leap turns back by step (Huron 2006, Sweet Anticipation, ch. 5), and every bar begins on a chord
    tone. Loudness rises and falls over a phrase (Todd 1992); onsets wander by 10 ms as hands do (Hennig et al. 2011).
    ``legato`` is the held part of a note's time.
    """
    beats, scale = int(rng.choice([4, 4, 3])), SCALES[str(rng.choice(["major", "major", "minor", "dorian"]))]
    tonic = int(rng.integers(12))
    bars = int(np.ceil(2.2 * duration_s * notes_per_s / beats)) + 4
    chords, rhythm, phrase_of = _plan(rng, beats, bars)
    inside = [pitch for pitch in range(lowest, highest + 1) if (pitch - tonic) % 12 in scale]
    total_beats = beats * len(chords)
    beat_s = sum(map(len, rhythm)) / total_beats / notes_per_s
    start_s = float(rng.uniform(0.0, min(0.1 * duration_s, 0.4)))
    place, last = int(rng.integers(len(inside) // 3, max(2 * len(inside) // 3, len(inside) // 3 + 1))), 0
    notes, beat = [], 0.0
    for bar, lengths in enumerate(rhythm):
        tones = {(tonic + scale[(chords[bar] + up) % 7]) % 12 for up in (0, 2, 4)}
        closes = bar + 1 == len(rhythm) or phrase_of[bar + 1][0] == 0
        for index, length in enumerate(lengths):
            ends = closes and index + 1 == len(lengths)
            place, last = _walk(rng, place, last, inside, tones if index == 0 or ends else None)
            position = (beat - beats * (bar - phrase_of[bar][0])) / (beats * phrase_of[bar][1])
            loud = (0.35 + 0.5 * intensity) + 0.16 * np.sin(np.pi * position) + 0.06 * (index == 0) + 0.04 * rng.standard_normal()
            held = 0.62 if ends else legato
            start = max(start_s + beat * beat_s + 0.01 * rng.standard_normal() * (beat > 0), 0.0)
            if start < duration_s:
                notes.append(Note(inside[place], start, held * length * beat_s, float(np.clip(loud, 0.05, 1.0))))
            beat += length
    return Tune(tonic, scale, beats, beat_s, start_s, tuple(chords), tuple(notes))


def _plan(rng: np.random.Generator, beats: int, bars: int) -> tuple[list[int], list[tuple[float, ...]], list[tuple[int, int]]]:
    """Chord, rhythm and (position in its phrase, bars of that phrase) of every bar, whole phrases only."""
    chords: list[int] = []
    rhythm: list[tuple[float, ...]] = []
    phrase_of: list[tuple[int, int]] = []
    phrase: list[tuple[float, ...]] = []
    while len(chords) < bars:
        length = int(rng.choice([2, 4, 4]))
        if len(phrase) != length or rng.random() < 0.4:
            phrase = [BARS[beats][rng.integers(len(BARS[beats]))] for _ in range(length - 1)]
            phrase.append(CLOSES[beats][rng.integers(len(CLOSES[beats]))])
        for position in range(length):
            before = chords[-1] if chords else 4
            chords.append(0 if position == 0 else int(rng.choice(FOLLOWS[before])))
            phrase_of.append((position, length))
        chords[-1] = int(rng.choice([0, 0, 4]))
        rhythm += phrase
    return chords, rhythm, phrase_of


def _walk(rng: np.random.Generator, place: int, last: int, inside: list[int], tones: set[int] | None) -> tuple[int, int]:
    """The next place among the pitches ``inside`` and the step to it; with ``tones``, the nearest pitch of those classes."""
    step = (
        -int(np.sign(last))
        if abs(last) > 2
        else int(rng.choice([-4, -2, -1, 0, 1, 2, 4], p=[0.04, 0.12, 0.3, 0.08, 0.3, 0.12, 0.04]))
    )
    goal = place + step
    if not 0 <= goal < len(inside):
        goal = place - step
    goal = int(np.clip(goal, 0, len(inside) - 1))
    if tones is not None:
        fitting = [i for i, pitch in enumerate(inside) if pitch % 12 in tones]
        goal = min(fitting, key=lambda i: (abs(i - goal), i))
    return goal, goal - place
