"""A meter of loudness and true peak after ITU-R BS.1770-4, EBU Tech 3341 and 3342, for sound of any length and layout.

Measured are the channels as they are: mono, stereo and binaural all of them; loudspeaker layouts without the LFE, with
+1.5 dB for those at the sides and level (BS.1770-4 annex 3: so for Ls and Rs, but not for backs and heights); ambisonics by
its W channel, the omnidirectional decode. For a single source and for a diffuse field alike, W has the same energy as an
energy-preserving loudspeaker decode; docs/delivery.md has the numbers. Peaks are those of all channels.
Shapes: C channels, T samples, B gating blocks.
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.true_peak import AFTER, BEFORE, TAPS, true_peaks
from seehear.types import Convention, FloatArray, InputError, Layout

PIECE_S = 1
"""Sound is filtered in pieces of this length whatever comes in, so that the result does not depend on how it comes."""
STEPS_PER_S, STEPS_PER_HOP = 100, 10
"""Powers are summed over 10 ms, which finds the loudest 400 ms within 0.05 dB (Tech 3341 case 13), and kept over 100 ms."""
HOP_S, HOPS_PER_BLOCK, HOPS_PER_WINDOW = 0.1, 4, 30
"""Gating blocks of 400 ms, three quarters of which they share with the next (BS.1770-4); short-term windows of 3 s."""
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
RANGE_GATE_LU, RANGE_PERCENT = -20.0, (10, 95)
"""EBU Tech 3342: the loudness range lies between these percentiles of what is no more than 20 LU below the mean."""
SIDE_WEIGHT, SIDES_RAD, LEVEL_RAD = 1.41, (math.radians(60), math.radians(120)), math.radians(30)
"""BS.1770-4 annex 3, table 4: weight 1.41 for azimuths of 60 to 120 degrees on either side below 30 degrees of elevation,
1 for every other place. Annex 1 has the same weights for 5.1."""
RATES_HZ = (4000, 768000)
"""The shelf of the K filter lies at 1.7 kHz; a higher rate is a mistake in a file, for which no memory is taken."""


@dataclass(eq=False)
class Meter:
    """Loudness and peaks of the sound that is added to it, block by block; the same to the last bit whatever their sizes.

    It keeps ten numbers for every second, and a second of sound. It may be read in between, and tells of what was added so far.
    """

    layout: Layout
    sample_rate_hz: int
    convention: Convention = ""
    """FuMa has its W 3 dB lower than the others."""
    n_samples: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        n_channels = self.layout.n_channels
        self._refusal = self._why_no_loudness()
        if not self._refusal:
            weights = channel_weights(self.layout) * (2.0 if self.convention == "fuma" else 1.0)
            self._measured = np.flatnonzero(weights)
            self._weights = weights[self._measured]
            self._sections = k_weighting(self.sample_rate_hz)
            self._filter_state = np.zeros((len(self._sections), len(self._measured), 2))
        self._held: list[NDArray[np.float32]] = []
        self._energies: list[FloatArray] = []
        self._recent = np.zeros(HOPS_PER_WINDOW * STEPS_PER_HOP - 1)
        self._loudest_block = self._loudest_window = 0.0
        self._behind = np.zeros((n_channels, BEFORE), dtype=np.float32)
        self._sample_peak = self._true_peak = 0.0
        self._whole: Meter | None = None

    def _why_no_loudness(self) -> str:
        if self.layout.kind == "discrete":
            return f"loudness needs to know where channels are played, which {self.layout.name} does not say"
        if not RATES_HZ[0] <= self.sample_rate_hz <= RATES_HZ[1]:
            return f"loudness needs a sample rate from {RATES_HZ[0]} to {RATES_HZ[1]} Hz, got {self.sample_rate_hz} Hz"
        return ""

    def _check_loudness(self) -> None:
        if self._refusal:
            raise InputError(self._refusal)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Nothing; ``samples`` (C, n), the next of the sound, are then measured. InputError for another number of channels."""
        if samples.ndim != 2 or len(samples) != self.layout.n_channels:
            raise InputError(f"a meter of {self.layout.name} takes ({self.layout.n_channels}, n) samples, got {samples.shape}")
        self._whole = None
        size = PIECE_S * min(self.sample_rate_hz, RATES_HZ[1])
        start, stop = 0, size - self.n_samples % size
        while stop <= samples.shape[1]:
            self._measure(self._with_held(samples[:, start:stop]))
            self._held = []
            start, stop = stop, stop + size
        self._held.append(samples[:, start:].copy())
        self.n_samples += samples.shape[1]

    def _with_held(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate([*self._held, samples], axis=1) if self._held else samples

    @property
    def integrated_lufs(self) -> float:
        """Gated loudness of everything; -inf for silence. InputError for channels that nothing is known about.

        An incomplete block at the end is left out; a sound shorter than 400 ms is one block.
        """
        return gated_lufs(self.block_powers)

    @property
    def momentary_max_lufs(self) -> float:
        """The loudest 400 ms, silence before the sound counting; -inf for silence (EBU Tech 3341)."""
        self._check_loudness()
        return _lufs(self._complete()._loudest_block)

    @property
    def short_term_max_lufs(self) -> float:
        """The loudest 3 s, silence before the sound counting; -inf for silence (EBU Tech 3341)."""
        self._check_loudness()
        return _lufs(self._complete()._loudest_window)

    @property
    def loudness_range_lu(self) -> float:
        """Spread of the short-term loudness between its 10th and 95th percentile (EBU Tech 3342); 0 for less than 3 s."""
        powers = self._powers_over(HOPS_PER_WINDOW)
        loud = powers[powers >= _power(ABSOLUTE_GATE_LUFS)]
        if not len(loud):
            return 0.0
        loud = loud[loud >= 10 ** (RANGE_GATE_LU / 10) * loud.mean()]
        low, high = np.percentile(loud, RANGE_PERCENT, method="nearest")
        return 10 * math.log10(high / low)

    @property
    def true_peak_dbtp(self) -> float:
        """Highest true peak of all channels in dBTP, at least that of the samples; -inf for silence."""
        whole = self._complete()
        return _decibels(max(whole._true_peak, whole._sample_peak))

    @property
    def sample_peak_dbfs(self) -> float:
        """Highest magnitude of a sample of any channel, in dBFS; -inf for silence."""
        return _decibels(self._complete()._sample_peak)

    @property
    def block_powers(self) -> FloatArray:
        """K-weighted power (B,) of the gating blocks, summed over weighted channels (BS.1770-4 eqs. 1 and 3)."""
        if self.n_samples and self._n_hops < HOPS_PER_BLOCK:
            return self._hop_energies().sum(keepdims=True) / self.n_samples
        return self._powers_over(HOPS_PER_BLOCK)

    @property
    def _n_hops(self) -> int:
        """How many are complete."""
        return self.n_samples * STEPS_PER_S // (STEPS_PER_HOP * self.sample_rate_hz)

    def _hop_energies(self) -> FloatArray:
        self._check_loudness()
        return np.concatenate([np.zeros(0), *self._complete()._energies])

    def _powers_over(self, n_hops: int) -> FloatArray:
        energies = self._hop_energies()[: self._n_hops]
        if len(energies) < n_hops:
            return np.zeros(0)
        return np.convolve(energies, np.ones(n_hops), "valid") / (n_hops * HOP_S * self.sample_rate_hz)

    def _complete(self) -> Meter:
        """This meter after what it still holds: a copy, as more may come."""
        if self._whole is None:
            whole = copy(self)
            whole._energies = [*self._energies]
            whole._measure(self._with_held(np.zeros((self.layout.n_channels, 0), dtype=np.float32)))
            whole._look_between(np.zeros((self.layout.n_channels, AFTER), dtype=np.float32))
            self._whole = whole
        return self._whole

    def _measure(self, piece: NDArray[np.float32]) -> None:
        if not piece.shape[1]:
            return
        self._sample_peak = max(self._sample_peak, float(piece.max()), -float(piece.min()))
        self._look_between(piece)
        if not self._refusal:
            self._weigh(piece)

    def _look_between(self, piece: NDArray[np.float32]) -> None:
        seen = np.concatenate([self._behind, piece], axis=1)
        self._behind = seen[:, 1 - TAPS :].copy()
        if seen.shape[1] >= TAPS:
            highest = max(self._true_peak, self._sample_peak)
            self._true_peak = max(self._true_peak, float(true_peaks(seen, highest).max()))

    def _weigh(self, piece: NDArray[np.float32]) -> None:
        from scipy.signal import sosfilt

        heard = piece if len(self._measured) == len(piece) else piece[self._measured]
        filtered, self._filter_state = sosfilt(self._sections, heard.astype(np.float64), zi=self._filter_state)
        power = self._weights @ np.square(filtered)
        starts = np.rint(np.arange(PIECE_S * STEPS_PER_S) * self.sample_rate_hz / STEPS_PER_S).astype(np.intp)
        steps = np.add.reduceat(power, starts[starts < len(power)])
        self._energies.append(np.add.reduceat(steps, np.arange(0, len(steps), STEPS_PER_HOP)))
        recent = np.concatenate([self._recent, steps])
        self._recent = recent[-len(self._recent) :]
        self._loudest_block = max(self._loudest_block, self._loudest(recent, HOPS_PER_BLOCK))
        self._loudest_window = max(self._loudest_window, self._loudest(recent, HOPS_PER_WINDOW))

    def _loudest(self, steps: FloatArray, n_hops: int) -> float:
        """The highest power over that many hops, of windows that end in every step but the first 3 s less one."""
        n_steps = n_hops * STEPS_PER_HOP
        windows = np.lib.stride_tricks.sliding_window_view(steps[len(self._recent) + 1 - n_steps :], n_steps)
        return float(windows.sum(axis=1).max()) / (n_hops * HOP_S * self.sample_rate_hz)


def k_weighting(sample_rate_hz: int) -> FloatArray:
    """Second-order sections (2, 6) of the K filter: the shelf and the high-pass of BS.1770-4 annex 1, tables 1 and 2.

    The standard prints them for 48 kHz. For other rates the analogue prototypes that give these are transformed again (De Man
    2014, "Evaluation of implementations of the EBU R128 loudness measurement"), as pyloudnorm has them.
    """
    from pyloudnorm import IIRfilter

    shelf = IIRfilter(3.999843853973347, 0.7071752369554196, 1681.974450955533, sample_rate_hz, "high_shelf_DeMan")
    high_pass = IIRfilter(0.0, 0.5003270373238773, 38.13547087602444, sample_rate_hz, "high_pass_DeMan")
    return np.stack([np.concatenate([stage.b, stage.a]) for stage in (shelf, high_pass)])


def gated_lufs(block_powers: FloatArray) -> float:
    """Loudness of blocks (B,) above the absolute gate and above the one relative to these (eqs. 4 to 7); -inf for none."""
    loud = block_powers[block_powers > _power(ABSOLUTE_GATE_LUFS)]
    if not len(loud):
        return -math.inf
    return _lufs(float(loud[loud > 10 ** (RELATIVE_GATE_LU / 10) * loud.mean()].mean()))


def channel_weights(layout: Layout) -> FloatArray:
    """Weights (C,) of the channels' powers, 0 for what is not measured; InputError for channels that nothing is known about."""
    if layout.kind == "discrete":
        raise InputError(f"loudness needs to know where channels are played, which {layout.name} does not say")
    if layout.kind == "binaural":
        return np.ones(layout.n_channels)
    if layout.kind == "ambisonics":
        return np.eye(1, layout.n_channels)[0]
    azimuths, elevations = np.abs(layout.azimuths_rad), np.abs(layout.elevations_rad)
    beside = (azimuths > SIDES_RAD[0] - 1e-6) & (azimuths < SIDES_RAD[1] + 1e-6) & (elevations < LEVEL_RAD - 1e-6)
    weights = np.where(beside, SIDE_WEIGHT, 1.0)
    weights[[i for i in range(layout.n_channels) if i not in layout.speakers]] = 0.0
    return weights


def _lufs(power: float) -> float:
    """BS.1770-4 eq. 4: the constant makes a 997 Hz sine of 0 dBFS in one front channel -3.01 LUFS."""
    return -0.691 + 10 * math.log10(power) if power > 0 else -math.inf


def _power(loudness_lufs: float) -> float:
    return 10 ** ((loudness_lufs + 0.691) / 10)


def _decibels(peak: float) -> float:
    return 20 * math.log10(peak) if peak > 0 else -math.inf
