"""From picture to sounding objects: which regions sound, and like what (SEE-2-SOUND section 2.1).

A still is a video of one keyframe: every region becomes a track of one sighting. Words of the user win over
recognition; what is recognised needs evidence in its own region or in the scene; the unknown stays silent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seehear.protocols import ConceptRecognizer
from seehear.systems.spatialize.candidates import SURE_SCORE, candidates, choose, guesses
from seehear.systems.spatialize.look import Eyes, View, look, scores, spread_indices
from seehear.systems.spatialize.place import SURROUND, Geometry, Place
from seehear.systems.spatialize.words import Point, parse_object, parse_words
from seehear.types import Box, Image, Region
from seehear.vision.cues import SceneCues, scene_cues
from seehear.vocabulary import Concept, concepts

REFERENCE_LOOKS = 5
SILENT = 0.6
"""From this evidence on (blank, drawn, portrait) a picture holds nothing that sounds."""
PART_AREA = 4.0
"""A region up to so many times larger may be the whole of which the smaller one is a part."""
BED_LEVEL_DB = -6.0
"""An ambience that only the scene suggests sits behind the placed sources."""

RoomKind = Literal["none", "small", "hall", "outdoor"]


@dataclass(frozen=True)
class SoundingObject:
    """Something in the picture that will be heard."""

    concept: Concept
    score: float
    """Probability that it is there; 1 for what the user said."""
    origin: Literal["seen", "said", "placed", "ambience"]
    place: Place
    level_db: float = 0.0
    """On top of the concept's own level."""
    text: str = ""
    """In words, for generators that read (the text condition c of section 2.2)."""


@dataclass(frozen=True)
class Sighting:
    """What a picture shows to the ear."""

    objects: tuple[SoundingObject, ...]
    room_kind: RoomKind
    picture: Image
    """The reference frame, whose pixels the boxes count."""
    notes: tuple[str, ...] = ()
    """Sentences for the user."""
    uncertain: bool = False
    """Little was recognised with confidence."""
    guesses: tuple[tuple[str, float], ...] = ()
    """The recogniser's best concepts and their scores, heard or not; empty where it was not asked."""


def sight(
    frames: Sequence[tuple[float, Image]],
    eyes: Eyes,
    geometry: Geometry,
    *,
    n_sources: int = 3,
    say: str = "",
    objects: Sequence[str] = (),
) -> Sighting:
    """What is heard in a picture (one frame) or a video (keyframes of one size at increasing times).

    With ``objects`` or ``say`` only what they name sounds; otherwise at most ``n_sources`` recognised things and an
    ambience. InputError for words without a sound.
    """
    placed = [parse_object(text) for text in objects]
    said = [concept for concept, point in placed if point is None] + parse_words(say)
    reference, cues = _reference(frames)
    picture = frames[reference][1]
    if not placed and not said and cues.silent > SILENT and geometry.pixels is None:
        return _nothing_sounds(cues, picture)
    view = look(frames, reference, eyes, geometry, cues)
    if placed or said:
        found = [_placed(view, concept, point) for concept, point in placed if point is not None]
        found += _said(view, said, eyes.recognizer, [item.place.box for item in found])
        return Sighting(tuple(found), _room_kind(cues, found), picture)
    tracks, scene = scores(view, eyes.recognizer)
    chosen = choose(candidates(view, tracks, scene), n_sources)
    seen = [SoundingObject(c.concept, c.score, "seen", view.place(c.what, c.concept)) for c in chosen]
    room = _room_kind(cues, seen)
    bed = _suggested_bed(cues, room, {c.concept.name for c in chosen})
    heard = "the result is silent" if geometry.pixels else "only an ambience is heard"
    notes = () if seen else (f"Nothing that sounds was recognised: {heard}.",)
    uncertain = max((c.score for c in chosen), default=0.0) < SURE_SCORE
    around = () if geometry.pixels else (_ambience(bed),)  # the paper gives every sound a place
    return Sighting((*seen, *around), room, picture, notes, uncertain, tuple(guesses(tracks, scene)))


def _reference(frames: Sequence[tuple[float, Image]]) -> tuple[int, SceneCues]:
    """The frame that stands for all, and its cues: of a few over the whole, the one that shows most that may sound.

    A fade to black, a title or a face in close-up in the middle does not silence a video.
    """
    looked = [(scene_cues(frames[i][1]), i) for i in spread_indices(len(frames), REFERENCE_LOOKS)]
    cues, index = min(looked, key=lambda pair: (round(pair[0].silent, 1), abs(pair[1] - len(frames) // 2)))
    return index, cues


def _nothing_sounds(cues: SceneCues, picture: Image) -> Sighting:
    kinds = {"blank": "an almost blank picture", "graphic": "a drawing or a logo", "portrait": "a portrait"}
    kind = max(kinds, key=lambda name: getattr(cues, name))
    note = f"This looks like {kinds[kind]}: nothing in it sounds, so only room tone is heard (say otherwise with --say)."
    return Sighting((_ambience("room tone"),), "small", picture, (note,))


def _room_kind(cues: SceneCues, heard: Sequence[SoundingObject]) -> RoomKind:
    """Outdoors or a small room: what the picture's materials say, moved by where the heard things usually are."""
    evidence = cues.outdoor - 0.5
    for item in heard:
        if item.concept.outdoors is not None:
            evidence += (0.5 if item.concept.outdoors else -0.5) * item.score
    return "outdoor" if evidence > 0 else "small"


def _ambience(name: str) -> SoundingObject:
    return SoundingObject(concepts()[name], 1.0, "ambience", SURROUND, BED_LEVEL_DB)


def _suggested_bed(cues: SceneCues, room: RoomKind, heard: set[str]) -> str:
    """The ambience that the scene's materials suggest."""
    if room != "outdoor":
        return "room tone"
    if cues.is_night:
        return "crickets"
    if cues.fraction("vegetation") > 0.15 and "leaves" not in heard:
        return "leaves"
    return "wind"


# ------------------------------------------------------------------------------------- what the user said


def _placed(view: View, concept: Concept, point: Point) -> SoundingObject:
    """A concept at a point; in a video it follows what is ever seen there: the longest-seen of the smallest things."""
    width, height = view.surveyor.camera.width_px, view.surveyor.camera.height_px
    x, y = point[0] * width, point[1] * height
    row, column = min(int(y), height - 1), min(int(x), width - 1)
    there = [(int(region.mask.sum()), track) for track in view.tracks for region in track.regions if region.mask[row, column]]
    small = [track for area, track in there if area <= PART_AREA * min(area for area, _ in there)]
    if small and not view.is_still:
        longest = max(small, key=lambda track: len(track.times_s))
        return SoundingObject(concept, 1.0, "placed", view.place(longest, concept))
    region = min(there, key=lambda pair: pair[0])[1].regions[0] if there else _patch(x, y, width, height)
    return SoundingObject(concept, 1.0, "placed", view.surveyor.point(point, region, concept))


def _patch(x: float, y: float, width: int, height: int, share: float = 0.1) -> Region:
    """A small square region around a point that no region holds."""
    half = 0.5 * share * min(width, height)
    x0, x1 = int(np.clip(x - half, 0, width - 2)), math.ceil(np.clip(x + half, 2, width))
    y0, y1 = int(np.clip(y - half, 0, height - 2)), math.ceil(np.clip(y + half, 2, height))
    mask = np.zeros((height, width), bool)
    mask[y0:y1, x0:x1] = True
    return Region(mask, (x0, y0, x1, y1))


def _said(
    view: View, said: Sequence[Concept], recognizer: ConceptRecognizer, taken: Sequence[Box | None]
) -> list[SoundingObject]:
    """Each word on the region that fits it best and is still free; what surrounds needs no region."""
    if not said:
        return []
    evidence = scores(view, recognizer)[0] if any(c.kind != "bed" for c in said) else []
    free = [i for i in range(len(evidence)) if view.shown(view.tracks[i]).box not in taken]
    found = []
    for concept in said:
        material = {"sea": "water", "stream": "water", "waterfall": "water", "fire": "fire"}.get(concept.name)
        if concept.kind == "bed":
            place = SURROUND
        elif material in view.stuff:
            place = view.place(view.stuff[material], concept)
        elif free:
            best = max(free, key=lambda i: evidence[i].scores.get(concept.name, 0.0) + 0.1 * view.tracks[i].confidence)
            free.remove(best)
            place = view.place(view.tracks[best], concept)
        else:
            place = view.surveyor.point((0.5, 0.5), _patch(*_middle(view)), concept)
        found.append(SoundingObject(concept, 1.0, "said", place))
    return found


def _middle(view: View) -> tuple[float, float, int, int]:
    camera = view.surveyor.camera
    return camera.width_px / 2, camera.height_px / 2, camera.width_px, camera.height_px
