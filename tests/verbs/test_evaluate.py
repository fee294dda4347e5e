import json
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from planted import scenery
from seehear.presets import EvaluationPreset, Part
from seehear.types import MONO as MONO_LAYOUT
from seehear.types import SURROUND_5_1, Audio, Direction, Image, InputError, Rendering, Room, Scene, Source, Trajectory
from seehear.verbs.evaluate import ROWS, evaluate, summarise, table

MODULE = import_module("seehear.verbs.evaluate")  # by its name: `seehear.verbs.evaluate` is the verb
RATE_HZ = 44_100


def rendering(seed: int, seconds: float) -> Rendering:
    """A stem of noise in the front, in a scene without a room."""
    n = round(seconds * RATE_HZ)
    stem = 0.1 * np.random.default_rng(seed).standard_normal((1, n)).astype(np.float32)
    source = Source(Audio(stem, RATE_HZ, MONO_LAYOUT), Trajectory.fixed(Direction(0.0), 2.0), "dog")
    surround = np.zeros((6, n), np.float32)
    surround[2] = stem
    return Rendering(Audio(surround, RATE_HZ, SURROUND_5_1), Scene((source,), Room(), seconds, RATE_HZ), {})


class Echo:
    """A matcher whose effect does not depend on the picture."""

    def match(self, audio: Audio, image: Image, /) -> Audio:
        return replace(audio, samples=audio.samples + np.float32(0.5) * np.roll(audio.samples, 4000, axis=1))


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """Spatialize and the matcher are planted; what comes back grows by one entry per picture that is made."""
    calls: list[int] = []

    def spatialize(image, *, seconds, **_):
        calls.append(int(image.rgb[0, 0, 0]))
        return rendering(calls[-1], seconds)

    monkeypatch.setattr(MODULE, "spatialize", spatialize)
    monkeypatch.setattr(MODULE, "evaluation_preset", lambda seed: EvaluationPreset(Part("matcher", "echo", "none"), Echo))
    return calls


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, a text that is named like one, and a note."""
    place = tmp_path / "pictures"
    place.mkdir()
    for index in range(3):
        rgb = scenery()
        rgb[0, 0] = index
        Pillow.fromarray(rgb).save(place / f"{index}.png")
    (place / "9.jpg").write_text("no picture")
    (place / "note.txt").write_text("not asked for")
    return place


def test_a_folder_with_a_failure(made, folder, tmp_path):
    """Planted answer: three pictures measured, one counted as failed with its reason, files whole, nothing else written."""
    told: list[float] = []
    out = tmp_path / "report.json"
    report = evaluate("spatialize", [folder], out, seconds=0.5, watch=lambda _, done: told.append(done))
    assert made == [0, 1, 2]
    assert told == [0, 0.25, 0.5, 0.75]
    assert (report["pictures"], report["evaluated"]) == (4, 3)
    assert [each["file"] for each in report["failures"]] == [str(folder / "9.jpg")]
    assert "9.jpg" in report["failures"][0]["reason"]
    score = report["rows"]["seehear"]["zcr"]
    assert (score["n"], score["n_failed"], score["better"]) == (3, 1, "higher")
    assert score["ci"][0] <= score["value"] <= score["ci"][1]
    assert list(report["excluded_by_the_paper"]) == ["rhythm", "perceptual"]
    assert json.loads(out.read_text()) == {name: value for name, value in report.items() if name != "files"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "report.items.jsonl", "report.json"]


def test_a_stopped_run_goes_on(made, folder, tmp_path, monkeypatch):
    """Closed form: after an interrupt at the third picture only that one is made, and the report is that of an unbroken run."""
    unbroken = evaluate("spatialize", [folder], tmp_path / "whole.json", seconds=0.5)
    out = tmp_path / "report.json"

    def stop(_: str, done: float) -> None:
        if done == 0.5:
            raise KeyboardInterrupt

    made.clear()
    with pytest.raises(KeyboardInterrupt):
        evaluate("spatialize", [folder], out, seconds=0.5, watch=stop)
    assert made == [0, 1]
    assert not out.exists()
    made.clear()
    resumed = evaluate("spatialize", [folder], out, seconds=0.5)
    assert made == [2]
    assert resumed["rows"] == unbroken["rows"]
    assert resumed["failures"] == unbroken["failures"]


def test_a_changed_picture_is_measured_again(made, folder, tmp_path):
    """Closed form: items are known by the file's hash; other settings are refused, force starts anew."""
    out = tmp_path / "report.json"
    evaluate("spatialize", [folder], out, seconds=0.5)
    made.clear()
    out.unlink()
    changed = scenery()
    changed[0, 0] = 7
    Pillow.fromarray(changed).save(folder / "1.png")
    evaluate("spatialize", [folder], out, seconds=0.5)
    assert made == [7]
    with pytest.raises(InputError, match="exists already"):
        evaluate("spatialize", [folder], out, seconds=0.5)
    out.unlink()
    with pytest.raises(InputError, match="other settings"):
        evaluate("spatialize", [folder], out, seconds=0.6)
    made.clear()
    assert evaluate("spatialize", [folder], out, seconds=0.6, limit=1, force=True)["evaluated"] == 1
    assert made == [0]


def test_a_picture_counts_once(made, folder, tmp_path, monkeypatch):
    """Closed form: relative, absolute and linked paths are one file, a copy of its bytes is told and left out; a file that moved
    is known by its bytes. n is the number of different pictures."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(folder / "0.png", tmp_path / "copy.png")
    (tmp_path / "link.png").symlink_to(folder / "1.png")
    asked = ["pictures/0.png", folder / "0.png", "pictures/../pictures/0.png", "copy.png", folder / "1.png", "link.png"]
    out = tmp_path / "report.json"
    report = evaluate("spatialize", asked, out, seconds=0.5)
    assert made == [0, 1]
    assert (report["pictures"], report["evaluated"], report["failures"]) == (3, 2, [])
    assert report["duplicates"] == [{"file": "copy.png", "same_as": "pictures/0.png"}]
    assert report["rows"]["mono"]["zcr"]["n"] == 2
    assert "n = 2 pictures, 0 failed, 1 copies left out" in table(report)
    out.unlink()
    (folder / "1.png").rename(tmp_path / "moved.png")
    again = evaluate("spatialize", ["copy.png", "moved.png"], out, seconds=0.5)
    assert made == [0, 1]  # neither is made again
    assert (again["evaluated"], again["duplicates"]) == (2, [])
    assert again["rows"] == report["rows"]


def test_a_typo_blocks_nothing(made, folder, tmp_path):
    """Closed form: without a measured picture no items are written; items of failures alone do not hold other settings back."""
    out, items = tmp_path / "report.json", tmp_path / "report.items.jsonl"
    with pytest.raises(InputError, match="none of the 1 pictures"):
        evaluate("spatialize", [folder / "typo.png"], out, seconds=0.5)
    assert not items.exists()
    report = evaluate("spatialize", [folder / "typo.png", folder / "0.png"], out, seconds=0.5)
    assert (report["evaluated"], len(report["failures"])) == (1, 1)
    head, failed, _ = items.read_text().splitlines()
    items.write_text(f"{head}\n{failed}\n")
    out.unlink()
    assert evaluate("spatialize", [folder / "0.png"], out, seconds=0.6)["evaluated"] == 1


def test_damaged_items_are_refused(made, folder, tmp_path):
    """Planted answer: whatever is missing from a line, one sentence names file and line, and nothing is made or written."""
    out, items = tmp_path / "report.json", tmp_path / "report.items.jsonl"
    evaluate("spatialize", [folder / "0.png"], out, seconds=0.5)
    out.unlink()
    made.clear()
    head, line = items.read_text().splitlines()
    item = json.loads(line)
    scores = item["scores"]
    damaged = [
        {name: item[name] for name in item if name != "file"},
        {name: item[name] for name in item if name != "sha256"},
        item | {"scores": {row: scores[row] for row in ROWS[1:]}},
        item | {"scores": scores | {"mono": {}}},
        item | {"scores": scores | {"mono": scores["mono"] | {"zcr": "much"}}},
        {"file": "a"},
        [1],
    ]
    cases = [(f"{head}\n{line}\n{json.dumps(each)}\n", 3) for each in damaged] + [(f"{{}}\n{line}\n", 1), (f"[]\n{line}\n", 1)]
    for text, number in cases:
        items.write_text(text)
        with pytest.raises(InputError, match=rf"report\.items\.jsonl is not what evaluate wrote \(line {number}\)"):
            evaluate("spatialize", [folder / "0.png"], out, seconds=0.5)
        assert items.read_text() == text
    assert made == []


def test_names_that_no_file_can_have(made, folder, tmp_path):
    """Closed form: a name is at most 255 bytes, the items' 7 more than the report's: an output is refused, a picture failed."""
    for name in ("x" * 300 + ".json", "x" * 248 + ".json"):
        with pytest.raises(InputError, match="cannot be written"):
            evaluate("spatialize", [folder / "0.png"], tmp_path / name, seconds=0.5)
    report = evaluate("spatialize", [folder / "0.png", "x" * 300, "a\0b"], tmp_path / "report.json", seconds=0.5)
    assert report["evaluated"] == 1
    assert [each["file"] for each in report["failures"]] == ["x" * 300, "a\0b"]


def test_all_failed_is_an_error(made, folder, tmp_path):
    """Closed form: no report without a figure; the reason of the first is told."""
    out = tmp_path / "report.json"
    with pytest.raises(InputError, match=r"none of the 2 pictures could be evaluated; the first: .*9\.jpg"):
        evaluate("spatialize", [folder / "9.jpg", folder / "missing.png"], out)
    assert not out.exists()
    assert made == []


def test_what_cannot_be_asked(folder, tmp_path):
    """Closed form: each mistake is told by name before any work."""
    out = tmp_path / "report.json"
    for sentence, system, pictures, target, options in (
        ("evaluate knows spatialize", "sonify", [folder], out, {}),
        ("unknown option 'second'", "spatialize", [folder], out, {"second": 1}),
        ("--seconds must lie in 0.5", "spatialize", [folder], out, {"seconds": 0.1}),
        ("--channels must be each or mix", "spatialize", [folder], out, {"channels": "left"}),
        ("--limit must be at least 1", "spatialize", [folder], out, {"limit": 0}),
        ("unknown models 'best'", "spatialize", [folder], out, {"models": "best"}),
        ("no picture to evaluate", "spatialize", [], out, {}),
        (r"is a \.json file", "spatialize", [folder], tmp_path / "report.csv", {}),
        ("does not exist", "spatialize", [folder], tmp_path / "no" / "report.json", {}),
    ):
        with pytest.raises(InputError, match=sentence):
            evaluate(system, pictures, target, **options)
    assert not any(path.suffix in (".json", ".jsonl") for path in tmp_path.iterdir())


def test_items_of_somebody_else_are_refused(folder, tmp_path):
    """Closed form: a file that is no record of ours is named, not overwritten."""
    (tmp_path / "report.items.jsonl").write_text("hello\n")
    with pytest.raises(InputError, match="not what evaluate wrote"):
        evaluate("spatialize", [folder], tmp_path / "report.json")
    assert (tmp_path / "report.items.jsonl").read_text() == "hello\n"


def test_a_dry_run_writes_nothing(folder, tmp_path):
    """Closed form: the plan names the models, the stand-in and the files."""
    plan = evaluate("spatialize", [folder], tmp_path / "report.json", limit=2, dry_run=True)
    assert plan["pictures"] == 2
    assert "stand-in for AViTAR" in plan["settings"]["matcher"]["name"]
    assert not any(path.suffix in (".json", ".jsonl") for path in tmp_path.iterdir())


def test_scores_and_their_table():
    """Planted answer: means, paired difference and undefined measures by hand."""
    names = ("mfcc_dtw", "zcr", "chroma", "spectral_contrast", "rhythm", "perceptual")

    def item(ours: float, mono: float) -> dict:
        scores = {row: dict.fromkeys(names, mono if row == "mono" else ours) | {"rhythm": None} for row in ROWS}
        return {"file": "a", "scores": scores}

    report = summarise([item(0.5, 0.25), item(1.0, 0.25), {"file": "b", "failed": "b is broken"}])
    assert report["rows"]["seehear"]["zcr"]["value"] == 0.75
    assert report["rows"]["seehear - mono"]["zcr"]["value"] == 0.5
    assert report["rows"]["mono"]["rhythm"] | {"ci": None} == {
        **{"value": None, "n": 0, "n_failed": 3, "unit": "1", "better": "higher", "ci": None}
    }
    text = table(report | {"duplicates": [{"file": "c", "same_as": "a"}], "notes": ["one thing to know"]})
    assert "| ZCR | higher | 0.750 [0.500, 1.000] | 0.750 [0.500, 1.000] | 0.750 [0.500, 1.000] | 0.250 [0.250, 0.250] |" in text
    assert "n = 2 pictures, 1 failed, 1 copies left out" in text
    assert "counted once: c has the bytes of a" in text
    assert "| Rhythm (excluded) | higher | not defined |" in text
    assert "failed: b is broken" in text
    assert text.endswith("note: one thing to know")


def test_a_real_picture(folder, tmp_path):
    """Closed form: through the real system and matcher every measure is within its range, and the matching changes something."""
    report = evaluate("spatialize", [folder / "0.png"], tmp_path / "report.json", seconds=0.5)
    for row in ROWS:
        scores = {name: each["value"] for name, each in report["rows"][row].items()}
        assert scores.pop("mfcc_dtw") > 0.01
        assert all(0 < value < 1 for value in scores.values()), scores
