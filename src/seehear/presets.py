"""Presets: the only place where systems and adapters meet. A preset is a value that wires parts together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from seehear.protocols import AcousticMatcher, SoundGenerator
from seehear.systems.spatialize import Eyes
from seehear.types import InputError


@dataclass(frozen=True)
class Part:
    """A model of a preset, as reports and ``--dry-run`` show it."""

    role: str
    name: str
    licence: str
    size_mib: float = 0.0
    sha256: str | None = None


@dataclass(frozen=True)
class SpatializePreset:
    """The parts of ``spatialize``, what they are, and how to make them (nothing is loaded before that)."""

    name: str
    parts: tuple[Part, ...]
    eyes: Callable[[Literal["box", "hull"]], Eyes]
    generator: Callable[[], SoundGenerator]
    hint: str | None = None
    """What to try when little is recognised."""


def _eyes(pack: str, outline: Literal["box", "hull"]) -> Eyes:
    from seehear.adapters.builtin import BuiltinRecognizer
    from seehear.adapters.cues import CueDepth, GraphSegmenter

    return Eyes(GraphSegmenter(outline=outline), CueDepth(), BuiltinRecognizer(pack))


def _foley() -> SoundGenerator:
    from seehear.foley import FoleyGenerator

    return FoleyGenerator()


def _builtin(name: str, hint: str | None) -> SpatializePreset:
    from seehear.adapters.builtin import PACKS
    from seehear.weights import read_manifest

    pack = PACKS[name]
    entry = read_manifest()[pack]
    encoder = Part("recognizer", pack, entry["licence"], round(entry["bytes"] / 2**20, 2), entry["sha256"])
    own = [
        Part(role, what, "Apache-2.0")
        for role, what in (("segmenter", "graph segmentation"), ("depth", "position and size cues"))
    ]
    parts = (*own, encoder, Part("generator", "foley synthesis", "Apache-2.0"))
    return SpatializePreset(name, parts, partial(_eyes, pack), _foley, hint)


RESEARCH_HINT = (
    'Say what is heard, e.g. --say "dog, sea", or try --models builtin-research (it knows more, but its weights are for '
    "research only)."
)
SPATIALIZE: Mapping[str, Callable[[], SpatializePreset]] = {
    "builtin": lambda: _builtin("builtin", RESEARCH_HINT),
    "builtin-research": lambda: _builtin("builtin-research", None),
}


def spatialize_preset(name: str) -> SpatializePreset:
    """The preset of that name; InputError lists the known ones."""
    try:
        make = SPATIALIZE[name]
    except KeyError:
        raise InputError(f"unknown models {name!r}: choose one of {', '.join(SPATIALIZE)}") from None
    return make()


@dataclass(frozen=True)
class EvaluationPreset:
    """What ``evaluate spatialize`` needs beyond the system: what it is, and how to make it."""

    part: Part
    matcher: Callable[[], AcousticMatcher]


def evaluation_preset(seed: int) -> EvaluationPreset:
    """The acoustic matcher of the paper's protocol: a stand-in for AViTAR, without weights."""

    def matcher() -> AcousticMatcher:
        from seehear.adapters.acoustic_matching import RoomGuessMatcher

        return RoomGuessMatcher(seed)

    return EvaluationPreset(
        Part("acoustic matcher", "reverberation of a guessed room (stand-in for AViTAR)", "Apache-2.0"), matcher
    )
