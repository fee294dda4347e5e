"""Edits of a scene, heard: what a render of the edited scene must be by closed form."""

import math
from dataclasses import replace

import numpy as np
import pytest

from scenes import RATE_HZ, SHOEBOX, ambience, angle_deg, noise, raw, scene, source
from seehear.acoustics.loudness import integrated_lufs
from seehear.acoustics.room import room_for
from seehear.acoustics.sphere import direction_of_arrival
from seehear.systems import scene_editing as edit
from seehear.systems.scene_sounds import mono_of, placed, windowed
from seehear.types import FOA, MONO, STEREO, Audio, Direction, InputError, Room, Scene, Sound, Trajectory

N = 24000


def three() -> Scene:
    first, second = source(noise(1), 30.0), source(noise(2), -70.0, 10.0, 2.0)
    return scene(replace(first, label="dog"), replace(second, label="door"), replace(source(noise(3)), label="rain"))


def whole(sound: Sound) -> np.ndarray:
    return sound.read(0, sound.n_samples)


def tone(frequency_hz: float, rate_hz: int, n: int) -> Audio:
    samples = 0.1 * np.sin(2 * np.pi * frequency_hz * np.arange(n) / rate_hz)
    return Audio(samples[None].astype(np.float32), rate_hz, MONO)


def test_sources_are_named_by_number_label_or_beginning():
    """Planted names: exact before beginnings, any case, the bed; several or none are listed in one sentence."""
    one = replace(three(), bed=ambience(1))
    assert [edit.index_of(one, which) for which in (1, "2", "DOG", "ra", "bed", "Bed")] == [0, 1, 0, 2, None, None]
    renamed = edit.rename(one, 3, "do")
    assert edit.index_of(renamed, "do") == 2
    for which, message in (
        ("do", "'do' may be 1 dog or 2 door: say the number"),
        ("cat", "no source is called 'cat': the scene has 1 dog, 2 door, 3 rain and bed"),
        (4, "no source is called '4'"),
        (0, "no source is called '0'"),
        ("", "no source is called ''"),
    ):
        with pytest.raises(InputError, match=message):
            edit.index_of(one, which)


def test_a_gain_of_6_db_doubles():
    """Closed form: 20 log10(2) dB on one of three sources adds its own render once more; setting it sets it."""
    one = three()
    louder = edit.gain(one, "door", by_db=20 * math.log10(2))
    alone = raw(scene(one.sources[1]), FOA)[0]
    np.testing.assert_allclose(raw(louder, FOA)[0] - raw(one, FOA)[0], alone, atol=1e-6)
    assert edit.gain(edit.gain(one, 1, by_db=5), 1, to_db=-3).sources[0].gain_db == -3
    bedded = edit.gain(replace(one, bed=ambience(1)), "bed", by_db=-6)
    assert bedded.bed_gain_db == -6 and bedded.sources == one.sources


@pytest.mark.parametrize("room", [None, SHOEBOX])
def test_solo_is_the_source_alone(room):
    """Oracle: the render of a scene that has only that source; muting the others one by one is the same, and unmuting undoes
    it. The room's late field is that source's own."""
    one = replace(three(), bed=ambience(1), room=room or three().room)
    soloed = edit.solo(one, "dog")
    assert [each.muted for each in soloed.sources] == [False, True, True] and soloed.bed_muted
    alone = raw(scene(one.sources[0], room=room), FOA)[0]
    np.testing.assert_allclose(raw(soloed, FOA)[0], alone, atol=1e-6)
    assert edit.mute(one, "door", "rain", "bed") == soloed
    assert edit.unmute_all(soloed) == one and edit.mute(soloed, 2, 3, "bed", muted=False) == one


def test_the_bed_alone():
    """Closed form: an ambisonic bed alone in its own layout is itself."""
    soloed = edit.solo(replace(three(), bed=ambience(1)), "bed")
    np.testing.assert_allclose(raw(soloed, FOA)[0], whole(ambience(1)), atol=1e-6)


def test_what_is_moved_comes_from_there():
    """Oracle: the intensity vector of a first-order render of the source alone; the distance law on a low tone."""
    one = edit.replace_sound(three(), "door", tone(200, RATE_HZ, N))
    moved = edit.move(one, "door", azimuth_rad=math.radians(120), elevation_rad=math.radians(-20), distance_m=1.5)
    field = raw(edit.solo(moved, "door"), FOA)[0]
    assert angle_deg(direction_of_arrival(field), 120, -20) < 0.05
    before = raw(edit.solo(one, "door"), FOA)[0]
    assert np.linalg.norm(field[0]) / np.linalg.norm(before[0]) == pytest.approx(2 / 1.5, rel=1e-3)


def test_parts_of_a_place_and_of_a_trajectory():
    """Closed form: what is not given stays; a turn adds to every azimuth, a scale multiplies every distance, all three of a
    place make a moving source stand still."""
    azimuths = np.radians([0.0, 40.0, 100.0])
    path = Trajectory(np.arange(3.0), np.stack([Direction(a, 0.2).vector for a in azimuths]), np.array([1.0, 2.0, 4.0]))
    one = edit.follow(three(), 1, path)

    def angles(edited: Scene) -> np.ndarray:
        places = [Direction.of(vector) for vector in edited.sources[0].trajectory.directions]
        return np.degrees([(place.azimuth_rad, place.elevation_rad) for place in places]).T

    turned = edit.move(one, 1, turn_rad=math.radians(-30), scale=2)
    np.testing.assert_allclose(angles(turned)[0], [-30, 10, 70], atol=1e-9)
    np.testing.assert_allclose(turned.sources[0].trajectory.distances_m, [2, 4, 8])
    raised = edit.move(one, 1, elevation_rad=math.radians(45))
    np.testing.assert_allclose(angles(raised), [[0, 40, 100], [45] * 3], atol=1e-9)
    still = edit.move(one, 1, azimuth_rad=1.0, elevation_rad=0.0, distance_m=3.0).sources[0].trajectory
    assert len(still.times_s) == 1 and still.distances_m[0] == 3


def test_a_shift_is_exact():
    """Closed form: the render of the shifted source is the render moved by as many samples, with silence before."""
    one = edit.solo(three(), "dog")
    before = raw(one, STEREO)[0]
    later = raw(edit.retime(one, "dog", shift_s=1234 / RATE_HZ), STEREO)[0]
    np.testing.assert_allclose(later[:, 1234:], before[:, :-1234], atol=1e-6)
    assert np.abs(later[:, :1234]).max() < 1e-6
    earlier = whole(edit.retime(one, "dog", shift_s=-1234 / RATE_HZ).sources[0].audio)
    assert np.array_equal(earlier[:, :-1234], noise(1).samples[:, 1234:]) and not earlier[:, -1234:].any()


def test_a_shift_takes_the_trajectory_along_when_asked():
    """Planted times; without asking the source stays where the picture has it."""
    path = Trajectory(np.array([0.0, 0.4]), np.eye(3)[:2], np.ones(2))
    one = edit.follow(three(), 1, path)
    assert np.array_equal(edit.retime(one, 1, shift_s=0.1).sources[0].trajectory.times_s, [0, 0.4])
    assert edit.retime(one, 1, shift_s=0.1, path=True).sources[0].trajectory.times_s == pytest.approx([0.1, 0.5])


def test_a_cut_keeps_the_inside():
    """Closed form: sin^2 over 10 ms within the cut, silence outside, the samples themselves inside; any span reads the same."""
    cut = edit.retime(three(), 1, from_s=0.1, to_s=0.3).sources[0].audio
    got, x = whole(cut), noise(1).samples
    assert not got[:, :4800].any() and not got[:, 14400:].any()
    assert np.array_equal(got[:, 5280:13920], x[:, 5280:13920])
    fade = np.sin(0.5 * np.pi * (np.arange(480) + 0.5) / 480) ** 2
    np.testing.assert_allclose(got[0, 4800:5280], x[0, 4800:5280] * fade, atol=1e-7)
    np.testing.assert_allclose(got[0, 13920:14400], x[0, 13920:14400] * fade[::-1], atol=1e-7)
    assert np.array_equal(cut.read(5000, 14000), got[:, 5000:14000])


def test_another_sound_at_another_rate():
    """Closed form: a tone of 1 kHz at 44.1 kHz is that tone at 48 kHz from its start on, within 1e-4 of its peak away from its
    ends, and silence before and after."""
    replaced = edit.replace_sound(three(), "dog", tone(1000, 44100, 13230), at_s=0.1, keep_level=True).sources[0]
    got = whole(replaced.audio)[0]
    expected = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(14400) / RATE_HZ)
    np.testing.assert_allclose(got[4800 + 1000 : 19200 - 1000], expected[1000:-1000], atol=1e-5)
    assert not got[:4800].any() and not got[19200:].any() and replaced.gain_db == 0


def test_another_sound_is_as_loud_as_the_one_before():
    """Oracle: BS.1770 of both stems at their gains, also of a short one that is repeated; silence changes no gain."""
    one = edit.gain(three(), "dog", to_db=3)
    replaced = edit.replace_sound(one, "dog", tone(1000, RATE_HZ, N)).sources[0]
    before, after = one.sources[0], replaced
    assert integrated_lufs(after.audio) + after.gain_db == pytest.approx(integrated_lufs(before.audio) + 3, abs=1e-6)
    assert after.gain_db != 3
    short = edit.replace_sound(one, "dog", Audio(noise(5).samples[:, :7000], RATE_HZ, MONO), repeat=True).sources[0]
    assert integrated_lufs(short.audio) + short.gain_db == pytest.approx(integrated_lufs(before.audio) + 3, abs=0.1)
    silence = Audio(np.zeros((1, N), np.float32), RATE_HZ, MONO)
    assert edit.replace_sound(one, "dog", silence).sources[0].gain_db == 3


def test_a_short_sound_repeated_keeps_its_power():
    """Closed form: weights of equal power, sin and cos, where an end and the next beginning meet; the mean power of repeated
    noise is that of the noise within 5 %; spans read as the whole does. A long sound is cut at the scene's end."""
    ones = Audio(np.ones((1, 1000), np.float32), RATE_HZ, MONO)
    got = whole(edit.replace_sound(three(), 1, ones, repeat=True, keep_level=True).sources[0].audio)[0]
    quarter = 0.5 * np.pi * (np.arange(250) + 0.5) / 250
    np.testing.assert_allclose(got[750:1000], np.sin(quarter) + np.cos(quarter), atol=1e-6)
    assert (got[:750] == 1).all() and (got[1000:1500] == 1).all() and len(got) == N
    short = Audio(noise(4).samples[:, :5000], RATE_HZ, MONO)
    made = edit.replace_sound(three(), 1, short, repeat=True, keep_level=True).sources[0].audio
    assert np.mean(whole(made) ** 2) == pytest.approx(np.mean(short.samples**2), rel=0.05)
    for start, stop in ((0, 1), (3000, 9000), (4999, 5001), (23000, N)):
        assert np.array_equal(made.read(start, stop), whole(made)[:, start:stop])
    long = Audio(np.tile(noise(4).samples, 2), RATE_HZ, MONO)
    cut = whole(edit.replace_sound(three(), 1, long, keep_level=True).sources[0].audio)
    assert np.array_equal(cut[:, :-480], noise(4).samples[:, :-480]) and abs(cut[0, -1]) < 1e-5


def test_channels_and_spans_of_sounds():
    """Planted channels: one of two, their mean; a start outside reads silence."""
    two = Audio(np.stack([np.full(10, 0.5), np.full(10, -0.1)]).astype(np.float32), RATE_HZ, STEREO)
    assert np.array_equal(whole(mono_of(two, 2)), np.full((1, 10), np.float32(-0.1)))
    np.testing.assert_allclose(whole(mono_of(two, None)), np.full((1, 10), 0.2), atol=1e-7)
    assert mono_of(two, 1).layout == MONO
    assert whole(placed(two, -8, 4))[0].tolist() == [0.5, 0.5, 0, 0]
    assert not whole(placed(two, 4, 4)).any() and whole(windowed(two, 2, 4, 0))[0].tolist() == [0, 0, 0.5, 0.5] + [0] * 6
    with pytest.raises(InputError, match="channel 3 was asked for, the sound has 2"):
        mono_of(two, 3)
    with pytest.raises(InputError, match="samples 0 to 5 were asked of a sound that has 4"):
        placed(two, 0, 4).read(0, 5)


def test_removed_sources_are_gone():
    """Planted labels; the bed goes with its gain."""
    one = replace(three(), bed=ambience(1), bed_gain_db=3.0, bed_muted=True)
    left = edit.remove(one, "dog", "bed")
    assert [each.label for each in left.sources] == ["door", "rain"]
    assert (left.bed, left.bed_gain_db, left.bed_muted) == (None, 0, False)


def test_another_room():
    """Oracle: `room_for` of the same places; by hand, where a listener must be for every source to be half a metre inside; the
    tail of a longer reverberation has more energy, that of no room none."""
    one = scene(source(noise(), 0.0, 0.0, 3.0), replace(source(noise(2), 0.0, 0.0, 500.0), extent_rad=2 * math.pi), room=SHOEBOX)
    hall = edit.with_room(one, kind="hall")
    assert hall.room == room_for("hall", np.array([[3.0, 0, 0]])) and hall.sources == one.sources
    assert edit.move(hall, 1, distance_m=12).sources[0].trajectory.distances_m == [12]
    assert edit.with_room(one, kind="none").room == Room()
    for length_m, place_m in ((4.2, 0.7), (3.5, 0.25)):  # 0.35 of them would put the source outside
        small = edit.with_room(one, size_m=(length_m, 5.0, 2.0)).room
        assert small.size_m == (length_m, 5, 2) and small.rt60_s == SHOEBOX.rt60_s
        np.testing.assert_allclose(small.listener_m, (place_m, 2.5, 1.0), rtol=1e-9)
    np.testing.assert_allclose(edit.with_room(one, size_m=(20.0, 8.0, 4.0)).room.listener_m, (7, 4, 1.6), rtol=1e-12)
    longer = edit.with_room(one, rt60_s=1.2, height_m=1.1)
    assert longer.room == replace(SHOEBOX, rt60_s=1.2, listener_m=(*SHOEBOX.listener_m[:2], 1.1))
    late = [float(np.square(raw(each, FOA)[0][:, N // 2 :]).sum()) for each in (edit.with_room(one, kind="none"), one, longer)]
    assert late[0] < late[1] < late[2]


def test_rooms_that_cannot_be():
    """Planted faults, one each."""
    one, free = scene(source(noise(), 0.0, 0.0, 3.0), room=SHOEBOX), scene(source(noise(), 0.0, -80.0, 3.0))
    pixels = replace(one, room=Room("pixels", (500.0, 500.0, 500.0), (250.0, 250.0, 250.0)))
    for attempt, message in (
        (lambda: edit.with_room(one, size_m=(2.0, 8.0, 3.0)), "leaves the room of 2 x 8 x 3 m"),
        (lambda: edit.with_room(one, size_m=(0.4, 8.0, 3.0)), "the side of a room lies in 0.5 to 1000 m, got 0.4, 8, 3"),
        (lambda: edit.with_room(one, size_m=(math.nan, 8.0, 3.0)), "got nan, 8, 3"),
        (lambda: edit.with_room(one, rt60_s=0.01), "the reverberation time of a room lies in 0.05 to 20 s, got 0.01"),
        (lambda: edit.with_room(one, height_m=0.0), "the height of the ears of a room lies in 0.01 to 1000 m, got 0"),
        (lambda: edit.with_room(one, height_m=3.5), "listener inside it"),
        (lambda: edit.with_room(one, kind="hall", size_m=(9.0, 9.0, 9.0)), "of a kind or of a size"),
        (lambda: edit.with_room(free, size_m=(9.0, 9.0, 9.0)), "has no walls yet"),
        (lambda: edit.with_room(free, rt60_s=1.0), "a room of kind none has no reverberation time"),
        (lambda: edit.with_room(free, height_m=2.0), "there is no ground"),
        (lambda: edit.with_room(edit.with_room(free, kind="outdoor"), height_m=2.0), "is 0.95 m below the ground"),
        (lambda: edit.with_room(pixels, kind="hall"), "in pixels"),
    ):
        with pytest.raises(InputError, match=message):
            attempt()


def test_what_cannot_be_done_is_said_in_a_sentence():
    """Planted faults, one each."""
    one = replace(three(), bed=ambience(1))
    around = replace(one, sources=(replace(one.sources[0], extent_rad=2 * math.pi),))
    inside = replace(scene(source(noise()), room=SHOEBOX))
    for attempt, message in (
        (lambda: edit.gain(one, 1, by_db=121), "would be 121 dB: it lies in -120 to 120 dB"),
        (lambda: edit.gain(one, 1, by_db=math.nan), "would be nan dB"),
        (lambda: edit.gain(one, 1), "give one of --by and --to"),
        (lambda: edit.gain(one, 1, by_db=1, to_db=1), "give one of --by and --to"),
        (lambda: edit.move(one, "bed", azimuth_rad=1), "the bed is all around and cannot be moved"),
        (lambda: edit.move(around, 1, azimuth_rad=1), "is all around: it has no place"),
        (lambda: edit.move(one, 1, scale=1e-6), "would be 1e-06 to 1e-06 m away: distances lie in 0.01 to 10000 m"),
        (lambda: edit.move(inside, 1, distance_m=30), "leaves the room of 6 x 5 x 3 m"),
        (lambda: edit.retime(one, 1, from_s=0.3, to_s=0.2), "nothing is left from 0.3 to 0.2 s"),
        (lambda: edit.retime(one, 1, from_s=0.5), "nothing is left from 0.5 to 0.5 s of 0.5 s"),
        (lambda: edit.retime(one, 1, shift_s=-0.5), "shifted by -0.5 s, nothing is left in a scene of 0.5 s"),
        (lambda: edit.retime(one, 1, shift_s=math.nan), "times must be finite"),
        (lambda: edit.replace_sound(one, "bed", noise()), "the bed is all around and cannot be replaced"),
        (lambda: edit.replace_sound(one, 1, noise(), at_s=0.5), "must begin within the scene, at 0 to 0.5 s, not at 0.5 s"),
        (lambda: edit.replace_sound(one, 1, noise(), at_s=math.inf), "must begin within the scene"),
        (lambda: edit.replace_sound(one, 1, ambience(1)), "a source is mono, the new sound has 4 channels"),
        (lambda: edit.rename(one, "bed", "x"), "the bed is all around and cannot be renamed"),
    ):
        with pytest.raises(InputError, match=message):
            attempt()
