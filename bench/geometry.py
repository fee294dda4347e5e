"""Where COCO's labelled boxes are heard: the table of docs/results.md on geometry.

    python bench/geometry.py --media DIR [--models builtin]

Given the box (`--object concept@centre`): the rate of boxes whose sound comes from inside their azimuths. Unaided: the rate of
labelled boxes that some source of the right concept is heard from. Boxes whose label maps to no concept are left out, and so
are boxes narrower than 16 px. With a room, the direction of arrival of each stem rendered alone tells how far the room moves it.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seehear.acoustics.render import render
from seehear.acoustics.sphere import direction_of_arrival
from seehear.data.photos import PERMISSIVE, Photo, read_photos
from seehear.presets import spatialize_preset
from seehear.systems.spatialize import Geometry, SpatializeOptions, compose, sight
from seehear.types import FOA, Box, Direction, Image, Scene
from seehear.vision.camera import Camera, camera_for
from seehear.vocabulary import label_concepts

FOLDERS = ("photos_coco_ccby", "photos_coco_ccbysa")


@dataclass
class Tally:
    """Counts over all boxes."""

    boxes: int = 0
    given: int = 0
    unaided: int = 0
    heard_anywhere: int = 0

    def add(self, other: Tally) -> None:
        self.boxes += other.boxes
        self.given += other.given
        self.unaided += other.unaided
        self.heard_anywhere += other.heard_anywhere

    def share(self, name: str) -> str:
        count = getattr(self, name)
        return f"{count} ({100 * count / max(self.boxes, 1):.0f} %)"


def sounding_boxes(photo: Photo) -> list[tuple[str, Box]]:
    """Boxes that map to a concept and are at least 16 px wide."""
    table = label_concepts("coco")
    return [(concept, box) for label, box in photo.boxes if (concept := table.get(label)) and box[2] - box[0] >= 16]


def inside(camera: Camera, box: Box, direction: Direction) -> bool:
    """Whether an azimuth lies between the rays of a box's left and right edges."""
    middle = (box[1] + box[3]) / 2
    left, right = (Direction.of(ray).azimuth_rad for ray in camera.rays(np.array([[box[0], middle], [box[2], middle]])))
    return right - 1e-6 <= direction.azimuth_rad <= left + 1e-6


def judge(photo: Photo, models: str, tally: Tally) -> list[float]:
    """Count one photo's boxes; returns how many degrees a small room moves each given stem's direction of arrival."""
    boxes = sounding_boxes(photo)
    if not boxes:
        return []
    image = Image(photo.rgb())
    camera = camera_for(image)
    eyes = spatialize_preset(models).eyes("box", False)
    words = [
        f"{concept}@{(b[0] + b[2]) / 2 / image.width_px:.5f},{(b[1] + b[3]) / 2 / image.height_px:.5f}" for concept, b in boxes
    ]
    given = sight([(0.0, image)], eyes, Geometry(), objects=words)
    seen = sight([(0.0, image)], eyes, Geometry(), n_sources=3).objects
    for (concept, box), item in zip(boxes, given.objects, strict=True):
        tally.boxes += 1
        tally.given += inside(camera, box, Direction.of(item.place.trajectory.directions[0]))
        right = [s for s in seen if s.concept.name == concept]
        tally.heard_anywhere += bool(right)
        tally.unaided += any(inside(camera, box, Direction.of(s.place.trajectory.directions[0])) for s in right)
    first = replace(given, objects=given.objects[:2])
    scene = compose(
        first, spatialize_preset(models).generator(lambda _: None), SpatializeOptions(room="small", rate_hz=16000), 3.0
    )
    return [_moved_deg(scene, index) for index in range(len(scene.sources))]


def _moved_deg(scene: Scene, index: int) -> float:
    """Angle between a source's direction and the direction of arrival of its stem alone in the room."""
    source = scene.sources[index]
    foa = render(replace(scene, sources=(source,)), [FOA], level_lufs=None)[0]
    heard = direction_of_arrival(foa.samples).vector
    return math.degrees(math.acos(float(np.clip(heard @ source.trajectory.directions[0], -1, 1))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--models", default="builtin")
    options = parser.parse_args()
    everything, unlearned, moved = Tally(), Tally(), []
    for folder in FOLDERS:
        for photo in read_photos(options.media / folder):
            tally = Tally()
            moved += judge(photo, options.models, tally)
            everything.add(tally)
            if photo.held_out or folder not in PERMISSIVE:
                unlearned.add(tally)
    counts = f"all, n = {everything.boxes} | never learned from, n = {unlearned.boxes}"
    print(f"| COCO boxes whose label sounds (`--models {options.models}`) | {counts} |")
    print("|---|---|---|")
    for text, name in (
        ("heard inside the box, given its centre", "given"),
        ("heard inside the box, unaided (3 sources a photo)", "unaided"),
        ("the right concept heard anywhere, unaided", "heard_anywhere"),
    ):
        print(f"| {text} | {everything.share(name)} | {unlearned.share(name)} |")
    middle, most = float(np.median(moved)), max(moved)
    print(f"| a small room moves a stem's mean direction by | median {middle:.1f}, at most {most:.1f} deg, n = {len(moved)} | |")


if __name__ == "__main__":
    main()
