"""Rows of measured ways to make sound, as `visage_world.py` and `visage_ablations.py` print and write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seehear.metrics.direction import angle_scores
from seehear.metrics.score import Score

if TYPE_CHECKING:
    from visage_world import HeldOut

COLUMNS = {
    "angle (deg)": "angle_median",
    "within 30": "within_30_deg",
    "to camera (deg)": "angle_median_to_camera",
    "CC all": "cc_all",
    "CC 1fps": "cc_1fps",
    "CC 5fps": "cc_5fps",
    "AUC all": "auc_all",
    "AUC 1fps": "auc_1fps",
    "AUC 5fps": "auc_5fps",
    "FAD_dec": "fad_dec",
    "KLD_dec": "kld_dec",
    "FAD_avg": "fad_avg",
}


@dataclass(frozen=True)
class Row:
    """One way to make sound, measured on all clips."""

    name: str
    scores: Mapping[str, Score]
    angles_deg: tuple[float, ...]
    """Of every clip, to the reference; NaN where that has no direction."""
    seconds: float
    """CPU time to make and to measure it."""


def table(rows: Iterable[Row]) -> str:
    """Markdown: a line for every row, values with their 95 % intervals."""
    rows = list(rows)
    shown = {title: name for title, name in COLUMNS.items() if any(name in row.scores for row in rows)}
    lines = [f"| | {' | '.join(shown)} |", "|---" * (len(shown) + 1) + "|"]
    for row in rows:
        cells = [_cell(row.scores.get(name)) for name in shown.values()]
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(score: Score | None) -> str:
    if score is None:
        return ""
    digits = 1 if score.unit == "deg" else 3 if score.value < 10 else 1
    value, low, high = (f"{number:.{digits}f}" for number in (score.value, *score.ci))
    return f"{value} [{low}, {high}]"


def by_variety(row: Row, held_out: HeldOut) -> str:
    """The median angle of each kind of scene, on one line."""
    parts = []
    for variety in sorted(set(held_out.varieties)):
        angles = np.radians([a for a, kind in zip(row.angles_deg, held_out.varieties, strict=True) if kind == variety])
        parts.append(f"{variety or 'all'} {angle_scores(angles)['angle_median']}")
    return f"{row.name}: {'; '.join(parts)}"


def as_json(rows: Iterable[Row], held_out: HeldOut, facts: Mapping[str, Any]) -> str:
    """Everything that was measured; a figure that is none is null."""
    plain = [{**asdict(row), "scores": {name: asdict(score) for name, score in row.scores.items()}} for row in rows]
    whole = {**facts, "clips": list(held_out.keys), "varieties": list(held_out.varieties), "rows": plain}
    return json.dumps(_without_nan(whole), indent=1, ensure_ascii=False) + "\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
