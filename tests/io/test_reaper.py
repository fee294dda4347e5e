"""REAPER projects, read by a tolerant parser of their chunks."""

import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from seehear.io.reaper import write_reaper
from seehear.io.scene import read_scene, write_scene
from seehear.types import Direction, InputError, Scene, Trajectory
from written_scenes import RATE, example


@dataclass
class Chunk:
    words: list[str]
    lines: list[list[str]] = field(default_factory=list)
    chunks: list["Chunk"] = field(default_factory=list)

    def all(self, name: str) -> list["Chunk"]:
        return [each for each in self.chunks if each.words[0] == name]

    def value(self, name: str) -> list[str]:
        (line,) = [line for line in self.lines if line[0] == name]
        return line[1:]


def words(line: str) -> list[str]:
    if line.startswith("|"):
        return [line]
    split = shlex.shlex(line, posix=True)
    split.quotes, split.escape, split.commenters, split.whitespace_split = "\"'`", "", "", True
    return list(split)


def parsed(lines: Iterator[str]) -> Chunk:
    """The outer chunk; every ``<`` has its ``>``, else the parser fails."""
    stack = [Chunk([])]
    for line in (each.strip() for each in lines):
        if line.startswith("<"):
            stack.append(Chunk(words(line[1:])))
        elif line == ">":
            closed = stack.pop()
            stack[-1].chunks.append(closed)
        else:
            stack[-1].lines.append(words(line))
    assert len(stack) == 1 and not stack[0].lines and len(stack[0].chunks) == 1
    return stack[0].chunks[0]


def moving() -> Scene:
    one = example()
    angles = ((math.radians(0), 0.0), (math.radians(120), 0.0))
    path = Trajectory(np.array([0.1, 0.4]), np.stack([Direction(*each).vector for each in angles]), np.array([2.0, 8.0]))
    third = replace(one.sources[2], trajectory=path, label='it\'s a "dog"', gain_db=6.0)
    return replace(one, sources=(replace(one.sources[0], muted=True), one.sources[1], third))


@pytest.fixture
def project(tmp_path: Path) -> Chunk:
    write_scene(tmp_path / "scene.json", moving(), tmp_path / "stems")
    write_reaper(tmp_path / "p.rpp", read_scene(tmp_path / "scene.json"))
    return parsed(iter((tmp_path / "p.rpp").read_text("utf-8").splitlines()))


def test_a_track_per_stem_in_sync(project, tmp_path):
    """Oracle: the planted scene; every file is there, relative to the project, and lasts as long as its item."""
    assert project.words[0] == "REAPER_PROJECT" and project.value("SAMPLERATE")[:2] == [str(RATE), "1"]
    assert project.value("MASTER_NCH")[0] == "10"
    tracks = project.all("TRACK")
    assert [track.value("NAME") for track in tracks] == [["dog"], ["雨 / ../größe: rain"], ['it\'s a "dog"'], ["bed"]]
    assert [track.value("MUTESOLO")[0] for track in tracks] == ["1", "0", "0", "0"]
    assert [track.value("NCHAN") for track in tracks] == [["2"], ["2"], ["2"], ["10"]]
    assert [track.value("MAINSEND")[0] for track in tracks] == ["1", "1", "1", "0"]
    stems = read_scene(tmp_path / "scene.json")
    sounds = [*(source.audio for source in stems.sources), stems.bed]
    for track, sound in zip(tracks, sounds, strict=True):
        (item,) = track.all("ITEM")
        (source,) = item.all("SOURCE")
        assert source.words == ["SOURCE", "WAVE"] and (tmp_path / source.value("FILE")[0]).resolve() == sound.path
        assert (item.value("POSITION"), float(item.value("LENGTH")[0]), item.value("SOFFS")) == (["0"], 0.5, ["0"])


def test_volume_and_pan_of_what_stands_still(project, tmp_path):
    """Closed form: gain over distance; to the left is below zero on a fader: -sin(azimuth) cos(elevation); a bed has neither."""
    dog, rain, _, bed = project.all("TRACK")
    scene = read_scene(tmp_path / "scene.json")
    volume, pan = map(float, dog.value("VOLPAN")[:2])
    assert 20 * math.log10(volume) == pytest.approx(scene.sources[0].gain_db - 20 * math.log10(2.5), abs=1e-6)
    assert pan == pytest.approx(-math.sin(math.radians(30)) * math.cos(math.radians(5)), abs=1e-8)
    assert 20 * math.log10(float(rain.value("VOLPAN")[0])) == pytest.approx(scene.sources[1].gain_db, abs=1e-6)
    assert float(rain.value("VOLPAN")[1]) == 0 and not dog.all("PANENV2")
    assert 20 * math.log10(float(bed.value("VOLPAN")[0])) == pytest.approx(scene.bed_gain_db, abs=1e-6)


def test_what_moves_is_automated(project, tmp_path):
    """Closed form: envelopes at the planted points: 1/r over the nearest, +sin(azimuth) for the left; between them within 0.01 of
    the renderer's own path (`Trajectory.at`) by linear interpolation, as REAPER does it; notes tell every point."""
    track = project.all("TRACK")[2]
    scene = read_scene(tmp_path / "scene.json")
    assert 20 * math.log10(float(track.value("VOLPAN")[0])) == pytest.approx(
        scene.sources[2].gain_db - 20 * math.log10(2), abs=1e-6
    )
    points = {}
    for name in ("VOLENV2", "PANENV2"):
        (envelope,) = track.all(name)
        assert envelope.value("ACT")[0] == "1"
        points[name] = np.array([[float(word) for word in line[1:3]] for line in envelope.lines if line[0] == "PT"])
    times = np.linspace(0, 0.5, 101)
    directions, distances_m = moving().sources[2].trajectory.at(times)
    np.testing.assert_allclose(np.interp(times, *points["VOLENV2"].T), 2 / distances_m, atol=0.01)
    np.testing.assert_allclose(np.interp(times, *points["PANENV2"].T), directions[:, 1], atol=0.01)
    assert np.interp([0.1, 0.4], *points["VOLENV2"].T) == pytest.approx([1, 0.25], abs=1e-8)
    notes = [line[0] for line in track.all("ITEM")[0].all("NOTES")[0].lines]
    assert notes == [
        "|0.100 s: azimuth 0.0, elevation 0.0 deg, distance 2.00 m",
        "|0.400 s: azimuth 120.0, elevation 0.0 deg, distance 8.00 m",
    ]


def test_nearer_than_half_a_metre_is_no_louder(tmp_path):
    """Closed form: 1/r ends at 0.5 m: for 2 m to 0.1 m the fader has 1/0.5 and the envelope goes from 1/4 to 1."""
    one = moving()
    near = Trajectory(np.array([0.0, 0.4]), np.array([[1.0, 0, 0], [1, 0, 0]]), np.array([2.0, 0.1]))
    write_scene(
        tmp_path / "s.json", replace(one, sources=(replace(one.sources[2], trajectory=near),), bed=None), tmp_path / "stems"
    )
    write_reaper(tmp_path / "p.rpp", read_scene(tmp_path / "s.json"))
    (track,) = parsed(iter((tmp_path / "p.rpp").read_text("utf-8").splitlines())).all("TRACK")
    gain_db = read_scene(tmp_path / "s.json").sources[0].gain_db
    assert 20 * math.log10(float(track.value("VOLPAN")[0])) == pytest.approx(gain_db + 20 * math.log10(2), abs=1e-6)
    points = [float(line[2]) for line in track.all("VOLENV2")[0].lines if line[0] == "PT"]
    assert (points[0], points[-1]) == pytest.approx((0.25, 1.0), abs=1e-8)


def test_a_project_elsewhere_finds_its_stems(tmp_path):
    """Oracle: the files themselves, from a folder beside; a scene in memory has none."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write_scene(tmp_path / "a/scene.json", moving(), tmp_path / "a/stems")
    write_reaper(tmp_path / "b/p.rpp", read_scene(tmp_path / "a/scene.json"))
    project = parsed(iter((tmp_path / "b/p.rpp").read_text("utf-8").splitlines()))
    files = [track.all("ITEM")[0].all("SOURCE")[0].value("FILE")[0] for track in project.all("TRACK")]
    assert files[0] == "../a/stems/01-dog.wav" and all((tmp_path / "b" / name).is_file() for name in files)
    with pytest.raises(InputError, match="the sound of 'dog' lies in no file"):
        write_reaper(tmp_path / "p.rpp", moving())
    assert not (tmp_path / "p.rpp").exists()
