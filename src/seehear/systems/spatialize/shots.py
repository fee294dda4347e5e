"""Several shots become one sighting: sources live within their shot, an ambience goes on over cuts or cross-fades."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from seehear.systems.spatialize.lanes import most_likely
from seehear.systems.spatialize.sounding import Sighting, SoundingObject
from seehear.types import surrounds
from seehear.vision.cuts import Shot

CUT_FADE_S = 0.08
"""A source begins and ends with its shot, without a click."""
CROSS_FADE_S = 0.6
"""An ambience that a cut changes goes over into the next in this time, half of it on either side."""
MAX_STEMS = 32
"""Of what has a place; each is as long as the video."""
SAID_SHARE = 0.5
"""A said word sounds in the shots where it fits at least so well as in the best."""


def joined(looked: Sequence[tuple[Shot, Sighting]]) -> Sighting:
    """The sighting of a video from those of its shots, in order.

    One room holds all: that of the shot in which the most was recognised for the longest. A said word sounds in the shots
    that it fits; of more stems than `MAX_STEMS` the least likely are left out, and a note says so.
    """
    main_shot, main = max(looked, key=weight)
    best: dict[str, float] = {}
    for _, sighting in looked:
        for item in sighting.objects:
            if item.origin == "said":
                best[item.concept.name] = max(best.get(item.concept.name, 0.0), item.fit)
    placed, around = [], []
    for shot, sighting in looked:
        for item in sighting.objects:
            if surrounds(item.place.extent_rad):
                around.append((shot, item))
            elif item.origin != "said" or item.fit >= SAID_SHARE * best[item.concept.name]:
                placed.append(_within(item, shot, looked[0][0].start_s, looked[-1][0].stop_s))
    kept = most_likely(placed, looked[-1][0].stop_s, MAX_STEMS)
    objects = (*kept, *_ambiences(around, looked[-1][0].stop_s))
    notes = _notes(looked, any(item.origin == "seen" for item in placed), len(placed) - len(kept))
    differ = len({sighting.room_kind for _, sighting in looked}) > 1
    return replace(
        main,
        objects=objects,
        notes=notes,
        uncertain=all(sighting.uncertain for _, sighting in looked),
        room_shot_s=(main_shot.start_s, main_shot.stop_s) if differ else None,
        shots_s=tuple((shot.start_s, shot.stop_s) for shot, _ in looked),
    )


def weight(looked: tuple[Shot, Sighting]) -> float:
    """How much a shot counts among others: the more is recognised in it, the longer, the more."""
    shot, sighting = looked
    return shot.duration_s * (0.5 + sum(item.score for item in sighting.objects if item.origin != "ambience"))


def _within(item: SoundingObject, shot: Shot, first_s: float, last_s: float) -> SoundingObject:
    """An object of a shot, heard only there."""
    start_s, stop_s = item.place.active_s
    enters, leaves = start_s > shot.start_s, stop_s < shot.stop_s
    active_s = (start_s if enters else shot.start_s, stop_s if leaves else (shot.stop_s if shot.stop_s < last_s else math.inf))
    fade_in = None if enters or shot.start_s <= first_s else CUT_FADE_S
    fade_out = None if leaves or shot.stop_s >= last_s else CUT_FADE_S
    return replace(item, place=replace(item.place, active_s=active_s), fades_s=(fade_in, fade_out))


def _ambiences(around: Sequence[tuple[Shot, SoundingObject]], last_s: float) -> list[SoundingObject]:
    """Each ambience over the runs of neighbouring shots that have it."""
    names = dict.fromkeys(item.concept.name for _, item in around)
    heard = []
    for name in names:
        mine = [(shot, item) for shot, item in around if item.concept.name == name]
        run: list[tuple[Shot, SoundingObject]] = []
        for each, following in itertools.zip_longest(mine, mine[1:]):
            run.append(each)
            if following is None or following[0].start_s > each[0].stop_s + 1e-6:
                heard.append(_over(run[0][1], run[0][0].start_s, run[-1][0].stop_s, last_s))
                run = []
    return heard


def _over(item: SoundingObject, start_s: float, stop_s: float, last_s: float) -> SoundingObject:
    """An ambience from one cut to another, with its half of the cross-fades."""
    begins, ends = start_s > 0, stop_s < last_s
    active_s = (start_s - 0.5 * CROSS_FADE_S if begins else 0.0, stop_s + 0.5 * CROSS_FADE_S if ends else math.inf)
    fades_s = (CROSS_FADE_S if begins else None, CROSS_FADE_S if ends else None)
    return replace(item, place=replace(item.place, active_s=active_s), fades_s=fades_s)


def _notes(looked: Sequence[tuple[Shot, Sighting]], something_seen: bool, left_out: int) -> tuple[str, ...]:
    told = [] if something_seen else list(dict.fromkeys(note for _, sighting in looked for note in sighting.notes))
    cuts = [f"{shot.start_s:.2f}" for shot, _ in looked[1:]]
    some = ", ".join(cuts[:8]) + (" ..." if len(cuts) > 8 else "")
    told.append(f"The video has {len(looked)} shots (cuts at {some} s); each is looked at on its own.")
    if left_out:
        told.append(f"Of all shots together only the {MAX_STEMS} most likely stems are heard; {left_out} things are left out.")
    return tuple(told)
