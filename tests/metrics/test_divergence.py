"""KL divergence of answers against scipy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

from seehear.metrics.divergence import FLOOR, divergence_score, kl_divergence
from seehear.types import InputError


def test_it_is_that_of_scipy() -> None:
    """Independent library: scipy.stats.entropy(p, q), for distributions far above the floor."""
    p, q = np.random.default_rng(0).dirichlet(np.full(8, 4.0), (2, 20))
    np.testing.assert_allclose(kl_divergence(p, q), entropy(p.T, q.T), rtol=1e-3)


def test_the_direction_and_the_floor() -> None:
    """Closed form: what the generated answer calls impossible costs log(1 / floor), and it is not symmetric."""
    p, q = np.array([[0.5, 0.5, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    assert kl_divergence(p, q)[0] == pytest.approx(0.5 * np.log(0.5) + 0.5 * np.log(0.5 / FLOOR), rel=1e-3)
    assert kl_divergence(q, p)[0] == pytest.approx(np.log(2), rel=1e-3)
    assert kl_divergence(q, q)[0] == 0


def test_the_score_is_the_mean_over_clips() -> None:
    """Closed form: mean, and an interval of width zero where all clips are alike."""
    p, q = np.tile([[0.25, 0.75]], (9, 1)), np.tile([[0.5, 0.5]], (9, 1))
    score = divergence_score(p, q, n_failed=3)
    wanted = 0.25 * np.log(0.5) + 0.75 * np.log(1.5)
    assert score.value == pytest.approx(wanted, rel=1e-4)
    assert score.ci == (pytest.approx(score.value), pytest.approx(score.value))
    assert (score.n, score.n_failed, score.unit, score.better) == (9, 3, "nat", "lower")


@pytest.mark.parametrize("bad", [[[0.5, 0.2]], [[1.5, -0.5]], [[np.nan, 1.0]], [[0.2, 0.3, 0.5]]])
def test_what_is_no_answer_to_the_same_question_is_refused(bad: list[list[float]]) -> None:
    """The contract."""
    with pytest.raises(InputError, match="probabilities"):
        kl_divergence(np.array([[0.5, 0.5]]), np.array(bad))
