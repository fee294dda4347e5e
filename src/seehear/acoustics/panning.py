"""Where a direction goes: from directions to the channels of several layouts at once.

Reflections are added up on *buses* (ambisonics and loudspeakers, plain gains). Loudspeakers and first-order ambisonics
are buses handed out as they are; the ears get the ambisonic buses through fixed filters, and the few paths that carry the
localisation (direct sound, first reflections) through the head-related impulse responses of their own directions.
Shapes: N directions, K buses, A amplitude channels (buses handed out), C = A + 2 channels with ears, else A; F frequencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.binaural import HRIR_DELAY_S, hrir
from seehear.acoustics.layouts import speaker_gains
from seehear.acoustics.sphere import map_directions, real_sh
from seehear.acoustics.transforms import rfft
from seehear.types import FOA, SURROUND_5_1, FloatArray, Layout

EARS_ORDER = 3
"""Ambisonic order of the late reflections on their way to the ears."""
ALIGNED_ABOVE_HZ = 1500.0


@dataclass(frozen=True)
class Panner:
    """Buses and channels for a set of layouts: first-order ambisonics, 5.1 without its LFE, and the two ears."""

    ambisonics: bool
    surround: bool
    ears: bool

    @classmethod
    def for_layouts(cls, layouts: Sequence[Layout]) -> Panner:
        """What these layouts are made from: mono is W, stereo the downmix of 5.1."""
        names = {layout.name for layout in layouts}
        return cls(bool(names & {"foa", "mono"}), bool(names & {"5.1", "stereo"}), "binaural" in names)

    @property
    def order(self) -> int | None:
        """Ambisonic order of the buses, None when there are none."""
        if self.ears:
            return EARS_ORDER
        return 1 if self.ambisonics else None

    @property
    def n_ambisonic_buses(self) -> int:
        return 0 if self.order is None else (self.order + 1) ** 2

    @property
    def handed_out(self) -> NDArray[np.intp]:
        """Buses (A,) that are channels: W Y Z X, then L R C Ls Rs."""
        first_order = np.arange(FOA.n_channels if self.ambisonics else 0)
        speakers = np.arange(len(SURROUND_5_1.speakers) if self.surround else 0) + self.n_ambisonic_buses
        return np.concatenate([first_order, speakers])

    @property
    def n_channels(self) -> int:
        return len(self.handed_out) + 2 * self.ears

    def bus_gains(self, directions: FloatArray) -> NDArray[np.float32]:
        """Gains (N, K) of unit vectors (N, 3) on the buses."""
        parts = [] if self.order is None else [real_sh(self.order, directions)]
        if self.surround:
            parts.append(speaker_gains(SURROUND_5_1, directions)[:, list(SURROUND_5_1.speakers)])
        return np.concatenate(parts, axis=1).astype(np.float32)

    def amplitude_gains(self, directions: FloatArray) -> NDArray[np.float32]:
        """Gains (N, A) of unit vectors (N, 3) on the amplitude channels."""
        return self.bus_gains(directions)[:, self.handed_out] if len(self.handed_out) else np.zeros((len(directions), 0), "f4")

    def speakers_of(self, channels: FloatArray) -> FloatArray:
        """The rows L R C Ls Rs of ``channels`` (C, T)."""
        start = FOA.n_channels if self.ambisonics else 0
        return channels[start : start + len(SURROUND_5_1.speakers)]


@lru_cache(maxsize=4)
def ambisonic_ear_spectra(order: int, sample_rate_hz: int, n_fft: int) -> NDArray[np.complex64]:
    """Spectra (2, (order + 1)^2, F) of `ambisonic_ear_filters`."""
    return rfft(ambisonic_ear_filters(order, sample_rate_hz), n_fft)


@cache
def ambisonic_ear_filters(order: int, sample_rate_hz: int) -> NDArray[np.float32]:
    """Filters (2, (order + 1)^2, L) from ACN/SN3D buses to the ears, with the delay of an HRIR.

    The least-squares fit of spherical harmonics to the HRIRs of a grid, weighed by solid angle. A low order cannot follow
    the phase of high frequencies around the head and would lose their energy (17 dB at 6 kHz for order 3); so above
    `ALIGNED_ABOVE_HZ`, where the ear no longer hears phase, the arrival times are made equal first (Zaunschirm, Schörkhuber
    & Höldrich 2018, sec. II). What is lost then is below 0.5 dB.
    """
    directions = map_directions(24, 12).reshape(-1, 3)
    weights = np.sqrt(np.hypot(directions[:, 0], directions[:, 1]))[:, None]
    responses = hrir(directions, sample_rate_hz).astype(np.float64)
    n_taps = responses.shape[-1]
    energy = responses**2
    arrival_s = energy @ np.arange(n_taps) / energy.sum(axis=-1) / sample_rate_hz
    beyond = np.maximum(np.fft.rfftfreq(n_taps, 1 / sample_rate_hz) - ALIGNED_ABOVE_HZ, 0)
    aligned = np.fft.rfft(responses) * np.exp(2j * np.pi * beyond * (arrival_s - HRIR_DELAY_S)[..., None])
    fit = np.linalg.lstsq(weights * real_sh(order, directions), weights * aligned.reshape(len(directions), -1), rcond=None)[0]
    return np.fft.irfft(fit.reshape(-1, *aligned.shape[1:]), n_taps).transpose(1, 0, 2).astype(np.float32)
