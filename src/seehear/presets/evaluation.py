"""The preset of ``evaluate spatialize``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seehear.presets.parts import Part
from seehear.protocols import AcousticMatcher


@dataclass(frozen=True)
class EvaluationPreset:
    """What ``evaluate spatialize`` needs beyond the system: what it is, and how to make it."""

    part: Part
    matcher: Callable[[], AcousticMatcher]


def evaluation_preset(seed: int) -> EvaluationPreset:
    """The acoustic matcher of the paper's protocol: a stand-in for AViTAR, without weights."""

    def matcher() -> AcousticMatcher:
        from seehear.adapters.acoustic_matching import RoomGuessMatcher

        return RoomGuessMatcher(seed)

    return EvaluationPreset(
        Part("acoustic matcher", "reverberation of a guessed room (stand-in for AViTAR)", "Apache-2.0"), matcher
    )
