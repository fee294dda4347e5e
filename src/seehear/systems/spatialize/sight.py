"""From picture to sounding objects: which regions sound, and like what (SEE-2-SOUND section 2.1).

A still is a video of one keyframe: every region becomes a track of one sighting. Words of the user win over
recognition; what is recognised needs evidence in its own region or in the scene; the unknown stays silent.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from seehear.acoustics.room import RoomKind
from seehear.systems.spatialize.candidates import SURE_SCORE, candidates, choose, guesses
from seehear.systems.spatialize.look import Eyes, look, scores, spread_indices
from seehear.systems.spatialize.place import SURROUND, Geometry
from seehear.systems.spatialize.said import placed, said
from seehear.systems.spatialize.shots import joined, weight
from seehear.systems.spatialize.sounding import LONG_S, Sighting, SoundingObject
from seehear.systems.spatialize.watch import UNWATCHED, Watched
from seehear.systems.spatialize.words import Point, parse_object, parse_words, prompt_text, split_words
from seehear.types import Image
from seehear.vision.cues import SceneCues, scene_cues
from seehear.vision.cuts import Shot
from seehear.vision.motion import MotionRecord
from seehear.vocabulary import Concept, concepts

REFERENCE_LOOKS = 5
SILENT = 0.6
"""From this evidence on (blank, drawn, portrait) a picture holds nothing that sounds."""
BED_LEVEL_DB = -6.0
"""An ambience that only the scene suggests sits behind the placed sources."""


def sight(
    frames: Iterable[tuple[float, Image]],
    eyes: Eyes,
    geometry: Geometry,
    *,
    n_sources: int = 3,
    say: str = "",
    objects: Sequence[str] = (),
    watched: Watched = UNWATCHED,
    reads_text: bool = False,
) -> Sighting:
    """What is heard in a picture (one frame) or a video (keyframes of one size at increasing times).

    With ``objects`` or ``say`` only what they name sounds; otherwise at most ``n_sources`` recognised things at a time and
    an ambience. ``watched`` tells shots and motion of a video: each shot is looked at on its own, with its frames alone in
    memory. Where sounds are made from words (``reads_text``) any words may be said. InputError for words without a sound.
    """
    asked = [(text.partition("@")[0].strip(), *parse_object(text, free=reads_text)) for text in objects]
    wanted = Wanted(
        n_sources,
        tuple((concept, point) for _, concept, point in asked if point is not None),
        (*(concept for _, concept, point in asked if point is None), *parse_words(say, free=reads_text)),
        (
            *(words for words, _, point in asked if point is not None),
            *(words for words, _, point in asked if point is None),
            *split_words(say),
        ),
        reads_text,
    )
    shots = watched.shots or (Shot(0.0, math.inf, (0.0, math.inf)),)
    starts_s = [shot.start_s for shot in shots]
    looked: list[tuple[Shot, Sighting]] = []
    main = 0
    for index, group in itertools.groupby(frames, key=lambda frame: _shot_at(starts_s, frame[0])):
        start_s, stop_s = shots[index].seen_s
        found = list(group)
        seen = [frame for frame in found if start_s - 1e-6 <= frame[0] < stop_s - 1e-6] or found[:1]
        looked.append((shots[index], _sight_shot(seen, eyes, geometry, wanted, watched.motion.within(start_s, stop_s))))
        if len(looked) > 1 and LONG_S < shots[-1].stop_s < math.inf:
            worse, main = (main, len(looked) - 1) if weight(looked[-1]) > weight(looked[main]) else (len(looked) - 1, main)
            looked[worse] = (looked[worse][0], looked[worse][1].without_pictures())
    return looked[0][1] if len(looked) == 1 and len(shots) == 1 else joined(looked)


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    n_sources: int
    placed: tuple[tuple[Concept, Point], ...] = ()
    said: tuple[Concept, ...] = ()
    words: tuple[str, ...] = ()
    """What the user called them, placed ones first."""
    reads_text: bool = False


def _shot_at(starts_s: Sequence[float], time_s: float) -> int:
    """Index of the shot that a time belongs to."""
    return max(bisect.bisect_right(starts_s, time_s + 1e-6) - 1, 0)


def _sight_shot(
    frames: Sequence[tuple[float, Image]], eyes: Eyes, geometry: Geometry, wanted: Wanted, motion: MotionRecord
) -> Sighting:
    """What is heard in one shot, at least one frame."""
    reference, cues = _reference(frames)
    picture = frames[reference][1]
    looks_silent = cues.silent > SILENT and geometry.pixels is None and not (wanted.placed or wanted.said)
    if looks_silent and not eyes.knows_silence:
        return _nothing_sounds(cues, picture)
    view = look(frames, reference, eyes, geometry, cues, motion)
    if wanted.placed or wanted.said:
        found = [placed(view, concept, point) for concept, point in wanted.placed]
        found += said(view, wanted.said, eyes.recognizer, [item.place.box for item in found])
        found = [
            replace(item, text=prompt_text(words, item.concept, item.text))
            for item, words in zip(found, wanted.words, strict=True)
        ]
        return Sighting(tuple(found), _room_kind(cues, found), picture)
    tracks, scene = scores(view, eyes.recognizer)
    chosen = choose(candidates(view, tracks, scene, reads_text=wanted.reads_text), wanted.n_sources)
    if looks_silent and not chosen:
        return _nothing_sounds(cues, picture)
    seen = [replace(view.sounding(c.what, c.concept, c.score, "seen"), text=c.text) for c in chosen]
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
