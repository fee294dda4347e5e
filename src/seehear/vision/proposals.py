"""From many mask proposals to few regions: how stable a mask is, which repeat each other, crumbs and holes, which stand out.

The steps and their numbers are those of Kirillov et al., "Segment Anything", ICCV 2023, appendix B (automatic mask
generation). Shapes: P proposals, h w pixels of the grid that the masks live on, H W pixels of the picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray, InputError
from seehear.vision.regions import box_ious, mask_box, shape_cues, spread, weighted_mean


def point_grid(points_per_side: int) -> FloatArray:
    """A regular grid of points (points_per_side ** 2, 2): x, y as fractions of the picture, half a step from its edges."""
    if points_per_side < 1:
        raise InputError(f"a grid of prompts needs at least one point per side, got {points_per_side}")
    side = (np.arange(points_per_side) + 0.5) / points_per_side
    x, y = np.meshgrid(side, side)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def stability_score(logits: FloatArray, offset: float = 1.0) -> FloatArray:
    """How little masks (..., h, w) change with the threshold: the IoU (...) of logits > offset and logits > -offset.

    One lies within the other, so the IoU is the ratio of their areas; an empty mask has none.
    """
    inner = (logits > offset).sum(axis=(-2, -1))
    outer = (logits > -offset).sum(axis=(-2, -1))
    return inner / np.maximum(outer, 1)


def mask_boxes(masks: NDArray[np.bool_]) -> FloatArray:
    """Axis-aligned boxes (P, 4) of masks (P, h, w), none of them empty, ends exclusive."""
    return np.array([mask_box(mask) for mask in masks], dtype=float).reshape(len(masks), 4)


def suppress(boxes: FloatArray, scores: FloatArray, max_iou: float = 0.7) -> NDArray[np.intp]:
    """Indices, best first, after greedy non-maximum suppression of boxes (P, 4).

    A box goes that overlaps a better one by more than ``max_iou``; of equal scores the earlier is the better.
    """
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[box_ious(boxes[left], boxes[best]) <= max_iou]
    return np.array(kept, dtype=np.intp)


def tidy(mask: NDArray[np.bool_], least_px: int = 100) -> NDArray[np.bool_]:
    """A mask (H, W) with its holes of fewer than ``least_px`` pixels filled and smaller islands gone; the largest stays."""
    if not mask.any():
        return mask
    holes = _pieces(~mask)
    filled = mask | ((holes > 0) & (np.bincount(holes.ravel()) < least_px)[holes])
    # The surface is connected by corners too, so that a hole, which is not, and its rim do not cross.
    islands = _pieces(filled, corners=True)
    size = np.bincount(islands.ravel())
    size[0] = 0
    kept = size >= least_px
    kept[size.argmax()] = True
    return kept[islands]


def _pieces(mask: NDArray[np.bool_], corners: bool = False) -> NDArray[np.int32]:
    """The connected pieces of a mask, numbered from 1; 0 is what is not in it."""
    from scipy.ndimage import label

    pieces = np.zeros(mask.shape, dtype=np.int32)
    label(mask, np.ones((3, 3)) if corners else None, output=pieces)
    return pieces


def proposal_saliency(masks: NDArray[np.bool_], quality: FloatArray) -> FloatArray:
    """How much each proposal (P, h, w) stands out, 0 to 1: ``quality`` (P,), such as a predicted IoU, times its shape cues.

    The model says how good a mask is, not how much it matters: size, place, fill and how little of the outline runs
    along the picture's edge are weighed as fitted for ``regions.part_saliency``.
    """
    height, width = masks.shape[1:]
    edge = np.zeros((height, width))
    edge[[0, -1], :] += 1
    edge[:, [0, -1]] += 1
    flat = masks.reshape(len(masks), -1)
    area = flat.sum(axis=1).astype(float)
    cues = shape_cues(mask_boxes(masks), area, flat @ edge.ravel(), (height, width))
    return np.clip(quality, 0, 1) * weighted_mean(cues)


def pick(masks: NDArray[np.bool_], saliency: FloatArray, count: int) -> list[int]:
    """Indices of at most ``count`` proposals (P, h, w), most salient first, that show different things.

    Whole, part and subpart of one thing share their pixels: the first of them in saliency comes at its rank, the others
    count less (``regions.spread``), so that a wheel comes after the car and after the house.
    """
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    return spread(mask_boxes(masks), flat, np.ones(flat.shape[1], dtype=np.float32), saliency, count)
