"""Applause and laughter: rates, decay and course against published numbers."""

from __future__ import annotations

import numpy as np
from scipy import signal

from listening import RATE_HZ, loud_runs_s, pitches_hz
from seehear.foley import people


def claps(seed: int, seconds: float = 8.0) -> np.ndarray:
    canvas = np.zeros(int(seconds * RATE_HZ))
    people._clapper(canvas, RATE_HZ, np.random.default_rng(seed), 1.0, 1.0)
    return canvas


def test_one_person_claps_four_times_a_second() -> None:
    """Oracle: published number, 4 claps a second in the mean, 2.5 to 6.8 from person to person (Repp 1987)."""
    rates = []
    for seed in range(16):
        starts = loud_runs_s(claps(seed), 0.04)[:, 0]
        rates.append(1 / np.median(np.diff(starts)))
    assert 3.4 < np.mean(rates) < 4.7
    assert min(rates) > 2.4 and max(rates) < 6.8
    assert np.std(rates) > 0.3


def test_a_clap_is_over_within_50_ms() -> None:
    """Oracle: published fact (Repp 1987); the energy of a clap lies within the first 10 ms, and all of it within 50."""
    for seed in range(8):
        x = claps(seed)
        start = int(loud_runs_s(x, 0.04)[2, 0] * RATE_HZ)
        energy = np.cumsum(x[start : start + RATE_HZ // 10] ** 2)
        assert energy[RATE_HZ // 100] > 0.7 * energy[-1]
        assert energy[RATE_HZ // 20] > 0.9999 * energy[-1]


def test_more_hands_are_a_smoother_wash() -> None:
    """Oracle: closed form; the sum of many independent clappers fluctuates less than that of few."""

    def unrest(intensity: float) -> float:
        x = people.applause(5.0, RATE_HZ, np.random.default_rng(1), intensity=intensity)
        frames = np.sqrt((x.reshape(-1, 480) ** 2).mean(1))
        return float(frames.std() / frames.mean())

    assert unrest(1.0) < 0.75 * unrest(0.0)


def test_applause_is_broad_around_the_cavities_of_hands() -> None:
    """Oracle: published range of clap spectra (Repp 1987): most energy at 0.5 to 6 kHz, without a rest."""
    for seed in range(4):
        x = people.applause(4.0, RATE_HZ, np.random.default_rng(seed))
        freqs, power = signal.welch(x, RATE_HZ, nperseg=1024)
        assert power[(freqs > 500) & (freqs < 6000)].sum() > 0.75 * power.sum()
        frames = np.sqrt((x.reshape(-1, 4800) ** 2).mean(1))
        assert frames.min() > 0.3 * frames.max()


def test_laughter_has_the_rhythm_and_the_decline_of_laughter() -> None:
    """Oracle: published numbers (Provine & Yong 1991): a note every 210 ms, each softer than the one before in the mean.

    The pitch lies within 170 to 560 Hz (Bachorowski et al. 2001: means of 272 Hz in men, 405 Hz in women).
    """
    intervals, declines = [], []
    for seed in range(7):
        x = people.laughter(6.0, RATE_HZ, np.random.default_rng(seed))
        start, end = loud_runs_s(x, 0.3)[0]
        bout = x[int(start * RATE_HZ) : int(end * RATE_HZ)]
        envelope = np.sqrt(signal.sosfiltfilt(signal.butter(2, 14, fs=RATE_HZ, output="sos"), bout**2).clip(0))
        peaks = signal.find_peaks(envelope, height=0.12 * envelope.max(), prominence=0.08 * envelope.max())[0]
        assert len(peaks) >= 3
        intervals.append(np.median(np.diff(peaks)) / RATE_HZ)
        declines.append(np.polyfit(peaks / RATE_HZ, 20 * np.log10(envelope[peaks]), 1)[0])
        assert 170 < np.median(pitches_hz(bout, 120, 900)) < 560
    assert 0.18 < np.median(intervals) < 0.27
    assert np.median(declines) < -1.5
