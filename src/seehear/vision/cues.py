"""What colour, texture and place tell about a picture: sky, water, plants, snow, fire, night, and whether it sounds at all.

Rules, not learned weights: they are cues, to be weighed with other evidence.
Shapes: h w pixels of the small picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import Box, Image, Region
from seehear.vision.faces import find_faces
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
    """0 to 1: drawn rather than photographed (flat fills of a few colours, or ink on paper)."""
    portrait: float
    """0 to 1: one large frontal face near the middle."""
    faces: tuple[Box, ...]
    """Large frontal faces in pixels of the picture, largest first; small ones and profiles are not found."""

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


@dataclass(frozen=True)
class SkyCues:
    """What depth needs of ``SceneCues``, at 40 % of its cost."""

    sky: Map
    outdoor: float


def sky_cues(image: Image) -> SkyCues:
    """Sky and evidence of the outdoors of ``image`` alone (of a drawn or blank picture too)."""
    maps = material_maps(image.rgb)
    return SkyCues(maps["sky"], _outdoor(maps))


def scene_cues(image: Image) -> SceneCues:
    """Cues of ``image``; about 0.3 s for a picture of a megapixel."""
    colours = lab(shrink(image.rgb, _LONG_SIDE_PX))
    maps = material_maps(image.rgb)
    faces = find_faces(image)
    blank, graphic = _blank(colours), _graphic(image.rgb)
    return SceneCues(
        **maps,
        outdoor=_outdoor(maps) * (1 - max(blank, graphic)),
        night=_night(colours),
        blank=blank,
        graphic=graphic,
        portrait=_portrait(faces, image),
        faces=faces,
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
    """Flat fills or ink: what is not the commonest colour is itself of a few flat colours, or all hard edges.

    The commonest colour is left out, because studio photos stand on white too. JPEG noise is allowed for; smooth
    gradients and painted drawings are not recognised.
    """
    step = max(1, max(rgb.shape[:2]) // 640)
    x = rgb[::step, ::step].astype(np.int32)
    codes = x @ np.array([65536, 256, 1])
    values, counts = np.unique(codes, return_counts=True)
    commonest = values[counts.argmax()]
    ground = np.abs(x - np.array([commonest >> 16, commonest >> 8 & 255, commonest & 255])).max(axis=-1) <= 10
    drawn = ~ground[:-1, :-1]
    if drawn.sum() < 0.005 * ground.size or min(ground.shape) < 2:
        return 0.0
    edge = np.abs(np.diff(x, axis=0))[:, :-1].max(axis=-1) + np.abs(np.diff(x, axis=1))[:-1].max(axis=-1)
    few = np.sort(np.unique(codes[~ground], return_counts=True)[1])[-8:].sum() / (~ground).sum()
    fills = above(few, 0.6, 0.1) * above((edge[drawn] <= 6).mean(), 0.7, 0.08)
    colourless = below(np.median(np.ptp(x, axis=-1)[~ground]), 45, 10)
    ink = above(ground.mean(), 0.7, 0.05) * above((edge[drawn] > 60).mean(), 0.5, 0.05) * colourless
    return float(max(fills, ink))


def _portrait(faces: Sequence[Box], image: Image) -> float:
    """One face, large, near the middle."""
    if len(faces) != 1:
        return 0.0
    x0, _, x1, _ = faces[0]
    share = (x1 - x0) / min(image.width_px, image.height_px)
    off = abs((x0 + x1) / (2 * image.width_px) - 0.5)
    return float(above(share, 0.2, 0.03) * below(off, 0.25, 0.05))


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
