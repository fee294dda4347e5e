import numpy as np

from seehear.vision.layout import contact_rows, find_layout


def test_contact_is_the_own_row_on_a_floor_and_the_foot_of_a_thing() -> None:
    """Oracle: closed form: on a floor a pixel's row; in a part that is none, the part's last row in that column."""
    labels = np.zeros((10, 6), int)
    labels[2:7, 1:3] = 1
    labels[2:5, 3] = 1
    contact = contact_rows(labels, np.array([1.0, 0.0]))
    np.testing.assert_allclose(contact[:, 0], (np.arange(10) + 0.5) / 10, atol=0.005)
    np.testing.assert_allclose(contact[2:7, 1], 0.65, atol=0.005)
    np.testing.assert_allclose(contact[2:5, 3], 0.45, atol=0.005)


def test_planted_floor_walls_and_box() -> None:
    """Oracle: planted answer: of a room painted in flat Lab colours the floor is floor, wall and box are not."""
    colours = np.empty((144, 192, 3), np.float32)
    colours[:] = (80, 0, 5)
    colours[90:] = (45, 10, 20)
    colours[70:120, 60:100] = (30, 40, -30)
    colours += np.random.default_rng(0).normal(0, 0.5, colours.shape).astype(np.float32)
    layout = find_layout(colours)
    floor = layout.floor[layout.leaves.labels]
    assert floor[130, 20] > 0.9 and floor[30, 20] < 0.1 and floor[90, 80] < 0.1
    np.testing.assert_allclose(layout.contact[75:115, 80], 120 / 144, atol=0.02)
    np.testing.assert_allclose(layout.contact[10:80, 20], 90 / 144, atol=0.02)
