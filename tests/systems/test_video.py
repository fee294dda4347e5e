"""Videos: shots, motion, panoramas. Oracle of every test: pictures with planted cuts, jumps, words and paths."""

from __future__ import annotations

import math
import sys
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from planted import scenery, with_disc
from seehear.acoustics.render import render
from seehear.acoustics.sphere import direction_of_arrival
from seehear.adapters.cues import GraphSegmenter
from seehear.systems.spatialize import Eyes, Geometry, SpatializeOptions, compose, keyframe_times, sight, watch
from seehear.systems.spatialize.compose import ENTRY_FADE_S
from seehear.systems.spatialize.shots import CROSS_FADE_S, CUT_FADE_S
from seehear.systems.spatialize.timing import at_times, events_in, follow
from seehear.systems.spatialize.watch import MotionSpool
from seehear.types import FOA, MONO, Audio, ConceptScores, DepthMap, Image, n_samples
from seehear.vision.cuts import Shot
from seehear.vision.egomotion import Similarity
from seehear.vision.regions import region_of

RATE_HZ = 16000
DRY = SpatializeOptions(room="none", rate_hz=RATE_HZ)
Frames = list[tuple[float, Image]]


class RednessRecognizer:
    """Planted: a crop is a dog by its share of red, a cat by its share of blue, half as surely a dog by that of blue."""

    def recognize(self, images):
        found = []
        for image in images:
            r, g, b = (image.rgb[..., i].astype(int) for i in range(3))
            red, blue = float(((r > 180) & (g < 100)).mean()), float(((b > 180) & (g < 100)).mean())
            found.append(ConceptScores({"dog": 0.9 * red + 0.6 * blue, "cat": 0.4 * blue}, 1 - 0.9 * red - blue))
        return found


class Clicks:
    """Planted generator: a 30 ms burst every 0.5 s from 0.2 s on for events, seeded noise for what goes on."""

    def generate(self, prompt, duration_s, sample_rate_hz, rng):
        x = 0.1 * rng.standard_normal(n_samples(duration_s, sample_rate_hz))
        if prompt.concept in ("dog", "cat"):
            t = np.arange(len(x)) / sample_rate_hz
            x *= ((t - 0.2) % 0.5 < 0.03) & (t >= 0.2)
        return Audio(x.astype(np.float32)[None], sample_rate_hz, MONO)


class ColourSegmenter:
    """Planted: what is much more or less red than grey is one region."""

    def segment(self, image):
        spread = np.ptp(image.rgb.astype(int), axis=-1)
        return [region_of(spread > 90, image, saliency=0.5)] if (spread > 90).any() else []


class NothingSegmenter:
    """Planted: sees no regions, so that only motion tells of a thing."""

    def segment(self, image):
        return []


class EvenDepth:
    """Planted: everything is half way."""

    def estimate_depth(self, image, regions):
        return DepthMap(np.full(image.rgb.shape[:2], 0.5, np.float32))


EYES = Eyes(ColourSegmenter(), EvenDepth(), RednessRecognizer())
GRAPH_EYES = Eyes(GraphSegmenter(), EvenDepth(), RednessRecognizer())
FLAT = Geometry()


@pytest.fixture(autouse=True)
def one_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """All frames of a shot are alike here: one look tells its materials as well as five."""
    monkeypatch.setattr(sys.modules[sight.__module__], "REFERENCE_LOOKS", 1)


def small(image: Image) -> Image:
    return Image(np.ascontiguousarray(image.rgb[::2, ::2]))


def seen(frames: Frames, duration_s: float, geometry: Geometry = FLAT, eyes: Eyes = EYES, **asked):
    """The sighting of a video of which these are all frames, as the verb makes it."""
    watched = watch(((t, small(f)) for t, f in frames), duration_s, wraps=geometry.equirectangular)
    times = np.array([t for t, _ in frames])
    picks = sorted({int(np.searchsorted(times, t - 1e-6)) for t in keyframe_times(watched.shots, duration_s)})
    return sight([frames[i] for i in picks if i < len(frames)], eyes, geometry, watched=watched, **asked)


@cache
def backdrop(width: int, height: int, seed: int) -> np.ndarray:
    return scenery(width, height, seed)


def picture(x: float, y: float = 100, colour=(220, 60, 30), seed: int = 0, index: int = 0) -> Image:
    """A disc at (x, y) of 320 x 180 pixels, with sensor noise."""
    noise = np.random.default_rng(1000 + index).normal(0, 1.5, (180, 320, 1))
    shown = with_disc(backdrop(320, 180, seed), x, y, 18, colour)
    return Image(np.clip(shown + noise, 0, 255).astype(np.uint8))


def stem_onsets(x: np.ndarray, quiet_s: float = 0.15) -> list[float]:
    """When sound begins after silence."""
    loud = np.flatnonzero(np.abs(x) > 0.1 * np.abs(x).max()) / RATE_HZ
    return [loud[0], *(b for a, b in pairwise(loud) if b - a > quiet_s)]


def test_keyframes_of_a_long_video_are_as_few() -> None:
    """Closed form: every 0.3 s up to 60 of them, then a 60th of the length apart; three at least of every shot."""
    assert keyframe_times([Shot(0.0, 3.0, (0.0, 3.0))], 3.0) == pytest.approx(np.arange(10) * 0.3)
    assert keyframe_times([Shot(0.0, 600.0, (0.0, 600.0))], 600.0) == pytest.approx(np.arange(60) * 10.0)
    shots = [Shot(i * 1.0, i + 1.0, (i * 1.0, i + 1.0)) for i in range(100)]
    assert keyframe_times(shots, 100.0) == pytest.approx(np.arange(300) / 3)


def test_the_camera_of_a_part_is_that_of_the_whole() -> None:
    """Closed form: steps of a zoom z -> 1.1 z + 0.01, one after the other; the maps are those of their frames, the first one
    that of the second, since nothing is known before."""
    spool, step = MotionSpool(), Similarity(1.1, 0.01)
    for i in range(6):
        spool.add(0.1 * i, step, None if i == 0 else np.full((2, 3), i, np.uint8))
    part = spool.within(0.2, 0.5)
    assert part.times_s == pytest.approx([0.2, 0.3, 0.4]) and part.maps[:, 0, 0].tolist() == [2, 3, 4]
    assert part.camera.turns == pytest.approx(1.1 ** np.arange(2, 5))
    assert part.camera.shifts == pytest.approx(0.01 * (1.1 ** np.arange(2, 5) - 1) / 0.1)
    assert spool.within(0.0, 0.15).maps[:, 0, 0].tolist() == [1, 1]


def test_a_jumping_disc_sounds_when_it_jumps() -> None:
    """Jumps of 24 px at 0.8, 1.6 and 2.4 s of a 12.5 Hz video: the stem's onsets within a frame and 20 ms of them."""
    jumps, step_s = (0.8, 1.6, 2.4), 0.08
    times = step_s * np.arange(38)
    frames = [(float(t), picture(100 + 24 * sum(t >= j - 1e-6 for j in jumps), index=i)) for i, t in enumerate(times)]
    sighting = seen(frames, 3.04)
    (dog,) = [item for item in sighting.objects if item.concept.name == "dog"]
    assert dog.motion is not None
    scene = compose(sighting, Clicks(), DRY, 3.04, moves=True)
    np.testing.assert_allclose(stem_onsets(scene.sources[0].audio.samples[0]), jumps, atol=step_s + 0.02)


def test_a_cut_ends_one_source_and_begins_another() -> None:
    """A red disc left for 0.96 s, after the cut a blue one right: each is heard in its own shot, faded over 80 ms."""
    frames = [(0.08 * i, picture(80, index=i)) for i in range(12)]
    frames += [(0.08 * i, Image(255 - picture(240, 80, (20, 190, 20), 1, i).rgb)) for i in range(12, 24)]
    sighting = seen(frames, 1.92, objects=["sea@0.25,0.55"])
    assert [round(a, 6) for a, _ in sighting.shots_s] == [0.0, 0.96]
    first, second = sighting.objects
    assert first.place.active_s == (0.0, pytest.approx(0.96))
    assert second.place.active_s == (pytest.approx(0.96), math.inf)
    assert first.place.trajectory.is_static
    stems = [s.audio.samples[0] for s in compose(sighting, Clicks(), DRY, 1.92, moves=True).sources]
    cut = round(0.96 * RATE_HZ)
    assert np.abs(stems[0][cut:]).max() == 0
    assert np.abs(stems[1][:cut]).max() == 0
    near = np.abs(stems[0][cut - 400 : cut]).mean() / np.abs(stems[0][: cut // 2]).mean()
    assert near < 0.5, f"the last 25 ms of {CUT_FADE_S} s are faded"


def test_an_ambience_goes_on_over_a_cut() -> None:
    """Closed form: a said ambience is one source; two of different shots overlap by the cross-fade with constant power."""
    frames = [(0.08 * i, picture(80, seed=0, index=i)) for i in range(8)]
    frames += [(0.08 * i, Image(255 - picture(240, seed=1, index=i).rgb)) for i in range(8, 16)]
    sighting = seen(frames, 1.28, say="rain")
    assert len(sighting.shots_s) == 2
    (rain,) = sighting.objects
    assert (rain.place.active_s, rain.fades_s) == ((0.0, math.inf), (None, None))
    t = (np.arange(1000) + 0.5) / 1000
    assert np.ptp(np.sin(0.5 * np.pi * t) ** 2 + np.sin(0.5 * np.pi * t[::-1]) ** 2) < 1e-12
    assert CROSS_FADE_S < 1 and ENTRY_FADE_S > CUT_FADE_S


def test_words_are_assigned_together() -> None:
    """The blue disc fits "dog" and "cat", the red one only "dog", less surely per word than blue: both words find their own."""
    rgb = with_disc(with_disc(scenery(), 480, 200, 36, (220, 60, 30)), 160, 200, 44, (40, 60, 220))
    for words in ("dog, cat", "cat, dog"):
        sighting = sight([(0.0, Image(rgb))], GRAPH_EYES, FLAT, say=words)
        sides = {item.concept.name: item.place.trajectory.directions[0, 1] for item in sighting.objects}
        assert sides["cat"] > 0 > sides["dog"]


def test_a_still_disc_under_noise_stands_still() -> None:
    """Each keyframe sees the disc with sensor noise and 1 px of jitter: one place, within 0.3 degrees of the truth."""
    rng = np.random.default_rng(5)
    frames = [(0.3 * i, picture(240 + rng.normal(0, 1), 100 + rng.normal(0, 1), index=i)) for i in range(8)]
    sighting = sight(frames, EYES, FLAT, objects=["dog@0.75,0.55"])
    trajectory = sighting.objects[0].place.trajectory
    assert len(trajectory.times_s) == 1
    azimuth = math.degrees(math.atan2(trajectory.directions[0, 1], trajectory.directions[0, 0]))
    assert azimuth == pytest.approx(math.degrees(math.atan((320 - 480) / (320 / math.tan(math.radians(30))))), abs=0.3)


def test_a_placed_word_follows_what_rests_and_leaps() -> None:
    """A disc rests twice at the point, then leaps by up to 100 px; nothing but its motion tells of it.

    Planted: where it was.
    """
    columns = [60, 60, 160, 260, 220, 240]
    frames = [(0.3 * i, picture(x, index=i)) for i, x in enumerate(columns)]
    blind = Eyes(NothingSegmenter(), EvenDepth(), RednessRecognizer())
    (dog,) = sight(frames, blind, FLAT, objects=["dog@0.1875,0.555"]).objects
    assert dog.place.active_s == (0.0, math.inf)
    np.testing.assert_allclose(dog.place.trajectory.times_s, 0.3 * np.arange(6))
    azimuths = np.degrees(np.arctan2(dog.place.trajectory.directions[:, 1], dog.place.trajectory.directions[:, 0]))
    truth = np.degrees(np.arctan((160 - np.array(columns)) / (160 / math.tan(math.radians(30)))))
    assert np.corrcoef(azimuths, truth)[0, 1] > 0.9, "smoothed"
    assert azimuths[0] == pytest.approx(truth[0], abs=5)


def test_a_disc_goes_round_through_the_seam_of_a_panorama() -> None:
    """A disc circles from 100 degrees left over the back to 100 degrees right: what is heard follows within 5 degrees."""
    step_s, n = 0.15, 26
    azimuths = 100 + 160 * np.arange(n) / (n - 1)
    frames: Frames = []
    for i, azimuth in enumerate(azimuths):
        x = 320 * (0.5 - azimuth / 360)
        shown = backdrop(320, 160, 0)
        for turn in (0, 320):
            shown = with_disc(shown, x + turn, 80, 10)
        frames.append((step_s * i, Image(shown)))
    x = 0.5 - azimuths[0] / 360
    sighting = seen(frames, n * step_s, Geometry(equirectangular=True), GRAPH_EYES, objects=[f"sea@{x},0.5"])
    scene = compose(sighting, Clicks(), DRY, n * step_s, moves=True)
    foa = render(scene, [FOA], level_lufs=None)[0]
    for start_s in np.arange(0.4, 3.3, 0.4):
        part = foa.samples[:, round(start_s * RATE_HZ) : round((start_s + 0.2) * RATE_HZ)]
        heard = math.degrees(direction_of_arrival(part).azimuth_rad) % 360
        assert heard == pytest.approx(float(np.interp(start_s + 0.1, step_s * np.arange(n), azimuths)), abs=5)


def test_events_are_cut_apart_and_placed() -> None:
    """Planted bursts are found where they are, and placed to the sample's lead of 3 ms where they are wanted."""
    clip = Clicks().generate(type("P", (), {"concept": "dog"}), 2.0, RATE_HZ, np.random.default_rng(0)).samples[0]
    starts = [event.start / RATE_HZ for event in events_in(clip, RATE_HZ)]
    np.testing.assert_allclose(starts, [0.2, 0.7, 1.2, 1.7], atol=0.009)
    placed = at_times(clip, [0.5, 1.25, 2.0], 3.0, RATE_HZ)
    assert len(placed) == 3 * RATE_HZ
    np.testing.assert_allclose(stem_onsets(placed), [0.5, 1.25, 2.0], atol=0.009)
    assert events_in(np.zeros(100, np.float32), RATE_HZ) == []


def test_a_level_follows_its_curve() -> None:
    """Closed form: noise under a curve of +6 dB and -6 dB has those levels, within 0.1 dB."""
    x = np.random.default_rng(0).normal(0, 0.1, 3 * RATE_HZ).astype(np.float32)
    y = follow(x, np.array([1.0, 2.0]), np.array([6.0, -6.0]), RATE_HZ)
    for part, gain_db in ((slice(0, RATE_HZ), 6.0), (slice(2 * RATE_HZ, None), -6.0)):
        assert 10 * np.log10((y[part] ** 2).mean() / (x[part] ** 2).mean()) == pytest.approx(gain_db, abs=0.1)
