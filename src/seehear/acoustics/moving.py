"""Moving sources: direct sound and first reflections that follow a trajectory without clicks.

Time is cut into overlapping frames under windows that add up to one. In each frame every path stands still: it reads the
stem at its own delay and is panned where it is in the frame's middle; the overlap fades from one set of taps to the next.
So gains, delays and head filters all change smoothly, and the pitch does not (no Doppler shift).
Shapes: G frames, P paths, M virtual directions, C channels, T samples, L taps, N transform length, F frequencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seehear.acoustics.absorption import COLOUR_TAPS
from seehear.acoustics.binaural import hrir_taps
from seehear.acoustics.extent import spread
from seehear.acoustics.field import Field
from seehear.acoustics.paths import DELAY_PHASES, DELAY_TAPS, Paths, delay_table
from seehear.acoustics.responses import NEAR_ORDER
from seehear.acoustics.transforms import fast_length, irfft, rfft
from seehear.types import FloatArray, Source

FRAME_HOP_S = 0.02
GROUP_FRAMES = 32
"""Frames computed at once: enough to leave the interpreter, few enough to stay in the cache."""
REFLECTION_HOLD = 4
"""The head filters of the reflections (not their delays and gains) are renewed every so many frames, 80 ms."""


@dataclass(frozen=True)
class Frames:
    """How a group of frames is transformed: hop, taps of one path's filter, transform length."""

    hop: int
    n_taps: int
    n_fft: int

    @classmethod
    def of(cls, field: Field) -> Frames:
        hop = round(FRAME_HOP_S * field.sample_rate_hz)
        n_taps = DELAY_TAPS + COLOUR_TAPS + hrir_taps(field.sample_rate_hz) - 2
        return cls(hop, n_taps, fast_length(2 * hop + n_taps - 1 + field.ear_lead_samples))

    @property
    def window(self) -> NDArray[np.float32]:
        """Squared sine over two hops: shifted by one hop they add up to one."""
        return (np.sin(0.5 * np.pi * (np.arange(2 * self.hop) + 0.5) / self.hop) ** 2).astype(np.float32)


@dataclass(frozen=True)
class Mover:
    """A moving source, its linear gain, and the filters (M, L) of its extent's virtual sources (None for a point)."""

    source: Source
    gain: float
    decorrelators: NDArray[np.float32] | None


def add_moving(out: NDArray[np.float32], movers: Sequence[Mover], field: Field) -> None:
    """Adds to ``out`` (C, T) the direct sound and first reflections of all ``movers`` along their trajectories.

    Their spectra are summed before the inverse transform. The reflections of an extent come from its middle.
    """
    frames = Frames.of(field)
    hop, n_samples, window, n_amplitude = frames.hop, out.shape[1], frames.window, len(field.panner.handed_out)
    delay_spectra = rfft(delay_table(), frames.n_fft)
    centres = np.arange(0, n_samples + hop, hop)
    for first in range(0, len(centres), GROUP_FRAMES):
        group = centres[first : first + GROUP_FRAMES]
        total = np.zeros((len(group), len(out), frames.n_fft // 2 + 1), dtype=np.complex64)
        for mover in movers:
            total += _heard(field, frames, mover, group, delay_spectra)
        heard = irfft(total, frames.n_fft)
        for channels, late in ((slice(n_amplitude), 0), (slice(n_amplitude, None), field.ear_lead_samples)):
            valid = heard[:, channels, frames.n_taps - 1 + late :][..., : 2 * hop] * window
            for centre, frame in zip(group, valid, strict=True):
                begin, end = max(centre - hop, 0), min(centre + hop, n_samples)
                out[channels, begin:end] += frame[:, begin - centre + hop : end - centre + hop]


def _heard(
    field: Field, frames: Frames, mover: Mover, centres: NDArray[np.intp], delay_spectra: NDArray[np.complex64]
) -> NDArray[np.complexfloating]:
    """Spectra (G, C, F) of what is heard of a mover in the frames around ``centres`` (G,)."""
    rate, panner, colouring = field.sample_rate_hz, field.panner, field.colouring
    paths, feed_of_path = _paths(field, mover, centres / rate)
    whole, part = np.divmod(paths.delays_s * rate, 1)
    starts = centres[:, None] - frames.hop - frames.n_taps + 1 - whole.astype(np.intp) + field.bus_lead_samples
    low, high = int(starts.min()), int(starts.max()) + frames.n_fft
    feeds = sliding_window_view(_feeds(mover, low, high), frames.n_fft, axis=1)
    spectra = rfft(feeds[feed_of_path, starts - low], frames.n_fft) * delay_spectra[np.rint(part * DELAY_PHASES).astype(np.intp)]
    colours = colouring.coefficients(paths.rows, paths.lengths_m) * paths.gains[..., None]
    spectra *= colours.astype(np.float32) @ rfft(colouring.basis, frames.n_fft)
    gains = panner.amplitude_gains(paths.directions.reshape(-1, 3)).reshape(*spectra.shape[:2], -1)
    heard = gains.transpose(0, 2, 1) @ spectra
    if not panner.ears:
        return heard
    n_direct = 1 if mover.decorrelators is None else len(mover.decorrelators)
    ears = _through_heads(field, paths[:, :n_direct], spectra[:, :n_direct], frames.n_fft, 1)
    ears += _through_heads(field, paths[:, n_direct:], spectra[:, n_direct:], frames.n_fft, REFLECTION_HOLD)
    return np.concatenate([heard, ears], axis=1)


def _paths(field: Field, mover: Mover, times_s: FloatArray) -> tuple[Paths, NDArray[np.intp]]:
    """Near paths (G, P) at ``times_s`` (G,), direct ones first, and which feed each reads (see `_feeds`)."""
    directions, distances = mover.source.trajectory.at(times_s)
    paths = field.paths(directions * distances[:, None], field.images.up_to(NEAR_ORDER))
    n_reflections = paths.gains.shape[1] - 1
    if mover.decorrelators is None:
        return paths, np.zeros(1 + n_reflections, dtype=np.intp)
    n_spread = len(mover.decorrelators)
    around = np.stack([spread(d, mover.source.extent_rad, n_spread) for d in directions]) @ field.rotation.T
    wide = replace(paths[:, np.zeros(n_spread, dtype=np.intp)], directions=around)
    both = (np.concatenate([getattr(wide, x.name), getattr(paths, x.name)[:, 1:]], axis=1) for x in fields(Paths))
    return Paths(*both), np.concatenate([1 + np.arange(n_spread), np.zeros(n_reflections, dtype=np.intp)])


def _feeds(mover: Mover, low: int, high: int) -> NDArray[np.float32]:
    """Samples ``low`` to ``high`` of the stem, zero outside it, in row 0, and its decorrelated copies in the others."""
    from scipy.signal import fftconvolve

    stem, filters = mover.source.audio.samples[0], mover.decorrelators
    n_filter = 1 if filters is None else filters.shape[1]
    before, after = n_filter - 1 - n_filter // 2, n_filter // 2
    left, right = low - before, high + after
    inside = stem[max(left, 0) : max(right, 0)]
    padded = np.zeros(right - left, dtype=np.float32)
    padded[max(-left, 0) : max(-left, 0) + len(inside)] = np.float32(mover.gain) * inside
    plain = padded[None, before : before + high - low]
    if filters is None:
        return plain
    return np.concatenate([plain, fftconvolve(padded[None], filters, mode="valid", axes=1)])


def _through_heads(field: Field, paths: Paths, spectra: NDArray[np.complex64], n_fft: int, hold: int) -> NDArray[np.complex64]:
    """Spectra (G, 2, F) at the ears; head filters are those of every ``hold``-th frame."""
    directions = paths.directions[::hold]
    heads = rfft(field.head(directions.reshape(-1, 3), field.sample_rate_hz), n_fft).reshape(
        *directions.shape[:2], 2, spectra.shape[-1]
    )
    ears = np.empty((len(spectra), 2, spectra.shape[-1]), dtype=np.complex64)
    for index, head in enumerate(heads):
        held = slice(index * hold, (index + 1) * hold)
        ears[held] = np.einsum("gpf,pef->gef", spectra[held], head)
    return ears
