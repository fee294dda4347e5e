"""A direction in space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seehear.types.checks import FloatArray, InputError, is_number


@dataclass(frozen=True)
class Direction:
    """A direction from the listener. ``azimuth_rad`` counter-clockwise from the front, ``elevation_rad`` up."""

    azimuth_rad: float
    elevation_rad: float = 0.0

    def __post_init__(self) -> None:
        if not is_number(self.azimuth_rad):
            raise InputError(f"azimuth must be a finite number, got {self.azimuth_rad!r}")
        if not (is_number(self.elevation_rad) and abs(self.elevation_rad) <= math.pi / 2 + 1e-6):
            raise InputError(f"elevation must lie in -pi/2 to pi/2, got {self.elevation_rad!r}")

    @property
    def vector(self) -> FloatArray:
        c = math.cos(self.elevation_rad)
        return np.array([c * math.cos(self.azimuth_rad), c * math.sin(self.azimuth_rad), math.sin(self.elevation_rad)])

    @classmethod
    def of(cls, vector: FloatArray) -> Direction:
        """The direction of any non-zero vector (3,)."""
        x, y, z = (float(v) for v in vector)
        return cls(math.atan2(y, x), math.atan2(z, math.hypot(x, y)))


FRONT = Direction(0.0)
