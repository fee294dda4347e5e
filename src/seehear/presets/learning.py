"""What turns clips into what ViSAGe learns from: an encoder of frames and a codec, by the name of a set of models."""

from __future__ import annotations

from pathlib import Path

from seehear.presets.ambisonize import CLIP
from seehear.protocols import Codec, FrameEncoder
from seehear.types import InputError

PARTS = ("clip", "dac")
"""Sub-folders of a folder of models to learn with."""


def learning_parts(models: str, *, device: str = "auto", offline: bool = False) -> tuple[FrameEncoder, Codec]:
    """The encoder and the codec of ``builtin``, ``paper`` (CLIP ViT-B/32, DAC 44.1 kHz), or a folder with clip/ and dac/."""
    if models == "builtin":
        from seehear.adapters.builtin_codec import BuiltinCodec
        from seehear.adapters.builtin_frames import BuiltinFrames

        return BuiltinFrames(), BuiltinCodec()
    folder = Path(models).expanduser()
    if models != "paper" and not all((folder / name).is_dir() for name in PARTS):
        raise InputError(f"models to learn with are builtin, paper, or a folder with {' and '.join(PARTS)}, got {models!r}")
    from seehear.adapters.clip import ClipFrames
    from seehear.adapters.dac import DAC_44KHZ, DacCodec
    from seehear.adapters.hub import Machine

    clip, dac = (CLIP, DAC_44KHZ) if models == "paper" else (folder / name for name in PARTS)
    machine = Machine(device, "float32", offline=offline)
    return ClipFrames(clip, machine), DacCodec(dac, machine)
