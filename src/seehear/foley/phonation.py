"""The voice that animals and people share, and how its calls follow one another in time.

Source and filter are independent (Fant 1960; Klatt 1980): :func:`source` vibrates, :func:`tract` resonates. An
animal is a tract length, a pitch and a gesture; what makes it sound alive is what differs from cycle to cycle
(jitter, shimmer), the nonlinear regimes of vocal folds (subharmonics, chaos; Fitch, Neubauer & Herzel 2002) and
breath. Frequencies in hertz, times in seconds, arrays (T,).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, signal
from scipy.interpolate import PchipInterpolator

from seehear.foley.blocks import fade

Array = NDArray[np.floating]
Points = list[tuple[float, float]]

SPEED_OF_SOUND = 350.0
"""In the warm, moist air of a vocal tract, m/s."""
_TABLE = 16384
"""Samples of one stored cycle: so fine that the nearest one will do (error below -70 dB)."""


def glide(points: Points, n: int) -> Array:
    """A smooth curve (n,) through (position 0..1, value) points, without overshoot: pitch and loudness gestures."""
    positions, values = zip(*points, strict=True)
    return PchipInterpolator(positions, values)(np.linspace(0, 1, n))


def step(n: int, rate_hz: int, position: float, seconds: float) -> Array:
    """A curve (n,) from 0 to 1 around ``position`` (0..1), within about ``seconds``: folds that change their register."""
    return 0.5 + 0.5 * np.tanh((np.arange(n) - position * n) / (0.5 * seconds * rate_hz))


def source(
    f0_hz: Array,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    slope_db_per_octave: float = -9.0,
    press: float | Array = 1.0,
    jitter: float | Array = 0.005,
    shimmer: float | Array = 0.05,
    subharmonic: float | Array = 0.0,
    breath: float | Array = 0.05,
) -> Array:
    """Flow derivative (T,) of vibrating folds along the pitch curve ``f0_hz`` (T,), unit RMS before breath.

    ``slope_db_per_octave`` falls from about -6 (pressed, loud) to -15 (soft) (Fant, Liljencrants & Lin 1985); where
    ``press`` sinks from 1 to 0 it is 8 dB per octave steeper, as a voice that fades loses its overtones first.
    ``jitter`` and ``shimmer`` are relative deviations per cycle (1 % is a steady voice, 10 % a harsh one),
    ``subharmonic`` 0..1 weakens every other cycle, ``breath`` is the RMS of noise that comes with the open phase.
    """
    steady = np.cumsum(f0_hz) / rate_hz
    cycles = np.arange(int(steady[-1]) + 3)
    wander, loudness = (np.interp(steady, cycles, rng.standard_normal(len(cycles))) for _ in range(2))
    phase = np.cumsum(f0_hz * np.maximum(1 + jitter * wander, 0.3)) / rate_hz + rng.random()
    highest = int(np.clip(0.45 * rate_hz / max(float(np.max(f0_hz)), 1.0), 1, _TABLE // 8))
    position = (phase % 1 * _TABLE).astype(int)
    bright, soft = (_one_cycle(highest, slope_db_per_octave - extra)[position] for extra in (0, 8))
    voiced = (soft + press * (bright - soft)) * np.maximum(1 + shimmer * loudness, 0) * (1 + subharmonic * np.cos(np.pi * phase))
    return voiced + breath * rng.standard_normal(len(f0_hz)) * (0.6 + 0.4 * np.cos(2 * np.pi * phase))


def _one_cycle(harmonics: int, slope_db_per_octave: float) -> Array:
    """One period of a pulse of unit RMS with that many harmonics."""
    spectrum = np.zeros(_TABLE // 2 + 1)
    spectrum[1 : harmonics + 1] = np.arange(1, harmonics + 1) ** (slope_db_per_octave / (20 * np.log10(2)))
    wave = np.fft.irfft(spectrum, _TABLE)
    return wave / np.sqrt(np.mean(wave**2))


def tube_hz(length_m: float, count: int) -> Array:
    """The first ``count`` resonances of a uniform tube closed at the folds: (2 n - 1) c / 4 L (Fant 1960)."""
    return (2 * np.arange(1, count + 1) - 1) * SPEED_OF_SOUND / (4 * length_m)


def throat_hz(length_m: float, first: ArrayLike, second: ArrayLike) -> Array:
    """Formants (P, 2) of a mouth that moves: the first two resonances of the tube, times the curves (P,)."""
    f1, f2 = tube_hz(length_m, 2)
    return np.column_stack([f1 * np.asarray(first), f2 * np.asarray(second)])


def uneven_hz(mouth_hz: Array, length_m: float, factors: ArrayLike) -> Array:
    """Formants (P, 2 + len(factors)): the moving ones (P, 2), above them those of the tube times ``factors``.

    No throat is a uniform tube: which resonances crowd and which leave a gap is what tells individuals apart.
    """
    factors = np.asarray(factors, dtype=float)
    upper = tube_hz(length_m, 2 + len(factors))[2:] * factors
    return np.column_stack([mouth_hz, np.broadcast_to(upper, (len(mouth_hz), len(factors)))])


def tract(
    x: Array,
    rate_hz: int,
    formants_hz: Array,
    length_m: float,
    *,
    damping: float = 1.0,
    corner_hz: float = 80.0,
    frame_s: float = 0.02,
) -> Array:
    """``x`` (T,) through a vocal tract whose lowest formants move, as sound radiated from the mouth (T,).

    ``formants_hz`` (P, K): K formants at P positions spread evenly over the sound. Above them the tract of
    ``length_m`` keeps the resonances of a uniform tube, as many as fit. A cascade of resonances (Klatt 1980), of
    bandwidth (40 Hz + 6 %, at most 300 Hz) * ``damping``, so that levels follow from frequencies. Below ``corner_hz``
    the mouth radiates 6 dB per octave less (a wide-open beak or muzzle: about 1 kHz), and no DC. Frames of ``frame_s``
    are filtered by their own response and overlap-added.
    """
    points = np.atleast_2d(np.asarray(formants_hz, dtype=float))
    tube = tube_hz(length_m, 40)

    def fixed(freqs: Array) -> NDArray[np.complexfloating]:
        response = 1j * freqs / (corner_hz + 1j * freqs)
        for centre in tube[points.shape[1] :]:
            if centre < 0.6 * rate_hz:
                response = response * _resonance(freqs, centre, damping)
        return response

    return _in_frames(x, rate_hz, points, fixed, damping, frame_s)


def long_tract(
    x: Array, rate_hz: int, formants_hz: Array, length_m: float, *, damping: float = 1.0, corner_hz: float = 80.0
) -> Array:
    """:func:`tract` of a large animal (T,), whose resonances lie too close for a cascade of a few to stand for all.

    The lossy tube in closed form, 1 / cosh((a + 2 pi i f / c) L) with a = pi B / c for resonances of bandwidth B (Fletcher
    1992, ch. 8), of which the lowest K resonances are moved to ``formants_hz``. Its mean level is the same at all frequencies.
    """
    points = np.atleast_2d(np.asarray(formants_hz, dtype=float))
    moved = tube_hz(length_m, points.shape[1])

    def fixed(freqs: Array) -> NDArray[np.complexfloating]:
        loss_per_m = np.pi * _bandwidth(freqs, damping) / SPEED_OF_SOUND
        response = 1 / np.cosh((loss_per_m + 2j * np.pi * freqs / SPEED_OF_SOUND) * length_m)
        response *= 1j * freqs / (corner_hz + 1j * freqs)
        for centre in moved:
            response /= _resonance(freqs, centre, damping)
        return response

    return _in_frames(x, rate_hz, points, fixed, damping, 0.04)


def _in_frames(
    x: Array,
    rate_hz: int,
    points_hz: Array,
    fixed: Callable[[Array], NDArray[np.complexfloating]],
    damping: float,
    frame_s: float,
) -> Array:
    """``x`` (T,) through ``fixed(freqs)`` and the moving resonances ``points_hz`` (P, K), frame by frame."""
    n = len(x)
    hop = max(round(frame_s * rate_hz / 2), 8)
    count = -(-n // hop) + 1
    padded = np.zeros((count + 1) * hop)
    padded[hop : hop + n] = x
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop] * signal.windows.hann(2 * hop, sym=False)
    size = fft.next_fast_len(4 * hop, real=True)
    freqs = np.fft.rfftfreq(size, 1 / rate_hz)
    positions = np.linspace(0, 1, len(points_hz)) if len(points_hz) > 1 else np.zeros(1)
    spectra = fft.rfft(frames, size) * fixed(freqs)
    for track in points_hz.T:
        centre = np.interp(np.arange(count) / max(count - 1, 1), positions, track)[:, None]
        spectra *= _resonance(freqs[None], centre, damping)
    filtered = fft.irfft(spectra, size)
    out = np.zeros((count + 8) * hop)
    for part in range(4):
        out[part * hop : (part + count) * hop] += filtered[:, part * hop : (part + 1) * hop].ravel()
    return out[hop : hop + n]


def _resonance(freqs: Array, centre: float | Array, damping: float) -> NDArray[np.complexfloating]:
    """Unit-DC response of one resonance at ``centre`` (second-order low-pass)."""
    return 1 / (1 - (freqs / centre) ** 2 + 1j * freqs * _bandwidth(centre, damping) / centre**2)


def _bandwidth(centre_hz: float | Array, damping: float) -> float | Array:
    """The width of a resonance in hertz."""
    return np.minimum(40 + 0.06 * centre_hz, 300) * damping


def normalised(x: Array, peak: float = 1.0) -> Array:
    """``x`` scaled to that peak; silence stays silent."""
    return x * (peak / max(float(np.max(np.abs(x), initial=0.0)), 1e-9))


@dataclass(frozen=True)
class Voice:
    """An individual's voice. Pairs are (calm, what harshness 1 adds)."""

    length_m: float
    """Of the vocal tract."""
    slope_db_per_octave: float
    jitter: tuple[float, float] = (0.006, 0.02)
    shimmer: tuple[float, float] = (0.08, 0.1)
    subharmonic: float = 0.0
    """Weight of period doubling at harshness 1."""
    breath: tuple[float, float] = (0.05, 0.2)
    damping: float = 2.0
    corner_hz: float = 1000.0
    """``corner_hz`` of :func:`tract`."""
    long: bool = False
    """Whether the tract is one for :func:`long_tract`."""


def utter(
    voice: Voice,
    f0_hz: Array,
    loudness: Array,
    harsh: float | Array,
    mouth_hz: Array,
    rate_hz: int,
    rng: np.random.Generator,
) -> Array:
    """One utterance (T,) of peak 1: curves (T,) of pitch, ``loudness`` 0..1 and ``harsh`` 0..1, mouth formants (P, K)."""
    x = source(
        f0_hz,
        rate_hz,
        rng,
        slope_db_per_octave=voice.slope_db_per_octave,
        press=loudness,
        jitter=voice.jitter[0] + voice.jitter[1] * harsh,
        shimmer=voice.shimmer[0] + voice.shimmer[1] * harsh,
        subharmonic=voice.subharmonic * harsh,
        breath=voice.breath[0] + voice.breath[1] * harsh,
    )
    through = long_tract if voice.long else tract
    y = through(x, rate_hz, mouth_hz, voice.length_m, damping=voice.damping, corner_hz=voice.corner_hz)
    return normalised(y * loudness)


def smeared(x: Array, rate_hz: int, rng: np.random.Generator, t60_s: float) -> Array:
    """``x`` (T,) scattered by many surfaces, tail included (T + t60).

    Convolution with decaying noise of unit energy (Moorer 1979).
    """
    t = np.arange(max(round(t60_s * rate_hz), 1)) / rate_hz
    tail = rng.standard_normal(len(t)) * 10 ** (-3 * t / t60_s)
    return signal.fftconvolve(x, tail / np.sqrt(np.sum(tail**2)))[: len(x) + len(t)]


Call = Callable[[], Array]
"""One sound of an individual; each time a little different."""


def call_in_bouts(
    duration_s: float,
    rate_hz: int,
    rng: np.random.Generator,
    call: Call,
    *,
    count: tuple[int, int],
    gap_s: tuple[float, float],
    event_rate: float,
) -> Array:
    """Calls in silence, exactly ``round(duration_s * rate_hz)`` samples: bouts of ``count`` calls, ``gap_s`` apart.

    ``count`` and ``gap_s`` are (lowest, highest); ``event_rate`` is bouts per second. The last call is one that fits
    whole; if not even the first does, its loudest stretch is all there is.
    """
    n = round(duration_s * rate_hz)
    out = np.zeros(n)
    end = 0
    for pause_s, clip in _bouts(rng, rate_hz, call, count, gap_s, event_rate, 0.3 * duration_s):
        start = end + round(pause_s * rate_hz)
        if start + len(clip) > n:
            if end == 0:
                out = _loudest(clip, n, rate_hz)
            break
        out[start : start + len(clip)] = clip
        end = start + len(clip)
    return out


def _loudest(clip: Array, n: int, rate_hz: int) -> Array:
    """The ``n`` samples of ``clip`` with the most energy, faded; a clip that is short enough stands at the end."""
    if len(clip) <= n:
        return np.concatenate([np.zeros(n - len(clip)), clip])
    energy = np.concatenate([[0.0], np.cumsum(clip**2)])
    start = int(np.argmax(energy[n:] - energy[:-n]))
    edge_s = 0.1 * n / rate_hz
    return fade(clip[start : start + n], edge_s, edge_s, rate_hz)


def _bouts(
    rng: np.random.Generator,
    rate_hz: int,
    call: Call,
    count: tuple[int, int],
    gap_s: tuple[float, float],
    event_rate: float,
    latest_s: float,
) -> Iterator[tuple[float, Array]]:
    """Endless (pause before it in seconds, call).

    The first starts before ``latest_s``, every other 0.5 to 1.5 mean intervals after the last one began but never sooner
    than twice the longest gap after it ended.
    """
    pause_s = rng.uniform(0.1, 1.0) * min(latest_s, 0.5 / event_rate)
    while True:
        length_s = 0.0
        for position in range(rng.integers(count[0], count[1] + 1)):
            if position:
                pause_s = rng.uniform(*gap_s)
                length_s += pause_s
            clip = call()
            length_s += len(clip) / rate_hz
            yield pause_s, clip
        pause_s = max(rng.uniform(0.5, 1.5) / event_rate - length_s, 2 * gap_s[1])
