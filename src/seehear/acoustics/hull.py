"""Directions between other directions: the triangle of a spherical mesh that holds them, and their weights in it.

Shapes: N directions, V vertices, K triangles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray, InputError

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull


def hull_of(vertices: FloatArray, what: str) -> ConvexHull:
    """The convex hull of vectors (V, 3), its triangles in `simplices` (K, 3); InputError when ``what`` do not surround the
    listener."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = ConvexHull(vertices)
    except QhullError as error:
        raise InputError(f"{what} do not surround the listener") from error
    if (hull.equations[:, 3] > -1e-6).any():
        raise InputError(f"{what} do not surround the listener: a gap is 180 degrees or wider")
    return hull


def weights(directions: FloatArray, vertices: FloatArray, corners: NDArray[np.integer]) -> tuple[NDArray[np.integer], FloatArray]:
    """For unit vectors (N, 3) the vertices (N, 3) of their triangle and how much of each (N, 3) adds up to them, not negative.

    ``corners`` (K, 3): the triangles of a hull (Pulkki 1997, eq. 18).
    """
    inverses = np.linalg.inv(vertices[corners])
    # Inside its triangle a direction has no negative weight: take the triangle whose smallest weight is largest.
    candidates = np.einsum("nx,kxv->nkv", directions, inverses)
    best = candidates.min(axis=2).argmax(axis=1)
    return corners[best], np.maximum(candidates[np.arange(len(directions)), best], 0.0)
