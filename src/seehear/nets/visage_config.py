"""Sizes of ViSAGe's transformer, apart from its code: reading them needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from seehear.types import InputError


@dataclass(frozen=True)
class VisageConfig:
    """Sizes of a Visage; the defaults are the paper's (appendix A), with 358.6 M parameters."""

    n_channels: int = 4
    """Channels of sound: 4 of first-order ambisonics, or 1 (W alone) in mono pretraining."""
    n_codebooks: int = 9
    """N, residual codebooks per channel."""
    codebook_size: int = 1024
    """Codes per codebook; the code of this number is the padding."""
    feature_size: int = 512
    """Length of the pooled feature of a frame: 512 for CLIP ViT-B/32."""
    n_patches: int = 49
    """Patches of the energy map: 7 x 7 for CLIP ViT-B/32 at 224 px."""
    direction: bool = True
    """Whether the camera direction is a condition."""
    energy_map: bool = True
    """Whether the patchwise energy map is a condition."""
    width: int = 1024
    """d_t, length of the hidden states."""
    n_heads: int = 16
    """Attention heads of every layer."""
    n_encoder_layers: int = 6
    """Layers of the encoder."""
    n_decoder_layers: int = 12
    """Layers of the decoder."""
    feed_forward: int = 4096
    """Hidden units of the position-wise layers."""
    max_frames: int = 20
    """Frames that the encoder has positions for: 5 s at 4 per second."""
    max_steps: int = 861
    """Steps that the decoder has positions for: 2 L + 1, with L = 430 frames of codes in 5 s."""
    dropout: float = 0.1
    """Part of the numbers dropped, in training, from the inputs of both stacks and from the output of every branch."""

    def __post_init__(self) -> None:
        """InputError for what no network can have; sizes may come from any file."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int" and not (type(value) is int and value >= 1):
                raise InputError(f"{field.name} of a ViSAGe is a whole number of at least 1, got {value!r}")
            if field.type == "bool" and type(value) is not bool:
                raise InputError(f"{field.name} of a ViSAGe is true or false, got {value!r}")
        if not (isinstance(self.dropout, (int, float)) and 0 <= self.dropout < 1):
            raise InputError(f"dropout of a ViSAGe is at least 0 and below 1, got {self.dropout!r}")
        if self.width % self.n_heads:
            raise InputError(f"a width of {self.width} does not divide into {self.n_heads} heads")

    @property
    def n_rows(self) -> int:
        """Rows of codes, channel-major: row = channel * n_codebooks + codebook, channels in ACN order (W, Y, Z, X)."""
        return self.n_channels * self.n_codebooks

    @property
    def padding(self) -> int:
        """The code that stands where a pattern has none."""
        return self.codebook_size

    @property
    def embeddings_per_row(self) -> int:
        """Embeddings of a row: codes and padding, rounded up to a multiple of 64 as in the released layout."""
        return math.ceil((self.codebook_size + 1) / 64) * 64


def mono(config: VisageConfig) -> VisageConfig:
    """The configuration of mono pretraining (section 6): the rows of W alone, and CLIP features as the only condition."""
    return replace(config, n_channels=1, direction=False, energy_map=False)
