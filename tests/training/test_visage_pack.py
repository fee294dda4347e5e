"""Shipping a trained ViSAGe: what the manifest says of it, and what is refused."""

import json

import numpy as np
import torch

from seehear.adapters.builtin_codec import BuiltinCodec
from seehear.adapters.builtin_frames import BuiltinFrames
from seehear.adapters.visage_builtin import load_builtin_visage, save_trained_visage
from seehear.nets.trained_visage import TrainedVisage
from seehear.nets.visage import Visage
from seehear.nets.visage_config import VisageConfig
from seehear.training.visage_pack import main
from seehear.weights import load_pack

TINY = VisageConfig(
    n_codebooks=2, codebook_size=7, feature_size=5, n_patches=4, width=8, n_heads=2, n_encoder_layers=1, n_decoder_layers=1,
    feed_forward=16, max_frames=4, max_steps=21,
)  # fmt: skip
FACTS = {"steps": 9, "validation_loss": 2.5, "recipe": {"batch_size": 8}, "data": {"compat": None}, "clips": 70, "seed": 3}


def run(folder, facts, codec: str | None = None):
    net = Visage(TINY, torch.Generator().manual_seed(5)).eval()
    names = BuiltinFrames().name, codec or BuiltinCodec().name
    save_trained_visage(folder, TrainedVisage(net, "visage", *names, 4.0, 50.0, facts))
    return net


def pack(folder, out, *more: str) -> int:
    told = ["--trained-on", "the world", "--trained-on", "a street", "--command", "make it"]
    return main(["--model", str(folder), "--out", str(out), *told, *more])


def test_a_pack_says_how_it_came_about(tmp_path, monkeypatch):
    """Planted facts and figures come back from the manifest; weights by closed form: half precision rounds by at most 2^-12."""
    net = run(tmp_path / "run", FACTS)
    score = {"value": 25.0, "ci": [20.0, 30.0], "n": 2, "unit": "deg"}
    rows = [{"name": "joint", "scores": {"angle": score}}]
    (tmp_path / "bench.json").write_text(json.dumps({"clips": ["a", "b"], "rows": rows}))
    out = tmp_path / "visage.safetensors"
    assert pack(tmp_path / "run", out, "--measured", str(tmp_path / "bench.json")) == 0
    arrays, entry = load_pack("visage", tmp_path)
    assert (entry["trained_on"], entry["command"], entry["licence"]) == (["the world", "a street"], "make it", "Apache-2.0")
    assert (entry["recipe"], entry["run"]) == (FACTS["recipe"], {name: each for name, each in FACTS.items() if name != "recipe"})
    kept = {"value": 25.0, "ci": [20.0, 30.0], "n": 2}
    assert entry["measured"] == {"held_out_clips": 2, "rows": {"joint": {"angle": kept}}} and not entry["research_only"]
    for name, tensor in net.state_dict().items():
        np.testing.assert_allclose(arrays[name], tensor.numpy(), atol=2**-12)
    with monkeypatch.context() as patched:
        patched.setattr("seehear.weights.packs_folder", lambda: tmp_path)
        assert load_builtin_visage("visage").code_frames_per_s == 50
    assert pack(tmp_path / "run", out) == 2 and pack(tmp_path / "run", out, "--force", "--licence", "CC0") == 0
    assert load_pack("visage", tmp_path)[1]["licence"] == "CC0"


def test_what_cannot_be_shipped_is_refused(tmp_path, capsys):
    """Planted faults: no model, no recipe, another codec, figures of something else, another suffix; nothing is written."""
    run(tmp_path / "run", FACTS)
    run(tmp_path / "no-recipe", {})
    run(tmp_path / "foreign", FACTS, codec="another")
    (tmp_path / "bench.json").write_text('{"rows": 3}')
    out, figures = tmp_path / "visage.safetensors", ("--measured", str(tmp_path / "bench.json"))
    for folder, path, more, words in (
        ("nowhere", out, (), "holds no trained"),
        ("no-recipe", out, (), "by which recipe"),
        ("foreign", out, (), "trained with the codec another"),
        ("run", out, figures, "not those of bench/visage_world.py"),
        ("run", tmp_path / "visage.pt", (), "NAME.safetensors"),
    ):
        assert pack(tmp_path / folder, path, *more) == 2
        assert words in capsys.readouterr().err
    assert not out.exists() and not (tmp_path / "manifest.json").exists()
