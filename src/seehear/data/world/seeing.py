"""What rays from the camera meet in a world at a time: the same code gives the panorama and the picture in a field of view.

Shapes: ... rays, H W pixels, F frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.sphere import map_directions
from seehear.data.tracing import Rays, trace
from seehear.data.world.looks import Rgba, pyramid
from seehear.data.world.values import Thing, World
from seehear.data.world.weather import bits_in_the_air


@dataclass(frozen=True)
class Seen:
    """What rays meet."""

    colour: NDArray[np.float32]
    """(..., 3) linear light."""
    distance_m: NDArray[np.float32]
    """(...,) infinite in the sky."""
    number: NDArray[np.uint8]
    """(...,) which of the world's things, from 1; 0 is what stands still."""


def panorama_rays(height_px: int) -> Rays:
    """Unit vectors (H, 2 H, 3) of the pixels of an equirectangular picture."""
    return map_directions(2 * height_px, height_px)


def looking(world: World, rays: Rays, pixel_rad: float) -> Callable[[float], Seen]:
    """What unit vectors ``rays`` (..., 3), each of a pixel ``pixel_rad`` wide, meet at a time in seconds.

    What stands still is traced once. Things face the camera; nearer ones cover farther ones and are covered by what stands still.
    """
    shape, flat = rays.shape[:-1], rays.reshape(-1, 3)
    distance, colour = trace(world.place.surroundings, world.place.eye, flat, pixel_rad)
    still = colour.astype(np.float32), distance.astype(np.float32), np.zeros(len(flat), np.uint8)
    levels = [pyramid(thing.sprite) for thing in world.things]
    air = None if world.weather is None or not world.weather.visible else bits_in_the_air(world.weather, flat)

    def at(time_s: float) -> Seen:
        seen, depth, number = (part.copy() for part in still)
        places = [thing.trajectory.at(np.array([time_s])) for thing in world.things]
        for i in sorted(range(len(places)), key=lambda i: -places[i][1][0]):
            direction, away = places[i][0][0], float(places[i][1][0])
            index, rgba = _met(world.things[i], levels[i], flat, (direction, away), pixel_rad)
            shown = depth[index] > away
            index, rgba = index[shown], rgba[shown]
            seen[index] = rgba[:, :3] + (1 - rgba[:, 3:]) * seen[index]
            solid = index[rgba[:, 3] > 0.5]
            depth[solid], number[solid] = away, i + 1
        if air is not None:
            opacity, tint = air(time_s)
            seen += opacity[:, None] * (tint - seen)
        return Seen(seen.reshape(*shape, 3), depth.reshape(shape), number.reshape(shape))

    return at


def _met(
    thing: Thing, levels: tuple[Rgba, ...], rays: Rays, place: tuple[Rays, float], pixel_rad: float
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Which rays (K,) meet the thing's square, and its premultiplied colour and opacity (K, 4) there."""
    direction, away = place
    half = 0.5 * thing.size_m / away
    ahead = rays @ direction
    index = np.flatnonzero(ahead > 1 / math.sqrt(1 + 2 * half**2))
    left = np.array([-direction[1], direction[0], 0.0])
    left /= np.linalg.norm(left)
    up = np.cross(direction, left)
    u, v = ((rays[index] @ axis) / ahead[index] / half for axis in (-left, up))
    finest = len(levels) - 1
    level = levels[min(finest, max(0, round(math.log2(max(levels[0].shape[0] * pixel_rad / (2 * half), 1.0)))))]
    return index, _sampled(level, u, v)


def _sampled(level: Rgba, u: Rays, v: Rays) -> NDArray[np.float32]:
    """Bilinear samples (K, 4) at u to the right and v up, each -1 to 1 over the picture; nothing outside."""
    side = level.shape[0]
    x, y = (u + 1) / 2 * side - 0.5, (1 - v) / 2 * side - 0.5
    padded = np.zeros((side + 2, side + 2, 4), np.float32)
    padded[1:-1, 1:-1] = level
    x, y = np.clip(x, -1, side), np.clip(y, -1, side)
    column, row = np.minimum(np.floor(x).astype(np.intp), side - 1), np.minimum(np.floor(y).astype(np.intp), side - 1)
    p, q = (x - column).astype(np.float32)[:, None], (y - row).astype(np.float32)[:, None]
    row, column = row + 1, column + 1
    upper = padded[row, column] * (1 - p) + padded[row, column + 1] * p
    lower = padded[row + 1, column] * (1 - p) + padded[row + 1, column + 1] * p
    return upper * (1 - q) + lower * q


def developed(colours: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Pictures (F, H, W, 3) of linear light: one exposure, gamma 2.2, and a little noise that differs between frames."""
    exposed = np.clip(colours * np.float32(rng.uniform(0.85, 1.15)), 0, 1)
    table = (255 * (np.arange(4096) / 4095) ** (1 / 2.2)).astype(np.float32)
    coded = table[(exposed * 4095).astype(np.intp)]
    noise = rng.normal(0, rng.uniform(0.5, 2.5), coded.shape[1:]).astype(np.float32)
    for i, frame in enumerate(coded):
        frame += np.roll(noise, (7 * i, 13 * i), (0, 1))
    return np.clip(np.rint(coded), 0, 255).astype(np.uint8)


def box_of(mask: NDArray[np.bool_]) -> list[int] | None:
    """x0, y0, x1, y1 (exclusive ends) of what is set, None where nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
