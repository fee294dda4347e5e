"""A clip: what a model of video and spatial sound learns from, and is measured against.

Shapes: F frames, H W pixels, T samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.types import FOA, Audio, Direction, InputError

CLIP_S = 5.0
"""Seconds of a clip (ViSAGe, section 4)."""


@dataclass(frozen=True)
class Clip:
    """A silent field-of-view video, where its camera looks, and the sound field around it."""

    key: str
    """Unique in its data set; no dots or slashes, for it names files in an archive."""
    frames: NDArray[np.uint8]
    """(F, H, W, 3) at ``frames_per_s``."""
    frames_per_s: float
    sound: Audio
    """First-order ambisonics (4, T), ACN and SN3D, in the axes of the panorama: they do not turn with the camera."""
    direction: Direction
    """Where the middle of the picture lies in the sound field."""
    labels: tuple[str, ...] = ()
    """Concepts or classes that are heard, the loudest first."""
    caption: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else is known, as JSON: sources and their paths, boxes, seed, licence, origin."""
    masks: Mapping[int, NDArray[np.uint8]] = field(default_factory=dict)
    """Of some frames, by index: (H, W) whose place in ``facts["sources"]``, from 1, each pixel shows; 0 is none of them."""
    depths_m: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    """Of some frames, by index: (H, W) distance from the camera, infinite in the sky."""

    def __post_init__(self) -> None:
        if not self.key or any(c in self.key for c in "./\\"):
            raise InputError(f"the key of a clip names files, so it has no dots or slashes, got {self.key!r}")
        if self.frames.ndim != 4 or self.frames.shape[-1] != 3 or self.frames.dtype != np.uint8 or not self.frames.size:
            raise InputError(f"frames of a clip are uint8 (F, H, W, 3), got {self.frames.dtype} {self.frames.shape}")
        if self.sound.layout != FOA:
            raise InputError(f"the sound of a clip is first-order ambisonics, got {self.sound.layout.name}")
