"""The command ``render``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, Force, Help, command
from seehear.cli.terminal import progress_bar, say
from seehear.verbs.render import RenderOptions


@command("render", {"How to render": RenderOptions})
def render(
    scene: Annotated[Path, typer.Argument(metavar="INPUT", help="scene.json, or an ambisonic WAV.", show_default=False)],
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="WAV or FLAC to write.", show_default=False)],
    force: Force = False,
    json_: AsJson = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Render a scene file, or decode an ambisonic file of order 1 to 7, in any layout."""
    from seehear.verbs import render as verb

    with progress_bar() as watch:
        audio = verb(scene, output, force=force, watch=watch, **options)
    facts = {"file": output, "layout": audio.layout.name, "channels": audio.layout.n_channels, "seconds": audio.duration_s}
    told = f"{output}: {audio.layout.name}, {audio.layout.n_channels} channels, {audio.duration_s:g} s"
    say(json.dumps(facts, ensure_ascii=False) if json_ else told, sys.stdout)
