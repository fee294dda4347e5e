"""Photos in folders with an index, and their labelled boxes: half to learn from, half to be judged on.

A folder holds ``index.csv`` (columns file, label with words separated by ``|``) and, for some, ``classes.json``
(``box_classes``: id to name) with ``boxes_yolo/NAME.txt`` (rows "class cx cy w h", relative to the picture).
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from seehear.data.pictures import Pictures
from seehear.nets.warp import warp_to_square
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

    source: str = ""
    """Where it comes from and its licence."""

    @property
    def held_out(self) -> bool:
        """Whether no weights were trained on it: half of all photos, by the hash of their file names."""
        return int(hashlib.sha256(self.path.name.encode()).hexdigest(), 16) % 2 == 1

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
            author = row.get("attribution") or row.get("source_repo") or "author not stated"
            source = f"{row['file']}: {author} ({row.get('licence') or 'licence not stated'})"
            photos.append(Photo(path, words, tuple(_boxes(path, folder / "boxes_yolo", classes)), source))
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


SMALLEST_BOX_PX = 32
"""Boxes with a shorter side are left out: too little is seen of what is in them."""


def labelled_crops(photo: Photo) -> list[tuple[str, Box]]:
    """The photo's boxes that are large enough, each with its label."""
    return [(label, box) for label, box in photo.boxes if min(box[2] - box[0], box[3] - box[1]) >= SMALLEST_BOX_PX]


def surroundings(photo: Photo, size_px: tuple[int, int], count: int, rng: np.random.Generator) -> list[Box]:
    """At most ``count`` random boxes of a photo of (width, height) that labelled boxes cover by less than a tenth."""
    width, height = size_px
    found: list[Box] = []
    for _ in range(20 * count):
        w, h = rng.uniform(0.2, 0.55, 2) * (width, height)
        x, y = rng.uniform(0, 1, 2) * (width - w, height - h)
        overlaps = [
            max(0.0, min(x + w, x1) - max(x, x0)) * max(0.0, min(y + h, y1) - max(y, y0)) for _, (x0, y0, x1, y1) in photo.boxes
        ]
        if sum(overlaps) < 0.1 * w * h and len(found) < count:
            found.append((x, y, x + w, y + h))
    return found


BOX_CLASSES = frozenset(
    ("person", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "bird", "cat", "dog", "horse", "zebra", "clock")
)
"""Labels whose boxes are classes to learn from. Fixed: the shipped weights have these, however the vocabulary grows."""


def photo_crops(photos: Sequence[Photo], side_px: int, surroundings_per_photo: int = 10, seed: int = 0) -> Pictures:
    """Boxes of boxed photos, their surroundings, and labelled photos without boxes as wholes, as pictures to learn from.

    Classes are ``coco/label`` for boxes of BOX_CLASSES, ``crops/thing`` for the others, ``crops/surroundings``, and
    ``photos/word`` by the first word of a photo without boxes.
    """
    rows: list[tuple[str, NDArray[np.uint8], str]] = []
    for number, photo in enumerate(photos):
        rgb = photo.rgb()
        if not photo.boxes and photo.words:
            rows.append((f"photos/{photo.words[0]}", rgb, photo.path.name))
        if photo.boxes:
            for i, (label, box) in enumerate(labelled_crops(photo)):
                name = f"coco/{label}" if label in BOX_CLASSES else "crops/thing"
                rows.append((name, crop(rgb, box), f"{photo.path.name}/box {i}"))
            rng = np.random.default_rng((seed, number))
            boxes = surroundings(photo, (rgb.shape[1], rgb.shape[0]), surroundings_per_photo, rng)
            rows.extend(
                ("crops/surroundings", crop(rgb, box, 0.0), f"{photo.path.name}/around {i}") for i, box in enumerate(boxes)
            )
    classes = tuple(sorted({name for name, _, _ in rows}))
    return Pictures(
        np.stack([warp_to_square(np.ascontiguousarray(rgb), side_px) for _, rgb, _ in rows]),
        np.array([classes.index(name) for name, _, _ in rows], np.int64),
        classes,
        classes,
        tuple(f"photos/{name}" for _, _, name in rows),
    )
