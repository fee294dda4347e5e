"""The words of seehear: what a sounding thing is called, how big, how loud and how wide it is.

One table (``concepts.csv``) serves sight (size), sound (loudness, LFE, extent) and words (synonyms); a second
(``labels.csv``: set, label, concept) maps the class names of public data sets to it, empty where nothing sounds or
no concept fits. Levels are dB at 1 m relative to one another, compressed from nature's range as a film mix does.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from math import radians
from typing import Literal

from seehear.types import InputError
from seehear.vocabulary.sentences import SILENT_PHRASES, SILENT_WORDS, is_faint

LONGEST_PHRASE = 3
"""Words that a name in the table may have; longer names are found by their synonyms."""
DESCRIBED_DB = 6.0
"""Level of what the table does not know: that of most animals and people in it."""


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
    like: str = ""
    """The row of the table that it has its numbers from: its own name, or of a description what that names; "" where none."""


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
            like=row["concept"],
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
    if not key:
        raise InputError("a word is missing: name a sound, see `seehear concepts`")
    if (name := _named_by(key)) is not None:
        return concepts()[name]
    parts = [part for part in re.split(r"\s*(?:[;/|+&\n]|\band\b)\s*", word.strip()) if part]
    hint = _nearest(key) if len(parts) < 2 else f'commas separate words, as in "{", ".join(parts)}"'
    raise InputError(f"no sound for {word.strip()!r}: {hint}; see `seehear concepts`")


def concepts_in(text: str) -> tuple[Concept, ...]:
    """What a sentence names that sounds, in order of mention; of words that overlap ("sea wave") the longest phrase counts.

    Verbs in -ing, places and people ("a person running") count where nothing else is named; words that mislead ("people
    watch", "hot dog") never do. A sentence of one word is that word.
    """
    words = re.findall(r"[a-z'-]+", text.lower())
    if len(words) == 1:
        name = _named_by(words[0])
        return () if name is None else (concepts()[name],)
    found: dict[str, bool] = {}  # by name, whether only faintly
    start = 0
    while start < len(words):
        phrase, name = _phrase_at(words, start)
        if name is not None:
            found[name] = found.get(name, True) and is_faint(phrase)
        start += phrase.count(" ") + 1
    clear = [name for name, faint in found.items() if not faint]
    return tuple(concepts()[name] for name in clear or found)


def _phrase_at(words: Sequence[str], start: int) -> tuple[str, str | None]:
    """The longest known phrase that begins there and the concept that it names, if it does; else one word and None."""
    for stop in range(min(start + LONGEST_PHRASE, len(words)), start, -1):
        phrase = " ".join(words[start:stop])
        if phrase in SILENT_PHRASES or phrase in SILENT_WORDS:
            return phrase, None
        if (name := _named_by(phrase)) is not None:
            return phrase, name
    return words[start], None


def described(text: str) -> Concept:
    """A sounding thing by its description, for generators that read: like the first concept that it names.

    Where it names none: as loud as a voice, going on, of no typical size.
    """
    name = " ".join(text.split())
    if named := concepts_in(name):
        return replace(named[0], name=name, words=())
    return Concept(name, "texture", DESCRIBED_DB, False, None, 0.0, None, ())


def _named_by(key: str) -> str | None:
    """The concept that lower-case words name: itself, a synonym, or a plural."""
    names = _names()
    forms = (key, key.removesuffix("s"), key + "s", key.removesuffix("es"), re.sub("ies$", "y", key))
    return next((names[form] for form in forms if form in names), None)


@cache
def _names() -> Mapping[str, str]:
    """The concept that each name and each other word belongs to."""
    known = concepts()
    return {name: name for name in known} | {w: c.name for c in reversed(known.values()) for w in c.words if w not in known}


def _nearest(key: str) -> str:
    """Up to three words that ``key`` may be meant for: of a like spelling, else of a common part; each with its concept."""
    names = _names()
    alike = difflib.get_close_matches(key, names, n=9, cutoff=0.7)
    alike = alike or difflib.get_close_matches(key, [name for name in names if _share_a_part(key, name)], n=9, cutoff=0.3)
    best = {names[word]: word for word in reversed(alike)}  # the nearest word of each concept
    shown = [word if word == names[word] else f"{word} ({names[word]})" for word in alike if best[names[word]] == word][:3]
    return f"the nearest {'is' if len(shown) == 1 else 'are'} {', '.join(shown)}" if shown else "nothing near is known"


def _share_a_part(a: str, b: str) -> bool:
    """Whether two phrases share a word, or their words begin with the same four letters or hold one another."""
    pairs = [sorted((x, y), key=len) for x in a.split() for y in b.split()]
    return any(x == y or (len(x) >= 4 and (x[:4] == y[:4] or x in y)) for x, y in pairs)
