"""Are the same kinds of sound heard in two clips? The Kullback-Leibler divergence of an audio tagger's answers, paired by clip.

Direction: KL(reference || generated), what is lost when the generated clip's answer stands for the reference's. Source: ViSAGe
(Kim, Yun & Kim 2025, section 3.3 and appendix A); as audioldm_eval (Liu et al. 2023) has it, over softmax of the logits.
Deviation: audioldm_eval adds 1e-6 to the second distribution only, which makes a clip beside itself slightly negative; here both
are mixed with the same even floor and scaled to sum 1, so the divergence is at least 0, and 0 only for like answers.
Shapes: N clips, K labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seehear.metrics.score import Score, bootstrap
from seehear.types import FloatArray, InputError

FLOOR = 1e-6
"""Added to every probability: an answer that is sure of nothing else costs at most log(1e6) = 13.8."""


def kl_divergence(reference: FloatArray, generated: FloatArray) -> NDArray[np.float64]:
    """Sum over K of p log(p / q), in nats (N,), of probabilities p ``reference`` (N, K) and q ``generated`` (N, K).

    InputError for unlike shapes, or rows that are no distributions.
    """
    if reference.ndim != 2 or reference.shape != generated.shape:
        raise InputError(f"divergences need probabilities (N, K) of the same clips, got {reference.shape} and {generated.shape}")
    floored = []
    for rows in (np.asarray(reference, np.float64), np.asarray(generated, np.float64)):
        if not (np.isfinite(rows).all() and (rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=1e-3)):
            raise InputError("divergences need rows of probabilities that sum to 1")
        floored.append((rows + FLOOR) / (rows + FLOOR).sum(axis=1, keepdims=True))
    p, q = floored
    return np.maximum(0.0, np.sum(p * np.log(p / q), axis=1))


def divergence_score(reference: FloatArray, generated: FloatArray, *, n_failed: int = 0, seed: int = 0) -> Score:
    """The mean of KL(reference || generated) over clips, in nats."""
    values = kl_divergence(reference, generated)
    return bootstrap(lambda i: float(values[i].mean()), len(values), n_failed=n_failed, unit="nat", better="lower", seed=seed)
