"""The door to synthesis: every concept, exact length, seeds, reference level, refusals."""

import numpy as np
import pyloudnorm
import pytest

from seehear.foley import SOUNDS, FoleyGenerator, sounds, synthesize
from seehear.types import InputError, Prompt
from seehear.vocabulary import concepts


def rng(seed=0):
    return np.random.default_rng(seed)


def test_every_sounding_concept_of_the_vocabulary_can_be_synthesised():
    """Conformance: the vocabulary is the list of what must sound."""
    assert set(sounds()) == set(concepts())


@pytest.mark.parametrize("concept", sounds())
def test_length_is_exact_at_odd_durations_and_rates(concept):
    """Closed form: round(seconds * rate) samples, finite, from 50 ms and 8 kHz up."""
    for seconds, rate_hz in ((0.05, 8000), (0.3331, 44_100), (0.2, 192_000), (0.0501, 11_025)):
        audio = synthesize(concept, seconds, rate_hz, rng())
        assert audio.samples.shape == (1, round(seconds * rate_hz))
        assert audio.samples.dtype == np.float32 and audio.sample_rate_hz == rate_hz
        assert np.abs(audio.samples).max() <= 10 ** (-1 / 20) + 1e-6


@pytest.mark.parametrize("concept", sounds())
def test_the_seed_alone_decides(concept):
    """Round trip: same seed same bytes whatever the global generator does; other seed other sound."""
    one = synthesize(concept, 1.0, 16_000, rng(1)).samples
    np.random.seed(3)  # noqa: NPY002  # proves that nothing draws from the global generator
    assert synthesize(concept, 1.0, 16_000, rng(1)).samples.tobytes() == one.tobytes()
    other = synthesize(concept, 1.0, 16_000, rng(2)).samples
    assert np.abs(np.corrcoef(one[0], other[0])[0, 1]) < 0.9


def reference_level_lufs(x, rate_hz):
    """95th percentile of momentary loudness over windows within 40 dB of the loudest, by pyloudnorm's own meter filters."""
    meter = pyloudnorm.Meter(rate_hz, block_size=0.4)
    for stage in meter._filters.values():
        x = stage.apply_filter(x)
    starts = range(0, len(x) - round(0.4 * rate_hz) + 1, round(0.1 * rate_hz))
    levels = np.array([-0.691 + 10 * np.log10(np.mean(x[s : s + round(0.4 * rate_hz)] ** 2) + 1e-20) for s in starts])
    return np.percentile(levels[levels > levels.max() - 40], 95)


@pytest.mark.parametrize("concept", sounds())
def test_stems_sit_at_the_reference_level(concept):
    """Independent implementation (pyloudnorm): -30 LUFS within 0.05 dB, or lower with the peak at -1 dBFS."""
    audio = synthesize(concept, 3.0, 24_000, rng(7))
    level = reference_level_lufs(audio.samples[0].astype(float), 24_000)
    if np.abs(audio.samples).max() > 10 ** (-1.01 / 20):
        assert level <= -29.95
    else:
        assert level == pytest.approx(-30, abs=0.05)


def test_the_filters_are_bs1770():
    """Conformance: a 997 Hz full-scale sine reads -3.01 LUFS (ITU-R BS.1770-4), within the 0.05 dB of pyloudnorm's filters."""
    from seehear.foley import momentary_lufs

    t = np.arange(96_000) / 48_000
    assert momentary_lufs(np.sin(2 * np.pi * 997 * t), 48_000)[5] == pytest.approx(-3.01, abs=0.05)


def test_the_generator_is_the_same_door_and_synonyms_open_it():
    """Round trip: FoleyGenerator, a synonym and synthesize agree."""
    expected = synthesize("sea", 0.5, 16_000, rng(3)).samples
    assert np.array_equal(FoleyGenerator().generate(Prompt("sea"), 0.5, 16_000, rng(3)).samples, expected)
    assert np.array_equal(synthesize("ocean", 0.5, 16_000, rng(3)).samples, expected)
    loud = FoleyGenerator(intensity=1.0).generate(Prompt("sea"), 0.5, 16_000, rng(3)).samples
    assert not np.array_equal(loud, expected)


@pytest.mark.parametrize(
    ("concept", "seconds", "rate_hz", "controls", "says"),
    [
        ("unicorn", 1, 48_000, {}, "no sound for"),
        ("rain", 0.04, 48_000, {}, "at least 0.05 s"),
        ("rain", float("nan"), 48_000, {}, "at least 0.05 s"),
        ("rain", 1, 4000, {}, "sample rate"),
        ("rain", 1, 48_000, {"intensity": 1.5}, "intensity"),
        ("rain", 1, 48_000, {"event_rate": 2.0}, "no event rate"),
        ("thunder", 1, 48_000, {"event_rate": 0.0}, "positive"),
    ],
)
def test_refusals_say_what_is_wrong(concept, seconds, rate_hz, controls, says):
    """Planted: each mistake raises InputError with its reason."""
    with pytest.raises(InputError, match=says):
        synthesize(concept, seconds, rate_hz, rng(), **controls)


def test_every_sound_takes_the_common_controls():
    """Conformance: every function accepts intensity 0 and 1 and gives sound."""
    for name, function in SOUNDS.items():
        for intensity in (0.0, 1.0):
            assert np.any(function(0.3, 16_000, rng(1), intensity=intensity)), name


def test_loudness_does_not_depend_on_the_blocks():
    """Independent implementation: pyloudnorm's filters over the whole signal at once, across several blocks, at an odd rate."""
    from seehear.foley import momentary_lufs

    rate_hz = 11_025
    x = rng(2).standard_normal(60 * rate_hz) * np.linspace(0.1, 1, 60 * rate_hz)
    weighted = x
    for stage in pyloudnorm.Meter(rate_hz)._filters.values():
        weighted = stage.apply_filter(weighted)
    window, hop = 4410, 1102
    energy = np.lib.stride_tricks.sliding_window_view(weighted**2, window)[::hop].mean(axis=1)
    assert momentary_lufs(x, rate_hz) == pytest.approx(-0.691 + 10 * np.log10(energy), abs=1e-9)


@pytest.mark.parametrize("concept", ["alarm", "phone", "violin", "saxophone", "flute", "brass", "accordion", "car", "horse"])
def test_what_is_cut_does_not_click(concept):
    """Closed form: a raised cosine of 5 ms leaves less than (pi / 2 / 240)^2 / 4 of the last of 240 samples, and the first and
    last 0.1 ms are more than 30 dB below the peak."""
    for seed in range(3):
        x = np.abs(synthesize(concept, 1.0, 48_000, rng(seed)).samples[0])
        assert x[-1] < 1.1e-5
        assert max(x[:5].max(), x[-5:].max()) < 10 ** (-30 / 20) * x.max()


@pytest.mark.parametrize("concept", ["gunshot", "piano", "horse", "violin", "fireworks"])
def test_attacks_and_the_middle_are_left_alone(concept):
    """Closed form: apart from one gain the sound is what its own function makes, but for the last 5 ms."""
    raw = SOUNDS[concept](1.0, 48_000, rng(4))[:-240]
    made = synthesize(concept, 1.0, 48_000, rng(4)).samples[0, :-240]
    gain = float(raw @ made / (raw @ raw))
    np.testing.assert_allclose(made, gain * raw, atol=1e-6)


def test_fades_at_the_ends():
    """Closed form: a constant fades at both ends by raised cosines of 5 ms; what rises from zero, only at the end; no length
    is too short."""
    from seehear.foley.level import without_clicks

    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(40) + 0.5) / 40)
    expected = np.concatenate([ramp, np.ones(920), ramp[::-1]])
    np.testing.assert_allclose(without_clicks(np.ones(1000), 8000), expected, rtol=1e-12)
    rising = np.minimum(np.arange(1000) / 10, 1.0)
    np.testing.assert_allclose(without_clicks(rising.copy(), 8000), np.append(rising[:960], ramp[::-1]), rtol=1e-12)
    for n in range(4):
        assert np.isfinite(without_clicks(np.ones(n), 8000)).all()
    assert not without_clicks(np.zeros(100), 8000).any()
