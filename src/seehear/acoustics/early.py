"""Early fields: direct sound and images up to the mixing time, as short filters in blocks.

A static source has one filter per channel for the whole scene. A moving one has new ones for every block, of its later images
alone: direct sound and first reflections follow it in finer frames (`acoustics.moving`). With Doppler its later images go in
bundles that each read the stem at times of their own.
Shapes: C channels of the panner, L taps, F frequencies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.convolve import Blocks, Feed, Part, convolve_into, spectra_of
from seehear.acoustics.doppler import Moment, bundle_feeds, moment
from seehear.acoustics.field import Field
from seehear.acoustics.responses import NEAR_ORDER, point_response, through_air, wide_response
from seehear.acoustics.voices import Voice, is_silent

BLOCK_HOP_S = 0.5
BLOCK_FADE_S = 0.1
"""A moving source's later images are renewed every `BLOCK_HOP_S` and cross-faded over `BLOCK_FADE_S`."""
STILL_HOP_S = 1.0
"""Block length when nothing moves: longer transforms waste less on the overlap."""


def early_part(voices: Sequence[Voice], field: Field, n_samples: int) -> Part:
    """What adds the early fields of ``voices``; the filters of those that stand still are made once."""
    rate = field.sample_rate_hz
    heard = [voice for voice in voices if field.room.kind == "shoebox" or not voice.moves]
    wide = max((voice.n_wide for voice in heard), default=0)
    lead = field.lead_samples + wide // 2
    hop_s, fade_s = (BLOCK_HOP_S, BLOCK_FADE_S) if any(voice.moves for voice in heard) else (STILL_HOP_S, 0)
    blocks = Blocks(n_samples, min(round(hop_s * rate), n_samples), round(fade_s * rate), lead + wide + field.n_taps)

    def spectra(voice: Voice, responses: Sequence[_Response]) -> NDArray[np.complex64]:
        return spectra_of(np.float32(voice.gain) * _added(responses, lead, blocks.n_taps), blocks.n_fft)

    def later_at(voice: Voice, start: int) -> NDArray[np.complex64]:
        return spectra(voice, _early_response(field, voice, blocks.middle(start) / rate))

    def later_of(voice: Voice, here: Moment, bundle: int) -> NDArray[np.complex64]:
        return spectra(voice, [_bundle_response(field, here, bundle)])

    fixed = [None if voice.moves else spectra(voice, _early_response(field, voice, 0)) for voice in heard]

    def feeds(start: int, stop: int) -> Iterator[Feed]:
        for voice, known in zip(heard, fixed, strict=True):
            if known is not None:
                yield voice.source.audio.read(start, stop)[0], _always(known)
            elif not field.doppler:
                yield voice.source.audio.read(start, stop)[0], partial(later_at, voice, start)
            elif not is_silent(voice, field, start, stop):
                here = moment(field, voice.source.trajectory, blocks.middle(start) / rate, (blocks.hop + blocks.fade) / rate)
                for bundle, feed in enumerate(bundle_feeds(voice.source, here, start, stop)):
                    yield feed, partial(later_of, voice, here, bundle)

    def add(out: NDArray[np.float32], begin: int) -> None:
        convolve_into(out, feeds, blocks, lead, begin)

    return add


def _always(known: NDArray[np.complex64]) -> Callable[[], NDArray[np.complex64]]:
    return lambda: known


@dataclass(frozen=True)
class _Response:
    """Taps (C, L) and how early they are."""

    taps: NDArray[np.float32]
    lead_samples: int


def _early_response(field: Field, voice: Voice, time_s: float) -> list[_Response]:
    """What a source's blocks are convolved with at ``time_s``; a moving one's near paths are left to `add_moving`."""
    source, filters, place = voice.source, voice.decorrelators, voice.place_m(time_s)
    distance_m = float(np.linalg.norm(place))
    if source.is_bed:
        assert filters is not None
        return [_Response(wide_response(field, place / distance_m, source.extent_rad, filters), _wide_lead(field, filters))]
    if voice.moves:
        return [_Response(point_response(field, place, NEAR_ORDER + 1), field.lead_samples)]
    if filters is None:
        return [_Response(point_response(field, place), field.lead_samples)]
    wide = wide_response(field, place / distance_m, source.extent_rad, filters)
    direct = _Response(through_air(field, wide, distance_m), _wide_lead(field, filters) + field.colouring.lead_samples)
    return [direct, _Response(point_response(field, place, 1), field.lead_samples)]


def _bundle_response(field: Field, here: Moment, bundle: int) -> _Response:
    """What a bundle of a moving source's later images does to its feed."""
    taps = point_response(field, here.place_m, NEAR_ORDER + 1, here.bundle_of_image == bundle)
    return _Response(taps, field.lead_samples)


def _wide_lead(field: Field, filters: NDArray[np.float32]) -> int:
    return filters.shape[1] // 2 + field.ear_lead_samples


def _added(responses: Sequence[_Response], lead_samples: int, n_taps: int) -> NDArray[np.float32]:
    taps = np.zeros((len(responses[0].taps), n_taps), dtype=np.float32)
    for response in responses:
        start = lead_samples - response.lead_samples
        taps[:, start : start + response.taps.shape[1]] += response.taps
    return taps
