"""Moving sources: direct sound and first reflections that follow a trajectory without clicks.

Time is cut into overlapping frames under windows that add up to one. In each frame every path stands still: it reads the
stem at its own delay and is panned where it is in the frame's middle; the overlap fades from one set of taps to the next.
So gains, delays and head filters all change smoothly, and the pitch does not (no Doppler shift).
Shapes: G frames, P paths, M virtual directions, C channels, T samples, L taps, N transform length, F frequencies.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.absorption import COLOUR_TAPS
from seehear.acoustics.binaural import hrir
from seehear.acoustics.extent import spread
from seehear.acoustics.field import Field, fade_out
from seehear.acoustics.panning import ear_lead_samples
from seehear.acoustics.paths import DELAY_TAPS, Paths, fractional_delays
from seehear.acoustics.responses import NEAR_ORDER
from seehear.types import FloatArray, Source

FRAME_HOP_S = 0.016
GROUP_FRAMES = 32
"""Frames computed at once: enough to leave the interpreter, few enough to stay in the cache."""


@dataclass(frozen=True)
class Frames:
    """How a group of frames is transformed: hop, taps of one path's filter, transform length, lead of the filters."""

    hop: int
    n_taps: int
    n_fft: int
    lead_samples: int
    ear_lead_samples: int

    @classmethod
    def of(cls, field: Field) -> Frames:
        from scipy.fft import next_fast_len

        hop = round(FRAME_HOP_S * field.sample_rate_hz)
        ear_lead, head = 0, 1
        if field.panner.ears:
            ear_lead, head = ear_lead_samples(field.sample_rate_hz), hrir(np.eye(3)[:1], field.sample_rate_hz).shape[-1]
        n_taps = DELAY_TAPS + COLOUR_TAPS + head - 2
        return cls(hop, n_taps, next_fast_len(2 * hop + n_taps - 1 + ear_lead, real=True), field.lead_samples, ear_lead)

    @property
    def window(self) -> NDArray[np.float32]:
        """Squared sine over two hops: shifted by one hop they add up to one."""
        return (np.sin(0.5 * np.pi * (np.arange(2 * self.hop) + 0.5) / self.hop) ** 2).astype(np.float32)


def add_moving(
    out: NDArray[np.float32], source: Source, gain: float, field: Field, decorrelators: NDArray[np.float32] | None
) -> None:
    """Adds to ``out`` (C, T) the direct sound and first reflections of ``source`` times ``gain`` along its trajectory.

    ``decorrelators`` (M, L): filters of the virtual sources of an extent, None for a point; reflections come from the middle.
    """
    frames = Frames.of(field)
    hop, n_samples, window = frames.hop, out.shape[1], frames.window
    stem = source.audio.samples[0]
    centres = np.arange(0, n_samples + hop, hop)
    for first in range(0, len(centres), GROUP_FRAMES):
        group = centres[first : first + GROUP_FRAMES]
        paths, feed_of_path = _paths(
            field, source, group / field.sample_rate_hz, 0 if decorrelators is None else len(decorrelators)
        )
        whole, kernels = fractional_delays(paths.delays_s * field.sample_rate_hz)
        starts = group[:, None] - hop - frames.n_taps + 1 - whole + frames.lead_samples
        low, high = int(starts.min()), int(starts.max()) + frames.n_fft
        feeds = gain * _feeds(stem, low, high, decorrelators)
        pieces = feeds[feed_of_path[:, None], (starts - low)[..., None] + np.arange(frames.n_fft)]
        for centre, heard in zip(group, _transform(field, frames, paths, pieces, kernels) * window, strict=True):
            begin, end = max(centre - hop, 0), min(centre + hop, n_samples)
            out[:, begin:end] += heard[:, begin - centre + hop : end - centre + hop]


def _paths(field: Field, source: Source, times_s: FloatArray, n_spread: int) -> tuple[Paths, NDArray[np.intp]]:
    """Near paths (G, P) at ``times_s`` (G,), and which feed each reads: 0 the stem, then its decorrelated copies."""
    directions, distances = source.trajectory.at(times_s)
    near = field.images.orders <= NEAR_ORDER
    paths = field.paths(directions * distances[:, None])[:, near]
    faded = paths.gains * fade_out(field, paths.delays_s)
    paths = Paths(paths.directions, paths.delays_s, paths.lengths_m, faded, paths.rows)
    if n_spread == 0:
        return paths, np.zeros(near.sum(), dtype=np.intp)
    around = np.stack([spread(d, source.extent_rad, n_spread) for d in directions]) @ field.rotation.T
    copies = np.zeros(n_spread, dtype=np.intp)
    direct = paths[:, copies]
    wide = Paths(around, direct.delays_s, direct.lengths_m, direct.gains, direct.rows)
    reflections = paths[:, 1:]
    both = (np.concatenate([getattr(wide, f.name), getattr(reflections, f.name)], axis=1) for f in fields(Paths))
    return Paths(*both), np.concatenate([1 + np.arange(n_spread), np.zeros(near.sum() - 1, dtype=np.intp)])


def _feeds(stem: NDArray[np.float32], low: int, high: int, decorrelators: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Samples ``low`` to ``high`` of the stem, zero outside it, in row 0, and its decorrelated copies in the others."""
    from scipy.signal import fftconvolve

    n_filter = 1 if decorrelators is None else decorrelators.shape[1]
    before, after = n_filter - 1 - n_filter // 2, n_filter // 2
    left, right = low - before, high + after
    inside = stem[max(left, 0) : max(right, 0)]
    padded = np.zeros(right - left, dtype=np.float32)
    padded[max(-left, 0) : max(-left, 0) + len(inside)] = inside
    plain = padded[None, before : before + high - low]
    if decorrelators is None:
        return plain
    return np.concatenate([plain, fftconvolve(padded[None], decorrelators, mode="valid", axes=1)])


def _transform(
    field: Field, frames: Frames, paths: Paths, pieces: NDArray[np.float32], kernels: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Frames (G, C, 2 hop) of what is heard of ``pieces`` (G, P, N) by their paths; circular convolution, valid part."""
    from scipy.fft import irfft, rfft

    panner, n_fft, colouring = field.panner, frames.n_fft, field.colouring
    colours = (colouring.coefficients(paths.rows, paths.lengths_m) * paths.gains[..., None]).astype(np.float32)
    spectra = rfft(pieces, n_fft) * rfft(kernels, n_fft)
    spectra *= colours @ rfft(colouring.basis, n_fft)
    flat = paths.directions.reshape(-1, 3)
    gains = panner.amplitude_gains(flat).reshape(*spectra.shape[:2], -1).transpose(0, 2, 1)
    begin = frames.n_taps - 1
    heard = irfft(gains @ spectra, n_fft)[..., begin : begin + 2 * frames.hop]
    if not panner.ears:
        return heard
    heads = rfft(hrir(flat, field.sample_rate_hz), n_fft).reshape(*spectra.shape[:2], 2, -1)
    ears = irfft(np.einsum("gpf,gpef->gef", spectra, heads), n_fft)
    begin += frames.ear_lead_samples
    return np.concatenate([heard, ears[..., begin : begin + 2 * frames.hop]], axis=1)
