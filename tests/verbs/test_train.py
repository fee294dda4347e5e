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

import seehear
from seehear.adapters.visage_builtin import load_builtin_visage
from seehear.data.clips import Clip
from seehear.data.prepared import prepare, read_prepared
from seehear.data.shards import write_shards
from seehear.protocols import FrameFeatures
from seehear.types import FOA, Audio, Direction, InputError


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
        ({"data": "test-shards"}, "1 clips in .* are of the test split"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(tmp_path, data, options, words):
    """Planted faults; nothing is left behind."""
    write_shards(clips(1), tmp_path / "shards")
    write_shards((replace(clip, facts={"split": "test"}) for clip in clips(1)), tmp_path / "test-shards")
    given = {"data": str(data), "out": str(tmp_path / "run"), "steps": 1} | options
    given["data"] = str(tmp_path / given["data"]) if given["data"] in ("nowhere", "shards", "test-shards") else given["data"]
    if "minutes" in options or "start" in options:
        given["steps"] = options.get("steps", 1)
    with pytest.raises(InputError, match=words):
        seehear.train("visage", **given)
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
