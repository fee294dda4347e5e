"""Does the picture fit the sound? The scores, and the cut one standard deviation below their mean.

The paper scores with the contrastive encoders of Diff-Foley (CAVP, Luo et al. 2023); any callable does here. `ConceptRelevance`
is a stand-in made of a recogniser of pictures and a tagger of sounds: it says less, and only about what both know.
Shapes: N clips, K concepts, F frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seehear.data.clips import Clip
from seehear.data.curation.records import Reject, Rules
from seehear.data.curation.selection import mono_at
from seehear.data.photos import crop
from seehear.protocols import AudioTagger, ConceptRecognizer
from seehear.types import FloatArray, Image, InputError
from seehear.vocabulary import concepts_in

Relevance = Callable[[Clip], float]
"""How well the picture of a clip fits its sound, the higher the better, on any scale."""


def least_relevance(scores: Sequence[float] | FloatArray, rules: Rules) -> float:
    """Mean less one standard deviation (of the population) of the scores (N,): what lies below is turned away (section 4)."""
    values = np.asarray(scores, dtype=float)
    if not np.isfinite(values).all():
        raise InputError("a relevance score is no finite number: the model that scores is at fault")
    return float(values.mean() - rules.sigmas * values.std()) if len(values) else -math.inf


def relevant(score: float, least: float, key: str = "") -> float | Reject:
    """The score, unless it is below the least."""
    return score if score >= least else Reject("relevance", "the picture does not fit the sound", f"{score:.3f} at {key}")


@dataclass(frozen=True)
class ConceptRelevance:
    """Cosine between what is seen and what is heard, 0 to 1, over the concepts of the vocabulary: a stand-in for CAVP.

    Seen: for each concept its highest probability over ``n_frames`` frames and the ``n_regions`` most salient regions of each.
    Heard: the probabilities of the labels of W, each counted for the concept it names. 0 where nothing is known of either.
    """

    tagger: AudioTagger
    recognizer: ConceptRecognizer
    n_frames: int = 1
    n_regions: int = 4

    @cached_property
    def _concepts(self) -> tuple[str | None, ...]:
        return tuple(concept_of_label(label) for label in self.tagger.labels)

    def __call__(self, clip: Clip) -> float:
        seen = seen_concepts(clip, self.recognizer, self.n_frames, self.n_regions)
        row = self.tagger.tag([mono_at(clip.sound, self.tagger.sample_rate_hz)])[0]
        heard: dict[str, float] = {}
        for concept, p in zip(self._concepts, row, strict=True):
            if concept is not None:
                heard[concept] = heard.get(concept, 0.0) + float(p)
        return cosine(seen, heard)


def concept_of_label(label: str) -> str | None:
    """The first concept of the vocabulary that a label of sound names ("Dog", "Bark", "car passing by"); None for others."""
    named = concepts_in(label)
    return named[0].name if named else None


def cosine(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """The cosine between two vectors that are told by the names of their components; 0 where either is nothing."""
    lengths = math.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
    return sum(v * b.get(name, 0.0) for name, v in a.items()) / lengths if lengths > 0 else 0.0


def seen_concepts(clip: Clip, recognizer: ConceptRecognizer, n_frames: int, n_regions: int) -> dict[str, float]:
    """The highest probability of each concept over some frames of a clip and their most salient regions."""
    from seehear.vision.regions import find_regions

    index = np.unique(np.linspace(0, len(clip.frames) - 1, n_frames + 2).round().astype(int)[1:-1])
    pictures: list[Image] = []
    for frame in clip.frames[index]:
        image = Image(np.ascontiguousarray(frame))
        boxes = [region.box for region in find_regions(image, n_regions)] if n_regions else []
        pictures += [image, *(cropped(image, box) for box in boxes)]
    found: dict[str, float] = {}
    for scores in recognizer.recognize(pictures):
        for name, p in scores.scores.items():
            found[name] = max(found.get(name, 0.0), p)
    return found


def cropped(image: Image, box: tuple[float, float, float, float], margin: float = 0.1) -> Image:
    """The part of a picture in a box that is widened by a tenth of its size on every side."""
    return Image(np.ascontiguousarray(crop(image.rgb, box, margin)))
