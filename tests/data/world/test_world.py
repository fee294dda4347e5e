"""The synthetic world: what is said of it is true of its picture and its sound."""

import csv
import io
import math
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pillow

from seehear.acoustics.field import head_rotation
from seehear.acoustics.sphere import direction_of_arrival, directions_of
from seehear.data.world import SPLITS, WorldOptions, draw_world, make_clip, panorama_of, sound_of
from seehear.data.world.hearing import LOUDEST_DBFS, PEAK, SINGERS
from seehear.data.world.looks import draw_one, species_of
from seehear.data.world.photos import photo_shelf
from seehear.data.world.seeing import looking, panorama_rays
from seehear.data.world.values import Weather
from seehear.data.world.weather import bits_in_the_air, bits_of
from seehear.types import InputError
from seehear.vision.viewport import view_rays
from seehear.vocabulary import concepts

SMALL = WorldOptions(side_px=64, sample_rate_hz=8000, seconds=2.0)
SINGLE = WorldOptions(side_px=64, varieties=(1, 0, 0, 0), dry=1.0, sample_rate_hz=8000, seconds=1.0)


def worlds(count: int, options: WorldOptions, seed: int = 1):
    return [draw_world(seed, index, options=options) for index in range(count)]


def test_a_single_dry_source_is_heard_from_where_it_is_planted():
    """Planted answer: the intensity vector of the whole sound points at the trajectory, within a thousandth of a degree (5e-6
    measured)."""
    still = [each for each in worlds(10, SINGLE) if each.things[0].path == "still" and each.weather is None]
    angles = []
    for world in still:
        heard = direction_of_arrival(sound_of(world, SINGLE).samples).vector
        angles.append(math.degrees(math.acos(min(1.0, float(heard @ world.things[0].trajectory.directions[0])))))
    assert len(angles) >= 3 and max(angles) < 1e-3


def test_a_moving_source_is_heard_on_its_way():
    """Planted answer: the intensity vector of every tenth of a second lies where the trajectory then is, within 2 degrees."""
    options = replace(SINGLE, seconds=4.0)
    checked = 0
    for world in worlds(8, options):
        thing = world.things[0]
        if thing.path == "still" or world.weather is not None or concepts()[thing.name].kind == "event":
            continue
        sound = sound_of(world, options).samples
        for start in range(4000, 28_000, 800):
            time_s = (start + 400) / 8000
            heard = direction_of_arrival(sound[:, start : start + 800]).vector
            there = thing.trajectory.at(np.array([time_s]))[0][0]
            assert math.degrees(math.acos(min(1.0, float(heard @ there)))) < 2
            checked += 1
    assert checked >= 20


def test_a_box_lies_where_the_sound_comes_from():
    """Closed form: the direction that the facts tell, projected by the pinhole camera, lies in the source's box."""
    found = 0
    for index in range(4):
        clip = make_clip(2, index, options=SMALL)
        for source in clip.facts["sources"]:
            for box, (azimuth, elevation) in zip(source.get("boxes", ()), source.get("directions_deg", ()), strict=True):
                if box is None or min(box) <= 0 or max(box) >= 64:
                    continue
                vector = directions_of(np.radians(azimuth), np.radians(elevation))
                x, y, z = head_rotation(clip.direction) @ vector
                column, row = 32 * (1 - y / x), 32 * (1 - z / x)
                assert box[0] - 1 <= column <= box[2] + 1 and box[1] - 1 <= row <= box[3] + 1
                found += 1
    assert found > 20


def test_depth_and_masks_are_exact():
    """Closed form: a thing is as far as its trajectory says, and open ground as its ray needs to fall by the eye's height."""
    ground = 0
    for world in worlds(5, SMALL, seed=3):
        rays = view_rays(SMALL.camera, world.camera)
        seen = looking(world, rays, math.pi / 128)(0.5)
        for number, thing in enumerate(world.things, start=1):
            mask = seen.number == number
            away = thing.trajectory.at(np.array([0.5]))[1][0]
            assert seen.distance_m[mask] == pytest.approx(away, rel=1e-6)
        if world.place.kind == "landscape":
            falling = (rays[..., 2] < -0.3) & (seen.number == 0)
            expected = world.place.eye[2] / -rays[..., 2]
            flat = np.isclose(seen.distance_m, expected, rtol=1e-5)
            assert (seen.distance_m[falling] <= expected[falling] * (1 + 1e-5)).all()
            ground += int((flat & falling).sum())
    assert ground > 100


def test_panorama_and_picture_are_one_function_of_rays():
    """Closed form: a ray meets the same thing, in the same colour, whatever picture it belongs to."""
    world = draw_world(4, 1, options=SMALL)
    rays = panorama_rays(32)
    whole = looking(world, rays, 0.02)(1.0)
    some = rays.reshape(-1, 3)[::7]
    part = looking(world, some, 0.02)(1.0)
    assert (part.colour == whole.colour.reshape(-1, 3)[::7]).all() and (part.number == whole.number.reshape(-1)[::7]).all()
    assert rays[0, 0, 2] > 0.99 and rays[16, 31] == pytest.approx([1, 0, 0], abs=0.12)


def test_worlds_are_seeded_and_splits_differ():
    """Round trip: one number is one clip, byte by byte; other numbers, seeds and splits are others."""
    first, again = (make_clip(0, 3, options=SMALL) for _ in range(2))
    assert (first.frames == again.frames).all() and (first.sound.samples == again.sound.samples).all()
    assert first.facts == again.facts and first.caption == again.caption
    others = [draw_world(0, 4, options=SMALL), draw_world(1, 3, options=SMALL)]
    others += [draw_world(0, 3, split=split, options=SMALL) for split in SPLITS[1:]]
    assert len({world.key for world in others} | {first.key}) == 5
    assert len({world.camera.azimuth_rad for world in others} | {first.direction.azimuth_rad}) == 5


def test_levels_are_even_and_nothing_clips():
    """Closed form: the loudest half second of W lies within 6 dB of -20 dBFS, or else a peak is at its limit."""
    for world in worlds(6, SMALL, seed=5):
        sound = sound_of(world, SMALL).samples
        peak = float(np.abs(sound).max())
        spans = [sound[0, start : start + 4000] for start in range(0, 12_001, 800)]
        loudest = 20 * math.log10(max(float(np.sqrt(np.mean(span**2))) for span in spans))
        assert peak <= PEAK + 1e-6 and loudest <= LOUDEST_DBFS + 6.1
        assert loudest >= LOUDEST_DBFS - 6.1 or peak == pytest.approx(PEAK, rel=1e-5)


def _directedness(samples) -> float:
    """Length of the intensity vector over the energy: 1 for a plane wave, 0 for a diffuse field (Merimaa & Pulkki 2005)."""
    w, y, z, x = samples.astype(float)
    energy = 0.5 * float(w @ w + x @ x + y @ y + z @ z)
    return float(np.linalg.norm([w @ x, w @ y, w @ z])) / energy


def test_diffuse_worlds_are_diffuse_and_single_ones_are_not():
    """Closed form: a plane wave has intensity over energy 1; a sound from everywhere below 0.15, four insects below 0.5."""
    options = replace(SMALL, varieties=(0, 0, 0, 1))
    kinds = set()
    for world in worlds(12, options):
        if world.weather is not None and world.weather.visible and not any(thing.sounds for thing in world.things):
            limit = 0.5 if world.weather.name in SINGERS else 0.15
            assert _directedness(sound_of(world, options).samples) < limit
            kinds.add(limit)
    assert len(kinds) == 2
    still = [each for each in worlds(5, SINGLE) if each.things[0].path == "still" and each.weather is None]
    assert still and all(_directedness(sound_of(each, SINGLE).samples) > 0.999 for each in still)


def test_off_axis_sources_are_not_seen_and_others_are():
    """Planted answer: by variety, the main source is in no frame, or in most."""
    for varieties, seen in (((0, 0, 1, 0), False), ((1, 0, 0, 0), True)):
        options = replace(SINGLE, varieties=varieties, side_px=32)
        for index in range(3):
            boxes = make_clip(6, index, options=options).facts["sources"][0]["boxes"]
            assert (sum(box is not None for box in boxes) > len(boxes) / 2) is seen


def test_captions_name_what_is_heard_and_its_side():
    """Planted answer: every label is in the sentence; what is still to the left is told to be on the left."""
    told = 0
    for index in range(8):
        clip = make_clip(7, index, options=replace(SINGLE, side_px=16))
        assert all(label in clip.caption.lower() for label in clip.labels) and clip.caption.endswith(".")
        source = clip.facts["sources"][0]
        if len(clip.labels) == 1 and source.get("path") == "still":
            azimuth = source["directions_deg"][0][0] - math.degrees(clip.direction.azimuth_rad)
            azimuth = (azimuth + 180) % 360 - 180
            if 20 < abs(azimuth) < 160 and abs(clip.direction.elevation_rad) < 0.3:
                assert ("left" in clip.caption) is (azimuth > 0)
                told += 1
    assert told >= 1


def test_a_species_has_one_look_and_its_kind_vary():
    """Closed form: colours of two dogs are nearer to each other than those of a dog to a cat's; no two concepts share a look."""
    looks = {name: species_of(name) for name in concepts()}
    assert looks["dog"] == species_of("dog") and len({repr(look) for look in looks.values()}) == len(looks)

    def colour(name: str, seed: int):
        sprite = draw_one(species_of(name), np.random.default_rng(seed), 64)
        assert sprite.min() >= 0 and sprite.max() <= 1 and 0.1 < sprite[..., 3].mean() < 0.95
        return (sprite[..., :3] * sprite[..., 3:]).sum((0, 1)) / sprite[..., 3].sum()

    dogs, cats = ([colour(name, seed) for seed in range(4)] for name in ("dog", "cat"))
    within = max(float(np.linalg.norm(a - b)) for group in (dogs, cats) for a in group for b in group)
    assert 0 < within < min(float(np.linalg.norm(a - b)) for a in dogs for b in cats)


def test_rain_has_no_seam_and_falls():
    """Closed form: the same on both sides of azimuth 180 degrees; a moment later what was higher and more to the right."""
    weather, height = Weather("rain", 0.0, 5), np.linspace(-0.5, 0.5, 400)
    left, right = (bits_in_the_air(weather, directions_of(np.array(a), height)) for a in (math.pi - 1e-9, 1e-9 - math.pi))
    assert left(0.3)[0] == pytest.approx(right(0.3)[0], abs=1e-4)
    (to_left, down), time_s = bits_of("rain").speed_rad_s, 0.1
    azimuth = np.linspace(-3, 3, 2000)
    before = bits_in_the_air(weather, directions_of(azimuth, np.array(down * time_s)))(0.0)[0]
    after = bits_in_the_air(weather, directions_of(azimuth + to_left * time_s, np.array(0.0)))(time_s)[0]
    assert before.max() > 0.2 and after == pytest.approx(before, abs=1e-3)


def _archive(path, classes):
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(("file", "class", "sound_class"))
    with zipfile.ZipFile(path, "w") as archive:
        for name, colour in classes.items():
            for i in range(20):
                data = io.BytesIO()
                Pillow.new("RGB", (40, 30), colour).save(data, "PNG")
                archive.writestr(f"set/{name}/{i}.png", data.getvalue())
                rows.writerow((f"{name}/{i}.png", name, name))
        archive.writestr("set/labels.csv", table.getvalue())


def test_photos_take_the_place_of_drawings(tmp_path):
    """Planted answer: half of the worlds show one of an archive's red dogs, opaque in the middle; no photo is in two splits."""
    path = tmp_path / "photos.zip"
    _archive(path, {"dalmatian": (200, 0, 0), "chair": (0, 0, 200)})
    shelves = [photo_shelf(str(path), split) for split in SPLITS]
    assert [len(shelf.files["dog"]) for shelf in shelves] == [14, 2, 4]
    assert len({name for shelf in shelves for name in shelf.files["dog"]}) == 20
    options = replace(SINGLE, photos=str(path))
    mains = [draw_world(0, index, options=options).things[0] for index in range(24)]
    photos = [thing for thing in mains if thing.photo]
    assert 4 <= len(photos) <= 20 and {thing.name for thing in photos} == {"dog"}
    middle = photos[0].sprite[64, 64]
    assert middle[3] == 1 and middle[0] > 0.3 and middle[1] == middle[2] == 0 and photos[0].sprite[0, 0, 3] == 0


def test_what_cannot_be_made_is_refused(tmp_path):
    """Planted faults."""
    for wrong in (
        {"side_px": 8},
        {"seconds": 0.1},
        {"frames_per_s": 0},
        {"seconds": 1, "frames_per_s": 0.1},
        {"sample_rate_hz": 100},
        {"hfov_rad": 4.0},
        {"varieties": (0, 0, 0, 0)},
        {"dry": 1.5},
    ):
        with pytest.raises(InputError):
            WorldOptions(**wrong)
    with pytest.raises(InputError, match="splits train"):
        draw_world(0, 0, split="tst")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="from 0"):
        draw_world(-1, 0)
    _archive(tmp_path / "silent.zip", {"chair": (0, 0, 200)})
    with pytest.raises(InputError, match="no class that sounds"):
        photo_shelf(str(tmp_path / "silent.zip"), "train")


def test_a_panorama_shows_the_source_in_its_direction():
    """Planted answer: the pixels of the panorama that the main thing covers are centred on its direction, within 6 degrees."""
    options = replace(SINGLE, frames_per_s=1.0)
    for world in worlds(2, options, seed=8):
        seen = looking(world, panorama_rays(90), math.pi / 90)(0.5)
        there = world.things[0].trajectory.at(np.array([0.5]))[0][0]
        middle = panorama_rays(90)[seen.number == 1].mean(0)
        assert math.degrees(math.acos(float(middle @ there / np.linalg.norm(middle)))) < 6
        assert panorama_of(world, options, 90).shape == (1, 90, 180, 3)
