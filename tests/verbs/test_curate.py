"""``seehear curate`` as people call it. Oracles: planted films, lists and clips, told back as they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from panoramic_films import RATE_HZ, plane_wave, plant, tone, write_film
from seehear.data.clips import Clip
from seehear.data.shards import read_clips, write_shard, write_shards
from seehear.io.opus import write_opus
from seehear.types import FOA, Audio, Direction
from seehear.verbs.curate import funnel_table
from small_clips import small_clip


def test_released_clips_become_shards_and_the_missing_are_counted(run, tmp_path: Path) -> None:
    """Planted: two clips on the list, one of which is there; a second call finds the folder taken. Where what is missing cannot
    be told, there are no clips either."""
    lists, media = tmp_path / "lists", tmp_path / "media"
    for folder in (lists, media, media / "nfov", media / "audio"):
        folder.mkdir()
    (lists / "test.csv").write_text("file_path\nb2VhNUmUV3k_52.npy\n_D7CJg5fvsE_107.npy\n")
    (lists / "ambi.json").write_text('{"b2VhNUmUV3k_52": [44, 89], "_D7CJg5fvsE_107": [3, 4]}')
    write_film(media / "nfov", "b2VhNUmUV3k_52", [np.full((64, 64, 3), 90, np.uint8)] * 20, np.zeros((1, 8)))
    sound = np.repeat(plane_wave(tone("dog", 5), Direction(0.0)), 48_000 // RATE_HZ, axis=1)
    write_opus(media / "audio" / "b2VhNUmUV3k_52.opus", Audio(sound, 48_000, FOA, "acn-sn3d"))
    words = ("curate", "import", "yt-ambigen", "--lists", lists, "--media", media, "--split", "test", "--out", "clips")
    status, out, _ = run(*words)
    assert status == 0 and out.startswith("1 of 2 clips: clips/manifest.jsonl")
    assert "1 are missing or broken" in out
    assert json.loads(Path("clips/missing.jsonl").read_text())["clip_id"] == "_D7CJg5fvsE_107"
    (clip,) = read_clips("clips")
    assert clip.key == "b2VhNUmUV3k_52" and np.degrees(clip.direction.azimuth_rad) == pytest.approx(1)
    status, _, err = run(*words)
    assert status == 2 and "holds clips already" in err
    Path("torn").mkdir()
    Path("torn/missing.jsonl").mkdir()  # so that this file cannot be written
    status, _, err = run(*words[:-1], "torn")
    assert status == 2 and "missing.jsonl is a folder" in err
    assert [path.name for path in Path("torn").iterdir()] == ["missing.jsonl"]
    (media / "nfov" / "b2VhNUmUV3k_52.mp4").unlink()
    status, _, err = run(*words[:-1], "none")
    assert status == 2 and "none of the 2 clips could be read" in err and not Path("none").exists()


def test_the_report_counts_and_draws(run, tmp_path: Path) -> None:
    """Planted: three clips, one of another split; the JSON beside the figure has one row per clip."""
    sound = Audio(plane_wave(tone("noise", 1), Direction(0.0)), RATE_HZ, FOA, "acn-sn3d")
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (3, 64, 64, 3), dtype=np.uint8) for _ in range(3)]
    splits = ("train", "train", "test")
    clips = [Clip(f"c{i}", frames[i], 4.0, sound, Direction(0.0), facts={"split": splits[i]}) for i in range(3)]
    write_shards(clips, tmp_path / "clips")
    status, out, _ = run("curate", "report", tmp_path / "clips", "-o", "r.png", "--split", "train")
    assert status == 0 and out.startswith("2 clips, heard by builtin audio encoder")
    told = json.loads(Path("r.json").read_text())
    assert [each["key"] for each in told["each"]] == ["c0", "c1"] and sum(told["tags"].values()) == 2
    assert Path("r.png").read_bytes()[:4] == b"\x89PNG"
    status, _, err = run("curate", "report", tmp_path / "clips", "-o", "r.png")
    assert status == 2 and "exists already" in err


def test_a_split_is_that_of_the_clips_of_an_archive(run, tmp_path: Path) -> None:
    """Planted: an archive of a training clip holds none of the test split."""
    write_shard([small_clip(0)], tmp_path / "clips.tar")
    status, _, err = run("curate", "report", tmp_path / "clips.tar", "-o", "r.png", "--split", "test")
    assert status == 2 and "holds no clips of the split 'test'" in err


def test_the_funnel_is_told_also_when_nothing_comes_through(run, tmp_path: Path) -> None:
    """Planted: the one film does not exist. The funnel is printed and written, with --resume again; exit 2, there is no clip."""
    (tmp_path / "m.csv").write_text("video\nmissing.mp4\n")
    for more in ((), ("--resume",)):
        status, out, err = run("curate", "run", tmp_path / "m.csv", "--out", "o", *more)
        assert status == 2 and "no clip was kept" in err
        assert out.splitlines()[1].split()[:4] == ["read", "1", "0", "1"] and "0 clips of 1 films" in out
        told = json.loads(Path("o/curation.json").read_text())
        assert (told["clips"], told["funnel"][0]["in"], told["funnel"][0]["out"]) == (0, 1, 0)
        Path("o/curation.json").unlink()
    status, out, _ = run("curate", "run", tmp_path / "m.csv", "--out", "o", "--resume", "--json")
    assert status == 2 and json.loads(out)["clips"] == 0


def test_what_cannot_be_curated_is_said(run, tmp_path: Path) -> None:
    """Exit 2 and one sentence for each; nothing is left behind."""
    (tmp_path / "none").mkdir()
    for words, message in (
        (("run", tmp_path / "none", "--out", "o"), "holds no video"),
        (("run", tmp_path / "none"), "--out needs"),
        (("run", tmp_path / "none", "--out", "o", "--selection", "best"), "--selection"),
        (("report", tmp_path / "none", "-o", "r.png"), "manifest.jsonl"),
        (("import", "audioset", "--lists", "a", "--media", "b", "--out", "c"), "yt-ambigen"),
        (("import", "vggsound", "--media", "b", "--out", "c"), "--lists is needed"),
    ):
        status, _, err = run("curate", *words)
        assert status == 2 and message in err, (words, err)
    assert not list(Path().iterdir())


def test_the_funnel_is_a_table() -> None:
    """A planted report: a line per stage, the reasons beside it."""
    rows = [{"stage": "read", "in": 3, "out": 2, "rejects": {"shorter than a clip": 1}}]
    lines = funnel_table({"funnel": rows, "clips": 2, "films": 3, "manifest": "m"}).splitlines()
    assert lines[1].split() == ["read", "3", "2", "1", "shorter", "than", "a", "clip"]
    assert lines[-1] == "2 clips of 3 films: m"


@pytest.mark.slow
def test_films_are_curated_with_the_builtin_models(run, tmp_path: Path) -> None:
    """Planted: a film with a tone and a short one. What the encoder calls a tone is its own affair: with a threshold of 0 the one
    window is kept, and the short film is counted where it should be."""
    films = tmp_path / "films"
    films.mkdir()
    plant(films, "tone", Direction(0.5, 0.3))
    plant(films, "brief", Direction(0.5, 0.3), 3)
    status, out, err = run("curate", "run", films, "--out", "o", "--least-probability", "0", "--side", "64")
    assert status == 0, err
    assert "1 clips of 2 films" in out
    told = json.loads(Path("o/curation.json").read_text())
    assert told["funnel"][0] == {"stage": "read", "of": "films", "in": 2, "out": 1, "rejects": {"shorter than a clip": 1}}
    assert {each["role"] for each in told["models"]} == {"tagger", "recognizer", "relevance"}
