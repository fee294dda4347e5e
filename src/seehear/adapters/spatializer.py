"""A trained U-Net spatializer: a folder with ``spatializer.safetensors`` and ``spatializer.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.io.files import read_json, whole_files
from seehear.types import InputError
from seehear.weights import load_strictly

if TYPE_CHECKING:
    from seehear.nets.spatializer import Spatializer

WEIGHTS, SETTINGS = "spatializer.safetensors", "spatializer.json"


def save_spatializer(folder: str | Path, net: Spatializer, *, encoder_name: str, facts: Mapping[str, Any]) -> None:
    """Writes ``net`` to a folder, which is made if need be; ``encoder_name`` is that of the FrameEncoder it was trained on."""
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"config": asdict(net.config), "encoder_name": encoder_name, "facts": dict(facts)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    with whole_files() as files:
        save_file(tensors, files.file(folder / WEIGHTS, force=True))
        text = json.dumps(settings, indent=1, ensure_ascii=False) + "\n"
        files.file(folder / SETTINGS, force=True).write_text(text, "utf-8")


def load_spatializer(folder: str | Path, *, encoder_name: str) -> Spatializer:
    """The spatializer of a folder, for evaluation; InputError if it is missing, damaged or of another FrameEncoder."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from seehear.nets.spatializer import Spatializer, SpatializerConfig

    folder = Path(folder).expanduser()
    missing = [name for name in (WEIGHTS, SETTINGS) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} holds no trained spatializer: it lacks {' and '.join(missing)}")
    settings = read_json(folder / SETTINGS)
    try:
        config = SpatializerConfig(**settings["config"] | {"widths": tuple(settings["config"]["widths"])})
        trained_on = settings["encoder_name"]
        tensors = load_file(folder / WEIGHTS)
    except (KeyError, TypeError, OSError, SafetensorError) as error:
        raise InputError(f"the spatializer in {folder} cannot be read: {error}") from None
    if trained_on != encoder_name:
        raise InputError(f"the spatializer in {folder} knows features of {trained_on}, got those of {encoder_name}")
    net = Spatializer(config)
    load_strictly(net, tensors, f"the spatializer in {folder}")
    return net.eval()
