"""The presets of ``spatialize``: builtin parts, models from elsewhere, or some of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seehear.presets.choices import BUILTIN, ROLES, Choice, choices_of
from seehear.presets.options import ModelOptions
from seehear.presets.parts import Part, SpatializePreset, Tell, facts_part, pack_part
from seehear.protocols import ConceptRecognizer, DepthEstimator, Segmenter, SoundGenerator
from seehear.systems.spatialize import Eyes

if TYPE_CHECKING:
    from seehear.adapters.audio_diffusion import AudioModel
    from seehear.adapters.hub import Facts, Machine

Outline = Literal["box", "hull"]

SAY_HINT = 'Say what is heard, e.g. --say "dog, sea"'
RESEARCH_HINT = f"{SAY_HINT}, or try --models builtin-research (it knows more, but its weights are for research only)."
BUILTINS: Mapping[str, str | None] = {"builtin": RESEARCH_HINT, "builtin-research": None}
"""Presets that need nothing from elsewhere, with their hints."""


def spatialize_preset(models: str, options: ModelOptions | None = None) -> SpatializePreset:
    """The preset of that name, of a folder of models, or of a preset file; nothing is downloaded or loaded yet.

    InputError: an unknown name, a folder or file that is none, an option that would have no effect.
    """
    options = options or ModelOptions()
    if models in BUILTINS:
        options.refuse(("device", "dtype", "offload"), f"--models {models} runs on any processor as it is")
        options.refuse(
            ("steps", "guidance", "negative_prompt"), f"the sounds of --models {models} are synthesised, not generated"
        )
        return _builtin(models)
    return _mixed(models, choices_of(models), options)


# ------------------------------------------------------------------------------------------------ builtin parts


def _builtin(name: str) -> SpatializePreset:
    pack = _pack(name)

    recognizer = cache(partial(_encoder, pack))  # loaded once, whatever the outline

    def eyes(outline: Outline, wraps: bool = False) -> Eyes:
        return Eyes(_graph(outline, wraps), _cues(), recognizer())

    return SpatializePreset(name, tuple(_builtin_part(role, pack) for role in ROLES), eyes, _foley, BUILTINS[name])


def _pack(name: str) -> str:
    from seehear.adapters.builtin import PACKS

    return PACKS[name]


def _builtin_part(role: str, pack: str) -> Part:
    if role == "captioner":
        return pack_part("recognizer", pack)
    name = {"segmenter": "graph segmentation", "depth": "position and size cues", "generator": "foley synthesis"}[role]
    return Part(role, name, "Apache-2.0")


def _graph(outline: Outline, wraps: bool) -> Segmenter:
    from seehear.adapters.cues import GraphSegmenter

    return GraphSegmenter(outline=outline, wraps=wraps)


def _cues() -> DepthEstimator:
    from seehear.adapters.cues import CueDepth

    return CueDepth()


def _encoder(pack: str) -> ConceptRecognizer:
    from seehear.adapters.builtin import BuiltinRecognizer

    return BuiltinRecognizer(pack)


def _foley(_: Callable[[float], None]) -> SoundGenerator:
    from seehear.foley import FoleyGenerator

    return FoleyGenerator()


# ------------------------------------------------------------------------------------------------ models from elsewhere


def _mixed(name: str, choices: Mapping[str, Choice], options: ModelOptions) -> SpatializePreset:
    """The chosen models, each builtin where none is chosen."""
    from seehear.adapters.hub import Machine, facts, is_folder

    reads = choices["generator"].model != BUILTIN
    if not reads:
        options.refuse(
            ("steps", "guidance", "negative_prompt"), f"{name} has no generator of its own, its sounds are synthesised"
        )
    choices = {**choices, "generator": _as_called(choices["generator"], options)}
    machine = Machine(options.device, options.dtype, options.offload, options.offline)
    pack = _pack("builtin")

    def parts(role: str) -> Part:
        model = choices[role].model
        if model == BUILTIN:
            return _builtin_part(role, pack)
        if is_folder(model):
            _resolved(role, model, machine)  # a folder that is none is refused before any work
        return _part_of(role, choices[role], facts(model, offline=machine.is_offline))

    prepared: list[Part] = []

    def prepare(tell: Tell) -> tuple[Part, ...]:
        machine.torch_device  # noqa: B018 (refuses a device that is not there before anything is downloaded)
        for role in ROLES[len(prepared) :]:  # at the next picture all of them are there
            choice = choices[role]
            prepared.append(_builtin_part(role, pack) if choice.model == BUILTIN else _fetched(role, choice, machine, tell))
        return tuple(prepared)

    return SpatializePreset(
        name,
        tuple(parts(role) for role in ROLES),
        _eyes(choices, machine, pack),
        _generator(choices["generator"], machine),
        f"{SAY_HINT}." if reads else RESEARCH_HINT,
        reads,
        prepare,
    )


def _as_called(choice: Choice, options: ModelOptions) -> Choice:
    """The generator with what the call sets of it, over what the preset does."""
    given = {name: getattr(options, name) for name in ("steps", "guidance", "negative_prompt")}
    return replace(choice, options={**choice.options, **{name: value for name, value in given.items() if value is not None}})


def _part_of(role: str, choice: Choice, known: Facts) -> Part:
    return facts_part(role, known, settings=dict(choice.options) or None, stands_for=choice.stands_for)


def _fetched(role: str, choice: Choice, machine: Machine, tell: Tell) -> Part:
    """The part of a model that is now on this machine; a folder is known by the hash of its weights."""
    from seehear.adapters.folders import fingerprint
    from seehear.adapters.hub import facts, is_folder

    folder = _resolved(role, choice.model, machine, tell)
    part = _part_of(role, choice, facts(choice.model, offline=True))
    return replace(part, sha256=fingerprint(folder)) if is_folder(choice.model) else part


def _resolved(role: str, model: str, machine: Machine, tell: Tell = lambda *_: None) -> Path:
    from seehear.adapters.hub import resolve

    return resolve(model, _architectures(role), offline=machine.is_offline, tell=tell)


def _architectures(role: str) -> frozenset[str]:
    """What a folder may hold to fill a role."""
    if role == "captioner":
        from seehear.adapters.captions import captioners

        return captioners()
    if role == "generator":
        from seehear.adapters.audio_diffusion import FAMILIES

        return frozenset(FAMILIES)
    return {"segmenter": SEGMENTERS, "depth": frozenset({"depth_anything"})}[role]


SEGMENTERS = frozenset({"sam", "sam2", "sam2_video"})


def _eyes(choices: Mapping[str, Choice], machine: Machine, pack: str) -> Callable[[Outline, bool], Eyes]:
    """Makes the eyes; each model is loaded once, whatever the outline."""
    own, wanted = choices["segmenter"].model == BUILTIN, choices["segmenter"]
    segmenter = cache(lambda outline: _segmenter(wanted, machine, outline))
    depth = cache(lambda: _cues() if choices["depth"].model == BUILTIN else _depth(choices["depth"], machine))
    captioner = choices["captioner"]
    recognizer = cache(lambda: _encoder(pack) if captioner.model == BUILTIN else _captioner(captioner, machine))

    def eyes(outline: Outline, wraps: bool = False) -> Eyes:
        regions = _graph(outline, wraps) if own else segmenter(outline)
        return Eyes(regions, depth(), recognizer(), knows_silence=captioner.model != BUILTIN)

    return eyes


def _segmenter(choice: Choice, machine: Machine, outline: Outline) -> Segmenter:
    from seehear.adapters.folders import architecture
    from seehear.adapters.mask_grid import MaskGrid
    from seehear.adapters.sam import SamSegmenter
    from seehear.adapters.sam2 import Sam2Segmenter

    more = dict(choice.options)
    grid = MaskGrid(points_per_side=more.pop("points_per_side", MaskGrid().points_per_side))
    folder = _resolved("segmenter", choice.model, machine)
    kind = SamSegmenter if architecture(folder) == "sam" else Sam2Segmenter
    return kind(folder, machine, outline=outline, grid=grid, **more)


def _depth(choice: Choice, machine: Machine) -> DepthEstimator:
    from seehear.adapters.depth_anything import DepthAnything

    return DepthAnything(choice.model, machine)


def _captioner(choice: Choice, machine: Machine) -> ConceptRecognizer:
    from seehear.adapters.captions import Captioner

    captioner = Captioner(choice.model, machine, **choice.options)
    captioner.folder  # noqa: B018 (refuses a question that it does not take before any work)
    return captioner


def _generator(choice: Choice, machine: Machine) -> Callable[[Callable[[float], None]], SoundGenerator]:
    """Makes the generator for who watches; its model is loaded once, for all of them."""
    if choice.model == BUILTIN:
        return _foley

    @cache
    def model() -> AudioModel:
        from seehear.adapters.audio_diffusion import AudioModel

        return AudioModel(choice.model, machine)

    def generator(watch: Callable[[float], None]) -> SoundGenerator:
        from seehear.adapters.audio_diffusion import DiffusionGenerator

        return DiffusionGenerator(model(), **choice.options, watch=watch)

    return generator
