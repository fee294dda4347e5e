"""A small image encoder that learns from a few thousand pictures: a residual network beside Fisher vectors.

From-scratch convolution wants more pictures than there are; Fisher vectors of local descriptors do well with thirty per
class. So both see the picture, each has a linear head, and a weighted sum of the two logits is the answer.
Residual blocks: He et al. 2016; the averaging shortcut: He et al. 2019 (ResNet-D).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.nets.encoder_config import EncoderConfig, Encoding
from seehear.nets.local_features import FisherVector


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut (B, C_in, H, W) -> (B, C_out, H / stride, W / stride)."""

    def __init__(self, n_in: int, n_out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        # The branch starts as zero, so that a deep stack starts as the identity (Goyal et al. 2017, section 5.1).
        nn.init.zeros_(self.norm2.weight)
        same = n_in == n_out and stride == 1
        pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(pool, nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ConvNet(nn.Module):
    """The residual network with its linear head: pictures (B, 3, H, W) in 0 to 1 to (logits, patch grid)."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        widths = config.widths
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 3, 2, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        stages = []
        for n_in, n_out, n_blocks in zip(widths[:-1], widths[1:], config.blocks, strict=True):
            stages += [Residual(n_in if i == 0 else n_out, n_out, 2 if i == 0 else 1) for i in range(n_blocks)]
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(widths[-1], config.classes)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        grid = self.stages(self.stem((rgb - 0.45) / 0.25))
        return self.head(grid.mean((2, 3))), grid


class ImageEncoder(nn.Module):
    """Logits, pooled feature and patch features of pictures (B, 3, H, W) in 0 to 1."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        self.conv = ConvNet(config)
        self.fishers = nn.ModuleList(FisherVector(fisher) for fisher in config.fishers)
        self.fisher_head = nn.Linear(sum(fisher.size for fisher in config.fishers), config.classes)
        self.register_buffer("fusion", torch.ones(2))
        """Weights of the two logits, fitted on held-out pictures; they also set the temperature."""

    def fisher_features(self, rgb: Tensor) -> Tensor:
        """The Fisher vectors of all branches side by side."""
        return torch.cat([fisher(_resized(rgb, self.config.input_px)) for fisher in self.fishers], 1)

    def conv_grid(self, rgb: Tensor) -> Tensor:
        """The patch features of the residual network."""
        return self.conv(_resized(rgb, self.config.conv_px))[1]

    def branch_logits(self, rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the residual network, logits of the Fisher vectors, and the patch grid."""
        conv_logits, grid = self.conv(_resized(rgb, self.config.conv_px))
        return conv_logits, self.fisher_head(self.fisher_features(rgb)), grid

    def forward(self, rgb: Tensor) -> Encoding:
        conv_logits, fisher_logits, grid = self.branch_logits(rgb)
        return Encoding(self.fusion[0] * conv_logits + self.fusion[1] * fisher_logits, grid.mean((2, 3)), grid)


def _resized(rgb: Tensor, side_px: int) -> Tensor:
    if rgb.shape[-2:] == (side_px, side_px):
        return rgb
    return F.interpolate(rgb, (side_px, side_px), mode="bilinear", antialias=True, align_corners=False)
