"""The shipped audio encoder: its levels by closed form, its answers on sounds that it was not trained on."""

import numpy as np
import pytest

from seehear.adapters.audio_encoder import BuiltinAudioEncoder, clip_probabilities, level_db, mel_power, windows
from seehear.foley import synthesize
from seehear.metrics.frechet import frechet_distance
from seehear.nets.audio_encoder import AudioEncoderConfig
from seehear.types import InputError

CONFIG = AudioEncoderConfig(labels=3)
RATE_HZ = 16_000
CONCEPTS = ("dog", "rain", "sea", "clock", "helicopter", "siren", "piano", "crickets", "train", "bell")


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    """A clip of each concept, of a seed that no training has."""
    return [synthesize(name, 2.5, RATE_HZ, np.random.default_rng(77_000 + i)).samples[0] for i, name in enumerate(CONCEPTS)]


def test_levels_of_white_noise():
    """Closed form: a bin of the Hann window has sigma^2 sum(w^2) = 192 sigma^2 of a full-scale sine's 128^2, in every band."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(60 * RATE_HZ)
    wide = level_db(mel_power(noise, CONFIG).mean(0), CONFIG)[40:]
    wanted_db = 10 * np.log10(192 / 128**2 * 0.1**2)
    assert wide.mean() == pytest.approx(wanted_db, abs=0.04)
    loud, soft = (level_db(mel_power(gain * noise[: 2 * RATE_HZ], CONFIG), CONFIG) for gain in (10, 1))
    louder = (loud - soft)[: 2 * RATE_HZ // CONFIG.hop_samples - 2]  # then comes what fills up the last window
    np.testing.assert_allclose(louder, 20, atol=1e-3)
    assert (level_db(mel_power(np.zeros(100), CONFIG), CONFIG) == CONFIG.floor_db).all()


@pytest.mark.parametrize(("n_frames", "n"), [(96, 1), (97, 1), (119, 1), (120, 2), (250, 4), (264, 5)])
def test_windows_overlap_by_half(n_frames, n):
    """Closed form: every 48 frames; at the end one more where half a step is left."""
    power = np.arange(n_frames, dtype=np.float32)[:, None] * np.ones(2, np.float32)
    found = windows(power, CONFIG)
    starts = found[:, 0, 0]
    assert len(found) == n
    assert starts.tolist()[:-1] == [48 * k for k in range(n - 1)]
    assert n_frames - 24 < starts[-1] + 96 <= n_frames


def test_pauses_do_not_outvote_a_bark():
    """Planted: one loud window says the first label, three silent ones the second."""
    logits = np.array([[9.0, 0.0], [0.0, 9.0], [0.0, 9.0], [0.0, 9.0]])
    assert clip_probabilities(logits, np.array([1.0, 1e-8, 1e-8, 1e-8]))[0] > 0.99
    assert clip_probabilities(logits, np.zeros(4)).sum() == pytest.approx(1)


def test_what_is_heard_is_named(clips):
    """Planted: ten sounds of other seeds than training's (the manifest: 90 % of 276 such clips), noise and silence."""
    encoder = BuiltinAudioEncoder()
    noise = 0.05 * np.random.default_rng(1).standard_normal(2 * RATE_HZ).astype(np.float32)
    p = encoder.tag([*clips, noise, np.zeros(2 * RATE_HZ, np.float32)])
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-9)
    named = [encoder.labels[k] for k in p.argmax(1)]
    assert sum(name == wanted for name, wanted in zip(named, CONCEPTS, strict=False)) >= 8
    assert named[-2:] == ["noise", "silence"]
    assert encoder.name.startswith("builtin audio encoder")


def test_distances_grow_with_damage(clips):
    """Planted order: other sounds of the same things are nearest, then those in more and more noise, then noise alone."""
    encoder = BuiltinAudioEncoder()
    rng = np.random.default_rng(2)
    hiss = [np.sqrt(np.mean(x**2)) * rng.standard_normal(len(x)).astype(np.float32) for x in clips]
    others = [synthesize(name, 2.5, RATE_HZ, np.random.default_rng(88_000 + i)).samples[0] for i, name in enumerate(CONCEPTS)]
    sets = [others, *([x + share * n for x, n in zip(clips, hiss, strict=True)] for share in (0.3, 1.0)), hiss]
    reference, *embedded = (np.concatenate(encoder.embed(each)) for each in (clips, *sets))
    np.testing.assert_allclose(np.linalg.norm(reference, axis=1), 1, atol=1e-6)
    distances = [frechet_distance(each, reference) for each in embedded]
    assert distances == sorted(distances)
    assert distances[-1] > 5 * distances[0]


def test_what_is_no_clip_is_refused():
    """The contract."""
    for bad in (np.zeros((4, 100)), np.zeros(0), np.full(100, np.nan)):
        with pytest.raises(InputError, match="finite mono clips"):
            BuiltinAudioEncoder().embed([bad.astype(np.float32)])
