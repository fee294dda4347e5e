"""The commands ``evaluate ...``: one for each system that can be measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, DryRun, Help, command, command_group
from seehear.cli.terminal import json_of, progress_bar, say
from seehear.verbs.evaluate import EvaluateOptions
from seehear.verbs.evaluate_ambisonics import AmbisonicsOptions

group = command_group("evaluate", "Measure a system as its paper does: spatialize, ambisonics.")

Report = Annotated[str, typer.Option("--out", "-o", metavar="REPORT.json", help="Report to write.", show_default=False)]


@command("spatialize", {"How": EvaluateOptions}, group=group)
def spatialize(
    pictures: Annotated[list[Path], typer.Argument(metavar="IMAGES...", help="Photos, or folders of them.", show_default=False)],
    out: Report,
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """The protocol of SEE-2-SOUND over pictures; a run that was stopped goes on where it was."""
    from seehear.verbs import evaluate as verb
    from seehear.verbs.evaluate import table

    with progress_bar() as watch:
        report = verb("spatialize", pictures, out, watch=watch, dry_run=dry_run, **options)
    say(json_of(report, one_line=json_) if json_ or dry_run else table(report), sys.stdout)


@command("ambisonics", {"How": AmbisonicsOptions}, group=group)
def ambisonics(
    generated: Annotated[
        Path, typer.Option("--generated", metavar="DIR", help="Folder of generated sounds, AmbiX.", show_default=False)
    ],
    reference: Annotated[
        Path,
        typer.Option("--reference", metavar="DIR", help="Folder of sounds of the same names, or of shards.", show_default=False),
    ],
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="REPORT.json", help="Report to write as well.", show_default=False)
    ] = None,
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Sound fields beside their references by the measures of ViSAGe, with rows of truth, shuffled, noise and silence."""
    from seehear.verbs.evaluate_ambisonics import evaluate_ambisonics, table

    with progress_bar() as watch:
        report = evaluate_ambisonics(generated, reference, out, watch=watch, dry_run=dry_run, **options)
    say(json_of(report, one_line=json_) if json_ or dry_run else table(report), sys.stdout)
