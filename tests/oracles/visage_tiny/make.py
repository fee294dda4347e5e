"""Packs a tiny checkpoint in ViSAGe's released layout, with what the released code answers, into oracle data.

    python tests/oracles/visage_tiny/make.py FOLDER

FOLDER holds ``config.json``, ``model.safetensors`` and ``io.safetensors``: a randomly initialised model as the authors'
code (github.com/jaeyeonkim99/visage, Kim, Yun and Kim, ICLR 2025) saves it, with inputs, logits and greedily generated
codes computed by that code (float32, CPU, evaluation mode). Nothing in it was trained, and none of the code is here.

To stay below 1 MB the logits are those of the first of two items, the embeddings that no code reaches (above the
padding) are left out, and the bytes of the weights are stored plane by plane, which packs better.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

FOLDER = Path(__file__).parent
GIVEN = ("clip", "direction", "energy_map", "decoder_input_ids", "logits", "greedy_cfg_codes", "greedy_dual_cfg_codes")


def pack(source: Path) -> None:
    """Writes config.json and data.npz beside this script."""
    config = json.loads((source / "config.json").read_text("utf-8"))
    (FOLDER / "config.json").write_text(json.dumps(config, indent=1) + "\n", "utf-8")
    weights = load_file(source / "model.safetensors")
    keys = sorted(weights)
    used = [weights[key][: config["dac_vocab_size"] + 1] if ".embed_dac." in key else weights[key] for key in keys]
    flat = np.concatenate([x.ravel() for x in used]).astype("<f4")
    shapes = {key: weights[key].shape for key in keys}
    answers = load_file(source / "io.safetensors")
    given = {key: answers[key].astype(np.uint8) if answers[key].dtype == np.int64 else answers[key] for key in GIVEN}
    given["logits"] = given["logits"][:1]
    planes = np.ascontiguousarray(flat.view(np.uint8).reshape(-1, 4).T)
    np.savez_compressed(FOLDER / "data.npz", allow_pickle=False, planes=planes, shapes=np.array(json.dumps(shapes)), **given)


def unpack(target: Path) -> dict[str, np.ndarray]:
    """Inputs and answers; the checkpoint is written to ``target`` as released, with zeros for embeddings that no code reaches."""
    from safetensors.numpy import save_file

    config = json.loads((FOLDER / "config.json").read_text("utf-8"))
    with np.load(FOLDER / "data.npz") as stored:
        data = {key: stored[key] for key in stored.files}
    flat = np.ascontiguousarray(data.pop("planes").T).view("<f4").ravel()
    weights, at = {}, 0
    for key, shape in json.loads(str(data.pop("shapes"))).items():
        used = (config["dac_vocab_size"] + 1, shape[1]) if ".embed_dac." in key else tuple(shape)
        weights[key] = np.zeros(shape, np.float32)
        weights[key][: used[0]] = flat[at : at + np.prod(used)].reshape(used)
        at += np.prod(used)
    assert at == len(flat)
    save_file(weights, target / "model.safetensors")
    (target / "config.json").write_bytes((FOLDER / "config.json").read_bytes())
    return {key: x.astype(np.int64) if x.dtype == np.uint8 else x for key, x in data.items()}


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
