"""The words. Oracle: the table's own rules, and planted words."""

from __future__ import annotations

import math

import pytest

from seehear.types import InputError
from seehear.vocabulary import concepts, find_concept, label_concepts


def test_the_table_is_sound() -> None:
    """Kinds are known, words are lower case and name one concept each, sizes and extents are physical."""
    seen: dict[str, str] = {}
    for name, concept in concepts().items():
        assert concept.kind in ("event", "texture", "bed")
        assert concept.size_m is None or 0 < concept.size_m < 100
        assert 0 <= concept.extent_rad <= 2 * math.pi + 1e-9
        assert concept.kind != "event" or concept.extent_rad <= math.radians(60)
        for word in (name, *concept.words):
            assert word == word.lower().strip()
            assert seen.setdefault(word, name) == name, f"{word} names {seen[word]} and {name}"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("dog", "dog"),
        ("Dogs", "dog"),
        ("  sea   waves ", "sea"),
        ("church_bell", "bell"),
        ("airplanes", "aeroplane"),
        ("leaves", "leaves"),
    ],
)
def test_words_find_their_concept(word: str, name: str) -> None:
    """Planted: case, spaces, underscores and plurals do not matter."""
    assert find_concept(word).name == name


def test_an_unknown_word_lists_the_nearest() -> None:
    """Planted misspelling."""
    with pytest.raises(InputError, match=r"nearest are .*helicopter"):
        find_concept("helikopter")
    with pytest.raises(InputError, match="seehear concepts"):
        find_concept("qqqq")


def test_only_what_belongs_there_feeds_the_lfe() -> None:
    """DESIGN.md: thunder, aeroplane, waterfall and the like; no animal, bed or small thing does."""
    flagged = {name for name, concept in concepts().items() if concept.lfe}
    assert {"thunder", "aeroplane", "waterfall"} <= flagged
    assert not flagged & {"dog", "bird", "rain", "clock", "footsteps", "room tone", "sea"}


@pytest.mark.parametrize("label_set", ["caltech101", "tiny-imagenet", "coco", "photos"])
def test_labels_map_to_concepts_that_exist(label_set: str) -> None:
    """Every entry of the label table is a concept or silent."""
    table = label_concepts(label_set)
    assert len(table) >= 60
    assert {concept for concept in table.values() if concept} <= concepts().keys()
