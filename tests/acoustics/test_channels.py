"""Channels measured block by block. Oracles: closed forms of sines and of plane waves, numpy's own statistics."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.acoustics.channels import FIELD_ENERGY_RATIOS, ChannelFacts, ChannelMeter
from seehear.acoustics.sphere import convert, encode

RATE = 48_000


def measured(samples: np.ndarray, size: int = 5_000) -> ChannelFacts:
    meter = ChannelMeter(len(samples), RATE)
    for start in range(0, samples.shape[1], size):
        meter.add(samples[:, start : start + size].astype(np.float32))
    return meter.facts


def test_levels_of_sines_and_direct_current() -> None:
    """A sine of amplitude a has an RMS of a / sqrt(2), one on a pedestal b a mean of b and sqrt(a^2 / 2 + b^2)."""
    t = np.arange(RATE) / RATE
    facts = measured(np.stack([0.5 * np.sin(2 * np.pi * 1000 * t), 0.1 + 0.2 * np.cos(2 * np.pi * 100 * t)]))
    assert facts.rms == pytest.approx([0.5 / np.sqrt(2), np.sqrt(0.02 + 0.01)], rel=1e-6)
    assert facts.peak == pytest.approx([0.5, 0.3], rel=1e-6)
    assert facts.offset == pytest.approx([0, 0.1], abs=1e-7)


def test_likeness_is_the_correlation_coefficient() -> None:
    """As numpy.corrcoef has it; 0 beside a channel that does not move."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 20_000))
    x = 0.1 * np.stack([a, 0.6 * a + 0.8 * b, -a, 0 * a])
    assert measured(x).similarity[:3, :3] == pytest.approx(np.corrcoef(x[:3]), abs=1e-6)
    assert np.all(measured(x).similarity[3] == 0)


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_cut_waves_are_counted_across_blocks(size: int) -> None:
    """Runs of 5, 3 and 2 at full scale: 3 + 1 + 0 samples have two equal ones before them, whatever the blocks."""
    x = np.zeros((1, 64))
    x[0, 4:9], x[0, 20:23], x[0, 40:42] = 1, -1, 1
    assert measured(x, size).n_clipped.tolist() == [4]


def test_invalid_samples_are_counted_and_left_out() -> None:
    x = np.full((2, 1000), 0.5)
    x[0, 3], x[0, 7], x[1, 5] = np.nan, np.inf, -np.inf
    facts = measured(x, 100)
    assert facts.n_invalid.tolist() == [2, 1]
    assert facts.rms == pytest.approx(np.sqrt(0.25 * np.array([998, 999]) / 1000), rel=1e-6)  # closed form: the others


def test_share_of_energy_above_a_frequency() -> None:
    """Two sines of 60 and 2000 Hz: their squared amplitudes are the shares."""
    t = np.arange(4 * RATE) / RATE
    x = 0.3 * np.sin(2 * np.pi * 60 * t) + 0.1 * np.sin(2 * np.pi * 2000 * t) + 0.2
    assert measured(x[None]).share_above(200) == pytest.approx([0.01 / 0.1], rel=5e-3)


@pytest.mark.parametrize("convention", ["acn-sn3d", "acn-n3d", "fuma"])
def test_energies_of_a_field(convention: str) -> None:
    """One plane wave from anywhere: the components of a unit vector have the energy of 1, in each convention's weights."""
    rng = np.random.default_rng(1)
    for direction in rng.normal(size=(5, 3)):
        samples = encode(rng.normal(0, 0.1, 4800), direction / np.linalg.norm(direction))
        facts = measured(convert(samples, "acn-sn3d", convention))  # type: ignore[arg-type]
        assert facts.field_energy_ratio == pytest.approx(FIELD_ENERGY_RATIOS[convention], rel=1e-4)


def test_any_blocks_give_the_same() -> None:
    x = np.random.default_rng(2).normal(0, 0.2, (3, 10_000))
    whole, parts = measured(x, 10_000), measured(x, 777)
    for name in ("rms", "peak", "offset", "similarity", "powers"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-12)
