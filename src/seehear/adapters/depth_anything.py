"""Depth Anything (Yang et al., CVPR 2024; V2, NeurIPS 2024) as a DepthEstimator: SEE-2-SOUND's depth D (section 2.1).

Both versions share one architecture: a DINOv2 encoder and a DPT head, which gives disparity (larger is nearer, unknown
scale and shift), or metres in the metric checkpoints. Shapes: h w pixels of the model's output, H W of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.adapters.hub import Machine, Tell, load_model, nothing_told, resolve
from seehear.adapters.pictures import Preprocessing, normalise, read_preprocessing, resize
from seehear.types import DepthMap, Image, InputError, Region

FAR_OVER_NEAR = 40 / 1.5
"""Ratio of the farthest to the nearest distance that relative depth 1 and 0 stand for; that of ``--far`` and ``--near``."""
LONGEST_SIDES = 4
"""The longer side is at most so many times the model's own size: a strip of a picture must not fill the memory."""


@dataclass(frozen=True)
class DepthAnything:
    """Depth from a ``depth_anything`` checkpoint such as Depth-Anything-V2-Small-hf; loads it at the first picture."""

    source: str | Path
    """A hub id or a folder with config.json, preprocessor_config.json and model.safetensors."""
    machine: Machine = field(default_factory=Machine)
    far_over_near: float = FAR_OVER_NEAR
    """Only for relative checkpoints."""
    tell: Tell = nothing_told

    @cached_property
    def _folder(self) -> Path:
        return resolve(self.source, ("depth_anything",), offline=self.machine.is_offline, tell=self.tell)

    @cached_property
    def _preprocessing(self) -> Preprocessing:
        return read_preprocessing(self._folder)

    @cached_property
    def _model(self) -> Any:
        from transformers import DepthAnythingForDepthEstimation

        return load_model(DepthAnythingForDepthEstimation, self._folder, self.machine)

    def estimate_depth(self, image: Image, regions: Sequence[Region], /) -> DepthMap:
        """Depth of every pixel of ``image``: metres from a metric checkpoint, else relative; ``regions`` are not needed."""
        values = self._infer(prepare(image, self._preprocessing))
        if not np.isfinite(values).all():
            raise InputError("the depth model gave numbers that are not finite: its weights are damaged or need float32")
        values = fit(values, image.height_px, image.width_px)
        if self._model.config.depth_estimation_type == "metric":
            return DepthMap(values, metric=True)
        return DepthMap(relative_depth(values, self.far_over_near))

    def _infer(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(pixels)[None].to(self.machine.torch_device, self.machine.torch_dtype)
            return self._model(pixel_values=batch).predicted_depth[0].float().cpu().numpy()


def input_size(height_px: int, width_px: int, how: Preprocessing) -> tuple[int, int]:
    """Height and width that the model sees: the picture is scaled as little as possible so that one side has the model's size,
    and each side is rounded to a multiple of the patch.

    A picture larger than the model's size so has its shorter side at that size. Very long ones are squeezed.
    """
    if how.height_px is None or how.width_px is None:
        raise InputError("a Depth Anything preprocessor needs a size with height and width")
    down, across = how.height_px / height_px, how.width_px / width_px
    if how.keep_aspect:
        down = across = across if abs(1 - across) < abs(1 - down) else down
    step = how.multiple_px
    sides = []
    for side, scale, own in ((height_px, down, how.height_px), (width_px, across, how.width_px)):
        wanted = min(scale * side, LONGEST_SIDES * own)
        sides.append(max(step, round(wanted / step) * step))
    return sides[0], sides[1]


def prepare(image: Image, how: Preprocessing) -> NDArray[np.float32]:
    """The model's input (3, h, w)."""
    height, width = input_size(image.height_px, image.width_px, how)
    return normalise(resize(image.rgb, height, width, how.resample), how)


def fit(values: NDArray[np.float32], height_px: int, width_px: int) -> NDArray[np.float32]:
    """Values (h, w) at another size, bilinear: nothing passes the extremes, as it would in the cubic of other tools."""
    import torch
    from torch.nn.functional import interpolate

    source = torch.from_numpy(values)[None, None]
    return interpolate(source, (height_px, width_px), mode="bilinear", align_corners=False)[0, 0].numpy()


def relative_depth(disparity: NDArray[np.float32], far_over_near: float = FAR_OVER_NEAR) -> NDArray[np.float32]:
    """Relative depth (H, W), 0 nearest to 1 farthest and logarithmic, of disparity with unknown scale and shift.

    Disparity is a / Z + b (Ranftl et al., TPAMI 2022). The nearest of the picture is taken for the near distance n, the
    farthest for far f: with d from 0 to 1, n / Z = n / f + d (1 - n / f), and the depth is ln(Z / n) / ln(f / n). So
    ``depth_to_distance_m`` with the same n and f gives Z back. The extremes are those of all but 0.5 % of the pixels at
    either end; a disparity without any difference is halfway (0.5).
    """
    if not (math.isfinite(far_over_near) and far_over_near > 1):
        raise InputError(f"far must be farther than near, got a ratio of {far_over_near:g}")
    farthest, nearest = np.quantile(disparity, [0.005, 0.995])
    if not nearest > farthest:
        return np.full(disparity.shape, 0.5, dtype=np.float32)
    share = np.clip((disparity.astype(float) - farthest) / (nearest - farthest), 0, 1)
    depth = -np.log(1 / far_over_near + share * (1 - 1 / far_over_near)) / math.log(far_over_near)
    return np.clip(depth, 0, 1).astype(np.float32) + np.float32(0)  # no -0
