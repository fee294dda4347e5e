"""Stages of a run: told to whoever watches, timed for the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Watcher = Callable[[str, float], None]
"""Told what is being done, and how much of the whole is done (0 to 1)."""


def unwatched(stage: str, done: float) -> None:
    """Watch nothing."""


@dataclass
class Stages:
    """Runs named stages, each a share of the whole; ``seconds`` sums what each took."""

    watch: Watcher
    seconds: dict[str, float] = field(default_factory=dict)
    done: float = 0.0

    @contextmanager
    def stage(self, name: str, share: float) -> Iterator[Callable[[str, float], None]]:
        """Time one stage; yields a function (detail, part 0 to 1) for progress inside it."""
        begun, before = time.perf_counter(), self.done
        self.watch(name, before)
        yield lambda detail, part: self.watch(detail, before + share * part)
        self.done = before + share
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - begun, 3)
