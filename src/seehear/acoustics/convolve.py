"""Block convolution of many sounds into a few channels: one transform per sound and block, one inverse per channel.

Products are summed over sounds in the frequency domain, so there is no convolution per (sound, channel). Blocks overlap
by a cross-fade, over which filters may change: static and moving sounds take the same way.
Shapes: S sounds, C channels, T samples, F frequencies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.transforms import fast_length, irfft, rfft


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

    @property
    def starts(self) -> range:
        return range(0, self.n_samples, self.hop)

    def middle(self, start: int) -> float:
        """The sample in the middle of the block, for which a moving sound's filters hold."""
        return start + 0.5 * (self.hop + self.fade)

    def window(self, start: int) -> NDArray[np.float32]:
        """Fade in, hold, fade out: shifted by ``hop`` they add up to one. The first block does not fade in."""
        ramp = ((np.arange(self.fade) + 0.5) / max(self.fade, 1)).astype(np.float32)
        window = np.ones(self.hop + self.fade, dtype=np.float32)
        if start > 0:
            window[: self.fade] = ramp
        window[self.hop :] = ramp[::-1]
        return window


def spectra_of(taps: NDArray[np.float32], n_fft: int) -> NDArray[np.complex64]:
    """Spectra (C, F) of ``taps`` (C, L)."""
    return rfft(taps, n_fft)


def convolve_into(
    out: NDArray[np.float32],
    segment: Callable[[int, int], NDArray[np.float32]],
    filters: Callable[[int], Iterable[NDArray[np.complex64]]],
    blocks: Blocks,
    lead_samples: int,
) -> None:
    """Adds to ``out`` (C, T) every sound through its filters.

    ``segment(start, stop)``: samples (S, stop - start) of the sounds; ``filters(start)``: for each sound in that order the
    spectra (C, F) that hold for the block at ``start``. ``lead_samples``: how early the filters are.
    """
    n_channels, n_samples = out.shape
    product = np.empty((n_channels, blocks.n_fft // 2 + 1), dtype=np.complex64)
    for start in blocks.starts:
        stop = min(start + blocks.hop + blocks.fade, n_samples)
        pieces = segment(start, stop) * blocks.window(start)[: stop - start]
        total = np.zeros_like(product)
        for spectrum, channels in zip(rfft(pieces, blocks.n_fft), filters(start), strict=True):
            total += np.multiply(spectrum, channels, out=product)
        heard = irfft(total, blocks.n_fft)
        low, high = max(start - lead_samples, 0), min(start - lead_samples + blocks.n_fft, n_samples)
        if high > low:
            out[:, low:high] += heard[:, low - start + lead_samples : high - start + lead_samples]
