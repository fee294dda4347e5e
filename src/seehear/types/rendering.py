"""What a run gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seehear.types.scene import Scene
from seehear.types.sound import Sound


@dataclass(frozen=True)
class Rendering:
    """What ``spatialize`` gives back: the sound, the scene it came from, and the run's report."""

    audio: Sound
    """An :class:`Audio` up to half a minute; what is longer stays in a temporary file and is read span by span."""
    scene: Scene
    report: Mapping[str, object]
    """Sources as shown to the user, files, seconds per stage, models and licences, notes."""
    figure: bytes | None = None
    """The explaining picture as PNG, when asked for."""
