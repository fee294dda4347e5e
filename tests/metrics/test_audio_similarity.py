import numpy as np
import pytest

from seehear.metrics.audio_similarity import (
    MEASURES,
    chroma_similarity,
    compare,
    mean_score,
    mfcc_dtw_distance,
    rhythm_similarity,
    spectral_contrast_similarity,
    zcr_similarity,
)
from seehear.types import MONO, SURROUND_5_1, Audio, InputError

RATE_HZ = 44_100


def tone(frequency_hz: float, rate_hz: int = RATE_HZ, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz + 0.1)


def noise(seed: int, seconds: float = 1.5, rate_hz: int = RATE_HZ) -> np.ndarray:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.random.default_rng(seed).standard_normal(len(t)) * (0.2 + np.sin(2 * np.pi * 3 * t) ** 2)


def surround(*channels: np.ndarray) -> Audio:
    silent = np.zeros_like(channels[0])
    return Audio(np.stack([*channels, *[silent] * (6 - len(channels))]).astype(np.float32), RATE_HZ, SURROUND_5_1)


def test_identical_sounds_are_as_alike_as_can_be():
    """Closed form: distance 0, similarities 1."""
    sound = surround(noise(0), noise(1))
    for name, value in compare(sound, sound).items():
        assert value == pytest.approx(0 if name == "mfcc_dtw" else 1, abs=1e-6), name


def test_zcr_of_two_tones():
    """Closed form: 1 - 2 |f_a - f_b| / rate."""
    assert zcr_similarity(tone(1000, seconds=4), tone(3000, seconds=4), RATE_HZ) == pytest.approx(1 - 4000 / RATE_HZ, rel=1e-3)


def test_chroma_of_octaves_and_of_a_tritone():
    """Closed form: octaves share their class; two pure classes of twelve differ by 2/12 but for what leaks to neighbours."""
    rate_hz = 22_050
    a, octave, tritone = (tone(f, rate_hz) for f in (440.0, 880.0, 622.25))
    assert chroma_similarity(a, octave, rate_hz) > 0.99
    assert chroma_similarity(a, tritone, rate_hz) == pytest.approx(1 - 2 / 12, abs=0.03)


def test_rhythm_of_clicks():
    """Planted answer: the same clicks through another filter keep their rhythm; clicks between them have another."""
    clicks = np.zeros(2 * RATE_HZ)
    clicks[RATE_HZ // 4 :: RATE_HZ // 4] = 1
    hiss = 1e-3 * np.random.default_rng(5).standard_normal(len(clicks))
    dull = np.convolve(clicks, np.hanning(9), "same")
    other = np.roll(clicks, RATE_HZ // 8)
    assert rhythm_similarity(clicks + hiss, dull + hiss, RATE_HZ) > 0.95
    assert rhythm_similarity(clicks + hiss, other + hiss, RATE_HZ) < 0.55


def test_contrast_tells_a_tone_from_noise():
    """Planted answer: more tone in the noise, less alike; a gain changes nothing (contrast is a ratio)."""
    x = noise(3)
    values = [spectral_contrast_similarity(x, x + level * tone(700, seconds=1.5), RATE_HZ) for level in (0, 0.1, 0.3, 1.0)]
    assert (np.diff(values) < 0).all()
    assert spectral_contrast_similarity(x, 0.3 * x, RATE_HZ) == pytest.approx(1, abs=1e-9)


def test_mfcc_distance_of_a_gain():
    """Closed form: 6 dB is 6 sqrt(128) on c0 of every frame; alignment of unlike frames can only make that less."""
    rate_hz = 22_050
    steady = np.random.default_rng(4).standard_normal(2048 + 512)
    x = np.tile(steady[:512], 40)  # every full frame the same, so that alignment gains nothing
    gained = mfcc_dtw_distance(x[: 2048 + 512 * 30], 10 ** (6 / 20) * x[: 2048 + 512 * 30], rate_hz)
    assert gained == pytest.approx(6 * np.sqrt(128), rel=0.01)


def test_channels_one_by_one_and_mixed():
    """Closed form: silent channels count for nothing; each is the mean over the two others; opposite signs cancel in the mix."""
    a, b, c = noise(6), noise(7), noise(8)
    each = compare(surround(a, b), surround(a, c))["zcr"]
    alone = compare(surround(b), surround(c))["zcr"]
    assert each == pytest.approx((1 + alone) / 2, abs=1e-9)
    with pytest.raises(InputError, match="silence"):
        compare(surround(a, -a), surround(b, -b), channels="mix")


def test_unlike_sounds_and_silence_are_refused():
    """Closed form."""
    sound = Audio(noise(1)[None].astype(np.float32), RATE_HZ, MONO)
    with pytest.raises(InputError, match="one shape and rate"):
        compare(sound, Audio(sound.samples[:, :-1], RATE_HZ, MONO))
    with pytest.raises(InputError, match="one shape and rate"):
        compare(sound, Audio(sound.samples, 48_000, MONO))
    with pytest.raises(InputError, match="silence"):
        compare(Audio(0 * sound.samples, RATE_HZ, MONO), Audio(0 * sound.samples, RATE_HZ, MONO))


def test_scores_count_what_failed():
    """Closed form: mean of 1, 2, 3 with one NaN and two pictures that were never measured."""
    score = mean_score([1.0, float("nan"), 2.0, 3.0], "lower", n_failed=2)
    assert (score.value, score.n, score.n_failed, score.better) == (2.0, 3, 3, "lower")
    assert 1 <= score.ci[0] < 2 < score.ci[1] <= 3


def test_the_paper_excludes_rhythm_and_stoi():
    """Published fact: appendix G."""
    assert [name for name, measure in MEASURES.items() if measure.excluded] == ["rhythm", "perceptual"]
    assert [name for name, measure in MEASURES.items() if measure.better == "lower"] == ["mfcc_dtw"]
