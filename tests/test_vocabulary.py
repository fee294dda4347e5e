"""The words. Oracle: the table's own rules, and planted words."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from pathlib import Path

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


@pytest.mark.parametrize(
    ("word", "name"),
    [("babies", "baby"), ("ponies", "horse"), ("boats", "boat"), ("leaf", "leaves"), ("gulls", "seagull"), ("storm", "thunder")],
)
def test_other_words_and_plurals(word: str, name: str) -> None:
    """Planted: what people say for what is in the table."""
    assert find_concept(word).name == name


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("helikopter", "the nearest is helicopter;"),
        ("brok", r"the nearest are brook \(stream\),"),
        ("crowed", "the nearest are crowd, crow;"),
        ("an old dog", "the nearest is dog;"),
        ("thunderclouds", "thunder"),
        ("dog; cat", 'commas separate words, as in "dog, cat";'),
        ("dog\nsea", 'as in "dog, sea"'),
        ("dog and sea / rain", 'as in "dog, sea, rain"'),
        ("harmonica", "nothing near is known;"),
        ("qqqq", "nothing near is known;"),
        (";", "nothing near is known;"),
    ],
)
def test_an_unknown_word_lists_the_nearest(word: str, hint: str) -> None:
    """Planted misspellings, phrases and lists; words that nothing resembles suggest nothing; each says where all are."""
    with pytest.raises(InputError, match=f"no sound for .*{hint}.*see `seehear concepts`"):
        find_concept(word)


@pytest.mark.parametrize("word", ["", "  ", "_"])
def test_no_word_at_all(word: str) -> None:
    """Planted: its own sentence."""
    with pytest.raises(InputError, match="a word is missing"):
        find_concept(word)


@pytest.mark.parametrize("word", ["speech", "voices", "talking"])
def test_one_person_does_not_babble(word: str) -> None:
    """The contract: nobody's speech is a crowd; it has no sound here, and no crowd is offered for it."""
    with pytest.raises(InputError) as refused:
        find_concept(word)
    assert "crowd" not in str(refused.value)


def test_only_what_belongs_there_feeds_the_lfe() -> None:
    """Planted: thunder, aeroplane, waterfall and the like; no animal, bed or small thing does."""
    flagged = {name for name, concept in concepts().items() if concept.lfe}
    assert {"thunder", "aeroplane", "waterfall"} <= flagged
    assert not flagged & {"dog", "bird", "rain", "clock", "footsteps", "room tone", "sea"}


@pytest.mark.parametrize("label_set", ["caltech101", "tiny-imagenet", "coco", "photos"])
def test_labels_map_to_concepts_that_exist(label_set: str) -> None:
    """Every entry of the label table is a concept or silent."""
    table = label_concepts(label_set)
    assert len(table) >= 60
    assert {concept for concept in table.values() if concept} <= concepts().keys()


@pytest.mark.parametrize(
    ("label", "wnid", "concept"),
    [
        ("crane", "n03126707", None),  # lifts; the bird is n02012849
        ("drumstick", "n03250847", "drums"),  # beats; not meat
        ("brass", "n02892201", None),  # a memorial plate; no instrument
        ("organ", "n03854065", None),  # with pipes; no concept fits
        ("fly", "n02190166", "insects"),  # the animal
        ("torch", "n04456115", "fire"),  # burns; no lamp
        ("school bus", "n04146614", "truck"),
        ("trolleybus", "n04487081", "truck"),
    ],
)
def test_ambiguous_labels_mean_what_their_pictures_show(media: Path, label: str, wnid: str, concept: str | None) -> None:
    """Published numbers: the synset of WordNet 3.0 that the pictures of a name with several meanings belong to."""
    with zipfile.ZipFile(media / "nc_images_tiny_imagenet.zip") as archive:
        table = io.StringIO(archive.read("nc_images_tiny_imagenet/labels.csv").decode())
    assert {row["wnid"] for row in csv.DictReader(table) if row["class"] == label} == {wnid}
    assert label_concepts("tiny-imagenet")[label] == concept
