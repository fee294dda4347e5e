import numpy as np
import pytest

from seehear.types import InputError
from seehear.vision.proposals import pick, point_grid, proposal_saliency, stability_score, suppress, tidy
from seehear.vision.regions import box_ious


def disc(x: float, y: float, radius: float, side: int = 64) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side] + 0.5
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def test_the_grid_of_points_is_half_a_step_from_the_edges():
    """Closed form: (i + 1/2) / n along both sides, row by row."""
    assert point_grid(2).tolist() == [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    grid = point_grid(32)
    assert grid.shape == (1024, 2)
    assert grid.min() == 1 / 64 and grid.max() == 63 / 64
    with pytest.raises(InputError, match="at least one point"):
        point_grid(0)


def test_the_stability_of_a_ramp_is_a_ratio_of_lengths():
    """Closed form: a ramp from -8 to 8 over 1600 columns is above 1 on 700 of them, above -1 on 900."""
    ramp = np.tile(np.linspace(-8, 8, 1600, endpoint=False) + 0.005, (3, 1))
    assert stability_score(ramp, 1.0) == pytest.approx(700 / 900, rel=1e-12)
    step = np.where(ramp > 0, 20.0, -20.0)
    assert stability_score(np.stack([ramp, step, step - 100]), 2.0) == pytest.approx([600 / 1000, 1, 0], rel=1e-12)


def test_suppression_keeps_the_best_of_overlapping_boxes():
    """Closed form: shifted unit boxes overlap by (1 - s) / (1 + s); at 0.7 a shift of 0.17 goes, one of 0.18 stays."""
    boxes = np.array([[0, 0, 1, 1], [0.17, 0, 1.17, 1], [0.18, 0, 1.18, 1], [5, 5, 6, 6]], dtype=float)
    assert box_ious(boxes[1:3], boxes[0]) == pytest.approx([0.83 / 1.17, 0.82 / 1.18], rel=1e-12)
    assert suppress(boxes, np.array([0.9, 0.8, 0.7, 0.95])).tolist() == [3, 0, 2]
    # what suppresses may itself be suppressed: then it has no say
    chain = np.array([[0, 0, 1, 1], [0.15, 0, 1.15, 1], [0.3, 0, 1.3, 1]], dtype=float)
    assert suppress(chain, np.array([0.9, 0.8, 0.7])).tolist() == [0, 2]
    assert suppress(chain, np.array([0.8, 0.9, 0.7])).tolist() == [1]
    assert suppress(chain[:0], np.zeros(0)).size == 0


def test_crumbs_go_holes_close_and_the_largest_island_stays():
    """Planted answer: a square of 40 x 40 with a hole of 81 and one of 100 pixels, islands of 99 and of 100 pixels."""
    mask = np.zeros((80, 80), dtype=bool)
    mask[:40, :40] = True
    wanted = mask.copy()
    mask[3:12, 3:12] = False
    mask[20:30, 20:30] = wanted[20:30, 20:30] = False
    mask[60:69, 60:71] = True
    mask[60:70, 5:15] = wanted[60:70, 5:15] = True
    assert np.array_equal(tidy(mask, 100), wanted)
    crumbs = np.zeros((20, 20), dtype=bool)
    crumbs[2, 2:5] = crumbs[10, 10:12] = True
    assert tidy(crumbs, 100).sum() == 3
    assert not tidy(np.zeros((5, 5), dtype=bool)).any()
    assert tidy(np.ones((5, 5), dtype=bool)).all()


def test_saliency_is_quality_times_shape():
    """Closed form: proportional to the predicted IoU; of two like masks the larger and the more central stands out more."""
    masks = np.stack([disc(32, 32, 14), disc(32, 32, 5), disc(15, 15, 14)])
    full = proposal_saliency(masks, np.ones(3))
    assert proposal_saliency(masks, np.array([0.9, 0.9, 0.9])) == pytest.approx(0.9 * full, rel=1e-12)
    assert full[0] > full[2] > full[1]
    assert 0 < full.min() <= full.max() <= 1


def test_parts_come_after_other_things():
    """Planted answer: a wheel within the car waits for the equally salient house; a second mask of the car never comes."""
    car, again = disc(20, 20, 15), disc(20, 20, 14)
    wheel, house = disc(20, 24, 8), disc(50, 50, 8)
    masks = np.stack([car, again, wheel, house])
    assert pick(masks, np.array([0.9, 0.89, 0.7, 0.65]), 4) == [0, 3, 2]
    assert pick(masks, np.array([0.9, 0.89, 0.7, 0.65]), 1) == [0]
