"""The sockets: what a part must do to be wired into a system. One method each; any object that fits, fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class FrameFeatures:
    """What an encoder says of F frames."""

    pooled: NDArray[np.float32]
    """(F, D) one feature per frame."""
    patches: NDArray[np.float32]
    """(F, h, w, P) one feature per patch, from the top left."""


class FrameEncoder(Protocol):
    """Describes frames of a video for a model that was trained on such descriptions."""

    @property
    def name(self) -> str:
        """What makes two encoders the same: the model and its version."""
        ...

    def encode_frames(self, frames: Sequence[Image], /) -> FrameFeatures:
        """Features of at least one frame, in order."""
        ...


class Codec(Protocol):
    """Turns sound into frames of codes and back, every channel by itself.

    Legend: C channels, T samples, N codebooks, L = ceil(T / hop_samples) frames.
    """

    @property
    def name(self) -> str:
        """What makes two codecs the same: the model and its version."""
        ...

    @property
    def sample_rate_hz(self) -> int: ...
    @property
    def hop_samples(self) -> int: ...
    @property
    def n_codebooks(self) -> int: ...
    @property
    def codebook_size(self) -> int: ...

    def encode(self, samples: NDArray[np.float32], /) -> NDArray[np.int64]:
        """Codes (C, N, L) of samples (C, T) at the codec's rate."""
        ...

    def decode(self, codes: NDArray[np.int64], /) -> NDArray[np.float32]:
        """Samples (C, L * hop_samples) of codes (C, N, L)."""
        ...


class Embedder(Protocol):
    """Places sounds in a space where distances mean something; Frechet distances are measured in it."""

    @property
    def name(self) -> str:
        """The model and its version, named beside every figure that rests on it."""
        ...

    @property
    def sample_rate_hz(self) -> int: ...

    def embed(self, clips: Sequence[NDArray[np.float32]], /) -> list[NDArray[np.float32]]:
        """For each mono clip (T,) its embeddings (n, D): one, or one per window where the model has windows."""
        ...


class AudioTagger(Protocol):
    """Says which kinds of sound are heard."""

    @property
    def name(self) -> str: ...
    @property
    def sample_rate_hz(self) -> int: ...
    @property
    def labels(self) -> tuple[str, ...]: ...

    def tag(self, clips: Sequence[NDArray[np.float32]], /) -> NDArray[np.float64]:
        """Probabilities (n, K) of the labels for mono clips (T,), each row summing to 1 (softmax)."""
        ...
