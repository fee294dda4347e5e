"""What a data set of clips is made of: what is heard, what stands out, where it is and how it moves (ViSAGe, appendix G).

The paper tags with PaSST, detects with an FPN and tracks with CoTracker. Here a tagger and a recogniser are handed in;
regions and tracks are weight-free (`vision.regions`, `vision.following`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seehear.data.clips import Clip
from seehear.data.curation.relevance import cropped
from seehear.data.curation.selection import mono_at
from seehear.protocols import AudioTagger, ConceptRecognizer
from seehear.types import FloatArray, Image, Region
from seehear.vision.following import follow_middle
from seehear.vision.regions import find_regions

UNKNOWN = "unknown"
N_REGIONS = 4
"""Most salient regions of the middle frame that are looked at."""
MOVES = 0.05
"""Of the picture's width: what goes less far in a clip stands still."""


@dataclass(frozen=True)
class Portrait:
    """One clip: its most probable sound, its most salient object, and where that is. Places are shares of width and height."""

    key: str
    tag: str
    tag_probability: float
    object: str
    """A concept, or ``unknown``."""
    object_probability: float
    centre: tuple[float, float] | None
    """Of the object's box in the middle frame, from the top left; None where nothing stands out."""
    track: FloatArray
    """(F, 2) of that point in every frame, NaN where it is lost; empty without an object."""
    size_px: tuple[int, int]
    """Width and height of the pictures."""

    @property
    def path_length(self) -> float:
        """How far the point goes while it is followed, in picture widths."""
        seen = self.track[np.isfinite(self.track).all(axis=1)] if len(self.track) else self.track
        return float(np.linalg.norm(np.diff(seen, axis=0), axis=1).sum()) if len(seen) > 1 else 0.0


def portrait(clip: Clip, tagger: AudioTagger, recognizer: ConceptRecognizer, least_probability: float) -> Portrait:
    """What one clip is made of. The object is the most salient region of the middle frame whose concept is at least that
    probable; if none is, the most salient region, unknown."""
    row = tagger.tag([mono_at(clip.sound, tagger.sample_rate_hz)])[0]
    best = int(row.argmax())
    middle = len(clip.frames) // 2
    image = Image(np.ascontiguousarray(clip.frames[middle]))
    regions = find_regions(image, N_REGIONS)
    image_size = (image.width_px, image.height_px)
    name, p, region = salient_object(image, regions, recognizer, least_probability)
    if region is None:
        return Portrait(clip.key, tagger.labels[best], float(row[best]), name, p, None, np.zeros((0, 2)), image_size)
    x0, y0, x1, y1 = region.box
    track = follow_middle(clip.frames, middle, region.box) / image_size
    centre = ((x0 + x1) / 2 / image_size[0], (y0 + y1) / 2 / image_size[1])
    return Portrait(clip.key, tagger.labels[best], float(row[best]), name, p, centre, track, image_size)


def salient_object(
    image: Image, regions: Sequence[Region], recognizer: ConceptRecognizer, least_probability: float
) -> tuple[str, float, Region | None]:
    """Concept, its probability and region of the first of ``regions`` that is recognised; else ``unknown``, 0 and the first."""
    for region, scores in zip(regions, recognizer.recognize([cropped(image, each.box) for each in regions]), strict=True):
        if (top := scores.top()) and top[0][1] >= least_probability:
            return top[0][0], float(top[0][1]), region
    return UNKNOWN, 0.0, regions[0] if regions else None


def portraits(
    clips: Iterable[Clip], tagger: AudioTagger, recognizer: ConceptRecognizer, least_probability: float
) -> Iterator[Portrait]:
    """The portrait of every clip, one at a time."""
    return (portrait(clip, tagger, recognizer, least_probability) for clip in clips)


def summary(found: Sequence[Portrait]) -> dict[str, Any]:
    """The figures of a data set as JSON: counts of tags and objects (most frequent first), centres, tracks, how much moves."""
    moving = [each.path_length >= MOVES for each in found if each.centre is not None]
    offsets = [np.hypot(each.centre[0] - 0.5, each.centre[1] - 0.5) for each in found if each.centre is not None]
    return {
        "clips": len(found),
        "aspect": round(float(np.median([each.size_px[1] / each.size_px[0] for each in found])), 4),
        "tags": dict(Counter(each.tag for each in found).most_common()),
        "objects": dict(Counter(each.object for each in found if each.centre is not None).most_common()),
        "without_object": sum(each.centre is None for each in found),
        "moving_share": round(float(np.mean(moving)), 4) if moving else None,
        "median_offset": round(float(np.median(offsets)), 4) if offsets else None,
        "each": [
            {
                "key": each.key,
                "tag": each.tag,
                "tag_probability": round(each.tag_probability, 4),
                "object": each.object,
                "object_probability": round(each.object_probability, 4),
                "centre": None if each.centre is None else [round(v, 4) for v in each.centre],
                "track": [None if np.isnan(point).any() else [round(float(v), 4) for v in point] for point in each.track],
            }
            for each in found
        ],
    }
