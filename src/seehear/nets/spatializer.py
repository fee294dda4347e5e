"""A U-Net that makes first-order ambisonics of mono sound and what is seen: the second stage of ViSAGe's baseline.

Kim, Yun & Kim 2025, section 6.1: "a U-Net architecture where the model learns to predict directional audio (X, Y, Z) from the
complex spectrogram of the W-channel. We tile and concatenate the visual features to the output of the audio encoder", with the
camera's direction encoded too; layers as in Gao & Grauman 2019 and Garg et al. 2023: 4 x 4 kernels, every level half the grid.

Chosen here, where the text leaves it open: the answer is a complex mask for each of Y, Z and X (appendix F speaks of complex
masking), without a bound, because in a field of several sources |X| may exceed |W|; features are those of the frame that a
column of the bottleneck falls on; the patchwise energy map is tiled beside them, as ViSAGe sees it too; the net sees W with its
magnitudes compressed, for a few loud bins would drown the rest. The last layer starts at zero: an untrained net leaves the
sound without direction.

Legend: B batch, T samples, N frequency bins, S spectrogram frames, F video frames, D features, P patches.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.types import InputError


@dataclass(frozen=True)
class SpatializerConfig:
    """Sizes of a Spatializer."""

    feature_size: int = 512
    """Length of the pooled feature of a video frame."""
    n_patches: int = 49
    """Patches of the energy map; 0 does without."""
    frames_per_s: float = 4.0
    """Video frames in a second."""
    sample_rate_hz: int = 24_000
    """Of the sound."""
    window_samples: int = 1024
    """Length of the Hann window; half as many frequency bins are seen (the topmost is left out)."""
    hop_samples: int = 256
    """From a spectrogram frame to the next."""
    compression: float = 0.3
    """Exponent of the magnitudes that the net sees, their phases kept; 1 leaves them as they are. Masks are on W itself."""
    widths: tuple[int, ...] = (16, 32, 64, 128, 128)
    """Channels of every level; each halves both axes."""
    condition_width: int = 64
    """Channels of the tiled visual features, and of the tiled direction."""

    def __post_init__(self) -> None:
        if self.n_bins % self.shrinking or self.window_samples % 2:
            raise InputError(f"{self.n_bins} frequency bins do not halve {len(self.widths)} times")

    @property
    def n_bins(self) -> int:
        return self.window_samples // 2

    @property
    def shrinking(self) -> int:
        """How many spectrogram frames make a column of the bottleneck."""
        return 2 ** len(self.widths)


class Spatializer(nn.Module):
    """Complex spectrograms of Y, Z and X from that of W, what is seen, and where the camera looks."""

    def __init__(self, config: SpatializerConfig):
        super().__init__()
        self.config = config
        sizes = (2, *config.widths)
        self.down = nn.ModuleList(_halve(a, b, first=i == 0) for i, (a, b) in enumerate(pairwise(sizes)))
        width = config.condition_width
        # Norms, so that what is tiled weighs as much as what is heard from the first step on.
        self.visual = nn.Sequential(nn.Linear(config.feature_size + config.n_patches, width), nn.LayerNorm(width))
        self.direction = nn.Sequential(nn.Linear(3, width), nn.GELU(), nn.Linear(width, width), nn.LayerNorm(width))
        below = config.widths[-1] + 2 * config.condition_width
        self.up = nn.ModuleList()
        for channels in config.widths[-2::-1]:
            self.up.append(_double(below, channels))
            below = 2 * channels  # with what skips the levels below
        self.masks = nn.ConvTranspose2d(below, 6, 4, stride=2, padding=1)
        nn.init.zeros_(self.masks.weight)
        nn.init.zeros_(self.masks.bias)

    def forward(self, w: Tensor, features: Tensor, energy_map: Tensor | None, direction: Tensor) -> Tensor:
        """Complex (B, 3, N, S) of Y, Z, X, from complex ``w`` (B, N, S), ``features`` (B, F, D), ``energy_map`` (B, F, P) and
        unit vectors ``direction`` (B, 3); ``energy_map`` is None where the configuration has no patches."""
        if (energy_map is not None) != bool(self.config.n_patches):
            raise InputError(f"the model was made for {self.config.n_patches} patches: the energy map does not fit it")
        seen = features if energy_map is None else torch.cat([features, energy_map], -1)
        n_frames = w.shape[-1]
        heard = w * w.abs().clamp(min=1e-5) ** (self.config.compression - 1)
        x = F.pad(torch.view_as_real(heard).movedim(-1, 1), (0, -n_frames % self.config.shrinking))
        levels = []
        for layer in self.down:
            x = layer(x)
            levels.append(x)
        x = torch.cat([x, self._tiled(seen, direction, *x.shape[-2:])], 1)
        for layer, skipped in zip(self.up, levels[-2::-1], strict=True):
            x = torch.cat([layer(x), skipped], 1)
        masks = self.masks(x)[..., :n_frames].unflatten(1, (3, 2)).movedim(2, -1).contiguous()
        return torch.view_as_complex(masks) * w[:, None]

    def _tiled(self, seen: Tensor, direction: Tensor, n_rows: int, n_columns: int) -> Tensor:
        """(B, 2 condition_width, n_rows, n_columns): of each column the frame shown at its middle, and the direction."""
        config = self.config
        column_s = config.shrinking * config.hop_samples / config.sample_rate_hz
        middle = (torch.arange(n_columns, device=seen.device) + 0.5) * column_s * config.frames_per_s
        visual = self.visual(seen)[:, middle.long().clamp(max=seen.shape[1] - 1)].transpose(1, 2)
        towards = self.direction(direction)[:, :, None].expand(-1, -1, n_columns)
        return torch.cat([visual, towards], 1)[:, :, None].expand(-1, -1, n_rows, -1)

    def spectrogram(self, samples: Tensor) -> Tensor:
        """Complex (..., N, S) of ``samples`` (..., T), S = 1 + T // hop; its mean power is that of the samples."""
        config, window = self.config, self._window(samples)
        flat = torch.stft(
            samples.reshape(-1, samples.shape[-1]), config.window_samples, config.hop_samples, window=window, return_complex=True
        )
        return flat[:, :-1].unflatten(0, samples.shape[:-1])

    def samples(self, spectrogram: Tensor, n_samples: int) -> Tensor:
        """(..., T) of ``spectrogram`` (..., N, S): the inverse of `spectrogram`, but for the topmost bin, which is zero."""
        config, flat = self.config, F.pad(spectrogram.flatten(0, -3), (0, 0, 0, 1))
        sound = torch.istft(flat, config.window_samples, config.hop_samples, window=self._window(flat.real), length=n_samples)
        return sound.unflatten(0, spectrogram.shape[:-2])

    def _window(self, like: Tensor) -> Tensor:
        window = torch.hann_window(self.config.window_samples, device=like.device)
        return window / window.square().sum().sqrt()

    @torch.no_grad()
    def spatialize(self, w: Tensor, features: Tensor, energy_map: Tensor | None, direction: Tensor) -> Tensor:
        """Ambisonics (B, 4, T), ACN/SN3D, whose W is ``w`` (B, T); the rest as in `forward`.

        The net sees W at unit power, and its answer has the level of W. At least half a window is needed.
        """
        if w.shape[-1] <= self.config.window_samples // 2:
            raise InputError(f"spatializing needs more than {self.config.window_samples // 2} samples, got {w.shape[-1]}")
        level = rms(w)[:, None]
        spectra = self(self.spectrogram(w / level), features, energy_map, direction)
        return torch.cat([w[:, None], self.samples(spectra, w.shape[-1]) * level[:, None]], 1)


def rms(w: Tensor) -> Tensor:
    """(B,) the root mean square of (B, T), at least -100 dB of full scale, so that silence can be divided by it."""
    return w.square().mean(-1).sqrt().clamp(min=1e-5)


def _halve(n_in: int, n_out: int, *, first: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=first)]
    if not first:
        layers.append(nn.BatchNorm2d(n_out))
    return nn.Sequential(*layers, nn.LeakyReLU(0.2))


def _double(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU())
