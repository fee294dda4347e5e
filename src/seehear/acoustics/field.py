"""The sound field of a scene, as far as it does not depend on a source.

Shapes: P paths, B octave bands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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
from seehear.acoustics.binaural import HRIR_DELAY_S, hrir_taps
from seehear.acoustics.hrtf import BUILTIN_HEAD, Head
from seehear.acoustics.panning import Panner
from seehear.acoustics.paths import DELAY_LEAD_SAMPLES, DELAY_TAPS, Paths, paths_between
from seehear.acoustics.room import Mirrors, complete_until_s, mirrors, mixing_time_s
from seehear.types import Direction, FloatArray, Room

FADE_FROM = 0.7
"""The images fade out and the tail fades in from this share of the mixing time to its whole."""

FARTHEST_M = 500.0
"""Air outdoors is computed up to this distance; what is farther is as dull as this."""
SOONEST_TAIL_S = 0.02
"""The tail never takes over earlier than this, even where the images are not complete by then (very long rooms)."""


@dataclass(frozen=True)
class Engine:
    """What a render spends on its room, and who listens."""

    image_order: int = 12
    """Image sources up to this many reflections; those beyond the mixing time are left to the tail."""
    tail: bool = True
    """Whether a diffuse tail follows the images; without it every image up to the order is heard."""
    air: bool = True
    """Whether air absorbs high frequencies over distance."""
    head: Head = BUILTIN_HEAD
    """Whose ears hear the binaural layout."""
    doppler: bool = False
    """Whether a moving source's sound takes its time on every path, so that its pitch changes; else only reflections are late."""


DEFAULT_ENGINE = Engine()


@dataclass(frozen=True)
class Field:
    """All of a scene that does not depend on a source: room, images, colours, panner, head and mixing time.

    Leads and lengths leave room for the head whether it is asked for or not: a layout is the same in whatever company.
    """

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
    head: Head
    doppler: bool

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
    def bus_lead_samples(self) -> int:
        """How early coloured taps are on the buses."""
        return DELAY_LEAD_SAMPLES + self.colouring.lead_samples

    @property
    def ear_lead_samples(self) -> int:
        """How late head filters make a sound; a render takes it back, so that it stays in sync."""
        return round(HRIR_DELAY_S * self.sample_rate_hz)

    @property
    def lead_samples(self) -> int:
        """How early `point_response` is."""
        return self.bus_lead_samples + self.ear_lead_samples

    @property
    def n_taps(self) -> int:
        """Length of `point_response`."""
        delay = math.ceil(self.longest_delay_s * self.sample_rate_hz)
        return delay + DELAY_TAPS + COLOUR_TAPS + hrir_taps(self.sample_rate_hz)

    def paths(self, displacement_m: FloatArray, images: Mirrors | None = None) -> Paths:
        """Paths (..., P) from a source at ``displacement_m`` (..., 3) by all images or those given, faded out for the tail.

        Directions are as the turned head hears them.
        """
        paths = paths_between(self.room, images or self.images, displacement_m, self.rotation)
        if self.mixing_s is None:
            return paths
        fade = np.cos(0.5 * np.pi * fade_position(self.mixing_s, paths.delays_s))
        return replace(paths, gains=paths.gains * fade)


def field_of(room: Room, listener: Direction, panner: Panner, sample_rate_hz: int, engine: Engine) -> Field:
    """The field of a room, whoever sounds in it (so that the render of a sum is the sum of renders)."""
    images = mirrors(room, engine.image_order)
    mixing_s = None
    if room.kind == "shoebox":
        longest_m = (1 + engine.image_order) * math.hypot(*room.size_m)
        if engine.tail:
            mixing_s = _mixing_s(room, engine.image_order)
            longest_m = math.hypot(*room.size_m) + mixing_s * SPEED_OF_SOUND_M_S
        absorption = wall_absorption(room.size_m, room.rt60_s)
        colouring = wall_colouring(absorption, engine.image_order, longest_m, sample_rate_hz, engine.air)
    elif room.kind == "outdoor":
        colouring = ground_colouring(FARTHEST_M, sample_rate_hz, engine.air)
    else:
        colouring = wall_colouring(np.zeros(len(OCTAVES_HZ)), 0, FARTHEST_M, sample_rate_hz, engine.air)
    rt60_s = octave_rt60_s(max(room.rt60_s, 1e-3), engine.air)
    rotation = head_rotation(listener)
    return Field(room, images, colouring, panner, sample_rate_hz, rotation, mixing_s, rt60_s, engine.head, engine.doppler)


def _mixing_s(room: Room, image_order: int) -> float:
    """The mixing time, or as long as the images of a source in the farthest corner are complete after its direct sound."""
    corner = np.maximum(room.listener_m, np.subtract(room.size_m, room.listener_m))
    complete_s = complete_until_s(room.size_m, image_order) - float(np.linalg.norm(corner)) / SPEED_OF_SOUND_M_S
    return max(min(mixing_time_s(room.size_m), complete_s), SOONEST_TAIL_S)


def head_rotation(listener: Direction) -> FloatArray:
    """Matrix (3, 3) from scene to head coordinates: turns the direction the listener looks at to the front."""
    sin_a, cos_a = math.sin(listener.azimuth_rad), math.cos(listener.azimuth_rad)
    sin_e, cos_e = math.sin(listener.elevation_rad), math.cos(listener.elevation_rad)
    turn = np.array([[cos_a, sin_a, 0], [-sin_a, cos_a, 0], [0, 0, 1.0]])
    nod = np.array([[cos_e, 0, sin_e], [0, 1.0, 0], [-sin_e, 0, cos_e]])
    return nod @ turn


def fade_position(mixing_s: float, times_s: FloatArray) -> FloatArray:
    """0 before the cross-fade from images to tail, 1 after it; images fade by its cosine, the tail by its sine."""
    return np.clip((times_s / mixing_s - FADE_FROM) / (1 - FADE_FROM), 0, 1)
