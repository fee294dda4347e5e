"""Bits in the air that tell of a sound from everywhere: streaks of rain, leaves in the wind, insects in the grass.

Directions are cut into cells; a hash says which cells hold a bit and where. The pattern moves as a whole.
Shapes: N rays.
"""

from __future__ import annotations

import colorsys
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.data.tracing import Rays
from seehear.data.world.values import Weather


@dataclass(frozen=True)
class Bits:
    """How the bits of one kind of weather look."""

    cell_rad: tuple[float, float]
    """Width and height of the cell that holds at most one."""
    radius: tuple[float, float]
    """Of the bit, in cells."""
    share: float
    """Of cells that hold one."""
    speed_rad_s: tuple[float, float]
    """To the left and down."""
    colour: tuple[float, float, float]
    opacity: float


KNOWN = {
    "rain": Bits((0.02, 0.16), (0.10, 0.45), 0.5, (0.02, 1.7), (0.75, 0.8, 0.9), 0.55),
    "wind": Bits((0.16, 0.08), (0.40, 0.06), 0.4, (1.2, 0.05), (0.9, 0.9, 0.85), 0.5),
    "leaves": Bits((0.14, 0.14), (0.16, 0.10), 0.35, (0.25, 0.2), (0.12, 0.35, 0.05), 0.95),
}


def bits_of(name: str) -> Bits:
    """The look of weather ``name``: rain, wind and leaves are drawn, others follow from the name."""
    if name in KNOWN:
        return KNOWN[name]
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[8:16], "big"))
    side = rng.uniform(0.05, 0.12)
    r, g, b = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.4, 1), rng.uniform(0.5, 1))
    speed = (rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15))
    return Bits((side, side), (rng.uniform(0.08, 0.2), rng.uniform(0.08, 0.2)), 0.4, speed, (r**2.2, g**2.2, b**2.2), 0.9)


def bits_in_the_air(weather: Weather, rays: Rays) -> Callable[[float], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Opacity (N,) and colour (3,) of the bits along unit vectors ``rays`` (N, 3) at a time in seconds."""
    bits = bits_of(weather.name)
    width, height = bits.cell_rad
    columns = max(1, round(2 * math.pi / width))  # whole cells around, so that the panorama has no seam
    azimuth = np.arctan2(rays[:, 1], rays[:, 0]) * columns / (2 * math.pi)
    elevation = np.arcsin(np.clip(rays[:, 2], -1, 1)) / height
    colour = np.array(bits.colour, np.float32)

    def at(time_s: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        a = azimuth - bits.speed_rad_s[0] * time_s * columns / (2 * math.pi)
        column = np.floor(a)
        own = _hash(column % columns, np.zeros_like(column), weather.seed)
        e = elevation + bits.speed_rad_s[1] * time_s / height + own
        row = np.floor(e)
        there = _hash(column % columns, row, weather.seed + 1) < bits.share
        x, y = (a - column - 0.5) / bits.radius[0], (e - row - 0.5) / bits.radius[1]
        return (np.clip(1.5 * (1 - np.hypot(x, y)), 0, 1) * (bits.opacity * there)).astype(np.float32), colour

    return at


def _hash(column: Rays, row: Rays, seed: int) -> Rays:
    """0 to 1 for every cell: the fractional part of a large sine."""
    return np.mod(np.sin(column * 12.9898 + row * 78.233 + (seed % 1000) * 37.719) * 43758.5453, 1.0)
