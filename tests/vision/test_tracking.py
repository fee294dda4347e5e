from pathlib import Path

import numpy as np
import pytest

from seehear.types import Image, InputError
from seehear.vision.egomotion import STILL, CameraPath, Similarity
from seehear.vision.regions import region_of
from seehear.vision.tracking import Keyframe, Track, keyframe_regions, link_tracks, motion_regions, smooth, stands_still

WIDTH, HEIGHT = 320, 180
RED, BLUE, YELLOW = (200, 40, 40), (40, 60, 200), (220, 200, 40)


def centres_px(track: Track) -> np.ndarray:
    """Centres (K, 2) of the boxes."""
    return np.array([[(r.box[0] + r.box[2]) / 2, (r.box[1] + r.box[3]) / 2] for r in track.regions])


def frame(discs: list[tuple[float, float, float, tuple[int, int, int]]], seed: int = 0, light: float = 0.0) -> Image:
    """A textured, noisy ground with discs (x, y, radius, colour)."""
    ground = np.random.default_rng(99).normal(110, 18, (HEIGHT // 6, WIDTH // 8, 3))
    rgb = np.repeat(np.repeat(ground, 6, axis=0), 8, axis=1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    for cx, cy, radius, colour in discs:
        rgb[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = colour
    noise = np.random.default_rng(seed).normal(0, 2, rgb.shape)
    return Image(np.clip(rgb + noise + light, 0, 255).astype(np.uint8))


def disc_region(x: float, y: float, radius: float, colour: tuple[int, int, int]):
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    image = frame([(x, y, radius, colour)])
    return region_of((column - x) ** 2 + (row - y) ** 2 < radius**2, image, saliency=1.0)


def test_moving_disc_is_found_and_followed() -> None:
    """Oracle: planted answer: from pixels to track, within 1.5 px of the true path, with the entry and exit it had."""
    times = 0.2 * np.arange(12)
    path = np.stack([60 + 90 * times, 60 + 30 * times], axis=-1)
    present = range(2, 10)
    frames = [frame([(*path[i], 16, RED)] if i in present else [], seed=i) for i in range(12)]
    keyframes = []
    for i in range(12):
        around = (frames[i - 1] if i else None, frames[i], frames[i + 1] if i < 11 else None)
        keyframes.append(Keyframe(float(times[i]), tuple(keyframe_regions(*around, still=[], motions=(STILL, STILL)))))
    (track,) = [t for t in link_tracks(keyframes) if len(t.regions) > 3]
    np.testing.assert_allclose(track.times_s, times[2:10])
    smoothed = smooth(track.times_s, centres_px(track), window_s=0.3)
    assert np.linalg.norm(smoothed - path[2:10], axis=1).max() < 1.5


def test_still_scene_has_no_motion_under_noise_and_light() -> None:
    """Oracle: closed form: the same scene, other noise, 12 grey levels brighter, one pixel of shift: nothing moved."""
    a = frame([(100, 90, 20, RED)], seed=1)
    b = Image(np.roll(frame([(100, 90, 20, RED)], seed=2, light=12).rgb, 1, axis=1))
    assert motion_regions(a, b) == []


def test_a_cut_or_a_fade_is_no_motion() -> None:
    """Oracle: closed form: between unlike pictures, or from black, nothing has moved."""
    scene, black = frame([(100, 90, 20, RED)]), Image(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    other = Image(np.random.default_rng(8).integers(0, 255, scene.rgb.shape, dtype=np.uint8))
    for a, b in ((scene, other), (black, scene), (scene, black), (black, black)):
        assert sum(r.mask.mean() for r in motion_regions(a, b)) < 0.05


def test_third_frame_removes_the_uncovered_ground() -> None:
    """Oracle: planted answer: with three frames the box is the disc's, with two it also holds where the disc was."""
    frames = [frame([(x, 90, 14, BLUE)], seed=i) for i, x in enumerate((100, 160, 220))]
    (only,) = motion_regions(frames[0], frames[1], frames[2])
    np.testing.assert_allclose(only.box, (146, 76, 174, 104), atol=4)
    assert len(motion_regions(frames[0], frames[1])) == 2


def test_a_panning_camera_is_followed() -> None:
    """Oracle: planted answer: the ground passes by 14 px per frame while the disc stays in the middle: only the disc moves."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    frames = []
    for i in range(3):
        rgb = np.roll(frame([], seed=i).rgb, -14 * i, axis=1)
        rgb[(x - 160) ** 2 + (y - 90) ** 2 < 15**2] = RED
        frames.append(Image(rgb))
    regions = motion_regions(*frames)
    assert len(regions) == 1
    np.testing.assert_allclose(regions[0].box, (145, 75, 175, 105), atol=8)


def test_crossing_objects_keep_their_identity() -> None:
    """Oracle: planted answer: two discs meet and part; each track keeps its colour throughout."""
    keyframes = []
    for i in range(15):
        left, right = 40 + 16 * i, 264 - 16 * i
        regions = [disc_region(left, 90, 14, RED), disc_region(right, 94, 14, BLUE)]
        keyframes.append(Keyframe(0.2 * i, tuple(regions if i % 2 else regions[::-1])))
    tracks = link_tracks(keyframes)
    assert sorted(len(t.regions) for t in tracks) == [15, 15]
    for track in tracks:
        colours = np.array([r.appearance for r in track.regions])
        assert np.abs(colours - colours[0]).sum(axis=1).max() < 0.5
        steps = np.diff(centres_px(track)[:, 0])
        assert (np.sign(steps) == np.sign(steps[0])).all()


def test_real_car_park(media: Path) -> None:
    """Oracle: seen by eye in the GIF: a car comes from the lower left and leaves at the left edge, a bicycle goes right."""
    from PIL import Image as PillowImage
    from PIL import ImageSequence

    path = media / "videos_permissive" / "intel_person_bicycle_car.gif"
    with PillowImage.open(path) as gif:
        frames = [Image(np.asarray(f.convert("RGB"))) for f in ImageSequence.Iterator(gif)][::3]
    keyframes = []
    for i, now in enumerate(frames):
        around = (frames[i - 1] if i else None, now, (*frames, None)[i + 1])
        keyframes.append(Keyframe(0.25 * i, tuple(keyframe_regions(*around, [], motions=(STILL, STILL)))))
    car, bicycle = sorted(link_tracks(keyframes)[:2], key=lambda t: float(centres_px(t)[0, 0]))
    np.testing.assert_allclose(centres_px(car)[[0, -1]], [(116, 200), (60, 72)], atol=12)
    np.testing.assert_allclose(centres_px(bicycle)[[0, -1]], [(328, 16), (416, 40)], atol=12)


def test_a_pan_does_not_break_tracks() -> None:
    """Oracle: planted answer: a still and a moving disc of one colour while the camera jerks by up to 90 px between keyframes.

    With the camera's motion both are followed from first to last; without it they are not.
    """
    camera_px = np.cumsum([0, 5, 70, 5, -80, 90, -60, 5, 75, -90, 40, 5])
    own = [(200.0 + 0 * i, 60.0) for i in range(12)], [(60.0 + 12 * i, 120.0) for i in range(12)]
    keyframes = []
    for i, camera in enumerate(camera_px):
        keyframes.append(Keyframe(0.3 * i, tuple(disc_region(x - camera + 60, y, 14, RED) for x, y in (p[i] for p in own))))
    times = [0.3 * i for i in range(12)]
    steps = [Similarity(shift=-float(d) / WIDTH) for d in np.diff(camera_px, prepend=0)]
    tracks = link_tracks(keyframes, camera=CameraPath.of_steps(times, steps))
    assert sorted(len(t.regions) for t in tracks) == [12, 12]
    for track in tracks:
        assert len({round(y) for y in centres_px(track)[:, 1]}) == 1
    assert sorted(len(t.regions) for t in link_tracks(keyframes)) != [12, 12]


def test_what_leaps_is_one_thing_while_nothing_else_looks_like_it() -> None:
    """Oracle: planted answer: a disc of 28 px leaps by up to 200 px between keyframes, past a blue one that stands still.

    It is one track from first to last, over a keyframe that misses it too. Of two equal discs that leap nobody can tell
    which went where: no track leaps.
    """
    columns = [30, 130, 60, 260, 90, 290, 190, 40]
    keyframes = []
    for i, x in enumerate(columns):
        leaping = [] if i == 4 else [disc_region(x, 60, 14, RED)]
        keyframes.append(Keyframe(0.3 * i, (disc_region(160, 140, 14, BLUE), *leaping)))
    still, leaps = link_tracks(keyframes)
    assert [len(still.regions), len(leaps.regions)] == [8, 7]
    np.testing.assert_allclose(centres_px(leaps)[:, 0], [x for i, x in enumerate(columns) if i != 4], atol=1)
    assert not stands_still(leaps.times_s, centres_px(leaps), 40.0, 1.0)
    twins = [Keyframe(0.3 * i, (disc_region(x, 40, 14, RED), disc_region(x, 140, 14, RED))) for i, x in enumerate((30, 200))]
    assert [len(t.regions) for t in link_tracks(twins, min_sightings=1)] == [1, 1, 1, 1]


def test_what_wobbles_stands_still_and_what_drifts_does_not() -> None:
    """Oracle: closed form: white errors of 3 px around one place, a line of 6 px a second, a swing of 30 px and back."""
    times = 0.3 * np.arange(20)
    wobble = np.random.default_rng(2).normal(0, 3, (20, 2))
    assert stands_still(times, 100 + wobble, 20, 1.0)
    assert not stands_still(times, np.stack([6 * times, 0 * times], axis=-1) + 0.3 * wobble, 20, 1.0)
    assert not stands_still(times, np.stack([30 * np.sin(np.pi * times / 6), 0 * times], axis=-1) + 0.3 * wobble, 20, 1.0)


def test_motion_across_the_seam_is_one_region() -> None:
    """Oracle: planted answer: a disc on the seam of a panorama moves: one region with both halves, the box of the larger."""
    frames = []
    for i, x in enumerate((-40.0, 4.0, 48.0)):
        shown = frame([(x, 90, 20, RED), (x + WIDTH, 90, 20, RED), (x - WIDTH, 90, 20, RED)], seed=i)
        frames.append(shown)
    (region,) = motion_regions(*frames, wraps=True)
    assert region.mask[90, 2]
    assert region.mask[90, WIDTH - 3]
    np.testing.assert_allclose(region.box, (0, 70, 24, 110), atol=4)
    assert len(motion_regions(*frames)) == 2


def test_gaps_are_bridged_and_flicker_is_dropped() -> None:
    """Oracle: planted answer: two missing keyframes do not cut a track; a region seen twice never becomes one."""
    keyframes = []
    for i in range(12):
        regions = [disc_region(60 + 8 * i, 60, 14, YELLOW)] if i not in (5, 6) else []
        if i in (3, 4):
            regions.append(disc_region(280, 150, 8, BLUE))
        keyframes.append(Keyframe(0.25 * i, tuple(regions)))
    (track,) = link_tracks(keyframes)
    assert len(track.regions) == 10
    assert track.confidence == pytest.approx(10 / 12 * 10 / 12)
    assert len(link_tracks(keyframes, max_gap=1)) == 2
    assert len(link_tracks(keyframes, min_sightings=2)) == 2


def test_smoothing_keeps_lines_and_removes_noise() -> None:
    """Oracle: closed form: lines are reproduced exactly at uneven times; white noise shrinks to below half."""
    rng = np.random.default_rng(5)
    times = np.sort(rng.uniform(0, 10, 60))
    line = np.stack([3 * times - 2, -0.5 * times], axis=-1)
    np.testing.assert_allclose(smooth(times, line), line, atol=1e-9)
    noise = rng.normal(0, 1, 60)
    assert smooth(times, noise).std() < 0.5
    np.testing.assert_array_equal(smooth(times[:2], noise[:2]), noise[:2])


def test_bad_calls_are_refused() -> None:
    """Oracle: the contract."""
    with pytest.raises(InputError):
        link_tracks([Keyframe(1.0, ()), Keyframe(1.0, ())])
    with pytest.raises(InputError):
        motion_regions(frame([]), Image(np.zeros((10, 10, 3), np.uint8)))
    assert link_tracks([]) == []
