"""The command line: the API said aloud. Flags come from the option values, results go to stdout, progress to stderr."""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

import seehear
from seehear.types import InputError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Pictures and videos to spatial sound. Try: [bold]seehear spatialize photo.jpg[/bold]",
)
UsageError: type[Any] = typer.BadParameter.__mro__[1]
"""A wrong flag or value, wherever this version of typer keeps the class."""
UNIT = re.compile(r"_(deg|hz|lufs|db|m|s)$")


def flags_of(*kinds: type) -> list[inspect.Parameter]:
    """Keyword parameters for the fields of option dataclasses: the name without its unit, the field's help and metavar."""
    return [_flag(each, get_type_hints(kind)[each.name]) for kind in kinds for each in fields(kind)]


def _flag(each: Any, hint: Any) -> inspect.Parameter:
    flag = each.metadata["flag"]
    names = [flag] if flag.startswith("--") else [*filter(None, [flag]), "--" + UNIT.sub("", each.name).replace("_", "-")]
    many = hint == tuple[str, ...]
    shown = typer.Option(
        *names,
        help=each.metadata["help"],
        metavar=each.metadata["metavar"] or None,
        show_default=each.default not in (None, "", (), False),
    )
    annotation = Annotated[list[str] if many else hint, shown]
    default = [] if many else each.default
    return inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def command(name: str, *kinds: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose ``**options`` are the fields of ``kinds``."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(function, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
        parameters = own + flags_of(*kinds)
        function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        function.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name)(function)
        return function

    return register


Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """A watcher that draws a progress bar with the time left on stderr; on a pipe, a line per stage."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        told: list[str] = []

        def plain(stage: str, done: float) -> None:
            if stage not in told:
                told.append(stage)
                console.print(f"[{100 * done:3.0f} %] {stage}", markup=False, highlight=False)

        yield plain
        return
    columns = (TextColumn("{task.description:<28}"), BarColumn(bar_width=30), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda stage, done: bar.update(task, description=stage, completed=done)


def _register() -> None:
    from seehear.systems.spatialize.options import SpatializeOptions
    from seehear.verbs.outputs import OutputOptions

    @command("spatialize", SpatializeOptions, OutputOptions)
    def spatialize(
        picture: Annotated[str, typer.Argument(metavar="INPUT", help="Photo, GIF or video.", show_default=False)],
        json_: AsJson = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and stop.")] = False,
        debug: Debug = False,
        **options: Any,
    ) -> None:
        """Turn a photo, GIF or video into spatial sound."""
        from seehear.verbs import spatialize as verb

        if OutputOptions(**{f.name: options[f.name] for f in fields(OutputOptions)}).is_empty:
            options["folder"] = f"{Path(picture).stem}-seehear"
        with progress_bar() as watch:
            rendering = verb(picture, watch=watch, dry_run=dry_run, **options)
        if json_ or dry_run:
            print(json.dumps(rendering.report, ensure_ascii=False, indent=None if json_ else 2, default=list))
        else:
            print_summary(rendering.report)


_register()


def print_summary(report: Mapping[str, Any]) -> None:
    """What is heard where, what was written, and what else to know."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("sound", "sure", "direction", "distance", "time"):
        table.add_column(name, justify="right" if name in ("sure", "distance") else "left")
    for source in report["sources"]:
        table.add_row(
            source["label"],
            f"{100 * source['score']:.0f} %" if source["score"] is not None else source["origin"],
            _direction(source),
            "" if source["distance_m"] is None else f"{source['distance_m']:.1f} m",
            _presence(source),
        )
    console.print(table)
    room = report["room"]
    size = " x ".join(f"{edge:.1f}" for edge in room["size_m"])
    acoustics = f"room {size} m, RT60 {room['rt60_s']:.1f} s" if room["kind"] == "shoebox" else f"room: {room['kind']}"
    level = (
        "silent"
        if report["loudness_lufs"] is None
        else f"{report['loudness_lufs']:.1f} LUFS, {report['true_peak_dbtp']:.1f} dBTP"
    )
    seconds = sum(report["seconds"].values())
    console.print(f"[dim]{report['duration_s']:g} s, {report['layout']}, {level}; {acoustics}; made in {seconds:.1f} s[/dim]")
    for note in report["notes"]:
        console.print(f"[yellow]note[/yellow] {note}", soft_wrap=True)
    for path in report["files"]:
        console.print(f"[green]wrote[/green] {path}", soft_wrap=True)


def _direction(source: Mapping[str, Any]) -> str:
    if source["azimuth_deg"] is None:
        return "all around"
    azimuth, elevation = source["azimuth_deg"], source["elevation_deg"]
    side = "front" if abs(azimuth) < 3 else f"{abs(azimuth):.0f}° {'left' if azimuth > 0 else 'right'}"
    height = "" if abs(elevation) < 3 else f", {abs(elevation):.0f}° {'up' if elevation > 0 else 'down'}"
    return side + height + (", moving" if source["moves"] else "")


def _presence(source: Mapping[str, Any]) -> str:
    if source["from_s"] == 0 and source["to_s"] is None:
        return ""
    return f"from {source['from_s']:.1f} s" + ("" if source["to_s"] is None else f" to {source['to_s']:.1f} s")


@app.command("render")
def render(
    scene: Annotated[str, typer.Argument(metavar="SCENE.json", help="Scene file of `seehear spatialize`.", show_default=False)],
    output: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help="WAV or FLAC to write.", show_default=False)],
    layout: Annotated[str, typer.Option(metavar="NAME", help="5.1, stereo, binaural, foa or mono.")] = "5.1",
    level: Annotated[float, typer.Option(metavar="LUFS", help="Loudness of the result.")] = -23.0,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    json_: AsJson = False,
    debug: Debug = False,
) -> None:
    """Render a scene file in any layout, without making sounds again."""
    from seehear.verbs import render as verb

    with progress_bar() as watch:
        audio = verb(scene, output, layout=layout, level_lufs=level, force=force, watch=watch)
    if json_:
        facts = {"file": output, "layout": audio.layout.name, "channels": audio.layout.n_channels, "seconds": audio.duration_s}
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print(f"{output}: {audio.layout.name}, {audio.layout.n_channels} channels, {audio.duration_s:g} s")


@app.command("concepts")
def concepts(json_: AsJson = False) -> None:
    """List every sound that --say and --object know, with its other words."""
    from seehear.verbs import concepts as verb

    if json_:
        print(json.dumps([{"name": c.name, "kind": c.kind, "words": c.words} for c in verb()], ensure_ascii=False))
        return
    for each in verb():
        print(f"{each.name:12s} {each.kind:8s} {', '.join(each.words)}")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"seehear {seehear.__version__}")
        raise typer.Exit()


@app.callback()
def top(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Pictures and videos to spatial sound."""


def main() -> None:
    """Run the command line; exit 2 for what the caller can fix, 1 for a failure of ours, 130 for Ctrl-C."""
    debug = "--debug" in sys.argv
    if not debug:
        sys.excepthook = _our_failure
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except (InputError, UsageError) as error:
        _fail(error.format_message() if isinstance(error, UsageError) else str(error), 2, debug)
    except (KeyboardInterrupt, typer.Abort):
        _fail("stopped, nothing was written", 130, False)
    except BrokenPipeError:
        os._exit(0)


def _fail(sentence: str, status: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    print(f"seehear: {' '.join(sentence.split())}", file=sys.stderr)
    sys.exit(status)


def _our_failure(kind: type[BaseException], error: BaseException, _: object) -> None:
    """Python's last word on an error nobody expected, without the traceback; the exit status stays 1."""
    print(
        f"seehear: this is a failure of seehear, not of your input: {kind.__name__}: {error} (--debug shows where)",
        file=sys.stderr,
    )
