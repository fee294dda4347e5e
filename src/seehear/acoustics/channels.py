"""What the channels of a sound are like, measured block by block: levels, offsets, likeness, where their energy lies.

Shapes: C channels, T samples. Full scale is 1; 0 dBFS is an RMS or a peak of that value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray

WINDOW_SAMPLES = 4096
"""Of the spectra: bins of 12 Hz at 48 kHz."""
LOWEST_BIN = 2
"""A Hann window spreads direct current over the two bins below."""
FULL_SCALE = 0.9995
"""From here on samples are at the end of what 16 bits hold, as well as after a fade by a few thousandths of a dB."""
FIELD_ENERGY_RATIOS = {"acn-sn3d": 1.0, "fuma": 2.0, "acn-n3d": 3.0}
"""Energy of the three first-order channels over that of W, for any number of uncorrelated plane waves from anywhere: SN3D has
the components of a unit vector beside 1, FuMa beside sqrt(1/2); N3D has sqrt(3) times the components beside 1."""


@dataclass(frozen=True)
class ChannelFacts:
    """What was measured of C channels. Channels without sound have an RMS and a peak of 0."""

    rms: FloatArray
    peak: FloatArray
    offset: FloatArray
    """Mean: a wave without direct current has 0."""
    n_clipped: NDArray[np.int64]
    """Samples at full scale whose two predecessors have the same value: a cut wave, where a crest has one or two."""
    n_invalid: NDArray[np.int64]
    """NaN and infinite samples; everything else takes them for 0."""
    similarity: FloatArray
    """Correlation coefficients (C, C) from -1 to 1, 0 beside a channel that does not move."""
    powers: FloatArray
    """Mean power spectrum (C, F) from 0 Hz to half the sample rate."""
    frequencies_hz: FloatArray

    def share_above(self, frequency_hz: float) -> FloatArray:
        """Part (C,) of each channel's energy above that frequency, without its direct current; 0 of silence."""
        powers = self.powers[:, LOWEST_BIN:]
        above = powers[:, self.frequencies_hz[LOWEST_BIN:] > frequency_hz].sum(axis=1)
        return above / np.maximum(powers.sum(axis=1), 1e-30)

    @property
    def field_energy_ratio(self) -> float:
        """Energy of channels 2 to 4 over that of the first, NaN if that is silent: see `FIELD_ENERGY_RATIOS`."""
        energies = np.square(self.rms[:4])
        return float(energies[1:].sum() / energies[0]) if energies[0] > 0 else float("nan")


class ChannelMeter:
    """Measures the C channels of a sound that comes block by block, in memory that does not grow with it."""

    def __init__(self, n_channels: int, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._n = self._n_windows = 0
        self._sums, self._peaks = np.zeros(n_channels), np.zeros(n_channels)
        self._products = np.zeros((n_channels, n_channels))
        self._clipped, self._invalid = np.zeros(n_channels, np.int64), np.zeros(n_channels, np.int64)
        self._powers = np.zeros((n_channels, WINDOW_SAMPLES // 2 + 1))
        self._last, self._rest = (np.zeros((n_channels, 0), np.float32) for _ in range(2))

    def add(self, samples: NDArray[np.float32]) -> None:
        """Nothing; the samples (C, n), which follow the last ones, are then measured too."""
        valid = np.isfinite(samples)
        self._invalid += samples.shape[1] - valid.sum(axis=1)
        samples = np.where(valid, samples, np.float32(0))
        exact = samples.astype(np.float64)
        self._n += samples.shape[1]
        self._sums += exact.sum(axis=1)
        self._products += exact @ exact.T
        self._peaks = np.maximum(self._peaks, np.abs(exact).max(axis=1, initial=0.0))
        joined = np.concatenate([self._last, samples], axis=1)
        held = (joined[:, 2:] == joined[:, 1:-1]) & (joined[:, 2:] == joined[:, :-2])
        self._clipped += (held & (np.abs(joined[:, 2:]) >= FULL_SCALE)).sum(axis=1)
        self._last = joined[:, -2:]
        self._add_powers(np.concatenate([self._rest, samples], axis=1))

    def _add_powers(self, samples: NDArray[np.float32]) -> None:
        n_windows = samples.shape[1] // WINDOW_SAMPLES
        whole = samples[:, : n_windows * WINDOW_SAMPLES]
        for window in np.split(whole, n_windows, axis=1) if n_windows else ():
            self._powers += _power(window)
        self._n_windows += n_windows
        self._rest = samples[:, n_windows * WINDOW_SAMPLES :]

    @property
    def facts(self) -> ChannelFacts:
        """What has been measured so far. A sound shorter than `WINDOW_SAMPLES` has the spectrum of one window."""
        n = max(self._n, 1)
        powers = self._powers / self._n_windows if self._n_windows else _power(self._rest)
        offset = self._sums / n
        covariance = self._products / n - np.outer(offset, offset)
        moving = np.sqrt(np.maximum(np.diag(covariance), 0))
        scale = np.outer(moving, moving)
        similarity = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 1e-20)
        return ChannelFacts(
            rms=np.sqrt(np.diag(self._products) / n),
            peak=self._peaks.copy(),
            offset=offset,
            n_clipped=self._clipped.copy(),
            n_invalid=self._invalid.copy(),
            similarity=similarity.clip(-1, 1),
            powers=powers,
            frequencies_hz=np.arange(powers.shape[1]) * self.sample_rate_hz / WINDOW_SAMPLES,
        )


def _power(samples: NDArray[np.float32]) -> FloatArray:
    """Power (C, F) of one Hann window's spectrum; shorter samples are followed by silence."""
    window = np.hanning(samples.shape[1] + 2)[1:-1]
    return np.square(np.abs(np.fft.rfft(samples * window, WINDOW_SAMPLES, axis=1)))
