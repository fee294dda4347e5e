"""Models from elsewhere through the command line, end to end on tiny checkpoints in the genuine format.

Oracles: planted red disc, exact lengths, loudness by pyloudnorm, the published licences and sizes, promised statuses.
"""

from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyloudnorm
import pytest
import soundfile
from PIL import Image as Pillow

import seehear
from planted import scenery, with_disc
from seehear.adapters.mask_grid import MaskGrid
from seehear.presets import ModelOptions, spatialize_preset
from seehear.presets.choices import NAMED, PAPER, Choice, choices_of
from seehear.types import InputError

Run = Callable[..., tuple[int, str, str]]
Tiny = Callable[[str], Path]

pytestmark = pytest.mark.usefixtures("one_thread")

QUICK = ("--seconds", "0.5", "--rate", "16000", "--layout", "mono", "--json")
PROGRESS = re.compile(r"\[ *\d+ %\] .+")
ROLES = ("segmenter", "depth", "captioner", "generator")


@pytest.fixture(scope="module")
def png() -> bytes:
    """A small picture with a red disc a quarter of the way across."""
    buffer = io.BytesIO()
    Pillow.fromarray(with_disc(scenery(320, 180), 80, 100, 20)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def photo(png: bytes, tmp_path: Path) -> Path:
    """The picture as a file of every test."""
    path = tmp_path / "ein F\u00f6to.png"
    path.write_bytes(png)
    return path


@pytest.fixture
def models(tiny: Tiny, tmp_path: Path) -> Callable[..., Path]:
    """A folder of models: ``models(generator="audioldm2")`` holds the tiny one under that role."""

    def folder(**roles: str) -> Path:
        root = tmp_path / "models"
        root.mkdir()
        for role, name in roles.items():
            (root / role).symlink_to(tiny(name), target_is_directory=True)
        return root

    return folder


def check_sound(path: str | Path, n_samples: int = 8000, channels: int = 1) -> np.ndarray:
    """Sound of that length at -23 LUFS; oracle: pyloudnorm over mono, or L R C Ls Rs."""
    x, rate = soundfile.read(path, dtype="float64", always_2d=True)
    assert (x.shape, rate) == ((n_samples, channels), 16000)
    assert pyloudnorm.Meter(rate).integrated_loudness(x[:, [0, 1, 2, 4, 5]] if channels == 6 else x) == pytest.approx(
        -23, abs=0.2
    )
    return x


def report_of(outcome: tuple[int, str, str]) -> dict[str, Any]:
    """The report of a run that went well: stdout is one line of JSON, stderr progress alone, no bar or warning of a library."""
    status, out, err = outcome
    assert status == 0, err
    assert [line for line in err.splitlines() if not PROGRESS.fullmatch(line)] == []
    assert out.count("\n") == 1
    return json.loads(out)


@pytest.mark.parametrize(
    ("sound", "role", "sight"),
    [("audioldm2", "segmenter", "sam2"), ("audioldm", "segmenter", "sam"), ("stable_audio", "depth", "depth_anything")],
)
def test_every_sound_model_and_model_of_sight(
    run: Run, photo: Path, models: Callable[..., Path], sound: str, role: str, sight: str
) -> None:
    """Words, some unknown to the vocabulary, become sound; a placed one stays at its point, whatever segments and measures:
    the ray of (0.25, 0.5) is at 16.1 degrees. What is not chosen stays builtin, and is listed.
    """
    said = ("--object", "dog@0.25,0.5", "--say", "a man playing the theremin")
    how = ("--steps", "1", "--guidance", "2", "--negative-prompt", "noise")
    folder = models(generator=sound, **{role: sight})
    outcome = run("spatialize", photo, *QUICK, *said, *how, "--models", folder, "-o", "a.wav")
    report, err = report_of(outcome), outcome[2]
    check_sound("a.wav")
    assert [source["label"] for source in report["sources"]] == ["dog", "a man playing the theremin"]
    expected = math.degrees(math.atan(0.5 * math.tan(math.radians(30))))
    assert report["sources"][0]["azimuth_deg"] == pytest.approx(expected, abs=0.1)
    listed = {model["role"]: model for model in report["models"]}
    assert list(listed) == ["segmenter", "depth", "recognizer", "generator"]
    assert listed["generator"]["licence"] == "not stated"
    assert listed["generator"]["settings"] == {"steps": 1, "guidance": 2.0, "negative_prompt": "noise"}
    for each, name in (("generator", sound), (role, sight)):
        assert len(listed[each]["sha256"]) == 64, name
    assert any("No licence is stated" in note for note in report["notes"])
    assert "sound of dog" in err and "a man playing the theremin" in err


@pytest.mark.parametrize("name", ["blip", "vlm"])
def test_every_captioner(run: Run, photo: Path, models: Callable[..., Path], name: str) -> None:
    """The captioner says "a dog barking" of red crops: a dog is heard where the disc is, at x = 80 of 320 (pinhole, 60 deg)."""
    report = report_of(run("spatialize", photo, *QUICK, "--models", models(captioner=name), "-o", "a.wav"))
    check_sound("a.wav")
    dog = next(source for source in report["sources"] if source["label"] == "dog")
    expected = math.degrees(math.atan((160 - 80) / (160 / math.tan(math.radians(30)))))
    assert dog["origin"] == "seen" and dog["score"] == pytest.approx(0.9, abs=0.001)
    assert dog["azimuth_deg"] == pytest.approx(expected, abs=1.0)


def test_a_video_with_all_of_them(run: Run, models: Callable[..., Path]) -> None:
    """Segmenter, depth, captioner and generator together, on a moving picture; exact length."""
    with av.open("clip.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for i in range(5):
            picture = with_disc(scenery(160, 90), 40 + 12 * i, 50, 14)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    folder = models(segmenter="sam", depth="depth_anything", captioner="blip", generator="audioldm")
    call = ("--rate", "16000", "--json", "--steps", "1", "--say", "dog, rain", "--models", folder)
    report = report_of(run("spatialize", "clip.mp4", *call, "-o", "a.wav", "--video", "b.mp4"))
    check_sound("a.wav", channels=6)
    assert Path("b.mp4").is_file()
    assert [model["role"] for model in report["models"]] == list(ROLES)


def test_a_preset_file(run: Run, photo: Path, tiny: Tiny) -> None:
    """Folders beside the file, options by role, steps of the call over those of the file; the progress tells every step."""
    Path("here").symlink_to(tiny("audioldm"))
    preset = {"generator": {"model": "here", "steps": 1, "guidance": 2, "negative_prompt": "rain"}, "depth": {"model": "builtin"}}
    Path("mine.json").write_text(json.dumps(preset), "utf-8")
    call = ("spatialize", photo, *QUICK, "--say", "dog", "--models", "mine.json")
    settings = [
        report_of(run(*call, *more))["models"][3]["settings"] for more in (("-o", "a.wav"), ("--steps", "2", "-o", "b.wav"))
    ]
    assert [each["steps"] for each in settings] == [1, 2]
    assert settings[1] == {"steps": 2, "guidance": 2, "negative_prompt": "rain"}
    assert not np.array_equal(check_sound("a.wav"), check_sound("b.wav"))


def test_the_example_of_the_models_page_is_valid(tmp_path: Path) -> None:
    """Oracle: the page itself; its preset file is read, and every role is what it says."""
    page = (Path(__file__).resolve().parents[1] / "docs" / "models.md").read_text("utf-8")
    example = page.split("```json")[1].split("```")[0]
    (tmp_path / "mine.json").write_text(example, "utf-8")
    chosen = choices_of(str(tmp_path / "mine.json"))
    assert {role: choice.model for role, choice in chosen.items()} == {
        role: value["model"] for role, value in json.loads(example).items()
    }
    assert chosen["segmenter"].options == {"points_per_side": 24, "max_regions": 12}


BAD: dict[str, tuple[object, str]] = {
    "no object": ([], "must be a JSON object"),
    "unknown role": ({"painter": {"model": "a/b"}}, "unknown 'painter'"),
    "no model": ({"depth": {}}, '"model"'),
    "unknown option": ({"generator": {"model": "a/b", "stepps": 3}}, "unknown 'stepps'"),
    "wrong type": ({"generator": {"model": "a/b", "steps": "3"}}, "must be a whole number"),
    "out of range": ({"generator": {"model": "a/b", "guidance": -1}}, "must lie in 0 to 30"),
    "option of builtin": ({"generator": {"model": "builtin", "steps": 3}}, "no effect on the builtin"),
    "said twice": ('{"depth": {"model": "a/b"}, "depth": {"model": "c/d"}}', "'depth' is there twice"),
    "empty question": ({"captioner": {"model": "a/b", "question": " "}}, "is empty"),
    "no such folder": ({"depth": {"model": "./nowhere"}}, "no model folder"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_preset_files(run: Run, photo: Path, kind: str) -> None:
    """A preset file that cannot be followed is refused in one sentence, in a dry run too."""
    value, sentence = BAD[kind]
    Path("bad.json").write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    status, out, err = run("spatialize", photo, "--models", "bad.json", "--dry-run")
    assert (status, out) == (2, "") and sentence in err.splitlines()[-1]


def test_words_that_only_readers_know(run: Run, photo: Path, models: Callable[..., Path]) -> None:
    """Foley refuses what is not in the vocabulary; models that read take it, in a dry run too."""
    call = ("spatialize", photo, "--say", "a man playing the theremin", "--dry-run")
    assert run(*call)[0] == 2
    assert run(*call, "--models", models(captioner="blip"))[0] == 2
    (Path(photo.parent, "models", "generator")).symlink_to(Path(photo.parent, "models", "captioner").resolve())
    status, _, err = run(*call, "--models", photo.parent / "models")
    assert status == 2 and "holds a blip model where" in err


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("empty_cache")
def test_a_dry_run_says_what_would_be_downloaded(run: Run, photo: Path) -> None:
    """The published licences and sizes (table of the door): 0.38 + 0.1 + 1.88 + 4.5 GB, one of them non-commercial."""
    status, out, err = run(
        "spatialize", photo, "--models", "hub", "--offline", "--dry-run", "--say", "a man playing the theremin"
    )
    assert status == 0, err
    report = json.loads(out)
    assert report["download_gb"] == pytest.approx(6.86, abs=0.01)
    licences = {model["role"]: model["licence"] for model in report["models"]}
    assert licences == {
        "segmenter": "Apache-2.0",
        "depth": "Apache-2.0",
        "captioner": "BSD-3-Clause",
        "generator": "CC-BY-NC-SA-4.0",
    }
    assert all(model["get"] == f"hf download {model['name']}" for model in report["models"])
    assert report["notes"] == ["For non-commercial use only: cvssp/audioldm2 (CC-BY-NC-SA-4.0)."]


@pytest.mark.usefixtures("empty_cache")
def test_the_plan_of_the_paper(run: Run) -> None:
    """Published (SEE-2-SOUND, appendix E): SAM ViT-H, Depth Anything ViT-L, 500 steps, no prompt; what stands for CoDi."""
    Pillow.fromarray(scenery(640, 360)).save("wide.png")  # six microphones need a picture of more than 400 x 200 pixels
    outcome = run("spatialize", "wide.png", "--models", "paper", "--geometry", "paper", "--offline", "--dry-run")
    assert outcome[0] == 0, outcome[2]
    plan = json.loads(outcome[1])
    models = {model["role"]: model for model in plan["models"]}
    assert (models["segmenter"]["name"], models["segmenter"]["settings"]) == ("facebook/sam-vit-huge", {"points_per_side": 32})
    assert models["depth"]["name"] == "LiheYoung/depth-anything-large-hf"
    assert models["generator"]["settings"] == {"steps": 500, "negative_prompt": ""}
    assert [role for role, model in models.items() if "CoDi" in model.get("stands_for", "")] == ["captioner", "generator"]
    assert plan["download_gb"] == pytest.approx(2.56 + 1.34 + 1.88 + 6.0, abs=0.01)
    assert (plan["options"]["rate_hz"], plan["options"]["layout"], plan["options"]["say"]) == (16000, "5.1", "")


def test_the_paper_asks_at_32_by_32_points(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Published (Kirillov et al. 2023, appendix B): the grid reaches the segmenter; here a tiny SAM."""
    tiny_paper = {"segmenter": replace(PAPER["segmenter"], model=str(tiny("sam"))), "depth": Choice(), "captioner": Choice()}
    monkeypatch.setitem(NAMED, "paper", {**tiny_paper, "generator": Choice()})  # type: ignore[arg-type]
    segmenter = spatialize_preset("paper").eyes("box", False).segmenter
    assert segmenter.grid == MaskGrid(points_per_side=32)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("empty_cache")
def test_missing_weights_say_the_command(run: Run, photo: Path, tmp_path: Path) -> None:
    """Offline without the models: status 2, the exact command, and nothing is written."""
    before = set(tmp_path.rglob("*"))
    status, out, err = run("spatialize", photo, "--models", "hub", "--offline", "-o", "a.wav")
    assert (status, out) == (2, "")
    assert "`hf download facebook/sam-vit-base`" in err.splitlines()[-1]
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--steps", "3"), "--steps has no effect"),
        (("--device", "cuda"), "--device has no effect"),
        (("--models", "nowhere"), "unknown models 'nowhere'"),
        (("--models", ""), "unknown models ''"),
        (("--models", "facebook/sam-vit-base"), '{"ROLE": {"model": "facebook/sam-vit-base"}}'),
        (("--models", "hub", "--device", "tpu"), "--device must be"),
        (("--models", "hub", "--dtype", "int8"), "--dtype must be"),
        (("--models", "hub", "--steps", "0"), "--steps must lie in 1 to 1000"),
    ],
)
def test_flags_that_do_not_fit(run: Run, photo: Path, words: tuple[str, ...], sentence: str) -> None:
    """Planted: each flag without effect or out of range is refused by name."""
    status, out, err = run("spatialize", photo, "--dry-run", *words)
    assert (status, out) == (2, "") and sentence in err


def test_a_folder_without_roles_is_refused(tmp_path: Path) -> None:
    """The sentence says which sub-folders are looked for and what there is."""
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"segmenter, depth, captioner, generator.*holds config\.json"):
        spatialize_preset(str(tmp_path))


def test_one_preset_loads_its_models_once(photo: Path, models: Callable[..., Path]) -> None:
    """Two runs with one preset share the loaded pipeline, and the same seed gives the same sound."""
    preset = spatialize_preset(str(models(generator="audioldm")), ModelOptions(steps=1))
    how = {"preset": preset, "seconds": 0.5, "rate_hz": 16000, "say": "dog"}
    first = seehear.spatialize(photo, **how)
    pipeline = preset.generator(lambda _: None).model.pipeline  # type: ignore[attr-defined]
    second = seehear.spatialize(photo, **how)
    assert preset.generator(lambda _: None).model.pipeline is pipeline  # type: ignore[attr-defined]
    assert np.array_equal(first.audio.samples, second.audio.samples)


def test_builtin_runs_import_no_model_library(tmp_path: Path) -> None:
    """A photo with the default models, in a process of its own: neither transformers nor diffusers nor the hub is loaded."""
    Pillow.fromarray(scenery(160, 90)).save(tmp_path / "a.png")
    code = (
        "import sys; sys.argv = ['seehear', 'spatialize', 'a.png', '--seconds', '0.5', '--layout', 'mono', '-o', 'a.wav']\n"
        "from seehear.cli import main\nmain()\n"
        "print([m for m in ('transformers', 'diffusers', 'huggingface_hub', 'accelerate') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
