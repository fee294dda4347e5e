"""``evaluate``: the paper's protocol on pictures, resumable, every figure with its n, failures and interval."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any, cast

import seehear
from seehear.io.files import check_input, check_output, file_sha256, whole_file
from seehear.presets import SpatializePreset, evaluation_preset, spatialize_preset
from seehear.protocols import AcousticMatcher
from seehear.systems.spatialize.options import check_choice, check_range, check_types, option
from seehear.types import MONO, SURROUND_5_1, Image, InputError, Room, whole
from seehear.verbs.ledger import models_of
from seehear.verbs.progress import Watcher, unwatched
from seehear.verbs.spatialize import spatialize

SYSTEMS = ("spatialize",)
ROWS = ("seehear", "dry", "dry mono", "mono", "mono + noise")
"""The system's 5.1 output, the same without its room, that in one channel, the baseline (the same sounds mixed at 1 m), and as a
control the baseline with white noise 20 dB below it."""
PICTURES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"))
"""What is taken from a folder."""
NOTES = (
    "Each row is compared with itself after acoustic matching to the picture. The matcher is a stand-in for AViTAR: late "
    "reverberation of a room guessed by a rule. It adds as much whatever is there, so what reverberates already changes less; "
    "the dry rows are the same without the room.",
    "MFCC-DTW rewards hiss: 'mono + noise' is the baseline with white noise 20 dB below it, which fits no picture better. "
    "What a row gains over 'mono' says something about fit only beyond what the noise gains.",
    "These figures do not belong beside the paper's: other pictures, another generator, another matcher, and the paper "
    "gives no formulas for its measures (docs/see2sound.md).",
)


@dataclass(frozen=True)
class EvaluateOptions:
    """How to evaluate."""

    models: str = option("builtin", "Model pack, as of `seehear spatialize`.", "NAME")
    seconds: float = option(4.0, "Length of the sound of each picture.", "S")
    seed: int = option(0, "Same seed, same machine, same figures.", "N")
    channels: str = option("each", "Compare each channel and average, or the mix of all channels.", "KIND")
    limit: int | None = option(None, "Only the first so many pictures.", "N")
    force: bool = option(False, "Start anew and replace the report and its items.")

    def __post_init__(self) -> None:
        check_types(self)
        check_range("--seconds", self.seconds, 0.5, 120, "s")
        check_range("--seed", self.seed, 0, 2**63 - 1)
        check_choice("--channels", self.channels, "each", "mix")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"--limit must be at least 1, got {self.limit}")


def evaluate(
    system: str,
    pictures: Sequence[str | Path],
    out: str | Path,
    *,
    watch: Watcher = unwatched,
    dry_run: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """The report of section 3.1 of SEE-2-SOUND over ``pictures`` (files, or folders of them), also written to ``out`` (JSON).

    Beside it, OUT.items.jsonl keeps the figures of every picture; a run that was stopped goes on from there. ``options`` are the
    fields of :class:`EvaluateOptions`. A picture that cannot be used is a counted failure; copies of one count once.
    InputError: an unknown system or option, nothing to evaluate, an output that exists or cannot be written, items of other
    settings or not of ours, or when every picture failed.
    """
    _check_system(system)
    wanted = _options(options)
    paths = _files(pictures, wanted.limit)
    report_path = check_output(out, wanted.force)
    if report_path.suffix != ".json":
        raise InputError(f"the report is a .json file, got {report_path.name!r}")
    items_path = check_output(report_path.with_suffix(".items.jsonl"), force=True)
    matching, preset = evaluation_preset(wanted.seed), spatialize_preset(wanted.models)
    settings = {
        "system": system,
        **{name: value for name, value in asdict(wanted).items() if name not in ("limit", "force")},
        "models": models_of(preset),
        "matcher": asdict(matching.part),
    }
    known = {} if wanted.force else _known(items_path, settings)
    plan = {"version": seehear.__version__, "settings": settings, "pictures": len(paths)}
    if dry_run:
        return plan | {"dry_run": True, "files": [str(report_path), str(items_path)], "known": len(known)}
    matcher = matching.matcher()
    preset = preset.ready(watch)
    done: list[dict[str, Any]] = []
    originals: dict[str, str] = {}  # the first file with these bytes, by their hash
    duplicates: list[dict[str, str]] = []
    for index, path in enumerate(paths):
        watch(path.name, index / len(paths))
        item = _item(path, known | originals, wanted, preset, matcher)
        if "same_as" in item:
            duplicates.append(item)
            continue
        done.append(item)
        if "sha256" in item:
            originals[item["sha256"]] = item["file"]
        kept = [each for digest, each in known.items() if digest not in originals]
        if originals:
            _write_items(items_path, settings, [*done, *kept])
    report = plan | summarise(done) | {"duplicates": duplicates, "notes": list(NOTES)}
    if report["evaluated"] == 0:
        first = report["failures"][0]["reason"]
        raise InputError(f"none of the {len(paths)} pictures could be evaluated; the first: {first}")
    with whole_file(report_path, wanted.force) as temporary:
        temporary.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return report | {"files": [str(report_path), str(items_path)]}


def _check_system(system: str) -> None:
    """Nothing, or an InputError for a system that has no evaluation."""
    if system not in SYSTEMS:
        raise InputError(f"evaluate knows {', '.join(SYSTEMS)}, got {system!r}: write `seehear evaluate spatialize IMAGES...`")


def _options(options: Mapping[str, Any]) -> EvaluateOptions:
    names = {f.name for f in fields(EvaluateOptions)}
    if unknown := sorted(set(options) - names):
        raise InputError(f"unknown option {unknown[0]!r}: evaluate takes {', '.join(sorted(names))}")
    return EvaluateOptions(**options)


def _files(pictures: Iterable[str | Path], limit: int | None) -> list[Path]:
    """Every picture once, whatever leads to it, in the order given; a folder stands for the pictures in it, by name."""
    found: dict[str, Path] = {}
    for each in map(Path, pictures):
        for path in _inside(each):
            found.setdefault(_place(path), path)
    if not found:
        raise InputError("there is no picture to evaluate")
    return list(found.values())[:limit]


def _inside(path: Path) -> list[Path]:
    """The pictures of a folder, or the path itself if it is none."""
    try:
        return sorted(each for each in path.iterdir() if each.suffix.lower() in PICTURES) if path.is_dir() else [path]
    except PermissionError:
        raise InputError(f"the folder {path} cannot be read: permission denied") from None
    except OSError:  # too long a name: what is wrong with it is told as with any file
        return [path]


def _place(path: Path) -> str:
    """One name per file, links followed; the path as it is where it cannot be one."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return str(path)


# ------------------------------------------------------------------------------------------------ one picture


def _item(
    path: Path,
    known: Mapping[str, str | dict[str, Any]],
    wanted: EvaluateOptions,
    preset: SpatializePreset,
    matcher: AcousticMatcher,
) -> dict[str, Any]:
    """The figures of one picture; what it is ``same_as``, where its hash is known as a file's of this run; or why there are none.

    ``known`` has by hash the figures of before, or the file of this run.
    """
    try:
        digest = file_sha256(check_input(path))
        before = known.get(digest)
        if isinstance(before, str):
            return {"file": str(path), "same_as": before}
        if before is not None:
            return before | {"file": str(path)}
        return {"file": str(path), "sha256": digest, **_measured(path, wanted, preset, matcher)}
    except InputError as error:
        return {"file": str(path), "failed": str(error)}


def _measured(path: Path, wanted: EvaluateOptions, preset: SpatializePreset, matcher: AcousticMatcher) -> dict[str, Any]:
    import numpy as np

    from seehear.acoustics.render import render
    from seehear.io.video import read_media
    from seehear.metrics.audio_similarity import Channels
    from seehear.systems.scene_guidance import mono_mix, scene_guidance, with_hiss

    image = read_media(path)
    if not isinstance(image, Image):
        raise InputError(f"{path} is a video or animation: evaluate takes pictures")
    made = spatialize(image, layout="5.1", seconds=wanted.seconds, seed=wanted.seed, models=wanted.models, preset=preset)
    dry = render(replace(made.scene, room=Room()), [SURROUND_5_1, MONO])
    mono = mono_mix(made.scene)
    sounds = dict(zip(ROWS, (whole(made.audio), *dry, mono, with_hiss(mono, np.random.default_rng(wanted.seed))), strict=True))
    channels = cast(Channels, wanted.channels)
    scores = {row: scene_guidance(audio, image, matcher, channels=channels) for row, audio in sounds.items()}
    return {
        "heard": [source.label for source in made.scene.sources],
        "scores": {row: {name: _or_none(value) for name, value in each.items()} for row, each in scores.items()},
    }


def _or_none(value: float) -> float | None:
    return value if isfinite(value) else None


# ------------------------------------------------------------------------------------------------ items on disk


def _known(path: Path, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The measured pictures of an earlier run by hash; InputError when they were measured otherwise, or are no such pictures."""
    if not path.exists():
        return {}
    try:
        head, *items = (json.loads(line) for line in check_input(path).read_text("utf-8").splitlines())
    except ValueError:
        raise _foreign(path) from None
    if not isinstance(head, dict) or head.keys() != _head(settings).keys():
        raise _foreign(path, 1)
    if head == _head(settings):
        for number, item in enumerate(items, start=2):
            if not _is_item(item):
                raise _foreign(path, number)
    elif any(not isinstance(item, dict) or "scores" in item for item in items):
        raise InputError(f"{path} holds figures of other settings: name another report, or use --force to start anew")
    return {item["sha256"]: item for item in items if "scores" in item}


def _foreign(path: Path, line: int | None = None) -> InputError:
    where = "" if line is None else f" (line {line})"
    return InputError(f"{path} is not what evaluate wrote{where}: move it away or use --force")


def _is_item(item: Any) -> bool:
    """Whether it is a failure, or has every figure of every row of a picture."""
    from seehear.metrics.audio_similarity import MEASURES

    if not isinstance(item, dict) or not isinstance(item.get("file"), str):
        return False
    if "scores" not in item:
        return isinstance(item.get("failed"), str)
    rows = item["scores"]
    return (
        isinstance(item.get("sha256"), str)
        and isinstance(rows, dict)
        and rows.keys() == set(ROWS)
        and all(isinstance(row, dict) and row.keys() == MEASURES.keys() for row in rows.values())
        and all(x is None or (type(x) in (int, float) and isfinite(x)) for row in rows.values() for x in row.values())
    )


def _head(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"seehear": seehear.__version__, "settings": settings}


def _write_items(path: Path, settings: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> None:
    with whole_file(path, force=True) as temporary:
        lines = [json.dumps(each, ensure_ascii=False) for each in (_head(settings), *items)]
        temporary.write_text("\n".join(lines) + "\n", "utf-8")


# ------------------------------------------------------------------------------------------------ the report


def summarise(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Scores of all rows and of their paired difference, measures that the paper excludes, and every failure."""
    from seehear.metrics.audio_similarity import MEASURES, mean_score

    measured = [item["scores"] for item in items if "scores" in item]
    failures = [{"file": item["file"], "reason": item["failed"]} for item in items if "failed" in item]

    def values(row: str, name: str) -> list[float]:
        return [float("nan") if scores[row][name] is None else scores[row][name] for scores in measured]

    def score(numbers: Sequence[float], name: str) -> dict[str, Any]:
        told = asdict(mean_score(numbers, MEASURES[name].better, len(failures)))
        return told | {"value": _or_none(told["value"]), "ci": [_or_none(end) for end in told["ci"]]}

    rows = {row: {name: score(values(row, name), name) for name in MEASURES} for row in ROWS}
    apart = {
        name: score([ours - mono for ours, mono in zip(values("seehear", name), values("mono", name), strict=True)], name)
        for name in MEASURES
    }
    return {
        "evaluated": len(measured),
        "failures": failures,
        "rows": rows | {"seehear - mono": apart},
        "excluded_by_the_paper": {name: measure.excluded for name, measure in MEASURES.items() if measure.excluded},
    }


def table(report: Mapping[str, Any]) -> str:
    """A Markdown table of the report, a line per measure, with 95 % intervals; then what to know about it."""
    from seehear.metrics.audio_similarity import MEASURES

    rows = report["rows"]
    lines = [f"| measure | more alike | {' | '.join(rows)} |", "|---" * (2 + len(rows)) + "|"]
    for name, measure in MEASURES.items():
        title = measure.title + (" (excluded)" if measure.excluded else "")
        told = " | ".join(_told(scores[name], len(report["failures"])) for scores in rows.values())
        lines.append(f"| {title} | {measure.better} | {told} |")
    copies = f", {len(report['duplicates'])} copies left out" if report["duplicates"] else ""
    counts = (
        f"n = {report['evaluated']} pictures, {len(report['failures'])} failed{copies}; 95 % bootstrap intervals over pictures."
    )
    failures = [f"failed: {each['reason']}" for each in report["failures"]]
    failures += [f"counted once: {each['file']} has the bytes of {each['same_as']}" for each in report["duplicates"]]
    excluded = [f"excluded by the paper: {MEASURES[n].title}, {why}" for n, why in report["excluded_by_the_paper"].items()]
    return "\n".join([*lines, "", counts, *failures, *excluded, *(f"note: {note}" for note in report["notes"])])


def _told(score: Mapping[str, Any], failed_pictures: int) -> str:
    if score["value"] is None:
        return "not defined"
    more = score["n_failed"] - failed_pictures
    return f"{score['value']:.3f} [{score['ci'][0]:.3f}, {score['ci'][1]:.3f}]" + (f", n = {score['n']}" if more else "")
