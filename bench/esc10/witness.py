"""A second opinion: a judge of another family, never used while the sounds were made.

    python bench/esc10/witness.py --media MEDIA_FOLDER [--seeds 50]

Shrunk linear discriminant analysis (Friedman 1989) on clip statistics of the log-mel spectrogram. Prints its accuracy
on real clips (each fold of ESC-10 by the other four), then what it calls our sounds and the noise controls.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from check import RATE_HZ, controls, sounds
from classifier import CLASSES, FLOOR_DB, log_mel_db
from numpy.typing import NDArray
from scipy.fft import dct
from train import read_clips

SHRINKAGE = 0.1


def statistics(db: NDArray[np.floating]) -> NDArray[np.float64]:
    """Features (F,) of a log-mel spectrogram (N_MELS, frames): cepstra and their motion, levels, modulation, periodicity."""
    db = np.maximum(db, -FLOOR_DB)
    cepstra = dct(db, axis=0, norm="ortho")[:20]
    loudest, mean = db.max(axis=0), db.mean(axis=0)
    centred = mean - mean.mean()
    correlation = np.correlate(centred, centred, "full")[len(mean) - 1 :] / (np.sum(centred**2) + 1e-9)
    modulation = np.abs(np.fft.rfft(centred))[1:120].reshape(-1, 7).mean(axis=1)
    parts = (
        cepstra.mean(axis=1),
        cepstra.std(axis=1),
        np.diff(cepstra, axis=1).std(axis=1),
        np.percentile(db, (10, 50, 90), axis=1)[:, ::4].ravel(),
        db.std(axis=1)[::4],
        np.percentile(loudest, (5, 25, 50, 75)),
        np.percentile(mean, (5, 25, 50, 75, 95)),
        [correlation[2:12].max(), correlation[12:60].max(), correlation[5:].max()],
        np.log1p(modulation),
    )
    return np.concatenate(parts)


@dataclass(frozen=True)
class Discriminant:
    """Linear discriminant functions of features (N, F), one per class (K)."""

    mean: NDArray
    scale: NDArray
    weights: NDArray
    """(F, K)."""
    offsets: NDArray

    def scores(self, features: NDArray) -> NDArray:
        """How much each clip is like each class (N, K)."""
        return (features - self.mean) / self.scale @ self.weights + self.offsets


def discriminant(features: NDArray, labels: NDArray, shrinkage: float = SHRINKAGE) -> Discriminant:
    """From features (N, F) and class indices (N,): equal priors, one covariance, shrunk towards a sphere."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    z = (features - mean) / scale
    centres = np.stack([z[labels == k].mean(axis=0) for k in range(labels.max() + 1)])
    covariance = np.cov((z - centres[labels]).T, bias=True)
    sphere = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    weights = np.linalg.solve((1 - shrinkage) * covariance + shrinkage * sphere, centres.T)
    return Discriminant(mean, scale, weights, -0.5 * np.sum(centres.T * weights, axis=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=50)
    options = parser.parse_args()
    mels, labels, folds = read_clips(options.media)
    features = np.stack([statistics(db) for db in mels])
    right = [
        discriminant(features[folds != k], labels[folds != k]).scores(features[folds == k]).argmax(1) == labels[folds == k]
        for k in range(1, 6)
    ]
    print("real clips, fold 1 to 5:", *(f"{hits.mean():.1%}" for hits in right), f"mean {np.concatenate(right).mean():.1%}")
    judge = discriminant(features, labels)
    print(f"{'':12s}" + "".join(f"{name[:6]:>7s}" for name in CLASSES))
    for name, make in (sounds(list(CLASSES)) | controls()).items():
        clips = np.stack([statistics(log_mel_db(make(seed), RATE_HZ)) for seed in range(options.seeds)])
        print(
            f"{name:12s}" + "".join(f"{n:7d}" for n in np.bincount(judge.scores(clips).argmax(1), minlength=len(CLASSES))),
            flush=True,
        )


if __name__ == "__main__":
    main()
