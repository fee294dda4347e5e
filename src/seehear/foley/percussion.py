"""A drum kit and the one who plays it: skins, wires and cymbals as modes, a groove of sixteen steps.

Mono samples (T,), T = round(duration_s * rate_hz), free level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import Array, band, fade, log_uniform, place
from seehear.foley.modes import LN1000, decaying
from seehear.foley.pulses import without_rumble
from seehear.types import n_samples

MEMBRANE = np.array([1.0, 1.594, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501, 3.6, 3.652])
"""Modes of an ideal membrane: zeros of Bessel functions over the first, 2.405 (Fletcher & Rossing 1998, table 3.1)."""


@dataclass(frozen=True)
class Kit:
    """What one drummer sits behind."""

    kick_hz: float
    snare_hz: float
    toms_hz: tuple[float, float, float]
    hat_hz: Array
    crash_hz: Array
    ride_hz: Array


@dataclass(frozen=True)
class Hit:
    part: str
    """kick, snare, hat, open hat, crash, ride, tom 0 to tom 2."""
    start_s: float
    force: float
    """0 to about 1."""


def drums(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float | None = None
) -> Array:
    """A drum kit: a groove in four with bass drum, snare on two and four, hi-hat or ride, ghost notes, a fill every fourth bar.

    Struck skins glide down by a few per cent as their tension relaxes, and ring in membrane modes; snare wires answer with noise;
    a cymbal is some hundred modes of which the high ones come a moment late, as its energy climbs (Fletcher & Rossing 1998,
    chapters 18 and 20). No two strokes are equal; onsets wander by 8 ms (Hennig et al. 2011). ``event_rate`` is in beats a second
    (1.4 to 2.3 by default), ``intensity`` the force and how busy it is.
    """
    n = n_samples(duration_s, rate_hz)
    kit = Kit(
        rng.uniform(48, 66),
        rng.uniform(165, 235),
        tuple(float(rng.uniform(0.93, 1.07)) * hz for hz in (165.0, 122.0, 84.0)),  # type: ignore[arg-type]
        _plate_hz(rng, 900, 16_000, 200),
        _plate_hz(rng, 350, 15_000, 460),
        _plate_hz(rng, 450, 14_000, 320),
    )
    beat_s = 1 / (event_rate or float(rng.uniform(1.4, 2.3)))
    x = np.zeros(n)
    hits = groove(duration_s, rng, beat_s, intensity)
    for index, hit in enumerate(hits):
        choke_s = next((later.start_s for later in hits[index + 1 :] if "hat" in later.part), np.inf) - hit.start_s
        clip = _stroke(kit, hit, min(n / rate_hz - hit.start_s, choke_s if hit.part == "open hat" else np.inf), rate_hz, rng)
        place(x, clip, hit.start_s, rate_hz, hit.force**1.2)
    return without_rumble(x, rate_hz, 30.0)


def groove(duration_s: float, rng: np.random.Generator, beat_s: float, intensity: float) -> list[Hit]:
    """Strokes in order of time over ``duration_s``: bars of four beats, sixteen steps each."""
    kicks = [0] + [step for step in (6, 7, 8, 10, 11, 14) if rng.random() < (0.75 if step in (8, 10) else 0.22)]
    each = int(rng.choice([2, 2, 4, 1])) if intensity > 0.3 else int(rng.choice([2, 4]))
    timekeeper = "ride" if rng.random() < 0.3 else "hat"
    swing = float(rng.choice([0.0, 0.0, 0.16]))
    force, hits, bar = 0.45 + 0.5 * intensity, [], 0
    start_s = float(rng.uniform(0.0, min(0.1 * duration_s, 0.3)))
    if rng.random() < 0.4:
        start_s -= 4 * beat_s * int(rng.integers(1, 4))  # joins a drummer who has played for a while
    while start_s + 4 * bar * beat_s < duration_s:
        fills = bar % 4 == 3
        fill_from = int(rng.choice([12, 12, 8])) if fills else 16
        for step in range(16):
            played: list[tuple[str, float]] = []
            if step >= fill_from:
                drum = ("snare", "tom 0", "tom 1", "tom 2")[min(4 * (step - fill_from) // (16 - fill_from), 3)]
                played = [(drum, force * rng.uniform(0.7, 1.1))] if rng.random() < 0.85 else []
                played += [("kick", 0.8 * force)] if step % 4 == 0 else []
            else:
                if step in kicks and rng.random() < 0.95:
                    played.append(("kick", force * (1.0 if step == 0 else 0.85)))
                if step in (4, 12):
                    played.append(("snare", force))
                elif rng.random() < 0.12 * (0.3 + intensity):
                    played.append(("snare", 0.22 * force))
                if step % each == 0:
                    opened = timekeeper == "hat" and step == 14 and rng.random() < 0.3
                    accent = 1.0 if step % 4 == 0 else 0.7 if step % 2 == 0 else 0.5
                    played.append(("open hat" if opened else timekeeper, 0.8 * force * accent))
            if step == 0 and bar % 4 == 0 and (bar > 0 or rng.random() < 0.4):
                played.append(("crash", force))
            late = swing * (step % 4 == 2) + 0.5 * swing * (step % 2)
            for part, strength in played:
                time = start_s + (4 * bar + (step + late) / 4) * beat_s + 0.008 * rng.standard_normal()
                hits.append(Hit(part, time, float(strength * rng.lognormal(0, 0.1))))
        bar += 1
    heard = [hit for hit in hits if 0 <= hit.start_s < duration_s] or [Hit("kick", 0.0, force)]
    if heard[0].start_s > 0.6 * duration_s:
        heard.insert(0, Hit("kick", 0.0, force))
    return sorted(heard, key=lambda hit: hit.start_s)


def _stroke(kit: Kit, hit: Hit, longest_s: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """One stroke at about unit loudness."""
    if hit.part == "kick":
        return _kick(kit.kick_hz, hit.force, rate_hz, rng)
    if hit.part == "snare":
        return _snare(kit.snare_hz, hit.force, rate_hz, rng)
    if hit.part.startswith("tom"):
        return _tom(kit.toms_hz[int(hit.part[-1])], hit.force, rate_hz, rng)
    if hit.part == "hat":
        return 0.4 * cymbal(kit.hat_hz, rng.uniform(0.06, 0.11), 0.0015, longest_s, rate_hz, rng)
    if hit.part == "open hat":
        return 0.4 * cymbal(kit.hat_hz, 0.9, 0.004, longest_s, rate_hz, rng)
    if hit.part == "crash":
        return 0.75 * cymbal(kit.crash_hz, 2.6, 0.018, min(longest_s, 3.0), rate_hz, rng)
    tip = cymbal(kit.ride_hz[::5], 0.5, 0.0006, min(longest_s, 0.6), rate_hz, rng)
    ride = 0.1 * cymbal(kit.ride_hz[::2], 2.0, 0.02, min(longest_s, 1.4), rate_hz, rng)
    place(ride, tip, 0.0, rate_hz, 0.3)
    return ride


def _gliding(hz: float, glide: float, glide_s: float, t60_s: float, rate_hz: int) -> Array:
    """A skin's lowest mode, its pitch falling from (1 + glide) to 1 as its tension relaxes."""
    t = np.arange(round(1.2 * t60_s * rate_hz)) / rate_hz
    turns = hz * (t + glide * glide_s * (1 - np.exp(-t / glide_s)))
    return np.sin(2 * np.pi * turns) * np.exp(-LN1000 * t / t60_s)


def _skin(hz: float, t60_s: float, force: float, length: int, rate_hz: int, rng: np.random.Generator) -> Array:
    """The membrane's modes above the first, struck off centre."""
    ratios = MEMBRANE[1:] * (1 + 0.015 * rng.standard_normal(len(MEMBRANE) - 1))
    gains = rng.lognormal(-0.7, 0.4, len(ratios)) * ratios ** (-1.6 + 0.8 * force)
    t60s = t60_s * ratios**-0.8 * rng.uniform(0.7, 1.2, len(ratios))
    return decaying(hz * ratios, LN1000 / t60s, gains, length, rate_hz, rng.uniform(0, 6.28, len(ratios)))


def _burst(low_hz: float, high_hz: float, decay_s: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """Noise between two frequencies that dies by 1/e in ``decay_s``, of about unit RMS at its start."""
    length = max(round(6 * decay_s * rate_hz), 8)
    noise = band(rng.standard_normal(length), low_hz, high_hz, rate_hz, 1)
    return noise / max(float(np.std(noise)), 1e-9) * np.exp(-np.arange(length) / rate_hz / decay_s)


def _kick(hz: float, force: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """A bass drum: a glide into some 55 Hz, a damped shell, and the felt beater's slap."""
    x = _gliding(hz, rng.uniform(0.9, 1.5), 0.022, rng.uniform(0.28, 0.45), rate_hz)
    x[: len(x)] += 0.3 * _skin(2 * hz, 0.12, force, len(x), rate_hz, rng)
    place(x, _burst(700, 3800, 0.004, rate_hz, rng), 0.0, rate_hz, 0.18 + 0.25 * force)
    return fade(x, 0.0006, 0.02, rate_hz)


def _snare(hz: float, force: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """A snare drum: a pair of coupled low modes, skin, and wires that rattle for a tenth of a second."""
    x = 0.55 * _gliding(hz, 0.06, 0.03, rng.uniform(0.11, 0.17), rate_hz)
    place(x, _gliding(1.72 * hz, 0.03, 0.03, 0.09, rate_hz), 0.0, rate_hz, 0.45)
    x += 0.5 * _skin(hz, 0.12, force, len(x), rate_hz, rng)
    out = np.zeros(max(len(x), round(0.4 * rate_hz)))
    out[: len(x)] = x
    place(out, _burst(1500, 9500, rng.uniform(0.035, 0.055), rate_hz, rng), 0.001, rate_hz, 0.32)
    place(out, _burst(2500, 14_000, 0.0035, rate_hz, rng), 0.0, rate_hz, 0.5 * force)
    return fade(out, 0.0003, 0.03, rate_hz)


def _tom(hz: float, force: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """A tom-tom: a glide of a tenth, membrane modes, the stick."""
    x = _gliding(hz * rng.uniform(0.995, 1.005), 0.08 + 0.08 * force, 0.07, 0.55 * (130 / hz) ** 0.4, rate_hz)
    x += 0.5 * _skin(hz, 0.3, force, len(x), rate_hz, rng)
    place(x, _burst(1200, 6000, 0.003, rate_hz, rng), 0.0, rate_hz, 0.25 * force)
    return fade(x, 0.0004, 0.05, rate_hz)


def _plate_hz(rng: np.random.Generator, low_hz: float, high_hz: float, count: int) -> Array:
    """Modes of a cymbal: evenly dense as in a plate, and some more where its bell and its edge sing."""
    return np.r_[rng.uniform(low_hz, high_hz, 2 * count // 3), log_uniform(rng, low_hz, high_hz, count - 2 * count // 3)]


def cymbal(freqs_hz: Array, t60_s: float, rise_s: float, longest_s: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """A struck cymbal: dense modes with a T60 of ``t60_s`` around 3 kHz, shorter above; what is high builds up in ``rise_s``."""
    n = max(round(min(t60_s, longest_s) * rate_hz), 2)
    t60s = t60_s * np.clip((3000 / freqs_hz) ** 0.35, 0.5, 1.6) * rng.uniform(0.6, 1.25, len(freqs_hz))
    gains = rng.rayleigh(1.0, len(freqs_hz)) * np.minimum(freqs_hz / 5000, 1) ** 0.9
    high = freqs_hz > 2500
    phases = rng.uniform(0, 2 * np.pi, len(freqs_hz))
    x = decaying(freqs_hz[~high], LN1000 / t60s[~high], gains[~high], n, rate_hz, phases[~high])
    t = np.arange(n) / rate_hz
    x += decaying(freqs_hz[high], LN1000 / t60s[high], gains[high], n, rate_hz, phases[high]) * (1 - 0.75 * np.exp(-t / rise_s))
    return fade(x / np.sqrt(0.5 * np.sum(gains**2)), 0.0003, 0.01, rate_hz)


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {"drums": drums}
