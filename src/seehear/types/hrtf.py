"""A measured head. Shapes: M directions, L taps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types.checks import FloatArray, InputError, is_array, is_count, told

LEAST_DIRECTIONS = 12
SILENT = 1e-6
"""Of the loudest response: 120 dB below it is nothing that was measured."""


@dataclass(frozen=True, eq=False)
class Hrtf:
    """Head-related impulse responses as measured, and whose they are."""

    directions: FloatArray
    """(M, 3) unit vectors from the head to the sources."""
    responses: NDArray[np.float32]
    """(M, 2, L), left ear, then right."""
    sample_rate_hz: int
    name: str
    """Of the file or the database."""
    licence: str
    """As the file states it."""

    def __post_init__(self) -> None:
        if not _is_measured(self.directions, self.responses):
            raise InputError(f"responses must be float32 (directions, 2, taps), got {told(self.responses)}")
        if not (np.isfinite(self.responses).all() and np.isfinite(self.directions).all()):
            raise InputError("head-related impulse responses must be finite")
        peaks = np.abs(self.responses).max(axis=2)
        if not (peaks > SILENT * peaks.max(initial=0.0)).all():
            raise InputError("a head-related impulse response is silent: every direction needs both ears")
        if not np.allclose(np.linalg.norm(self.directions, axis=1), 1, atol=1e-3):
            raise InputError("the directions of head-related impulse responses must be unit vectors")
        if len(self.directions) < LEAST_DIRECTIONS:
            raise InputError(f"a head needs at least {LEAST_DIRECTIONS} directions, got {len(self.directions)}")
        if not is_count(self.sample_rate_hz):
            raise InputError(f"sample rate must be a positive whole number, got {self.sample_rate_hz!r} Hz")


def _is_measured(directions: FloatArray, responses: NDArray[np.float32]) -> bool:
    shapes = is_array(directions, 2) and is_array(responses, 3, np.float32)
    return shapes and directions.shape == (len(responses), 3) and responses.shape[1] == 2 and responses.shape[2] > 0
