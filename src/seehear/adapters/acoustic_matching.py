"""A stand-in for learned visual acoustic matching: late reverberation of a room guessed from the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from seehear.acoustics.field import DEFAULT_ENGINE, field_of
from seehear.acoustics.panning import Panner
from seehear.acoustics.room import room_for
from seehear.acoustics.tail import tail_gain, tail_response
from seehear.types import MONO, Audio, Direction, Image, Room
from seehear.vision.cues import scene_cues

OPEN = Room("shoebox", (25.0, 18.0, 10.0), (8.75, 9.0, 1.6), 0.6)
"""Outdoors: weak scattering by ground, fronts and trees, as of a dry space so large; 14 dB below a sound at 1 m."""
SOURCE_M = np.array([1.0, 0.0, 0.0])


@dataclass(frozen=True)
class RoomGuessMatcher:
    """The socket for AViTAR (Chen et al., CVPR 2022), filled by a rule: not AViTAR, nothing in it is learned.

    A picture is indoors or outdoors by its materials; every channel is given independent late reverberation of a living room
    or of the open on top of what it has, as of a source at 1 m, and all channels one gain that keeps the energy.
    """

    seed: int = 0

    def match(self, audio: Audio, image: Image, /) -> Audio:
        """``audio`` with the reverberation of the place that ``image`` shows; silence stays silence."""
        from scipy.signal import fftconvolve

        room = guessed_room(image)
        # One omnidirectional channel of the room hears the tail; each channel of the sound gets its own.
        field = field_of(room, Direction(0.0), Panner.for_layouts([MONO]), audio.sample_rate_hz, DEFAULT_ENGINE)
        gain = tail_gain(field, SOURCE_M)
        dry = audio.samples.astype(np.float64)
        matched = dry.copy()
        for index in np.flatnonzero(dry.any(axis=1)):
            tail = gain * tail_response(field, audio.n_samples, np.random.default_rng([self.seed, index]))[0]
            matched[index] += fftconvolve(dry[index], tail)[: audio.n_samples]
        energy, wanted = float(np.sum(matched**2)), float(np.sum(dry**2))
        kept = np.sqrt(wanted / energy) if energy > 0 else 1.0
        return replace(audio, samples=(kept * matched).astype(np.float32))


def guessed_room(image: Image) -> Room:
    """The open where the picture's materials speak for outdoors, else a living room."""
    return OPEN if scene_cues(image).outdoor > 0.5 else room_for("small", np.zeros((0, 3)))
