"""Which objects share a source: each has its own in a short scene, in a long one those of a concept take turns in lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seehear.systems.spatialize.sounding import LONG_S, SoundingObject
from seehear.types import Trajectory, surrounds

REST_S = 0.6
"""Least silence between two objects of a lane, in the middle of which it jumps: longer than a block of the renderer."""
JUMP_S = 0.02
LEAST_SPAN_S, LAST_START_S = 0.05, 0.1
"""An object is heard for so long at least, and from so long before the end of the scene at the latest."""


@dataclass(frozen=True)
class Lane:
    """What one source of a scene is: objects of one concept that are never heard at the same time."""

    label: str
    """Its concept; of several lanes of a long scene "footsteps", "footsteps 2"."""
    objects: tuple[SoundingObject, ...]
    """In the order of time."""
    indices: tuple[int, ...]
    """Of the objects in their sighting."""

    @property
    def level_db(self) -> float:
        """The level of the loudest: the others are so much softer in the stem."""
        return max(level_db(item) for item in self.objects)

    @property
    def extent_rad(self) -> float:
        return max(item.place.extent_rad for item in self.objects)

    def longest(self, duration_s: float) -> SoundingObject:
        """The object that is heard for the longest; the first of equals."""
        return max(self.objects, key=lambda item: float(np.diff(span_s(item, duration_s))[0]))

    def trajectory(self, duration_s: float) -> Trajectory:
        """The way through the points of all objects; the jump from one to the next is in the middle of the silence between."""
        if len(self.objects) == 1:
            return self.objects[0].place.trajectory
        spans = [span_s(item, duration_s) for item in self.objects]
        middles = [0.5 * (before[1] + after[0]) for before, after in pairwise(spans)]
        times, directions, distances = [], [], []
        for item, start_s, stop_s in zip(
            self.objects,
            [spans[0][0], *(middle + JUMP_S / 2 for middle in middles)],
            [*(middle - JUMP_S / 2 for middle in middles), spans[-1][1]],
            strict=True,
        ):
            path = item.place.trajectory
            inside = path.times_s[(path.times_s > start_s) & (path.times_s < stop_s)]
            at = np.concatenate([[start_s], inside, [stop_s]])
            vectors, metres = path.at(at)
            times.append(at)
            directions.append(vectors)
            distances.append(metres)
        return Trajectory(np.concatenate(times), np.concatenate(directions), np.concatenate(distances))


def level_db(item: SoundingObject) -> float:
    """Level of an object at 1 m over the reference of stems."""
    return item.concept.level_db + item.level_db


def span_s(item: SoundingObject, duration_s: float) -> tuple[float, float]:
    """When an object is heard, within the scene."""
    start_s = min(item.place.active_s[0], max(duration_s - LAST_START_S, 0.0))
    return start_s, max(min(item.place.active_s[1], duration_s), start_s + LEAST_SPAN_S)


def lanes_of(objects: Sequence[SoundingObject], duration_s: float) -> tuple[Lane, ...]:
    """The lanes of a scene, in the order in which they are first heard; one per object, in their order, up to a minute.

    Objects of one concept and origin share a lane where `REST_S` of silence is between them: each takes the first that is
    free, so that few are needed (greedy interval partitioning is optimal).
    """
    if duration_s <= LONG_S:
        return tuple(Lane(item.concept.name, (item,), (index,)) for index, item in enumerate(objects))
    spans = [span_s(item, duration_s) for item in objects]
    lanes: dict[tuple[str, str, bool], list[list[int]]] = {}
    order: list[list[int]] = []
    for index in sorted(range(len(objects)), key=lambda i: spans[i]):
        item = objects[index]
        mine = lanes.setdefault((item.concept.name, item.origin, surrounds(item.place.extent_rad)), [])
        free = next((lane for lane in mine if spans[lane[-1]][1] + REST_S <= spans[index][0]), None)
        if free is None:
            free = []
            mine.append(free)
            order.append(free)
        free.append(index)
    made: list[Lane] = []
    for lane in order:
        name = objects[lane[0]].concept.name
        number = 1 + sum(other.objects[0].concept.name == name for other in made)
        label = name if number == 1 else f"{name} {number}"
        made.append(Lane(label, tuple(objects[i] for i in lane), tuple(lane)))
    return tuple(made)


def most_likely(objects: Sequence[SoundingObject], duration_s: float, count: int) -> list[SoundingObject]:
    """The objects, in their order, of the ``count`` lanes in which the most is likely for the longest."""
    lanes = sorted(lanes_of(objects, duration_s), key=lambda lane: -_likelihood(lane, duration_s))
    kept = {index for lane in lanes[:count] for index in lane.indices}
    return [item for index, item in enumerate(objects) if index in kept]


def _likelihood(lane: Lane, duration_s: float) -> float:
    """Score of the only object of a lane, of several score times seconds."""
    if duration_s <= LONG_S:
        return lane.objects[0].score
    spans = (span_s(item, duration_s) for item in lane.objects)
    return sum(item.score * (stop_s - start_s) for item, (start_s, stop_s) in zip(lane.objects, spans, strict=True))
