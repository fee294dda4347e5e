"""The late tail of a room: diffuse, decaying per octave, the same for every source.

Shapes: C channels of the panner, L taps, B octave bands, F frequencies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.absorption import OCTAVES_HZ, SPEED_OF_SOUND_M_S, wall_absorption
from seehear.acoustics.convolve import Blocks, Feed, Part, convolve_into, spectra_of
from seehear.acoustics.doppler import cut, first_distance_m
from seehear.acoustics.extent import spread
from seehear.acoustics.field import FADE_FROM, Field, fade_position
from seehear.acoustics.transforms import fast_length, irfft, rfft
from seehear.acoustics.voices import Voice
from seehear.types import FloatArray, Room

MATCH_LIMIT_DB = 6.0
"""The tail follows the images' energy around the mixing time up to this far from the diffuse-field value."""
TAIL_DIRECTIONS = 16
MID_OCTAVE = 2
"""500 Hz in `OCTAVES_HZ`, where the wanted RT60 holds."""
SHORTEST_HOP_S = 0.5


def tail_part(voices: Sequence[Voice], field: Field, n_samples: int, rng: np.random.Generator) -> Part:
    """What adds one diffuse tail for all ``voices``, from where each is in the middle of the scene's ``n_samples``."""
    rate, middle_s = field.sample_rate_hz, 0.5 * n_samples / field.sample_rate_hz
    roomy = [voice for voice in voices if not voice.source.is_bed]
    gains = np.array([voice.gain * tail_gain(field, voice.place_m(middle_s)) for voice in roomy], dtype=np.float32)
    late = [_tail_delay(voice, middle_s) if field.doppler and voice.moves else 0 for voice in roomy]
    taps = tail_response(field, n_samples, rng)
    hop = min(max(round(SHORTEST_HOP_S * rate), taps.shape[1]), n_samples)
    blocks = Blocks(n_samples, hop, 0, taps.shape[1])
    spectra = spectra_of(taps, blocks.n_fft)

    def feeds(start: int, stop: int) -> Iterator[Feed]:
        feed = np.zeros(stop - start, dtype=np.float32)
        for voice, gain, delay in zip(roomy, gains, late, strict=True):
            feed += gain * cut(voice.source.audio, start - delay, stop - delay)
        yield feed, lambda: spectra

    def add(out: NDArray[np.float32], begin: int) -> None:
        convolve_into(out, feeds, blocks, 0, begin)

    return add


def _tail_delay(voice: Voice, middle_s: float) -> int:
    """Samples by which the tail follows a stem with Doppler: by the direct path in the middle, where its level comes from.

    Its own paths lengthen and shorten alike: it keeps its pitch.
    """
    late_m = float(np.linalg.norm(voice.place_m(middle_s))) - first_distance_m(voice.source.trajectory)
    return round(late_m / SPEED_OF_SOUND_M_S * voice.source.audio.sample_rate_hz)


def tail_gain(field: Field, displacement_m: FloatArray) -> float:
    """Gain of a source's share of the tail: how far its late field has decayed at the direct sound, matched to its images.

    The diffuse field of a unit source at time t after emission has the power 4 pi c / V exp(-13.8 t / T) per second
    (image density times 1/r^2 times Eyring's losses). Time here starts with the direct sound, d / c after emission.
    """
    if field.mixing_s is None:
        return 0.0
    t_mid = field.room.rt60_s
    start_s = float(np.linalg.norm(displacement_m)) / SPEED_OF_SOUND_M_S
    decayed = 10 ** (-3 * start_s / t_mid)
    paths = field.paths(displacement_m)
    late = paths.delays_s >= FADE_FROM * field.mixing_s
    absorption = wall_absorption(field.room.size_m, t_mid)[MID_OCTAVE]
    found = float(np.sum(paths.gains[late] ** 2 * (1 - absorption) ** field.images.orders[late]))
    times = np.linspace(FADE_FROM, 1, 65) * field.mixing_s
    power = _diffuse_power(field.room) * 10 ** (-6 * (times + start_s) / t_mid)
    expected = float(np.trapezoid(power * np.cos(0.5 * np.pi * fade_position(field.mixing_s, times)) ** 2, times))
    if expected == 0:
        return 0.0  # so dry that nothing is left of it in floating point
    limit = 10 ** (MATCH_LIMIT_DB / 20)
    return decayed * min(max(math.sqrt(found / expected), 1 / limit), limit)


def _diffuse_power(room: Room) -> float:
    return 4 * math.pi * SPEED_OF_SOUND_M_S / math.prod(room.size_m)


def tail_response(field: Field, longest: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Taps (C, L) of the diffuse tail of a unit source at the listener, from the mixing time to -60 dB; no lead.

    At most ``longest`` taps: more than a scene has samples are not heard.

    Independent noise from directions all around, panned like any sound, so every layout hears the same field (ambisonics from
    second degree on: see `_replace_high_degrees`); then each octave gets its own exponential decay (Moorer 1979; energy after
    `tail_gain`).
    """
    from scipy.signal import fftconvolve

    assert field.mixing_s is not None
    panner, rate = field.panner, field.sample_rate_hz
    n_taps = min(math.ceil(float(field.octave_rt60_s.max()) * rate), longest)
    directions = spread(np.array([1.0, 0, 0]), 2 * math.pi, TAIL_DIRECTIONS)
    noise = rng.standard_normal((len(directions), n_taps), dtype=np.float32) / np.float32(math.sqrt(len(directions)))
    channels = (panner.amplitude_gains(directions).T @ noise).astype(np.float32, copy=False)
    _replace_high_degrees(channels[: panner.n_ambisonics], rng)
    if panner.ears:
        heads = field.head(directions, rate)
        ears = np.stack([fftconvolve(noise, heads[:, ear], axes=-1)[:, :n_taps].sum(axis=0) for ear in range(2)])
        channels = np.concatenate([channels, ears.astype(np.float32, copy=False)])
    return _shape(field, channels)


def _replace_high_degrees(ambisonics: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Puts independent noise into the channels of degree 2 and above of ``ambisonics`` ((order + 1)^2, L), in place.

    So many channels from a few directions would be correlated. In a diffuse field they are not: each has 1 / (2 n + 1) of W's
    power in SN3D, the same in N3D. A degree has a stream of its own, so that it is the same whatever the order.
    """
    degrees = range(2, math.isqrt(len(ambisonics)))
    for degree, stream in zip(degrees, rng.spawn(len(degrees)), strict=True):
        own = ambisonics[degree**2 : (degree + 1) ** 2]
        own[:] = stream.standard_normal(own.shape, dtype=np.float32) / np.float32(math.sqrt(2 * degree + 1))


def _shape(field: Field, noise: NDArray[np.float32]) -> NDArray[np.float32]:
    """White ``noise`` (C, L) with the decay of each octave and the fade-in at the mixing time."""
    assert field.mixing_s is not None
    n_taps = noise.shape[1]
    times = np.arange(n_taps) / field.sample_rate_hz
    level = math.sqrt(_diffuse_power(field.room) / field.sample_rate_hz)
    onset = level * np.sin(0.5 * np.pi * fade_position(field.mixing_s, times))
    n_fft = fast_length(n_taps)
    spectra = rfft(noise, n_fft)
    shaped = np.zeros_like(noise)
    for window, rt60_s in zip(octave_windows(n_fft, field.sample_rate_hz), field.octave_rt60_s, strict=True):
        band = irfft(spectra * window, n_fft)[:, :n_taps]
        shaped += band * (onset * 10 ** (-3 * times / rt60_s)).astype(np.float32)
    return shaped


def octave_windows(n_fft: int, sample_rate_hz: int) -> NDArray[np.float32]:
    """Zero-phase octave filters (B, F) whose powers add to one: cosines over log frequency from centre to centre."""
    frequencies = np.maximum(np.fft.rfftfreq(n_fft, 1 / sample_rate_hz), 1.0)
    position = np.clip(np.log2(frequencies / OCTAVES_HZ[0]), 0, len(OCTAVES_HZ) - 1)
    distance = np.abs(position - np.arange(len(OCTAVES_HZ))[:, None])
    return np.cos(0.5 * np.pi * np.minimum(distance, 1)).astype(np.float32)
