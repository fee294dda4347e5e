"""A ViSAGe trained by this package: a folder with ``visage.safetensors`` and ``visage.json``, or a pack that is shipped."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from seehear.io.files import read_json
from seehear.nets.trained_visage import TrainedVisage
from seehear.nets.visage_config import VisageConfig
from seehear.sampling.tokens import pattern_named
from seehear.types import InputError
from seehear.weights import load_pack, load_strictly, read_manifest, write_pack

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

LARGEST, FASTEST = 2**15, 1000
"""Of any size of a net, and of its frames in a second: far above what is of use, and nothing that memory or time is lost to."""
PACK = "visage"
WEIGHTS, SETTINGS = "visage.safetensors", "visage.json"


def is_trained_visage(folder: str | Path) -> bool:
    """Whether a folder holds a ViSAGe trained by this package."""
    return all((Path(folder).expanduser() / name).is_file() for name in (WEIGHTS, SETTINGS))


def load_builtin_visage(pack_or_folder: str | Path = PACK) -> TrainedVisage:
    """The trained model of a folder, or of the pack of that name; InputError if it is missing, damaged or does not fit.

    A name (str) that is shipped is the pack, whatever lies in the folder where one works; ``./visage`` or a Path is a folder.
    """
    folder = Path(pack_or_folder).expanduser()
    is_pack = isinstance(pack_or_folder, str) and pack_or_folder in read_manifest()
    if folder.is_dir() and not is_pack:
        if not is_trained_visage(folder):
            raise InputError(f"{folder} holds no trained ViSAGe: {WEIGHTS} and {SETTINGS} are needed")
        return _built(read_json(folder / SETTINGS), _read(folder / WEIGHTS), f"the model in {folder}")
    if not is_pack:
        raise InputError(
            f"there is no folder {folder}, and no weights of that name are shipped: train some by `seehear train visage`"
        )
    tensors, entry = load_pack(str(pack_or_folder))
    return _built(entry["config"] | {"facts": entry}, tensors, f"the weights {str(pack_or_folder)!r}")


def save_trained_visage(folder: str | Path, trained: TrainedVisage) -> None:
    """Writes ``trained`` to a folder, which is made if need be; each file is there whole or not at all."""
    from safetensors.torch import save

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().float().cpu().contiguous() for name, tensor in trained.net.state_dict().items()}
    text = json.dumps(settings_of(trained) | {"facts": dict(trained.facts)}, indent=1, ensure_ascii=False) + "\n"
    for name, data in ((WEIGHTS, save(tensors)), (SETTINGS, text.encode())):
        partial = folder / (name + ".part")
        partial.write_bytes(data)
        partial.replace(folder / name)


def pack_trained_visage(path: Path, trained: TrainedVisage, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest entry of ``trained``, written to ``path`` as a pack in half precision; ``entry`` has all but the config."""
    return write_pack(path.stem, path, trained.net.state_dict(), {**entry, "config": settings_of(trained)})


def settings_of(trained: TrainedVisage) -> dict[str, Any]:
    """What a net needs beside its weights, as JSON."""
    plain = {each.name: getattr(trained, each.name) for each in fields(trained) if each.name not in ("net", "facts")}
    return {"config": asdict(trained.config), **plain}


def _built(settings: Mapping[str, Any], tensors: Mapping[str, Tensor | NDArray[Any]], what: str) -> TrainedVisage:
    import torch

    from seehear.nets.visage import Visage
    from seehear.vision.patch_energy import Compat

    try:
        config = VisageConfig(**settings["config"])
        # Before other energy maps were known, no settings named them: all were the paper's.
        known = {"energy_compat": None, **settings}
        plain = {each.name: known[each.name] for each in fields(TrainedVisage) if each.name not in ("net", "facts")}
        pattern_named(plain["pattern"], config.n_codebooks, config.n_channels)
    except (KeyError, TypeError) as error:
        raise InputError(f"the settings of {what} are not those of a ViSAGe: {error}") from None
    if plain["energy_compat"] not in (None, *get_args(Compat)):
        raise InputError(f"{what} was trained with energy maps {plain['energy_compat']!r}, which are not known here")
    sizes = {name: value for name, value in asdict(config).items() if type(value) is int}
    n_layers = config.n_encoder_layers + config.n_decoder_layers
    if max(sizes.values()) > LARGEST or n_layers > len(tensors):  # before anything of that size is made
        name = max(sizes, key=sizes.__getitem__)
        raise InputError(f"the settings of {what} are damaged: {name} {sizes[name]}, {n_layers} layers, {len(tensors)} tensors")
    with torch.device("meta"):
        net = Visage(config)
    n_told, n_there = (sum(math.prod(t.shape) for t in each.values()) for each in (net.state_dict(), tensors))
    if n_told > n_there:
        raise InputError(f"{what} does not fit the model: its settings are of {n_told} numbers, and it has {n_there}")
    trained = TrainedVisage(net, facts=settings.get("facts", {}), **plain)
    for name in ("frames_per_s", "code_frames_per_s"):
        if getattr(trained, name) > FASTEST:
            raise InputError(f"{name} of a ViSAGe is at most {FASTEST}, got {getattr(trained, name)}")
    net = net.to_empty(device="cpu")
    load_strictly(net, tensors, what)
    return replace(trained, net=net.eval())


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
