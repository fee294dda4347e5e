"""Captions as recognisers. Oracles: planted sentences, closed-form shares, and tiny models fitted to known answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seehear.adapters.captions import Captioner, heard, scores_of
from seehear.types import Image, InputError

Tiny = Callable[[str], Path]

PLAIN = {
    "a picture of a dog running in the grass": "a dog running in the grass",
    "a man playing saxophone": "a man playing saxophone",
    "a white wall": "",
    "a woman sitting at a table": "",
    "there is a statue of a horse": "",
    "a logo for a dog shelter": "",
    "a fire truck parked on the street.": "a fire truck parked on the street",
    "": "",
}
ASKED = {
    "Dog barking.": "dog barking",
    ' "Saxophone playing" ': "saxophone playing",
    "Silent": "",
    "silent.": "",
    "Nothing visible makes a sound": "",
    "a kettle": "a kettle",
    "Waves crashing. The sea is blue.": "waves crashing",
    "\n- church bell\n- wind": "church bell",
    "a painting of a dog barking": "",
}


@pytest.mark.parametrize(("asked", "said"), [(False, s) for s in PLAIN] + [(True, s) for s in ASKED])
def test_what_is_heard(asked: bool, said: str) -> None:
    """Planted answers, of a captioner and of a model that was asked."""
    assert heard(said, asked=asked) == (ASKED if asked else PLAIN)[said]


def test_concepts_share_by_rank() -> None:
    """Closed form: 0.9 over 1, 1/2: 0.6 and 0.3; words without a concept keep 0.9; silence is unknown."""
    two = scores_of("a dog on a beach")
    assert two.scores == pytest.approx({"dog": 0.6, "sea": 0.3}) and two.unknown == pytest.approx(0.1)
    assert two.text == "a dog on a beach" and two.described == pytest.approx(0, abs=1e-9)
    free = scores_of("a man playing the theremin")
    assert free.scores == {} and free.described == pytest.approx(0.9)
    silent = scores_of("")
    assert (silent.scores, silent.unknown, silent.described) == ({}, 1.0, 0.0)


def _colours() -> list[Image]:
    """A red and a green picture, neither square."""
    return [Image(np.full((40, 60, 3), colour, np.uint8)) for colour in ((210, 30, 30), (40, 160, 60))]


@pytest.mark.parametrize(("name", "other"), [("blip", "a plain wall"), ("vlm", "silent")])
def test_tiny_models_say_what_they_learned(tiny: Tiny, name: str, other: str) -> None:
    """Oracle: what each was fitted to say of red pictures and of others, through the same loading as a real one."""
    captioner = Captioner(tiny(name))
    assert [said.strip() for said in captioner.caption(_colours())] == ["a dog barking", other]
    red, green = captioner.recognize(_colours())
    assert red.top() == [("dog", pytest.approx(0.9))] and red.text == "a dog barking"
    assert (green.scores, green.unknown, green.text) == ({}, 1.0, "")


def test_another_model_is_refused(tiny: Tiny) -> None:
    """A sound model is no captioner: the sentence says what was found."""
    with pytest.raises(InputError, match="AudioLDMPipeline"):
        Captioner(tiny("audioldm")).recognize(_colours())


def test_blip_takes_no_question(tiny: Tiny) -> None:
    """A question that would have no effect is refused, before any picture is looked at."""
    with pytest.raises(InputError, match="takes no question"):
        _ = Captioner(tiny("blip"), question="What is it?").folder
