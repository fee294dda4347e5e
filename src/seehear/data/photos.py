"""Photos in folders with an index, and their labelled boxes: what recognisers are judged on, never trained on.

A folder holds ``index.csv`` (columns file, label with words separated by ``|``) and, for some, ``classes.json``
(``box_classes``: id to name) with ``boxes_yolo/NAME.txt`` (rows "class cx cy w h", relative to the picture).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from seehear.types import Box, InputError

PERMISSIVE = ("photos_coco_ccby", "photos_openimages_ccby", "photos_kodak", "photos_misc_permissive")
"""Folders whose pictures may be used for anything."""


@dataclass(frozen=True)
class Photo:
    """One photo with what is known about it."""

    path: Path
    words: tuple[str, ...]
    """Labels of the index."""
    boxes: tuple[tuple[str, Box], ...] = ()
    """Labelled boxes in pixels of the upright picture."""

    def rgb(self) -> NDArray[np.uint8]:
        """The upright picture (H, W, 3)."""
        with Pillow.open(self.path) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


def read_photos(folder: Path) -> list[Photo]:
    """Every photo of the folder's index, in its order; InputError if there is no index."""
    index = folder / "index.csv"
    if not index.is_file():
        raise InputError(f"no photo index at {index}")
    names = folder / "classes.json"
    classes = json.loads(names.read_text("utf-8"))["box_classes"] if names.is_file() else {}
    photos = []
    with index.open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            path = folder / row["file"]
            words = tuple(word for word in row["label"].split("|") if word)
            photos.append(Photo(path, words, tuple(_boxes(path, folder / "boxes_yolo", classes))))
    return photos


def _boxes(path: Path, folder: Path, classes: dict[str, str]) -> Iterator[tuple[str, Box]]:
    listing = folder / f"{path.stem}.txt"
    if not listing.is_file():
        return
    with Pillow.open(path) as picture:
        width, height = ImageOps.exif_transpose(picture).size
    for line in listing.read_text("utf-8").splitlines():
        label, cx, cy, w, h = line.split()
        x, y, half_w, half_h = float(cx) * width, float(cy) * height, float(w) * width / 2, float(h) * height / 2
        yield classes[label], (x - half_w, y - half_h, x + half_w, y + half_h)


def crop(rgb: NDArray[np.uint8], box: Box, margin: float = 0.1) -> NDArray[np.uint8]:
    """The part of the picture in ``box``, widened by ``margin`` of its size on every side and kept inside the picture."""
    x0, y0, x1, y1 = box
    dx, dy = margin * (x1 - x0), margin * (y1 - y0)
    height, width = rgb.shape[:2]
    left, top = max(0, int(x0 - dx)), max(0, int(y0 - dy))
    return rgb[top : max(top + 1, min(height, round(y1 + dy))), left : max(left + 1, min(width, round(x1 + dx)))]
