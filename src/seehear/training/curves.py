"""Losses of a run by step: a file of lines, and TensorBoard's events where it is installed."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

FILE, EVENTS = "curves.jsonl", "tensorboard"
RUN = "run.json"
"""What a run was told: beside its curves, all that decides its weights."""


class Curves:
    """The curves of the run in a folder; what an earlier run of it wrote from the first step on that is told now is replaced."""

    def __init__(self, folder: Path):
        self.path = folder / FILE
        self._events_folder = folder / EVENTS
        self._file: IO[str] | None = None
        self._events: Any = None

    def training(self, step: int, loss: float) -> None:
        """Keeps the loss of a step."""
        self._tell("training", step, loss)

    def validation(self, steps_done: int, loss: float) -> None:
        """Keeps a loss on held-out data, after so many steps."""
        self._tell("validation", steps_done - 1, loss)

    def close(self) -> None:
        """Puts everything on disk."""
        if self._file is not None:
            self._file.close()
        if self._events is not None:
            self._events.close()

    def _tell(self, curve: str, step: int, loss: float) -> None:
        if self._file is None:
            self._open(step)
        assert self._file is not None
        self._file.write(json.dumps({"step": step, "curve": curve, "loss": round(loss, 6)}) + "\n")
        self._file.flush()
        if self._events is not None:
            self._events.add_scalar(f"loss/{curve}", loss, step)

    def _open(self, first: int) -> None:
        before = self.path.read_text("utf-8").splitlines(keepends=True) if self.path.exists() else []
        # A line that a kill cut off is of a step that is taken again.
        kept = [line for line in before if line.endswith("\n") and json.loads(line)["step"] < first]
        partial = self.path.with_name(self.path.name + ".part")
        partial.write_text("".join(kept), "utf-8")
        partial.replace(self.path)
        self._file = self.path.open("a", encoding="utf-8")
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._events = SummaryWriter(str(self._events_folder), purge_step=first)


def last_losses(folder: Path) -> dict[str, float]:
    """The last loss of each curve; of training the mean over the last 50 steps, for a batch says little."""
    rows = [json.loads(line) for line in (folder / FILE).read_text("utf-8").splitlines()]
    found = {}
    for curve, n in (("training", 50), ("validation", 1)):
        if losses := [row["loss"] for row in rows if row["curve"] == curve][-n:]:
            found[curve] = round(sum(losses) / len(losses), 4)
    return found
