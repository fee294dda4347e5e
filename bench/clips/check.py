"""What the frozen, real-clips-only judge of short clips calls our procedural sounds.

    python bench/clips/check.py [--classes bird,gunshot] [--seeds 50] [--weights FILE]

Per sound ``--seeds`` clips of 5 s at 44.1 kHz, seeds 0, 1, 2, ..., of which the loudest second is judged; as controls as many
clips of white and of pink noise. A class of which we have no sound yet is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from judge import CLASSES, WEIGHTS, features, load_frozen, loudest_piece, places
from numpy.typing import NDArray

from seehear.foley import sounds, synthesize
from seehear.foley.blocks import noise

RATE_HZ = 44100
DURATION_S = 5.0
MADE_AS = {
    "explosion": ("explosion", "fireworks"),
    "speech": ("speech", "crowd"),
    "sheep": ("sheep", "goat"),
    "gorilla": ("gorilla", "monkey"),
    "bee": ("bee", "insects"),
    "crickets": ("crickets", "cicada"),
}
"""Our sounds for a class of the judge, where they are not of the same name."""
SINGLE_S = {"footsteps": 0.3}
"""The real clips hold one event of this length and end there; of ours, which go on, the loudest such piece is judged too."""


def makers(classes: list[str]) -> list[tuple[str, str, Callable[[int], NDArray]]]:
    """Our sound, the class it should be called, and its clip (T,) by seed."""

    def maker(sound: str) -> Callable[[int], NDArray]:
        return lambda seed: synthesize(sound, DURATION_S, RATE_HZ, np.random.default_rng(seed)).samples[0]

    def alone(sound: str, seconds: float) -> Callable[[int], NDArray]:
        def make(seed: int) -> NDArray:
            piece = loudest_piece(maker(sound)(seed), RATE_HZ)
            start = max(0, int(np.abs(piece).argmax()) - round(0.15 * seconds * RATE_HZ))
            return piece[start : start + round(seconds * RATE_HZ)]

        return make

    pairs = [(sound, name) for name in classes for sound in MADE_AS.get(name, (name,)) if sound in sounds()]
    whole = [(sound, name, maker(sound)) for sound, name in pairs]
    return whole + [(f"{sound}, one alone", name, alone(sound, SINGLE_S[name])) for sound, name in pairs if name in SINGLE_S]


def controls() -> list[tuple[str, Callable[[int], NDArray]]]:
    """White and pink noise (T,) by seed."""
    n = round(DURATION_S * RATE_HZ)
    slopes = (("white noise", 0.0), ("pink noise", -3.0))
    return [(name, lambda seed, slope=slope: noise(np.random.default_rng(seed), n, slope)) for name, slope in slopes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [name for name in CLASSES if name != "other"]
    parser.add_argument("--classes", default=",".join(known), help="comma-separated, default all")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="another judge, made by fit.py")
    options = parser.parse_args()
    classes = options.classes.split(",")
    if unknown := sorted(set(classes) - set(known)):
        parser.error(f"unknown classes {', '.join(unknown)}: choose from {', '.join(known)}")
    judge = load_frozen(options.weights)

    def scores(make: Callable[[int], NDArray]) -> NDArray:
        return judge.discriminant.scores(np.stack([features(make(seed), RATE_HZ) for seed in range(options.seeds)]))

    most = options.seeds / 2
    fooled = set()
    for name, make in controls():
        answers = np.bincount(scores(make).argmax(axis=1), minlength=len(CLASSES))
        fooled |= {CLASSES[k] for k in np.flatnonzero(answers > most)}
        print(f"control {name}: {_told(answers)}", flush=True)
    print("\n| sound | class | of so many called it | among the first three | real clips recognised | counts | called |")
    print("|---|---|---|---|---|---|---|")
    for sound, name, make in makers(classes):
        k = CLASSES.index(name)
        each = scores(make)
        place = places(each, np.full(len(each), k))
        word = "judge is fooled by noise" if name in fooled else "yes" if judge.knows[k] else "judge does not know it"
        heard = _told(np.bincount(each.argmax(axis=1), minlength=len(CLASSES)))
        figures = f"{(place == 0).sum()} of {len(place)} | {(place < 3).sum()} of {len(place)} | {judge.recall[k]:.2f}"
        print(f"| {sound} | {name} | {figures} | {word} | {heard} |", flush=True)


def _told(answers: NDArray) -> str:
    """The answers that were given, most often first."""
    order = [k for k in np.argsort(-answers, kind="stable") if answers[k]]
    return ", ".join(f"{CLASSES[k]} {answers[k]}" for k in order[:4])


if __name__ == "__main__":
    main()
