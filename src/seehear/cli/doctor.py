"""The command ``doctor``."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from seehear.cli.flags import AsJson, Debug, Help, command, switch
from seehear.cli.terminal import progress_bar, say


@command("doctor")
def doctor(
    models: Annotated[
        str | None, typer.Option("--models", metavar="NAME", help="Only that preset, folder or file.", show_default=False)
    ] = None,
    offline: Annotated[bool, switch("--offline", "Do not ask the hub for sizes.")] = False,
    json_: AsJson = False,
    debug: Debug = False,
    help_: Help = False,
) -> None:
    """Look at this installation: what works, and what each preset would still download."""
    from seehear.verbs import doctor as verb
    from seehear.verbs.doctor import told

    with progress_bar() as watch:
        report = verb(models, offline=offline, watch=watch)
    say(json.dumps(report, ensure_ascii=False) if json_ else told(report), sys.stdout)
    if not report["ok"]:
        raise typer.Exit(2)
