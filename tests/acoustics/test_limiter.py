import math

import numpy as np
import pytest
from scipy import signal

from seehear.acoustics.limiter import HOLD_S, LOOK_AHEAD_S, PIECE_SAMPLES, RELEASE_DB_PER_S, limited
from seehear.acoustics.meter import Meter
from seehear.types import discrete

RATE = 48000


def limit(x, ceiling_dbtp=-1.0, rate_hz=RATE):
    return np.concatenate(list(limited([x], rate_hz, ceiling_dbtp)), axis=1)


def true_peak(x, rate_hz=RATE):
    meter = Meter(discrete(len(x)), rate_hz)
    meter.add(x)
    return meter.true_peak_dbtp


def tone(frequency_hz, seconds=1.0, amplitude=1.0):
    return (amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


SOUNDS = {
    "noise 6 dB too loud": lambda rng: 0.35 * rng.normal(size=(4, 3 * RATE)),
    "clicks": lambda rng: (rng.random((2, 3 * RATE)) < 1e-4) * rng.normal(size=(2, 3 * RATE)) * 2,
    "clicks at both ends": lambda rng: np.pad([[2.0], [-1.5]], ((0, 0), (0, RATE))) + np.pad([[0.9], [3.0]], ((0, 0), (RATE, 0))),
    "sweep to 22 kHz": lambda rng: 1.9 * np.sin(np.cumsum(2 * np.pi * np.linspace(20, 22000, 3 * RATE) / RATE))[None],
    "between samples": lambda rng: 1.4 * np.sin(np.pi * (np.arange(RATE) / 2 + 0.25))[None],
    "shorter than the look-ahead": lambda rng: rng.normal(size=(3, 40)),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_no_peak_passes_the_ceiling(name):
    """Planted answer: what goes up to 12 dB over has, measured again, a true peak of the ceiling within +0.01 and
    -0.05 dB."""
    x = SOUNDS[name](np.random.default_rng(0)).astype(np.float32)
    y = limit(x)
    assert y.shape == x.shape
    assert true_peak(x) > 1
    assert -1.05 < true_peak(y) <= -0.99


@pytest.mark.parametrize("rate_hz", [8000, 44100, 192000])
def test_at_other_rates(rate_hz):
    """Planted answer: as at 48 kHz."""
    x = (0.5 * np.random.default_rng(0).normal(size=(2, rate_hz))).astype(np.float32)
    assert -3.05 < true_peak(limit(x, -3.0, rate_hz), rate_hz) <= -2.99


def test_what_is_below_the_ceiling_stays():
    """Planted answer: bit-identical where no peak is, from hold and release after one to the look-ahead before the next."""
    x = (0.02 * np.random.default_rng(0).normal(size=(3, 4 * PIECE_SAMPLES))).astype(np.float32)
    np.testing.assert_array_equal(limit(x), x)
    at, loud = 2 * PIECE_SAMPLES + 100, x.copy()
    loud[1, at] = 2.0
    y = limit(loud)
    before = round(LOOK_AHEAD_S * RATE) + 2
    after = before + round((HOLD_S + 7.1 / RELEASE_DB_PER_S) * RATE)
    np.testing.assert_array_equal(y[:, : at - before], x[:, : at - before])
    np.testing.assert_array_equal(y[:, at + after :], x[:, at + after :])
    assert y[1, at] == pytest.approx(10 ** (-1 / 20), rel=0.001)


def test_the_image_stays():
    """Planted answer: sample by sample one gain for all channels, between 0 and 1, so that ratios of channels do not change."""
    rng = np.random.default_rng(0)
    x = (0.3 * rng.normal(size=(1, RATE)) * rng.uniform(-1, 1, (12, 1)) + 0.1 * rng.normal(size=(12, RATE))).astype(np.float32)
    y = limit(x, -6.0)
    gain = y / x
    assert gain.min() < 0.8
    assert np.all((gain > 0) & (gain <= 1.0001))
    np.testing.assert_allclose(gain, np.broadcast_to(gain[:1], gain.shape), rtol=3e-7)


def test_block_sizes_do_not_matter():
    """Round trip: at once, in blocks of 480 and of any size: the same bits."""
    rng = np.random.default_rng(0)
    x = (0.3 * rng.normal(size=(2, 3 * PIECE_SAMPLES + 77))).astype(np.float32)
    whole = limit(x)
    for cut in (range(480, x.shape[1], 480), np.unique(rng.integers(0, x.shape[1], 20)).tolist()):
        found = np.concatenate(list(limited(iter(np.split(x, cut, axis=1)), RATE, -1.0)), axis=1)
        np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("frequency_hz", [30, 100, 997, 5000])
def test_a_tone_stays_a_tone(frequency_hz):
    """Closed form: a sine 3 dB over the ceiling is that sine at the ceiling: harmonics and noise below -80 dB once the gain is
    there, as the hold is longer than half a period."""
    x = tone(frequency_hz, 2.0, 10 ** (2 / 20))[None]
    y = limit(x, -1.0)[0, RATE // 2 : -RATE // 2].astype(np.float64)
    t = np.arange(len(y)) / RATE
    basis = np.stack([f(2 * np.pi * frequency_hz * t) for f in (np.sin, np.cos)], axis=1)
    fitted = basis @ np.linalg.lstsq(basis, y, rcond=None)[0]
    assert 20 * math.log10(np.abs(fitted).max()) == pytest.approx(-1.0, abs=0.05)
    assert 10 * math.log10(np.mean((y - fitted) ** 2) / np.mean(fitted**2)) < -80


def test_the_gain_moves_without_a_click():
    """Closed form: around a lone peak 12 dB over, a quiet 1 kHz tone in the other channel only gets slower side bands: what lies
    above 3 kHz stays 70 dB below the tone (cutting the peak off, or a gain that jumps, leaves -40 dB)."""
    x = np.stack([np.zeros(RATE, np.float32), tone(1000, 1.0, 0.1)])
    x[0, RATE // 2] = 3.5
    y = limit(x)[1]
    crest = RATE // 2 + 12
    assert y[crest] / x[1, crest] == pytest.approx(10 ** (-1 / 20) / 3.5, rel=0.01)
    high = signal.sosfiltfilt(signal.butter(8, 3000, "high", fs=RATE, output="sos"), y.astype(np.float64))[2400:-2400]
    assert 20 * math.log10(np.abs(high).max() / 0.1) < -70


def test_nothing_in_nothing_out():
    """Planted: no blocks, empty blocks, silence."""
    assert list(limited([], RATE, -1.0)) == []
    assert sum(block.shape[1] for block in limited([np.zeros((2, 0), np.float32)], RATE, -1.0)) == 0
    assert not limit(np.zeros((2, 1000), np.float32)).any()
