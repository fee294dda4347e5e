"""What people see: lines that are printed at once, and the progress of long work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from seehear.types import InputError


def say(text: str, stream: TextIO) -> None:
    """Print at once. A reader that has gone away (`| head`) wanted no more: that is no failure of the work."""
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        # Python flushes again at exit, and would fail again: the rest goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            raise InputError(f"the result cannot be printed: {error.strerror}") from None


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
