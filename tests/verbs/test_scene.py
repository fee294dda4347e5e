"""``seehear scene``: edits by the command line and from Python, and what a render of them then is. Nothing is generated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import seehear
from scenes import angle_deg
from seehear.acoustics.sphere import direction_of_arrival
from seehear.io.scene import read_scene, write_scene
from seehear.types import MONO, Audio, Direction, Room, Scene, Source, Trajectory

Run = Callable[..., tuple[int, str, str]]
RATE_HZ = 16_000


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Two sources without a room: noise at 30 degrees to the left, a moving tone."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, RATE_HZ // 2)).astype(np.float32)
    tone = np.float32(0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ // 2) / RATE_HZ))[None]
    path = Trajectory(
        np.array([0.0, 0.5]), np.stack([Direction(0.0, 0.0).vector, Direction(-1.0, 0.5).vector]), np.array([1.0, 2])
    )
    sources = (
        Source(Audio(noise, RATE_HZ, MONO), Trajectory.fixed(Direction(np.radians(30), 0.0), 2.0), "rain"),
        Source(Audio(tone, RATE_HZ, MONO), path, "siren", gain_db=3.0),
    )
    write_scene(tmp_path / "scene.json", Scene(sources, Room(), 0.5, RATE_HZ), tmp_path / "stems", extra={"made": "here"})
    return tmp_path / "scene.json"


def foa(path: Path) -> np.ndarray:
    return seehear.render(path, layout="foa").samples


def test_a_session_at_the_command_line(run: Run, scene: Path) -> None:
    """Planted edits: each shows in the table and in the file; ``extra`` stays; what is wrong is one sentence and status 2."""
    status, out, _ = run("scene", "show", scene)
    assert status == 0 and "30° left" in out and "front to 57° right" in out and "01-rain.wav" in out
    assert run("scene", "mute", scene, "rain")[0] == 0 and read_scene(scene).sources[0].muted
    assert "muted" in run("scene", "solo", scene, 1)[1] and read_scene(scene).sources[1].muted
    assert run("scene", "unmute", scene)[0] == 0 and not any(source.muted for source in read_scene(scene).sources)
    assert "-1.5 dB" in run("scene", "gain", scene, "si", "--by", "-4.5")[1]
    assert run("scene", "gain", scene, 1, 2, "--to", 2)[0] == 0
    assert [source.gain_db for source in read_scene(scene).sources] == [2, 2]
    assert "room 12.0 x 8.0 x 4.0 m, RT60 0.6 s" in run("scene", "room", scene, "--size", "12x8x4", "--rt60", 0.6)[1]
    assert read_scene(scene).room.size_m == (12, 8, 4)
    assert "60° right" in run("scene", "move", scene, 1, "--azimuth", -60, "--distance", 3)[1]
    status, out, _ = run("scene", "rename", scene, 2, "alarm", "--json")
    report = json.loads(out)
    assert [each["label"] for each in report["sources"]] == ["rain", "alarm"] and report["files"] == [str(scene)]
    assert run("scene", "remove", scene, "alarm")[0] == 0 and len(read_scene(scene).sources) == 1
    assert json.loads(scene.read_text("utf-8"))["extra"] == {"made": "here"}
    status, out, err = run("scene", "mute", scene, "alarm")
    assert (status, out) == (2, "") and err == "seehear: no source is called 'alarm': the scene has 1 rain\n"


def test_what_was_edited_is_what_is_heard(run: Run, scene: Path) -> None:
    """Oracle: the direction of arrival of a first-order render, whose one source was moved, then turned; -23 LUFS as ever."""
    assert run("scene", "move", scene, 1, "--azimuth", 100, "--elevation", 20)[0] == 0
    assert run("scene", "move", scene, 1, "--turn", 30)[0] == 0
    assert run("scene", "solo", scene, 1)[0] == 0
    assert angle_deg(direction_of_arrival(foa(scene)), 130, 20) < 0.1


def test_another_scene_leaves_this_one(run: Run, scene: Path, tmp_path: Path) -> None:
    """Oracle: the bytes of before; the other scene has the edit."""
    before = scene.read_bytes()
    assert run("scene", "gain", scene, 1, "--to", -9, "-o", tmp_path / "b.json")[0] == 0
    assert scene.read_bytes() == before and read_scene(tmp_path / "b.json").sources[0].gain_db == -9
    status, _, err = run("scene", "gain", scene, 1, "--to", -6, "-o", tmp_path / "b.json")
    assert status == 2 and "--force" in err
    assert run("scene", "gain", scene, 1, "--to", -6, "-o", tmp_path / "b.json", "--force")[0] == 0
    assert read_scene(tmp_path / "b.json").sources[0].gain_db == -6


def test_a_sound_from_a_file(run: Run, scene: Path, tmp_path: Path) -> None:
    """Planted: a stereo file of two tones, of which the second is chosen; what does not fit is told; several channels are
    refused until one is chosen."""
    times = np.arange(44_100) / 44_100
    soundfile.write(tmp_path / "t.wav", np.stack([np.sin(2 * np.pi * f * times) for f in (500, 2000)], axis=1) / 4, 44_100)
    status, _, err = run("scene", "replace-sound", scene, "rain", tmp_path / "t.wav")
    assert status == 2 and "has 2 channels, a source is mono: choose with --channel N or mix" in err
    status, out, _ = run("scene", "replace-sound", scene, "rain", tmp_path / "t.wav", "--channel", 2, "--keep-level")
    assert status == 0 and "note Of the 1.00 s of t.wav the first 0.50 s are heard." in out
    assert f"wrote {tmp_path / 'stems/01-rain-2.wav'}" in out
    stem = read_scene(scene).sources[0].audio
    spectrum = np.abs(np.fft.rfft(stem.read(0, stem.n_samples)[0]))
    assert np.argmax(spectrum) == 2000 * 0.5 and (tmp_path / "stems/01-rain.wav").is_file()


def test_an_earlier_sound(run: Run, scene: Path) -> None:
    """Closed form: 100 ms earlier is 1600 samples; what was shifted out is told."""
    before = read_scene(scene).sources[0].audio.read(0, RATE_HZ // 2)
    status, out, _ = run("scene", "retime", scene, 1, "--shift", "-0.1")
    assert status == 0 and "note Sound in the 0.10 s at the beginning of the scene was shifted out of it and is gone." in out
    assert np.array_equal(read_scene(scene).sources[0].audio.read(0, 6400), before[:, 1600:])
    assert "note" not in run("scene", "retime", scene, 1, "--shift", "0.1")[1]


def test_exports_and_the_way_back(run: Run, scene: Path, tmp_path: Path) -> None:
    """Planted: an edited line of the table moves its source alone; other extensions are refused."""
    assert run("scene", "export", scene, "-o", tmp_path / "p.rpp")[0] == 0
    assert (tmp_path / "p.rpp").read_text("utf-8").startswith("<REAPER_PROJECT")
    assert run("scene", "export", scene, "-o", tmp_path / "t.csv")[:2] == (0, f"{tmp_path / 't.csv'}\n")
    table = (tmp_path / "t.csv").read_text("utf-8")
    (tmp_path / "t.csv").write_text(table.replace("1,rain,0.0,30.0,", "1,rain,0.0,-45.5,"), "utf-8")
    before = read_scene(scene)
    assert run("scene", "move", scene, "--csv", tmp_path / "t.csv")[0] == 0
    after = read_scene(scene)
    assert np.degrees(Direction.of(after.sources[0].trajectory.directions[0]).azimuth_rad) == pytest.approx(-45.5)
    np.testing.assert_allclose(after.sources[1].trajectory.directions, before.sources[1].trajectory.directions, atol=1e-12)
    status, _, err = run("scene", "export", scene, "-o", tmp_path / "p.als")
    assert status == 2 and "use .rpp (REAPER) or .csv" in err
    assert run("scene", "export", scene, "-o", tmp_path / "t.csv")[0] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("gain", "SCENE", "1"), "give one of --by and --to"),
        (("gain", "SCENE", "1", "--by", "loud"), "Invalid value for '--by'"),
        (("mute", "SCENE"), "Missing argument"),
        (("move", "SCENE", "1"), "nowhere to move to"),
        (("move", "SCENE"), "name the source to move, or give a table"),
        (("move", "SCENE", "1", "--csv", "x.csv"), "name the source to move, or give a table"),
        (("move", "SCENE", "--csv", "x.csv"), "x.csv does not exist"),
        (("move", "SCENE", "1", "--azimuth", "400"), "--azimuth must lie in -360 to 360 degrees"),
        (("move", "SCENE", "1", "--azimuth", "4", "--turn", "3"), "--azimuth and --turn both say where it is"),
        (("move", "SCENE", "1", "--distance", "0"), "--distance must lie in 0.01 to 10000 m"),
        (("room", "SCENE"), "nothing to change of the room"),
        (("room", "SCENE", "--kind", "barn"), "--kind must be none, small, hall or outdoor, got 'barn'"),
        (("room", "SCENE", "--size", "8x6"), "--size must be length, width and height in metres such as 8x6x3, got '8x6'"),
        (("room", "SCENE", "--rt60", "1"), "a room of kind none has no reverberation time"),
        (("retime", "SCENE", "1"), "nothing to retime by"),
        (("retime", "SCENE", "1", "--shift", "nan"), "times must be finite"),
        (("retime", "SCENE", "1", "--shift", "9"), "nothing is left in a scene of 0.5 s"),
        (("replace-sound", "SCENE", "1", "none.wav"), "none.wav does not exist"),
        (("replace-sound", "SCENE", "1", "SCENE"), "scene.json"),
        (("replace-sound", "SCENE", "1", "STEM", "--channel", "x"), "--channel must be a number from 1 or mix"),
        (("replace-sound", "SCENE", "1", "STEM", "--channel", "2"), "channel 2 was asked for, the sound has 1"),
        (("mute", "SCENE", "1", "-o", "x.wav"), "a scene is a .json file, got x.wav"),
        (("mute", "none.json", "1"), "none.json does not exist"),
        (("show", "STEM"), "is not a scene file"),
    ],
)
def test_wrong_edits_leave_the_scene(run: Run, scene: Path, words: tuple[str, ...], message: str) -> None:
    """Planted faults: one sentence, status 2, every file as before."""
    before = {path: path.read_bytes() for path in scene.parent.rglob("*") if path.is_file()}
    names = {"SCENE": scene, "STEM": scene.parent / "stems/01-rain.wav"}
    status, out, err = run("scene", *(names.get(word, word) for word in words))
    assert (status, out) == (2, "") and message in " ".join(err.split()) and len(err.strip().splitlines()) == 1
    assert {path: path.read_bytes() for path in scene.parent.rglob("*") if path.is_file()} == before


def test_the_same_from_python(scene: Path) -> None:
    """Oracle: the file read back; a report with the names of the command line."""
    edited = seehear.scene.gain(scene, "rain", by_db=-3.0)
    assert edited.scene.sources[0].gain_db == read_scene(scene).sources[0].gain_db == -3 and edited.files == (scene,)
    seehear.scene.move(scene, 1, azimuth_deg=90.0, elevation_deg=0.0, distance_m=4.0)
    told = seehear.scene.show(scene)["sources"][0]
    assert (told["from"], told["to"]) == ({"azimuth_deg": 90.0, "elevation_deg": 0.0, "distance_m": 4.0}, None)
    with pytest.raises(seehear.InputError, match="unknown option 'azimuth': there are azimuth_deg"):
        seehear.scene.move(scene, 1, azimuth=3)
    with pytest.raises(seehear.InputError, match="--by must be a number, got '3'"):
        seehear.scene.gain(scene, 1, by_db="3")
    with pytest.raises(seehear.InputError, match="name a source by its number"):
        seehear.scene.solo(scene)


def test_edit_and_render_touch_no_generator(scene: Path, tmp_path: Path) -> None:
    """Oracle: the modules of a fresh process after an edit of sound and values, a render and exports."""
    soundfile.write(tmp_path / "new.wav", np.full(8000, 0.1), 8000)
    program = f"""
import sys
from seehear import render, scene
scene.gain({str(scene)!r}, 1, by_db=3)
scene.replace_sound({str(scene)!r}, 1, {str(tmp_path / "new.wav")!r}, repeat=True)
scene.retime({str(scene)!r}, 2, shift_s=0.1)
render({str(scene)!r}, {str(tmp_path / "out.wav")!r}, layout="binaural")
scene.export({str(scene)!r}, {str(tmp_path / "p.rpp")!r})
heavy = ("torch", "transformers", "diffusers", "seehear.foley", "seehear.adapters", "seehear.nets", "skimage", "matplotlib")
print([name for name in heavy if name in sys.modules])
"""
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert told.stdout.strip() == "[]" and soundfile.info(tmp_path / "out.wav").frames == RATE_HZ // 2
