"""The image encoder on plain arrays: what a run needs of it, without the second and a half that importing torch takes.

The same function of the same tensors as `nets.image_encoder.ImageEncoder` in evaluation, which learns them; equations and sources
stand there. A test holds both to the same logits.
Shapes: B pictures, C channels, H W pixels, P positions, D descriptor length, K mixture components.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seehear.nets.encoder_config import CELLS, EncoderConfig, Encoding, FisherConfig

Array = NDArray[np.float32]
Tensors = Mapping[str, Array]
"""The state of an ImageEncoder by its own names."""
NORM_EPSILON = 1e-5
"""Of torch's batch normalisation."""


def encode(rgb: Array, tensors: Tensors, config: EncoderConfig) -> Encoding:
    """Logits, pooled feature and patch features of pictures (B, 3, H, W) in 0 to 1."""
    grid = _residual_network((_resized(rgb, config.conv_px) - 0.45) / 0.25, tensors, config)
    pooled = grid.mean(axis=(2, 3))
    square = _resized(rgb, config.input_px)
    fisher = np.concatenate(
        [_fisher_vectors(square, _within(tensors, f"fishers.{i}"), each) for i, each in enumerate(config.fishers)], 1
    )
    conv_logits = pooled @ tensors["conv.head.weight"].T + tensors["conv.head.bias"]
    fisher_logits = fisher @ tensors["fisher_head.weight"].T + tensors["fisher_head.bias"]
    fusion = tensors["fusion"]
    return Encoding(fusion[0] * conv_logits + fusion[1] * fisher_logits, pooled, grid)


def _within(tensors: Tensors, name: str) -> Tensors:
    """The tensors of one part."""
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}


def _resized(x: Array, side_px: int) -> Array:
    """Pictures (B, C, S, S) by a triangle filter as wide as the step between pixels, as torch's antialiased bilinear one."""
    if x.shape[-2:] == (side_px, side_px):
        return x
    rows, columns = (_resizing(n, side_px) for n in x.shape[-2:])
    return rows @ (x @ columns.T)


def _resizing(n_in: int, n_out: int) -> Array:
    """Weights (n_out, n_in)."""
    scale = n_in / n_out
    centres = scale * (np.arange(n_out) + 0.5)
    distance = np.abs(np.arange(n_in) + 0.5 - centres[:, None]) / max(scale, 1.0)
    weights = np.maximum(1 - distance, 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


# ------------------------------------------------------------------------------------------------ residual network


def _residual_network(x: Array, tensors: Tensors, config: EncoderConfig) -> Array:
    x = np.maximum(_normed(_convolved(x, tensors["conv.stem.0.weight"], 2), _within(tensors, "conv.stem.1")), 0)
    block = 0
    for n_blocks in config.blocks:
        for i in range(n_blocks):
            x = _residual(x, _within(tensors, f"conv.stages.{block}"), stride=2 if i == 0 else 1)
            block += 1
    return x


def _residual(x: Array, part: Tensors, stride: int) -> Array:
    y = np.maximum(_normed(_convolved(x, part["conv1.weight"], stride), _within(part, "norm1")), 0)
    y = _normed(_convolved(y, part["conv2.weight"], 1), _within(part, "norm2"))
    if "shortcut.1.weight" in part:
        pooled = _averaged(x, stride) if stride > 1 else x
        x = _normed(
            np.einsum("oc,bchw->bohw", part["shortcut.1.weight"][:, :, 0, 0], pooled, optimize=True), _within(part, "shortcut.2")
        )
    return np.maximum(y + x, 0)


def _convolved(x: Array, kernel: Array, stride: int) -> Array:
    """Pictures (B, C, H, W) through a 3 x 3 kernel (C', C, 3, 3) with a border of zeros."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::stride, ::stride]
    batch, _, height, width = windows.shape[:4]
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(batch * height * width, -1)
    return (columns @ kernel.reshape(len(kernel), -1).T).reshape(batch, height, width, -1).transpose(0, 3, 1, 2)


def _normed(x: Array, norm: Tensors) -> Array:
    scale = norm["weight"] / np.sqrt(norm["running_var"] + np.float32(NORM_EPSILON))
    return x * scale[:, None, None] + (norm["bias"] - norm["running_mean"] * scale)[:, None, None]


def _averaged(x: Array, cell_px: int) -> Array:
    """Means (B, C, H // cell, W // cell) of square cells; what is left at the edges is dropped."""
    batch, channels, height, width = x.shape[0], x.shape[1], x.shape[2] // cell_px, x.shape[3] // cell_px
    cells = x[:, :, : height * cell_px, : width * cell_px].reshape(batch, channels, height, cell_px, width, cell_px)
    return cells.mean(axis=(3, 5))


# ------------------------------------------------------------------------------------------------ Fisher vectors


def _fisher_vectors(rgb: Array, part: Tensors, config: FisherConfig) -> Array:
    """Power- and length-normalised Fisher vectors (B, config.size)."""
    descriptors, centres = _descriptors(rgb, config)
    whitened = (descriptors - part["centre"]) @ part["whitening"]
    position = np.float32(config.position_weight * math.sqrt(3)) * centres
    x = np.concatenate([whitened, np.broadcast_to(position, (len(rgb), *position.shape))], axis=-1)
    weight, mean, deviation = part["weight"], part["mean"], part["deviation"]
    precision = deviation**-2
    quadratic = x**2 @ precision.T - 2 * x @ (mean * precision).T + (mean**2 * precision).sum(-1)
    joint = np.log(weight) - np.log(deviation).sum(-1) - quadratic / 2
    gamma = np.exp(joint - joint.max(axis=-1, keepdims=True))
    gamma /= gamma.sum(axis=-1, keepdims=True)
    vectors = _fisher_gradients(x, gamma, weight, mean, deviation)
    rooted = np.sign(vectors) * np.sqrt(np.abs(vectors))
    return rooted / np.maximum(np.linalg.norm(rooted, axis=1, keepdims=True), np.float32(1e-12))


def _fisher_gradients(x: Array, gamma: Array, weight: Array, mean: Array, deviation: Array) -> Array:
    """Gradients for means and deviations (B, 2 K D)."""
    s0 = gamma.sum(axis=1)[..., None]
    turned = gamma.transpose(0, 2, 1)
    s1, s2 = turned @ x, turned @ x**2
    by_mean = (s1 - mean * s0) / deviation
    by_deviation = (s2 - 2 * mean * s1 + (mean**2 - deviation**2) * s0) / deviation**2
    scale = (1 / (x.shape[1] * np.sqrt(weight)))[:, None]
    parts = (by_mean * scale, by_deviation * scale / np.float32(math.sqrt(2)))
    return np.concatenate([each.reshape(len(x), -1) for each in parts], axis=1)


def _descriptors(rgb: Array, config: FisherConfig) -> tuple[Array, Array]:
    """Descriptors (B, P, D) and their centres (P, 2) in -1 to 1."""
    descriptors, centres = [], []
    for side in config.scales_px:
        small = _resized(rgb, side)
        cells = _gradient_cells(small, config.cell_px) if config.kind == "gradient" else _colour_cells(small, config.cell_px)
        windows = sliding_window_view(cells, (CELLS, CELLS), axis=(2, 3))
        batch, _, height, width = windows.shape[:4]
        columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(batch, height * width, -1)
        if config.kind == "gradient":
            columns = np.sqrt(columns / (columns.sum(-1, keepdims=True) + np.float32(0.05)))
        y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
        descriptors.append(columns)
        centres.append(np.stack([x.ravel(), y.ravel()], axis=-1).astype(np.float32))
    return np.concatenate(descriptors, axis=1), np.concatenate(centres)


def _gradient_cells(rgb: Array, cell_px: int) -> Array:
    """Gradient energy per orientation and cell (B, 8, h, w)."""
    grey = np.pad(rgb.mean(axis=1, keepdims=True), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    dx = grey[..., 1:-1, 2:] - grey[..., 1:-1, :-2]
    dy = grey[..., 2:, 1:-1] - grey[..., :-2, 1:-1]
    angle = np.arctan2(dy, dx) * np.float32(8 / (2 * math.pi))
    bins = np.arange(8, dtype=np.float32)[None, :, None, None]
    distance = (angle - bins + 4) % 8 - 4
    return _averaged(np.hypot(dx, dy) * np.maximum(1 - np.abs(distance), 0), cell_px)


def _colour_cells(rgb: Array, cell_px: int) -> Array:
    """Mean and standard deviation of red, green and blue per cell (B, 6, h, w)."""
    mean = _averaged(rgb, cell_px)
    variance = np.maximum(_averaged(rgb**2, cell_px) - mean**2, 0)
    return np.concatenate([mean, np.sqrt(variance + np.float32(1e-6))], axis=1)
