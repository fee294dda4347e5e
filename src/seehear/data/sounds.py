"""Recordings in a folder with a table, and synthesised sounds: what nets for sound learn from.

``audio_labels.csv`` has the columns file, class, fold, licence and attribution.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.foley import sounds, synthesize
from seehear.io.audio import open_audio
from seehear.io.resampling import resampled
from seehear.types import InputError

ANY_USE = ("CC0", "CC BY", "Public", "Apache-2.0", "MIT")
"""How licences begin under which anything may be done, with the author's name at most. CC BY-SA and CC BY-NC are others."""


@dataclass(frozen=True)
class Recording:
    """A sound file with what is known about it."""

    path: Path
    label: str
    fold: str
    """Of its collection's cross-validation; empty where there is none."""
    licence: str
    attribution: str

    @property
    def for_any_use(self) -> bool:
        """Whether weights that anyone may use can be learned from it."""
        return self.licence.startswith(ANY_USE) and "-SA" not in self.licence and "-NC" not in self.licence

    @property
    def source(self) -> str:
        """For a list of what weights were learned from."""
        return f"{self.path.parent.name}/{self.path.name}: {self.attribution} ({self.licence})"


def read_recordings(media: Path) -> list[Recording]:
    """Every row of ``media/audio_labels.csv``, in its order; InputError if there is no such table."""
    table = media / "audio_labels.csv"
    if not table.is_file():
        raise InputError(f"no table of recordings at {table}")
    with table.open(newline="", encoding="utf-8") as rows:
        return [
            Recording(media / row["file"], row["class"], row["fold"], row["licence"], row["attribution"])
            for row in csv.DictReader(rows)
        ]


def mono_samples(path: Path, rate_hz: int) -> NDArray[np.float32]:
    """The mean of the file's channels (T,) at ``rate_hz``."""
    return np.concatenate([block.mean(axis=0) for block in resampled(open_audio(path), rate_hz)])


def foley_sounds(n_each: int, seconds: float, rate_hz: int, seed: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Every concept ``n_each`` times with its name, (T,), at random intensities; each sound has a seed of its own."""
    for number, concept in enumerate(sounds()):
        for take in range(n_each):
            rng = np.random.default_rng((seed, number, take))
            made = synthesize(concept, seconds, rate_hz, rng, intensity=float(rng.uniform(0.2, 0.8)))
            yield concept, made.samples[0]
