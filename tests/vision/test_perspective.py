import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seehear.vision.perspective import line_segments, vanishing_point


def corridor(x: float, y: float) -> np.ndarray:
    """Lightness (150, 200) with eight edges that meet at ``x``, ``y``."""
    rows, columns = np.mgrid[0:150, 0:200] + 0.5
    turn = np.arctan2(rows - y, columns - x) / (2 * np.pi) % 1
    sectors = np.searchsorted([0.06, 0.14, 0.34, 0.44, 0.57, 0.66, 0.86, 0.94], turn)
    picture = np.array([50, 80, 40, 75, 45, 80, 40, 70, 50.0])[sectors]
    return gaussian_filter(picture, 0.6).astype(np.float32)


@pytest.mark.parametrize(("x", "y"), [(100.0, 75.0), (60.0, 50.0), (150.0, 90.0)])
def test_lines_meet_at_the_planted_point(x: float, y: float) -> None:
    """Oracle: planted answer: within 1 % of the picture, with support from both sides."""
    picture = corridor(x, y)
    found = vanishing_point(line_segments(picture), *picture.shape)
    assert (found.x, found.y) == (pytest.approx(x / 200, abs=0.01), pytest.approx(y / 150, abs=0.01))
    assert found.support > 0.3


def test_a_straight_edge_is_one_segment() -> None:
    """Oracle: closed form: the edge of a half plane through (20, 30) and (170, 120) has that direction and passes there."""
    rows, columns = np.mgrid[0:150, 0:200] + 0.5
    side = (rows - 30) * 150 - (columns - 20) * 90 > 0
    segments = line_segments(gaussian_filter(np.where(side, 80.0, 40.0), 0.6).astype(np.float32))
    x0, y0, x1, y1 = segments[0]
    assert np.degrees(np.arctan2(y1 - y0, x1 - x0)) % 180 == pytest.approx(np.degrees(np.arctan2(90, 150)), abs=0.3)
    assert abs((y0 - 30) * 150 - (x0 - 20) * 90) / np.hypot(150, 90) < 0.5
    assert np.hypot(x1 - x0, y1 - y0) == pytest.approx(np.hypot(200, 120), rel=0.05)


def test_parallel_lines_and_upright_edges_tell_nothing() -> None:
    """Oracle: closed form: stripes of one direction meet nowhere, whichever it is."""
    rows, columns = np.mgrid[0:150, 0:200]
    for stripes in (rows, columns, rows + columns):
        picture = np.where(stripes // 20 % 2, 70.0, 40.0).astype(np.float32)
        assert vanishing_point(line_segments(picture), *picture.shape).support < 0.05
