"""`doctor`. Oracles: planted defects (a cache that cannot be written, altered weights, an encoder that is not there)."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

import seehear
from seehear.types import InputError
from seehear.verbs import doctor as _  # noqa: F401 (the module below hides behind the function of its name)
from seehear.verbs.doctor import told

MODULE = "seehear.verbs.doctor"


def module():
    import sys

    return sys.modules[MODULE]


def check(report: dict, name: str) -> dict:
    (found,) = [each for each in report["checks"] if each["name"] == name]
    return found


def test_a_healthy_installation_is_told_as_it_is() -> None:
    """Oracle: the packages' own metadata, and the published sizes of the models (0.38 + 0.1 + 1.88 + 4.5 GB)."""
    report = seehear.doctor(offline=True)
    assert report["ok"]
    assert f"numpy {metadata.version('numpy')}" in check(report, "libraries")["said"]
    by_name = {each["name"]: each for each in report["presets"]}
    assert list(by_name) == ["builtin", "builtin-research", "hub", "paper"]
    assert by_name["builtin"]["status"] == by_name["builtin-research"]["status"] == "ready"
    assert by_name["hub"]["status"] == "not now" and "cvssp/audioldm2 not on this machine" in by_name["hub"]["why"]
    assert by_name["hub"]["download_gb"] == pytest.approx(6.86)
    assert by_name["hub"]["get"][-1] == "hf download cvssp/audioldm2"
    assert [model["commercial"] for model in by_name["builtin-research"]["models"]] == [True, True, False, True]
    json.dumps(report)
    text = told(report)
    assert "--models hub: not now (6.9 GB)" in text and text.endswith("Nothing is broken.")


def test_a_cache_that_cannot_be_written_is_a_problem_of_who_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module(), "_cache", lambda: Path("/proc/seehear-cache"))
    builtin, hub = seehear.doctor("builtin"), seehear.doctor("hub")
    assert builtin["ok"] and not hub["ok"]
    assert check(builtin, "model cache")["status"] == "note" and "HF_HOME" in check(builtin, "model cache")["fix"]
    assert "the model cache /proc/seehear-cache cannot be written to" in hub["presets"][0]["why"]
    assert "note  model cache" in told(builtin) and told(hub).endswith("see above.")


def test_an_environment_without_the_hub_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: HF_HUB_OFFLINE, as huggingface_hub reads it."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert seehear.doctor("hub")["presets"][0]["why"].startswith("offline, and facebook/sam-vit-base")


def test_a_missing_encoder_and_library_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module(), "ENCODERS", ("aac", "librocket"))
    monkeypatch.setattr(module(), "LIBRARIES", ("numpy", "rocket-science"))
    report = seehear.doctor("builtin")
    assert not report["ok"]
    assert "without librocket" in check(report, "FFmpeg")["said"] and "aac" not in check(report, "FFmpeg")["said"]
    assert check(report, "libraries")["said"] == "missing: rocket-science"


def test_altered_weights_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import shutil

    from seehear import weights

    shutil.copytree(weights.packs_folder(), tmp_path / "packs")
    pack = tmp_path / "packs" / "image-encoder.safetensors"
    pack.write_bytes(pack.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(weights, "packs_folder", lambda: tmp_path / "packs")
    found = check(seehear.doctor("builtin"), "shipped weights")
    assert found["status"] == "problem" and pack.name in found["said"]


def test_too_little_memory_is_said_before_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's weights take 6.86 GB and a run 1 GB beside them."""
    monkeypatch.setattr(module(), "_memory_gb", lambda: (8.0, 7.8))
    (hub,) = [each for each in seehear.doctor()["presets"] if each["name"] == "hub"]
    assert hub["status"] == "not now" and hub["why"] == "its weights take 6.9 GB, 7.8 GB of memory are free"


def test_unknown_models_are_refused() -> None:
    with pytest.raises(InputError, match="unknown models 'best'"):
        seehear.doctor("best")
