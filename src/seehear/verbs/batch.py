"""``batch``: one verb over a folder or a list of inputs, in several processes, continued where it was stopped."""

from __future__ import annotations

import csv
import json
import re
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import seehear
from seehear.data.runner import JOURNAL, Item, Row, run
from seehear.io.files import check_input, file_sha256
from seehear.presets import ModelOptions
from seehear.systems.spatialize.options import SpatializeOptions, check_range, check_types, option
from seehear.types import InputError
from seehear.verbs.outputs import NAMED, OutputOptions
from seehear.verbs.progress import Watcher, unwatched
from seehear.verbs.render import SOUND_FILES, RenderOptions

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".ts")
MANIFESTS = (".csv", ".jsonl")
NAME = "{name}"
"""In an output's name: the item's."""


@dataclass(frozen=True)
class BatchOptions:
    """How to run many."""

    out: str = option("", "Folder for the results, one folder per input.", "DIR")
    workers: int = option(1, "Processes that work at the same time.", "N")
    resume: bool = option(False, "Go on with a batch that was stopped.")
    retry: bool = option(False, "With --resume: what had failed once more.")

    def __post_init__(self) -> None:
        check_types(self)
        check_range("--workers", self.workers, 1, 256)
        if not self.out:
            raise InputError("--out needs the name of a folder")
        if self.retry and not self.resume:
            raise InputError("--retry goes with --resume")


@dataclass(frozen=True)
class _Verb:
    """What can be done to many: its option values, what it takes from a folder, and where its files go."""

    options: tuple[type, ...]
    suffixes: tuple[str, ...]
    outputs: tuple[str, ...]
    """Options that name files."""
    run: Callable[[Item, Mapping[str, Any], Path], Mapping[str, Any]]


def batch(inputs: str | Path, *, verb: str = "spatialize", watch: Watcher = unwatched, **options: Any) -> dict[str, Any]:
    """The report of ``verb`` (spatialize, render) over a folder, or over the rows of a manifest (CSV, JSONL).

    A manifest has a column ``input`` (paths are seen from the manifest) and may have ``name`` and options of the verb, which
    win over those of the call. ``options`` are the fields of :class:`BatchOptions` and of the verb; outputs may say ``{name}``.
    Every input gets a folder in ``out`` with its files and ``result.json``; ``results.jsonl`` has a row each: status, seconds,
    reason, files, seed. A killed run is continued by ``resume``: what is done is not done again.
    InputError: nothing to do, a manifest that cannot be read, an unknown verb or option, a folder that holds something else.
    """
    if verb not in VERBS:
        raise InputError(f"batch runs {', '.join(VERBS)}, got {verb!r}")
    own = {each.name for each in fields(BatchOptions)}
    how = BatchOptions(**{name: value for name, value in options.items() if name in own})
    asked = {name: value for name, value in options.items() if name not in own}
    _checked(verb, asked)
    source = Path(inputs)
    items = list(_items(source, verb))
    if not items:
        raise InputError(f"{source} has no input for {verb}")
    settings = {"seehear": seehear.__version__, "verb": verb, "options": asked, "inputs": _identity(source)}
    rows = run(
        items,
        _Job(verb, asked),
        Path(how.out),
        settings=settings,
        workers=how.workers,
        resume=how.resume,
        retry=how.retry,
    )
    failures, seconds, known = [], [], 0
    for number, row in enumerate(rows, start=1):
        known += "known" in row
        seconds.append(row["seconds"])
        if row["status"] == "failed":
            failures.append(row)
        watch(_told(row, number, len(items)), number / len(items))
    return {
        "version": seehear.__version__,
        "verb": verb,
        "items": len(items),
        "done": len(items) - len(failures),
        "known": known,
        "failures": [{key: row[key] for key in ("item", "input", "reason", "fixable")} for row in failures],
        "median_s": round(statistics.median(seconds), 3),
        "results": str(Path(how.out) / JOURNAL),
    }


def _told(row: Row, number: int, count: int) -> str:
    end = f"failed: {row['reason']}" if row["status"] == "failed" else "known" if "known" in row else f"{row['seconds']:.1f} s"
    return f"{number}/{count} {row['item']}: {end}"


@dataclass(frozen=True)
class _Job:
    """One item by a verb: what a worker process is handed."""

    verb: str
    options: Mapping[str, Any]

    def __call__(self, item: Item, folder: Path) -> Mapping[str, Any]:
        asked = {**self.options, **item.options}
        verb = VERBS[self.verb]
        for name in verb.outputs:
            if asked.get(name):
                asked[name] = str(folder / asked[name].replace(NAME, item.name))
        return verb.run(item, asked, folder)


# ------------------------------------------------------------------------------------------------ verbs


def _spatialize(item: Item, asked: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    from seehear.verbs.spatialize import spatialize

    outputs = {each.name: asked[each.name] for each in fields(OutputOptions) if each.name in asked}
    if OutputOptions(**outputs).is_empty:
        asked = {**asked, "folder": str(folder)}
    models = {each.name: asked[each.name] for each in fields(ModelOptions) if each.name in asked}
    preset = _preset(asked.get("models", "builtin"), tuple(sorted(models.items())))
    report = spatialize(item.input, preset=preset, **asked).report
    told = {key: report[key] for key in ("seed", "duration_s", "layout", "loudness_lufs", "notes")}
    return {**told, "sources": [each["label"] for each in report["sources"]]}


@cache
def _preset(name: str, models: tuple[tuple[str, Any], ...]) -> Any:
    """The preset of this process: what it loads serves all of its items."""
    from seehear.presets import spatialize_preset

    return spatialize_preset(name, ModelOptions(**dict(models)))


def _render(item: Item, asked: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    from seehear.verbs.render import render

    audio = render(item.input, **{"output": folder / f"{item.name}.wav", **asked})
    return {"duration_s": audio.duration_s, "layout": audio.layout.name}


VERBS: Mapping[str, _Verb] = {
    "spatialize": _Verb((SpatializeOptions, OutputOptions, ModelOptions), PICTURES + VIDEOS, NAMED, _spatialize),
    "render": _Verb((RenderOptions,), (*SOUND_FILES, ".json"), ("output",), _render),
}


def _hints(verb: str) -> dict[str, Any]:
    hints = {name: hint for kind in VERBS[verb].options for name, hint in get_type_hints(kind).items()}
    return hints | dict.fromkeys(VERBS[verb].outputs, str)


def _checked(verb: str, asked: Mapping[str, Any], where: str = "") -> None:
    """Nothing, or the InputError that the verb itself would raise for one of the options."""
    known = _hints(verb)
    if unknown := sorted(set(asked) - set(known)):
        raise InputError(f"{where}unknown option {unknown[0]!r}: {verb} takes {', '.join(sorted(known))}")
    for kind in VERBS[verb].options:
        kind(**{each.name: asked[each.name] for each in fields(kind) if each.name in asked})
    if named := [name for name in VERBS[verb].outputs if Path(asked.get(name) or "").is_absolute()]:
        raise InputError(f"{where}--{named[0]} is seen from each item's folder, and may hold {NAME}: give no absolute path")


# ------------------------------------------------------------------------------------------------ inputs


def _identity(source: Path) -> dict[str, str]:
    """What a batch is of: the folder, or the manifest as it is."""
    return {"folder": str(source.resolve())} if source.is_dir() else {"manifest": file_sha256(source)}


def _items(source: Path, verb: str) -> Iterator[Item]:
    """Every input with a name of its own, in the order of the manifest or by name."""
    taken: set[str] = set()
    for path, name, options in _rows(source, verb):
        wanted = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "item"
        unique, count = wanted, 1
        while unique.lower() in taken:  # names of files may differ by more than case nowhere
            count += 1
            unique = f"{wanted}-{count}"
        taken.add(unique.lower())
        yield Item(unique, str(path), options)


def _rows(source: Path, verb: str) -> Iterator[tuple[Path, str, Mapping[str, Any]]]:
    if source.is_dir():
        for path in sorted(source.iterdir()):
            if path.suffix.lower() in VERBS[verb].suffixes and not path.name.startswith("."):
                yield path, path.stem, {}
        return
    if source.suffix.lower() not in MANIFESTS:
        raise InputError(f"{source} is no folder and no manifest ({' or '.join(MANIFESTS)})")
    check_input(source)
    for number, row in _manifest(source):
        where = f"{source}, row {number}: "
        path = row.pop("input", None)
        if not isinstance(path, str) or not path:
            raise InputError(f"{where}the column `input` must name a file")
        name = row.pop("name", None) or Path(path).stem
        if not isinstance(name, str):
            raise InputError(f"{where}`name` must be text")
        _checked(verb, row, where)
        yield source.parent / path, name, row


def _manifest(source: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows by their number, from 1; of a CSV file the cells that hold something, as the options' types."""
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            if source.suffix.lower() == ".jsonl":
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        row = json.loads(line)
                        if not isinstance(row, dict):
                            raise InputError(f"{source}, row {number}: a JSON object is needed")
                        yield number, row
                return
            for number, row in enumerate(csv.DictReader(file, strict=True), start=1):
                if None in row:
                    raise InputError(f"{source}, row {number}: more cells than columns")
                yield number, {key: _cell(key, text, f"{source}, row {number}") for key, text in row.items() if text}
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source} is not a manifest that can be read: {error}") from None


def _cell(column: str, text: str, where: str) -> Any:
    """A cell of a CSV file as what its option takes; several texts stand with a bar between them."""
    hint = _CELLS.get(column, str)
    kind = next((each for each in get_args(hint) if each is not type(None)), hint)
    try:
        if kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.strip().lower()]
        if kind in (int, float):
            return kind(text)
        return tuple(text.split("|")) if hint == tuple[str, ...] else text
    except (KeyError, ValueError):
        raise InputError(f"{where}: {column} cannot be {text!r}") from None


_CELLS = {name: hint for verb in VERBS for name, hint in _hints(verb).items()}
