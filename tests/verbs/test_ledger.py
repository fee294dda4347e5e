"""The licence ledger. Oracles: the deeds of the licences (creativecommons.org, SPDX), planted parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seehear
from planted import scenery
from seehear.io.audio import write_audio
from seehear.types import FOA, Audio, InputError, terms_of
from seehear.verbs.ledger import check_commercial, credits_of, entry, licence_notes

# licence, may be sold, must be named
DEEDS = [
    ("CC0-1.0", True, False),
    ("cc-by-4.0", True, True),
    ("CC BY-SA 3.0", True, True),
    ("Creative Commons Attribution 4.0 International", True, True),
    ("CC_BY_NC_4.0", False, True),
    ("CC-BY-NC-SA-4.0", False, True),
    ("Attribution-NonCommercial", False, True),
    ("CC-BY-ND-4.0", None, True),
    ("Apache-2.0", True, False),
    ("Apache-2.0 (trained on CC BY and permissive pictures, listed)", True, False),
    ("MIT", True, False),
    ("MIT (research only)", False, False),
    ("BSD-3-Clause", True, False),
    ("research-only (ImageNet terms)", False, False),
    ("Stability AI Community License", None, False),
    ("No license provided, ask the author for permission", None, False),
    ("not stated", None, False),
    ("submitted", None, False),  # holds "mit"
]


@pytest.mark.parametrize(("licence", "commercial", "attribution"), DEEDS)
def test_terms_are_those_of_the_deeds(licence: str, commercial: bool | None, attribution: bool) -> None:
    assert (terms_of(licence).commercial, terms_of(licence).attribution) == (commercial, attribution)


def test_only_what_may_be_sold_passes_and_the_rest_is_named_with_its_replacement() -> None:
    free, named = entry("segmenter", "sam", "Apache-2.0"), entry("head", "kemar.sofa", "CC BY 4.0")
    check_commercial([free, named])
    limited, silent = entry("generator", "audioldm", "CC-BY-NC-SA-4.0"), entry("bed", "rain.wav", "not stated")
    with pytest.raises(InputError, match=r"generator audioldm \(CC-BY-NC-SA-4.0\): builtin .*; bed rain.wav .*--bed-licence"):
        check_commercial([free, limited, named, silent])
    assert licence_notes([free, named]) == []
    assert [note.split(":")[0] for note in licence_notes([limited, silent])] == [
        "For non-commercial use only",
        "No licence is stated for rain.wav",
    ]


def test_credits_name_what_must_be_named_and_nothing_else() -> None:
    assert credits_of([entry("segmenter", "sam", "Apache-2.0"), entry("sound", "own", "CC0")]) is None
    text = credits_of(
        [entry("segmenter", "sam", "MIT"), entry("head", "kemar.sofa", "CC BY 4.0"), entry("g", "ldm", "CC-BY-NC-4.0")]
    )
    assert text is not None and "sam" not in text
    assert "- kemar.sofa: head, CC BY 4.0\n" in text and "- ldm: g, CC-BY-NC-4.0 (not for commercial use)\n" in text


def test_a_run_refuses_before_any_work_what_must_not_be_sold(tmp_path: Path) -> None:
    """Planted: an ambience of which nobody says how it may be used; then its owner says so."""
    noise = np.random.default_rng(0).standard_normal((4, 48_000)).astype(np.float32) * np.float32(0.1)
    write_audio(tmp_path / "rain.wav", Audio(noise, 48_000, FOA, "acn-sn3d"))
    asked = {"bed": tmp_path / "rain.wav", "seconds": 1, "dry_run": True, "commercial_only": True}
    with pytest.raises(InputError, match=r"bed rain.wav \(not stated\): name its licence with --bed-licence"):
        seehear.spatialize(scenery(), **asked)
    report = seehear.spatialize(scenery(), bed_licence="CC BY 4.0", **asked).report
    bed = report["models"][-1]
    assert (bed["role"], bed["name"], bed["commercial"], bed["attribution"]) == ("bed", "rain.wav", True, True)
    with pytest.raises(InputError, match="image-encoder-research"):
        seehear.spatialize(scenery(), models="builtin-research", dry_run=True, commercial_only=True)
