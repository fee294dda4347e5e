"""Sources that stand still for a while: as those that never move, without a seam, and at their price."""

from dataclasses import replace

import numpy as np
import pytest

from scenes import SHOEBOX
from seehear.acoustics import early, moving
from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.acoustics.convolve import Blocks
from seehear.acoustics.field import DEFAULT_ENGINE, Engine
from seehear.acoustics.render import render_blocks
from seehear.types import BINAURAL, FOA, MONO, SURROUND_5_1, Audio, Direction, Room, Scene, Source, Trajectory

RATE_HZ = 8000
LAYOUTS = (FOA, SURROUND_5_1, BINAURAL)
PLACES = ((40.0, 1.5), (-100.0, 2.03), (170.0, 0.9))
"""Azimuth in degrees and distance in metres."""
IMAGES_ALONE = Engine(image_order=3, tail=False)
"""The tail's level is that of one place of a source."""


def fixed(azimuth_deg, distance_m):
    return Trajectory.fixed(Direction(np.radians(azimuth_deg)), distance_m)


def jumping(jumps_s):
    """From one of `PLACES` to the next, 20 ms around each time."""
    times = np.array([0.0, *(t + x for t in jumps_s for x in (-0.01, 0.01)), 99.0])
    vectors = np.array([Direction(np.radians(azimuth)).vector for azimuth, _ in PLACES for _ in range(2)])
    return Trajectory(times, vectors, np.repeat([distance for _, distance in PLACES], 2))


def bursts(spans_s, n):
    """Noise (N, n), one between each two times: smooth, and with nothing left above 0.3 of the rate."""
    sounds = np.zeros((len(spans_s), n))
    for sound, (start_s, stop_s), seed in zip(sounds, spans_s, range(99), strict=False):
        inside = slice(round(start_s * RATE_HZ), round(stop_s * RATE_HZ))
        spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(inside.stop - inside.start))
        spectrum[round(0.6 * len(spectrum)) :] = 0
        sound[inside] = np.fft.irfft(spectrum, inside.stop - inside.start) * np.hanning(inside.stop - inside.start) ** 2
    return sounds


def late_by(sounds, late_samples):
    """Band-limited ``sounds`` (N, n), each so much later."""
    n = sounds.shape[-1]
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(n) * np.asarray(late_samples)[:, None])
    return np.fft.irfft(np.fft.rfft(sounds) * turn, n)


def scene(stem, trajectory, room, **options):
    audio = Audio(np.asarray(stem, dtype=np.float32)[None], RATE_HZ, MONO)
    return Scene((Source(audio, trajectory, "x", **options),), room, audio.duration_s, RATE_HZ, seed=7)


def rendered(a_scene, engine=DEFAULT_ENGINE, block_s=np.inf):
    blocks = render_blocks(a_scene, LAYOUTS, engine=engine, block_s=block_s)
    return [np.concatenate([x.samples for x in of], axis=1).astype(np.float64) for of in zip(*blocks, strict=True)]


def error_db(found, wanted):
    errors = (np.sum((x - y) ** 2) / np.sum(y**2) for x, y in zip(found, wanted, strict=True))
    return 10 * np.log10(max(*errors, 1e-40))


@pytest.mark.parametrize(
    ("room", "pause_s"),
    [(Room(), 2.2), (Room("outdoor"), 2.2), (SHOEBOX, 2.2), (SHOEBOX, 0.6)],
    ids=lambda x: getattr(x, "kind", x),
)
@pytest.mark.parametrize("doppler", [False, True], ids=["", "doppler"])
@pytest.mark.parametrize("extent_rad", [0.0, 0.6])
def test_what_jumps_in_silence_is_the_sum_of_fixed_sources(room, pause_s, doppler, extent_rad):
    """Closed form: a source that sounds at one place, jumps in silence and sounds at the next is as many fixed sources, each
    sounding in its turn; with Doppler they are late by what they are farther than the first. After short pauses the faint ends
    of sounds go through frames, as the block of a jump holds them."""
    starts = 1.5 * np.arange(3) + pause_s * np.arange(3)
    n, jumps_s = round((starts[-1] + 1.5) * RATE_HZ), starts[1:] - 0.5 * pause_s
    sounds = bursts([(start, start + 1.5) for start in starts], n)
    engine = replace(IMAGES_ALONE, doppler=doppler)
    found = rendered(scene(sounds.sum(axis=0), jumping(jumps_s), room, extent_rad=extent_rad), engine)
    if doppler:
        sounds = late_by(sounds, [(distance - PLACES[0][1]) / SPEED_OF_SOUND_M_S * RATE_HZ for _, distance in PLACES])
    each = [
        rendered(scene(sound, fixed(*place), room, extent_rad=extent_rad), engine)
        for sound, place in zip(sounds, PLACES, strict=True)
    ]
    assert error_db(found, [sum(of) for of in zip(*each, strict=True)]) < (-85 if doppler else -90)


def resting(rest_m):
    """Half a turn, a rest of two seconds in which it strays by ``rest_m``, and half a turn back, coming nearer."""
    times = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    turns = np.radians([0, 90, 90, 90, -30])
    vectors = np.stack([np.cos(turns), np.sin(turns), 0 * turns], axis=1)
    return Trajectory(times, vectors, np.array([2.4, 2.0, 2.0 + rest_m, 2.0, 1.2]))


@pytest.mark.parametrize(
    ("room", "doppler", "most_db"), [(Room(), False, -100), (SHOEBOX, False, -55), (Room(), True, -80), (SHOEBOX, True, -65)]
)
def test_coming_to_rest_has_no_seam(room, doppler, most_db):
    """Independent path: a source that strays by a micrometre goes through frames all the time, one that rests only on its way:
    in and out of the rest both sound the same all along, as near as frames, whose reflections are late by steps of 1 / 256 of a
    sample unless the stem is read at times of emission, come to a filter."""
    stem = bursts([(0.0, 4.0)], 4 * RATE_HZ)[0]
    found, wanted = (rendered(scene(stem, resting(x), room), replace(IMAGES_ALONE, doppler=doppler)) for x in (0.0, 1e-6))
    assert error_db(found, wanted) < most_db
    for start in range(0, 4 * RATE_HZ, 400):
        piece = slice(start, start + 400)
        loudest = max(np.abs(y).max() for y in wanted)
        furthest = max(np.abs(x[:, piece] - y[:, piece]).max() for x, y in zip(found, wanted, strict=True))
        assert 20 * np.log10(furthest / loudest + 1e-12) < most_db


@pytest.mark.parametrize("doppler", [False, True], ids=["", "doppler"])
def test_spans_of_rests_join(doppler):
    """Independent path: blocks that cut rests and moves askew join to the render in one block."""
    stem = bursts([(0.0, 4.0)], 4 * RATE_HZ)[0]
    a_scene = scene(stem, resting(0.0), SHOEBOX, extent_rad=0.4)
    found, wanted = (rendered(a_scene, Engine(doppler=doppler), block_s) for block_s in (0.413, np.inf))
    assert error_db(found, wanted) < -140


@pytest.mark.parametrize("doppler", [False, True], ids=["", "doppler"])
def test_responses_are_made_once_per_place(doppler, monkeypatch):
    """Planted answer: over 24 blocks and three places of a source that jumps in silence three responses are made, and none for
    frames; of one that circles, one or more per block and frames."""
    responses, groups, point_response, heard = [], [], early.point_response, moving._heard
    monkeypatch.setattr(early, "point_response", lambda *x: responses.append(x) or point_response(*x))
    monkeypatch.setattr(moving, "_heard", lambda *x: groups.append(x) or heard(*x))
    sounds = bursts([(0.0, 2.5), (4.7, 7.2), (9.4, 12.0)], 12 * RATE_HZ).sum(axis=0)
    rendered(scene(sounds, jumping([3.6, 8.3]), SHOEBOX), Engine(doppler=doppler), block_s=3.1)
    assert len(responses) == 3 and not groups
    turns = np.linspace(0, 6, 50)
    circling = Trajectory(2 * turns, np.stack([np.cos(turns), np.sin(turns), 0 * turns], axis=1), np.full(50, 1.5))
    rendered(scene(sounds, circling, SHOEBOX), Engine(doppler=doppler))
    assert len(responses) > 15 and len(groups) > 10


@pytest.mark.parametrize("fade", [0, 30])
def test_weights_are_sums_of_windows(fade):
    """Planted answer: the weight of a run of blocks is the sum of their windows, that of all of them is one, and
    outside it is nothing."""
    blocks = Blocks(1000, 100, fade, 1)
    for first, last in ((0, 900), (0, 300), (200, 200), (200, 500)):
        wanted = np.zeros(1200)
        for start in range(first, last + 1, 100):
            wanted[start : start + 100 + fade] += blocks.window(start)
        found = blocks.weight(first, last, np.arange(1200))
        np.testing.assert_allclose(found, wanted, atol=1e-6)
        assert not found[last + 100 + fade :].any() and (found[first + fade : last + 100] == 1).all()
