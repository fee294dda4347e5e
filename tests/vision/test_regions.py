import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seehear.types import Image, InputError
from seehear.vision.pixels import grow, lab, shrink
from seehear.vision.regions import convex_hull, find_regions, mask_box


def planted(seed: int = 0) -> tuple[Image, dict[str, tuple[int, int, int, int]]]:
    """A noisy grey-green field with a red ellipse, a blue box and a white sky-like band."""
    rng = np.random.default_rng(seed)
    rgb = np.empty((300, 480, 3))
    rgb[:] = (110, 125, 100)
    rgb[:70] = (200, 215, 235)
    y, x = np.mgrid[0:300, 0:480]
    rgb[((x - 130) / 55) ** 2 + ((y - 180) / 40) ** 2 < 1] = (190, 40, 35)
    rgb[130:230, 310:390] = (30, 50, 160)
    rgb += gaussian_filter(rng.normal(0, 25, rgb.shape), (1, 1, 0))
    boxes = {"ellipse": (75, 140, 185, 220), "box": (310, 130, 390, 230)}
    return Image(np.clip(rgb, 0, 255).astype(np.uint8)), boxes


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def test_planted_objects_are_the_first_regions_and_surfaces_follow() -> None:
    """Oracle: planted answer: both objects within the first three (IoU > 0.85), the sky band among the first eight."""
    image, boxes = planted()
    regions = find_regions(image, 8)
    for box in boxes.values():
        assert max(overlap(r.box, box) for r in regions[:3]) > 0.85
    assert max(overlap(r.box, (0, 0, 480, 70)) for r in regions) > 0.85
    assert all(0 <= r.saliency <= 1 for r in regions)


def test_regions_cover_different_things() -> None:
    """Oracle: the contract of the spread: no two boxes overlap by half, masks fit their boxes exactly."""
    regions = find_regions(planted(1)[0], 10)
    for i, a in enumerate(regions):
        assert mask_box(a.mask) == a.box
        assert all(overlap(a.box, b.box) < 0.6 for b in regions[:i])  # full-size boxes are rounded from the small picture


def test_same_picture_same_regions() -> None:
    """Oracle: repetition: nothing is drawn at random."""
    first, second = (find_regions(planted()[0], 5) for _ in range(2))
    assert [r.box for r in first] == [r.box for r in second]


def test_hull_encloses_the_region_and_is_smallest() -> None:
    """Oracle: closed form: the hull of an L of 30 x 30 with a 20 x 20 bite has area 900 - 200; all pixel corners lie inside."""
    mask = np.zeros((50, 60), bool)
    mask[10:40, 10:40] = True
    mask[10:30, 20:40] = False
    polygon = np.array(convex_hull(mask))
    x, y = polygon.T
    assert 0.5 * abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) == pytest.approx(700)
    edges = np.roll(polygon, -1, axis=0) - polygon
    rows, columns = np.nonzero(mask)
    for dx, dy in ((0, 0), (0, 1), (1, 0), (1, 1)):
        to = np.stack([columns + dx, rows + dy], axis=-1)[:, None] - polygon[None]
        assert (edges[:, 0] * to[..., 1] - edges[:, 1] * to[..., 0] >= -1e-9).all()


def test_outline_option_adds_the_polygon_only() -> None:
    """Oracle: eq. 1 and 2 describe one region: same masks and boxes, the hull inside the box."""
    image = planted()[0]
    for with_box, with_hull in zip(find_regions(image, 3), find_regions(image, 3, outline="hull"), strict=True):
        assert with_box.polygon is None and with_box.box == with_hull.box
        assert with_hull.polygon is not None
        points = np.array(with_hull.polygon)
        assert (points.min(axis=0) == with_hull.box[:2]).all() and (points.max(axis=0) == with_hull.box[2:]).all()


@pytest.mark.parametrize("shape", [(16, 16), (1, 300), (300, 1), (16, 512)])
def test_flat_and_tiny_pictures_have_no_regions(shape: tuple[int, int]) -> None:
    """Oracle: closed form: without contrast there is nothing to find."""
    assert find_regions(Image(np.full((*shape, 3), 90, np.uint8)), 3) == []


def test_zero_regions_are_refused() -> None:
    """Oracle: the contract."""
    with pytest.raises(InputError):
        find_regions(planted()[0], 0)


def test_shrink_keeps_the_mean_and_grow_inverts_it() -> None:
    """Oracle: closed form: area averages keep the mean; growing a shrunk block picture gives it back."""
    rng = np.random.default_rng(3)
    blocks = rng.integers(0, 255, (10, 20, 3), dtype=np.uint8)
    large = np.repeat(np.repeat(blocks, 7, axis=0), 7, axis=1)
    small = shrink(large, 20)
    np.testing.assert_allclose(small * 255, blocks, atol=1e-3)
    np.testing.assert_array_equal(np.round(grow(small, 70, 140) * 255), large)


def test_lab_of_known_colours() -> None:
    """Oracle: published numbers: CIE L*a*b* (D65) of sRGB red, white and mid grey."""
    rgb = np.array([[[1, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5]]], np.float32)
    expected = [[53.24, 80.09, 67.20], [100, 0, 0], [53.39, 0, 0]]
    np.testing.assert_allclose(lab(rgb)[0], expected, atol=0.05)
