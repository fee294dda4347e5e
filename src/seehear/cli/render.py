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
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="WAV, FLAC, CAF or Opus.", show_default=False)],
    force: Force = False,
    json_: AsJson = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Render a scene file, or decode an ambisonic file of order 1 to 7, in any layout."""
    from seehear.verbs.render import rendered_file

    with progress_bar() as watch:
        report = rendered_file(scene, output, force=force, watch=watch, **options).report
    if json_:
        say(json.dumps(report, ensure_ascii=False), sys.stdout)
        return
    facts = [f"{report['file']}: {report['layout']}", f"{report['channels']} channels", f"{report['seconds']:g} s"]
    if "loudness_lufs" in report:
        lufs = report["loudness_lufs"]
        facts.append("silent" if lufs is None else f"{lufs:.1f} LUFS, {report['true_peak_dbtp']:.1f} dBTP")
    notes = [f"note: {note}" for note in report["notes"]]
    say("\n".join([", ".join(facts), *notes, *(f"wrote {path}" for path in report["files"][1:])]), sys.stdout)
