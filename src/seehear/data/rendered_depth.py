"""Pictures of rooms and streets whose distances are known exactly: what depth cues are weighed and measured on.

Solids (`tracing`) are hit by the rays of a pinhole camera of random height, pitch and field of view. There are no cast shadows,
no mirrors and no curved furniture: a cue that works here may still fail on a photo, so real pairs are always measured beside.
Axes as everywhere: x front, y left, z up, the floor at z = 0. Shapes: H W pixels, N = H W rays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seehear.data.tracing import Paint, Rays, Solid, Surroundings, develop, trace
from seehear.types import Image
from seehear.vision.camera import Camera

SceneKind = Literal["indoor", "outdoor"]
_CLEAR_PER_M = 3.912 / 20_000
"""Scattering of clear air: Koschmieder's 2 % contrast at 20 km."""


@dataclass(frozen=True)
class DepthScene:
    """A picture and the distance from the camera of what each of its pixels shows."""

    image: Image
    distance_m: NDArray[np.float32]
    """(H, W); infinite where there is sky."""
    floor: NDArray[np.bool_]
    """(H, W) what is floor or ground."""
    kind: SceneKind
    hfov_rad: float
    horizon_px: float
    """Row of the horizon in the middle column, perhaps outside the picture."""
    scattering_per_m: float


def render_depth_scene(kind: SceneKind, rng: np.random.Generator, *, width_px: int = 256, height_px: int = 192) -> DepthScene:
    """One random room or street: a picture (H, W) with its exact distances. About 0.1 s."""
    hfov = math.radians(rng.uniform(48, 76))
    pitch = math.radians(rng.uniform(-18, 4) if kind == "indoor" else rng.uniform(-10, 5))
    camera = Camera(width_px, height_px, hfov)
    y, x = np.mgrid[0:height_px, 0:width_px] + 0.5
    rays = camera.rays(np.stack([x.ravel(), y.ravel()], axis=-1)) @ _pitched(pitch)
    world, eye = _room(rng) if kind == "indoor" else _street(rng)
    distance, colour = trace(world, eye, rays, hfov / width_px)
    rgb = develop(colour.reshape(height_px, width_px, 3), rng)
    horizon = height_px / 2 + camera.focal_px * math.tan(pitch)
    shape = (height_px, width_px)
    distance = distance.reshape(shape)
    floor = np.isfinite(distance) & (np.abs(eye[2] + rays[:, 2].reshape(shape) * np.nan_to_num(distance, posinf=1e9)) < 0.03)
    return DepthScene(Image(rgb), distance.astype(np.float32), floor, kind, hfov, horizon, world.scattering_per_m)


def _pitched(pitch_rad: float) -> NDArray[np.float64]:
    """Matrix (applied from the right) that raises rays by ``pitch_rad``."""
    c, s = math.cos(pitch_rad), math.sin(pitch_rad)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def random_tint(rng: np.random.Generator, low: float = 0.08, high: float = 0.75, chroma: float = 0.3) -> NDArray[np.float64]:
    """A linear colour (3,) of random lightness between ``low`` and ``high``, each channel off by up to ``chroma`` of it."""
    return np.clip(rng.uniform(low, high) * (1 + rng.uniform(-chroma, chroma, 3)), 0.02, 0.95)


def random_paint(rng: np.random.Generator, *patterns: str, chroma: float = 0.5, low: float = 0.08) -> Paint:
    """A random colour with one of ``patterns`` in a lighter or darker one."""
    pattern = patterns[rng.integers(len(patterns))]
    base = random_tint(rng, low, chroma=chroma)
    accent = np.clip(base * rng.uniform(0.35, 1.6), 0, 1)
    return Paint(base, accent, pattern, rng.uniform(0.15, 0.7), rng.uniform(0.2, 0.9), rng.uniform(0, 6, 12))  # type: ignore[arg-type]


def _room(rng: np.random.Generator) -> tuple[Surroundings, Rays]:
    """A furnished room, turned against the camera, which stands in its rear part."""
    length, width, height = rng.uniform(3.5, 9), rng.uniform(3, 7), rng.uniform(2.4, 3.2)
    yaw = math.radians(rng.uniform(-40, 40))
    c, s = math.cos(yaw), math.sin(yaw)
    back, side = rng.uniform(0.3, 0.35 * length), rng.uniform(-0.3, 0.3) * width

    def at(along: float, across: float, up: float) -> tuple[float, float, float]:
        """From the room's axes (origin at the middle of its rear wall) to those of the camera, at whose feet is 0, 0."""
        x, y = along - back, across - side
        return (c * x - s * y, s * x + c * y, up)

    walls = random_paint(rng, "plain", "grain", chroma=0.15, low=0.35)
    solids = [Solid(at(length / 2, 0, height / 2), (length / 2, width / 2, height / 2), walls, yaw, "room")]
    floor = random_paint(rng, "planks", "checks", "grain", chroma=0.3)
    solids.append(Solid(at(length / 2, 0, -0.49), (length / 2, width / 2, 0.5), floor, yaw))
    ceiling = Paint(random_tint(rng, 0.6, 0.9, 0.05), np.ones(3))
    solids.append(Solid(at(length / 2, 0, height + 0.49), (length / 2, width / 2, 0.5), ceiling, yaw))
    for _ in range(rng.integers(1, 5)):  # pictures, doors and windows: thin boxes on the far wall or a side wall
        w, h = rng.uniform(0.3, 0.8), rng.uniform(0.3, 1.0)
        up, paint = rng.uniform(h, height - h), random_paint(rng, "plain", "grain", "windows")
        if rng.random() < 0.5:
            solids.append(Solid(at(length, rng.uniform(-0.4, 0.4) * width, up), (0.02, w, h), paint, yaw))
        else:
            solids.append(Solid(at(rng.uniform(0.4, 1) * length, rng.choice([-0.5, 0.5]) * width, up), (w, 0.02, h), paint, yaw))
    for _ in range(rng.integers(2, 8)):
        solids += furniture(rng, at, (length, width, height), yaw)
    if rng.random() < 0.3:
        lamp = Paint(random_tint(rng, 0.7, 0.95, 0.1), np.ones(3))
        solids.append(Solid(at(rng.uniform(0.5, 0.8) * length, 0, height - 0.6), (0.2, 0.2, 0.15), lamp, 0.0, "ellipsoid"))
    light = np.array([rng.uniform(-0.8, 0.2), rng.uniform(-0.6, 0.6), rng.uniform(0.4, 1)])
    sky = (np.ones(3) * 0.6, np.ones(3) * 0.8)
    eye = np.array([0.0, 0.0, rng.uniform(0.9, 1.75)])
    clear = [solid for solid in solids[3:] if math.hypot(*solid.centre[:2]) - math.hypot(*solid.half[:2]) > 0.9]
    return Surroundings(solids[:3] + clear, None, None, sky, 0.0, light / np.linalg.norm(light)), eye


def furniture(rng: np.random.Generator, at, room: tuple[float, float, float], yaw: float) -> list[Solid]:
    """A box on the floor, against a wall or free, sometimes with a smaller thing on top."""
    length, width, height = room
    half = (
        rng.uniform(0.2, 0.7),
        rng.uniform(0.2, 0.9),
        0.5 * min(rng.choice([0.45, 0.75, 1.1, 1.9]) * rng.uniform(0.8, 1.2), height),
    )
    along, across, turn = rng.uniform(0.3, 0.9) * length, rng.uniform(-0.35, 0.35) * width, yaw + rng.uniform(-0.8, 0.8)
    if rng.random() < 0.5:
        turn = yaw
        if rng.random() < 0.5:
            along = length - half[0]
        else:
            across = rng.choice([-1, 1]) * (width / 2 - half[1])
    solids = [Solid(at(along, across, half[2]), half, random_paint(rng, "plain", "plain", "grain", "planks"), turn)]
    if 2 * half[2] < 1.3 and rng.random() < 0.5:
        size = rng.uniform(0.08, 0.25)
        top = at(along, across, 2 * half[2] + size)
        shape = ("box", "ellipsoid")[rng.integers(2)]
        solids.append(Solid(top, (size, size * rng.uniform(0.5, 1.3), size), random_paint(rng, "plain", "grain"), turn, shape))  # type: ignore[arg-type]
    return solids


def _street(rng: np.random.Generator) -> tuple[Surroundings, Rays]:
    """Open ground under a sky: mostly a road, houses along it, trees, cars, people, hills; hazy in half of all cases."""
    direction, offset, width = math.radians(rng.uniform(-25, 25)), rng.uniform(-4, 4), rng.uniform(4, 9)
    has_road = rng.random() < 0.7
    solids: list[Solid] = []
    if rng.random() < 0.7:
        solids += houses(rng, direction, offset, width)
    for _ in range(rng.integers(2, 12)):
        solids += standing(rng, rng.uniform(4, 25) if rng.random() < 0.6 else rng.uniform(25, 120))
    for _ in range(rng.integers(0, 4)):
        x, y = rng.uniform(250, 600), rng.uniform(-300, 300)
        hill = Paint(random_tint(rng, 0.1, 0.3), random_tint(rng, 0.1, 0.3), "grain", 30.0, 0.5, rng.uniform(0, 6, 12))
        solids.append(Solid((x, y, 0), (rng.uniform(60, 150), rng.uniform(100, 250), rng.uniform(20, 70)), hill, 0, "ellipsoid"))
    green = np.array([0.16, 0.26, 0.08]) * rng.uniform(0.6, 1.4)
    base = green if rng.random() < 0.6 else random_tint(rng, 0.15, 0.45)
    ground = Paint(base, base * rng.uniform(0.4, 0.7), "grain", rng.uniform(0.2, 0.8), 0.9, rng.uniform(0, 6, 12))
    overcast = rng.random() < 0.4
    horizon = np.array([0.75, 0.77, 0.8]) if overcast else np.array([0.62, 0.74, 0.88])
    zenith = horizon * 0.9 if overcast else np.array([0.16, 0.34, 0.72])
    scattering = 3.912 / math.exp(rng.uniform(math.log(150), math.log(3000))) if rng.random() < 0.5 else _CLEAR_PER_M
    light = np.array([rng.uniform(-0.8, 0.3), rng.uniform(-0.8, 0.8), rng.uniform(0.5, 1)])
    eye = np.array([0.0, 0.0, rng.uniform(1.2, 2.2) if rng.random() < 0.75 else rng.uniform(2.2, 7)])
    clear = [solid for solid in solids if math.hypot(*solid.centre[:2]) - math.hypot(*solid.half[:2]) > 2]
    road = (direction, offset, width) if has_road else None
    return Surroundings(clear, ground, road, (zenith, horizon), scattering, light / np.linalg.norm(light)), eye


def houses(rng: np.random.Generator, direction: float, offset: float, width: float) -> list[Solid]:
    """Rows of blocks on one or both sides of the road."""
    solids = []
    for side in ((-1, 1), (1,), (-1,))[rng.integers(3)]:
        along, gap = rng.uniform(5, 25), rng.uniform(2, 8)
        for _ in range(rng.integers(1, 7)):
            half = (rng.uniform(4, 10), rng.uniform(3, 6), rng.uniform(2, 10))
            across = offset + side * (width / 2 + gap + half[1])
            x, y = along + half[0], across
            place = (
                x * math.cos(direction) - y * math.sin(direction),
                x * math.sin(direction) + y * math.cos(direction),
                half[2],
            )
            paint = Paint(
                random_tint(rng, 0.2, 0.7, 0.25), random_tint(rng, 0.05, 0.2, 0.2), "windows", rng.uniform(1.6, 3.2), 0.8
            )
            solids.append(Solid(place, half, paint, direction))
            along += 2 * half[0] + rng.choice([0.0, 4.0, 10.0])
    return solids


def standing(rng: np.random.Generator, distance_m: float) -> list[Solid]:
    """A tree, a car, a person, a bush or a crate about so far ahead."""
    x, y = distance_m, distance_m * rng.uniform(-0.6, 0.6)
    kind = ("tree", "car", "person", "bush", "crate")[rng.integers(5)]
    turn = rng.uniform(-math.pi, math.pi)
    if kind == "tree":
        trunk, crown = rng.uniform(1.5, 3), rng.uniform(1, 2.5)
        leaf = np.array([0.1, 0.2, 0.05]) * rng.uniform(0.5, 1.5)
        leaves = Paint(leaf, leaf * 0.4, "grain", 0.4, 0.9, rng.uniform(0, 6, 12))
        bark = Paint(np.array([0.15, 0.1, 0.07]), np.zeros(3))
        return [
            Solid((x, y, trunk / 2), (0.15, 0.15, trunk / 2), bark),
            Solid((x, y, trunk + 0.7 * crown), (crown, crown, crown * rng.uniform(0.8, 1.4)), leaves, 0, "ellipsoid"),
        ]
    if kind == "car":
        body = random_paint(rng, "plain", chroma=0.8)
        glass = Paint(np.array([0.05, 0.06, 0.08]), np.zeros(3))
        return [Solid((x, y, 0.5), (2.1, 0.9, 0.45), body, turn), Solid((x, y, 1.2), (1.1, 0.8, 0.28), glass, turn)]
    if kind == "person":
        legs, top = random_paint(rng, "plain"), random_paint(rng, "plain", chroma=0.8)
        skin = Paint(np.array([0.55, 0.36, 0.27]) * rng.uniform(0.4, 1.2), np.zeros(3))
        return [
            Solid((x, y, 0.42), (0.14, 0.2, 0.42), legs, turn),
            Solid((x, y, 1.12), (0.15, 0.24, 0.35), top, turn, "ellipsoid"),
            Solid((x, y, 1.58), (0.11, 0.1, 0.14), skin, 0, "ellipsoid"),
        ]
    size = rng.uniform(0.4, 1.2)
    if kind == "bush":
        leaf = np.array([0.12, 0.22, 0.06]) * rng.uniform(0.5, 1.5)
        bush = Paint(leaf, leaf * 0.4, "grain", 0.25, 0.9, rng.uniform(0, 6, 12))
        return [Solid((x, y, 0.8 * size), (1.3 * size, 1.3 * size, size), bush, turn, "ellipsoid")]
    return [
        Solid(
            (x, y, size),
            (size, size * rng.uniform(0.5, 2), size),
            random_paint(rng, "plain", "planks", "checks", chroma=0.7),
            turn,
        )
    ]
