"""Perspective views of panoramas. Oracles: closed forms of both projections."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seehear.types import FRONT, Direction, InputError
from seehear.vision.camera import Camera
from seehear.vision.viewport import perspective_views, view_rays


def smooth_panorama(height: int = 360) -> np.ndarray:
    """A picture whose colour is the direction it is seen in: (1 + x, 1 + y, 1 + z) * 120."""
    azimuth = np.pi - 2 * np.pi * (np.arange(2 * height) + 0.5) / (2 * height)
    elevation = (np.pi / 2 - np.pi * (np.arange(height) + 0.5) / height)[:, None]
    x, y, z = np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation) + 0 * azimuth
    return np.rint((1 + np.stack([x, y, z], axis=-1)) * 120).astype(np.uint8)


@pytest.mark.parametrize(
    ("azimuth_deg", "elevation_deg"), [(0, 0), (90, 0), (-90, 30), (180, 0), (179.9, -60), (45, 89)], ids=str
)
def test_every_pixel_of_a_view_shows_the_direction_it_looks_in(azimuth_deg: float, elevation_deg: float) -> None:
    """Oracle: a panorama whose colours are its directions, so the view's colours are the rays' (half a step of the rounding and
    the bilinear error of 1 degree pixels, 0.02); also over the seam behind and near the pole."""
    camera, direction = Camera(48, 48, math.radians(90)), Direction(math.radians(azimuth_deg), math.radians(elevation_deg))
    view = perspective_views(smooth_panorama()[None], camera, direction)[0]
    np.testing.assert_allclose(view / 120 - 1, view_rays(camera, direction), atol=0.011)


def test_rays_of_a_turned_camera_are_level_and_mirror_about_its_direction() -> None:
    """Closed form: the four middle pixels average to the direction; the left half is more counter-clockwise; a 90 degree view's
    edge is 45 degrees away; a level camera's middle rows have no elevation beyond half a pixel."""
    camera, direction = Camera(100, 100, math.radians(90)), Direction(math.radians(70), math.radians(20))
    rays = view_rays(camera, direction)
    middle = rays[49:51, 49:51].mean(axis=(0, 1))
    np.testing.assert_allclose(middle / np.linalg.norm(middle), direction.vector, atol=1e-12)
    edge = np.degrees(np.arccos(rays[:, 0] @ direction.vector)).min()
    assert edge == pytest.approx(math.degrees(math.atan(0.99)), abs=0.01)
    level = view_rays(camera, FRONT)
    assert level[50, 0, 1] > 0 > level[50, -1, 1]
    assert abs(level[49:51, :, 2]).max() < 0.0101
    assert level[0, 50, 2] > 0


def test_what_is_no_panorama_is_refused() -> None:
    """The message says what was needed and what was got."""
    with pytest.raises(InputError, match="uint8"):
        perspective_views(np.zeros((1, 8, 16, 3)), Camera(4, 4), FRONT)
    with pytest.raises(InputError, match="pinhole"):
        perspective_views(np.zeros((1, 8, 16, 3), np.uint8), Camera(4, 4, equirectangular=True), FRONT)
