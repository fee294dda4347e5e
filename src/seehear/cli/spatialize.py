"""The command ``spatialize``, and what it tells at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, DryRun, Help, command
from seehear.cli.terminal import json_of, progress_bar, say
from seehear.presets import ModelOptions
from seehear.systems.spatialize.options import MODELS, SpatializeOptions
from seehear.verbs.outputs import OutputOptions

if TYPE_CHECKING:
    from rich.table import Table

PANELS = {"What to make": SpatializeOptions, "Which files to write": OutputOptions, MODELS: ModelOptions}


@command("spatialize", PANELS)
def spatialize(
    picture: Annotated[Path, typer.Argument(metavar="INPUT", help="Photo, GIF or video.", show_default=False)],
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Turn a photo, GIF or video into spatial sound."""
    from seehear.verbs import spatialize as verb

    if OutputOptions(**{f.name: options[f.name] for f in fields(OutputOptions)}).is_empty:
        options["folder"] = f"{picture.stem}-seehear"
    with progress_bar() as watch:
        rendering = verb(picture, watch=watch, dry_run=dry_run, **options)
    said = json_of(rendering.report, one_line=json_) if json_ or dry_run else summary(rendering.report)
    say(said, sys.stdout)


def summary(report: Mapping[str, Any]) -> str:
    """What is heard where, what was written, and what else to know, in the colours and width of the terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(_table(report["sources"]))
        console.print(Text(_facts(report), "dim"), soft_wrap=True)
        # As Text, names of files keep their brackets and colons.
        for note in report["notes"]:
            console.print(Text.assemble(("note", "yellow"), " ", note), soft_wrap=True)
        for path in report["files"]:
            console.print(Text.assemble(("wrote", "green"), " ", path), soft_wrap=True)
    return captured.get().rstrip("\n")


def _table(sources: Iterable[Mapping[str, Any]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("sound", "sure", "direction", "distance", "time"):
        table.add_column(name, justify="right" if name in ("sure", "distance") else "left")
    for source in sources:
        cells = (
            source["label"],
            f"{100 * source['score']:.0f} %" if source["score"] is not None else source["origin"],
            _direction(source),
            "" if source["distance_m"] is None else f"{source['distance_m']:.1f} m",
            _presence(source),
        )
        table.add_row(*map(Text, cells))
    return table


def _facts(report: Mapping[str, Any]) -> str:
    room = report["room"]
    size = " x ".join(f"{edge:.1f}" for edge in room["size_m"])
    acoustics = f"room {size} m, RT60 {room['rt60_s']:.1f} s" if room["kind"] == "shoebox" else f"room: {room['kind']}"
    lufs = report["loudness_lufs"]
    level = "silent" if lufs is None else f"{lufs:.1f} LUFS, {report['true_peak_dbtp']:.1f} dBTP"
    seconds = sum(report["seconds"].values())
    return f"{report['duration_s']:g} s, {report['layout']}, {level}; {acoustics}; made in {seconds:.1f} s"


def _direction(source: Mapping[str, Any]) -> str:
    if source["azimuth_deg"] is None:
        return "all around"
    azimuth, elevation = source["azimuth_deg"], source["elevation_deg"]
    side = "front" if abs(azimuth) < 3 else f"{abs(azimuth):.0f}° {'left' if azimuth > 0 else 'right'}"
    height = "" if abs(elevation) < 3 else f", {abs(elevation):.0f}° {'up' if elevation > 0 else 'down'}"
    return side + height + (", moving" if source["moves"] else "")


def _presence(source: Mapping[str, Any]) -> str:
    if source["from_s"] == 0 and source["to_s"] is None:
        return ""
    return f"from {source['from_s']:.1f} s" + ("" if source["to_s"] is None else f" to {source['to_s']:.1f} s")
