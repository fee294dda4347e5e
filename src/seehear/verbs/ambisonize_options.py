"""What can be asked of ``ambisonize``: frozen values, from which the command line is made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import radians
from typing import get_args

from seehear.sampling.autoregressive import Sampling
from seehear.sampling.guidance import OMEGA, Guidance, GuidanceName, guidance_named
from seehear.systems.spatialize.options import (
    HOW,
    LONGEST_S,
    LOUDNESS_HELP,
    MODELS,
    check_choice,
    check_loudness,
    check_range,
    check_types,
    option,
)
from seehear.types import Direction, InputError
from seehear.verbs.outputs import OutputOptions

FIELD_LAYOUTS = ("foa", "binaural", "stereo", "5.1", "7.1", "5.1.4", "7.1.4", "mono")
GUIDED_BY_DIRECTION, GUIDED_BY_VIDEO = ("directional", "joint", "dual"), ("visual", "dual")


@dataclass(frozen=True)
class AmbisonizeOptions:
    """What to make of a video. Every field is a keyword of :func:`seehear.ambisonize` and a flag of the command."""

    azimuth_deg: float = option(0.0, "Where the camera looks: to the left of the front of the sound field.", "DEG")
    elevation_deg: float = option(0.0, "Where it looks: up.", "DEG")
    seconds: float | None = option(None, "Length; a video's own by default, of a still 10 s.", "S")
    seed: int = option(0, "Same seed, same machine, same bytes.", "N")
    guidance: str = option("joint", "What is guided: joint, directional, visual or dual.", "NAME", panel=HOW)
    omega: float | None = option(None, "Guidance by the direction, or by both in joint; 2.5, 0 is none.", "X", panel=HOW)
    omega_visual: float | None = option(None, "Guidance by the video, in visual and dual; 2.5, 0 is none.", "X", panel=HOW)
    temperature: float = option(1.0, "How freely codes are drawn; 0 takes the most likely.", "X", panel=HOW)
    top_k: int = option(256, "Of so many of the most likely codes; 0 is all.", "N", panel=HOW)
    top_p: float = option(1.0, "Of the most likely codes that together have this probability.", "X", panel=HOW)
    layout: str = option("foa", "Channels: foa (AmbiX), binaural, stereo, 5.1, 7.1, 5.1.4, 7.1.4 or mono.", "NAME", panel=HOW)
    hrtf: str = option("", "Head for binaural sound: any SOFA file (SimpleFreeFieldHRIR).", "FILE", panel=HOW)
    loudness: str = option("ebu", LOUDNESS_HELP, "NAME", panel=HOW)
    models: str = option("builtin", "builtin, hub or paper (the released ViSAGe), or a folder.", "NAME", panel=MODELS)
    commercial_only: bool = option(False, "Refuse models and heads whose licence does not allow sale.", panel=MODELS)

    def __post_init__(self) -> None:
        check_loudness(self)
        check_types(self)
        check_range("--azimuth", self.azimuth_deg, -360, 360, "degrees")
        check_range("--elevation", self.elevation_deg, -90, 90, "degrees")
        check_range("--seconds", self.seconds, 0.1, LONGEST_S)
        check_range("--seed", self.seed, 0, 2**63 - 1)
        check_choice("--guidance", self.guidance, *get_args(GuidanceName))
        for flag, omega, kinds in (
            ("--omega", self.omega, GUIDED_BY_DIRECTION),
            ("--omega-visual", self.omega_visual, GUIDED_BY_VIDEO),
        ):
            check_range(flag, omega, 0, 20)
            if omega is not None and self.guidance not in kinds:
                raise InputError(f"{flag} has no effect with --guidance {self.guidance}: it is of {', '.join(kinds)}")
        check_range("--temperature", self.temperature, 0, 10)
        check_range("--top-k", self.top_k, 0, 2**31 - 1)
        check_choice("--layout", self.layout, *FIELD_LAYOUTS)
        self.sampling  # noqa: B018 (refuses what cannot be drawn by)

    @property
    def direction(self) -> Direction:
        return Direction(radians(self.azimuth_deg), radians(self.elevation_deg))

    @property
    def scheme(self) -> Guidance:
        """The paper's scheme with its omegas."""
        omega, visual = (OMEGA if given is None else given for given in (self.omega, self.omega_visual))
        return guidance_named(self.guidance, omega, visual)  # type: ignore[arg-type]

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.top_k or None, self.top_p)


@dataclass(frozen=True)
class AmbisonizeFiles:
    """Which files to write. Nothing is written for None."""

    output: str | None = option(None, "Main output: .wav .flac .caf .opus, .mp4 .mov or .png (figure).", "OUT", "-o")
    video: str | None = option(None, "Video with the new sound (.mp4: AAC; .mov: 24-bit PCM).", "OUT.mp4")
    video_layout: str | None = option(None, "Sound of the video: binaural (unless said), stereo, 5.1 or foa.", "NAME")
    figure: str | None = option(None, "Picture of what stands out in the frames and where sound comes from.", "OUT.png")
    sidecar: str | None = option(None, "How it was made: arguments, models, licences.", "OUT.json")
    force: bool = option(False, "Replace existing files.")

    @property
    def options(self) -> OutputOptions:
        """The same as options of `spatialize`, by whose rules they are checked."""
        return OutputOptions(**{each.name: getattr(self, each.name) for each in fields(self)})
