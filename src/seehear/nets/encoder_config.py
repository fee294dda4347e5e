"""Sizes and answers of the image encoder, apart from its code: reading them needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

CELLS = 4
"""A local descriptor covers 4 x 4 cells, as SIFT does."""


@dataclass(frozen=True)
class FisherConfig:
    """What one Fisher branch computes."""

    kind: Literal["gradient", "colour"] = "gradient"
    """The local descriptor: orientation histograms (128 numbers) or colour means and deviations (96 numbers)."""
    scales_px: tuple[int, ...] = (128, 90, 64)
    """The sides at which descriptors are taken."""
    cell_px: int = 4
    """Side of one of the 4 x 4 cells of a descriptor; also the stride between descriptors."""
    projection: int = 62
    """Numbers kept of a descriptor by PCA; two for the position come on top."""
    components: int = 64
    """Gaussians in the mixture."""
    position_weight: float = 1.0
    """Spread of the position numbers relative to a whitened descriptor number."""

    @property
    def descriptor_size(self) -> int:
        return CELLS * CELLS * (8 if self.kind == "gradient" else 6)

    @property
    def size(self) -> int:
        """Length of the Fisher vector: mean and variance gradients of every component."""
        return 2 * self.components * (self.projection + 2)


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of an ImageEncoder."""

    classes: int
    """Length of the logits."""
    input_px: int = 128
    """Side of the square that a picture is warped to; Fisher vectors are taken from it."""
    conv_px: int = 96
    """Side that the residual network sees; the patch grid is a 16th of it."""
    widths: tuple[int, ...] = (32, 64, 128, 256)
    """Channels of the stem and of each stage; the last is the length of the pooled feature and of a patch feature."""
    blocks: tuple[int, ...] = (1, 2, 1)
    """Residual blocks per stage; every stage halves the grid, as does the stem."""
    fishers: tuple[FisherConfig, ...] = (FisherConfig(), FisherConfig(kind="colour", projection=46))
    """The Fisher branches."""

    @property
    def feature_size(self) -> int:
        """Length of the pooled feature and of each patch feature."""
        return self.widths[-1]

    @property
    def grid_size(self) -> int:
        """Patches along each side."""
        return self.conv_px // 2 ** (len(self.blocks) + 1)


def config_from_mapping(values: Mapping[str, Any]) -> EncoderConfig:
    """The configuration that ``dataclasses.asdict`` turned into plain values, e.g. in a weights manifest."""
    fishers = tuple(FisherConfig(**{**fisher, "scales_px": tuple(fisher["scales_px"])}) for fisher in values["fishers"])
    return EncoderConfig(**{**values, "widths": tuple(values["widths"]), "blocks": tuple(values["blocks"]), "fishers": fishers})


class Encoding(NamedTuple):
    """What the encoder says about B pictures: tensors where it learns, arrays where it is used."""

    logits: Any
    """(B, classes), calibrated: their softmax is a probability."""
    pooled: Any
    """(B, feature_size)."""
    grid: Any
    """(B, feature_size, grid_size, grid_size), row by row from the top left."""
