"""Classification figures as Scores: top-k accuracy, and precision and coverage of answers that may be withheld.

Conventions: ties in top-k count by the worst rank, so that a constant score never looks good. "Coverage" is the part of
the items that get an answer, "precision" the part of those answers that is right (selective classification: El-Yaniv
and Wiener 2010). ``-1`` is the truth "unknown": an item for which every answer is wrong and withholding is right.
Shapes: N items, C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seehear.metrics.score import Score, bootstrap
from seehear.types import InputError

UNKNOWN = -1


def _validate(scores: NDArray, truth: NDArray) -> None:
    if scores.ndim != 2 or truth.shape != (len(scores),):
        raise InputError(f"classification needs scores (N, C) and truth (N,), got {scores.shape} and {truth.shape}")
    if not np.isfinite(scores).all():
        raise InputError("classification scores must be finite")
    if len(truth) and (truth.min() < UNKNOWN or truth.max() >= scores.shape[1]):
        raise InputError(f"truth must lie in -1 to {scores.shape[1] - 1}")


def ranks(scores: NDArray, truth: NDArray) -> NDArray[np.int64]:
    """How many other classes score at least as high as the true one (N,)."""
    _validate(scores, truth)
    if (truth == UNKNOWN).any():
        raise InputError("a rank needs a true class for every item")
    own = np.take_along_axis(scores, truth[:, None], 1)
    return (scores >= own).sum(1) - 1


def top_k_accuracy(scores: NDArray, truth: NDArray, k: int = 1) -> Score:
    """The part of the items whose true class is among the ``k`` highest scores."""
    if k < 1:
        raise InputError(f"top-k needs k of at least 1, got {k}")
    hit = ranks(scores, truth) < k
    return bootstrap(lambda i: float(hit[i].mean()), len(hit))


def answered_precision(scores: NDArray, truth: NDArray, threshold: float) -> Score:
    """The part of the answers that is right, where the best class is answered if it scores at least ``threshold``."""
    _validate(scores, truth)
    answered = scores.max(1) >= threshold
    right = answered & (scores.argmax(1) == truth)
    return bootstrap(lambda i: float(right[i].sum() / answered[i].sum()) if answered[i].any() else float("nan"), len(truth))


def answered_coverage(scores: NDArray, truth: NDArray, threshold: float) -> Score:
    """The part of the items with a known truth that get an answer."""
    _validate(scores, truth)
    answered = scores.max(1)[truth != UNKNOWN] >= threshold
    return bootstrap(lambda i: float(answered[i].mean()), len(answered))


def unknown_precision(scores: NDArray, truth: NDArray, threshold: float) -> Score:
    """The part of the withheld answers whose truth is "unknown"."""
    _validate(scores, truth)
    withheld = scores.max(1) < threshold
    right = withheld & (truth == UNKNOWN)
    return bootstrap(lambda i: float(right[i].sum() / withheld[i].sum()) if withheld[i].any() else float("nan"), len(truth))


def unknown_coverage(scores: NDArray, truth: NDArray, threshold: float) -> Score:
    """The part of the items with truth "unknown" for which the answer is withheld (their recall)."""
    _validate(scores, truth)
    withheld = scores.max(1)[truth == UNKNOWN] < threshold
    return bootstrap(lambda i: float(withheld[i].mean()), len(withheld))
