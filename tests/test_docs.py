"""What the pages name is there. Oracle: the tree itself, read as text; nothing is imported."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src" / "seehear"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = sorted(path.stem for path in SRC.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())
NAMED = re.compile(rf"`(?:seehear\.)?((?:{'|'.join(ROOMS)})(?:\.\w+)+)(?:\([^`]*\))?`")
"""A module or something in it, as in `metrics.frechet.frechet_score` or `nets.visage_config.mono(config)`."""
FILE_ENDINGS = ("py", "json", "jsonl", "md", "wav", "mp4", "png", "csv")


DEFINED = re.compile(r"^ *(?:def |class )?(\w+(?:, \w+)*)(?: ?[=:(]|$)", re.MULTILINE)
"""Functions and classes, variables (also several at once), fields of a class, names that are handed on."""
TEST = re.compile(r"^ *def (test_\w+)", re.MULTILINE)


@cache
def defined(path: Path) -> frozenset[str]:
    """Names of functions, classes, variables and fields anywhere in a file."""
    return frozenset(name for names in DEFINED.findall(path.read_text("utf-8")) for name in names.split(", "))


@cache
def all_tests() -> frozenset[str]:
    """Names of all tests."""
    return frozenset(name for path in (ROOT / "tests").rglob("test_*.py") for name in TEST.findall(path.read_text("utf-8")))


def is_there(dotted: str) -> bool:
    """Whether a dotted name is a module, or a name (and fields of it) in one."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        module = SRC.joinpath(*parts[:n])
        path = module.with_suffix(".py") if module.with_suffix(".py").is_file() else module / "__init__.py"
        if path.is_file():
            # What a package hands on lies in its files.
            files = [path] if path.name != "__init__.py" else list(module.glob("*.py"))
            return set(parts[n:]) <= frozenset().union(*map(defined, files))
    return False


def anchors(page: Path) -> set[str]:
    """What a heading is called in a link, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    """Files that links name exist, and so do the headings."""
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text("utf-8")):
        if target.startswith("http"):
            continue
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{page.name} links to {target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_named_exists(page: Path) -> None:
    """Dotted names begin with a room; tests by name are somewhere below tests."""
    text = page.read_text("utf-8")
    for dotted in NAMED.findall(text):
        assert dotted.rsplit(".", 1)[-1] in FILE_ENDINGS or is_there(dotted), f"{page.name} names {dotted}"
    for name in re.findall(r"`(?:tests/[\w/]+\.py::)?(test_\w+)`", text):
        assert name in all_tests(), f"{page.name} names {name}"


def test_a_name_that_is_gone_is_noticed() -> None:
    """Planted: a module, a function in one, and both misspelt."""
    assert is_there("metrics.frechet") and is_there("metrics.frechet.frechet_score") and is_there("data.world.make_clip")
    assert not is_there("metrics.frechets") and not is_there("metrics.frechet.frechet_scores")
