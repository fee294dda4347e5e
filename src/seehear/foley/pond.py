"""Small singers of water and meadow: frogs, buzzing insects, cicadas.

Every function: mono (T,), exactly ``round(duration_s * rate_hz)`` samples; ``intensity`` 0..1 sets how many there are.
T samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.foley.blocks import band, gust_curve, noise, place, resonator, slow_random, unit_power
from seehear.foley.phonation import call_in_bouts, glide, normalised
from seehear.foley.pulses import impulses, pulse_times, resonances

Array = NDArray[np.floating]
Range = tuple[float, float]

# ------------------------------------------------------------------------------------------------ frogs


@dataclass(frozen=True)
class Croak:
    """A frog's note: pulses of the larynx that ring in the head and the vocal sac. Pairs are (lowest, highest)."""

    seconds: tuple[Range, ...]
    """Length of each note of a call."""
    pulses_hz: Range
    """Pulse rate: heard as roughness when slow, as a pitch when fast."""
    peaks: tuple[tuple[Range, float, float], ...]
    """Resonances: (Hz, quality, gain)."""
    gap_s: Range
    """Between the calls of a bout."""
    count: tuple[int, int]
    """Calls in a bout."""


CROAKS: Mapping[str, Croak] = {
    "tree frog": Croak(
        ((0.1, 0.16), (0.05, 0.09)), (75, 110), (((950, 1150), 9, 0.3), ((1900, 2300), 9, 1.0)), (0.3, 0.5), (4, 12)
    ),
    "bullfrog": Croak(
        ((0.5, 0.8),), (90, 110), (((190, 260), 3, 1.0), ((560, 700), 4, 0.15), ((1300, 1600), 5, 0.3)), (0.35, 0.7), (3, 6)
    ),
    "pond frog": Croak(
        ((0.3, 0.7),), (26, 45), (((650, 900), 5, 0.35), ((1500, 2000), 7, 1.0), ((2700, 3200), 8, 0.25)), (0.25, 0.8), (2, 6)
    ),
}
"""Pacific tree frog (two notes, "rib-bit"), American bullfrog, pond frog."""


def frog(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float = 0.25,
    species: str | None = None,
) -> Array:
    """Croaks (T,) of one frog near by and up to three farther off; ``species`` (see ``CROAKS``) is drawn when None.

    Trains of laryngeal pulses through resonances: two-note calls with most energy at 2 to 2.4 kHz (Pseudacris regilla), notes of
    0.5 to 0.8 s of 100 pulses a second with peaks near 200 and 1400 Hz (bullfrog, Capranica 1965), trains of 25 to 45 pulses a
    second at 1.5 to 2 kHz (Pelophylax; Gerhardt & Huber 2002 for the mechanism).
    """
    croak = CROAKS[species or str(rng.choice(list(CROAKS)))]
    out = _one_frog(duration_s, rate_hz, rng, croak, event_rate)
    for _ in range(int(rng.binomial(3, 0.7 * intensity))):
        out = out + rng.uniform(0.06, 0.3) * _one_frog(duration_s, rate_hz, rng, croak, event_rate)
    return out


def _one_frog(duration_s: float, rate_hz: int, rng: np.random.Generator, croak: Croak, event_rate: float) -> Array:
    """The calls of one frog (T,)."""
    pulse_hz = rng.uniform(*croak.pulses_hz)
    peaks = [(rng.uniform(*centre), quality, gain * rng.uniform(0.7, 1.3)) for centre, quality, gain in croak.peaks]
    lengths_s = [rng.uniform(*seconds) for seconds in croak.seconds]

    def call() -> Array:
        parts: list[Array] = []
        for index, seconds in enumerate(lengths_s):
            n = round(rate_hz * seconds * rng.uniform(0.92, 1.08))
            raised = 1 + 0.06 * index
            rate = pulse_hz * raised * glide([(0, 0.9), (0.5, 1.03), (1, 1.0)], n)
            times = pulse_times(rate, rate_hz, rng, 0.03)
            beats = impulses(times, rng.uniform(0.75, 1.0, len(times)), n, rate_hz)
            # A pulse is a puff: its breath rings as the click does.
            puff = 0.5 * unit_power(noise(rng, n) * _puffs(times, n, rate_hz)) * np.sqrt(np.mean(beats**2))
            modes = [(hz * raised, hz / quality, gain) for hz, quality, gain in peaks]
            note = band(resonances(beats + puff, modes, rate_hz), 0.6 * modes[0][0], None, rate_hz)
            envelope = glide([(0, 0), (0.12, 0.3 if index == 0 else 0.9), (0.6, 0.9), (0.9, 1), (1, 0)], n)
            parts += [normalised(note * envelope, 0.75 if index == 0 and len(lengths_s) > 1 else 1.0)]
            parts += [np.zeros(round(rate_hz * rng.uniform(0.003, 0.012)))]
        return rng.uniform(0.8, 1.0) * np.concatenate(parts[:-1])

    return call_in_bouts(duration_s, rate_hz, rng, call, count=croak.count, gap_s=croak.gap_s, event_rate=event_rate)


def _puffs(times_s: Array, n: int, rate_hz: int, decay_s: float = 0.004) -> Array:
    """An envelope (n,) that leaps to one at each time and decays within ``decay_s``."""
    last = np.full(n, -1.0)
    index = np.clip(np.round(times_s * rate_hz).astype(int), 0, n - 1)
    last[index] = times_s
    last = np.maximum.accumulate(last)
    return np.where(last >= 0, np.exp(-(np.arange(n) / rate_hz - last) / decay_s), 0)


# ----------------------------------------------------------------------------------------------- wings

WING_BEATS_HZ: Mapping[str, Range] = {"honeybee": (195, 255), "bumblebee": (115, 180), "fly": (150, 215), "wasp": (95, 150)}
"""Wing beats per second (Byrne et al. 1988; Kawakita & Ichikawa 2019)."""


def insects(
    duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5, species: str | None = None
) -> Array:
    """The buzz (T,) of insects on the wing, one near the ear now and then, the others around; ``intensity`` sets how many.

    Each beat of the wings is one cycle with strong overtones up to 1 kHz and a little turbulence; pitch follows the manoeuvres,
    level the distance (1/r), with its Doppler shift. ``species`` (see ``WING_BEATS_HZ``) is drawn when None.
    """
    n = round(duration_s * rate_hz)
    beat_hz = WING_BEATS_HZ[species or str(rng.choice(list(WING_BEATS_HZ)))]
    out = np.zeros(n)
    for index in range(1 + round(9 * intensity**1.5)):
        nearest_m = 0.25 if index == 0 else rng.uniform(0.4, 1.8)
        out += _on_the_wing(n, rate_hz, rng, rng.uniform(*beat_hz), nearest_m)
    return out


def _on_the_wing(n: int, rate_hz: int, rng: np.random.Generator, beat_hz: float, nearest_m: float) -> Array:
    """One insect in flight (n,)."""
    steps = int(np.ceil(n / rate_hz * _FLIGHT_HZ)) + 2

    def moving(speed_hz: float) -> Array:
        return slow_random(rng, steps, _FLIGHT_HZ, speed_hz)

    distance_m = nearest_m * (1 + np.exp(0.9 * gust_curve(rng, steps, _FLIGHT_HZ, 0.35, 3)))
    # Doppler: it flies within reach, so that its speed towards the ear stays below a few metres a second.
    approach = np.clip(-np.gradient(distance_m) * _FLIGHT_HZ, -6, 6) / 343
    pitch_hz = beat_hz * (1 + 0.035 * moving(0.8) + 0.009 * moving(7) + 0.008 * moving(60)) * (1 + approach)
    level = (1 + 0.15 * moving(3)) * (1 + 0.07 * moving(45)) * nearest_m / distance_m
    at, grid = np.arange(n) / rate_hz, np.arange(steps) / _FLIGHT_HZ
    phase = np.cumsum(np.interp(at, grid, pitch_hz)) / rate_hz + rng.random()
    wave = _wing_cycle(rng, int(0.45 * rate_hz / pitch_hz.max()))[(phase % 1 * _CYCLE).astype(int)]
    air = band(noise(rng, n), 300, 5000, rate_hz, order=1) * (0.6 + 0.4 * np.cos(2 * np.pi * phase))
    return (wave + 0.05 * air) * np.interp(at, grid, level) * min(1.0, 0.3 / nearest_m)


_FLIGHT_HZ = 500
"""Rate at which the manoeuvres are drawn."""
_CYCLE = 8192
"""Samples of one stored wing beat."""


def _wing_cycle(rng: np.random.Generator, harmonics: int) -> Array:
    """One beat (8192,) of unit RMS: overtones that fall 3 dB per octave up to about 1 kHz, then 12, each off by some dB.

    Down-stroke and up-stroke differ, so that odd and even harmonics do.
    """
    k = np.arange(1, max(min(harmonics, 150), 1) + 1)
    knee = rng.uniform(4.5, 7.5)
    levels = (
        -3 * np.log2(k) - 9 * np.maximum(np.log2(k / knee), 0) + 4 * rng.standard_normal(len(k)) + rng.uniform(-3, 4) * (k % 2)
    )
    spectrum = np.zeros(_CYCLE // 2 + 1, complex)
    spectrum[k] = 10 ** (levels / 20) * np.exp(2j * np.pi * rng.random(len(k)))
    return unit_power(np.fft.irfft(spectrum, _CYCLE))


# --------------------------------------------------------------------------------------------- cicadas


def cicada(duration_s: float, rate_hz: int, rng: np.random.Generator, *, intensity: float = 0.5) -> Array:
    """Cicadas on a hot day (T,): one or two in the next tree, others behind, a chorus far off.

    Timbals that buckle 120 to 300 times a second, a few ribs each, ring in the air sac of the abdomen at 4 to 8.5 kHz (Young &
    Bennet-Clark 1995; Fonseca 2014); the song goes on, or is cut into 3 to 25 echemes a second. All in a clip are of one species.
    """
    n = round(duration_s * rate_hz)
    species = _Cicada(
        carrier_hz=min(float(np.exp(rng.uniform(np.log(4200), np.log(8000)))), 0.38 * rate_hz),
        quality=rng.uniform(3.5, 9),
        timbal_hz=rng.uniform(120, 300),
        ribs=int(rng.integers(2, 6)),
        echeme_hz=float(np.exp(rng.uniform(np.log(3), np.log(25)))) if rng.random() < 0.65 else 0.0,
        duty=rng.uniform(0.4, 0.75),
        depth=rng.uniform(0.75, 0.99),
    )
    out = np.zeros(n)
    for index in range(2 + round(5 * intensity)):
        place(out, _one_cicada(n, rate_hz, rng, species), 0.0, rate_hz, 1.0 if index == 0 else rng.uniform(0.02, 0.2))
    low, high = species.carrier_hz / 1.35, species.carrier_hz * 1.3
    chorus = band(noise(rng, n), low, high, rate_hz) * (1 + 0.2 * slow_random(rng, n, rate_hz, 1.5))
    return unit_power(out) + (0.02 + 0.08 * intensity) * unit_power(chorus)


@dataclass(frozen=True)
class _Cicada:
    carrier_hz: float
    quality: float
    timbal_hz: float
    ribs: int
    echeme_hz: float
    """0: the song goes on."""
    duty: float
    depth: float


def _one_cicada(n: int, rate_hz: int, rng: np.random.Generator, species: _Cicada) -> Array:
    """The song of one cicada (n,), unit RMS before its swells."""
    carrier_hz = species.carrier_hz * rng.normal(1, 0.02)
    rate = species.timbal_hz * rng.normal(1, 0.03) * (1 + 0.03 * slow_random(rng, n, rate_hz, 2))
    times = pulse_times(rate, rate_hz, rng, 0.04)
    clicks = np.zeros(n)
    for rib in range(species.ribs):
        at = times + rib * 0.55 / species.timbal_hz / species.ribs + rng.normal(0, 4e-5, len(times))
        clicks += impulses(at, 0.8**rib * rng.lognormal(0, 0.3, len(times)), n, rate_hz)
    song = resonator(clicks, carrier_hz, carrier_hz / species.quality, rate_hz)
    for ratio, gain in ((0.62, 0.18), (1.45, 0.25)):
        if ratio * carrier_hz < 0.45 * rate_hz:
            song += gain * resonator(clicks, ratio * carrier_hz, 1.5 * carrier_hz / species.quality, rate_hz)
    song = unit_power(band(song, 0.5 * carrier_hz, None, rate_hz, order=4))
    swell = np.clip(1 + 0.3 * gust_curve(rng, n, rate_hz, 0.1, 3), 0.15, None)
    if species.echeme_hz:
        turns = np.cumsum(species.echeme_hz * rng.normal(1, 0.04) * (1 + 0.05 * slow_random(rng, n, rate_hz, 1))) / rate_hz
        cycle = (turns + rng.random()) % 1
        edge = 0.08
        open_ = np.clip(np.minimum(cycle / edge, (species.duty - cycle) / edge), 0, 1) ** 0.7 * (0.7 + 0.3 * cycle / species.duty)
        swell = swell * (1 - species.depth + species.depth * open_)
    return song * swell


SOUNDS: Mapping[str, Callable[..., Array]] = {"frog": frog, "insects": insects, "cicada": cicada}
