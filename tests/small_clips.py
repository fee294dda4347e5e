"""Small clips that are easy to tell apart, for tests of what stores and reads clips (worker processes import this)."""

import numpy as np

from seehear.data.clips import Clip
from seehear.types import FOA, Audio, Direction


def small_clip(number: int, split: str = "train") -> Clip:
    rng = np.random.default_rng(number)
    smooth = np.linspace(0, 200, 16).astype(np.uint8)
    frames = np.broadcast_to(smooth[None, :, None, None] + np.uint8(number), (3, 16, 16, 3)).copy()
    sound = Audio(rng.uniform(-0.9, 0.9, (4, 800)).astype(np.float32), 16_000, FOA, "acn-sn3d")
    depth = np.array([[0.5, np.inf], [12.34, 700.0]], np.float32)
    direction, facts = Direction(0.1 * number, -0.2), {"split": split, "sources": [{"concept": "dog"}]}
    masks = {1: np.eye(4, dtype=np.uint8)}
    return Clip(f"clip-{number}", frames, 4.0, sound, direction, ("dog", "cat"), "A dög.", facts, masks, {1: depth})


def clips(numbers: range) -> list[Clip]:
    return [small_clip(i) for i in numbers]
