"""What is heard in a world: exact first-order ambisonics of its things, weather and room by the renderer of scenes."""

from __future__ import annotations

import math

import numpy as np

from seehear.acoustics.render import render
from seehear.acoustics.sphere import rotation_by
from seehear.data.world.values import DEFAULTS, Weather, World, WorldOptions
from seehear.foley import synthesize
from seehear.types import FOA, FRONT, NEAREST_M, Audio, Direction, Scene, Source, Trajectory

LOUDEST_DBFS = -20.0
"""RMS of the loudest half second of W, give or take `VARIES_DB`."""
VARIES_DB = 2.0
SINGERS = ("crickets", "cicada")
"""Beds of few tones."""
PEAK = 0.95
"""No channel goes beyond; a sound of strokes is as quiet as that asks for."""


def scene_of(world: World, options: WorldOptions) -> Scene:
    """The world's sounding things and weather as a scene, its front that of the panorama."""
    rate, seconds = options.sample_rate_hz, options.seconds
    sources = []
    for thing in world.things:
        if not thing.sounds:
            continue
        rng = np.random.default_rng([*world.seed, thing.seed])
        stem = synthesize(thing.name, seconds, rate, rng, intensity=float(rng.uniform(0.3, 0.8)))
        middle_m = max(float(np.median(thing.trajectory.distances_m)), NEAREST_M)
        gain_db = thing.level_db + 20 * math.log10(middle_m)
        sources.append(Source(stem, thing.trajectory, thing.name, gain_db, thing.extent_rad))
    if world.weather is not None:
        sources += _from_everywhere(world.weather, np.random.default_rng([*world.seed, world.weather.seed]), options)
    return Scene(tuple(sources), world.place.room, seconds, rate, seed=int(world.rng(1).integers(1 << 31)))


def _from_everywhere(weather: Weather, rng: np.random.Generator, options: WorldOptions) -> list[Source]:
    """A bed; of `SINGERS` four that are each somewhere, at the corners of a tetrahedron: copies of a tone, however their phases
    are mixed, make a pattern of nodes and not a diffuse field."""
    if weather.name not in SINGERS:
        stem = synthesize(weather.name, options.seconds, options.sample_rate_hz, rng)
        return [Source(stem, Trajectory.fixed(FRONT, 1.0), weather.name, weather.level_db, 2 * math.pi)]
    turn = rotation_by(*rng.uniform(-math.pi, math.pi, 3))
    corners = [Direction.of(turn @ np.array(corner)) for corner in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))]
    stems = [synthesize(weather.name, options.seconds, options.sample_rate_hz, rng) for _ in corners]
    return [
        Source(stem, Trajectory.fixed(corner, 1.0), weather.name, weather.level_db - 6)
        for stem, corner in zip(stems, corners, strict=True)
    ]


def sound_of(world: World, options: WorldOptions = DEFAULTS) -> Audio:
    """First-order ambisonics (4, T), ACN and SN3D: the loudest half second of W has about `LOUDEST_DBFS`, nothing clips."""
    (field,) = render(scene_of(world, options), (FOA,), level_lufs=None)
    w = field.samples[0].astype(np.float64)
    half = round(0.5 * options.sample_rate_hz)
    energy = np.concatenate([[0.0], np.cumsum(w**2)])
    starts = np.arange(0, max(1, len(w) - half + 1), half // 5)
    loudest = math.sqrt(max(float((energy[np.minimum(starts + half, len(w))] - energy[starts]).max()) / half, 1e-20))
    wanted = 10 ** ((LOUDEST_DBFS + float(np.clip(world.rng(2).normal(0, VARIES_DB), -6, 6))) / 20)
    gain = min(wanted / loudest, PEAK / max(float(np.abs(field.samples).max()), 1e-9))
    return Audio((field.samples * np.float32(gain)).astype(np.float32), field.sample_rate_hz, FOA, "acn-sn3d")
