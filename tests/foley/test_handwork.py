"""Typing, sawing, shutters and bicycles: rhythms against planted rates and published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.foley.handwork import SOUNDS, _keystrokes, _strokes, _thumb_bell, bicycle, camera, keyboard, saw

RATE_HZ = 16000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def onset_times(x: np.ndarray, gap_s: float, threshold: float = 0.1) -> np.ndarray:
    """Times at which the 2 ms peak level passes ``threshold`` of the maximum after ``gap_s`` below it."""
    hop = RATE_HZ // 500
    level = np.abs(x[: len(x) // hop * hop]).reshape(-1, hop).max(axis=1)
    loud = np.flatnonzero(level > threshold * level.max()) / 500
    return loud[np.r_[True, np.diff(loud) > gap_s]]


@pytest.mark.parametrize("name", SOUNDS)
def test_lengths_seeds_and_soundness(name: str) -> None:
    """Closed form: round(duration * rate) finite samples with sound; one seed one sound, two seeds two; no DC."""
    for duration_s, rate_hz, intensity in ((0.05, 8000, 0.0), (0.7, 44100, 1.0), (0.1, 192_000, 0.3)):
        for seed in range(12 if rate_hz == 8000 else 1):
            x = SOUNDS[name](duration_s, rate_hz, rng(seed), intensity=intensity)
            assert x.shape == (round(duration_s * rate_hz),) and np.isfinite(x).all() and x.any()
    a, b, c = (SOUNDS[name](3.0, RATE_HZ, rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert abs(np.corrcoef(a, c)[0, 1]) < 0.1 and abs(a.mean()) < 0.01 * a.std()


@pytest.mark.parametrize("rate_per_s", [2.0, 4.2, 8.0])
def test_keystrokes_a_second(rate_per_s: float) -> None:
    """Planted answer: over an hour of typing the mean rate is the event rate within 1 %; a word is 5 letters and a space."""
    times, keys = _keystrokes(3600.0 * 2, rng(3), rate_per_s)
    assert len(times) / 7200 == pytest.approx(rate_per_s, rel=0.015)
    assert np.mean(keys >= 40) == pytest.approx(1 / 6, rel=0.02)


def test_keys_are_heard() -> None:
    """Planted answer: at 1.5 strokes a second there is a sound for each stroke, at its time within 20 ms, and silence between."""
    twin = rng(5)
    twin.choice(3, p=[0.4, 0.35, 0.25])
    times, _ = _keystrokes(12.0, twin, 1.5)
    x = keyboard(12.0, RATE_HZ, rng(5), event_rate=1.5)
    heard = onset_times(x, 0.05, 0.02)
    assert max(np.min(np.abs(heard - time)) for time in times) < 0.02
    level = np.abs(x).reshape(-1, 160).max(axis=1)
    assert np.mean(level < 1e-3 * level.max()) > 0.3


def test_strokes_of_the_saw() -> None:
    """Planted answer: strokes a second, each within the spread of 6 % (standard error 0.6 % over 100); rests of whole strokes."""
    phase, working = _strokes(100.0, 100_000, 1000, rng(2), 1.0)
    assert phase[-1] - phase[0] == pytest.approx(100, rel=0.02)
    assert np.all(np.diff(phase) > 0) and 0.6 < working.mean() < 0.95


@pytest.mark.parametrize("seed", range(3))
def test_push_and_pull(seed: int) -> None:
    """Planted answer: at one stroke a second the loudness comes back every second (6 % spread)."""
    x = saw(4.0, RATE_HZ, rng(seed), event_rate=1.0)
    envelope = np.sqrt(np.mean(x.reshape(-1, 160) ** 2, axis=1))
    correlation = np.fft.irfft(np.abs(np.fft.rfft(envelope - envelope.mean(), 1024)) ** 2)
    lags = np.arange(70, 140)
    assert lags[np.argmax(correlation[lags])] / 100 == pytest.approx(1.0, rel=0.08)


@pytest.mark.parametrize("seed", range(4))
def test_one_release(seed: int) -> None:
    """Published numbers: mirror, two curtains, mirror: a release of 0.09 to 0.5 s, of several distinct knocks."""
    x = camera(1.5, RATE_HZ, rng(seed), intensity=0.0, event_rate=0.2)
    knocks = onset_times(x, 0.008, 0.08)
    assert len(knocks) >= 2 and np.ptp(knocks[knocks < knocks[0] + 0.5]) > 0.05
    first = x[: int((knocks[0] - 0.002) * RATE_HZ)]
    assert not first.any() or np.abs(first).max() < 0.1 * np.abs(x).max()


def test_releases_a_second() -> None:
    """Planted answer: without bursts, releases come at the event rate (Poisson: within 3 standard deviations)."""
    x = camera(120.0, RATE_HZ, rng(1), intensity=0.0, event_rate=0.25)
    releases = onset_times(x, 1.0, 0.1)
    assert abs(len(releases) - 30) < 3 * np.sqrt(30)


def test_freewheel() -> None:
    """Published numbers: 18 to 36 notches at 2 to 8 m/s on 2.1 m: 15 to 130 ticks a second, and none while pedalling."""
    rates, still = [], 0
    for seed in range(8):
        x = bicycle(4.0, RATE_HZ, rng(seed), event_rate=0.001)
        onsets = onset_times(x, 0.004, 0.2)
        if len(onsets) > 60:
            rates.append(1 / np.median(np.diff(onsets)))
        else:
            still += 1
    assert len(rates) >= 3 and min(rates) >= 15 and max(rates) <= 140


def test_thumb_bell() -> None:
    """Recorded numbers: the strikers of a bicycle bell hit its cap every 75 ms (8 ms spread)."""
    x = _thumb_bell(30 * RATE_HZ, RATE_HZ, rng(2), 1.0)
    strikes = onset_times(np.diff(x, 4), 0.02, 0.2)
    steps = np.diff(strikes)
    assert np.median(steps[steps < 0.1]) == pytest.approx(0.075, rel=0.04)


def test_hits_differ() -> None:
    """Planted answer: no two keystrokes are alike: spectra of the loudest four differ."""
    x = keyboard(12.0, RATE_HZ, rng(7), event_rate=1.5)
    starts = (onset_times(x, 0.2, 0.3)[:4] * RATE_HZ).astype(int)
    hits = [np.abs(np.fft.rfft(x[start : start + 800])) for start in starts]
    assert len(hits) == 4 and all(not np.allclose(hits[0], hit, rtol=1e-2) for hit in hits[1:])
