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
from seehear.vision.regions import appearance
from seehear.vision.tracking import LEAP_S, Track, looks_alike
from seehear.vocabulary import Concept

PART_AREA = 4.0
"""A region up to so many times larger may be the whole of which the smaller one is a part."""
WHOLE_AREA = 2.0
"""A region up to so many times larger than the box of moving edges is the thing whose edges move."""
MATERIALS = {"sea": "water", "stream": "water", "waterfall": "water", "fire": "fire"}
"""Words that belong on a material."""


def placed(view: View, concept: Concept, point: Point) -> SoundingObject:
    """A concept at a point; in a video it follows what is ever seen there: the longest-seen of the smallest things.

    Motion shows no more than the edges of a plain thing: where no region of about its size holds the point, what moves is
    there as soon as its box is.
    """
    width, height = view.surveyor.camera.width_px, view.surveyor.camera.height_px
    x, y = point[0] * width, point[1] * height
    row, column = min(int(y), height - 1), min(int(x), width - 1)
    sightings = [
        (region, track) for each in view.tracks for track in [_with_rests(view, each, (x, y))] for region in track.regions
    ]
    there = [(int(region.mask.sum()), track) for region, track in sightings if region.mask[row, column]]
    most = min((area for area, _ in there), default=math.inf) / WHOLE_AREA
    there += [
        (int(region.mask.sum()), track)
        for region, track in sightings
        if track.is_mover and not view.is_still and _area_around(region.box, (x, y)) < most and not region.mask[row, column]
    ]
    small = [track for area, track in there if area <= PART_AREA * min(area for area, _ in there)]
    if small and not view.is_still:
        return view.sounding(max(small, key=lambda track: (len(track.times_s), track.confidence)), concept, 1.0, "placed")
    region = min(there, key=lambda pair: pair[0])[1].regions[0] if there else _patch(x, y, width, height)
    return SoundingObject(concept, 1.0, "placed", view.surveyor.point(point, region, concept), picture=view.picture)


def _with_rests(view: View, track: Track, point: tuple[float, float]) -> Track:
    """What moves, with the sightings at a point up to a second before its first and after its last that look like it.

    Before it leaps, or when it has come to rest, it is not found by its motion.
    """
    if not track.is_mover:
        return track
    known = dict(zip(track.times_s.tolist(), track.regions, strict=True))
    first_s, last_s = float(track.times_s[0]), float(track.times_s[-1])
    for time_s, frame in view.frames:
        if 0 < max(first_s - time_s, time_s - last_s) <= LEAP_S:
            region = _moved_to(track.regions[0 if time_s < first_s else -1], point)
            if region is not None and looks_alike(appearance(frame.rgb, region.mask), region):
                known[time_s] = region
    times = sorted(known)
    return replace(track, times_s=np.array(times), regions=tuple(known[time_s] for time_s in times))


def _moved_to(region: Region, point: tuple[float, float]) -> Region | None:
    """A region with the middle of its box at a point; None where it does not fit into the picture there."""
    height, width = region.mask.shape
    x0, y0, x1, y1 = region.box
    down, right = round(point[1] - (y0 + y1) / 2), round(point[0] - (x0 + x1) / 2)
    if x0 + right < 0 or x1 + right > width or y0 + down < 0 or y1 + down > height:
        return None
    box = (x0 + right, y0 + down, x1 + right, y1 + down)
    return replace(region, mask=np.roll(region.mask, (down, right), axis=(0, 1)), box=box, polygon=None)


def _area_around(box: Box, point: tuple[float, float]) -> float:
    """The area of a box that holds a point; infinite if it does not."""
    x0, y0, x1, y1 = box
    return (x1 - x0) * (y1 - y0) if x0 <= point[0] < x1 and y0 <= point[1] < y1 else math.inf


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
