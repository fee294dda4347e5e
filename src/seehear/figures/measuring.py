"""What the figures draw of a sound, measured block by block in memory that does not grow with it.

Shapes: C channels, T samples, K columns of time, B bands of frequency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.sphere import convert, degrees_of, order_of
from seehear.types import FloatArray, Sound, blocks

COLUMNS = 480
"""Of a spectrogram; a longer sound has longer ones."""
WINDOW_S = 0.04
"""Of a spectrum, rounded up to a power of two: 2048 samples at 48 kHz."""
FRAMES_PER_COLUMN = 8
"""At most; of a long sound some time between the windows is not looked at (its levels are)."""
LOWEST_HZ = 40.0
BANDS = 96
_BLOCK_SAMPLES = 1 << 15


def channel_levels_db(sound: Sound) -> tuple[FloatArray, FloatArray]:
    """RMS and sample peak (C,) of each channel in dBFS, -inf for silence."""
    energy, peak = np.zeros(sound.layout.n_channels), np.zeros(sound.layout.n_channels)
    for block in blocks(sound):
        energy += np.square(block, dtype=np.float64).sum(axis=1)
        peak = np.maximum(peak, np.abs(block).max(axis=1))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(energy / max(sound.n_samples, 1)), 20 * np.log10(peak)


def covariance(sound: Sound) -> FloatArray:
    """Mean products (C, C) of the channels of an ambisonic sound, in ACN order and SN3D."""
    total = np.zeros((sound.layout.n_channels,) * 2)
    for block in blocks(sound):
        field = _ambix(sound, block)
        total += field @ field.T
    return total / max(sound.n_samples, 1)


def in_phase(covariances: FloatArray) -> FloatArray:
    """``covariances`` (..., C, C) of a field whose degrees n have the in-phase weights N! (N + 1)! / ((N + n + 1)! (N - n)!).

    A plane-wave decode of it looks with one lobe and no others, for N = 1 a cardioid (Daniel 2000, section 3.3.2).
    """
    order = order_of(covariances.shape[-1])
    f = math.factorial
    weights = [f(order) * f(order + 1) / (f(order + n + 1) * f(order - n)) for n in range(order + 1)]
    per_channel = np.array(weights)[degrees_of(order)]
    return covariances * np.outer(per_channel, per_channel)


def envelopes(sound: Sound, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lows and highs (C, K) of about ``n`` spans of equal length, and the middle (K,) of each in seconds."""
    hop = max(sound.n_samples // n, 1)
    lows, highs = [], []
    for start in range(0, sound.n_samples // hop * hop, hop * max(_BLOCK_SAMPLES // hop, 1)):
        stop = min(start + hop * max(_BLOCK_SAMPLES // hop, 1), sound.n_samples // hop * hop)
        frames = sound.read(start, stop).reshape(sound.layout.n_channels, -1, hop)
        lows.append(frames.min(axis=2))
        highs.append(frames.max(axis=2))
    low, high = np.concatenate(lows, axis=1), np.concatenate(highs, axis=1)
    return low, high, (np.arange(low.shape[1]) + 0.5) * hop / sound.sample_rate_hz


@dataclass(frozen=True)
class Spectrogram:
    """The power of a sound over time and frequency."""

    powers: FloatArray
    """(C, B, K) mean power of a band in a column, full scale of a sine 0.5."""
    edges_hz: FloatArray
    """(B + 1,) of the bands, evenly spaced in octaves."""
    covariances: FloatArray
    """(K, C, C) of an ambisonic sound in each column (ACN, SN3D); (0, C, C) of any other."""


def spectrogram(sound: Sound, n_channels: int) -> Spectrogram:
    """The spectrogram of the first ``n_channels`` of a sound: Hann windows, at most eight in a column, averaged."""
    n, rate_hz = sound.n_samples, sound.sample_rate_hz
    width = 1 << int(np.ceil(np.log2(WINDOW_S * rate_hz)))
    column = max(-(-n // COLUMNS), 1)
    n_columns = -(-n // column)
    hop = max(column // FRAMES_PER_COLUMN, width // 8)
    bands, edges_hz = _bands(width, rate_hz)
    window = np.hanning(width + 1)[:-1].astype(np.float32)
    bands = bands * (2 / (window.sum() ** 2))
    is_field = sound.layout.kind == "ambisonics"
    sums, counts = np.zeros((n_columns, n_channels, len(bands))), np.zeros(n_columns)
    products = np.zeros((n_columns if is_field else 0, sound.layout.n_channels, sound.layout.n_channels))
    # A window belongs to the column of its middle; half a window of silence is before and after the sound.
    held, at = np.zeros((n_channels, width // 2), np.float32), -(width // 2)
    start, frame = 0, 0
    after = np.zeros((sound.layout.n_channels, width // 2), np.float32)
    for block in chain(blocks(sound, _BLOCK_SAMPLES), [after]):
        if is_field and start < n:
            _add_products(products, _ambix(sound, block), start, column)
        start += block.shape[1]
        held = np.concatenate([held, block[:n_channels]], axis=1)
        starts = np.arange(frame * hop - width // 2, at + held.shape[1] - width + 1, hop)
        if len(starts):
            frame += len(starts)
            views = np.lib.stride_tricks.sliding_window_view(held, width, axis=1)[:, starts - at]
            power = np.square(np.abs(np.fft.rfft(views * window, axis=2))) @ bands.T
            columns = np.clip((starts + width // 2) // column, 0, n_columns - 1)
            np.add.at(sums, columns, power.swapaxes(0, 1))
            np.add.at(counts, columns, 1)
        keep = max(frame * hop - width // 2 - at, 0)
        held, at = held[:, keep:], at + min(keep, held.shape[1])
    filled = np.flatnonzero(counts)
    nearest = filled[np.abs(np.arange(n_columns)[:, None] - filled[None]).argmin(axis=1)]
    return Spectrogram((sums / np.maximum(counts, 1)[:, None, None])[nearest].transpose(1, 2, 0), edges_hz, products / column)


def _bands(width: int, rate_hz: int) -> tuple[FloatArray, FloatArray]:
    """Weights (B, width / 2 + 1) that take the powers of bins to the mean over each band, and its edges in Hz.

    A band narrower than a bin takes the power between the two nearest.
    """
    edges_hz = np.geomspace(LOWEST_HZ, rate_hz / 2, BANDS + 1)
    bins_hz = np.arange(width // 2 + 1) * rate_hz / width
    middles = np.sqrt(edges_hz[:-1] * edges_hz[1:])
    reach = np.maximum(np.diff(edges_hz) / 2, rate_hz / width)
    weights = np.maximum(1 - np.abs(bins_hz[None] - middles[:, None]) / reach[:, None], 0)
    return weights / weights.max(axis=1, keepdims=True), edges_hz


def _add_products(products: FloatArray, field: NDArray[np.floating], start: int, column: int) -> None:
    """Adds the products of the channels of a block (C, n) from ``start`` on to the columns in which they are."""
    stop = start + field.shape[1]
    for index in range(start // column, -(-stop // column)):
        part = field[:, max(index * column - start, 0) : (index + 1) * column - start]
        products[index] += part @ part.T


def _ambix(sound: Sound, block: NDArray[np.float32]) -> NDArray[np.float32]:
    return convert(block, sound.convention, "acn-sn3d") if sound.convention not in ("", "acn-sn3d") else block
