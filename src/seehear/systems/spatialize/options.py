"""What can be asked of ``spatialize``: one frozen value, from which the command line is made."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from seehear.types import InputError


def option(default: Any, text: str, metavar: str = "", flag: str = "") -> Any:
    """A dataclass field that also says what it means to a person."""
    return field(default=default, metadata={"help": text, "metavar": metavar, "flag": flag})


@dataclass(frozen=True)
class SpatializeOptions:
    """What to make of a picture. Every field is a keyword of :func:`seehear.spatialize` and a flag of the command."""

    layout: str = option("5.1", "Channel layout: 5.1, stereo, binaural, foa (AmbiX) or mono.", "NAME")
    seconds: float | None = option(None, "Length; a still lasts 10 s by default, a video its own duration.", "S")
    sources: int = option(3, "At most this many placed sources (an ambience comes on top).", "N")
    say: str = option("", 'What is heard, in words: "dog, sea". Wins over what is recognised.', "TEXT")
    objects: tuple[str, ...] = option((), 'Place a sound in the picture: "dog@0.3,0.6". Repeatable.', "TEXT@X,Y", "--object")
    models: str = option("builtin", "Model pack: builtin or builtin-research.", "NAME")
    outline: str = option("box", "Outline of regions: box (eq. 2, the paper finds it better) or hull (eq. 1).", "KIND")
    fov_deg: float | None = option(None, "Horizontal field of view; from EXIF, else 60.", "DEG")
    equirectangular: bool = option(False, "The picture is a 360-degree equirectangular panorama.")
    near_m: float = option(1.5, "Distance of the nearest depth.", "M")
    far_m: float = option(40.0, "Distance of the farthest depth.", "M")
    room: str = option("auto", "Acoustics: auto, none, small, hall or outdoor.", "KIND")
    seed: int = option(0, "Same seed, same machine, same bytes.", "N")
    rate_hz: int = option(48000, "Sample rate.", "HZ")
    level_lufs: float = option(-23.0, "Loudness of the result; its true peak stays at or below -1 dBTP.", "LUFS")

    def __post_init__(self) -> None:
        for ok, sentence in (
            (
                self.seconds is None or (math.isfinite(self.seconds) and 0.1 <= self.seconds <= 3600),
                f"--seconds must lie in 0.1 to 3600, got {self.seconds}",
            ),
            (1 <= self.sources <= 32, f"--sources must lie in 1 to 32, got {self.sources}"),
            (self.outline in ("box", "hull"), f"--outline must be box or hull, got {self.outline!r}"),
            (self.fov_deg is None or 5 <= self.fov_deg <= 170, f"--fov must lie in 5 to 170 degrees, got {self.fov_deg}"),
            (0 < self.near_m < self.far_m <= 1000, f"need 0 < --near < --far <= 1000 m, got {self.near_m} and {self.far_m}"),
            (
                self.room in ("auto", "none", "small", "hall", "outdoor"),
                f"unknown room {self.room!r}: choose auto, none, small, hall or outdoor",
            ),
            (0 <= self.seed < 2**63, f"--seed must lie in 0 to 2^63 - 1, got {self.seed}"),
            (8000 <= self.rate_hz <= 192000, f"--rate must lie in 8000 to 192000 Hz, got {self.rate_hz}"),
            (-70 <= self.level_lufs <= -5, f"--level must lie in -70 to -5 LUFS, got {self.level_lufs}"),
        ):
            if not ok:
                raise InputError(sentence)
