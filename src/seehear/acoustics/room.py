"""Rooms: a sensible one for a scene, and where its walls or its ground mirror a source.

Shapes: N positions, P paths (images of one source, the source itself first).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.types import FloatArray, InputError, Room, Source, Trajectory

RoomKind = Literal["none", "small", "hall", "outdoor"]
EAR_HEIGHT_M = 1.6
MARGIN_M = 0.5
"""Least distance between a source and a wall of a room made by `room_for`."""
_INDOORS: dict[str, tuple[tuple[float, float, float], float, float]] = {
    "small": ((5.0, 4.0, 2.6), 0.3, 25.0),
    "hall": ((25.0, 18.0, 10.0), 1.8, 100.0),
}
"""Size, RT60 and longest side of a living room (EN 12354 assumes 0.5 s; one with carpet, curtains and sofas
is drier, and directions are heard better in it) and of a mid-sized hall.
No side of a small room gets longer than the hall, none of a hall longer than the largest arenas."""
_BETWEEN = 15
LISTENER_FRACTION = 0.35
"""The listener sits this far along the room, looking down its longer part: what a camera sees is mostly in front."""


def room_for(kind: RoomKind, positions_m: FloatArray) -> Room:
    """A room of that kind around the listener that holds every position (N, 3), in metres from the listener.

    Walls, floor and ceiling start where the kind has them and move outwards until every position is at least `MARGIN_M`
    inside, so no source can lie beyond a wall, below the floor or above the ceiling: pass the `waypoints_m` of all
    trajectories but those of beds. A room made larger keeps its kind's absorption, so its RT60 grows with the mean free
    path 4 V / S (Sabine), at most to the double. A small room that would need a side of more than 25 m becomes a hall, a hall
    that would need more than 100 m is outdoors. Outdoors the ear is raised over the ground until the lowest source is above it.
    InputError for another kind.
    """
    positions = np.concatenate([np.zeros((1, 3)), np.asarray(positions_m, dtype=np.float64).reshape(-1, 3)])
    if kind == "none":
        return Room()
    if kind == "outdoor":
        return Room("outdoor", listener_m=(0.0, 0.0, max(EAR_HEIGHT_M, MARGIN_M - float(positions[:, 2].min()))))
    if kind not in _INDOORS:
        raise InputError(f"unknown room {kind!r}: choose none, small, hall or outdoor")
    size, rt60_s, longest_m = _INDOORS[kind]
    length, width, height = size
    below = np.array([LISTENER_FRACTION * length, 0.5 * width, EAR_HEIGHT_M])
    above = np.array([length, width, height]) - below
    below = np.maximum(below, MARGIN_M - positions.min(axis=0))
    above = np.maximum(above, MARGIN_M + positions.max(axis=0))
    enclosing = (float(below[0] + above[0]), float(below[1] + above[1]), float(below[2] + above[2]))
    if max(enclosing) > longest_m:
        return room_for("hall" if kind == "small" else "outdoor", positions_m)
    growth = min(mean_free_path_m(enclosing) / mean_free_path_m(size), 2.0)
    return Room("shoebox", enclosing, (float(below[0]), float(below[1]), float(below[2])), rt60_s * growth)


def waypoints_m(trajectory: Trajectory) -> FloatArray:
    """Displacements (N, 3) from the listener along a trajectory: its points and `_BETWEEN` between neighbours, where a
    source that turns around the listener reaches further out than the points themselves."""
    times = trajectory.times_s
    if len(times) > 1:
        times = np.append(
            (times[:-1, None] + np.diff(times)[:, None] * np.arange(_BETWEEN + 1) / (_BETWEEN + 1)).ravel(), times[-1]
        )
    directions, distances = trajectory.at(times)
    return directions * distances[:, None]


def mean_free_path_m(size_m: tuple[float, float, float]) -> float:
    """Mean distance between walls in a shoebox with a diffuse field, 4 V / S (Kosten 1960)."""
    x, y, z = size_m
    return 2 * x * y * z / (x * y + y * z + x * z)


def mixing_time_s(size_m: tuple[float, float, float]) -> float:
    """When single reflections are no longer heard out: 0.0117 V / m^3 + 50.1 ms (Lindau et al. 2012, t_mp95 from V).

    Their regression is used up to 10 000 m^3, about the size of their largest rooms.
    """
    return 1e-3 * (0.0117 * min(math.prod(size_m), 1e4) + 50.1)


def complete_until_s(size_m: tuple[float, float, float], image_order: int) -> float:
    """How long after emission the images up to ``image_order`` hold every reflection.

    After k_i reflections along an axis of length L_i an image is at least (k_i - 1) L_i away along it, so the missing ones
    lie beyond the octahedron sum |x_i| / L_i = order - 2.
    """
    return (image_order - 2) / math.sqrt(sum(size**-2 for size in size_m)) / SPEED_OF_SOUND_M_S


@dataclass(frozen=True)
class Mirrors:
    """Where a room puts the images of any source: ``signs * position + offsets_m``, after ``orders`` reflections.

    ``signs`` and ``offsets_m`` (P, 3), ``orders`` (P,); in room coordinates, the source itself first.
    """

    signs: FloatArray
    offsets_m: FloatArray
    orders: NDArray[np.intp]

    def up_to(self, order: int) -> Mirrors:
        """The images after at most that many reflections."""
        few = self.orders <= order
        return Mirrors(self.signs[few], self.offsets_m[few], self.orders[few])


def mirrors(room: Room, image_order: int) -> Mirrors:
    """The images of the room: up to ``image_order`` in a shoebox, one in the ground outdoors, none without a room."""
    if room.kind == "none":
        return Mirrors(np.ones((1, 3)), np.zeros((1, 3)), np.zeros(1, dtype=np.intp))
    if room.kind == "outdoor":
        return Mirrors(np.array([[1.0, 1, 1], [1, 1, -1]]), np.zeros((2, 3)), np.array([0, 1]))
    return _shoebox_mirrors(room.size_m, image_order)


@lru_cache(maxsize=8)
def _shoebox_mirrors(size_m: tuple[float, float, float], image_order: int) -> Mirrors:
    """Images after pyroomacoustics' image source model (Allen & Berkley 1979), for any source position at once.

    Its model tells how often each image was mirrored along each axis; from that the position follows in float64 for any
    source, also a moving one (its own float32 positions would cost 0.001 samples at 100 m).
    """
    import pyroomacoustics

    size = np.array(size_m)
    box = pyroomacoustics.ShoeBox(size, materials=pyroomacoustics.Material(0.0), max_order=image_order)
    box.add_source(size / 3)
    box.add_microphone(size / 2)
    box.image_source_model()
    counts = box.sources[0].orders_xyz.T.astype(np.intp)
    orders = np.abs(counts).sum(axis=1)
    first = np.argsort(orders, kind="stable")
    counts, orders = counts[first], orders[first]
    odd = counts % 2
    return Mirrors(1.0 - 2.0 * odd, (counts + odd) * size, orders)


def check_inside(room: Room, source: Source) -> None:
    """InputError, naming the source, when a point of its trajectory is outside the room or below the ground (but for beds)."""
    if room.kind == "none" or source.is_bed:
        return
    path = source.trajectory
    places = np.asarray(room.listener_m) + path.directions * path.distances_m[:, None]
    if room.kind == "outdoor" and places[:, 2].min() <= 0:
        depth_m = -float(places[:, 2].min())
        raise InputError(
            f"source {source.label!r} is {depth_m:.2f} m below the ground: raise the listener (`seehear scene room`)"
        )
    if room.kind in ("shoebox", "pixels") and not ((places > 0) & (places < room.size_m)).all():
        size = " x ".join(f"{side:.3g}" for side in room.size_m)
        raise InputError(f"source {source.label!r} leaves the room of {size} m: make the room larger (`seehear scene room`)")
