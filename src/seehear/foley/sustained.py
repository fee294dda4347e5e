"""Tones that are kept going by breath, bow or bellows: harmonics whose balance follows the loudness at every moment.

Frequencies in hertz, times in seconds, arrays (T,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import slow_random
from seehear.foley.phrases import Note, hertz

Array = NDArray[np.floating]
Spectrum = Callable[[Array, float], Array]
"""``(frequencies of the harmonics (K,), loudness 0..1) -> their amplitudes (K,)``."""
_TABLE = 4096
"""Samples of one stored cycle, read with linear interpolation."""
_LEVELS = np.linspace(0, 1, 11)
"""Loudnesses at which cycles are stored."""


def harmonic_tone(frequency_hz: Array, loudness: Array, spectrum: Spectrum, rate_hz: int, phases_rad: Array) -> Array:
    """A tone (T,) with that frequency curve, its harmonics at every moment those that ``spectrum`` gives for the loudness then.

    ``phases_rad`` of the harmonics, as many as one likes; beyond them, zero. Nothing above 0.45 of the rate.
    """
    middle_hz = float(np.median(frequency_hz))
    count = int(np.clip(0.45 * rate_hz / float(np.max(frequency_hz)), 1, _TABLE // 8))
    phases = np.zeros(count)
    phases[: len(phases_rad)] = phases_rad[:count]
    lines = np.zeros((len(_LEVELS), _TABLE // 2 + 1), complex)
    freqs = middle_hz * np.arange(1, count + 1)
    lines[:, 1 : count + 1] = np.array([spectrum(freqs, level) for level in _LEVELS]) * np.exp(1j * phases) * (_TABLE / 2)
    cycles = np.fft.irfft(lines, _TABLE, axis=1)
    cycles = np.concatenate([cycles, cycles[:, :1]], axis=1)
    position = np.cumsum(frequency_hz) / rate_hz % 1 * _TABLE
    index = position.astype(int) % _TABLE
    part = position - position.astype(int)
    level = np.clip(loudness, 0, 1) * (len(_LEVELS) - 1)
    lower = np.minimum(level.astype(int), len(_LEVELS) - 2)
    above = level - lower

    def row(which: NDArray[np.integer]) -> Array:
        return cycles[which, index] * (1 - part) + cycles[which, index + 1] * part

    return row(lower) * (1 - above) + row(lower + 1) * above


@dataclass(frozen=True)
class Manner:
    """How a player starts, holds and ends a note."""

    attack_s: float
    release_s: float
    vibrato_hz: float
    vibrato_cents: float
    tremolo: float
    """Relative depth of the loudness at the rate of the vibrato."""
    vibrato_after_s: float = 0.25
    scoop_cents: float = 0.0
    """How far below (positive) its pitch a note starts."""
    overshoot: float = 0.0
    """By how much the attack exceeds what follows."""
    drift_cents: float = 3.0


def gesture(note: Note, manner: Manner, rate_hz: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Curves (T,) of frequency and of loudness over one note, release included.

    The vibrato sets in late and grows, its rate and depth wander (Prame 1994); an attack is shortened where the note is, and
    harder when loud.
    """
    n = max(round((note.length_s + manner.release_s) * rate_hz), 2)
    t = np.arange(n) / rate_hz
    attack_s = min(manner.attack_s * rng.uniform(0.75, 1.3) * (1.35 - 0.7 * note.loudness), 0.5 * note.length_s + 1e-3)
    rise = np.minimum(t / attack_s, 1)
    up = 0.5 - 0.5 * np.cos(np.pi * rise)
    up *= 1 + manner.overshoot * np.exp(-t / (2.5 * attack_s))
    down = 10 ** (-2.2 * np.maximum(t - note.length_s, 0) / manner.release_s)
    edge = np.clip((n - np.arange(n)) / max(0.1 * manner.release_s * rate_hz, 1), 0, 1)
    grown = np.clip((t - manner.vibrato_after_s) / 0.35, 0, 1)
    turn = (
        rng.uniform(0, 2 * np.pi)
        + 2 * np.pi * np.cumsum(manner.vibrato_hz * (1 + 0.06 * slow_random(rng, n, rate_hz, 3))) / rate_hz
    )
    depth = grown * (1 + 0.25 * slow_random(rng, n, rate_hz, 2))
    cents = depth * manner.vibrato_cents * np.sin(turn) + manner.drift_cents * slow_random(rng, n, rate_hz, 2.5)
    cents -= manner.scoop_cents * rng.uniform(0.3, 1.2) * np.exp(-t / 0.035)
    swell = 1 + 0.1 * np.sin(np.pi * np.minimum(t / max(note.length_s, 1e-3), 1)) + manner.tremolo * depth * np.sin(turn + 0.6)
    swell = swell * (1 + 0.03 * slow_random(rng, n, rate_hz, 9))
    return hertz(note.midi) * 2 ** (cents / 1200), note.loudness * up * down * edge * swell
