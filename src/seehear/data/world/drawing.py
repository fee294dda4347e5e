"""Worlds by number: who is there, where they go, and where the camera looks."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from seehear.acoustics.field import head_rotation
from seehear.acoustics.sphere import directions_of
from seehear.data.tracing import Rays, trace
from seehear.data.world.looks import draw_one, species_of
from seehear.data.world.photos import PhotoShelf, photo_shelf
from seehear.data.world.places import draw_place
from seehear.data.world.values import DEFAULTS, SPLITS, VARIETIES, Place, SplitName, Thing, Variety, Weather, World, WorldOptions
from seehear.types import Direction, InputError, Trajectory
from seehear.vocabulary import Concept, concepts

SILENT_SPECIES = tuple(f"silent thing {i}" for i in range(12))
"""Looks that never sound."""
BED = "room tone"
WIDE_RAD = math.radians(40)
"""From this extent on a concept is a wide source: applause, sea, waterfall."""
POINTS = 41
"""Of a path; the directions between them are chords."""
NEAREST_M = 0.7
PHOTO_SHARE = 0.5


def draw_world(seed: int, index: int, *, split: SplitName = "train", options: WorldOptions = DEFAULTS) -> World:
    """World ``index`` of ``seed``: the same on every call. The splits of a seed share looks of species, nothing else.

    InputError for an unknown split or a negative number.
    """
    if split not in SPLITS:
        raise InputError(f"the world has the splits {', '.join(SPLITS)}, got {split!r}")
    if seed < 0 or index < 0:
        raise InputError(f"worlds are numbered from 0 and have seeds from 0, got seed {seed}, number {index}")
    numbers = (seed, SPLITS.index(split), index)
    rng = np.random.default_rng(numbers)
    variety = VARIETIES[rng.choice(len(VARIETIES), p=np.array(options.varieties) / sum(options.varieties))]
    camera = Direction(float(rng.uniform(-math.pi, math.pi)), float(np.clip(rng.normal(0, 0.25), -0.6, 0.6)))
    shelf = photo_shelf(options.photos, split) if options.photos else None
    wanted = shelf.concepts if shelf is not None and rng.random() < PHOTO_SHARE else None
    chosen = _chosen(variety, wanted, rng)
    place = draw_place(rng, dry=options.dry, outdoors=chosen[0].outdoors)
    weather = None
    if variety == "diffuse" and chosen[0].kind == "bed":
        weather, chosen = Weather(chosen[0].name, 0.0, int(rng.integers(1 << 31))), chosen[1:]
    elif rng.random() < 0.3:
        weather = Weather(BED, float(rng.uniform(-36, -26)), int(rng.integers(1 << 31)), visible=False)
    things = []
    for rank, concept in enumerate(chosen):
        outside = variety == "off-axis" and rank == 0
        things.append(_sounding(concept, rank, (place, camera), rng, options, outside))
    for _ in range(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1))):
        things.append(_silent((place, camera), rng, options))
    if shelf is not None:
        things = [_photographed(thing, shelf, rng, wanted is not None and i == 0) for i, thing in enumerate(things)]
    key = f"world-{seed}-{split}-{index:07d}"
    return World(key, split, variety, place, tuple(things), weather, camera, numbers)


def _chosen(variety: Variety, wanted: Collection[str] | None, rng: np.random.Generator) -> list[Concept]:
    """The concepts that are heard, the main one first, of ``wanted`` where that can be; all from the same kind of place."""
    known = [each for each in concepts().values() if each.name != BED]
    beds = [each for each in known if each.kind == "bed"]
    wide = [each for each in known if each.kind != "bed" and each.extent_rad >= WIDE_RAD and each.kind == "texture"]
    points = [each for each in known if each not in beds and each not in wide]
    if variety == "diffuse":
        main = (beds + wide)[rng.integers(len(beds) + len(wide))]
        others = 1 if main.kind == "bed" and rng.random() < 0.3 else 0
    else:
        mains = points if wanted is None else [each for each in points if each.name in wanted] or points
        main = mains[rng.integers(len(mains))]
        others = int(rng.integers(1, 3)) if variety == "several" else 0
    fits = [each for each in points if each.name != main.name and None in (each.outdoors, main.outdoors)]
    fits += [each for each in points if each.name != main.name and each.outdoors is main.outdoors is not None]
    return [main, *(fits[i] for i in rng.permutation(len(fits))[:others])]


def _sounding(
    concept: Concept,
    rank: int,
    seen_from: tuple[Place, Direction],
    rng: np.random.Generator,
    options: WorldOptions,
    outside: bool,
) -> Thing:
    wide = concept.extent_rad >= WIDE_RAD and concept.kind == "texture"
    angle = rng.uniform(0.6, 1.1) if wide else math.exp(rng.uniform(math.log(0.22), math.log(0.8)))
    size_m = max(concept.size_m or 1.0, 0.15) * math.exp(rng.uniform(-0.25, 0.25))
    path = "still" if wide else str(rng.choice(("still", "passing", "circling"), p=(0.45, 0.35, 0.2)))
    spread = 0.36 if rank == 0 else 0.6
    start = _off(seen_from[1], rng, spread * options.hfov_rad, outside)
    trajectory, size_m = _path(path, start, (size_m, angle), seen_from[0], rng, options.seconds)
    level = 0.0 if rank == 0 else float(rng.uniform(-9, 0))
    extent = angle if wide else 0.0
    sprite = draw_one(species_of(concept.name), rng)
    return Thing(concept.name, True, sprite, size_m, trajectory, level, extent, int(rng.integers(1 << 31)), path)


def _photographed(thing: Thing, shelf: PhotoShelf, rng: np.random.Generator, surely: bool) -> Thing:
    """The thing with a photo of its concept, ``surely`` or by chance, if there is one."""
    if not surely and rng.random() >= PHOTO_SHARE:
        return thing
    sprite = shelf.sprite(thing.name if thing.sounds else "", rng)
    return thing if sprite is None else replace(thing, sprite=sprite, photo=True)


def _silent(seen_from: tuple[Place, Direction], rng: np.random.Generator, options: WorldOptions) -> Thing:
    name = SILENT_SPECIES[rng.integers(len(SILENT_SPECIES))]
    angle, size_m = math.exp(rng.uniform(math.log(0.1), math.log(0.4))), math.exp(rng.uniform(math.log(0.3), math.log(2)))
    path = str(rng.choice(("still", "passing"), p=(0.8, 0.2)))
    start = _off(seen_from[1], rng, 0.6 * options.hfov_rad, False)
    trajectory, size_m = _path(path, start, (size_m, angle), seen_from[0], rng, options.seconds)
    return Thing(name, False, draw_one(species_of(name), rng), size_m, trajectory, path=path)


def _off(camera: Direction, rng: np.random.Generator, spread_rad: float, outside: bool) -> Rays:
    """A direction (3,) up to ``spread_rad`` to each side of the camera's, or one that its picture does not show."""
    azimuth, elevation = rng.uniform(-spread_rad, spread_rad), rng.uniform(-0.6, 0.6) * spread_rad
    if outside:
        azimuth = rng.choice((-1, 1)) * rng.uniform(math.radians(75), math.pi)
        elevation = rng.uniform(-0.4, 0.4)
    return directions_of(np.array(azimuth), np.array(elevation)) @ head_rotation(camera)


def _path(
    path: str, start: Rays, size: tuple[float, float], place: Place, rng: np.random.Generator, seconds: float
) -> tuple[Trajectory, float]:
    """Where a thing of (height in m, angle at its nearest) goes, and the height it then has.

    Passing is a straight line at a steady speed whose nearest point is ``start``; circling keeps distance and height. All is
    brought in front of what stands still; what would be too large there is made smaller.
    """
    size_m, angle = size
    nearest = size_m / (2 * math.tan(angle / 2))
    times = np.linspace(0, seconds, POINTS)
    if path == "still":
        times, points = times[:1], start[None] * nearest
    elif path == "passing":
        along = np.cross([0.0, 0.0, rng.choice((-1.0, 1.0))], start)
        along = along / np.linalg.norm(along) + rng.uniform(-0.15, 0.15) * np.array([0.0, 0.0, 1.0])
        reach = nearest * math.tan(rng.uniform(0.35, 0.9))
        points = start * nearest + along * reach * np.linspace(-1, rng.uniform(0.3, 1), POINTS)[:, None]
    else:
        turns = rng.choice((-1, 1)) * rng.uniform(0.15, 0.6) * (times - seconds * rng.uniform(0.3, 0.7))
        c, s = np.cos(turns), np.sin(turns)
        points = nearest * np.stack([c * start[0] - s * start[1], s * start[0] + c * start[1], np.full(POINTS, start[2])], -1)
    distances = np.linalg.norm(points, axis=1)
    directions = points / distances[:, None]
    free = trace(place.surroundings, place.eye, directions, 0.01)[0]
    scale = min(1.0, float((0.85 * np.minimum(free, 400) / distances).min()))
    distances = distances * max(scale, NEAREST_M / float(distances.min()))
    return Trajectory(times, directions, distances), min(size_m, 2 * float(distances.min()) * math.tan(max(angle, 0.6) / 2))
