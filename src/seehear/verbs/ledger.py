"""The ledger of a run: every model, head and recording that takes part, with what its licence allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seehear.presets import AmbisonizePreset, SpatializePreset
from seehear.types import NOT_STATED, InputError, Scene, terms_of

Entry = Mapping[str, Any]
"""role, name, licence, commercial (None where the licence does not say), attribution, and what else is known of it."""

REPLACEMENTS = {
    "segmenter": "facebook/sam-vit-base (Apache-2.0), or builtin",
    "depth": "depth-anything/Depth-Anything-V2-Small-hf (Apache-2.0), or builtin",
    "captioner": "Salesforce/blip-image-captioning-large (BSD-3-Clause), or builtin",
    "recognizer": "--models builtin",
    "generator": "builtin (synthesised sounds)",
    "frame encoder": "--models builtin",
    "codec": "--models builtin",
    "head": "leave out --hrtf: the computed head is ours",
    "bed": "name its licence with --bed-licence, or leave out --bed",
    "sound": "another file, or with its licence: `seehear scene replace-sound --licence NAME`",
}
"""By role: what does the same and may be sold."""


CREDITS_BEGIN = "This sound was made with:"


def entry(role: str, name: str, licence: str, **more: Any) -> dict[str, Any]:
    """One line of the ledger."""
    return {"role": role, "name": name, "licence": licence, **asdict(terms_of(licence)), **more}


def models_of(preset: SpatializePreset | AmbisonizePreset) -> list[dict[str, Any]]:
    """Every model of a preset with its licence, size and hash."""
    parts = ({k: v for k, v in asdict(part).items() if v is not None} for part in preset.parts)
    return [entry(part.pop("role"), part.pop("name"), part.pop("licence"), **part) for part in parts]


def check_commercial(ledger: Iterable[Entry]) -> None:
    """Nothing, or an InputError that names every part which may not, or may not be known to, be sold, and what replaces it."""
    refused = [each for each in ledger if each["commercial"] is not True]
    if not refused:
        return
    told = "; ".join(
        f"{each['role']} {each['name']} ({each['licence']}): {REPLACEMENTS.get(each['role'], 'use another')}" for each in refused
    )
    raise InputError(f"--commercial-only: not all that would take part is known to allow commercial use; {told}")


def licence_notes(ledger: Iterable[Entry]) -> list[str]:
    """Says which parts must not be used commercially, and of which nobody says how they may be used."""
    ledger = list(ledger)
    limited = [f"{each['name']} ({each['licence']})" for each in ledger if each["commercial"] is False]
    unstated = [each["name"] for each in ledger if each["licence"] == NOT_STATED]
    notes = [f"For non-commercial use only: {', '.join(limited)}."] if limited else []
    if unstated:
        notes.append(f"No licence is stated for {', '.join(unstated)}: ask their authors before you publish.")
    return notes


def ledger_of_scene(scene: Scene, models: Any) -> list[dict[str, Any]]:
    """All that is heard of a scene: of ``models``, as `spatialize` left them in its file, those whose work is in it still, and
    every sound that was put in the place of another. Muted sources, and heads, which belong to a render, are none of it.
    """
    heard = [source for source in scene.sources if not source.muted]
    gone = {"head", "original sound"}
    if scene.bed is None or scene.bed_muted:
        gone.add("bed")
    if all(source.recording for source in heard):
        gone.add("generator")
    told = [part for part in models if isinstance(part, dict)] if isinstance(models, list) else []
    named = [{name: part.get(name) for name in ("role", "name", "licence", "source")} for part in told]
    parts = [{name: text for name, text in part.items() if isinstance(text, str)} for part in named]
    sounds = {source.recording for source in heard if source.recording is not None}
    return [
        *(entry(**part) for part in parts if {"role", "name", "licence"} <= part.keys() and part["role"] not in gone),
        *(entry("sound", each.name, each.licence) for each in sorted(sounds, key=lambda each: each.name)),
    ]


def credits_beside(path: Path) -> Path:
    """Where the credits of a single file go."""
    return path.with_name(f"{path.stem}.credits.txt")


def outdated_credits(path: Path) -> list[Path]:
    """The credits that an earlier run left at ``path``, if any; no file of somebody else's."""
    try:
        with path.open("rb") as file:
            return [path] if file.read(len(CREDITS_BEGIN)) == CREDITS_BEGIN.encode() else []
    except OSError:
        return []


def credits_of(ledger: Sequence[Entry]) -> str | None:
    """The text that goes beside what is published; None when no licence asks for one."""
    named = [each for each in ledger if each["attribution"]]
    if not named:
        return None
    lines = [CREDITS_BEGIN, ""]
    for each in named:
        where = f", {each['source']}" if each.get("source") else ""
        limit = "" if each["commercial"] is not False else " (not for commercial use)"
        lines.append(f"- {each['name']}{where}: {each['role']}, {each['licence']}{limit}")
    return "\n".join([*lines, "", "Their licences ask that this is said wherever it is published.", ""])
