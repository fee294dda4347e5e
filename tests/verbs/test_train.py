"""``seehear train``: plans, runs, what is refused, and a run that is killed."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

import seehear
from seehear.adapters.visage_builtin import load_builtin_visage, save_trained_visage
from seehear.data.clips import Clip
from seehear.data.prepared import prepare, read_prepared
from seehear.data.shards import read_clips, write_shards
from seehear.nets.trained_visage import TrainedVisage
from seehear.nets.visage import Visage
from seehear.protocols import FrameFeatures
from seehear.training.recipes import BUILTIN
from seehear.types import FOA, Audio, Direction, Image, InputError
from seehear.vision.patch_energy import patch_energy_map


class Eyes:
    name = "eyes"

    def encode_frames(self, frames):
        patches = np.stack([frame.rgb for frame in frames]).reshape(len(frames), 2, 2, 2, 2, 3).mean((2, 4)) / 255
        return FrameFeatures(patches.mean((1, 2)).astype(np.float32), patches.astype(np.float32))


class Ears:
    """One code for the sign of every 4000th sample."""

    name, sample_rate_hz, hop_samples, n_codebooks, codebook_size = "ears", 8000, 4000, 1, 3

    def encode(self, samples):
        return np.sign(samples[:, None, :: self.hop_samples]).astype(np.int64) + 1


def clips(n: int, first: int = 0):
    for number in range(first, first + n):
        rng = np.random.default_rng(number)
        sound = Audio(rng.uniform(-0.5, 0.5, (4, 40_000)).astype(np.float32), 8000, FOA)
        frames = rng.integers(0, 256, (20, 4, 4, 3), np.uint8)
        yield Clip(f"c{number}", frames, 4.0, sound, Direction(rng.uniform(-math.pi, math.pi)))


@pytest.fixture
def data(tmp_path):
    return prepare(clips(8), Eyes(), Ears(), tmp_path / "data").folder


def test_a_run_leaves_a_model_and_says_so(tmp_path, data):
    """Closed form: as many steps, clips and parameters as were asked for; the losses are those of the curves."""
    held_out = prepare(clips(3, first=100), Eyes(), Ears(), tmp_path / "held-out").folder
    told = []
    report = seehear.train(
        "visage", data=data, validation=held_out, out=tmp_path / "run", steps=2, watch=lambda *what: told.append(what)
    )
    trained = load_builtin_visage(tmp_path / "run")
    assert (report["steps"], report["clips"], report["kept_after_steps"]) == (2, 8, 2)
    assert report["parameters"] == sum(p.numel() for p in trained.net.parameters())
    assert (trained.encoder_name, trained.codec_name, trained.config.feature_size) == ("eyes", "ears", 3)
    rows = [json.loads(line) for line in (tmp_path / "run" / "curves.jsonl").read_text().splitlines()]
    assert report["losses"]["validation"] == pytest.approx(rows[-1]["loss"], abs=1e-4)
    assert report["losses"]["training"] == pytest.approx((rows[0]["loss"] + rows[1]["loss"]) / 2, abs=1e-4)
    assert rows[0]["loss"] == pytest.approx(math.log(3), rel=0.05)  # before training each of three codes is as likely
    assert told[-1][1] == pytest.approx(1.0) and told[-1][0].startswith("step 2/2")
    with pytest.raises(InputError, match="--resume goes on"):
        seehear.train("visage", data=data, out=tmp_path / "run")
    again = seehear.train("visage", data=data, validation=held_out, out=tmp_path / "run", resume=True)
    assert again["steps"] == 2 and again["losses"] == report["losses"]


def test_clips_from_shards_are_prepared_first(tmp_path, monkeypatch):
    """Independent run: the codes and directions of the shards' clips are those of the same clips prepared directly."""
    monkeypatch.setattr(sys.modules["seehear.verbs.train"], "learning_parts", lambda *_, **__: (Eyes(), Ears()))
    write_shards(clips(8), tmp_path / "shards")
    plan = seehear.train("visage", data=tmp_path / "shards", out=tmp_path / "run", steps=1, dry_run=True)
    assert (plan["clips"], plan["to_prepare"], plan["encoder"], plan["codec"]) == (8, True, "eyes", "ears")
    assert not (tmp_path / "run").exists()
    report = seehear.train("visage", data=tmp_path / "shards", out=tmp_path / "run", steps=1)
    assert report["parameters"] == plan["parameters"]
    kept = read_prepared(tmp_path / "run" / "prepared").batch(range(8))
    direct = prepare(clips(8), Eyes(), Ears(), tmp_path / "direct").batch(range(8))
    assert (kept.codes == direct.codes).all() and np.allclose(kept.directions, direct.directions, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": ""}, "--data needs"),
        ({"data": "nowhere"}, "does not exist"),
        ({"recipe": "large"}, "--recipe must be"),
        ({"recipe": "builtin-finetune"}, "needs --start"),
        ({"start": "x"}, "leave out --start"),
        ({"steps": 1, "minutes": 2.0}, "give one of them"),
        ({"device": "tpu"}, "--device must be"),
        ({"device": "cuda:99"}, "torch sees"),
        ({"threads": 0}, "--threads must lie"),
        ({"resume": True}, "no run to resume"),
        ({"models": "large", "data": "shards"}, "models to learn with"),
        ({"models": "large"}, "--models has no effect"),
        ({"data": "test-shards"}, "1 clips in .* are of the test split"),
        ({"data": "shards", "recipe": "finetune"}, "needs --start"),
        ({"data": "shards", "start": "nowhere"}, "leave out --start"),
        ({"data": "shards", "recipe": "builtin-finetune", "start": "nowhere"}, "there is no folder .*nowhere"),
        ({"data": "shards", "recipe": "builtin-finetune", "start": "shards"}, "config.json cannot be read"),
        ({"data": "shards", "recipe": "scratch"}, "a batch of 16 needs at least as many clips, got 8"),
        ({"data": "shards", "validation": "nowhere"}, "does not exist"),
        ({"data": "shards", "validation": "shards"}, "8 clips are in"),
        ({"data": "shards", "validation": "data"}, "8 clips are in"),
        ({"data": "shards", "validation": "test-shards"}, "1 clips in .* are of the test split"),
        ({"data": "shards", "validation": "mono-shards"}, "in W alone"),
        ({"data": "mono-shards"}, "in W alone"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_cannot_be_done_is_refused_before_any_work(tmp_path, data, monkeypatch, options, words, dry_run):
    """Planted faults; no clip is prepared, and nothing is left behind."""
    folders = ("nowhere", "shards", "test-shards", "mono-shards", "data")
    write_shards(clips(8), tmp_path / "shards")
    for first, (name, facts) in ((20, ("test-shards", {"split": "test"})), (30, ("mono-shards", {"mono": True}))):
        write_shards((replace(clip, facts=facts) for clip in clips(1, first)), tmp_path / name)
    given = {"data": str(data), "out": str(tmp_path / "run"), "steps": 1} | options
    given |= {name: str(tmp_path / given[name]) for name in ("data", "validation", "start") if given.get(name) in folders}
    if options.get("models") is None:
        monkeypatch.setattr(sys.modules["seehear.verbs.train"], "learning_parts", lambda *_, **__: (Eyes(), Ears()))
    with pytest.raises(InputError, match=words):
        seehear.train("visage", **given, dry_run=dry_run)
    assert not (tmp_path / "run").exists()


def test_a_mono_clip_among_others_ends_the_preparation(tmp_path, monkeypatch):
    """Planted fault: the last of nine, of which the manifest says nothing; for pretraining it is as good as the others."""
    monkeypatch.setattr(sys.modules["seehear.verbs.train"], "learning_parts", lambda *_, **__: (Eyes(), Ears()))
    write_shards((replace(clip, facts={"mono": clip.key == "c8"}) for clip in clips(9)), tmp_path / "shards")
    with pytest.raises(InputError, match="in W alone"):
        seehear.train("visage", data=tmp_path / "shards", out=tmp_path / "run", steps=1)
    assert not (tmp_path / "run").exists()
    given = {"data": tmp_path / "shards", "out": tmp_path / "mono", "recipe": "builtin-pretrain"}
    assert seehear.train("visage", **given, steps=1)["clips"] == 9


def test_clips_are_prepared_with_the_energy_maps_that_the_start_knows(tmp_path, data, monkeypatch):
    """Independent path: a model that knows the released program's maps gets these of the frames; clips prepared otherwise are
    refused, with the way out."""
    monkeypatch.setattr(sys.modules["seehear.verbs.train"], "learning_parts", lambda *_, **__: (Eyes(), Ears()))
    config = BUILTIN.config_for(read_prepared(data).header)
    net = Visage(config, torch.Generator().manual_seed(0))
    save_trained_visage(tmp_path / "start", TrainedVisage(net, "visage", "eyes", "ears", 4.0, 2.0, energy_compat="visage"))
    write_shards(clips(8), tmp_path / "shards")
    given = {"out": tmp_path / "run", "recipe": "builtin-finetune", "start": tmp_path / "start", "steps": 1}
    with pytest.raises(InputError, match=r"knows the released program's energy maps.*train from their shards"):
        seehear.train("visage", data=data, **given)
    assert not (tmp_path / "run").exists()
    seehear.train("visage", data=tmp_path / "shards", **given)
    prepared = read_prepared(tmp_path / "run" / "prepared")
    seen = [Eyes().encode_frames([Image(frame) for frame in clip.frames]) for clip in read_clips(tmp_path / "shards")]
    wanted = np.stack([patch_energy_map(each.patches, compat="visage").reshape(20, 4) for each in seen])
    np.testing.assert_allclose(prepared.batch(range(8)).energy_maps, wanted, atol=1e-3)
    assert prepared.header.compat == load_builtin_visage(tmp_path / "run").energy_compat == "visage"


def test_clip_as_a_pickle_comes_with_the_way_out(tmp_path, tiny, monkeypatch):
    """Planted cache that has CLIP as the hub does; the folder that the sentence tells to make is then read, and DAC is missed."""
    write_shards(clips(8), tmp_path / "shards")
    (tmp_path / "cache").mkdir()
    for name in ("config.json", "pytorch_model.bin"):
        (tmp_path / "cache" / name).write_text('{"model_type": "clip"}')
    given = {"data": tmp_path / "shards", "out": tmp_path / "run", "offline": True}
    with monkeypatch.context() as patched:
        patched.setattr("huggingface_hub.snapshot_download", lambda *_, **__: tmp_path / "cache")
        for models in ("hub", "paper"):
            with pytest.raises(
                InputError, match=r"pytorch_model\.bin is a pickle.*save_pretrained\('MODELS/clip'\).*--models MODELS"
            ):
                seehear.train("visage", **given, models=models)
    (tmp_path / "MODELS").mkdir()
    (tmp_path / "MODELS" / "clip").symlink_to(tiny("clip"))
    with pytest.raises(InputError, match="`hf download descript/dac_44khz`"):
        seehear.train("visage", **given, models=str(tmp_path / "MODELS"))
    assert not (tmp_path / "run").exists()


def test_a_run_that_cannot_go_on_says_why(tmp_path, data):
    """Planted faults: other steps, another seed; curves that are gone or damaged; a run.json that says nothing."""
    run = tmp_path / "run"
    seehear.train("visage", data=data, out=run, steps=2)
    again = {"data": data, "out": run, "resume": True}
    for dry_run in (False, True):
        with pytest.raises(InputError, match="one of 2 steps, got 5: leave out"):
            seehear.train("visage", **again, steps=5, dry_run=dry_run)
        with pytest.raises(InputError, match="another seed"):
            seehear.train("visage", **again, seed=1, dry_run=dry_run)
    (run / "curves.jsonl").write_text('{"step": 0}\n')
    with pytest.raises(InputError, match="no file of curves, or damaged"):
        seehear.train("visage", **again)
    (run / "curves.jsonl").unlink()
    with pytest.raises(InputError, match=r"lacks curves\.jsonl"):
        seehear.train("visage", **again)
    (run / "run.json").write_text("{}")
    with pytest.raises(InputError, match="does not say by which recipe"):
        seehear.train("visage", **again)


def test_damaged_clips_are_refused_before_any_work(tmp_path, data):
    """Planted faults: a file that was cut off, and one clip more in prepared.json than in its file."""
    whole, header = (data / "clips-00000.safetensors").read_bytes(), (data / "prepared.json").read_text()
    for n_bytes, n_clips, words in ((len(whole) - 7, 8, "cannot be read"), (len(whole), 9, "does not hold the 9 clips")):
        (data / "clips-00000.safetensors").write_bytes(whole[:n_bytes])
        (data / "prepared.json").write_text(json.dumps({**json.loads(header), "files": [["clips-00000.safetensors", n_clips]]}))
        with pytest.raises(InputError, match=words):
            seehear.train("visage", data=data, out=tmp_path / "run", steps=1)
        assert not (tmp_path / "run").exists()


def test_clips_must_be_held_out(tmp_path, data):
    """Planted faults: the same clips on both sides; clips of another codec."""
    with pytest.raises(InputError, match="8 clips are in"):
        seehear.train("visage", data=data, validation=data, out=tmp_path / "run", steps=1)
    others = Ears()
    others.name = "others"
    foreign = prepare(clips(2, first=50), Eyes(), others, tmp_path / "foreign").folder
    with pytest.raises(InputError, match="not of one encoder"):
        seehear.train("visage", data=data, validation=foreign, out=tmp_path / "run", steps=1)


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path, data):
    """Independent run: killed by the system in the middle and resumed on the command line, the same bytes of weights."""

    def command(out: str, *more: str) -> list[str]:
        return [sys.executable, "-m", "seehear", "train", "visage", "--data", str(data), "--out", str(tmp_path / out), *more]

    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": {**os.environ, "OMP_NUM_THREADS": "1"}}
    steps = ("--steps", "300")
    whole = subprocess.Popen(command("whole", *steps), **quiet)
    assert whole.wait(120) == 0
    running = subprocess.Popen(command("run", *steps), **quiet)
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    deadline = time.monotonic() + 100
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    assert running.wait(10) == -signal.SIGKILL and not (tmp_path / "run" / "visage.safetensors").exists()
    assert subprocess.run(command("run", "--resume"), **quiet, timeout=120).returncode == 0
    for name in ("visage.safetensors", "visage.json", "curves.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
