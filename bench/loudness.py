"""How fast loudness is measured and peaks limited, how W stands for loudspeakers: `python bench/loudness.py [SCENE.json ...]`.

Speed: a minute of noise in processor time of one core (`OMP_NUM_THREADS=1`), beside pyloudnorm where that can measure (up to
five channels, no true peak). Agreement: the raw loudness of each layout over that of W, for one source anywhere, for diffuse
sound, and for the scenes that are given: rendered directly, and decoded from third order by AllRAD.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyloudnorm

from seehear.acoustics.allrad import decode, decoding_matrix
from seehear.acoustics.layouts import speaker_gains
from seehear.acoustics.limiter import limited
from seehear.acoustics.loudness import integrated_lufs, measured
from seehear.acoustics.meter import channel_weights
from seehear.acoustics.render import render
from seehear.acoustics.sphere import quadrature, real_sh
from seehear.io.scene import read_scene
from seehear.types import (
    BINAURAL,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1_4,
    Audio,
    Layout,
    ambisonics,
    blocks,
)

RATE_HZ, SECONDS = 48000, 60
SPEAKERS = (STEREO, SURROUND_5_1, SURROUND_5_1_4, SURROUND_7_1_4)


def fastest_s(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def speeds() -> None:
    print("| channels | meter | pyloudnorm (integrated only) | limiter, idle | limiter, 6 dB |\n|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for layout in (STEREO, SURROUND_5_1, SURROUND_7_1_4, ambisonics(3)):
        x = (0.1 * rng.standard_normal((layout.n_channels, SECONDS * RATE_HZ))).astype(np.float32)
        audio = Audio(x, RATE_HZ, layout)
        peak_dbtp = measured(audio).true_peak_dbtp
        works = [
            lambda audio=audio: measured(audio),
            lambda x=x: pyloudnorm.Meter(RATE_HZ).integrated_loudness(x.T.astype(np.float64)),
            lambda audio=audio, top=peak_dbtp + 1: sum(block.shape[1] for block in limited(blocks(audio), RATE_HZ, top)),
            lambda audio=audio, top=peak_dbtp - 6: sum(block.shape[1] for block in limited(blocks(audio), RATE_HZ, top)),
        ]
        cells = [
            "refuses" if work is works[1] and layout.n_channels > 5 else f"{SECONDS / fastest_s(work):.0f} x real time"
            for work in works
        ]
        print(f"| {layout.n_channels} | {' | '.join(cells)} |", flush=True)


def over_w_db(layout: Layout, gains: np.ndarray) -> np.ndarray:
    """Weighted power over that of W in dB (N,), of gains (N, C) for plane waves whose W is 1."""
    return 10 * np.log10(gains**2 @ channel_weights(layout))


def fields() -> None:
    print("\n| field | way | " + " | ".join(layout.name for layout in SPEAKERS) + " |\n|---|---|" + "---|" * len(SPEAKERS))
    points, weights = quadrature(100)
    for way in ("VBAP", "AllRAD 1", "AllRAD 3"):
        cells, diffuse = [], []
        for layout in SPEAKERS:
            if way == "VBAP":
                gains = speaker_gains(layout, points)
            else:
                order = int(way[-1])
                gains = real_sh(order, points) @ decoding_matrix(layout, order).T
            level = over_w_db(layout, gains)
            cells.append(f"{level.min():+.1f} to {level.max():+.1f}")
            diffuse.append(f"{10 * np.log10(weights @ 10 ** (level / 10)):+.2f}")
        print(f"| one source | {way} | {' | '.join(cells)} |")
        print(f"| diffuse | {way} | {' | '.join(diffuse)} |", flush=True)


def scenes(paths: list[Path]) -> None:
    if not paths:
        return
    layouts = (*SPEAKERS, BINAURAL)
    print("\n| scene | way | " + " | ".join(layout.name for layout in layouts) + " |\n|---|---|" + "---|" * len(layouts))
    for path in paths:
        field, *direct = render(read_scene(path), [ambisonics(3), *layouts], level_lufs=None)
        w = integrated_lufs(field)
        for way, made in (("rendered", direct), ("AllRAD 3", [decode(field, layout) for layout in layouts])):
            cells = [f"{integrated_lufs(audio) - w:+.2f}" for audio in made]
            print(f"| {path.resolve().parent.name} | {way} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    speeds()
    fields()
    scenes([Path(name) for name in sys.argv[1:]])
