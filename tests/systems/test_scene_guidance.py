from dataclasses import dataclass, replace

import numpy as np
import pytest

from seehear.systems.scene_guidance import mono_mix, scene_guidance
from seehear.types import MONO, Audio, Direction, Image, Room, Scene, Source, Trajectory

RATE_HZ = 44_100
PICTURE = Image(np.zeros((32, 32, 3), np.uint8))


def mono(samples: np.ndarray) -> Audio:
    return Audio(samples[None].astype(np.float32), RATE_HZ, MONO)


@dataclass(frozen=True)
class Gain:
    """A matcher with a known effect."""

    gain: float

    def match(self, audio: Audio, image: Image, /) -> Audio:
        return replace(audio, samples=np.float32(self.gain) * audio.samples)


def test_a_matcher_that_changes_the_level_only():
    """Closed form: no measure but MFCC-DTW hears a gain, and that hears at most 6 dB sqrt(128) of it."""
    x = mono(np.random.default_rng(0).standard_normal(RATE_HZ))
    scores = scene_guidance(x, PICTURE, Gain(10 ** (6 / 20)))
    assert 0 < scores.pop("mfcc_dtw") <= 6 * np.sqrt(128)
    assert scores == pytest.approx(dict.fromkeys(scores, 1.0), abs=1e-6)
    assert scene_guidance(x, PICTURE, Gain(1.0))["mfcc_dtw"] == 0


def test_the_baseline_is_the_sum_at_one_metre():
    """Closed form: stems times 10^(gain / 20), whatever their place and the room."""
    rng = np.random.default_rng(1)
    stems = [mono(rng.standard_normal(4410)) for _ in range(2)]
    far, near = Trajectory.fixed(Direction(1.0), 30.0), Trajectory.fixed(Direction(-1.0), 0.7)
    sources = (Source(stems[0], far, "a", 6.0), Source(stems[1], near, "b", -20.0, extent_rad=1.0))
    scene = Scene(sources, Room("outdoor"), 0.1, RATE_HZ)
    expected = 10 ** (6 / 20) * stems[0].samples + 0.1 * stems[1].samples
    mixed = mono_mix(scene)
    assert mixed.layout == MONO
    np.testing.assert_allclose(mixed.samples, expected, rtol=1e-6, atol=1e-6)
