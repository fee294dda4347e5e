"""``evaluate ambisonics``: generated sound fields beside their references, by every measure of ViSAGe."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import seehear
from seehear.io.files import check_output, whole_file
from seehear.io.layouts import ORDERS
from seehear.presets import MachineOptions, judges_preset
from seehear.presets.options import DEVICE_HELP, OFFLINE_HELP
from seehear.presets.parts import Part
from seehear.systems.spatialize.options import check_choice, check_range, check_types, option
from seehear.types import InputError
from seehear.verbs.ledger import entry
from seehear.verbs.progress import Watcher, unwatched

if TYPE_CHECKING:
    from seehear.data.field_pairs import FieldSets, Unreadable
    from seehear.metrics.ambisonics import FieldPair
    from seehear.metrics.score import Score

MEASURES = {
    "fad_dec": "FAD, mono at the camera",
    "fad_dec_at_infinity": "- of endless sets",
    "fad_avg": "FAD, mean of channels",
    "fad_avg_at_infinity": "- of endless sets",
    "kld_dec": "KLD, mono at the camera",
    "cc_all": "CC, whole clip",
    "cc_1fps": "CC, 1 fps",
    "cc_5fps": "CC, 5 fps",
    "auc_all": "AUC, whole clip",
    "auc_1fps": "AUC, 1 fps",
    "auc_5fps": "AUC, 5 fps",
    "angle_median": "median angle to the reference",
    "within_30_deg": "share within 30 degrees of it",
    "angle_median_to_camera": "median angle to the camera",
    "within_30_deg_to_camera": "share within 30 degrees of it",
}
"""In the order of the paper's tables."""
READ_IT_SO = (
    "Rows: truth is the reference for itself, of FAD one half of the references beside the other half; shuffled is the reference "
    "of another clip (FAD of channels does not see that: the set is the same); noise comes from everywhere, as loud as the "
    "reference.",
    "FAD depends on the embedder, on the length of clips and on their number n: of n clips it lies above zero by about c / n. "
    "Only figures with one of each compare; 'of endless sets' is extrapolated from n / 3 to n clips (a negative one says zero) "
    "and is left out where the fewest have no more embeddings than features.",
    "The paper measures FAD with VGGish and KLD with PaSST: figures of other judges do not belong beside its own.",
)


@dataclass(frozen=True)
class AmbisonicsOptions:
    """How to compare. Every field is a keyword of the verb and a flag of the command."""

    directions: str = option(
        "", "Where the cameras looked: CSV with name, azimuth_deg, elevation_deg; or JSON, or a manifest.", "FILE"
    )
    embedder: str = option("builtin", "Who hears likeness (FAD): builtin; a hub id or folder of AST or CLAP.", "MODEL")
    tagger: str = option("", "Who names sounds (KLD): builtin, or AST; the embedder, where it can.", "MODEL")
    compat: str = option("", "visage: CC and AUC as the program of ViSAGe has them, errors included.", "NAME")
    generated_order: str = option("", "Channels of the generated files: acn (unless they say another), fuma or n3d.", "NAME")
    reference_order: str = option("", "Channels of the reference files: acn (unless they say another), fuma or n3d.", "NAME")
    no_controls: bool = option(False, "Leave out truth, shuffled, noise and silence: faster.")
    seed: int = option(0, "Same seed, same figures.", "N")
    device: str = option("auto", DEVICE_HELP, "NAME")
    offline: bool = option(False, OFFLINE_HELP)
    force: bool = option(False, "Replace an existing report.")

    def __post_init__(self) -> None:
        check_types(self)
        check_range("--seed", self.seed, 0, 2**63 - 1)
        MachineOptions(device=self.device)
        if self.compat:
            check_choice("--compat", self.compat, "visage")
        for flag, order in (("--generated-order", self.generated_order), ("--reference-order", self.reference_order)):
            if order:
                check_choice(flag, order, *filter(None, ORDERS))


def evaluate_ambisonics(
    generated: str | Path,
    reference: str | Path,
    out: str | Path | None = None,
    *,
    watch: Watcher = unwatched,
    dry_run: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """The report of section 3.3 of ViSAGe over ambisonic files of one name in two folders, also written to ``out`` (JSON).

    ``reference`` may also be a folder of shards. ``options`` are the fields of :class:`AmbisonicsOptions`. All is compared at
    16 kHz, first order; one pair of sounds is in memory at a time, of the others their embeddings. A pair that cannot be compared
    is a counted failure with its reason. InputError: an unknown option, folders without sounds or without a common name,
    directions that cannot be read, an output that exists, a model that cannot be had, or when every pair failed.
    """
    wanted = _options(options)
    report_path = None if out is None else check_output(out, wanted.force)
    if report_path is not None and report_path.suffix != ".json":
        raise InputError(f"the report is a .json file, got {report_path.name!r}")
    from seehear.data.field_pairs import find_fields

    sets = find_fields(Path(generated), Path(reference), Path(wanted.directions) if wanted.directions else None)
    preset = judges_preset(wanted.embedder, wanted.tagger, device=wanted.device, offline=wanted.offline)
    plan = {
        "version": seehear.__version__,
        "system": "ambisonics",
        "settings": {name: value for name, value in asdict(wanted).items() if name != "force"},
        "generated": str(generated),
        "reference": str(reference),
        "pairs": len(sets.keys),
        "with_a_direction": len(sets.directions.keys() & set(sets.keys)),
        "unused": sets.unused,
    }
    files = [] if report_path is None else [str(report_path)]
    if dry_run:
        return plan | {"dry_run": True, "files": files, "models": _models(preset.parts)}
    from seehear.metrics.ambisonics import Judges, measured_rows

    embedder, tagger, parts = preset.make(watch)
    failures: list[Unreadable] = []
    seconds: list[float] = []
    pairs = _read(sets, wanted, failures, seconds, watch)
    judges, compat = Judges(embedder, tagger), cast(Any, wanted.compat or None)
    rows = measured_rows(pairs, judges, controls=not wanted.no_controls, compat=compat, seed=wanted.seed)
    if not seconds:
        raise InputError(f"none of the {len(sets.keys)} pairs could be compared; the first: {failures[0].reason}")
    judged = {"embedder": embedder.name, "tagger": None if tagger is None else tagger.name, "models": _models(parts)}
    report = plan | judged | summarise(rows, failures, seed=wanted.seed)
    report |= {"median_clip_s": sorted(seconds)[len(seconds) // 2], "notes": _notes(report, wanted)}
    if report_path is not None:
        with whole_file(report_path, wanted.force) as temporary:
            temporary.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return report | {"files": files}


def _options(options: Mapping[str, Any]) -> AmbisonicsOptions:
    names = {each.name for each in fields(AmbisonicsOptions)}
    if unknown := sorted(set(options) - names):
        raise InputError(f"unknown option {unknown[0]!r}: evaluate ambisonics takes {', '.join(sorted(names))}")
    return AmbisonicsOptions(**options)


def _models(parts: Sequence[Part]) -> list[dict[str, Any]]:
    told = ({name: value for name, value in asdict(part).items() if value is not None} for part in parts)
    return [entry(part.pop("role"), part.pop("name"), part.pop("licence"), **part) for part in told]


def _read(
    sets: FieldSets, wanted: AmbisonicsOptions, failures: list[Unreadable], seconds: list[float], watch: Watcher
) -> Iterator[FieldPair]:
    """The pairs that can be compared; the others go to ``failures``, lengths to ``seconds``."""
    from seehear.data.field_pairs import Unreadable, read_pairs
    from seehear.metrics.ambisonics import RATE_HZ

    orders = {"generated_order": ORDERS[wanted.generated_order], "reference_order": ORDERS[wanted.reference_order]}
    for index, each in enumerate(read_pairs(sets, seed=wanted.seed, **orders)):
        watch(each.key, index / len(sets.keys))
        if isinstance(each, Unreadable):
            failures.append(each)
        else:
            seconds.append(round(each.reference.shape[1] / RATE_HZ, 3))
            yield each


# ------------------------------------------------------------------------------------------------ the report


def summarise(rows: Mapping[str, Any], failures: Sequence[Unreadable], *, seed: int = 0) -> dict[str, Any]:
    """Scores of all rows and every failure, as plain values; NaN is null."""
    from seehear.metrics.ambisonics import row_scores

    scores = {
        name: row_scores(row, n_failed=len(failures), halves=name == "truth", seed=seed) for name, row in rows.items() if row.made
    }
    return {
        "evaluated": len(rows["generated"].made),
        "failures": [asdict(each) for each in failures],
        "rows": {name: {measure: _plain(score) for measure, score in of_row.items()} for name, of_row in scores.items()},
    }


def _plain(score: Score) -> dict[str, Any]:
    told = asdict(score)
    return told | {"value": _or_none(score.value), "ci": [_or_none(end) for end in score.ci]}


def _or_none(value: float) -> float | None:
    return value if isfinite(value) else None


def _notes(report: Mapping[str, Any], wanted: AmbisonicsOptions) -> list[str]:
    known = report["with_a_direction"]
    notes = list(READ_IT_SO) if not wanted.no_controls else list(READ_IT_SO[1:])
    if not known:
        notes.insert(0, "No camera direction is known, so there is no mono at the camera (FAD_dec, KLD_dec): --directions FILE.")
    elif known < report["pairs"]:
        notes.insert(0, f"The camera direction is known for {known} of {report['pairs']} clips: only those are heard from there.")
    if known and report["tagger"] is None:
        notes.insert(0, f"{report['embedder']} names no sounds, so there is no KLD: --tagger builtin, or an AST model.")
    if report["unused"]:
        notes.append(f"{len(report['unused'])} generated sounds have no reference, such as {report['unused'][0]}.")
    return notes


def table(report: Mapping[str, Any]) -> str:
    """A Markdown table of the report, a line per measure, with 95 % intervals; then what to know about it."""
    rows = report["rows"]
    lines = [f"| measure | better | {' | '.join(rows)} |", "|---" * (2 + len(rows)) + "|"]
    for name, title in MEASURES.items():
        told = {row: scores[name] for row, scores in rows.items() if name in scores}
        if any(score["value"] is not None for score in told.values()):
            better = next(iter(told.values()))["better"]
            lines.append(f"| {title} | {better} | {' | '.join(_told(told.get(row)) for row in rows)} |")
    failed = report["failures"]
    counts = f"n = {report['evaluated']} clips of {report['median_clip_s']:g} s, {len(failed)} failed; 95 % intervals over clips."
    judges = f"FAD by {report['embedder']}" + (f", KLD by {report['tagger']}" if report["tagger"] else "") + ", at 16 kHz."
    failures = [f"failed: {each['reason']}" for each in failed]
    return "\n".join([*lines, "", counts, judges, *failures, *(f"note: {note}" for note in report["notes"])])


def _told(score: Mapping[str, Any] | None) -> str:
    if score is None or score["value"] is None:
        return "-"
    digits = 1 if score["unit"] == "deg" else 3
    interval = "" if score["ci"][0] is None else f" [{score['ci'][0]:.{digits}f}, {score['ci'][1]:.{digits}f}]"
    return f"{score['value']:.{digits}f}{interval}"
