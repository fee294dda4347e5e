import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seehear.types import Image, Region
from seehear.vision.camera import Camera, region_direction
from seehear.vision.nesting import is_part, nesting
from seehear.vision.regions import box_ious, find_regions, mask_box


def region(y0: int, y1: int, x0: int, x1: int) -> Region:
    mask = np.zeros((100, 200), bool)
    mask[y0:y1, x0:x1] = True
    return Region(mask, mask_box(mask))


def picture(rgb: np.ndarray) -> Image:
    grain = gaussian_filter(np.random.default_rng(0).normal(0, 20, rgb.shape), (1, 1, 0))
    return Image(np.clip(rgb + grain, 0, 255).astype(np.uint8))


def test_each_part_belongs_to_its_smallest_whole() -> None:
    """Oracle: planted answer: pane in window in house; the tree beside is nobody's; an overlap of two thirds is no part."""
    house, window, pane = region(10, 90, 20, 120), region(20, 50, 40, 80), region(25, 35, 45, 55)
    tree, car = region(10, 90, 130, 160), region(70, 90, 100, 130)
    assert nesting([pane, house, tree, window, car]) == [3, None, None, 1, None]
    assert is_part(pane, house) and not is_part(house, pane) and not is_part(car, house)
    assert nesting([house, house]) == [None, 0] and nesting([]) == []


def test_part_and_whole_are_both_found() -> None:
    """Oracle: planted answer (IoU > 0.75): a rider on a horse are both among the regions, and a second thing."""
    rgb = np.full((240, 360, 3), (120, 150, 110), float)
    rgb[90:200, 40:190] = (60, 30, 20)
    rgb[100:150, 95:135] = (235, 205, 40)
    rgb[80:200, 260:320] = (40, 60, 160)
    regions = find_regions(picture(rgb), 6)

    def nearest(box: tuple[int, int, int, int]) -> int:
        return int(np.argmin([np.abs(np.subtract(r.box, box)).max() for r in regions]))

    horse, rider, other = nearest((40, 90, 190, 200)), nearest((95, 100, 135, 150)), nearest((260, 80, 320, 200))
    for index, box in ((horse, (40, 90, 190, 200)), (rider, (95, 100, 135, 150)), (other, (260, 80, 320, 200))):
        assert float(box_ious(np.array([regions[index].box]), np.array(box))[0]) > 0.75
    assert is_part(regions[rider], Region(_box_mask(regions[horse]), regions[horse].box))


def _box_mask(of: Region) -> np.ndarray:
    mask = np.zeros_like(of.mask)
    x0, y0, x1, y1 = (int(v) for v in of.box)
    mask[y0:y1, x0:x1] = True
    return mask


def test_nested_copies_do_not_fill_all_places() -> None:
    """Oracle: planted answer: a target of seven rings and two small things: no pixel is in more than three nested regions."""
    rgb = np.full((300, 480, 3), (130, 130, 125), float)
    y, x = np.mgrid[0:300, 0:480]
    for k, radius in enumerate((140, 115, 92, 72, 54, 38, 24)):
        rgb[np.hypot(y - 150, x - 170) < radius] = ((200, 40, 40), (235, 235, 235))[k % 2]
    rgb[60:110, 380:430] = (30, 60, 160)
    rgb[190:240, 390:440] = (30, 130, 60)
    regions = find_regions(picture(rgb), 8)
    parents = nesting(regions)
    for index in range(len(regions)):
        depth, at = 1, parents[index]
        while at is not None:
            depth, at = depth + 1, parents[at]
        assert depth <= 3
    for box in ((380, 60, 430, 110), (390, 190, 440, 240)):
        assert min(np.abs(np.subtract(r.box, box)).max() for r in regions) <= 6


def test_a_thing_across_the_seam_is_one_region_behind() -> None:
    """Oracle: planted answer: a red disc across the seam, its middle at azimuth 177 degrees, is one region there."""
    height, width = 256, 512
    rgb = np.full((height, width, 3), (150, 170, 150), float)
    rgb[:100] = (150, 190, 235)
    rgb[140:200, 150:190] = (40, 50, 120)
    y, x = np.mgrid[0:height, 0:width] + 0.5
    middle = width * (0.5 - 177 / 360)
    off = (x - middle + width / 2) % width - width / 2
    disc = np.hypot(off, y - 128) < 17
    rgb[disc] = (200, 30, 30)
    image = picture(rgb)
    camera = Camera(width, height, equirectangular=True)

    def found(wraps: bool) -> Region:
        regions = find_regions(image, 8, wraps=wraps)
        return max(regions, key=lambda r: (r.mask & disc).sum() / (r.mask | disc).sum())

    whole = found(True)
    assert (whole.mask & disc).sum() / (whole.mask | disc).sum() > 0.9
    assert np.degrees(region_direction(camera, whole).azimuth_rad) == pytest.approx(177, abs=0.5)
    x0, _, x1, _ = whole.box
    assert x0 == 0 and x1 == pytest.approx(middle + 17, abs=3)  # the larger part lies at the left edge
    cut = found(False)
    assert (cut.mask & disc).sum() / (cut.mask | disc).sum() < 0.75
