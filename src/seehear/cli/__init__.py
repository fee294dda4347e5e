"""The command line: the API said aloud. Flags come from the option values, results go to stdout, progress to stderr."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import typer

# isort: off
# Each file registers its commands; in this order they stand in the help.
from seehear.cli import spatialize, ambisonize, render, scene, inspect, relabel, batch, evaluate  # noqa: F401
from seehear.cli import train, world, curate, concepts, doctor  # noqa: F401

# isort: on
from seehear.cli.flags import Help, Version, app
from seehear.cli.terminal import say
from seehear.types import InputError


@app.callback(invoke_without_command=True)
def top(context: typer.Context, version: Version = False, help_: Help = False) -> None:
    """Pictures and videos to spatial sound."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; exit 2 for what the caller can fix, 1 for a failure of ours."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller: a file of ours must not take its number
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 (open until the process ends)
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files may hold what the terminal cannot show
    debug = "--debug" in sys.argv
    if not debug:
        sys.excepthook = _our_failure
    try:
        # Not app(): that takes the excepthook, the interrupt and the closed pipe for itself.
        cli = typer.main.get_command(app)
        with cli.make_context("seehear", sys.argv[1:]) as context:
            cli.invoke(context)
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except typer.TyperException as error:
        _refuse(error.format_message())
    except InputError as error:
        if debug:
            traceback.print_exc()
        _refuse(str(error))


def _refuse(sentence: str) -> None:
    say(f"seehear: {' '.join(sentence.split())}", sys.stderr)
    sys.exit(2)


def _our_failure(kind: type[BaseException], error: BaseException, _: object) -> None:
    """Python's last word on an error nobody expected, without the traceback; the exit status stays 1."""
    what = " ".join(f"{kind.__name__}: {error}".split())
    say(f"seehear: this is a failure of seehear, not of your input: {what} (--debug shows where)", sys.stderr)
