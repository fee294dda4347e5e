import math
import tracemalloc

import numpy as np
import pyloudnorm
import pytest

from seehear.acoustics.loudness import (
    MOST_LIMITING_DB,
    PRESETS,
    LevelPlan,
    Loudness,
    corrected,
    integrated_lufs,
    level_plan,
    levelled,
    loudness_named,
    measured,
    normalise,
    settled_plan,
    true_peak_dbtp,
)
from seehear.acoustics.meter import Meter
from seehear.io.streams import Spool
from seehear.types import (
    BINAURAL,
    FOA,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1,
    SURROUND_7_1_4,
    Audio,
    InputError,
    ambisonics,
    blocks,
    discrete,
)

RATE = 48000


def sine(level_dbfs, seconds, frequency_hz=1000.0, phase_deg=0.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * frequency_hz * t + math.radians(phase_deg))


def audio(layout, *channels):
    return Audio(np.stack(channels).astype(np.float32), RATE, layout)


def test_mono_binaural_and_ambisonics_are_measured_as_documented():
    """Planted answer: mono is 3 dB below the same sound in two channels; of ambisonics only W counts."""
    x = sine(-23, 2)
    one = integrated_lufs(audio(MONO, x))
    assert integrated_lufs(audio(BINAURAL, x, x)) == pytest.approx(one + 10 * math.log10(2), abs=1e-3)
    assert integrated_lufs(audio(FOA, x, 3 * x, x, x)) == pytest.approx(one, abs=1e-6)


@pytest.mark.parametrize(
    ("layout", "level"),
    [(MONO, -23), (STEREO, -14), (SURROUND_5_1, -23), (FOA, -30), (BINAURAL, -18), (SURROUND_7_1_4, -27), (ambisonics(3), -23)],
)
def test_normalise_reaches_the_level_with_one_gain(layout, level):
    """Round trip: the result measures the wanted level (0.02 LU), whatever the level before; channels keep their ratios."""
    noise = np.random.default_rng(0).normal(size=(layout.n_channels, 2 * RATE)) * np.linspace(0, 1, 2 * RATE) * 1e-5
    before = Audio(noise.astype(np.float32), RATE, layout)
    after, gain_db = normalise(before, level)
    assert integrated_lufs(after) == pytest.approx(level, abs=0.02)
    np.testing.assert_allclose(after.samples, before.samples * 10 ** (gain_db / 20), rtol=1e-5)


def test_peaks_limit_the_level():
    """Planted answer: one click in soft noise cannot reach -23 LUFS below -1 dBTP, so its true peak lands on -1 dBTP."""
    x = 1e-4 * np.random.default_rng(0).normal(size=RATE)
    x[RATE // 2] = 0.5
    after, _ = normalise(audio(MONO, x))
    assert true_peak_dbtp(after) == pytest.approx(-1.0, abs=1e-3)
    assert integrated_lufs(after) < -23


def test_silence_stays_silent():
    """Closed form: no energy, loudness and peak of -inf, gain 0 dB, no NaN; nothing at all is silent too."""
    for n in (RATE, 10, 0):
        silent = Audio(np.zeros((2, n), np.float32), RATE, STEREO)
        assert integrated_lufs(silent) == true_peak_dbtp(silent) == -math.inf
        after, gain_db = normalise(silent)
        assert gain_db == 0
        assert not after.samples.any()


def test_an_lfe_alone_is_only_lowered():
    """Planted answer: no loudness to reach; a peak of 0 dBTP comes down to -1, one of -20 stays."""
    nothing, rumble = np.zeros(RATE), sine(0, 1, 60)
    for level, expected in ((0, -1.0), (-20, 0.0)):
        x = 10 ** (level / 20) * rumble
        _, gain_db = normalise(audio(SURROUND_5_1, nothing, nothing, nothing, x, nothing, nothing))
        assert gain_db == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("seconds", [0.3, 0.01, 1 / RATE])
def test_shorter_than_a_block(seconds):
    """Closed form: a short sine has the loudness of its K-weighted power, -3.01 dB and +0.7 - 0.691 dB at 1 kHz; no error."""
    x = sine(-10, seconds, 1000, 90)
    after, gain_db = normalise(audio(MONO, x))
    assert math.isfinite(gain_db)
    assert np.isfinite(after.samples).all()
    if seconds == 0.3:
        assert integrated_lufs(audio(MONO, x)) == pytest.approx(-13.01, abs=0.1)


@pytest.mark.parametrize("rate_hz", [44100, 48000])
def test_no_duration_is_refused(rate_hz):
    """Closed form: a full-scale sine of 20 kHz, flat under the K filter, has -3.01 + 3.31 dB once it is long against that
    filter; all lengths up to a block and a half are measured, and those around a whole block alike."""
    x = np.cos(2 * np.pi * 20000 * np.arange(round(0.6 * rate_hz)) / rate_hz).astype(np.float32)[None]
    whole = round(0.4 * rate_hz)
    for n in {*range(1, x.shape[1], 61), *range(whole - 3, whole + 4)}:
        found = integrated_lufs(Audio(x[:, :n], rate_hz, MONO))
        assert math.isfinite(found), n
        assert n < 0.1 * rate_hz or found == pytest.approx(0.3, abs=0.05), n


@pytest.mark.parametrize("rate_hz", [22050, 44100, 48000])
@pytest.mark.parametrize("layout", [MONO, STEREO, SURROUND_5_1])
def test_pieces_measure_as_the_whole(layout, rate_hz):
    """Independent implementation: pyloudnorm on the whole array, 7.3 s over several pieces with pauses that both gates leave
    out, within 0.001 LU; the channels differ in level."""
    rng = np.random.default_rng(0)
    level_db = np.repeat(rng.choice([-90.0, -50.0, -20.0, -26.0], 73), rate_hz // 10)
    x = (10 ** (level_db / 20) * rng.normal(size=(layout.n_channels, len(level_db)))).astype(np.float32)
    x *= np.linspace(1, 0.3, layout.n_channels, dtype=np.float32)[:, None]
    measured = x[list(layout.speakers)] if layout == SURROUND_5_1 else x
    expected = pyloudnorm.Meter(rate_hz, "DeMan").integrated_loudness(measured.T.astype(np.float64))
    assert integrated_lufs(Audio(x, rate_hz, layout)) == pytest.approx(expected, abs=0.001)


def test_weights_of_larger_layouts():
    """Published numbers: BS.1770-4 annex 3, table 4: 1.41 for azimuths from 60 to 120 degrees below 30 degrees of elevation, so
    for Ls and Rs, and 1 for backs and heights; the LFE is not measured. Measured on one channel at a time."""
    x = sine(-23, 2)
    alone = integrated_lufs(audio(MONO, x))
    for layout in (SURROUND_7_1, SURROUND_5_1_4, SURROUND_7_1_4):
        for index, label in enumerate(layout.labels):
            found = integrated_lufs(audio(layout, *(x if i == index else 0 * x for i in range(layout.n_channels))))
            expected = -math.inf if label == "LFE" else alone + (10 * math.log10(1.41) if label in ("Ls", "Rs") else 0)
            assert found == pytest.approx(expected, abs=1e-6), (layout.name, label)


def test_next_to_nothing_is_silence():
    """Planted: a constant of 1e-40 stays as it is, and of 1e-28, the same sound as at full scale, the level is reached."""
    x = sine(-20, 1)
    for peak in (1e-40, 5e-31):
        quiet = Audio(np.full((4, 4800), peak, np.float32), 48000, FOA, "acn-sn3d")
        levelled, gain_db = normalise(quiet)
        assert gain_db == 0 and np.array_equal(levelled.samples, quiet.samples)
    tiny = normalise(audio(MONO, 1e-28 * x))[0]
    assert integrated_lufs(tiny) == pytest.approx(-23, abs=0.02)
    np.testing.assert_allclose(tiny.samples, normalise(audio(MONO, x))[0].samples, rtol=1e-4, atol=1e-6)


def scene_with_bangs(peak, n_channels=4, seconds=8):
    """Noise of about -32 LUFS with four knocks of that peak, 20 ms long."""
    rng = np.random.default_rng(0)
    x = 0.012 * rng.normal(size=(n_channels, seconds * RATE))
    knock = np.exp(-np.arange(RATE // 50) / 200) * np.sin(2 * np.pi * 400 * np.arange(RATE // 50) / RATE)
    for at in (RATE, 3 * RATE, 4 * RATE, 6 * RATE):
        x[:, at : at + len(knock)] += peak * rng.uniform(0.3, 1, (n_channels, 1)) * knock
    return x


def test_limiting_reaches_the_level():
    """Planted answer: knocks that leave 4.3 LU missing without a limiter: with it the level is met (0.03 LU) at or below the
    ceiling (0.01 dB), and away from the knocks there is one gain for all."""
    before = audio(FOA, *scene_with_bangs(0.5))
    lower, _ = normalise(before, -24.0)
    assert -29 < integrated_lufs(lower) < -28
    assert true_peak_dbtp(lower) == pytest.approx(-1.0, abs=0.001)
    after, gain_db = normalise(before, -24.0, limit=True)
    assert integrated_lufs(after) == pytest.approx(-24.0, abs=0.03)
    assert -1.05 < true_peak_dbtp(after) <= -0.99
    quiet = slice(0, RATE // 2)
    np.testing.assert_allclose(after.samples[:, quiet], before.samples[:, quiet] * 10 ** (gain_db / 20), rtol=1e-5)


def test_peaks_are_limited_by_six_decibels_at_most():
    """Planted answer: knocks far too loud: the level is 6 dB above what one gain reaches; the plan says what is missing."""
    before = measured(audio(FOA, *scene_with_bangs(0.9)))
    one_gain = level_plan(before, Loudness(-14.0), limit=False)
    plan = level_plan(before, Loudness(-14.0))
    assert (one_gain.limits, one_gain.gain_db) == (False, pytest.approx(-1.0 - before.true_peak_dbtp))
    assert (plan.limits, plan.reduction_db) == (True, MOST_LIMITING_DB)
    assert plan.gain_db == pytest.approx(one_gain.gain_db + MOST_LIMITING_DB)
    assert plan.missing_lu == pytest.approx(-14.0 - (before.integrated_lufs + plan.gain_db), abs=1e-6)
    settled = settled_plan(audio(FOA, *scene_with_bangs(0.9)), Loudness(-14.0))
    assert (settled.gain_db, settled.reduction_db) == (plan.gain_db, plan.reduction_db)
    assert settled.missing_lu > plan.missing_lu


def test_where_nothing_is_too_loud_limiting_changes_nothing():
    """Round trip: the same bits with and without, and by blocks of any size."""
    before = audio(SURROUND_5_1, *scene_with_bangs(0.02, 6))
    expected, gain_db = normalise(before)
    found, same_db = normalise(before, limit=True)
    assert gain_db == same_db
    np.testing.assert_array_equal(found.samples, expected.samples)
    plan = level_plan(measured(before), Loudness())
    for size in (480, 70001):
        made = np.concatenate(list(levelled(blocks(before, size), plan, RATE)), axis=1)
        np.testing.assert_array_equal(made, expected.samples)


def test_what_the_limiter_took_is_given_back():
    """Planted answer: a meter that found 0.4 LU too little raises the gain by that, but never past 6 dB of limiting."""
    meter, found = measured(audio(FOA, *scene_with_bangs(0.5))), Meter(FOA, RATE)
    plan = level_plan(meter, Loudness(-24.0))
    found.add((10 ** ((plan.gain_db - 0.4) / 20) * scene_with_bangs(0.5)).astype(np.float32))
    better = corrected(plan, Loudness(-24.0), found)
    assert better.gain_db - plan.gain_db == pytest.approx(0.4, abs=0.01)
    assert better.reduction_db - plan.reduction_db == pytest.approx(0.4, abs=0.01)
    assert corrected(plan, Loudness(-10.0), found).reduction_db == pytest.approx(MOST_LIMITING_DB)


def test_a_sound_on_disk_is_measured_and_levelled_alike():
    """Round trip: the same sound in memory and in a temporary file: the same numbers and plan."""
    whole = audio(FOA, *scene_with_bangs(0.5, seconds=7))
    spool = Spool(RATE, FOA, whole.n_samples)
    spool.write(0, whole.samples)
    assert integrated_lufs(spool) == integrated_lufs(whole)
    assert true_peak_dbtp(spool) == true_peak_dbtp(whole)
    assert settled_plan(spool, Loudness(-24.0)) == settled_plan(whole, Loudness(-24.0))


def test_memory_does_not_grow_with_the_length():
    """Planted answer: two hundred seconds take less than 1 MB above twenty; to keep their samples would take 11.5 MB."""
    block = (0.1 * np.random.default_rng(0).normal(size=(2, 8000))).astype(np.float32)
    peaks = []
    for seconds in (20, 200):
        tracemalloc.start()
        meter = Meter(STEREO, 8000)
        for made in levelled((block for _ in range(seconds)), LevelPlan(12.0, -1.0, 6.0), 8000):
            meter.add(made)
        assert meter.true_peak_dbtp == pytest.approx(-1.0, abs=0.01)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 1e6


def test_names_and_numbers():
    """Published numbers: EBU R 128, Spotify, Apple Podcasts, ATSC A/85, Dolby Atmos music; numbers as they are written."""
    published = {"ebu": (-23, -1), "web": (-14, -1), "podcast": (-16, -1), "film": (-24, -2), "music": (-18, -1)}
    assert {name: (target.level_lufs, target.peak_dbtp) for name, target in PRESETS.items()} == published
    written = {
        "ebu": (-23, -1),
        "-19": (-19, -1),
        "-19.5 LUFS": (-19.5, -1),
        "-27/-2": (-27, -2),
        "-27 lufs / -2 dBTP": (-27, -2),
    }
    for text, expected in written.items():
        assert loudness_named(text) == Loudness(*expected)
    for text, why in (
        ("loud", "one of ebu, web"),
        ("", "one of"),
        ("-80", "-70 and 0"),
        ("5", "-70 and 0"),
        ("-23/3", "-20 and 0"),
    ):
        with pytest.raises(InputError, match=why):
            loudness_named(text)


def test_refused():
    """Planted faults: levels that are none, and channels that nobody knows the place of."""
    x = sine(-20, 1)
    for level in (-70, 1, math.nan):
        with pytest.raises(InputError, match="level"):
            normalise(audio(MONO, x), level)
    with pytest.raises(InputError, match="loudness"):
        integrated_lufs(audio(discrete(6), *[x] * 6))
