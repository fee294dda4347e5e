"""The user's words: ``--say`` names what is heard, ``--object`` also where."""

from __future__ import annotations

import re

from seehear.types import ConceptScores, InputError
from seehear.vocabulary import Concept, concepts_in, described, find_concept

Point = tuple[float, float]
"""x, y as fractions of the picture, from the top left."""


LONGEST_WORDS = 200
"""Characters that may describe one sound."""
LITTLE_WORDS = frozenset(
    {
        *("a", "an", "the", "of", "in", "on", "at", "with", "and", "or", "to", "by", "from"),
        *("is", "are", "it", "its", "his", "her", "their", "this", "that"),
    }
)
"""Shared by any two sentences."""


def split_words(text: str) -> list[str]:
    """The words between commas, without the empty ones."""
    return [word.strip() for word in text.split(",") if word.strip()]


def parse_words(text: str, *, free: bool = False) -> list[Concept]:
    """Concepts of comma-separated words; InputError lists the nearest concepts of an unknown one, unless words are ``free``."""
    return [concept_of(word, free=free) for word in split_words(text)]


def concept_of(word: str, *, free: bool = False) -> Concept:
    """The concept that ``word`` names, or where words are ``free`` one that it describes ("a man playing saxophone")."""
    try:
        return find_concept(word)
    except InputError:
        if not free or not word.strip():
            raise
    if len(word) > LONGEST_WORDS:
        raise InputError(f"a sound is described in at most {LONGEST_WORDS} characters, got {len(word)}")
    return described(word)


def fit(concept: Concept, seen: ConceptScores) -> float:
    """How well a region fits a word, 0 to 1: its score, or the share of a description's words that its own text has."""
    known = seen.scores.get(concept.like, 0.0)
    if known or not seen.text:
        return known
    words = _telling(concept.name)
    return len(words & _telling(seen.text)) / max(len(words), 1)


def _telling(text: str) -> set[str]:
    """The words of a text that tell something."""
    return set(re.findall(r"[^\W_]+", text.lower())) - LITTLE_WORDS


def prompt_text(words: str, concept: Concept, seen: str) -> str:
    """The text condition c of a thing (SEE-2-SOUND section 2.2): the user's words, and what its region is said to show where
    that speaks of the same thing."""
    same = concept.like in {each.name for each in concepts_in(seen)} or fit(concept, ConceptScores({}, 0.0, seen)) > 0
    return f"{words}, {seen}" if seen and same and seen.lower() != words.lower() else words


def parse_object(text: str, *, free: bool = False) -> tuple[Concept, Point | None]:
    """The concept and the point of "dog@0.3,0.6"; no point for plain "dog"."""
    word, at, place = text.partition("@")
    concept = concept_of(word, free=free)
    if not at:
        return concept, None
    try:
        x, y = (float(part) for part in place.split(","))
    except ValueError:
        raise InputError(f"--object needs WORD@X,Y with two numbers, got {text!r}") from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InputError(f"--object places by fractions of the picture, 0,0 top left to 1,1 bottom right, got {text!r}")
    return concept, (x, y)
