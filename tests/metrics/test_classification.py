import numpy as np
import pytest

from seehear.metrics.classification import (
    UNKNOWN,
    answered_coverage,
    answered_precision,
    top_k_accuracy,
    unknown_coverage,
    unknown_precision,
)
from seehear.metrics.score import bootstrap
from seehear.types import InputError

SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.4, 0.35, 0.25], [0.34, 0.33, 0.33], [0.05, 0.9, 0.05]])
TRUTH = np.array([0, 1, UNKNOWN, UNKNOWN, UNKNOWN])


def test_top_k_counts_by_hand():
    """Closed form: true ranks are 1, 2, 3, so accuracy is 1/3, 2/3, 1."""
    scores = np.array([[3.0, 2, 1], [3, 2, 1], [3, 2, 1]])
    truth = np.array([0, 1, 2])
    assert [top_k_accuracy(scores, truth, k).value for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_constant_score_never_hits():
    """Closed form: ties count by the worst rank."""
    assert top_k_accuracy(np.zeros((4, 5)), np.arange(4), k=4).value == 0
    assert top_k_accuracy(np.zeros((4, 5)), np.arange(4), k=5).value == 1


def test_precision_and_coverage_by_hand():
    """Closed form at 0.5: rows 0, 1, 4 are answered, row 0 is right; rows 2, 3 are withheld, both truly unknown."""
    assert answered_precision(SCORES, TRUTH, 0.5).value == pytest.approx(1 / 3)
    assert answered_coverage(SCORES, TRUTH, 0.5).value == 1
    assert unknown_precision(SCORES, TRUTH, 0.5).value == 1
    assert unknown_coverage(SCORES, TRUTH, 0.5).value == pytest.approx(2 / 3)


def test_nothing_answered_is_not_a_number():
    """Closed form: 0 / 0."""
    score = answered_precision(SCORES, TRUTH, 2.0)
    assert np.isnan(score.value) and np.isnan(score.ci).all() and score.n == 5


def test_interval_matches_the_binomial_one():
    """Independent implementation: for a proportion the bootstrap agrees with p +- 1.96 sqrt(p (1 - p) / n)."""
    hits = np.arange(1000) < 300
    score = bootstrap(lambda i: float(hits[i].mean()), 1000, resamples=4000)
    half = 1.96 * np.sqrt(0.3 * 0.7 / 1000)
    assert score.value == pytest.approx(0.3)
    assert score.ci == pytest.approx((0.3 - half, 0.3 + half), abs=0.003)
    assert score.ci == bootstrap(lambda i: float(hits[i].mean()), 1000, resamples=4000).ci


def test_no_items_give_no_value():
    """Closed form: an empty mean is NaN with n = 0, not an error and not 0."""
    score = top_k_accuracy(np.zeros((0, 3)), np.zeros(0, np.int64))
    assert np.isnan(score.value) and score.n == 0


@pytest.mark.parametrize(
    ("scores", "truth", "said"),
    [
        (np.zeros(3), np.zeros(3, int), "scores"),
        (np.full((1, 2), np.nan), np.zeros(1, int), "finite"),
        (np.zeros((1, 2)), np.array([2]), "truth"),
    ],
)
def test_bad_arrays_are_refused(scores, truth, said):
    """Planted fault: each is named in the message."""
    with pytest.raises(InputError, match=said):
        answered_precision(scores, truth, 0.5)
