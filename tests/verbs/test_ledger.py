"""The licence ledger. Oracles: the deeds of the licences (creativecommons.org, SPDX), planted parts."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

import seehear
from planted import scenery
from seehear.io.audio import write_audio
from seehear.io.scene import read_extra, write_scene
from seehear.types import FOA, MONO, Audio, InputError, terms_of
from seehear.verbs.ledger import check_commercial, credits_of, entry, licence_notes
from seehear.verbs.render import rendered_file
from written_scenes import example

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


def heard_of(path: Path) -> list[tuple[str, str]]:
    report = rendered_file(path, layout="mono").report
    return [(each["role"], each["name"]) for each in report["models"]]


def test_a_scene_names_what_is_heard_of_it_and_nothing_else(tmp_path: Path) -> None:
    """Planted: the ledger of a run with a head, an ambience, a video's sound; then sounds are replaced, muted, removed."""
    parts = [("segmenter", "sam", "MIT"), ("generator", "ldm", "CC-BY-NC-4.0"), ("head", "kemar", "CC BY 4.0")]
    parts += [("bed", "rain.wav", "CC BY 4.0"), ("original sound", "film", "that of the video")]
    models = [{"role": role, "name": name, "licence": licence, "size_mib": 3} for role, name, licence in parts]
    path = tmp_path / "scene.json"
    write_scene(path, example(), tmp_path / "stems", extra={"made_by": {"models": [*models, "torn", {"role": 3}]}})
    made = [("segmenter", "sam"), ("generator", "ldm"), ("bed", "rain.wav")]
    assert heard_of(path) == made
    with pytest.raises(InputError, match=r"generator ldm \(CC-BY-NC-4.0\)"):
        seehear.render(path, layout="mono", commercial_only=True)
    write_audio(tmp_path / "bark.wav", Audio(np.full((1, 4000), 0.1, np.float32), 8000, MONO))
    seehear.scene.replace_sound(path, 1, tmp_path / "bark.wav", licence="CC BY-NC 4.0")
    assert heard_of(path) == [*made, ("sound", "bark.wav")]
    seehear.scene.replace_sound(path, 1, tmp_path / "bark.wav", licence="CC BY 4.0")
    seehear.scene.mute(path, "bed")
    seehear.scene.remove(path, 2, 3)
    assert heard_of(path) == [("segmenter", "sam"), ("sound", "bark.wav")]
    seehear.render(path, layout="mono", commercial_only=True)
    seehear.scene.rename(path, 1, "cat")
    seehear.scene.retime(path, 1, shift_s=0.01)
    assert seehear.scene.show(path)["sources"][0]["recording"] == {"name": "bark.wav", "licence": "CC BY 4.0"}
    seehear.scene.mute(path, 1)
    assert heard_of(path) == [("segmenter", "sam")]


def test_credits_stand_beside_a_file_as_long_as_they_are_needed(tmp_path: Path) -> None:
    """Planted: a sound that asks for its name, replaced by one that does not; a file of the same name by somebody else."""
    path, out, named = tmp_path / "scene.json", tmp_path / "out.wav", tmp_path / "out.credits.txt"
    write_scene(path, replace(example(), bed=None), tmp_path / "stems")
    write_audio(tmp_path / "bark.wav", Audio(np.full((1, 4000), 0.1, np.float32), 8000, MONO))
    seehear.scene.replace_sound(path, 1, tmp_path / "bark.wav", licence="CC BY 4.0")
    named.write_text("mine")
    with pytest.raises(InputError, match=r"out.credits.txt exists already: use --force"):
        seehear.render(path, out, layout="mono")
    assert not out.exists()
    report = rendered_file(path, out, layout="mono", force=True).report
    assert report["files"] == [str(out), str(named)]
    assert "- bark.wav: sound, CC BY 4.0\n" in named.read_text("utf-8")
    seehear.scene.replace_sound(path, 1, tmp_path / "bark.wav", licence="CC0")
    seehear.render(path, out, layout="mono", force=True)
    assert not named.exists()
    named.write_text("mine")
    seehear.render(path, out, layout="mono", force=True)
    assert named.read_text() == "mine"


def test_a_run_keeps_its_ledger_and_its_credits(tmp_path: Path) -> None:
    """Sidecar, scene and report have the same models; the credits of an ambience go when it is not heard any more."""
    noise = np.random.default_rng(0).standard_normal((4, 24_000)).astype(np.float32) * np.float32(0.1)
    write_audio(tmp_path / "rain.wav", Audio(noise, 48_000, FOA, "acn-sn3d"))
    files = {"output": tmp_path / "out.wav", "scene": tmp_path / "s.json", "sidecar": tmp_path / "how.json"}
    asked = {"seconds": 0.5, "layout": "mono", "room": "none", **files}
    picture = tmp_path / os.fsdecode(b"p\xff.png")  # no text: JSON has it as an escape
    Picture.fromarray(scenery()).save(picture)
    ambience = {"bed": tmp_path / "rain.wav", "bed_licence": "CC BY 4.0"}
    report = seehear.spatialize(picture, **asked, **ambience).report
    assert json.loads(files["sidecar"].read_text("utf-8"))["input"]["file"] == picture.name
    for kept in (read_extra(files["scene"])["made_by"], json.loads(files["sidecar"].read_text("utf-8"))):
        assert kept["models"] == report["models"] and kept["models"][-1]["name"] == "rain.wav"
    named = tmp_path / "out.credits.txt"
    assert str(named) in report["files"] and "rain.wav: bed, CC BY 4.0" in named.read_text("utf-8")
    seehear.spatialize(scenery(), force=True, **asked)
    assert not named.exists()


def test_whose_an_ambisonic_file_is_nobody_asks(tmp_path: Path) -> None:
    """The flag would have no effect on it, and is refused; the file is in the ledger all the same."""
    noise = np.random.default_rng(0).standard_normal((4, 4_000)).astype(np.float32) * np.float32(0.1)
    write_audio(tmp_path / "field.wav", Audio(noise, 8000, FOA, "acn-sn3d"))
    assert heard_of(tmp_path / "field.wav") == [("input", "field.wav")]
    with pytest.raises(InputError, match="what an ambisonic file was made of"):
        seehear.render(tmp_path / "field.wav", layout="mono", commercial_only=True)
