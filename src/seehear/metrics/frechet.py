"""How far apart two sets of sounds are: the Frechet distance of Gaussians fitted to their embeddings.

Measures likeness of sets, not of pairs. Source: Heusel et al. 2017 (FID), Kilgour et al. 2019 (FAD); the distance of two
Gaussians: Dowson & Landau 1982. Conventions: covariances with N - 1, float64, no mean over a clip: every window of every clip is
a point. What it says depends on the embedding, the resampler, the length of clips and their number: say them beside the value.

- Bias: of N clips of one distribution the distance is above zero, by about c / N (Chong & Forsyth 2020). So only sets of one
  size compare, or `at_infinity`, their extrapolation (for audio: Gui et al. 2024).
- Interval: a naive bootstrap adds the bias once more, and its interval often leaves out the value itself. Here the
  distance is linearised: `influence` says how much each clip moves it, and the sums of these are resampled (Efron 1982, the
  infinitesimal jackknife; a thousand resamples cost less than one distance). It covers the spread of clips, not the bias.

Shapes: N M points, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seehear.metrics.score import Score, bootstrap
from seehear.types import FloatArray, InputError

SIZES = 8
"""Subsets from which the distance of endless sets is extrapolated."""
_RANK = 1e-10
"""Variances below this share of the largest are rounding."""


def moments(points: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (D,) and covariance (D, D) of ``points`` (N, D), float64; InputError for fewer than two or what is not finite."""
    x = np.asarray(points, dtype=np.float64)
    if x.ndim != 2 or len(x) < 2:
        raise InputError(f"a Frechet distance needs at least two embeddings (N, D) of each set, got {x.shape}")
    if not np.isfinite(x).all():
        raise InputError("a Frechet distance needs finite embeddings")
    mean = x.mean(axis=0)
    return mean, (x - mean).T @ (x - mean) / (len(x) - 1)


def frechet_distance(a: FloatArray, b: FloatArray) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2) of points ``a`` (N, D) and ``b`` (M, D); 0 for like ones.

    The root is of a symmetric matrix, by its eigenvalues: no complex numbers, and sets smaller than D are no special case.
    """
    (mean_a, cov_a), (mean_b, cov_b) = _both(a, b)
    root = _power(cov_a, 0.5)
    shared = np.linalg.eigvalsh(root @ cov_b @ root)
    gap = mean_a - mean_b
    return max(0.0, float(gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(np.maximum(shared, 0)).sum()))


def influence(a: FloatArray, b: FloatArray) -> NDArray[np.float64]:
    """By how much the distance of ``a`` (N, D) to ``b`` changes with the weight of each point of ``a`` (N,), to first order.

    The distance is the squared Wasserstein distance of two Gaussians, whose optimal map is x -> m_b + T (x - m_a) with
    T = C_a^-1/2 (C_a^1/2 C_b C_a^1/2)^1/2 C_a^-1/2 (Dowson & Landau 1982); its derivative by C_a is 1 - T, by m_a 2 (m_a - m_b).
    """
    (mean_a, cov_a), (mean_b, cov_b) = _both(a, b)
    root, inverse = _power(cov_a, 0.5), _power(cov_a, -0.5)
    slope = np.eye(len(mean_a)) - inverse @ _power(root @ cov_b @ root, 0.5) @ inverse
    x = np.asarray(a, dtype=np.float64) - mean_a
    n = len(x)
    return (np.einsum("nd,nd->n", x @ slope, x) / (n - 1)) - np.sum(slope * cov_a) / n + 2 * x @ (mean_a - mean_b) / n


def frechet_score(generated: Sequence[FloatArray], reference: Sequence[FloatArray], *, n_failed: int = 0, seed: int = 0) -> Score:
    """The distance of two sets of as many clips, each with its embeddings (n, D), and its interval over pairs of clips.

    ``n`` and ``n_failed`` count clips. NaN below two clips. InputError for sets of unlike numbers of clips or features.
    """
    return mean_frechet_score([(generated, reference)], n_failed=n_failed, seed=seed)


def mean_frechet_score(
    sets: Sequence[tuple[Sequence[FloatArray], Sequence[FloatArray]]], *, n_failed: int = 0, seed: int = 0
) -> Score:
    """The mean of `frechet_score` over pairs of sets that are of the same clips, such as the channels of their sound."""
    n = len(sets[0][0])
    if any(len(each) != n for pair in sets for each in pair):
        raise InputError(f"sets of as many clips are compared, got {' and '.join(str(len(x)) for pair in sets for x in pair)}")
    if n < 2:
        return Score(float("nan"), n, n_failed, "1", "lower", (float("nan"), float("nan")))
    values, of_clips = zip(*(_linearised(*pair) for pair in sets), strict=True)
    value, moved = float(np.mean(values)), np.mean(of_clips, axis=0)
    return bootstrap(lambda i: max(0.0, value + float(moved[i].sum())), n, n_failed=n_failed, better="lower", seed=seed)


def _linearised(generated: Sequence[FloatArray], reference: Sequence[FloatArray]) -> tuple[float, NDArray[np.float64]]:
    """The distance, and by how much each pair of clips moves it (clips,)."""
    a, b = np.concatenate(generated), np.concatenate(reference)
    return frechet_distance(a, b), _sums(influence(a, b), generated) + _sums(influence(b, a), reference)


def at_infinity(generated: Sequence[FloatArray], reference: Sequence[FloatArray], rng: np.random.Generator) -> float:
    """The distance that endless sets would have: the value at 1 / n = 0 of a line through subsets of n / 3 to n pairs of clips.

    Of sets that are alike it may fall below zero, as an estimate without bias must. NaN where the smallest subset has no more
    embeddings than features: there the bias is no longer a line.
    """
    n = len(generated)
    smallest = n // 3
    if smallest < 2 or sum(map(len, generated)) * smallest / n <= generated[0].shape[1]:
        return float("nan")
    sizes = np.unique(np.round(1 / np.linspace(1 / smallest, 1 / n, SIZES)).astype(int))
    values = []
    for size in sizes:
        kept = rng.permutation(n)[:size]
        values.append(frechet_distance(*(np.concatenate([clips[k] for k in kept]) for clips in (generated, reference))))
    return float(np.polyfit(1 / sizes, values, 1)[1])


def _both(a: FloatArray, b: FloatArray) -> tuple[tuple[NDArray, NDArray], tuple[NDArray, NDArray]]:
    first, second = moments(a), moments(b)
    if len(first[0]) != len(second[0]):
        raise InputError(f"embeddings of one length are compared, got {len(first[0])} and {len(second[0])}")
    return first, second


def _power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """A positive semi-definite matrix to a power; directions without variance stay without."""
    values, vectors = np.linalg.eigh(matrix)
    known = values > _RANK * max(float(values[-1]), 0.0)
    powers = np.where(known, np.where(known, values, 1.0) ** exponent, 0.0)
    return (vectors * powers) @ vectors.T


def _sums(points: NDArray[np.float64], clips: Sequence[FloatArray]) -> NDArray[np.float64]:
    """Sums (clips,) over the points of each clip."""
    borders = np.cumsum([0, *map(len, clips)])
    return np.array([points[start:stop].sum() for start, stop in pairwise(borders)])
