"""Warning signals: tones, sweeps and cadences against standards, data sheets and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.foley.signals import (
    SOUNDS,
    _gong_phone,
    _sweep_hz,
    _two_tone_hz,
    alarm,
    gate,
    gong_modes,
    horn,
    phone,
    pulse_train,
    siren,
    strike_gong,
)

RATE_HZ = 16000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def spectrum(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and power of a Hann window over all of ``x``."""
    return np.fft.rfftfreq(len(x), 1 / RATE_HZ), np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2


def peak_hz(x: np.ndarray, low_hz: float, high_hz: float) -> float:
    """The strongest frequency between two limits."""
    f, power = spectrum(x)
    inside = (f >= low_hz) & (f <= high_hz)
    return float(f[inside][np.argmax(power[inside])])


def level(x: np.ndarray, hop: int = 16) -> np.ndarray:
    """Power in blocks of ``hop`` samples."""
    return np.mean(x[: len(x) // hop * hop].reshape(-1, hop) ** 2, axis=1)


@pytest.mark.parametrize("name", SOUNDS)
def test_lengths_seeds_and_soundness(name: str) -> None:
    """Closed form: round(duration * rate) finite samples with sound; one seed one sound, two seeds two; no DC."""
    for duration_s, rate_hz, intensity in ((0.05, 8000, 0.0), (0.7, 44100, 1.0), (0.1, 192_000, 0.3)):
        for seed in range(12 if rate_hz == 8000 else 1):
            x = SOUNDS[name](duration_s, rate_hz, rng(seed), intensity=intensity)
            assert x.shape == (round(duration_s * rate_hz),) and np.isfinite(x).all() and x.any()
    a, b, c = (SOUNDS[name](3.0, RATE_HZ, rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert abs(np.corrcoef(a, c)[0, 1]) < 0.3 and abs(a.mean()) < 0.005 * a.std()


def test_pulse_train() -> None:
    """Closed form: at 100 Hz and 16 kHz 72 harmonics of one amplitude, nothing above, power 1."""
    x = pulse_train(np.full(RATE_HZ, 100.0), RATE_HZ)
    lines = np.abs(np.fft.rfft(x)) / (RATE_HZ / 2)
    assert lines[100:7300:100] == pytest.approx(np.full(72, 1 / 6.0), rel=1e-6)
    assert lines[7300:].max() < 1e-9 and np.mean(x**2) == pytest.approx(1, rel=1e-6)


def test_gate() -> None:
    """Closed form: 1 between attack and end, half way at half of each edge, 0 outside; overlapping spans do not add."""
    x = gate(1000, 1000, ((0.1, 0.3), (0.25, 0.5)), 0.02, 0.04)
    assert x[[50, 110, 150, 280, 400, 520, 600]] == pytest.approx([0, 0.5, 1, 1, 1, 0.5, 0], abs=1e-9)


def test_two_tones() -> None:
    """Published numbers (DIN 14610): both tones within 360 to 630 Hz, a fourth (4 : 3) apart, 0.55 to 0.8 s each."""
    for seed in range(6):
        frequency = _two_tone_hz(20 * RATE_HZ, RATE_HZ, rng(seed))
        assert frequency.min() >= 360 and frequency.max() <= 630
        middle = np.sqrt(frequency.min() * frequency.max())
        high = frequency > middle
        assert np.median(frequency[high]) / np.median(frequency[~high]) == pytest.approx(4 / 3, rel=0.005)
        rises = np.flatnonzero(np.diff(high.astype(int)) == 1)
        assert 1.1 <= np.mean(np.diff(rises)) / RATE_HZ <= 1.6
        assert high.mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("intensity", "slowest", "fastest"), [(0.0, 10, 30), (1.0, 150, 250)])
def test_wail_and_yelp(intensity: float, slowest: float, fastest: float) -> None:
    """Published numbers (California title 13, section 1028): wail 10 to 30 sweeps a minute, yelp 150 to 250."""
    for seed in range(4):
        frequency = _sweep_hz(60 * 2000, 2000, rng(seed), intensity)
        above = frequency > np.sqrt(frequency.min() * frequency.max())
        assert slowest - 1 <= np.sum(np.diff(above.astype(int)) == 1) <= fastest + 1
        assert frequency.min() >= 500 and frequency.max() <= 1650


def test_siren_sings_its_curve() -> None:
    """Planted answer: the sound repeats at the frequency of the curve that the same generator draws, within 1 %."""
    for seed in range(8):
        twin = rng(seed)
        n = 3 * RATE_HZ
        frequency = _two_tone_hz(n, RATE_HZ, twin) if twin.random() < 0.4 else _sweep_hz(n, RATE_HZ, twin, 0.0)
        x = siren(3.0, RATE_HZ, rng(seed), intensity=0.0)
        for start in (RATE_HZ, 2 * RATE_HZ):
            piece, expected = x[start : start + 512], frequency[start : start + 512]
            if np.ptp(expected) > 0.01 * expected.mean():
                continue
            correlation = np.correlate(piece, piece, "full")[511:]
            best = int(np.argmax(correlation[8:60])) + 8
            left, top, right = correlation[best - 1 : best + 2]
            period = best + 0.5 * (left - right) / (left - 2 * top + right)
            turns = round(period * expected.mean() / RATE_HZ)
            assert turns * RATE_HZ / period == pytest.approx(expected.mean(), rel=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_horn_tones(seed: int) -> None:
    """Published numbers: low disc 340 to 420 Hz; more between 1.8 and 3.55 kHz than above (UN Regulation 28)."""
    x = horn(4.0, RATE_HZ, rng(seed), intensity=1.0)
    assert 338 <= peak_hz(x, 300, 425) <= 422
    f, power = spectrum(x)
    assert power[(f > 1800) & (f < 3550)].sum() > power[f >= 3550].sum()


def test_horn_pair() -> None:
    """Published numbers: pairs are built a minor to a major third apart (370 / 440, 420 / 500): 1.17 to 1.25."""
    pairs = 0
    for seed in range(10):
        x = horn(4.0, RATE_HZ, rng(seed), intensity=1.0)
        low = peak_hz(x, 335, 425)
        f, power = spectrum(x)
        second = peak_hz(x, 1.1 * low, 1.3 * low)
        if power[np.argmin(abs(f - second))] > 0.02 * power[np.argmin(abs(f - low))]:
            pairs += 1
            assert 1.16 <= second / low <= 1.26
    assert 5 <= pairs <= 10


@pytest.mark.parametrize("seed", range(3))
def test_gong_phone_strokes(seed: int) -> None:
    """Published numbers: ringing current of 20 or 25 Hz (3 % at most off) strikes a gong every half period."""
    x = _gong_phone(2 * RATE_HZ, RATE_HZ, rng(seed), [(0.0, 2.0)], 0.5)
    clicks = np.diff(x, 3)
    envelope = level(clicks, 16)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(envelope - envelope.mean(), 4096)) ** 2)
    lags = np.arange(38, 54)
    period_s = lags[np.argmax(correlation[lags])] / 1000
    assert min(abs(1 / period_s / hz - 1) for hz in (20, 25)) < 0.05


def test_gong_partials() -> None:
    """Published numbers: partials of a struck gong lie where Rayleigh's hemisphere has them, 2.5 to 2.81 for the second."""
    freqs, _, _ = gong_modes(1500.0, rng(3))
    assert np.mean(freqs[[0, 4]]) == pytest.approx(1500) and 2.5 <= np.mean(freqs[[1, 5]]) / 1500 <= 2.82
    x = strike_gong(np.array([0.1]), np.ones(1), 1500.0, 2 * RATE_HZ, RATE_HZ, rng(3))
    late = x[RATE_HZ // 2 :]
    assert min(abs(peak_hz(late, 1200, 1800) / f - 1) for f in freqs[[0, 4]]) < 0.001


def test_tone_ringer() -> None:
    """Published numbers (MC34012): two tones 5 : 4, the lower near 800 or 1600 Hz, alternating 12.5 times a second."""
    heard = 0
    for seed in range(12):
        x = phone(1.0, RATE_HZ, rng(seed), event_rate=0.1)
        f, power = spectrum(x)
        for low in (800.0, 1600.0):
            lower, upper = peak_hz(x, 0.95 * low, 1.05 * low), peak_hz(x, 1.19 * low, 1.31 * low)
            share = power[(f > 0.93 * low) & (f < 1.32 * low)].sum() / power[f < 1.4 * low].sum()
            if share > 0.98 and upper / lower == pytest.approx(1.25, abs=0.03):
                heard += 1
                lines = np.sort(np.abs(f[power > 0.05 * power.max()] - lower))
                # Alternation puts side lines 12.5 Hz (within 3 %) from each tone.
                assert np.min(np.abs(lines - 12.5)) < 1.5
                break
    assert heard >= 3


def test_cadence() -> None:
    """Planted answer: the event rate is the number of rings a second."""
    for seed in range(4):
        loud = np.sqrt(level(phone(40.0, 8000, rng(seed), event_rate=0.25), 400))
        above = loud > 0.25 * np.percentile(loud, 98)
        rings = 1 + np.sum(np.diff(np.flatnonzero(above)) > 8)
        assert 9 <= rings <= 11


def test_quartz_alarm() -> None:
    """Closed form: 32768 Hz / 16 or / 8: the loudest line of a beeping alarm is 2048 or 4096 Hz within 0.1 %."""
    quartz = 0
    for seed in range(10):
        x = alarm(4.0, RATE_HZ, rng(seed))
        if np.mean(level(x, 160) < 1e-4 * level(x, 160).max()) > 0.2:
            quartz += 1
            assert min(abs(peak_hz(x, 1000, 6000) / hz - 1) for hz in (2048, 4096)) < 0.001
    assert 3 <= quartz <= 8


def test_alarm_groups() -> None:
    """Planted answer: half a group a second gives silence of more than a second between beeps, and strokes come at their rate."""
    for seed in range(10):
        quiet = level(alarm(6.0, RATE_HZ, rng(seed), event_rate=0.5), 160) < 1e-6
        longest = np.max(np.diff(np.flatnonzero(np.r_[True, ~quiet, True])))
        if quiet.mean() > 0.3:
            assert longest >= 90
            return
    raise AssertionError("no quartz clock in ten seeds")
