"""Dog, cat, rooster and crickets: one individual per clip (drawn from ``rng``), every call of it different.

Every function: mono (T,), exactly ``round(duration_s * rate_hz)`` samples; ``intensity`` 0..1 is vocal effort
(higher, harsher, brighter), ``event_rate`` is calls or bouts per second. T samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from seehear.foley import birds
from seehear.foley.blocks import band, noise, place, slow_random
from seehear.foley.phonation import Voice, call_in_bouts, glide, throat_hz, utter

Array = NDArray[np.floating]


def dog(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.45) -> Array:
    """Barks (T,) in bouts of 1 to 4.

    150 to 250 ms each, pitch rising and falling within 300 to 900 Hz by the dog's size, harsh (chaotic folds and
    strong breath), the mouth opening and closing around each bark (Feddersen-Petersen 2000;
    Yin & McCowan 2004; Riede & Fitch 1999 for tract length against body size).
    """
    size = rng.random()
    pitch_hz = 740 * 0.5**size * rng.uniform(0.93, 1.07) * (0.9 + 0.2 * intensity)
    voice = Voice(
        length_m=0.10 + 0.09 * size,
        slope_db_per_octave=-6 + 2 * intensity,
        jitter=(0.02, 0.09),
        shimmer=(0.15, 0.2),
        subharmonic=0.35 * rng.random(),
        breath=(0.12, 0.4),
        damping=2.2,
        corner_hz=700,
    )
    harsh = rng.uniform(0.2, 1.0) * (0.5 + intensity)
    pace_s = rng.uniform(0.13, 0.32) + 0.1 * size
    typical_s = rng.uniform(0.14, 0.22) + 0.05 * size

    def bark() -> Array:
        n = round(rate_hz * typical_s * rng.uniform(0.85, 1.2))
        peak, top = rng.uniform(0.25, 0.4), rng.uniform(1.1, 1.35)
        f0 = pitch_hz * glide([(0, 0.62), (peak, top), (0.7, 0.88), (1, 0.55)], n)
        loud = glide([(0, 0), (0.07, 0.55), (peak, 1), (0.6, 0.6), (0.8, 0.2), (1, 0)], n)
        rough = harsh * glide([(0, 0.6), (peak, 1.0), (0.75, 0.5), (1, 0.8)], n)
        gape = np.interp(np.linspace(0, 1, 9), [0, peak, 0.65, 1], [0.55, 1.25, 1.1, 0.6])
        muzzle = throat_hz(voice.length_m, 1.35 * gape, 0.75 + 0.15 * gape)
        return rng.uniform(0.6, 1.0) * utter(voice, f0, loud, rough, muzzle, rate_hz, rng)

    return call_in_bouts(duration_s, rate_hz, rng, bark, count=(1, 4), gap_s=(pace_s, 1.5 * pace_s), event_rate=event_rate)


def cat(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.35) -> Array:
    """Meows (T,) with silence between them.

    0.5 to 1 s, pitch arched within 400 to 800 Hz, the mouth opening and closing through [m i a o u] (Nicastro 2004;
    Schötz, van de Weijer & Eklund 2019), a tract of about 8 cm.
    """
    pitch_hz = rng.uniform(440, 680) * (0.92 + 0.16 * intensity)
    voice = Voice(
        length_m=rng.uniform(0.068, 0.085),
        slope_db_per_octave=-5 + 2 * intensity,
        jitter=(0.006, 0.012),
        shimmer=(0.1, 0.0),
        subharmonic=0.3 * (rng.random() > 0.6),
        breath=(0.04, 0.08),
        damping=2.2,
        corner_hz=1200,
    )
    plaintive = rng.random()

    def meow() -> Array:
        n = round(rate_hz * rng.uniform(0.5, 0.95) * (0.85 + 0.4 * plaintive))
        peak = rng.uniform(0.2, 0.45)
        f0 = pitch_hz * rng.uniform(0.94, 1.06) * glide([(0, 0.78), (peak, 1.18), (0.75, 1), (1, 0.62 + 0.3 * plaintive)], n)
        f0 *= 1 + 0.012 * slow_random(rng, n, rate_hz, 9)
        loud = glide([(0, 0), (0.08, 0.25), (peak, 1), (0.7, 0.6), (0.92, 0.15), (1, 0)], n)
        rough = intensity * glide([(0, 0.1), (peak, 1.0), (0.7, 0.5), (1, 0.3)], n)
        vowels = throat_hz(voice.length_m, [0.45, 0.7, 1.35, 1.6, 1.4, 1.0, 0.6], [0.75, 1.0, 0.9, 0.8, 0.7, 0.55, 0.45])
        return rng.uniform(0.6, 1.0) * utter(voice, f0, loud, rough, vowels, rate_hz, rng)

    return call_in_bouts(duration_s, rate_hz, rng, meow, count=(1, 2), gap_s=(0.4, 1.0), event_rate=event_rate)


def rooster(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.2
) -> Array:
    """Crows (T,): cock-a-doodle-doo, two short notes, a longer one, a long falling one, about 2 s.

    Fundamental 500 to 1000 Hz, the second harmonic strongest, rough at the peaks (Marler, Kreith & Willis 1962;
    Kruijt 1964 for the four notes).
    """
    pitch_hz = rng.uniform(620, 860)
    voice = Voice(
        length_m=rng.uniform(0.05, 0.062),
        slope_db_per_octave=-5,
        jitter=(0.004, 0.09),
        shimmer=(0.08, 0.15),
        subharmonic=0.5 * rng.random(),
        breath=(0.03, 0.12),
    )
    harsh = rng.uniform(0.1, 1.1) * (0.5 + intensity)
    tempo = rng.uniform(0.85, 1.15)
    fall = rng.uniform(0.62, 0.85)
    long_s = rng.uniform(0.7, 1.3)

    def note(seconds: float, shape: list[tuple[float, float]], level: float, rough: float) -> Array:
        n = round(rate_hz * seconds * tempo * rng.uniform(0.93, 1.07))
        f0 = pitch_hz * glide(shape, n) * (1 + 0.006 * slow_random(rng, n, rate_hz, 12))
        loud = glide([(0, 0), (0.12, 0.85), (0.4, 1), (0.8, 0.75), (0.93, 0.3), (1, 0)], n)
        strain = harsh * rough * glide([(0, 0.8), (0.25, 1), (0.5, 0.35), (1, 0.3)], n)
        gape = np.interp(np.linspace(0, 1, 7), [0, 0.3, 0.7, 1], [0.85, 1.05, 1.0, 0.8])
        beak = throat_hz(voice.length_m, gape, 0.6 + 0.4 * gape)
        return level * utter(voice, f0, loud, strain, beak, rate_hz, rng)

    def crow() -> Array:
        top = rng.uniform(1.05, 1.2)
        notes = [
            (note(0.14, [(0, 0.75), (0.4, 0.98), (1, 0.85)], 0.5, 0.6), 0.1),
            (note(0.13, [(0, 0.8), (0.5, 1.0), (1, 0.95)], 0.65, 0.9), 0.03),
            (note(0.36, [(0, 0.9), (0.35, top), (1, 0.97)], 0.9, 1.0), 0.04),
            (note(long_s, [(0, 0.9), (0.12, top), (0.55, 0.97), (1, fall)], 1.0, 0.7), 0.0),
        ]
        gaps = [np.zeros(round(rate_hz * gap * rng.uniform(0.7, 1.3))) for _, gap in notes]
        return np.concatenate([part for (clip, _), gap in zip(notes, gaps, strict=True) for part in (clip, gap)])

    return call_in_bouts(duration_s, rate_hz, rng, crow, count=(1, 1), gap_s=(0.6, 1.0), event_rate=event_rate)


def dolbear_chirps_per_s(temperature_c: float) -> float:
    """Chirps per second of a snowy tree cricket: N per minute = 40 + 4 (T_F - 50) (Dolbear 1897), T_F in Fahrenheit."""
    return (40 + 4 * (temperature_c * 9 / 5 + 32 - 50)) / 60


def crickets(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float = dolbear_chirps_per_s(20.0),
) -> Array:
    """A summer night (T,): chirping crickets near and far, tree-cricket trills, a distant chorus.

    ``event_rate`` is chirps per second of one insect, by Dolbear's law the temperature. Each insect has its own
    carrier near 4.5 kHz, its own clock and distance; a chirp is 3 to 6 wing strokes of 15 to 25 ms that grow
    (Bennet-Clark 1989), trillers stroke 40 to 50 times a second near 3 kHz (Walker 1962). ``intensity`` sets how many.
    """
    n = round(duration_s * rate_hz)
    out = np.zeros(n)
    for insect in range(2 + round(6 * intensity)):
        gain = 1.0 if insect == 0 else rng.uniform(0.05, 0.5)
        place(out, _chirper(duration_s, rate_hz, rng, event_rate), 0.0, rate_hz, gain)
    for _ in range(1 + round(2 * intensity)):
        place(out, _triller(n, rate_hz, rng), 0.0, rate_hz, rng.uniform(0.01, 0.05))
    chorus = band(noise(rng, n), 3600, 5200, rate_hz) * (1 + 0.25 * slow_random(rng, n, rate_hz, 3.0))
    return out + 0.015 * chorus


def _chirper(duration_s: float, rate_hz: int, rng: np.random.Generator, event_rate: float) -> Array:
    """One chirping insect (T,); of its strokes only those that fit whole."""
    out = np.zeros(round(duration_s * rate_hz))
    carrier_hz = rng.normal(4500, 180)
    strokes = int(rng.integers(3, 7))
    stroke_s = rng.uniform(0.015, 0.022)
    spacing_s = stroke_s * rng.uniform(1.35, 1.7)
    envelope = glide([(0, 0), (0.3, 0.9), (0.55, 1), (1, 0)], round(stroke_s * rate_hz))
    period_s = rng.normal(1.0, 0.03) / event_rate
    start_s = -rng.random() * period_s
    while start_s < duration_s:
        for k in range(strokes):
            at_s = start_s + k * spacing_s
            if at_s >= 0 and at_s + stroke_s <= duration_s:
                growth = (0.45 + 0.55 * (k + 1) / strokes) * rng.uniform(0.9, 1.0)
                place(out, _stroke(envelope, carrier_hz * rng.normal(1, 0.002), rate_hz, rng), at_s, rate_hz, growth)
        start_s += period_s * rng.normal(1, 0.025)
    return out


def _stroke(envelope: Array, carrier_hz: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """One wing closure: a tone burst whose pitch sinks by 3 %, with weak overtones where the rate carries them."""
    # The teeth of the file are not even, which widens the line.
    sweep = carrier_hz * (np.linspace(1.015, 0.985, len(envelope)) + 0.015 * slow_random(rng, len(envelope), rate_hz, 250))
    phase = 2 * np.pi * np.cumsum(sweep) / rate_hz + rng.uniform(0, 2 * np.pi)
    tones = np.zeros(len(envelope))
    for k, gain in ((1, 1.0), (2, 0.04), (3, 0.025)):
        if k * carrier_hz < 0.47 * rate_hz:
            tones += gain * np.sin(k * phase)
    return tones * envelope


def _triller(n: int, rate_hz: int, rng: np.random.Generator) -> Array:
    """One tree cricket's trill (n,): a tone near 3 kHz gated 40 to 50 times a second, swelling and resting."""
    t = np.arange(n) / rate_hz
    carrier_hz = rng.uniform(2700, 3300)
    drift = 1 + 0.004 * slow_random(rng, n, rate_hz, 1.5)
    strokes = np.clip(0.3 + np.sin(2 * np.pi * np.cumsum(rng.uniform(40, 50) * drift) / rate_hz), 0, None)
    swell = np.clip(0.8 + 0.5 * slow_random(rng, n, rate_hz, 0.5), 0, None)
    return np.sin(2 * np.pi * carrier_hz * t + rng.uniform(0, 2 * np.pi)) * strokes * swell


SOUNDS: Mapping[str, Callable[..., Array]] = {"dog": dog, "cat": cat, "rooster": rooster, "crickets": crickets, **birds.SOUNDS}
