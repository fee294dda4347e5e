"""A scene with everything in it, for tests of its file and its edits."""

import json
import math
from importlib import resources

import numpy as np

from seehear.types import MONO, Audio, Direction, Room, Scene, Source, Trajectory, ambisonics

RATE = 8000
SCHEMA = json.loads(resources.files("seehear.io").joinpath("scene.schema.json").read_text("utf-8"))


def stem(seed: int) -> Audio:
    """Half a second of noise that goes beyond full scale, as a loud stem may."""
    return Audio(np.random.default_rng(seed).normal(0, 1, (1, RATE // 2)).astype(np.float32), RATE, MONO)


def example() -> Scene:
    moving = Trajectory(
        np.array([0.0, 0.125, 0.3]),
        np.stack([Direction(a, e).vector for a, e in ((0.1, 0.2), (3.0, -1.5), (-2.0, math.pi / 2))]),
        np.array([1.0, 2.5, 0.3]),
    )
    fixed = Trajectory.fixed(Direction(math.radians(30), math.radians(-5)), 2.5)
    return Scene(
        sources=(
            Source(stem(1), fixed, "dog", gain_db=14.0),
            Source(stem(2), moving, "雨 / ../größe: rain", gain_db=-6.5, extent_rad=2 * math.pi, lfe=True),
            Source(stem(3), fixed, "dog", extent_rad=math.radians(40)),
        ),
        room=Room("shoebox", (6.0, 5.0, 3.0), (3.0, 2.5, 1.6), 0.4),
        duration_s=0.5,
        sample_rate_hz=RATE,
        seed=7,
        listener=Direction(0.3, -0.1),
        bed=Audio(np.random.default_rng(4).normal(0, 1, (9, RATE // 2)).astype(np.float32), RATE, ambisonics(2), "acn-sn3d"),
        bed_gain_db=-3.5,
    )
