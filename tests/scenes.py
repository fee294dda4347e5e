"""Small scenes for tests of the renderer, and what comes out of it."""

import numpy as np

from seehear.acoustics.field import Engine
from seehear.acoustics.render import render
from seehear.acoustics.sphere import degrees_of
from seehear.types import (
    BINAURAL,
    FOA,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1_4,
    Audio,
    Direction,
    Room,
    Scene,
    Source,
    Trajectory,
    ambisonics,
)

RATE_HZ = 48000
EVERY = (MONO, STEREO, SURROUND_5_1, BINAURAL, FOA)
LAYOUTS_TOGETHER = (*EVERY, SURROUND_5_1_4, SURROUND_7_1_4, ambisonics(4))
SHOEBOX = Room("shoebox", (6.0, 5.0, 3.0), (2.5, 2.2, 1.5), 0.5)


def impulse(at=100, n=24000):
    x = np.zeros((1, n), np.float32)
    x[0, at] = 1
    return Audio(x, RATE_HZ, MONO)


def noise(seed=0, n=24000):
    return Audio(0.1 * np.random.default_rng(seed).standard_normal((1, n), dtype=np.float32), RATE_HZ, MONO)


def source(audio, azimuth_deg=0.0, elevation_deg=0.0, distance_m=1.0, **options):
    direction = Direction(np.radians(azimuth_deg), np.radians(elevation_deg))
    return Source(audio, Trajectory.fixed(direction, distance_m), "x", **options)


def ambience(order, seed=0, n=24000):
    """A diffuse bed: independent channels with the powers of SN3D."""
    x = np.random.default_rng(seed).standard_normal(((order + 1) ** 2, n)) / np.sqrt(2 * degrees_of(order) + 1)[:, None]
    return Audio((0.1 * x).astype(np.float32), RATE_HZ, ambisonics(order), "acn-sn3d")


def scene(*sources, room=None, **options):
    audio = sources[0].audio
    return Scene(sources, room or Room(), audio.duration_s, RATE_HZ, **options)


def raw(scene, *layouts, engine=None):
    return [audio.samples.astype(np.float64) for audio in render(scene, layouts, level_lufs=None, engine=engine or Engine())]


def angle_deg(direction, azimuth_deg, elevation_deg):
    wanted = Direction(np.radians(azimuth_deg), np.radians(elevation_deg)).vector
    return np.degrees(np.arccos(np.clip(direction.vector @ wanted, -1, 1)))
