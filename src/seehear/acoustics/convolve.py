"""Block convolution of many sounds into a few channels: one transform per sound and block, one inverse per channel.

Products are summed over sounds in the frequency domain, so there is no convolution per (sound, channel). Blocks overlap
by a cross-fade, over which filters may change: static and moving sounds take the same way. Blocks lie at the same samples
whatever span of the result is asked for, so that a long result may be made span by span.
Shapes: S sounds, C channels, T samples, F frequencies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.transforms import fast_length, irfft, rfft
from seehear.types import FloatArray

Part = Callable[[NDArray[np.float32], int], None]
"""Adds to samples (C, N) what a part of a scene sounds like from a sample on."""
Feed = tuple[NDArray[np.float32], Callable[[], NDArray[np.complex64]]]
"""Samples (T,) of a sound, and what gives the spectra (C, F) of its filters, called only if it is not silent."""


@dataclass(frozen=True)
class Blocks:
    """How time is cut: a block every ``hop`` samples, ``fade`` samples longer than that, filters of ``n_taps``."""

    n_samples: int
    hop: int
    fade: int
    n_taps: int

    @property
    def n_fft(self) -> int:
        return fast_length(self.hop + self.fade + self.n_taps - 1)

    def reaching(self, low: int, high: int) -> range:
        """Starts of the blocks that are heard between two samples."""
        first = max(ceil((low - self.n_fft + 1) / self.hop), 0) * self.hop
        return range(first, min(high, self.n_samples), self.hop)

    def middle(self, start: int) -> float:
        """The sample in the middle of the block, for which a moving sound's filters hold."""
        return start + 0.5 * (self.hop + self.fade)

    def span_s(self, start: int, sample_rate_hz: int) -> tuple[float, float]:
        """From when to when the block at ``start`` lasts, its fades included."""
        return start / sample_rate_hz, (start + self.hop + self.fade) / sample_rate_hz

    def weight(self, first: int, last: int, positions: NDArray[np.integer]) -> FloatArray:
        """The sum (N,) of the windows of the blocks that start at ``first`` to ``last``, at ``positions`` (N,): 0 outside them.

        Fade in, hold, fade out: those of all blocks add up to one. The block at 0 does not fade in.
        """
        fade = max(self.fade, 0.5)  # of no fade a step remains
        weight = np.minimum((last + self.hop + self.fade - positions - 0.5) / fade, 1)
        if first > 0:
            weight = np.minimum(weight, (positions - first + 0.5) / fade)
        return np.maximum(weight, 0)

    def window(self, start: int) -> NDArray[np.float32]:
        """The `weight` (hop + fade,) of one block."""
        return self.weight(start, start, start + np.arange(self.hop + self.fade)).astype(np.float32)


def spectra_of(taps: NDArray[np.float32], n_fft: int) -> NDArray[np.complex64]:
    """Spectra (C, F) of ``taps`` (C, L)."""
    return rfft(taps, n_fft)


def convolve_into(
    out: NDArray[np.float32],
    feeds: Callable[[int, int], Iterable[Feed]],
    blocks: Blocks,
    lead_samples: int,
    begin: int = 0,
) -> None:
    """Adds to ``out`` (C, N), samples from ``begin`` on, every sound through its filters.

    ``feeds(start, stop)``: the sounds of the block at ``start``, and the filters that hold for it. ``lead_samples``: how early
    the filters are. What is silent costs nothing.
    """
    end = begin + out.shape[1]
    product = np.empty((len(out), blocks.n_fft // 2 + 1), dtype=np.complex64)
    for start in blocks.reaching(begin + lead_samples, end + lead_samples):
        stop = min(start + blocks.hop + blocks.fade, blocks.n_samples)
        heard = [(feed, filters) for feed, filters in feeds(start, stop) if feed.any()]
        if not heard:
            continue
        pieces = np.stack([feed for feed, _ in heard]) * blocks.window(start)[: stop - start]
        total = np.zeros_like(product)
        for spectrum, (_, filters) in zip(rfft(pieces, blocks.n_fft), heard, strict=True):
            total += np.multiply(spectrum, filters(), out=product)
        first = start - lead_samples
        low, high = max(first, begin), min(first + blocks.n_fft, end)
        out[:, low - begin : high - begin] += irfft(total, blocks.n_fft)[:, low - first : high - first]
