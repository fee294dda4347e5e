"""A model folder as hubs lay it out: what it holds, whether it is whole, and the terms that it comes with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seehear.io.files import read_json
from seehear.types import InputError

WEIGHTS = re.compile(r"(model|diffusion_pytorch_model)(-\d{5}-of-\d{5})?\.safetensors")
"""Plain weights; variants such as model.fp16.safetensors are copies of them."""
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")
WORDLESS = frozenset({"sam", "sam2", "sam2_video", "depth_anything", "clip", "clip_vision_model", "dac"})
WORDLESS |= {"audio-spectrogram-transformer", "clap"}
"""Architectures of which no words are read here: of CLIP the picture half is used, of CLAP the sound half."""
WORDLESS_CLASSES = frozenset({"VisageForAmbisonicsGeneration", "VisageForConditionalGeneration"})
"""Released as models of BART, which they are without its words."""
VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "tekken.json")
"""Where tokenizers keep their words, besides *.model (SentencePiece)."""
TERMS = ("README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE")
LICENCE_TEXTS = (
    (r"Attribution-NonCommercial-ShareAlike 4\.0", "CC-BY-NC-SA-4.0"),
    (r"Attribution-NonCommercial 4\.0", "CC-BY-NC-4.0"),
    (r"Apache License\s+Version 2\.0", "Apache-2.0"),
    (r"MIT License", "MIT"),
    (r"BSD 3-Clause|Redistribution and use in source and binary forms", "BSD-3-Clause"),
)


def existing(source: str | Path) -> Path:
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise InputError(f"there is no model folder {folder}, and {str(source)!r} is no hub id (OWNER/NAME)")
    return folder


def contents(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return f"the folder {folder} (it holds {', '.join(names[:4]) + (', ...' if len(names) > 4 else '') or 'nothing'})"


def bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def licence_of_card(card: Mapping[str, Any]) -> str | None:
    """The licence of a model card's metadata: its name where it is none of the usual ones."""
    licence, name = card.get("license"), card.get("license_name")
    stated = name if licence in (None, "other") and name else licence
    return None if stated is None else ", ".join(stated) if isinstance(stated, list) else str(stated)


def licence_of(folder: Path) -> str | None:
    """The licence in the front matter of a README.md, or of a licence text; None where neither tells."""
    card = folder / "README.md"
    if card.is_file():
        front = re.match(r"---\n(.*?)\n---", card.read_text("utf-8", errors="replace"), re.DOTALL)
        lines = re.findall(r"^(license(?:_name)?):\s*['\"]?([^'\"\n]+)", front.group(1) if front else "", re.MULTILINE)
        if stated := licence_of_card(dict(lines)):
            return stated.strip()
    for name in TERMS[1:]:
        if (folder / name).is_file():
            text = (folder / name).read_text("utf-8", errors="replace")
            return next((known for pattern, known in LICENCE_TEXTS if re.search(pattern, text)), f"see {folder / name}")
    return None


def lacks(folder: Path) -> list[str]:
    """What a model folder lacks to be loaded, in words; empty when it is complete."""
    index = folder / "model_index.json"
    if index.is_file():
        parts = [name for name, kind in read_json(index).items() if isinstance(kind, list) and kind[0] is not None]
        return [what for name in parts for what in _lacking_part(folder / name, str(read_json(index)[name][1]))]
    if not (folder / "config.json").is_file():
        return ["config.json"]
    config = read_json(folder / "config.json")
    reads = config.get("model_type") not in WORDLESS and not WORDLESS_CLASSES & set(config.get("architectures") or ())
    return _lacking_weights(folder) + (_lacking_words(folder) if reads else [])


def _lacking_part(folder: Path, kind: str) -> list[str]:
    """What the sub-folder of a pipeline lacks to be a part of that class."""
    if not folder.is_dir():
        return [f"{folder.name}/"]
    if "Tokenizer" in kind:
        missing = _lacking_words(folder)
    elif "Scheduler" in kind or "FeatureExtractor" in kind:
        settings = "scheduler_config.json" if "Scheduler" in kind else "preprocessor_config.json"
        missing = [] if (folder / settings).is_file() else [settings]
    else:
        missing = ([] if (folder / "config.json").is_file() else ["config.json"]) + _lacking_weights(folder)
    return [f"{folder.name}/ {what}" for what in missing]


def _lacking_words(folder: Path) -> list[str]:
    """Without its words a tokenizer is still made, and turns every text into nothing."""
    found = any(path.name in VOCABULARIES or path.suffix == ".model" for path in folder.iterdir())
    return [] if found else [f"the words of its tokenizer ({VOCABULARIES[0]})"]


def _lacking_weights(folder: Path) -> list[str]:
    indices = [path for path in folder.glob("*.safetensors.index.json") if path.name.count(".") == 3]
    if indices:
        shards = set(read_json(indices[0]).get("weight_map", {}).values())
        return sorted(shard for shard in shards if not (folder / shard).is_file())
    names = sorted(path.name for path in folder.iterdir())
    if any(WEIGHTS.fullmatch(name) for name in names):
        return []
    pickled = next((name for name in names if name.endswith(PICKLES)), None)
    why = "" if pickled is None else f" ({pickled} is a pickle, which may run code and is not opened)"
    return [f"its .safetensors weights{why}"]


def architecture(folder: Path) -> str:
    """What a folder holds: the pipeline class of a model_index.json, or the model_type of a config.json."""
    index = folder / "model_index.json"
    if index.is_file():
        return str(read_json(index).get("_class_name", "unknown pipeline"))
    return str(read_json(folder / "config.json").get("model_type", "unknown model"))


def fingerprint(folder: Path) -> str:
    """SHA-256 over every weights file of a folder: of the lines "name sha256", in order of the names."""
    lines = []
    for path in sorted(folder.rglob("*.safetensors")):
        with path.open("rb") as file:
            lines.append(f"{path.relative_to(folder).as_posix()} {hashlib.file_digest(file, 'sha256').hexdigest()}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def hash_of_tensor(folder: Path, name: str) -> str:
    """The first eight digits of SHA-256 over the tensor ``name`` of a folder's weights, rounded to half precision.

    It is that of the file, so neither the precision that the model runs in nor that of the file (float32 or float16) changes it.
    InputError when there is no such tensor.
    """
    from safetensors import SafetensorError, safe_open

    for path in sorted(path for path in folder.iterdir() if WEIGHTS.fullmatch(path.name)):
        try:
            with safe_open(path, "pt") as file:
                if name in file.keys():  # noqa: SIM118 (the file is no mapping)
                    return hashlib.sha256(file.get_tensor(name).half().numpy().tobytes()).hexdigest()[:8]
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path} cannot be read as safetensors: {error}") from None
    raise InputError(f"the weights in {folder} lack {name}")
