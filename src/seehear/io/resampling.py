"""Sound of any length at another rate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seehear.types import Sound, blocks


def resampled(sound: Sound, rate_hz: int) -> Iterator[NDArray[np.float32]]:
    """The sound at ``rate_hz`` in blocks (C, n) of any size, together round(T * rate_hz / its rate) samples, by soxr."""
    if rate_hz == sound.sample_rate_hz:
        yield from blocks(sound)
        return
    import soxr

    left = round(sound.n_samples * rate_hz / sound.sample_rate_hz)
    stream = soxr.ResampleStream(sound.sample_rate_hz, rate_hz, sound.layout.n_channels, dtype="float32")
    given = 0
    for block in blocks(sound):
        given += block.shape[1]
        made = stream.resample_chunk(np.ascontiguousarray(block.T), last=given == sound.n_samples).T[:, :left]
        left -= made.shape[1]
        yield made
    if left:
        yield np.zeros((sound.layout.n_channels, left), np.float32)
