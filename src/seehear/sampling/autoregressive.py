"""The autoregressive loop: codes made one step after another, all rows of a step at once, and how a code is drawn from logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from seehear.sampling.tokens import Pattern, build, revert
from seehear.types import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FREE = -1
"""Stands for a code that is to be made."""


class StepLogits(Protocol):
    """Says which codes may come next. The loop calls it once for every step, in order, so that a cache can be filled."""

    def __call__(self, sequence: Tensor, step: int, /) -> Tensor:
        """Logits (B, K, V) of the codes at ``step``, given ``sequence`` (B, K, step): all steps before it, padding included."""
        ...


@dataclass(frozen=True)
class Sampling:
    """How a code is drawn: the logits are divided by the temperature, then cut by ``top_k``, then by ``top_p``."""

    temperature: float = 1.0
    """0 takes the most likely code (greedy)."""
    top_k: int | None = 256
    """Only so many of the most likely codes; ``None`` keeps all. 256 is what ViSAGe was released with."""
    top_p: float = 1.0
    """Only the fewest most likely codes whose probabilities sum to this (Holtzman et al. 2020, nucleus sampling); 1 keeps all."""

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise InputError(f"a temperature is a number of at least 0, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top-k keeps at least 1 code, got {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top-p is above 0 and at most 1, got {self.top_p}")


GREEDY = Sampling(temperature=0.0)


def draw(logits: Tensor, sampling: Sampling, generator: torch.Generator | None = None) -> Tensor:
    """(...) codes drawn from ``logits`` (..., V), each on its own; ``generator`` is needed unless greedy."""
    import torch

    if sampling.temperature == 0:
        return logits.argmax(-1)
    if generator is None:
        raise ValueError("drawing codes needs a random generator; only greedy choice does without")
    n_kept = min(sampling.top_k or logits.shape[-1], logits.shape[-1])
    kept, code = logits.float().topk(n_kept, dim=-1)  # sorted: the most likely first
    probability = (kept / sampling.temperature).softmax(-1)
    if sampling.top_p < 1:
        likelier = probability.cumsum(-1) - probability
        probability = probability.masked_fill(likelier >= sampling.top_p, 0.0)
    # Exponential race: argmax of p / Exp(1) is a draw from p. torch.multinomial would wait for the device at every step.
    winner = (probability / torch.empty_like(probability).exponential_(generator=generator)).argmax(-1, keepdim=True)
    return code.gather(-1, winner).squeeze(-1)


def generate(
    step_logits: StepLogits,
    codes: Tensor,
    *,
    pattern: Pattern,
    padding: int,
    sampling: Sampling,
    generator: torch.Generator | None = None,
) -> Tensor:
    """(B, K, L) ``codes`` with every ``FREE`` one made, step by step in ``pattern``; given ones stay, and later steps see them.

    ``codes`` is int64 (B, K, L): all ``FREE`` for a start from nothing, known first frames to go on from them. Rows that have
    no code at a step are ``padding`` there, whatever the logits say. Draws are taken for all rows, so a code that is given
    does not change what the generator holds for the others. ``ValueError`` if a shape or type is wrong, InputError if a best
    logit was not finite: damaged weights, or a precision that they are too large for.
    """
    import torch

    if codes.ndim != 3 or codes.dtype != torch.int64:
        raise ValueError(f"codes need the shape (batch, rows, frames) and int64, got {codes.dtype} of shape {tuple(codes.shape)}")
    if padding == FREE:
        raise ValueError(f"padding may not be {FREE}: that marks the codes to be made")
    sequence = build(pattern, codes, padding)
    finite = torch.ones((), dtype=torch.bool, device=codes.device)
    with torch.no_grad():
        for step in range(sequence.shape[-1]):
            logits = step_logits(sequence[..., :step], step)
            if logits.shape[:-1] != sequence.shape[:-1]:
                raise ValueError(f"logits need the shape {(*sequence.shape[:-1], 'codes')}, got {tuple(logits.shape)}")
            finite &= logits.amax(-1).isfinite().all()
            given = sequence[..., step]
            sequence[..., step] = torch.where(given == FREE, draw(logits, sampling, generator), given)
    if not finite:  # asked once, so that no step waits for the device
        raise InputError("the model's answers are not finite: its weights are damaged, or too large for this precision")
    return revert(pattern, sequence)
