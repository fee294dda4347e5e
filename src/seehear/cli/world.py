"""The command ``world``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, DryRun, Help, command
from seehear.cli.terminal import json_of, progress_bar, say
from seehear.verbs.world import WorldMaking


@command("world", {"What": WorldMaking})
def world(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the clips.", show_default=False)],
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Make clips of a synthetic world, picture and exact ambisonics, to train and test with."""
    from seehear.verbs import world as verb

    with progress_bar() as watch:
        report = verb(out, watch=watch, dry_run=dry_run, **options)
    if json_ or dry_run:
        say(json_of(report, one_line=json_), sys.stdout)
    else:
        lines = [f"{report['clips']} clips in {report['shards']} shards: {report['manifest'] or out}"]
        lines += [f"failed: shard {each['item']}: {each['reason']}" for each in report["failures"]]
        say("\n".join(lines), sys.stdout)
    if report.get("failures"):
        raise typer.Exit(1)
