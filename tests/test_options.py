"""What can be asked of ``spatialize``. Oracles: planted wrong values, of which each names its flag; closed-form conversions."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seehear.systems.spatialize.options import SpatializeOptions, check_types, flag_of, option
from seehear.types import InputError

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"seconds": "5"}, "--seconds must be a number, got '5'"),
    ({"seconds": True}, "--seconds must be a number, got True"),
    ({"seconds": math.nan}, "--seconds must lie in 0.1 to 21600"),
    ({"seconds": 0.05}, "--seconds must lie in 0.1 to 21600"),
    ({"sources": "3"}, "--sources must be a whole number"),
    ({"sources": 2.5}, "--sources must be a whole number, got 2.5"),
    ({"sources": True}, "--sources must be a whole number"),
    ({"sources": None}, "--sources must be a whole number"),
    ({"sources": 33}, "--sources must lie in 1 to 32"),
    ({"fov_deg": "60"}, "--fov must be a number"),
    ({"fov_deg": 4.9}, "--fov must lie in 5 to 170 degrees"),
    ({"fov_deg": 60, "equirectangular": True}, "--fov has no effect with --equirectangular"),
    ({"loudness": "loud"}, "a loudness is one of ebu"),
    ({"loudness": math.inf}, "a loudness is one of ebu"),
    ({"seed": 1.5}, "--seed must be a whole number"),
    ({"seed": -1}, "--seed must lie in 0 to 9223372036854775807"),
    ({"rate_hz": 44100.5}, "--rate must be a whole number"),
    ({"near_m": 1j}, "--near must be a number"),
    ({"near_m": math.nan}, "--near < --far"),
    ({"near_m": 50}, "--near < --far"),
    ({"equirectangular": "no"}, "--equirectangular must be True or False"),
    ({"equirectangular": 1}, "--equirectangular must be True or False"),
    ({"layout": ["foa"]}, r"--layout must be text, got \['foa'\]"),
    ({"layout": "9.1"}, "unknown layout '9.1'"),
    ({"models": ["builtin"]}, "--models must be text"),
    ({"outline": "circle"}, "--outline must be box or hull"),
    ({"room": None}, "--room must be text"),
    ({"room": "cathedral"}, "--room must be auto, none, small, hall or outdoor"),
    ({"say": None}, "--say must be text"),
    ({"say": ["dog", 3]}, "--say must be text"),
    ({"say": ","}, "--say names no sound"),
    ({"say": "  "}, "--say names no sound"),
    ({"say": "dog, flurbel"}, "no sound for 'flurbel'"),
    ({"objects": None}, "--object must be text or a list of texts"),
    ({"objects": [0.5]}, "--object must be text or a list of texts"),
    ({"objects": ["dog@2,0"]}, "--object places by fractions"),
    ({"objects": ["@0.5,0.5"]}, "a word is missing"),
    ({"objects": "flurbel@0.5,0.5"}, "no sound for 'flurbel'"),
]


@pytest.mark.parametrize(("values", "sentence"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_values_name_their_flag(values: dict[str, Any], sentence: str) -> None:
    """Planted: one value of the wrong type or out of range; the sentence names the flag and what it needs."""
    with pytest.raises(InputError, match=sentence):
        SpatializeOptions(**values)


def test_what_fits_is_kept_as_the_annotated_type() -> None:
    """Closed form: whole numbers for floats, numpy's numbers, lists and paths equal the plain values, as JSON too."""
    plain = SpatializeOptions(seconds=5.0, sources=2, say="dog, sea", objects=("cat@0.1,0.2",), layout="foa", seed=7, near_m=2.0)
    other = SpatializeOptions(
        seconds=np.float32(5),
        sources=np.int64(2),
        say=["dog", "sea"],  # type: ignore[arg-type]
        objects=["cat@0.1,0.2"],  # type: ignore[arg-type]
        layout=Path("foa"),  # type: ignore[arg-type]
        seed=np.uint8(7),
        near_m=2,
        equirectangular=np.False_,  # type: ignore[arg-type]
    )
    assert other == plain
    assert json.dumps(asdict(other)) == json.dumps(asdict(plain))
    assert SpatializeOptions(objects="dog").objects == ("dog",)  # type: ignore[arg-type]


def test_the_limits_belong_to_the_ranges() -> None:
    """Closed form: both ends of every range are taken."""
    least = SpatializeOptions(seconds=0.1, sources=1, fov_deg=5, seed=0, rate_hz=8000, loudness="-69.9")
    most = SpatializeOptions(seconds=21600, sources=32, fov_deg=170, seed=2**63 - 1, rate_hz=192000, loudness=0, far_m=1000)
    assert (least.seconds, most.seconds, most.seed) == (0.1, 21600, 2**63 - 1)


def test_flags_are_names_without_units() -> None:
    """Planted: the contract of the command line."""
    flags = {each.name: flag_of(each) for each in fields(SpatializeOptions)}
    assert flags["fov_deg"] == "--fov" and flags["loudness"] == "--loudness" and flags["rate_hz"] == "--rate"
    assert flags["objects"] == "--object" and flags["seconds"] == "--seconds" and flags["near_m"] == "--near"


@dataclass(frozen=True)
class Files:
    output: str | None = option(None, "A file.", "OUT", "-o")
    force: bool = option(False, "Replace it.")

    def __post_init__(self) -> None:
        check_types(self)


def test_any_options_can_be_checked() -> None:
    """Planted: a path becomes text, a short flag does not hide the long one, bytes are not text."""
    assert Files(output=Path("a") / "b.wav").output == str(Path("a") / "b.wav")  # type: ignore[arg-type]
    assert Files().output is None
    for bad in (3, b"a.wav", ["a.wav"]):
        with pytest.raises(InputError, match="--output must be text"):
            Files(output=bad)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="--force must be True or False"):
        Files(force="yes")  # type: ignore[arg-type]


def test_defaults_need_no_table() -> None:
    """Planted: the command line starts without reading the vocabulary."""
    code = (
        "import seehear.systems.spatialize.options as options, seehear.vocabulary as vocabulary;"
        "options.SpatializeOptions(); print(vocabulary.concepts.cache_info().misses)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
