"""Rendered rooms against closed forms: reflections, reverberation time, the diffuse field of images and tail."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from scenes import RATE_HZ, SHOEBOX, angle_deg, impulse, raw, scene, source
from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.acoustics.field import Engine
from seehear.acoustics.room import room_for
from seehear.acoustics.sphere import direction_of_arrival, energy_map
from seehear.types import (
    BINAURAL,
    FOA,
    MONO,
    SURROUND_5_1,
    Direction,
    InputError,
    Room,
    ambisonics,
)


def test_first_reflection_is_where_it_belongs():
    """Closed form: of a source 2 m ahead at the ear's height, the outdoor ground path arrives (sqrt(4 + 3.2^2) - 2) / c
    later: the phase of its spectrum says so to 0.01 sample once its coefficient's own phase is known (hard ground here:
    the shoebox's floor with flat walls has none)."""
    room = Room("shoebox", (40.0, 40.0, 30.0), (20.0, 20.0, 1.6), 1.0)
    (mono,) = raw(scene(source(impulse(0), distance_m=2.0), room=room), MONO, engine=Engine(1, tail=False, air=False))
    delay = (np.hypot(2.0, 3.2) - 2.0) / SPEED_OF_SOUND_M_S * RATE_HZ
    start = int(delay) - 60
    reflection = np.fft.rfft(mono[0, start : start + 256], 512)
    frequencies = np.fft.rfftfreq(512)
    band = (frequencies * RATE_HZ > 3500) & (frequencies * RATE_HZ < 12000)
    phase = np.unwrap(np.angle(reflection))[band]
    (reference,) = raw(
        scene(source(impulse(0), distance_m=2.0), room=replace(room, listener_m=(20.0, 20.0, 3.2))),
        MONO,
        engine=Engine(1, tail=False, air=False),
    )
    other = (np.hypot(2.0, 6.4) - 2.0) / SPEED_OF_SOUND_M_S * RATE_HZ
    begin = int(other) - 60
    reference_phase = np.unwrap(np.angle(np.fft.rfft(reference[0, begin : begin + 256], 512)))[band]
    slope = np.polyfit(2 * np.pi * frequencies[band], phase - reference_phase, 1)[0]
    assert -slope == pytest.approx((delay - start) - (other - begin), abs=0.01)


def test_ground_comes_from_below():
    """Planted answer: outdoors the field after the direct sound arrives from the mirrored source's elevation."""
    (foa,) = raw(scene(source(impulse(0), 30, 0, 2.0), room=Room("outdoor")), FOA)
    assert angle_deg(direction_of_arrival(foa[:, 100:]), 30, np.degrees(np.arctan2(-3.2, 2.0))) < 0.5


def reverberation_s(response, centre_hz):
    """T20 (ISO 3382-1): from -5 to -25 dB of the backward-integrated octave."""
    sos = butter(3, [centre_hz / np.sqrt(2), centre_hz * np.sqrt(2)], "bandpass", fs=RATE_HZ, output="sos")
    decay = np.cumsum(sosfilt(sos, response)[::-1] ** 2)[::-1]
    decay_db = 10 * np.log10(decay / decay[0] + 1e-12)
    part = (decay_db < -5) & (decay_db > -25)
    return -60 / np.polyfit(np.flatnonzero(part) / RATE_HZ, decay_db[part], 1)[0]


@pytest.mark.parametrize("kind, distance_m", [("small", 2.0), ("hall", 6.0)])
def test_reverberation_time_is_the_wanted_one(kind, distance_m):
    """Closed form: Schroeder's backward integration gives the wanted mid-frequency RT60 within 10 % (mean of 500 Hz and
    1 kHz over channels) in foa, 5.1 and at the ears, although images make the start and noise the end."""
    direction = Direction(np.radians(25)).vector
    room = room_for(kind, distance_m * direction[None])
    stem = impulse(100, round(1.2 * RATE_HZ * max(room.rt60_s, 0.5)))
    for channels in raw(scene(source(stem, 25, 0, distance_m), room=room), FOA, SURROUND_5_1, BINAURAL):
        heard = [x for x in channels if x.any()]
        mid = np.mean([reverberation_s(x, centre) for x in heard for centre in (500, 1000)])
        assert mid == pytest.approx(room.rt60_s, rel=0.1)


def test_images_and_tail_join():
    """Closed form: the octave energy in 20 ms windows around the mixing time (50 ms here) follows one exponential within
    2.5 dB, so neither a gap nor a bump marks where images end; averaged over eight places."""
    energies = []
    for azimuth in range(0, 360, 45):
        (foa,) = raw(scene(source(impulse(0), azimuth, 5, 1.7), room=SHOEBOX), FOA)
        energies.append(np.sum(foa[0, 960 : 960 * 8].reshape(7, 960) ** 2, axis=1))
    level_db = 10 * np.log10(np.mean(energies, axis=0))
    line = np.polyval(np.polyfit(np.arange(7), level_db, 1), np.arange(7))
    assert np.abs(level_db - line).max() < 2.5


def test_reverberant_energy_is_that_of_a_diffuse_field():
    """Closed form: what a room adds to the direct sound of a unit source (1 / r^2) is 4 pi c / V times T / (6 ln 10), the
    diffuse-field energy, within 1.5 dB, averaged over eight places in the hall."""
    room = room_for("hall", np.zeros((1, 3)))
    stem = impulse(0, 2 * RATE_HZ)
    places = [scene(source(stem, azimuth, 0, 1.5), room=room) for azimuth in range(0, 360, 45)]
    added = np.mean([np.sum(raw(place, MONO, engine=Engine(air=False))[0] ** 2) for place in places]) - 1 / 1.5**2
    expected = 4 * np.pi * SPEED_OF_SOUND_M_S / np.prod(room.size_m) * room.rt60_s / (6 * np.log(10))
    assert 10 * np.log10(added / expected) == pytest.approx(0, abs=1.5)


def test_late_field_is_diffuse():
    """Closed form: in a diffuse field of SN3D ambisonics Y, Z and X have a third of W's power and no correlation with it."""
    (foa,) = raw(scene(source(impulse(0), 20, 0, 1.5), room=SHOEBOX), FOA)
    late = foa[:, 4000:16000]
    power = np.mean(late**2, axis=1)
    np.testing.assert_allclose(10 * np.log10(3 * power[1:] / power[0]), 0, atol=1.5)
    assert np.abs(np.corrcoef(late)[0, 1:]).max() < 0.15


def test_late_field_is_diffuse_at_every_order():
    """Closed form: late in a room every degree to the seventh has the power of W in N3D terms (1 / (2 n + 1) per SN3D channel)
    within 0.5 dB (0.8 dB for the three channels of the first), channels are uncorrelated, and the power of a plane-wave decode
    to order 5 is even over the sphere (0.4 dB rms)."""
    (hoa,) = raw(scene(source(impulse(0), 20, 0, 1.5), room=SHOEBOX), ambisonics(7))
    late = hoa[:, 4000:16000]
    power = np.mean(late**2, axis=1)
    for degree in range(1, 8):
        own = power[degree**2 : (degree + 1) ** 2].sum() / power[0]
        assert 10 * np.log10(own) == pytest.approx(0, abs=0.8 if degree == 1 else 0.5), degree
    correlation = np.corrcoef(late) - np.eye(64)
    assert np.sqrt(np.mean(correlation**2)) < 0.03
    level_db = 10 * np.log10(energy_map(late[:36], 24, 12))
    assert level_db.std() < 0.6


def test_rooms_and_levels_at_the_edge():
    """Planted answer: a room too dry for floating point leaves the direct sound; one that rings for hours costs no more than
    the scene is long; a gain beyond all sounds is refused by name, one below them is silence."""
    click = impulse(n=4000)
    (dry,) = raw(scene(source(click), room=Room("shoebox", (60.0, 50.0, 30.0), (2.0, 2.0, 1.5), 1e-300)), MONO)
    assert np.argmax(np.abs(dry[0])) == 100 and np.sum(dry[0] ** 2) == pytest.approx(1, abs=0.02)
    tracemalloc.start()
    (wet,) = raw(scene(source(click), room=replace(SHOEBOX, rt60_s=1e4)), MONO)
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()
    assert np.sum(wet[0] ** 2) > 2
    with pytest.raises(InputError, match="gain of 'x' is 7000 dB"):
        raw(scene(source(click, gain_db=7000.0)), MONO)
    assert not raw(scene(source(click, gain_db=-7000.0)), MONO)[0].any()
