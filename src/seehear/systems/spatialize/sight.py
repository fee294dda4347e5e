"""From picture to sounding objects: which regions sound, and like what (SEE-2-SOUND section 2.1).

A still is a video of one keyframe: every region becomes a track of one sighting. Words of the user win over
recognition; what is recognised needs evidence in its own region or in the scene; the unknown stays silent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seehear.protocols import ConceptRecognizer, DepthEstimator, Segmenter
from seehear.systems.spatialize.place import SURROUND, Geometry, Place, Surveyor
from seehear.systems.spatialize.words import Point, parse_object, parse_words
from seehear.types import Box, ConceptScores, Image, Region
from seehear.vision.cues import SceneCues, scene_cues, stuff_regions
from seehear.vision.tracking import Keyframe, Track, link_tracks, motion_regions
from seehear.vocabulary import Concept, concepts

MIN_SCORE = 0.2
"""A region sounds like a concept from this fused probability on."""
SURE_SCORE = 0.5
"""Below this best score a run says that words or another model would help."""
SILENT = 0.6
"""From this evidence on (blank, drawn, portrait) a picture holds nothing that sounds."""
MAX_TRACKS = 12
"""So many regions are looked at closely."""
LOOKS_PER_TRACK = 3
CROP_MARGIN = 0.08
"""Context around a box, as a share of its size: recognisers are trained on pictures with some surroundings."""
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


@dataclass(frozen=True)
class Eyes:
    """The parts that see: exchange any for another that fits its protocol."""

    segmenter: Segmenter
    depth: DepthEstimator
    recognizer: ConceptRecognizer


@dataclass(frozen=True)
class _View:
    """One picture or video, looked at: what the steps below share."""

    frames: Sequence[tuple[float, Image]]
    tracks: list[Track]
    stuff: Mapping[str, Region]
    cues: SceneCues
    surveyor: Surveyor

    @property
    def is_still(self) -> bool:
        return len(self.frames) == 1

    def place(self, what: Track | Region, concept: Concept) -> Place:
        if isinstance(what, Region):
            return self.surveyor.region(what, concept)
        if self.is_still:
            return self.surveyor.region(what.regions[0], concept)
        return self.surveyor.track(what, concept, (self.frames[0][0], self.frames[-1][0]))


@dataclass(frozen=True)
class _Candidate:
    what: Track | Region
    concept: Concept
    score: float
    """Fused from region and scene."""
    own_score: float
    """Evidence of the region alone."""
    saliency: float

    @property
    def rank(self) -> float:
        return self.score * math.sqrt(0.2 + self.saliency)

    @property
    def box(self) -> Box:
        return self.what.box if isinstance(self.what, Region) else self.what.regions[len(self.what.regions) // 2].box


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
    picture = frames[len(frames) // 2][1]
    cues = scene_cues(picture)
    if not placed and not said and cues.silent > SILENT:
        return _nothing_sounds(cues, picture)
    view = _look(frames, eyes, geometry, cues)
    if placed or said:
        found = [_placed(view, concept, point) for concept, point in placed if point is not None]
        found += _said(view, said, eyes.recognizer)
        return Sighting(tuple(found), _room_kind(cues, found), picture)
    chosen = choose(_seen(view, eyes.recognizer) + _stuff(view), n_sources)
    seen = [SoundingObject(c.concept, c.score, "seen", view.place(c.what, c.concept)) for c in chosen]
    room = _room_kind(cues, seen)
    bed = _suggested_bed(cues, room, {c.concept.name for c in chosen})
    notes = () if seen else ("Nothing that sounds was recognised: only an ambience is heard.",)
    uncertain = max((c.score for c in chosen), default=0.0) < SURE_SCORE
    return Sighting((*seen, _ambience(bed)), room, picture, notes, uncertain)


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


# ------------------------------------------------------------------------------------- regions and tracks


def _look(frames: Sequence[tuple[float, Image]], eyes: Eyes, geometry: Geometry, cues: SceneCues) -> _View:
    reference_s, picture = frames[len(frames) // 2]
    if len(frames) == 1:
        regions = eyes.segmenter.segment(picture)[:MAX_TRACKS]
        tracks = [Track(np.zeros(1), (region,), region.saliency) for region in regions]
    else:
        tracks = link_tracks(_keyframes(frames, eyes.segmenter))[:MAX_TRACKS]
        regions = [track.regions[int(np.abs(track.times_s - reference_s).argmin())] for track in tracks]
    depth = eyes.depth.estimate_depth(picture, regions)
    surveyor = Surveyor(geometry.camera(picture), depth, geometry, reference_s)
    return _View(frames, tracks, dict(stuff_regions(cues, picture)), cues, surveyor)


def _keyframes(frames: Sequence[tuple[float, Image]], segmenter: Segmenter) -> list[Keyframe]:
    """Regions of every keyframe: what moved first, then what the segmenter finds elsewhere."""
    keyframes = []
    before: Image | None = None
    for time_s, image in frames:
        moving = motion_regions(before, image) if before is not None else []
        still = [r for r in segmenter.segment(image) if all(overlap(r.box, m.box) < 0.5 for m in moving)]
        keyframes.append(Keyframe(time_s, tuple((moving + still)[:MAX_TRACKS])))
        before = image
    return keyframes


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def crop(image: Image, region: Region) -> Image:
    """The patch I_p of a region: its box with a margin; outside a polygon (eq. 1) the picture's mean colour."""
    x0, y0, x1, y1 = region.box
    dx, dy = CROP_MARGIN * (x1 - x0), CROP_MARGIN * (y1 - y0)
    rows = slice(max(0, int(y0 - dy)), math.ceil(y1 + dy))
    columns = slice(max(0, int(x0 - dx)), math.ceil(x1 + dx))
    patch = image.rgb[rows, columns]
    if region.polygon is not None:
        from skimage.draw import polygon2mask

        # Vertices count from pixel corners, the mask from pixel centres.
        vertices = np.array(region.polygon)[:, ::-1] - 0.5
        inside = polygon2mask(image.rgb.shape[:2], vertices)[rows, columns]
        patch = np.where(inside[..., None], patch, patch.mean(axis=(0, 1)).astype(np.uint8))
    return Image(np.ascontiguousarray(patch))


# ------------------------------------------------------------------------------------- what was recognised


def _track_scores(view: _View, recognizer: ConceptRecognizer) -> tuple[list[ConceptScores], ConceptScores]:
    """Scores of every track (mean over a few looks) and of the whole scene (mean over a few frames), in one batch."""
    frames = dict(view.frames)
    crops, owners = [], []
    for index, track in enumerate(view.tracks):
        picks = np.unique(np.linspace(0, len(track.regions) - 1, LOOKS_PER_TRACK).round().astype(int))
        crops += [crop(frames[float(track.times_s[i])], track.regions[i]) for i in picks]
        owners += [index] * len(picks)
    views = [view.frames[i][1] for i in np.unique(np.linspace(0, len(view.frames) - 1, LOOKS_PER_TRACK).round().astype(int))]
    scores = recognizer.recognize(crops + views)
    tracks = [_mean([s for s, owner in zip(scores, owners, strict=False) if owner == i]) for i in range(len(view.tracks))]
    return tracks, _mean(scores[len(crops) :])


def _mean(scores: Sequence[ConceptScores]) -> ConceptScores:
    names = scores[0].scores.keys()
    return ConceptScores(
        {name: float(np.mean([s.scores.get(name, 0.0) for s in scores])) for name in names},
        float(np.mean([s.unknown for s in scores])),
    )


def _seen(view: _View, recognizer: ConceptRecognizer) -> list[_Candidate]:
    tracks, scene = _track_scores(view, recognizer)
    found = []
    for track, own in zip(view.tracks, tracks, strict=True):
        fused = {name: 0.5 * p + 0.5 * scene.scores.get(name, 0.0) for name, p in own.scores.items()}
        name = max(fused, key=fused.__getitem__, default=None)
        if name is not None and fused[name] >= MIN_SCORE:
            saliency = float(np.mean([region.saliency for region in track.regions]))
            found.append(_Candidate(track, concepts()[name], fused[name], own.scores[name], saliency))
    return found


def _stuff(view: _View) -> list[_Candidate]:
    """Materials that sound by themselves, from colour and texture alone: water and fire."""
    found = []
    for material, region in view.stuff.items():
        name = _material_concept(material, region, view)
        if name is not None:
            # The map's mean strength, tempered: colour alone is never sure.
            score = 0.7 * region.saliency * (view.cues.outdoor if material == "water" else 1.0)
            if score >= MIN_SCORE:
                found.append(_Candidate(region, concepts()[name], score, score, 0.3))
    return found


def _material_concept(material: str, region: Region, view: _View) -> str | None:
    if material == "fire":
        return "fire"
    if material != "water":
        return None
    x0, _, x1, _ = region.box
    is_wide = x1 - x0 > 0.7 * view.surveyor.camera.width_px
    return "sea" if is_wide and view.cues.fraction("vegetation") < 0.25 else "stream"


def choose(candidates: Sequence[_Candidate], n_sources: int) -> list[_Candidate]:
    """At most ``n_sources`` candidates, best first, spread out: no two of a texture, no two over one place.

    A second event of one concept needs evidence of its own, beyond the scene's.
    """
    chosen: list[_Candidate] = []
    for candidate in sorted(candidates, key=lambda c: -c.rank):
        twins = [c.box for c in chosen if c.concept == candidate.concept]
        others = [c.box for c in chosen if c.concept != candidate.concept]
        if twins and (candidate.concept.kind != "event" or candidate.own_score < SURE_SCORE):
            continue
        if any(overlap(candidate.box, box) > 0.05 for box in twins) or any(overlap(candidate.box, box) > 0.6 for box in others):
            continue
        chosen.append(candidate)
        if len(chosen) == n_sources:
            break
    return chosen


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


def _placed(view: _View, concept: Concept, point: Point) -> SoundingObject:
    """A concept at a point; in a video it follows the smallest thing that is ever seen there."""
    width, height = view.surveyor.camera.width_px, view.surveyor.camera.height_px
    x, y = point[0] * width, point[1] * height
    row, column = min(int(y), height - 1), min(int(x), width - 1)
    there = []
    for index, track in enumerate(view.tracks):
        there += [(int(region.mask.sum()), index) for region in track.regions if region.mask[row, column]]
    if there and not view.is_still:
        return SoundingObject(concept, 1.0, "placed", view.place(view.tracks[min(there)[1]], concept))
    region = view.tracks[min(there)[1]].regions[0] if there else _patch(x, y, width, height)
    return SoundingObject(concept, 1.0, "placed", view.surveyor.point(point, region, concept))


def _patch(x: float, y: float, width: int, height: int, share: float = 0.1) -> Region:
    """A small square region around a point that no region holds."""
    half = 0.5 * share * min(width, height)
    x0, x1 = int(np.clip(x - half, 0, width - 2)), math.ceil(np.clip(x + half, 2, width))
    y0, y1 = int(np.clip(y - half, 0, height - 2)), math.ceil(np.clip(y + half, 2, height))
    mask = np.zeros((height, width), bool)
    mask[y0:y1, x0:x1] = True
    return Region(mask, (x0, y0, x1, y1))


def _said(view: _View, said: Sequence[Concept], recognizer: ConceptRecognizer) -> list[SoundingObject]:
    """Each word on the region that fits it best and is still free; what surrounds needs no region."""
    if not said:
        return []
    scores = _track_scores(view, recognizer)[0] if any(c.kind != "bed" for c in said) else []
    free = list(range(len(scores)))
    found = []
    for concept in said:
        material = {"sea": "water", "stream": "water", "waterfall": "water", "fire": "fire"}.get(concept.name)
        if concept.kind == "bed":
            place = SURROUND
        elif material in view.stuff:
            place = view.place(view.stuff[material], concept)
        elif free:
            best = max(free, key=lambda i: scores[i].scores.get(concept.name, 0.0) + 0.1 * view.tracks[i].confidence)
            free.remove(best)
            place = view.place(view.tracks[best], concept)
        else:
            place = view.surveyor.point((0.5, 0.5), _patch(*_middle(view)), concept)
        found.append(SoundingObject(concept, 1.0, "said", place))
    return found


def _middle(view: _View) -> tuple[float, float, int, int]:
    camera = view.surveyor.camera
    return camera.width_px / 2, camera.height_px / 2, camera.width_px, camera.height_px
