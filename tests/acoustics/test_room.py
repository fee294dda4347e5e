import numpy as np
import pyroomacoustics as pra
import pytest

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.acoustics.room import check_inside, complete_until_s, mean_free_path_m, mirrors, room_for, waypoints_m
from seehear.types import MONO, Audio, Direction, InputError, Room, Source, Trajectory

SIZE = (7.0, 5.0, 3.0)
ROOM = Room("shoebox", SIZE, (3.0, 2.0, 1.5), 0.5)


def circle(distance_m, n=5):
    azimuth = np.linspace(-np.pi / 2, np.pi / 2, n)
    directions = np.stack([np.cos(azimuth), np.sin(azimuth), 0 * azimuth], axis=1)
    return Trajectory(np.arange(n, dtype=float), directions, np.full(n, distance_m))


def source(trajectory, **options):
    return Source(Audio(np.zeros((1, 10), np.float32), 48000, MONO), trajectory, "bird", **options)


def test_images_of_any_source():
    """Independent implementation: positions and orders are those of pyroomacoustics for this very source."""
    place = np.array([1.2, 3.7, 0.4])
    box = pra.ShoeBox(SIZE, materials=pra.Material(0.19), max_order=5)
    box.add_source(place)
    box.add_microphone([3.0, 2.0, 1.5])
    box.image_source_model()
    theirs = box.sources[0]
    found = mirrors(ROOM, 5)
    positions = found.signs * place + found.offsets_m
    mine, other = np.lexsort(positions.round(3).T), np.lexsort(theirs.images.round(3))
    np.testing.assert_allclose(positions[mine], theirs.images.T[other], atol=1e-4)
    np.testing.assert_allclose(0.9 ** found.orders[mine], theirs.damping[0, other], rtol=1e-5)
    np.testing.assert_array_equal(positions[0], place)


def test_ground_mirrors_the_height():
    """Closed form: outdoors the one image lies as far below the ground as the source above it."""
    found = mirrors(Room("outdoor"), 10)
    np.testing.assert_array_equal(found.signs * np.array([4.0, -2, 1.5]) + found.offsets_m, [[4, -2, 1.5], [4, -2, -1.5]])


def test_images_are_complete_as_long_as_claimed():
    """Planted answer: of all images up to order 30, none beyond order 10 arrives before the claimed time after emission,
    for a source and a listener in opposite corners (the worst case)."""
    every = mirrors(ROOM, 30)
    place, listener = np.array([0.1, 0.1, 0.1]), np.array([6.9, 4.9, 2.9])
    for a, b in ((place, listener), (listener, place), (place, place)):
        seconds = np.linalg.norm(every.signs * a + every.offsets_m - b, axis=1) / SPEED_OF_SOUND_M_S
        assert seconds[every.orders > 10].min() >= complete_until_s(SIZE, 10)


@pytest.mark.parametrize("kind", ["small", "hall"])
def test_room_holds_what_is_far_low_and_high(kind):
    """Closed form: half a metre of air around every point, also those a turning source reaches between its points."""
    below = np.array([[10.0, -3.0, -2.5], [-8.0, 30.0, 15.0]])
    points = np.concatenate([below, waypoints_m(circle(12.0, n=3))])
    room = room_for(kind, points)
    inside = np.asarray(room.listener_m) + points
    assert (inside >= 0.5 - 1e-9).all() and (inside <= np.array(room.size_m) - 0.5 + 1e-9).all()
    assert waypoints_m(circle(12.0, n=3))[:, 0].max() == pytest.approx(12.0, rel=0.01)


def test_larger_room_keeps_its_absorption():
    """Closed form: the RT60 of an enlarged room grows with its mean free path; one that fits keeps the kind's size."""
    small = room_for("small", np.array([[2.0, 0, 0]]))
    assert small.size_m == (5.0, 4.0, 2.6) and small.rt60_s == pytest.approx(0.3)
    grown = room_for("small", np.array([[20.0, 0, 0]]))
    assert grown.rt60_s / 0.3 == pytest.approx(mean_free_path_m(grown.size_m) / mean_free_path_m(small.size_m))
    assert room_for("hall", np.array([[85.0, 45, 40]])).rt60_s == pytest.approx(3.6)


def test_a_room_too_large_for_its_kind_is_the_next_larger():
    """Planted answer: the last half metre before 25 m makes a small room a hall, that before 100 m leaves a hall outdoors."""
    for kind, front_m, side_m in (("small", 1.75, 25.0), ("hall", 8.75, 100.0)):
        fits, beyond = (room_for(kind, np.array([[side_m - front_m - 0.5 + more, 0, 0]])) for more in (-0.01, 0.01))
        assert fits.size_m[0] == pytest.approx(side_m - 0.01)
        larger = "hall" if kind == "small" else "outdoor"
        assert beyond == room_for(larger, np.array([[side_m - front_m - 0.49, 0, 0]])) != fits
    assert room_for("small", np.array([[600.0, 0, 0]])).kind == "outdoor"


def test_outdoors_the_ear_is_above_the_lowest_source():
    """Closed form: a source 6 m below the horizon puts the ear 6.5 m above the ground; else it is at 1.6 m."""
    assert room_for("outdoor", np.array([[20.0, 0, -6.0]])).listener_m[2] == pytest.approx(6.5)
    assert room_for("outdoor", np.array([[20.0, 0, 3.0]])).listener_m[2] == pytest.approx(1.6)
    assert room_for("none", np.zeros((0, 3))) == Room()


def test_a_source_outside_is_named():
    """Planted answer: InputError with the label beyond a wall or below the ground; a bed may be anywhere."""
    far = Trajectory.fixed(Direction(0.0), 30.0)
    with pytest.raises(InputError, match=r"'bird' leaves the room of 7 x 5 x 3 m"):
        check_inside(ROOM, source(far))
    with pytest.raises(InputError, match=r"'bird' is 1\.40 m below the ground"):
        check_inside(Room("outdoor"), source(Trajectory.fixed(Direction(0.0, -np.pi / 2), 3.0)))
    check_inside(ROOM, source(far, extent_rad=2 * np.pi))
    with pytest.raises(InputError, match="unknown room 'cave'"):
        room_for("cave", np.zeros((0, 3)))
