"""People without words: a crowd's babble, a crying baby, a sneeze.

Every function: mono (T,), exactly ``round(duration_s * rate_hz)`` samples; ``intensity`` 0..1 is vocal effort (or how
many talk), ``event_rate`` is calls or bouts per second. T samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from seehear.foley.blocks import band, noise, slow_random
from seehear.foley.phonation import Voice, call_in_bouts, glide, normalised, smeared, source, throat_hz, tract, utter

Array = NDArray[np.floating]

SPEECH_RATE_HZ = 16_000
"""Talkers are made at this rate: what speech has above 8 kHz is the hiss of consonants, added at the full rate."""

VOWELS = np.array([[300, 2250], [400, 1950], [580, 1750], [720, 1250], [560, 900], [420, 850], [330, 1050], [500, 1450]])
"""First and second formant of eight vowels of a man's voice, Hz (Peterson & Barney 1952, rounded)."""


def crowd(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Babble (T,) of several people, nobody intelligible: talkers near and far over the murmur of a room.

    Each talker has an own voice, rate (3.5 to 5.5 syllables a second, Greenberg 1999) and turns of 1 to 4 s with
    pauses between; syllables are random vowels and consonants, so that there are no words. ``intensity`` sets how
    many talk and how loud.
    """
    n = round(duration_s * rate_hz)
    slow_n = max(round(duration_s * SPEECH_RATE_HZ), 2)
    voices, hiss = np.zeros(slow_n), np.zeros(slow_n)
    for index in range(4 + round(6 * intensity)):
        voice, consonants = _talker(slow_n, rng, intensity)
        gain = 0.9**index * rng.uniform(0.5, 1.0)
        voices += gain * voice
        hiss += gain * consonants
    # The same people from other moments, smeared by the room: the murmur of those too many and too far to follow.
    elsewhere = sum((np.roll(voices, rng.integers(slow_n)) for _ in range(4)), np.zeros(slow_n))
    murmur = smeared(elsewhere, SPEECH_RATE_HZ, rng, 0.7)[:slow_n]
    babble = signal.resample(voices + (0.15 + 0.25 * intensity) * murmur, n)
    envelope = np.interp(np.arange(n) / rate_hz, np.arange(slow_n) / SPEECH_RATE_HZ, hiss)
    hissing = band(noise(rng, n), 3800, 9000, rate_hz) if rate_hz > 9000 else np.zeros(n)
    return band(babble + 0.3 * (envelope + 0.1) * hissing, 70, None, rate_hz)


def _talker(n: int, rng: np.random.Generator, effort: float) -> tuple[Array, Array]:
    """One person's voice and the envelope of the hissing consonants, each (n,) at ``SPEECH_RATE_HZ``."""
    woman = rng.random() < 0.5
    pitch_hz = rng.uniform(175, 240) if woman else rng.uniform(95, 145)
    length_m = rng.uniform(0.14, 0.15) if woman else rng.uniform(0.165, 0.18)
    times, levels, hisses, tones, targets = _syllables(n / SPEECH_RATE_HZ, rng)
    t = np.arange(n) / SPEECH_RATE_HZ
    f0 = pitch_hz * np.interp(t, times, tones) * (1 + 0.02 * slow_random(rng, n, SPEECH_RATE_HZ, 7)) * (1 + 0.15 * effort)
    loud = np.interp(t, times, levels)
    x = source(f0, SPEECH_RATE_HZ, rng, slope_db_per_octave=-9 + 3 * effort, jitter=0.01, shimmer=0.08, breath=0.08)
    vowels = VOWELS[targets.astype(int)] * (0.175 / length_m) * rng.normal(1, 0.04, (len(times), 2))
    grid = np.linspace(0, n / SPEECH_RATE_HZ, max(round(n / SPEECH_RATE_HZ * 100), 2))
    formants = np.column_stack([np.interp(grid, times, vowels[:, k]) for k in range(2)])
    voice = tract(x * loud, SPEECH_RATE_HZ, formants, length_m, frame_s=0.024)
    return voice, np.interp(t, times, hisses)


def _syllables(duration_s: float, rng: np.random.Generator) -> Array:
    """A random talk as breakpoints (5, K): time in seconds, loudness, hiss of consonants, relative pitch, row of ``VOWELS``."""
    pace = rng.uniform(3.5, 5.5)
    now = -rng.uniform(0, 3)
    rows: list[tuple[float, ...]] = [(now - 1, 0.0, 0.0, 1.0, 0)]
    while now < duration_s:
        count = int(pace * rng.uniform(1, 4))
        for i in range(count):
            length = rng.lognormal(0, 0.25) / pace * (1.4 if i == count - 1 else 1.0)
            stress = rng.uniform(0.4, 1.0)
            tone = 1.15 - 0.3 * i / count + 0.3 * (stress - 0.7) + 0.05 * rng.standard_normal()
            hiss = rng.choice([0.0, 0.0, 0.15, 1.0]) * rng.uniform(0.4, 1)
            closed = 0.02 if hiss else rng.uniform(0.05, 0.5)
            consonant, vowel = rng.integers(len(VOWELS), size=2)
            rows += [
                (now + 0.12 * length, closed * stress, hiss, tone, consonant),
                (now + 0.3 * length, stress, 0.02, tone, vowel),
                (now + 0.75 * length, 0.8 * stress, 0.0, tone, vowel),
                (now + length, 0.25 * stress, 0.1 * hiss, 0.97 * tone, consonant),
            ]
            now += length
        pause = rng.uniform(0.25, 2.5)
        rows += [(now + 0.06, 0.0, 0.0, 0.9, 0), (now + pause - 0.05, 0.0, 0.0, 1.1, 0)]
        now += pause
    return np.array(rows).T


def baby(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.09) -> Array:
    """Cries (T,) of an infant: bouts of 4 to 8 about 0.6 to 1.4 s long, each followed by a gasp.

    Fundamental 350 to 550 Hz rising, then falling; formants near 1.1 and 3.3 kHz (a tract of 7.5 cm); stretches of
    dysphonation, where the cry turns into noise, and of doubled period (Wasz-Höckert et al. 1968; LaGasse, Neal & Lester
    2005; Michelsson & Michelsson 1999).
    """
    pitch_hz = rng.uniform(380, 460) * (0.93 + 0.14 * intensity)
    voice = Voice(
        length_m=rng.uniform(0.07, 0.08),
        slope_db_per_octave=-3 + 2 * intensity,
        jitter=(0.006, 0.06),
        shimmer=(0.1, 0.0),
        subharmonic=0.3 * rng.random(),
        breath=(0.04, 0.5),
        damping=2.2,
    )
    typical_s = rng.uniform(0.65, 1.2)

    def cry() -> Array:
        n = round(rate_hz * typical_s * rng.uniform(0.75, 1.25))
        peak = rng.uniform(0.15, 0.45)
        f0 = pitch_hz * rng.uniform(0.95, 1.06) * glide([(0, 0.78), (peak, 1.12), (0.75, 1.02), (0.92, 0.9), (1, 0.68)], n)
        f0 *= 1 + 0.012 * slow_random(rng, n, rate_hz, 8)
        loud = glide([(0, 0), (0.08, 0.6), (peak, 1), (0.8, 0.8), (0.95, 0.3), (1, 0)], n)
        loud *= 1 + 0.12 * slow_random(rng, n, rate_hz, 6)
        strain = np.clip(0.5 * intensity + 0.7 * slow_random(rng, n, rate_hz, 2.5) - 0.3, 0, 1)
        gape = (
            np.interp(np.linspace(0, 1, 9), [0, 0.2, 0.8, 1], [0.65, 1.1, 1.0, 0.6])
            * rng.uniform(0.85, 1.2)
            * rng.normal(1, 0.06, 9)
        )
        mouth = throat_hz(voice.length_m, gape, rng.uniform(0.55, 0.85) + 0.2 * gape)
        return rng.uniform(0.75, 1.0) * utter(voice, f0, loud, strain, mouth, rate_hz, rng)

    def breath_group() -> Array:
        pause = np.zeros(round(rate_hz * rng.uniform(0.03, 0.12)))
        gasp = _gasp(rate_hz, rng, rng.uniform(0.18, 0.32), voice.length_m, rng.uniform(0.04, 0.16))
        return np.concatenate([cry(), pause, gasp])

    return call_in_bouts(duration_s, rate_hz, rng, breath_group, count=(4, 8), gap_s=(0.03, 0.15), event_rate=event_rate)


def _gasp(rate_hz: int, rng: np.random.Generator, seconds: float, length_m: float, level: float) -> Array:
    """A quick breath in (T,): noise through an open mouth, swelling, sometimes a trace of voice."""
    n = round(rate_hz * seconds)
    x = noise(rng, n, -3)
    if rng.random() < 0.4:
        x += 0.5 * source(glide([(0, 480), (1, 700)], n), rate_hz, rng, jitter=0.05, breath=0.5)
    y = tract(x, rate_hz, throat_hz(length_m, [0.8, 1.0], [1.0, 1.1]), length_m, damping=3.0)
    return normalised(y * glide([(0, 0), (0.6, 0.8), (0.85, 1), (1, 0)], n), level)


def sneeze(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.15
) -> Array:
    """Sneezes (T,), singly or in pairs: a breath in, a catch in the throat, and the blast.

    The blast lasts 0.25 to 0.5 s: broad noise from 1 to 10 kHz at once, whose resonances sink as the mouth closes from
    "ch" to "oo", over a falling voice in most (phases: Songu & Cingi 2009).
    """
    woman = rng.random() < 0.5
    length_m = rng.uniform(0.14, 0.15) if woman else rng.uniform(0.165, 0.18)
    pitch_hz = rng.uniform(260, 420) if woman else rng.uniform(150, 280)
    voiced = rng.uniform(0.2, 1.0)
    strength = 0.6 + 0.8 * intensity

    def one() -> Array:
        breath = _gasp(rate_hz, rng, rng.uniform(0.35, 0.7), length_m, 0.09 * strength)
        catch = np.zeros(round(rate_hz * rng.uniform(0.05, 0.2)))
        ah = _ah(rate_hz, rng, pitch_hz, length_m) * 0.35 * strength * voiced
        return np.concatenate([breath, catch, ah, np.zeros(round(rate_hz * rng.uniform(0.02, 0.08))), blast()])

    def blast() -> Array:
        n = round(rate_hz * rng.uniform(0.35, 0.65))
        f0 = pitch_hz * glide([(0, 1.1), (0.1, 1.45), (0.5, 0.9), (1, 0.6)], n)
        throat = source(f0, rate_hz, rng, slope_db_per_octave=-6, jitter=0.03, shimmer=0.2, breath=0.4)
        throat *= glide([(0, 0.8), (0.1, 1), (0.5, 0.5), (0.8, 0.2), (1, 0)], n)
        mouth = throat_hz(length_m, [1.2, 0.9, 0.6, 0.5], [1.2, 1.15, 0.8, 0.6])
        body = normalised(tract(throat, rate_hz, mouth, length_m, damping=1.5))
        jet = noise(rng, n, -1) * (1 + 0.3 * slow_random(rng, n, rate_hz, 40))
        cavity_hz = np.array([[2.0], [1.6], [0.9], [0.5], [0.4]]) * 1500 * (0.17 / length_m)
        spray = normalised(tract(jet, rate_hz, cavity_hz, 0.05, damping=2.2))
        if rate_hz > 10_000:
            spray += 0.15 * normalised(band(jet, 4500, None, rate_hz))
        envelope = glide([(0, 0), (0.04, 0.9), (0.12, 1), (0.45, 0.5), (0.75, 0.12), (1, 0)], n)
        return normalised((body * voiced + spray) * envelope, rng.uniform(0.8, 1.0))

    return call_in_bouts(duration_s, rate_hz, rng, one, count=(1, 2), gap_s=(0.5, 1.2), event_rate=event_rate)


def _ah(rate_hz: int, rng: np.random.Generator, pitch_hz: float, length_m: float) -> Array:
    """The short voiced "ah" before the blast (T,)."""
    n = round(rate_hz * rng.uniform(0.08, 0.16))
    x = source(pitch_hz * glide([(0, 0.9), (1, 1.25)], n), rate_hz, rng, slope_db_per_octave=-9, jitter=0.02, breath=0.4)
    y = tract(x, rate_hz, throat_hz(length_m, [1.4], [0.85]), length_m, damping=1.5)
    return normalised(y * glide([(0, 0), (0.3, 1), (0.8, 0.7), (1, 0)], n))


SOUNDS: Mapping[str, Callable[..., Array]] = {"crowd": crowd, "baby": baby, "sneeze": sneeze}
