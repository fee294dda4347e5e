"""Labelled pictures: read from an archive by its index, split by name, kept in memory as warped squares.

An archive is a zip with one folder that holds ``labels.csv`` (columns file, class, sound_class) and the files it names.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from seehear.nets.warp import warp_to_square
from seehear.types import InputError


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures of one square size. N pictures, S pixels a side."""

    pixels: NDArray[np.uint8]
    """(N, 3, S, S)."""
    labels: NDArray[np.int64]
    """(N,) indices into ``classes``."""
    classes: tuple[str, ...]
    """``set/label`` names."""
    sound_classes: tuple[str, ...]
    """What each class sounds like, in the words of its data set; several classes may share one."""
    names: tuple[str, ...]
    """``set/file`` names, unique."""

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.pixels.ndim != 4 or self.pixels.shape[1] != 3 or len(self.pixels) != n or len(self.names) != n:
            raise InputError(
                f"pictures need (N, 3, S, S) pixels, N labels and N names, got {self.pixels.shape}, {n}, {len(self.names)}"
            )
        if len(self.classes) != len(self.sound_classes):
            raise InputError("every class needs a sound class")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray) -> Pictures:
        """The pictures at ``index``, classes unchanged."""
        names = tuple(self.names[i] for i in index)
        return Pictures(self.pixels[index], self.labels[index], self.classes, self.sound_classes, names)


def read_archive(path: Path, set_name: str, side_px: int, per_class: int | None = None) -> Pictures:
    """The pictures of an archive, at most ``per_class`` of each class; InputError if it is missing or has no index."""
    folder, rows = archive_index(path)
    rows = _at_most(rows, per_class)
    with zipfile.ZipFile(path) as archive:
        pixels = np.empty((len(rows), 3, side_px, side_px), np.uint8)
        for i, row in enumerate(rows):
            with Pillow.open(io.BytesIO(archive.read(folder + row["file"]))) as picture:
                pixels[i] = warp_to_square(np.asarray(picture.convert("RGB")), side_px)
    sounds = {row["class"]: row["sound_class"] for row in rows}
    order = {label: i for i, label in enumerate(sorted(sounds))}
    return Pictures(
        pixels,
        np.array([order[row["class"]] for row in rows], np.int64),
        tuple(f"{set_name}/{label}" for label in order),
        tuple(sounds[label] for label in order),
        tuple(f"{set_name}/{row['file']}" for row in rows),
    )


def archive_index(path: Path) -> tuple[str, list[dict[str, str]]]:
    """The folder inside an archive and its rows (file, class, sound_class) by file; InputError if there is none or no index."""
    if not path.is_file():
        raise InputError(f"no picture archive at {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            indices = [name for name in archive.namelist() if name.endswith("labels.csv")]
            if len(indices) != 1:
                raise InputError(f"{path.name} must hold exactly one labels.csv, found {len(indices)}")
            rows = list(csv.DictReader(io.StringIO(archive.read(indices[0]).decode("utf-8"))))
    except zipfile.BadZipFile:
        raise InputError(f"{path} is no zip archive, or damaged") from None
    return indices[0].removesuffix("labels.csv"), sorted(rows, key=lambda row: row["file"])


def _at_most(rows: list[dict[str, str]], per_class: int | None) -> list[dict[str, str]]:
    seen: dict[str, int] = {}
    kept = []
    for row in rows:
        seen[row["class"]] = seen.get(row["class"], 0) + 1
        if per_class is None or seen[row["class"]] <= per_class:
            kept.append(row)
    return kept


def join(*sets: Pictures) -> Pictures:
    """All pictures of the sets, classes side by side (equal class names become one)."""
    sounds: dict[str, str] = {}
    for pictures in sets:
        sounds |= dict(zip(pictures.classes, pictures.sound_classes, strict=True))
    order = {name: i for i, name in enumerate(sounds)}
    labels = [np.array([order[name] for name in p.classes], np.int64)[p.labels] for p in sets]
    return Pictures(
        np.concatenate([p.pixels for p in sets]),
        np.concatenate(labels),
        tuple(order),
        tuple(sounds.values()),
        tuple(name for p in sets for name in p.names),
    )


@dataclass(frozen=True)
class Split:
    """The same classes three times: to train on, to choose and calibrate with, to report on."""

    train: Pictures
    validation: Pictures
    test: Pictures


def split(pictures: Pictures, validation: float = 0.1, test: float = 0.2) -> Split:
    """A split within every class by the hash of the file names: the same on every machine and in every version."""
    parts = split_indices(pictures.labels, pictures.names, validation, test)
    return Split(*(pictures.take(part) for part in parts))


def split_indices(
    labels: NDArray, names: Sequence[str], validation: float = 0.1, test: float = 0.2
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Indices for training, validation and test of what `split` divides: rows with ``labels`` (N,) and unique ``names``."""
    rank = np.array([int(hashlib.sha256(name.encode()).hexdigest()[:12], 16) for name in names])
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        members = members[np.argsort(rank[members])]
        a, b = round(test * len(members)), round((test + validation) * len(members))
        for part, chosen in zip(parts, (members[b:], members[a:b], members[:a]), strict=True):
            part.extend(int(i) for i in chosen)
    train, held_out, reported = (np.sort(np.array(part, np.int64)) for part in parts)
    return train, held_out, reported
