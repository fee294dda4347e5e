"""The command ``batch``."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, DryRun, Help, app, command
from seehear.cli.terminal import json_of, progress_bar, say
from seehear.types import InputError
from seehear.verbs.batch import VERBS, BatchOptions

SHOWN = 20
"""Failures that are named; `results.jsonl` has all."""


@command("batch", {"How": BatchOptions})
def batch(
    inputs: Annotated[
        Path, typer.Argument(metavar="DIR_OR_MANIFEST", help="Folder of inputs, or a .csv or .jsonl.", show_default=False)
    ],
    call: Annotated[
        list[str], typer.Argument(metavar="-- VERB FLAGS...", help="What to do with each: `-- spatialize --layout foa`.")
    ],
    json_: AsJson = False,
    dry_run: DryRun = False,
    debug: Debug = False,
    help_: Help = False,
    **options: Any,
) -> None:
    """Run a verb over many inputs; what was stopped, or killed, goes on with --resume."""
    from seehear.verbs import batch as verb

    name, *flags = call
    asked = _asked(name, flags)
    with progress_bar() as watch:
        report = verb(inputs, verb=name, watch=watch, dry_run=dry_run, **options, **asked)
    if json_ or dry_run:
        say(json_of(report, one_line=json_), sys.stdout)
    else:
        say(_summary(report), sys.stdout)
    failures = report.get("failures", ())
    if failures:  # 2 when the caller can fix all of them, 1 when one is a failure of ours
        raise typer.Exit(2 if all(each["fixable"] for each in failures) else 1)


def _asked(name: str, flags: list[str]) -> dict[str, Any]:
    """The options that ``flags`` give, read by the verb's own command."""
    if name not in VERBS:
        raise InputError(f"batch runs {', '.join(VERBS)}, got {name!r}: write `seehear batch DIR --out DIR -- spatialize`")
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    more = ["--output", "{name}.wav"] if name == "render" and not {"-o", "--output"} & set(flags) else []
    given = commands[name].make_context(name, ["INPUT", *more, *flags]).params
    known = {each.name: each for kind in VERBS[name].options for each in fields(kind)}
    for flag in ("json_", "dry_run"):
        if given.get(flag):
            raise InputError(f"--{flag.strip('_').replace('_', '-')} belongs before the --, to the batch itself")
    asked = {field: given[field] for field in (*known, *VERBS[name].outputs) if field in given}
    asked = {field: tuple(value) if isinstance(value, list) else value for field, value in asked.items()}
    return {field: value for field, value in asked.items() if field not in known or value != known[field].default}


def _summary(report: dict[str, Any]) -> str:
    known = f" ({report['known']} of them before)" if report["known"] else ""
    lines = [f"{report['done']} of {report['items']} done{known}, {report['median_s']:.1f} s each; rows in {report['results']}"]
    if report["skipped"]:
        others = ", ".join(f"{count} {suffix or 'without extension'}" for suffix, count in report["skipped"].items())
        lines.append(f"not of a kind that {report['verb']} takes: {others}")
    lines += [f"failed: {each['input']}: {each['reason']}" for each in report["failures"][:SHOWN]]
    if (more := len(report["failures"]) - SHOWN) > 0:
        lines.append(f"and {more} more")
    if report["failures"]:
        lines.append("--resume --retry does these once more")
    return "\n".join(lines)
