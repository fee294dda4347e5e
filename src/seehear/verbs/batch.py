"""``batch``: one verb over a folder or a list of inputs, in several processes, continued where it was stopped."""

from __future__ import annotations

import csv
import json
import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import seehear
from seehear.data.runner import JOURNAL, OURS, Crew, Item, Row, run
from seehear.io.files import check_input
from seehear.presets import ModelOptions, SpatializePreset, spatialize_preset
from seehear.systems.spatialize.options import SpatializeOptions, check_range, check_types, option
from seehear.types import InputError
from seehear.verbs.ledger import Entry, check_commercial, models_of
from seehear.verbs.outputs import NAMED, OutputOptions
from seehear.verbs.progress import Watcher, unwatched
from seehear.verbs.render import SOUND_FILES, RenderOptions

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".ts")
MANIFESTS = (".csv", ".jsonl")
NAME = "{name}"
"""In an output's name: the item's."""
LONGEST_NAME = 80
"""Bytes of an item's name: file systems take 255 for a name with all that is put behind it."""


@dataclass(frozen=True)
class BatchOptions:
    """How to run many."""

    out: str = option("", "Folder for the results, one folder per input.", "DIR")
    workers: int = option(1, "Processes that work at the same time.", "N")
    resume: bool = option(False, "Go on with a batch that was stopped.")
    retry: bool = option(False, "With --resume: what had failed once more.")
    limit_s: float | None = option(None, "Give an input up after this long, start of its process included.", "S")

    def __post_init__(self) -> None:
        check_types(self)
        check_range("--workers", self.workers, 1, 256)
        check_range("--limit", self.limit_s, 1, 1_000_000, "s")
        if not self.out:
            raise InputError("--out needs the name of a folder")
        if self.retry and not self.resume:
            raise InputError("--retry goes with --resume")


@dataclass(frozen=True)
class _Verb:
    """What can be done to many: its option values, what it takes from a folder, and which files its options name."""

    options: tuple[type, ...]
    suffixes: tuple[str, ...]
    inputs: tuple[str, ...]
    """Options that name files to read."""
    outputs: tuple[str, ...]
    """Options that name files to write."""
    models: Callable[[Mapping[str, Any]], list[Entry]]
    """The ledger of what serves all items; InputError for models that are none or must not be sold."""
    run: Callable[[Path, Mapping[str, Any], Path], Mapping[str, Any]]


def batch(
    inputs: str | Path, *, verb: str = "spatialize", watch: Watcher = unwatched, dry_run: bool = False, **options: Any
) -> dict[str, Any]:
    """The report of ``verb`` (spatialize, render) over a folder, or over the rows of a manifest (CSV, JSONL).

    A manifest has a column ``input`` and may have ``name`` and options of the verb, which win over those of the call; its
    paths are seen from the manifest. ``options`` are the fields of :class:`BatchOptions` and of the verb; names of outputs
    may say ``{name}``. Every input gets a folder in ``out`` with its files and ``result.json``; ``results.jsonl`` has a row
    each: status, seconds, reason, files, seed. A killed run is continued by ``resume``: what is done is not done again.
    With ``dry_run`` nothing is done: the report has what would be. Worker processes import the calling script, which
    therefore needs ``if __name__ == "__main__":`` around the call.
    InputError: nothing to do, a manifest that cannot be read, an unknown verb or option, a folder that holds something else.
    """
    if verb not in VERBS:
        raise InputError(f"batch runs {', '.join(VERBS)}, got {verb!r}")
    own = {each.name for each in fields(BatchOptions)}
    how = BatchOptions(**{name: value for name, value in options.items() if name in own})
    asked = {name: value for name, value in options.items() if name not in own}
    _check(verb, asked)
    source = Path(inputs)
    items, skipped = list(_items(source, verb)), _skipped(source, verb)
    if not items:
        raise InputError(f"{source} has no input for {verb}: it takes {', '.join(VERBS[verb].suffixes)}")
    report = {"version": seehear.__version__, "verb": verb, "items": len(items), "skipped": skipped}
    report["models"] = VERBS[verb].models(asked)
    if dry_run:
        return report | {"dry_run": True, "options": asked, "inputs": [item.asked for item in items]}
    base = source if source.is_dir() else source.parent
    settings = {"seehear": seehear.__version__, "verb": verb, "options": asked, "inputs": str(source.resolve())}
    crew = Crew(how.workers, how.limit_s)
    rows = run(items, _Job(verb, asked, base), Path(how.out), settings=settings, crew=crew, resume=how.resume, retry=how.retry)
    return report | _counted(rows, len(items), watch) | {"results": str(Path(how.out) / JOURNAL)}


def _counted(rows: Iterable[Row], count: int, watch: Watcher) -> dict[str, Any]:
    """What came of all of them. What is known is not watched: it would count into the speed, and so into the time left."""
    failures, seconds, known = [], [], 0
    for number, row in enumerate(rows, start=1):
        known += "known" in row
        seconds.append(row["seconds"])
        if row["status"] == "failed":
            failures.append({key: row[key] for key in ("item", "input", "reason", "fixable")})
        if "known" not in row:
            end = f"{row['seconds']:.1f} s" if row["status"] == "done" else f"failed: {row['reason']}"
            watch(f"{number}/{count} {row['item']}: {end}", number / count)
    return {
        "done": count - len(failures),
        "known": known,
        "failures": failures,
        "median_s": round(statistics.median(seconds), 3),
    }


@dataclass(frozen=True)
class _Job:
    """One item by a verb: what a worker process is handed."""

    verb: str
    options: Mapping[str, Any]
    base: Path
    """The folder from which inputs are seen."""

    def __call__(self, item: Item, folder: Path) -> Mapping[str, Any]:
        verb = VERBS[self.verb]
        asked = {**self.options, **{name: self._seen(value, name, verb) for name, value in item.options.items()}}
        for name in verb.outputs:
            if asked.get(name):
                asked[name] = str(folder / asked[name].replace(NAME, item.name))
        return verb.run(self.base / item.input, asked, folder)

    def _seen(self, value: Any, name: str, verb: _Verb) -> Any:
        return str(self.base / value) if value and name in verb.inputs else value


# ------------------------------------------------------------------------------------------------ verbs


def _spatialize(picture: Path, asked: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    from seehear.verbs.spatialize import spatialize

    outputs = {each.name: asked[each.name] for each in fields(OutputOptions) if each.name in asked}
    if OutputOptions(**outputs).is_empty:
        asked = {**asked, "folder": str(folder)}
    report = spatialize(picture, preset=_preset_of(asked), **asked).report
    told = {key: report[key] for key in ("seed", "duration_s", "layout", "loudness_lufs", "true_peak_dbtp", "notes")}
    return {**told, "sources": [each["label"] for each in report["sources"]]}


def _models(asked: Mapping[str, Any]) -> list[Entry]:
    ledger: list[Entry] = list(models_of(_preset_of(asked)))
    if asked.get("commercial_only"):
        check_commercial(ledger)
    return ledger


def _preset_of(asked: Mapping[str, Any]) -> SpatializePreset:
    models = {each.name: asked[each.name] for each in fields(ModelOptions) if each.name in asked}
    return _preset(asked.get("models", "builtin"), tuple(sorted(models.items())))


@cache
def _preset(name: str, models: tuple[tuple[str, Any], ...]) -> SpatializePreset:
    """The preset of this process: what it loads serves all of its items."""
    return spatialize_preset(name, ModelOptions(**dict(models)))


def _render(scene: Path, asked: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    from seehear.verbs.render import rendered_file

    report = rendered_file(scene, **{"output": folder / f"{folder.name}.wav", **asked}).report
    return {key: report[key] for key in ("layout", "loudness_lufs", "true_peak_dbtp", "notes") if key in report}


VERBS: Mapping[str, _Verb] = {
    "spatialize": _Verb(
        (SpatializeOptions, OutputOptions, ModelOptions), PICTURES + VIDEOS, ("bed", "hrtf"), NAMED, _models, _spatialize
    ),
    "render": _Verb((RenderOptions,), (*SOUND_FILES, ".json"), ("hrtf",), ("output",), lambda _: [], _render),
}


def _hints(verb: str) -> dict[str, Any]:
    hints = {name: hint for kind in VERBS[verb].options for name, hint in get_type_hints(kind).items()}
    return hints | dict.fromkeys(VERBS[verb].outputs, str)


def _check(verb: str, asked: Mapping[str, Any], where: str = "", base: Path = Path()) -> None:
    """Nothing, or the InputError that the verb itself would raise for one of the options."""
    known = _hints(verb)
    if unknown := sorted(set(asked) - set(known)):
        raise InputError(f"{where}unknown option {unknown[0]!r}: {verb} takes {', '.join(sorted(known))}")
    for kind in VERBS[verb].options:
        kind(**{each.name: asked[each.name] for each in fields(kind) if each.name in asked})
    for name in VERBS[verb].outputs:
        given = asked.get(name) or "unnamed"
        if not isinstance(given, str) or given == ".." or Path(given).name != given:
            raise InputError(
                f"{where}--{name} must be a plain name like {NAME}.wav, each input has a folder of its own: {given!r}"
            )
    for name in VERBS[verb].inputs:
        if asked.get(name):
            check_input(base / asked[name])


# ------------------------------------------------------------------------------------------------ inputs


def _items(source: Path, verb: str) -> Iterator[Item]:
    """Every input with a name of its own, in the order of the manifest or by name."""
    taken, counts = {each.casefold() for each in OURS}, Counter[str]()
    for path, name, options in _rows(source, verb):
        plain = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", name)).strip("-.")
        wanted = plain.encode()[:LONGEST_NAME].decode(errors="ignore").rstrip("-.") or "item"
        unique = wanted
        while unique.casefold() in taken:  # two folders may differ by more than case nowhere
            counts[wanted] += 1
            unique = f"{wanted}-{counts[wanted] + 1}"
        taken.add(unique.casefold())
        yield Item(unique, path, options)


def _rows(source: Path, verb: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path as it is told, name and options of every input."""
    if source.is_dir():
        yield from ((path.name, path.stem, {}) for path in _listed(source) if path.suffix.lower() in VERBS[verb].suffixes)
        return
    if source.suffix.lower() not in MANIFESTS:
        check_input(source)
        raise InputError(f"{source} is no folder and no manifest ({' or '.join(MANIFESTS)})")
    check_input(source)
    for number, row in _manifest(source):
        where = f"{source}, row {number}: "
        columns = ", ".join(map(repr, row))
        path = row.pop("input", None)
        if not isinstance(path, str) or not path:
            raise InputError(f"{where}`input` must name a file; there is {columns or 'nothing'}")
        if re.match(r"\w+://", path):
            raise InputError(f"{where}{path} is an address: batch reads files, download it first")
        name = row.pop("name", None) or Path(path).stem
        if not isinstance(name, str):
            raise InputError(f"{where}`name` must be text")
        _check(verb, row, where, source.parent)
        yield path, name, row


def _listed(folder: Path) -> list[Path]:
    """The files of a folder by name, links that lead nowhere among them; not what lies in folders of its own."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not path.is_dir())
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error.strerror}") from None


def _skipped(source: Path, verb: str) -> dict[str, int]:
    """Of a folder: how many files are no input for the verb, by extension."""
    others = Counter(path.suffix.lower() for path in (_listed(source) if source.is_dir() else ()))
    return {suffix: count for suffix, count in sorted(others.items()) if suffix not in VERBS[verb].suffixes}


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
    except (csv.Error, ValueError, RecursionError) as error:
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
