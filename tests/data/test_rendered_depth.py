import numpy as np
import pytest

from seehear.data.rendered_depth import SceneKind, render_depth_scene
from seehear.vision.camera import Camera


@pytest.mark.parametrize("kind", ["indoor", "outdoor"])
def test_floor_is_a_plane_at_the_rendered_distances(kind: SceneKind) -> None:
    """Oracle: closed form: points at the given distances along the rays lie on one plane, level once the pitch is taken out."""
    scene = render_depth_scene(kind, np.random.default_rng(5))
    height, width = scene.distance_m.shape
    camera = Camera(width, height, scene.hfov_rad)
    pitch = np.arctan((scene.horizon_px - height / 2) / camera.focal_px)
    y, x = np.mgrid[0:height, 0:width] + 0.5
    rays = camera.rays(np.stack([x.ravel(), y.ravel()], axis=-1))
    up = rays[:, 0] * np.sin(pitch) + rays[:, 2] * np.cos(pitch)
    depth_below = (up * scene.distance_m.ravel().astype(float))[scene.floor.ravel()]
    assert scene.floor.mean() > 0.05
    assert np.ptp(depth_below) < 0.07 and 0.9 <= -depth_below.mean() <= 7


def test_seeds_repeat_and_only_the_sky_is_infinite() -> None:
    """Oracle: closed form: one seed, one scene; a sky is infinitely far, a room has none."""
    first, again = (render_depth_scene("outdoor", np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.image.rgb, again.image.rgb)
    np.testing.assert_array_equal(first.distance_m, again.distance_m)
    assert np.isinf(first.distance_m[: int(first.horizon_px)]).mean() > 0.2
    assert np.isfinite(render_depth_scene("indoor", np.random.default_rng(3)).distance_m).all()
