"""Boxes, ellipsoids and a ground that rays meet: how pictures with exact distances are made.

Light is Lambert's law, haze Koschmieder's (colour * t + airlight * (1 - t) with t = exp(-scattering * distance)). Textures
fade where a pixel covers more than their grain. There are no cast shadows, no mirrors and no curved furniture.
Axes as everywhere: x front, y left, z up, the floor at z = 0. Shapes: N rays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rays = NDArray[np.float64]


@dataclass(frozen=True)
class Paint:
    """Colour of a surface: a base, and a pattern that moves it towards an accent."""

    base: NDArray[np.float64]
    accent: NDArray[np.float64]
    pattern: Literal["plain", "grain", "checks", "planks", "windows"] = "plain"
    grain_m: float = 0.5
    strength: float = 0.6
    phases: NDArray[np.float64] = field(default_factory=lambda: np.zeros(12))


@dataclass(frozen=True)
class Solid:
    """A box (turned by ``yaw_rad`` about the vertical) or the ellipsoid inside it; ``room`` shows its inner side."""

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    paint: Paint
    yaw_rad: float = 0.0
    shape: Literal["box", "ellipsoid", "room"] = "box"


@dataclass(frozen=True)
class Surroundings:
    """What stands still: solids, the ground, a road on it, the sky, the haze and the light."""

    solids: list[Solid]
    ground: Paint | None
    road: tuple[float, float, float] | None
    """Direction (radians), offset to the left and width in metres of a road on the ground."""
    sky: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Colours at the zenith and at the horizon; the latter is the airlight."""
    scattering_per_m: float
    light: NDArray[np.float64]
    """Unit vector towards the light."""


def trace(world: Surroundings, eye: Rays, rays: Rays, pixel_rad: float) -> tuple[Rays, Rays]:
    """Distance (N,) and linear colour (N, 3) of what each ray from ``eye`` meets first."""
    up = np.clip(rays[:, 2:], 0, 1) ** 0.5
    distance = np.full(len(rays), np.inf)
    colour = world.sky[1] + up * (world.sky[0] - world.sky[1])
    if world.ground is not None:
        down = rays[:, 2] < -1e-4
        distance[down] = -eye[2] / rays[down, 2]
        points = eye + rays[down] * distance[down, None]
        colour[down] = _ground_colour(world, points, distance[down] * pixel_rad / -rays[down, 2])
    for solid in world.solids:
        t, normal, local = _hit(solid, eye, rays)
        nearer = t < distance
        if not nearer.any():
            continue
        distance[nearer] = t[nearer]
        slant = np.clip(np.abs((normal[nearer] * rays[nearer]).sum(axis=1)), 0.05, 1)
        painted = _painted(solid.paint, local[nearer], normal[nearer], t[nearer] * pixel_rad / slant)
        colour[nearer] = painted * (0.45 + 0.55 * np.clip(normal[nearer] @ world.light, 0, 1))[:, None]
    through = np.exp(-world.scattering_per_m * distance)[:, None]
    return distance, colour * through + world.sky[1] * (1 - through)


def _hit(solid: Solid, eye: Rays, rays: Rays) -> tuple[Rays, Rays, Rays]:
    """Distance (N,) to a solid (inf where missed), normal (N, 3) there, and the point in the solid's own axes (N, 3)."""
    c, s = math.cos(solid.yaw_rad), math.sin(solid.yaw_rad)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    half = np.array(solid.half)
    origin, heading = (eye - np.array(solid.centre)) @ turn, rays @ turn
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if solid.shape == "ellipsoid":
            a, b, k = (heading / half) ** 2, heading * origin / half**2, float(((origin / half) ** 2).sum()) - 1
            a, b = a.sum(axis=1), b.sum(axis=1)
            t = (-b - np.sqrt(b**2 - a * k)) / a
            t = np.where(t > 0, t, np.inf)
            local = origin + heading * np.where(np.isfinite(t), t, 0)[:, None]
            normal = local / half**2
            normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
            return t, normal @ turn.T, local
        safe = np.where(np.abs(heading) < 1e-9, 1e-9, heading)
        first, last = (-np.sign(safe) * half - origin) / safe, (np.sign(safe) * half - origin) / safe
    entry, leave = first.max(axis=1), last.min(axis=1)
    inward = solid.shape == "room"
    t = leave if inward else np.where((entry < leave) & (entry > 0), entry, np.inf)
    axis = last.argmin(axis=1) if inward else first.argmax(axis=1)
    normal = np.zeros_like(rays)
    normal[np.arange(len(rays)), axis] = -np.sign(safe[np.arange(len(rays)), axis])
    local = origin + heading * np.where(np.isfinite(t), t, 0)[:, None]
    return t, normal @ turn.T, local


def _painted(paint: Paint, local: Rays, normal: Rays, footprint_m: Rays) -> Rays:
    """Colour (N, 3) of surface points: the pattern lies in the two axes across the normal and fades below pixel size."""
    flat = np.abs(normal[:, 2]) > 0.7
    along = np.where(np.abs(normal[:, 0]) > np.abs(normal[:, 1]), local[:, 1], local[:, 0])
    u, v = np.where(flat, local[:, 0], along), np.where(flat, local[:, 1], local[:, 2])
    fade = 1 / (1 + (footprint_m / (0.35 * paint.grain_m)) ** 2)
    amount = paint.strength * fade * _pattern(paint, u, v)
    return paint.base + amount[:, None] * (paint.accent - paint.base)


def _pattern(paint: Paint, u: Rays, v: Rays) -> Rays:
    """0 to 1 over the surface coordinates in metres."""
    p, q = u / paint.grain_m, v / paint.grain_m
    if paint.pattern == "checks":
        return ((np.floor(p) + np.floor(q)) % 2).astype(float)
    if paint.pattern == "planks":
        return 0.5 + 0.5 * np.sin(12.9898 * np.floor(q) + 4.1 * np.floor(p / 6 + 0.37 * np.floor(q)))
    if paint.pattern == "windows":
        return ((p % 1 > 0.3) & (q % 1 > 0.4)).astype(float)
    if paint.pattern == "grain":
        total = np.zeros_like(p)
        for i, phase in enumerate(paint.phases):
            turn, octave = 2.4 * i + phase, 0.5 * 1.45**i
            total += np.sin(octave * (p * np.cos(turn) + q * np.sin(turn)) * 2 + 7 * phase) / len(paint.phases) ** 0.5
        return np.clip(0.5 + 0.5 * total, 0, 1)
    return np.zeros_like(p)


def _ground_colour(world: Surroundings, points: Rays, footprint_m: Rays) -> Rays:
    assert world.ground is not None
    normal = np.tile([0.0, 0.0, 1.0], (len(points), 1))
    colour = _painted(world.ground, points, normal, footprint_m)
    if world.road is not None:
        direction, offset, width = world.road
        across = points[:, 1] * math.cos(direction) - points[:, 0] * math.sin(direction) - offset
        along = points[:, 0] * math.cos(direction) + points[:, 1] * math.sin(direction)
        sharp = 1 / (1 + (footprint_m / 0.5) ** 2)
        road, line = np.abs(across) < width / 2, (np.abs(across) < 0.08) & (along % 6 < 3)
        edge = np.abs(np.abs(across) - width / 2) < 0.12
        colour[road] = (0.16, 0.16, 0.17)
        colour = colour + ((line | edge) * sharp)[:, None] * (0.75 - colour)
    return colour * (0.45 + 0.55 * world.light[2])


def develop(colour: Rays, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a camera makes of linear light: a little blur, gamma and noise."""
    from scipy.ndimage import gaussian_filter

    exposed = gaussian_filter(colour * rng.uniform(0.85, 1.15), (0.5, 0.5, 0))
    coded = 255 * np.clip(exposed, 0, 1) ** (1 / 2.2)
    return np.clip(np.round(coded + rng.normal(0, rng.uniform(0.5, 2.5), coded.shape)), 0, 255).astype(np.uint8)
