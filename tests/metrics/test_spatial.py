import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from seehear.acoustics.sphere import direction_of_arrival, encode, map_directions
from seehear.metrics.spatial import (
    auc_judd,
    correlation,
    decode_to_mono,
    energy_maps,
    frame_covariances,
    frame_scores,
    spatial_scores,
    sphere_samples,
)
from seehear.types import Direction, InputError

ORACLE = np.load(Path(__file__).parents[1] / "oracles" / "visage_spatial" / "energy_map_scores.npz")
RATE_HZ = 4000


def unit(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    return Direction(np.radians(azimuth_deg), np.radians(elevation_deg)).vector


def wave(azimuth_deg: float, elevation_deg: float, seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    signal = np.random.default_rng(seed).normal(size=round(RATE_HZ * seconds)).astype(np.float32)
    return encode(signal, unit(azimuth_deg, elevation_deg))


def map_of(field: np.ndarray) -> np.ndarray:
    return energy_maps(frame_covariances(field, RATE_HZ))[0]


def test_visage_scores_are_those_of_its_program() -> None:
    """Oracle: numbers of the authors' program (oracles/visage_spatial), its random tie-breaking included: 1e-4."""
    maps = energy_maps(frame_covariances(ORACLE["reference"][0], int(ORACLE["sample_rate"])), compat="visage")
    np.testing.assert_allclose(maps[0], ORACLE["reference_energy_map"][0], atol=2e-6)
    pairs = list(zip(ORACLE["generated"], ORACLE["reference"], strict=True))
    names = [str(name) for name in ORACLE["score_names"]]
    for pair, expected in zip(pairs, ORACLE["scores"], strict=True):
        scores = frame_scores(*pair, int(ORACLE["sample_rate"]), compat="visage")
        np.testing.assert_allclose([scores[name].mean() for name in names], expected, atol=1e-4)
    over_clips = spatial_scores(pairs, int(ORACLE["sample_rate"]), compat="visage")
    np.testing.assert_allclose([over_clips[name].value for name in names], ORACLE["scores"].mean(axis=0), atol=1e-4)


@pytest.mark.parametrize("azimuth_deg, elevation_deg", [(0, 0), (90, 0), (-135, 30), (37, -71), (179, 12)])
def test_map_of_a_plane_wave(azimuth_deg: float, elevation_deg: float) -> None:
    """Oracle: closed form: a wave of RMS a from s gives a (1 + n . s), which peaks within a cell of s (2 degrees)."""
    field = wave(azimuth_deg, elevation_deg)
    energy, cells = map_of(field), map_directions(180, 90)
    rms = np.sqrt((field[0].astype(float) ** 2).mean())
    np.testing.assert_allclose(energy, rms * (1 + cells @ unit(azimuth_deg, elevation_deg)), atol=1e-6 * rms)
    peak = cells[np.unravel_index(energy.argmax(), energy.shape)]
    assert np.degrees(np.arccos(min(1.0, peak @ unit(azimuth_deg, elevation_deg)))) < 2


def test_samples_lie_evenly_on_the_sphere() -> None:
    """Oracle: closed form: means of x, y, z over the sphere are 0 and of their squares 1/3; a map of azimuths is kept linear."""
    points = sphere_samples(np.moveaxis(map_directions(180, 90), -1, 0))
    np.testing.assert_allclose(points.mean(axis=1), 0, atol=1e-3)
    np.testing.assert_allclose((points**2).mean(axis=1), 1 / 3, rtol=2e-3)
    columns = np.broadcast_to(np.arange(180.0), (90, 180))
    row = sphere_samples(columns)[: round(180 * np.sin(np.pi / 180))]  # three points of the top row
    np.testing.assert_allclose(row, (np.arange(3) + 0.5) * 60 - 0.5)


@pytest.mark.parametrize("apart_deg", [0, 20, 60, 90, 120, 180])
def test_correlation_of_two_waves(apart_deg: float) -> None:
    """Oracle: closed form: maps 1 + n . a and 1 + n . b correlate over the sphere by a . b, whatever the signals."""
    scores = frame_scores(wave(30 + apart_deg, 10, seed=1), wave(30, 10), RATE_HZ)
    cosine = unit(30 + apart_deg, 10) @ unit(30, 10)
    for name, n_frames in (("all", 1), ("1fps", 2), ("5fps", 10)):
        np.testing.assert_allclose(scores[f"cc_{name}"], np.full(n_frames, cosine), atol=2e-3)


@pytest.mark.parametrize("apart_deg, expected", [(0, 1.0), (90, 0.5), (180, 0.0)])
def test_area_of_two_waves(apart_deg: float, expected: float) -> None:
    """Oracle: closed form: the cap that is looked for lies highest, symmetric about the middle, or lowest."""
    scores = frame_scores(wave(apart_deg, 0, seed=1), wave(0, 0), RATE_HZ)
    for name in ("all", "1fps", "5fps"):
        np.testing.assert_allclose(scores[f"auc_{name}"], expected, atol=2e-3)


def test_order_of_scores_follows_the_angle() -> None:
    """Oracle: closed form: both scores fall with the angle between the waves."""
    scores = [frame_scores(wave(angle, 0), wave(0, 0), RATE_HZ) for angle in (0, 15, 45, 80, 130)]
    for name in ("cc_all", "auc_all"):
        assert all(a > b for a, b in itertools.pairwise([float(each[name][0]) for each in scores])), name


def test_correlation_and_area_against_libraries() -> None:
    """Oracle: independent libraries, ties included: numpy's corrcoef, scipy's Mann-Whitney U over n m."""
    rng = np.random.default_rng(3)
    reference = rng.gamma(2, size=(4, 900))
    points = np.round(reference + rng.normal(0, 2, size=reference.shape))
    cc, auc = correlation(points, reference), auc_judd(points, reference)
    for k in range(4):
        inside = reference[k] > reference[k].max() - reference[k].std()
        u = mannwhitneyu(points[k, inside], points[k, ~inside]).statistic
        assert cc[k] == pytest.approx(np.corrcoef(points[k], reference[k])[0, 1], abs=1e-12)
        assert auc[k] == pytest.approx(u / (inside.sum() * (~inside).sum()), abs=1e-12)


def test_chance_and_identity() -> None:
    """Oracle: closed form: random points score 0 and 0.5 in the mean, a map against itself 1 and 1."""
    rng = np.random.default_rng(5)
    points, reference = rng.random((2, 64, 11_000))
    assert correlation(points, reference).mean() == pytest.approx(0, abs=4e-3)
    assert auc_judd(points, reference).mean() == pytest.approx(0.5, abs=4e-3)
    np.testing.assert_allclose(correlation(3 * reference + 1, reference), 1, atol=1e-12)
    np.testing.assert_array_equal(auc_judd(np.exp(reference), reference), 1)


def test_what_has_no_direction() -> None:
    """Oracle: planted answer: a silent second of the truth cannot be measured and is counted, a silent second of the generated
    sound scores 0 and 0.5; the authors' program skips both. W alone has no direction either."""
    truth, made = wave(20, 0), wave(20, 0)
    truth[:, :RATE_HZ] = 0
    made[1:, RATE_HZ:] = 0
    scores = frame_scores(made, truth, RATE_HZ)
    np.testing.assert_array_equal(scores["cc_1fps"], [np.nan, 0])
    np.testing.assert_array_equal(scores["auc_1fps"], [np.nan, 0.5])
    theirs = frame_scores(made, truth, RATE_HZ, compat="visage")
    assert np.isnan(theirs["cc_1fps"]).all() and np.isnan(theirs["auc_5fps"]).all()

    over_clips = spatial_scores([(made, truth), (wave(50, 0), wave(20, 0)), (made, 0 * truth)], RATE_HZ)
    assert over_clips["cc_1fps"].value == pytest.approx((0 + np.cos(np.radians(30))) / 2, abs=2e-3)
    assert (over_clips["cc_1fps"].n, over_clips["cc_1fps"].n_failed) == (3, 3)
    assert (over_clips["auc_5fps"].n, over_clips["auc_5fps"].n_failed) == (15, 15)
    assert (over_clips["cc_all"].n, over_clips["cc_all"].n_failed) == (2, 1)
    assert over_clips["cc_1fps"].ci == pytest.approx((0, np.cos(np.radians(30))), abs=2e-3)
    assert np.isnan(spatial_scores([(made, 0 * truth)], RATE_HZ)["cc_all"].value)


def test_frames_cover_every_sample() -> None:
    """Oracle: closed form: the frames' covariances, weighted by their lengths, add up to the whole's; 2.3 s at 1 fps are frames
    of 1 and 1.3 s, 2.6 s of 1, 1 and 0.6 s."""
    for seconds, lengths_s in ((2.3, (1, 1.3)), (2.6, (1, 1, 0.6)), (0.3, (0.3,))):
        field = np.random.default_rng(1).normal(size=(4, round(RATE_HZ * seconds)))
        frames = frame_covariances(field, RATE_HZ, 1)
        assert len(frames) == len(lengths_s)
        whole = np.tensordot(np.array(lengths_s) / seconds, frames, 1)
        np.testing.assert_allclose(whole, frame_covariances(field, RATE_HZ)[0], rtol=1e-9, atol=1e-12)


def test_mono_at_a_direction() -> None:
    """Oracle: closed form, eq. 2: a wave from s is heard towards d with gain 1 + d . s: twice ahead, once at the side,
    not behind. The same direction is found again by the intensity, so left is left."""
    field = wave(40, 25)
    assert np.degrees(direction_of_arrival(field).azimuth_rad) == pytest.approx(40, abs=1e-3)
    for azimuth_deg, elevation_deg in ((40, 25), (130, 0), (-140, -25), (10, 60), (-40, 25)):
        gain = 1 + unit(azimuth_deg, elevation_deg) @ unit(40, 25)
        mono = decode_to_mono(field, Direction(np.radians(azimuth_deg), np.radians(elevation_deg)))
        assert mono.dtype == field.dtype
        np.testing.assert_allclose(mono, gain * field[0], atol=1e-5)


def test_refused() -> None:
    """Oracle: planted faults."""
    good, bad = wave(0, 0), wave(0, 0)
    bad[2, 5] = np.nan
    for pair in ((good, good[:, 1:]), (good, bad), (good[:3], good), (good[:, :0], good[:, :0])):
        with pytest.raises(InputError):
            frame_scores(*pair, RATE_HZ)
    with pytest.raises(InputError):
        correlation(np.ones((2, 5)), np.ones((2, 6)))
    for measure in (correlation, auc_judd):
        with pytest.raises(InputError, match="finite"):
            measure(np.array([[1.0, np.nan, 0.0]]), np.array([[1.0, 2.0, 0.0]]))
    with pytest.raises(InputError, match="at least 1 Hz"):
        frame_scores(good, good, 0)
    with pytest.raises(InputError, match="C >= 4"):
        decode_to_mono(good[:3], Direction(0, 0))
