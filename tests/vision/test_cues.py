from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seehear.types import Image
from seehear.vision.cues import scene_cues, stuff_regions
from seehear.vision.faces import find_faces
from seehear.vision.materials import material_maps

HEIGHT, WIDTH = 300, 400


def noise(rng: np.random.Generator, deviation: float, sigma: tuple[float, float]) -> np.ndarray:
    """Smooth noise (H, W, 1) of that deviation, the same in all channels."""
    field = gaussian_filter(rng.normal(size=(HEIGHT, WIDTH)), sigma)
    return (field / field.std() * deviation)[..., None]


def painted(*bands: tuple[float, tuple[int, int, int], float, tuple[float, float]]) -> Image:
    """Bands from top to bottom: lower end (share of the height), colour, texture deviation, texture size (rows, columns)."""
    rng = np.random.default_rng(7)
    rgb = np.zeros((HEIGHT, WIDTH, 3))
    start = 0
    for end, colour, deviation, sigma in bands:
        stop = round(end * HEIGHT)
        rgb[start:stop] = (np.array(colour) + noise(rng, deviation, sigma))[start:stop]
        start = stop
    return Image(np.clip(rgb + rng.normal(0, 1, rgb.shape), 0, 255).astype(np.uint8))


SKY = ((0.45, (135, 175, 230), 2.0, (20.0, 40.0)),)
GRASS = (1.0, (70, 120, 45), 22.0, (1.0, 1.0))
SEA = (1.0, (60, 100, 130), 16.0, (1.2, 2.4))
SNOW = (1.0, (226, 230, 238), 8.0, (1.5, 1.5))
ROAD = (1.0, (120, 112, 108), 8.0, (1.0, 1.0))


@pytest.mark.parametrize(("band", "material"), [(GRASS, "vegetation"), (SEA, "water"), (SNOW, "snow"), (ROAD, None)])
def test_planted_material_under_a_sky(band: tuple, material: str | None) -> None:
    """Oracle: planted answer: sky above, the material below, nothing else claims either."""
    cues = scene_cues(painted(*SKY, band))
    n = len(cues.sky)
    upper, lower = slice(0, round(0.42 * n)), slice(round(0.48 * n), n)
    assert (cues.sky[upper] > 0.5).mean() > 0.95 and (cues.sky[lower] > 0.5).mean() < 0.02
    for name in ("water", "vegetation", "snow", "fire"):
        share = (getattr(cues, name)[lower] > 0.5).mean()
        assert share > 0.9 if name == material else share < 0.05, name
    assert cues.outdoor > 0.8 and not cues.is_night and cues.silent < 0.1


def test_stuff_regions_are_the_planted_bands() -> None:
    """Oracle: planted answer: materials by size, with the bands' boxes at the picture's size."""
    found = stuff_regions(cues := scene_cues(image := painted(*SKY, SEA)), image)
    assert [name for name, _ in found] == ["water", "sky"]
    assert cues.fraction("water") == pytest.approx(0.55, abs=0.03)
    np.testing.assert_allclose(found[0][1].box, (0, 135, 400, 300), atol=6)
    assert stuff_regions(cues, image, min_share=0.6) == []


def test_fire_needs_flames_around_a_bright_core() -> None:
    """Oracle: planted answer: an orange flame with a yellow-white core burns, an orange ball or a lamp does not."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]

    def scene(outer: tuple[int, int, int], inner: tuple[int, int, int]) -> Image:
        rgb = np.full((HEIGHT, WIDTH, 3), 18.0)
        rgb[((x - 200) / 40) ** 2 + ((y - 180) / 80) ** 2 < 1] = outer
        rgb[((x - 200) / 18) ** 2 + ((y - 205) / 40) ** 2 < 1] = inner
        return Image(np.clip(gaussian_filter(rgb, (3, 3, 0)), 0, 255).astype(np.uint8))

    orange, core = (240, 110, 20), (255, 240, 170)
    flame = scene_cues(scene(orange, core))
    assert 0.02 < flame.fraction("fire") < 0.12
    assert [name for name, _ in stuff_regions(flame, scene(orange, core))] == ["fire"]
    assert scene_cues(scene(orange, orange)).fraction("fire") == 0
    assert scene_cues(scene((200, 200, 205), (250, 250, 250))).fraction("fire") == 0


def test_night_is_dark_with_lights() -> None:
    """Oracle: planted answer: a dark picture with lamps is night; without lamps it is only black, by day neither."""
    rng = np.random.default_rng(2)
    dark = rng.normal(14, 4, (HEIGHT, WIDTH, 3))
    lamps = dark.copy()
    for row, column in rng.integers(20, 280, (25, 2)):
        lamps[row : row + 8, column : column + 8] = (255, 220, 150)
    night, black = (scene_cues(Image(np.clip(x, 0, 255).astype(np.uint8))) for x in (lamps, dark))
    assert night.is_night and night.blank < 0.1
    assert not black.is_night and black.blank > 0.9
    assert not scene_cues(painted(*SKY, GRASS)).is_night


def test_walls_are_blank_and_logos_are_drawn() -> None:
    """Oracle: planted answer: a lit wall, a flat logo (also blurred), ink on paper; a textured photo is none of them."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    wall = 180 + 0.03 * x[..., None] + rng.normal(0, 2, (HEIGHT, WIDTH, 3))
    logo = np.full((HEIGHT, WIDTH, 3), 255.0)
    logo[(x - 150) ** 2 + (y - 150) ** 2 < 6400] = (20, 90, 200)
    logo[120:220, 220:330] = (240, 180, 20)
    ink = np.full((HEIGHT, WIDTH, 3), 255.0)
    for radius in range(30, 130, 20):
        ink[np.abs(np.hypot(x - 200, y - 150) - radius) < 1.0] = 0
    cues = {name: scene_cues(Image(np.clip(p, 0, 255).astype(np.uint8))) for name, p in {"wall": wall, "ink": ink}.items()}
    assert cues["wall"].blank > 0.9 and cues["wall"].outdoor < 0.1
    assert cues["ink"].graphic > 0.8 and cues["ink"].blank < 0.5
    for picture in (logo, gaussian_filter(logo, (0.7, 0.7, 0))):
        drawn = scene_cues(Image(picture.astype(np.uint8)))
        assert drawn.graphic > 0.8 and drawn.silent > 0.8 and drawn.outdoor < 0.2


def test_astronaut_is_a_portrait() -> None:
    """Oracle: the photo of scikit-image (NASA, public domain): one face, its box around the eyes' place (225, 115)."""
    from skimage.data import astronaut

    (face,) = find_faces(Image(astronaut()))
    assert face[0] < 225 < face[2] and face[1] < 115 < face[3]
    cues = scene_cues(Image(astronaut()[:400, :400]))
    assert cues.portrait > 0.5 and len(cues.faces) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (16, 16)])
def test_tiny_pictures_have_finite_cues(shape: tuple[int, int]) -> None:
    """Oracle: closed form: one grey is blank, nothing is claimed."""
    cues = scene_cues(Image(np.full((*shape, 3), 99, np.uint8)))
    assert cues.blank > 0.9 and cues.portrait == 0
    assert stuff_regions(cues, Image(np.full((*shape, 3), 99, np.uint8))) == []


def test_labelled_photos(media: Path) -> None:
    """Oracle: the semantic masks of 15 COCO photos: sky and plants by intersection over union.

    The thresholds were read off these photos among others, so this guards against loss; it is no held-out figure.
    """
    folder = media / "photos_coco_ccbysa"
    from PIL import Image as PillowImage

    classes = {"sky": (187,), "vegetation": (184, 193)}
    both, either = dict.fromkeys(classes, 0.0), dict.fromkeys(classes, 0.0)
    for path in sorted((folder / "semantic_masks").glob("*.png")):
        maps = material_maps(np.asarray(PillowImage.open(folder / f"{path.stem}.jpg").convert("RGB")))
        size = maps["sky"].shape[::-1]
        labels = np.asarray(PillowImage.open(path).resize(size, PillowImage.Resampling.NEAREST))
        for name, ids in classes.items():
            said, true = maps[name] > 0.5, np.isin(labels, ids)
            both[name] += (said & true).mean()
            either[name] += (said | true).mean()
    assert both["sky"] / either["sky"] > 0.6
    assert both["vegetation"] / either["vegetation"] > 0.5
