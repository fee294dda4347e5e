"""Labelled sound recordings in folders: what they are, whose, and under which licence.

A folder holds ``labels.csv`` with the columns file, coarse (the class), fold (1 to 5, may be empty), licence, attribution and
source_repo (where it was found, for those without attribution).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.io.audio import open_audio
from seehear.io.resampling import resampled
from seehear.types import InputError
from seehear.vocabulary import label_concepts

COLUMNS = ("file", "coarse", "fold", "licence", "attribution", "source_repo")


@dataclass(frozen=True)
class Recording:
    """One sound file with what is known about it."""

    path: Path
    concept: str | None
    """What of the vocabulary is heard; None where no concept fits."""
    fold: int | None
    """Part of a collection that is split for cross-validation."""
    source: str
    """Whose it is, and its licence."""

    def mono(self, rate_hz: int) -> NDArray[np.float32]:
        """The mean of its channels (T,) at ``rate_hz``."""
        return np.concatenate([block.mean(0) for block in resampled(open_audio(self.path), rate_hz)])


def read_recordings(folder: Path) -> list[Recording]:
    """Every recording of the folder's index, in its order; InputError if there is no index, a column is missing or a class
    unknown."""
    index = folder / "labels.csv"
    if not index.is_file():
        raise InputError(f"no index of recordings at {index}")
    known = label_concepts("recordings")
    found = []
    with index.open(newline="", encoding="utf-8") as rows:
        table = csv.DictReader(rows)
        if missing := [name for name in COLUMNS if name not in (table.fieldnames or ())]:
            raise InputError(f"{index} lacks the column {missing[0]}: it needs {', '.join(COLUMNS)}")
        for row in table:
            if row["coarse"] not in known:
                raise InputError(f"{index} has a class {row['coarse']!r} that no concept is known for")
            fold = int(row["fold"]) if row["fold"] else None
            source = f"{row['file']}: {row['attribution'] or row['source_repo']} ({row['licence']})"
            found.append(Recording(folder / row["file"], known[row["coarse"]], fold, source))
    return found
