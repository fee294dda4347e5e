import json

import numpy as np
import pytest
import torch
from torch import nn

from seehear.types import InputError
from seehear.weights import load_pack, load_strictly, packs_folder, read_manifest, write_pack

ENTRY = {
    "licence": "CC0",
    "research_only": False,
    "trained_on": ["nothing"],
    "command": "make it",
    "recipe": {},
    "config": {},
}
MIB = 2**20


def test_a_pack_comes_back_as_it_was(tmp_path):
    """Round trip: values that half precision holds exactly, integers untouched, the entry complete."""
    tensors = {"weight": torch.tensor([[0.5, -2.0], [1 / 1024, 65504.0]]), "count": torch.tensor(123456789)}
    entry = write_pack("mine", tmp_path / "mine.safetensors", tensors, ENTRY)
    found, listed = load_pack("mine", tmp_path)
    assert listed == entry and entry["bytes"] == (tmp_path / "mine.safetensors").stat().st_size
    assert found["weight"].dtype == np.float32 and np.array_equal(found["weight"], tensors["weight"])
    assert found["count"] == tensors["count"].item()


def test_packs_are_listed_side_by_side(tmp_path):
    """Round trip: writing a second pack keeps the first, writing it again replaces it."""
    for value, name in ((1.0, "a"), (2.0, "b"), (3.0, "a")):
        write_pack(name, tmp_path / f"{name}.safetensors", {"x": torch.tensor(value)}, ENTRY)
    assert {name: float(load_pack(name, tmp_path)[0]["x"]) for name in read_manifest(tmp_path)} == {"a": 3.0, "b": 2.0}
    assert not list(tmp_path.glob("*.part"))


def test_an_altered_file_is_refused(tmp_path):
    """Planted fault: one flipped bit in the last byte."""
    path = tmp_path / "mine.safetensors"
    write_pack("mine", path, {"x": torch.ones(4)}, ENTRY)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="damaged"):
        load_pack("mine", tmp_path)


def test_missing_packs_say_what_to_do(tmp_path):
    """Planted fault: no manifest, an unknown name, a missing file, an incomplete entry."""
    with pytest.raises(InputError, match="manifest"):
        load_pack("mine", tmp_path)
    write_pack("mine", tmp_path / "mine.safetensors", {"x": torch.ones(4)}, ENTRY)
    with pytest.raises(InputError, match="choose one of mine"):
        load_pack("other", tmp_path)
    (tmp_path / "mine.safetensors").unlink()
    with pytest.raises(InputError, match="make it"):
        load_pack("mine", tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"mine": {"file": "x"}}))
    with pytest.raises(InputError, match="licence"):
        read_manifest(tmp_path)


def test_values_beyond_half_precision_are_not_written(tmp_path):
    """Planted fault: 70000 is beyond 65504, the largest half."""
    with pytest.raises(ValueError, match="half precision"):
        write_pack("mine", tmp_path / "mine.safetensors", {"x": torch.tensor(70000.0)}, ENTRY)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("bias"), "lacks bias"),
        (lambda t: t.update(extra=torch.ones(1)), "unknown extra"),
        (lambda t: t.update(weight=torch.ones(2, 3)), r"shape \(2, 3\) where \(3, 2\)"),
    ],
)
def test_keys_and_shapes_must_match(change, said):
    """Planted fault: a missing key, a left-over key, a transposed weight; each is named."""
    tensors = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}
    load_strictly(nn.Linear(2, 3), tensors, "the file")
    change(tensors)
    with pytest.raises(InputError, match=said):
        load_strictly(nn.Linear(2, 3), tensors, "the file")


def test_the_ledger_of_the_shipped_packs():
    """Published numbers: at most so many MiB each; only research packs know ImageNet, and they say so."""
    entries = read_manifest()
    most_mib = {"image-encoder": 6, "image-encoder-research": 6, "audio-encoder": 4, "codec": 4, "visage": 8}
    assert set(entries) <= set(most_mib)
    for name, entry in entries.items():
        sources = " ".join(entry["trained_on"])
        assert (packs_folder() / entry["file"]).stat().st_size == entry["bytes"] <= most_mib[name] * MIB
        assert entry["research_only"] == ("ImageNet" in sources) == name.endswith("-research")
        assert entry["licence"].startswith("research-only") == entry["research_only"]
        assert "BY-SA" not in sources
        load_pack(name)
