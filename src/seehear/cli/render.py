"""The command ``render``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, Force, Help, command
from seehear.cli.terminal import progress_bar, say
from seehear.verbs.listening import listener
from seehear.verbs.render import RenderOptions, ledger_of


@command("render", {"How to render": RenderOptions})
def render(
    scene: Annotated[Path, typer.Argument(metavar="INPUT", help="scene.json, or an ambisonic WAV.", show_default=False)],
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="WAV, FLAC or CAF to write.", show_default=False)],
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
    layout, seconds = audio.layout, audio.duration_s
    if json_:
        ledger = ledger_of(scene, listener(options["hrtf"], [layout]))
        facts = {"file": output, "layout": layout.name, "channels": layout.n_channels, "seconds": seconds, "models": ledger}
        say(json.dumps(facts, ensure_ascii=False), sys.stdout)
    else:
        say(f"{output}: {layout.name}, {layout.n_channels} channels, {seconds:g} s", sys.stdout)
