"""The paper's own acoustics: positions, delays and levels of eq. 3, and that eq. 4 is linear."""

from dataclasses import replace

import numpy as np
import pytest

from seehear.acoustics.microphones import MICROPHONES, pixel_position, pixel_room, record
from seehear.types import MONO, SURROUND_5_1, Audio, Direction, InputError, Room, Scene, Source, Trajectory

RATE_HZ = 16000
WIDTH, HEIGHT = 800, 600
ROOM = pixel_room(WIDTH, HEIGHT)
SPEED_M_S = 343.0


def source_at(displacement_m, samples, label="dog", gain_db=0.0):
    distance_m = float(np.linalg.norm(displacement_m))
    place = Trajectory.fixed(Direction.of(displacement_m / distance_m), distance_m)
    return Source(Audio(samples.astype(np.float32)[None], RATE_HZ, MONO), place, label, gain_db)


def scene(*sources, seconds=4.0):
    return Scene(tuple(sources), ROOM, seconds, RATE_HZ)


def noise(seed, seconds=4.0):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))


def test_the_room_is_the_printed_one():
    """Published numbers: w x h x 0.5 w (appendix E), in our order front, left, up; the listener in the middle."""
    assert ROOM.size_m == (400.0, 800.0, 600.0)
    assert ROOM.listener_m == (200.0, 400.0, 300.0)


def test_image_coordinates_become_ours():
    """Closed form: columns run right, rows down, depth to the front."""
    np.testing.assert_allclose(pixel_position(ROOM, 100, 50, 0.75), (100, 300, 250))
    np.testing.assert_allclose(pixel_position(ROOM, 800, 600, 0.0), (-199.5, -399.5, -299.5))  # half a pixel inside


def test_delays_and_levels_are_those_of_equation_3():
    """Closed form: the direct path of a click arrives at |r - s| / c, its peak falls with 1 / |r - s|."""
    click = np.zeros(round(4.0 * RATE_HZ))
    click[0] = 1.0
    place = pixel_position(ROOM, 500, 260, 0.6)
    heard = record(scene(source_at(place, click)))
    assert heard.shape == (6, click.size)
    peaks = []
    for channel, label in zip(heard, SURROUND_5_1.labels, strict=True):
        right, down, deep = MICROPHONES[label]
        distance_m = np.linalg.norm(place - np.array([deep, -right, -down]))
        arrival = distance_m / SPEED_M_S * RATE_HZ
        first = slice(0, round(arrival) + 60)
        assert abs(np.abs(channel[first]).argmax() - arrival) <= 1
        peaks.append((distance_m, np.sqrt(np.sum(channel[first] ** 2))))
    distances, levels = np.array(peaks).T
    np.testing.assert_allclose(levels * distances / (levels * distances).mean(), 1, atol=0.02)


def test_a_source_on_a_microphone_is_half_a_metre_from_it():
    """Closed form: where a source touches a microphone, that one hears it from 0.5 m (a level of 1 / 0.5), as in the rest
    of the renderer; a source there already is left where it is."""
    click = np.zeros(4000)
    click[100] = 1.0
    for label, near_m in (("C", 0.0), ("C", 0.2), ("Rs", 0.0), ("LFE", 0.5)):
        right, down, deep = MICROPHONES[label]
        place = np.array([deep, -right, -down]) * (1 - near_m / 100)
        heard = record(scene(source_at(place, click), seconds=0.25))[SURROUND_5_1.labels.index(label)]
        assert np.sqrt(np.sum(heard[:140] ** 2)) == pytest.approx(1 / 0.5, rel=0.015)
        assert abs(np.abs(heard[:140]).argmax() - 100 - 0.5 / SPEED_M_S * RATE_HZ) <= 1


def test_a_turned_listener_is_refused():
    """Planted: the microphones of the paper do not turn."""
    turned = replace(scene(source_at(pixel_position(ROOM, 90, 80, 0.1), noise(0))), listener=Direction(0.5))
    with pytest.raises(InputError, match="must look to the front"):
        record(turned)


def test_microphones_stand_inside_the_room():
    """Planted: one rule for pictures and scenes: a room that only just touches the microphones is too small."""
    with pytest.raises(InputError, match="more than 100 m around"):
        Room("pixels", (200.0, 400.0, 201.0), (100.0, 200.0, 100.5))
    assert Room("pixels", (200.5, 401.0, 201.0), (100.25, 200.5, 100.5)) == pixel_room(401, 201)


def test_a_simulation_is_the_sum_of_smaller_ones():
    """Closed form: eq. 4 is linear, so three sources together are the three alone, summed. Section 2.3 says that a full
    simulation "cannot be replicated by simply summing the outputs of simulations with fewer sources": it can."""
    places = [
        pixel_position(ROOM, column, row, depth) for column, row, depth in ((90, 80, 0.1), (420, 310, 0.9), (700, 500, 0.4))
    ]
    sources = [source_at(place, noise(seed), gain_db=3.0 * seed) for seed, place in enumerate(places)]
    together = record(scene(*sources))
    apart = sum(record(scene(source)) for source in sources)
    assert np.abs(together).max() > 1e-4
    np.testing.assert_allclose(together, apart, atol=1e-6 * np.abs(together).max())


def test_a_small_picture_is_refused():
    """Planted: the microphones reach 100 pixels around the middle of w x h x 0.5 w."""
    for width, height in ((400, 300), (800, 200)):
        with pytest.raises(InputError, match="must be larger than 400 x 200"):
            pixel_room(width, height)
    assert pixel_room(401, 201).kind == "pixels"
    with pytest.raises(InputError, match="at most 10000"):
        pixel_room(20000, 500)


def test_what_is_everywhere_has_no_place():
    bed = Source(
        Audio(noise(1).astype(np.float32)[None], RATE_HZ, MONO), Trajectory.fixed(Direction(0.0), 1.0), "rain", 0, 2 * np.pi
    )
    with pytest.raises(InputError, match="'rain' is all around"):
        record(scene(bed))
    assert not record(scene()).any()
