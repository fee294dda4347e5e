"""What colour, texture and place tell about a picture: sky, water, plants, snow, fire, night, and whether it sounds at all.

Rules, not learned weights: each map is a product of soft thresholds on CIE Lab colour, local roughness and height in the
picture, smoothed over the parts of a graph segmentation. They are cues, to be weighed with other evidence.
Shapes: h w pixels of the small picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import Image, Region
from seehear.vision.hierarchy import find_leaves
from seehear.vision.pixels import grow, lab, shrink
from seehear.vision.regions import region_of

_LONG_SIDE_PX = 192

Map = NDArray[np.float32]


@dataclass(frozen=True)
class SceneCues:
    """Soft maps (h, w) in 0 to 1 at reduced size, and what follows for the whole picture."""

    sky: Map
    water: Map
    """Sea, lake or stream."""
    vegetation: Map
    snow: Map
    fire: Map
    outdoor: float
    """Probability-like evidence that the picture was taken outdoors, 0 to 1."""
    night: float
    """0 (day or lit) to 1 (a dark picture with a few lights)."""
    blank: float
    """0 to 1: hardly any structure, e.g. a wall, fog, a black frame."""
    graphic: float
    """0 to 1: drawn rather than photographed (few exact colours, flat areas, hard edges)."""
    portrait: float
    """0 to 1: one large skin-coloured ellipse near the middle. Skin-coloured walls and sand can mislead it."""

    @property
    def is_night(self) -> bool:
        return self.night > 0.5

    @property
    def silent(self) -> float:
        """Evidence that nothing in the picture sounds, 0 to 1."""
        return max(self.blank, self.graphic, self.portrait)

    def fraction(self, name: str) -> float:
        """Share of the picture covered by the map ``name``."""
        return float((getattr(self, name) > 0.5).mean())


def _above(x: NDArray, threshold: float, width: float) -> NDArray:
    """Soft step: 0.5 at the threshold, 0.88 one width above it."""
    return 1 / (1 + np.exp(-np.clip(2 * (x - threshold) / width, -30, 30)))


def _below(x: NDArray, threshold: float, width: float) -> NDArray:
    return _above(-x, -threshold, width)


def scene_cues(image: Image) -> SceneCues:
    """Cues of ``image``; well under 0.3 s for any size."""
    small = shrink(image.rgb, _LONG_SIDE_PX)
    colours = lab(small)
    leaves = find_leaves(colours, scale=60, min_size_px=20).labels if min(small.shape[:2]) >= 8 else None
    sky, water, vegetation, snow, fire = (_pooled(m, leaves) for m in _maps(small, colours))
    night = _night(colours)
    graphic = _graphic(image.rgb)
    return SceneCues(
        sky=sky,
        water=water,
        vegetation=vegetation,
        snow=snow,
        fire=fire,
        outdoor=_outdoor(sky, water, vegetation, snow),
        night=night,
        blank=_blank(colours),
        graphic=graphic,
        portrait=_portrait(colours),
    )


def _roughness(lightness: NDArray) -> NDArray:
    """Standard deviation of lightness in 5 x 5 windows."""
    from scipy.ndimage import uniform_filter

    mean = uniform_filter(lightness, 5)
    return np.sqrt(np.maximum(uniform_filter(lightness**2, 5) - mean**2, 0))


def _maps(rgb: NDArray, colours: NDArray) -> tuple[NDArray, ...]:
    lightness, a, b = np.moveaxis(colours, -1, 0)
    chroma = np.hypot(a, b)
    rough = _roughness(lightness)
    height = 1 - (np.arange(len(lightness))[:, None] + 0.5) / len(lightness)  # 1 at the top
    blue = _below(b, 2, 5)
    grey = _below(chroma, 12, 6)
    sky = _above(lightness, 55, 12) * _below(rough, 4, 2) * np.maximum(blue, grey) * _above(height, 0.45, 0.2)
    snow = _above(lightness, 75, 8) * _below(chroma, 10, 5) * _below(rough, 9, 4) * _below(height, 0.6, 0.2)
    green = _below(a, -5, 4) * _above(b, 6, 5)
    vegetation = green * _above(rough, 2, 1.5) * _below(lightness, 85, 8)
    water = blue * _below(a, 4, 4) * _below(height, 0.6, 0.15) * _above(rough, 1, 1) * _below(lightness, 85, 8)
    flame = _above(a, 18, 8) * _above(b, 30, 12) * _above(lightness, 50, 10)
    core = _above(lightness, 85, 6) * _above(b, 10, 8)
    fire = np.maximum(flame, core * _near(flame))
    return sky, water, vegetation, snow, fire


def _near(evidence: NDArray) -> NDArray:
    from scipy.ndimage import gaussian_filter

    return np.minimum(1, 3 * gaussian_filter(evidence, 4))


def _pooled(evidence: NDArray, labels: NDArray[np.intp] | None) -> Map:
    """Each pixel's evidence averaged with that of its segment, so that maps follow outlines."""
    if labels is None:
        return evidence.astype(np.float32)
    flat = labels.ravel()
    means = np.bincount(flat, evidence.ravel()) / np.maximum(np.bincount(flat), 1)
    return (0.3 * evidence + 0.7 * means[labels]).astype(np.float32)


def _outdoor(sky: Map, water: Map, vegetation: Map, snow: Map) -> float:
    cover = 2 * sky.mean() + water.mean() + vegetation.mean() + snow.mean()
    return float(_above(np.array(cover), 0.25, 0.2))


def _night(colours: NDArray) -> float:
    lightness = colours[..., 0]
    dark = float(np.mean(lightness < 25))
    lights = float(np.percentile(lightness, 99.5))
    return float(_above(np.array(dark), 0.65, 0.15) * _above(np.array(lights), 45, 10))


def _blank(colours: NDArray) -> float:
    smooth = np.percentile(_roughness(colours[..., 0]), 95)
    spread = np.ptp(np.percentile(colours.reshape(-1, 3), [5, 95], axis=0), axis=0).sum()
    return float(_below(np.array(smooth), 2.5, 1.0) * _below(np.array(spread), 30, 8))


def _graphic(rgb: NDArray[np.uint8]) -> float:
    """Share of pixels equal to their right and lower neighbours, and of the eight commonest colours."""
    step = max(1, max(rgb.shape[:2]) // 640)
    x = rgb[::step, ::step].astype(np.int16)
    flat = np.mean(np.abs(np.diff(x, axis=0))[:, :-1].max(-1) + np.abs(np.diff(x, axis=1))[:-1].max(-1) <= 2)
    codes = (x >> 4) @ np.array([256, 16, 1])
    common = np.sort(np.bincount(codes.ravel()))[-8:].sum() / codes.size
    return float(_above(flat, 0.75, 0.1) * _above(common, 0.75, 0.1))


def _portrait(colours: NDArray) -> float:
    """One large skin-coloured blob of face-like proportions near the middle."""
    from scipy.ndimage import label

    lightness, a, b = np.moveaxis(colours, -1, 0)
    hue = np.degrees(np.arctan2(b, a))
    chroma = np.hypot(a, b)
    skin = (lightness > 25) & (lightness < 92) & (hue > 15) & (hue < 75) & (chroma > 10) & (chroma < 48)
    blobs, n = label(skin)  # type: ignore[misc]
    if n == 0:
        return 0.0
    biggest = int(np.bincount(blobs.ravel())[1:].argmax()) + 1
    rows, columns = np.nonzero(blobs == biggest)
    share = len(rows) / skin.size
    aspect = (np.ptp(rows) + 1) / (np.ptp(columns) + 1)
    ellipse = len(rows) / (np.pi / 4 * (np.ptp(rows) + 1) * (np.ptp(columns) + 1))
    off = abs(columns.mean() / skin.shape[1] - 0.5)
    score = _above(np.array(share), 0.08, 0.03) * _below(np.array(share), 0.5, 0.1) * _below(np.array(off), 0.2, 0.05)
    return float(
        score * _above(np.array(aspect), 0.9, 0.15) * _below(np.array(aspect), 2.2, 0.3) * _above(np.array(ellipse), 0.6, 0.1)
    )


def stuff_regions(cues: SceneCues, image: Image, min_share: float = 0.04) -> list[tuple[str, Region]]:
    """Material (``sky``, ``water``, ``vegetation``, ``snow``, ``fire``) and region of every map that covers enough.

    A region holds all of a material, largest first; fire counts from a tenth of ``min_share``.
    """
    found = []
    for name in ("sky", "water", "vegetation", "snow", "fire"):
        soft: Map = getattr(cues, name)
        mask = soft > 0.5
        if mask.mean() < (min_share / 10 if name == "fire" else min_share):
            continue
        region = region_of(grow(mask, image.height_px, image.width_px), image, saliency=float(soft[mask].mean()))
        found.append((float(mask.mean()), name, region))
    return [(name, region) for _, name, region in sorted(found, key=lambda item: -item[0])]
