"""Losses of a run by step: a file of lines, and TensorBoard's events where it is installed."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from seehear.io.files import read_json
from seehear.types import InputError

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
        kept = [line for line, row in _rows(self.path) if row["step"] < first] if self.path.exists() else []
        partial = self.path.with_name(self.path.name + ".part")
        partial.write_text("".join(kept), "utf-8")
        partial.replace(self.path)
        self._file = self.path.open("a", encoding="utf-8")
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._events = SummaryWriter(str(self._events_folder), purge_step=first)


def last_losses(folder: Path) -> dict[str, float]:
    """The last loss of each curve; of training the mean over the last 50 steps, for a batch says little.

    InputError if the curves are gone or damaged.
    """
    if not (folder / FILE).is_file():
        raise InputError(f"{folder} lacks {FILE}, the losses of its run; what else it holds is as it was")
    rows = [row for _, row in _rows(folder / FILE)]
    found = {}
    for curve, n in (("training", 50), ("validation", 1)):
        if losses := [row["loss"] for row in rows if row["curve"] == curve][-n:]:
            found[curve] = round(sum(losses) / len(losses), 4)
    return found


def read_run(folder: Path) -> dict[str, Any]:
    """What the run in a folder was told; InputError if that cannot be read, or tells of no recipe."""
    told = read_json(folder / RUN)
    try:
        int(told["recipe"]["schedule"]["steps"])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{folder / RUN} does not say by which recipe for how many steps: it is damaged") from None
    return told


def _rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every line of a file of curves with what it says."""
    try:
        lines = path.read_text("utf-8").splitlines(keepends=True)
        # A line that a kill cut off is of a step that is taken again.
        rows = [(line, json.loads(line)) for line in lines if line.endswith("\n")]
        return [(line, {"step": int(row["step"]), "curve": str(row["curve"]), "loss": float(row["loss"])}) for line, row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no file of curves, or damaged ({error}): move it away") from None
