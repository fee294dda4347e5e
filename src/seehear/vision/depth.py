"""Depth from where things stand and how big they are: no stereo, no weights.

Relative depth is logarithmic: 0 is the nearest, 1 the farthest, and a step is a factor of distance, as hearing has it.
Shapes: H W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seehear.types import Box, DepthMap, FloatArray, Image, InputError, Region
from seehear.vision.camera import Camera
from seehear.vision.cues import SceneCues, scene_cues
from seehear.vision.pixels import grow

_NEAR_SHARE = 0.5
"""How far below the horizon, in picture heights, the ground counts as nearest."""
_FAR_SHARE = 0.01
"""How far below the horizon it counts as farthest: a ratio of 50 between the two, as in near 1 m, far 50 m."""

_BACKDROP = 0.8
"""Depth of what closes the view without being sky: a wall, trees, hills."""
_EDGE_SHARE = 0.02


def horizon_px(cues: SceneCues, height_px: int) -> float:
    """Row of the horizon: the lower end of the sky where there is sky, else 45 % of the height."""
    sky = cues.sky > 0.5
    columns = sky.any(axis=0)
    if columns.mean() < 0.3:
        return 0.45 * height_px
    lowest = len(sky) - sky[::-1].argmax(axis=0)[columns]
    share = float(np.median(lowest)) / len(sky)
    return height_px * min(max(share, 0.2), 0.8)


def depth_from_cues(image: Image, regions: Sequence[Region], cues: SceneCues | None = None) -> DepthMap:
    """Relative depth (H, W) of ``image`` from position and size cues.

    Ground: the distance of a point on a plane is inverse to how far below the horizon it appears; surfaces over most of the
    width that reach the lower edge, or lie wholly below the horizon, are part of it. What is neither ground nor sky is
    taken for a backdrop. Things stand on the ground: a region takes the depth of its lowest part, but no part of a thing is
    farther than the thing. A region cut by the lower edge, or hanging above the horizon, shows no foot, so its size counts:
    twice the size, half the distance (averaged with the backdrop's depth where it hangs before one). Sky is farthest.
    ``cues`` spares their computation when they are known.
    """
    height, width = image.height_px, image.width_px
    cues = scene_cues(image) if cues is None else cues
    horizon = horizon_px(cues, height)
    sky = grow(cues.sky, height, width) > 0.5
    ground = np.minimum(_ground_depth((np.arange(height) + 0.5 - horizon) / height), _BACKDROP)
    depth = np.where(sky, 1.0, np.repeat(ground[:, None], width, axis=1))
    standing = np.full((height, width), np.inf)
    for region in sorted(regions, key=lambda r: -int(r.mask.sum())):
        if sky[region.mask].mean() > 0.5 or _is_ground(region, horizon, height, width):
            continue
        own = _region_depth(region, horizon, sky)
        container = float(np.quantile(standing[region.mask], 0.8, method="higher"))
        depth[region.mask] = standing[region.mask] = min(own, container)
    return DepthMap(depth.astype(np.float32))


def _ground_depth(below: FloatArray) -> FloatArray:
    """Log depth of the ground plane ``below`` the horizon (in picture heights)."""
    return np.log(_NEAR_SHARE / np.clip(below, _FAR_SHARE, _NEAR_SHARE)) / math.log(_NEAR_SHARE / _FAR_SHARE)


def _is_ground(region: Region, horizon: float, height: int, width: int) -> bool:
    """Wide, and either cut by the lower edge or wholly below the horizon (water, a road): it recedes, it does not stand."""
    x0, y0, x1, y1 = region.box
    return x1 - x0 > 0.6 * width and (y1 > (1 - _EDGE_SHARE) * height or y0 > horizon - 0.05 * height)


def _region_depth(region: Region, horizon: float, sky: NDArray[np.bool_]) -> float:
    height, width = sky.shape
    x0, y0, x1, y1 = region.box
    below = (y1 - horizon) / height
    hangs = below < 2 * _FAR_SHARE
    if not hangs and y1 <= (1 - _EDGE_SHARE) * height:
        return float(_ground_depth(np.array(below)))
    by_size = float(_ground_depth(np.array(0.5 * math.hypot((x1 - x0) / width, (y1 - y0) / height))))
    window = np.s_[max(0, int(y0) - 2) : int(y1) + 2, max(0, int(x0) - 2) : int(x1) + 2]
    beside = ~region.mask[window]
    flies = bool(beside.any()) and sky[window][beside].mean() > 0.5
    return by_size if flies or not hangs else 0.5 * (by_size + _BACKDROP)


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
