"""The command ``evaluate``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, DryRun, Help, command
from seehear.cli.terminal import progress_bar, say
from seehear.verbs.evaluate import EvaluateOptions


@command("evaluate", {"How": EvaluateOptions})
def evaluate(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="What to evaluate: spatialize.", show_default=False)],
    pictures: Annotated[list[Path], typer.Argument(metavar="IMAGES...", help="Photos, or folders of them.", show_default=False)],
    out: Annotated[str, typer.Option("--out", "-o", metavar="REPORT.json", help="Report to write.", show_default=False)],
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Measure a system as its paper does; a run that was stopped goes on where it was."""
    from seehear.verbs import evaluate as verb
    from seehear.verbs.evaluate import table

    with progress_bar() as watch:
        report = verb(system, pictures, out, watch=watch, dry_run=dry_run, **options)
    say(json.dumps(report, ensure_ascii=False, indent=None if json_ else 2) if json_ or dry_run else table(report), sys.stdout)
