"""Depth from where things stand, how high they hang, and the air between: no stereo, no weights.

Relative depth is logarithmic: 0 is the nearest, 1 the farthest, and a step is a factor of distance, as hearing has it.
Shapes: H W pixels, h w of a small picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seehear.types import Box, DepthMap, FloatArray, Image, InputError, Region
from seehear.vision.camera import Camera
from seehear.vision.cues import SceneCues, SkyCues, sky_cues
from seehear.vision.haze import optical_depth
from seehear.vision.layout import find_layout
from seehear.vision.materials import above
from seehear.vision.perspective import VanishingPoint, line_segments, vanishing_point
from seehear.vision.pixels import grow, lab, shrink

_LONG_SIDE_PX = 192
_MIN_SIDE_PX = 8
"""Thinner pictures have no layout: the row alone tells."""

_NEAR_SHARE = 0.5
"""How far below the horizon, in picture heights, the ground counts as nearest."""
_FAR_SHARE = 0.01
"""How far below the horizon it counts as farthest: a ratio of 50 between the two, as in near 1 m, far 50 m."""
_BACKDROP = 0.8
"""Depth of what closes the view without being sky: a wall, trees, hills."""
_TOP = 0.95
"""Depth of a backdrop that meets the ground nowhere, at the upper edge."""

_HORIZON = 0.45
"""Usual row of the horizon: people hold cameras a little down."""
_LOWEST_SKY = 0.6
"""A sky that hangs lower than this (90th percentile of its columns) is a wall."""
_SURE_LINES = 0.3
"""Support from which a vanishing point tells the horizon outdoors: off by 0.004 heights (median of 14 rendered streets)."""

_HAZE = 0.07
"""Depth per optical depth of haze."""
_HAZE_AGREES = 0.5
"""Correlation of haze with the layout's depth from which it is believed: 0.64 on average in rendered streets, 0.05 in rooms."""
_EDGE_SHARE = 0.02


def horizon_px(cues: SceneCues | SkyCues, height_px: int, lines: VanishingPoint | None = None) -> float:
    """Row of the horizon: outdoors that of a sure vanishing point, else the lower end of a sky, else 45 % of the height."""
    if lines is not None and cues.outdoor > 0.5 and lines.support > _SURE_LINES and abs(lines.y - _HORIZON) < 0.25:
        return lines.y * height_px
    ends = _sky_ends(cues)
    if not ends.size:
        return _HORIZON * height_px
    return height_px * min(max(float(np.median(ends)), 0.2), 0.8)


def _sky_ends(cues: SceneCues | SkyCues) -> FloatArray:
    """Lower ends (columns) of a sky that can be one, in shares of the height; empty without (pale walls look like clouds)."""
    sky = cues.sky > 0.5
    columns = sky.any(axis=0)
    ends = 1 - sky[::-1].argmax(axis=0)[columns] / len(sky)
    if cues.outdoor < 0.5 or columns.mean() < 0.3 or (sky.mean() < 0.8 and np.quantile(ends, 0.9) > _LOWEST_SKY):
        return np.empty(0)
    return ends


def depth_from_cues(image: Image, regions: Sequence[Region], cues: SceneCues | SkyCues | None = None) -> DepthMap:
    """Relative depth (H, W) of ``image`` from position, size and haze; ``cues`` spares their computation when they are known.

    Ground: the distance of a point on a plane is inverse to how far below the horizon it appears; everything else is as far as
    the ground where it ends below (``layout``). Haze adds to it where it thickens with that depth. A sky is farthest.
    ``regions`` then keep their relief, but none is farther than a region that holds it, what flies is nearer the larger it
    is (twice the size, half the distance), and what else hangs is not behind its surroundings.
    """
    height, width = image.height_px, image.width_px
    cues = sky_cues(image) if cues is None else cues
    small = shrink(image.rgb, _LONG_SIDE_PX)
    colours = lab(small)
    lines = None
    if min(small.shape[:2]) >= _MIN_SIDE_PX:
        lines = vanishing_point(line_segments(colours[..., 0]), *small.shape[:2])
    horizon = horizon_px(cues, height, lines)
    contact = find_layout(colours).contact if lines is not None else _rows(small)
    layout = standing_depth(contact - horizon / height)
    depth = grow(np.minimum(layout + _haze_depth(small, layout), _TOP), height, width)
    sky = grow(cues.sky, height, width) > 0.5 if _sky_ends(cues).size else np.zeros((height, width), bool)
    depth[sky] = 1.0
    return DepthMap(_with_regions(depth, regions, horizon, sky).astype(np.float32))


def standing_depth(below: ArrayLike) -> FloatArray:
    """Log depth of what meets the ground ``below`` the horizon (in picture heights): the plane's, then a backdrop's.

    d = ln(near / below) / ln(near / far) up to the backdrop, from there a slow rise with the row.
    """
    below = np.asarray(below, dtype=float)
    plane = np.log(_NEAR_SHARE / np.clip(below, _FAR_SHARE, _NEAR_SHARE)) / math.log(_NEAR_SHARE / _FAR_SHARE)
    edge = _NEAR_SHARE * (_NEAR_SHARE / _FAR_SHARE) ** -_BACKDROP
    return np.where(plane < _BACKDROP, plane, _BACKDROP + (_TOP - _BACKDROP) * np.clip((edge - below) / 0.6, 0, 1))


def _rows(small: NDArray) -> FloatArray:
    height, width = small.shape[:2]
    return np.repeat((np.arange(height)[:, None] + 0.5) / height, width, axis=1)


def _haze_depth(small: NDArray[np.float32], layout: FloatArray) -> FloatArray:
    """What haze adds (h, w): in proportion to its optical depth, as far as that grows with the ``layout``'s depth."""
    air = optical_depth(small)
    if min(np.ptp(air), np.ptp(layout)) < 1e-6:
        return np.zeros_like(layout)
    agreement = float(np.corrcoef(air.ravel(), layout.ravel())[0, 1])
    return _HAZE * float(above(agreement, _HAZE_AGREES, 0.1)) * air


def _with_regions(depth: FloatArray, regions: Sequence[Region], horizon: float, sky: NDArray[np.bool_]) -> FloatArray:
    """``depth`` with the median of each region moved to where the region as a whole must be, wholes before their parts."""
    height, width = depth.shape
    holder = np.full((height, width), np.inf)
    for region in sorted(regions, key=lambda r: -int(r.mask.sum())):
        if sky[region.mask].mean() > 0.5 or _is_ground(region, horizon, height, width):
            continue
        middle = float(np.median(depth[region.mask]))
        own = min(_region_depth(depth, region, horizon, sky), float(np.quantile(holder[region.mask], 0.8, method="higher")))
        depth[region.mask] = np.clip(depth[region.mask] + own - middle, 0, 1)
        holder[region.mask] = own
    return depth


def _is_ground(region: Region, horizon: float, height: int, width: int) -> bool:
    """Wide, and either cut by the lower edge or wholly below the horizon (water, a road): it recedes, it does not stand."""
    x0, y0, x1, y1 = region.box
    return x1 - x0 > 0.6 * width and (y1 > (1 - _EDGE_SHARE) * height or y0 > horizon - 0.05 * height)


def _region_depth(depth: FloatArray, region: Region, horizon: float, sky: NDArray[np.bool_]) -> float:
    """Depth of a thing as a whole: its median; by size where it flies, at most that of what is beside where it hangs."""
    height, width = depth.shape
    x0, y0, x1, y1 = region.box
    middle = float(np.median(depth[region.mask]))
    if (y1 - horizon) / height >= 2 * _FAR_SHARE:
        return middle
    window = np.s_[max(0, int(y0) - 2) : int(y1) + 2, max(0, int(x0) - 2) : int(x1) + 2]
    beside = ~region.mask[window]
    if not beside.any():
        return middle
    if sky[window][beside].mean() > 0.5:
        return float(standing_depth(0.5 * math.hypot((x1 - x0) / width, (y1 - y0) / height)))
    return min(middle, float(np.median(depth[window][beside])))


def depth_to_distance_m(depth: FloatArray, near_m: float, far_m: float) -> FloatArray:
    """Distances in metres of relative depths: near * (far / near) ** depth, equal steps of depth for equal ratios."""
    if not 0 < near_m < far_m:
        raise InputError(f"distances must satisfy 0 < near < far, got near {near_m:g} m and far {far_m:g} m")
    return near_m * (far_m / near_m) ** np.clip(depth, 0.0, 1.0)


def region_depth(depth: DepthMap, region: Region) -> float:
    """Median depth over the region."""
    return float(np.median(depth.depth[region.mask]))


def surface_depth(depth: DepthMap, region: Region, near_m: float, far_m: float) -> float:
    """Depth that halves what is heard of a receding surface whose every square metre sounds alike; metres of a metric map.

    A pixel at distance d shows ground in proportion to d^3 (d^2 across the line of sight, seen at a grazing angle of
    height / d), of which 1 / d^2 is heard: it weighs d.
    """
    depths = np.sort(depth.depth[region.mask].astype(float))
    heard = np.cumsum(depths if depth.metric else (far_m / near_m) ** depths)
    return float(depths[np.searchsorted(heard, 0.5 * heard[-1])])


def distance_from_size_m(camera: Camera, box: Box, size_m: float) -> float:
    """Distance in metres at which something ``size_m`` high fills ``box`` from top to bottom.

    The height is seen under the angle between the rays through the middles of the upper and lower side:
    distance = size / (2 tan(angle / 2)).
    """
    if not size_m > 0:
        raise InputError(f"a size must be positive, got {size_m:g} m")
    x0, y0, x1, y1 = box
    top, bottom = camera.rays(np.array([[(x0 + x1) / 2, y0], [(x0 + x1) / 2, y1]]))
    angle = 2 * math.asin(min(1.0, 0.5 * float(np.linalg.norm(top - bottom))))
    if angle <= 0:
        raise InputError("a box without height has no distance")
    return size_m / (2 * math.tan(angle / 2))
