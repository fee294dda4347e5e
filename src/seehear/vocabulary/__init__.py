"""The words of seehear: what a sounding thing is called, how big, how loud and how wide it is.

One table (``concepts.csv``) serves sight (size), sound (loudness, LFE, extent) and words (synonyms); a second
(``labels.csv``: set, label, concept) maps the class names of public data sets to it, empty where nothing sounds or
no concept fits. Levels are dB at 1 m relative to one another, compressed from nature's range as a film mix does.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import radians
from typing import Literal

from seehear.types import InputError


@dataclass(frozen=True)
class Concept:
    """A sounding thing.

    ``event`` sounds come and go with silence between them, ``texture`` goes on and has a place, ``bed`` surrounds.
    """

    name: str
    kind: Literal["event", "texture", "bed"]
    level_db: float
    """Level of its source at 1 m, dB relative to the stem reference."""
    lfe: bool
    """Whether it may feed the LFE channel."""
    size_m: float | None
    """Typical height, a cue for its distance; None where it has none."""
    extent_rad: float
    """Typical angular width when nothing is seen of it; 2 pi surrounds."""
    outdoors: bool | None
    """Where it is mostly heard; None where it may be either."""
    words: tuple[str, ...]
    """Other words for it, in lower case."""


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(resources.files(__package__).joinpath(name).read_text("utf-8").splitlines()))


@cache
def concepts() -> Mapping[str, Concept]:
    """Every concept by name, in table order."""
    return {
        row["concept"]: Concept(
            name=row["concept"],
            kind=row["kind"],  # type: ignore[arg-type]  # the table is checked by a test
            level_db=float(row["level_db"]),
            lfe=row["lfe"] == "1",
            size_m=float(row["size_m"]) if row["size_m"] else None,
            extent_rad=radians(float(row["extent_deg"])),
            outdoors={"1": True, "0": False}.get(row["outdoors"]),
            words=tuple(word for word in row["words"].split(";") if word),
        )
        for row in _rows("concepts.csv")
    }


@cache
def label_concepts(label_set: str) -> Mapping[str, str | None]:
    """Concept per class name of a public label set (``coco``, ``caltech101``, ``tiny-imagenet``, ...); None is silent."""
    return {row["label"]: row["concept"] or None for row in _rows("labels.csv") if row["set"] == label_set}


def find_concept(word: str) -> Concept:
    """The concept that ``word`` names (itself, a synonym, or a plural); InputError lists the nearest ones."""
    key = " ".join(word.lower().replace("_", " ").split())
    known = concepts()
    names = {name: name for name in known} | {w: c.name for c in reversed(known.values()) for w in c.words if w not in known}
    for candidate in (key, key.removesuffix("s"), key + "s", key.removesuffix("es")):
        if candidate in names:
            return known[names[candidate]]
    near = list(dict.fromkeys(names[w] for w in difflib.get_close_matches(key, names, n=8, cutoff=0.4)))[:3]
    hint = f"the nearest are {', '.join(near)}" if near else "see `seehear concepts` for the list"
    raise InputError(f"no sound for {word!r}: {hint}")
