"""The presets of ``evaluate``: the matcher of ``spatialize``, the judges of ``ambisonics``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from seehear.presets.choices import BUILTIN
from seehear.presets.parts import Part, Tell, facts_part, pack_part
from seehear.protocols import AcousticMatcher, AudioTagger, Embedder
from seehear.types import InputError


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


@dataclass(frozen=True)
class JudgesPreset:
    """Who listens in ``evaluate ambisonics``: what they are, and how to make them."""

    parts: tuple[Part, ...]
    make: Callable[[Tell], tuple[Embedder, AudioTagger | None, tuple[Part, ...]]]
    """The judges, and the parts as they then are: fetched, and known by their hash."""


def judges_preset(embedder: str, tagger: str, *, device: str = "auto", offline: bool = False) -> JudgesPreset:
    """The judges by name: "builtin", a folder, or a hub id; an empty ``tagger`` is the embedder where that can tag."""
    from seehear.adapters.hub import Machine

    machine = Machine(device, "auto", False, offline)
    sources = {"embedder": embedder, **({"tagger": tagger} if tagger not in ("", embedder) else {})}

    def make(tell: Tell) -> tuple[Embedder, AudioTagger | None, tuple[Part, ...]]:
        made = {role: _judge(source, machine, tell) for role, source in sources.items()}
        listener: Any = made.get("tagger", made["embedder"])
        tags = hasattr(listener, "tag")
        if tagger and not tags:
            raise InputError(f"{listener.name} cannot tag sounds: choose builtin or an AST model as --tagger")
        fetched = tuple(_judge_part(role, source, machine, fetched=True) for role, source in sources.items())
        return made["embedder"], listener if tags else None, fetched

    return JudgesPreset(tuple(_judge_part(role, source, machine) for role, source in sources.items()), make)


def _judge(source: str, machine: Any, tell: Tell) -> Any:
    if source == BUILTIN:
        from seehear.adapters.audio_encoder import BuiltinAudioEncoder

        return BuiltinAudioEncoder()
    from seehear.adapters.audio_hub import hub_audio

    return hub_audio(source, machine, tell)


def _judge_part(role: str, source: str, machine: Any, fetched: bool = False) -> Part:
    stands_for = {"embedder": "VGGish", "tagger": "PaSST"}[role]
    if source == BUILTIN:
        from seehear.adapters.audio_encoder import PACK

        return replace(pack_part(role, PACK), name="builtin audio encoder", stands_for=stands_for)
    from seehear.adapters.folders import existing, fingerprint
    from seehear.adapters.hub import facts, is_folder

    part = facts_part(role, facts(source, offline=fetched or machine.is_offline), stands_for=stands_for)
    return replace(part, sha256=fingerprint(existing(source)) if is_folder(source) else None)
