"""What goes through curation: a film, a window of it, and the word for what is turned away.

Shapes: F frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seehear.types import Direction, InputError, Sound

Stage = Literal["read", "order", "channels", "windows", "labels", "direction", "relevance"]
STAGES: tuple[Stage, ...] = ("read", "order", "channels", "windows", "labels", "direction", "relevance")
OF_VIDEOS: tuple[Stage, ...] = ("read", "order", "channels")
"""Stages that turn whole videos away; the later ones see windows of 5 s."""


@dataclass(frozen=True)
class Reject:
    """Why a stage turned a record away."""

    stage: Stage
    reason: str
    """What is counted: the same words for the same cause."""
    detail: str = ""
    """The figures of this one."""


@dataclass(frozen=True)
class Film:
    """A panoramic video and the sound field around its camera. Both are read as they are needed."""

    name: str
    sound: Sound
    """First-order ambisonics (ACN, SN3D)."""
    duration_s: float
    """Of what is both seen and heard."""
    panoramas: Callable[[Sequence[float]], Iterator[NDArray[np.uint8]]]
    """Equirectangular pictures (H, W, 3), middle column in front, that are shown at increasing times in seconds."""
    origin: str = ""


@dataclass(frozen=True)
class Window:
    """Five seconds of a film, with what the stages found out about them."""

    film: Film
    start_s: int
    labels: tuple[tuple[str, float], ...] = ()
    """What is heard and how probable the tagger finds it, the most probable first."""
    direction: Direction | None = None
    """Where most of the sound comes from, and where the camera will look."""


@dataclass(frozen=True)
class Rules:
    """The numbers of curation. Those of the paper where it has any; the others are ours and say so."""

    least_amplitude: float = 1e-20
    """Mean magnitude of a channel in a second, below which it counts as missing (section 4)."""
    most_field_ratio: float | None = 1.5
    """Energy of X, Y and Z over that of W from which levels are not AmbiX's: that has 1 (SN3D), FuMa 2, N3D 3. Not in the paper,
    which has no such stage (None); 1.5 lies between."""
    field_band_hz: tuple[float, float] = (200.0, 4000.0)
    """Where that is measured: below, wind shakes X, Y and Z alone; above, microphones are none of first order. Ours."""
    least_rms_dbfs: float = -60.0
    """RMS of W in a valid second. The paper says that there is a threshold, not which: this is the level of a quiet room in
    recordings made at the level of speech."""
    window_s: int = 5
    more_than_valid_s: int = 3
    """A window needs more valid seconds than this (section 4)."""
    least_probability: float = 0.3
    """Of the most probable label. "High-probability" in the paper, without a number: ours."""
    selection: Literal["recursive", "consecutive"] = "recursive"
    """How windows are chosen, see `selection.chosen`."""
    ignored_labels: tuple[str, ...] = ("Silence", "White noise", "Pink noise", "Noise", "Static", "noise", "silence", "unknown")
    """Labels that name no event. Ours."""
    hfov_deg: float = 90.0
    """Field of view of the clips, as in the released data."""
    view_px: int = 224
    """Width and height of the clips, as in the released data."""
    frames_per_s: float = 4.0
    sigmas: float = 1.0
    """A relevance so many standard deviations below the mean, or lower, is turned away (section 4)."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else every clip is to say of itself, e.g. a licence."""

    def __post_init__(self) -> None:
        if self.window_s < 1 or not 0 <= self.more_than_valid_s < self.window_s:
            raise InputError(
                f"windows of {self.window_s} s cannot have more than {self.more_than_valid_s} valid seconds: ask for 0 to "
                f"{max(self.window_s - 1, 0)}"
            )
        if not 0 <= self.least_probability <= 1:
            raise InputError(f"the least probability of a label lies in 0 to 1, got {self.least_probability:g}")
        if self.view_px < 16 or not 0 < self.hfov_deg < 180 or self.frames_per_s <= 0:
            raise InputError(
                f"clips need at least 16 pixels, 0 to 180 degrees and a frame rate, got {self.view_px} px, {self.hfov_deg:g} "
                f"degrees, {self.frames_per_s:g} frames/s"
            )
