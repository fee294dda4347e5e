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
from seehear.vision.nesting import PART_SHARE
from seehear.vision.pixels import grow, lab, shrink

_LONG_SIDE_PX = 320
_MIN_SIDE_PX = 4
"""Thinner pictures have no gradients and no regions."""
_MIN_AREA = 0.002
_MAX_AREA = 0.9
_SAME_IOU = 0.5
_SHARED_PENALTY = 0.25
_MAX_HOLDERS = 2
"""A part, its whole and the whole of that are looked at; longer chains are copies."""

_CUE_WEIGHTS = {
    "step": 0.5,  # the Lab step along its outline
    "surround": 0.5,  # colour contrast to what touches it
    "background": 0.5,  # colour contrast to the picture's edge, which mostly shows background (Zhu et al., CVPR 2014)
    "inner": 0.4,  # how little of its outline runs along the picture's edge (boundary connectivity, ibid. eq. 3)
    "size": 2.5,  # crumbs count less
    "aspect": 0.4,  # slivers count less
    "centre": 0.5,  # photographers aim
    "fill": 0.25,  # how much of its box it fills
}
"""Exponents of the saliency cues, rounded from logistic fits to the boxes of 36 photos (fits to either half were alike)."""


def find_regions(
    image: Image, max_regions: int = 10, outline: Literal["box", "hull"] = "box", *, wraps: bool = False
) -> list[Region]:
    """At most ``max_regions`` regions, most salient first: objects and large surfaces, masks at the image's size.

    ``outline="box"`` is eq. 2 of SEE-2-SOUND (axis-aligned box, the paper's better choice), ``"hull"`` adds eq. 1 (the
    convex hull, the smallest convex polygon around the contour). A picture without any contrast, or a few pixels thin,
    gives an empty list. With ``wraps`` (equirectangular) the left edge joins the right: a thing across that seam is one region
    whose box is that of its larger part.
    """
    if wraps:
        seam = calm_column(image)
        turned = Image(np.roll(image.rgb, -seam, axis=1), image.focal_35mm)
        found = find_regions(turned, max_regions, outline)
        return [_wrapped(np.roll(region.mask, seam, axis=1), image, region.saliency, outline) for region in found]
    if max_regions < 1:
        raise InputError(f"at least one region must be asked for, got {max_regions}")
    small = shrink(image.rgb, _LONG_SIDE_PX)
    if min(small.shape[:2]) < _MIN_SIDE_PX:
        return []
    leaves = find_leaves(lab(small))
    if leaves.n < 2:
        return []
    members = merge_tree(leaves)
    area = members @ leaves.area_px / leaves.labels.size
    members = members[(area > _MIN_AREA) & (area < _MAX_AREA)]
    saliency = part_saliency(leaves, members)
    regions = []
    for part in spread(part_boxes(leaves, members), members, leaves.area_px, saliency, max_regions):
        mask = grow(members[part][leaves.labels], image.height_px, image.width_px)
        region = region_of(mask, image, saliency=float(saliency[part]), outline=outline)
        regions.append(region)
    return regions


def part_saliency(leaves: Leaves, members: NDArray[np.bool_]) -> FloatArray:
    """How much each part (P, L) stands out, 0 to 1: a weighted geometric mean of the cues of ``_CUE_WEIGHTS``."""
    inside = members.astype(float)
    area = inside @ leaves.area_px
    contact = (inside @ leaves.contact_px) * (1 - inside)
    outline = np.maximum(contact.sum(axis=1), 1)
    step = ((inside @ leaves.contact_step) * (1 - inside)).sum(axis=1) / outline
    colours = leaves.colour / (3 * leaves.area_px[:, None])
    own = inside @ leaves.colour / (3 * area[:, None])
    near = contact @ colours / outline[:, None]
    edge = leaves.border_px @ colours / leaves.border_px.sum()
    cues = shape_cues(part_boxes(leaves, members), area, inside @ leaves.border_px, leaves.labels.shape)
    cues |= {
        "step": 1 - np.exp(-step / 25),
        "surround": 0.5 * np.abs(own - near).sum(axis=1),
        "background": 0.5 * np.abs(own - edge).sum(axis=1),
    }
    return weighted_mean(cues)


def shape_cues(boxes: FloatArray, area_px: FloatArray, border_px: FloatArray, shape: tuple[int, ...]) -> dict[str, FloatArray]:
    """The saliency cues (P,) of parts that need no colour: their boxes (P, 4), areas and lengths along the picture's edge."""
    height, width = shape
    x0, y0, x1, y1 = boxes.T
    box_share = (x1 - x0) * (y1 - y0) / (height * width)
    off = ((x0 + x1) / (2 * width) - 0.5) ** 2 + ((y0 + y1) / (2 * height) - 0.5) ** 2
    return {
        "inner": np.exp(-0.5 * border_px / np.sqrt(area_px)),
        "size": box_share / (box_share + 0.01),
        "aspect": np.exp(-np.abs(np.log((x1 - x0) / (y1 - y0)))),
        "centre": np.exp(-4 * off),
        "fill": area_px / (box_share * height * width),
    }


def weighted_mean(cues: dict[str, FloatArray]) -> FloatArray:
    """Weighted geometric mean (P,) of those cues of ``_CUE_WEIGHTS`` that are known, 0 to 1."""
    logs = sum(_CUE_WEIGHTS[name] * np.log(np.maximum(cue, 1e-3)) for name, cue in cues.items())
    return np.exp(logs / sum(_CUE_WEIGHTS[name] for name in cues))


def spread(
    boxes: FloatArray, members: NDArray[np.bool_] | FloatArray, areas: FloatArray, saliency: FloatArray, count: int
) -> list[int]:
    """Indices of at most ``count`` parts, greedily the most salient that shows something new.

    No box may overlap an earlier one's by half, and what shares its pixels with an earlier part (contains it or is
    contained) counts less: a wheel comes after the car and after the house. No pixel is in more than three kept parts
    that hold each other, so that a chain of nested copies leaves room for the rest.
    """
    area = members @ areas
    left = saliency.copy()
    shared = np.zeros(len(boxes))
    holders = np.zeros(len(boxes), dtype=int)  # kept parts that hold each part
    kept: list[int] = []
    while len(kept) < min(count, len(boxes)):
        gain = left * (1 - _SHARED_PENALTY * shared)
        best = int(gain.argmax())
        if gain[best] <= 0:
            break
        kept.append(best)
        left[box_ious(boxes, boxes[best]) >= _SAME_IOU] = 0
        both = members @ (areas * members[best])
        shared = np.maximum(shared, both / np.minimum(area, area[best]))
        holders += (both >= PART_SHARE * area) & (area < area[best])
        left[holders > _MAX_HOLDERS] = 0
        for k in (k for k in kept if holders[k] == _MAX_HOLDERS):  # another whole around this one would be one too many
            left[(members @ (areas * members[k]) >= PART_SHARE * area[k]) & (area > area[k])] = 0
    return kept


def box_ious(boxes: FloatArray, box: FloatArray) -> FloatArray:
    """Intersection over union (P,) of ``boxes`` (P, 4) with one box."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    both = np.prod(np.maximum(sides, 0), axis=1)
    return both / (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(box[2:] - box[:2]) - both)


def region_of(mask: NDArray[np.bool_], image: Image, *, saliency: float = 0.0, outline: Literal["box", "hull"] = "box") -> Region:
    """The region of a mask (H, W): its box, hull if asked for, and appearance."""
    if mask.shape != image.rgb.shape[:2]:
        raise InputError(f"a mask of shape {mask.shape} does not fit a picture of shape {image.rgb.shape[:2]}")
    if not mask.any():
        raise InputError("a region needs at least one pixel")
    polygon = convex_hull(mask) if outline == "hull" else None
    return Region(mask, mask_box(mask), saliency, polygon, appearance=appearance(image.rgb, mask))


def calm_column(image: Image) -> int:
    """Column of a picture that wraps where a cut does least harm: the least colour step across it, at a small size.

    The step is the mean over the rows weighted by the cosine of their elevation, as an equirectangular picture stretches them,
    smoothed over 3 % of the width.
    """
    from scipy.ndimage import uniform_filter1d

    colours = lab(shrink(image.rgb, _LONG_SIDE_PX))
    height, width = colours.shape[:2]
    across = np.linalg.norm(np.roll(colours, -1, axis=1) - np.roll(colours, 1, axis=1), axis=-1)
    step = np.cos(np.pi * (0.5 - (np.arange(height) + 0.5) / height)) @ across
    calm = uniform_filter1d(step, max(1, round(0.03 * width)), mode="wrap")
    return round(int(calm.argmin()) * image.width_px / width) % image.width_px


def _wrapped(mask: NDArray[np.bool_], image: Image, saliency: float, outline: Literal["box", "hull"]) -> Region:
    """The region of a mask that may go on beyond the right edge: its outline is that of its larger part."""
    larger = mask
    empty = np.flatnonzero(~mask.any(axis=0))
    if mask[:, 0].any() and mask[:, -1].any() and empty.size:
        gap = int(empty[empty.size // 2])
        left, right = mask[:, :gap].sum(), mask[:, gap:].sum()
        larger = mask.copy()
        larger[:, gap:] &= right > left
        larger[:, :gap] &= right <= left
    polygon = convex_hull(larger) if outline == "hull" else None
    return Region(mask, mask_box(larger), saliency, polygon, appearance=appearance(image.rgb, mask))


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
