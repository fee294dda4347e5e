"""The command ``train``."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, DryRun, Help, command
from seehear.cli.terminal import json_of, progress_bar, say
from seehear.verbs.train import TrainOptions


@command("train", {"What and how": TrainOptions})
def train(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="What to train: visage.", show_default=False)],
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Train a model from clips; what was stopped goes on with --resume and ends the same."""
    from seehear.verbs import train as verb

    with progress_bar() as watch:
        report = verb(system, watch=watch, dry_run=dry_run, **options)
    from seehear.training.processes import processes_now

    if not processes_now().first:  # of several on one model
        return
    if json_ or dry_run:
        say(json_of(report, one_line=json_), sys.stdout)
        return
    losses = ", ".join(f"{name} loss {value:.3f}" for name, value in report["losses"].items())
    say(f"{report['steps']} steps on {report['clips']} clips, {report['seconds']:.0f} s: {losses}", sys.stdout)
    say(
        f"model ({report['parameters'] / 1e6:.1f} M parameters, after {report['kept_after_steps']} steps): {report['out']}",
        sys.stdout,
    )
