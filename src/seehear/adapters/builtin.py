"""What seehear recognises without a download: the project's own image encoder as a ConceptRecognizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.nets.encoder_config import EncoderConfig, Encoding, config_from_mapping
from seehear.nets.image_encoder_arrays import encode
from seehear.nets.warp import warp_to_square
from seehear.types import ConceptScores, Image
from seehear.vocabulary import concepts, label_concepts
from seehear.weights import load_pack, read_manifest

PACKS = {"builtin": "image-encoder", "builtin-research": "image-encoder-research"}
"""Name of a set of models to the pack that its recogniser uses."""
# fmt: off
SHOWN_PERCENT = {
    "person": 54, "car": 10, "truck": 5, "bus": 3, "train": 3, "motorcycle": 3, "bicycle": 3, "airplane": 3, "boat": 3,
    "dog": 4, "cat": 3, "bird": 3, "horse": 2, "zebra": 2, "elephant": 2, "cow": 2, "sheep": 1,
    "cell phone": 4, "clock": 4, "sports ball": 4, "laptop": 3, "keyboard": 2,
}
# fmt: on
"""How many of a hundred photos show a thing, rounded, by its COCO label (photos of COCO's train2017 annotated with it)."""
SELDOM_PERCENT = 1
"""Of everything that COCO does not label or shows less often: accordions are common in picture sets, not in photos."""
USUAL_PERCENT = 5
"""What is shown so often keeps its score."""


def concept_of_class(name: str) -> str | None:
    """The concept of a ``set/label`` class by the committed table; None where it is silent or has no sound yet."""
    label_set, label = name.split("/", 1)
    return label_concepts(label_set)[label]


def concept_matrix(classes: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The whole vocabulary and a 0/1 matrix (classes, concepts + 1) that sums class probabilities; the last column is unknown."""
    names = tuple(concepts())
    matrix = np.zeros((len(classes), len(names) + 1))
    for row, name in enumerate(classes):
        concept = concept_of_class(name)
        matrix[row, len(names) if concept is None else names.index(concept)] = 1
    return names, matrix


def photo_odds(names: Sequence[str]) -> NDArray[np.float64]:
    """How much more often than usual photos show each concept, and 1 for unknown, (concepts + 1,); 54 / 5 for footsteps."""
    shown = dict.fromkeys(names, 0)
    for label, percent in SHOWN_PERCENT.items():
        concept = label_concepts("coco")[label]
        if concept is not None:
            shown[concept] += percent
    return np.array([*(max(percent, SELDOM_PERCENT) / USUAL_PERCENT for percent in shown.values()), 1.0])


def shifted(probabilities: NDArray[np.float64], odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (N, K) under other class frequencies: p_k w_k / sum_j p_j w_j (Saerens et al. 2002)."""
    weighted = probabilities * odds
    return weighted / weighted.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class BuiltinRecognizer:
    """Concept scores from the shipped weights; loads them at the first picture and needs no network."""

    pack: str = PACKS["builtin"]
    """Name of the weights in the manifest."""
    batch_size: int = 16
    """Pictures that go through the encoder together."""
    prior: float = 0.75
    """How much it counts what photos usually show, 0 (as in the training set) to 1."""

    @property
    def manifest_entry(self) -> dict[str, Any]:
        """Hash, licence, recipe and measured figures of the weights, without loading them."""
        return read_manifest()[self.pack]

    @property
    def answer_threshold(self) -> float:
        """The score from which a concept may be believed: nine of ten such answers were right on held-out pictures."""
        return float(self.manifest_entry["answer_threshold"])

    @cached_property
    def _weights(self) -> tuple[Mapping[str, NDArray[np.float32]], EncoderConfig]:
        tensors, entry = load_pack(self.pack)
        return tensors, config_from_mapping(entry["config"])

    def encode(self, images: Sequence[Image]) -> Encoding:
        """Class logits, pooled features and patch grids of N pictures (at least one)."""
        tensors, config = self._weights
        parts = []
        for start in range(0, len(images), self.batch_size):
            squares = [warp_to_square(image.rgb, config.input_px) for image in images[start : start + self.batch_size]]
            parts.append(encode(np.stack(squares).astype(np.float32) / 255, tensors, config))
        return Encoding(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def recognize(self, images: Sequence[Image]) -> list[ConceptScores]:
        """Concept probabilities of each picture; silent, unlearned and rejected things are ``unknown``.

        The training set shows each class about equally often, photos do not (``photo_odds``).
        """
        if not images:
            return []
        names, matrix = concept_matrix(self.manifest_entry["classes"])
        logits = self.encode(images).logits.astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = shifted(odds / odds.sum(axis=1, keepdims=True) @ matrix, photo_odds(names) ** self.prior)
        return [
            ConceptScores(dict(zip(names, (float(p) for p in row[:-1]), strict=True)), float(row[-1])) for row in probabilities
        ]
