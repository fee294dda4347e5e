"""The synthetic world: what is said of it is true of its picture and its sound."""

import math

import numpy as np
import pytest

from seehear.acoustics.field import head_rotation
from seehear.acoustics.sphere import direction_of_arrival
from seehear.data.world import WorldOptions, draw_world, make_clip, sound_of

SMALL = WorldOptions(side_px=64, sample_rate_hz=8000, seconds=2.0)
STILL_AND_DRY = WorldOptions(varieties=(1, 0, 0, 0), dry=1.0, sample_rate_hz=8000, seconds=1.0)


def test_a_single_dry_source_is_heard_from_where_it_is_planted():
    """Planted answer: the intensity vector of the sound points at the trajectory, within 1 degree (0.001 measured)."""
    angles = []
    for index in range(12):
        world = draw_world(1, index, options=STILL_AND_DRY)
        thing = world.things[0]
        if thing.path == "still" and world.weather is None:
            heard = direction_of_arrival(sound_of(world, STILL_AND_DRY).samples).vector
            angles.append(math.degrees(math.acos(min(1.0, float(heard @ thing.trajectory.directions[0])))))
    assert len(angles) >= 3 and max(angles) < 1


def test_a_box_lies_where_the_sound_comes_from():
    """Closed form: the middle of an unclipped box, as a ray of the pinhole camera, is the direction that the facts tell."""
    found = 0
    for index in range(6):
        clip = make_clip(2, index, options=SMALL)
        for source in clip.facts["sources"]:
            for box, (azimuth, elevation) in zip(source.get("boxes", ()), source.get("directions_deg", ()), strict=True):
                if box is None or min(box) <= 0 or max(box) >= 64:
                    continue
                a, e = math.radians(azimuth), math.radians(elevation)
                vector = np.array([math.cos(a) * math.cos(e), math.sin(a) * math.cos(e), math.sin(e)])
                x, y, z = head_rotation(clip.direction) @ vector
                middle = 32 * (1 - y / x), 32 * (1 - z / x)
                assert box[0] - 1 <= middle[0] <= box[2] + 1 and box[1] - 1 <= middle[1] <= box[3] + 1
                found += 1
    assert found > 20
