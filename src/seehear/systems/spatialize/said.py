"""What the user says is heard, and where: words on the regions that fit, objects on the points they name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seehear.protocols import ConceptRecognizer
from seehear.systems.spatialize.look import View, scores
from seehear.systems.spatialize.place import SURROUND
from seehear.systems.spatialize.sounding import SoundingObject
from seehear.systems.spatialize.words import Point, fit
from seehear.types import Box, FloatArray, Region
from seehear.vision.tracking import Track
from seehear.vocabulary import Concept

PART_AREA = 4.0
"""A region up to so many times larger may be the whole of which the smaller one is a part."""
MATERIALS = {"sea": "water", "stream": "water", "waterfall": "water", "fire": "fire"}
"""Words that belong on a material."""


def placed(view: View, concept: Concept, point: Point) -> SoundingObject:
    """A concept at a point; in a video it follows what is ever seen there: the longest-seen of the smallest things."""
    width, height = view.surveyor.camera.width_px, view.surveyor.camera.height_px
    x, y = point[0] * width, point[1] * height
    row, column = min(int(y), height - 1), min(int(x), width - 1)
    there = [(int(region.mask.sum()), track) for track in view.tracks for region in track.regions if region.mask[row, column]]
    small = [track for area, track in there if area <= PART_AREA * min(area for area, _ in there)]
    if small and not view.is_still:
        longest = max(small, key=lambda track: len(track.times_s))
        return view.sounding(longest, concept, 1.0, "placed")
    region = min(there, key=lambda pair: pair[0])[1].regions[0] if there else _patch(x, y, width, height)
    return SoundingObject(concept, 1.0, "placed", view.surveyor.point(point, region, concept), picture=view.picture)


def _patch(x: float, y: float, width: int, height: int, share: float = 0.1) -> Region:
    """A small square region around a point that no region holds."""
    half = 0.5 * share * min(width, height)
    x0, x1 = int(np.clip(x - half, 0, width - 2)), math.ceil(np.clip(x + half, 2, width))
    y0, y1 = int(np.clip(y - half, 0, height - 2)), math.ceil(np.clip(y + half, 2, height))
    mask = np.zeros((height, width), bool)
    mask[y0:y1, x0:x1] = True
    return Region(mask, (x0, y0, x1, y1))


def said(
    view: View, wanted: Sequence[Concept], recognizer: ConceptRecognizer, taken: Sequence[Box | None]
) -> list[SoundingObject]:
    """Each word on a free region, all together so that they fit best; what surrounds needs no region.

    Words and regions are paired by the Hungarian method over the recogniser's scores plus a tenth of the region's
    confidence: "car, footsteps" gives the car the region that is most car only if nothing else could be the walker. Where
    the recogniser knows little, the louder word takes the larger region.
    """
    if not wanted:
        return []
    stuff = [view.stuff.get(MATERIALS.get(concept.like, "")) for concept in wanted]
    seeking = [i for i, concept in enumerate(wanted) if concept.kind != "bed" and stuff[i] is None]
    found = _assigned(view, [wanted[i] for i in seeking], recognizer, taken) if seeking else []
    tracks = dict(zip(seeking, found, strict=True))
    heard = []
    for index, concept in enumerate(wanted):
        region, (track, fits, text) = stuff[index], tracks.get(index, (None, 1.0, ""))
        if concept.kind == "bed":
            heard.append(SoundingObject(concept, 1.0, "said", SURROUND))
        elif region is not None or track is not None:
            item = view.sounding(region or track, concept, 1.0, "said")  # type: ignore[arg-type]
            heard.append(replace(item, fit=fits, text=text))
        else:
            place = view.surveyor.point((0.5, 0.5), _patch(*_middle(view)), concept)
            heard.append(SoundingObject(concept, 1.0, "said", place, fit=0.0, picture=view.picture))
    return heard


def _assigned(
    view: View, wanted: Sequence[Concept], recognizer: ConceptRecognizer, taken: Sequence[Box | None]
) -> list[tuple[Track | None, float, str]]:
    """A track for each concept, how well it fits and what it is said to show; no track for those that find none free."""
    from scipy.optimize import linear_sum_assignment

    evidence = scores(view, recognizer)[0]
    free = [i for i in range(len(evidence)) if view.shown(view.tracks[i]).box not in taken]
    fits = np.array([[fit(concept, evidence[i]) for i in free] for concept in wanted])
    fits = fits.reshape(len(wanted), len(free))
    trust = np.array([0.1 * view.tracks[i].confidence for i in free])
    areas = [float(np.median([region.mask.sum() for region in view.tracks[i].regions])) for i in free]
    trust = trust + 0.1 * np.outer(_ranks([concept.level_db for concept in wanted]), _ranks(areas))
    found: list[tuple[Track | None, float, str]] = [(None, 0.0, "")] * len(wanted)
    for row, column in zip(*linear_sum_assignment(-(fits + trust)), strict=True):
        found[row] = view.tracks[free[column]], float(fits[row, column]), evidence[free[column]].text
    return found


def _ranks(values: Sequence[float]) -> FloatArray:
    """Ranks of N values from -0.5 (least) to 0.5; 0 for a single one, the middle rank for equal ones."""
    x = np.asarray(values, dtype=float)
    below = (x[:, None] > x[None, :]).sum(axis=1) - (x[:, None] < x[None, :]).sum(axis=1)
    return 0.5 * below / max(len(x) - 1, 1)


def _middle(view: View) -> tuple[float, float, int, int]:
    camera = view.surveyor.camera
    return camera.width_px / 2, camera.height_px / 2, camera.width_px, camera.height_px
