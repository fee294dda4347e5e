"""Household machines: shaft, blade, drum and sheet rates against published numbers and planted answers."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.foley.household import SOUNDS, _laser, _spin, _wash, vacuum

RATE_HZ = 16000


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def peak_hz(x: np.ndarray, low_hz: float, high_hz: float, rate_hz: float = RATE_HZ) -> tuple[float, float]:
    """The strongest frequency between two limits, and its power over the median of the powers there."""
    f, power = np.fft.rfftfreq(len(x), 1 / rate_hz), np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    inside = (f >= low_hz) & (f <= high_hz)
    best = int(np.argmax(power[inside]))
    return float(f[inside][best]), float(power[inside][best] / np.median(power[inside]))


@pytest.mark.parametrize("name", SOUNDS)
def test_lengths_seeds_and_soundness(name: str) -> None:
    """Closed form: round(duration * rate) finite samples with sound; one seed one sound, two seeds uncorrelated; no DC."""
    for duration_s, rate_hz, intensity in ((0.05, 8000, 0.0), (0.7, 44100, 1.0), (0.1, 192_000, 0.3)):
        for seed in range(6 if rate_hz == 8000 else 1):
            x = SOUNDS[name](duration_s, rate_hz, rng(seed), intensity=intensity)
            assert x.shape == (round(duration_s * rate_hz),) and np.isfinite(x).all() and x.any()
    a, b, c = (SOUNDS[name](3.0, RATE_HZ, rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert abs(np.corrcoef(a, c)[0, 1]) < 0.15 and abs(a.mean()) < 0.005 * a.std()


@pytest.mark.parametrize("seed", range(4))
def test_impeller(seed: int) -> None:
    """Published numbers: 7 or 9 blades at 330 to 570 turns a second: a tone between 2.2 and 5.2 kHz stands out by 15 dB."""
    x = vacuum(2.0, RATE_HZ, rng(seed))[RATE_HZ // 2 : RATE_HZ]
    tone, prominence = peak_hz(x, 2000, 5500)
    assert 2200 <= tone <= 5200 and prominence > 30


@pytest.mark.parametrize("seed", range(3))
def test_mains(seed: int) -> None:
    """Closed form: the iron is pulled twice a period of the mains: a line at 100 or 120 Hz exactly (within 0.2 %)."""
    x = vacuum(20.0, 8000, rng(seed))
    lines = [peak_hz(x, hz - 6, hz + 6, 8000) for hz in (100, 120)]
    tone, prominence = max(lines, key=lambda line: line[1])
    assert min(abs(tone / hz - 1) for hz in (100, 120)) < 0.002 and prominence > 12


@pytest.mark.parametrize("seed", range(4))
def test_spinning_drum(seed: int) -> None:
    """Published numbers: 600 to 1400 turns a minute: the strongest line of the unbalance lies at 10 to 23.4 Hz or a multiple."""
    x = _spin(4 * RATE_HZ, RATE_HZ, rng(seed), 0.5)
    tone, prominence = peak_hz(x, 8.5, 30)
    assert 8.9 <= tone <= 30 and prominence > 20


@pytest.mark.parametrize("seed", range(3))
def test_drum_ribs(seed: int) -> None:
    """Published numbers: 3 ribs at 45 to 55 turns a minute drop the load 2.25 to 2.75 times a second while the drum turns."""
    x = _wash(60 * 4000, 4000, rng(seed), 0.3)
    thuds = np.abs(np.fft.irfft(np.fft.rfft(x) * (np.fft.rfftfreq(len(x), 1 / 4000) < 120)))
    envelope = np.mean(thuds.reshape(-1, 40), axis=1)
    power = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2
    f = np.fft.rfftfreq(len(envelope), 0.01)
    inside = (f > 1.5) & (f < 4)
    assert 2.2 <= f[inside][np.argmax(power[inside])] <= 2.8


@pytest.mark.parametrize("seed", range(3))
def test_sheets(seed: int) -> None:
    """Published numbers: a laser printer of 12 to 32 sheets a minute: its sound repeats every 1.9 to 5 s."""
    x = _laser(40 * 8000, 8000, rng(seed), 0.5)
    loud = np.mean(np.diff(x[: len(x) // 400 * 400], prepend=0).reshape(-1, 400) ** 2, axis=1)
    envelope = np.log(loud) - np.mean(np.log(loud))
    correlation = np.fft.irfft(np.abs(np.fft.rfft(envelope, 2048)) ** 2)
    lags = np.arange(30, 110)
    best = lags[np.argmax(correlation[lags])] / 20
    assert 1.85 <= best <= 5.1 and correlation[lags].max() > 0.3 * correlation[0]


@pytest.mark.parametrize("name", SOUNDS)
def test_nothing_loops(name: str) -> None:
    """Planted answer: no half second comes back (a loop would correlate to 1)."""
    x = np.diff(SOUNDS[name](6.0, RATE_HZ, rng(4)))
    template = x[RATE_HZ : RATE_HZ + RATE_HZ // 2]
    size = 1 << 17
    products = np.fft.irfft(np.fft.rfft(x, size) * np.conj(np.fft.rfft(template, size)), size)[: len(x) - len(template)]
    energies = np.convolve(x**2, np.ones(len(template)), "valid")[: len(products)]
    score = products / np.sqrt(energies * np.sum(template**2))
    away = np.abs(np.arange(len(score)) - RATE_HZ) > RATE_HZ // 4
    assert score[RATE_HZ] == pytest.approx(1, abs=1e-6) and score[away].max() < 0.9
