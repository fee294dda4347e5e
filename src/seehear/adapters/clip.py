"""CLIP's picture half (Radford et al., ICML 2021) as a FrameEncoder: what ViSAGe sees frames with (ViT-B/32).

As the released ViSAGe program has it, the pooled features are those after the joint projection, not scaled to length 1, and
the patch features are the output of the last transformer layer, before the final layer norm and the projection, without the
class token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.adapters.folders import hash_of_tensor
from seehear.adapters.hub import Machine, Tell, load_model, nothing_told, resolve
from seehear.adapters.pictures import Preprocessing, normalise, resize
from seehear.protocols import FrameFeatures
from seehear.types import Image, InputError

ARCHITECTURES = ("clip", "clip_vision_model")
"""Both halves as published, or the picture half alone."""
PREPROCESSING = Preprocessing(
    mean=(0.48145466, 0.4578275, 0.40821073), std=(0.26862954, 0.26130258, 0.27577711), scale=1 / 255, resample=3
)
"""Of all of OpenAI's CLIP models: mean and deviation of the colours, bicubic."""


@dataclass(frozen=True)
class ClipFrames:
    """Features of frames from a ``clip`` checkpoint such as openai/clip-vit-base-patch32; loads it at the first frame."""

    source: str | Path
    """A hub id or a folder with config.json and model.safetensors."""
    machine: Machine = field(default_factory=Machine)
    batch_size: int = 20
    """Frames that go through the model together."""
    tell: Tell = nothing_told

    @cached_property
    def _folder(self) -> Path:
        return resolve(self.source, ARCHITECTURES, offline=self.machine.is_offline, tell=self.tell)

    @cached_property
    def _model(self) -> Any:
        from transformers import CLIPVisionModelWithProjection

        return load_model(CLIPVisionModelWithProjection, self._folder, self.machine)

    @cached_property
    def name(self) -> str:
        """Sizes, and the start of a hash over the joint projection, which is the same in every file of the same weights."""
        config = self._model.config
        weights = hash_of_tensor(self._folder, "visual_projection.weight")
        return f"clip-vit-{config.patch_size}-{config.image_size}px-{weights}"

    def encode_frames(self, frames: Sequence[Image], /) -> FrameFeatures:
        """Pooled features (F, 512) and patches (F, 7, 7, 768) at the size of ViT-B/32; InputError without a frame."""
        import torch

        if not frames:
            raise InputError("features need at least one frame, got none")
        side_px = self._model.config.image_size
        pooled, patches = [], []
        with torch.inference_mode():
            for start in range(0, len(frames), self.batch_size):
                pixels = np.stack([prepare(frame, side_px) for frame in frames[start : start + self.batch_size]])
                batch = torch.from_numpy(pixels).to(self.machine.torch_device, self.machine.torch_dtype)
                seen = self._model(pixel_values=batch)
                pooled.append(seen.image_embeds.float().cpu().numpy())
                patches.append(seen.last_hidden_state[:, 1:].float().cpu().numpy())
        n_side = side_px // self._model.config.patch_size
        grid = np.concatenate(patches)
        features = FrameFeatures(np.concatenate(pooled), grid.reshape(len(grid), n_side, n_side, -1))
        if not (np.isfinite(features.pooled).all() and np.isfinite(features.patches).all()):
            raise InputError(f"the model {self.source} gave numbers that are not finite: its weights are damaged or need float32")
        return features


def prepare(frame: Image, side_px: int) -> NDArray[np.float32]:
    """The model's input (3, side, side): the shorter side resized to ``side_px``, the middle cut out, colours normalised."""
    shorter = min(frame.height_px, frame.width_px)
    height, width = (int(side_px * side / shorter) for side in (frame.height_px, frame.width_px))
    top, left = (height - side_px) // 2, (width - side_px) // 2
    small = resize(frame.rgb, height, width, PREPROCESSING.resample)
    return normalise(small[top : top + side_px, left : left + side_px], PREPROCESSING)
