"""Moving sources: where they are, how loud, that they do not click, and that standing still is a special case."""

import numpy as np
import pytest

from seehear.acoustics.render import render
from seehear.acoustics.sphere import direction_of_arrival
from seehear.types import BINAURAL, FOA, MONO, SURROUND_5_1, Audio, Direction, Room, Scene, Source, Trajectory

RATE_HZ = 48000
SHOEBOX = Room("shoebox", (9.0, 8.0, 3.5), (4.5, 4.0, 1.5), 0.5)
ROOMS = [Room(), Room("outdoor"), SHOEBOX]


def orbit(duration_s, turn_rad, start_m, end_m, n=41):
    """A trajectory around the listener, rising a little, its distance changing geometrically."""
    azimuth = np.linspace(-0.5 * turn_rad, 0.5 * turn_rad, n)
    elevation = np.linspace(0.0, 0.3, n)
    level = np.cos(elevation)
    directions = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=1)
    return Trajectory(np.linspace(0, duration_s, n), directions, np.geomspace(start_m, end_m, n))


def scene(stem, trajectory, room=SHOEBOX, **options):
    audio = Audio(stem.astype(np.float32)[None], RATE_HZ, MONO)
    return Scene((Source(audio, trajectory, "car", **options),), room, audio.duration_s, RATE_HZ)


def raw(a_scene, *layouts):
    return [audio.samples.astype(np.float64) for audio in render(a_scene, layouts, level_lufs=None)]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.kind)
@pytest.mark.parametrize("extent_rad", [0.0, 0.6])
def test_hardly_moving_is_standing_still(room, extent_rad):
    """Independent implementation: a source that moves by a fiftieth of a millimetre goes through frames and blocks, a static
    one through one filter; both give the same sound in every layout, to -55 dB."""
    stem = 0.1 * np.random.default_rng(5).standard_normal(RATE_HZ)
    start = Direction(0.7, 0.1)
    end = Direction(0.70001, 0.1)
    moving = Trajectory(np.array([0.0, 1.0]), np.stack([start.vector, end.vector]), np.array([2.0, 2.0]))
    found = raw(scene(stem, moving, room, extent_rad=extent_rad), FOA, SURROUND_5_1, BINAURAL)
    still = raw(scene(stem, Trajectory.fixed(start, 2.0), room, extent_rad=extent_rad), FOA, SURROUND_5_1, BINAURAL)
    for x, y in zip(found, still, strict=True):
        assert 10 * np.log10(np.sum((x - y) ** 2) / np.sum(y**2)) < -55


@pytest.mark.parametrize("extent_rad, tolerance_deg", [(0.0, 1.5), (0.5, 5.0)])
def test_direction_follows_the_trajectory(extent_rad, tolerance_deg):
    """Planted answer: over 100 ms windows of a half turn in two seconds the intensity vector is within 1.5 degrees of where
    the trajectory is in their middle, for a source 29 degrees wide within 5 degrees."""
    stem, trajectory = np.random.default_rng(1).standard_normal(2 * RATE_HZ), orbit(2.0, np.pi, 3.0, 3.0)
    (foa,) = raw(scene(0.1 * stem, trajectory, Room(), extent_rad=extent_rad), FOA)
    for start in range(0, 2 * RATE_HZ - 4799, 4800):
        wanted, _ = trajectory.at(np.array([(start + 2400) / RATE_HZ]))
        found = direction_of_arrival(foa[:, start : start + 4800]).vector
        assert np.degrees(np.arccos(np.clip(found @ wanted[0], -1, 1))) < tolerance_deg


def test_lfe_follows_the_distance():
    """Closed form: a 30 Hz tone that recedes from 1 to 8 m feeds the LFE at -10 dB and 1 / r, also across the seams of the
    pieces it is filtered in (8 s)."""
    times = np.arange(21 * 8000) / 8000
    trajectory = orbit(21.0, 0.1, 1.0, 8.0)
    feeds = []
    for tone in (np.cos(2 * np.pi * 30 * times), np.sin(2 * np.pi * 30 * times)):
        audio = Audio(tone.astype(np.float32)[None], 8000, MONO)
        a_scene = Scene((Source(audio, trajectory, "thunder", lfe=True),), Room(), 21.0, 8000)
        feeds.append(raw(a_scene, SURROUND_5_1)[0][SURROUND_5_1.lfe])
    found = np.hypot(*feeds)[4000:-4000] * trajectory.at(times)[1][4000:-4000]
    np.testing.assert_allclose(found, 10**-0.5, rtol=0.01)


def test_direction_in_a_room():
    """Planted answer: with a room around it the onset of each click of a moving source still comes from its place."""
    stem, trajectory = np.zeros(2 * RATE_HZ), orbit(2.0, 2.5, 1.5, 2.5)
    clicks = np.arange(4000, 2 * RATE_HZ - 4000, 8000)
    stem[clicks] = 1
    (foa,) = raw(scene(stem, trajectory), FOA)
    wanted, _ = trajectory.at(clicks / RATE_HZ)
    for click, direction in zip(clicks, wanted, strict=True):
        assert foa[0, click - 20 : click - 1] == pytest.approx(0, abs=0.02)
        found = direction_of_arrival(foa[:, click - 8 : click + 8]).vector
        assert np.degrees(np.arccos(np.clip(found @ direction, -1, 1))) < 3


def test_distance_law_along_the_way():
    """Closed form: the amplitude of a 500 Hz tone that recedes from 1 to 8 m is 1 / r at every moment, within 1 %."""
    times = np.arange(2 * RATE_HZ) / RATE_HZ
    trajectory = orbit(2.0, 0.1, 1.0, 8.0)
    cosine, sine = (raw(scene(0.5 * f(2 * np.pi * 500 * times), trajectory, Room()), MONO)[0][0] for f in (np.cos, np.sin))
    _, distances = trajectory.at(times)
    found = np.hypot(cosine, sine)[1000:-1000]
    np.testing.assert_allclose(found * distances[1000:-1000], 0.5, rtol=0.01)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.kind)
def test_no_clicks(room):
    """Closed form: a 300 Hz tone stays one while its source moves by half a turn per second and changes distance: in every
    layout what is above 1.5 kHz stays 75 dB below it."""
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(2 * RATE_HZ) / RATE_HZ)
    window = np.blackman(2 * RATE_HZ)
    for channels in raw(scene(tone, orbit(2.0, 2 * np.pi, 1.2, 3.0), room), FOA, SURROUND_5_1, BINAURAL):
        power = np.sum(np.abs(np.fft.rfft(window * channels, axis=1)) ** 2, axis=0)
        assert 10 * np.log10(power[3000:].sum() / power.sum()) < -75


def test_no_doppler():
    """Closed form: a source that recedes at 20 m/s keeps its pitch and stays in sync: an impulse is at its own sample."""
    stem = np.zeros(RATE_HZ)
    stem[[9000, 30000]] = 1
    trajectory = Trajectory(np.array([0.0, 1.0]), np.array([[1.0, 0, 0]] * 2), np.array([2.0, 22.0]))
    (mono,) = raw(scene(stem, trajectory, Room()), MONO)
    assert sorted(np.argsort(np.abs(mono[0]))[-2:]) == [9000, 30000]


def test_movers_add_up():
    """Closed form: two moving sources together are the sum of each alone, binaural with room."""
    rng = np.random.default_rng(8)
    a = scene(0.1 * rng.standard_normal(30000), orbit(0.6, 2.0, 1.0, 2.0)).sources[0]
    b = scene(0.1 * rng.standard_normal(30000), orbit(0.6, -1.0, 2.0, 3.0)).sources[0]
    both, first, second = (
        raw(Scene(sources, SHOEBOX, 30000 / RATE_HZ, RATE_HZ), BINAURAL)[0] for sources in ((a, b), (a,), (b,))
    )
    np.testing.assert_allclose(both, first + second, atol=2e-6)
