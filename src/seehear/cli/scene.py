"""The commands ``scene ...``: what is in a scene file, edits of it, and exports."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seehear.cli.flags import AsJson, Debug, Force, Help, command, command_group
from seehear.cli.terminal import say
from seehear.verbs import scene as verbs

if TYPE_CHECKING:
    from rich.table import Table

group = command_group("scene", "Look at a scene file, change it, export it. Then: render.")

SceneFile = Annotated[Path, typer.Argument(metavar="SCENE", help="scene.json", show_default=False)]
One = Annotated[str, typer.Argument(metavar="WHICH", help="Number, label or beginning of it.", show_default=False)]
Several = Annotated[list[str], typer.Argument(metavar="WHICH...", help='Numbers, labels, or "bed".', show_default=False)]
Output = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="OTHER.json", help="Write another scene; this one stays as it is.", show_default=False
    ),
]


@command("show", group=group)
def show(scene: SceneFile, json_: AsJson = False, debug: Debug = False, help_: Help = False) -> None:
    """List the sources of a scene: number, gain, place, stem."""
    report = verbs.show(scene)
    say(json.dumps(report, ensure_ascii=False) if json_ else _shown(report), sys.stdout)


def edit(name: str, panels: Mapping[str, type] | None = None) -> Callable[[Callable[..., verbs.Edited]], None]:
    """Register a command that writes a scene: it takes where to, besides what the edit takes, and tells what came of it."""

    def register(change: Callable[..., verbs.Edited]) -> None:
        def run(
            *,
            output: Output = None,
            force: Force = False,
            json_: AsJson = False,
            debug: Debug = False,
            help_: Help = False,
            **given: Any,
        ) -> None:
            _tell(change(output=output, force=force, **given), json_)

        every = [inspect.signature(each, eval_str=True).parameters.values() for each in (change, run)]
        named = [each for each in chain(*every) if each.kind is not each.VAR_KEYWORD]
        run.__signature__ = inspect.Signature([each.replace(kind=each.KEYWORD_ONLY) for each in named])  # type: ignore[attr-defined]
        run.__doc__ = change.__doc__
        command(name, panels, group)(run)

    return register


@edit("mute")
def mute(scene: SceneFile, which: Several, **how: Any) -> verbs.Edited:
    """Leave sources out of renders."""
    return verbs.mute(scene, *which, **how)


@edit("unmute")
def unmute(
    scene: SceneFile,
    which: Annotated[list[str] | None, typer.Argument(metavar="WHICH...", help="All unless named.", show_default=False)] = None,
    **how: Any,
) -> verbs.Edited:
    """Hear sources again, all of them unless some are named."""
    return verbs.unmute(scene, *(which or ()), **how)


@edit("solo")
def solo(scene: SceneFile, which: Several, **how: Any) -> verbs.Edited:
    """Mute all other sources, and the bed."""
    return verbs.solo(scene, *which, **how)


@edit("gain", {"How": verbs.GainOptions})
def gain(scene: SceneFile, which: Several, **how: Any) -> verbs.Edited:
    """Make sources louder or softer."""
    return verbs.gain(scene, *which, **how)


@edit("move", {"Where to": verbs.MoveOptions})
def move(
    scene: SceneFile,
    which: Annotated[str, typer.Argument(metavar="WHICH", help="Number, label or beginning of it.", show_default=False)] = "",
    **how: Any,
) -> verbs.Edited:
    """Put a source elsewhere, turn its trajectory, or take trajectories from a table."""
    return verbs.move(scene, which, **how)


@edit("room", {"Which": verbs.RoomOptions})
def room(scene: SceneFile, **how: Any) -> verbs.Edited:
    """Put the scene into another room, or change how long it reverberates."""
    return verbs.room(scene, **how)


@edit("replace-sound", {"How": verbs.ReplaceOptions})
def replace_sound(
    scene: SceneFile,
    which: One,
    sound: Annotated[Path, typer.Argument(metavar="SOUND", help="Sound file.", show_default=False)],
    **how: Any,
) -> verbs.Edited:
    """Hear the sound of a file in place of a source's own."""
    return verbs.replace_sound(scene, which, sound, **how)


@edit("retime", {"When": verbs.RetimeOptions})
def retime(scene: SceneFile, which: One, **how: Any) -> verbs.Edited:
    """Cut a sound, or hear it earlier or later."""
    return verbs.retime(scene, which, **how)


@edit("rename")
def rename(
    scene: SceneFile,
    which: One,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="New label.", show_default=False)],
    **how: Any,
) -> verbs.Edited:
    """Give a source another label."""
    return verbs.rename(scene, which, label, **how)


@edit("remove")
def remove(scene: SceneFile, which: Several, **how: Any) -> verbs.Edited:
    """Take sources out of the scene; their stems stay."""
    return verbs.remove(scene, *which, **how)


@command("export", group=group)
def export(
    scene: SceneFile,
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="OUT", help="REAPER project .rpp, or trajectories .csv.", show_default=False),
    ],
    force: Force = False,
    json_: AsJson = False,
    debug: Debug = False,
    help_: Help = False,
) -> None:
    """Write a REAPER project of the stems, or a table of the trajectories."""
    path = verbs.export(scene, output, force=force)
    say(json.dumps({"files": [str(path)]}, ensure_ascii=False) if json_ else f"{path}", sys.stdout)


def _tell(edited: verbs.Edited, as_json: bool) -> None:
    path = edited.files[-1]
    report = {"file": str(path), **verbs.described(edited.scene, path.parent)}
    if as_json:
        told = {**report, "files": [str(each) for each in edited.files], "notes": edited.notes}
        say(json.dumps(told, ensure_ascii=False), sys.stdout)
        return
    say(
        "\n".join((_shown(report), *(f"note {note}" for note in edited.notes), *(f"wrote {each}" for each in edited.files))),
        sys.stdout,
    )


def _shown(report: Mapping[str, Any]) -> str:
    """The table of sources and a line about the whole, in the colours and width of the terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(_table(report))
        room = report["room"]
        size = " x ".join(f"{side:.1f}" for side in room["size_m"])
        where = f"room {size} m, RT60 {room['rt60_s']:.1f} s" if room["kind"] == "shoebox" else f"room: {room['kind']}"
        facts = f"{report['duration_s']:g} s, {report['sample_rate_hz']} Hz, {where}"
        console.print(Text(facts, "dim"), soft_wrap=True)
    return captured.get().rstrip("\n")


def _table(report: Mapping[str, Any]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "sound", "gain", "direction", "distance", "stem"):
        is_number = name in ("", "gain", "distance")
        table.add_column(name, justify="right" if is_number else "left", no_wrap=name in ("", "gain"), overflow="fold")
    bed = report["bed"]
    rows = [(str(each["number"]), each["label"], each, *_where(each)) for each in report["sources"]]
    rows += [("bed", f"ambisonics, order {bed['order']}", bed, "all around", "")] if bed is not None else []
    for number, label, each, direction, distance in rows:
        level = "muted" if each["muted"] else f"{each['gain_db']:+.1f} dB"
        cells = (number, label, level, direction, distance, Path(each["stem"]).name)
        table.add_row(*(Text(cell, "dim" if each["muted"] else "") for cell in cells))
    return table


def _where(source: Mapping[str, Any]) -> tuple[str, str]:
    """Direction and distance in words; of what moves the two ends, without its height."""
    first, last = source["from"], source["to"]
    if first is None:
        return "all around", ""
    if last is None:
        return _side(first) + _height(first), f"{first['distance_m']:.1f} m"
    sides, distances = (dict.fromkeys((of(first), of(last))) for of in (_side, _metres))
    return " to ".join(sides), " to ".join(distances) + " m"


def _metres(place: Mapping[str, float]) -> str:
    return f"{place['distance_m']:.1f}"


def _side(place: Mapping[str, float]) -> str:
    azimuth = place["azimuth_deg"]
    return "front" if abs(azimuth) < 3 else f"{abs(azimuth):.0f}° {'left' if azimuth > 0 else 'right'}"


def _height(place: Mapping[str, float]) -> str:
    elevation = place["elevation_deg"]
    return "" if abs(elevation) < 3 else f", {abs(elevation):.0f}° {'up' if elevation > 0 else 'down'}"
