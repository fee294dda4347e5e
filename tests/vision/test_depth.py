import math

import numpy as np
import pytest

from seehear.types import DepthMap, Image, InputError
from seehear.vision.camera import Camera
from seehear.vision.depth import depth_from_cues, depth_to_distance_m, distance_from_size_m, region_depth
from seehear.vision.regions import region_of


def landscape() -> Image:
    """Blue sky over the upper 40 %, brown ground below, both noisy."""
    rgb = np.empty((240, 320, 3))
    rgb[:96], rgb[96:] = (130, 170, 230), (120, 95, 60)
    rgb += np.random.default_rng(0).normal(0, 3, rgb.shape)
    return Image(np.clip(rgb, 0, 255).astype(np.uint8))


def box_region(image: Image, x0: int, y0: int, x1: int, y1: int):
    mask = np.zeros(image.rgb.shape[:2], bool)
    mask[y0:y1, x0:x1] = True
    return region_of(mask, image)


def test_distances_are_equal_ratios_of_depth() -> None:
    """Oracle: closed form: near (far / near) ** depth."""
    np.testing.assert_allclose(depth_to_distance_m(np.array([0, 0.5, 1, 2]), 2.0, 32.0), [2, 8, 32, 32], rtol=1e-12)
    for near, far in ((0, 5), (5, 5), (-1, 3)):
        with pytest.raises(InputError):
            depth_to_distance_m(np.array([0.5]), near, far)


def test_size_gives_the_distance_of_a_projected_object() -> None:
    """Oracle: round trip: a 1.7 m post 6.5 m ahead, projected, is found at 6.5 m; twice as far, half the height."""
    camera = Camera(640, 480)
    for distance in (6.5, 13.0):
        ends = camera.project(np.array([[distance, 0, 0.85], [distance, 0, -0.85]]))
        box = (ends[0, 0] - 5, ends[0, 1], ends[0, 0] + 5, ends[1, 1])
        assert distance_from_size_m(camera, box, 1.7) == pytest.approx(distance, rel=1e-9)
    with pytest.raises(InputError):
        distance_from_size_m(camera, (0, 0, 10, 10), 0.0)
    with pytest.raises(InputError):
        distance_from_size_m(camera, (0, 5, 10, 5), 1.0)


def test_ground_recedes_to_the_horizon_and_sky_is_farthest() -> None:
    """Oracle: closed form: distance on a plane is inverse to the depth below the horizon (row 96 planted)."""
    depth = depth_from_cues(landscape(), []).depth
    assert (depth[:80] > 0.99).all()
    column = depth[110:240, 160]
    assert (np.diff(column) <= 1e-6).all()
    ratio = depth_to_distance_m(np.array([depth[120, 160], depth[144, 160]]), 1.0, 50.0)
    assert ratio[0] / ratio[1] == pytest.approx((144.5 - 96) / (120.5 - 96), rel=0.05)


def test_things_stand_on_the_ground_and_are_flat() -> None:
    """Oracle: planted answer: a region has one depth, that of the ground at its foot; the lower foot is nearer."""
    image = landscape()
    near, far = box_region(image, 40, 90, 100, 220), box_region(image, 200, 85, 230, 130)
    depth = depth_from_cues(image, [near, far])
    for region, foot in ((near, 219), (far, 129)):
        assert np.ptp(depth.depth[region.mask]) == 0
        assert region_depth(depth, region) == pytest.approx(float(depth.depth[foot, 310]), abs=0.02)
    assert region_depth(depth, near) < region_depth(depth, far)


def test_no_part_is_farther_than_its_whole_and_surfaces_recede() -> None:
    """Oracle: planted answer: a window high up on a near house has the house's depth; a lawn keeps the ground's slope."""
    image = landscape()
    house, window, lawn = (
        box_region(image, 40, 90, 140, 210),
        box_region(image, 60, 100, 80, 120),
        box_region(image, 0, 100, 320, 240),
    )
    depth = depth_from_cues(image, [window, lawn, house])
    assert region_depth(depth, window) == region_depth(depth, house)
    np.testing.assert_array_equal(depth.depth[:, 300], depth_from_cues(image, []).depth[:, 300])


def test_hanging_things_are_nearer_when_larger() -> None:
    """Oracle: closed form: without a foot on the ground twice the size is half the distance."""
    rgb = landscape().rgb.copy()
    rgb[10:70, 20:100] = rgb[20:50, 200:240] = (60, 20, 20)
    image = Image(rgb)
    large, small = box_region(image, 20, 10, 100, 70), box_region(image, 200, 20, 240, 50)
    depth = depth_from_cues(image, [large, small])
    metres = depth_to_distance_m(np.array([region_depth(depth, large), region_depth(depth, small)]), 1.0, 50.0)
    assert metres[1] / metres[0] == pytest.approx(2.0, rel=1e-3)
    assert math.isfinite(metres.sum()) and isinstance(depth, DepthMap) and not depth.metric
