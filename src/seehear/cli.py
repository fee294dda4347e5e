"""The command line: the API said aloud. Flags come from the option values, results go to stdout, progress to stderr."""

from __future__ import annotations

import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, get_type_hints

import typer

import seehear
from seehear.systems.spatialize.options import flag_of
from seehear.types import InputError

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Pictures and videos to spatial sound. Try: [bold]seehear spatialize photo.jpg[/bold]",
)


def say(text: str, stream: TextIO) -> None:
    """Print at once. A reader that has gone away (`| head`) wanted no more: that is no failure of the work."""
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        # Python flushes again at exit, and would fail again: the rest goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            raise InputError(f"the result cannot be printed: {error.strerror}") from None


# ------------------------------------------------------------------------------------------------ flags


def flags_of(panels: Mapping[str, type]) -> list[inspect.Parameter]:
    """Keyword parameters for the fields of option dataclasses: the name without its unit, the field's help and metavar.

    A field stands under the title of its dataclass or one of its own; under that of a later dataclass it stands there first.
    """
    titles = list(panels)
    found: list[tuple[int, inspect.Parameter]] = []
    for title, kind in panels.items():
        hints = get_type_hints(kind)
        for each in fields(kind):
            panel = each.metadata.get("panel") or title
            found.append((titles.index(panel if panel in titles else title), _flag(each, hints[each.name], panel)))
    return [flag for _, flag in sorted(found, key=lambda pair: pair[0])]


def _flag(each: Any, hint: Any, panel: str) -> inspect.Parameter:
    long, short = flag_of(each), each.metadata["flag"]
    names = [short, long] if short and short != long else [long]
    many = hint == tuple[str, ...]
    shown = typer.Option(
        *names,
        help=each.metadata["help"],
        metavar=each.metadata["metavar"],
        show_default=each.default not in (None, "", (), False),
        rich_help_panel=panel,
    )
    annotation = Annotated[list[str] if many else hint, shown]
    default = [] if many else each.default
    return inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def switch(flag: str, text: str, *more: str, panel: str | None = "General", **how: Any) -> Any:
    """A flag without a value: no metavar, where typer would print `<bool>`."""
    return typer.Option(flag, *more, help=text, metavar="", rich_help_panel=panel, **how)


def _help(context: typer.Context, wanted: bool) -> None:
    if wanted:
        print(context.get_help())
        raise typer.Exit()


def _version(wanted: bool) -> None:
    if wanted:
        say(f"seehear {seehear.__version__}", sys.stdout)
        raise typer.Exit()


Help = Annotated[bool, switch("--help", "Show this message and exit.", "-h", callback=_help, is_eager=True)]
Version = Annotated[bool, switch("--version", "Show the version.", callback=_version, is_eager=True)]
Debug = Annotated[bool, switch("--debug", "Show the traceback of an error.")]
AsJson = Annotated[bool, switch("--json", "One JSON object on stdout.")]
DryRun = Annotated[bool, switch("--dry-run", "Tell what would be done, and stop.")]
Force = Annotated[bool, switch("--force", "Replace an existing file.", panel=None)]


def command(name: str, panels: Mapping[str, type] | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose ``**options`` are the fields of the dataclasses in ``panels``, by their title in the help."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(function, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
        parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in (*flags_of(panels or {}), *own)]
        function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        function.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name)(function)
        return function

    return register


# ------------------------------------------------------------------------------------------------ progress and summary


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
                say(f"[{100 * done:3.0f} %] {stage}", sys.stderr)

        yield plain
        return
    columns = (TextColumn("{task.description:<28}"), BarColumn(bar_width=30), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda stage, done: bar.update(task, description=stage, completed=done)


def summary(report: Mapping[str, Any]) -> str:
    """What is heard where, what was written, and what else to know, in the colours and width of the terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(_table(report["sources"]))
        console.print(Text(_facts(report), "dim"), soft_wrap=True)
        # As Text, names of files keep their brackets and colons.
        for note in report["notes"]:
            console.print(Text.assemble(("note", "yellow"), " ", note), soft_wrap=True)
        for path in report["files"]:
            console.print(Text.assemble(("wrote", "green"), " ", path), soft_wrap=True)
    return captured.get().rstrip("\n")


def _table(sources: Iterable[Mapping[str, Any]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("sound", "sure", "direction", "distance", "time"):
        table.add_column(name, justify="right" if name in ("sure", "distance") else "left")
    for source in sources:
        cells = (
            source["label"],
            f"{100 * source['score']:.0f} %" if source["score"] is not None else source["origin"],
            _direction(source),
            "" if source["distance_m"] is None else f"{source['distance_m']:.1f} m",
            _presence(source),
        )
        table.add_row(*map(Text, cells))
    return table


def _facts(report: Mapping[str, Any]) -> str:
    room = report["room"]
    size = " x ".join(f"{edge:.1f}" for edge in room["size_m"])
    acoustics = f"room {size} m, RT60 {room['rt60_s']:.1f} s" if room["kind"] == "shoebox" else f"room: {room['kind']}"
    lufs = report["loudness_lufs"]
    level = "silent" if lufs is None else f"{lufs:.1f} LUFS, {report['true_peak_dbtp']:.1f} dBTP"
    seconds = sum(report["seconds"].values())
    return f"{report['duration_s']:g} s, {report['layout']}, {level}; {acoustics}; made in {seconds:.1f} s"


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


# ------------------------------------------------------------------------------------------------ commands


def _register() -> None:
    from seehear.presets import ModelOptions
    from seehear.systems.spatialize.options import MODELS, SpatializeOptions
    from seehear.verbs.evaluate import EvaluateOptions
    from seehear.verbs.outputs import OutputOptions
    from seehear.verbs.render import RenderOptions

    panels = {"What to make": SpatializeOptions, "Which files to write": OutputOptions, MODELS: ModelOptions}

    @command("spatialize", panels)
    def spatialize(
        picture: Annotated[Path, typer.Argument(metavar="INPUT", help="Photo, GIF or video.", show_default=False)],
        json_: AsJson = False,
        dry_run: DryRun = False,
        debug: Debug = False,
        help_: Help = False,
        **options: Any,
    ) -> None:
        """Turn a photo, GIF or video into spatial sound."""
        from seehear.verbs import spatialize as verb

        if OutputOptions(**{f.name: options[f.name] for f in fields(OutputOptions)}).is_empty:
            options["folder"] = f"{picture.stem}-seehear"
        with progress_bar() as watch:
            rendering = verb(picture, watch=watch, dry_run=dry_run, **options)
        if json_ or dry_run:
            said = json.dumps(rendering.report, ensure_ascii=False, indent=None if json_ else 2, default=list)
        else:
            said = summary(rendering.report)
        say(said, sys.stdout)

    @command("evaluate", {"How": EvaluateOptions})
    def evaluate(
        system: Annotated[str, typer.Argument(metavar="SYSTEM", help="What to evaluate: spatialize.", show_default=False)],
        pictures: Annotated[
            list[Path], typer.Argument(metavar="IMAGES...", help="Photos, or folders of them.", show_default=False)
        ],
        out: Annotated[str, typer.Option("--out", "-o", metavar="REPORT.json", help="Report to write.", show_default=False)],
        json_: AsJson = False,
        dry_run: DryRun = False,
        debug: Debug = False,
        help_: Help = False,
        **options: Any,
    ) -> None:
        """Measure a system as its paper does; a run that was stopped goes on where it was."""
        from seehear.verbs import evaluate as verb
        from seehear.verbs.evaluate import table

        with progress_bar() as watch:
            report = verb(system, pictures, out, watch=watch, dry_run=dry_run, **options)
        say(
            json.dumps(report, ensure_ascii=False, indent=None if json_ else 2) if json_ or dry_run else table(report), sys.stdout
        )

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


_register()


@command("concepts")
def concepts(json_: AsJson = False, help_: Help = False) -> None:
    """List every sound that --say and --object know, with its other words."""
    from seehear.verbs import concepts as verb

    if json_:
        listed = json.dumps([{"name": c.name, "kind": c.kind, "words": c.words} for c in verb()], ensure_ascii=False)
    else:
        known = verb()
        width = max(len(each.name) for each in known)
        listed = "\n".join(f"{each.name:{width}s} {each.kind:8s} {', '.join(each.words)}" for each in known)
    say(listed, sys.stdout)


@app.callback(invoke_without_command=True)
def top(context: typer.Context, version: Version = False, help_: Help = False) -> None:
    """Pictures and videos to spatial sound."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


# ------------------------------------------------------------------------------------------------ how it ends


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
