"""The command ``ambisonize``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, DryRun, Help, command
from seehear.cli.terminal import json_of, progress_bar, say
from seehear.presets.options import MachineOptions
from seehear.systems.spatialize.options import MODELS
from seehear.types import InputError
from seehear.verbs.ambisonize_options import AmbisonizeFiles, AmbisonizeOptions

PANELS = {"What to make": AmbisonizeOptions, "Which files to write": AmbisonizeFiles, MODELS: MachineOptions}


@command("ambisonize", PANELS)
def ambisonize(
    picture: Annotated[Path, typer.Argument(metavar="INPUT", help="Video, GIF or photo.", show_default=False)],
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Turn a silent video and the direction of its camera into ambisonics, end to end by a model (ViSAGe)."""
    from seehear.verbs import ambisonize as verb

    if not dry_run and all(options[name] is None for name in ("output", "video", "figure", "sidecar")):
        raise InputError("nothing would be written: name a file, as in -o OUT.wav")
    with progress_bar() as watch:
        report = verb(picture, watch=watch, dry_run=dry_run, **options).report
    said = json_of(report, one_line=json_) if json_ or dry_run else summary(report)
    say(said, sys.stdout)


def summary(report: Mapping[str, Any]) -> str:
    """What was asked for, what is heard from where, what was written, and what else to know."""
    lufs, seconds = report["loudness_lufs"], sum(report["seconds"].values())
    level = "silent" if lufs is None else f"{lufs:.1f} LUFS, {report['true_peak_dbtp']:.1f} dBTP"
    lines = [
        f"camera  {_where(report['azimuth_deg'], report['elevation_deg'])}",
        f"heard   {_heard(report)}",
        f"{report['duration_s']:g} s, {report['layout']}, {level}; made in {seconds:.1f} s",
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in report["notes"]), *(f"wrote {path}" for path in report["files"])])


def _heard(report: Mapping[str, Any]) -> str:
    if report["heard_azimuth_deg"] is None:
        return "nothing" if report["loudness_lufs"] is None else "from all around"
    share = f"directness {report['directness']:.2f} of 1"
    return f"{_where(report['heard_azimuth_deg'], report['heard_elevation_deg'])} ({share})"


def _where(azimuth_deg: float, elevation_deg: float) -> str:
    side = "front" if abs(azimuth_deg) < 0.5 else f"{abs(azimuth_deg):.0f}° {'left' if azimuth_deg > 0 else 'right'}"
    return side + ("" if abs(elevation_deg) < 0.5 else f", {abs(elevation_deg):.0f}° {'up' if elevation_deg > 0 else 'down'}")
