"""The sockets: what a part must do to be wired into a system. One method each; any object that fits, fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from seehear.types import Audio, ConceptScores, DepthMap, Image, Prompt, Region


class Segmenter(Protocol):
    """Finds regions of interest."""

    def segment(self, image: Image, /) -> list[Region]:
        """Regions of ``image``, most salient first, masks at the image's size."""
        ...


class DepthEstimator(Protocol):
    """Estimates depth from one picture."""

    def estimate_depth(self, image: Image, regions: Sequence[Region], /) -> DepthMap:
        """Depth of every pixel of ``image``; ``regions`` may help (size and position cues)."""
        ...


class ConceptRecognizer(Protocol):
    """Says what a picture, or a crop of one, sounds like."""

    def recognize(self, images: Sequence[Image], /) -> list[ConceptScores]:
        """Concept probabilities for each image, with an honest ``unknown``."""
        ...


class SoundGenerator(Protocol):
    """Makes a sound."""

    def generate(self, prompt: Prompt, duration_s: float, sample_rate_hz: int, rng: np.random.Generator, /) -> Audio:
        """Mono sound of exactly ``round(duration_s * sample_rate_hz)`` samples at the stem reference level."""
        ...


class AcousticMatcher(Protocol):
    """Makes a sound fit the place that a picture shows."""

    def match(self, audio: Audio, image: Image, /) -> Audio:
        """``audio`` as if recorded in the place that ``image`` shows: same shape, rate and layout."""
        ...
