"""The presets of ``ambisonize``: the shipped ViSAGe with its encoder and codec, the released one, or one in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.io.files import read_json
from seehear.presets.options import MachineOptions, refuse
from seehear.presets.parts import Part, Tell, facts_part, pack_part
from seehear.protocols import Codec, FrameEncoder
from seehear.systems.ambisonize import Ambisonizer
from seehear.types import NOT_STATED, InputError

if TYPE_CHECKING:
    from seehear.adapters.hub import Machine
    from seehear.nets.trained_visage import TrainedVisage

NAMES = ("builtin", "hub", "paper")
VISAGE, CLIP = "jaeyeonkim99/visage", "openai/clip-vit-base-patch32"
PARTS = ("visage", "clip", "dac")
"""Sub-folders of a folder of models; what is missing there comes from the hub."""
TO_SAFETENSORS = (
    'python -c "from transformers import CLIPVisionModelWithProjection as M; '
    f"M.from_pretrained('{CLIP}').save_pretrained('MODELS/clip')\""
)
"""The hub has CLIP as a pickle. This makes a folder of it that is read here."""
SMALL_HINT = (
    "The builtin weights are small and know only synthetic clips: what they make is a sketch (--models hub is the paper's)."
)


@dataclass(frozen=True)
class AmbisonizePreset:
    """The parts of ``ambisonize`` and how to bring them together; nothing is downloaded or loaded before."""

    name: str
    parts: tuple[Part, ...]
    load: Callable[[Tell], Ambisonizer]
    """Brings every model to this machine, loads them and checks that they belong together. They are kept: hand one preset to
    many runs, and they are loaded once."""
    hint: str | None = None
    """What to know of what they make."""


def ambisonize_preset(models: str, options: MachineOptions | None = None) -> AmbisonizePreset:
    """The preset called ``models``, or of a folder of that name.

    ``builtin`` is what is shipped; ``hub`` and ``paper`` are the released ViSAGe, CLIP ViT-B/32 and DAC. A folder holds what
    `seehear train visage` wrote, a checkpoint in the released layout, or sub-folders ``visage``, ``clip`` and ``dac`` (or some).
    InputError: an unknown name, a folder that holds no model, an option that would have no effect, a model that is not to be had.
    """
    options = options or MachineOptions()
    if models == "builtin":
        refuse(options, ("device", "dtype"), "--models builtin runs on any processor as it is")
        return _builtin()
    if models in NAMES:
        return _released(models, Path(VISAGE), {}, options)
    folder = Path(models).expanduser()
    if not (models.strip() and folder.is_dir()):
        raise InputError(f"unknown models {models!r}: choose {', '.join(NAMES)}, or a folder that holds a ViSAGe")
    return _of_folder(folder, options)


def _once(load: Callable[[Tell], Ambisonizer]) -> Callable[[Tell], Ambisonizer]:
    """``load``, whose first answer is kept."""
    kept: list[Ambisonizer] = []

    def first(tell: Tell) -> Ambisonizer:
        if not kept:
            kept.append(load(tell))
        return kept[0]

    return first


def _builtin() -> AmbisonizePreset:
    from seehear.adapters.builtin_codec import BuiltinCodec
    from seehear.adapters.builtin_frames import BuiltinFrames
    from seehear.adapters.visage_builtin import PACK, load_builtin_visage
    from seehear.weights import read_manifest

    if PACK not in read_manifest():
        raise InputError(
            "no ViSAGe is shipped with this version: train one (`seehear train visage`) and give its folder to --models, "
            "or take the released one (--models hub)"
        )
    encoder, codec = BuiltinFrames(), BuiltinCodec()
    parts = (pack_part("generator", PACK), pack_part("frame encoder", encoder.pack), pack_part("codec", codec.pack))

    def load(_: Tell) -> Ambisonizer:
        return _together(load_builtin_visage(PACK), encoder, codec)

    return AmbisonizePreset("builtin", parts, _once(load), SMALL_HINT)


def _of_folder(folder: Path, options: MachineOptions) -> AmbisonizePreset:
    """The ViSAGe of a folder, trained here or released, with what it was trained with."""
    from seehear.adapters.folders import contents
    from seehear.adapters.visage_builtin import is_trained_visage

    inside = {part: folder / part for part in PARTS if (folder / part).is_dir()}
    visage = inside.get("visage", folder)
    if is_trained_visage(visage):
        return _trained(folder, visage, inside, options)
    if (visage / "config.json").is_file() or "visage" in inside:
        return _released(str(folder), visage, inside, options)
    if inside:
        return _released(str(folder), Path(VISAGE), inside, options)
    raise InputError(
        "a folder of models holds visage.safetensors and visage.json (as `seehear train visage` writes them), a released ViSAGe "
        f"(config.json, model.safetensors), or sub-folders {', '.join(PARTS)}: this is {contents(folder)}"
    )


# ------------------------------------------------------------------------------------------------ trained here


def _trained(folder: Path, visage: Path, inside: Mapping[str, Path], options: MachineOptions) -> AmbisonizePreset:
    """A ViSAGe that this package trained; its settings say which encoder and codec it needs."""
    from seehear.adapters.visage_builtin import SETTINGS, WEIGHTS, load_builtin_visage
    from seehear.io.files import file_sha256

    settings, machine = read_json(visage / SETTINGS), _machine(options)
    encoder, encoder_part = _encoder_named(str(settings.get("encoder_name")), inside, machine)
    codec, codec_part = _codec_named(str(settings.get("codec_name")), inside, folder, machine)
    facts = settings.get("facts")
    size_mib = round((visage / WEIGHTS).stat().st_size / 2**20, 2)
    licence = str((facts.get("licence") if isinstance(facts, dict) else None) or NOT_STATED)
    own = Part("generator", str(visage), licence, size_mib, sha256=file_sha256(visage / WEIGHTS))

    def load(tell: Tell) -> Ambisonizer:
        return _together(_placed(load_builtin_visage(visage), machine), encoder(tell), codec(tell))

    return AmbisonizePreset(str(folder), (own, encoder_part, codec_part), _once(load))


def _encoder_named(name: str, inside: Mapping[str, Path], machine: Machine) -> tuple[Callable[[Tell], FrameEncoder], Part]:
    """The encoder of frames that a trained model names."""
    from seehear.adapters.builtin_frames import BuiltinFrames

    own = BuiltinFrames()
    if name == own.name:
        return lambda _: own, pack_part("frame encoder", own.pack)
    if name.startswith("clip-"):
        return partial(clip_frames, inside, machine), _clip_part(inside, machine)
    raise InputError(f"this ViSAGe was trained with the encoder of frames {name}; there are {own.name} and CLIP")


def _codec_named(name: str, inside: Mapping[str, Path], folder: Path, machine: Machine) -> tuple[Callable[[Tell], Codec], Part]:
    """The codec that a trained model names: the shipped one, one in the sub-folder ``codec``, or DAC."""
    from seehear.adapters.builtin_codec import BuiltinCodec

    if not name.startswith("seehear"):
        return partial(_dac, inside, machine), _dac_part(inside, machine)
    of = folder / "codec" if (folder / "codec" / "manifest.json").is_file() else None
    own = BuiltinCodec(folder=of)
    return lambda _: own, pack_part("codec", own.pack, folder=of)


# ------------------------------------------------------------------------------------------------ released


def _released(name: str, visage: Path, inside: Mapping[str, Path], options: MachineOptions) -> AmbisonizePreset:
    """The released ViSAGe, from the hub or a folder, with CLIP and DAC. Its maps of energy are those of its own program."""
    machine = _machine(options)
    source = VISAGE if visage == Path(VISAGE) else str(visage)
    if source != VISAGE:
        _resolved_visage(source, machine, lambda *_: None)  # a folder that is none is refused before any work
    parts = (_part("generator", source, machine), _clip_part(inside, machine), _dac_part(inside, machine))

    def load(tell: Tell) -> Ambisonizer:
        machine.torch_device  # noqa: B018 (refuses a device that is not there before anything is downloaded)
        folder = _resolved_visage(source, machine, tell)
        encoder, codec = clip_frames(inside, machine, tell), _dac(inside, machine, tell)
        return _together(_placed(_read_released(folder, encoder, codec), machine), encoder, codec)

    return AmbisonizePreset(name, parts, _once(load))


def _resolved_visage(source: str, machine: Machine, tell: Tell) -> Path:
    from seehear.adapters.hub import resolve

    return resolve(source, ("bart",), offline=machine.is_offline, tell=tell)


def _read_released(folder: Path, encoder: FrameEncoder, codec: Codec) -> TrainedVisage:
    """The checkpoint; it does not say which encoder and codec it was trained with, so it is taken to be these."""
    from seehear.adapters.visage_checkpoint import load_visage
    from seehear.nets.trained_visage import TrainedVisage
    from seehear.sampling.tokens import DAC_FRAME_RATE_HZ

    config: dict[str, Any] = read_json(folder / "config.json")
    frames_per_s, codes_per_s = config.get("clip_frame_rate", 4), config.get("dac_frame_rate", DAC_FRAME_RATE_HZ)
    rates = frames_per_s, codes_per_s
    return TrainedVisage(load_visage(folder), "visage", encoder.name, codec.name, *rates, energy_compat="visage")


# ------------------------------------------------------------------------------------------------ parts from elsewhere


def clip_frames(inside: Mapping[str, Path], machine: Machine, tell: Tell) -> FrameEncoder:
    """CLIP of the folder's own part, or else the hub's, on this machine; InputError says what to do where it is not to be had."""
    from seehear.adapters.clip import ClipFrames

    clip = ClipFrames(inside.get("clip", CLIP), machine, tell=tell)
    with _saying_how_to_convert():
        clip.name  # noqa: B018 (asks for the weights)
    return clip


def _clip_part(inside: Mapping[str, Path], machine: Machine) -> Part:
    with _saying_how_to_convert():
        return _part("frame encoder", str(inside.get("clip", CLIP)), machine)


@contextmanager
def _saying_how_to_convert() -> Iterator[None]:
    """In this block, what is refused as a pickle is refused with the command that makes a folder of it which is read here."""
    from seehear.adapters.hub import PicklesOnly

    try:
        yield
    except PicklesOnly as error:
        raise InputError(f"{error}. Make them once by `{TO_SAFETENSORS}`, then say --models MODELS") from None


def _dac(inside: Mapping[str, Path], machine: Machine, tell: Tell) -> Codec:
    from seehear.adapters.dac import DAC_44KHZ, DacCodec

    return DacCodec(inside.get("dac", DAC_44KHZ), machine, tell=tell)


def _dac_part(inside: Mapping[str, Path], machine: Machine) -> Part:
    from seehear.adapters.dac import DAC_44KHZ

    return _part("codec", str(inside.get("dac", DAC_44KHZ)), machine)


def _part(role: str, source: str, machine: Machine) -> Part:
    from seehear.adapters.folders import fingerprint
    from seehear.adapters.hub import facts, is_folder

    part = facts_part(role, facts(source, offline=machine.is_offline))
    return replace(part, sha256=fingerprint(Path(source))) if is_folder(source) else part


def _machine(options: MachineOptions) -> Machine:
    from seehear.adapters.hub import Machine

    return Machine(options.device, options.dtype, offline=options.offline)


def _placed(trained: TrainedVisage, machine: Machine) -> TrainedVisage:
    """The net on its device in its precision: on an accelerator bfloat16 unless said otherwise, as it was trained in."""
    import torch

    device = machine.torch_device
    dtype = torch.bfloat16 if machine.dtype == "auto" and device != "cpu" else machine.torch_dtype
    return replace(trained, net=trained.net.to(device, dtype))


def _together(trained: TrainedVisage, encoder: FrameEncoder, codec: Codec) -> Ambisonizer:
    """The parts, checked, the net in the form that makes codes fastest."""
    parts = Ambisonizer(trained, encoder, codec, middle_square=encoder.name.startswith("clip-"))
    parts.check()
    return replace(parts, trained=replace(trained, net=trained.net.for_decoding()))
