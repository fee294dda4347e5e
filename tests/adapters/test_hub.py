"""The door to model files. Oracle: planted hubs, folders and licences; the SHA-256 of hashlib."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from seehear.adapters.folders import fingerprint, lacks, licence_of
from seehear.adapters.hub import KNOWN, Hub, Machine, PicklesOnly, Repository, facts, load_model, needed_files, resolve
from seehear.types import InputError, terms_of

FILES = {
    "config.json": 10,
    "model.safetensors": 1000,
    "model.fp16.safetensors": 500,
    "pytorch_model.bin": 1000,
    "tokenizer.json": 20,
    "README.md": 5,
    "onnx/model.onnx": 900,
    "original/model.safetensors": 900,
}
PIPELINE = {
    "model_index.json": 1,
    "model.safetensors": 9000,
    "unet/config.json": 1,
    "unet/diffusion_pytorch_model.safetensors": 100,
    "unet/diffusion_pytorch_model.fp16.safetensors": 50,
    "unet/diffusion_pytorch_model.bin": 100,
    "tokenizer/merges.txt": 2,
    "tokenizer/spiece.model": 3,
    "README.md": 5,
}


class Planted:
    """A hub in a folder: what it lists, what was asked and fetched."""

    def __init__(self, cache: Path, files: dict[str, int], licence: str | None = "apache-2.0", error: Exception | None = None):
        self.cache, self.files, self.licence, self.error = cache, files, licence, error
        self.asked = 0
        self.fetched: list[str] = []
        self.hub = Hub(self.look_up, self.fetch, self.cached)

    def look_up(self, source: str) -> Repository:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return Repository(self.files, self.licence, "c0ffee")

    def fetch(self, source, path, more) -> None:
        target = self.cache / "c0ffee" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text('{"model_type": "sam"}' if path == "config.json" else "x")
        self.fetched.append(path)
        more(self.files[path])

    def cached(self, source: str) -> Path | None:
        folder = self.cache / "c0ffee"
        return folder if folder.is_dir() else None


def test_only_what_is_needed_is_counted_and_fetched(tmp_path: Path) -> None:
    """Planted lists: plain safetensors, settings and terms; no pickle, no second precision, nothing of other formats."""
    planted = Planted(tmp_path, FILES)
    wanted = ["README.md", "config.json", "model.safetensors", "tokenizer.json"]
    assert needed_files("a/b", FILES) == wanted
    known = facts("a/b", hub=planted.hub)
    assert (known.size_bytes, known.licence, known.revision, known.is_here) == (1035, "apache-2.0", "c0ffee", False)
    assert known.get == "hf download a/b"
    told: list[float] = []
    folder = resolve("a/b", ["sam"], hub=planted.hub, tell=lambda what, part: told.append(part))
    assert planted.fetched == wanted and folder == tmp_path / "c0ffee"
    assert told == sorted(told) and told[-1] == 1.0
    again = facts("a/b", hub=planted.hub)
    assert again.is_here and again.get is None and planted.asked == 2
    resolve("a/b", ["sam"], offline=True, hub=planted.hub)
    assert planted.asked == 2 and planted.fetched == wanted


def test_a_pipeline_needs_its_sub_folders(tmp_path: Path) -> None:
    """Planted list: the weights of each part, not the single file beside them."""
    assert needed_files("a/b", PIPELINE) == [
        "README.md", "model_index.json", "tokenizer/merges.txt", "tokenizer/spiece.model", "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ]  # fmt: skip


def test_pickles_are_refused(tmp_path: Path) -> None:
    """Planted lists: a model that has only pickles is not fetched; one in the cache is named where the hub may not be asked."""
    planted = Planted(tmp_path, {"config.json": 1, "pytorch_model.bin": 2})
    with pytest.raises(PicklesOnly, match=r"pickles only \(pytorch_model\.bin\)"):
        resolve("a/b", ["sam"], hub=planted.hub)
    planted.fetch("a/b", "config.json", lambda n: None)
    planted.fetch("a/b", "pytorch_model.bin", lambda n: None)
    with pytest.raises(PicklesOnly, match=r"lacks its \.safetensors weights \(pytorch_model\.bin is a pickle"):
        resolve("a/b", ["sam"], offline=True, hub=planted.hub)
    planted.files = FILES  # the hub has others beside it
    assert (resolve("a/b", ["sam"], hub=planted.hub) / "model.safetensors").is_file()


def test_offline_says_the_command(tmp_path: Path) -> None:
    """Nothing is asked; the sentence holds the exact command, and the table of known models answers for size and terms."""
    planted = Planted(tmp_path, FILES)
    with pytest.raises(InputError, match="`hf download cvssp/audioldm2`"):
        resolve("cvssp/audioldm2", ["AudioLDM2Pipeline"], offline=True, hub=planted.hub)
    known = facts("cvssp/audioldm2", offline=True, hub=planted.hub)
    assert planted.asked == 0
    assert known.size_bytes == round(1e9 * KNOWN["cvssp/audioldm2"][1])
    assert terms_of(known.licence).commercial is False
    assert terms_of(facts("facebook/sam-vit-base", offline=True, hub=planted.hub).licence).commercial is True
    assert facts("some/body", offline=True, hub=planted.hub).licence == "not stated"


def test_a_hub_that_does_not_answer(tmp_path: Path) -> None:
    """No network: facts come from the table, fetching fails with the reason and the command."""
    planted = Planted(tmp_path, FILES, error=OSError("no route"))
    assert facts("facebook/sam-vit-base", hub=planted.hub).licence == "Apache-2.0"
    with pytest.raises(InputError, match=r"no route.*hf download facebook/sam-vit-base"):
        resolve("facebook/sam-vit-base", ["sam"], hub=planted.hub)


def test_wrong_folders_say_what_was_found(tmp_path: Path) -> None:
    """Planted folders: none, empty, without weights, of another architecture, with broken settings."""
    with pytest.raises(InputError, match="no model folder"):
        resolve(tmp_path / "none", ["sam"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"it holds nothing.*lacks config\.json"):
        resolve(tmp_path / "empty", ["sam"])
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(InputError, match=r"lacks its \.safetensors weights \(pytorch_model\.bin is a pickle"):
        resolve(folder, ["sam"])
    (folder / "model.safetensors").write_bytes(b"x")
    (folder / "vocab.txt").write_bytes(b"x")
    with pytest.raises(InputError, match="holds a bert model where sam is needed"):
        resolve(folder, ["sam"])
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        resolve(folder, ["sam"])


def test_missing_shards_are_named(tmp_path: Path) -> None:
    """Planted index of two shards, of which one is there."""
    (tmp_path / "config.json").write_text('{"model_type": "sam"}')
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    (tmp_path / shards["a"]).write_bytes(b"x")
    assert lacks(tmp_path) == [shards["b"]]


@pytest.mark.parametrize(
    ("name", "text", "licence"),
    [
        ("README.md", "---\ntags: [x]\nlicense: cc-by-nc-4.0\n---\nhello", "cc-by-nc-4.0"),
        ("README.md", "---\nlicense: other\nlicense_name: some-community\n---\n", "some-community"),
        ("README.md", "no front matter, license: mit", None),
        ("LICENSE", "Apache License\n   Version 2.0, January 2004", "Apache-2.0"),
    ],
)
def test_terms_of_a_folder(tmp_path: Path, name: str, text: str, licence: str | None) -> None:
    """Planted model cards and licence texts."""
    (tmp_path / name).write_text(text)
    assert licence_of(tmp_path) == licence


def test_fingerprint_is_the_hash_of_the_hashes(tmp_path: Path) -> None:
    """Oracle: hashlib over the documented lines."""
    (tmp_path / "b").mkdir()
    for name, data in (("model.safetensors", b"one"), ("b/model.safetensors", b"two")):
        (tmp_path / name).write_bytes(data)
    lines = "".join(
        f"{n} {hashlib.sha256(d).hexdigest()}\n" for n, d in (("b/model.safetensors", b"two"), ("model.safetensors", b"one"))
    )
    assert fingerprint(tmp_path) == hashlib.sha256(lines.encode()).hexdigest()


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """A tensor that is missing is named, instead of made up; a damaged file is one sentence. Oracle: planted changes."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import ViTConfig, ViTModel

    small = ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, image_size=8, patch_size=4)
    saved = ViTModel(small, add_pooling_layer=False)
    saved.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    whole = load_file(path)
    loaded = load_model(ViTModel, tmp_path, Machine("cpu"), add_pooling_layer=False)
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in saved.state_dict().items())
    save_file({name: value for name, value in whole.items() if name != "layernorm.weight"}, path, {"format": "pt"})
    with pytest.raises(InputError, match=r"layernorm\.weight missing"):
        load_model(ViTModel, tmp_path, Machine("cpu"), add_pooling_layer=False)
    path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="cannot be read"):
        load_model(ViTModel, tmp_path, Machine("cpu"), add_pooling_layer=False)


def test_a_device_that_is_not_there_is_refused() -> None:
    """Planted: an accelerator with a number that no machine has."""
    with pytest.raises(InputError, match="--device cuda:99"):
        _ = Machine("cuda:99").torch_device


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_the_environment_may_forbid_the_hub(monkeypatch: pytest.MonkeyPatch, value: str, offline: bool) -> None:
    """HF_HUB_OFFLINE as huggingface_hub reads it."""
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert Machine().is_offline is offline


ASK = """
import json
from seehear.adapters.hub import InputError, facts, resolve
told = []
before = facts("tiny/sam")
folder = resolve("tiny/sam", ["sam"], tell=lambda what, part: told.append(part))
after = facts("tiny/sam", offline=True)
try:
    resolve("tiny/none", ["sam"])
except InputError as error:
    refused = str(error)
known = [before.licence, before.size_bytes, before.is_here, after.is_here, after.revision, after.licence]
print(json.dumps([*known, told, refused]))
"""


def test_the_real_client_against_a_server_of_our_own(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    """huggingface_hub's own client, a folder served on this machine as a hub would: asked, fetched, then known offline."""
    model, commit = tiny("sam"), "0123456789abcdef0123456789abcdef01234567"
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    files |= {"README.md": b"---\nlicense: apache-2.0\n---\n", "pytorch_model.bin": b"pickle"}
    listed = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
    card = {"id": "tiny/sam", "sha": commit, "siblings": listed, "tags": [], "cardData": {"license": "apache-2.0"}}
    served: list[str] = []

    class Server(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            name = path.removeprefix("/tiny/sam/resolve/main/")
            body = json.dumps(card).encode() if path == "/api/models/tiny/sam" else files.get(name)
            self.send_response(404 if body is None else 200)
            headers = {
                "ETag": f'"{hashlib.sha256(body or b"").hexdigest()}"',
                "X-Repo-Commit": commit,
                "X-Error-Code": "RepoNotFound",
            }
            for key, value in (headers | {"Content-Length": str(len(body or b""))}).items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                served.append(name)
                self.wfile.write(body or b"")

        do_HEAD = do_GET

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        env = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0", "no_proxy": "127.0.0.1"}
        done = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    licence, size, was_here, is_here, revision, kept, told, refused = json.loads(done.stdout)
    assert (licence, kept, was_here, is_here, revision) == ("apache-2.0", "apache-2.0", False, True, commit)
    assert size == sum(len(data) for name, data in files.items() if name != "pytorch_model.bin")
    assert "pytorch_model.bin" not in served and told[-1] == 1.0
    assert "no model 'tiny/none'" in refused


VANISHED = {
    "words": ("tokenizer/tokenizer.json", "tokenizer/ the words of its tokenizer"),
    "settings": ("unet/config.json", "unet/ config.json"),
    "schedule": ("scheduler/scheduler_config.json", "scheduler/ scheduler_config.json"),
    "weights": ("vae/diffusion_pytorch_model.safetensors", "vae/ its .safetensors weights"),
}


@pytest.mark.parametrize("kind", VANISHED)
def test_half_a_pipeline_says_what_it_lacks(tiny: Callable[[str], Path], tmp_path: Path, kind: str) -> None:
    """Planted: a genuine folder less one file, found before anything is loaded; whole, it lacks nothing."""
    gone, said = VANISHED[kind]
    folder = shutil.copytree(tiny("audioldm"), tmp_path / "half")
    assert lacks(folder) == []
    (folder / gone).unlink()
    assert lacks(folder) and lacks(folder)[0].startswith(said)
    with pytest.raises(InputError, match="lacks " + said):
        resolve(folder, ["AudioLDMPipeline"])


def test_a_captioner_without_its_words_is_refused(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    """transformers makes an empty tokenizer of such a folder, which says nothing of every picture."""
    folder = shutil.copytree(tiny("blip"), tmp_path / "half")
    assert lacks(folder) == []
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match="lacks the words of its tokenizer"):
        resolve(folder, ["blip"])


def test_a_folder_of_pickles_names_them(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    """Planted: the weights as a pickle in place of safetensors."""
    folder = shutil.copytree(tiny("sam"), tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model\.bin is a pickle"):
        resolve(folder, ["sam"])


def test_known_sizes_are_those_of_the_parameters() -> None:
    """Published numbers: the parameters of SAM 2 (its README) and Depth Anything (its README), in millions, four bytes each."""
    published = {
        "facebook/sam2.1-hiera-tiny": 38.9,
        "facebook/sam2.1-hiera-small": 46,
        "facebook/sam2.1-hiera-base-plus": 80.8,
        "facebook/sam2.1-hiera-large": 224.4,
        "LiheYoung/depth-anything-small-hf": 24.8,
        "LiheYoung/depth-anything-base-hf": 97.5,
        "LiheYoung/depth-anything-large-hf": 335.3,
    }
    for source, millions in published.items():
        assert KNOWN[source][1] == pytest.approx(4e-3 * millions, abs=0.006), source
    assert facts("depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf", offline=True).licence == "not stated"
