"""Photos of things in the place of drawn ones: pictures of an archive as sprites with soft edges."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from seehear.data.pictures import archive_index, split_indices
from seehear.data.world.looks import SPRITE_PX, Rgba
from seehear.data.world.values import SPLITS, SplitName
from seehear.nets.warp import warp_to_square
from seehear.types import InputError
from seehear.vocabulary import label_concepts

LABELS = "caltech101"
"""The set of the label table whose class names the archive has."""
EDGE = 0.12
"""Of half a side: over so much a photo fades out."""


@dataclass(frozen=True)
class PhotoShelf:
    """The photos of one split of an archive by concept; "" has those of silent things."""

    archive: Path
    files: Mapping[str, tuple[str, ...]]

    @property
    def concepts(self) -> frozenset[str]:
        """Those that sound."""
        return frozenset(self.files) - {""}

    def sprite(self, concept: str, rng: np.random.Generator, side_px: int = SPRITE_PX) -> Rgba | None:
        """A photo of the concept (S, S, 4), linear colours and opacity, perhaps mirrored; None where there is none."""
        names = self.files.get(concept, ())
        if not names:
            return None
        name = names[rng.integers(len(names))]
        with zipfile.ZipFile(self.archive) as archive, Pillow.open(io.BytesIO(archive.read(name))) as picture:
            square = warp_to_square(np.asarray(picture.convert("RGB")), side_px).transpose(1, 2, 0)
        linear = (square / 255.0) ** 2.2 * rng.uniform(0.85, 1.15)
        if rng.random() < 0.5:
            linear = linear[:, ::-1]
        axis = np.abs((np.arange(side_px) + 0.5) / side_px * 2 - 1)
        radius = (axis[:, None] ** 4 + axis[None] ** 4) ** 0.25
        opacity = np.clip((0.98 - radius) / EDGE, 0, 1)
        return np.concatenate([np.clip(linear, 0, 1), opacity[..., None]], axis=-1).astype(np.float32)


@cache
def photo_shelf(archive: str, split: SplitName) -> PhotoShelf:
    """The photos of one split; the splits are those of `data.pictures.split`, so what learned from an archive has not seen its
    test pictures. InputError for a file that is no such archive, or one of which no class has a concept."""
    path = Path(archive)
    folder, rows = archive_index(path)
    concepts = label_concepts(LABELS)
    labels = np.array([row["class"] for row in rows])
    chosen = split_indices(labels, [f"{LABELS}/{row['file']}" for row in rows])[SPLITS.index(split)]
    files: dict[str, list[str]] = {}
    for i in chosen:
        files.setdefault(concepts.get(rows[i]["class"]) or "", []).append(folder + rows[i]["file"])
    if not any(files.keys() - {""}):
        raise InputError(f"{path} has no class that sounds: its classes must be those of Caltech-101")
    return PhotoShelf(path, {concept: tuple(names) for concept, names in files.items()})
