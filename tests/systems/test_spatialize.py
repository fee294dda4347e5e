"""SEE-2-SOUND as wired here. Oracles: planted objects at known pixels and the pinhole's closed form."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from planted import scenery, with_disc
from seehear.acoustics.microphones import pixel_room
from seehear.acoustics.render import render
from seehear.acoustics.sphere import direction_of_arrival
from seehear.adapters.cues import CueDepth, GraphSegmenter
from seehear.foley import FoleyGenerator
from seehear.systems.spatialize import Eyes, Geometry, SpatializeOptions, compose, sight
from seehear.systems.spatialize.candidates import Candidate, choose
from seehear.systems.spatialize.look import crop, overlap
from seehear.systems.spatialize.words import parse_object, parse_words
from seehear.types import FOA, MONO, Audio, ConceptScores, DepthMap, Image, InputError, Region, n_samples
from seehear.vision.depth import surface_depth
from seehear.vocabulary import concepts

HFOV_RAD = math.radians(60)


class RednessRecognizer:
    """Planted recogniser: a crop is a dog by its share of red, else unknown."""

    def recognize(self, images):
        shares = [float(((i.rgb[..., 0] > 180) & (i.rgb[..., 1] < 100)).mean()) for i in images]
        return [ConceptScores({"dog": share, "sea": 0.0}, 1 - share) for share in shares]


class NoiseGenerator:
    """Planted generator: seeded white noise."""

    def generate(self, prompt, duration_s, sample_rate_hz, rng):
        x = 0.05 * rng.standard_normal((1, n_samples(duration_s, sample_rate_hz)))
        return Audio(x.astype(np.float32), sample_rate_hz, MONO)


EYES = Eyes(GraphSegmenter(), CueDepth(), RednessRecognizer())
DRY = SpatializeOptions(room="none", rate_hz=16000, seconds=2.0)


def azimuth_of_pixel(x: float, width: int) -> float:
    """Closed form: atan of the offset from the middle over the focal length, left positive."""
    return math.atan((0.5 * width - x) / (0.5 * width / math.tan(HFOV_RAD / 2)))


def angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    return math.degrees(math.acos(float(np.clip(a @ b, -1, 1))))


def ray_of_pixel(x: float, y: float, width: int, height: int) -> np.ndarray:
    focal = 0.5 * width / math.tan(HFOV_RAD / 2)
    ray = np.array([focal, 0.5 * width - x, 0.5 * height - y])
    return ray / np.linalg.norm(ray)


@pytest.mark.parametrize(("x", "y"), [(80, 180), (320, 90), (560, 300)])
def test_a_found_disc_is_heard_where_it_is_seen(x: float, y: float) -> None:
    """Planted: the first-order direction of arrival of the rendered scene lies within 2 degrees of the disc's ray."""
    picture = Image(with_disc(scenery(), x, y, 36))
    sighting = sight([(0.0, picture)], EYES, Geometry(), n_sources=1)
    seen = [item for item in sighting.objects if item.origin == "seen"]
    assert [item.concept.name for item in seen] == ["dog"]
    scene = compose(replace(sighting, objects=tuple(seen)), NoiseGenerator(), DRY, 2.0)
    heard = direction_of_arrival(render(scene, [FOA], level_lufs=None)[0].samples)
    assert angle_deg(heard.vector, ray_of_pixel(x, y, 640, 360)) < 2


def test_an_object_named_at_a_point_is_exactly_there() -> None:
    """Closed form: the ray of the given point, found region or not, within 0.01 degrees in the scene."""
    for point in ((0.1, 0.3), (0.5, 0.5), (0.97, 0.9)):
        sighting = sight([(0.0, Image(scenery()))], EYES, Geometry(), objects=[f"dog@{point[0]},{point[1]}"])
        vector = sighting.objects[0].place.trajectory.directions[0]
        assert angle_deg(vector, ray_of_pixel(point[0] * 640, point[1] * 360, 640, 360)) < 0.01


def test_a_moving_disc_is_heard_along_its_path() -> None:
    """Planted: over a video of a disc crossing the picture, each half second's direction of arrival is within 5 degrees."""
    times = np.arange(0, 4, 0.4)
    xs = 80 + 480 * times / times[-1]
    frames = [(float(t), Image(with_disc(scenery(), x, 200, 30))) for t, x in zip(times, xs, strict=True)]
    sighting = sight(frames, EYES, Geometry(), objects=[f"dog@{xs[4] / 640},{200 / 360}"])
    scene = compose(sighting, NoiseGenerator(), DRY, 4.0, moves=True)
    foa = render(scene, [FOA], level_lufs=None)[0]
    errors = []
    for start in np.arange(0.5, 3.0, 0.5):
        part = foa.samples[:, round(start * 16000) : round((start + 0.5) * 16000)]
        x = np.interp(start + 0.25, times, xs)
        errors.append(abs(math.degrees(direction_of_arrival(part).azimuth_rad - azimuth_of_pixel(x, 640))))
    assert max(errors) < 5


def test_a_disc_that_leaves_falls_silent() -> None:
    """Planted: a thing seen only in the first half is heard only then (and a fade long)."""
    times = np.arange(0, 4, 0.4)
    frames = [(float(t), Image(with_disc(scenery(), 200 + 30 * t, 200, 30) if t < 2 else scenery())) for t in times]
    sighting = sight(frames, EYES, Geometry(), objects=["dog@0.34,0.55"])
    stem = compose(sighting, NoiseGenerator(), DRY, 4.0, moves=True).sources[0].audio.samples[0]
    assert np.abs(stem[: 1 * 16000]).max() > 0.05
    assert np.abs(stem[round(2.7 * 16000) :]).max() == 0


def test_words_win_over_recognition() -> None:
    """What is said sounds, in that order, and nothing else does."""
    picture = Image(with_disc(scenery(), 480, 200, 40))
    sighting = sight([(0.0, picture)], EYES, Geometry(), say="dogs, sea waves,rain")
    assert [item.concept.name for item in sighting.objects] == ["dog", "sea", "rain"]
    assert sighting.objects[0].place.trajectory.directions[0][1] < 0, "the dog is the red disc on the right"
    assert sighting.objects[2].place.extent_rad == pytest.approx(2 * math.pi)
    assert sighting.room_kind == "outdoor", "sea and rain are outdoors"


def test_unknown_words_name_the_nearest() -> None:
    """A misspelt word gives one sentence with what may have been meant."""
    with pytest.raises(InputError, match="helicopter"):
        parse_words("helicoptor")
    for text in ("dog@", "dog@1", "dog@a,b", "dog@0.5,1.2", "dog@nan,0", "@0.5,0.5"):
        with pytest.raises(InputError):
            parse_object(text)
    assert parse_object("dogs@0.25,1")[1] == (0.25, 1.0)


def test_a_blank_wall_gets_room_tone_and_says_so() -> None:
    """Planted: a picture with nothing in it invents no source."""
    wall = np.clip(np.random.default_rng(1).normal(190, 2, (300, 400, 3)), 0, 255).astype(np.uint8)
    sighting = sight([(0.0, Image(wall))], EYES, Geometry())
    assert [item.concept.name for item in sighting.objects] == ["room tone"]
    assert "nothing in it sounds" in sighting.notes[0]


def test_what_is_not_recognised_is_not_invented() -> None:
    """Planted: with every region unknown there is an ambience, no source, and a note."""
    picture = Image(with_disc(scenery(), 300, 200, 40, (60, 90, 60)))
    sighting = sight([(0.0, picture)], EYES, Geometry())
    assert {item.origin for item in sighting.objects} == {"ambience"}
    assert sighting.uncertain
    assert sighting.notes


def test_a_dark_middle_does_not_silence_a_video() -> None:
    """Planted: with the middle third black, the disc of the other frames is still recognised."""
    bright, dark = Image(with_disc(scenery(), 320, 200, 40)), Image(np.zeros((360, 640, 3), np.uint8))
    frames = [(0.4 * i, dark if 3 <= i < 6 else bright) for i in range(9)]
    sighting = sight(frames, EYES, Geometry())
    assert "dog" in {item.concept.name for item in sighting.objects}


def test_a_word_takes_a_region_that_no_object_has() -> None:
    """Planted: an object placed on the disc leaves the disc to it; the said word goes elsewhere."""
    picture = Image(with_disc(with_disc(scenery(), 160, 200, 40), 480, 200, 40, (40, 60, 220)))
    sighting = sight([(0.0, picture)], EYES, Geometry(), objects=["cat@0.25,0.56"], say="dog")
    cat, dog = sighting.objects
    assert cat.place.box != dog.place.box


def test_a_surface_is_heard_beyond_what_stands_on_it() -> None:
    """Closed form: on a plane of log-uniform rows, half of what is heard lies beyond the geometric middle of near and far."""
    depth = DepthMap(np.repeat(np.linspace(1, 0, 200, dtype=np.float32)[:, None], 10, axis=1))
    everything = Region(np.ones((200, 10), bool), (0, 0, 10, 200))
    # Weight (far / near)^d over uniform d in 0..1: the half-way depth is log((1 + far / near) / 2) / log(far / near).
    assert surface_depth(depth, everything, 1, 10) == pytest.approx(math.log10(5.5), abs=0.01)


def test_two_dogs_are_not_in_step() -> None:
    """Two stems of one concept and seed are uncorrelated; the same call twice gives the same bytes."""
    sighting = sight([(0.0, Image(scenery()))], EYES, Geometry(), objects=["dog@0.2,0.5", "dog@0.8,0.5"])
    scene, again = (compose(sighting, FoleyGenerator(), DRY, 4.0) for _ in range(2))
    a, b = (source.audio.samples[0].astype(float) for source in scene.sources)
    assert abs(np.corrcoef(np.abs(a), np.abs(b))[0, 1]) < 0.5
    assert all(np.array_equal(x.audio.samples, y.audio.samples) for x, y in zip(scene.sources, again.sources, strict=True))


@pytest.mark.parametrize("seconds", [0.1, 1.234, 3.0])
def test_stems_are_sample_exact_and_end_softly(seconds: float) -> None:
    """Closed form: round(seconds * rate) samples, zero at both ends of a still."""
    sighting = sight([(0.0, Image(scenery()))], EYES, Geometry(), say="wind")
    stem = compose(sighting, FoleyGenerator(), DRY, seconds).sources[0].audio.samples[0]
    assert len(stem) == round(seconds * 16000)
    assert max(abs(stem[0]), abs(stem[-1])) < 1e-3 * np.abs(stem).max()


def region(x0: int, y0: int, x1: int, y1: int, polygon=None) -> Region:
    mask = np.zeros((100, 100), bool)
    mask[y0:y1, x0:x1] = True
    return Region(mask, (x0, y0, x1, y1), 0.5, polygon)


def test_choice_is_spread_out() -> None:
    """Planted: no second texture of a kind, no second source over one place, best first."""
    dog, sea = concepts()["dog"], concepts()["sea"]
    left, left_again, right = region(0, 0, 40, 40), region(2, 2, 40, 40), region(60, 60, 100, 100)
    several = [
        Candidate(left, sea, 0.6, 0.6, 0.5),
        Candidate(right, sea, 0.9, 0.9, 0.5),
        Candidate(left_again, dog, 0.8, 0.8, 0.5),
        Candidate(region(44, 0, 58, 20), dog, 0.7, 0.3, 0.5),
    ]
    chosen = choose(several, 5)
    assert [(c.concept.name, c.what) for c in chosen] == [("sea", right), ("dog", left_again)]
    assert len(choose(several, 1)) == 1


def test_a_second_sound_needs_more_than_the_first() -> None:
    """Planted: a weak best candidate is heard, alone; a sure one brings along what reaches 0.4, and nothing below."""
    dog, sea, car = (concepts()[name] for name in ("dog", "sea", "car"))
    places = region(0, 0, 30, 30), region(40, 0, 70, 30), region(0, 60, 30, 90)

    def heard(*scores: float) -> list[str]:
        planted = [Candidate(p, c, s, s, 0.5) for p, c, s in zip(places, (dog, sea, car), scores, strict=True)]
        return [c.concept.name for c in choose(planted, 3)]

    assert heard(0.26, 0.25, 0.25) == ["dog"]
    assert heard(0.39, 0.9, 0.41) == ["sea", "car"]


def test_overlap_is_intersection_over_union() -> None:
    """Closed form."""
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0


def test_a_hull_crop_hides_what_is_outside() -> None:
    """Planted: with eq. 1 the recogniser sees no pixel outside the polygon, with eq. 2 the whole box."""
    rgb = np.zeros((100, 100, 3), np.uint8)
    rgb[:, 50:] = 255
    triangle = ((10.0, 10.0), (10.0, 90.0), (50.0, 50.0))
    boxed = crop(Image(rgb), (10, 10, 90, 90))
    hulled = crop(Image(rgb), (10, 10, 90, 90), triangle)
    assert (boxed.rgb == 255).any()
    assert not (hulled.rgb == 255).any()


def test_options_refuse_what_cannot_be() -> None:
    """Every limit is a sentence that names the flag."""
    bad = {
        "seconds": -1,
        "sources": 0,
        "outline": "circle",
        "fov_deg": 200,
        "near_m": 5.0,
        "room": "cave",
        "seed": -1,
        "rate_hz": 4,
        "loudness": 3,
    }
    for name, value in bad.items():
        extra = {"far_m": 2.0} if name == "near_m" else {}
        with pytest.raises(InputError):
            SpatializeOptions(**{name: value}, **extra)


def test_the_geometry_of_the_paper() -> None:
    """Published numbers (appendix E): a red disc at column 300, row 200 of an 800 x 600 picture stands there in the room of
    w x h x 0.5 w pixels; nothing is added around it, and the rate is 16 kHz."""
    rgb = np.full((600, 800, 3), 90, np.uint8)
    rows, columns = np.mgrid[:600, :800]
    rgb[np.hypot(columns - 300, rows - 200) < 60] = (230, 30, 30)
    sighting = sight([(0.0, Image(rgb))], EYES, Geometry(pixels=(800, 600)))
    assert [item.concept.name for item in sighting.objects] == ["dog"]
    options = SpatializeOptions(geometry="paper", seconds=2.0)
    scene = compose(sighting, NoiseGenerator(), options, 2.0, room=pixel_room(800, 600))
    assert (scene.sample_rate_hz, scene.room.size_m) == (16000, (400.0, 800.0, 600.0))
    directions, distances = scene.sources[0].trajectory.at(np.zeros(1))
    x, y, z = directions[0] * distances[0] + scene.room.listener_m
    assert y == pytest.approx(800 - 300, abs=4)
    assert z == pytest.approx(600 - 200, abs=4)
    assert 0 < x < 400
    with pytest.raises(InputError, match="six microphones"):
        render(scene, [FOA])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layout": "binaural"}, "six microphones"),
        ({"fov_deg": 60.0}, "--fov has no effect"),
        ({"room": "hall"}, "--room has no effect"),
        ({"say": "dog, rain"}, "rain is all around"),
    ],
)
def test_the_paper_refuses_what_its_room_cannot_give(change: dict, said: str) -> None:
    """Planted: each option that a room of pixels would ignore."""
    with pytest.raises(InputError, match=said):
        SpatializeOptions(geometry="paper", **change)
