import math

import numpy as np
import pytest

from seehear.types import Direction, Image, InputError, Region
from seehear.vision.camera import Camera, camera_for, region_direction, region_extent
from seehear.vision.regions import region_of


def blank(width: int, height: int, focal: float | None = None) -> Image:
    return Image(np.zeros((height, width, 3), np.uint8), focal)


def test_pinhole_edges_lie_at_half_the_field_of_view() -> None:
    """Oracle: closed form; right is negative azimuth, up is positive elevation."""
    camera = Camera(640, 480, math.radians(90))
    centre, left, right, up = (
        Direction.of(r) for r in camera.rays(np.array([[320, 240], [0, 240], [640, 240], [320, 0]], dtype=float))
    )
    assert (centre.azimuth_rad, centre.elevation_rad) == (0, 0)
    assert left.azimuth_rad == pytest.approx(math.pi / 4, abs=1e-12)
    assert right.azimuth_rad == pytest.approx(-math.pi / 4, abs=1e-12)
    assert up.elevation_rad == pytest.approx(math.atan(240 / 320), abs=1e-12)


@pytest.mark.parametrize("equirectangular", [False, True])
def test_projection_inverts_rays(equirectangular: bool) -> None:
    """Oracle: round trip over random picture points and vector lengths."""
    rng = np.random.default_rng(1)
    camera = Camera(800, 400, math.radians(75), equirectangular)
    points = rng.uniform([0, 0], [800, 400], (200, 2))
    rays = camera.rays(points)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(camera.project(rays * rng.uniform(0.1, 9, (200, 1))), points, atol=1e-8)


def test_points_behind_a_pinhole_project_nowhere() -> None:
    """Oracle: closed form: the half space x <= 0 is invisible."""
    assert np.isnan(Camera(100, 100).project(np.array([[-1.0, 0, 0], [0, 1, 0]]))).all()


def test_equirectangular_axes() -> None:
    """Oracle: closed form: centre front, a quarter of the width left of it is +90 degrees, top is the zenith."""
    rays = Camera(400, 200, equirectangular=True).rays(np.array([[200, 100], [100, 100], [0, 100], [200, 0]], dtype=float))
    np.testing.assert_allclose(rays, [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, 0, 1]], atol=1e-12)


def test_solid_angles_sum_to_the_field() -> None:
    """Oracle: closed form: 4 pi of the sphere; a pyramid of half angles a and b sees 4 asin(sin a sin b)."""
    y, x = np.mgrid[0:200, 0:400] + 0.5
    points = np.stack([x.ravel(), y.ravel()], axis=-1)
    assert Camera(400, 200, equirectangular=True).solid_angles(points).sum() == pytest.approx(4 * math.pi, rel=1e-4)
    pyramid = 4 * math.asin(math.sin(math.atan(1.0)) * math.sin(math.atan(0.5)))
    assert Camera(400, 200, math.radians(90)).solid_angles(points).sum() == pytest.approx(pyramid, rel=1e-4)


def test_field_of_view_from_the_35_mm_equivalent() -> None:
    """Oracle: closed form: 3:2 landscape sees 2 atan(18 / f), its upright turn 2 atan(12 / f); the diagonal is kept for 4:3."""
    assert camera_for(blank(600, 400, 50.0)).hfov_rad == pytest.approx(2 * math.atan(18 / 50), rel=1e-12)
    assert camera_for(blank(400, 600, 50.0)).hfov_rad == pytest.approx(2 * math.atan(12 / 50), rel=1e-12)
    four_thirds = camera_for(blank(400, 300, 28.0))
    assert math.atan(250 / four_thirds.focal_px) == pytest.approx(math.atan(math.hypot(36, 24) / 2 / 28), rel=1e-12)
    assert camera_for(blank(400, 300)).hfov_rad == pytest.approx(math.radians(60))
    assert camera_for(blank(400, 300, 28.0), fov_rad=1.0).hfov_rad == 1.0


def test_direction_of_a_small_region_is_its_ray() -> None:
    """Oracle: planted answer: a 10 px disc at a known pixel, within 0.05 degrees."""
    image = blank(640, 480)
    y, x = np.mgrid[0:480, 0:640] + 0.5
    region = region_of((x - 500) ** 2 + (y - 100) ** 2 < 100, image)
    camera = camera_for(image)
    expected = camera.rays(np.array([[500.0, 100.0]]))[0]
    assert math.acos(region_direction(camera, region).vector @ expected) < math.radians(0.05)


def test_region_across_the_seam_lies_behind() -> None:
    """Oracle: planted answer: two halves of a patch at both ends of a panorama are behind, not in front."""
    mask = np.zeros((200, 400), bool)
    mask[90:110, :10] = mask[90:110, -10:] = True
    direction = region_direction(Camera(400, 200, equirectangular=True), Region(mask, (0, 90, 400, 110)))
    assert abs(direction.azimuth_rad) == pytest.approx(math.pi, abs=1e-9)
    assert direction.elevation_rad == pytest.approx(0, abs=1e-9)


def test_extent_is_the_width_of_the_equal_cap() -> None:
    """Oracle: closed form: a planted cap of 40 degrees, a hemisphere (pi), the whole sphere (2 pi)."""
    camera = Camera(800, 400, equirectangular=True)
    y, x = np.mgrid[0:400, 0:800] + 0.5
    rays = camera.rays(np.stack([x.ravel(), y.ravel()], axis=-1)).reshape(400, 800, 3)
    cap = rays @ Direction(0.7, 0.3).vector > math.cos(math.radians(20))
    for mask, expected in ((cap, math.radians(40)), (y < 200, math.pi), (y < 999, 2 * math.pi)):
        assert region_extent(camera, Region(mask, (0, 0, 800, 400))) == pytest.approx(expected, rel=5e-3)
    assert region_direction(camera, Region(cap, (0, 0, 1, 1))).azimuth_rad == pytest.approx(0.7, abs=2e-3)


def test_bad_cameras_and_regions_are_refused() -> None:
    """Oracle: the contract: caller-fixable values raise InputError."""
    for bad in ({"width_px": 0, "height_px": 4}, {"width_px": 4, "height_px": 4, "hfov_rad": math.pi}):
        with pytest.raises(InputError):
            Camera(**bad)
    with pytest.raises(InputError):
        region_direction(Camera(4, 4), Region(np.zeros((4, 4), bool), (0, 0, 1, 1)))
