import numpy as np
import pytest

from seehear.acoustics.sphere import encode
from seehear.metrics.direction import DIFFUSE, angle_scores, angles_rad, directness, reference_vectors
from seehear.types import Direction, InputError


def unit(azimuth_deg: float, elevation_deg: float = 0.0) -> np.ndarray:
    return Direction(np.radians(azimuth_deg), np.radians(elevation_deg)).vector


def signal(seed: int = 0, n: int = 4000) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def test_directness_of_one_wave_two_waves_and_none() -> None:
    """Closed form: one wave 1; waves of power p and q from unit vectors a and b, uncorrelated, |p a + q b| / (p + q); W alone 0.

    The signals are Walsh functions, whose correlation is exactly 0.
    """
    first, second = np.tile([1.0, 1, -1, -1], 500), np.tile([1.0, -1, 1, -1], 500)
    assert directness(encode(first, unit(50, 20))) == pytest.approx(1, abs=1e-12)
    both = encode(first, unit(0)) + encode(2 * second, unit(90))
    assert directness(both) == pytest.approx(np.hypot(1, 4) / 5, abs=1e-12)
    assert directness(encode(first, unit(0)) + encode(second, unit(180))) == pytest.approx(0, abs=1e-12)
    assert directness(np.outer([1, 0, 0, 0], first)) == 0
    assert directness(np.zeros((4, 10))) == 0


@pytest.mark.parametrize("apart_deg", [0, 1e-4, 30, 90, 150, 180])
def test_the_angle_between_two_waves_is_the_one_planted(apart_deg: float) -> None:
    """Planted answer, also where an arc cosine would be off by its rounding; loudness and sign of the sound do not matter."""
    fields = [encode(-1e-3 * signal(), unit(-170 + apart_deg)), encode(signal(1), unit(20, 60))]
    found = np.degrees(angles_rad(fields, np.stack([unit(-170), unit(20, 60)])))
    np.testing.assert_allclose(found, [apart_deg, 0], atol=1e-6)


def test_a_diffuse_reference_is_counted_and_an_undirected_answer_is_no_gain() -> None:
    """Planted: of four clips one reference is diffuse, one answer silent, one right, one opposite: median of 0, 90, 180."""
    noise = np.random.default_rng(2).normal(size=(4, 40_000)) * np.sqrt([1, 1 / 3, 1 / 3, 1 / 3])[:, None]
    assert directness(noise) < DIFFUSE
    wave = encode(signal(), unit(70))
    wanted = reference_vectors([wave, wave, wave, noise])
    np.testing.assert_allclose(wanted[:3], np.tile(unit(70), (3, 1)), atol=1e-12)
    answers = [wave, np.zeros((4, 100)), encode(signal(), unit(-110)), wave]
    scores = angle_scores(angles_rad(answers, wanted))
    assert (scores["angle_median"].n, scores["angle_median"].n_failed) == (3, 1)
    assert scores["angle_median"].value == pytest.approx(90, abs=1e-9)
    assert scores["within_30_deg"].value == pytest.approx(1 / 3)


def test_chance_is_ninety_degrees_and_its_interval_covers_it() -> None:
    """Closed form: between random directions the median is 90 degrees, and (1 - cos 30 deg) / 2 = 0.067 lie within 30."""
    rng = np.random.default_rng(3)
    fields = [encode(signal(n=4), vector) for vector in rng.normal(size=(1500, 3))]
    scores = angle_scores(angles_rad(fields, np.tile(unit(40, -30), (1500, 1))))
    low, high = scores["angle_median"].ci
    assert low < 90 < high and high - low < 8
    assert scores["within_30_deg"].ci[0] < (1 - np.cos(np.radians(30))) / 2 < scores["within_30_deg"].ci[1]


def test_numbers_that_differ_are_refused() -> None:
    """Planted fault."""
    with pytest.raises(InputError, match="2 fields need as many"):
        angles_rad([np.zeros((4, 2))] * 2, np.zeros((1, 3)))
