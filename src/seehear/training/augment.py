"""Random changes of picture batches that keep their meaning, all from one generator.

Shapes: B pictures, S input pixels a side, R output pixels a side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Augmentation:
    """How strongly pictures are changed."""

    smallest_area: float = 0.35
    """Least part of the picture that a crop keeps."""
    aspect: float = 1.4
    """Largest stretch of one side against the other."""
    rotation_deg: float = 12.0
    """Largest turn either way."""
    colour: float = 0.35
    """Largest relative change of brightness, contrast and saturation."""
    grey: float = 0.1
    """Part of the pictures that lose their colour."""
    erase: float = 0.5
    """Part of the pictures in which a box of up to half a side is blanked (DeVries and Taylor 2017)."""
    mixup: float = 0.2
    """Both parameters of the beta distribution that blends pairs (Zhang et al. 2018); 0 is off."""


def augment(pixels: Tensor, out_px: int, recipe: Augmentation, generator: torch.Generator) -> Tensor:
    """Changed pictures (B, 3, R, R) in about 0 to 1, from uint8 pictures (B, 3, S, S)."""
    rgb = random_views(pixels.float() / 255, out_px, recipe, generator)
    return erase_boxes(jitter_colours(rgb, recipe, generator), recipe, generator)


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=generator)


def random_views(rgb: Tensor, out_px: int, recipe: Augmentation, generator: torch.Generator) -> Tensor:
    """A random crop, stretch, turn and mirror image of each picture, in one resampling."""
    n = len(rgb)
    side = torch.sqrt(_uniform(n, recipe.smallest_area, 1.0, generator))
    stretch = torch.exp(_uniform(n, -0.5, 0.5, generator) * math.log(recipe.aspect))
    wide, high = (side * stretch).clamp_max(1.0), (side / stretch).clamp_max(1.0)
    angle = _uniform(n, -1, 1, generator) * math.radians(recipe.rotation_deg)
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    x0 = _uniform(n, -1, 1, generator) * (1 - wide)
    y0 = _uniform(n, -1, 1, generator) * (1 - high)
    rows = torch.stack(
        [mirror * wide * angle.cos(), -high * angle.sin(), x0, mirror * wide * angle.sin(), high * angle.cos(), y0], 1
    )
    grid = F.affine_grid(rows.view(n, 2, 3), [n, 3, out_px, out_px], align_corners=False)
    if out_px <= rgb.shape[-1] // 2:  # sampling every other pixel would alias
        rgb = F.avg_pool2d(rgb, 2)
    return F.grid_sample(rgb, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def jitter_colours(rgb: Tensor, recipe: Augmentation, generator: torch.Generator) -> Tensor:
    """Pictures with changed brightness, contrast, saturation and white balance, some of them grey."""
    n, c = len(rgb), recipe.colour

    def factor() -> Tensor:
        return _uniform(n, 1 - c, 1 + c, generator).view(n, 1, 1, 1)

    rgb = rgb * factor()
    level = rgb.mean((1, 2, 3), keepdim=True)
    rgb = level + (rgb - level) * factor()
    grey = rgb.mean(1, keepdim=True)
    keep = torch.where(torch.rand(n, generator=generator) < recipe.grey, 0.0, 1.0).view(n, 1, 1, 1)
    rgb = grey + (rgb - grey) * factor() * keep
    balance = 1 + c / 4 * keep * (2 * torch.rand(n, 3, 1, 1, generator=generator) - 1)
    return (rgb * balance).clamp(0, 1)


def erase_boxes(rgb: Tensor, recipe: Augmentation, generator: torch.Generator) -> Tensor:
    """Pictures with one box each set to grey, in the recipe's part of them."""
    n, size = len(rgb), rgb.shape[-1]
    chosen = torch.rand(n, generator=generator) < recipe.erase
    half = _uniform(n, 0.1, 0.25, generator) * size * chosen
    cx, cy = (_uniform(n, 0, size, generator) for _ in range(2))
    axis = torch.arange(size) + 0.5
    inside = ((axis - cy[:, None]).abs() < half[:, None])[:, :, None] & ((axis - cx[:, None]).abs() < half[:, None])[:, None, :]
    return torch.where(inside[:, None], torch.tensor(0.45), rgb)


def mixup(rgb: Tensor, targets: Tensor, recipe: Augmentation, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each picture blended with another one of the batch, and its targets (B, classes) in the same proportion."""
    if recipe.mixup <= 0:
        return rgb, targets
    shape = torch.full((len(rgb), 2), recipe.mixup)
    # Two gamma variates make a beta variate; torch offers the gamma with a generator only by this name.
    gammas = torch._standard_gamma(shape, generator=generator).clamp_min(1e-20)
    share = gammas.amax(1) / gammas.sum(1)
    other = torch.randperm(len(rgb), generator=generator)
    blend = share.view(-1, 1, 1, 1)
    return blend * rgb + (1 - blend) * rgb[other], share[:, None] * targets + (1 - share[:, None]) * targets[other]
