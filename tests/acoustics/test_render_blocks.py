"""Rendering in blocks: the same samples whatever the block, no joins, the memory of one block, silence and mutes."""

import tracemalloc
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest

from scenes import SHOEBOX, ambience
from seehear.acoustics.allrad import decode, decode_blocks
from seehear.acoustics.field import Engine
from seehear.acoustics.microphones import pixel_room
from seehear.acoustics.render import SPAN_S, render, render_blocks
from seehear.acoustics.sphere import convert
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
    Layout,
    Room,
    Scene,
    Source,
    Trajectory,
    ambisonics,
)

RATE_HZ = 8000
LAYOUTS = (STEREO, SURROUND_7_1_4, FOA, BINAURAL)
TURNING = Trajectory(np.array([0.0, 0.5, 1.4]), np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0]]), np.array([1.5, 2.0, 0.9]))


def still(azimuth_deg, distance_m=1.5):
    return Trajectory.fixed(Direction(np.radians(azimuth_deg)), distance_m)


def stem(samples, rate_hz=RATE_HZ):
    return Audio(np.asarray(samples, dtype=np.float32)[None], rate_hz, MONO)


def hiss(seed, seconds=1.4):
    return stem(0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ)))


def every_kind(room, seconds=1.4):
    """Points and extents that stand still and that move, two of them on the LFE, and a bed."""
    sources = (
        Source(hiss(0, seconds), still(60), "still", lfe=True),
        Source(hiss(1, seconds), still(-30, 1.0), "still and wide", extent_rad=0.5),
        Source(hiss(2, seconds), still(0), "rain", extent_rad=2 * np.pi),
        Source(hiss(3, seconds), TURNING, "moving", lfe=True),
        Source(hiss(4, seconds), TURNING, "moving and wide", extent_rad=0.4),
    )
    return Scene(sources, room, seconds, RATE_HZ, seed=7)


def joined(a_scene, layouts, block_s, **options):
    blocks = list(render_blocks(a_scene, layouts, block_s=block_s, **options))
    sizes = [block[0].n_samples for block in blocks]
    assert sum(sizes) == a_scene.n_samples and set(sizes[:-1]) <= {round(block_s * a_scene.sample_rate_hz)}
    return [np.concatenate([audio.samples for audio in audios], axis=1) for audios in zip(*blocks, strict=True)]


def whole(a_scene, layouts, **options):
    """As one block, which is checked to be one."""
    (block,) = render_blocks(a_scene, layouts, block_s=np.inf, **options)
    return [audio.samples for audio in block]


def error_db(found, wanted):
    error = np.sum((found.astype(np.float64) - wanted) ** 2)
    return 10 * np.log10(max(error / np.sum(wanted.astype(np.float64) ** 2), 1e-40))


@pytest.mark.parametrize(("room", "doppler"), [(Room(), False), (SHOEBOX, False), (SHOEBOX, True)])
def test_blocks_join_to_the_whole(room, doppler):
    """Independent path: blocks that cut every grid askew (of frames, groups, hops, the LFE's and the tail's pieces) join to the
    render in one block, every kind of source in every layout, below -140 dB."""
    a_scene, engine = every_kind(room), Engine(doppler=doppler)
    for found, wanted in zip(joined(a_scene, LAYOUTS, 0.413, engine=engine), whole(a_scene, LAYOUTS, engine=engine), strict=True):
        assert error_db(found, wanted) < -140


def test_lfe_pieces_join():
    """Independent path: the LFE is filtered in pieces of 8 s; blocks of 3.1 s join to them, and `render` to all of it."""
    noise = stem(np.random.default_rng(5).standard_normal(21 * 500), 500)
    far = Trajectory(np.array([0.0, 21.0]), np.array([[1.0, 0, 0], [1, 0, 0]]), np.array([2.0, 40.0]))
    a_scene = Scene((Source(noise, still(0), "a", lfe=True), Source(noise, far, "b", lfe=True)), Room(), 21.0, 500)
    for doppler in (False, True):
        found, wanted = (
            f[0]
            for f in (
                joined(a_scene, [SURROUND_5_1], 3.1, engine=Engine(doppler=doppler)),
                whole(a_scene, [SURROUND_5_1], engine=Engine(doppler=doppler)),
            )
        )
        assert wanted[SURROUND_5_1.lfe].any() and error_db(found[SURROUND_5_1.lfe], wanted[SURROUND_5_1.lfe]) < -140


def test_a_bed_joins():
    """Independent path: an ambisonic bed, in FuMa too, decodes in blocks as in one, ears included."""
    a_scene = replace(every_kind(SHOEBOX), sources=(), bed=replace(ambience(2, n=round(1.4 * RATE_HZ)), sample_rate_hz=RATE_HZ))
    layouts = (MONO, STEREO, SURROUND_7_1_4, BINAURAL, FOA, ambisonics(3))
    for found, wanted in zip(joined(a_scene, layouts, 0.413), whole(a_scene, layouts), strict=True):
        assert error_db(found, wanted) < -140
    fuma = Audio(convert(a_scene.bed.samples[:4], "acn-sn3d", "fuma"), RATE_HZ, FOA, "fuma")
    for layout in layouts:
        blocks = list(decode_blocks(fuma, layout, block_s=0.16))
        assert {block.layout for block in blocks} == {layout} and len(blocks) == 9
        assert error_db(np.concatenate([x.samples for x in blocks], axis=1), decode(fuma, layout).samples) < -140


def test_a_room_of_pixels_joins():
    """Independent path: the paper's six microphones hear in blocks what they hear in one, though echoes last over several."""
    sources = (Source(hiss(0), still(60, 120.0), "a"), Source(hiss(1), still(-20, 60.0), "b", gain_db=3.0))
    a_scene = Scene(sources, pixel_room(800, 600), 1.4, RATE_HZ)
    layouts = (SURROUND_5_1, STEREO)
    for found, wanted in zip(joined(a_scene, layouts, 0.413), whole(a_scene, layouts), strict=True):
        assert error_db(found, wanted) < -140


@pytest.mark.parametrize("room", [Room(), SHOEBOX], ids=lambda room: room.kind)
def test_a_steady_tone_crosses_borders(room):
    """Closed form: a steady tone of a static source stays one sinusoid in every channel of every layout: within 50 ms of each
    border between blocks nothing is left of it above -100 dB once the best sinusoid is subtracted."""
    seconds, block_s, frequency_hz = 5.0, 1.3, 997.0
    times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = stem(0.5 * np.sin(2 * np.pi * frequency_hz * times_s))
    a_scene = Scene((Source(tone, still(35), "tone"), Source(tone, still(-80), "wide", extent_rad=0.5)), room, seconds, RATE_HZ)
    for channels in joined(a_scene, (FOA, SURROUND_7_1_4, BINAURAL), block_s):
        for border in range(round(block_s * RATE_HZ), len(times_s), round(block_s * RATE_HZ)):
            near = slice(border - round(0.05 * RATE_HZ), border + round(0.05 * RATE_HZ))
            phase = 2 * np.pi * frequency_hz * times_s[near]
            basis = np.stack([np.cos(phase), np.sin(phase)])
            heard = channels[:, near].astype(np.float64)
            left = heard - heard @ np.linalg.pinv(basis) @ basis
            assert 20 * np.log10(np.abs(left).max() / np.abs(heard).max()) < -100


def test_energy_is_kept():
    """Closed form: over many blocks and without a room, W has the energy of the stem at 1 m."""
    noise = hiss(8, 6.0)
    (mono,) = joined(Scene((Source(noise, still(20, 1.0), "x"),), Room(), 6.0, RATE_HZ), [MONO], 0.4)
    assert np.sum(mono.astype(float) ** 2) == pytest.approx(np.sum(noise.samples.astype(float) ** 2), rel=1e-4)


def test_render_is_its_blocks():
    """Independent path: a scene longer than the default block is rendered to the samples that it has as one block."""
    seconds = SPAN_S + 3
    noise = stem(np.random.default_rng(6).standard_normal(round(seconds * 1000)), 1000)
    a_scene = Scene((Source(noise, still(20), "x"), Source(noise, still(-70), "y", extent_rad=0.5)), SHOEBOX, seconds, 1000)
    assert len(list(render_blocks(a_scene, [FOA, STEREO]))) == 2
    for audio, wanted in zip(render(a_scene, [FOA, STEREO], level_lufs=None), whole(a_scene, [FOA, STEREO]), strict=True):
        assert error_db(audio.samples, wanted) < -140


# ------------------------------------------------------------------------------------------- silence and mutes


@pytest.mark.parametrize("room", [Room("outdoor"), SHOEBOX], ids=lambda room: room.kind)
@pytest.mark.parametrize("doppler", [False, True], ids=["", "doppler"])
def test_what_is_silent_is_left_out_without_a_trace(room, doppler):
    """Independent path: in place of silence the same scene with a noise 300 dB below, of which nothing is left out, sounds the
    same to -140 dB: echoes, filters and what is still on its way from far are kept. The burst
    ends just before a group of frames begins."""
    n = round(2.0 * RATE_HZ)
    burst = np.zeros(n)
    burst[4700:4900] = np.random.default_rng(1).standard_normal(200)
    faint = burst + 1e-15 * np.random.default_rng(2).standard_normal(n)
    far = Trajectory(np.array([0.0, 2.0]), np.array([[1.0, 0, 0], [0, 1, 0]]), np.array([2.0, 2.2 if room is SHOEBOX else 150.0]))
    scenes = (
        Scene(
            (
                Source(stem(x), still(60), "still", lfe=True),
                Source(stem(x), still(-60), "wide", extent_rad=0.4),
                Source(stem(x), far, "far", lfe=True),
                Source(stem(x), far, "far and wide", extent_rad=0.4),
            ),
            room,
            2.0,
            RATE_HZ,
        )
        for x in (burst, faint)
    )
    layouts = (FOA, SURROUND_5_1, BINAURAL)
    found, wanted = (joined(x, layouts, 1.0, engine=Engine(doppler=doppler)) for x in scenes)
    for x, y in zip(found, wanted, strict=True):
        assert error_db(x, y) < -140


@pytest.mark.parametrize("index", [1, 3])
def test_a_muted_source_is_a_silent_one(index):
    """Closed form: muting one of many leaves the others, their random filters included, as if its stem were silence; a scene
    of muted sources is silent."""
    a_scene = every_kind(SHOEBOX, 1.0)
    chosen = a_scene.sources[index]
    silent = replace(chosen, audio=stem(np.zeros(RATE_HZ)))
    muted, hushed = (
        whole(replace(a_scene, sources=(*a_scene.sources[:index], x, *a_scene.sources[index + 1 :])), LAYOUTS)
        for x in (replace(chosen, muted=True), silent)
    )
    for x, y in zip(muted, hushed, strict=True):
        assert error_db(x, y) < -120
    nothing = replace(a_scene, sources=(replace(chosen, muted=True),))
    assert not any(x.any() for x in whole(nothing, LAYOUTS))


def test_a_muted_microphone_source_is_left_out():
    """Closed form: in a room of pixels too."""
    a, b = Source(hiss(0), still(60, 120.0), "a"), Source(hiss(1), still(-20, 60.0), "b")
    a_scene = Scene((a, replace(b, muted=True)), pixel_room(800, 600), 1.4, RATE_HZ)
    (found,), (wanted,) = (whole(x, [SURROUND_5_1]) for x in (a_scene, replace(a_scene, sources=(a,))))
    np.testing.assert_array_equal(found, wanted)


def test_a_block_has_a_length():
    """Planted fault."""
    with pytest.raises(InputError, match="positive length, got 0 s"):
        render_blocks(every_kind(Room(), 0.1), [FOA], block_s=0)


# ------------------------------------------------------------------------------------------- any length


@dataclass(frozen=True)
class Hum:
    """Tones that are computed as they are read, at most twelve seconds at once."""

    n_samples: int
    sample_rate_hz: int
    layout: Layout = MONO

    @property
    def convention(self):
        return "acn-sn3d" if self.layout.kind == "ambisonics" else ""

    @property
    def duration_s(self):
        return self.n_samples / self.sample_rate_hz

    def read(self, start, stop):
        assert 0 <= start <= stop <= self.n_samples and stop - start <= 12 * self.sample_rate_hz
        pitches_hz = 100.0 + 30 * np.arange(self.layout.n_channels)[:, None]
        return (0.1 * np.sin(2 * np.pi * pitches_hz * np.arange(start, stop) / self.sample_rate_hz)).astype(np.float32)


def long_scene(seconds, rate_hz):
    hum = Hum(round(seconds * rate_hz), rate_hz)
    times = np.arange(0, seconds, 0.1)
    circling = np.stack([np.cos(0.5 * times), np.sin(0.5 * times), 0 * times], axis=1)
    circle = Trajectory(times, circling, 1.5 + 0.5 * np.sin(times))
    sources = (
        Source(hum, still(20), "still", lfe=True),
        Source(hum, circle, "circling", lfe=True),
        Source(hum, still(0), "rain", extent_rad=2 * np.pi),
    )
    return Scene(sources, SHOEBOX, seconds, rate_hz, bed=Hum(hum.n_samples, rate_hz, ambisonics(1)))


def peak_bytes(a_scene, block_s, doppler=False):
    tracemalloc.start()
    for block in render_blocks(a_scene, [SURROUND_5_1, FOA, BINAURAL], engine=Engine(doppler=doppler), block_s=block_s):
        assert block[0].n_samples
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_is_that_of_a_block():
    """Closed form: five times the length needs the memory of one, within 10 %: stems, bed and result are never held whole."""
    peaks = [
        peak_bytes(long_scene(seconds, 4000), 1.5) for seconds in (3.0, 3.0, 15.0)
    ]  # the first fills the tables that are kept
    assert peaks[2] < 1.1 * peaks[1]


@pytest.mark.slow
@pytest.mark.parametrize("doppler", [False, True], ids=["", "doppler"])
def test_memory_of_ten_minutes_is_that_of_one(doppler):
    """Closed form: the same at full length and rate."""
    peaks = [peak_bytes(long_scene(seconds, 48000), 4.0, doppler) for seconds in (8.0, 60.0, 600.0)]
    assert peaks[2] < 1.1 * peaks[1]


def test_borders_of_blocks_are_where_they_are_said():
    """Planted answer: blocks are consecutive: a click in each is found in its own block at its own place."""
    clicks = np.zeros(4 * RATE_HZ)
    places = [100, RATE_HZ - 1, RATE_HZ, 2 * RATE_HZ + 1, 4 * RATE_HZ - 5]
    clicks[places] = 1
    a_scene = Scene((Source(stem(clicks), still(0, 1.0), "x"),), Room(), 4.0, RATE_HZ)
    found = []
    for number, (block,) in enumerate(render_blocks(a_scene, [MONO], block_s=1.0)):
        found += [number * RATE_HZ + at for at in np.flatnonzero(np.abs(block.samples[0]) > 0.6)]
    assert found == places and all(a < b for a, b in pairwise(found))
