"""Which sound fields are compared with which, and where their cameras looked."""

import json
from pathlib import Path

import numpy as np
import pytest

from planted_fields import AZIMUTHS_DEG, RATE_HZ, plane_wave, write_field
from seehear.acoustics.sphere import convert
from seehear.data.clips import Clip
from seehear.data.field_pairs import FieldSets, Unreadable, find_fields, read_directions, read_pairs
from seehear.data.shards import write_shards
from seehear.metrics.ambisonics import RATE_HZ as COMPARED_HZ
from seehear.metrics.ambisonics import FieldPair
from seehear.types import FOA, Audio, Direction, InputError

FIELDS = {key: plane_wave(azimuth, seed, 0.2) for seed, (key, azimuth) in enumerate(AZIMUTHS_DEG.items())}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for key, field in FIELDS.items():
        write_field(tmp_path / "ambix" / f"{key}.wav", field)
    return tmp_path / "ambix"


def references(sets: FieldSets, **options) -> dict[str, FieldPair]:
    """By key; a pair that cannot be read has none."""
    return {each.key: each for each in read_pairs(sets, **options) if isinstance(each, FieldPair)}


def test_orders_are_as_told(folder, tmp_path):
    """Closed form: what was written as FuMa and told so is the AmbiX that it was, to float32; not told, it is another field."""
    for key, field in FIELDS.items():
        write_field(tmp_path / "fuma" / f"{key}.wav", convert(field, "acn-sn3d", "fuma"), fuma=True)
    sets = find_fields(folder, tmp_path / "fuma")
    told, untold = references(sets, reference_order="fuma"), references(sets)
    for key in FIELDS:
        assert told[key].reference.shape == (4, round(0.2 * COMPARED_HZ))
        np.testing.assert_allclose(told[key].reference, told[key].generated, atol=1e-6)
        assert np.abs(untold[key].reference - untold[key].generated).max() > 0.02


def test_references_may_lie_in_shards(folder, tmp_path):
    """Round trip: the same sounds and directions, within the 16 bits of a shard; one that was not generated is told."""
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    sounds = {**FIELDS, "late": FIELDS["a"]}
    clips = (
        Clip(key, frames, 4.0, Audio(field, RATE_HZ, FOA, "acn-sn3d"), Direction(np.radians(AZIMUTHS_DEG.get(key, 0.0))))
        for key, field in sounds.items()
    )
    write_shards(clips, tmp_path / "shards")
    every = list(read_pairs(find_fields(folder, tmp_path / "shards")))
    assert [each.key for each in every] == list(sounds)
    for each in every[:-1]:
        assert isinstance(each, FieldPair) and each.direction is not None
        np.testing.assert_allclose(each.reference, each.generated, atol=2**-15)
        assert np.degrees(each.direction.azimuth_rad) == pytest.approx(AZIMUTHS_DEG[each.key], abs=1e-2)
    assert every[-1] == Unreadable("late", "nothing was generated for late")


def test_directions_of_a_file_go_before_those_beside_the_sounds(folder, tmp_path):
    """Planted: CSV (with a spreadsheet's byte order mark) and JSON say the same; others keep what lies beside."""
    (folder / "a.json").write_text(json.dumps({"direction_deg": [1.0, 2.0]}))
    (folder / "b.seehear.json").write_text(json.dumps({"azimuth_deg": 3.0, "elevation_deg": 4.0}))
    csv_file, json_file = tmp_path / "d.csv", tmp_path / "d.json"
    csv_file.write_text("\ufeffname,azimuth_deg,elevation_deg\na.wav,-90,30\nc,180,-90\n", "utf-8")
    json_file.write_text(json.dumps({"a": [-90, 30], "c": [180, -90]}))
    assert read_directions(csv_file) == read_directions(json_file)
    known = find_fields(folder, folder, csv_file).directions
    found = {key: np.degrees([each.azimuth_rad, each.elevation_rad]).tolist() for key, each in known.items()}
    assert found == {"a": pytest.approx([-90, 30]), "b": pytest.approx([3, 4]), "c": pytest.approx([180, -90])}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", b"file,az\na,1\n", "needs the columns name, azimuth_deg and elevation_deg"),
        ("d.csv", "name,azimuth_deg,elevation_deg\n\xf6,1,2\n".encode("latin-1"), "is no text in UTF-8"),
        ("d.csv", b"azimuth_deg,elevation_deg,name\n1,2\n", "names no sound of"),
        ("d.csv", b"name,azimuth_deg,elevation_deg\nother,1,2\n", "names no sound of"),
        ("d.csv", b"name,azimuth_deg,elevation_deg\na,1,2\na.wav,3,4\n", "two directions for a.wav"),
        ("d.csv", b"name,azimuth_deg,elevation_deg\na,1\n", "an azimuth and an elevation in degrees"),
        ("d.json", b'{"a": "12"}', "an azimuth and an elevation in degrees"),
        ("d.json", b'{"a": [1, 2, 3]}', "an azimuth and an elevation in degrees"),
        ("d.json", b'{"a": [1, 91]}', "an elevation lies in -90 to 90"),
        ("d.json", b'{"a": [1' + b"0" * 400 + b", 2]}", "an azimuth and an elevation in degrees"),
        ("d.json", b"[1, 2]", "must hold a JSON object"),
        ("d.json", b"{", "cannot be read as JSON"),
    ],
)
def test_what_tells_no_directions_is_refused(folder, tmp_path, name, content, message):
    """Planted faults: one sentence, no traceback."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        find_fields(folder, folder, tmp_path / name)


def test_neighbours_that_tell_no_direction_are_faults_of_their_pairs(folder, tmp_path):
    """Planted: beside three sounds a list, words for angles and no text; the others are compared, and where a file says the
    direction of one of the three, that is too."""
    for key, content in (("a", b"[1, 2]"), ("b", b'{"direction_deg": ["left", "up"]}'), ("c", b"\xff")):
        (folder / f"{key}.json").write_bytes(content)
    reasons = {each.key: each.reason for each in read_pairs(find_fields(folder, folder)) if isinstance(each, Unreadable)}
    assert reasons.keys() == {"a", "b", "c"}
    for key, words in (("a", "must hold a JSON object"), ("b", "in degrees, got ['left', 'up']"), ("c", "is no text in UTF-8")):
        assert f"{key}.json" in reasons[key] and words in reasons[key]
    (tmp_path / "d.json").write_text('{"a": [1, 2]}')
    sets = find_fields(folder, folder, tmp_path / "d.json")
    assert sets.faults.keys() == {"b", "c"} and references(sets).keys() == FIELDS.keys() - {"b", "c"}


def test_two_files_of_one_name_are_refused(folder):
    """Planted fault."""
    (folder / "a.flac").write_bytes(b"")
    with pytest.raises(InputError, match="have one name"):
        find_fields(folder, folder)
