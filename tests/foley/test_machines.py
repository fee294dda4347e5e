"""Machines and vehicles: rates measured by autocorrelation, echoes and joints against planted answers."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.foley.machines import SOUNDS, _ground_echo, aeroplane, chainsaw, helicopter
from seehear.foley.vehicles import COACH_M, _joints, car

RATE_HZ = 16000


def rate_of(x: np.ndarray, rate_hz: int, low_hz: float, high_hz: float) -> tuple[float, float]:
    """Repetition rate between ``low_hz`` and ``high_hz`` and its normalised autocorrelation."""
    spectrum = np.fft.rfft(x - x.mean(), 2 * len(x))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(x)]
    lags = np.arange(int(rate_hz / high_hz), int(rate_hz / low_hz) + 1)
    best = lags[int(np.argmax(correlation[lags]))]
    return rate_hz / best, float(correlation[best] / correlation[0])


def envelope(x: np.ndarray, hop: int = 16) -> np.ndarray:
    """Root mean square in blocks of ``hop`` samples."""
    return np.sqrt(np.mean(x[: len(x) // hop * hop].reshape(-1, hop) ** 2, axis=1))


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize(("duration_s", "rate_hz"), [(0.05, 8000), (0.7, 44100), (1.23456, 48000), (0.1, 192000)])
@pytest.mark.parametrize("intensity", [0.0, 1.0])
def test_length_and_soundness(name: str, duration_s: float, rate_hz: int, intensity: float) -> None:
    """Closed form: round(duration * rate) finite samples that are not silent."""
    for seed in range(12 if rate_hz == 8000 else 1):
        x = SOUNDS[name](duration_s, rate_hz, np.random.default_rng(seed), intensity=intensity)
        assert x.shape == (round(duration_s * rate_hz),)
        assert np.isfinite(x).all() and x.any()


@pytest.mark.parametrize("name", SOUNDS)
def test_seed_decides(name: str) -> None:
    """Round trip: one seed gives one sound, two seeds uncorrelated ones; no DC."""
    a, b, c = (SOUNDS[name](4.0, RATE_HZ, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert abs(np.corrcoef(a, c)[0, 1]) < 0.1
    assert abs(a.mean()) < 0.005 * a.std()


@pytest.mark.parametrize("name", SOUNDS)
def test_nothing_loops(name: str) -> None:
    """Planted answer: no stretch of half a second comes back (a loop would correlate to 1 in every band)."""
    x = np.diff(SOUNDS[name](8.0, RATE_HZ, np.random.default_rng(4)))
    template = x[RATE_HZ : RATE_HZ + RATE_HZ // 2]
    size = 1 << 18
    products = np.fft.irfft(np.fft.rfft(x, size) * np.conj(np.fft.rfft(template, size)), size)[: len(x) - len(template)]
    energies = np.convolve(x**2, np.ones(len(template)), "valid")[: len(products)]
    score = products / np.sqrt(energies * np.sum(template**2))
    away = np.abs(np.arange(len(score)) - RATE_HZ) > RATE_HZ // 4
    assert score[RATE_HZ] == pytest.approx(1, abs=1e-6)
    assert score[away].max() < 0.9


@pytest.mark.parametrize("seed", range(5))
def test_blade_passage(seed: int) -> None:
    """Published numbers: the rotor beats at a blade passage rate of 11 to 25 Hz (or half of it: blades differ)."""
    x = helicopter(6.0, RATE_HZ, np.random.default_rng(seed), intensity=0.8)
    rate, strength = rate_of(envelope(x) ** 2, RATE_HZ // 16, 10.5, 26)
    assert 10.8 <= rate <= 25.5 and strength > 0.15


@pytest.mark.parametrize("seed", range(5))
def test_chainsaw_firing_rate(seed: int) -> None:
    """Published numbers: at work a two-stroke fires once a turn, 6000 to 11700 rpm = 100 to 195 Hz."""
    x = chainsaw(8.0, RATE_HZ, np.random.default_rng(seed), intensity=1.0)
    level = np.convolve(x**2, np.ones(RATE_HZ // 2), "valid")
    start = int(np.argmax(level))
    rate, strength = rate_of(x[start : start + RATE_HZ // 2], RATE_HZ, 90, 210)
    assert 98 <= rate <= 198 and strength > 0.15


@pytest.mark.parametrize("seed", range(4))
def test_idling_car_firing_rate(seed: int) -> None:
    """Closed form: at 13 turns a second 3, 4 or 6 cylinders of a four-stroke fire 19.5, 26 or 39 times a second."""
    x = car(6.0, RATE_HZ, np.random.default_rng(seed), intensity=0.0)
    rate, strength = rate_of(x, RATE_HZ, 17, 45)
    assert min(abs(rate - wanted) / wanted for wanted in (19.5, 26, 39)) < 0.02 and strength > 0.15


def test_rail_joints() -> None:
    """Planted answer: at 20 m/s the axles of 25 m coaches come back every 1.25 s, and wheels of a bogie 0.125 s apart."""
    joints = _joints(np.full(20 * RATE_HZ, 20.0), RATE_HZ, np.random.default_rng(2))
    level = envelope(joints, 160)
    rate, strength = rate_of(level, 100, 0.6, 1.2)
    assert rate == pytest.approx(20 / COACH_M, rel=0.01) and strength > 0.5
    bogie, _ = rate_of(level, 100, 6.0, 11.0)
    assert bogie == pytest.approx(8.0, rel=0.08)


def test_ground_echo() -> None:
    """Closed form: from overhead an impulse comes back 2 h / c later (h 1.3 to 1.9 m), 0.35 to 0.7 as strong in area."""
    impulse = np.zeros(8000)
    impulse[4000] = 1
    echo = _ground_echo(impulse, np.ones(8000), RATE_HZ, np.random.default_rng(0)) - impulse
    delay_s = (np.sum(echo * np.arange(8000)) / echo.sum() - 4000) / RATE_HZ
    assert 2.6 / 343 - 1e-4 <= delay_s <= 3.8 / 343 + 4e-4
    assert 0.34 <= echo.sum() <= 0.71


def test_intensity_is_heard() -> None:
    """Planted answer: a car that drives has more tyre noise (0.6 to 2 kHz share of power) than one that idles; jets of all
    seeds keep most of their power below 2 kHz (Tam 1996)."""

    def share(x: np.ndarray, low_hz: float, high_hz: float) -> float:
        power = np.abs(np.fft.rfft(x)) ** 2
        freqs = np.fft.rfftfreq(len(x), 1 / RATE_HZ)
        return float(power[(freqs >= low_hz) & (freqs < high_hz)].sum() / power.sum())

    idle, fast = (car(4.0, RATE_HZ, np.random.default_rng(0), intensity=value) for value in (0.0, 0.8))
    assert share(fast, 600, 2000) > 1.5 * share(idle, 600, 2000)
    assert all(share(aeroplane(3.0, RATE_HZ, np.random.default_rng(seed)), 0, 2000) > 0.8 for seed in range(4))
