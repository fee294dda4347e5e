"""Where things are when depth is measured in metres."""

import math

import numpy as np
import pytest

from seehear.systems.spatialize.place import Geometry, Surveyor
from seehear.types import DepthMap, Region
from seehear.vision.camera import Camera
from seehear.vision.depth import surface_depth
from seehear.vocabulary import concepts

WIDTH, HEIGHT = 400, 300


def square(x: int, y: int, side: int = 20) -> Region:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y - side // 2 : y + side // 2, x - side // 2 : x + side // 2] = True
    return Region(mask, (x - side / 2, y - side / 2, x + side / 2, y + side / 2))


def surveyor(metres: float | np.ndarray, geometry: Geometry, *, metric: bool = True, equirectangular: bool = False) -> Surveyor:
    depth = np.full((HEIGHT, WIDTH), metres, np.float32)
    return Surveyor(
        camera=Camera(WIDTH, HEIGHT, equirectangular=equirectangular),
        depth=DepthMap(depth, metric=metric),
        geometry=geometry,
        reference_s=0.0,
    )


@pytest.mark.parametrize("metres", [0.8, 12.0, 80.0, 300.0])
@pytest.mark.parametrize("name", ["dog", "car", "thunder"])
def test_measured_metres_are_kept(metres, name):
    """Planted answer: straight ahead, depth is distance, whatever near, far and the thing's usual size."""
    there = surveyor(metres, Geometry(near_m=1.5, far_m=40))
    assert there.distance_m(square(200, 150), concepts()[name]) == pytest.approx(metres, rel=1e-3)


def test_depth_is_measured_along_the_axis():
    """Closed form: a wall at 10 m, seen 25 degrees to the side, is 10 / cos(25 degrees) away; on a sphere depth is distance."""
    camera = Camera(WIDTH, HEIGHT)
    x = round(WIDTH / 2 + camera.focal_px * math.tan(math.radians(25)))
    aside = square(x, 150, 4)
    wall = surveyor(10.0, Geometry())
    assert wall.distance_m(aside, concepts()["dog"]) == pytest.approx(10 / math.cos(math.radians(25)), rel=5e-3)
    around = surveyor(10.0, Geometry(), equirectangular=True)
    assert around.distance_m(aside, concepts()["dog"]) == pytest.approx(10, rel=1e-6)


def test_relative_depth_stays_within_near_and_far():
    """Closed form: near * (far / near) ** depth, as before."""
    there = surveyor(1.0, Geometry(near_m=2, far_m=32), metric=False)
    assert there.distance_m(square(200, 150), concepts()["thunder"]) == pytest.approx(32, rel=1e-6)


def test_what_measures_nothing_is_half_a_metre_away():
    """Planted answer: a depth of 0 m cannot be: nothing gets nearer than the distance law reaches."""
    assert surveyor(0.0, Geometry()).distance_m(square(200, 150), concepts()["dog"]) == 0.5


def test_half_of_a_measured_surface_is_heard_from_beyond():
    """Closed form: of log-uniform distances 1 to 10 m, weight d, half is heard from beyond (1 + 10) / 2 m."""
    metres = np.repeat(np.geomspace(10, 1, 400, dtype=np.float32)[:, None], 10, axis=1)
    everything = Region(np.ones((400, 10), bool), (0, 0, 10, 400))
    assert surface_depth(DepthMap(metres, metric=True), everything, 1.5, 40) == pytest.approx(5.5, rel=0.01)
