"""Directions between other directions: the triangle of a spherical mesh that holds them, and their weights in it.

Shapes: N directions, V vertices, K triangles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray, InputError

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull, KDTree

FEW_TRIANGLES = 64
"""Up to here trying all is cheaper than looking for the near ones."""
NEAREST = 12
LARGE = 3.0
"""Beyond this multiple of the median radius the centre of a triangle says little about where it reaches."""
BLOCK = 256
OUTSIDE = 1e-9
"""A weight below minus this is outside a triangle; less is rounding."""


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


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles of a hull, ready to be searched."""

    corners: NDArray[np.integer]
    """(K, 3), vertices of each triangle."""
    inverses: FloatArray
    """(K, 3, 3), of the matrices whose rows are a triangle's vertices."""
    always: NDArray[np.integer]
    """Triangles that are tried for every direction: all of a small mesh, the large ones of others."""
    tree: KDTree | None
    """Centres of `others`; None when there are none."""
    others: NDArray[np.integer]


def mesh_of(vertices: FloatArray, corners: NDArray[np.integer]) -> Mesh:
    """The mesh of unit vectors (V, 3) and the triangles (K, 3) of their hull."""
    inverses = np.linalg.inv(vertices[corners])
    everything = np.arange(len(corners))
    if len(corners) <= FEW_TRIANGLES:
        return Mesh(corners, inverses, everything, None, everything[:0])
    from scipy.spatial import KDTree

    centres = vertices[corners].mean(axis=1)
    radii = np.linalg.norm(vertices[corners] - centres[:, None], axis=2).max(axis=1)
    large = radii > LARGE * np.median(radii)
    return Mesh(corners, inverses, everything[large], KDTree(centres[~large]), everything[~large])


def weights(directions: FloatArray, mesh: Mesh) -> tuple[NDArray[np.integer], FloatArray]:
    """For unit vectors (N, 3) the vertices (N, 3) of their triangle and how much of each (N, 3) adds up to them, not negative.

    The triangle whose smallest weight is largest: inside its own a direction has no negative weight (Pulkki 1997, eq. 18). Looked
    for among the nearest triangles and the large ones; where none of them holds the direction, among all.
    """
    triangle = np.empty(len(directions), dtype=np.intp)
    for start in range(0, len(directions), BLOCK):
        triangle[start : start + BLOCK] = _triangles_of(directions[start : start + BLOCK], mesh)
    own = np.einsum("nx,nxv->nv", directions, mesh.inverses[triangle])
    return mesh.corners[triangle], np.maximum(own, 0.0)


def _triangles_of(directions: FloatArray, mesh: Mesh) -> NDArray[np.intp]:
    """Index (N,) of the triangle of each direction (N, 3)."""
    best, least = _best(directions, mesh, mesh.always)
    if mesh.tree is None:
        return best
    _, near = mesh.tree.query(directions, k=min(NEAREST, len(mesh.others)))
    near = mesh.others[near]
    smallest = np.einsum("nx,nkxv->nkv", directions, mesh.inverses[near]).min(axis=2)
    at = smallest.argmax(axis=1)[:, None]
    nearer = np.take_along_axis(smallest, at, 1)[:, 0]
    best = np.where(nearer > least, np.take_along_axis(near, at, 1)[:, 0], best)
    lost = np.flatnonzero(np.maximum(nearer, least) < -OUTSIDE)
    for index in lost:
        best[index] = _best(directions[index : index + 1], mesh, np.arange(len(mesh.corners)))[0][0]
    return best


def _best(directions: FloatArray, mesh: Mesh, tried: NDArray[np.integer]) -> tuple[NDArray[np.intp], FloatArray]:
    """Of the triangles ``tried`` the one whose smallest weight is largest, and that weight (-inf of none), of each direction."""
    if not len(tried):
        return np.zeros(len(directions), dtype=np.intp), np.full(len(directions), -np.inf)
    smallest = np.einsum("nx,kxv->nkv", directions, mesh.inverses[tried]).min(axis=2)
    at = smallest.argmax(axis=1)
    return tried[at].astype(np.intp), smallest[np.arange(len(directions)), at]
