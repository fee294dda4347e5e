"""The commands ``curate ...``: clips out of panoramic films or released data sets, and what a data set is made of."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, DryRun, Help, command, command_group
from seehear.cli.terminal import json_of, progress_bar, say
from seehear.presets.options import MachineOptions
from seehear.types import InputError
from seehear.verbs import curate as verbs

group = command_group("curate", "Make clips to learn from out of panoramic films, and see what they are.")

SHOWN = 10
"""Most frequent tags and objects that are printed; the JSON has all."""


@command("run", {"How": verbs.CurateOptions, "Machine": MachineOptions}, group=group)
def run(
    films: Annotated[Path, typer.Argument(metavar="DIR_OR_MANIFEST", help="Folder of 360-degree videos, or a .csv or .jsonl.")],
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Cut panoramic films with ambisonics into clips that look to their sound; all that is dropped is counted."""
    with progress_bar() as watch:
        report = verbs.run(films, watch=watch, dry_run=dry_run, **options)
    if json_ or dry_run:
        say(json_of(report, one_line=json_), sys.stdout)
    else:
        say(verbs.funnel_table(report), sys.stdout)
        for each in report["failures"]:
            say(f"failed: {each['input']}: {each['reason']}", sys.stdout)
    if failures := report.get("failures"):
        raise typer.Exit(2 if all(each["fixable"] for each in failures) else 1)
    if not dry_run and not report["clips"]:
        raise InputError(f"no clip was kept: rejects.jsonl in {report['out']} and in its folders say why")


@command("report", {"What": verbs.ReportOptions, "Machine": MachineOptions}, group=group)
def report(
    clips: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of clips, of the world or curated.", show_default=False)],
    out: Annotated[str, typer.Option("--output", "-o", metavar="OUT.png", help="Figure; OUT.json is beside it.")],
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Draw what a data set is made of: sounds, salient objects, their places and motion."""
    with progress_bar() as watch:
        told = verbs.report(clips, out, watch=watch, dry_run=dry_run, **options)
    if json_ or dry_run:
        say(json_of(told, one_line=json_), sys.stdout)
        return
    lines = [f"{told['clips']} clips, heard by {told['tagger']}"]
    for title, name in (("sounds", "tags"), ("salient objects", "objects")):
        counted = list(told[name].items())
        more = f" and {len(counted) - SHOWN} more" if len(counted) > SHOWN else ""
        lines.append(f"{title}: {', '.join(f'{key} {n}' for key, n in counted[:SHOWN]) or 'none'}{more}")
    if told["moving_share"] is not None:
        lines.append(f"{100 * told['moving_share']:.0f} % of the objects move; {told['without_object']} clips have none")
    say("\n".join([*lines, f"{told['figure']}, {told['json']}"]), sys.stdout)


@command("import", {"What": verbs.ImportOptions}, group=group)
def import_(
    data_set: Annotated[str, typer.Argument(metavar="DATA_SET", help="yt-ambigen or vggsound.", show_default=False)],
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Write the downloaded clips of YT-Ambigen or VGGSound as shards; what is missing is counted."""
    with progress_bar() as watch:
        told = verbs.take_over(data_set, watch=watch, dry_run=dry_run, **options)
    if json_ or dry_run:
        say(json_of(told, one_line=json_), sys.stdout)
        return
    say(f"{told['clips']} of {told['listed']} clips: {told['manifest']}", sys.stdout)
    if told["missing"]:
        say(f"{told['missing']} are missing or broken, each with its reason in {Path(told['out']) / 'missing.jsonl'}", sys.stdout)
