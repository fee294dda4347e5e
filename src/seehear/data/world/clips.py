"""A clip of a world: its picture in a field of view, its sound, and all that is known about both."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.data.clips import Clip
from seehear.data.world.drawing import draw_world
from seehear.data.world.hearing import sound_of
from seehear.data.world.seeing import Seen, box_of, developed, looking, panorama_rays
from seehear.data.world.values import DEFAULTS, SplitName, Thing, World, WorldOptions
from seehear.data.world.words import caption_of
from seehear.io.mux import write_frames
from seehear.types import Direction, FloatArray
from seehear.vision.viewport import view_rays

LICENCE = "made by seehear's own recipe: any use"


def make_clip(seed: int, index: int, *, split: SplitName = "train", options: WorldOptions = DEFAULTS) -> Clip:
    """Clip ``index`` of the world's ``seed``, the same bytes on every call; errors as :func:`draw_world`."""
    return clip_of(draw_world(seed, index, split=split, options=options), options)


def clips_of(seed: int, indices: range, *, split: SplitName = "train", options: WorldOptions = DEFAULTS) -> Iterator[Clip]:
    """The clips of ``indices``, one at a time."""
    return (make_clip(seed, index, split=split, options=options) for index in indices)


def clip_of(world: World, options: WorldOptions = DEFAULTS) -> Clip:
    """What the world's camera sees and what is heard around it."""
    at = looking(world, view_rays(options.camera, world.camera), options.hfov_rad / options.side_px)
    seen = [at(float(time)) for time in options.times_s]
    masks = {i: _of_sources(seen[i], world) for i in options.key_indices}
    heard = [thing for thing in world.things if thing.sounds]
    labels = [thing.name for thing in sorted(heard, key=lambda thing: -thing.level_db)]
    if world.weather is not None and world.weather.visible:
        labels.insert(0, world.weather.name)
    return Clip(
        key=world.key,
        frames=developed(np.stack([each.colour for each in seen]), world.rng(3)),
        frames_per_s=options.frames_per_s,
        sound=sound_of(world, options),
        direction=world.camera,
        labels=tuple(labels),
        caption=caption_of(world),
        facts=_facts(world, seen, options),
        masks=masks,
        depths_m={i: seen[i].distance_m for i in options.key_indices},
    )


def panorama_of(world: World, options: WorldOptions = DEFAULTS, height_px: int = 256) -> NDArray[np.uint8]:
    """The world all around (F, H, 2 H, 3): equirectangular, front in the middle, in the axes of its sound."""
    at = looking(world, panorama_rays(height_px), math.pi / height_px)
    return developed(np.stack([at(float(time)).colour for time in options.times_s]), world.rng(3))


def write_panoramas(
    indices: range, folder: Path, *, seed: int, height_px: int, split: SplitName = "train", options: WorldOptions = DEFAULTS
) -> None:
    """Nothing; ``folder`` then has KEY.mov of every world: its panorama in H.264, its ambisonics in PCM, both marked as such."""
    for index in indices:
        world = draw_world(seed, index, split=split, options=options)
        frames = panorama_of(world, options, height_px)
        write_frames(folder / f"{world.key}.mov", frames, options.frames_per_s, sound_of(world, options), spherical=True)


def _of_sources(seen: Seen, world: World) -> NDArray[np.uint8]:
    """The mask of the sounding things; silent ones are 0."""
    n_sounding = sum(thing.sounds for thing in world.things)
    return np.where(seen.number <= n_sounding, seen.number, 0).astype(np.uint8)


def _facts(world: World, seen: list[Seen], options: WorldOptions) -> dict[str, Any]:
    sources = []
    for number, thing in enumerate(world.things, start=1):
        if thing.sounds:
            boxes = [box_of(each.number == number) for each in seen]
            sources.append({**_told(thing, options.times_s), "boxes": boxes})
    if world.weather is not None:
        sources.append({"concept": world.weather.name, "everywhere": True, "level_db": round(world.weather.level_db, 2)})
    return {
        "origin": "world",
        "seed": list(world.seed),
        "split": world.split,
        "variety": world.variety,
        "place": world.place.kind,
        "acoustics": world.place.room.kind,
        "rt60_s": round(world.place.room.rt60_s, 3),
        "hfov_deg": round(math.degrees(options.hfov_rad), 3),
        "camera": _degrees(world.camera),
        "sources": sources,
        "silent": [thing.name for thing in world.things if not thing.sounds],
        "licence": LICENCE + (f"; with photos of {Path(options.photos).name}" if options.photos else ""),
    }


def _told(thing: Thing, times_s: FloatArray) -> dict[str, Any]:
    """A source in words and numbers: its path is given at the time of every frame."""
    directions, distances = thing.trajectory.at(times_s)
    return {
        "concept": thing.name,
        "path": thing.path,
        "level_db": round(thing.level_db, 2),
        "look": "photo" if thing.photo else "drawn",
        "extent_deg": round(math.degrees(thing.extent_rad), 2),
        "size_m": round(thing.size_m, 3),
        "directions_deg": [_degrees(Direction.of(each)) for each in directions],
        "distances_m": [round(float(each), 3) for each in distances],
    }


def _degrees(direction: Direction) -> list[float]:
    return [round(math.degrees(direction.azimuth_rad), 3), round(math.degrees(direction.elevation_rad), 3)]
