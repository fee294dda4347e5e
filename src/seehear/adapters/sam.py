"""Segment Anything (Kirillov et al., ICCV 2023) as a Segmenter: what SEE-2-SOUND finds its regions with (section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seehear.adapters.hub import Machine, Tell, nothing_told, resolve
from seehear.adapters.mask_grid import Canvas, MaskGrid, find_masks, load_prompted, predictor
from seehear.adapters.pictures import Preprocessing, normalise, read_preprocessing, resize
from seehear.types import Image, Region


@dataclass(frozen=True)
class SamSegmenter:
    """Regions from a ``sam`` checkpoint such as facebook/sam-vit-huge; loads it at the first picture."""

    source: str | Path
    """A hub id or a folder with config.json, preprocessor_config.json and model.safetensors."""
    machine: Machine = field(default_factory=Machine)
    max_regions: int = 12
    outline: Literal["box", "hull"] = "box"
    grid: MaskGrid = field(default_factory=MaskGrid)
    tell: Tell = nothing_told

    @cached_property
    def _folder(self) -> Path:
        return resolve(self.source, ("sam",), offline=self.machine.is_offline, tell=self.tell)

    @cached_property
    def _preprocessing(self) -> Preprocessing:
        return read_preprocessing(self._folder)

    @cached_property
    def _model(self) -> Any:
        from transformers import SamModel

        return load_prompted(SamModel, self._folder, self.machine)

    def segment(self, image: Image, /) -> list[Region]:
        """Regions of ``image``, most salient first, masks at the image's size."""
        pixels, canvas = prepare(image, self._preprocessing, self._model.config.vision_config.image_size)
        predict = predictor(self._model, pixels, self.machine)
        return find_masks(image, predict, canvas, max_regions=self.max_regions, outline=self.outline, grid=self.grid)


def prepare(image: Image, how: Preprocessing, side_px: int) -> tuple[NDArray[np.float32], Canvas]:
    """The model's input (3, side, side): the longer side to ``side_px``, normalised, padded with 0 right and below (App. A)."""
    scale = side_px / max(image.height_px, image.width_px)
    height, width = (max(1, int(scale * side + 0.5)) for side in (image.height_px, image.width_px))
    small = normalise(resize(image.rgb, height, width, how.resample), how)
    pixels = np.zeros((3, side_px, side_px), dtype=np.float32)
    pixels[:, :height, :width] = small
    return pixels, Canvas(side_px, height, width)
