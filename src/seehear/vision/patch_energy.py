"""Where a picture differs from its surroundings and from a moment ago: the patchwise energy map of patch features.

Source: Kim, Yun & Kim, "ViSAGe: Video-to-Spatial Audio Generation", ICLR 2025, section 5.1, eq. 3, and appendix A (windows
N = T = 1, temperature 0.1, top-p 0.7), after the saliency scores of PAVER (Yun et al., ECCV 2022).

``compat="visage"`` gives the maps of the authors' program (github.com/jaeyeonkim99/visage), which departs from the paper thrice:
the surroundings are the four neighbours without the patch itself, and the moments before and after without the present;
a score is the distance sqrt(2 - 2 cos) rather than its square; and the softmax of each score is made anew over the kept patches,
where the paper filters the mean.
Shapes: F frames, H W patches, D features.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from seehear.types import FloatArray, InputError

Compat = Literal["visage"]
_TINY = 1e-12
"""Least length of a feature vector that has a direction."""


def spatial_score(features: FloatArray, *, window: int = 1) -> FloatArray:
    """S = 2 - 2 cos(x, mean of the (2 N + 1)^2 patches around it, itself included) (F, H, W) of ``features`` (F, H, W, D), eq. 3.

    At the border the mean is of the patches that are there; the cosine does not depend on how many.
    """
    ones = np.ones(2 * window + 1)
    return 2 - 2 * _cosine(features, _sums(_sums(features, ones, axis=1), ones, axis=2))


def temporal_score(features: FloatArray, *, window: int = 1) -> FloatArray:
    """T = 2 - 2 cos(x, mean of the same patch in the 2 T + 1 frames around it) (F, H, W) of ``features`` (F, H, W, D), eq. 3."""
    return 2 - 2 * _cosine(features, _sums(features, np.ones(2 * window + 1), axis=0))


def patch_energy_map(
    features: FloatArray,
    *,
    spatial_window: int = 1,
    temporal_window: int = 1,
    temperature: float = 0.1,
    top_p: float = 0.7,
    compat: Compat | None = None,
) -> FloatArray:
    """Energy map E (F, H, W), float64, each frame's sum 1, of patch ``features`` (F, H, W, D), class token left out.

    Softmax over the patches of each score over ``temperature``, their mean, and of that the fewest patches that hold ``top_p``
    of it, scaled to sum 1 again (nucleus: Holtzman et al. 2020); all others are 0. ``visage`` knows windows of 1 only.
    InputError for another shape, features that are not finite, or parameters out of range.
    """
    features = np.asarray(features)
    if features.ndim != 4 or not features.size or not np.isfinite(features).all():
        raise InputError(f"an energy map needs finite patch features (F, H, W, D), got {features.dtype} {features.shape}")
    if not (temperature > 0 and 0 < top_p <= 1 and spatial_window >= 0 and temporal_window >= 0):
        raise InputError(
            "an energy map needs a temperature above 0, top-p in (0, 1] and windows of 0 or more, got "
            f"{temperature}, {top_p}, {spatial_window} and {temporal_window}"
        )
    if compat is None:
        scores = [spatial_score(features, window=spatial_window), temporal_score(features, window=temporal_window)]
    elif (spatial_window, temporal_window) != (1, 1):
        raise InputError(f"visage's scores are defined for windows of 1, got {spatial_window} and {temporal_window}")
    else:
        scores = visage_scores(features)
    logits = np.stack(scores).reshape(2, len(features), -1) / temperature
    energy = _softmax(logits).mean(axis=0)
    kept = _nucleus(energy, top_p)
    if compat is None:
        energy = np.where(kept, energy, 0.0)
        energy /= energy.sum(axis=1, keepdims=True)
    else:
        energy = _softmax(np.where(kept, logits, -np.inf)).mean(axis=0)
    return energy.reshape(features.shape[:3])


def visage_scores(features: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Spatial and temporal score (F, H, W) of the authors' program: the distances of the unit vectors of a patch and of the
    sum of its four neighbours, or of it one frame before and after (a single frame: 1 everywhere)."""
    beside = np.array([1.0, 0.0, 1.0])
    around = _sums(features, beside, axis=1) + _sums(features, beside, axis=2)
    return _distance(features, around), _distance(features, _sums(features, beside, axis=0))


def _sums(features: FloatArray, weights: FloatArray, *, axis: int) -> FloatArray:
    """Weighted sums (F, H, W, D), float64, over a window along ``axis``; outside there is nothing."""
    from scipy.ndimage import correlate1d

    return correlate1d(np.asarray(features, dtype=np.float64), weights, axis=axis, mode="constant")


def _unit(features: FloatArray) -> FloatArray:
    return features / np.maximum(np.linalg.norm(features, axis=-1, keepdims=True), _TINY)


def _cosine(a: FloatArray, b: FloatArray) -> FloatArray:
    return (_unit(np.asarray(a, dtype=np.float64)) * _unit(b)).sum(axis=-1)


def _distance(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.linalg.norm(_unit(np.asarray(a, dtype=np.float64)) - _unit(b), axis=-1)


def _softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _nucleus(probabilities: FloatArray, top_p: float) -> np.ndarray:
    """Which of each row (F, P) are in the smallest set that holds at least ``top_p``: the least ones are dropped while together
    they hold at most 1 - top_p."""
    order = np.argsort(probabilities, axis=1, kind="stable")
    dropped = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1) <= 1 - top_p
    kept = np.empty_like(dropped)
    np.put_along_axis(kept, order, ~dropped, axis=1)
    return kept
