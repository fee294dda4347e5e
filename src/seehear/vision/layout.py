"""What is floor, and where everything else meets it: the pop-up view of a picture.

A picture is taken for a level ground on which upright things stand (Hoiem, Efros & Hebert, "Automatic Photo Pop-up",
SIGGRAPH 2005): a point of the ground is as far as its row tells, a point of a thing as far as the row where the thing ends
below it in the same column. Shapes: h w pixels of a small picture, L parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray
from seehear.vision.hierarchy import Leaves, find_leaves

_FLOOR_WEIGHTS = {
    "edge": 1.9,  # share of the lower edge that it lies along
    "edge_middle": 2.9,  # that share times its mean row
    "width": 5.6,
    "height": 2.2,
    "top": -2.6,  # its highest row
    "middle": 2.7,  # its mean row
    "size": -8.5,  # root of its area
    "unlike_edge": -0.8,  # colour step to the nearest of the parts along the lower edge, in 20 Lab
    "above_middle": -1.4,  # how far its mean row lies above the middle
    "reaches_up": -11.4,  # how far it reaches above the usual horizon
}
"""Log odds per share of the picture: logistic regression on 300 rendered scenes (``bench/depth.py --fit``)."""
_FLOOR_BIAS = -1.1
_DECIDED = 12.0
"""Steepness with which a probable floor is taken for one."""


_WIDE = 0.6
"""From this share of the lower edge and of the width on, a part that also reaches so far up is a backdrop too."""


@dataclass(frozen=True)
class Layout:
    """Parts of a small picture and how they stand."""

    leaves: Leaves
    floor: FloatArray
    """(L,) probability that a part is floor or ground."""
    contact: FloatArray
    """(h, w) row, 0 at the top to 1, where what a pixel shows meets the ground."""


def find_layout(colours: NDArray[np.float32], min_size_px: int = 30) -> Layout:
    """The layout of a small Lab picture (h, w, 3)."""
    leaves = find_leaves(colours, min_size_px=min_size_px)
    features = floor_features(leaves, colours)
    odds = np.sum([weight * features[name] for name, weight in _FLOOR_WEIGHTS.items()], axis=0)
    floor = _sigmoid(odds + _FLOOR_BIAS)
    # snow or fog runs from the lower edge into the backdrop: such a part recedes too, or all of it would be nearest
    through = (features["edge"] > _WIDE) & (features["width"] > _WIDE) & (features["top"] < 1 - _WIDE)
    floor = np.where(through, 1.0, floor)
    return Layout(leaves, floor, contact_rows(leaves.labels, floor))


def floor_features(leaves: Leaves, colours: NDArray[np.float32]) -> dict[str, FloatArray]:
    """What tells floor from things, (L,) each: place and shape of a part, likeness to what lies along the lower edge.

    The names are those of ``_FLOOR_WEIGHTS``, which explains them.
    """
    labels, n = leaves.labels, leaves.n
    height, width = labels.shape
    x0, y0, x1, y1 = (leaves.boxes / (width, height, width, height)).T
    edge = np.bincount(labels[-1], minlength=n) / width
    rows = np.repeat((np.arange(height) + 0.5) / height, width)
    middle = np.bincount(labels.ravel(), rows, n) / leaves.area_px
    mean = (
        np.stack([np.bincount(labels.ravel(), colours[..., k].ravel(), n) for k in range(3)], axis=-1) / leaves.area_px[:, None]
    )
    below = np.flatnonzero(edge > 0.05)
    step = np.linalg.norm((mean[:, None] - mean[None, below]) * (0.5, 1, 1), axis=2).min(axis=1, initial=60.0)
    return {
        "edge": edge,
        "edge_middle": edge * middle,
        "width": x1 - x0,
        "height": y1 - y0,
        "top": y0,
        "middle": middle,
        "size": np.sqrt(leaves.area_px / labels.size),
        "unlike_edge": np.minimum(step / 20, 3),
        "above_middle": np.maximum(0, 0.5 - middle),
        "reaches_up": np.maximum(0, 0.45 - y0),
    }


def contact_rows(labels: NDArray[np.intp], floor: FloatArray) -> FloatArray:
    """Rows (h, w), 0 to 1, where pixels meet the ground: their own on a floor, else the lowest of their part in their column."""
    height, width = labels.shape
    rows, columns = np.indices(labels.shape)
    last = np.zeros((len(floor), width))
    np.maximum.at(last, (labels, columns), rows + 0.5)
    flat = _sigmoid(_DECIDED * (floor - 0.5))[labels]
    return (flat * (rows + 0.5) + (1 - flat) * last[labels, columns]) / height


def _sigmoid(x: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))
