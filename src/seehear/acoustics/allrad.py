"""From ambisonics to loudspeakers, ears and other orders.

All-Round Ambisonic Decoding (Zotter & Frank, J. Audio Eng. Soc. 60, 2012): the field is sampled by many virtual loudspeakers
evenly around the listener, and each of these is panned to the real ones, so that any layout may be uneven or half empty. The
virtual loudspeakers are the 5151 points of a quadrature that is exact up to degree 100 (Gauss-Legendre in height, uniform in
azimuth), where the paper takes a t-design of that degree: both sum harmonics exactly.
Shapes: K = (order + 1)^2 ambisonic channels, C channels of a layout, P virtual loudspeakers, T samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.binaural import HRIR_DELAY_S
from seehear.acoustics.convolve import Blocks, Feed, convolve_into
from seehear.acoustics.hrtf import BUILTIN_HEAD, Head
from seehear.acoustics.layouts import SURROUND_TO_STEREO, speaker_gains
from seehear.acoustics.panning import ambisonic_ear_filters, ambisonic_ear_spectra
from seehear.acoustics.sphere import convert, degrees_of, quadrature, real_sh, sh_rotation
from seehear.types import MONO, STEREO, SURROUND_5_1, Audio, FloatArray, InputError, Layout, Sound

VIRTUAL_DEGREE = 100
BLOCK_S = 1.0
"""Ears are convolved in blocks of this length."""
DECODED_S = 10.0
"""How much `decode_blocks` hands out at once."""


def max_re_weights(order: int) -> FloatArray:
    """Weights (order + 1,) of the degrees that make the energy vector as long as it can be: P_n(r_E).

    r_E is the largest zero of the Legendre polynomial of degree order + 1 (Daniel 2000; Zotter & Frank 2012 approximate it by
    cos(137.9 degrees / (order + 1.51))).
    """
    longest = float(np.polynomial.legendre.leggauss(order + 1)[0].max())
    return np.array([np.polynomial.legendre.Legendre.basis(degree)(longest) for degree in range(order + 1)])


def sampling_decoder(order: int, points: FloatArray, weights: FloatArray) -> FloatArray:
    """Matrix (P, K) from ACN/SN3D to loudspeakers at unit vectors ``points`` (P, 3): max-r_E plane waves, weighed by quadrature.

    Row p is w_p times the sum over degrees of (2 n + 1) a_n Y_nm(p).
    """
    degrees = degrees_of(order)
    return weights[:, None] * real_sh(order, points) * (max_re_weights(order)[degrees] * (2 * degrees + 1))


def allrad_decoder(layout: Layout, order: int, virtual: FloatArray | None = None) -> FloatArray:
    """Matrix (C, K) from ACN/SN3D of ``order`` to loudspeakers, of which the LFE gets nothing.

    A plane wave has unit energy on average over all directions: diffuse sound is as loud as in W. ``virtual`` (P, 3) replaces
    the virtual loudspeakers by others of equal weight. InputError for layouts that do not surround the listener.
    """
    points, weights = quadrature(VIRTUAL_DEGREE) if virtual is None else (virtual, np.full(len(virtual), 1 / len(virtual)))
    matrix = speaker_gains(layout, points).T @ sampling_decoder(order, points, weights)
    return matrix / math.sqrt(np.sum(matrix**2 / (2 * degrees_of(order) + 1)))


@cache
def decoding_matrix(layout: Layout, order: int) -> FloatArray:
    """Matrix (C, K) from ACN/SN3D of ``order`` to a layout that needs no filters.

    Loudspeakers by AllRAD, stereo by the BS.775 downmix of 5.1, mono is W, ambisonics loses its highest degrees or gets silent
    ones. InputError for a layout that is none of these.
    """
    if layout.kind == "ambisonics":
        matrix = np.eye(layout.n_channels, (order + 1) ** 2)
    elif layout == MONO:
        matrix = np.eye(1, (order + 1) ** 2)
    elif layout == STEREO:
        matrix = SURROUND_TO_STEREO @ allrad_decoder(SURROUND_5_1, order)
    else:
        matrix = allrad_decoder(layout, order)
    matrix.setflags(write=False)
    return matrix


def decode(sound: Sound, layout: Layout, rotation: FloatArray | None = None, head: Head = BUILTIN_HEAD) -> Audio:
    """An ambisonic ``sound`` of any convention in ``layout``, at its level; ``rotation`` (3, 3) turns the field before.

    Loudspeakers and mono by `decoding_matrix`, ears through `ambisonic_ear_filters` (in sync: their delay is taken back). The
    LFE stays silent: ambisonics has none. InputError for what is not ambisonic.
    """
    return decoder(sound, layout, rotation, head)(0, sound.n_samples)


def decode_blocks(
    sound: Sound,
    layout: Layout,
    rotation: FloatArray | None = None,
    head: Head = BUILTIN_HEAD,
    *,
    block_s: float = DECODED_S,
) -> Iterator[Audio]:
    """`decode` as consecutive blocks of ``block_s``, which joined are the whole: for sound of any length."""
    decoded = decoder(sound, layout, rotation, head)
    size = max(1, round(min(block_s, sound.duration_s) * sound.sample_rate_hz))
    return (decoded(start, min(start + size, sound.n_samples)) for start in range(0, sound.n_samples, size))


def decoder(
    sound: Sound, layout: Layout, rotation: FloatArray | None = None, head: Head = BUILTIN_HEAD
) -> Callable[[int, int], Audio]:
    """What gives the samples from one to another of `decode`, whichever are asked for."""
    order, rate = sound.layout.order, sound.sample_rate_hz
    turn = np.eye(sound.layout.n_channels) if rotation is None else sh_rotation(order, rotation)
    if layout.kind == "binaural":
        ears = _ears(sound, turn.astype(np.float32), head)
        return lambda start, stop: Audio(ears(start, stop), rate, layout)
    if layout.kind == "discrete":
        raise InputError(f"cannot decode to {layout.name}: nothing is known about its channels")
    matrix = (decoding_matrix(layout, order) @ turn).astype(np.float32)
    convention = "acn-sn3d" if layout.kind == "ambisonics" else ""
    return lambda start, stop: Audio(matrix @ _field(sound, start, stop), rate, layout, convention)


def _field(sound: Sound, start: int, stop: int) -> NDArray[np.float32]:
    """Samples (K, stop - start) as ACN/SN3D."""
    samples = sound.read(start, stop)
    return samples if sound.convention in ("", "acn-sn3d") else convert(samples, sound.convention, "acn-sn3d")


def _ears(sound: Sound, turn: NDArray[np.float32], head: Head) -> Callable[[int, int], NDArray[np.float32]]:
    """What gives samples (2, stop - start) at the ears of the turned field."""
    order, rate, n_samples = sound.layout.order, sound.sample_rate_hz, sound.n_samples
    n_taps = ambisonic_ear_filters(order, rate, head).shape[-1]
    blocks = Blocks(n_samples, max(1, min(round(BLOCK_S * rate), n_samples)), 0, n_taps)
    spectra = ambisonic_ear_spectra(order, rate, blocks.n_fft, head).transpose(1, 0, 2)
    filters = [partial(spectra.__getitem__, channel) for channel in range(len(spectra))]

    def feeds(start: int, stop: int) -> Iterable[Feed]:
        return zip((turn @ _field(sound, start, stop)).astype(np.float32, copy=False), filters, strict=True)

    def ears(start: int, stop: int) -> NDArray[np.float32]:
        out = np.zeros((2, stop - start), dtype=np.float32)
        convolve_into(out, feeds, blocks, round(HRIR_DELAY_S * rate), start)
        return out

    return ears
