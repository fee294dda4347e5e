"""The scene file: round trip, schema, editing by hand, and every way to be wrong."""

import json
import math
import re
import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile

from seehear.io import scene as scene_module
from seehear.io.scene import read_scene, write_scene
from seehear.types import MONO, Audio, Direction, InputError, Room, Scene, Source, Trajectory, ambisonics

RATE = 8000
SCHEMA = json.loads(resources.files("seehear.io").joinpath("scene.schema.json").read_text("utf-8"))


def stem(seed: int) -> Audio:
    """Half a second of noise that goes beyond full scale, as a loud stem may."""
    return Audio(np.random.default_rng(seed).normal(0, 1, (1, RATE // 2)).astype(np.float32), RATE, MONO)


def example() -> Scene:
    moving = Trajectory(
        np.array([0.0, 0.125, 0.3]),
        np.stack([Direction(a, e).vector for a, e in ((0.1, 0.2), (3.0, -1.5), (-2.0, math.pi / 2))]),
        np.array([1.0, 2.5, 0.3]),
    )
    fixed = Trajectory.fixed(Direction(math.radians(30), math.radians(-5)), 2.5)
    return Scene(
        sources=(
            Source(stem(1), fixed, "dog", gain_db=14.0),
            Source(stem(2), moving, "雨 / ../größe: rain", gain_db=-6.5, extent_rad=2 * math.pi, lfe=True),
            Source(stem(3), fixed, "dog", extent_rad=math.radians(40)),
        ),
        room=Room("shoebox", (6.0, 5.0, 3.0), (3.0, 2.5, 1.6), 0.4),
        duration_s=0.5,
        sample_rate_hz=RATE,
        seed=7,
        listener=Direction(0.3, -0.1),
        bed=Audio(np.random.default_rng(4).normal(0, 1, (9, RATE // 2)).astype(np.float32), RATE, ambisonics(2), "acn-sn3d"),
        bed_gain_db=-3.5,
    )


@pytest.fixture
def written(tmp_path) -> Path:
    write_scene(tmp_path / "scene.json", example(), tmp_path / "stems", extra={"picture": "größe.jpg"})
    return tmp_path / "scene.json"


def test_a_scene_comes_back(written):
    """Oracle: the scene in memory: equal samples and numbers, directions to 1e-13."""
    scene, back = example(), read_scene(written)
    assert (back.room, back.duration_s, back.sample_rate_hz, back.seed) == (scene.room, 0.5, RATE, 7)
    assert np.abs(back.listener.vector - scene.listener.vector).max() < 1e-13
    for a, b in zip(scene.sources, back.sources, strict=True):
        assert np.array_equal(a.audio.samples, b.audio.samples) and (a.label, a.gain_db, a.lfe) == (b.label, b.gain_db, b.lfe)
        assert b.extent_rad == pytest.approx(a.extent_rad, abs=1e-13) and a.is_bed == b.is_bed
        assert np.array_equal(a.trajectory.times_s, b.trajectory.times_s)
        assert np.array_equal(a.trajectory.distances_m, b.trajectory.distances_m)
        assert np.abs(a.trajectory.directions - b.trajectory.directions).max() < 1e-13


def test_a_bed_comes_back(written):
    """Oracle: the scene in memory; a scene without a bed says nothing of one; planted faults in the bed are named."""
    back, bed = read_scene(written), example().bed
    assert bed is not None and back.bed is not None
    assert np.array_equal(back.bed.samples, bed.samples) and back.bed_gain_db == -3.5
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
            read_scene(written)
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
    scene = scene_module.as_written(replace(example(), sources=sources, listener=Direction(1.234, -0.567)))
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
    assert np.array_equal(moved.sources[1].audio.samples, example().sources[1].audio.samples)


def test_an_edited_stem_needs_its_hash_removed(written):
    """Oracle: planted samples in an edited stem, 16-bit from another program."""
    edited = np.linspace(-0.5, 0.5, RATE // 2)
    soundfile.write(written.parent / "stems/01-dog.wav", edited, RATE, subtype="PCM_16")
    with pytest.raises(InputError, match=r"01-dog\.wav has changed"):
        read_scene(written)
    document = json.loads(written.read_text("utf-8"))
    del document["sources"][0]["sha256"]
    written.write_text(json.dumps(document), "utf-8")
    assert np.abs(read_scene(written).sources[0].audio.samples[0] - edited).max() <= 2.0**-15


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
    scene_module.write_stems(stems, replace(only, sources=example().sources[:1]), force=True)
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

    def failing(path, audio, subtype, *, force, within):
        calls.append(path)
        if len(calls) == 3:
            raise error("planted")
        within.file(path, force).write_bytes(b"half")

    monkeypatch.setattr(scene_module, "write_audio", failing)
    with pytest.raises(error):
        write_scene(tmp_path / "scene.json", example(), tmp_path / "stems")
    assert len(calls) == 3 and list(tmp_path.iterdir()) == []


def test_stems_alone_are_the_stems_of_the_scene(written, tmp_path):
    """Oracle: the files that the scene file came with, byte for byte."""
    (tmp_path / "alone").mkdir()
    paths = scene_module.write_stems(tmp_path / "alone", example())
    assert [path.name for path in paths] == ["01-dog.wav", "02-雨-größe-rain.wav", "03-dog.wav", "bed.wav"]
    for path in paths:
        assert path.read_bytes() == (tmp_path / "stems" / path.name).read_bytes()
    with pytest.raises(InputError, match="exists already"):
        scene_module.write_stems(tmp_path / "alone", example())


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
        lambda: scene_module.check_scene_output(tmp_path / scene, tmp_path / stems),
    ):
        with pytest.raises(InputError, match=message):
            attempt()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def edit(document: dict, path: str, value: object) -> None:
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    for part in parents:
        document = document[part]
    if value is KeyError:
        del document[last]
    else:
        document[last] = value


WRONG_VALUES = [
    ("version", 2, "version 2, this seehear reads version 1"),
    ("version", "1", "version must be a whole number, not a text"),
    ("version", KeyError, "version is missing"),
    ("duration_s", -1, "duration_s must be from"),
    ("duration_s", 0, "duration_s must be from"),
    ("duration_s", 1e7, "to 3600, got 1e+07"),
    ("duration_s", 0.25, "the scene 2000"),
    ("duration_s", "long", "duration_s must be a number, not a text"),
    ("duration_s", True, "duration_s must be a number, not true or false"),
    ("sample_rate_hz", 0, "from 8000 to 192000"),
    ("sample_rate_hz", 100, "from 8000 to 192000"),
    ("sample_rate_hz", 5 * 10**9, "from 8000 to 192000"),
    ("sample_rate_hz", 10**400, "from 8000 to 192000"),
    ("sample_rate_hz", 16000, "8000 Hz, the scene 16000 Hz"),
    ("seed", -1, "seed must be from 0"),
    ("seed", 10**30, "seed must be from 0"),
    ("seed", 0.5, "seed must be a whole number"),
    ("listener", None, "an object is needed, not null"),
    ("listener.elevation_deg", 91, "from -90 to 90"),
    ("room.kind", "cave", "unknown room kind 'cave'"),
    ("room.size_m", [1, 2], "three numbers"),
    ("room.size_m", [1e-200] * 3, "size_m must be from 0.5 to 1000"),
    ("room.size_m", [6, 1e6, 3], "size_m must be from 0.5 to 1000"),
    ("room.listener_m", [3, -1, 1], "listener_m must be from 0 to 10000"),
    ("room.rt60_s", 0, "rt60_s must be from 0.05 to 20"),
    ("room.rt60_s", 1e-4, "rt60_s must be from 0.05 to 20"),
    ("room.rt60_s", 1e4, "rt60_s must be from 0.05 to 20"),
    ("listener.azimuth_deg", 1e9, "azimuth_deg must be from -360 to 360"),
    ("room.listener_m", [9, 9, 9], "listener inside"),
    ("sources", {}, "sources must be a list"),
    ("sources", [{}] * 257, "at most 256, got 257"),
    ("sources.0", "dog", "an object is needed, not a text"),
    ("sources.0.gain", 3, "unknown field 'gain'"),
    ("sources.0.gain_db", None, "gain_db must be a number, not null"),
    ("sources.0.gain_db", 10**400, "gain_db must be from -120 to 120"),
    ("sources.0.gain_db", 7000, "gain_db must be from -120 to 120"),
    ("sources.0.gain_db", -1e5, "gain_db must be from -120 to 120"),
    ("sources.0.extent_deg", 361, "from 0 to 360"),
    ("sources.0.lfe", 1, "lfe must be true or false, not a number"),
    ("sources.0.stem", "stems/none.wav", "none.wav does not exist"),
    ("sources.0.stem", "../x.wav", "outside the folder"),
    ("sources.0.stem", "/etc/passwd", "outside the folder"),
    ("sources.0.stem", "C:\\x.wav", "outside the folder"),
    ("sources.0.stem", "a\0b", "is not a file name"),
    ("sources.0.stem", "stems", "is a folder"),
    ("sources.0.sha256", "0" * 64, "has changed"),
    ("sources.0.trajectory", [], "needs K times"),
    ("sources.0.trajectory.0.distance_m", 0, "from 0.01 to 10000"),
    ("sources.0.trajectory.0.distance_m", 1e-300, "from 0.01 to 10000"),
    ("sources.0.trajectory.0.distance_m", 1e300, "from 0.01 to 10000"),
    ("sources.0.trajectory.0.time_s", 1e9, "from -3600 to 3600"),
    ("sources.1.trajectory.1.time_s", 0, "times must increase"),
    ("sources.1.trajectory.1.azimuth_deg", KeyError, "azimuth_deg is missing"),
    ("bed", None, "an object is needed, not null"),
    ("bed.order", 2, "unknown field 'order'"),
    ("bed.gain_db", KeyError, "gain_db is missing"),
    ("bed.gain_db", 130, "gain_db must be from -120 to 120"),
    ("bed.stem", "../x.wav", "outside the folder"),
    ("bed.stem", "stems/none.wav", "none.wav does not exist"),
    ("bed.stem", "stems/01-dog.wav", "has 1 channels"),
    ("bed.sha256", "0" * 64, "has changed"),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG_VALUES)
def test_wrong_values_are_refused_with_their_place(written, field, value, message):
    """Oracle: one planted fault per file; the sentence names the file and the fault."""
    document = json.loads(written.read_text("utf-8"))
    edit(document, field, value)
    written.write_text(json.dumps(document), "utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_scene(written)
    assert str(written.parent) in str(caught.value) and "\n" not in str(caught.value)


NOT_SAID_BY_A_SCHEMA = ("scene", "the scene", "outside", "is not a file", "is a folder", "does not exist", "changed", "increase")
NOT_SAID_BY_A_SCHEMA += ("channels",)


@pytest.mark.parametrize(
    ("field", "value"), [(f, v) for f, v, m in WRONG_VALUES if not any(x in m for x in NOT_SAID_BY_A_SCHEMA)]
)
def test_the_schema_refuses_what_the_reader_refuses(written, field, value):
    """Oracle: jsonschema, an independent reader of the committed ranges, on the same planted faults."""
    document = json.loads(written.read_text("utf-8"))
    edit(document, field, value)
    if field != "room.listener_m" or min(value) < 0:  # whether the listener is inside the room is beyond a schema
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize("kind", ["none", "outdoor"])
def test_rooms_without_walls_need_no_walls(written, kind):
    """Oracle: planted zeros, taken by reader and schema."""
    document = json.loads(written.read_text("utf-8"))
    document["room"] = {"kind": kind, "size_m": [0, 0, 0], "listener_m": [0, 0, 1.6], "rt60_s": 0}
    written.write_text(json.dumps(document), "utf-8")
    jsonschema.validate(document, SCHEMA)
    assert read_scene(written).room == Room(kind, (0, 0, 0), (0, 0, 1.6), 0)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "nonsense", '{"version": NaN}', '{"version": Infinity}', "[" * 100_000, "\ufeff[]", "\x00\x01"],
)
def test_what_is_not_a_scene_is_refused(tmp_path, text):
    """Oracle: planted texts; one sentence with the file's name."""
    (tmp_path / "scene.json").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"scene\.json") as caught:
        read_scene(tmp_path / "scene.json")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_wrong_stems_are_refused_by_name(written):
    """Oracle: one planted fault per stem."""
    document = json.loads(written.read_text("utf-8"))
    for source in document["sources"]:
        source.pop("sha256")
    written.write_text(json.dumps(document), "utf-8")
    path = written.parent / "stems/01-dog.wav"
    right = stem(1).samples[0]
    nan = right.copy()
    nan[5] = np.nan
    for samples, rate, message in [
        (np.stack([right, right], axis=1), RATE, "must be mono, it has 2 channels"),
        (right, 2 * RATE, "16000 Hz, the scene 8000 Hz"),
        (right[:-1], RATE, "3999 samples, the scene 4000"),
        (nan, RATE, "NaN"),
        (1e30 * right, RATE, r"reaches \d\.?\d*e\+30"),
        (right[:0], RATE, "no samples"),
    ]:
        soundfile.write(path, samples, rate, subtype="FLOAT")
        with pytest.raises(InputError, match=message) as caught:
            read_scene(written)
        assert str(written.parent) in str(caught.value)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"01-dog\.wav is empty"):
        read_scene(written)


def test_a_stem_behind_a_link_is_refused(written, tmp_path_factory):
    """Oracle: a planted symbolic link out of the folder."""
    outside = tmp_path_factory.mktemp("outside") / "x.wav"
    soundfile.write(outside, stem(1).samples[0], RATE, subtype="FLOAT")
    (written.parent / "stems/01-dog.wav").unlink()
    (written.parent / "stems/01-dog.wav").symlink_to(outside)
    with pytest.raises(InputError, match="outside the folder"):
        read_scene(written)


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
