"""The Frechet distance against closed forms, scipy's matrix root and finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.metrics.frechet import at_infinity, frechet_distance, frechet_score, influence, moments
from seehear.types import InputError


def clouds(seed: int, n: int, m: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((2, size, size)) / np.sqrt(size)
    return rng.standard_normal((n, size)) @ mixing[0], rng.standard_normal((m, size)) @ mixing[1] + 0.3


def weighted_distance(a: np.ndarray, weights: np.ndarray, b: np.ndarray) -> float:
    """The distance with weighted points of ``a``, by scipy's root of the product of covariances."""
    from scipy.linalg import sqrtm

    mean = weights @ a / weights.sum()
    cov = (a - mean).T @ np.diag(weights) @ (a - mean) / weights.sum() * len(a) / (len(a) - 1)
    other, cov_b = b.mean(0), np.cov(b.T)
    return float(((mean - other) ** 2).sum() + np.trace(cov + cov_b) - 2 * np.trace(np.real(sqrtm(cov @ cov_b))))


def test_it_is_that_of_scipy_s_matrix_root() -> None:
    """Independent library: scipy.linalg.sqrtm of the product, as FID programs take it."""
    a, b = clouds(0, 60, 45, 8)
    assert frechet_distance(a, b) == pytest.approx(weighted_distance(a, np.ones(60), b), rel=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_points_made_to_have_given_moments() -> None:
    """Closed form: commuting covariances give |m|^2 + sum of (s_a - s_b)^2, one dimension among them."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((50, 3))
    x -= x.mean(0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    a, b = white * (1.0, 2.0, 0.5), white[::-1] * (1.5, 1.0, 0.5) + (0.0, 0.0, 2.0)
    assert frechet_distance(a, b) == pytest.approx(0.25 + 1.0 + 4.0, rel=1e-9)
    assert frechet_distance(a, a[::-1]) == pytest.approx(0.0, abs=1e-9)


def test_sets_smaller_than_the_features() -> None:
    """Closed form: the sum of roots is the nuclear norm of the product of the centred points."""
    a, b = clouds(2, 6, 5, 20)
    (_, cov_a), (_, cov_b) = moments(a), moments(b)
    left, right = (a - a.mean(0)) / np.sqrt(5), (b - b.mean(0)) / np.sqrt(4)
    shared = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    wanted = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b) - 2 * shared
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-7)


def test_influence_is_the_derivative_by_the_weights() -> None:
    """Finite differences of the weighted distance, by scipy."""
    a, b = clouds(3, 30, 40, 5)
    step = 1e-4
    slopes = [
        (weighted_distance(a, 1 + step * unit, b) - weighted_distance(a, 1 - step * unit, b)) / (2 * step) for unit in np.eye(30)
    ]
    np.testing.assert_allclose(influence(a, b), slopes, rtol=1e-5, atol=1e-8)


def test_influence_in_sets_smaller_than_the_features() -> None:
    """Finite differences of the distance by its nuclear norm (singular values), where no covariance can be inverted."""
    a, b = clouds(6, 6, 9, 20)
    right = (b - b.mean(0)) / np.sqrt(8)

    def weighted(weights: np.ndarray) -> float:
        mean = weights @ a / weights.sum()
        left = np.sqrt(weights * 6 / 5 / weights.sum())[:, None] * (a - mean)
        roots = np.linalg.svd(left @ right.T, compute_uv=False).sum()
        return float(((mean - b.mean(0)) ** 2).sum() + (left**2).sum() + (right**2).sum() - 2 * roots)

    assert frechet_distance(a, b) == pytest.approx(weighted(np.ones(6)), rel=1e-7)
    slopes = [(weighted(1 + 1e-4 * unit) - weighted(1 - 1e-4 * unit)) / 2e-4 for unit in np.eye(6)]
    np.testing.assert_allclose(influence(a, b), slopes, rtol=1e-4, atol=1e-6)


def test_the_interval_is_that_of_new_sets() -> None:
    """Planted answer: the spread of the distance over freshly drawn sets, each of as many clips; errors agree to 15 %."""
    rng = np.random.default_rng(4)

    def clips(shift: float) -> list[np.ndarray]:
        own = rng.standard_normal((150, 1, 4)) + shift  # windows of a clip are alike
        return list(own + 0.3 * rng.standard_normal((150, 3, 4)))

    spread = np.std([frechet_distance(np.concatenate(clips(0.0)), np.concatenate(clips(0.5))) for _ in range(200)])
    widths = [np.diff(frechet_score(clips(0.0), clips(0.5)).ci)[0] for _ in range(5)]
    assert np.mean(widths) / (2 * 1.96) == pytest.approx(spread, rel=0.15)
    score = frechet_score(clips(0.0), clips(0.5), n_failed=2)
    assert score.ci[0] < score.value < score.ci[1]
    assert (score.n, score.n_failed, score.better) == (150, 2, "lower")


def test_endless_sets_of_one_distribution_are_alike() -> None:
    """Planted answer: zero. The distance of 240 clips lies above it by its bias, of which the extrapolation leaves a tenth."""
    rng = np.random.default_rng(5)
    pairs = [(list(rng.standard_normal((240, 2, 16))), list(rng.standard_normal((240, 2, 16)))) for _ in range(6)]
    biased = np.mean([frechet_score(*pair).value for pair in pairs])
    assert biased > 0.2
    assert abs(np.mean([at_infinity(*pair, rng) for pair in pairs])) < 0.1 * biased
    assert np.isnan(at_infinity(pairs[0][0][:20], pairs[0][1][:20], rng))  # 6 clips have 12 embeddings of 16 features


@pytest.mark.parametrize(
    ("a", "b"), [((1, 3), (5, 3)), ((5, 3), (5, 4)), ((5,), (5, 3))], ids=["one point", "unlike features", "no features"]
)
def test_what_has_no_distance_is_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """The contract."""
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="embeddings"):
        frechet_distance(rng.standard_normal(a), rng.standard_normal(b))
    with pytest.raises(InputError, match="finite"):
        frechet_distance(np.full((3, 2), np.nan), np.ones((3, 2)))
    assert np.isnan(frechet_score([np.ones((1, 2))], [np.ones((1, 2))]).value)
