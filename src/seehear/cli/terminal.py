"""What people see: lines that are printed at once, and the progress of long work."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from seehear.types import InputError


def say(text: str, stream: TextIO) -> None:
    """Print at once."""
    with printed(stream):
        print(text, file=stream, flush=True)


def json_of(report: Any, *, one_line: bool) -> str:
    """The report as JSON, on one line for programs, indented for people."""
    return json.dumps(report, ensure_ascii=False, indent=None if one_line else 2, default=list)


@contextmanager
def printed(stream: TextIO) -> Iterator[None]:
    """What is printed in here is printed at once. A reader that has gone away (`| head`) wanted no more: that is no failure."""
    try:
        yield
        stream.flush()
    except OSError as error:
        # Python flushes again at exit, and would fail again: the rest goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            raise InputError(f"the result cannot be printed: {error.strerror}") from None


SPEED_PERIOD_S = 1800.0
"""The time left is told by the speed of so long: one step may take minutes."""
EARLY_S = 10.0
"""No time left is told before."""


def _line_per_stage() -> Callable[[str, float], None]:
    """A watcher that says what is done, how much, and once that can be known, for how long it will go on."""
    begun: tuple[float, float] | None = None
    told = ""

    def plain(stage: str, done: float) -> None:
        nonlocal begun, told
        now = time.monotonic()
        begun = begun or (now, done)  # what was done at first was done before
        if stage == told:
            return
        told, left = stage, ""
        if now - begun[0] >= EARLY_S and begun[1] < done < 1:
            left = f", {_span((now - begun[0]) * (1 - done) / (done - begun[1]))} left"
        say(f"[{100 * done:3.0f} %{left}] {stage}", sys.stderr)

    return plain


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """A watcher that draws a progress bar with the time left on stderr; on a pipe, a line per stage."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.table import Column

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line_per_stage()
        return
    # No markup: names of files may hold brackets.
    text = TextColumn(
        "{task.description:<28}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", max_width=50)
    )
    columns = (text, BarColumn(bar_width=30), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, speed_estimate_period=SPEED_PERIOD_S) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda stage, done: bar.update(task, description=stage, completed=done)
