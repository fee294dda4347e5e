"""The scene file: every way to be wrong, and one sentence for each."""

import json
import re

import jsonschema
import numpy as np
import pytest
import soundfile

from seehear.io.scene import read_scene
from seehear.types import InputError
from written_scenes import RATE, SCHEMA, stem


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
    ("duration_s", 1e7, "to 21600, got 1e+07"),
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
    ("sources.0.muted", "yes", "muted must be true or false, not a text"),
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
    ("sources.0.trajectory.0.time_s", 1e9, "from -21600 to 21600"),
    ("sources.1.trajectory.1.time_s", 0, "times must increase"),
    ("sources.1.trajectory.1.azimuth_deg", KeyError, "azimuth_deg is missing"),
    ("bed", None, "an object is needed, not null"),
    ("bed.order", 2, "unknown field 'order'"),
    ("bed.gain_db", KeyError, "gain_db is missing"),
    ("bed.gain_db", 130, "gain_db must be from -120 to 120"),
    ("bed.stem", "../x.wav", "outside the folder"),
    ("bed.stem", "stems/none.wav", "none.wav does not exist"),
    ("bed.stem", "stems/01-dog.wav", "has 1 channels"),
    ("bed.muted", 0, "muted must be true or false, not a number"),
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
    """Oracle: one planted fault per stem; faults of samples are found when they are read."""
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
            read_scene(written).sources[0].audio.read(0, RATE // 2)
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
