"""What is heard, and where: sources on their trajectories, in a room. Shapes: K trajectory points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seehear.types.checks import FloatArray, InputError, is_array, is_count, is_number, told
from seehear.types.direction import FRONT, Direction
from seehear.types.licence import NOT_STATED
from seehear.types.sound import Sound, n_samples

NEAREST_M = 0.5
"""Closer than this a sound gets no louder: the distance law is 1 / max(r, `NEAREST_M`)."""


@dataclass(frozen=True)
class Trajectory:
    """Where a source is over time; held constant before the first and after the last point.

    ``times_s`` (K,) strictly increasing, ``directions`` (K, 3) unit vectors, ``distances_m`` (K,) positive.
    """

    times_s: FloatArray
    directions: FloatArray
    distances_m: FloatArray

    def __post_init__(self) -> None:
        if not (is_array(self.times_s, 1) and is_array(self.directions, 2) and is_array(self.distances_m, 1)):
            got = ", ".join(told(x) for x in (self.times_s, self.directions, self.distances_m))
            raise InputError(f"a trajectory needs arrays of numbers: times, directions and distances, got {got}")
        k = len(self.times_s)
        if k == 0 or self.directions.shape != (k, 3) or self.distances_m.shape != (k,):
            raise InputError("a trajectory needs K times, (K, 3) directions and K distances")
        if not (np.isfinite(self.times_s).all() and np.isfinite(self.directions).all() and np.isfinite(self.distances_m).all()):
            raise InputError("a trajectory must be finite")
        if (np.diff(self.times_s) <= 0).any():
            raise InputError("trajectory times must increase")
        if (self.distances_m <= 0).any() or not np.allclose(np.linalg.norm(self.directions, axis=1), 1, atol=1e-3):
            raise InputError("a trajectory needs unit directions and positive distances")

    @classmethod
    def fixed(cls, direction: Direction, distance_m: float) -> Trajectory:
        return cls(np.zeros(1), direction.vector[None], np.array([float(distance_m)]))

    @property
    def is_static(self) -> bool:
        return len(self.times_s) == 1 or (
            np.allclose(self.directions, self.directions[0], atol=1e-6) and np.allclose(self.distances_m, self.distances_m[0])
        )

    def at(self, times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Directions (N, 3) and distances (N,) at ``times_s``: chord-normalised direction, geometric distance."""
        directions = np.stack([np.interp(times_s, self.times_s, self.directions[:, i]) for i in range(3)], axis=-1)
        norms = np.linalg.norm(directions, axis=-1, keepdims=True)
        halfway = 0.5 * (self.times_s[1:] + self.times_s[:-1])
        nearest = self.directions[np.searchsorted(halfway, times_s)]
        directions = np.where(norms > 1e-6, directions / np.maximum(norms, 1e-6), nearest)
        return directions, np.exp(np.interp(times_s, self.times_s, np.log(self.distances_m)))

    def _nearest(self, times_s: FloatArray) -> NDArray[np.intp]:
        """Index (N,) of the point nearest to each time, the earlier of two."""
        after = np.searchsorted(self.times_s, times_s).clip(0, len(self.times_s) - 1)
        before = np.maximum(after - 1, 0)
        return np.where(times_s - self.times_s[before] <= self.times_s[after] - times_s, before, after)


@dataclass(frozen=True)
class Recording:
    """A sound file that was put in the place of a sound that was made: what it is called, and its licence."""

    name: str
    licence: str = NOT_STATED


@dataclass(frozen=True)
class Source:
    """One sounding thing: a mono stem of the scene's whole length, where it is, how loud at 1 m, how wide."""

    audio: Sound
    trajectory: Trajectory
    label: str
    gain_db: float = 0.0
    """Gain in dB at 1 m; the distance law 1/r, clamped at 0.5 m, comes on top."""
    extent_rad: float = 0.0
    """Angular width: 0 is a point, 2 pi an ambient bed from everywhere (a bed ignores distance and room)."""
    lfe: bool = False
    """Whether this source may feed the LFE channel."""
    muted: bool = False
    """Whether it is left out of renders; it stays in the scene."""
    recording: Recording | None = None
    """Where the stem came from; None when it was made."""

    def __post_init__(self) -> None:
        if self.audio.layout.n_channels != 1:
            raise InputError(f"source {self.label!r} must be mono, got {self.audio.layout.n_channels} channels")
        if not (is_number(self.extent_rad) and 0 <= self.extent_rad <= 2 * math.pi + 1e-9):
            raise InputError(f"extent of {self.label!r} must lie in 0 to 2 pi, got {self.extent_rad!r}")
        if not is_number(self.gain_db):
            raise InputError(f"gain of {self.label!r} must be a finite number, got {self.gain_db!r}")

    @property
    def is_bed(self) -> bool:
        return surrounds(self.extent_rad)


def surrounds(extent_rad: float) -> bool:
    """Whether something of that angular width is heard from everywhere."""
    return extent_rad >= 2 * math.pi - 1e-6


@dataclass(frozen=True)
class Room:
    """The acoustic surroundings, with axes parallel to the listener's (x front, y left, z up)."""

    kind: Literal["none", "shoebox", "outdoor", "pixels"] = "none"
    """``pixels`` is the room of SEE-2-SOUND's appendix E, heard by its six microphones (`acoustics.microphones`)."""
    size_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Length (x), width (y), height (z) of a shoebox."""
    listener_m: tuple[float, float, float] = (0.0, 0.0, 1.6)
    """The listener from the shoebox's corner (0, 0, 0); outdoors only the height counts."""
    rt60_s: float = 0.0
    """Wanted reverberation time; the wall absorption follows from it."""

    def __post_init__(self) -> None:
        if self.kind not in ("none", "shoebox", "outdoor", "pixels"):
            raise InputError(f"unknown room kind {self.kind!r}: choose none, shoebox, outdoor or pixels")
        for what, lengths_m in (("size", self.size_m), ("listener", self.listener_m)):
            if len(lengths_m) != 3 or not all(map(is_number, lengths_m)):
                raise InputError(f"the {what} of a room needs three lengths, got {lengths_m}")
        if self.kind == "pixels" and not all(p > 100 and p + 100 < s for p, s in zip(self.listener_m, self.size_m, strict=True)):
            raise InputError("a room of pixels must reach more than 100 m around the listener, where its microphones are")
        if self.kind == "shoebox":
            inside = all(0 < p < s for p, s in zip(self.listener_m, self.size_m, strict=True))
            if not (inside and is_number(self.rt60_s) and self.rt60_s > 0):
                raise InputError("a shoebox needs the listener inside it and a positive rt60_s")
        if self.kind == "outdoor" and not self.listener_m[2] > 0:
            raise InputError("outdoors the listener must be above the ground")


@dataclass(frozen=True)
class Scene:
    """Everything that is heard: enough to render any layout without any generator."""

    sources: tuple[Source, ...]
    room: Room
    duration_s: float
    sample_rate_hz: int
    seed: int = 0
    listener: Direction = FRONT
    """Where the listener looks: renders are rotated by its inverse."""
    bed: Sound | None = None
    """An ambisonic ambience (ACN, SN3D, any order to 7) around the listener, as it is: no distance, no room."""
    bed_gain_db: float = 0.0
    bed_muted: bool = False
    """Whether the bed is left out of renders; it stays in the scene."""

    def __post_init__(self) -> None:
        if not is_count(self.sample_rate_hz):
            raise InputError(f"sample rate must be a positive whole number, got {self.sample_rate_hz!r} Hz")
        if not (is_number(self.duration_s) and self.n_samples >= 1):
            raise InputError(f"duration must be at least one sample, got {self.duration_s!r} s at {self.sample_rate_hz} Hz")
        if not is_count(self.seed, 0):
            raise InputError(f"seed must be a whole number from 0, got {self.seed!r}")
        for source in self.sources:
            if source.audio.sample_rate_hz != self.sample_rate_hz:
                rate_hz = source.audio.sample_rate_hz
                raise InputError(f"stem {source.label!r} has {rate_hz} Hz, the scene {self.sample_rate_hz} Hz")
            if source.audio.n_samples != self.n_samples:
                raise InputError(f"stem {source.label!r} has {source.audio.n_samples} samples, the scene {self.n_samples}")
        if not is_number(self.bed_gain_db):
            raise InputError(f"gain of the bed must be a finite number, got {self.bed_gain_db!r}")
        if self.bed is not None:
            self._check_bed(self.bed)

    def _check_bed(self, bed: Sound) -> None:
        if bed.layout.kind != "ambisonics" or bed.convention != "acn-sn3d":
            raise InputError(f"the bed must be ambisonic (acn-sn3d), got {bed.layout.name} {bed.convention}".rstrip())
        if bed.sample_rate_hz != self.sample_rate_hz:
            raise InputError(f"the bed has {bed.sample_rate_hz} Hz, the scene {self.sample_rate_hz} Hz")
        if bed.n_samples != self.n_samples:
            raise InputError(f"the bed has {bed.n_samples} samples, the scene {self.n_samples}")

    @property
    def n_samples(self) -> int:
        return n_samples(self.duration_s, self.sample_rate_hz)
