"""What can be asked of ``spatialize``: one frozen value, from which the command line is made."""

from __future__ import annotations

import re
from dataclasses import Field, dataclass, field, fields
from numbers import Integral, Real
from os import PathLike, fspath
from typing import Any, get_args, get_type_hints

import numpy as np

from seehear.acoustics.loudness import loudness_named
from seehear.systems.spatialize.words import parse_object, parse_words
from seehear.types import InputError, layout_named

UNIT = re.compile(r"_(deg|hz|lufs|db|m|s)$")


def option(default: Any, text: str, metavar: str = "", flag: str = "", panel: str = "") -> Any:
    """A dataclass field that also says what it means to a person, and under which title of the help if it has its own."""
    return field(default=default, metadata={"help": text, "metavar": metavar, "flag": flag, "panel": panel})


def flag_of(option: Field[Any]) -> str:
    """The flag of an option on the command line: its name without the unit, unless it says another."""
    flag = option.metadata["flag"]
    return flag if flag.startswith("--") else "--" + UNIT.sub("", option.name).replace("_", "-")


def check_types(options: Any) -> None:
    """Holds every field of a new, frozen options value to its annotation; InputError names the flag of one that does not fit.

    What fits is kept as the annotated type: a whole number as float where that is asked for, a list as tuple, a path and
    numpy's numbers as Python's, so that a value can be written as JSON and is the same however it was made.
    """
    hints = get_type_hints(type(options))
    for each in fields(options):
        value = getattr(options, each.name)
        try:
            object.__setattr__(options, each.name, _fitted(value, hints[each.name]))
        except TypeError as needed:
            raise InputError(f"{flag_of(each)} must be {needed}, got {value!r}") from None


def _fitted(value: Any, hint: Any) -> Any:
    """``value`` as the annotated type; TypeError says what is needed."""
    kinds = get_args(hint)
    if type(None) in kinds:
        return None if value is None else _fitted(value, kinds[0])
    if hint == tuple[str, ...]:
        values = [value] if isinstance(value, str) else value
        if isinstance(values, list | tuple) and all(isinstance(each, str) for each in values):
            return tuple(str(each) for each in values)
        raise TypeError("text or a list of texts")
    if hint is str and isinstance(value, str | PathLike) and isinstance(text := fspath(value), str):
        return text
    is_flag = isinstance(value, bool | np.bool_)
    fits = {bool: is_flag, int: isinstance(value, Integral) and not is_flag, float: isinstance(value, Real) and not is_flag}
    if fits.get(hint):
        return hint(value)
    raise TypeError({str: "text", bool: "True or False", int: "a whole number", float: "a number"}[hint])


def check_range(flag: str, value: float | None, low: float, high: float, unit: str = "") -> None:
    """Nothing, or an InputError for a value outside ``low`` to ``high`` (NaN too); None stands for a default."""
    if value is not None and not low <= value <= high:
        raise InputError(f"{flag} must lie in {low} to {high}{unit and ' ' + unit}, got {value}")


def check_loudness(options: Any) -> None:
    """Holds the ``loudness`` of an options value to one that there is; a number is kept as its text."""
    if isinstance(options.loudness, Real) and not isinstance(options.loudness, bool):
        object.__setattr__(options, "loudness", f"{float(options.loudness):g}")
    if isinstance(options.loudness, str):  # what is neither is refused with the types
        loudness_named(options.loudness)


def check_choice(flag: str, value: str, *choices: str) -> None:
    """Nothing, or an InputError that lists the choices."""
    if value not in choices:
        raise InputError(f"{flag} must be {', '.join(choices[:-1])} or {choices[-1]}, got {value!r}")


RATE_HZ = 48000
PAPER_RATE_HZ = 16000
"""SEE-2-SOUND appendix E."""
LAYOUT_NAMES = "5.1, 7.1, 5.1.4, 7.1.4, stereo, binaural, mono, foa (AmbiX) or hoa2 to hoa7"
LONGEST_S = 6 * 3600
WHERE, HOW, MODELS = "Where it is", "How it sounds", "Models"
LOUDNESS_HELP = "Level: ebu (-23 LUFS), web (-14), podcast (-16), film (-24), music (-18), or LUFS/dBTP as in -19 or -27/-2."


@dataclass(frozen=True)
class SpatializeOptions:
    """What to make of a picture. Every field is a keyword of :func:`seehear.spatialize` and a flag of the command."""

    say: str = option("", 'What is heard, in words: "dog, sea". Wins over what is recognised.', "TEXT")
    objects: tuple[str, ...] = option((), 'Place a sound in the picture: "dog@0.3,0.6". Repeatable.', "TEXT@X,Y", "--object")
    sources: int = option(3, "At most this many placed sources (an ambience comes on top).", "N")
    seconds: float | None = option(None, "Length; a still lasts 10 s by default, a video its own duration.", "S")
    seed: int = option(0, "Same seed, same machine, same bytes.", "N")
    fov_deg: float | None = option(None, "Horizontal field of view; from EXIF, else 60.", "DEG", panel=WHERE)
    equirectangular: bool = option(False, "The picture is a 360-degree equirectangular panorama.", panel=WHERE)
    near_m: float = option(1.5, "Distance of the nearest depth.", "M", panel=WHERE)
    far_m: float = option(40.0, "Distance of the farthest depth.", "M", panel=WHERE)
    outline: str = option("box", "Outline of regions: box (eq. 2) or hull (eq. 1).", "KIND", panel=WHERE)
    geometry: str = option("camera", "camera (rays, metres) or paper (a room of pixels).", "KIND", panel=WHERE)
    layout: str = option("5.1", f"Channels: {LAYOUT_NAMES}.", "NAME", panel=HOW)
    room: str = option("auto", "Acoustics: auto, none, small, hall or outdoor.", "KIND", panel=HOW)
    bed: str = option("", "Ambience of your own: ambisonic sound file (4 to 64 channels).", "FILE", panel=HOW)
    bed_order: str = option("", "Its channels: acn (AmbiX; unless the file says another), fuma or n3d.", "NAME", panel=HOW)
    bed_level_db: float | None = option(None, "Level of that ambience over the usual one.", "DB", panel=HOW)
    bed_licence: str = option("", 'Licence of that ambience, for the credits: "CC BY 4.0".', "NAME", panel=HOW)
    hrtf: str = option("", "Head for binaural sound: any SOFA file (SimpleFreeFieldHRIR).", "FILE", panel=HOW)
    doppler: bool = option(False, "Change the pitch of what moves: sound takes its time on every path.", panel=HOW)
    loudness: str = option("ebu", LOUDNESS_HELP, "NAME", panel=HOW)
    rate_hz: int | None = option(None, "Sample rate: 48000, in the geometry of the paper 16000.", "HZ", panel=HOW)
    models: str = option("builtin", "builtin, builtin-research, hub, paper, a folder or a preset .json.", "NAME", panel=MODELS)
    commercial_only: bool = option(False, "Refuse models, heads and sounds whose licence does not allow sale.", panel=MODELS)

    def __post_init__(self) -> None:
        if isinstance(self.say, list | tuple) and all(isinstance(word, str) for word in self.say):
            object.__setattr__(self, "say", ", ".join(self.say))
        check_loudness(self)
        check_types(self)
        layout_named(self.layout)
        check_range("--seconds", self.seconds, 0.1, LONGEST_S)
        check_range("--sources", self.sources, 1, 32)
        check_choice("--outline", self.outline, "box", "hull")
        check_choice("--geometry", self.geometry, "camera", "paper")
        if self.rate_hz is None:
            object.__setattr__(self, "rate_hz", PAPER_RATE_HZ if self.geometry == "paper" else RATE_HZ)
        if self.geometry == "paper":
            _check_paper(self)
        check_choice("--room", self.room, "auto", "none", "small", "hall", "outdoor")
        check_range("--fov", self.fov_deg, 5, 170, "degrees")
        check_range("--bed-level", self.bed_level_db, -60, 60, "dB")
        if self.bed_order:
            check_choice("--bed-order", self.bed_order, "acn", "fuma", "n3d")
            if not self.bed:
                raise InputError("--bed-order needs an ambience: add --bed FILE")
        if self.bed_licence and not self.bed:
            raise InputError("--bed-licence needs an ambience: add --bed FILE")
        if self.bed_level_db is not None and not self.bed:
            raise InputError("--bed-level needs an ambience: add --bed FILE")
        if self.bed and self.geometry == "paper":
            raise InputError("--bed has no effect with --geometry paper, whose six microphones hear only what has a place")
        check_range("--seed", self.seed, 0, 2**63 - 1)
        check_range("--rate", self.rate_hz, 8000, 192000, "Hz")
        if not 0 < self.near_m < self.far_m <= 1000:
            raise InputError(f"need 0 < --near < --far <= 1000 m, got {self.near_m} and {self.far_m}")
        if self.fov_deg is not None and self.equirectangular:
            raise InputError("--fov has no effect with --equirectangular, which shows all 360 degrees: give one of them")
        # An unknown word is refused before any work, in a dry run too.
        check_words(self, free=not self.models.startswith("builtin"))


def check_words(options: SpatializeOptions, *, free: bool) -> None:
    """InputError for words without a sound; where they are ``free`` (models that read), any description has one."""
    if options.say and not parse_words(options.say, free=free):
        raise InputError(f'--say names no sound, got {options.say!r}: write words with commas between them, as in "dog, sea"')
    for each in options.objects:
        parse_object(each, free=free)


def _check_paper(options: SpatializeOptions) -> None:
    """InputError for what the paper's room of pixels cannot give."""
    if options.layout not in ("5.1", "stereo"):
        raise InputError(f"--geometry paper has six microphones: it gives 5.1 (or its stereo downmix), not {options.layout}")
    for flag, is_given in (("--fov", options.fov_deg is not None), ("--equirectangular", options.equirectangular)):
        if is_given:
            raise InputError(f"{flag} has no effect with --geometry paper, where pixels are metres: leave one of them out")
    if options.doppler:
        raise InputError("--doppler has no effect with --geometry paper, whose simulator has none: leave one of them out")
    if options.room != "auto":
        raise InputError("--room has no effect with --geometry paper, whose room is the picture's size: leave one of them out")
    beds = [concept.name for concept in parse_words(options.say, free=True) if concept.kind == "bed"]
    if beds:
        raise InputError(f"--geometry paper gives every sound a place, but {beds[0]} is all around: leave it out of --say")
