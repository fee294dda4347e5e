"""The user's words: ``--say`` names what is heard, ``--object`` also where."""

from __future__ import annotations

from seehear.types import InputError
from seehear.vocabulary import Concept, find_concept

Point = tuple[float, float]
"""x, y as fractions of the picture, from the top left."""


def parse_words(text: str) -> list[Concept]:
    """Concepts of comma-separated words; InputError lists the nearest concepts of an unknown one."""
    return [find_concept(word) for word in text.split(",") if word.strip()]


def parse_object(text: str) -> tuple[Concept, Point | None]:
    """The concept and the point of "dog@0.3,0.6"; no point for plain "dog"."""
    word, at, place = text.partition("@")
    concept = find_concept(word)
    if not at:
        return concept, None
    try:
        x, y = (float(part) for part in place.split(","))
    except ValueError:
        raise InputError(f"--object needs WORD@X,Y with two numbers, got {text!r}") from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InputError(f"--object places by fractions of the picture, 0,0 top left to 1,1 bottom right, got {text!r}")
    return concept, (x, y)
