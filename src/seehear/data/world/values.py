"""The nouns of the world: a place, the things in it, where they go, and who watches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seehear.data.clips import CLIP_S
from seehear.data.tracing import Rays, Surroundings
from seehear.data.world.looks import Rgba
from seehear.types import Direction, InputError, Room, Trajectory
from seehear.vision.camera import Camera

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
Variety = Literal["single", "several", "off-axis", "diffuse"]
VARIETIES: tuple[Variety, ...] = ("single", "several", "off-axis", "diffuse")


@dataclass(frozen=True)
class WorldOptions:
    """How clips of the world are made."""

    side_px: int = 224
    hfov_rad: float = math.pi / 2
    frames_per_s: float = 4.0
    sample_rate_hz: int = 24_000
    seconds: float = CLIP_S
    varieties: tuple[float, float, float, float] = (0.5, 0.25, 0.1, 0.15)
    """Shares of `VARIETIES`."""
    dry: float = 0.6
    """Share of places without reflections."""
    key_frames: int = 3
    """Frames with masks and depth, from the first to the last."""
    photos: str = ""
    """Archive of photos (`data.world.photos`) that take the place of half of the things that it has."""

    def __post_init__(self) -> None:
        if not 16 <= self.side_px <= 2048:
            raise InputError(f"frames of the world have 16 to 2048 pixels a side, got {self.side_px}")
        if not 0 < self.frames_per_s <= 60 or not 1 <= self.seconds <= 60:
            raise InputError(f"clips have 1 to 60 s and up to 60 frames a second, got {self.seconds} s, {self.frames_per_s}")
        if self.n_frames < 1:
            raise InputError(f"a clip has at least one frame, got {self.frames_per_s} a second for {self.seconds} s")
        if not 0 < self.hfov_rad < math.pi:
            raise InputError(f"a field of view lies between 0 and 180 degrees, got {math.degrees(self.hfov_rad):g}")
        if min(self.varieties) < 0 or not 0 < sum(self.varieties) < math.inf or not 0 <= self.dry <= 1 or self.key_frames < 0:
            raise InputError(f"shares are 0 or more, got {self.varieties}, dry {self.dry}, {self.key_frames} key frames")
        if not 8_000 <= self.sample_rate_hz <= 48_000:
            raise InputError(f"the world sounds at 8000 to 48000 Hz, got {self.sample_rate_hz}")

    @property
    def n_frames(self) -> int:
        return round(self.seconds * self.frames_per_s)

    @property
    def times_s(self) -> Rays:
        """The middle (F,) of what each frame stands for."""
        return (np.arange(self.n_frames) + 0.5) / self.frames_per_s

    @property
    def camera(self) -> Camera:
        """The pinhole that takes the pictures."""
        return Camera(self.side_px, self.side_px, self.hfov_rad)

    @property
    def key_indices(self) -> tuple[int, ...]:
        """Which frames have masks and depth."""
        return tuple(dict.fromkeys(int(i) for i in np.linspace(0, self.n_frames - 1, self.key_frames).round()))


DEFAULTS = WorldOptions()


@dataclass(frozen=True)
class Thing:
    """Something upright that faces the camera, and its sound if it has one."""

    name: str
    """A concept of the vocabulary, or a species that makes no sound."""
    sounds: bool
    sprite: Rgba
    size_m: float
    """Side of the square that the sprite fills."""
    trajectory: Trajectory
    level_db: float = 0.0
    """At the listener, at its middle distance, over the stem reference."""
    extent_rad: float = 0.0
    """Width of its sound."""
    seed: int = 0
    """Of its sound."""
    path: str = "still"
    photo: bool = False
    """Whether the sprite is a photo."""


@dataclass(frozen=True)
class Weather:
    """A sound from everywhere, and what is seen of it: bits in the air."""

    name: str
    level_db: float
    seed: int
    visible: bool = True


@dataclass(frozen=True)
class Place:
    """What stands still around the camera, and how it sounds."""

    kind: Literal["room", "street", "landscape"]
    surroundings: Surroundings
    eye: Rays
    """(3,) the camera above the ground, in metres."""
    room: Room


@dataclass(frozen=True)
class World:
    """Five seconds of a made-up place."""

    key: str
    split: SplitName
    variety: Variety
    place: Place
    things: tuple[Thing, ...]
    """Sounding ones first, the main one at the head."""
    weather: Weather | None
    camera: Direction
    seed: tuple[int, ...]

    def rng(self, *purpose: int) -> np.random.Generator:
        """Randomness of its own for each purpose."""
        return np.random.default_rng([*self.seed, *purpose])
