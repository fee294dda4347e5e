"""What colour, texture and place tell about a picture: sky, water, plants, snow, fire, night, and whether it sounds at all.

Rules, not learned weights: they are cues, to be weighed with other evidence.
Shapes: h w pixels of the small picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import Image, Region
from seehear.vision.materials import MATERIALS, above, below, material_maps
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


def scene_cues(image: Image) -> SceneCues:
    """Cues of ``image``; well under 0.3 s for any size."""
    colours = lab(shrink(image.rgb, _LONG_SIDE_PX))
    maps = material_maps(image.rgb)
    return SceneCues(
        **maps,
        outdoor=_outdoor(maps),
        night=_night(colours),
        blank=_blank(colours),
        graphic=_graphic(image.rgb),
        portrait=_portrait(colours),
    )


def _roughness(lightness: NDArray) -> NDArray:
    """Standard deviation of lightness in 5 x 5 windows."""
    from scipy.ndimage import uniform_filter

    mean = uniform_filter(lightness, 5)
    return np.sqrt(np.maximum(uniform_filter(lightness**2, 5) - mean**2, 0))


def _outdoor(maps: Mapping[str, Map]) -> float:
    cover = 2 * maps["sky"].mean() + maps["water"].mean() + maps["vegetation"].mean() + maps["snow"].mean()
    return float(above(cover, 0.25, 0.2))


def _night(colours: NDArray) -> float:
    lightness = colours[..., 0]
    dark = float(np.mean(lightness < 25))
    lights = float(np.percentile(lightness, 99.5))
    return float(above(dark, 0.65, 0.15) * above(lights, 45, 10))


def _blank(colours: NDArray) -> float:
    smooth = np.percentile(_roughness(colours[..., 0]), 95)
    spread = np.ptp(np.percentile(colours.reshape(-1, 3), [5, 95], axis=0), axis=0).sum()
    return float(below(smooth, 2.5, 1.0) * below(spread, 30, 8))


def _graphic(rgb: NDArray[np.uint8]) -> float:
    """Share of pixels equal to their right and lower neighbours, and of the eight commonest colours."""
    step = max(1, max(rgb.shape[:2]) // 640)
    x = rgb[::step, ::step].astype(np.int16)
    flat = np.mean(np.abs(np.diff(x, axis=0))[:, :-1].max(-1) + np.abs(np.diff(x, axis=1))[:-1].max(-1) <= 2)
    codes = (x >> 4) @ np.array([256, 16, 1])
    common = np.sort(np.bincount(codes.ravel()))[-8:].sum() / codes.size
    return float(above(flat, 0.75, 0.1) * above(common, 0.75, 0.1))


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
    score = above(share, 0.08, 0.03) * below(share, 0.5, 0.1) * below(off, 0.2, 0.05)
    return float(score * above(aspect, 0.9, 0.15) * below(aspect, 2.2, 0.3) * above(ellipse, 0.6, 0.1))


def stuff_regions(cues: SceneCues, image: Image, min_share: float = 0.04) -> list[tuple[str, Region]]:
    """Material (``sky``, ``water``, ``vegetation``, ``snow``, ``fire``) and region of every map that covers enough.

    A region holds all of a material, largest first; fire counts from a tenth of ``min_share``.
    """
    found = []
    for name in MATERIALS:
        soft: Map = getattr(cues, name)
        mask = soft > 0.5
        if mask.mean() < (min_share / 10 if name == "fire" else min_share):
            continue
        region = region_of(grow(mask, image.height_px, image.width_px), image, saliency=float(soft[mask].mean()))
        found.append((float(mask.mean()), name, region))
    return [(name, region) for _, name, region in sorted(found, key=lambda item: -item[0])]
