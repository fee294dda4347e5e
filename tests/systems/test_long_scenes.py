"""Scenes of more than a minute: lanes, stems made piece by piece, memory. Oracle of every test: planted objects and sounds."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from seehear.foley import FoleyGenerator
from seehear.io.streams import Spool
from seehear.systems.spatialize import Sighting, SoundingObject, SpatializeOptions, compose
from seehear.systems.spatialize.compose import ENTRY_FADE_S
from seehear.systems.spatialize.lanes import REST_S, lanes_of, most_likely, span_s
from seehear.systems.spatialize.motion import SeenMotion
from seehear.systems.spatialize.place import SURROUND, Place
from seehear.systems.spatialize.shots import CROSS_FADE_S
from seehear.systems.spatialize.sounding import LONG_S
from seehear.systems.spatialize.timing import at_times, placed_events
from seehear.types import MONO, Audio, Direction, Image, Scene, Trajectory, blocks, n_samples
from seehear.verbs.report import source_reports
from seehear.vocabulary import concepts

RATE_HZ = 8000
DRY = SpatializeOptions(room="none", rate_hz=RATE_HZ)
BLACK = Image(np.zeros((8, 8, 3), np.uint8))
ALWAYS = (0.0, math.inf)


class Ones:
    """Planted generator: full scale all the time."""

    def generate(self, prompt, duration_s, sample_rate_hz, rng):
        return Audio(np.ones((1, n_samples(duration_s, sample_rate_hz)), np.float32), sample_rate_hz, MONO)


class Noise:
    """Planted generator: seeded white noise."""

    def generate(self, prompt, duration_s, sample_rate_hz, rng):
        x = 0.05 * rng.standard_normal((1, n_samples(duration_s, sample_rate_hz)), dtype=np.float32)
        return Audio(x, sample_rate_hz, MONO)


def thing(name: str, active_s: tuple[float, float], azimuth_rad: float = 0.0, **how) -> SoundingObject:
    """A thing that moves by a tenth of a radian while it is there."""
    times = np.linspace(active_s[0] + 0.1, min(active_s[1], active_s[0] + 10) - 0.1, 3)
    vectors = np.array([Direction(azimuth_rad + 0.05 * k).vector for k in range(3)])
    place = Place(Trajectory(times, vectors, 2.0 + np.arange(3)), 0.0, active_s)
    return SoundingObject(concepts()[name], how.pop("score", 0.9), "seen", place, **how)


def around(name: str, active_s: tuple[float, float], fades_s=(None, None)) -> SoundingObject:
    return SoundingObject(concepts()[name], 1.0, "ambience", replace(SURROUND, active_s=active_s), -6.0, fades_s=fades_s)


def film(n_shots: int, shot_s: float) -> list[SoundingObject]:
    """Two dogs and now and then a cat in every shot, which begin and end with it."""
    rng = np.random.default_rng(0)
    found = []
    for k in range(n_shots):
        names = ["dog", "dog"] + ["cat"] * (k % 3 == 0)
        found += [thing(name, (k * shot_s, (k + 1) * shot_s), rng.uniform(-1, 1)) for name in names]
    return found


def scene_of(objects, duration_s: float, generator=None) -> Scene:
    return compose(Sighting(tuple(objects), "outdoor", BLACK), generator or Noise(), DRY, duration_s, moves=True)


def samples(scene: Scene, index: int = 0) -> np.ndarray:
    return np.concatenate([block[0] for block in blocks(scene.sources[index].audio)])


def test_every_object_is_in_one_lane_and_no_lane_overlaps() -> None:
    """Planted film of 40 shots: a partition; rests of 0.6 s within a lane; as few lanes as sound at once (twice that here,
    as neighbouring shots touch); names in order."""
    objects = film(40, 5.0)
    lanes = lanes_of(objects, 200.0)
    assert sorted(index for lane in lanes for index in lane.indices) == list(range(len(objects)))
    for lane in lanes:
        assert all(item is objects[index] for item, index in zip(lane.objects, lane.indices, strict=True))
        spans = [span_s(item, 200.0) for item in lane.objects]
        assert all(before[1] + REST_S <= after[0] for before, after in pairwise(spans))
    assert [lane.label for lane in lanes] == ["dog", "dog 2", "cat", "dog 3", "dog 4"]
    assert [lane.label for lane in lanes_of(objects[:3], LONG_S)] == ["dog", "dog", "cat"], "a short scene has none"


def test_a_lane_goes_through_the_points_of_its_objects() -> None:
    """Planted points: directions and distances at every sighting, and at both ends of each span, within 1e-9."""
    for lane in lanes_of(film(30, 4.0), 120.0):
        path = lane.trajectory(120.0)
        for item in lane.objects:
            own = item.place.trajectory
            at = np.concatenate([own.times_s, span_s(item, 120.0)])
            for got, wanted in zip(path.at(at), own.at(at), strict=True):
                np.testing.assert_allclose(got, wanted, atol=1e-9)


def test_of_many_lanes_the_likely_ones_stay_as_they_are() -> None:
    """Planted: without the least likely lanes the others are the same lanes; what is seen longest goes last."""
    objects = film(40, 5.0)
    lanes = lanes_of(objects, 200.0)
    kept = most_likely(objects, 200.0, 3)
    again = lanes_of(kept, 200.0)
    assert {tuple(map(id, lane.objects)) for lane in again} <= {tuple(map(id, lane.objects)) for lane in lanes}
    assert len(again) == 3 and all(lane.objects[0].concept.name == "dog" for lane in again)


def test_stems_of_a_long_scene_are_exact_silent_between_and_levelled() -> None:
    """Closed form: ones from 10 to 25 s and, 6 dB softer, from 70 to 75 s; fades of 0.35 s; zero elsewhere; odd length."""
    loud, soft = thing("dog", (10.0, 25.0)), thing("dog", (70.0, 75.0), level_db=-6.0)
    scene = scene_of([loud, soft], 90.00013, Ones())
    (source,) = scene.sources
    assert isinstance(source.audio, Spool)
    assert source.gain_db == concepts()["dog"].level_db
    x = samples(scene)
    assert len(x) == n_samples(90.00013, RATE_HZ)
    for item, level in ((loud, 1.0), (soft, 10 ** (-6 / 20))):
        start, stop = (round(edge * RATE_HZ) for edge in item.place.active_s)
        fade = round(ENTRY_FADE_S * RATE_HZ)
        np.testing.assert_allclose(x[start + fade : stop - fade], level, rtol=1e-6)
        np.testing.assert_allclose(x[start + fade // 2], level / 2, rtol=2e-3)
        x[start:stop] = 0
    assert not x.any()


def test_an_ambience_that_changes_over_a_cut_keeps_its_power() -> None:
    """Closed form: wind until 50 s, leaves from there on, cross-faded: the power of both together stays within 0.5 dB."""
    half = CROSS_FADE_S / 2
    scene = scene_of(
        [
            around("wind", (0.0, 50 + half), (None, CROSS_FADE_S)),
            around("leaves", (50 - half, math.inf), (CROSS_FADE_S, None)),
        ],
        100.0,
    )
    mixed = samples(scene, 0) + samples(scene, 1)
    power_db = 10 * np.log10(np.square(mixed[RATE_HZ:-RATE_HZ].astype(float)).reshape(-1, RATE_HZ // 2).mean(axis=1))
    assert np.abs(power_db - np.median(power_db)).max() < 0.5


def test_a_texture_of_minutes_joins_without_a_dip() -> None:
    """Closed form: noise of one loudness under every join of its pieces, within 0.5 dB; its level curve on top."""
    curve = SeenMotion(times_s=np.array([0.0, 150.0, 151.0]), gain_db=np.array([0.0, 0.0, 6.0]))
    scene = scene_of([thing("sea", ALWAYS, motion=curve)], 300.0)
    x = samples(scene)
    power_db = 10 * np.log10(np.square(x[RATE_HZ:-RATE_HZ].astype(float)).reshape(-1, RATE_HZ // 2).mean(axis=1))
    power_db[(2 * 150 - 2) :] -= 6.0
    power_db = np.delete(power_db, range(295, 305))
    assert np.abs(power_db - np.median(power_db)).max() < 0.5


def test_seen_events_of_a_long_scene() -> None:
    """Independent path: the events placed one by one into a spool are those that `at_times` places into one array."""
    times_s = tuple(np.cumsum(np.random.default_rng(3).uniform(0.05, 9.0, 60)).tolist())
    duration_s = times_s[-1] + 3.0
    scene = scene_of([thing("dog", ALWAYS, motion=SeenMotion(times_s))], duration_s, FoleyGenerator())
    clip = FoleyGenerator().generate(
        type("P", (), {"concept": "dog"})(), 8.0, RATE_HZ, np.random.default_rng(np.random.SeedSequence(0).spawn(1)[0])
    )
    whole = at_times(clip.samples[0], times_s, duration_s, RATE_HZ)
    fade = round(0.02 * RATE_HZ)
    np.testing.assert_allclose(samples(scene)[fade:-fade], whole[fade:-fade], atol=1e-7)
    firsts = [first for first, _ in placed_events(clip.samples[0], times_s, len(whole), RATE_HZ)]
    np.testing.assert_allclose(np.array(firsts) / RATE_HZ, times_s, atol=0.0032)


@pytest.mark.slow
def test_memory_of_a_long_scene_does_not_grow() -> None:
    """Measured by tracemalloc: twelve minutes of ambience, texture, events and shots take 15 % more than two at most."""

    def peak(minutes: int) -> int:
        objects = [*film(8 * minutes, 7.5), around("wind", ALWAYS), thing("sea", ALWAYS), thing("bird", ALWAYS)]
        tracemalloc.start()
        try:
            scene_of(objects, 60.0 * minutes, FoleyGenerator())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)
    assert peak(12) < 1.15 * peak(2)


def test_the_report_of_a_lane_tells_its_segments() -> None:
    """Planted: a dog left from 5 s on for 20 s, then one right from 70 s for 5 s: the first stands for the source."""
    objects = (thing("dog", (5.0, 25.0), 0.5, score=0.7), thing("dog", (70.0, 75.0), -0.5, score=0.9))
    sighting = Sighting(objects, "outdoor", BLACK)
    (told,) = source_reports(sighting, scene_of(objects, 90.0), 1.0)
    assert (told["label"], told["from_s"], told["to_s"], told["score"], told["moves"]) == ("dog", 5.0, 75.0, 0.7, True)
    assert told["azimuth_deg"] == pytest.approx(math.degrees(0.55), abs=0.06)
    assert [(each["from_s"], each["to_s"], each["score"]) for each in told["segments"]] == [(5.0, 25.0, 0.7), (70.0, 75.0, 0.9)]
    assert told["segments"][1]["azimuth_deg"] == pytest.approx(math.degrees(-0.45), abs=0.06)
    (alone,) = source_reports(replace(sighting, objects=objects[:1]), scene_of(objects[:1], 90.0), 1.0)
    assert "segments" not in alone
