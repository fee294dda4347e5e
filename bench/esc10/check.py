"""Count the ESC-10 classes of which the frozen, real-clips-only judge recognises our procedural sounds.

    python bench/esc10/check.py [--classes dog,rain] [--seeds 50] [--weights FILE]

Per class ``--seeds`` clips of 5 s at 44.1 kHz, seeds 0, 1, 2, ...; as controls as many clips of white and of pink noise.
A class counts when more than half of its clips are recognised and, of each control, at most half is called that class.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from classifier import CLASSES, WEIGHTS, load_frozen, log_mel_db, probabilities
from numpy.typing import NDArray

from seehear.foley import synthesize
from seehear.foley.blocks import noise

RATE_HZ = 44100
DURATION_S = 5.0
NONE = "none"


def controls() -> dict[str, Callable[[int], NDArray]]:
    """White and pink noise clips (T,) by seed."""
    n = round(DURATION_S * RATE_HZ)
    return {
        "white noise": lambda seed: noise(np.random.default_rng(seed), n),
        "pink noise": lambda seed: noise(np.random.default_rng(seed), n, -3.0),
    }


def sounds(classes: list[str]) -> dict[str, Callable[[int], NDArray]]:
    """Procedural clips (T,) of each class by seed."""

    def maker(name: str) -> Callable[[int], NDArray]:
        return lambda seed: synthesize(name, DURATION_S, RATE_HZ, np.random.default_rng(seed)).samples[0]

    return {name: maker(name) for name in classes}


def answers(make: Callable[[int], NDArray], seeds: int, weights: Path) -> dict[str, int]:
    """How many of the clips get which answer, ``none`` included."""
    net, threshold = load_frozen(weights)
    p = probabilities(net, np.stack([log_mel_db(make(seed), RATE_HZ) for seed in range(seeds)]))
    named = [CLASSES[row.argmax()] if row.max() >= threshold else NONE for row in p]
    return {name: named.count(name) for name in (*CLASSES, NONE)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", default=",".join(CLASSES), help="comma-separated, default all ten")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="another judge, made by train.py")
    options = parser.parse_args()
    classes = options.classes.split(",")
    unknown = sorted(set(classes) - set(CLASSES))
    if unknown:
        parser.error(f"unknown classes {', '.join(unknown)}: choose from {', '.join(CLASSES)}")

    print(f"{'':12s}" + "".join(f"{name[:6]:>7s}" for name in (*CLASSES, NONE)))
    table = {}
    for name, make in (sounds(classes) | controls()).items():
        table[name] = answers(make, options.seeds, options.weights)
        print(f"{name:12s}" + "".join(f"{count:7d}" for count in table[name].values()), flush=True)
    most = options.seeds / 2
    fooled = {name for name in CLASSES if any(table[control][name] > most for control in controls())}
    counted = [name for name in classes if table[name][name] > most and name not in fooled]
    if fooled:
        print(f"does not count, noise is called so: {', '.join(sorted(fooled))}")
    print(f"recognised: {len(counted)} of {len(classes)}: {', '.join(counted)}")


if __name__ == "__main__":
    main()
