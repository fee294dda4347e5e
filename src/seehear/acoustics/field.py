"""The sound field of a scene, as far as it does not depend on a source.

Shapes: P paths, B octave bands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seehear.acoustics.absorption import (
    COLOUR_TAPS,
    OCTAVES_HZ,
    SPEED_OF_SOUND_M_S,
    Colouring,
    ground_colouring,
    octave_rt60_s,
    wall_absorption,
    wall_colouring,
)
from seehear.acoustics.binaural import hrir
from seehear.acoustics.panning import Panner
from seehear.acoustics.paths import DELAY_LEAD_SAMPLES, DELAY_TAPS, Paths, paths_between
from seehear.acoustics.room import Mirrors, complete_until_s, mirrors, mixing_time_s
from seehear.types import Direction, FloatArray, Room

FADE_FROM = 0.7
"""The images fade out and the tail fades in from this share of the mixing time to its whole."""


@dataclass(frozen=True)
class Engine:
    """What a render spends on its room."""

    image_order: int = 10
    """Image sources up to this many reflections; those beyond the mixing time are left to the tail."""
    tail: bool = True
    """Whether a diffuse tail follows the images; without it every image up to the order is heard."""
    air: bool = True
    """Whether air absorbs high frequencies over distance."""


@dataclass(frozen=True)
class Field:
    """All of a scene that does not depend on a source: room, images, colours, panner, head and mixing time."""

    room: Room
    images: Mirrors
    colouring: Colouring
    panner: Panner
    sample_rate_hz: int
    rotation: FloatArray
    """(3, 3), from scene to head: the inverse of the listener's."""
    mixing_s: float | None
    """When the tail takes over, after the direct sound; None without a tail."""
    octave_rt60_s: FloatArray

    @property
    def longest_delay_s(self) -> float:
        """An upper bound of how late the last path is after the direct sound."""
        if self.room.kind == "none":
            return 0.0
        if self.room.kind == "outdoor":
            return 2 * self.room.listener_m[2] / SPEED_OF_SOUND_M_S
        if self.mixing_s is not None:
            return self.mixing_s
        longest = (1 + int(self.images.orders.max())) * max(self.room.size_m)
        return math.hypot(longest, *self.room.size_m) / SPEED_OF_SOUND_M_S

    @property
    def lead_samples(self) -> int:
        """How early `point_response` is."""
        return DELAY_LEAD_SAMPLES + self.colouring.lead_samples

    @property
    def n_taps(self) -> int:
        """Length of `point_response`."""
        delay = math.ceil(self.longest_delay_s * self.sample_rate_hz)
        head = hrir(np.eye(3)[:1], self.sample_rate_hz).shape[-1] if self.panner.ears else 0
        return delay + DELAY_TAPS + COLOUR_TAPS + head

    def paths(self, displacement_m: FloatArray) -> Paths:
        """Paths (..., P) from a source at ``displacement_m`` (..., 3), directions as the turned head hears them."""
        return paths_between(self.room, self.images, displacement_m, self.rotation)


def field_of(room: Room, listener: Direction, panner: Panner, sample_rate_hz: int, engine: Engine, reach_m: float) -> Field:
    """The field of a room for sources up to ``reach_m`` away."""
    images = mirrors(room, engine.image_order)
    mixing_s = None
    if room.kind == "shoebox":
        longest_m = reach_m + (1 + engine.image_order) * max(room.size_m) + math.hypot(*room.size_m)
        absorption = wall_absorption(room.size_m, room.rt60_s)
        colouring = wall_colouring(absorption, engine.image_order, longest_m, sample_rate_hz, engine.air)
        if engine.tail:
            mixing_s = min(mixing_time_s(room.size_m), complete_until_s(room.size_m, engine.image_order))
    elif room.kind == "outdoor":
        colouring = ground_colouring(reach_m + 2 * room.listener_m[2], sample_rate_hz, engine.air)
    else:
        colouring = wall_colouring(np.zeros(len(OCTAVES_HZ)), 0, reach_m, sample_rate_hz, engine.air)
    rt60_s = octave_rt60_s(max(room.rt60_s, 1e-3), engine.air)
    return Field(room, images, colouring, panner, sample_rate_hz, head_rotation(listener), mixing_s, rt60_s)


def head_rotation(listener: Direction) -> FloatArray:
    """Matrix (3, 3) from scene to head coordinates: turns the direction the listener looks at to the front."""
    sin_a, cos_a = math.sin(listener.azimuth_rad), math.cos(listener.azimuth_rad)
    sin_e, cos_e = math.sin(listener.elevation_rad), math.cos(listener.elevation_rad)
    turn = np.array([[cos_a, sin_a, 0], [-sin_a, cos_a, 0], [0, 0, 1.0]])
    nod = np.array([[cos_e, 0, sin_e], [0, 1.0, 0], [-sin_e, 0, cos_e]])
    return nod @ turn


def fade_out(field: Field, delays_s: FloatArray) -> FloatArray:
    """Gains of images that late: cosine in amplitude up to the mixing time, the complement in power of `_fade_in`."""
    if field.mixing_s is None:
        return np.ones_like(delays_s)
    return np.cos(0.5 * np.pi * fade_position(field.mixing_s, delays_s))


def fade_position(mixing_s: float, times_s: FloatArray) -> FloatArray:
    return np.clip((times_s / mixing_s - FADE_FROM) / (1 - FADE_FROM), 0, 1)
