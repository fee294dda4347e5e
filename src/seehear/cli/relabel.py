"""The command ``relabel``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, Force, Help, command
from seehear.cli.terminal import progress_bar, say
from seehear.verbs.relabel import RelabelOptions


@command("relabel", {"What it is": RelabelOptions})
def relabel(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Sound or video file.", show_default=False)],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT", help="WAV, FLAC, CAF, Opus; MP4, MOV.", show_default=False)
    ],
    force: Force = False,
    json_: AsJson = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Write the same sound with a header that says what it is; what `inspect` advises."""
    from seehear.verbs import relabel as verb

    with progress_bar() as watch:
        layout = verb(file, output, force=force, watch=watch, **options)
    name = layout.name if layout is not None else "sphere"
    say(json.dumps({"file": output, "layout": name}, ensure_ascii=False) if json_ else f"{output}: {name}", sys.stdout)
