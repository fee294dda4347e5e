"""A scene as objects and beds. Oracle: our own 7.1.4 render, to which the objects, panned where they are, and beds add up."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from seehear.acoustics.layouts import speaker_gains
from seehear.acoustics.loudness import Loudness, integrated_lufs, true_peak_dbtp
from seehear.acoustics.render import render
from seehear.io.adm.motion import blocks_of, ticks
from seehear.io.adm.programme import Programme
from seehear.types import (
    MONO,
    SURROUND_7_1_4,
    Audio,
    Direction,
    FloatArray,
    InputError,
    Room,
    Scene,
    Source,
    Trajectory,
    ambisonics,
    whole,
)
from seehear.verbs.objects import programme_of

RATE_HZ = 16_000
SECONDS = 1.5
N = round(SECONDS * RATE_HZ)
HALL = Room("shoebox", (8.0, 6.0, 3.0), (4.0, 3.0, 1.6), 0.5)
TARGET = Loudness()


def noise(seed: int, n_channels: int = 1, peak: float = 0.5) -> NDArray[np.float32]:
    samples = np.random.default_rng(seed).standard_normal((n_channels, N))
    return (peak * samples / np.abs(samples).max()).astype(np.float32)


def source(seed: int, azimuth_deg: float, elevation_deg: float, distance_m: float, **more: float | bool) -> Source:
    direction = Direction(math.radians(azimuth_deg), math.radians(elevation_deg))
    return Source(Audio(noise(seed), RATE_HZ, MONO), Trajectory.fixed(direction, distance_m), f"thing {seed}", **more)  # type: ignore[arg-type]


DOG = source(1, 40, 10, 3.0, gain_db=3.0, lfe=True)
CAR = source(2, -120, 0, 0.3)
RAIN = source(3, 0, 0, 1.0, extent_rad=2 * math.pi, gain_db=-6.0)
FIELD = Audio(0.1 * noise(4, 25), RATE_HZ, ambisonics(4), "acn-sn3d")


def scene(*sources: Source, room: Room = HALL, **more: object) -> Scene:
    return Scene(sources, room, SECONDS, RATE_HZ, seed=7, **more)  # type: ignore[arg-type]


def dry(programme: Programme) -> FloatArray:
    """The objects on 7.1.4 (12, T), panned as their first blocks say."""
    total = np.zeros((12, N))
    for each in programme.audible:
        block = blocks_of(each, ticks(N, RATE_HZ))[0]
        direction = Direction(math.radians(block.azimuth_deg), math.radians(block.elevation_deg))
        total += block.gain * speaker_gains(SURROUND_7_1_4, direction.vector).T * each.audio.read(0, N)
    return total


def added_up(programme: Programme) -> FloatArray:
    """All of the programme on 7.1.4 (12, T): its HOA through our own decoder, heard by a head that is not turned."""
    total = dry(programme)
    for bed in programme.beds:
        sound = whole(bed.sound)
        if sound.layout.kind == "ambisonics":
            total += render(scene(room=Room(), bed=sound), [SURROUND_7_1_4], level_lufs=None)[0].samples
        else:
            total += sound.samples
    return total


def levelled(whole_scene: Scene) -> FloatArray:
    return render(whole_scene, [SURROUND_7_1_4], level_lufs=TARGET.level_lufs)[0].samples


def below_db(difference: FloatArray, reference: FloatArray) -> float:
    return 10 * math.log10(np.mean(np.square(difference, dtype=float)) / np.mean(np.square(reference, dtype=float)))


@pytest.mark.parametrize(
    "heard",
    [
        pytest.param(scene(DOG, CAR, RAIN), id="a hall"),
        pytest.param(scene(DOG, CAR, RAIN, listener=Direction(0.8, 0.3)), id="a turned listener"),
        pytest.param(scene(DOG, CAR, room=Room("outdoor")), id="outdoors"),
        pytest.param(scene(DOG, replace(CAR, muted=True), replace(RAIN, muted=True)), id="muted ones"),
        pytest.param(scene(source(5, 10, 0, 40.0), room=Room()), id="far away, through air"),
    ],
)
def test_objects_and_bed_are_our_render(heard: Scene) -> None:
    """Closed form: what stands still, panned by VBAP, and the bed differ from the render by less than -60 dB in all, and are at
    their loudness; no gain of an object says more than its own, its distance's and the programme's."""
    programme = programme_of(heard, TARGET)
    total, ours = added_up(programme), levelled(heard)
    assert below_db(total - ours, ours) < -90
    assert integrated_lufs(Audio(total.astype(np.float32), RATE_HZ, SURROUND_7_1_4)) == pytest.approx(-23, abs=0.1)
    own = [each for each in heard.sources if not (each.muted or each.is_bed)]
    assert [each.label for each in programme.audible] == [each.label for each in own]
    gains_db = [mine.gain_db - each.gain_db for mine, each in zip(programme.audible, own, strict=True)]
    np.testing.assert_allclose(gains_db, gains_db[0])


def test_the_room_is_in_the_bed_and_nothing_else() -> None:
    """Closed form: the bed of a click in a hall begins with its first reflection, by the ceiling 1.4 m above the ears; of the
    direct sound it has less than -60 dB (colours of a room are made of few filters)."""
    click = np.zeros((1, N), dtype=np.float32)
    click[0, 1000] = 0.5
    place = Trajectory.fixed(Direction(0.5), 2.0)
    programme = programme_of(scene(Source(Audio(click, RATE_HZ, MONO), place, "click")), TARGET)
    (bed,) = programme.beds
    heard = np.abs(bed.sound.read(0, N)).max(axis=0)
    ceiling = 1000 + (math.hypot(2.0, 2 * 1.4) - 2.0) / 343 * RATE_HZ
    assert int(np.argmax(heard > 0.1 * heard.max())) == pytest.approx(ceiling, abs=2)
    assert heard[: int(ceiling) - 20].max() < 1e-3 * np.abs(dry(programme)).max()


def test_the_lfe_is_in_the_bed() -> None:
    """Our render: the LFE of the bed is the whole LFE, and no object takes from it."""
    heard = scene(DOG, room=Room())
    (bed,) = programme_of(heard, TARGET).beds
    lfe = SURROUND_7_1_4.labels.index("LFE")
    samples = bed.sound.read(0, N)
    np.testing.assert_allclose(samples[lfe], levelled(heard)[lfe], atol=1e-7)
    assert np.abs(samples[lfe]).max() > 1e-4 and not np.delete(samples, lfe, axis=0).any()


def test_a_dry_scene_has_no_bed() -> None:
    """Nothing is left of a dry render without its objects; extent is no exception, though an ADM renderer spreads otherwise."""
    assert programme_of(scene(replace(DOG, lfe=False), source(6, 90, 0, 5.0, extent_rad=0.5), room=Room()), TARGET).beds == ()


def test_an_ambisonic_bed_stays_one() -> None:
    """Our render of a third-order bed for a turned listener, by our decoder, and the muted one that is left out; of a bed of
    fourth order the first 16 channels remain."""
    third = Audio(FIELD.samples[:16], RATE_HZ, ambisonics(3), "acn-sn3d")
    heard = scene(DOG, bed=third, bed_gain_db=-3.0, listener=Direction(1.0))
    programme, ours = programme_of(heard, TARGET), levelled(heard)
    assert [bed.sound.layout.name for bed in programme.beds] == ["7.1.4", "hoa3"]
    assert below_db(added_up(programme) - ours, ours) < -90
    assert [bed.label for bed in programme_of(replace(heard, bed_muted=True), TARGET).beds] == ["room and ambience"]
    _, fourth = programme_of(scene(DOG, bed=FIELD), TARGET).beds
    kept = fourth.sound.read(0, N)
    factor = kept[0] @ FIELD.samples[0] / (FIELD.samples[0] @ FIELD.samples[0])
    np.testing.assert_allclose(kept, factor * FIELD.samples[:16], atol=1e-6)


def test_what_moves_keeps_its_way_and_its_level() -> None:
    """The stem of a passing car at 1 m, whatever the distance law does on the way: within 0.5 % of the stem (a low tone, which
    air does not touch); there is no bed."""
    times_s = np.linspace(0, SECONDS, 16)
    places_m = np.stack([-3 + 6 * times_s / SECONDS, np.full(16, 1.5), np.zeros(16)], axis=1)
    distances_m = np.linalg.norm(places_m, axis=1)
    tone = (0.5 * np.sin(2 * np.pi * 100 * np.arange(N) / RATE_HZ)).astype(np.float32)[None]
    car = Source(Audio(tone, RATE_HZ, MONO), Trajectory(times_s, places_m / distances_m[:, None], distances_m), "car")
    programme = programme_of(scene(car, room=Room()), TARGET)
    (heard,) = programme.audible
    inner = slice(500, N - 500)
    np.testing.assert_allclose(heard.audio.read(0, N)[:, inner], tone[:, inner], atol=0.5 * 0.005)
    np.testing.assert_array_equal(heard.trajectory.distances_m, distances_m)
    assert programme.beds == ()


def test_no_track_passes_full_scale() -> None:
    """A stem at full scale, whose edges swing over in the air, and a wave whose W is larger than what any loudspeaker gets: the
    tracks end at full scale, and the sum is still our render at one gain."""
    square = np.sign(np.sin(2 * np.pi * 60 * np.arange(N) / RATE_HZ)).astype(np.float32)[None]
    far = Source(Audio(square, RATE_HZ, MONO), Trajectory.fixed(Direction(0.2), 20.0), "square")
    wave = Audio(np.array([[1.0], [1.0], [0.0], [0.0]], dtype=np.float32) * square, RATE_HZ, ambisonics(1), "acn-sn3d")
    for heard in (scene(far, room=Room()), scene(bed=wave, room=Room())):
        programme = programme_of(heard, Loudness(0.0, 0.0))
        (track,) = programme.sounds
        assert 0.99 < np.abs(track.read(0, N)).max() <= 1
        total, ours = added_up(programme), render(heard, [SURROUND_7_1_4], level_lufs=None)[0].samples
        gain = float(np.sum(total * ours) / np.sum(np.square(ours, dtype=float)))
        assert below_db(total - gain * ours, total) < -90
        assert true_peak_dbtp(Audio(total.astype(np.float32), RATE_HZ, SURROUND_7_1_4)) < 0.01


def test_a_room_of_pixels_is_refused() -> None:
    """It has microphones in place of directions."""
    pixels = Room("pixels", (600.0, 600.0, 600.0), (300.0, 300.0, 300.0), 0.0)
    with pytest.raises(InputError, match="six microphones and no objects"):
        programme_of(scene(DOG, room=pixels), TARGET)
