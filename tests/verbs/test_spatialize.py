"""The verb, end to end with the builtin models on planted pictures. Oracles: independent readers, round trips."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

import seehear
from planted import scenery, with_disc
from seehear.systems.spatialize import Sighting, SpatializeOptions
from seehear.types import Image, InputError, Room
from seehear.verbs.report import room_notes

QUICK = {"seconds": 1.2, "rate_hz": 16000, "say": "dog, sea"}


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_a_folder_holds_everything(photo: Path, tmp_path: Path) -> None:
    """Independent readers (soundfile, PyAV, pillow, json) open every file; lengths are exact."""
    out = tmp_path / "out"
    rendering = seehear.spatialize(photo, folder=str(out), **QUICK)
    name = photo.stem
    with soundfile.SoundFile(out / f"{name}.5.1.wav") as wav:
        assert (wav.channels, wav.samplerate, wav.frames) == (6, 16000, 19200)
    with soundfile.SoundFile(out / f"{name}.binaural.wav") as wav:
        assert (wav.channels, wav.frames) == (2, 19200)
    with av.open(str(out / f"{name}.mp4")) as video:
        assert {stream.type for stream in video.streams} == {"video", "audio"}
        assert float(video.duration / av.time_base) == pytest.approx(1.2, abs=0.1)
    with Pillow.open(out / f"{name}.png") as figure:
        assert figure.width > 1000
    scene = json.loads((out / "scene.json").read_text("utf-8"))
    assert [source["label"] for source in scene["sources"]] == ["dog", "sea"]
    assert all((out / source["stem"]).is_file() for source in scene["sources"])
    assert rendering.audio.samples.shape == (6, 19200)
    assert rendering.report["loudness_lufs"] == pytest.approx(-23, abs=0.3)
    assert [s["label"] for s in rendering.report["sources"]] == ["dog", "sea"]
    assert not list(out.rglob(".*")), "no temporary file stays"


def test_same_seed_same_bytes(photo: Path, tmp_path: Path) -> None:
    """Round trip: WAV, stems, scene.json and figure of two runs are byte-identical; another seed differs."""
    for name in "ab":
        seehear.spatialize(photo, folder=str(tmp_path / name), seed=3, **QUICK)
    (tmp_path / "c").mkdir()
    sound = str(tmp_path / "c" / f"{photo.stem}.5.1.wav")
    seehear.spatialize(photo, output=sound, stems=str(tmp_path / "c" / "stems"), seed=4, **QUICK)
    a, b, c = (digests(tmp_path / name) for name in "abc")
    assert a.keys() == b.keys()
    assert {k for k in a if a[k] != b[k]} == {f"{photo.stem}.seehear.json"}, "which has the time that each stage took"
    assert len(c) == 3 and c.keys() < a.keys() and {k for k in c if a[k] == c[k]} == set()


def test_only_the_named_files_are_written(photo: Path, tmp_path: Path) -> None:
    """With output flags, exactly those files; without any, none at all."""
    out = tmp_path / "here"
    out.mkdir()
    seehear.spatialize(photo, output=str(out / "a.flac"), layout="stereo", figure=str(out / "f.png"), **QUICK)
    assert sorted(p.name for p in out.iterdir()) == ["a.flac", "f.png"]
    seehear.spatialize(photo, layout="mono", **QUICK)
    assert sorted(p.name for p in out.iterdir()) == ["a.flac", "f.png"]


def test_stems_alone(photo: Path, tmp_path: Path) -> None:
    """--stems writes one mono WAV per source and nothing else."""
    seehear.spatialize(photo, stems=str(tmp_path / "stems"), **QUICK)
    names = sorted(p.name for p in (tmp_path / "stems").iterdir())
    assert names == ["01-dog.wav", "02-sea.wav"]


@pytest.mark.parametrize("layout", ["5.1", "stereo", "binaural", "foa", "mono", "7.1.4", "hoa3"])
def test_render_gives_what_spatialize_gave(photo: Path, tmp_path: Path, layout: str) -> None:
    """Round trip: the scene file rendered again equals the first render, without any generator."""
    first = seehear.spatialize(photo, scene=str(tmp_path / "s.json"), layout=layout, force=True, **QUICK)
    again = seehear.render(tmp_path / "s.json", layout=layout)
    assert again.layout == first.audio.layout
    assert np.array_equal(again.samples, first.audio.samples)


def test_a_moving_picture_keeps_its_time(tmp_path: Path) -> None:
    """Planted GIF of a moving disc: the sound lasts as long as the picture and the source moves to the right."""
    pictures = [Pillow.fromarray(with_disc(scenery(320, 180), 60 + 20 * i, 100, 22)) for i in range(10)]
    path = tmp_path / "moves.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=200, loop=0)
    rendering = seehear.spatialize(path, objects="dog@0.45,0.55", rate_hz=16000, layout="foa")
    assert rendering.audio.n_samples == 2 * 16000
    directions = rendering.scene.sources[0].trajectory.directions
    assert directions[0][1] - directions[-1][1] > 0.2


def test_arrays_and_images_are_pictures_too() -> None:
    """An array and its Image give the same sound as each other."""
    rgb = with_disc(scenery(320, 200), 100, 100, 30)
    a, b = (seehear.spatialize(x, **QUICK).audio.samples for x in (rgb, Image(rgb)))
    assert np.array_equal(a, b)


def test_a_dry_run_tells_and_makes_nothing(photo: Path, tmp_path: Path) -> None:
    """The plan names models with licence and files; no file appears."""
    before = digests(tmp_path)
    report = seehear.spatialize(photo, folder=str(tmp_path / "x"), dry_run=True).report
    assert digests(tmp_path) == before
    assert all(model["licence"] for model in report["models"])
    assert [Path(f).name for f in report["files"]][-3:] == [f"{photo.stem}.png", f"{photo.stem}.seehear.json", "stems"]


def test_an_interrupted_run_leaves_nothing(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted Ctrl-C while the video is written: neither file, folder nor temporary stays."""
    from seehear.verbs import write

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "write_video", interrupt)
    before = digests(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        seehear.spatialize(photo, folder=str(tmp_path / "x"), **QUICK)
    assert digests(tmp_path) == before
    assert not (tmp_path / "x").exists()


def test_an_option_without_effect_is_refused(photo: Path, tmp_path: Path) -> None:
    """Nothing that was asked for is silently dropped."""
    for options in (
        {"keep_audio_db": 0.0, "output": "a.wav"},
        {"video_layout": "5.1", "output": "a.wav"},
        {"spherical": True, "output": "a.wav"},
        {"spherical": True, "keep_audio_db": 0.0, "output": "a.mp4"},
        {"spherical": True, "output": "a.mp4"},
        {"layout": "hoa2", "output": "a.mp4"},
        {"layout": "5.1.4", "output": "a.mp4"},
        {"equirectangular": True},
        {"stems": ""},
        {"output": "st/01-dog.wav", "stems": "st"},
    ):
        named = {k: str(tmp_path / v) if k in ("output", "stems") and v else v for k, v in options.items()}
        (tmp_path / "st").mkdir(exist_ok=True)
        with pytest.raises(InputError):
            seehear.spatialize(photo, **named, **QUICK | {"say": "dog"})
    assert not list(tmp_path.glob("a.*"))


def test_force_leaves_no_sound_of_an_earlier_run(photo: Path, tmp_path: Path) -> None:
    """Planted: a second run into the same folder with another layout and fewer sources leaves only its own files."""
    out = str(tmp_path / "out")
    quick = QUICK | {"seconds": 0.5}
    seehear.spatialize(photo, folder=out, **quick)
    report = seehear.spatialize(photo, folder=out, layout="foa", force=True, **quick | {"say": "dog"}).report
    kept = {str(path) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert kept == set(report["files"])


def test_unknown_options_are_named(photo: Path) -> None:
    """A misspelt keyword is one sentence, not a TypeError."""
    with pytest.raises(InputError, match="volume"):
        seehear.spatialize(photo, volume=3)


def test_concepts_are_what_words_reach() -> None:
    """Every listed concept has a sound of its own."""
    from seehear.foley import sounds

    assert {concept.name for concept in seehear.concepts()} == set(sounds())


def test_the_room_of_one_shot_is_told_only_where_shots_decide_it() -> None:
    """Planted: shots in two kinds of rooms; with another --room, or the paper's, nothing is said of a shot."""
    picture = Image(np.zeros((300, 500, 3), np.uint8))
    sighting = Sighting((), "small", picture, room_shot_s=(1.0, 2.5))
    told = [
        room_notes(SpatializeOptions(**asked), sighting, Room())
        for asked in ({}, {"room": "none"}, {"room": "outdoor"}, {"geometry": "paper"})
    ]
    assert told == [["The acoustics are those of the shot from 1.00 to 2.50 s."], [], [], []]
