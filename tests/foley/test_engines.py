"""Piston engines: crank angles, pipes and firing rates against closed forms and published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.foley.engines import EXHAUST_GAS_M_S, MOTORCYCLES, SOUNDS, Engine, Road, _drive, exhaust, firings, mower, pipe, truck

RATE_HZ = 16000


def repetition(x: np.ndarray, rate_hz: float, low_hz: float, high_hz: float) -> tuple[float, float]:
    """Repetition rate between ``low_hz`` and ``high_hz`` (parabola through the best lag) and its normalised autocorrelation."""
    correlation = np.fft.irfft(np.abs(np.fft.rfft(x - x.mean(), 2 * len(x))) ** 2)[: len(x)]
    lags = np.arange(int(rate_hz / high_hz), int(rate_hz / low_hz) + 1)
    best = int(lags[np.argmax(correlation[lags])])
    left, top, right = correlation[best - 1 : best + 2]
    return rate_hz / (best + 0.5 * (left - right) / (left - 2 * top + right)), float(top / correlation[0])


@pytest.mark.parametrize("name", SOUNDS)
def test_lengths_seeds_and_soundness(name: str) -> None:
    """Closed form: round(duration * rate) finite samples with sound; one seed one sound, two seeds uncorrelated; no DC."""
    for duration_s, rate_hz, intensity in ((0.05, 8000, 0.0), (0.7, 44100, 1.0), (0.1, 192_000, 0.3)):
        for seed in range(6 if rate_hz == 8000 else 1):
            x = SOUNDS[name](duration_s, rate_hz, np.random.default_rng(seed), intensity=intensity)
            assert x.shape == (round(duration_s * rate_hz),) and np.isfinite(x).all() and x.any()
    a, b, c = (SOUNDS[name](3.0, RATE_HZ, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert abs(np.corrcoef(a, c)[0, 1]) < 0.1 and abs(a.mean()) < 0.005 * a.std()


@pytest.mark.parametrize(
    ("engine", "intervals_deg"),
    [
        (MOTORCYCLES["v-twin"][0], (315, 405)),
        (MOTORCYCLES["twin"][0], (270, 450)),
        (MOTORCYCLES["four"][0], (180,)),
        (Engine((0,)), (720,)),
        (Engine((0,), cycle_deg=360), (360,)),
    ],
)
def test_firing_intervals(engine: Engine, intervals_deg: tuple[float, ...]) -> None:
    """Closed form: at 20 turns a second, angle a lasts a / 360 / 20 s, cylinder after cylinder."""
    times, cylinder = firings(np.full(2 * RATE_HZ, 20.0), engine, RATE_HZ, np.random.default_rng(3), jitter=0.0)
    steps = np.diff(times) * 360 * 20
    expected = np.array(intervals_deg)[(cylinder[:-1]) % len(intervals_deg)]
    assert len(times) >= 19 and steps == pytest.approx(expected, rel=1e-6)


def test_pipe_echoes() -> None:
    """Closed form: from a pipe of 1 m an impulse comes back every 2 l / c = 4 ms, times -r each; resonance at c / 4 l."""
    impulse = np.zeros(48_000)
    impulse[0] = 1
    x = pipe(impulse, 1.0, 0.7, 48_000, dull_hz=1e12)
    assert x[[0, 192, 384, 576]] == pytest.approx([1, -0.7, 0.49, -0.343], abs=1e-6)
    response = np.abs(np.fft.rfft(x))
    assert np.argmax(response[:200]) == pytest.approx(EXHAUST_GAS_M_S / 4, rel=0.008)


def test_only_engine_orders() -> None:
    """Closed form: a four-stroke at 20 turns a second repeats every second turn, so its spectrum is lines 10 Hz apart."""
    engine = Engine((0, 315))
    times, _ = firings(np.full(8 * RATE_HZ, 20.0), engine, RATE_HZ, rng(2), jitter=0.0)
    sound = exhaust(engine, times, np.ones(len(times)), np.zeros(len(times)), 8 * RATE_HZ, RATE_HZ, rng(2))
    power = np.abs(np.fft.rfft(sound[RATE_HZ:] * np.hanning(7 * RATE_HZ))) ** 2
    orders = np.add.outer(np.arange(70, 7 * 1000, 70), np.arange(-3, 4)).ravel()
    assert power[orders].sum() > 0.995 * power[: 7 * 1000].sum()
    assert len(times) in (159, 160, 161)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("seed", range(4))
def test_mower_fires_every_other_turn(seed: int) -> None:
    """Published numbers: a governor holds a mower near 3000 turns a minute (here 2560 to 3320), half as many firings."""
    rate, strength = repetition(mower(5.0, RATE_HZ, rng(seed)), RATE_HZ, 16, 34)
    assert 2560 / 60 / 2 <= rate <= 3320 / 60 / 2 and strength > 0.2


@pytest.mark.parametrize("seed", range(4))
def test_idling_truck(seed: int) -> None:
    """Published numbers: a diesel idles at 550 to 700 turns a minute (within 1 %); it repeats itself every second turn."""
    x = truck(5.0, RATE_HZ, rng(seed), intensity=0.0)[RATE_HZ:]
    rate, strength = repetition(x, RATE_HZ, 4.4, 6.1)
    assert 0.99 * 550 / 120 <= rate <= 1.01 * 700 / 120 and strength > 0.15


def test_gears() -> None:
    """Planted answer: a change of gear lowers the crank speed by the gears' step, here 0.8; nobody changes while standing."""
    road = Road(10.0, 10.0, 40.0, (2.0, 2.0), (0.3, 0.3), 0.8)
    crank, load = _drive(20 * RATE_HZ, RATE_HZ, rng(5), road, 1.0)
    smooth = np.convolve(crank, np.full(800, 1 / 800), "valid")
    falls = smooth[4800 + 960 :] / smooth[: -4800 - 960]
    assert falls.min() == pytest.approx(0.8, abs=0.03)
    assert load.min() < 0.1 and load.max() > 0.9
    standing, _ = _drive(20 * RATE_HZ, RATE_HZ, rng(5), road, 0.0)
    assert np.median(standing) == pytest.approx(10, rel=0.003)


def test_intensity_is_heard() -> None:
    """Planted answer: a motorcycle that pulls is higher than one that idles, by median of the power spectrum over seeds."""

    def median_hz(intensity: float, seed: int) -> float:
        power = np.abs(np.fft.rfft(SOUNDS["motorcycle"](3.0, RATE_HZ, rng(seed), intensity=intensity))) ** 2
        return float(np.searchsorted(np.cumsum(power), power.sum() / 2) / 3.0)

    idle, hard = (np.median([median_hz(value, seed) for seed in range(6)]) for value in (0.1, 1.0))
    assert hard > 1.3 * idle


def test_nothing_loops() -> None:
    """Planted answer: no half second of a mower, the steadiest of them, comes back (a loop would correlate to 1)."""
    x = np.diff(mower(8.0, RATE_HZ, rng(4)))
    template = x[RATE_HZ : RATE_HZ + RATE_HZ // 2]
    size = 1 << 18
    products = np.fft.irfft(np.fft.rfft(x, size) * np.conj(np.fft.rfft(template, size)), size)[: len(x) - len(template)]
    energies = np.convolve(x**2, np.ones(len(template)), "valid")[: len(products)]
    score = products / np.sqrt(energies * np.sum(template**2))
    away = np.abs(np.arange(len(score)) - RATE_HZ) > RATE_HZ // 4
    assert score[RATE_HZ] == pytest.approx(1, abs=1e-6) and score[away].max() < 0.9
