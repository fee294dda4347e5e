"""Sounds made to be heard: siren, horn, phone, alarm clock, as tones and patterns of published standards through their horns.

Every function: mono samples (T,), T = round(duration_s * rate_hz), free level; ``event_rate`` in events per second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import Array, band, noise, place, slow_random
from seehear.foley.pulses import bursts, mix, pulse_times, resonances, ring, through_air, without_rumble
from seehear.types import n_samples

HEMISPHERE_RATIOS = np.array([1.0, 2.81, 5.43, 8.8])
"""Partials of a hemispherical gong (Rayleigh 1894, section 235e; a bicycle bell recorded: 1, 2.55)."""


def pulse_train(frequency_hz: Array, rate_hz: int, phase_rad: float = 0.0) -> Array:
    """Band-limited pulses (T,) of a frequency curve (T,): the sum of cos(k phase), k = 1 ... N, all below 0.45 of the rate.

    Closed form of the Dirichlet kernel (Moore 1976, "The synthesis of complex audio spectra by means of discrete summation
    formulas"), over sqrt(N / 2) so that the power is 1.
    """
    phase = phase_rad + 2 * np.pi * np.cumsum(frequency_hz) / rate_hz
    count = max(int(0.45 * rate_hz / np.max(frequency_hz)), 1)
    half = np.sin(phase / 2)
    small = np.abs(half) < 1e-7
    kernel = np.sin((count + 0.5) * phase) / (2 * np.where(small, 1.0, half)) - 0.5
    return np.where(small, count, kernel) / np.sqrt(count / 2)


def gate(n: int, rate_hz: int, spans_s: Sequence[tuple[float, float]], attack_s: float, release_s: float) -> Array:
    """An envelope (n,): 1 within the (start, end) ``spans_s``, raised-cosine edges of attack and release."""
    t = np.arange(n) / rate_hz
    out = np.zeros(n)
    for start, end in spans_s:
        low, high = np.searchsorted(t, (start, end + release_s))
        span = t[low:high]
        rise = np.clip((span - start) / attack_s, 0, 1)
        fall = np.clip(1 - (span - end) / release_s, 0, 1)
        out[low:high] = np.maximum(out[low:high], 0.25 * (1 - np.cos(np.pi * rise)) * (1 - np.cos(np.pi * fall)))
    return out


# ------------------------------------------------------------------------------------------------ siren


def siren(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """The siren of an emergency vehicle: wail, yelp, or two tones, by an amplifier into a compression horn.

    Wail rises and falls 10 to 30 times a minute, yelp 150 to 250 times (California Code of Regulations, title 13, section
    1028), between about 600 and 1500 Hz; two tones a fourth apart within 360 to 630 Hz, 0.75 s each (DIN 14610; France:
    435 and 580 Hz). A driver changes between wail and yelp every few seconds. ``intensity`` is the urgency: the share of yelp.
    """
    n = n_samples(duration_s, rate_hz)
    two_tone = rng.random() < 0.4
    frequency = _two_tone_hz(n, rate_hz, rng) if two_tone else _sweep_hz(n, rate_hz, rng, intensity)
    x = _overdriven(frequency, rate_hz, rng.uniform(0.15, 0.4))
    # A horn driver sounds from some 400 Hz up, with bumps; so the level rides on the sweep.
    modes_hz = ((620, 0.8), (1150, 1.0), (1900, 0.8), (3200, 0.6), (4800, 0.3))
    bumps = [(f * rng.uniform(0.85, 1.2), 0.35 * f, g) for f, g in modes_hz]
    voiced = resonances(x, bumps, rate_hz) + 0.25 * band(x, 350, 6000, rate_hz, 1)
    hiss = band(noise(rng, n), 500, 6000, rate_hz, 1)
    # The vehicle turns and passes things: what reaches the ear from a horn that beams comes and goes a little.
    swing = 1 + 0.12 * slow_random(rng, n, rate_hz, 0.8)
    return without_rumble(through_air(mix(((voiced, 1.0), (hiss, 0.01))) * swing, rng.uniform(10, 60), rate_hz), rate_hz, 150.0)


def _two_tone_hz(n: int, rate_hz: int, rng: np.random.Generator) -> Array:
    """Low and high in turn (n,), the step smoothed over 15 ms as the oscillator settles."""
    low_hz = 435.0 if rng.random() < 0.4 else rng.uniform(362, 470)
    period_s = rng.uniform(1.1, 1.6)
    phase = (np.arange(n) / rate_hz / period_s + rng.random()) % 1.0
    edge = 0.015 / period_s
    high = np.clip((phase - 0.5) / edge, 0, 1) * np.clip((1 - phase) / edge, 0, 1)
    return low_hz * (1 + high / 3) * (1 + 0.002 * slow_random(rng, n, rate_hz, 0.5))


def _sweep_hz(n: int, rate_hz: int, rng: np.random.Generator, intensity: float) -> Array:
    """Wail and yelp in turn (n,): a capacitor charges and discharges, so a sweep bends, and falls more slowly than it rises."""
    low_hz, high_hz = rng.uniform(520, 720), rng.uniform(1250, 1600)
    wail_s, yelp_s = rng.uniform(2.2, 5.5), rng.uniform(0.24, 0.4)
    rise, bend = rng.uniform(0.35, 0.5), rng.uniform(1.0, 2.2)
    position, sweep, rate = rng.random(), [], rng.random() < intensity
    left = n
    while left > 0:
        count = min(left, int(rng.uniform(3, 9) * rate_hz))
        at = position + np.arange(count) / rate_hz / (yelp_s if rate else wail_s)
        sweep.append(at % 1.0)
        position, rate, left = at[-1] % 1.0, rng.random() < intensity, left - count
    phase = np.concatenate(sweep)
    up = (1 - np.exp(-bend * phase / rise)) / (1 - np.exp(-bend))
    down = (np.exp(-bend * (phase - rise) / (1 - rise)) - np.exp(-bend)) / (1 - np.exp(-bend))
    return low_hz * (high_hz / low_hz) ** np.clip(np.where(phase < rise, up, down), 0, 1)


def _overdriven(frequency_hz: Array, rate_hz: int, asymmetry: float, highest_hz: float = 7000) -> Array:
    """A square wave (n,) of a frequency curve, not quite even: odd harmonics as 1/k, even ones ``asymmetry`` of that."""
    phase = 2 * np.pi * np.cumsum(frequency_hz) / rate_hz
    count = max(int(min(0.45 * rate_hz, highest_hz) / np.max(frequency_hz)), 1)
    out = np.zeros(len(phase))
    for k in range(1, count + 1):
        out += np.sin(k * phase) / k if k % 2 else asymmetry / k * np.sin(k * (phase + 0.4))
    return out


# ------------------------------------------------------------------------------------------------- horn


def horn(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float = 0.3) -> Array:
    """A car horn: two discs about a minor third apart, struck once a period by their own breaker, and their ringing tone discs.

    Pairs are built as 340-370 with 420-440 Hz or 400-420 with 500 Hz; the tone disc puts the strength at 1.8 to 3.55 kHz,
    where UN Regulation 28 wants more than above. One car in five has a single horn. ``intensity``: longer, more insistent.
    """
    x = np.zeros(n_samples(duration_s, rate_hz))
    low_hz = rng.uniform(340, 420)
    pitches = (low_hz,) if rng.random() < 0.2 else (low_hz, low_hz * rng.uniform(1.17, 1.25))
    discs = [_disc(pitch_hz, rng) for pitch_hz in pitches]
    distance_m = rng.uniform(3, 40)
    for start, end in _honks(duration_s, rng, intensity, event_rate):
        honk = through_air(_honk(end - start, rate_hz, rng, pitches, discs), distance_m, rate_hz)
        place(x, without_rumble(honk, rate_hz, 100.0), start, rate_hz)
    return x


def _disc(pitch_hz: float, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Resonances of one horn: its diaphragm at the pitch and twice that, the modes of its tone disc."""
    disc_hz, strength = rng.uniform(2300, 3300), rng.lognormal(0, 0.5)
    share = rng.uniform(0.75, 1.0)
    modes = (
        (pitch_hz, 14, 0.55),
        (2 * pitch_hz, 60, 0.2),
        (disc_hz, 35, 0.9 * strength),
        (disc_hz * rng.uniform(1.06, 1.16), 45, 0.6 * strength),
        (disc_hz * rng.uniform(0.72, 0.85), 200, 0.25),
        (disc_hz * rng.uniform(1.9, 2.3), 300, 0.12),
    )
    return [(f, width, share * gain) for f, width, gain in modes]


def _honk(
    length_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    pitches: Sequence[float],
    discs: Sequence[list[tuple[float, float, float]]],
) -> Array:
    """One press of the horn, 0.4 s longer than ``length_s`` for what rings on."""
    n = int((length_s + 0.4) * rate_hz)
    since = np.arange(n) / rate_hz
    pressed = gate(n, rate_hz, ((0.0, length_s),), 0.004, 0.006)
    out = np.zeros(n)
    for pitch_hz, modes in zip(pitches, discs, strict=True):
        # The diaphragm needs some 30 ms to find its pitch; the battery and the breaker keep it from standing quite still.
        frequency = pitch_hz * (1 - 0.035 * np.exp(-since / 0.02)) * (1 + 0.0015 * slow_random(rng, n, rate_hz, 9))
        struck = pulse_train(frequency, rate_hz, rng.uniform(0, 6.28)) * pressed * (1 + 0.05 * slow_random(rng, n, rate_hz, 25))
        out += resonances(struck, modes, rate_hz) + 0.03 * band(struck, 500, 9000, rate_hz, 1)
    relay = ring(np.zeros(1), np.full((1, 2), 0.02), np.array([900.0, 2700.0]), np.array([0.02, 0.012]), n, rate_hz)
    return out + relay


def _honks(duration_s: float, rng: np.random.Generator, intensity: float, event_rate: float) -> list[tuple[float, float]]:
    """When the horn is pressed: single honks, pairs, at times a long one; the first comes early."""
    spans: list[tuple[float, float]] = []
    time = rng.uniform(0.0, 0.25) * min(duration_s, 2.0)
    while time < duration_s:
        long = rng.random() < 0.15 + 0.4 * intensity
        for _ in range(1 if long else int(rng.choice([1, 2, 3], p=[0.4, 0.45, 0.15]))):
            length_s = rng.uniform(0.6, 1.2 + 1.3 * intensity) if long else rng.uniform(0.12, 0.35)
            spans.append((time, time + length_s))
            time += length_s + rng.uniform(0.1, 0.25)
        time = max(time + 0.2, spans[0][0]) + rng.exponential(max(1 / event_rate - 0.8, 0.05))
    return spans


# --------------------------------------------------------------------------------------- phone and alarm


def gong_modes(pitch_hz: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Frequencies, T60s and gains of a small steel gong: doublets of the hemisphere's partials, a little spread.

    It is thicker at the crown than at the rim and has a hole there, so that the partials come closer (2.5 to 2.8).
    """
    ratios = HEMISPHERE_RATIOS ** rng.uniform(0.9, 1.0)
    split = rng.uniform(0.001, 0.025, len(ratios))
    freqs = pitch_hz * np.concatenate([ratios * (1 - split / 2), ratios * (1 + split / 2)])
    t60s = np.tile(np.array([1.6, 0.9, 0.45, 0.25]) * rng.uniform(0.7, 1.3), 2) * rng.uniform(0.8, 1.2, 8)
    gains = np.tile([0.7, 1.0, 0.5, 0.25], 2) * rng.uniform(0.3, 1.0, 8)
    return freqs, t60s, gains


def strike_gong(times_s: Array, strengths: Array, pitch_hz: float, n: int, rate_hz: int, rng: np.random.Generator) -> Array:
    """A small gong struck at ``times_s`` (n,): its modes, each a little different every time, and the click of the clapper."""
    freqs, t60s, gains = gong_modes(pitch_hz, rng)
    wander = 1 + 0.15 * rng.standard_normal((len(times_s), len(gains)))
    ringing = ring(times_s, strengths[:, None] * gains * wander, freqs, t60s, n, rate_hz)
    count = 10
    tick_hz, tick_t60_s = rng.uniform(1200, 9000, count), rng.uniform(0.004, 0.02, count)
    click = strengths[:, None] * rng.normal(0, 0.12, (len(times_s), count))
    return ringing + ring(times_s, click, tick_hz, tick_t60_s, n, rate_hz)


CADENCES: Sequence[tuple[tuple[float, float], ...]] = (((2.0, 4.0),), ((0.4, 0.2), (0.4, 2.0)), ((1.0, 4.0),))
"""Seconds of ringing and of silence: North America, Britain, most of Europe (ITU-T E.180 supplement 2)."""


def phone(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float | None = None
) -> Array:
    """A ringing telephone: two gongs and a clapper, or the warble of an electronic ringer, in a national cadence.

    Ringing current of 20 or 25 Hz throws the clapper from gong to gong, so that one is struck every half period (40 to 50
    strokes a second). A tone ringer alternates two tones 5 : 4 apart, 1000 and 800 or 2000 and 1600 Hz, 12.5 times a second
    (Motorola MC34012). ``event_rate`` is the number of rings a second; ``intensity`` how hard the clapper strikes.
    """
    n = n_samples(duration_s, rate_hz)
    cadence = CADENCES[int(rng.integers(len(CADENCES)))]
    period = sum(on + off for on, off in cadence)
    scale = 1.0 if event_rate is None else len(cadence) / (period * event_rate)
    time, spans = -rng.uniform(0, 0.3) * min(scale, 1.0), []
    while time < duration_s:
        for on, off in cadence:
            spans.append((time, time + on * min(scale, 1.0)))
            time += (on + off) * scale
    if rng.random() < 0.5:
        return without_rumble(_gong_phone(n, rate_hz, rng, spans, intensity), rate_hz, 80.0)
    base_hz = float(rng.choice([800.0, 1600.0])) * rng.uniform(0.96, 1.04)
    turns = 12.5 * np.arange(n) / rate_hz * rng.uniform(0.97, 1.03)
    frequency = base_hz * np.where(turns % 1.0 < 0.5, 1.25, 1.0)
    x = _overdriven(frequency, rate_hz, 0.1) * gate(n, rate_hz, spans, 0.003, 0.006)
    disc_hz = rng.uniform(1900, 3600)
    heard = resonances(x, ((disc_hz, 0.25 * disc_hz, 1.0), (0.45 * disc_hz, 500, 0.5), (2.3 * disc_hz, 900, 0.3)), rate_hz)
    return without_rumble(heard + 0.1 * x, rate_hz, 200.0)


def _gong_phone(n: int, rate_hz: int, rng: np.random.Generator, spans: list[tuple[float, float]], intensity: float) -> Array:
    """Two gongs a third apart, struck in turn while the current flows; the case hums along."""
    current_hz = float(rng.choice([20.0, 25.0])) * rng.uniform(0.97, 1.03)
    strokes = pulse_times(np.full(n + rate_hz // 2, 2 * current_hz), rate_hz, rng, jitter=0.02) - 0.25
    gong = np.arange(len(strokes)) % 2
    strokes = strokes + rng.uniform(-0.12, 0.12) / (2 * current_hz) * gong
    flowing = np.any([(strokes >= start) & (strokes < end) for start, end in spans], axis=0)
    force = (0.6 + 0.4 * intensity) * (1 + 0.1 * rng.standard_normal(len(strokes)))
    pitch_hz = rng.uniform(1150, 1500)
    x = np.zeros(n)
    for side, pitch in enumerate((pitch_hz, pitch_hz * rng.uniform(1.18, 1.27))):
        mine = flowing & (gong == side)
        x += strike_gong(strokes[mine], force[mine], pitch, n, rate_hz, rng)
    case_hz = np.array([210.0, 480.0, 760.0]) * rng.uniform(0.8, 1.25, 3)
    body = np.abs(force[flowing])[:, None] * np.array([0.3, 0.25, 0.2])
    return x + ring(strokes[flowing], body, case_hz, np.array([0.06, 0.04, 0.03]), n, rate_hz)


BEEPS: Sequence[tuple[int, float, float, float]] = (
    (4, 0.0625, 0.125, 1.0),
    (2, 0.1, 0.2, 1.0),
    (1, 0.5, 0.5, 1.0),
    (3, 0.06, 0.12, 0.5),
)
"""Beeps in a group, their length, their distance and the period of the groups, in seconds."""


def alarm(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, event_rate: float | None = None
) -> Array:
    """An alarm clock: groups of beeps on a piezo disc, or a hammer between the two bells of a wound one.

    Quartz clocks divide their crystal's 32768 Hz by 16 or 8, so the piezo beeps at 2048 or 4096 Hz, a square wave on a sharp
    resonance. A wound alarm strikes 12 to 22 times a second and slows as its spring runs down. ``event_rate`` is the number
    of groups a second, or of strokes; ``intensity`` how hard the hammer strikes or how close the groups come.
    """
    n = n_samples(duration_s, rate_hz)
    if rng.random() < 0.55:
        beeps, length_s, step_s, period_s = BEEPS[int(rng.integers(len(BEEPS)))]
        period_s = 1 / event_rate if event_rate else period_s * (1.0 if intensity < 0.8 else 0.75)
        shrink = min(1.0, period_s / (beeps * step_s))
        starts = np.arange(-rng.uniform(0, 0.5 * length_s), duration_s, period_s)
        spans = [(s + k * step_s * shrink, s + (k * step_s + length_s) * shrink) for s in starts for k in range(beeps)]
        return without_rumble(_piezo(n, rate_hz, rng, spans), rate_hz, 300.0)
    strokes_per_s = event_rate or rng.uniform(12, 22)
    ticks = round(duration_s * 2000) + 1
    slowing = np.linspace(1, 1 - min(0.02 * duration_s, 0.4), ticks) * (1 + 0.03 * slow_random(rng, ticks, 2000, 2))
    times = np.r_[rng.uniform(0, min(0.02, 0.3 * duration_s)), pulse_times(strokes_per_s * slowing, 2000, rng, jitter=0.04)]
    side = np.arange(len(times)) % 2
    force = (0.5 + 0.5 * intensity) * rng.lognormal(0, 0.15, len(times)) * np.where(side, rng.uniform(0.7, 1.0), 1.0)
    pitch_hz = rng.uniform(1500, 2400)
    x = np.zeros(n)
    for index, pitch in enumerate((pitch_hz, pitch_hz * rng.uniform(1.03, 1.15))):
        x += strike_gong(times[side == index], force[side == index], pitch, n, rate_hz, rng)
    case_hz = rng.uniform(250, 1300, 5)
    x += ring(times, force[:, None] * rng.uniform(0.1, 0.4, 5), case_hz, rng.uniform(0.02, 0.06, 5), n, rate_hz)
    # The movement rattles along with the hammer.
    rattle = band(rng.standard_normal(n), 1500, 8000, rate_hz, 1) * (0.3 + bursts(times, force, 0.002, 0.02, n, rate_hz))
    return without_rumble(x + 0.02 * rattle, rate_hz, 100.0)


def _piezo(n: int, rate_hz: int, rng: np.random.Generator, spans: list[tuple[float, float]]) -> Array:
    """Beeps of a piezo disc (n,): a square wave from a watch crystal, loudest near the disc's own resonance."""
    divisors = (16, 8) if 0.45 * rate_hz > 4096 else (16,)
    pitch_hz = 32768 / float(rng.choice(divisors))
    driven = _overdriven(np.full(n, pitch_hz), rate_hz, 0.05, 16_000) * gate(n, rate_hz, spans, 0.0008, 0.0008)
    disc_hz = pitch_hz * rng.uniform(0.92, 1.1)
    case = [(disc_hz, 90, 1.0), (rng.uniform(5200, 7500), 500, 0.5), (rng.uniform(900, 1800), 250, 0.15)]
    return resonances(driven, case, rate_hz)


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {"siren": siren, "horn": horn, "phone": phone, "alarm": alarm}
