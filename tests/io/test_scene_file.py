"""The scene file: round trip, schema, and editing by hand."""

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile

from seehear.io.scene import as_written, check_scene_output, read_scene, write_scene, write_stems, writing
from seehear.io.streams import Spool
from seehear.io.wav import wav_facts, write_wav
from seehear.types import MONO, Audio, Direction, InputError, Room, Sound, Trajectory, ambisonics
from written_scenes import RATE, SCHEMA, example, stem


def whole(sound: Sound) -> np.ndarray:
    return sound.read(0, sound.n_samples)


def test_a_scene_comes_back(written):
    """Oracle: the scene in memory, rounded: equal samples and numbers, directions to 1e-13."""
    scene, back = as_written(example()), read_scene(written)
    assert (back.room, back.duration_s, back.sample_rate_hz, back.seed) == (scene.room, 0.5, RATE, 7)
    assert np.abs(back.listener.vector - scene.listener.vector).max() < 1e-13
    for a, b in zip(scene.sources, back.sources, strict=True):
        assert np.array_equal(a.audio.samples, whole(b.audio)) and (a.label, a.gain_db, a.lfe) == (b.label, b.gain_db, b.lfe)
        assert b.extent_rad == pytest.approx(a.extent_rad, abs=1e-13) and a.is_bed == b.is_bed
        assert np.array_equal(a.trajectory.times_s, b.trajectory.times_s)
        assert np.array_equal(a.trajectory.distances_m, b.trajectory.distances_m)
        assert np.abs(a.trajectory.directions - b.trajectory.directions).max() < 1e-13


def test_a_bed_comes_back(written):
    """Oracle: the scene in memory; a scene without a bed says nothing of one; planted faults in the bed are named."""
    back, scene = read_scene(written), as_written(example())
    assert scene.bed is not None and back.bed is not None
    assert np.array_equal(whole(back.bed), scene.bed.samples) and back.bed_gain_db == scene.bed_gain_db
    assert (back.bed.layout, back.bed.convention) == (ambisonics(2), "acn-sn3d")
    document = json.loads(written.read_text("utf-8"))
    assert list(document["bed"]) == ["stem", "sha256", "gain_db"] and document["bed"]["stem"] == "stems/bed.wav"
    path = written.parent / "stems/bed.wav"
    document["bed"].pop("sha256")
    written.write_text(json.dumps(document), "utf-8")
    for samples, message in (
        (np.zeros((RATE // 2, 5)), "has 5 channels"),
        (np.zeros((RATE // 2 - 1, 4)), "3999 samples, the scene 4000"),
        (np.full((RATE // 2, 4), 1e7), "full scale is 1"),
    ):
        soundfile.write(path, samples, RATE, subtype="FLOAT")
        with pytest.raises(InputError, match=message):
            whole(read_scene(written).bed)
    soundfile.write(path, 0.1 * np.ones((RATE // 2, 4)), RATE, subtype="FLOAT")
    assert read_scene(written).bed.layout.name == "foa"  # edited elsewhere: four channels, taken as AmbiX
    del document["bed"]
    written.write_text(json.dumps(document), "utf-8")
    assert read_scene(written).bed is None


def test_the_scene_as_written_comes_back_exactly(tmp_path):
    """Oracle: equality of every angle, for 500 random directions, poles and quarters, after one trip through the file."""
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(500, 3)), np.eye(3), -np.eye(3), [[1, 1, 0], [-1, 0, 1e-9]]])
    trajectory = Trajectory(np.arange(508.0), vectors / np.linalg.norm(vectors, axis=1, keepdims=True), rng.uniform(0.1, 9, 508))
    sources = (replace(example().sources[0], trajectory=trajectory, extent_rad=0.7), *example().sources[1:])
    scene = as_written(replace(example(), sources=sources, listener=Direction(1.234, -0.567)))
    write_scene(tmp_path / "scene.json", scene, tmp_path / "stems")
    back = read_scene(tmp_path / "scene.json")
    assert back.listener == scene.listener
    for a, b in zip(scene.sources, back.sources, strict=True):
        assert a.extent_rad == b.extent_rad and np.array_equal(a.trajectory.directions, b.trajectory.directions)
    assert np.abs(scene.sources[0].trajectory.directions - trajectory.directions).max() < 1e-13


def test_a_scene_that_was_read_is_written_the_same(written, tmp_path):
    """Oracle: equality of bytes, scene and stems, in another folder."""
    (tmp_path / "other").mkdir()
    write_scene(tmp_path / "other/scene.json", read_scene(written), tmp_path / "other/stems", extra={"picture": "größe.jpg"})
    assert (tmp_path / "other/scene.json").read_bytes() == written.read_bytes()
    for path in (tmp_path / "stems").iterdir():
        assert (tmp_path / "other/stems" / path.name).read_bytes() == path.read_bytes()


def test_degrees_are_as_people_write_them(written):
    """Oracle: planted 30 and -5 degrees, 360 for a bed, as text; paths with / and no way out."""
    document = json.loads(written.read_text("utf-8"))
    point = document["sources"][0]["trajectory"][0]
    assert (point["azimuth_deg"], point["elevation_deg"]) == (30.0, -5.0) and '"azimuth_deg": 30.0' in written.read_text("utf-8")
    assert document["sources"][1]["extent_deg"] == 360.0 and document["sources"][2]["extent_deg"] == 40.0
    assert [source["stem"] for source in document["sources"]] == [
        "stems/01-dog.wav",
        "stems/02-雨-größe-rain.wav",
        "stems/03-dog.wav",
    ]
    assert document["extra"] == {"picture": "größe.jpg"}


def test_the_schema_takes_what_is_written_and_the_page_shows(written):
    """Oracle: jsonschema with the committed schema, on a written scene and on the example of docs/scene.md."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(written.read_text("utf-8")), SCHEMA)
    page = (Path(__file__).resolve().parents[2] / "docs/scene.md").read_text("utf-8")
    shown = json.loads(re.search(r"```json\n(.*?)```", page, re.S)[1])
    jsonschema.validate(shown, SCHEMA)
    for name in [*SCHEMA["properties"], *SCHEMA["$defs"]["source"]["properties"]]:
        assert f"`{name}" in page


def test_the_folder_may_be_moved(written, tmp_path):
    """Oracle: the scene before the move."""
    shutil.copytree(tmp_path, tmp_path.parent / "wo anders", dirs_exist_ok=True)
    moved = read_scene(tmp_path.parent / "wo anders/scene.json")
    assert np.array_equal(whole(moved.sources[1].audio), as_written(example()).sources[1].audio.samples)


def test_an_edited_stem_needs_its_hash_removed(written):
    """Oracle: planted samples in an edited stem, 16-bit from another program."""
    edited = np.linspace(-0.5, 0.5, RATE // 2)
    soundfile.write(written.parent / "stems/01-dog.wav", edited, RATE, subtype="PCM_16")
    with pytest.raises(InputError, match=r"01-dog\.wav has changed"):
        read_scene(written)
    document = json.loads(written.read_text("utf-8"))
    del document["sources"][0]["sha256"]
    written.write_text(json.dumps(document), "utf-8")
    assert np.abs(whole(read_scene(written).sources[0].audio)[0] - edited).max() <= 2.0**-15


def test_what_is_replaced_takes_its_stems_along(written):
    """Oracle: the planted set of files: stems of an earlier run go, of a scene or alone; an edited one and strangers stay."""
    stems = written.parent / "stems"
    soundfile.write(stems / "03-dog.wav", np.zeros(RATE // 2), RATE)
    (stems / "mine.txt").write_text("mine")
    shutil.copy(stems / "01-dog.wav", stems / "dog 1.wav")
    (stems / "04-x.wav").mkdir()
    strangers = ["03-dog.wav", "04-x.wav", "dog 1.wav", "mine.txt"]
    only = replace(example(), sources=example().sources[1:2], bed=None)
    with pytest.raises(InputError, match="exists already"):
        write_scene(written, only, stems)
    write_scene(written, only, stems, force=True)
    assert sorted(path.name for path in stems.iterdir()) == ["01-雨-größe-rain.wav", *strangers]
    assert len(read_scene(written).sources) == 1
    write_stems(stems, replace(only, sources=example().sources[:1]), force=True)
    assert sorted(path.name for path in stems.iterdir()) == ["01-dog.wav", *strangers]


def test_stems_of_before_stay_when_the_new_ones_fail(written):
    """Oracle: the files of before, byte for byte, after a planted NaN in ``extra``."""
    before = {path: path.read_bytes() for path in written.parent.rglob("*") if path.is_file()}
    only = replace(example(), sources=example().sources[1:2])
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_scene(written, only, written.parent / "stems", extra={"score": math.nan}, force=True)
    assert {path: path.read_bytes() for path in written.parent.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_nothing_is_left_of_a_scene_that_failed(tmp_path, monkeypatch, error):
    """Oracle: an empty folder after a planted failure at the third stem."""
    calls = []

    def failing(file, sound):
        calls.append(file)
        if len(calls) == 3:
            raise error("planted")
        file.write(b"half")

    monkeypatch.setattr(writing, "write_stem", failing)
    with pytest.raises(error):
        write_scene(tmp_path / "scene.json", example(), tmp_path / "stems")
    assert len(calls) == 3 and list(tmp_path.iterdir()) == []


def test_stems_are_rounded_to_24_bits(tmp_path):
    """Closed form: a stem within full scale moves by at most half a step of 2^-23, one that peaks at 4 comes down by 13 whole
    decibels (4 is 12.04 dB) and its gain goes up by as many; soundfile reads what was rendered. Rounding twice
    is rounding once."""
    soft = replace(example().sources[0], audio=Audio(stem(1).samples / np.float32(8), RATE, MONO))
    loud = replace(soft, audio=Audio(stem(1).samples * np.float32(4 / np.abs(stem(1).samples).max()), RATE, MONO), gain_db=2.0)
    scene = replace(example(), sources=(soft, loud), bed=None)
    rounded = as_written(scene)
    assert np.abs(whole(rounded.sources[0].audio) - soft.audio.samples).max() <= 2.0**-24 and rounded.sources[0].gain_db == 14.0
    assert rounded.sources[1].gain_db == 15.0
    assert np.abs(whole(rounded.sources[1].audio) - loud.audio.samples * 10 ** (-13 / 20)).max() <= 2.0**-23
    paths = write_scene(tmp_path / "scene.json", scene, tmp_path / "stems")
    for path, source in zip(paths, rounded.sources, strict=True):
        assert soundfile.info(path).subtype == "PCM_24" and wav_facts(path).comment == "seehear stem"
        assert np.array_equal(soundfile.read(path, dtype="float32")[0], whole(source.audio)[0])
    again = as_written(rounded)
    assert all(np.array_equal(whole(a.audio), whole(b.audio)) for a, b in zip(again.sources, rounded.sources, strict=True))
    assert [source.gain_db for source in again.sources] == [14.0, 15.0]


def test_a_sound_on_disk_is_rounded_as_it_is_read():
    """Oracle: the same sound in memory; spans of a spool, and its peak beyond full scale."""
    spool = Spool(RATE, MONO, RATE // 2)
    spool.write(0, stem(1).samples)
    one = replace(example(), bed=None, sources=example().sources[:1])
    lazy = as_written(replace(one, sources=(replace(one.sources[0], audio=spool),))).sources[0]
    ready = as_written(one).sources[0]
    assert lazy.gain_db == ready.gain_db > 14 and not isinstance(lazy.audio, Audio)
    assert np.array_equal(lazy.audio.read(100, 777), ready.audio.read(100, 777))


def test_a_gain_that_no_file_holds_is_refused():
    """Closed form: 115 dB and a stem of 20 dB over full scale make 135 dB."""
    loud = replace(example().sources[0], audio=Audio(stem(1).samples * np.float32(10), RATE, MONO), gain_db=115.0)
    with pytest.raises(InputError, match=r"the gain of 'dog' is 1[34]. dB: a scene file holds -120 to 120 dB"):
        as_written(replace(example(), sources=(loud,)))


def test_float_stems_of_before_still_read(written):
    """Oracle: planted float samples beyond full scale in place of a stem; they stay as they are through reading and writing."""
    path = written.parent / "stems/01-dog.wav"
    with path.open("wb") as file:
        write_wav(file, stem(1), "FLOAT")
    document = json.loads(written.read_text("utf-8"))
    del document["sources"][0]["sha256"]
    written.write_text(json.dumps(document), "utf-8")
    scene = as_written(read_scene(written))
    assert np.array_equal(whole(scene.sources[0].audio), stem(1).samples) and np.abs(stem(1).samples).max() > 1


def test_muting_is_written_where_it_is(tmp_path):
    """Oracle: planted flags; a scene without them says nothing of muting."""
    sources = (example().sources[0], replace(example().sources[1], muted=True))
    write_scene(tmp_path / "scene.json", replace(example(), sources=sources, bed_muted=True), tmp_path / "stems")
    document = json.loads((tmp_path / "scene.json").read_text("utf-8"))
    jsonschema.validate(document, SCHEMA)
    assert [source.get("muted") for source in document["sources"]] == [None, True] and document["bed"]["muted"] is True
    back = read_scene(tmp_path / "scene.json")
    assert [source.muted for source in back.sources] == [False, True] and back.bed_muted


def test_stems_alone_are_the_stems_of_the_scene(written, tmp_path):
    """Oracle: the files that the scene file came with, byte for byte."""
    (tmp_path / "alone").mkdir()
    paths = write_stems(tmp_path / "alone", example())
    assert [path.name for path in paths] == ["01-dog.wav", "02-雨-größe-rain.wav", "03-dog.wav", "bed.wav"]
    for path in paths:
        assert path.read_bytes() == (tmp_path / "stems" / path.name).read_bytes()
    with pytest.raises(InputError, match="exists already"):
        write_stems(tmp_path / "alone", example())


def test_an_extra_that_is_no_json_leaves_nothing(tmp_path):
    """Oracle: an empty folder after a planted NaN."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_scene(tmp_path / "scene.json", example(), tmp_path / "stems", extra={"score": math.nan})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("scene", "stems", "message"),
    [
        ("scene.json", "../elsewhere", "must lie in the folder"),
        ("none/scene.json", "none/stems", "does not exist"),
        ("scene.json", "file", "is not a folder"),
        ("scene.json", "a/b", "does not exist"),
    ],
)
def test_impossible_places_are_refused(tmp_path, scene, stems, message):
    """Oracle: planted obstacles; nothing appears."""
    (tmp_path / "file").touch()
    for attempt in (
        lambda: write_scene(tmp_path / scene, example(), tmp_path / stems),
        lambda: check_scene_output(tmp_path / scene, tmp_path / stems),
    ):
        with pytest.raises(InputError, match=message):
            attempt()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("kind", ["none", "outdoor"])
def test_rooms_without_walls_need_no_walls(written, kind):
    """Oracle: planted zeros, taken by reader and schema."""
    document = json.loads(written.read_text("utf-8"))
    document["room"] = {"kind": kind, "size_m": [0, 0, 0], "listener_m": [0, 0, 1.6], "rt60_s": 0}
    written.write_text(json.dumps(document), "utf-8")
    jsonschema.validate(document, SCHEMA)
    assert read_scene(written).room == Room(kind, (0, 0, 0), (0, 0, 1.6), 0)


def test_the_page_says_the_ranges_of_the_schema():
    """Oracle: the committed schema, its limits as written in the table."""
    page = (Path(__file__).resolve().parents[2] / "docs/scene.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(?:room\.)?(\w+)` \|[^|]*\| ([^|]*) \|", page, re.M))
    room, source = SCHEMA["properties"]["room"], SCHEMA["$defs"]["source"]["properties"]
    point = source["trajectory"]["items"]["properties"]
    box = room["then"]["properties"]
    low, high = box["size_m"]["items"]["minimum"], box["size_m"]["items"]["maximum"]
    assert rows["size_m"] == f"{low} to {high}"
    assert rows["rt60_s"] == f"{box['rt60_s']['minimum']} to {room['properties']['rt60_s']['maximum']}"
    assert rows["sources"] == f"at most {SCHEMA['properties']['sources']['maxItems']}"
    for name, field in {"sample_rate_hz": SCHEMA["properties"]["sample_rate_hz"], "gain_db": source["gain_db"], **point}.items():
        assert rows[name] == f"{field['minimum']} to {field['maximum']}"
