"""Loudspeaker gains: vector base amplitude panning on any layout, and the BS.775 downmix to stereo.

Shapes: N directions, C channels in the layout's order, T samples.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from seehear.acoustics.hull import hull_of, mesh_of, weights
from seehear.acoustics.sphere import directions_of
from seehear.types import STEREO, SURROUND_5_1, FloatArray, InputError, Layout

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull

SURROUND_TO_STEREO = np.zeros((STEREO.n_channels, SURROUND_5_1.n_channels))
"""BS.775 downmix from 3/2 to 2/0: L' = L + 0.7071 C + 0.7071 Ls, R' alike; the LFE is left out."""
for _ear, _front, _side in ((0, "L", "Ls"), (1, "R", "Rs")):
    SURROUND_TO_STEREO[_ear, SURROUND_5_1.labels.index(_front)] = 1.0
    SURROUND_TO_STEREO[_ear, SURROUND_5_1.labels.index(_side)] = math.sqrt(0.5)
    SURROUND_TO_STEREO[_ear, SURROUND_5_1.labels.index("C")] = math.sqrt(0.5)
SURROUND_TO_STEREO.setflags(write=False)
LEVEL_RAD = math.radians(30)
"""Elevation up to which a layout without height speakers plays a sound as if it were level."""


def downmix_5_1_to_stereo(samples: FloatArray) -> FloatArray:
    """Stereo (2, T), same dtype, from 5.1 ``samples`` (6, T) by BS.775: C, Ls and Rs at -3 dB, no LFE."""
    return SURROUND_TO_STEREO.astype(samples.dtype) @ samples


def speaker_gains(layout: Layout, directions: FloatArray) -> FloatArray:
    """Gains (N, C) that pan with unit energy to unit vectors ``directions`` (N, 3); the LFE's are zero.

    5.1 and every other layout that surrounds the listener: VBAP (Pulkki 1997) on the convex hull of the
    speakers and an imaginary zenith and nadir, bilinear between four in one plane (a choice of diagonal would favour one side;
    both keep the velocity vector). What an imaginary speaker gets, as the middle of a face with more than four corners, is
    shared equally by its hull neighbours; rules of BS.2127. The energy is made 1 again.
    Stereo is the BS.775 downmix of the gains of 5.1, the same as `downmix_5_1_to_stereo` of a 5.1 render and so not of unit
    energy; mono is 1, like W.
    InputError for ambisonics, binaural, and speakers that do not surround the listener.
    """
    directions = np.atleast_2d(np.asarray(directions, dtype=np.float64))
    if layout.kind != "speakers":
        raise InputError(f"panning needs a loudspeaker layout, {layout.name} is {layout.kind}")
    if len(layout.speakers) == 1:
        return np.ones((len(directions), 1))
    if layout.name == STEREO.name:
        return _hull_gains(SURROUND_5_1, directions) @ SURROUND_TO_STEREO.T
    return _hull_gains(layout, directions)


def _hull_gains(layout: Layout, directions: FloatArray) -> FloatArray:
    speakers = list(layout.speakers)
    vectors, triangles, shares, fours = _with_imaginary(layout.vectors[speakers])
    directions = _flattened(directions, layout.vectors[speakers])
    corners, own = weights(directions, mesh_of(vectors, triangles))
    gains = np.zeros((len(directions), len(vectors)))
    np.put_along_axis(gains, corners, own, axis=1)
    for middle, face in fours.items():
        inside = np.flatnonzero((corners == middle).any(axis=1))
        gains[inside] = 0
        gains[np.ix_(inside, face)] = _between_four(vectors[face], directions[inside])
    result = np.zeros((len(directions), layout.n_channels))
    result[:, speakers] = _unit_energy(_unit_energy(gains) @ shares)
    return result


def _between_four(corners: FloatArray, directions: FloatArray) -> FloatArray:
    """Gains (N, 4), up to a factor, of ``directions`` (N, 3) inside a flat face of four ``corners`` (4, 3), in the order of its
    edge: bilinear weights whose sum of vectors points there (BS.2127, QuadRegion)."""
    x, y = _share(corners, directions), _share(np.roll(corners, -1, axis=0), directions)
    return np.stack([(1 - x) * (1 - y), x * (1 - y), x * y, (1 - x) * y], axis=1)


def _share(corners: FloatArray, directions: FloatArray) -> FloatArray:
    """The share x (N,) of the edges 0-1 and 3-2 at which a plane through the listener and each direction crosses both.

    det(d, p0 + x (p1 - p0), p3 + x (p2 - p3)) = 0, a quadratic equation; of its roots the one inside, or nearest to it.
    """
    p0, p1, p2, p3 = corners
    square = directions @ np.cross(p1 - p0, p2 - p3)
    linear = directions @ (np.cross(p0, p2 - p3) + np.cross(p1 - p0, p3))
    constant = directions @ np.cross(p0, p3)
    root = np.sqrt(np.maximum(linear**2 - 4 * square * constant, 0))
    stable = -0.5 * (linear + np.copysign(root, linear))
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.stack([stable / square, constant / stable])
    roots = np.where(np.isfinite(roots), roots, np.inf)
    nearest = np.abs(roots - 0.5).argmin(axis=0)
    return np.clip(roots[nearest, np.arange(len(directions))], 0, 1)


def _in_order(vectors: FloatArray, face: np.ndarray) -> np.ndarray:
    """The corners of a flat face in the order of its edge."""
    spokes = vectors[face] - vectors[face].mean(axis=0)
    first = spokes[0] / np.linalg.norm(spokes[0])
    second = np.cross(np.cross(spokes[0], spokes[1]), first)
    return face[np.argsort(np.arctan2(spokes @ second / np.linalg.norm(second), spokes @ first))]


def _flattened(directions: FloatArray, real: FloatArray) -> FloatArray:
    """Directions (N, 3) brought to the horizon on a side, above or below, where there are no speakers.

    Up to 30 degrees of elevation they are level, as if each speaker had a twin there (as in BS.2127); what lies beyond is
    stretched over the way to the pole. So a sound a little above the screen stays between two speakers.
    """
    elevation = np.arcsin(np.clip(directions[:, 2], -1, 1))
    empty = [(real[:, 2] * sign).max() < math.sin(LEVEL_RAD / 2) for sign in (1, -1)]
    beyond = np.maximum(np.abs(elevation) - LEVEL_RAD, 0) / (1 - 2 * LEVEL_RAD / np.pi)
    flattened = np.where(elevation > 0, empty[0], empty[1])
    elevation = np.where(flattened, np.sign(elevation) * beyond, elevation)
    return directions_of(np.arctan2(directions[:, 1], directions[:, 0]), elevation)


OUTSIDE = 1.001
"""How far the middle of a face is put outside it for the hull, where it shall take that face and no other one apart."""


def _with_imaginary(real: FloatArray) -> tuple[FloatArray, np.ndarray, FloatArray, dict[int, np.ndarray]]:
    """Unit vectors (S + I, 3) with zenith and nadir added where no speaker is, then the middles of faces that are no triangles;
    triangles (K, 3) of all; the share (S + I, S) that each gives the real; and the corners of each face of four, in the order
    of its edge, by the index of its middle."""
    poles = [np.array([0.0, 0.0, sign]) for sign in (1, -1)]
    missing = [pole for pole in poles if (real @ pole).max() < math.cos(math.radians(5))]
    vectors = np.concatenate([real, *(pole[None] for pole in missing)])
    faces = _wide_faces(vectors)
    middles = [vectors[face].mean(axis=0) for face in faces]
    around = [*(_neighbours(vectors, len(real) + i) for i in range(len(missing))), *faces]
    triangles = _triangles(np.concatenate([vectors, *(OUTSIDE * middle[None] for middle in middles)]))
    vectors = np.concatenate([vectors, *(middle[None] / np.linalg.norm(middle) for middle in middles)])
    shares = np.zeros((len(vectors), len(real)))
    shares[: len(real)] = np.eye(len(real))
    for imaginary, corners in enumerate(around, start=len(real)):
        own = corners[corners < len(real)]
        shares[imaginary, own] = 1 / math.sqrt(len(own))
    first = len(vectors) - len(faces)
    fours = {first + i: _in_order(vectors, face) for i, face in enumerate(faces) if len(face) == 4}
    return vectors, triangles, shares, fours


def _neighbours(vectors: FloatArray, vertex: int) -> np.ndarray:
    triangles = _triangles(vectors)
    return np.unique(triangles[(triangles == vertex).any(axis=1)])


def _wide_faces(vectors: FloatArray) -> list[np.ndarray]:
    """Vertices of each face of the convex hull that has more than three: triangles in one plane, by their common equation."""
    hull = _hull(vectors)
    planes = np.round(hull.equations, 6) + 0.0  # + 0.0 turns -0.0 into 0.0
    _, face_of = np.unique(planes, axis=0, return_inverse=True)
    faces = [np.unique(hull.simplices[face_of.ravel() == face]) for face in range(face_of.max() + 1)]
    return [face for face in faces if len(face) > 3]


def _triangles(vectors: FloatArray) -> np.ndarray:
    """Vertex indices (K, 3) of the convex hull; InputError when it does not enclose the listener."""
    return _hull(vectors).simplices


def _hull(vectors: FloatArray) -> ConvexHull:
    return hull_of(vectors, "these loudspeakers")


def _unit_energy(gains: FloatArray) -> FloatArray:
    return gains / np.linalg.norm(gains, axis=1, keepdims=True)
