"""``doctor``: what is installed here, what works, and what each preset would still need."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import seehear
from seehear.presets import ModelOptions, spatialize_preset
from seehear.types import InputError
from seehear.verbs.ledger import licence_notes, models_of
from seehear.verbs.progress import Watcher, unwatched
from seehear.verbs.report import download_gb

PRESETS = ("builtin", "builtin-research", "hub", "paper")
LIBRARIES = ("numpy", "scipy", "torch", "transformers", "diffusers", "av", "soundfile", "scikit-image", "matplotlib")
ENCODERS = ("libx264", "aac", "libopus", "flac")
"""What videos and sound files are written with."""
SPARE_DISK_GB = 5.0
"""An hour of 5.1 in a temporary file takes 4.1 GB."""
SPARE_MEMORY_GB = 1.0
"""What a run takes beside the weights."""

Status = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Status
    said: str
    fix: str = ""
    """What to do about it."""


def doctor(models: str | None = None, *, offline: bool = False, watch: Watcher = unwatched) -> dict[str, Any]:
    """What was checked, and what every preset (or that of ``models``: a name, folder or file) can do now.

    ``ok`` is False when something is broken that a run with ``models`` (unless said: builtin) needs. The hub is
    asked for sizes unless ``offline``.
    InputError: unknown models.
    """
    checks: list[Check] = []
    for number, check in enumerate(_checks()):
        watch(check.name, 0.1 * number)
        checks.append(check)
    memory_gb = _memory_gb()[1]
    asked = PRESETS if models is None else (models,)
    presets = [_preset(name, offline, memory_gb, needed=name in (models, "builtin")) for name in asked]
    broken = [check for check in checks if check.status == "problem"] + [each for each in presets if each["problem"]]
    return {
        "version": seehear.__version__,
        "ok": not broken,
        "checks": [asdict(check) for check in checks],
        "presets": presets,
    }


# ------------------------------------------------------------------------------------------------ this machine


def _checks() -> Iterator[Check]:
    yield Check("seehear", "ok", f"{seehear.__version__} in {Path(seehear.__file__).parent}")
    yield Check("Python", "ok", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    yield _libraries()
    yield _torchvision()
    yield _device()
    total_gb, free_gb = _memory_gb()
    yield Check("memory", "ok", f"{free_gb:.1f} of {total_gb:.1f} GB free")
    yield _ffmpeg()
    yield _weights()
    yield _folder("temporary files", Path(tempfile.gettempdir()), "set TMPDIR to a folder on a larger disk", SPARE_DISK_GB)
    cache = _model_cache()
    yield replace(cache, status="note") if cache.status == "problem" else cache  # builtin needs none


def _libraries() -> Check:
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("libraries", "problem", f"missing: {', '.join(missing)}", "pip install --force-reinstall seehear")
    return Check("libraries", "ok", ", ".join(found))


def _torchvision() -> Check:
    """A torchvision of another build of torch breaks the import of transformers; without one nothing is lost."""
    if find_spec("torchvision") is None:
        return Check("torchvision", "ok", "not installed, and not needed")
    try:
        torchvision = import_module("torchvision")
    except (ImportError, RuntimeError, OSError) as error:
        fix = "pip uninstall torchvision, or install the one that belongs to your torch"
        return Check("torchvision", "problem", f"cannot be imported: {' '.join(str(error).split())[:120]}", fix)
    return Check("torchvision", "ok", torchvision.__version__)


def _device() -> Check:
    import torch

    cpus = f"{os.cpu_count()} CPU cores"
    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        shown = ", ".join(f"{card.name} ({card.total_memory / 1e9:.0f} GB)" for card in cards)
        return Check("device", "ok", f"{shown}; {cpus}")
    if torch.backends.mps.is_available():
        return Check("device", "ok", f"Apple GPU (mps); {cpus}")
    return Check("device", "ok", f"{cpus}, no accelerator: builtin needs none, other models take minutes")


def _memory_gb() -> tuple[float, float]:
    """All and available main memory."""
    import psutil

    found = psutil.virtual_memory()
    return found.total / 1e9, found.available / 1e9


def _ffmpeg() -> Check:
    from seehear.io.containers import encoders, ffmpeg_version

    missing = [name for name, there in encoders(ENCODERS).items() if not there]
    if missing:
        fix = "pip install --force-reinstall av (a PyAV from pip has them all)"
        return Check("FFmpeg", "problem", f"{ffmpeg_version()}, without {', '.join(missing)}", fix)
    return Check("FFmpeg", "ok", f"{ffmpeg_version()}, inside PyAV, with {', '.join(ENCODERS)}")


def _weights() -> Check:
    """Whether the shipped weights are whole."""
    from seehear.weights import load_pack, read_manifest

    try:
        names = list(read_manifest())
        for name in names:
            load_pack(name)
    except InputError as error:
        return Check("shipped weights", "problem", str(error), "pip install --force-reinstall seehear")
    return Check("shipped weights", "ok", ", ".join(names))


def _model_cache() -> Check:
    return _folder("model cache", _cache(), "set HF_HOME to a folder that can be written to")


def _cache() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _folder(name: str, path: Path, fix: str, spare_gb: float = 0.0) -> Check:
    """Whether files can be put there: tried in the folder, or in the nearest one above that exists."""
    try:
        with tempfile.TemporaryFile(dir=_existing(path)):
            free_gb = _free_gb(path)
    except OSError as error:
        return Check(name, "problem", f"{path} cannot be written to ({error.strerror})", fix)
    if free_gb < spare_gb:
        return Check(name, "note", f"{path}, {free_gb:.1f} GB free: little for long inputs", fix)
    return Check(name, "ok", f"{path}, {free_gb:.1f} GB free")


# ------------------------------------------------------------------------------------------------ presets


def _preset(name: str, offline: bool, memory_gb: float, *, needed: bool) -> dict[str, Any]:
    """What a preset can do now: ``ready``, ``downloads`` so many GB first, or what is in its way: a problem if ``needed``."""
    preset = spatialize_preset(name, ModelOptions() if name.startswith("builtin") else ModelOptions(offline=offline))
    ledger = models_of(preset)
    size_gb = sum(part.size_mib or 0.0 for part in preset.parts) * 2**20 / 1e9
    offline = offline or _is_offline()
    missing, download = [part for part in preset.parts if part.get is not None], download_gb(preset)
    problem = ""
    if missing and offline:
        problem = f"offline, and {', '.join(part.name for part in missing)} not on this machine"
    elif missing and (cache := _model_cache()).status == "problem":
        problem = f"the model cache {cache.said}"
    elif size_gb + SPARE_MEMORY_GB > memory_gb:
        problem = f"its weights take {size_gb:.1f} GB, {memory_gb:.1f} GB of memory are free"
    elif (download or 0.0) > (free_gb := _free_gb(_cache())):
        problem = f"{download:.1f} GB to download, {free_gb:.1f} GB free for them"
    return {
        "name": name,
        "status": "not now" if problem else "downloads first" if missing else "ready",
        "why": problem,
        "problem": bool(problem) and needed,
        "download_gb": download,
        "get": [part.get for part in missing],
        "models": ledger,
        "notes": licence_notes(ledger),
    }


def _is_offline() -> bool:
    """Whether the hub is not to be asked because HF_HUB_OFFLINE says so."""
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


def _existing(path: Path) -> Path:
    """The folder itself, or the nearest one above that exists."""
    return next((each for each in (path, *path.parents) if each.exists()), path)


def _free_gb(path: Path) -> float:
    return shutil.disk_usage(_existing(path)).free / 1e9


def _size(mib: float | None) -> str:
    if mib is None:
        return "size not known"
    return "" if mib == 0 else f"{mib:.1f} MiB" if mib < 100 else f"{mib * 2**20 / 1e9:.2f} GB"


def told(report: Mapping[str, Any]) -> str:
    """The report for people."""
    width = max(len(check["name"]) for check in report["checks"])
    lines = []
    for check in report["checks"]:
        mark = {"ok": "ok", "note": "note", "problem": "WRONG"}[check["status"]]
        lines.append(f"{mark:5s} {check['name']:{width}s}  {check['said']}")
        if check["fix"] and check["status"] != "ok":
            lines.append(f"{'':{width + 6}s}  -> {check['fix']}")
    lines.append("")
    for preset in report["presets"]:
        size = "" if preset["download_gb"] in (None, 0.0) else f" ({preset['download_gb']:.1f} GB)"
        lines.append(f"--models {preset['name']}: {preset['status']}{size}{': ' + preset['why'] if preset['why'] else ''}")
        for model in preset["models"]:
            facts = [model["name"], _size(model.get("size_mib")), model["licence"], model.get("get", "")]
            lines.append(f"    {model['role']}: {', '.join(filter(None, facts))}")
        lines += [f"    note: {note}" for note in preset["notes"]]
    lines += ["", "Nothing is broken." if report["ok"] else "Something is wrong: see above."]
    return "\n".join(lines)
