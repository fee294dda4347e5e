"""What a run delivers appears together. Oracles: planted interrupts, planted files of earlier runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seehear.acoustics.loudness import LevelPlan, Loudness
from seehear.types import BINAURAL, MONO, STEREO, Audio, Direction, Image, Room, Scene, Source, Trajectory
from seehear.verbs.outputs import OutputOptions, targets
from seehear.verbs.rendering import Levelled
from seehear.verbs.write import Deliverables, Written, write_all

RATE = 8000
LAYOUTS = (BINAURAL, STEREO)
SILENCE = {each.name: Audio(np.zeros((each.n_channels, RATE // 4), np.float32), RATE, each) for each in LAYOUTS}
RENDERS = {name: Levelled(sound, LevelPlan(0.0, -1.0), -np.inf, -np.inf) for name, sound in SILENCE.items()}
N_FILES = 8
"""Two renders, figure, video, two stems, scene, sidecar."""


def deliverables(n_sources: int = 2) -> Deliverables:
    stem = Audio(np.full((1, RATE // 4), 0.1, np.float32), RATE, MONO)
    source = Source(stem, Trajectory.fixed(Direction(0.5), 2.0), "dog")
    scene = Scene((source,) * n_sources, Room(), 0.25, RATE)
    picture, sidecar = Image(np.full((40, 60, 3), 99, np.uint8)), {"models": []}
    return Deliverables(picture, scene, RENDERS, "binaural", lambda: b"figure", {}, Loudness(), sidecar)


def write(folder: Path, layout=STEREO, n_sources: int = 2, **options) -> Written:
    wanted = OutputOptions(folder=str(folder), **options)
    return write_all(targets(wanted, "photo", layout), deliverables(n_sources), wanted)


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_everything_is_there_and_told(tmp_path: Path) -> None:
    """The planted list of files; the stems that are told are those on disk."""
    written = write(tmp_path / "out")
    assert contents(tmp_path / "out") == [
        "photo.binaural.wav",
        "photo.mp4",
        "photo.png",
        "photo.seehear.json",
        "photo.stereo.wav",
        "scene.json",
        "stems/01-dog.wav",
        "stems/02-dog.wav",
    ]
    assert written.video is not None and written.video.picture == "still"
    assert written.stems == (tmp_path / "out/stems/01-dog.wav", tmp_path / "out/stems/02-dog.wav")


@pytest.mark.parametrize("nth", range(1, N_FILES + 1))
def test_an_interrupt_at_any_renaming_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    """A planted Ctrl-C at the n-th renaming: no file, no folder, no temporary name."""
    rename, calls = Path.replace, []

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == nth:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out")
    assert len(calls) == nth and list(tmp_path.iterdir()) == []


def test_what_an_earlier_run_left_goes(tmp_path: Path) -> None:
    """Files of a first run that the second does not write again are gone, strangers stay."""
    write(tmp_path / "out", STEREO, n_sources=3)
    (tmp_path / "out/photo.mine.wav").touch()
    write(tmp_path / "out", BINAURAL, n_sources=1, force=True)
    assert contents(tmp_path / "out") == [
        "photo.binaural.wav",
        "photo.mine.wav",
        "photo.mp4",
        "photo.png",
        "photo.seehear.json",
        "scene.json",
        "stems/01-dog.wav",
    ]
