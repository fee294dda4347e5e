"""``curate``: clips out of panoramic films or of released data sets, and the portrait of any folder of clips."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import seehear
from seehear.data.runner import Crew, Row
from seehear.io.files import check_output, whole_file, whole_files
from seehear.presets.options import MachineOptions
from seehear.systems.spatialize.options import check_choice, check_range, check_types, option
from seehear.types import InputError
from seehear.verbs.ledger import entry
from seehear.verbs.progress import Watcher, unwatched

if TYPE_CHECKING:
    from seehear.data.clips import Clip
    from seehear.data.curation.records import Rules

FUNNEL = "curation.json"
"""Beside the manifest: the rules, the models, and how many records every stage saw and turned away."""
DATA_SETS = ("yt-ambigen", "vggsound")
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class CurateOptions:
    """How to curate."""

    out: str = option("", "Folder for the clips.", "DIR")
    models: str = option("builtin", "What listens: builtin, hub (AST), or a folder with an AST.", "NAME")
    workers: int = option(1, "Processes that work at the same time.", "N")
    resume: bool = option(False, "Go on with a run that was stopped, or with more films.")
    selection: str = option("recursive", "Clips: recursive (the best, then before and after it) or consecutive.", "KIND")
    least_probability: float = option(0.3, "Of the most probable sound of a clip.", "P")
    least_rms_db: float = option(-60.0, "Level of a second in which there is something to hear, in dBFS.", "DB")
    least_relevance_sigma: float = option(1.0, "Clips are dropped so many deviations below the mean relevance.", "X", "--sigmas")
    any_levels: bool = option(False, "Take films whose levels are not those of AmbiX but, say, of FuMa; else they are refused.")
    side_px: int = option(224, "Side of the clips' pictures.", "PX", "--side")
    fov_deg: float = option(90.0, "Field of view of the clips.", "DEG", "--fov")
    fps: float = option(4.0, "Pictures per second.", "HZ")

    def __post_init__(self) -> None:
        check_types(self)
        if not self.out:
            raise InputError("--out needs the name of a folder")
        check_range("--workers", self.workers, 1, 256)
        check_choice("--selection", self.selection, "recursive", "consecutive")
        check_range("--least-probability", self.least_probability, 0, 1)
        check_range("--least-rms", self.least_rms_db, -200, 0, "dB")
        check_range("--sigmas", self.least_relevance_sigma, 0, 100)
        check_range("--side", self.side_px, 16, 2048, "px")
        check_range("--fov", self.fov_deg, 10, 170, "degrees")
        check_range("--fps", self.fps, 0.2, 60, "Hz")


@dataclass(frozen=True)
class ReportOptions:
    """What to look at."""

    models: str = option("builtin", "What listens: builtin, hub (AST), or a folder with an AST.", "NAME")
    split: str | None = option(None, "Only the clips of that split.", "NAME")
    limit: int | None = option(None, "At most so many clips, evenly picked.", "N")
    force: bool = option(False, "Replace existing files.")

    def __post_init__(self) -> None:
        check_types(self)
        if self.limit is not None and self.limit < 1:
            raise InputError(f"--limit must be at least 1, got {self.limit}")


@dataclass(frozen=True)
class ImportOptions:
    """Which clips to take over."""

    lists: str = option("", "yt-ambigen: folder with test.csv ... and ambi.json; vggsound: vggsound.csv.", "PATH")
    media: str = option("", "yt-ambigen: folder with nfov/ and audio/; vggsound: folder of videos.", "DIR")
    out: str = option("", "Folder for the clips.", "DIR")
    split: str = option("train", "train, valid (yt-ambigen) or test.", "NAME")
    seed: int = option(0, "vggsound: which five of ten seconds are taken.", "N")

    def __post_init__(self) -> None:
        check_types(self)
        check_choice("--split", self.split, *SPLITS)
        check_range("--seed", self.seed, 0, 2**63 - 1)
        for name in ("lists", "media", "out"):
            if not getattr(self, name):
                raise InputError(
                    f"--{name} is needed: it names where the {name} are" if name != "out" else "--out needs a folder"
                )


# ------------------------------------------------------------------------------------------------ run


def run(films: str | Path, *, watch: Watcher = unwatched, dry_run: bool = False, **options: Any) -> dict[str, Any]:
    """The report of curation: for every stage how many records came in, went out, and why the others did not.

    ``films`` is a folder of panoramic videos with first-order ambisonics, in the video or beside it under the same name (.wav,
    .opus, .webm ...), or a CSV or JSONL manifest with a column ``video`` and if need be ``sound``, ``name`` and ``convention``.
    ``options`` are the fields of :class:`CurateOptions` and `MachineOptions`. ``out`` then holds a folder per film with its
    candidates and ``rejects.jsonl``, and ``manifest.jsonl`` with the clips that are kept, maybe none. A script that calls this
    needs ``if __name__ == "__main__":``. With ``dry_run`` nothing is made.
    InputError: nothing to curate, an option that does not fit, a folder that holds something else.
    """
    from seehear.data.curation.films import listed_films
    from seehear.data.curation.running import curate, funnel
    from seehear.data.shards import MANIFEST, count_clips
    from seehear.presets.curation import curation_preset

    asked, machine = _split(options, CurateOptions, MachineOptions)
    found = listed_films(Path(films))
    rules, preset, out = rules_of(asked), curation_preset(asked.models, machine), Path(asked.out)
    parts = [{k: v for k, v in asdict(part).items() if v is not None} for part in preset.parts]
    models = [entry(part.pop("role"), part.pop("name"), part.pop("licence"), **part) for part in parts]
    report = {"version": seehear.__version__, "films": len(found), "out": str(out), "rules": asdict(rules), "models": models}
    if dry_run:
        return report | {"dry_run": True, "inputs": [str(each.video) for each in found]}
    rows: list[Row] = []
    for row in curate(found, out, rules, preset.models, crew=Crew(asked.workers), resume=asked.resume):
        rows.append(row)
        if "known" not in row:
            watch(f"film {len(rows)}/{len(found)} {row['item']}: {_end(row)}", len(rows) / len(found))
    kept = count_clips(out) if (out / MANIFEST).stat().st_size else 0  # readers refuse an empty file
    failures = [{key: row[key] for key in ("item", "input", "reason", "fixable")} for row in rows if row["status"] == "failed"]
    report |= {"funnel": funnel(rows, kept), "clips": kept, "failures": failures, "manifest": str(out / MANIFEST)}
    with whole_file(out / FUNNEL, force=True) as temporary:
        temporary.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return report


def rules_of(asked: CurateOptions) -> Rules:
    """The rules that the options ask for."""
    from seehear.data.curation.records import Rules

    return Rules(
        most_field_ratio=None if asked.any_levels else Rules.most_field_ratio,
        least_rms_dbfs=asked.least_rms_db,
        least_probability=asked.least_probability,
        selection=cast(Any, asked.selection),
        hfov_deg=asked.fov_deg,
        view_px=asked.side_px,
        frames_per_s=asked.fps,
        sigmas=asked.least_relevance_sigma,
    )


def _end(row: Row) -> str:
    if row["status"] == "failed":
        return f"failed: {row['reason']}"
    reasons = Counter({f"{stage}: {reason}": n for stage, reason, n in row["rejects"]})
    main = f" ({reasons.most_common(1)[0][0]})" if reasons and not row["candidates"] else ""
    return f"{row['candidates']} candidates{main}, {row['seconds']:.1f} s"


def funnel_table(report: dict[str, Any]) -> str:
    """The report in words: a line per stage, the reasons below it."""
    lines = [f"{'stage':<12}{'in':>8}{'out':>8}   why not"]
    for row in report["funnel"]:
        reasons = "; ".join(f"{n} {reason}" for reason, n in row["rejects"].items()) or "-"
        lines.append(f"{row['stage']:<12}{row['in']:>8}{row['out']:>8}   {reasons}")
    unit = "The first three count films, the others windows of 5 s."
    return "\n".join([*lines, unit, f"{report['clips']} clips of {report['films']} films: {report['manifest']}"])


# ------------------------------------------------------------------------------------------------ report


def report(
    clips: str | Path, out: str | Path, *, watch: Watcher = unwatched, dry_run: bool = False, **options: Any
) -> dict[str, Any]:
    """What a folder of clips is made of: counts of tags and of salient objects, their places and tracks (appendix G of ViSAGe).

    ``clips`` is a folder of shards, a manifest or an archive, of the world, of curation or taken over. ``out`` is the figure
    (.png), beside it lie its numbers (.json). ``options`` are the fields of :class:`ReportOptions` and :class:`MachineOptions`.
    InputError: no clips, a file that exists or cannot be written.
    """
    from seehear.data.shards import count_clips, read_clips
    from seehear.presets.curation import curation_preset

    asked, machine = _split(options, ReportOptions, MachineOptions)
    picture = check_output(out, asked.force)
    if picture.suffix.lower() != ".png":
        raise InputError(f"the report is a figure (.png), with its numbers beside it, got {picture.name!r}")
    numbers = check_output(picture.with_suffix(".json"), asked.force)
    source = Path(clips)
    total = count_clips(source, split=asked.split)
    if not total:
        raise InputError(f"{source} holds no clips" + (f" of the split {asked.split!r}" if asked.split else ""))
    every = 1 if asked.limit is None else -(-total // asked.limit)
    preset = curation_preset(asked.models, machine)
    told = {"version": seehear.__version__, "data": str(source), "tagger": preset.tagger.name, "of_clips": total}
    files = {"figure": str(picture), "json": str(numbers)}
    if dry_run:
        return told | {"dry_run": True, **files}
    from seehear.data.curation.statistics import portrait, summary

    found, n_found = [], -(-total // every)
    for number, clip in enumerate(read_clips(source, split=asked.split, every=every), start=1):
        found.append(portrait(clip, preset.tagger, preset.recognizer, preset.least_object_probability))
        watch(f"clip {number}/{n_found}: {found[-1].tag}, {found[-1].object}", number / n_found)
    made = told | summary(found)
    _write_report(made, picture, numbers, asked.force)
    return {key: value for key, value in made.items() if key != "each"} | files


def _write_report(made: dict[str, Any], picture: Path, numbers: Path, force: bool) -> None:
    import numpy as np

    from seehear.figures.curating import data_set_figure

    seen = [each for each in made["each"] if each["centre"] is not None]
    tracks = [np.array([point or (np.nan, np.nan) for point in each["track"]]) for each in seen]
    centres = np.array([each["centre"] for each in seen]).reshape(-1, 2)
    title = f"{Path(made['data']).name}: {made['clips']} clips"
    with whole_files() as files:
        figure = data_set_figure(made["tags"], made["objects"], centres, tracks, title=title, aspect=made["aspect"])
        files.file(picture, force).write_bytes(figure)
        files.file(numbers, force).write_text(json.dumps(made, ensure_ascii=False) + "\n", "utf-8")


# ------------------------------------------------------------------------------------------------ import


def take_over(data_set: str, *, watch: Watcher = unwatched, dry_run: bool = False, **options: Any) -> dict[str, Any]:
    """The report of writing the clips of a released data set as shards: how many, and which are missing and why.

    ``data_set`` is ``yt-ambigen`` or ``vggsound`` (sound in W alone, for the mono model); what they expect on the disk is told in
    `data.yt_ambigen` and `data.vggsound`. Nothing is downloaded. ``options`` are the fields of :class:`ImportOptions`.
    InputError: an unknown data set or split, lists that are not the released ones, no clip at all, a folder that holds clips.
    """
    from seehear.data.reading import Missing
    from seehear.data.shards import MANIFEST, write_shards

    check_choice("DATA_SET", data_set, *DATA_SETS)
    (asked,) = _split(options, ImportOptions)
    out = Path(asked.out)
    if (out / MANIFEST).exists():
        raise InputError(f"{out} holds clips already: name another folder")
    n_listed, source = _released(data_set, asked)
    told = {"version": seehear.__version__, "data_set": data_set, "split": asked.split, "listed": n_listed, "out": str(out)}
    if dry_run:
        return told | {"dry_run": True}
    missing: list[Missing] = []

    def there() -> Iterator[Clip]:
        for number, each in enumerate(source, start=1):
            watch(f"clip {number}/{n_listed}", number / n_listed)
            if isinstance(each, Missing):
                missing.append(each)
            else:
                yield each
        if len(missing) == n_listed:
            raise InputError(f"none of the {n_listed} clips could be read; the first: {missing[0].clip_id}: {missing[0].reason}")

    with whole_files() as files:
        n_clips = write_shards(there(), out, within=files)
        told_missing = "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in missing)
        files.file(out / "missing.jsonl", force=True).write_text(told_missing, "utf-8")
    return told | {"clips": n_clips, "missing": len(missing), "manifest": str(out / MANIFEST)}


def _released(data_set: str, asked: ImportOptions) -> tuple[int, Iterator[Any]]:
    """How many clips the lists name, and the clips."""
    import numpy as np

    from seehear.data import vggsound, yt_ambigen

    lists, media = Path(asked.lists), Path(asked.media)
    if data_set == "yt-ambigen":
        split = cast(yt_ambigen.Split, asked.split)
        return len(yt_ambigen.read_entries(lists, split)), yt_ambigen.read_clips(lists, media, split)
    if asked.split == "valid":
        raise InputError("VGGSound has the splits train and test")
    own, rng = cast(vggsound.Split, asked.split), np.random.default_rng(asked.seed)
    return len(vggsound.read_entries(lists, own)), vggsound.read_clips(lists, media, own, rng)


def _split(options: dict[str, Any], *kinds: type) -> Sequence[Any]:
    """A value of each kind from the options that are its fields; InputError for one that is of none."""
    known = {each.name for kind in kinds for each in fields(kind)}
    if unknown := sorted(set(options) - known):
        raise InputError(f"unknown option {unknown[0]!r}: it takes {', '.join(sorted(known))}")
    return [kind(**{f.name: options[f.name] for f in fields(kind) if f.name in options}) for kind in kinds]
