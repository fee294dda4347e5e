import numpy as np
import pytest

from seehear.metrics import alignment
from seehear.metrics.alignment import dtw_distance
from seehear.types import InputError


def column(*values: float) -> np.ndarray:
    return np.array(values, float)[:, None]


def test_a_change_of_tempo_costs_nothing():
    """Closed form: a delayed, a stretched and a held copy align at no cost."""
    assert dtw_distance(column(0, 0, 1, 2, 3), column(0, 1, 2, 3, 3)) == 0
    x = np.random.default_rng(0).standard_normal((9, 4))
    assert dtw_distance(x, np.repeat(x, 3, axis=0)) == 0


def test_a_constant_offset_is_the_distance():
    """Closed form: d everywhere is a mean of d, whatever the path and the lengths."""
    assert dtw_distance(column(0, 0, 0), column(2.5, 2.5, 2.5, 2.5, 2.5)) == pytest.approx(2.5)
    assert dtw_distance(column(1), column(4)) == pytest.approx(3)


def test_cells_one_by_one():
    """Independent implementation: Sakoe and Chiba's recursion written cell by cell with loops."""
    rng = np.random.default_rng(1)
    for n, m in ((5, 9), (9, 5), (7, 7), (1, 6)):
        a, b = rng.standard_normal((n, 3)), rng.standard_normal((m, 3))
        g = np.full((n + 1, m + 1), np.inf)
        for i in range(1, n + 1):
            for j in range(1, m + 1):
                d = np.linalg.norm(a[i - 1] - b[j - 1])
                g[i, j] = 2 * d if i == j == 1 else min(g[i, j - 1] + d, g[i - 1, j - 1] + 2 * d, g[i - 1, j] + d)
        assert dtw_distance(a, b) == pytest.approx(g[n, m] / (n + m), rel=1e-12)


def test_what_cannot_be_aligned_is_refused(monkeypatch):
    """Closed form: empty, unlike widths, too many cells."""
    for a, b in ((np.zeros((0, 2)), np.zeros((3, 2))), (np.zeros((3, 2)), np.zeros((3, 1))), (np.zeros(3), np.zeros(3))):
        with pytest.raises(InputError, match="two sequences"):
            dtw_distance(a, b)
    monkeypatch.setattr(alignment, "MAX_CELLS", 8)
    with pytest.raises(InputError, match="3 and 3 frames is too long"):
        dtw_distance(np.zeros((3, 1)), np.zeros((3, 1)))
