"""`batch`: manifests, folders, names, what is refused. Oracle: the verb run by hand on the same input (same bytes)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

import seehear
from planted import scenery
from seehear.types import InputError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(2):
        Picture.fromarray(scenery(160, 120, index)).save(folder / f"p{index}.png")
    (folder / "broken.jpg").write_text("no picture")
    (folder / "notes.txt").write_text("no input")
    return folder


def test_a_batch_gives_what_the_verb_gives_alone(photos: Path, tmp_path: Path) -> None:
    asked = {"seconds": 0.5, "say": "bell", "layout": "foa", "room": "none"}
    report = seehear.batch(photos, verb="spatialize", out=str(tmp_path / "out"), output="{name}.foa.wav", **asked)
    assert (report["items"], report["done"]) == (3, 2)
    (failure,) = report["failures"]
    assert failure["item"] == "broken" and failure["fixable"] and "broken.jpg is damaged" in failure["reason"]
    rows = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert [(row["item"], row["status"]) for row in rows] == [("broken", "failed"), ("p0", "done"), ("p1", "done")]
    assert [row["seed"] for row in rows[1:]] == [0, 0]
    seehear.spatialize(photos / "p1.png", output=str(tmp_path / "alone.wav"), **asked)
    assert (tmp_path / "out" / "p1" / "p1.foa.wav").read_bytes() == (tmp_path / "alone.wav").read_bytes()
    again = seehear.batch(photos, verb="spatialize", out=str(tmp_path / "out"), output="{name}.foa.wav", resume=True, **asked)
    assert again["known"] == 3


def test_rows_of_a_manifest_win_over_the_call_and_get_names_of_their_own(photos: Path, tmp_path: Path) -> None:
    manifest = photos / "list.csv"
    manifest.write_text('input,name,seconds,say,equirectangular\np0.png,,0.25,,\np0.png,a/b,,"bell, cat",no\np1.png,P0,,,\n')
    report = seehear.batch(
        manifest, verb="spatialize", out=str(tmp_path / "out"), seconds=0.5, say="clock", output="x.wav", layout="mono"
    )
    assert report["done"] == 3
    rows = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert [row["item"] for row in rows] == ["p0", "a-b", "P0-2"]
    assert [row["duration_s"] for row in rows] == [0.25, 0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("m.csv", "file\na.png\n", "row 1: `input` must name a file; there is 'file'"),
        ("m.csv", "input;seconds\na.png;1\n", "there is 'input;seconds'"),
        ("m.csv", "input\nhttps://a.org/a.png\n", "row 1: https://a.org/a.png is an address"),
        ("m.csv", "input,bed\na.png,none.wav\n", "none.wav does not exist"),
        ("m.csv", "input,seconds\na.png,x\n", "row 1: seconds cannot be 'x'"),
        ("m.csv", "input,colour\na.png,red\n", "row 1: unknown option 'colour'"),
        ("m.csv", "input,seconds\na.png,-1\n", "--seconds must lie in"),
        ("m.csv", "input\na.png,b.png\n", "row 1: more cells than columns"),
        ("m.csv", "input\n", "has no input for spatialize"),
        ("m.csv", "", "is empty"),
        ("m.jsonl", '{"input": "a.png"\n', "is not a manifest that can be read"),
        ("m.jsonl", "[1]\n", "row 1: a JSON object is needed"),
        ("m.jsonl", '{"input": 3}\n', "row 1: `input` must name a file"),
        ("m.jsonl", '{"input": "a.png", "folder": "/tmp/x"}\n', "row 1: --folder must be a plain name"),
        ("m.txt", "a.png\n", "is no folder and no manifest"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused_before_any_work(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=sentence):
        seehear.batch(tmp_path / name, out=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"verb": "concepts"}, "batch runs spatialize, render"),
        ({"workers": 0}, "--workers must lie in"),
        ({"retry": True}, "--retry goes with --resume"),
        ({"colour": "red"}, "unknown option 'colour'"),
        ({"out": ""}, "--out needs the name"),
        ({"limit_s": 0.5}, "--limit must lie in"),
        ({"output": "../x.wav"}, "--output must be a plain name"),
        ({"stems": ".."}, "--stems must be a plain name"),
        ({"models": "best"}, "unknown models 'best'"),
        ({"models": "builtin-research", "commercial_only": True}, "--commercial-only: not all"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused(photos: Path, tmp_path: Path, options: dict, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        seehear.batch(photos, **{"out": str(tmp_path / "out"), **options})
    assert not (tmp_path / "out").exists()


def test_every_input_has_a_folder_of_its_own_name_or_is_told(tmp_path: Path) -> None:
    """Planted: names that differ by case and form alone, names of the runner's own files, one of 200 bytes, and files of other
    kinds; oracle: the rules that the documentation states."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("A.png", "a.jpg", "results.jsonl.png", "caf\u00e9.png", "cafe\u0301.jpg", "\u97f3" * 60 + ".png", "..png.png"):
        (folder / name).touch()
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "sub.png").mkdir()
    (folder / "a.heic").touch()
    report = seehear.batch(folder, out=str(tmp_path / "out"), dry_run=True)
    found = {row["input"]: row["item"] for row in report["inputs"]}
    assert len({name.casefold() for name in found.values()}) == len(found) == report["items"] == 7
    assert found["A.png"] == "A" and found["a.jpg"] == "a-2" and found["results.jsonl.png"] == "results.jsonl-2"
    assert {found["caf\u00e9.png"], found["cafe\u0301.jpg"]} == {"caf\u00e9", "caf\u00e9-2"}
    assert found["\u97f3" * 60 + ".png"] == "\u97f3" * 26 and found["gone.png"] == "gone"
    assert report["skipped"] == {".heic": 1} and not (tmp_path / "out").exists()


def test_a_manifest_of_a_spreadsheet(photos: Path, tmp_path: Path) -> None:
    """Planted: a byte order mark, CRLF, an absolute path, a link, a missing file, an ambience beside the manifest."""
    from seehear.io.audio import write_audio
    from seehear.types import FOA, Audio

    noise = np.random.default_rng(1).standard_normal((4, 24_000)).astype(np.float32) * np.float32(0.1)
    write_audio(photos / "rain.wav", Audio(noise, 48_000, FOA, "acn-sn3d"))
    (photos / "link.png").symlink_to(photos / "p0.png")
    rows = ["input,bed", f"{photos / 'p1.png'},", "link.png,rain.wav", "none.png,"]
    (photos / "list.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    report = seehear.batch(photos / "list.csv", out=str(tmp_path / "out"), seconds=0.25, layout="mono", output="x.wav")
    assert [(each["item"], each["fixable"]) for each in report["failures"]] == [("none", True)]
    found = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert [row["input"] for row in found] == [str(photos / "p1.png"), "link.png", "none.png"]
    assert [row["options"] for row in found] == [{}, {"bed": "rain.wav"}, {}]
    assert any("rain.wav" in note for note in found[1]["notes"]) and not any("rain.wav" in note for note in found[0]["notes"])


def test_renders_too(tmp_path: Path) -> None:
    """Oracle: `render` alone."""
    from seehear.io.audio import write_audio
    from seehear.types import FOA, Audio

    noise = np.random.default_rng(1).standard_normal((4, 24_000)).astype(np.float32) * np.float32(0.1)
    write_audio(tmp_path / "field.wav", Audio(noise, 48_000, FOA, "acn-sn3d"))
    report = seehear.batch(tmp_path, verb="render", out=str(tmp_path / "out"), layout="stereo")
    assert report["done"] == 1 and not report["failures"]
    seehear.render(tmp_path / "field.wav", tmp_path / "alone.wav", layout="stereo")
    assert (tmp_path / "out" / "field" / "field.wav").read_bytes() == (tmp_path / "alone.wav").read_bytes()


def test_the_command_tells_what_became_of_all(photos: Path, tmp_path: Path, run) -> None:
    """Planted: one picture, one that is broken, a file of another kind; the status is that of what the caller can fix."""
    (photos / "p1.png").unlink()
    call = ("batch", photos, "--out", tmp_path / "out")
    flags = ("--", "spatialize", "--seconds", 0.25, "--layout", "mono", "-o", "x.wav")
    status, out, err = run(*call, *flags)
    assert (
        status == 2
        and "1 of 2 done" in out
        and "failed: broken.jpg: " in out
        and "of a kind that spatialize takes: 1 .txt" in out
    )
    assert "2/2" in err
    status, out, _ = run(*call, "--resume", "--json", *flags)
    assert status == 2 and json.loads(out)["known"] == 2
    status, out, _ = run("batch", photos, "--out", tmp_path / "new", "--dry-run", *flags)
    assert status == 0 and [each["item"] for each in json.loads(out)["inputs"]] == ["broken", "p0"]
    assert not (tmp_path / "new").exists()
    for wrong, sentence in (
        (("spatialize", "--json"), "--json belongs before the --"),
        (("inspect",), "batch runs spatialize, render, got 'inspect'"),
        (("spatialize", "--models", "best"), "unknown models 'best'"),
    ):
        status, _, err = run("batch", photos, "--out", tmp_path / "new", "--", *wrong)
        assert status == 2 and sentence in err
