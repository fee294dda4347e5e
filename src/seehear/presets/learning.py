"""What turns clips into what ViSAGe learns from: an encoder of frames and a codec, by the name of a set of models."""

from __future__ import annotations

from pathlib import Path

from seehear.protocols import Codec, FrameEncoder
from seehear.types import InputError

PAPER = {"clip": "openai/clip-vit-base-patch32", "dac": "descript/dac_44khz"}
"""ViSAGe, section 5."""


def learning_parts(models: str, *, device: str = "auto", offline: bool = False) -> tuple[FrameEncoder, Codec]:
    """The encoder and the codec of ``builtin``, ``paper`` (CLIP ViT-B/32, DAC 44.1 kHz), or a folder with clip/ and dac/."""
    if models == "builtin":
        from seehear.adapters.builtin_codec import BuiltinCodec
        from seehear.adapters.builtin_frames import BuiltinFrames

        return BuiltinFrames(), BuiltinCodec()
    folder = Path(models).expanduser()
    if models != "paper" and not all((folder / name).is_dir() for name in PAPER):
        raise InputError(f"models to learn with are builtin, paper, or a folder with {' and '.join(PAPER)}, got {models!r}")
    from seehear.adapters.clip import ClipFrames
    from seehear.adapters.dac import DacCodec
    from seehear.adapters.hub import Machine

    sources = PAPER if models == "paper" else {name: folder / name for name in PAPER}
    machine = Machine(device, "float32", offline=offline)
    return ClipFrames(sources["clip"], machine), DacCodec(sources["dac"], machine)
