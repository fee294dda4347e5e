"""People with hands and throats but without words: applause, laughter.

Every function: mono (T,), exactly ``round(duration_s * rate_hz)`` samples. T samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from seehear.foley.blocks import band, fade, gust_curve, noise, place, unit_power
from seehear.foley.phonation import Voice, call_in_bouts, glide, long_tract, normalised, smeared, throat_hz, uneven_hz, utter

Array = NDArray[np.floating]


def applause(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Many hands (T,): clappers near and far, each with an own pair of hands and pace, over the wash of those behind.

    2.5 to 5 claps a second each (Repp 1987: 4 in the mean), not in step; ``intensity`` sets how many clap and how fast, from a
    dozen to a hall.
    """
    n = round(duration_s * rate_hz)
    near = np.zeros(n)
    clappers = 8 + round(40 * intensity)
    for index in range(clappers):
        gain = rng.uniform(0.7, 1.0) / (1 + 5 * index / clappers) ** 1.3
        _clapper(near, rate_hz, rng, gain, 0.85 + 0.3 * intensity)
    # The hall behind: the same hands from other moments, scattered and dulled by distance.
    elsewhere = sum((np.roll(near, rng.integers(max(n, 1))) for _ in range(5)), np.zeros(n))
    wash = band(smeared(elsewhere, rate_hz, rng, 0.5)[:n], 250, 5500, rate_hz, order=1)
    room = smeared(near, rate_hz, rng, 0.35)[:n]
    swell = np.clip(1 + 0.12 * gust_curve(rng, n, rate_hz, 0.2, 3), 0.3, None)
    mixed = unit_power(near) + 0.25 * unit_power(room) + (0.15 + 0.6 * intensity) * unit_power(wash)
    return band(mixed * swell, 120, None, rate_hz)


def _clapper(canvas: Array, rate_hz: int, rng: np.random.Generator, gain: float, pace: float) -> None:
    """Add one person's claps to ``canvas``.

    A clap is a burst of noise shaped by the cavity between the hands: a resonance at 0.5 to 1.4 kHz for cupped ones, 1.5 to 2.8
    kHz for flat ones, with a quality of about 2, that rings for 3 to 9 ms (Repp 1987; Peltola et al. 2007).
    """
    period_s = np.clip(rng.normal(0.25, 0.045), 0.16, 0.4) / pace
    seconds = len(canvas) / rate_hz
    steps = period_s * np.clip(rng.normal(1, 0.05, int(seconds / period_s * 1.3) + 3), 0.7, 1.4)
    times = np.cumsum(steps) - rng.uniform(0, 2) * period_s
    times = times[(times > -0.02) & (times < seconds)]
    cupped = rng.random() < 0.4
    cavity_hz = rng.uniform(550, 1400) if cupped else rng.uniform(1500, 2800)
    quality, decay_s = rng.uniform(1.5, 3.0), rng.uniform(0.003, 0.009) * (1.2 if cupped else 0.8)
    t = np.arange(round(0.05 * rate_hz)) / rate_hz
    envelope = (1 - np.exp(-t / 2e-4)) * (np.exp(-t / (0.4 * decay_s)) + 0.15 * np.exp(-t / decay_s))
    puffs = rng.standard_normal((len(times), len(t))) * envelope
    low, high = max(cavity_hz / 3, 200), min(3 * cavity_hz, 0.45 * rate_hz)
    broad = signal.sosfilt(signal.butter(1, (low, high), "bandpass", fs=rate_hz, output="sos"), puffs, axis=1)
    centre = min(cavity_hz, 0.4 * rate_hz)
    b, a = signal.iirpeak(centre, quality, fs=rate_hz)
    claps = broad + 1.5 * signal.lfilter(b, a, puffs, axis=1)
    if len(claps):
        claps *= gain * rng.uniform(0.6, 1.0, (len(times), 1)) / np.sqrt(np.mean(claps**2))
    for time, clap in zip(times, claps, strict=True):
        place(canvas, clap, time, rate_hz)


def laughter(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.2
) -> Array:
    """Laughs (T,) of one person: bouts of 4 to 12 "ha", which sink and fade, and the breath drawn in after them.

    Notes of 60 to 130 ms every 180 to 250 ms (Provine & Yong 1991: 75 ms, 210 ms), each with a breathy onset; fundamental near
    280 Hz in men, 400 Hz in women, with a wide range (Bachorowski et al. 2001).
    """
    woman = rng.random() < 0.5
    pitch_hz = (rng.uniform(330, 480) if woman else rng.uniform(200, 310)) * (0.88 + 0.24 * intensity)
    length_m = rng.uniform(0.14, 0.15) if woman else rng.uniform(0.165, 0.18)
    voice = Voice(
        length_m=length_m,
        slope_db_per_octave=-8 + 4 * intensity,
        jitter=(0.012, 0.03),
        shimmer=(0.12, 0.15),
        subharmonic=0.2 * rng.random(),
        breath=(0.06, 0.5),
        damping=1.4,
        corner_hz=250,
        long=True,
    )
    vowel = rng.uniform(1.05, 1.5), rng.uniform(0.8, 1.1)
    head = rng.normal(1, 0.05, 2)
    beat_s = rng.uniform(0.18, 0.24)
    airy = rng.uniform(0.06, 0.25)

    def ha(progress: float, level: float, period_s: float) -> Array:
        n, m = round(rate_hz * period_s), round(rate_hz * beat_s * rng.uniform(0.45, 0.65))
        f0 = pitch_hz * (1.15 - 0.35 * progress) * rng.uniform(0.95, 1.05) * glide([(0, 0.95), (0.3, 1.06), (1, 0.82)], m)
        loud = glide([(0, 0), (0.12, 0.35), (0.35, 1), (0.65, 0.75), (0.88, 0.2), (1, 0)], m)
        breathy = glide([(0, 0.9), (0.2, 0.3), (0.5, 0.05), (0.75, 0.15), (1, 0.9)], m)
        gape = np.interp(np.linspace(0, 1, 5), [0, 0.5, 1], [0.8, 1.0, 0.85])
        mouth = uneven_hz(throat_hz(length_m, vowel[0] * gape, vowel[1] * gape**0.3), length_m, head)
        out = np.zeros(n)
        voiced = utter(voice, f0, loud, breathy, mouth, rate_hz, rng)[:n]
        out[n - len(voiced) :] = voiced
        # The "h" before it: breath alone through the same mouth.
        breath = long_tract(noise(rng, n, -1), rate_hz, mouth, length_m, damping=2.0, corner_hz=1500)
        breath *= glide([(0, 0.15), (0.25, 1), (0.45, 0.9), (0.7, 0.25), (1, 0.15)], n)
        return level * (out + airy * normalised(breath))

    def laugh() -> Array:
        count = int(rng.integers(4, 8 + round(6 * intensity)))
        parts: list[Array] = []
        for i in range(count):
            progress = i / count
            level = (1 - 0.65 * progress) * rng.uniform(0.75, 1.0) * (0.7 if i == 0 else 1.0)
            parts += [ha(progress, level, beat_s * rng.normal(1, 0.06) * (1 + 0.25 * progress))]
        parts[0] = fade(parts[0], 0.02, 0, rate_hz)
        parts += [np.zeros(round(rate_hz * rng.uniform(0.02, 0.12)))]
        return normalised(np.concatenate([*parts, _inhaled(voice, pitch_hz, rate_hz, rng)])) * rng.uniform(0.75, 1.0)

    return call_in_bouts(duration_s, rate_hz, rng, laugh, count=(1, 3), gap_s=(0.15, 0.6), event_rate=event_rate)


def _inhaled(voice: Voice, pitch_hz: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """The breath drawn in after a laugh (T,), with a trace of voice."""
    n = round(rate_hz * rng.uniform(0.25, 0.5))
    f0 = pitch_hz * rng.uniform(1.1, 1.5) * glide([(0, 0.9), (1, 1.2)], n)
    loud = glide([(0, 0), (0.5, 0.7), (0.8, 1), (1, 0)], n)
    mouth = throat_hz(voice.length_m, [0.9, 1.1], [1.05, 1.15])
    return rng.uniform(0.06, 0.25) * utter(voice, f0, loud, 2.5, mouth, rate_hz, rng)


SOUNDS: Mapping[str, Callable[..., Array]] = {"applause": applause, "laughter": laughter}
