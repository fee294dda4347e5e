"""Commands and their flags, made from the option values of the verbs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Annotated, Any, get_type_hints

import typer

import seehear
from seehear.cli.terminal import printed, say
from seehear.systems.spatialize.options import flag_of

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Pictures and videos to spatial sound. Try: [bold]seehear spatialize photo.jpg[/bold]",
)


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
        with printed(sys.stdout):
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


def command(
    name: str, panels: Mapping[str, type] | None = None, group: typer.Typer = app
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose ``**options`` are the fields of the dataclasses in ``panels``, by their title in the help."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(function, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
        parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in (*flags_of(panels or {}), *own)]
        function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        function.__annotations__ = {p.name: p.annotation for p in parameters}
        group.command(name)(function)
        return function

    return register


def command_group(name: str, text: str) -> typer.Typer:
    """A group of commands of the app; without one of them it shows its help and ends with status 2."""
    group = typer.Typer(name=name, add_completion=False, rich_markup_mode="rich", help=text)

    def top(context: typer.Context, help_: Help = False) -> None:
        if context.invoked_subcommand is None:
            print(context.get_help())
            raise typer.Exit(2)

    group.callback(invoke_without_command=True)(top)
    app.add_typer(group)
    return group
