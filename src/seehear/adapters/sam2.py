"""SAM 2 (Ravi et al., 2024) as a Segmenter of single pictures: lighter than SAM at the same quality.

Its processor in transformers needs torchvision, the model does not: pictures are prepared here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seehear.adapters.hub import Machine, Tell, nothing_told, resolve
from seehear.adapters.mask_grid import Canvas, MaskGrid, find_masks, load_prompted, predictor
from seehear.adapters.pictures import Preprocessing, normalise, read_preprocessing, resize
from seehear.types import Image, InputError, Region

PARTS = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
"""Of the configuration, what the image model needs; a ``sam2_video`` checkpoint has the memory's besides."""


@dataclass(frozen=True)
class Sam2Segmenter:
    """Regions from a ``sam2`` or ``sam2_video`` checkpoint such as facebook/sam2.1-hiera-large; loads it at the first picture."""

    source: str | Path
    """A hub id or a folder with config.json, preprocessor_config.json and model.safetensors."""
    machine: Machine = field(default_factory=Machine)
    max_regions: int = 12
    outline: Literal["box", "hull"] = "box"
    grid: MaskGrid = field(default_factory=MaskGrid)
    tell: Tell = nothing_told

    @cached_property
    def _folder(self) -> Path:
        return resolve(self.source, ("sam2", "sam2_video"), offline=self.machine.is_offline, tell=self.tell)

    @cached_property
    def _preprocessing(self) -> Preprocessing:
        return read_preprocessing(self._folder)

    @cached_property
    def _model(self) -> Any:
        from transformers import Sam2Config, Sam2Model

        found = json.loads((self._folder / "config.json").read_text("utf-8"))
        if missing := [part for part in PARTS if part not in found]:
            raise InputError(f"{self._folder / 'config.json'} lacks {', '.join(missing)}, which a SAM 2 checkpoint has")
        # Built from its parts, or transformers would warn of the video model that the checkpoint also holds.
        config = Sam2Config(**{part: found[part] for part in PARTS})
        return load_prompted(Sam2Model, self._folder, self.machine, config=config)

    def segment(self, image: Image, /) -> list[Region]:
        """Regions of ``image``, most salient first, masks at the image's size."""
        pixels, canvas = prepare(image, self._preprocessing, self._model.config.prompt_encoder_config.image_size)
        predict = predictor(self._model, pixels, self.machine)
        return find_masks(image, predict, canvas, max_regions=self.max_regions, outline=self.outline, grid=self.grid)


def prepare(image: Image, how: Preprocessing, side_px: int) -> tuple[NDArray[np.float32], Canvas]:
    """The model's input (3, side, side): the picture warped to the whole square and normalised."""
    return normalise(resize(image.rgb, side_px, side_px, how.resample), how), Canvas(side_px, side_px, side_px)
