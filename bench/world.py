"""Clips of the synthetic world per minute and core, and where the time goes.

    python bench/world.py [--clips 40] [--seed 0] [--photos ARCHIVE]

One process, processor seconds: what else runs on the machine does not count. Stages are called as `make_clip` and
`write_shard` call them, one after the other.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from seehear.acoustics.render import render
from seehear.data.shards import clip_files
from seehear.data.world import WorldOptions, clip_of, draw_world
from seehear.data.world.hearing import scene_of
from seehear.data.world.seeing import developed, looking
from seehear.types import FOA
from seehear.vision.viewport import view_rays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--photos", default="")
    asked = parser.parse_args()
    options = WorldOptions(photos=asked.photos)
    spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        begun = time.process_time()
        yield
        spent[stage] += time.process_time() - begun

    clip_of(draw_world(asked.seed, 0, options=options), options)  # loads what is loaded once
    size = 0
    for index in range(asked.clips):
        size += _stages(asked.seed, index, options, timed)
    whole = time.process_time()
    for index in range(asked.clips):
        clip_files(clip_of(draw_world(asked.seed, index, options=options), options))
    whole = time.process_time() - whole
    frames = f"{options.n_frames} frames of {options.side_px} px"
    print(f"{asked.clips} clips of {options.seconds:g} s, {frames}, {options.sample_rate_hz} Hz")
    print(f"{60 * asked.clips / whole:.0f} clips per minute and core, {size / asked.clips / 1e6:.2f} MB each")
    for stage, seconds in spent.items():
        print(f"  {stage:10s} {1000 * seconds / asked.clips:6.1f} ms")


def _stages(seed: int, index: int, options: WorldOptions, timed: Callable) -> int:
    with timed("drawing"):
        world = draw_world(seed, index, options=options)
    with timed("place"):
        at = looking(world, view_rays(options.camera, world.camera), options.hfov_rad / options.side_px)
    with timed("frames"):
        seen = [at(float(moment)) for moment in options.times_s]
    with timed("developing"):
        developed(np.stack([each.colour for each in seen]), world.rng(3))
    with timed("stems"):
        scene = scene_of(world, options)
    with timed("rendering"):
        render(scene, (FOA,), level_lufs=None)
    clip = clip_of(world, options)
    with timed("files"):
        files = clip_files(clip)
    return sum(map(len, files.values()))


if __name__ == "__main__":
    main()
