"""Curation of many films: every film by itself, resumable, then one cut over the relevance of all clips; all of it counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from seehear.data.clips import Clip
from seehear.data.curation.aiming import aimed, clips
from seehear.data.curation.films import FilmFiles, open_film
from seehear.data.curation.records import OF_VIDEOS, STAGES, Film, Reject, Rules, Stage, Window
from seehear.data.curation.relevance import Relevance, least_relevance, relevant
from seehear.data.curation.selection import selected
from seehear.data.curation.sound import sounding_windows, with_all_channels, with_ambix_levels
from seehear.data.runner import Crew, Item, Row, run
from seehear.data.shards import ROWS, SHARD, write_manifest, write_shard
from seehear.io.files import whole_files
from seehear.protocols import AudioTagger
from seehear.types import Convention

T = TypeVar("T")
REJECTS = "rejects.jsonl"
"""What was turned away, one by one: beside the clips of a film; beside the manifest what the cut over all films left out."""


@dataclass(frozen=True)
class Models:
    """What listens and looks; picklable, for it goes to worker processes."""

    tagger: AudioTagger
    relevance: Relevance
    relevance_name: str


@dataclass(frozen=True)
class Tally:
    """What became of one film: how many records every stage saw, and what was turned away."""

    seen: Counter[Stage] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)

    def passed(self, stage: Stage, outcomes: Sequence[T | Reject]) -> list[T]:
        """Those that a stage lets through; all are counted."""
        self.seen[stage] += len(outcomes)
        self.rejects.extend(each for each in outcomes if isinstance(each, Reject))
        return [each for each in outcomes if not isinstance(each, Reject)]


def candidates(files: FilmFiles, tagger: AudioTagger, rules: Rules) -> tuple[list[Window], Tally]:
    """The aimed windows of a film that every stage before the pictures lets through, and the count of what they turned away."""
    tally = Tally()
    films: list[Film] = tally.passed("read", [open_film(files, rules)])
    films = tally.passed("order", [with_ambix_levels(film, rules) for film in films])
    films = tally.passed("channels", [with_all_channels(film, rules) for film in films])
    windows = [window for film in films for window in tally.passed("windows", sounding_windows(film, rules))]
    windows = tally.passed("labels", selected(windows, tagger, rules))
    return tally.passed("direction", [aimed(window, rules) for window in windows]), tally


@dataclass(frozen=True)
class CurateFilm:
    """The job of one film: its candidate clips in an archive with their relevance, and the count of the others."""

    rules: Rules
    models: Models

    def __call__(self, item: Item, folder: Path) -> Mapping[str, Any]:
        windows, tally = candidates(files_of(item), self.models.tagger, self.rules)
        scores: list[float] = []

        def scored() -> Iterator[Clip]:
            for clip in clips(windows, self.rules):
                scores.append(float(self.models.relevance(clip)))
                yield clip

        if windows:
            rows = write_shard(scored(), folder / SHARD)
            lines = [{**row, "shard": f"{item.name}/{SHARD}", "relevance": s} for row, s in zip(rows, scores, strict=True)]
            _write_lines(folder / ROWS, lines)
        if tally.rejects:
            _write_lines(folder / REJECTS, [asdict(each) for each in tally.rejects])
        counted = Counter((each.stage, each.reason) for each in tally.rejects)
        return {
            "seen": dict(tally.seen),
            "rejects": [[stage, reason, n] for (stage, reason), n in counted.items()],
            "candidates": len(scores),
        }


def item_of(files: FilmFiles) -> Item:
    """What the runner is asked for; a film is known again by its files."""
    sound = None if files.sound is None else str(files.sound)
    return Item(files.name, str(files.video), {"sound": sound, "convention": files.convention})


def files_of(item: Item) -> FilmFiles:
    """The inverse of :func:`item_of`."""
    sound, convention = item.options["sound"], item.options["convention"]
    return FilmFiles(item.name, Path(item.input), None if sound is None else Path(sound), _convention(convention))


def _convention(name: str) -> Convention:
    return name  # type: ignore[return-value]  # `listed_films` has checked it


def curate(
    films: Sequence[FilmFiles],
    out: Path,
    rules: Rules,
    models: Models,
    *,
    crew: Crew,
    resume: bool = False,
) -> Iterator[Row]:
    """The runner's row of every film as it is done; at the end ``out`` has the manifest of the clips that are kept.

    Candidates lie in ``out``/FILM/clips.tar; the manifest names those whose relevance is not below the cut, which needs all
    scores, and ``out``/rejects.jsonl the others. A run that was stopped goes on with ``resume``, also with more films: then
    the cut is made anew.
    InputError as :func:`data.runner.run`.
    """
    settings = {
        "rules": asdict(rules),
        "tagger": models.tagger.name,
        "relevance": models.relevance_name,
    }
    done: list[str] = []
    job = CurateFilm(rules, models)
    for row in run((item_of(each) for each in films), job, out, settings=settings, crew=crew, resume=resume, retry=True):
        if row["status"] == "done" and row["candidates"]:
            done.append(row["item"])
        yield row
    rows = [row for each in films if each.name in set(done) for row in _lines(out / each.name / ROWS)]
    least = least_relevance([row["relevance"] for row in rows], rules)
    judged = [(row, relevant(row["relevance"], least, row["key"])) for row in rows]
    with whole_files() as files:
        write_manifest(out, (row for row, outcome in judged if not isinstance(outcome, Reject)), files)
        rejects = [asdict(outcome) for _, outcome in judged if isinstance(outcome, Reject)]
        _write_lines(files.file(out / REJECTS, force=True), rejects)


def funnel(rows: Sequence[Row], kept: int) -> list[dict[str, Any]]:
    """For each stage how many records came in and went out, and why the others did not, from the rows of all films.

    The first stages count films, the others windows of them. A film whose job failed did not get through the first.
    ``kept`` of the candidates are in the manifest.
    """
    seen: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {stage: Counter() for stage in STAGES}
    for row in rows:
        if row["status"] == "failed":
            seen["read"] += 1
            reasons["read"]["failed"] += 1
            continue
        seen.update(row["seen"])
        for stage, reason, n in row["rejects"]:
            reasons[stage][reason] += n
    n_candidates = sum(row["candidates"] for row in rows if row["status"] == "done")
    seen["relevance"] = n_candidates
    reasons["relevance"]["the picture does not fit the sound"] = n_candidates - kept
    return [
        {
            "stage": stage,
            "of": "films" if stage in OF_VIDEOS else "windows",
            "in": seen[stage],
            "out": seen[stage] - sum(reasons[stage].values()),
            "rejects": {reason: n for reason, n in reasons[stage].most_common() if n},
        }
        for stage in STAGES
    ]


def _write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
