"""How well depth from cues orders near and far: the table of docs/results.md on depth.

    python bench/depth.py --media DIR [--scenes 40] [--fit]

Ordinal accuracy of random pairs whose true distances differ by more than 10 % (``metrics.depth``; chance is 0.5), beside "what is
lower is nearer". Pixels: 4000 pairs drawn a picture. Regions: all pairs of medians over the regions that ``find_regions`` gives,
beside the row of their middle and of their foot. Real pairs are the Open3D samples (five views of ONE room) and Middlebury's
motorcycle (ONE picture): two scenes, no more. Rendered scenes are of seeds that no weight was fitted to. ``--fit`` prints the
floor weights anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from seehear.data.rendered_depth import SceneKind, render_depth_scene
from seehear.metrics.depth import ordinal_accuracy
from seehear.metrics.score import bootstrap
from seehear.types import Image
from seehear.vision.depth import depth_from_cues
from seehear.vision.hierarchy import find_leaves
from seehear.vision.layout import floor_features
from seehear.vision.pixels import grow, lab, shrink
from seehear.vision.regions import find_regions

KINDS: tuple[SceneKind, ...] = ("outdoor", "indoor")
FIT_SEEDS = range(1000, 1150)
OPEN3D_FOCAL_PX = 525.0
MIDDLEBURY = {"focal_px": 994.978, "baseline_m": 0.193001, "offset_px": 31.086}

Pair = tuple[Image, NDArray[np.float64]]


def from_camera(depth_m: NDArray[np.float64], focal_px: float) -> NDArray[np.float64]:
    """Distances from the camera of depths along its axis, both (H, W): one over the cosine of the ray."""
    height, width = depth_m.shape
    y, x = np.mgrid[0:height, 0:width] + 0.5
    return depth_m * np.sqrt(1 + ((x - width / 2) / focal_px) ** 2 + ((y - height / 2) / focal_px) ** 2)


def open3d(media: Path) -> Iterator[Pair]:
    for path in sorted((media / "depth_open3d").glob("rgb_*.jpg")):
        depth = np.asarray(Pillow.open(path.with_name(path.stem.replace("rgb", "depth") + ".png"))) / 1000.0
        picture = Image(np.asarray(Pillow.open(path).convert("RGB")))
        yield picture, from_camera(np.where(depth > 0, depth, np.nan), OPEN3D_FOCAL_PX)


def middlebury(media: Path) -> Iterator[Pair]:
    folder = media / "depth_middlebury"
    with np.load(folder / "motorcycle_disp.npz") as stored:
        disparity = stored["arr_0"].astype(float)
    known = np.where(np.isfinite(disparity), disparity + MIDDLEBURY["offset_px"], np.nan)
    depth = MIDDLEBURY["focal_px"] * MIDDLEBURY["baseline_m"] / known
    picture = Image(np.asarray(Pillow.open(folder / "motorcycle_left.png").convert("RGB")))
    yield picture, from_camera(depth, MIDDLEBURY["focal_px"])


def rendered(kind: SceneKind, seeds: range) -> Iterator[Pair]:
    for seed in seeds:
        scene = render_depth_scene(kind, np.random.default_rng([seed, KINDS.index(kind)]))
        yield scene.image, scene.distance_m.astype(float)


def judge(image: Image, distance_m: NDArray[np.float64]) -> list[float]:
    """Pixel accuracy of the cues and of the row; region accuracy of the cues, of the middle row and of the foot."""
    regions = find_regions(image, 12)
    depth = depth_from_cues(image, regions).depth
    rows = np.repeat(-np.arange(image.height_px, dtype=float)[:, None], image.width_px, axis=1)
    pixels = [ordinal_accuracy(guess, distance_m, np.random.default_rng(0)) for guess in (depth, rows)]
    seen = []
    for region in regions:
        true = distance_m[region.mask]
        if (middle := float(np.nanmedian(true)) if np.isfinite(true).any() else np.inf) < np.inf:
            lowest = -float(np.flatnonzero(region.mask.any(axis=1))[-1])
            seen.append((np.log(middle), float(np.median(depth[region.mask])), float(np.median(rows[region.mask])), lowest))
    steps = np.array([np.subtract(a, b) for a, b in combinations(seen, 2)]).reshape(-1, 4)
    steps = steps[np.abs(steps[:, 0]) > np.log(1.1)]
    right = 0.5 + 0.5 * np.sign(steps[:, :1]) * np.sign(steps[:, 1:])
    return pixels + (right.mean(axis=0).tolist() if len(right) else [float("nan")] * 3)


def floor_weights() -> dict[str, float]:
    """Logistic regression (ridge 1) of the share of floor of each part on its features; parts count by their area."""
    features, shares, areas = [], [], []
    for kind in KINDS:
        for seed in FIT_SEEDS:
            scene = render_depth_scene(kind, np.random.default_rng([seed, KINDS.index(kind)]))
            colours = lab(shrink(scene.image.rgb, 192))
            leaves = find_leaves(colours, min_size_px=30)
            own = floor_features(leaves, colours)
            floor = grow(scene.floor, *leaves.labels.shape).astype(float)
            features.append(np.stack([*own.values(), np.ones(leaves.n)], axis=-1))
            shares.append(np.bincount(leaves.labels.ravel(), floor.ravel(), leaves.n) / leaves.area_px)
            areas.append(leaves.area_px / leaves.area_px.sum())
            names = [*own, "bias"]
    x, y, w = np.concatenate(features), np.concatenate(shares), np.concatenate(areas)
    w *= len(w) / w.sum()
    weights = np.zeros(x.shape[1])
    for _ in range(30):  # Newton
        p = 1 / (1 + np.exp(-x @ weights))
        hessian = (x * (w * p * (1 - p))[:, None]).T @ x + np.eye(len(weights))
        weights += np.linalg.solve(hessian, x.T @ (w * (y - p)) - weights)
    return dict(zip(names, weights.round(1).tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=40, help="rendered scenes of each kind")
    parser.add_argument("--fit", action="store_true", help="fit the floor weights anew and print them")
    options = parser.parse_args()
    if options.fit:
        print(floor_weights())
        return
    sets = {
        "Open3D, five views of one room": open3d(options.media),
        "Middlebury, one picture": middlebury(options.media),
        **{f"rendered {kind}": rendered(kind, range(options.scenes)) for kind in KINDS},
    }
    print("| order right | n | pixels: cues | pixels: lower is nearer | regions: cues | regions: middle row | regions: foot |")
    print("|---|---|---|---|---|---|---|")
    for name, pairs in sets.items():
        table = np.array([judge(*pair) for pair in pairs])
        scores = [bootstrap(lambda i, c=column: float(np.nanmean(c[i])), len(table)) for column in table.T]
        cells = [f"{s.value:.3f}" + (f" [{s.ci[0]:.3f}, {s.ci[1]:.3f}]" if len(table) > 5 else "") for s in scores]
        print(f"| {name} | {len(table)} | " + " | ".join(cells) + " |")
    print("\nChance is 0.5. Five views of one room and one picture are TWO real scenes: no interval is given for them.")


if __name__ == "__main__":
    main()
