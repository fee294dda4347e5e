"""Fit the judge of short clips to real clips only, measure it on sources it has not heard, and write it to be frozen.

    python bench/clips/fit.py --media MEDIA_FOLDER [--out FILE]

MEDIA_FOLDER holds ``audio_labels.csv`` (columns file, coarse, class, attribution). Each source (an attribution with its
address) is judged by the others: clips cut from one recording would otherwise recognise one another.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import soundfile
from judge import CLASSES, SHRINKAGE, WEIGHTS, Judge, features, places, save
from numpy.typing import NDArray
from witness import discriminant

COARSE = {
    **{name: name for name in CLASSES},
    **{"sea_waves": "sea", "crying_baby": "baby", "insect_cricket": "crickets", "sheep_goat": "sheep", "fireworks": "explosion"},
}
"""Coarse label to class; fireworks are explosions."""
FINE = {
    **dict.fromkeys(("bird", "birds", "canary"), "bird"),
    **dict.fromkeys(("gorilla_snarl", "gorilla_roar", "gorilla_grunt"), "gorilla"),
    # Not what their coarse label says: no flame, no shot, foliage that is a sound of ours.
    **dict.fromkeys(("match_ignite", "fuse", "fuse_short", "rifle_fire_cock", "rifle_fire_dry", "pistol_fire_dry", "ricochet")),
    "leaves": None,
}
"""Class label to class, before the coarse one; None is left out."""
SONG_ONLY = "bird"
"""Of the birds only those that sing: parrots, penguins and owls are left out."""
LONGEST_S = 60


def class_of(row: dict[str, str]) -> str | None:
    """The class of a clip, None for clips of no class of the judge."""
    if row["class"] in FINE:
        return FINE[row["class"]]
    return None if row["coarse"] == SONG_ONLY else COARSE.get(row["coarse"])


def read_clips(media: Path) -> tuple[NDArray, NDArray[np.intp], NDArray]:
    """Features (N, F), class indices (N,) and sources (N,) of every labelled clip."""
    rows = list(csv.DictReader((media / "audio_labels.csv").read_text("utf-8").splitlines()))
    known = [(row, name) for row in rows if (name := class_of(row)) is not None]
    found = []
    for row, _ in known:
        with soundfile.SoundFile(media / row["file"]) as file:
            clip = file.read(LONGEST_S * file.samplerate, dtype="float32", always_2d=True).mean(axis=1)
            found.append(features(clip, file.samplerate))
    labels = np.array([CLASSES.index(name) for _, name in known])
    return np.stack(found), labels, np.array([row["attribution"] for row, _ in known])


def by_the_others(x: NDArray, labels: NDArray[np.intp], groups: NDArray) -> NDArray:
    """Scores (N, K) of each clip by a judge that has heard no clip of its group."""
    scores = np.empty((len(x), len(CLASSES)))
    for group in np.unique(groups):
        held = groups == group
        scores[held] = discriminant(x[~held], labels[~held], SHRINKAGE).scores(x[held])
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    x, labels, sources = read_clips(options.media)
    held_source, held_clip = (by_the_others(x, labels, each) for each in (sources, np.arange(len(x))))
    print("| class | clips | sources | source held out | among first three | clip held out | most often instead |")
    print("|---|---|---|---|---|---|---|")
    recalls = []
    for k, name in enumerate(CLASSES):
        own = labels == k
        place, answers = places(held_source[own], labels[own]), held_source[own].argmax(axis=1)
        wrong = np.bincount(answers[answers != k], minlength=len(CLASSES))
        instead = f"{CLASSES[wrong.argmax()]} {wrong.max()}" if wrong.any() else ""
        clip = np.mean(places(held_clip[own], labels[own]) == 0)
        recalls.append((np.mean(place == 0), np.mean(place < 3), clip))
        figures = " | ".join(f"{value:.2f}" for value in recalls[-1])
        print(f"| {name} | {own.sum()} | {len(np.unique(sources[own]))} | {figures} | {instead} |")
    total = " | ".join(f"{value:.2f}" for value in np.mean(recalls, axis=0))
    chance = f"chance {1 / len(CLASSES):.2f}, among three {3 / len(CLASSES):.2f}"
    print(f"| mean of classes ({chance}) | {len(x)} | {len(np.unique(sources))} | {total} | |")
    n_sources = np.array([len(np.unique(sources[labels == k])) for k in range(len(CLASSES))])
    save(Judge(discriminant(x, labels, SHRINKAGE), np.array([first for first, *_ in recalls]), n_sources), options.out)


if __name__ == "__main__":
    main()
