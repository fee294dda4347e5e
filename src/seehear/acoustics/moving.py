"""Moving sources: direct sound and first reflections that follow a trajectory without clicks.

Time is cut into overlapping frames under windows that add up to one. In each frame every path stands still: it reads the
stem at its own delay and is panned where it is in the frame's middle; the overlap fades from one set of taps to the next.
So gains, delays and head filters all change smoothly, and the pitch does not. With Doppler a path reads the stem at times of
emission that change from sample to sample (`acoustics.doppler`); gains, colours and head filters go by frames as without it.
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
from seehear.acoustics.doppler import arrivals, cut, places_m, read_at
from seehear.acoustics.extent import spread
from seehear.acoustics.field import Field
from seehear.acoustics.paths import DELAY_PHASES, DELAY_TAPS, Paths, delay_table
from seehear.acoustics.responses import NEAR_ORDER
from seehear.acoustics.transforms import fast_length, irfft, rfft
from seehear.acoustics.voices import Voice, is_silent
from seehear.types import FloatArray

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


def add_moving(out: NDArray[np.float32], movers: Sequence[Voice], field: Field, n_samples: int, begin: int) -> None:
    """Adds to ``out`` (C, T), samples from ``begin`` on of ``n_samples``, direct sound and first reflections of all ``movers``.

    They follow their trajectories. Their spectra are summed before the inverse transform. The reflections of an extent come
    from its middle. Groups of frames lie at the same samples whatever part is asked for.
    """
    frames, end = Frames.of(field), begin + out.shape[1]
    hop, window, n_amplitude = frames.hop, frames.window, len(field.panner.handed_out)
    delay_spectra = rfft(delay_table(), frames.n_fft)
    for first in range(begin // hop // GROUP_FRAMES * GROUP_FRAMES, -(-end // hop) + 1, GROUP_FRAMES):
        centres = hop * np.arange(first, min(first + GROUP_FRAMES, -(-n_samples // hop) + 1))
        span = int(centres[0]) - hop, int(centres[-1]) + hop
        sounding = [mover for mover in movers if not is_silent(mover, field, *span)]
        if not sounding:
            continue
        total = np.zeros((len(centres), len(out), frames.n_fft // 2 + 1), dtype=np.complex64)
        for mover in sounding:
            total += _heard(field, frames, mover, centres, delay_spectra)
        heard = irfft(total, frames.n_fft)
        for channels, late in ((slice(n_amplitude), 0), (slice(n_amplitude, None), field.ear_lead_samples)):
            valid = heard[:, channels, frames.n_taps - 1 + late :][..., : 2 * hop] * window
            for centre, frame in zip(centres, valid, strict=True):
                low, high = max(centre - hop, begin), min(centre + hop, end)
                if high > low:
                    out[channels, low - begin : high - begin] += frame[:, low - centre + hop : high - centre + hop]


def _heard(
    field: Field, frames: Frames, mover: Voice, centres: NDArray[np.intp], delay_spectra: NDArray[np.complex64]
) -> NDArray[np.complexfloating]:
    """Spectra (G, C, F) of what is heard of a mover in the frames around ``centres`` (G,)."""
    panner, colouring = field.panner, field.colouring
    if field.doppler:
        paths, spectra = _emitted(field, frames, mover, centres)
    else:
        paths, spectra = _at_once(field, frames, mover, centres, delay_spectra)
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


def _at_once(
    field: Field, frames: Frames, mover: Voice, centres: NDArray[np.intp], delay_spectra: NDArray[np.complex64]
) -> tuple[Paths, NDArray[np.complex64]]:
    """Paths (G, P) and spectra (G, P, F) of what they read: the direct sound is heard as it is emitted."""
    rate = field.sample_rate_hz
    directions, distances = mover.source.trajectory.at(centres / rate)
    paths = field.paths(directions * distances[:, None], field.images.up_to(NEAR_ORDER))
    paths, feed_of_path = _widened(field, mover, paths, directions)
    whole, part = np.divmod(paths.delays_s * rate, 1)
    starts = centres[:, None] - frames.hop - frames.n_taps + 1 - whole.astype(np.intp) + field.bus_lead_samples
    low, high = int(starts.min()), int(starts.max()) + frames.n_fft
    feeds = sliding_window_view(_feeds(mover, low, high), frames.n_fft, axis=1)
    read = rfft(feeds[feed_of_path, starts - low], frames.n_fft) * delay_spectra[np.rint(part * DELAY_PHASES).astype(np.intp)]
    return paths, read


def _emitted(field: Field, frames: Frames, mover: Voice, centres: NDArray[np.intp]) -> tuple[Paths, NDArray[np.complex64]]:
    """Paths (G, P) and spectra (G, P, F) of what they read: each is heard as it was at its own time of emission."""
    rate, trajectory, near = field.sample_rate_hz, mover.source.trajectory, field.images.up_to(NEAR_ORDER)
    starts = centres - frames.hop - frames.n_taps + 1 + field.colouring.lead_samples
    before, after = _reach(mover)
    low, high = int(starts[0]) - before, int(starts[-1]) + frames.n_fft + after
    heard = arrivals(trajectory, field.room, near, low / rate, high / rate)
    places = np.stack([places_m(trajectory, times) for times in heard.emission_s(centres / rate)], axis=1)
    own = np.arange(places.shape[1])
    paths = field.paths(places, near)[:, own, own]
    paths, _ = _widened(field, mover, paths, places[:, 0] / np.linalg.norm(places[:, :1], axis=-1))
    stem = np.float32(mover.gain) * read_at(mover.source.audio, heard.emission_s(np.arange(low, high) / rate) * rate)
    inner = stem[:, before : stem.shape[1] - after]
    feeds = inner if mover.decorrelators is None else np.concatenate([_decorrelated(mover, stem[:1]), inner[1:]])
    windows = sliding_window_view(feeds, frames.n_fft, axis=1)[:, starts - starts[0]]
    return paths, rfft(windows, frames.n_fft).transpose(1, 0, 2)


def _widened(field: Field, mover: Voice, paths: Paths, directions: FloatArray) -> tuple[Paths, NDArray[np.intp]]:
    """Near paths (G, P) with the virtual sources of an extent around ``directions`` (G, 3) in place of the direct one, and
    which feed each reads (see `_feeds`)."""
    n_reflections = paths.gains.shape[1] - 1
    if mover.decorrelators is None:
        return paths, np.zeros(1 + n_reflections, dtype=np.intp)
    n_spread = len(mover.decorrelators)
    around = np.stack([spread(d, mover.source.extent_rad, n_spread) for d in directions]) @ field.rotation.T
    wide = replace(paths[:, np.zeros(n_spread, dtype=np.intp)], directions=around)
    both = (np.concatenate([getattr(wide, x.name), getattr(paths, x.name)[:, 1:]], axis=1) for x in fields(Paths))
    return Paths(*both), np.concatenate([1 + np.arange(n_spread), np.zeros(n_reflections, dtype=np.intp)])


def _feeds(mover: Voice, low: int, high: int) -> NDArray[np.float32]:
    """Samples ``low`` to ``high`` of the stem, zero outside it, in row 0, and its decorrelated copies in the others."""
    before, after = _reach(mover)
    padded = np.float32(mover.gain) * cut(mover.source.audio, low - before, high + after)
    plain = padded[None, before : before + high - low]
    if mover.decorrelators is None:
        return plain
    return np.concatenate([plain, _decorrelated(mover, padded[None])])


def _reach(mover: Voice) -> tuple[int, int]:
    """How many samples before and after its own a decorrelated copy needs."""
    n_filter = 1 if mover.decorrelators is None else mover.decorrelators.shape[1]
    return n_filter - 1 - n_filter // 2, n_filter // 2


def _decorrelated(mover: Voice, feed: NDArray[np.float32]) -> NDArray[np.float32]:
    """``feed`` (1, T) through the filters of the extent (M, T'), shorter by its `_reach`."""
    from scipy.signal import fftconvolve

    return fftconvolve(feed, mover.decorrelators, mode="valid", axes=1)


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
