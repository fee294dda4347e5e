"""A small audio encoder: mel levels of a window of sound to a feature and to the kinds of sound that are heard.

Plain blocks of convolution, batch norm, ReLU and pooling, as in VGGish (Hershey et al. 2017) and the networks of PANNs (Kong et
al. 2020), with 0.3 million weights where those have 72 and 80. Shapes: B windows, M mel bands, F frames, D features, K labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class AudioEncoderConfig:
    """What an AudioEncoder hears, and its sizes."""

    labels: int
    """Length of the logits."""
    sample_rate_hz: int = 16_000
    fft_samples: int = 512
    """Of a periodic Hann window: 32 ms."""
    hop_samples: int = 320
    """Between frames: 20 ms."""
    n_mels: int = 64
    """Mel bands up to half the rate."""
    floor_db: float = -90.0
    """No band is lower, relative to a full-scale sine: digital silence and what nobody hears are alike."""
    window_frames: int = 96
    """Of one feature: 1.92 s."""
    step_frames: int = 48
    """Between features: windows overlap by half."""
    widths: tuple[int, ...] = (24, 48, 96, 192)
    """Channels of each block; every block halves bands and frames."""
    features: int = 128
    """Length of the feature, as VGGish has it."""


def config_from_mapping(values: Mapping[str, Any]) -> AudioEncoderConfig:
    """The configuration that ``dataclasses.asdict`` turned into plain values, e.g. in a weights manifest."""
    return AudioEncoderConfig(**{**values, "widths": tuple(values["widths"])})


class AudioEncoder(nn.Module):
    """Logits (B, K) and features (B, D) of windows of mel levels (B, M, F) in dB."""

    def __init__(self, config: AudioEncoderConfig):
        super().__init__()
        self.config = config
        blocks: list[nn.Module] = []
        for n_in, n_out in zip((1, *config.widths[:-1]), config.widths, strict=True):
            blocks += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(), nn.AvgPool2d(2)]
        self.blocks = nn.Sequential(*blocks)
        self.features = nn.Linear(2 * config.widths[-1], config.features)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(config.features, config.labels)

    def forward(self, levels_db: Tensor) -> tuple[Tensor, Tensor]:
        middle_db = self.config.floor_db / 2
        levels = (torch.clamp(levels_db, min=self.config.floor_db) - middle_db) / (-middle_db / 2)
        # Bands are summed up, moments are both averaged and searched for the strongest: a bark is short.
        grid = self.blocks(levels[:, None]).mean(2)
        features = self.features(torch.cat([grid.mean(2), grid.amax(2)], 1))
        return self.head(self.dropout(F.relu(features))), features
