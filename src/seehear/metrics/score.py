"""A number that says what it is worth: value, n, failures, direction, bootstrap confidence interval.

The interval is the percentile bootstrap (Efron 1979) over items, seeded, so that the same data give the same interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seehear.types import InputError


@dataclass(frozen=True)
class Score:
    """One measured figure."""

    value: float
    """NaN where nothing could be measured."""
    n: int
    """Items that the value rests on."""
    n_failed: int
    """Items that could not be measured and are not in the value."""
    unit: str
    """``1`` for fractions and counts."""
    better: Literal["higher", "lower"]
    ci: tuple[float, float]
    """95 % confidence interval."""

    def __str__(self) -> str:
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.value:.3f}{unit} [{self.ci[0]:.3f}, {self.ci[1]:.3f}] (n = {self.n}{failed})"


def bootstrap(
    statistic: Callable[[NDArray], float],
    n: int,
    *,
    n_failed: int = 0,
    unit: str = "1",
    better: Literal["higher", "lower"] = "higher",
    resamples: int = 1000,
    seed: int = 0,
) -> Score:
    """The Score of ``statistic(indices)`` over ``n`` items, with its 95 % percentile interval over resampled indices.

    A statistic may be NaN for a resample (for example a ratio of nothing); such resamples are left out of the interval.
    """
    if n == 0:
        return Score(float("nan"), 0, n_failed, unit, better, (float("nan"), float("nan")))
    if resamples < 2:
        raise InputError(f"a bootstrap needs at least two resamples, got {resamples}")
    rng = np.random.default_rng(seed)
    draws = np.array([statistic(rng.integers(0, n, n)) for _ in range(resamples)])
    draws = draws[np.isfinite(draws)]
    low, high = np.percentile(draws, (2.5, 97.5)) if len(draws) else (float("nan"),) * 2
    return Score(statistic(np.arange(n)), n, n_failed, unit, better, (float(low), float(high)))
