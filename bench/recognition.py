"""How well the builtin recognisers see: ``python bench/recognition.py --media DIR [--models builtin builtin-research]``.

Prints, for each set of weights: top-1 and top-5 over sound classes on held-out pictures per set, beside a colour
histogram with a linear classifier and chance; then precision and coverage of concepts and of "unknown" on held-out
pictures, on the boxes of COCO photos and on whole photos, of those photos that no weights were trained on. Figures carry n and a
95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from seehear.adapters.builtin import PACKS, BuiltinRecognizer, concept_of_class
from seehear.data.photos import PERMISSIVE, Photo, crop, labelled_crops, read_photos
from seehear.data.pictures import Pictures
from seehear.metrics.classification import (
    UNKNOWN,
    answered_coverage,
    answered_precision,
    top_k_accuracy,
    unknown_coverage,
    unknown_precision,
)
from seehear.metrics.score import bootstrap
from seehear.training.image_encoder import CALTECH, DEFAULT, RESEARCH, TINY_IMAGENET, fit_linear, read_pictures
from seehear.types import Image
from seehear.vocabulary import concepts, label_concepts

OTHER_THRESHOLDS = (0.2, 0.6)
"""Scores to answer from, beside the one that is shipped with the weights."""


def of_set(pictures: Pictures, name: str) -> Pictures:
    """The pictures whose class is of that label set."""
    return pictures.take(np.flatnonzero([pictures.classes[label].startswith(name + "/") for label in pictures.labels]))


def by_sound_class(values: NDArray, sound_classes: Sequence[str], wanted: Sequence[str]) -> NDArray:
    """Class probabilities (N, classes) summed to the ``wanted`` sound classes."""
    matrix = np.array([[sound == name for name in wanted] for sound in sound_classes], float)
    return values @ matrix


def colour_histogram(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Square roots of 6 x 6 x 6 colour histograms (N, 216) of pictures (N, 3, S, S)."""
    bins = (pixels.astype(np.int64) * 6) // 256
    flat = (bins[:, 0] * 6 + bins[:, 1]) * 6 + bins[:, 2]
    counts = np.stack([np.bincount(row.ravel(), minlength=216) for row in flat])
    return np.sqrt(counts / counts.sum(1, keepdims=True)).astype(np.float32)


def images_of(pictures: Pictures) -> list[Image]:
    return [Image(np.ascontiguousarray(p.transpose(1, 2, 0))) for p in pictures.pixels]


def sound_class_rows(recognizer: BuiltinRecognizer, train: Pictures, test: Pictures, set_name: str) -> None:
    """Prints accuracy over the sound classes of one label set."""
    train, test = of_set(train, set_name), of_set(test, set_name)
    wanted = sorted({test.sound_classes[label] for label in test.labels})
    truth = np.array([wanted.index(test.sound_classes[label]) for label in test.labels])
    entry = recognizer.manifest_entry
    probabilities = softmax(recognizer.encode(images_of(test)).logits.astype(np.float64), axis=1)
    scores = by_sound_class(probabilities, entry["sound_classes"], wanted)
    labels = torch.from_numpy(train.labels)
    weight, bias = fit_linear(torch.from_numpy(colour_histogram(train.pixels)), labels, len(train.classes), 1e-5, 200)
    linear = (torch.from_numpy(colour_histogram(test.pixels)) @ weight.T + bias).softmax(1).numpy()
    baseline = by_sound_class(linear, train.sound_classes, wanted)
    most = np.bincount(truth).max() / len(truth)
    print(f"\n{set_name}, held out: {len(wanted)} sound classes, chance {1 / len(wanted):.3f}, always the most common {most:.3f}")
    for name, values in (("encoder", scores), ("colour histogram + linear", baseline)):
        print(f"  {name:27s} top-1 {top_k_accuracy(values, truth, 1)}   top-5 {top_k_accuracy(values, truth, 5)}")


def concept_rows(name: str, recognizer: BuiltinRecognizer, images: Sequence[Image], truth_names: Sequence[str | None]) -> None:
    """Prints precision and coverage of concepts and of unknown at the recogniser's threshold."""
    order = list(concepts())
    scores = np.array([list(found.scores.values()) for found in recognizer.recognize(images)])
    truth = np.array([UNKNOWN if concept is None else order.index(concept) for concept in truth_names])
    known = truth != UNKNOWN
    print(f"\n{name}: {known.sum()} with a concept, {(~known).sum()} without")
    if known.any():
        for k in (1, 3):
            print(f"  concept in the top {k}: {top_k_accuracy(scores[known], truth[known], k)}")
    for threshold in dict.fromkeys((recognizer.answer_threshold, *OTHER_THRESHOLDS)):
        for kind, precision, coverage in (
            ("answered", answered_precision, answered_coverage),
            ("unknown ", unknown_precision, unknown_coverage),
        ):
            found = f"precision {precision(scores, truth, threshold)}, coverage {coverage(scores, truth, threshold)}"
            print(f"  {kind} at {threshold:.2f}: {found}")


def boxed_crops(photos: Sequence[Photo]) -> tuple[list[Image], list[str | None]]:
    """Every labelled box that is not too small, as a picture and its concept."""
    table = label_concepts("coco")
    images, truth = [], []
    for photo in photos:
        rgb = photo.rgb()
        for label, box in labelled_crops(photo):
            images.append(Image(np.ascontiguousarray(crop(rgb, box))))
            truth.append(table[label])
    return images, truth


def whole_photos(photos: Sequence[Photo], recognizer: BuiltinRecognizer) -> None:
    """Prints how often one of a photo's concepts is among the first three, beside always naming the most common ones."""
    table = label_concepts("photos")
    judged = [(photo, {table[word] for word in photo.words} - {None}) for photo in photos]
    judged = [(photo, wanted) for photo, wanted in judged if wanted]
    found = recognizer.recognize([Image(photo.rgb()) for photo, _ in judged])
    counts = {name: sum(name in wanted for _, wanted in judged) for name in concepts()}
    common = sorted(counts, key=lambda name: -counts[name])
    for k in (1, 3):
        named = [{name for name, _ in scores.top(k)} for scores in found]
        hits = np.array([bool(wanted & names) for (_, wanted), names in zip(judged, named, strict=True)])
        score = bootstrap(lambda i, hits=hits: float(hits[i].mean()), len(hits))
        guess = np.mean([bool(wanted & set(common[:k])) for _, wanted in judged])
        print(f"  whole photo, a true concept in the top {k}: {score}; always {', '.join(common[:k])}: {guess:.3f}")


def report(models: str, media: Path) -> None:
    recognizer = BuiltinRecognizer(PACKS[models], prior=0.0)  # test sets show each class equally often
    entry = recognizer.manifest_entry
    print(f"\n===== {models}: {entry['file']}, {entry['bytes'] / 2**20:.2f} MiB, {entry['licence']}")
    parts = read_pictures(media, RESEARCH)
    trained = [CALTECH[0]] + ([TINY_IMAGENET[0]] if entry["research_only"] else [])
    own = parts if entry["research_only"] else read_pictures(media, DEFAULT)
    for set_name in trained:
        sound_class_rows(recognizer, own.train, own.test, set_name)
    for set_name in (CALTECH[0], TINY_IMAGENET[0]):
        test = of_set(parts.test, set_name)
        title = f"{set_name}, {'held out' if set_name in trained else 'another data set than trained on'}, concepts"
        concept_rows(title, recognizer, images_of(test), [concept_of_class(test.classes[label]) for label in test.labels])
    photos = [photo for folder in PERMISSIVE for photo in read_photos(media / folder) if photo.held_out]
    images, truth = boxed_crops([*photos, *read_photos(media / "photos_coco_ccbysa")])
    concept_rows("COCO boxes of photos that were not trained on", recognizer, images, truth)
    whole_photos(photos, recognizer)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--media", type=Path, required=True, metavar="DIR")
    parser.add_argument("--models", nargs="+", choices=list(PACKS), default=list(PACKS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for models in options.models:
        report(models, options.media)


if __name__ == "__main__":
    main()
