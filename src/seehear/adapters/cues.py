"""The weight-free eyes: graph segmentation and depth from cues, as parts that fit the protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seehear.types import DepthMap, Image, Region
from seehear.vision.depth import depth_from_cues
from seehear.vision.regions import find_regions


@dataclass(frozen=True)
class GraphSegmenter:
    """Regions by graph segmentation, merging and saliency (``vision.regions``)."""

    max_regions: int = 12
    outline: Literal["box", "hull"] = "box"
    wraps: bool = False
    """The picture's left edge joins its right: equirectangular panoramas."""

    def segment(self, image: Image, /) -> list[Region]:
        return find_regions(image, self.max_regions, self.outline, wraps=self.wraps)


@dataclass(frozen=True)
class CueDepth:
    """Relative depth from position and size (``vision.depth``)."""

    def estimate_depth(self, image: Image, regions: Sequence[Region], /) -> DepthMap:
        return depth_from_cues(image, regions)
