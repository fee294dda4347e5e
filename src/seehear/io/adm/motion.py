"""A source's trajectory as ADM block formats: few enough to read, close enough to follow.

A block's position and gain are reached at its end, on a straight way from those of the block before (BS.2076, jumpPosition 0).
BS.2127 walks that way in loudspeaker gains, other renderers in azimuth and elevation: blocks are cut so that both stay close.
Shapes: N grid times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import NEAREST_M, FloatArray, Source, Trajectory

TICKS_PER_S = 100_000
"""Times are written with five decimals, which every reader knows."""
GRID_TICKS = 2000
"""Blocks end on multiples of 20 ms, the frames in which our own renderer moves a source."""
FIRST_TICKS = 500
"""The first block holds its position, as there is nothing to come from: 5 ms."""
LARGEST_ERROR_DEG = 0.5
LARGEST_ERROR_DB = 0.25
LARGEST_STEP_DEG = 5.0
"""Between ends of blocks: a wider step would be heard from two directions at once half-way."""
_LONG = 1500
"""Spans of more than half a minute are halved, so that the work grows with the length and not with its square."""


@dataclass(frozen=True)
class Block:
    """An audioBlockFormat of an object: when, and the position and linear gain at its end."""

    start_ticks: int
    duration_ticks: int
    azimuth_deg: float
    elevation_deg: float
    gain: float


def ticks(n_samples: int, sample_rate_hz: int) -> int:
    """The duration in ticks, rounded up so that no sample is left without metadata."""
    return -(-n_samples * TICKS_PER_S // sample_rate_hz)


def blocks_of(source: Source, duration_ticks: int) -> tuple[Block, ...]:
    """The blocks of ``source``, from 0 to ``duration_ticks`` without a gap; one if it stands still.

    The gain is the source's times the distance law 1/r, clamped at 0.5 m; a source from everywhere knows no distance.
    """
    trajectory = source.trajectory
    ends = np.array([duration_ticks])
    if not (source.is_bed or trajectory.is_static):
        grid = np.arange(GRID_TICKS, duration_ticks, GRID_TICKS)
        grid = np.unique(np.concatenate([[min(FIRST_TICKS, duration_ticks)], grid, [duration_ticks]]))
        ends = grid[_corners(trajectory, grid)]
    starts = np.concatenate([[0], ends[:-1]])
    directions, distances_m = trajectory.at(ends / TICKS_PER_S)
    gains = 10 ** (source.gain_db / 20) * (np.ones(len(ends)) if source.is_bed else _distance_gain(distances_m))
    columns = (starts, ends - starts, *_angles_deg(directions), gains)
    return tuple(Block(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def _distance_gain(distances_m: FloatArray) -> FloatArray:
    """The distance law 1/r, clamped."""
    return 1 / np.maximum(distances_m, NEAREST_M)


def _angles_deg(directions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Azimuths, + left, and elevations (N,) in degrees of unit vectors (N, 3)."""
    level = np.hypot(directions[:, 0], directions[:, 1])
    return np.degrees(np.arctan2(directions[:, 1], directions[:, 0])), np.degrees(np.arctan2(directions[:, 2], level))


def _vectors(azimuths_deg: FloatArray, elevations_deg: FloatArray) -> FloatArray:
    azimuth, elevation = np.radians(azimuths_deg), np.radians(elevations_deg)
    level = np.cos(elevation)
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=-1)


def _corners(trajectory: Trajectory, grid: NDArray[np.int_]) -> NDArray[np.intp]:
    """Indices into ``grid``, the first and the last among them, between which straight ways stay close to the trajectory.

    A span that does not is cut where it is farthest off (Ramer 1972), a long one in its middle.
    """
    directions, distances_m = trajectory.at(grid / TICKS_PER_S)
    gains = _distance_gain(distances_m)
    azimuths_deg, elevations_deg = _angles_deg(directions)
    corners, spans = [0], [(0, len(grid) - 1)]
    while spans:
        first, last = spans.pop()
        within = slice(first, last + 1)
        cut = None
        if last - first > 1:
            path = _Path(directions[within], azimuths_deg[within], elevations_deg[within], gains[within])
            cut = path.farthest((grid[within] - grid[first]) / (grid[last] - grid[first]))
        if cut is None:
            corners.append(last)
        else:
            spans += [(first + cut, last), (first, first + cut)]
    return np.unique(corners)


@dataclass(frozen=True)
class _Path:
    """A span of a trajectory: directions (N, 3), azimuths, elevations and gains (N,)."""

    directions: FloatArray
    azimuths_deg: FloatArray
    elevations_deg: FloatArray
    gains: FloatArray

    def farthest(self, way: FloatArray) -> int | None:
        """Where to cut: the straight way, of which ``way`` (N,) has been gone, is bad there, or too wide; None if it is good."""
        error = np.maximum(self._off_angles(way), self._off_chord(way)) / LARGEST_ERROR_DEG
        straight = self.gains[0] + way * (self.gains[-1] - self.gains[0])
        error = np.maximum(error, np.abs(20 * np.log10(straight / self.gains)) / LARGEST_ERROR_DB)
        worst = int(error[1:-1].argmax()) + 1
        far = _angle_deg(self.directions[0], self.directions[-1]) > LARGEST_STEP_DEG
        if error[worst] <= 1 and not far:
            return None
        return worst if error[worst] > 1 and len(way) <= _LONG else len(way) // 2

    def _off_angles(self, way: FloatArray) -> FloatArray:
        """Degrees between the path and a way that is straight in azimuth (the shorter way round) and elevation."""
        turn = math.remainder(float(self.azimuths_deg[-1] - self.azimuths_deg[0]), 360)
        rise = self.elevations_deg[-1] - self.elevations_deg[0]
        straight = _vectors(self.azimuths_deg[0] + way * turn, self.elevations_deg[0] + way * rise)
        return _angle_deg(straight, self.directions)

    def _off_chord(self, way: FloatArray) -> FloatArray:
        """Degrees between the path and a way that is straight through space, as loudspeaker gains make it."""
        ends = self.directions[[0, -1]] * self.gains[[0, -1], None]
        straight = ends[0] + way[:, None] * (ends[1] - ends[0])
        return _angle_deg(straight / np.maximum(np.linalg.norm(straight, axis=1, keepdims=True), 1e-9), self.directions)


def _angle_deg(a: FloatArray, b: FloatArray) -> FloatArray:
    """Degrees between unit vectors (..., 3)."""
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=-1) / 2, 0, 1)))
