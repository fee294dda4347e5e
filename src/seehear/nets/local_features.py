"""Dense local descriptors and Fisher vectors as torch modules: strong picture features from few pictures.

A descriptor grid (gradients as in SIFT, or local colour statistics) is projected by PCA, joined by its position, and
encoded by the gradient of a Gaussian mixture's log-likelihood. Sources: Lowe 2004 (SIFT); Arandjelovic and Zisserman
2012 (square-rooted descriptors); Clinchant et al. 2007 (colour statistics); Sanchez, Perronnin, Mensink and Verbeek 2013
(Fisher vector, eq. 16 to 18); Sanchez, Perronnin and de Campos 2012 (position joined to the descriptor).

Shapes: B batch, H W pixels, P positions, D descriptor length, K mixture components.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.nets.encoder_config import CELLS, FisherConfig

SAMPLED = 64
"""Descriptors of each picture that the projection and the mixture are fitted to."""


def _cell_maps_gradient(rgb: Tensor, cell_px: int) -> Tensor:
    """Gradient energy per orientation and cell (B, 8, h, w): magnitude shared linearly by the two nearest of 8 bins."""
    grey = F.pad(rgb.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    dx = grey[..., 1:-1, 2:] - grey[..., 1:-1, :-2]
    dy = grey[..., 2:, 1:-1] - grey[..., :-2, 1:-1]
    angle = torch.atan2(dy, dx) * (8 / (2 * math.pi))
    bins = torch.arange(8, dtype=rgb.dtype, device=rgb.device).view(1, 8, 1, 1)
    distance = (angle - bins + 4) % 8 - 4
    maps = torch.hypot(dx, dy) * (1 - distance.abs()).clamp_min(0)
    return F.avg_pool2d(maps, cell_px)


def _cell_maps_colour(rgb: Tensor, cell_px: int) -> Tensor:
    """Mean and standard deviation of red, green and blue per cell (B, 6, h, w)."""
    mean = F.avg_pool2d(rgb, cell_px)
    variance = (F.avg_pool2d(rgb**2, cell_px) - mean**2).clamp_min(0)
    return torch.cat([mean, torch.sqrt(variance + 1e-6)], 1)


def dense_descriptors(rgb: Tensor, config: FisherConfig) -> tuple[Tensor, Tensor]:
    """Descriptors (B, P, D) and their centres (P, 2) in -1 to 1, from pictures (B, 3, H, W) in 0 to 1."""
    descriptors, centres = [], []
    for side in config.scales_px:
        small = F.interpolate(rgb, (side, side), mode="bilinear", antialias=True, align_corners=False)
        gradient = config.kind == "gradient"
        cells = _cell_maps_gradient(small, config.cell_px) if gradient else _cell_maps_colour(small, config.cell_px)
        h, w = cells.shape[-2] - CELLS + 1, cells.shape[-1] - CELLS + 1
        columns = F.unfold(cells, CELLS).transpose(1, 2)
        if gradient:
            # A floor on the norm keeps flat, noisy patches from looking like strong texture.
            columns = torch.sqrt(columns / (columns.sum(-1, keepdim=True) + 0.05))
        y, x = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
        descriptors.append(columns)
        centres.append(torch.stack([x.reshape(-1), y.reshape(-1)], -1).to(rgb))
    return torch.cat(descriptors, 1), torch.cat(centres)


class FisherVector(nn.Module):
    """Power- and length-normalised Fisher vectors (B, config.size) of pictures (B, 3, H, W) in 0 to 1."""

    def __init__(self, config: FisherConfig):
        super().__init__()
        self.config = config
        d, k, p = config.descriptor_size, config.components, config.projection + 2
        self.register_buffer("centre", torch.zeros(d))
        self.register_buffer("whitening", torch.zeros(d, config.projection))
        self.register_buffer("weight", torch.full((k,), 1 / k))
        self.register_buffer("mean", torch.zeros(k, p))
        self.register_buffer("deviation", torch.ones(k, p))

    def local(self, rgb: Tensor) -> Tensor:
        """Whitened descriptors joined by their position (B, P, projection + 2)."""
        descriptors, centres = dense_descriptors(rgb, self.config)
        whitened = (descriptors - self.centre) @ self.whitening
        position = (self.config.position_weight * math.sqrt(3) * centres).expand(len(rgb), -1, -1)
        return torch.cat([whitened, position], -1)

    def responsibilities(self, x: Tensor) -> Tensor:
        """Posterior of each component (..., K) for points (..., D)."""
        return log_joint(x, self.weight, self.mean, self.deviation).softmax(-1)

    def forward(self, rgb: Tensor) -> Tensor:
        x = self.local(rgb)
        return normalise(fisher_gradients(x, self.responsibilities(x), self.weight, self.mean, self.deviation))


def log_joint(x: Tensor, weight: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Log of weight times diagonal Gaussian density, without the constant (..., K), for points (..., D)."""
    precision = deviation**-2
    quadratic = (x**2) @ precision.T - 2 * x @ (mean * precision).T + (mean**2 * precision).sum(-1)
    return torch.log(weight) - torch.log(deviation).sum(-1) - quadratic / 2


def fisher_gradients(x: Tensor, gamma: Tensor, weight: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Gradients for means and deviations (B, 2 K D) (Sanchez et al. 2013, eq. 17 and 18), from x (B, P, D), gamma (B, P, K)."""
    n = x.shape[1]
    s0 = gamma.sum(1)[..., None]
    s1 = gamma.transpose(1, 2) @ x
    s2 = gamma.transpose(1, 2) @ (x**2)
    by_mean = (s1 - mean * s0) / deviation
    by_deviation = (s2 - 2 * mean * s1 + (mean**2 - deviation**2) * s0) / deviation**2
    scale = 1 / (n * torch.sqrt(weight))[:, None]
    return torch.cat([(by_mean * scale).flatten(1), (by_deviation * scale / math.sqrt(2)).flatten(1)], 1)


def normalise(vectors: Tensor) -> Tensor:
    """Signed square root, then unit length: the "improved" Fisher vector (B, D)."""
    return F.normalize(torch.sign(vectors) * torch.sqrt(vectors.abs()), dim=1)


@torch.no_grad()
def fit_fisher(config: FisherConfig, batches: Iterable[Tensor], generator: torch.Generator, em_steps: int = 25) -> FisherVector:
    """A FisherVector whose PCA and mixture are fitted to pictures (each batch (B, 3, H, W) in 0 to 1).

    At most ``SAMPLED`` random descriptors of each picture are kept; the mixture starts from random points and takes ``em_steps``
    steps of expectation-maximisation with a variance floor.
    """
    fisher = FisherVector(config)
    samples, positions = [], []
    for batch in batches:
        descriptors, centres = dense_descriptors(batch, config)
        keep = torch.randperm(len(centres), generator=generator)[:SAMPLED]
        samples.append(descriptors[:, keep].flatten(0, 1))
        positions.append(centres[keep].repeat(len(batch), 1))
    x = torch.cat(samples)
    fisher.centre.copy_(x.mean(0))
    values, vectors = torch.linalg.eigh(torch.cov((x - fisher.centre).T))
    kept = slice(-config.projection, None)
    fisher.whitening.copy_(vectors[:, kept] / torch.sqrt(values[kept] + 1e-4))
    position = config.position_weight * math.sqrt(3) * torch.cat(positions)
    fit_mixture(fisher, torch.cat([(x - fisher.centre) @ fisher.whitening, position], -1), generator, em_steps)
    return fisher


@torch.no_grad()
def fit_mixture(fisher: FisherVector, x: Tensor, generator: torch.Generator, em_steps: int) -> None:
    """Fills the mixture of ``fisher`` from points (N, D) by expectation-maximisation with a variance floor."""
    k = fisher.config.components
    fisher.mean.copy_(x[torch.randperm(len(x), generator=generator)[:k]])
    fisher.deviation.copy_(x.std(0).expand(k, -1))
    floor = 0.01 * x.var(0)
    for _ in range(em_steps):
        gamma = fisher.responsibilities(x)
        mass = gamma.sum(0).clamp_min(1e-3)
        fisher.weight.copy_(mass / mass.sum())
        fisher.mean.copy_(gamma.T @ x / mass[:, None])
        variance = gamma.T @ (x**2) / mass[:, None] - fisher.mean**2
        fisher.deviation.copy_(torch.sqrt(torch.maximum(variance, floor)))
