"""What several rooms' tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from PIL import Image as Pillow

from planted import scenery, with_disc
from seehear.cli import main

MEDIA = Path(os.environ.get("SEEHEAR_MEDIA", Path(__file__).resolve().parents[1] / ".." / "shared" / "media"))


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real photos, videos and sounds; tests that need it skip where it is absent."""
    if not MEDIA.is_dir():
        pytest.skip(f"the real media are not at {MEDIA} (set SEEHEAR_MEDIA)")
    return MEDIA


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A small picture file with a red disc left of the middle."""
    path = tmp_path / "ein Föto.png"
    Pillow.fromarray(with_disc(scenery(), 160, 200, 40)).save(path)
    return path


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The scene of `written_scenes` as a file, its stems beside it."""
    from seehear.io.scene import write_scene
    from written_scenes import example

    write_scene(tmp_path / "scene.json", example(), tmp_path / "stems", extra={"picture": "größe.jpg"})
    return tmp_path / "scene.json"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folders of tiny checkpoints by name ("blip", "audioldm2", "sam", ...), each made once and not to be changed."""
    import tiny_models
    import tiny_sound_models

    @cache
    def folder(name: str) -> Path:
        builders = tiny_sound_models if hasattr(tiny_sound_models, f"tiny_{name}") else tiny_models
        return getattr(builders, f"tiny_{name}")(tmp_path_factory.mktemp("models") / name)

    return folder


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Call the command line in this process, in an empty folder: exit status, stdout, stderr."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["seehear", *map(str, words)])
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing from threads, and on a busy machine waiting for them costs minutes."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
