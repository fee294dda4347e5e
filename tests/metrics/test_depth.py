import numpy as np
import pytest

from seehear.metrics.depth import ordinal_accuracy
from seehear.types import InputError


def test_ordinal_accuracy_of_known_orders() -> None:
    """Oracle: closed form: any increasing map scores 1, its negative 0, a constant 0.5; half swapped at random about a half."""
    distance = np.exp(np.random.default_rng(0).uniform(0, 3, (60, 80)))

    def score(depth: np.ndarray) -> float:
        return ordinal_accuracy(depth, distance, np.random.default_rng(1))

    assert (score(np.log(distance)), score(-distance), score(np.zeros_like(distance))) == (1.0, 0.0, 0.5)
    assert score(np.random.default_rng(2).normal(size=distance.shape)) == pytest.approx(0.5, abs=0.03)


def test_pairs_alike_and_pixels_unknown_are_left_out() -> None:
    """Oracle: planted answer: two distances within 10 % of each other and a hole leave no pair; beyond 10 % they count."""
    distance = np.full((10, 10), 2.0)
    distance[:5], distance[0, 0], distance[9, 9] = 2.1, np.inf, np.nan
    depth = np.where(distance == 2.1, 0.0, 1.0)
    assert np.isnan(ordinal_accuracy(depth, distance, np.random.default_rng(0)))
    assert ordinal_accuracy(depth, distance, np.random.default_rng(0), ratio=1.04) == 0.0
    assert np.isnan(ordinal_accuracy(depth, np.full((10, 10), np.nan), np.random.default_rng(0)))
    with pytest.raises(InputError):
        ordinal_accuracy(depth[:5], distance, np.random.default_rng(0))
