"""From positions to taps: the ways a sound takes to the listener, and their impulse responses.

Shapes: P paths of one source, (..., P) for several moments; K buses, L taps, F frequencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S, Colouring, ground_rows
from seehear.acoustics.room import Mirrors
from seehear.acoustics.transforms import fast_length, irfft, rfft
from seehear.types import NEAREST_M, FloatArray, Room

DELAY_TAPS = 32
DELAY_LEAD_SAMPLES = DELAY_TAPS // 2
"""A fractional delay starts this much before its time: what the taps below put at index 0 is this many samples early."""
DELAY_PHASES = 256
_KAISER_BETA = 8.0
"""-80 dB: a 32-tap sinc under this window is flat to 0.85 of the Nyquist frequency (20.4 kHz at 48 kHz)."""


@dataclass(frozen=True)
class Paths:
    """The ways from a source to the listener: ``directions`` (..., P, 3) of arrival, ``delays_s`` after the direct sound,
    ``lengths_m``, amplitude ``gains`` by the distance law, and colour ``rows`` (see `Colouring`), each (..., P)."""

    directions: FloatArray
    delays_s: FloatArray
    lengths_m: FloatArray
    gains: FloatArray
    rows: NDArray[np.intp]

    def __getitem__(self, chosen: slice | NDArray | tuple[slice | NDArray, ...]) -> Paths:
        return Paths(
            self.directions[chosen], self.delays_s[chosen], self.lengths_m[chosen], self.gains[chosen], self.rows[chosen]
        )


def paths_between(room: Room, images: Mirrors, displacement_m: FloatArray, rotation: FloatArray | None = None) -> Paths:
    """Paths from a source at ``displacement_m`` (..., 3) from the listener, the direct one first, by way of ``images``.

    ``rotation`` (3, 3) turns the directions of arrival (the listener's head); the room stays.
    """
    listener = np.asarray(room.listener_m)
    vectors = images.signs * (listener + displacement_m)[..., None, :] + images.offsets_m - listener
    lengths = np.asarray(np.linalg.norm(vectors, axis=-1))
    directions = vectors / np.maximum(lengths, 1e-9)[..., None]
    rows = np.broadcast_to(images.orders, lengths.shape)
    if room.kind == "outdoor":
        rows = np.where(images.orders == 0, 0, ground_rows(-directions[..., 2]))
    if rotation is not None:
        directions = directions @ rotation.T
    delays = (lengths - lengths[..., :1]) / SPEED_OF_SOUND_M_S
    return Paths(directions, delays, lengths, 1 / np.maximum(lengths, NEAREST_M), rows)


@cache
def delay_table() -> NDArray[np.float32]:
    """Windowed sincs (phases + 1, taps): row p delays by p / phases of a sample, time zero at `DELAY_LEAD_SAMPLES`."""
    offsets = np.arange(DELAY_TAPS) - DELAY_LEAD_SAMPLES - np.arange(DELAY_PHASES + 1)[:, None] / DELAY_PHASES
    half = DELAY_TAPS / 2
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(1 - (offsets / half) ** 2, 0))) / np.i0(_KAISER_BETA)
    return (np.sinc(offsets) * window * (np.abs(offsets) <= half)).astype(np.float32)


def fractional_delays(delays_samples: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Whole delays (...,) and the kernels (..., taps) for what is left, each `DELAY_LEAD_SAMPLES` early.

    Windowed sincs from a polyphase table, linear between its phases (error below -90 dB at 16 of 24 kHz).
    """
    whole = np.floor(delays_samples).astype(np.intp)
    position = (delays_samples - whole) * DELAY_PHASES
    phase = np.minimum(position.astype(np.intp), DELAY_PHASES - 1)
    part = (position - phase).astype(np.float32)[..., None]
    table = delay_table()
    kernels = table[phase]
    kernels += part * (table[phase + 1] - kernels)
    return whole, kernels


def tap_trains(delays_samples: FloatArray, gains: FloatArray, n_taps: int) -> NDArray[np.float32]:
    """Trains (L, K): the sum over paths of a fractional delay (P,) times its ``gains`` (P, K); `DELAY_LEAD_SAMPLES` early.

    The taps of all paths are one sparse (L, P) matrix, computed once; buses and colours are columns of the product, which
    costs one multiply-add per tap and column.
    """
    from scipy.sparse import csc_array

    whole, kernels = fractional_delays(delays_samples)
    rows = whole[:, None] + np.arange(DELAY_TAPS)
    starts = np.arange(len(whole) + 1) * DELAY_TAPS
    taps = csc_array((kernels.ravel(), rows.ravel().astype(np.int32), starts.astype(np.int32)), shape=(n_taps, len(whole)))
    return taps @ np.ascontiguousarray(gains, dtype=np.float32)


def coloured_spectra(
    paths: Paths, bus_gains: FloatArray, colouring: Colouring, sample_rate_hz: int, n_fft: int
) -> NDArray[np.complex64]:
    """Spectra (K, F) of what ``paths`` do to a sound on each bus of ``bus_gains`` (P, K), air, walls and distance included.

    Time zero is at `DELAY_LEAD_SAMPLES` + ``colouring.lead_samples``.
    """
    n_buses, (rank, n_colour) = bus_gains.shape[1], colouring.basis.shape
    colours = colouring.coefficients(paths.rows, paths.lengths_m) * paths.gains[:, None]
    columns = (colours[:, :, None] * bus_gains[:, None, :]).reshape(len(bus_gains), rank * n_buses)
    trains = tap_trains(paths.delays_s * sample_rate_hz, columns, n_fft - n_colour)
    spectra = rfft(trains.T, n_fft).reshape(rank, n_buses, n_fft // 2 + 1)
    spectra *= rfft(colouring.basis, n_fft)[:, None]
    return spectra.sum(axis=0)


def path_spectra(paths: Paths, colouring: Colouring, sample_rate_hz: int, n_fft: int) -> NDArray[np.complex64]:
    """Spectra (P, F) of each of a few paths by itself, with the same time zero as `coloured_spectra`."""
    colours = (colouring.coefficients(paths.rows, paths.lengths_m) * paths.gains[:, None]).astype(np.float32)
    alone = np.eye(len(paths.gains), dtype=np.float32)
    trains = tap_trains(paths.delays_s * sample_rate_hz, alone, n_fft - colouring.basis.shape[1])
    return (rfft(trains.T, n_fft) * (colours @ rfft(colouring.basis, n_fft))).astype(np.complex64, copy=False)


def omni_responses(
    room: Room,
    images: Mirrors,
    colouring: Colouring,
    sources_m: FloatArray,
    microphones_m: FloatArray,
    sample_rate_hz: int,
) -> NDArray[np.float32]:
    """Impulse responses (N, M, L) from sources (N, 3) to omnidirectional microphones (M, 3), positions in the room.

    The same taps as a render's, but with the propagation delay: time 0 is when the source emits. Distances are not clamped
    unless they are below `NEAREST_M`. Long enough for every path. No render needs it: it is how the engine is compared with
    other room simulators, which have microphones.
    """
    from dataclasses import replace

    rows = []
    longest = 0.0
    for source in np.atleast_2d(sources_m):
        for microphone in np.atleast_2d(microphones_m):
            here = replace(room, listener_m=tuple(microphone))
            paths = paths_between(here, images, source - microphone)
            rows.append(replace(paths, delays_s=paths.lengths_m / SPEED_OF_SOUND_M_S))
            longest = max(longest, float(paths.lengths_m.max()))
    n_taps = int(longest / SPEED_OF_SOUND_M_S * sample_rate_hz) + DELAY_TAPS + colouring.basis.shape[1] + 1
    n_fft = fast_length(n_taps)
    lead = DELAY_LEAD_SAMPLES + colouring.lead_samples
    ones = np.ones((len(images.orders), 1), dtype=np.float32)
    spectra = [coloured_spectra(paths, ones, colouring, sample_rate_hz, n_fft)[0] for paths in rows]
    responses = irfft(np.stack(spectra), n_fft)[:, lead:n_taps]
    return responses.reshape(len(np.atleast_2d(sources_m)), -1, responses.shape[1])
