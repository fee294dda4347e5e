"""What may sound: candidates from recognition, materials and faces, and the choice among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seehear.systems.spatialize.look import View, overlap
from seehear.types import Box, ConceptScores, Region
from seehear.vision.nesting import is_part
from seehear.vision.regions import mask_box
from seehear.vision.tracking import Track
from seehear.vocabulary import Concept, concepts, described

MIN_SCORE = 0.25
"""A region sounds like a concept from this fused probability on."""
NEXT_SCORE = 0.4
"""What sounds beside the best candidate needs this much: seldom is a weak second guess right."""
SURE_SCORE = 0.5
"""From here on a region is sure of itself: a second event of one concept needs it, and without any the run says so."""
CROWD_FACES = 3
SURE_FIRE = 0.8
"""Mean strength of a fire map from which colour alone is believed."""
WATER_SUPPORT = 0.05
"""Least scene score of a water that is believed."""


@dataclass(frozen=True)
class Candidate:
    what: Track | Region
    concept: Concept
    score: float
    """Fused from region and scene."""
    own_score: float
    """Evidence of the region alone."""
    saliency: float
    text: str = ""
    """What is heard, in words, where the recogniser has any."""

    @property
    def rank(self) -> float:
        return self.score * math.sqrt(0.2 + self.saliency)

    @property
    def region(self) -> Region:
        """What stands for it: its region, of a track the middle one."""
        return self.what if isinstance(self.what, Region) else self.what.regions[len(self.what.regions) // 2]

    @property
    def box(self) -> Box:
        return self.region.box


def candidates(view: View, tracks: Sequence[ConceptScores], scene: ConceptScores, *, reads_text: bool = False) -> list[Candidate]:
    """Everything in view that may sound, unordered; ``tracks`` scores each track, ``scene`` the whole.

    Where sounds are made from words (``reads_text``), what only the recogniser's words name may sound too.
    """
    return _seen(view, tracks, scene, reads_text) + _stuff(view, scene) + _people(view)


def guesses(tracks: Sequence[ConceptScores], scene: ConceptScores, k: int = 3) -> list[tuple[str, float]]:
    """The ``k`` best concepts of a picture and their scores, however unsure: half the scene's, half the best region's."""
    best = {name: 0.5 * p + 0.5 * max((own.scores[name] for own in tracks), default=p) for name, p in scene.scores.items()}
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))[:k]


def _seen(view: View, tracks: Sequence[ConceptScores], scene: ConceptScores, reads_text: bool) -> list[Candidate]:
    """Every track that sounds like something: its own and the scene's evidence, half and half.

    Words are evidence of their own: what is said of the whole names its subject, and is silent about the rest.
    """
    found = []
    for track, own in zip(view.tracks, tracks, strict=True):
        share = 1.0 if own.text else 0.5
        fused = {name: share * p + (1 - share) * scene.scores.get(name, 0.0) for name, p in own.scores.items()}
        name = max(fused, key=fused.__getitem__, default=None)
        saliency = float(np.mean([region.saliency for region in track.regions]))
        if name is not None and fused[name] >= MIN_SCORE:
            found.append(Candidate(track, concepts()[name], fused[name], own.scores[name], saliency, own.text))
        elif reads_text and own.described >= MIN_SCORE:
            found.append(Candidate(track, described(own.text), own.described, own.described, saliency, own.text))
    return found


def _stuff(view: View, scene: ConceptScores) -> list[Candidate]:
    """Materials that sound by themselves: a sure fire, and water that lies under a sky and that the recogniser believes in.

    Colour and texture alone take roads and hills for water, and orange animals for fire, more often than not.
    """
    found = []
    for material, region in view.stuff.items():
        name = _material_concept(material, region, view)
        if name is None:
            continue
        support = scene.scores.get(name, 0.0)
        if material == "fire":
            score = region.saliency if region.saliency >= SURE_FIRE else 0.0
        elif support >= WATER_SUPPORT:
            score = region.saliency * min(1.0, support + (0.6 if _has_sky_above(view, region) else 0.0))
        else:
            score = 0.0
        if score >= MIN_SCORE:
            found.append(Candidate(region, concepts()[name], score, score, 0.3))
    return found


def _has_sky_above(view: View, region: Region) -> bool:
    sky = view.stuff.get("sky")
    return sky is not None and sky.box[1] < region.box[1] and sky.box[3] < region.box[1] + 0.5 * (region.box[3] - region.box[1])


def _material_concept(material: str, region: Region, view: View) -> str | None:
    if material == "fire":
        return "fire"
    if material != "water":
        return None
    x0, _, x1, _ = region.box
    is_wide = x1 - x0 > 0.7 * view.surveyor.camera.width_px
    return "sea" if is_wide and view.cues.fraction("vegetation") < 0.25 else "stream"


def _people(view: View) -> list[Candidate]:
    """A crowd where several faces are seen; one or two people do not babble."""
    faces = view.cues.faces
    if len(faces) < CROWD_FACES:
        return []
    height, width = view.frames[0][1].rgb.shape[:2]
    mask = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in faces:
        mask[int(y0) : math.ceil(y1), int(x0) : math.ceil(x1)] = True
    around = Region(mask, mask_box(mask), 0.5)
    return [Candidate(around, concepts()["crowd"], 0.6, 0.6, 0.5)]


def choose(candidates: Sequence[Candidate], n_sources: int) -> list[Candidate]:
    """At most ``n_sources`` candidates, best first, spread out: no two of a texture, of one place, of part and whole.

    The best one may be weak, the others need NEXT_SCORE. A second event of one concept needs evidence of its own, beyond
    the scene's.
    """
    chosen: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: -c.rank):
        if chosen and candidate.score < NEXT_SCORE:
            continue
        same = [c for c in chosen if c.concept == candidate.concept]
        twins = [c.box for c in same]
        others = [c.box for c in chosen if c.concept != candidate.concept]
        if twins and (candidate.concept.kind != "event" or candidate.own_score < SURE_SCORE):
            continue
        if any(is_part(candidate.region, c.region) or is_part(c.region, candidate.region) for c in same):
            continue
        if any(overlap(candidate.box, box) > 0.05 for box in twins) or any(overlap(candidate.box, box) > 0.6 for box in others):
            continue
        chosen.append(candidate)
        if len(chosen) == n_sources:
            break
    return chosen
