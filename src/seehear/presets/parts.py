"""What a preset is made of, and what is told about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seehear.protocols import SoundGenerator
from seehear.systems.spatialize import Eyes
from seehear.types import InputError

if TYPE_CHECKING:
    from seehear.adapters.hub import Facts

Tell = Callable[[str, float], None]
"""Told what is being done, and how much of it is done (0 to 1)."""


@dataclass(frozen=True)
class Part:
    """A model of a preset, as reports and ``--dry-run`` show it."""

    role: str
    name: str
    licence: str
    size_mib: float | None = 0.0
    """On disk; None where nobody knows before the download."""
    sha256: str | None = None
    """Of a shipped file, or over the weights of a folder."""
    revision: str | None = None
    """The commit on the hub."""
    get: str | None = None
    """The command that downloads it, where it is not on this machine."""
    settings: Mapping[str, Any] | None = None
    """What the preset or the call sets of it, by name."""
    stands_for: str | None = None
    """The model of the paper in whose place it is."""


def pack_part(role: str, pack: str, *, folder: Path | None = None) -> Part:
    """The weights of that name that are shipped, or listed in the manifest of another folder; InputError if there are none."""
    from seehear.weights import read_manifest

    entries = read_manifest(folder)
    if pack not in entries:
        raise InputError(f"there are no weights {pack!r} among those shipped: {', '.join(entries)}")
    entry = entries[pack]
    return Part(role, pack, entry["licence"], round(entry["bytes"] / 2**20, 2), entry["sha256"])


def facts_part(role: str, known: Facts, **more: Any) -> Part:
    """A model from elsewhere, by what is known of it."""
    size_mib = None if known.size_bytes is None else round(known.size_bytes / 2**20, 2)
    return Part(role, known.source, known.licence, size_mib, revision=known.revision, get=known.get, **more)


@dataclass(frozen=True)
class SpatializePreset:
    """The parts of ``spatialize``, what they are, and how to make them (nothing is loaded before that).

    A preset keeps what it has loaded: hand one to many runs, and its models are loaded once.
    """

    name: str
    parts: tuple[Part, ...]
    eyes: Callable[[Literal["box", "hull"], bool], Eyes]
    """Of an outline, and of whether the picture's left edge joins its right."""
    generator: Callable[[Callable[[float], None]], SoundGenerator]
    """Given who is told how much of a sound is made (0 to 1)."""
    hint: str | None = None
    """What to try when little is recognised."""
    reads_text: bool = False
    """Whether its sounds are made from words, so that any may be said; else only those of the vocabulary."""
    prepare: Callable[[Tell], tuple[Part, ...]] | None = None
    """Brings every model to this machine and checks it; gives the parts as they then are."""

    def ready(self, tell: Tell) -> SpatializePreset:
        """The preset with every model on this machine; InputError with the command that gets one that cannot be had."""
        return self if self.prepare is None else replace(self, parts=self.prepare(tell))
