"""Code patterns: at which step each code of a codec is made, and the way from codes to a sequence of steps and back.

A codec with N residual codebooks turns C channels into K = C N rows of L codes each, row = channel * N + codebook, from 0
(channel-major). The first channel is the omnidirectional one, W; the others are spatial, S. The first codebook is primary, p;
the others are residual, r. So rows fall into the groups W_p, W_r, S_p and S_r of ViSAGe (Kim et al. 2025, section 5.2). Which
spatial channel is which does not matter here (Y, Z, X in the released data, X, Y, Z in the paper).

Needs torch only where tensors are given, so that a configuration can name a pattern without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from seehear.types import InputError

if TYPE_CHECKING:
    from torch import Tensor

PatternName = Literal["visage", "delay", "residual", "spatial", "naive"]

DAC_SAMPLE_RATE_HZ = 44100
DAC_HOP_SAMPLES = 512
DAC_FRAME_RATE_HZ = 86
"""Frames that the released ViSAGe makes for a second; the codec itself has 44100 / 512 = 86.13."""


@dataclass(frozen=True)
class Pattern:
    """Where codes stand: row i of frame t, both from 0, at step ``stride * t + offsets[i]``; elsewhere is padding."""

    stride: int
    """Steps from a frame to the next."""
    offsets: tuple[int, ...]
    """Step of each row in the first frame."""

    def __post_init__(self) -> None:
        if self.stride < 1 or not self.offsets or min(self.offsets) != 0:
            raise ValueError(f"a pattern needs a stride >= 1 and offsets from 0 on, got {self.stride} and {self.offsets}")

    @property
    def n_rows(self) -> int:
        return len(self.offsets)

    def n_steps(self, n_frames: int) -> int:
        """Steps that ``n_frames`` frames take."""
        return self.stride * (n_frames - 1) + max(self.offsets) + 1

    def n_frames(self, n_steps: int) -> int:
        """Frames that take ``n_steps`` steps; ``InputError`` if no number of frames does."""
        frames, rest = divmod(n_steps - 1 - max(self.offsets), self.stride)
        if rest or frames < 0:
            raise InputError(f"a sequence of {n_steps} steps holds no whole number of frames in the pattern {self}")
        return frames + 1

    def rows_at(self, step: int, n_frames: int) -> tuple[int, ...]:
        """The rows, ascending, that have a code at ``step`` of a sequence of ``n_frames``: only their logits are needed there."""
        last = self.stride * (n_frames - 1)
        return tuple(
            row for row, offset in enumerate(self.offsets) if 0 <= step - offset <= last and (step - offset) % self.stride == 0
        )


def pattern_named(name: PatternName, n_codebooks: int, n_channels: int = 4) -> Pattern:
    """The pattern called ``name`` for ``n_channels`` channels, W first, of ``n_codebooks`` codebooks each.

    Groups of a frame in their order, and the steps that L frames of four channels of at least two codebooks take:

    - ``visage``: W_p, then W_r and S_p, then S_r together with the next frame's W_p; 2L + 1. Equation 4 of the paper, whose
      condition "s != 0" of S_r is read as s != 1: at step 1 there is no earlier frame, and no step is 0.
    - ``delay``: every row one step after the row above (Copet et al. 2023, MusicGen; Li et al. 2024 for stereo); L + 4N - 1.
    - ``residual``: W_p and S_p, then W_r and S_r; 2L (section 6.2: residual dependency only).
    - ``spatial``: W_p and W_r, then S_p and S_r; 2L (section 6.2: spatial dependency only).
    - ``naive``: W_p, W_r, S_p, S_r, one after the other; 4L (section 5.2).

    A group that is empty takes no step at the end: with one channel (mono), or one codebook, ``visage`` takes 2L steps.
    """
    if n_codebooks < 1 or n_channels < 1:
        raise InputError(f"a code pattern needs at least one codebook and one channel, got {n_codebooks} and {n_channels}")
    if name == "delay":
        return Pattern(1, tuple(range(n_channels * n_codebooks)))
    groups = {  # stride, then the offsets of W_p, W_r, S_p, S_r
        "visage": (2, 0, 1, 1, 2),
        "residual": (2, 0, 1, 0, 1),
        "spatial": (2, 0, 0, 1, 1),
        "naive": (4, 0, 1, 2, 3),
    }
    if name not in groups:
        raise InputError(f"a code pattern is one of {', '.join(get_args(PatternName))}, got {name!r}")
    stride, w_p, w_r, s_p, s_r = groups[name]
    offsets = [w_p] + [w_r] * (n_codebooks - 1) + ([s_p] + [s_r] * (n_codebooks - 1)) * (n_channels - 1)
    return Pattern(stride, tuple(offsets))


def steps_of(pattern: Pattern, n_frames: int) -> Tensor:
    """(K, L) the step, from 0, at which each code stands."""
    import torch

    return pattern.stride * torch.arange(n_frames) + torch.tensor(pattern.offsets)[:, None]


def build(pattern: Pattern, codes: Tensor, padding: int) -> Tensor:
    """(..., K, S) the sequence of steps C'_a that holds ``codes`` C_a (..., K, L), and ``padding`` where there is no code."""
    if codes.ndim < 2 or codes.shape[-2] != pattern.n_rows or codes.shape[-1] < 1:
        raise InputError(f"codes need the shape (..., {pattern.n_rows}, frames) in this pattern, got {tuple(codes.shape)}")
    steps = steps_of(pattern, codes.shape[-1]).to(codes.device)
    sequence = codes.new_full((*codes.shape[:-1], pattern.n_steps(codes.shape[-1])), padding)
    return sequence.scatter_(-1, steps.expand_as(codes), codes)


def revert(pattern: Pattern, sequence: Tensor) -> Tensor:
    """(..., K, L) the codes that stand in ``sequence`` (..., K, S): the inverse of ``build``, whatever stands where it pads."""
    if sequence.ndim < 2 or sequence.shape[-2] != pattern.n_rows:
        raise InputError(
            f"a sequence needs the shape (..., {pattern.n_rows}, steps) in this pattern, got {tuple(sequence.shape)}"
        )
    steps = steps_of(pattern, pattern.n_frames(sequence.shape[-1])).to(sequence.device)
    return sequence.gather(-1, steps.expand(*sequence.shape[:-1], -1))


def n_made_frames(duration_s: float, frame_rate_hz: float = DAC_FRAME_RATE_HZ) -> int:
    """How many frames of codes are made for ``duration_s``: 430 for 5 s, as released; a part of a frame counts as one."""
    if not 0 < duration_s < math.inf:
        raise InputError(f"codes need a finite duration above 0 s, got {duration_s}")
    return math.ceil(round(frame_rate_hz * duration_s, 6))  # rounded, so that 0.1 s of 10 Hz is 1 frame


def n_codec_frames(duration_s: float, sample_rate_hz: int = DAC_SAMPLE_RATE_HZ, hop_samples: int = DAC_HOP_SAMPLES) -> int:
    """How many frames of codes the codec needs to decode at least ``duration_s``: ceil(duration * rate / hop), 431 for 5 s."""
    return n_made_frames(duration_s, sample_rate_hz / hop_samples)


def with_last_repeated(codes: Tensor, n_frames: int) -> Tensor:
    """(..., K, n_frames) ``codes`` (..., K, L), the last frame repeated: the released code fills up to ``n_codec_frames`` so."""
    if not 1 <= codes.shape[-1] <= n_frames:
        raise InputError(f"{codes.shape[-1]} frames of codes cannot be filled up to {n_frames}")
    return codes[..., [min(frame, codes.shape[-1] - 1) for frame in range(n_frames)]]
