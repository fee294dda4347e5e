"""What turns clips into what ViSAGe learns from: an encoder of frames and a codec, by the name of a set of models."""

from __future__ import annotations

from pathlib import Path

from seehear.presets.ambisonize import NAMES, clip_frames
from seehear.protocols import Codec, FrameEncoder
from seehear.types import InputError

PARTS = ("clip", "dac")
"""Sub-folders of a folder of models to learn with; what is missing there comes from the hub."""


def learning_parts(models: str, *, device: str = "auto", offline: bool = False) -> tuple[FrameEncoder, Codec]:
    """The encoder and the codec of ``builtin``, of ``hub`` or ``paper`` (CLIP ViT-B/32, DAC 44.1 kHz), or of a folder.

    The folder has clip/ or dac/ or both. What is not builtin is on this machine after that.
    InputError: an unknown name, a model that is not to be had.
    """
    if models == "builtin":
        from seehear.adapters.builtin_codec import BuiltinCodec
        from seehear.adapters.builtin_frames import BuiltinFrames

        return BuiltinFrames(), BuiltinCodec()
    folder = Path(models).expanduser()
    inside = {part: folder / part for part in PARTS if models not in NAMES and (folder / part).is_dir()}
    if models not in NAMES and not inside:
        raise InputError(f"models to learn with are {', '.join(NAMES)}, or a folder with {' or '.join(PARTS)}, got {models!r}")
    from seehear.adapters.dac import DAC_44KHZ, DacCodec
    from seehear.adapters.hub import Machine, nothing_told

    machine = Machine(device, "float32", offline=offline)
    clip, dac = clip_frames(inside, machine, nothing_told), DacCodec(inside.get("dac", DAC_44KHZ), machine)
    dac.name  # noqa: B018 (asks for the weights, as `clip_frames` does: what is not to be had is refused before any work)
    return clip, dac
