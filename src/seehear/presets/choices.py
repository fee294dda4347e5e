"""Which model takes which role: the presets by name, a folder of models, or a preset file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seehear.presets.options import GUIDANCE, LONGEST_PROMPT, STEPS
from seehear.types import InputError

BUILTIN = "builtin"
ROLES = ("segmenter", "depth", "captioner", "generator")

Range = tuple[float, float]
OPTIONS: Mapping[str, Mapping[str, tuple[type, Range | None]]] = {
    "segmenter": {"points_per_side": (int, (1, 64)), "max_regions": (int, (1, 64))},
    "depth": {},
    "captioner": {"question": (str, None)},
    "generator": {"steps": (int, STEPS), "guidance": (float, GUIDANCE), "negative_prompt": (str, None)},
}
"""What a preset file may set for a role: its type and range."""


@dataclass(frozen=True)
class Choice:
    """The model of one role."""

    model: str = BUILTIN
    """``builtin``, a hub id or a folder."""
    options: Mapping[str, Any] = field(default_factory=dict)
    stands_for: str | None = None
    """The model of the paper in whose place it is."""


HUB = {
    "segmenter": Choice("facebook/sam-vit-base"),
    "depth": Choice("depth-anything/Depth-Anything-V2-Small-hf"),
    "captioner": Choice("Salesforce/blip-image-captioning-large"),
    "generator": Choice("cvssp/audioldm2"),
}
"""Small members of strong families that have safetensors. All may be used commercially but for the sound model: there is no
open text-to-sound model for diffusers whose licence is without such limits."""
PAPER = {
    "segmenter": Choice("facebook/sam-vit-huge", {"points_per_side": 32}),
    "depth": Choice("LiheYoung/depth-anything-large-hf"),
    "captioner": Choice("Salesforce/blip-image-captioning-large", stands_for="the image encoder of CoDi"),
    "generator": Choice("cvssp/audioldm2-large", {"steps": 500, "negative_prompt": ""}, stands_for="the audio diffusion of CoDi"),
}
"""SEE-2-SOUND appendix E: SAM ViT-H (as published: 1024 px, windows of 14 x 14), Depth Anything ViT-L/14, 500 diffusion steps, no
text prompt. The grid is not printed there; 32 x 32 points are Segment Anything's own. CoDi, which made its sounds from the
patch, has no port to diffusers: a caption and AudioLDM 2 (large) stand in for it."""
NAMED: Mapping[str, Mapping[str, Choice]] = {"hub": HUB, "paper": PAPER}


def choices_of(models: str) -> Mapping[str, Choice]:
    """The choice for every role of a named preset, a folder of models or a preset file; InputError says what is wrong."""
    if models in NAMED:
        return NAMED[models]
    path = Path(models).expanduser()
    if models.strip() and path.is_dir():
        return _of_folder(path)
    if path.suffix.lower() == ".json":
        return _of_file(path)
    roles = ", ".join(ROLES)
    in_a_file = f'; one model goes into such a file, {{"ROLE": {{"model": "{models}"}}}} with a role of {roles}'
    hint = in_a_file if models.count("/") == 1 else ""
    raise InputError(
        f"unknown models {models!r}: choose builtin, builtin-research, {', '.join(NAMED)}, a folder of models "
        f"or a preset .json{hint}"
    )


def _of_folder(folder: Path) -> Mapping[str, Choice]:
    """A sub-folder per role; builtin where there is none."""
    there = [role for role in ROLES if (folder / role).is_dir()]
    if not there:
        names = sorted(path.name for path in folder.iterdir())
        found = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "") or "nothing"
        raise InputError(f"a folder of models has sub-folders {', '.join(ROLES)} (or some of them); {folder} holds {found}")
    return {role: Choice(str(folder / role)) if role in there else Choice() for role in ROLES}


def _of_file(path: Path) -> Mapping[str, Choice]:
    """What a preset file says; folders in it are seen from where it lies."""
    try:
        value = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_once)
    except (OSError, ValueError) as error:
        raise InputError(f"the preset {path} cannot be read: {error}") from None
    if not isinstance(value, dict) or not value:
        raise InputError(f"the preset {path} must be a JSON object with some of {', '.join(ROLES)}")
    _refuse_unknown(value, ROLES, f"the preset {path}")
    return {role: _choice(role, value[role], path) if role in value else Choice() for role in ROLES}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys are there once; JSON itself would take the last of several in silence."""
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{twice[0]!r} is there twice")
    return dict(pairs)


def _choice(role: str, value: Any, path: Path) -> Choice:
    where = f"{role!r} in {path.name}"
    if not isinstance(value, dict) or not isinstance(value.get("model"), str) or not value["model"].strip():
        raise InputError(f'{where} must be an object with "model": a hub id, a folder or "builtin"')
    model = value["model"].strip()
    options = {name: given for name, given in value.items() if name != "model"}
    known = OPTIONS[role]
    _refuse_unknown(value, ("model", *known), where)
    if options and model == BUILTIN:
        raise InputError(f"{where}: {next(iter(options))!r} has no effect on the builtin model")
    for name, given in options.items():
        _check(given, *known[name], f"{name!r} of {where}")
    beside = path.parent / model
    return Choice(str(beside) if beside.is_dir() and model != BUILTIN else model, options)


def _refuse_unknown(value: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    if unknown := [key for key in value if key not in known]:
        raise InputError(f"{where} has an unknown {unknown[0]!r}: known are {', '.join(known)}")


def _check(given: Any, kind: type, bounds: Range | None, where: str) -> None:
    fits = isinstance(given, (int, float) if kind is float else kind) and not isinstance(given, bool)
    if not fits:
        raise InputError(f"{where} must be { {int: 'a whole number', float: 'a number', str: 'text'}[kind] }, got {given!r}")
    if bounds is not None and not bounds[0] <= given <= bounds[1]:
        raise InputError(f"{where} must lie in {bounds[0]} to {bounds[1]}, got {given!r}")
    if where.startswith("'question'") and not given.strip():
        raise InputError(f"{where} is empty: leave it out for the usual one")
    if kind is str and len(given) > LONGEST_PROMPT:
        raise InputError(f"{where} takes at most {LONGEST_PROMPT} characters, got {len(given)}")
