"""The vocabulary, for people."""

from __future__ import annotations

from seehear.vocabulary import Concept
from seehear.vocabulary import concepts as _table


def concepts() -> tuple[Concept, ...]:
    """Every sound that can be named with ``say`` or ``objects``, with its other words, level and width."""
    return tuple(_table().values())
