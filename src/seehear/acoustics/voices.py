"""The sources of a scene as a render hears them, with what of each does not depend on time.

Shapes: M virtual directions, L taps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.acoustics.doppler import cut, first_distance_m
from seehear.acoustics.field import Field
from seehear.acoustics.responses import spread_filters
from seehear.types import FloatArray, Scene, Source


@dataclass(frozen=True)
class Voice:
    """A source, its linear gain, the filters (M, L) of its extent's virtual sources (None for a point), and whether it moves."""

    source: Source
    gain: float
    decorrelators: NDArray[np.float32] | None
    moves: bool

    @property
    def n_wide(self) -> int:
        """Length of the filters of an extent, 0 for a point."""
        return 0 if self.decorrelators is None else self.decorrelators.shape[1]

    def place_m(self, time_s: float) -> FloatArray:
        """Displacement (3,) from the listener."""
        directions, distances = self.source.trajectory.at(np.array([time_s]))
        return directions[0] * distances[0]


def voices_of(scene: Scene) -> tuple[Voice, ...]:
    """The sources that are not muted. Each has a random stream of its own, by its index: the same whoever else is heard."""
    return tuple(
        Voice(source, 10 ** (source.gain_db / 20), _decorrelators(scene, index), _moves(source))
        for index, source in enumerate(scene.sources)
        if not source.muted
    )


def _moves(source: Source) -> bool:
    return not (source.is_bed or source.trajectory.is_static)


def _decorrelators(scene: Scene, index: int) -> NDArray[np.float32] | None:
    extent_rad = scene.sources[index].extent_rad
    if extent_rad == 0:
        return None
    return spread_filters(extent_rad, scene.sample_rate_hz, np.random.default_rng([scene.seed, 1 + index]))


def is_silent(voice: Voice, field: Field, start: int, stop: int) -> bool:
    """Whether nothing of a voice's early field is heard between two samples: its stem is silent as far as that reaches.

    The reach is generous: on both sides the filters, and with Doppler what a bundle may read beside its own time and all that
    may be on its way.
    """
    reach = 2 * field.n_taps + voice.n_wide
    early_s, late_s = 0.0, field.longest_delay_s
    if field.doppler and voice.moves:
        first_m, farthest_m = first_distance_m(voice.source.trajectory), float(voice.source.trajectory.distances_m.max())
        reach += stop - start
        early_s += first_m / SPEED_OF_SOUND_M_S
        late_s += (farthest_m - first_m) / SPEED_OF_SOUND_M_S
    low = start - reach - int(late_s * field.sample_rate_hz)
    high = stop + reach + int(early_s * field.sample_rate_hz)
    return not cut(voice.source.audio, low, high).any()
