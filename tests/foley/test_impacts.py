"""Bells, clocks, feet and hooves: measured against closed forms, published ratios and planted rates."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.foley.impacts import BELL_RATIOS, SOUNDS, bell, clock, footsteps, horse
from seehear.foley.pulses import impulses, pulse_times, ring

RATE_HZ = 16000


def onset_times(x: np.ndarray, rate_hz: int, gap_s: float, threshold: float = 0.1) -> np.ndarray:
    """Times at which the 2 ms peak level passes ``threshold`` of the maximum after ``gap_s`` below it."""
    hop = rate_hz // 500
    level = np.abs(x[: len(x) // hop * hop]).reshape(-1, hop).max(axis=1)
    loud = np.flatnonzero(level > threshold * level.max()) / 500
    return loud[np.r_[True, np.diff(loud) > gap_s]]


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize(("duration_s", "rate_hz"), [(0.05, 8000), (0.7, 44100), (1.23456, 48000), (0.1, 192000)])
def test_length_and_soundness(name: str, duration_s: float, rate_hz: int) -> None:
    """Closed form: round(duration * rate) finite samples that are not silent."""
    for seed in range(12 if rate_hz == 8000 else 1):
        x = SOUNDS[name](duration_s, rate_hz, np.random.default_rng(seed))
        assert x.shape == (round(duration_s * rate_hz),)
        assert np.isfinite(x).all() and x.any()


@pytest.mark.parametrize("name", SOUNDS)
def test_seed_decides(name: str) -> None:
    """Round trip: one seed gives one sound, two seeds two sounds out of step (envelope correlation far from 1); no DC."""
    a, b, c = (SOUNDS[name](6.0, RATE_HZ, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    envelopes = [np.abs(x[: len(x) // 160 * 160]).reshape(-1, 160).mean(axis=1) for x in (a, c)]
    assert np.corrcoef(envelopes)[0, 1] < 0.7
    assert abs(a.mean()) < 0.005 * a.std()


def test_ring_closed_form() -> None:
    """Closed form: a struck mode is g sin(2 pi f t) 10^(-3 t / T60), and two strikes add."""
    n, freq, t60 = 4000, 440.0, 0.2
    t = np.arange(n) / RATE_HZ
    mode = np.sin(2 * np.pi * freq * t) * 10 ** (-3 * t / t60)
    x = ring(np.array([0.0, 0.1]), np.array([[1.0], [0.5]]), np.array([freq]), np.array([t60]), n, RATE_HZ)
    wanted = mode + 0.5 * np.r_[np.zeros(1600), mode[:-1600]]
    assert np.allclose(x, wanted, atol=1e-6)


def test_pulses_closed_form() -> None:
    """Closed form: 20 Hz turns every 50 ms; an impulse between two samples keeps its area and its centre of mass."""
    times = pulse_times(np.full(RATE_HZ, 20.0), RATE_HZ, np.random.default_rng(0))
    assert len(times) in (19, 20, 21) and np.allclose(np.diff(times), 0.05, atol=1e-9)
    x = impulses(np.array([100.25 / RATE_HZ]), np.array([2.0]), 200, RATE_HZ)
    assert x.sum() == pytest.approx(2.0) and (x * np.arange(200)).sum() / 2 == pytest.approx(100.25)


@pytest.mark.parametrize("seed", range(4))
def test_bell_partials(seed: int) -> None:
    """Published numbers: the ring's energy lies within 1.2 % of Fletcher & Rossing's partial ratios over some prime."""
    rate_hz, duration_s = 32000, 6.0
    x = bell(duration_s, rate_hz, np.random.default_rng(seed), event_rate=0.05)
    ringing = x[np.argmax(np.abs(x)) + rate_hz // 2 :]
    power = np.abs(np.fft.rfft(ringing * np.hanning(len(ringing)))) ** 2
    below = np.concatenate([[0], np.cumsum(power / power.sum())])

    def shares(prime_hz: float) -> np.ndarray:
        low, high = (prime_hz * BELL_RATIOS * edge * len(ringing) / rate_hz for edge in (0.988, 1.012))
        return (
            below[np.minimum(np.round(high).astype(int) + 1, len(power))]
            - below[np.minimum(np.round(low).astype(int), len(power))]
        )

    captured = np.array([shares(prime_hz) for prime_hz in np.arange(180, 580, 1.0)])
    best = captured[np.argmax(captured.sum(axis=1))]
    assert best.sum() > 0.97
    assert (best[:5] > 1e-4).all()


def test_bell_warbles() -> None:
    """Planted answer: partials are doublets, so the prime's band is not a smooth exponential but beats."""
    x = bell(9.0, RATE_HZ, np.random.default_rng(0), event_rate=0.05)
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    strongest = int(np.argmax(spectrum))
    low, high = strongest - 40, strongest + 40
    peaks = np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:])) + 1
    twins = [p for p in peaks if low < p < high and spectrum[p] > 0.05 * spectrum[strongest]]
    assert len(twins) >= 2


@pytest.mark.parametrize("rate_per_s", [1.0, 4.0])
def test_clock_ticks_at_the_wanted_rate(rate_per_s: float) -> None:
    """Planted answer: the event rate is the number of ticks a second, evenly spaced in pairs (within 1 %)."""
    times = onset_times(clock(12.0, RATE_HZ, np.random.default_rng(5), event_rate=rate_per_s), RATE_HZ, 0.12)
    assert abs(len(times) - 12 * rate_per_s) <= 1
    assert np.median(times[2:] - times[:-2]) == pytest.approx(2 / rate_per_s, rel=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_clock_is_silent_between_ticks(seed: int) -> None:
    """Planted answer: at 1 tick a second more than half of the time lies 60 dB below the peak; every tick differs a little."""
    x = clock(6.0, RATE_HZ, np.random.default_rng(seed), event_rate=1.0)
    level = np.abs(x).reshape(-1, 160).max(axis=1)
    assert np.mean(level < 1e-3 * level.max()) > 0.5
    starts = (onset_times(x, RATE_HZ, 0.12)[:-1] * RATE_HZ).astype(int)
    ticks = [np.abs(np.fft.rfft(x[start : start + 1600])) for start in starts[:4]]
    assert all(not np.allclose(ticks[0], tick, rtol=1e-3) for tick in ticks[1:])


def test_steps_at_the_wanted_rate() -> None:
    """Planted answer: steps a second, within the natural spread of 7 %; silence between them."""
    x = footsteps(20.0, RATE_HZ, np.random.default_rng(1), event_rate=1.2)
    times = onset_times(x, RATE_HZ, 0.3, 0.15)
    assert np.median(np.diff(times)) == pytest.approx(1 / 1.2, rel=0.09)
    level = np.abs(x).reshape(-1, 160).max(axis=1)
    assert np.mean(level < 1e-3 * level.max()) > 0.25


@pytest.mark.parametrize("seed", range(3))
def test_walking_horse_has_four_beats(seed: int) -> None:
    """Planted answer: at intensity 0 a horse walks, four even footfalls to a stride (Hildebrand 1965)."""
    times = onset_times(horse(20.0, RATE_HZ, np.random.default_rng(seed), intensity=0.0, event_rate=0.6), RATE_HZ, 0.2, 0.08)
    assert np.median(times[4:] - times[:-4]) == pytest.approx(1 / 0.6, rel=0.03)
