"""What is seen: pictures, depth, regions and what they may sound like. Shapes: H W pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seehear.types.checks import FloatArray, InputError, is_array, is_number, told


@dataclass(frozen=True)
class Image:
    """A picture: ``rgb`` uint8 (H, W, 3), upright; the 35 mm-equivalent focal length if the file told it."""

    rgb: NDArray[np.uint8]
    focal_35mm: float | None = None

    def __post_init__(self) -> None:
        if not is_array(self.rgb, 3, np.uint8) or self.rgb.shape[2] != 3 or self.rgb.size == 0:
            raise InputError(f"an image must be uint8 of shape (height, width, 3), got {told(self.rgb)}")
        if self.focal_35mm is not None and not (is_number(self.focal_35mm) and self.focal_35mm > 0):
            raise InputError(f"a focal length must be positive, got {self.focal_35mm!r} mm")

    @property
    def height_px(self) -> int:
        return self.rgb.shape[0]

    @property
    def width_px(self) -> int:
        return self.rgb.shape[1]


@dataclass(frozen=True)
class Video:
    """A moving picture on disk (video, GIF or animated WebP): facts only, frames are streamed by ``io``."""

    path: str
    width_px: int
    height_px: int
    """Size as displayed, after rotation."""
    duration_s: float
    frame_rate_hz: float
    """Average rate; real frame times come with the frames."""
    rotation_deg: int = 0
    has_audio: bool = False
    equirectangular: bool = False
    """The file says that its picture is the whole sphere."""


@dataclass(frozen=True)
class DepthMap:
    """Relative depth (H, W) float32 in 0 (nearest) to 1 (farthest), or metres when ``metric``."""

    depth: NDArray[np.float32]
    metric: bool = False

    def __post_init__(self) -> None:
        if not is_array(self.depth, 2, np.float32) or self.depth.size == 0:
            raise InputError(f"depth must be float32 of shape (height, width), got {told(self.depth)}")
        # NaN anywhere makes both extremes NaN, which no comparison lets pass.
        nearest, farthest = float(self.depth.min()), float(self.depth.max())
        if not (nearest >= 0 and farthest <= (np.finfo(np.float32).max if self.metric else 1 + 1e-6)):
            rule = "be finite and not negative" if self.metric else "lie in 0 to 1"
            raise InputError(f"depth must {rule}, got {nearest:g} to {farthest:g}")


@dataclass(frozen=True)
class ConceptScores:
    """Probabilities over the sounding vocabulary; what is left is ``unknown`` (silent or not recognised)."""

    scores: Mapping[str, float]
    unknown: float
    text: str = ""
    """What is heard, in words, where the recogniser has any; with it, what is left of 1 is something that only they name."""

    def __post_init__(self) -> None:
        for name, p in (*self.scores.items(), ("unknown", self.unknown)):
            if not (is_number(p) and 0 <= p <= 1 + 1e-6):
                raise InputError(f"the probability of {name!r} must lie in 0 to 1, got {p!r}")
        if (total := sum(self.scores.values()) + self.unknown) > 1 + 1e-3:
            raise InputError(f"probabilities add up to {total:.4g}, more than 1")

    @property
    def described(self) -> float:
        """Probability of what ``text`` names and the vocabulary does not."""
        return max(0.0, 1.0 - self.unknown - sum(self.scores.values())) if self.text else 0.0

    def top(self, k: int = 1) -> list[tuple[str, float]]:
        return sorted(self.scores.items(), key=lambda item: (-item[1], item[0]))[:k]


Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels, x1 and y1 exclusive."""


@dataclass(frozen=True)
class Region:
    """A part of a picture: its mask, its axis-aligned box (eq. 2 of SEE-2-SOUND), optionally its convex hull (eq. 1)."""

    mask: NDArray[np.bool_]
    """(H, W) at the resolution of the picture it was found in."""
    box: Box
    saliency: float = 0.0
    """How much it stands out, 0 to 1."""
    polygon: tuple[tuple[float, float], ...] | None = None
    """Vertices (x, y) of the convex hull when asked for; None means that the box outlines the region."""
    scores: ConceptScores | None = None
    appearance: FloatArray | None = field(default=None, compare=False)
    """A descriptor for matching regions over time."""

    def __post_init__(self) -> None:
        if not is_array(self.mask, 2, np.bool_) or not self.mask.any():
            raise InputError(f"a region needs a bool mask (height, width) that is not empty, got {told(self.mask)}")
        height, width = self.mask.shape
        x0, y0, x1, y1 = self.box if len(self.box) == 4 and all(map(is_number, self.box)) else (0, 0, 0, 0)
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise InputError(f"a box needs 0 <= x0 < x1 <= {width} and 0 <= y0 < y1 <= {height}, got {self.box}")
        if self.polygon is not None and len(self.polygon) < 3:
            raise InputError(f"a polygon needs at least three vertices, got {len(self.polygon)}")
