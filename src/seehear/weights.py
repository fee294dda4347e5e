"""The only door to checkpoints: packs shipped with seehear, listed in a manifest with hash, licence and recipe.

A pack is a safetensors file (half precision) beside ``manifest.json``; its entry says everything that is needed to use,
cite or remake it. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.types import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

MANIFEST = "manifest.json"
REQUIRED = ("file", "sha256", "bytes", "licence", "research_only", "trained_on", "command", "recipe", "config")
"""What every manifest entry says."""


def packs_folder() -> Path:
    """The folder of the packs that are shipped with the package."""
    return Path(str(resources.files("seehear"))) / "adapters" / "packs"


def read_manifest(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Every pack's entry by name; InputError if the manifest is missing or an entry is incomplete."""
    path = (folder or packs_folder()) / MANIFEST
    if not path.is_file():
        raise InputError(f"no weights manifest at {path}: the installation is incomplete")
    entries = json.loads(path.read_text("utf-8"))
    for name, entry in entries.items():
        missing = [key for key in REQUIRED if key not in entry]
        if missing:
            raise InputError(f"the manifest entry {name!r} in {path} lacks {', '.join(missing)}")
    return entries


def load_pack(name: str, folder: Path | None = None) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays of a pack in float32 and its manifest entry; InputError if it is unknown, missing or altered."""
    import numpy as np
    from safetensors.numpy import load

    folder = folder or packs_folder()
    entries = read_manifest(folder)
    if name not in entries:
        raise InputError(f"unknown weights {name!r}: choose one of {', '.join(entries)}")
    entry = entries[name]
    path = folder / entry["file"]
    if not path.is_file():
        raise InputError(f"the weights file {path} is missing: remake it with `{entry['command']}`")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != entry["sha256"]:
        raise InputError(
            f"the weights file {path} is damaged: its SHA-256 is {found[:12]}..., expected {entry['sha256'][:12]}..."
        )
    return {key: x.astype(np.float32) if np.issubdtype(x.dtype, np.floating) else x for key, x in load(data).items()}, entry


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor | NDArray[Any]], what: str) -> None:
    """Fills every tensor of ``module``; InputError names keys that are missing, left over or of another shape."""
    import torch

    wanted = module.state_dict()
    problems = [f"lacks {key}" for key in wanted if key not in tensors]
    problems += [f"has an unknown {key}" for key in tensors if key not in wanted]
    problems += [
        f"has {key} of shape {tuple(tensors[key].shape)} where {tuple(wanted[key].shape)} is needed"
        for key in wanted
        if key in tensors and tensors[key].shape != wanted[key].shape
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(f"{what} does not fit the model: it {'; '.join(problems[:3])}{more}")
    module.load_state_dict({key: torch.as_tensor(tensor) for key, tensor in tensors.items()})


def write_pack(name: str, path: Path, tensors: Mapping[str, Tensor], entry: Mapping[str, Any]) -> dict[str, Any]:
    """The complete manifest entry of a pack, written to ``path`` in half precision and listed in the manifest beside it."""
    import torch
    from safetensors.torch import save

    half = {key: (t.half() if t.is_floating_point() else t).contiguous() for key, t in tensors.items()}
    spoiled = [key for key, t in half.items() if t.is_floating_point() and not torch.isfinite(t).all()]
    if spoiled:
        raise ValueError(f"tensors leave the range of half precision: {', '.join(spoiled)}")
    data = save(half)
    complete = {"file": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), **entry}
    manifest = path.parent / MANIFEST
    entries = json.loads(manifest.read_text("utf-8")) if manifest.is_file() else {}
    _write(path, data)
    _write(manifest, (json.dumps({**entries, name: complete}, indent=1, ensure_ascii=False) + "\n").encode())
    return complete


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(data)
    partial.replace(path)
