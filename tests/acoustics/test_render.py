"""Rendered scenes against closed forms and planted answers: level, time, place, bed, LFE."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from scenes import EVERY, LAYOUTS_TOGETHER, RATE_HZ, SHOEBOX, ambience, angle_deg, impulse, noise, raw, scene, source
from seehear.acoustics.allrad import allrad_decoder
from seehear.acoustics.field import Engine
from seehear.acoustics.render import render
from seehear.acoustics.sphere import direction_of_arrival, directions_of, real_sh
from seehear.types import (
    BINAURAL,
    FOA,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_7_1_4,
    Audio,
    Direction,
    InputError,
    Room,
    Scene,
    Source,
    Trajectory,
    ambisonics,
    discrete,
)


@pytest.mark.parametrize("room", [Room(), Room("outdoor"), SHOEBOX])
def test_an_impulse_stays_at_its_sample(room):
    """Planted answer: nothing of an impulse in front is heard before its own sample, where it arrives in every layout (the
    ears within the 0.3 ms that the head and pinna take), whatever the distance."""
    for audio in render(scene(source(impulse(1234), distance_m=2.2), room=room), EVERY, level_lufs=None):
        level = np.abs(audio.samples).max(axis=0)
        onset = int(np.argmax(level > 0.2 * level.max()))
        assert abs(onset - 1234) <= (14 if audio.layout == BINAURAL else 0)


def test_level_and_distance():
    """Closed form: 0 dB at 1 m has the stem's energy in W, 5.1 and mono; 1/r beyond, clamped at 0.5 m; gain in dB."""
    stem = noise()
    energy = np.sum(stem.samples.astype(float) ** 2)
    for azimuth in (0, 65, 180):
        mono, surround = raw(scene(source(stem, azimuth)), MONO, SURROUND_5_1)
        assert np.sum(mono**2) == pytest.approx(energy, rel=1e-4) == pytest.approx(np.sum(surround**2), rel=1e-4)
    sos = butter(6, 1000, fs=RATE_HZ, output="sos")
    level = {}
    for distance in (0.2, 0.5, 1.0, 4.0, 16.0):
        (mono,) = raw(scene(source(stem, distance_m=distance)), MONO)
        level[distance] = np.sqrt(np.mean(sosfilt(sos, mono[0]) ** 2))
    assert level[0.2] == pytest.approx(2 * level[1.0], rel=1e-3) == pytest.approx(level[0.5], rel=1e-3)
    assert level[4.0] == pytest.approx(level[1.0] / 4, rel=5e-3)
    assert level[16.0] == pytest.approx(level[1.0] / 16, rel=0.01)
    (louder,) = raw(scene(source(stem, gain_db=6.0)), MONO)
    assert np.sum(louder**2) == pytest.approx(10**0.6 * energy, rel=1e-4)


@pytest.mark.parametrize("azimuth_deg, elevation_deg", [(0, 0), (47, 10), (-120, -35), (180, 60), (90, 89)])
def test_direction_of_arrival(azimuth_deg, elevation_deg):
    """Planted answer: without a room the intensity vector of foa points at the source within 0.1 degrees."""
    (foa,) = raw(scene(source(noise(), azimuth_deg, elevation_deg, 3.0)), FOA)
    assert angle_deg(direction_of_arrival(foa), azimuth_deg, elevation_deg) < 0.1


def test_listener_turns_the_field():
    """Closed form: looking 40 degrees left and 20 up, a source there is in front; one straight ahead of the scene is right
    and below. The floor reflection follows the head too: without tail, the whole field is rotated."""
    look = Direction(np.radians(40), np.radians(20))
    (foa,) = raw(scene(source(noise(), 40, 20), listener=look), FOA)
    assert angle_deg(direction_of_arrival(foa), 0, 0) < 0.1
    (level_head,) = raw(scene(source(noise(), 10, 0, 2.0), room=SHOEBOX), FOA, engine=Engine(tail=False))
    turned_left = Direction(np.radians(90))
    (turned,) = raw(scene(source(noise(), 10, 0, 2.0), room=SHOEBOX, listener=turned_left), FOA, engine=Engine(tail=False))
    w, y, z, x = level_head
    np.testing.assert_allclose(turned, [w, -x, z, y], atol=1e-5)


def test_rendering_is_linear():
    """Closed form: the render of two sources is the sum of their renders, for all layouts, with room and tail."""
    a, b = source(noise(1), 30, 0, 2.0), source(noise(2), -100, 20, 1.2, gain_db=-4)
    both, first, second = (raw(scene(*sources, room=SHOEBOX), *EVERY) for sources in ((a, b), (a,), (b,)))
    for x, y, z in zip(both, first, second, strict=True):
        np.testing.assert_allclose(x, y + z, atol=2e-6)


@pytest.mark.parametrize("room", [Room(), Room("outdoor"), SHOEBOX])
def test_layouts_share_but_do_not_change(room):
    """Round trip: a layout rendered with others has the bytes it has alone, for every kind of source and room; lengths are
    exact; the same seed gives the same bytes."""
    turning = Trajectory(np.array([0.0, 0.2]), np.array([[1.0, 0, 0], [0, 1, 0]]), np.array([1.5, 2.0]))
    bird = source(noise(n=12345), 60, 10, 2.0, extent_rad=0.5, lfe=True)
    others = source(noise(1, 12345), -30, 0, 1.0), source(noise(2, 12345), extent_rad=2 * np.pi)
    moving = (Source(noise(3, 12345), turning, "m", extent_rad=extent_rad) for extent_rad in (0.0, 0.4))
    a_scene = scene(bird, *others, *moving, room=room, seed=7, bed=ambience(2, n=12345))
    together, again = render(a_scene, LAYOUTS_TOGETHER), render(a_scene, LAYOUTS_TOGETHER)
    for audio, repeated in zip(together, again, strict=True):
        (alone,) = render(a_scene, [audio.layout])
        assert audio.samples.shape == (audio.layout.n_channels, 12345)
        np.testing.assert_array_equal(audio.samples, alone.samples)
        np.testing.assert_array_equal(audio.samples, repeated.samples)
    assert [x.convention for x in together] == ["acn-sn3d" if x.layout.kind == "ambisonics" else "" for x in together]
    raw_foa, raw_hoa = raw(a_scene, FOA), raw(a_scene, ambisonics(3))
    np.testing.assert_array_equal(raw_foa[0], raw_hoa[0][:4])


def test_loudest_channel_follows_a_sweep():
    """Planted answer: around the circle the loudest of L R C Ls Rs is the one nearest in angle; the LFE stays silent."""
    azimuths = {"L": 30, "R": -30, "C": 0, "Ls": 110, "Rs": -110}
    for azimuth in range(-175, 181, 15):
        (surround,) = raw(scene(source(noise(n=2400), azimuth, 0, 2.0)), SURROUND_5_1)
        energy = np.sum(surround**2, axis=1)
        distance = {name: abs((azimuth - at + 180) % 360 - 180) for name, at in azimuths.items()}
        nearest = [name for name, d in distance.items() if d <= min(distance.values()) + 1e-9]
        assert SURROUND_5_1.labels[int(energy.argmax())] in nearest
        assert energy[SURROUND_5_1.lfe] == 0


def test_lfe_takes_only_what_may_feed_it():
    """Closed form: a flagged source feeds the LFE low-passed (a 30 Hz tone at -10 dB and 1/r, nothing above 500 Hz within
    40 dB); others leave exact silence."""
    tone = np.sin(2 * np.pi * 30 * np.arange(48000) / RATE_HZ).astype(np.float32)[None]
    lfe = raw(scene(source(Audio(tone, RATE_HZ, MONO), 0, 0, 2.0, lfe=True)), SURROUND_5_1)[0][3]
    assert np.abs(lfe[24000:]).max() == pytest.approx(10**-0.5 / 2, rel=0.01)
    hiss = raw(scene(source(noise(n=48000), lfe=True)), SURROUND_5_1)[0][3]
    spectrum = np.abs(np.fft.rfft(hiss * np.hanning(len(hiss)))) ** 2
    assert 10 * np.log10(spectrum[500:].max() / spectrum[30:80].mean()) < -40
    assert not raw(scene(source(noise())), SURROUND_5_1)[0][3].any()


def test_bed_is_from_everywhere():
    """Closed form: a bed ignores room and distance, keeps the stem's energy, gives Y, Z, X a third of W (2 dB), both sides and
    both ears the same."""
    stem = noise(n=96000)
    bed = source(stem, 77, 0, 9.0, extent_rad=2 * np.pi)
    foa, surround, ears = raw(scene(bed, room=SHOEBOX), FOA, SURROUND_5_1, BINAURAL)
    energy = np.sum(stem.samples.astype(float) ** 2)
    power = np.sum(foa**2, axis=1) / energy
    assert power[0] == pytest.approx(1, rel=0.06)
    np.testing.assert_allclose(10 * np.log10(3 * power[1:]), 0, atol=2.0)
    sides = np.sum(surround**2, axis=1)
    assert 10 * np.log10(sides[0] / sides[1]) == pytest.approx(0, abs=1.5)
    assert 10 * np.log10(sides[4] / sides[5]) == pytest.approx(0, abs=1.5)
    assert 10 * np.log10(np.sum(ears[0] ** 2) / np.sum(ears[1] ** 2)) == pytest.approx(0, abs=0.7)


def test_heights_and_backs_get_what_is_there():
    """Planted answer: a source at each speaker of 7.1.4 is heard from that one alone, at the stem's energy; the LFE takes the
    feed that 5.1 gets."""
    stem = noise(n=2400)
    energy = np.sum(stem.samples.astype(float) ** 2)
    for label, azimuth, elevation in zip(
        SURROUND_7_1_4.labels, SURROUND_7_1_4.azimuths_rad, SURROUND_7_1_4.elevations_rad, strict=True
    ):
        if label == "LFE":
            continue
        here = source(stem, np.degrees(azimuth), np.degrees(elevation), lfe=True)
        surround, heard = raw(scene(here), SURROUND_5_1, SURROUND_7_1_4)
        power = np.sum(heard**2, axis=1) / energy
        assert power[SURROUND_7_1_4.labels.index(label)] == pytest.approx(1, rel=1e-3)
        assert np.delete(power, [3, SURROUND_7_1_4.labels.index(label)]).max() < 1e-6
        np.testing.assert_array_equal(heard[3], surround[3])


def test_an_ambisonic_bed_is_in_every_layout():
    """Closed form: a plane wave as bed is the bed itself in its own order, cut or padded in others, W in mono, the AllRAD decode
    in 7.1.4 (whose strongest speaker is the nearest), and louder and earlier at the nearer ear; 6 dB of gain doubles it."""
    wave = real_sh(3, directions_of(np.radians(np.array([135.0])), np.radians(np.array([30.0]))))[0][:, None] * noise().samples
    bed = Audio(wave.astype(np.float32), RATE_HZ, ambisonics(3), "acn-sn3d")
    empty = Scene((), SHOEBOX, 0.5, RATE_HZ, bed=bed)
    foa, hoa, more, mono, top, ears = raw(empty, FOA, ambisonics(3), ambisonics(4), MONO, SURROUND_7_1_4, BINAURAL)
    np.testing.assert_allclose(hoa, bed.samples, atol=1e-7)
    np.testing.assert_allclose(foa, bed.samples[:4], atol=1e-7)
    np.testing.assert_allclose(more, np.concatenate([bed.samples, np.zeros((9, 24000))]), atol=1e-7)
    np.testing.assert_allclose(mono[0], bed.samples[0], atol=1e-7)
    assert SURROUND_7_1_4.labels[int(np.sum(top**2, axis=1).argmax())] == "Ltb"
    np.testing.assert_allclose(top, allrad_decoder(SURROUND_7_1_4, 3) @ bed.samples.astype(float), atol=1e-6)
    assert np.sum(ears[0] ** 2) > 2 * np.sum(ears[1] ** 2)
    (louder,) = raw(replace(empty, bed_gain_db=20 * np.log10(2)), SURROUND_7_1_4)
    np.testing.assert_allclose(louder, 2 * top, rtol=1e-5, atol=1e-7)


def test_a_bed_turns_with_the_listener():
    """Planted answer: looking at where the bed's plane wave comes from, it is in front; sources add to it unchanged."""
    look = Direction(np.radians(70), np.radians(-20))
    bed = Audio(np.float32(real_sh(2, look.vector[None])[0][:, None] * noise().samples), RATE_HZ, ambisonics(2), "acn-sn3d")
    (foa,) = raw(Scene((), Room(), 0.5, RATE_HZ, listener=look, bed=bed), FOA)
    assert angle_deg(direction_of_arrival(foa), 0, 0) < 0.01
    lone = source(noise(3), 30, 0, 2.0)
    both, without = (raw(scene(lone, room=SHOEBOX, bed=b), *EVERY) for b in (bed, None))
    only = raw(Scene((), SHOEBOX, 0.5, RATE_HZ, bed=bed), *EVERY)
    for x, y, z in zip(both, without, only, strict=True):
        np.testing.assert_allclose(x, y + z, atol=2e-6)


def test_extent_keeps_centre_and_energy():
    """Planted answer: a source 60 degrees wide arrives from its centre within 3 degrees, with a point's energy within 0.5 dB,
    from a wider angle (shorter intensity vector)."""
    point, wide = (raw(scene(source(noise(n=96000), 40, 0, 2.0, extent_rad=e)), FOA)[0] for e in (0.0, np.radians(60)))
    assert angle_deg(direction_of_arrival(wide), 40, 0) < 3
    assert 10 * np.log10(np.sum(wide[0] ** 2) / np.sum(point[0] ** 2)) == pytest.approx(0, abs=0.5)
    directness = [np.linalg.norm(x[0] @ x[1:].T) / np.sum(x[0] ** 2) for x in (point, wide)]
    assert directness[0] == pytest.approx(1, abs=1e-3) and directness[1] < 0.99


def test_downmixes():
    """Closed form: stereo is BS.775 of 5.1, mono is W; the mono sum of a centred source loses nothing."""
    mono, stereo, surround, foa = raw(scene(source(noise(), 20, 0, 2.0), room=SHOEBOX), MONO, STEREO, SURROUND_5_1, FOA)
    np.testing.assert_array_equal(mono[0], foa[0])
    left, right, centre, _, left_side, right_side = surround
    expected = [left + np.sqrt(0.5) * (centre + left_side), right + np.sqrt(0.5) * (centre + right_side)]
    np.testing.assert_allclose(stereo, expected, atol=1e-6)


def test_level_is_set_for_all_channels_at_once():
    """Closed form: two level settings differ by one gain in every channel; a silent scene stays silent."""
    (loud,), (soft,) = (
        render(scene(source(noise(n=48000), 50, 0, 2.0)), [SURROUND_5_1], level_lufs=level) for level in (-23.0, -33.0)
    )
    np.testing.assert_allclose(loud.samples, soft.samples * 10**0.5, rtol=1e-4, atol=1e-7)
    silent = Scene((), SHOEBOX, 0.5, RATE_HZ)
    assert not any(audio.samples.any() for audio in render(silent, EVERY))


def test_binaural_sides():
    """Planted answer: a source at the left is louder and earlier at the left ear; mirrored it is at the right."""
    (left,) = raw(scene(source(impulse(500), 90, 0, 1.0)), BINAURAL)
    (right,) = raw(scene(source(impulse(500), -90, 0, 1.0)), BINAURAL)
    np.testing.assert_allclose(left, right[::-1], atol=1e-6)
    assert np.sum(left[0] ** 2) > 4 * np.sum(left[1] ** 2)
    onset = [int(np.argmax(np.abs(x) > 0.3 * np.abs(x).max())) for x in left]
    assert 20 <= onset[1] - onset[0] <= 40


def test_other_rates_and_short_scenes():
    """Planted answer: at 16 and 44.1 kHz and for a single sample the impulse stays in place and the length is exact."""
    for rate, n in ((16000, 4000), (44100, 9001), (48000, 1)):
        x = np.zeros((1, n), np.float32)
        x[0, 0] = 1
        short = Scene((source(Audio(x, rate, MONO), 30, 0, 1.0),), SHOEBOX, n / rate, rate)
        for audio in render(short, [FOA, BINAURAL], level_lufs=None):
            assert audio.n_samples == n
        assert render(short, [MONO], level_lufs=None)[0].samples[0, 0] == pytest.approx(1, abs=1e-3)


def test_unknown_layout_is_said():
    """Planted answer: InputError lists what can be rendered."""
    with pytest.raises(InputError, match=r"cannot render discrete7: choose one of mono, stereo, 5\.1, .*, foa, hoa2"):
        render(scene(source(noise())), [discrete(7)])


@pytest.mark.parametrize("level_lufs", [None, -23.0])
def test_memory_does_not_grow_with_length(level_lufs):
    """Closed form: of twice the length, only the channels double (of 5.1, as panned, in order, and at a level if one is
    asked for): the rest of the peak stays within 0.7 MiB, a moving source and the LFE included."""
    turning = Trajectory(np.array([0.0, 9.0]), np.array([[1.0, 0, 0], [0, 1, 0]]), np.array([1.5, 2.0]))
    peaks = []
    for seconds in (4, 4, 8):  # the first fills the tables that are kept
        stem = noise(n=seconds * 16000)
        stem = Audio(stem.samples, 16000, MONO)
        sources = (source(stem, 20, 0, 1.5, lfe=True), Source(stem, turning, "x"), source(stem, extent_rad=2 * np.pi))
        a_scene = Scene(sources, SHOEBOX, float(seconds), 16000)
        tracemalloc.start()
        render(a_scene, [SURROUND_5_1], level_lufs=level_lufs)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    result_bytes = 4 * 16000 * (5 + 6 + (0 if level_lufs is None else 6)) * 4
    assert peaks[2] - peaks[1] < result_bytes + 0.7 * 2**20
