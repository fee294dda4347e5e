"""The camera's motion. Oracle of every test: a picture moved by a known similarity, and complex arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from seehear.types import InputError
from seehear.vision.egomotion import NO_PATH, STILL, CameraPath, Similarity, camera_motion, moved

H, W = 90, 160
CORNERS = np.array([[0.0, 0.0], [W, 0.0], [0.0, H], [W, H]])
BIG = gaussian_filter(np.random.default_rng(0).normal(0, 1, (400, 600)), 3)
BIG = 50 + 15 * BIG / BIG.std()


def similarity(dx_px: float, dy_px: float, zoom: float = 1.0, roll_rad: float = 0.0) -> Similarity:
    return Similarity(zoom * np.exp(1j * roll_rad), complex(dx_px, dy_px) / W)


def seen(motion: Similarity, seed: int) -> np.ndarray:
    """The ground after ``motion``, resampled by cubic splines, with noise of half a percent."""
    y, x = np.mgrid[0:H, 0:W] + 0.5
    from_px = motion.inverse().points(np.stack([x.ravel(), y.ravel()], axis=-1), W, H)
    clean = map_coordinates(BIG, [from_px[:, 1] + 150, from_px[:, 0] + 200], order=3).reshape(H, W)
    return (clean + np.random.default_rng(seed).normal(0, 0.5, (H, W))).astype(np.float32)


@pytest.mark.parametrize(
    "motion", [(3.3, -1.2), (0.3, 0.1), (14, 5), (0, 0, 1.05), (0, 0, 1, 0.04), (5, 2, 0.95, -0.03)], ids=str
)
def test_shift_zoom_and_roll_are_found_beside_a_moving_thing(motion: tuple[float, ...]) -> None:
    """A block of a twelfth of the picture moves on its own; the corners are predicted within 0.05 px."""
    truth = similarity(*motion)
    before, now = seen(STILL, 1), seen(truth, 2)
    before[30:60, 50:90], now[30:60, 60:100] = 20, 20
    found = camera_motion(before, now)
    np.testing.assert_allclose(found.points(CORNERS, W, H), truth.points(CORNERS, W, H), atol=0.05)


def test_a_thing_before_a_wall_does_not_move_the_camera() -> None:
    """A disc moves 10 px before a blank, noisy wall: corners stay within 0.3 px."""
    y, x = np.mgrid[0:H, 0:W]
    frames = [np.random.default_rng(i).normal(60, 0.5, (H, W)).astype(np.float32) for i in (0, 1)]
    for frame, at in zip(frames, (60, 70), strict=True):
        frame[(x - at) ** 2 + (y - 40) ** 2 < 200] = 20
    np.testing.assert_allclose(camera_motion(*frames).points(CORNERS, W, H), CORNERS, atol=0.3)
    black = np.zeros((H, W), np.float32)
    assert camera_motion(black, black) == STILL
    with pytest.raises(InputError):
        camera_motion(black, black[:10])


def test_a_turning_panorama_wraps() -> None:
    """A 360-degree picture rolled by 7 columns; moving it by what is found gives it back."""
    before = seen(STILL, 1)
    before = 0.5 * (before + before[:, ::-1])  # both edges agree
    now = np.roll(before, 7, axis=1)
    found = camera_motion(before, now, wraps=True)
    assert found.shift * W == pytest.approx(7, abs=0.01)
    np.testing.assert_allclose(moved(before, found, wraps=True), now, atol=0.01)


def test_motions_add_up_along_a_path() -> None:
    """Closed form: inverse and composition undo each other; a path from frame 1 to 3 is step 2 then step 3."""
    a, b = similarity(4, 1, 1.1, 0.2), similarity(-2, 3, 0.9, -0.1)
    back = a.inverse().after(a)
    assert abs(back.turn - 1) + abs(back.shift) < 1e-12
    path = CameraPath.of_steps([0.0, 0.1, 0.2, 0.3], [STILL, b, a, b])
    direct = b.after(a)
    found = path.between(0.1, 0.3)
    assert abs(found.turn - direct.turn) + abs(found.shift - direct.shift) < 1e-12
    assert NO_PATH.between(0, 5) == STILL
    np.testing.assert_allclose(a.points(a.inverse().points(CORNERS, W, H), W, H), CORNERS, atol=1e-9)


def test_moving_a_picture_agrees_with_moving_its_points() -> None:
    """The picture after a known motion, by another interpolation: equal within 1.5 % of white where it is known."""
    motion = similarity(4.5, -2.0, 1.05, 0.05)
    shown, truth = moved(seen(STILL, 1), motion), seen(motion, 1)
    known = np.isfinite(shown)
    assert known.mean() > 0.85
    assert np.abs(shown - truth)[known].mean() < 1.5
