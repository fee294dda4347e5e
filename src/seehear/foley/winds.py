"""Breath and bellows: trumpet and its relatives, saxophone, flute, accordion, each playing a tune of its own.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level; ``event_rate`` in notes of the melody per second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import Array, band, place, slow_random
from seehear.foley.phrases import Note, Tune, compose, nearest_above
from seehear.foley.pulses import resonances, without_rumble
from seehear.foley.sustained import Manner, Spectrum, gesture, harmonic_tone
from seehear.types import InputError, n_samples


def _roll_off(freqs: Array, corner_hz: float, db_per_octave: float) -> Array:
    """Amplitudes that are flat below a corner and fall above it."""
    return (1 + (freqs / corner_hz) ** 2) ** (-db_per_octave / 12.04)


# ------------------------------------------------------------------------------------------------- brass


@dataclass(frozen=True)
class Brass:
    lowest: int
    highest: int
    cutoff_hz: float
    """Above it the bell no longer reflects."""


BRASS: Mapping[str, Brass] = {
    "trumpet": Brass(57, 82, 1300.0),
    "trombone": Brass(43, 67, 750.0),
    "french horn": Brass(45, 72, 600.0),
    "euphonium": Brass(41, 65, 480.0),
}
"""Ranges in MIDI, cut-offs of the bells (Luce & Clark 1967; Fletcher & Rossing 1998, section 14.6)."""


def brass(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float = 2.2,
    instrument: str | None = None,
) -> Array:
    """A brass instrument, ``instrument`` trumpet, trombone, french horn or euphonium (by default the clip draws, mostly trumpet).

    Partials as strong as the first up to the cut-off of the bell; above it they fall by 34 dB an octave when soft and by 12 when
    loud, because the wave steepens in the bore (Luce & Clark 1967; Hirschberg et al. 1996). So high partials come later and go
    sooner than low ones (Risset & Mathews 1969). InputError: unknown instrument.
    """
    if instrument is not None and instrument not in BRASS:
        raise InputError(f"a brass instrument is one of {', '.join(BRASS)}, got {instrument!r}")
    kind = BRASS[instrument or str(rng.choice(list(BRASS), p=[0.55, 0.2, 0.15, 0.1]))]
    cutoff_hz, rise = kind.cutoff_hz * rng.uniform(0.92, 1.1), rng.uniform(0.3, 0.6)
    uneven = rng.lognormal(0, 0.12, 512)

    def lips(freqs: Array, loudness: float) -> Array:
        low = np.minimum(freqs / cutoff_hz, 1) ** rise
        return (
            low * _roll_off(freqs, cutoff_hz, 34 - 22 * loudness) * _roll_off(freqs, 3.5 * cutoff_hz, 12) * uneven[: len(freqs)]
        )

    legato = float(rng.choice([0.7, 0.88, 0.96]))
    tune = compose(
        duration_s,
        rng,
        lowest=kind.lowest + 3,
        highest=kind.highest - 2,
        notes_per_s=event_rate,
        legato=legato,
        intensity=intensity,
    )
    manner = Manner(0.05, 0.09, rng.uniform(4.8, 5.8), rng.uniform(3, 14), 0.04, 0.3, scoop_cents=22.0, overshoot=0.22)
    wind = Wind(manner, lips, (500.0, 4000.0, 0.012, 0.05), np.zeros(1))
    return without_rumble(_line(n_samples(duration_s, rate_hz), tune.melody, wind, rate_hz, rng), rate_hz, 40.0)


@dataclass(frozen=True)
class Wind:
    """One instrument in one player's hands."""

    manner: Manner
    spectrum: Spectrum
    breath: tuple[float, float, float, float]
    """Noise from, to (Hz); its level while a note is held; how much more at its start."""
    phases_rad: Array
    """Of the harmonics; beyond them zero."""


def _line(n: int, notes: tuple[Note, ...], wind: Wind, rate_hz: int, rng: np.random.Generator) -> Array:
    """One voice (n,): tones with their breath."""
    low_hz, high_hz, held, start = wind.breath
    x = np.zeros(n)
    for note in notes:
        frequency, loud = gesture(note, wind.manner, rate_hz, rng)
        tone = harmonic_tone(frequency, loud, wind.spectrum, rate_hz, wind.phases_rad)
        # Spectra differ in power, loudness alone decides how loud a note is.
        tone *= loud**1.3 / np.sqrt(0.5 * np.sum(wind.spectrum(frequency.mean() * np.arange(1, 40), note.loudness) ** 2))
        t = np.arange(len(tone)) / rate_hz
        air = band(rng.standard_normal(len(tone)), low_hz, high_hz, rate_hz, 1)
        jet = (held + start * np.exp(-t / 0.03)) * (0.5 + 0.5 * note.loudness) * np.minimum(loud / max(note.loudness, 1e-3), 1.2)
        place(x, tone + air * jet * (1 + 0.5 * np.cos(2 * np.pi * np.cumsum(frequency) / rate_hz)), note.start_s, rate_hz)
    return x


# --------------------------------------------------------------------------------------- saxophone, flute

SAXOPHONES: Mapping[str, tuple[int, int, float]] = {
    "soprano": (58, 84, 1100.0),
    "alto": (51, 77, 850.0),
    "tenor": (46, 72, 700.0),
}
"""Sounding ranges in MIDI and cut-off of the tone-hole lattice in Hz (Benade & Lutgen 1988)."""


def saxophone(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 2.4
) -> Array:
    """A soprano, alto or tenor saxophone: a reed on a cone, notes that are scooped and slurred.

    All harmonics, near equal up to the cut-off of the open tone holes, beyond it falling by 27 dB an octave when soft and 13
    when loud (Benade & Lutgen 1988, "The saxophone spectrum"); a hump from the mouthpiece near 1.5 times the cut-off, breath
    through the reed, vibrato of the jaw of 4.5 to 5.5 Hz in both pitch and loudness.
    """
    lowest, highest, cutoff_hz = SAXOPHONES[str(rng.choice(list(SAXOPHONES), p=[0.15, 0.5, 0.35]))]
    cutoff_hz *= rng.uniform(0.92, 1.12)
    uneven = rng.lognormal(0, 0.3, 512)

    def reed(freqs: Array, loudness: float) -> Array:
        hump = 1 + 0.9 * np.exp(-(np.log2(freqs / (1.5 * cutoff_hz)) ** 2) / 0.18)
        return _roll_off(freqs, cutoff_hz, 27 - 14 * loudness) * hump * uneven[: len(freqs)]

    legato = float(rng.choice([0.8, 1.0]))
    tune = compose(
        duration_s, rng, lowest=lowest + 3, highest=highest - 3, notes_per_s=event_rate, legato=legato, intensity=intensity
    )
    manner = Manner(0.045, 0.07, rng.uniform(4.5, 5.5), rng.uniform(12, 28), 0.12, 0.22, scoop_cents=45.0, overshoot=0.1)
    phases = rng.uniform(-1.2, 1.2, 60)
    n = n_samples(duration_s, rate_hz)
    wind = Wind(manner, reed, (900.0, 6000.0, rng.uniform(0.02, 0.05), 0.09), phases)
    return without_rumble(_line(n, tune.melody, wind, rate_hz, rng), rate_hz, 60.0)


def flute(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 2.2) -> Array:
    """A flute: few harmonics, much breath, a vibrato of loudness rather than pitch.

    Low notes have a second and third harmonic as strong as the first, high ones are nearly pure, and what a player adds by
    blowing harder is above the first (Fletcher 1975, "Acoustical correlates of flute performance technique"); the vibrato is near
    5.5 Hz, 3 dB and 10 cents. The jet's noise is shaped by the resonances of the pipe (Verge & Hirschberg 1995), and a note
    starts with a chiff an octave or a twelfth up.
    """
    n = n_samples(duration_s, rate_hz)
    corner_hz = rng.uniform(750, 1050)
    uneven = rng.lognormal(0, 0.2, 60)

    def jet(freqs: Array, loudness: float) -> Array:
        levels = np.zeros(len(freqs))
        levels[:60] = _roll_off(freqs[:60], corner_hz * (0.75 + 0.5 * loudness), 24 - 7 * loudness) * uneven[: len(freqs)]
        levels[0] *= 0.95 - 0.2 * loudness
        return levels

    tune = compose(duration_s, rng, lowest=62, highest=88, notes_per_s=event_rate, legato=0.95, intensity=intensity)
    manner = Manner(0.075, 0.09, rng.uniform(5.0, 6.0), rng.uniform(5, 11), 0.16, 0.25, scoop_cents=14.0)
    phases = rng.uniform(0, 2 * np.pi, 40)
    x = _line(n, tune.melody, Wind(manner, jet, (1500.0, 7500.0, 0.018, 0.02), phases), rate_hz, rng)
    blowing = rng.uniform(0.25, 0.6)
    for note in tune.melody:
        frequency, loud = gesture(note, replace(manner, attack_s=0.02), rate_hz, rng)
        pipe = [(k * float(frequency.mean()), 25.0 + 6.0 * k, k**-0.4) for k in range(1, 9)]
        t = np.arange(len(loud)) / rate_hz
        air = resonances(rng.standard_normal(len(loud)), pipe, rate_hz) * loud
        chiff = [(k * float(frequency.mean()), 60.0, 1.0) for k in (2, 3)]
        edge = resonances(rng.standard_normal(len(loud)), chiff, rate_hz) * np.exp(-t / 0.025) * (1 - np.exp(-t / 0.005))
        place(x, blowing * (0.35 * air + 1.0 * edge * note.loudness), note.start_s, rate_hz)
    return without_rumble(x, rate_hz, 120.0)


# --------------------------------------------------------------------------------------------- accordion


def accordion(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 2.4
) -> Array:
    """An accordion: a melody on two or three reeds a few cents apart, bass and chord buttons below, one pair of bellows.

    Free reeds chop the air: harmonics near k^-0.8 to 2.5 kHz, then steeper (Cottingham 2011); their loudness follows the bellows,
    their pitch barely. Reeds of a pair are 3 to 18 cents apart and beat (dry to musette). Buttons click; the bellows turn
    every two bars.
    """
    n = n_samples(duration_s, rate_hz)
    tune = compose(duration_s, rng, lowest=64, highest=86, notes_per_s=event_rate, legato=0.85, intensity=intensity)
    cents = rng.uniform(3, 18)
    reeds = [-cents / 2, cents / 2] if rng.random() < 0.5 else [-cents, 0.0, 0.9 * cents]
    octave = [-1200.0] if rng.random() < 0.35 else []
    corner_hz = rng.uniform(2000, 3200)

    def reed(freqs: Array, loudness: float) -> Array:
        order = np.arange(1, len(freqs) + 1)
        return order**-0.75 * _roll_off(freqs, corner_hz * (0.6 + 0.7 * loudness), 15.0) * (1 - 0.25 * (order % 2 == 0))

    manner = Manner(0.03, 0.05, 4.0, 0.0, 0.0, drift_cents=0.8)
    x = np.zeros(n)
    parts = [(note, [*reeds, *octave], 1.0) for note in tune.melody]
    parts += [(note, [0.0, 1200.0] if bass else [0.0], 0.75 if bass else 0.4) for note, bass in _buttons(tune, duration_s, rng)]
    for note, voices, gain in parts:
        frequency, loud = gesture(note, manner, rate_hz, rng)
        tone = np.zeros(len(loud))
        for detune in voices:
            phases = rng.uniform(-0.5, 0.5, 30)
            tone += harmonic_tone(frequency * 2 ** (detune / 1200), loud, reed, rate_hz, phases)
        place(x, gain * tone * loud / np.sqrt(len(voices)), note.start_s, rate_hz)
        length = max(round(0.02 * rate_hz), 8)
        click = band(rng.standard_normal(length), 700, 4500, rate_hz, 1) * np.exp(-np.arange(length) / rate_hz / 0.004)
        place(x, 0.06 * click, max(note.start_s - 0.012, 0.0), rate_hz)
    return without_rumble(_with_bellows(x, tune, rate_hz, rng), rate_hz, 50.0)


def _with_bellows(x: Array, tune: Tune, rate_hz: int, rng: np.random.Generator) -> Array:
    """``x`` (T,) under a pressure that wanders and dips where the bellows turn, every two bars; their folds rustle."""
    controls_hz = 100
    steps = len(x) * controls_hz // rate_hz + 2
    t = np.arange(steps) / controls_hz
    pressure = 1 + 0.12 * slow_random(rng, steps, controls_hz, 1.5)
    turns = np.array([tune.bar_s(bar) for bar in range(2, len(tune.chords), 2)]) - 0.03
    after = np.clip(np.searchsorted(turns, t), 1, len(turns) - 1)
    nearest = np.minimum(np.abs(t - turns[after - 1]), np.abs(t - turns[after]))
    pressure = np.maximum(pressure - 0.55 * np.exp(-((nearest / 0.035) ** 2)), 0.1)
    for start in range(0, len(x), 1 << 18):
        stop = min(start + (1 << 18), len(x))
        rustle = band(rng.standard_normal(stop - start), 200, 1800, rate_hz, 1)
        x[start:stop] *= np.interp(np.arange(start, stop) / rate_hz, t, pressure)
        x[start:stop] += 0.006 * rustle
    return x


def _buttons(tune: Tune, duration_s: float, rng: np.random.Generator) -> list[tuple[Note, bool]]:
    """(note, whether it is the bass): bass on the first beat, the chord on the others; in four, bass again on the third."""
    out = []
    loud = float(np.median([note.loudness for note in tune.melody]))
    for bar, chord in enumerate(tune.chords):
        root, third, fifth = tune.triad(chord)
        for beat in range(tune.beats):
            start = max(tune.bar_s(bar) + beat * tune.beat_s + 0.008 * rng.standard_normal(), 0.0)
            if start >= duration_s:
                return out
            bass = beat == 0 or (tune.beats == 4 and beat == 2)
            low = nearest_above(fifth if beat == 2 else root, 41)
            for pitch in [low] if bass else [nearest_above(pitch_class, 55) for pitch_class in (root, third, fifth)]:
                force = float(np.clip(loud + 0.04 * rng.standard_normal(), 0.05, 1))
                out.append((Note(pitch, start, (0.7 if bass else 0.45) * tune.beat_s, force), bass))
    return out


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {
    "brass": brass,
    "saxophone": saxophone,
    "flute": flute,
    "accordion": accordion,
}
