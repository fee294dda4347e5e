"""Where a direction goes: from directions to the channels of several layouts at once.

Reflections are added up on *buses* (ambisonics and loudspeakers, plain gains). Loudspeakers and ambisonics up to the order
asked for are buses handed out as they are; the ears get the ambisonic buses through fixed filters, and the few paths that
carry the localisation (direct sound, first reflections) through the head-related impulse responses of their own directions.
Shapes: N directions, K buses, A amplitude channels (buses handed out), C = A + 2 channels with ears, else A; F frequencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.acoustics.binaural import HEAD_RADIUS_M, HRIR_DELAY_S
from seehear.acoustics.hrtf import BUILTIN_HEAD, Head
from seehear.acoustics.layouts import speaker_gains
from seehear.acoustics.sphere import degrees_of, order_of, quadrature, real_sh
from seehear.acoustics.transforms import rfft
from seehear.types import MONO, STEREO, SURROUND_5_1, FloatArray, Layout

FITTED_DEGREE = 24
"""Of the grid of 325 directions that the ears' filters are fitted to: twice the order of the highest harmonics and more."""
EARS_ORDER = 3
"""Ambisonic order of the late reflections on their way to the ears."""
ALIGNED_ABOVE_HZ = 1500.0
"""Where the ear no longer hears phase: `aligned_above_hz` of every order that reaches so far."""


@dataclass(frozen=True)
class Panner:
    """Buses and channels for a set of layouts: ambisonics up to an order, loudspeakers without their LFEs, the two ears.

    Channels are the ambisonics in ACN order, the loudspeakers layout by layout, the ears. What a channel gets does not depend
    on which others there are.
    """

    order: int | None
    """Of the ambisonics handed out; None for none."""
    surrounds: tuple[Layout, ...]
    ears: bool

    @classmethod
    def for_layouts(cls, layouts: Sequence[Layout]) -> Panner:
        """What these layouts are made from: mono is W, stereo the downmix of 5.1."""
        orders = [max(order_of(x.n_channels), 1) for x in layouts if x.kind == "ambisonics" or x == MONO]
        panned = dict.fromkeys(_panned(x) for x in layouts if x.kind == "speakers" and x != MONO)
        return cls(max(orders, default=None), tuple(panned), any(x.kind == "binaural" for x in layouts))

    @property
    def n_ambisonics(self) -> int:
        """Ambisonic channels handed out."""
        return 0 if self.order is None else (self.order + 1) ** 2

    @property
    def _bus_order(self) -> int | None:
        if not self.ears:
            return self.order
        return max(EARS_ORDER, self.order or 0)

    @property
    def handed_out(self) -> NDArray[np.intp]:
        """Buses (A,) that are channels."""
        n_buses = 0 if self._bus_order is None else (self._bus_order + 1) ** 2
        speakers = np.arange(sum(len(layout.speakers) for layout in self.surrounds)) + n_buses
        return np.concatenate([np.arange(self.n_ambisonics), speakers])

    @property
    def n_channels(self) -> int:
        return len(self.handed_out) + 2 * self.ears

    def bus_gains(self, directions: FloatArray) -> NDArray[np.float32]:
        """Gains (N, K) of unit vectors (N, 3) on the buses: harmonics, of `EARS_ORDER` at least for the ears, then speakers."""
        parts = [] if self._bus_order is None else [real_sh(self._bus_order, directions)]
        parts += [speaker_gains(layout, directions)[:, list(layout.speakers)] for layout in self.surrounds]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def amplitude_gains(self, directions: FloatArray) -> NDArray[np.float32]:
        """Gains (N, A) of unit vectors (N, 3) on the amplitude channels."""
        return self.bus_gains(directions)[:, self.handed_out] if len(self.handed_out) else np.zeros((len(directions), 0), "f4")

    def speakers_of(self, layout: Layout, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """The loudspeaker ``channels`` (C, T) of a panned layout, without its LFE."""
        before = self.surrounds[: self.surrounds.index(layout)]
        start = self.n_ambisonics + sum(len(other.speakers) for other in before)
        return channels[start : start + len(layout.speakers)]


def _panned(layout: Layout) -> Layout:
    return SURROUND_5_1 if layout == STEREO else layout


@lru_cache(maxsize=4)
def ambisonic_ear_spectra(order: int, sample_rate_hz: int, n_fft: int, head: Head) -> NDArray[np.complex64]:
    """Spectra (2, (order + 1)^2, F) of `ambisonic_ear_filters`."""
    return rfft(ambisonic_ear_filters(order, sample_rate_hz, head), n_fft)


def aligned_above_hz(order: int) -> float:
    """Where ``order`` can no longer follow the phase around a head of radius a, N c / (2 pi a), at most `ALIGNED_ABOVE_HZ`."""
    return min(order * SPEED_OF_SOUND_M_S / (2 * np.pi * HEAD_RADIUS_M), ALIGNED_ABOVE_HZ)


@cache
def ambisonic_ear_filters(order: int, sample_rate_hz: int, head: Head = BUILTIN_HEAD) -> NDArray[np.float32]:
    """Filters (2, (order + 1)^2, L) from ACN/SN3D buses to the ears, with the delay of an HRIR.

    The least-squares fit of spherical harmonics to the HRIRs of a grid, weighed by solid angle. A low order cannot follow
    the phase of high frequencies around the head and would lose their energy (17 dB at 6 kHz for order 3); so above
    `aligned_above_hz` the arrival times are made equal first (Zaunschirm, Schörkhuber & Höldrich 2018, sec. II). What a fit
    still loses of a diffuse field, sum over channels of |A|^2 / (2 n + 1), is given back to each ear and frequency: its
    octaves stay within 0.5 dB of the head's at every order.
    """
    directions, weights = quadrature(FITTED_DEGREE)
    responses = head(directions, sample_rate_hz).astype(np.float64)
    n_taps = responses.shape[-1]
    energy = responses**2
    arrival_s = energy @ np.arange(n_taps) / energy.sum(axis=-1) / sample_rate_hz
    beyond = np.maximum(np.fft.rfftfreq(n_taps, 1 / sample_rate_hz) - aligned_above_hz(order), 0)
    aligned = np.fft.rfft(responses) * np.exp(2j * np.pi * beyond * (arrival_s - HRIR_DELAY_S)[..., None])
    root = np.sqrt(weights)[:, None]
    fit = np.linalg.lstsq(root * real_sh(order, directions), root * aligned.reshape(len(directions), -1), rcond=None)[0]
    fit = fit.reshape(-1, *aligned.shape[1:])
    wanted = np.einsum("n,nef->ef", weights, np.abs(aligned) ** 2)
    found = np.einsum("k,kef->ef", 1 / (2 * degrees_of(order) + 1), np.abs(fit) ** 2)
    fit *= np.sqrt(wanted / np.maximum(found, 1e-30))
    return np.fft.irfft(fit, n_taps).transpose(1, 0, 2).astype(np.float32)
