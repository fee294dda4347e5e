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


def drawn(image: Image, *boxes: tuple[int, int, int, int]) -> Image:
    """The picture with dark red boxes in it."""
    rgb = image.rgb.copy()
    for x0, y0, x1, y1 in boxes:
        rgb[y0:y1, x0:x1] = (90, 20, 20)
    return Image(rgb)


def test_things_stand_on_the_ground() -> None:
    """Oracle: planted answer: all of an upright thing is as far as the ground at its foot; the lower foot is nearer."""
    boxes = ((40, 90, 100, 220), (200, 85, 230, 130))
    image = drawn(landscape(), *boxes)
    near, far = (box_region(image, *box) for box in boxes)
    for regions in ([], [near, far]):
        depth = depth_from_cues(image, regions)
        for region, foot in ((near, 219), (far, 129)):
            column = depth.depth[104 : foot - 4, int(region.box[0] + region.box[2]) // 2]
            assert np.ptp(column) < 0.02
            assert region_depth(depth, region) == pytest.approx(float(depth.depth[foot, 310]), abs=0.02)
        assert region_depth(depth, near) < region_depth(depth, far)


def test_no_part_is_farther_than_its_whole_and_surfaces_recede() -> None:
    """Oracle: planted answer: a window high up on a near house has the house's depth; a lawn keeps the ground's slope."""
    rgb = drawn(landscape(), (40, 90, 140, 210)).rgb.copy()
    rgb[100:120, 60:80] = (200, 220, 240)
    image = Image(rgb)
    house, window, lawn = (
        box_region(image, 40, 90, 140, 210),
        box_region(image, 60, 100, 80, 120),
        box_region(image, 0, 100, 320, 240),
    )
    bare = depth_from_cues(image, [])
    assert region_depth(bare, window) > region_depth(bare, house) + 0.2
    depth = depth_from_cues(image, [window, lawn, house])
    assert region_depth(depth, window) == pytest.approx(region_depth(depth, house), abs=1e-3)
    np.testing.assert_array_equal(depth.depth[:, 300], bare.depth[:, 300])


def test_haze_counts_only_where_it_thickens_with_depth() -> None:
    """Oracle: planted answer: of two equal towers with one foot line the hazier is farther, but not in a clear picture."""
    rows = np.arange(240)[:, None, None]
    clear = np.where(rows < 110, (225, 232, 240), (70, 85, 50)).astype(float) * np.ones((1, 320, 1))
    through = np.where(rows < 110, 0.05, np.clip((rows - 110) / 100, 0.05, 1))
    hazy = clear * through + np.array([225, 232, 240]) * (1 - through)
    near, far = (60, 40, 90, 116), (230, 40, 260, 116)
    dark = np.array([60, 50, 45])

    def difference(ground: np.ndarray) -> float:
        rgb = ground + np.random.default_rng(0).normal(0, 2, ground.shape)
        rgb[near[1] : near[3], near[0] : near[2]] = dark
        rgb[far[1] : far[3], far[0] : far[2]] = 0.25 * dark + 0.75 * np.array([225, 232, 240])
        image = Image(np.clip(rgb, 0, 255).astype(np.uint8))
        depth = depth_from_cues(image, [])
        return region_depth(depth, box_region(image, *far)) - region_depth(depth, box_region(image, *near))

    assert difference(hazy) > 0.02
    assert difference(clear[::-1].copy()) == pytest.approx(0, abs=0.02)


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
