from dataclasses import dataclass, replace

import numpy as np
import pytest

from seehear.systems.scene_guidance import mono_mix, scene_guidance, with_hiss
from seehear.types import MONO, SURROUND_5_1, Audio, Direction, Image, Room, Scene, Source, Trajectory

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


def test_the_control_is_hiss_20_db_down():
    """Closed form: what is added has a tenth of the rms of its channel, within four standard errors (1 / sqrt(2 N) each), does
    not follow the sound, and is decided by the seed; silence stays silence."""
    x = np.sin(0.01 * np.arange(400_000)) * np.array([[1.0], [0.2], [0.0]])
    audio = Audio(np.resize(x, (6, x.shape[1])).astype(np.float32), RATE_HZ, SURROUND_5_1)
    one, two = (with_hiss(audio, np.random.default_rng(5)).samples for _ in range(2))
    assert (one == two).all()
    added = one.astype(float) - audio.samples
    np.testing.assert_allclose(added[:2].std(axis=1), 0.1 * x[:2].std(axis=1), rtol=4 / np.sqrt(2 * 400_000))
    assert np.abs(np.corrcoef(added[:2], audio.samples[:2])[np.triu_indices(4, 1)][:5]).max() < 0.01
    assert not added[2].any()


def test_hiss_alone_looks_like_a_better_fit():
    """Planted: an echo changes the cepstra of clicks more than of the same clicks in hiss, which fits no picture better."""

    @dataclass(frozen=True)
    class Echo:
        def match(self, audio: Audio, image: Image, /) -> Audio:
            return replace(audio, samples=audio.samples + np.float32(0.1) * np.roll(audio.samples, 7000, axis=1))

    clicks = np.zeros(RATE_HZ)
    clicks[::22050] = 1
    plain = scene_guidance(mono(clicks), PICTURE, Echo())
    hissing = scene_guidance(with_hiss(mono(clicks), np.random.default_rng(6)), PICTURE, Echo())
    assert hissing["mfcc_dtw"] < 0.5 * plain["mfcc_dtw"]
