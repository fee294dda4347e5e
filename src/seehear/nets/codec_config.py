"""Sizes of the builtin codec, apart from its code: reading them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from seehear.types import InputError


@dataclass(frozen=True)
class CodecConfig:
    """Sizes of a GainShapeCodec; the defaults are those of the pack ``codec`` (1.6 kbit/s per channel)."""

    sample_rate_hz: int = 24_000
    """Rate of the sound."""
    hop_samples: int = 480
    """Samples per frame of codes, and coefficients of its transform: 50 frames per second."""
    n_codebooks: int = 4
    """N: the first holds sign and level, the others the shape."""
    codebook_size: int = 255
    """V = 2 m + 1: silence, m levels of positive and m of negative sign; the zero vector and 2 m shapes."""
    level_step_db: float = 0.7
    """Between neighbouring levels."""
    highest_level_db: float = 3.0
    """The level of code m: that of emphasised coefficients, a full-scale sine at 1 kHz has -3 dB."""
    emphasis: float = 0.25
    """Exponent of frequency by which coefficients are raised before levels are taken and errors weighed."""
    latent: int = 48
    """Numbers that stand for a frame between the layers and the codebooks."""
    width: int = 384
    """Hidden units of the layers."""
    n_blocks: int = 2
    """Residual blocks on either side of the codebooks."""
    context_frames: int = 3
    """Frames that a block sees, its own in the middle."""

    def __post_init__(self) -> None:
        if self.codebook_size % 2 == 0 or self.codebook_size < 3:
            raise InputError(f"a codebook has 2 m + 1 codes, an odd number of at least 3, got {self.codebook_size}")
        if self.hop_samples % 2 or self.context_frames % 2 == 0:
            raise InputError(
                f"the hop is even and the context odd, got {self.hop_samples} samples and {self.context_frames} frames"
            )
        if self.n_codebooks < 2:
            raise InputError(f"level and shape need two codebooks, got {self.n_codebooks}")

    @property
    def n_levels(self) -> int:
        """m."""
        return self.codebook_size // 2

    @property
    def reach_frames(self) -> int:
        """Frames on either side that the codes of a frame depend on."""
        return self.n_blocks * (self.context_frames // 2) + 1
