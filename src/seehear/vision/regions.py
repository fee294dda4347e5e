"""Regions of interest of a picture, without weights: section 2.1 of SEE-2-SOUND with a segmentation tree for SAM.

Proposals are the parts of a segmentation tree (``hierarchy``); each gets a saliency from how it stands out, and the
most salient ones that cover different things are kept.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray, Image, InputError, Region
from seehear.vision.hierarchy import Leaves, find_leaves, merge_tree, part_boxes
from seehear.vision.pixels import grow, lab, shrink

_LONG_SIDE_PX = 320
_MIN_AREA = 0.002
_MAX_AREA = 0.9


def find_regions(image: Image, max_regions: int = 10, outline: Literal["box", "hull"] = "box") -> list[Region]:
    """At most ``max_regions`` regions, most salient first: objects and large surfaces, masks at the image's size.

    ``outline="box"`` is eq. 2 of SEE-2-SOUND (axis-aligned box, the paper's better choice), ``"hull"`` adds eq. 1 (the
    convex hull, the smallest convex polygon around the contour). A picture without any contrast gives an empty list.
    """
    if max_regions < 1:
        raise InputError(f"at least one region must be asked for, got {max_regions}")
    small = shrink(image.rgb, _LONG_SIDE_PX)
    leaves = find_leaves(lab(small))
    if leaves.n < 2:
        return []
    members = merge_tree(leaves)
    area = members @ leaves.area_px / leaves.labels.size
    members = members[(area > _MIN_AREA) & (area < _MAX_AREA)]
    saliency = part_saliency(leaves, members)
    regions = []
    for part in _spread(part_boxes(leaves, members), members, leaves.area_px, saliency, max_regions):
        mask = grow(members[part][leaves.labels], image.height_px, image.width_px)
        region = region_of(mask, image, saliency=float(saliency[part]), outline=outline)
        regions.append(region)
    return regions


def part_saliency(leaves: Leaves, members: NDArray[np.bool_]) -> FloatArray:
    """How much each part (P, L) stands out, 0 to 1.

    Four cues, as a weighted geometric mean: the Lab step along its outline; its colour contrast to what touches it; its
    colour contrast to the whole picture, near parts counting more (Cheng et al., "Global contrast based salient region
    detection", TPAMI 2015); and how little of its outline runs along the picture's edge, which marks background (Zhu et
    al., "Saliency optimization from robust background detection", CVPR 2014, eq. 3). Slivers and crumbs count less.
    """
    inside = members.astype(float)
    area = inside @ leaves.area_px
    outline = (inside @ leaves.contact_px * (1 - inside)).sum(axis=1)
    step = (inside @ leaves.contact_step * (1 - inside)).sum(axis=1) / np.maximum(outline, 1)
    around = inside @ leaves.contact_px * (1 - inside)
    colours = leaves.colour / (3 * leaves.area_px[:, None])
    own = inside @ leaves.colour / (3 * area[:, None])
    near = around @ colours / np.maximum(around.sum(axis=1, keepdims=True), 1)
    local = 0.5 * np.abs(own - near).sum(axis=1)
    border = inside @ leaves.border_px
    edge_share = border / np.sqrt(area)
    boxes = part_boxes(leaves, members)
    fill = area / ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    share = area / leaves.labels.size
    size = share / (share + 0.01)
    cues = [1 - np.exp(-step / 25), local, np.exp(-0.5 * edge_share), fill, size]
    weights = [1.0, 1.0, 1.0, 0.5, 1.0]
    logs = sum(w * np.log(np.maximum(c, 1e-6)) for w, c in zip(weights, cues, strict=True))
    return np.exp(logs / sum(weights))


def _spread(boxes: FloatArray, members: NDArray[np.bool_], areas: FloatArray, saliency: FloatArray, count: int) -> list[int]:
    """Indices of at most ``count`` parts: by saliency, none that overlaps an earlier one's box or mask too much."""
    kept: list[int] = []
    for part in np.argsort(-saliency, kind="stable"):
        if all(_box_iou(boxes[part], boxes[k]) < 0.5 for k in kept):
            kept.append(int(part))
            if len(kept) == count:
                break
    return kept


def _box_iou(a: FloatArray, b: FloatArray) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


def region_of(mask: NDArray[np.bool_], image: Image, *, saliency: float = 0.0, outline: Literal["box", "hull"] = "box") -> Region:
    """The region of a mask (H, W): its box, hull if asked for, and appearance."""
    if mask.shape != image.rgb.shape[:2]:
        raise InputError(f"a mask of shape {mask.shape} does not fit a picture of shape {image.rgb.shape[:2]}")
    if not mask.any():
        raise InputError("a region needs at least one pixel")
    polygon = convex_hull(mask) if outline == "hull" else None
    return Region(mask, mask_box(mask), saliency, polygon, appearance=appearance(image.rgb, mask))


def mask_box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """The axis-aligned box of a mask, ends exclusive (SEE-2-SOUND eq. 2)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def convex_hull(mask: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Vertices (x, y) of the smallest convex polygon around the mask's pixels (SEE-2-SOUND eq. 1)."""
    from scipy.spatial import ConvexHull

    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - mask[rows, ::-1].argmax(axis=1)
    corners = np.concatenate([np.stack([x, rows + dy], axis=-1) for x in (first, last) for dy in (0, 1)]).astype(float)
    return tuple((float(x), float(y)) for x, y in corners[ConvexHull(corners).vertices])


def appearance(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloatArray:
    """Colour histogram (64,) of the masked pixels, 4 bins per channel, sum 1: a descriptor for matching over time."""
    index = np.flatnonzero(mask)
    pixels = rgb.reshape(-1, 3)[index[:: max(1, index.size // 20_000)]] >> 6
    codes = pixels @ np.array([16, 4, 1])
    return np.bincount(codes, minlength=64) / len(codes)
