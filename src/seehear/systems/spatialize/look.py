"""Looking closely at a picture: its regions and tracks, their patches, and how the recogniser scores them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seehear.protocols import ConceptRecognizer, DepthEstimator, Segmenter
from seehear.systems.spatialize.motion import seen_motion
from seehear.systems.spatialize.place import Geometry, Place, Surveyor
from seehear.systems.spatialize.sounding import Origin, SoundingObject
from seehear.types import Box, ConceptScores, Image, Region
from seehear.vision.cues import SceneCues, stuff_regions
from seehear.vision.egomotion import CameraPath
from seehear.vision.motion import NO_MOTION, MotionRecord
from seehear.vision.regions import box_ious
from seehear.vision.tracking import Keyframe, Track, keyframe_regions, link_tracks
from seehear.vocabulary import Concept

MAX_TRACKS = 12
"""So many regions are looked at closely."""
LOOKS_PER_TRACK = 3
MIN_LOOKS = 4
"""A thing that stands still is segmented at least so often."""
CROP_MARGIN = 0.08
"""Context around a box, as a share of its size: recognisers are trained on pictures with some surroundings."""


@dataclass(frozen=True)
class Eyes:
    """The parts that see: exchange any for another that fits its protocol."""

    segmenter: Segmenter
    depth: DepthEstimator
    recognizer: ConceptRecognizer
    knows_silence: bool = False
    """Whether the recogniser tells by itself that a drawing or a portrait is silent; else cues of the picture say so first."""


@dataclass(frozen=True)
class View:
    """One picture or video, looked at: what the steps below share."""

    frames: Sequence[tuple[float, Image]]
    reference: int
    """Index of the frame that stands for all."""
    tracks: list[Track]
    stuff: Mapping[str, Region]
    cues: SceneCues
    surveyor: Surveyor
    motion: MotionRecord = NO_MOTION

    @property
    def picture(self) -> Image:
        return self.frames[self.reference][1]

    @property
    def is_still(self) -> bool:
        return len(self.frames) == 1

    def shown(self, track: Track) -> Region:
        """The region of a track at the reference frame."""
        return track.region_at(self.frames[self.reference][0])

    def place(self, what: Track | Region, concept: Concept) -> Place:
        if isinstance(what, Region):
            return self.surveyor.region(what, concept)
        if self.is_still:
            return self.surveyor.region(what.regions[0], concept)
        return self.surveyor.track(what, concept, (self.frames[0][0], self.frames[-1][0]))

    def sounding(self, what: Track | Region, concept: Concept, score: float, origin: Origin) -> SoundingObject:
        """A track or region that sounds like a concept, with what its motion says."""
        place = self.place(what, concept)
        if isinstance(what, Region):
            sightings = [(time_s, what.box) for time_s in (self.frames[0][0], self.frames[-1][0])]
        else:
            sightings = [(float(time_s), region.box) for time_s, region in zip(what.times_s, what.regions, strict=True)]
        size_px = self.picture.width_px, self.picture.height_px
        wraps = self.surveyor.geometry.equirectangular
        motion = None if self.is_still else seen_motion(self.motion, concept, sightings, size_px, wraps=wraps)
        return SoundingObject(concept, score, origin, place, motion=motion, picture=self.picture)


def look(
    frames: Sequence[tuple[float, Image]],
    reference: int,
    eyes: Eyes,
    geometry: Geometry,
    cues: SceneCues,
    motion: MotionRecord = NO_MOTION,
) -> View:
    """Regions, tracks, depth and materials of a picture or of one shot; ``cues`` are those of its ``reference`` frame."""
    reference_s, picture = frames[reference]
    if len(frames) == 1:
        regions = eyes.segmenter.segment(picture)[:MAX_TRACKS]
        tracks = [Track(np.array([reference_s]), (region,), region.saliency) for region in regions]
    else:
        wraps = geometry.equirectangular
        keyframes = _keyframes(frames, eyes.segmenter, motion.camera, wraps)
        tracks = link_tracks(keyframes, camera=motion.camera, wraps=wraps)[:MAX_TRACKS]
        regions = [track.region_at(reference_s) for track in tracks]
    depth = eyes.depth.estimate_depth(picture, regions)
    surveyor = Surveyor(geometry.camera(picture), depth, geometry, reference_s, motion.camera)
    return View(frames, reference, tracks, dict(stuff_regions(cues, picture)), cues, surveyor, motion)


def spread_indices(n: int, count: int) -> list[int]:
    """At most ``count`` indices over ``n`` things, ends included, in order."""
    return [int(i) for i in np.unique(np.linspace(0, n - 1, count).round())]


def _keyframes(frames: Sequence[tuple[float, Image]], segmenter: Segmenter, camera: CameraPath, wraps: bool) -> list[Keyframe]:
    """Regions of every keyframe: what moves first, then what the segmenter finds elsewhere.

    What stands still needs no look at every keyframe: in longer videos the segmenter sees each third one, a gap that
    tracks bridge.
    """
    stride = 1 if len(frames) <= 3 * MIN_LOOKS else 3
    keyframes = []
    for index, (time_s, image) in enumerate(frames):
        before_s, before = frames[index - 1] if index else (time_s, None)
        after_s, after = frames[index + 1] if index + 1 < len(frames) else (time_s, None)
        still = segmenter.segment(image) if index % stride == 0 else []
        motions = (camera.between(before_s, time_s), camera.between(after_s, time_s)) if len(camera.times_s) else None
        regions = keyframe_regions(before, image, after, still, MAX_TRACKS, motions=motions, wraps=wraps)
        keyframes.append(Keyframe(time_s, tuple(regions)))
    return keyframes


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    return float(box_ious(np.array([a]), np.array(b))[0])


def patch(picture: Image, place: Place) -> Image | None:
    """What is seen of a place at the reference frame; None for what is all around."""
    return None if place.box is None else crop(picture, place.box, place.polygon)


def crop(image: Image, box: Box, polygon: tuple[tuple[float, float], ...] | None = None) -> Image:
    """The patch I_p of a region: its box with a margin; outside a polygon (eq. 1) the patch's mean colour."""
    x0, y0, x1, y1 = box
    dx, dy = CROP_MARGIN * (x1 - x0), CROP_MARGIN * (y1 - y0)
    rows = slice(max(0, int(y0 - dy)), math.ceil(y1 + dy))
    columns = slice(max(0, int(x0 - dx)), math.ceil(x1 + dx))
    seen = image.rgb[rows, columns]
    if polygon is not None:
        from skimage.draw import polygon2mask

        # Vertices count from pixel corners, the mask from pixel centres.
        vertices = np.array(polygon)[:, ::-1] - 0.5
        inside = polygon2mask(image.rgb.shape[:2], vertices)[rows, columns]
        seen = np.where(inside[..., None], seen, seen.mean(axis=(0, 1)).astype(np.uint8))
    return Image(np.ascontiguousarray(seen))


def scores(view: View, recognizer: ConceptRecognizer) -> tuple[list[ConceptScores], ConceptScores]:
    """Scores of every track (mean over a few looks) and of the whole scene (mean over a few frames), in one batch."""
    frames = dict(view.frames)
    crops, owners = [], []
    for index, track in enumerate(view.tracks):
        picks = spread_indices(len(track.regions), LOOKS_PER_TRACK)
        looks = [(frames[float(track.times_s[i])], track.regions[i]) for i in picks]
        crops += [crop(frame, region.box, region.polygon) for frame, region in looks]
        owners += [index] * len(picks)
    views = [view.frames[i][1] for i in spread_indices(len(view.frames), LOOKS_PER_TRACK)]
    scores = recognizer.recognize(crops + views)
    tracks = [_mean([s for s, owner in zip(scores, owners, strict=False) if owner == i]) for i in range(len(view.tracks))]
    return tracks, _mean(scores[len(crops) :])


def _mean(scores: Sequence[ConceptScores]) -> ConceptScores:
    """The mean of some looks, in the words of the one that is surest of what comes out first."""
    names = dict.fromkeys(name for s in scores for name in s.scores)
    mean = {name: float(np.mean([s.scores.get(name, 0.0) for s in scores])) for name in names}
    best = max(mean, key=mean.__getitem__, default="")
    surest = max(scores, key=lambda s: (s.scores.get(best, 0.0), -s.unknown))
    return ConceptScores(mean, float(np.mean([s.unknown for s in scores])), surest.text)
