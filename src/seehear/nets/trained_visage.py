"""A ViSAGe that was trained, and what its weights are tied to: a code pattern, an encoder of frames, a codec and their rates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seehear.sampling.tokens import Pattern, PatternName, pattern_named
from seehear.types import InputError

if TYPE_CHECKING:
    from seehear.nets.visage import Visage
    from seehear.nets.visage_config import VisageConfig
    from seehear.vision.patch_energy import Compat


@dataclass(frozen=True)
class TrainedVisage:
    """A net and all that must be the same when it is used."""

    net: Visage
    """For evaluation; its weights are float32."""
    pattern: PatternName
    """The order of codes that it learned."""
    encoder_name: str
    """``name`` of the FrameEncoder whose features it knows."""
    codec_name: str
    """``name`` of the Codec whose codes it makes."""
    frames_per_s: float
    """Frames of the video that it sees in a second (the paper: 4)."""
    code_frames_per_s: float
    """Frames of codes that it makes for a second (released: 86)."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """How it came about, as JSON: recipe, data, steps, losses, licence."""
    energy_compat: Compat | None = None
    """Whose energy maps of patches it knows: None is the paper's."""

    def __post_init__(self) -> None:
        for name in ("frames_per_s", "code_frames_per_s"):
            rate = getattr(self, name)
            if not isinstance(rate, int | float) or not 0 < rate < math.inf:
                raise InputError(f"{name} of a ViSAGe is a number above 0, got {rate!r}")
        if not isinstance(self.facts, Mapping):
            raise InputError(f"the facts of a ViSAGe are a JSON object, got {self.facts!r}")

    @property
    def config(self) -> VisageConfig:
        return self.net.config

    @property
    def code_pattern(self) -> Pattern:
        """Where its codes stand."""
        return pattern_named(self.pattern, self.config.n_codebooks, self.config.n_channels)
