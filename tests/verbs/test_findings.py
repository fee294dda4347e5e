"""Findings at their limits: what is almost a fault and must not be called one, beside what just is. Oracle: planted samples."""

from __future__ import annotations

import numpy as np
import pytest

import seehear
from faulty_files import wav
from seehear.acoustics.channels import ChannelMeter
from seehear.types import STEREO, SURROUND_5_1, Layout
from seehear.verbs.conventions import FieldReading, likely_weights
from seehear.verbs.findings_heard import Heard, heard_findings

RATE = 48_000
RNG = np.random.default_rng(0)
NOISE = 0.1 * RNG.standard_normal((6, RATE))


def heard(samples: np.ndarray, layout: Layout = STEREO, seconds: float | None = None) -> Heard:
    meter = ChannelMeter(len(samples), RATE)
    meter.add(samples.astype(np.float32))
    return Heard(layout, layout.labels, meter.facts, None, -9.0, False, samples.shape[1] / RATE if seconds is None else seconds)


def codes(samples: np.ndarray, layout: Layout = STEREO) -> set[str]:
    return {each.code for each in heard_findings(heard(samples, layout))}


def test_alike_is_not_the_same() -> None:
    """Correlations of 1, 0.9995 and 1 at another level; -1 and -0.95."""
    a, b = NOISE[:2]
    assert codes(np.stack([a, a])) == {"duplicate-channels"}
    assert codes(np.stack([a, 0.9995 * a + 0.0316 * b])) == codes(np.stack([a, 0.5 * a])) == set()
    assert codes(np.stack([a, -0.5 * a])) == {"inverted-polarity"}
    assert codes(np.stack([a, -0.95 * a + 0.31 * b])) == set()
    assert codes(np.stack([*NOISE[:3], NOISE[3] * 0, NOISE[4], NOISE[4]]), SURROUND_5_1) == {"duplicate-channels"}


def test_a_slow_wave_is_no_direct_current() -> None:
    """Means of -54 and -34 dBFS beside an RMS of -9 dBFS; a mean that half a wave of 10 Hz has."""
    wave = 0.5 * np.sin(2 * np.pi * 50 * np.arange(RATE) / RATE)
    assert codes(np.stack([wave + 0.002, NOISE[0]])) == set()
    assert codes(np.stack([wave + 0.02, NOISE[0]])) == {"dc-offset"}
    half = 0.5 * np.sin(2 * np.pi * 10 * np.arange(RATE // 20) / RATE)
    assert codes(np.stack([half, NOISE[0, : len(half)]])) == set()


@pytest.mark.parametrize("weights", ["acn-sn3d", "fuma", "acn-n3d"])
def test_energies_of_no_field(weights: str) -> None:
    """Three channels that together have a field's energy, equally or one of them more than W allows."""
    ratio = {"acn-sn3d": 1, "fuma": 2, "acn-n3d": 3}[weights]
    tones = [np.sin(2 * np.pi * f * np.arange(RATE) / RATE) for f in (100, 200, 300, 400)]  # orthogonal, of equal energy
    even = heard(np.stack([tones[0], *(np.sqrt(ratio / 3) * each for each in tones[1:])])).channels
    assert likely_weights(even) == weights
    shares = np.sqrt([1.15 * ratio, 0, 0])
    uneven = heard(np.stack([tones[0], *(share * each for share, each in zip(shares, tones[1:], strict=True))])).channels
    assert likely_weights(uneven) == ""


def test_quadraphonic_sound_is_no_field(tmp_path) -> None:
    """Four equally loud channels with the mask of quad have the energies of N3D, which says nothing there."""
    found = seehear.inspect(wav(tmp_path / "quad.wav", NOISE[:4].astype(np.float32), mask=0x33))
    assert found.field == FieldReading("none") and not [each for each in found.problems if each.code != "loudness"]
    assert seehear.inspect(wav(tmp_path / "four.wav", NOISE[:4].astype(np.float32), mask=0)).field.status == "unknown"


def test_problems_come_before_notes(tmp_path) -> None:
    """A file with a note by its header (back surrounds) and a problem by its samples (full scale)."""
    samples = np.float32(9) * NOISE.astype(np.float32)
    severities = [each.severity for each in seehear.inspect(wav(tmp_path / "a.wav", samples, mask=0x3F)).problems]
    assert severities == sorted(severities, reverse=True) and set(severities) == {"problem", "note"}
