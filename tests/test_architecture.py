"""The house rules about doors, enforced over ``ast``. Oracle: the picture in docs/architecture.md."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src" / "seehear"
RANKS = {
    "types": 0,
    "vocabulary": 1,
    **dict.fromkeys(("protocols", "io", "acoustics", "vision", "foley", "sampling"), 2),
    **dict.fromkeys(("nets", "weights", "metrics"), 3),
    **dict.fromkeys(("systems", "adapters", "data", "figures"), 4),
    "training": 5,
    "presets": 6,
    "verbs": 7,
    **dict.fromkeys(("cli", "studio"), 8),
    "__main__": 9,
}
ONLY = {"acoustics": {"types"}, "vision": {"types"}, "sampling": {"types"}, "foley": {"types", "vocabulary"}}


def room_of(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imported_modules(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which door is used"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return names


def rooms_imported(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("seehear.") and name.split(".")[1] in RANKS}


FILES = sorted(SRC.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SRC)))
def test_imports_point_down_only(path: Path) -> None:
    """A file imports its own room and lower ranks; the front door may import anything lazily."""
    room = room_of(path)
    if room == "__init__":
        return
    assert room in RANKS, f"{room} has no place in the picture of docs/architecture.md"
    for other in rooms_imported(imported_modules(ast.parse(path.read_text("utf-8")))):
        if other == room:
            continue
        assert RANKS[other] < RANKS[room], f"{room} ({RANKS[room]}) imports {other} ({RANKS[other]})"
        assert other in ONLY.get(room, {other}), f"{room} may import only {ONLY[room]}, not {other}"


def test_the_picture_is_the_rule() -> None:
    """docs/architecture.md names every room that exists, with the rank that this test enforces."""
    picture = (SRC.parents[1] / "docs" / "architecture.md").read_text("utf-8").split("```")[1]
    drawn = {}
    for part in picture.replace("\n", " ").split("<"):
        *rooms, rank = part.replace(",", " ").split()
        drawn |= dict.fromkeys(rooms, int(rank))
    existing = {room_of(path) for path in FILES} - {"__init__"}
    assert existing <= drawn.keys()
    assert all(RANKS[room] == rank for room, rank in drawn.items())


def test_only_adapters_touch_model_libraries() -> None:
    """transformers and diffusers are imported in adapters/ and nowhere else; nobody unpickles."""
    for path in FILES:
        text = path.read_text("utf-8")
        modules = {name.split(".")[0] for name in imported_modules(ast.parse(text))}
        assert room_of(path) == "adapters" or not modules & {"transformers", "diffusers"}, path
        assert not modules & {"pickle", "torchvision", "torchaudio", "torchcodec"}, path
        assert "weights_only=False" not in text, path


def test_the_front_door_is_small_and_light() -> None:
    """__init__.py has at most 30 lines; importing seehear and its CLI loads neither torch nor matplotlib, in < 0.3 s."""
    assert len((SRC / "__init__.py").read_text("utf-8").splitlines()) <= 30
    probe = (
        "import sys, time; t = time.process_time(); import seehear; took = time.process_time() - t; import seehear.cli;"
        "print(took, any(m in sys.modules for m in ('torch', 'matplotlib', 'av', 'skimage', 'pyroomacoustics')))"
    )
    best, heavy = 9.9, "?"
    for _ in range(3):
        out = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, env=dict(os.environ))
        took, heavy = out.stdout.split()
        best = min(best, float(took))
        time.sleep(0.05)
    assert heavy == "False"
    assert best < 0.3


def test_the_command_line_starts_without_the_libraries_of_the_work() -> None:
    """`seehear --help` must not wait for a second of imports: none of the heavy libraries is loaded with the command line."""
    heavy = [
        "torch",
        "scipy",
        "skimage",
        "matplotlib",
        "av",
        "soundfile",
        "PIL",
        "transformers",
        "diffusers",
        "huggingface_hub",
        "seehear.foley",
    ]
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, seehear.cli; print([m for m in {heavy} if m in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[]"
