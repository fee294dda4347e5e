"""Doppler: pitch and time of every path against retarded time in closed form, purity, and what must not change."""

import numpy as np
import pytest
from scipy.signal import hilbert

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S as C_M_S
from seehear.acoustics.doppler import FASTEST_M_S, followed, read_at
from seehear.acoustics.field import Engine, field_of
from seehear.acoustics.panning import Panner
from seehear.acoustics.render import render
from seehear.types import BINAURAL, FOA, MONO, SURROUND_5_1, Audio, Direction, InputError, Room, Scene, Source, Trajectory

RATE_HZ = 48000
SHOEBOX = Room("shoebox", (9.0, 8.0, 3.5), (4.5, 4.0, 1.5), 0.5)
DOPPLER = Engine(doppler=True)


def straight(start_m, velocity_m_s, duration_s):
    """A trajectory at constant velocity, in points so close (1 ms) that it is straight to 0.1 um."""
    times = np.linspace(0, duration_s, round(1000 * duration_s) + 1)
    places = np.array(start_m) + times[:, None] * np.array(velocity_m_s)
    distances = np.linalg.norm(places, axis=1)
    return Trajectory(times, places / distances[:, None], distances)


def scene(stem, trajectory, room, rate_hz=RATE_HZ, **options):
    audio = Audio(np.asarray(stem, dtype=np.float32)[None], rate_hz, MONO)
    return Scene((Source(audio, trajectory, "car", **options),), room, audio.duration_s, rate_hz)


def raw(a_scene, *layouts, engine=DOPPLER):
    return [audio.samples.astype(np.float64) for audio in render(a_scene, layouts, level_lufs=None, engine=engine)]


def tone(frequency_hz, duration_s):
    return 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)


def frequency_hz(x, n_smooth=960):
    """Instantaneous frequency (T,) of a tone, its mean over 20 ms."""
    steps = np.diff(np.unwrap(np.angle(hilbert(x)))) * RATE_HZ / (2 * np.pi)
    return np.convolve(steps, np.ones(n_smooth) / n_smooth, mode="same")


def error_db(found, wanted):
    return 10 * np.log10(np.sum(np.abs(found - wanted) ** 2) / np.sum(np.abs(wanted) ** 2))


@pytest.mark.parametrize("speed_m_s", [30.0, -30.0, 5.0])
@pytest.mark.parametrize("extent_rad", [0.0, 0.5])
def test_pitch_of_a_straight_way(speed_m_s, extent_rad):
    """Closed form: f' = f c / (c + v) for a source that recedes at v, within 0.1 %; a wide one alike."""
    trajectory = straight((40 if speed_m_s > 0 else 100, 0, 0), (speed_m_s, 0, 0), 1.5)
    (mono,) = raw(scene(tone(1000, 1.5), trajectory, Room(), extent_rad=extent_rad), MONO)
    wanted = 1000 * C_M_S / (C_M_S + speed_m_s)
    np.testing.assert_allclose(frequency_hz(mono[0])[6000:50000], wanted, rtol=1e-3)


@pytest.mark.parametrize("frequency, limit_db", [(440.0, -75), (6000.0, -60)])
def test_a_tone_stays_pure(frequency, limit_db):
    """Closed form: a tone whose source recedes steadily is one line: what is more than 20 Hz from it is 60 dB below.

    What there is lies 50 Hz beside it: level and colour go by frames of 20 ms, with the flag and without.
    """
    (foa,) = raw(scene(tone(frequency, 2.0), straight((200, 100, 0), (20, 10, 0), 2.0), Room()), FOA)
    x = foa[0, 4000:-4000]
    power = np.abs(np.fft.rfft(np.blackman(len(x)) * x)) ** 2
    frequencies = np.fft.rfftfreq(len(x), 1 / RATE_HZ)
    line = frequency * C_M_S / (C_M_S + 500**0.5)
    assert abs(frequencies[power.argmax()] - line) < 0.6
    assert 10 * np.log10(power[np.abs(frequencies - line) > 20].sum() / power.sum()) < limit_db


def test_pitch_of_a_passing_source():
    """Closed form: a source that passes at 25 m/s, 8 m away, is heard with the frequency of its retarded time (the root of a
    quadratic equation), within 0.1 %."""
    v, y, x0, f = 25.0, 8.0, -30.0, 2000.0
    (mono,) = raw(scene(tone(f, 2.4), straight((x0, y, 0), (v, 0, 0), 2.4), Room()), MONO)
    t = np.arange(len(mono[0]) - 1) / RATE_HZ
    # (t' - tau)^2 c^2 = (x0 + v tau)^2 + y^2 with t' = t + r(0) / c
    late = t + np.hypot(x0, y) / C_M_S
    a, b, c = C_M_S**2 - v**2, -2 * (C_M_S**2 * late + v * x0), C_M_S**2 * late**2 - x0**2 - y**2
    tau = (-b - np.sqrt(b**2 - 4 * a * c)) / (2 * a)
    wanted = f / (1 + v * (x0 + v * tau) / np.hypot(x0 + v * tau, y) / C_M_S)
    inside = slice(3000, 108000)
    assert wanted[inside].max() / wanted[inside].min() > 1.12
    np.testing.assert_allclose(frequency_hz(mono[0], 240)[inside], wanted[inside], rtol=1e-3)


def test_each_path_has_its_own_time():
    """Closed form: outdoors an impulse emitted at tau is heard at tau + (r(tau) - r(0)) / c directly and by the image below
    the ground at tau + (L(tau) - r(0)) / c, each to the sample; the first is in sync."""
    stem = np.zeros(RATE_HZ)
    clicks = np.array([0, 12000, 30000])
    stem[clicks] = 1
    room = Room("outdoor", listener_m=(0.0, 0.0, 4.0))
    (mono,) = raw(scene(stem, straight((4, 0, -1), (12, 0, 0), 1.0), room), MONO)
    x = 4 + 12 * clicks / RATE_HZ
    for height in (1, 7):
        wanted = clicks + (np.hypot(x, height) - np.hypot(4, 1)) / C_M_S * RATE_HZ
        for at in np.rint(wanted).astype(int):
            near = np.abs(mono[0, max(at - 30, 0) : at + 31])
            assert abs(near.argmax() - min(at, 30)) <= 1


def test_later_images_follow():
    """Closed form: in a room a low tone (150 Hz) of a source at 4 m/s is the sum over all images of their own retarded times
    (roots of quadratic equations), to -20 dB; without the flag it is not that sound at all."""
    room, f = Room("shoebox", (12.0, 9.0, 4.0), (6.0, 4.5, 1.5), 0.6), 150.0
    start, velocity = np.array([-4.5, 2.0, 0.3]), np.array([4.0, -0.8, 0.0])
    t = np.arange(round(1.2 * RATE_HZ)) / RATE_HZ
    settled = slice(18000, 50000, 11)
    engine = Engine(image_order=4, tail=False, air=False)
    field = field_of(room, Direction(0.0, 0.0), Panner.for_layouts([MONO]), RATE_HZ, engine)
    after = np.arange(field.colouring.basis.shape[1]) - field.colouring.lead_samples
    turn = np.exp(-2j * np.pi * f / RATE_HZ * after)
    late_m = C_M_S * t[settled] + np.linalg.norm(start)
    wanted = np.zeros(len(late_m), dtype=complex)
    for sign, offset, order in zip(field.images.signs, field.images.offsets_m, field.images.orders, strict=True):
        origin, way = sign * (np.array(room.listener_m) + start) + offset - np.array(room.listener_m), sign * velocity
        # |origin + tau way| = late_m - c tau
        a, b, c = C_M_S**2 - way @ way, -2 * (C_M_S * late_m + origin @ way), late_m**2 - origin @ origin
        tau = (-b - np.sqrt(b**2 - 4 * a * c)) / (2 * a)
        length = np.linalg.norm(origin + tau[:, None] * way, axis=1)
        colour = field.colouring.coefficients(np.full(len(tau), order), length) @ (field.colouring.basis @ turn)
        wanted += colour / length * np.exp(2j * np.pi * f * tau)
    trajectory = straight(start, velocity, 1.2)
    for doppler, low, high in ((True, -np.inf, -20), (False, -5, np.inf)):
        asked = Engine(image_order=4, tail=False, air=False, doppler=doppler)
        parts = [raw(scene(x(2 * np.pi * f * t), trajectory, room), MONO, engine=asked)[0][0] for x in (np.cos, np.sin)]
        assert low < error_db(parts[0][settled] + 1j * parts[1][settled], wanted) < high


@pytest.mark.parametrize("room", [Room(), Room("outdoor"), SHOEBOX], ids=lambda room: room.kind)
def test_no_clicks(room):
    """Closed form: a 300 Hz tone stays near 300 Hz while its source circles and changes distance: in every layout what is above
    1.5 kHz stays 75 dB below it."""
    angle = np.linspace(-np.pi, np.pi, 41)
    directions = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    trajectory = Trajectory(np.linspace(0, 2, 41), directions, np.geomspace(1.2, 3.0, 41))
    window = np.blackman(2 * RATE_HZ)
    for channels in raw(scene(tone(300, 2.0), trajectory, room), FOA, SURROUND_5_1, BINAURAL):
        power = np.sum(np.abs(np.fft.rfft(window * channels, axis=1)) ** 2, axis=0)
        assert 10 * np.log10(power[3000:].sum() / power.sum()) < -75


@pytest.mark.parametrize("extent_rad", [0.0, 0.6])
def test_a_circle_sounds_as_without(extent_rad):
    """Closed form: at a constant distance the direct sound takes the same time throughout: the flag changes nothing (-80 dB)."""
    angle = np.linspace(0, 2, 41)
    directions = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    stem = 0.1 * np.random.default_rng(2).standard_normal(RATE_HZ)
    a_scene = scene(
        stem, Trajectory(np.linspace(0, 1, 41), directions, np.full(41, 3.0)), Room(), extent_rad=extent_rad, lfe=True
    )
    found, wanted = (raw(a_scene, FOA, SURROUND_5_1, BINAURAL, engine=Engine(doppler=on)) for on in (True, False))
    for x, y in zip(found, wanted, strict=True):
        assert error_db(x, y) < -80


def test_what_stands_still_keeps_its_bytes():
    """Closed form: nothing of a static scene depends on the flag."""
    stem = 0.1 * np.random.default_rng(3).standard_normal(20000)
    a_scene = scene(stem, Trajectory.fixed(Direction(0.4, 0.1), 2.0), SHOEBOX, lfe=True)
    for x, y in zip(*(raw(a_scene, FOA, SURROUND_5_1, BINAURAL, engine=Engine(doppler=on)) for on in (True, False)), strict=True):
        assert x.tobytes() == y.tobytes()


def test_hardly_moving_is_standing_still():
    """Independent implementation: a source that moves by a fiftieth of a millimetre is read by paths, frames and bundles, a
    static one by one filter; room, tail and LFE included both give the same sound, to -55 dB."""
    stem, start = 0.1 * np.random.default_rng(5).standard_normal(RATE_HZ), Direction(0.7, 0.1)
    moving = Trajectory(np.array([0.0, 1.0]), np.stack([start.vector, Direction(0.70001, 0.1).vector]), np.array([2.0, 2.0]))
    found = raw(scene(stem, moving, SHOEBOX, lfe=True), FOA, SURROUND_5_1, BINAURAL)
    still = raw(scene(stem, Trajectory.fixed(start, 2.0), SHOEBOX, lfe=True), FOA, SURROUND_5_1, BINAURAL)
    for x, y in zip(found, still, strict=True):
        assert error_db(x, y) < -55


def test_lfe_is_shifted_too():
    """Closed form: a 40 Hz tone that recedes at 30 m/s feeds the LFE with f c / (c + v), within 0.1 %."""
    x = np.sin(2 * np.pi * 40 * np.arange(3 * 8000) / 8000)
    (surround,) = raw(scene(x, straight((60, 0, 0), (30, 0, 0), 3.0), Room(), 8000, lfe=True), SURROUND_5_1)
    turns = np.unwrap(np.angle(hilbert(surround[SURROUND_5_1.lfe])))[[6000, 20000]] / (2 * np.pi)
    assert np.diff(turns)[0] * 8000 / 14000 == pytest.approx(40 * C_M_S / (C_M_S + 30), rel=1e-3)


def test_microphones_of_pixels_refuse():
    """Planted fault: the paper's room, simulated by another program, has no Doppler."""
    with pytest.raises(InputError, match="room of pixels"):
        raw(
            scene(tone(500, 0.1), straight((4, 0, 0), (9, 0, 0), 0.1), Room("pixels", (9.0, 9.0, 9.0), (1.0, 4.0, 4.0))),
            SURROUND_5_1,
        )


def test_a_jump_is_followed_at_half_the_speed_of_sound():
    """Closed form: after a jump over 30 m a source is as far on as `FASTEST_M_S` allows, then exactly where it should be; before
    and after it, a click is heard after the way it has receded."""
    times = np.array([0.0, 0.5, 0.5001, 2.0])
    trajectory = Trajectory(times, np.tile([1.0, 0, 0], (4, 1)), np.array([2.0, 2.0, 32.0, 32.0]))
    stem = np.zeros(2 * RATE_HZ)
    stem[[9600, 48000]] = 1
    a_scene = scene(stem, trajectory, Room())
    _, distances = followed(a_scene).sources[0].trajectory.at(np.array([0.4, 0.6, 1.0]))
    np.testing.assert_allclose(distances, [2.0, 2 + 0.1 * FASTEST_M_S, 32.0], rtol=1e-3)
    (mono,) = raw(a_scene, MONO)
    assert np.abs(mono[0, :30000]).argmax() == 9600
    # Air over 32 m moves the peak by a sample, of a static source too.
    assert abs(30000 + np.abs(mono[0, 30000:]).argmax() - (48000 + 30 / C_M_S * RATE_HZ)) < 1


def test_reading_between_samples():
    """Closed form: a stem of tones up to 0.8 of the Nyquist frequency, read at a gliding position, is those tones there, to
    -83 dB at half of it and -67 dB at the end; outside the stem there is silence."""
    positions = 200 + np.arange(20000) * 0.973
    for share, limit_db in ((0.01, -83), (0.3, -83), (0.5, -83), (0.7, -72), (0.8, -67)):
        stem = np.cos(np.pi * share * np.arange(20000) + 0.3).astype(np.float32)
        assert error_db(read_at(Audio(stem[None], RATE_HZ, MONO), positions), np.cos(np.pi * share * positions + 0.3)) < limit_db
    ones = Audio(np.ones((1, 50), np.float32), RATE_HZ, MONO)
    assert np.abs(read_at(ones, np.array([-100.5, -60.0, 120.25]))).max() < 1e-30
