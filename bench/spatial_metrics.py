"""Speed of `metrics.spatial` beside a loop over frames, at equal scores.

    python bench/spatial_metrics.py [--clips 2] [--seconds 5] [--rate 16000]

The loop does per frame what the authors of ViSAGe do per frame (our own writing of the same steps): decode the signal towards
each of 16200 directions and take the RMS, re-sample row by row, sweep the ROC curve threshold by threshold. It runs in one
process, as ours does, and decodes in blocks of 2000 samples, which is kinder than all at once. "Scores alone" starts from
finished maps. Clips are seeded random fields with a source and noise around it. The last lines say what scores mean: two plane
waves at an angle.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from seehear.acoustics.sphere import directions_of, encode, real_sh
from seehear.metrics.spatial import (
    FRAME_RATES_HZ,
    auc_judd,
    correlation,
    energy_maps,
    frame_covariances,
    frame_scores,
    sphere_samples,
)
from seehear.types import FloatArray

BLOCK_SAMPLES = 2000


def loop_map(field: FloatArray, decoder: FloatArray) -> FloatArray:
    """RMS (90, 180) of the signals towards every direction."""
    power = np.zeros(len(decoder))
    for start in range(0, field.shape[1], BLOCK_SAMPLES):
        power += ((decoder @ field[:, start : start + BLOCK_SAMPLES]) ** 2).sum(axis=1)
    return np.sqrt(power / field.shape[1]).reshape(90, 180)


def loop_samples(energy: FloatArray) -> FloatArray:
    points: list[float] = []
    for row, values in enumerate(energy):
        n = int(np.round(180 * np.sin(np.pi * (row + 0.5) / 90)))
        points.extend(np.interp(np.arange(n) * (180 - 90 / n) / n, np.arange(180), values).tolist())
    return np.array(points)


def loop_auc(points: FloatArray, reference: FloatArray, rng: np.random.Generator) -> float:
    points = points + rng.normal(size=points.shape) / 1e7
    hits = points[reference > reference.max() - reference.std()]
    tp, fp = np.zeros(len(hits) + 2), np.zeros(len(hits) + 2)
    tp[-1] = fp[-1] = 1
    for i, threshold in enumerate(np.sort(hits)[::-1]):
        tp[i + 1] = i / len(hits)
        fp[i + 1] = (np.sum(points >= threshold) - i) / (len(points) - len(hits))
    return float(np.trapezoid(tp, fp))


def loop_scores(
    pair: tuple[FloatArray, FloatArray], rate_hz: int, decoder: FloatArray, rng: np.random.Generator
) -> tuple[dict[str, list[float]], float]:
    """Scores of every frame, and the seconds that went into them once the maps were there."""
    scores: dict[str, list[float]] = {}
    scoring_s = 0.0
    for name, frame_rate_hz in FRAME_RATES_HZ.items():
        length = rate_hz // frame_rate_hz if frame_rate_hz else pair[0].shape[1]
        for start in range(0, pair[0].shape[1], length):
            maps = [loop_map(field[:, start : start + length], decoder) for field in pair]
            begin = time.process_time()
            points, reference = (loop_samples(energy) for energy in maps)
            scores.setdefault(f"cc_{name}", []).append(float(np.corrcoef(points, reference)[0, 1]))
            scores.setdefault(f"auc_{name}", []).append(loop_auc(points, reference, rng))
            scoring_s += time.process_time() - begin
    return scores, scoring_s


def random_field(rng: np.random.Generator, n_samples: int) -> FloatArray:
    direction = rng.normal(size=3)
    source = encode(rng.normal(size=n_samples), direction / np.linalg.norm(direction))
    return (source + 0.3 * rng.normal(size=(4, n_samples))).astype(np.float32)


def our_scoring_s(pair: tuple[FloatArray, FloatArray], rate_hz: int) -> float:
    """Seconds for the scores of every frame once the maps are there."""
    covariances = ([frame_covariances(field, rate_hz, each) for field in pair] for each in FRAME_RATES_HZ.values())
    maps = [energy_maps(np.stack(each), compat="visage") for each in covariances]
    begin = time.process_time()
    for each in maps:
        points, reference = sphere_samples(each, compat="visage")
        correlation(points, reference)
        auc_judd(points, reference, compat="visage")
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=16000, help="Hz, a multiple of 5")
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    grid = directions_of(np.radians(np.arange(178, -181, -2))[None, :], np.radians(np.arange(88, -91, -2))[:, None])
    decoder = (real_sh(1, grid.reshape(-1, 3)) * (1, np.sqrt(2), 1, np.sqrt(2))).astype(np.float32)
    warm = np.ones((4, given.rate), dtype=np.float32)
    sphere_samples(energy_maps(frame_covariances(warm, given.rate), compat="visage"), compat="visage")

    loop_s = ours_s = loop_scoring_s = ours_scoring_s = difference = 0.0
    for _ in range(given.clips):
        pair = (random_field(rng, given.rate * given.seconds), random_field(rng, given.rate * given.seconds))
        begin = time.process_time()
        theirs, scoring_s = loop_scores(pair, given.rate, decoder, rng)
        loop_s, loop_scoring_s = loop_s + time.process_time() - begin, loop_scoring_s + scoring_s
        begin = time.process_time()
        ours = frame_scores(*pair, given.rate, compat="visage")
        ours_s += time.process_time() - begin
        ours_scoring_s += our_scoring_s(pair, given.rate)
        difference = max(difference, *(float(np.abs(ours[name] - values).max()) for name, values in theirs.items()))
    clip = f"{given.seconds} s at {given.rate} Hz, {given.clips} clips, CPU seconds per clip"
    print(f"{clip:60} {'loop':>8} {'ours':>8} {'ratio':>8}")
    for what, a, b in (("maps and scores", loop_s, ours_s), ("scores alone", loop_scoring_s, ours_scoring_s)):
        print(f"{what:60} {a / given.clips:8.3f} {b / given.clips:8.3f} {a / b:8.0f}")
    print(f"largest difference of any frame's score: {difference:.1e}")

    print("\ngenerated from an angle beside the truth   CC      AUC")
    signal = rng.normal(size=given.rate)
    truth = encode(signal, np.array([1.0, 0, 0]))
    for angle_deg in (0, 10, 30, 60, 90, 180):
        angle_rad = np.radians(angle_deg)
        scores = frame_scores(encode(signal, np.array([np.cos(angle_rad), np.sin(angle_rad), 0])), truth, given.rate)
        print(f"{angle_deg:4} degrees{'':28} {scores['cc_all'][0]:6.3f} {scores['auc_all'][0]:8.3f}")


if __name__ == "__main__":
    main()
