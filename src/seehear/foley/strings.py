"""Strings that are hammered, plucked and bowed: piano, guitar, violin, each playing a tune of its own.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level; ``event_rate`` in notes of the melody per second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import Array, band, fade, place
from seehear.foley.modes import body, decaying, stiff_string_hz, through_body
from seehear.foley.phrases import Note, Tune, compose, hertz, nearest_above
from seehear.foley.pulses import without_rumble
from seehear.foley.sustained import Manner, gesture, harmonic_tone
from seehear.types import InputError, n_samples

# ------------------------------------------------------------------------------------------------- piano

PIANO_BODY = ((58.0, 12.0, 0.5), (95.0, 16.0, 0.8), (150.0, 18.0, 1.0), (210.0, 20.0, 1.0), (290.0, 22.0, 0.9))
"""Lowest modes of a soundboard (Hz, Q, gain): damped about 2 % (Suzuki 1986; Ege, Boutillon & Rebillat 2013)."""


def piano_inharmonicity(midi: float) -> float:
    """B of a piano string: the sum of a bass-bridge and a treble-bridge exponential (Rigaud, David & Daudet 2011, DAFx)."""
    return float(np.exp(-0.0847 * midi - 5.82) + np.exp(0.0926 * midi - 13.64))


def piano(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 2.2) -> Array:
    """A piano: a melody in the right hand, chords, broken or struck, in the left.

    Stiff strings (Fletcher 1964) struck at an eighth of their length; two or three strings per note a cent apart, and a prompt
    sound that gives way to a slower one (Weinreich 1977); decay rates that grow with the square of frequency (Bensa et al.
    2003); a felt hammer that is brighter the harder it hits; soundboard, and the knock of the key.
    """
    n = n_samples(duration_s, rate_hz)
    tune = compose(duration_s, rng, lowest=57, highest=81, notes_per_s=event_rate, intensity=intensity)
    pedal = rng.random() < 0.6
    notes = [(note, 0.0) for note in tune.melody] + [(note, -4.0) for note in _left_hand(tune, duration_s, rng, pedal)]
    out_of_tune = float(rng.choice([0.4, 0.7, 2.5], p=[0.4, 0.4, 0.2]))
    hammer = rng.uniform(0.8, 1.3)
    x = np.zeros(n)
    for note, gain_db in notes:
        held_s = note.length_s + (0.35 if pedal else 0.0)
        tone = _struck(replace(note, length_s=held_s), hammer, out_of_tune, n / rate_hz - note.start_s, rate_hz, rng)
        place(x, tone, note.start_s, rate_hz, 10 ** (gain_db / 20) * (0.15 + note.loudness) ** 1.5)
    board = body(rng, rate_hz, PIANO_BODY, (360.0, 12_000.0), count=110, q=25.0, slope_db_per_octave=-2.5)
    return without_rumble(through_body(x, 0.6 * board, 0.4), rate_hz, 25.0)


def _left_hand(tune: Tune, duration_s: float, rng: np.random.Generator, pedal: bool) -> list[Note]:
    """Chords below the melody, bar by bar: struck on the first beat, broken in quavers, or bass and chord in turn."""
    manner, notes = str(rng.choice(["struck", "broken", "in turn"])), []
    mean = float(np.mean([note.loudness for note in tune.melody]))
    for bar, chord in enumerate(tune.chords):
        if tune.bar_s(bar) >= duration_s:
            break
        root, third, fifth = tune.triad(chord)
        low = nearest_above(root, 40)
        upper = [nearest_above(pitch_class, 52) for pitch_class in (root, third, fifth)]
        if manner == "struck":
            hits = [(0.0, tune.beats - 0.2, pitch) for pitch in (low, *sorted(upper))]
        elif manner == "broken":
            order = sorted(upper)
            hits = [(0.5 * k, 0.9, ([low, *order[1:], order[0], *order[1:]] * 2)[k]) for k in range(2 * tune.beats)]
        else:
            hits = [(0.0, 0.9, low)] + [(float(beat), 0.6, pitch) for beat in range(1, tune.beats) for pitch in upper]
        for beat, length, pitch in hits:
            start = max(tune.bar_s(bar) + beat * tune.beat_s + 0.012 * rng.standard_normal(), 0.0)
            held = (tune.beats - beat if pedal else length) * tune.beat_s
            loud = float(np.clip(mean + 0.06 * rng.standard_normal(), 0.05, 1))
            notes.append(Note(pitch, start, held, loud))
    return notes


def _struck(note: Note, hammer: float, out_of_tune: float, longest_s: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """One piano note, its damper included, of about unit amplitude whatever its loudness."""
    f0 = hertz(note.midi)
    slow = 0.25 * np.exp(0.06 * (note.midi - 36))
    n = round(min(note.length_s + 0.4, 7 / slow, max(longest_s, 0.02)) * rate_hz)
    partials = stiff_string_hz(f0, piano_inharmonicity(note.midi), int(np.clip(0.45 * rate_hz / f0, 1, 60)))
    count = np.arange(1, len(partials) + 1)
    # Felt: the contact lasts some 4 ms in the bass, 1 ms in the treble (Askenfelt & Jansson 1990), less when hit hard.
    contact_s = 0.0034 * 2 ** (-(note.midi - 36) / 30) * (1.35 - 0.7 * note.loudness) / hammer
    gains = np.abs(np.sin(np.pi * count / 8.0)) / (1 + (partials * contact_s) ** 2) * rng.lognormal(0, 0.3, len(count))
    decay = slow + 5e-8 * 2 ** ((note.midi - 36) / 24) * partials**2
    decay = decay * rng.lognormal(0, 0.25, len(decay))
    strings = 2 if note.midi < 50 else 3
    cents = out_of_tune * rng.standard_normal((strings, 1))
    freqs = partials * 2 ** (cents / 1200)
    # What the strings do together dies fast, what they do against each other slowly and 12 to 18 dB lower (Weinreich 1977).
    fast = np.r_[np.full(1, 3.2), np.full(strings - 1, 0.8)][:, None] * decay
    level = np.r_[np.full(1, 1.0), np.full(strings - 1, 0.2)][:, None] * gains
    x = decaying(freqs.ravel(), fast.ravel(), level.ravel(), n, rate_hz, rng.uniform(-0.4, 0.4, freqs.size))
    t = np.arange(n) / rate_hz
    damper_s = 0.28 if note.midi < 60 else 0.16
    x *= 10 ** (-3 * np.maximum(t - note.length_s, 0) / damper_s)
    knock = band(rng.standard_normal(n), 90, 900, rate_hz, 1) * np.exp(-t / 0.012) * 0.1 * np.max(gains)
    return fade(x / np.sqrt(np.sum(gains**2)) + knock, 0.0008, 0.02, rate_hz)


# ------------------------------------------------------------------------------------------------ guitar

OPEN_STRINGS = (40, 45, 50, 55, 59, 64)
"""E2 A2 D3 G3 B3 E4."""
GUITAR_BODY = ((102.0, 18.0, 0.9), (204.0, 22.0, 1.0), (262.0, 25.0, 0.6), (395.0, 28.0, 0.7))
"""Air, top and back modes of a guitar (Hz, Q, gain) (Fletcher & Rossing 1998, section 9.6)."""


@dataclass(frozen=True)
class Plucked:
    """A kind of guitar and how it is played."""

    inharmonicity: float
    """B of the open strings; a fretted string is stiffer by the square of its shortening."""
    slow_per_s: float
    """Decay rate of what loses nothing to frequency."""
    per_hz2: float
    """Growth of the decay rate with frequency squared, s."""
    width_hz: float
    """Where the width of finger or pick begins to smooth the pluck."""
    at: tuple[float, float]
    """Where it is plucked, as a part of the string."""


PLUCKED: Mapping[str, Plucked] = {
    "nylon": Plucked(2e-5, 1.3, 9e-7, 2200.0, (0.12, 0.25)),
    "steel": Plucked(6e-5, 0.75, 1.6e-7, 4500.0, (0.08, 0.2)),
    "electric": Plucked(7e-5, 0.5, 1.2e-7, 4500.0, (0.06, 0.15)),
}
"""Inharmonicity after Järveläinen & Karjalainen 2006, decay after Woodhouse 2004 (nylon loses the high partials in tenths of a
second)."""


def guitar(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float = 2.2,
    instrument: str | None = None,
) -> Array:
    """A guitar, ``instrument`` nylon, steel or electric (by default the clip draws): strummed, picked, or a melody with a bass.

    Six strings, each stopped by its next pluck; a pluck at p of the length drives partial n by sin(n pi p) / n (Fletcher &
    Rossing 1998, section 2.9); two polarisations a fraction of a hertz apart beat and die at different rates; body by its
    modes, or a pickup, an amplifier that bends the loud, and a loudspeaker. InputError: unknown instrument.
    """
    if instrument is not None and instrument not in PLUCKED:
        raise InputError(f"a guitar is one of {', '.join(PLUCKED)}, got {instrument!r}")
    n = n_samples(duration_s, rate_hz)
    name = instrument or str(rng.choice(list(PLUCKED), p=[0.4, 0.4, 0.2]))
    kind = PLUCKED[name]
    tune = compose(duration_s, rng, lowest=59, highest=78, notes_per_s=event_rate, intensity=intensity)
    style = str(rng.choice(["strum", "pick", "solo"], p=[0.3, 0.4, 0.3]))
    plucks = _solo(tune, duration_s, rng) if style == "solo" else _chords(tune, duration_s, rng, strum=style == "strum")
    plucks.sort(key=lambda pluck: pluck[1].start_s)
    pickup = rng.uniform(0.08, 0.24) if name == "electric" else None
    x = np.zeros(n)
    for index, (string, note) in enumerate(plucks):
        next_s = next((later.start_s for other, later in plucks[index + 1 :] if other == string), np.inf)
        held_s = min(note.length_s, next_s - note.start_s)
        tone = _plucked(
            replace(note, length_s=held_s), OPEN_STRINGS[string], kind, pickup, n / rate_hz - note.start_s, rate_hz, rng
        )
        place(x, tone, note.start_s, rate_hz, (0.1 + note.loudness) ** 1.3)
    if name == "electric":
        return _amplified(x, rate_hz, rng, intensity)
    response = body(rng, rate_hz, GUITAR_BODY, (480.0, 14_000.0), count=85, q=28.0, slope_db_per_octave=-2.5)
    return without_rumble(through_body(x, response, 0.12), rate_hz, 40.0)


def _amplified(x: Array, rate_hz: int, rng: np.random.Generator, intensity: float) -> Array:
    """Amplifier and loudspeaker of an electric guitar: soft clipping, 80 Hz to 5 kHz with a rise at 2.5 kHz."""
    drive = 10 ** ((rng.uniform(-6, 4) + 10 * intensity) / 20) / max(float(np.percentile(np.abs(x), 99.5)), 1e-9)
    bent = np.tanh(drive * x + 0.1) - np.tanh(0.1)
    cone = band(bent, 80, 4800, rate_hz, 2)
    return without_rumble(cone + 0.7 * band(bent, 1800, 3400, rate_hz, 1), rate_hz, 60.0)


def _chords(tune: Tune, duration_s: float, rng: np.random.Generator, *, strum: bool) -> list[tuple[int, Note]]:
    """(string, note): each bar's chord on the strings, strummed down and up or picked one by one."""
    out, loud = [], float(np.median([note.loudness for note in tune.melody]))
    pattern = [slot for slot in range(2 * tune.beats) if slot % 2 == 0 or rng.random() < 0.55]
    order = rng.permutation([2, 3, 4, 5, 3, 4, 5, 4])
    for bar, chord in enumerate(tune.chords):
        if tune.bar_s(bar) >= duration_s:
            break
        classes = tune.triad(chord)
        frets = [min(nearest_above(pitch_class, open_midi) for pitch_class in classes) for open_midi in OPEN_STRINGS]
        bass = next(s for s in range(6) if frets[s] % 12 == classes[0])
        slots = pattern if strum else range(2 * tune.beats)
        for slot in slots:
            start = max(tune.bar_s(bar) + 0.5 * slot * tune.beat_s + 0.008 * rng.standard_normal(), 0.0)
            if strum:
                strings = list(range(min(bass, 3), 6)) if slot % 2 == 0 else [5, 4, 3, 2]
                spread = rng.uniform(0.007, 0.02)
            else:
                strings = [min(bass, 2)] if slot in (0, tune.beats) else [int(order[slot % len(order)])]
                spread = 0.0
            for rank, string in enumerate(strings):
                force = float(np.clip(loud * rng.lognormal(0.08 * (slot == 0) - 0.25 * (slot % 2), 0.12), 0.03, 1))
                out.append((string, Note(frets[string], start + rank * spread, 6.0, force)))
    return out


def _solo(tune: Tune, duration_s: float, rng: np.random.Generator) -> list[tuple[int, Note]]:
    """(string, note): the melody on the upper strings, a bass on the first beat of each bar."""
    out = [(max(s for s in range(3, 6) if OPEN_STRINGS[s] <= max(note.midi, 55)), note) for note in tune.melody]
    out = [(string, replace(note, length_s=1.6 * note.length_s)) for string, note in out]
    for bar, chord in enumerate(tune.chords):
        if tune.bar_s(bar) < duration_s:
            bass = nearest_above(tune.triad(chord)[0], 40)
            string = max(s for s in range(3) if OPEN_STRINGS[s] <= bass)
            out.append((string, Note(bass, tune.bar_s(bar), tune.beats * tune.beat_s, float(rng.uniform(0.35, 0.55)))))
    return out


def _plucked(
    note: Note, open_midi: int, kind: Plucked, pickup: float | None, longest_s: float, rate_hz: int, rng: np.random.Generator
) -> Array:
    """One pluck of one string, of unit amplitude whatever its loudness; a pickup at ``pickup`` of the length, or the bridge."""
    f0 = hertz(note.midi)
    stiffness = kind.inharmonicity * 4 ** ((note.midi - open_midi) / 12)
    partials = stiff_string_hz(f0, stiffness, int(np.clip(0.45 * rate_hz / f0, 1, 90)))
    count = np.arange(1, len(partials) + 1)
    width_hz = kind.width_hz * (0.6 + 0.8 * note.loudness)
    gains = np.sin(np.pi * count * rng.uniform(*kind.at)) / count / np.sqrt(1 + (partials / width_hz) ** 4)
    if pickup is not None:
        gains = gains * np.sin(np.pi * count * pickup)
    slow = kind.slow_per_s * (f0 / 110) ** 0.4
    decay = (slow + kind.per_hz2 * partials**2) * rng.lognormal(0, 0.15, len(count))
    n = round(min(note.length_s + 0.1, 6.9 / slow, max(longest_s, 0.02)) * rate_hz)
    split_hz = rng.uniform(0.1, 0.5) * np.sqrt(count)
    x = decaying(
        np.r_[partials, partials + split_hz],
        np.r_[1.4 * decay, 0.7 * decay],
        np.r_[gains, 0.35 * gains],
        n,
        rate_hz,
        np.pi / 2 * np.sign(gains[[0]]),
    )
    t = np.arange(n) / rate_hz
    x *= 10 ** (-3 * np.maximum(t - note.length_s, 0) / 0.09)
    touch = band(rng.standard_normal(n), 900, min(2.5 * kind.width_hz, 9000), rate_hz, 1) * np.exp(-t / 0.004)
    return fade(x / np.sqrt(np.sum(gains**2)) + (0.0 if pickup else 0.12) * touch, 0.0004, 0.01, rate_hz)


# ------------------------------------------------------------------------------------------------ violin

VIOLIN_BODY = ((278.0, 18.0, 0.8), (405.0, 25.0, 0.4), (460.0, 30.0, 0.9), (545.0, 30.0, 1.0), (700.0, 25.0, 0.5))
"""A0, CBR, B1-, B1+ and one above (Hz, Q, gain) (Bissinger 2008)."""
BRIDGE_HILL_HZ = 2500.0
"""(Jansson 1997)"""


def violin(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 1.9
) -> Array:
    """A violin: the sawtooth of a bowed string through bridge and body, with vibrato, bow changes and the rosin's noise.

    Helmholtz motion gives partials 1 / n up to a corner that a firm bow raises (Cremer 1984); before it settles the string
    slips at random for 20 to 90 ms (Guettler & Askenfelt 1997); vibrato of 5 to 6.5 Hz moves every partial along the body's
    resonances, so that each has a tremolo of its own (Fletcher & Sanders 1967).
    """
    n = n_samples(duration_s, rate_hz)
    tune = compose(duration_s, rng, lowest=57, highest=81, notes_per_s=event_rate, legato=0.98, intensity=intensity)
    manner = Manner(0.07, 0.12, rng.uniform(5.0, 6.5), rng.uniform(12, 28), 0.06, vibrato_after_s=0.12, drift_cents=4.0)
    corner_hz = rng.uniform(2600, 4200)

    def bowed(freqs: Array, loudness: float) -> Array:
        firm = corner_hz * (0.4 + 0.9 * loudness)
        return (freqs[0] / freqs) / (1 + (freqs / firm) ** 2) ** 0.75

    x = np.zeros(n)
    for note in tune.melody:
        raised = replace(note, midi=note.midi if note.midi >= 55 else note.midi + 12)
        frequency, loud = gesture(raised, manner, rate_hz, rng)
        tone = harmonic_tone(frequency, loud, bowed, rate_hz, np.zeros(1)) * loud
        t = np.arange(len(tone)) / rate_hz
        start = np.exp(-t / rng.uniform(0.012, 0.035))
        turn = np.cumsum(frequency) / rate_hz % 1
        grit = rng.standard_normal(len(tone)) * loud * (0.012 + 0.16 * start + 0.03 * (turn < 0.12))
        place(x, tone * (1 - 0.5 * start) + 0.25 * grit, note.start_s, rate_hz)
    response = body(rng, rate_hz, VIOLIN_BODY, (850.0, 15_000.0), count=100, q=35.0, slope_db_per_octave=-2.0)
    response = response + 0.9 * band(response, 0.75 * BRIDGE_HILL_HZ, 1.35 * BRIDGE_HILL_HZ, rate_hz, 1)
    return without_rumble(through_body(x, response, 0.1), rate_hz, 150.0)


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {"piano": piano, "guitar": guitar, "violin": violin}
