"""Words that generators read. Oracles: planted captions and closed forms of the documented rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planted import scenery, with_disc
from seehear.adapters.cues import CueDepth, GraphSegmenter
from seehear.systems.spatialize import Eyes, Geometry, sight
from seehear.systems.spatialize.words import concept_of, fit, parse_object, parse_words, prompt_text
from seehear.types import ConceptScores, Image, InputError
from seehear.vocabulary import concepts, concepts_in, described

SAX = "a man playing the theremin"


class Teller:
    """Planted captioner: tells ``text`` of red crops, and nothing of the rest."""

    def __init__(self, text: str) -> None:
        self.text = text

    def recognize(self, images, /):
        red = [float(((i.rgb[..., 0] > 180) & (i.rgb[..., 1] < 100)).mean()) for i in images]
        return [ConceptScores({}, 0.1, self.text) if share > 0.3 else ConceptScores({}, 1.0) for share in red]


def eyes(text: str) -> Eyes:
    return Eyes(GraphSegmenter(), CueDepth(), Teller(text))


def test_concepts_are_found_in_sentences() -> None:
    """Planted sentences: order of mention, the longest phrase counts, plurals too."""
    assert [c.name for c in concepts_in("Two dogs at the sea, and a dog")] == ["dog", "sea"]
    assert [c.name for c in concepts_in("sea waves")] == ["sea"]
    assert concepts_in(SAX) == () == concepts_in("")


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("a man playing saxophone", ["saxophone"]),
        ("a dog running in the grass", ["dog"]),
        ("church bells ringing", ["bell"]),
        ("a person running", ["footsteps"]),
        ("a phone ringing", ["phone"]),
        ("a person playing guitar on a beach", ["guitar", "sea"]),
        ("people watch a parade", ["crowd"]),
        ("a man wearing a watch", []),
        ("a man wearing glasses looking at the camera", []),
        ("a hot dog on a plate", []),
        ("a cow with horns", ["cow"]),
        ("a bird flying over the trees", ["bird"]),
        ("laptops on a desk", ["keyboard"]),
        ("waves crashing on rocks", ["sea"]),
        ("watch", ["clock"]),
        ("running", ["footsteps"]),
    ],
)
def test_what_misleads_in_sentences_does_not_win(sentence: str, named: list[str]) -> None:
    """Planted captions: nouns before verbs, the thing before who does it, silent things never; a word alone keeps its meaning."""
    assert [concept.name for concept in concepts_in(sentence)] == named


def test_a_description_is_like_what_it_names() -> None:
    """Oracle: the table's row: level, kind, size, width and LFE of the named concept; of nothing known the generic ones."""
    for text, name in (
        ("a man playing saxophone", "saxophone"),
        ("distant rolling thunder", "thunder"),
        ("soft rain on a tent", "rain"),
    ):
        row, said = concepts()[name], concept_of(text, free=True)
        assert said == replace(row, name=text, words=())
        assert said.like == name
    generic = concept_of(SAX, free=True)
    assert (generic.kind, generic.level_db, generic.lfe, generic.size_m, generic.like) == ("texture", 6.0, False, None, "")


def test_a_described_sound_is_placed_and_levelled_as_its_kind() -> None:
    """Oracle: the same picture with the plain word: place, level and distance are equal, the text is whole."""
    picture = Image(with_disc(scenery(), 160, 200, 40))
    told = [
        sight([(0.0, picture)], eyes(""), Geometry(), say=words, reads_text=True).objects[0]
        for words in ("saxophone", "a man playing saxophone")
    ]
    assert told[1].text == told[1].concept.name == "a man playing saxophone"
    assert (told[0].concept.level_db, told[0].concept.kind) == (told[1].concept.level_db, told[1].concept.kind)
    assert told[0].place.box == told[1].place.box
    assert np.array_equal(told[0].place.trajectory.distances_m, told[1].place.trajectory.distances_m)


def test_free_words_need_a_reader() -> None:
    """What the vocabulary knows stays what it is; the rest is described where words are free, else refused."""
    assert parse_words("dogs, sea waves", free=True) == [concepts()["dog"], concepts()["sea"]]
    assert concept_of(f"  {SAX} ", free=True) == described(SAX)
    assert parse_object(f"{SAX}@0.5,0.25", free=True) == (described(SAX), (0.5, 0.25))
    with pytest.raises(InputError, match="no sound for"):
        concept_of(SAX)
    with pytest.raises(InputError, match="at most 200 characters"):
        concept_of("x" * 201, free=True)


def test_how_words_fit_a_region() -> None:
    """Closed form: the score of a known concept, and of a description that names one; else the share of its telling words."""
    assert fit(concepts()["dog"], ConceptScores({"dog": 0.6}, 0.4, "a dog")) == 0.6
    assert fit(concepts()["dog"], ConceptScores({}, 1.0)) == 0.0
    assert fit(described(SAX), ConceptScores({}, 0.1, "a man playing piano")) == pytest.approx(2 / 3)
    assert fit(described(SAX), ConceptScores({}, 0.1, "a white dog in the grass")) == 0.0  # "a" and "the" tell nothing
    assert fit(described("a man playing saxophone"), ConceptScores({"saxophone": 0.9}, 0.1, "saxophone")) == 0.9


def test_the_prompt_joins_what_speaks_of_the_same() -> None:
    """Planted captions: of the same thing, of another, none."""
    dog = concepts()["dog"]
    assert prompt_text("small dog", dog, "a dog running") == "small dog, a dog running"
    assert prompt_text("dog", dog, "sea waves") == "dog"
    assert prompt_text("dog", dog, "") == "dog"


def test_what_only_words_name_is_heard_by_readers() -> None:
    """A red disc that the captioner describes in words of no concept: heard at its place by a reader, silent for foley."""
    picture = Image(with_disc(scenery(), 160, 200, 40))
    sighting = sight([(0.0, picture)], eyes(SAX), Geometry(), reads_text=True)
    seen = [item for item in sighting.objects if item.origin == "seen"]
    assert [(item.concept.name, item.text) for item in seen] == [(SAX, SAX)]
    assert seen[0].score == pytest.approx(0.9)
    x0, y0, x1, y1 = seen[0].place.box
    assert (np.array([x0, x1]).mean(), np.array([y0, y1]).mean()) == pytest.approx((160, 200), abs=8)
    without = sight([(0.0, picture)], eyes(SAX), Geometry())
    assert [item.origin for item in without.objects] == ["ambience"]


def test_said_words_meet_the_caption_of_their_region() -> None:
    """The word goes to the region whose caption shares its words, and both make the prompt."""
    picture = Image(with_disc(scenery(), 160, 200, 40))
    sighting = sight([(0.0, picture)], eyes("theremin in a hall"), Geometry(), say=f"{SAX}, rain", reads_text=True)
    assert [item.text for item in sighting.objects] == [f"{SAX}, theremin in a hall", "rain"]
    x0, _, x1, _ = sighting.objects[0].place.box
    assert (x0 + x1) / 2 == pytest.approx(160, abs=8)


class Sees:
    """Planted recogniser: the words are of every picture, whatever it is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def recognize(self, images, /):
        known = ConceptScores({self.name: 0.9}, 0.1, self.name) if self.name else ConceptScores({}, 1.0)
        return [known] * len(images)


@pytest.mark.parametrize(
    ("knows", "name", "heard"), [(False, "dog", ["room tone"]), (True, "dog", ["dog"]), (True, "", ["room tone"])]
)
def test_a_captioner_decides_whether_a_drawing_sounds(knows: bool, name: str, heard: list[str]) -> None:
    """Planted: one flat disc on white is a drawing. Cues silence it unless the recogniser knows silence itself."""
    picture = Image(with_disc(np.full((360, 640, 3), 255, np.uint8), 320, 180, 90))
    seen = sight([(0.0, picture)], Eyes(GraphSegmenter(), CueDepth(), Sees(name), knows_silence=knows), Geometry())
    assert [item.concept.name for item in seen.objects][:1] == heard
    assert any("looks like" in note for note in seen.notes) == (heard == ["room tone"])
