"""Places all around the camera: rooms, streets and landscapes, with the acoustics that go with what is seen."""

from __future__ import annotations

import math

import numpy as np

from seehear.data.rendered_depth import furniture, houses, random_paint, random_tint, standing
from seehear.data.tracing import Paint, Rays, Solid, Surroundings
from seehear.data.world.values import Place
from seehear.types import Room

KINDS = ("room", "street", "landscape")
CLEAR_M = 2.5
"""Nothing that stands still is nearer to the camera than this outdoors."""


def draw_place(rng: np.random.Generator, *, dry: float, outdoors: bool | None) -> Place:
    """A random place; ``outdoors`` asks for one without walls (or with), ``dry`` is the chance that nothing reflects."""
    shares = {True: (0.0, 0.5, 0.5), False: (1.0, 0.0, 0.0), None: (0.4, 0.3, 0.3)}[outdoors]
    kind = KINDS[rng.choice(3, p=shares)]
    anechoic = rng.random() < dry
    if kind == "room":
        return _room(rng, anechoic)
    surroundings = _street(rng) if kind == "street" else _landscape(rng)
    eye = np.array([0.0, 0.0, rng.uniform(1.3, 2.2)])
    room = Room() if anechoic else Room("outdoor", listener_m=(0.0, 0.0, float(eye[2])))
    return Place(kind, surroundings, eye, room)  # type: ignore[arg-type]


def _room(rng: np.random.Generator, anechoic: bool) -> Place:
    """A furnished room, its walls along the axes, the camera near its middle: seen and heard with the same walls."""
    length, width, height = rng.uniform(5, 10), rng.uniform(5, 9), rng.uniform(2.8, 4.2)
    x, y = rng.uniform(0.4, 0.6) * length, rng.uniform(0.4, 0.6) * width

    def at(along: float, across: float, up: float) -> tuple[float, float, float]:
        """From the rear wall's middle to the camera, at whose feet is 0, 0."""
        return (along - x, across + width / 2 - y, up)

    walls = random_paint(rng, "plain", "grain", "checks", chroma=0.3, low=0.3)
    solids = [Solid(at(length / 2, 0, height / 2), (length / 2, width / 2, height / 2), walls, 0.0, "room")]
    floor = random_paint(rng, "planks", "checks", "grain", chroma=0.3)
    solids.append(Solid(at(length / 2, 0, -0.49), (length / 2, width / 2, 0.5), floor))
    ceiling = Paint(random_tint(rng, 0.5, 0.9, 0.05), np.ones(3))
    solids.append(Solid(at(length / 2, 0, height + 0.49), (length / 2, width / 2, 0.5), ceiling))
    for _ in range(rng.integers(3, 9)):  # pictures, doors and windows: thin boxes on the walls
        w, h = rng.uniform(0.3, 0.8), rng.uniform(0.3, 1.0)
        up, paint = rng.uniform(h, height - h), random_paint(rng, "plain", "grain", "windows")
        if rng.random() < 0.5:
            end, where = length * rng.integers(2), rng.uniform(-0.4, 0.4) * width
            solids.append(Solid(at(end, where, up), (0.02, w, h), paint))
        else:
            end, where = rng.choice([-0.5, 0.5]) * width, rng.uniform(0.1, 0.9) * length
            solids.append(Solid(at(where, end, up), (w, 0.02, h), paint))
    for _ in range(rng.integers(2, 7)):
        solids += furniture(rng, at, (length, width, height), 0.0)
    clear = [solid for solid in solids[3:] if math.hypot(*solid.centre[:2]) - math.hypot(*solid.half[:2]) > 0.9]
    light = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.6, 0.6), rng.uniform(0.4, 1)])
    surroundings = Surroundings(solids[:3] + clear, None, None, (np.full(3, 0.6), np.full(3, 0.8)), 0.0, _unit(light))
    eye = np.array([0.0, 0.0, rng.uniform(1.2, 1.7)])
    listener = (float(x), float(y), float(eye[2]))
    room = Room() if anechoic else Room("shoebox", (length, width, height), listener, rng.uniform(0.2, 0.5))
    return Place("room", surroundings, eye, room)


def _street(rng: np.random.Generator) -> Surroundings:
    """A road with houses ahead and behind, trees, cars and people all around."""
    direction, offset, width = rng.uniform(-math.pi, math.pi), rng.uniform(-3, 3), rng.uniform(5, 9)
    solids: list[Solid] = []
    for way in (direction, direction + math.pi):
        solids += houses(rng, way, offset if way == direction else -offset, width)
    for _ in range(rng.integers(4, 10)):
        solids += _turned(standing(rng, rng.uniform(6, 40)), rng.uniform(-math.pi, math.pi))
    return _outside(rng, solids, (direction, offset, width))


def _landscape(rng: np.random.Generator) -> Surroundings:
    """Open ground with hills far off, trees and bushes."""
    solids: list[Solid] = []
    for _ in range(rng.integers(2, 8)):
        turn, away = rng.uniform(-math.pi, math.pi), rng.uniform(200, 600)
        hill = Paint(random_tint(rng, 0.1, 0.4), random_tint(rng, 0.1, 0.4), "grain", 30.0, 0.6, rng.uniform(0, 6, 12))
        half = (rng.uniform(60, 150), rng.uniform(100, 250), rng.uniform(20, 90))
        solids += _turned([Solid((away, 0.0, 0.0), half, hill, 0.0, "ellipsoid")], turn)
    for _ in range(rng.integers(2, 9)):
        solids += _turned(standing(rng, rng.uniform(6, 60)), rng.uniform(-math.pi, math.pi))
    return _outside(rng, solids, None)


def _outside(rng: np.random.Generator, solids: list[Solid], road: tuple[float, float, float] | None) -> Surroundings:
    """Ground and sky under one weather, without what stands too near."""
    green = np.array([0.16, 0.26, 0.08]) * rng.uniform(0.6, 1.4)
    base = green if rng.random() < 0.5 else random_tint(rng, 0.1, 0.6, 0.4)
    ground = Paint(base, base * rng.uniform(0.4, 0.7), "grain", rng.uniform(0.2, 1.2), 0.9, rng.uniform(0, 6, 12))
    horizon = np.array([(0.75, 0.77, 0.8), (0.62, 0.74, 0.88), (0.85, 0.55, 0.35), (0.2, 0.22, 0.3)][rng.integers(4)])
    zenith = horizon * np.array([(0.9, 0.9, 0.9), (0.25, 0.45, 0.8), (0.4, 0.5, 1.0)][rng.integers(3)])
    light = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.8, 0.8), rng.uniform(0.5, 1)])
    scattering = 3.912 / math.exp(rng.uniform(math.log(200), math.log(20_000)))
    clear = [solid for solid in solids if math.hypot(*solid.centre[:2]) - math.hypot(*solid.half[:2]) > CLEAR_M]
    return Surroundings(clear, ground, road, (zenith, horizon), scattering, _unit(light))


def _turned(solids: list[Solid], turn_rad: float) -> list[Solid]:
    """The solids turned about the vertical through the camera."""
    c, s = math.cos(turn_rad), math.sin(turn_rad)
    return [
        Solid((c * x - s * y, s * x + c * y, z), solid.half, solid.paint, solid.yaw_rad + turn_rad, solid.shape)
        for solid in solids
        for x, y, z in (solid.centre,)
    ]


def _unit(vector: Rays) -> Rays:
    return vector / np.linalg.norm(vector)
