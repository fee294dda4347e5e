"""Where sources stand still: they are heard there like those that never move, through one filter per place.

A block of the early field in which a moving source rests takes the windowed piece of its stem through the whole response of
that place, direct sound and first reflections included. Frames (`acoustics.moving`) have what is left of the stem: windows
and what is left add up to one, so a source comes to rest and goes on without a seam.
Shapes: R rests, K points of a trajectory, N times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.acoustics.convolve import Blocks
from seehear.acoustics.doppler import first_distance_m
from seehear.acoustics.field import Field
from seehear.acoustics.moving import FRAME_HOP_S, REFLECTION_HOLD
from seehear.acoustics.voices import Voice
from seehear.types import FloatArray, Sound, Trajectory, derived

BLOCK_HOP_S = 0.5
BLOCK_FADE_S = 0.1
"""Where a source moves, the filters of blocks are renewed every `BLOCK_HOP_S` and cross-faded over `BLOCK_FADE_S`."""
STILL_M = 1e-9
"""Two points of a trajectory that are nearer to each other are one place."""
SETTLE_S = FRAME_HOP_S * (REFLECTION_HOLD + 1)
"""How long before and after a block its source must rest: as far as frames and the head filters they hold look."""


@dataclass(frozen=True)
class Rests:
    """Spans of time (R,) in which blocks may lie, the places (R, 3) of the source then, and how late (R,) it is heard."""

    starts_s: FloatArray
    stops_s: FloatArray
    places_m: FloatArray
    late_samples: FloatArray

    def during(self, start_s: float, stop_s: float) -> int | None:
        """The rest that holds a span, or None: the source moves."""
        index = int(np.searchsorted(self.starts_s, start_s, "right")) - 1
        return index if index >= 0 and stop_s <= self.stops_s[index] else None

    @property
    def longest_s(self) -> float:
        """How long the longest rest is; not above 0: no block lies in any."""
        return float((self.stops_s - self.starts_s).max())


def rests_of(voice: Voice, field: Field) -> Rests:
    """The `Rests` of a voice, in order; one for all time of what never moves.

    With Doppler a rest is heard when its direct sound arrives; without it a reflection is heard from where the source is by
    then, so a source rests on until the last one.
    """
    if not voice.moves:
        return Rests(np.array([-np.inf]), np.array([np.inf]), voice.place_m(0)[None], np.zeros(1))
    trajectory = voice.source.trajectory
    starts_s, stops_s, places_m = _still(trajectory)
    late_m = np.zeros(len(starts_s))
    if field.doppler:
        late_m = np.linalg.norm(places_m, axis=1) - first_distance_m(trajectory)
    late_s, last_s = late_m / SPEED_OF_SOUND_M_S, 0.0 if field.doppler else field.longest_delay_s
    return Rests(starts_s + late_s + SETTLE_S, stops_s + late_s - SETTLE_S - last_s, places_m, late_s * field.sample_rate_hz)


def _still(trajectory: Trajectory) -> tuple[FloatArray, FloatArray, FloatArray]:
    """From when (R,) to when (R,) a trajectory is constant, at which places (R, 3), the ends of time included.

    Between two moves that follow each other is a rest of no length.
    """
    places_m = trajectory.directions * trajectory.distances_m[:, None]
    moves = np.flatnonzero(np.linalg.norm(np.diff(places_m, axis=0), axis=1) > STILL_M)
    starts_s = np.concatenate([[-np.inf], trajectory.times_s[moves + 1]])
    stops_s = np.concatenate([trajectory.times_s[moves], [np.inf]])
    last = np.concatenate([moves, [len(places_m) - 1]])
    directions = trajectory.directions[last] / np.linalg.norm(trajectory.directions[last], axis=1, keepdims=True)
    return starts_s, stops_s, directions * trajectory.distances_m[last, None]


def moving_blocks(field: Field, n_samples: int, n_taps: int) -> Blocks:
    """How time is cut where something moves."""
    rate = field.sample_rate_hz
    return Blocks(n_samples, min(round(BLOCK_HOP_S * rate), n_samples), round(BLOCK_FADE_S * rate), n_taps)


# ------------------------------------------------------------------------------------------- what frames have


def on_the_move(voice: Voice, field: Field, n_samples: int) -> Voice:
    """A moving voice with that of its stem that is in no block in which it rests."""
    blocks, rests, rate = moving_blocks(field, n_samples, 1), rests_of(voice, field), field.sample_rate_hz
    runs: list[tuple[int, int, int]] = []
    for start in range(0, n_samples, blocks.hop):
        rest = rests.during(*blocks.span_s(start, rate))
        if rest is None:
            continue
        if runs and runs[-1][1] == start - blocks.hop:
            runs[-1] = runs[-1][0], start, rest
        else:
            runs.append((start, start, rest))
    if not runs:
        return voice
    first, last, rest = np.array(runs).T
    late = np.floor(rests.late_samples[rest]).astype(np.intp)  # blocks are cut before what is left of a sample is filtered
    left = _left(voice.source.audio, blocks, first, last, late)
    return replace(voice, source=replace(voice.source, audio=left))


def _left(stem: Sound, blocks: Blocks, first: NDArray[np.intp], last: NDArray[np.intp], late_samples: NDArray[np.intp]) -> Sound:
    """``stem`` without runs (N,) of blocks: from which to which, and by how much later than in the stem they are."""
    ends = last + blocks.hop + blocks.fade

    def span(start: int, stop: int) -> NDArray[np.float32]:
        samples = stem.read(start, stop)
        for run in np.flatnonzero((first - late_samples < stop) & (ends - late_samples > start)):
            heard = np.arange(start, stop) + late_samples[run]
            samples = samples * (1 - blocks.weight(first[run], last[run], heard))
        return samples.astype(np.float32, copy=False)

    return derived(stem, span)
