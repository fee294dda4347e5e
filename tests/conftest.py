"""What several rooms' tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image as Pillow

from planted import scenery, with_disc

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
