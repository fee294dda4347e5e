"""The command ``inspect``."""

from __future__ import annotations

import json
import math
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seehear.cli.flags import AsJson, Debug, Force, Help, command, switch
from seehear.cli.terminal import progress_bar, say
from seehear.types import InputError
from seehear.verbs.conventions import NAMES

if TYPE_CHECKING:
    from seehear.verbs.findings import Problem
    from seehear.verbs.inspect import Inspection

_LABEL = 13
"""Width of the column of labels."""
_MOST_OBJECTS = 12


@command("inspect")
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Sound or video file.", show_default=False)],
    figure: Annotated[
        str | None, typer.Option("--figure", metavar="OUT.png", help="Draw levels and energy.", show_default=False)
    ] = None,
    strict: Annotated[bool, switch("--strict", "Exit with 2 when there is a problem (notes are none).", panel=None)] = False,
    force: Force = False,
    json_: AsJson = False,
    debug: Debug = False,
    help_: Help = False,
) -> None:
    """Tell what a sound or video file is, and what is wrong with it."""
    from seehear.verbs import inspect as verb

    with progress_bar() as watch:
        found = verb(file, figure, force=force, watch=watch)
    say(json.dumps(found.as_json(), ensure_ascii=False) if json_ else "\n".join(_report(found)), sys.stdout)
    n_problems = sum(each.severity == "problem" for each in found.problems)
    if strict and n_problems:
        raise InputError(f"{file} has {_counted(n_problems, 'problem')}")


def _counted(n: int, what: str) -> str:
    return f"{n or 'no'} {what}{'' if n == 1 else 's'}"


def _report(found: Inspection) -> Iterator[str]:
    """The lines that people read."""
    width = max(60, min(shutil.get_terminal_size((120, 0)).columns, 140))
    yield found.path
    for label, text in _facts(found):
        yield from textwrap.wrap(text, width, initial_indent=f"  {label:<{_LABEL}}", subsequent_indent=" " * (_LABEL + 2))
    n_problems = sum(each.severity == "problem" for each in found.problems)
    n_notes = len(found.problems) - n_problems
    yield _counted(n_problems, "problem") + (f", {_counted(n_notes, 'note')}" if n_notes else "")
    for each in found.problems:
        yield from _told(each, width)


def _told(problem: Problem, width: int) -> Iterator[str]:
    yield f"  {problem.severity}: {problem.code}"
    yield from textwrap.wrap(problem.text, width, initial_indent="    ", subsequent_indent="    ")
    yield f"    -> {problem.fix}"  # unbroken: it may hold a command to copy


def _facts(found: Inspection) -> Iterator[tuple[str, str]]:
    header = found.header
    yield "container", f"{header.container}, {_size(header.n_bytes)}"
    if header.iso is not None and header.iso.picture_codec:
        iso = header.iso
        sphere = f", {iso.spherical} sphere" if iso.spherical else ""
        yield "picture", f"{iso.picture_codec}, {iso.width_px} x {iso.height_px}{sphere}"
    if not header.n_channels:
        return
    bits = f" {header.bits}-bit" if header.bits else ""
    length = f", {found.duration_s:.3f} s" if found.duration_s is not None else ""
    yield "sound", f"{header.codec}{bits}, {header.sample_rate_hz} Hz, {_counted(header.n_channels, 'channel')}{length}"
    yield "layout", _layout(found)
    yield from _field(found)
    if found.adm is not None:
        yield "ADM", _adm(found)
    if found.true_peak_dbtp is not None:
        loudness = "unknown for channels without places" if found.integrated_lufs is None else _db(found.integrated_lufs, "LUFS")
        if found.integrated_lufs is not None and found.layout is not None and found.layout.kind == "discrete":
            loudness += " (of channel 1, if this is ambisonics)"
        yield "loudness", f"{loudness}, true peak {_db(found.true_peak_dbtp, 'dBTP')}"
        yield "levels", ", ".join(f"{each.label} {_db(each.rms_dbfs, '')}".strip() for each in found.levels) + " (dBFS RMS)"


def _layout(found: Inspection) -> str:
    layout, header = found.layout, found.header
    name = layout.name if layout is not None and layout.kind != "discrete" else "unknown"
    if header.wave is not None:
        mask = "no channel mask" if header.wave.mask is None else f"channel mask {header.wave.mask:#x}"
        return f"{name} ({mask})"
    return f"{name} (the file says {header.layout})" if header.layout not in ("", name) else name


def _field(found: Inspection) -> Iterator[tuple[str, str]]:
    field = found.field
    if field.status == "none":
        return
    convention = NAMES.get(field.convention, "order and weights unknown")
    order = f"order {field.order}, " if field.order is not None else ""
    status = {"declared": "", "guessed": " (a guess)", "unknown": ""}[field.status]
    possible = "possible, " if field.status == "unknown" else ""
    because = f"; {'; '.join(field.evidence)}" if field.evidence else ""
    yield "ambisonics", f"{possible}{order}{convention}{status}{because}"


def _adm(found: Inspection) -> str:
    assert found.adm is not None
    objects = [f"{each.name} ({each.type or 'no type'}, {_counted(len(each.tracks), 'track')})" for each in found.adm.objects]
    more = f" and {len(objects) - _MOST_OBJECTS} more" if len(objects) > _MOST_OBJECTS else ""
    return f"{_counted(len(objects), 'object')}: {', '.join(objects[:_MOST_OBJECTS])}{more}"


def _db(value: float, unit: str) -> str:
    return "silent" if math.isinf(value) else f"{value:.1f} {unit}".strip()


def _size(n_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes} bytes"
