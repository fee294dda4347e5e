"""Early fields: direct sound and images up to the mixing time, as short filters in blocks.

A source that rests has one filter per channel for each place (`acoustics.rests`), a static one for the whole scene. While it
moves it has new ones for every block, of its later images alone: direct sound and first reflections follow it in finer frames
(`acoustics.moving`). With Doppler its later images go in bundles that each read the stem at times of their own.
Shapes: C channels of the panner, L taps, F frequencies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.convolve import Blocks, Feed, Part, convolve_into, spectra_of
from seehear.acoustics.doppler import Moment, bundle_feeds, cut, moment
from seehear.acoustics.field import Field
from seehear.acoustics.paths import DELAY_LEAD_SAMPLES, DELAY_TAPS, fractional_delays
from seehear.acoustics.responses import NEAR_ORDER, point_response, through_air, wide_response
from seehear.acoustics.rests import moving_blocks, rests_of
from seehear.acoustics.voices import Voice, is_silent
from seehear.types import FloatArray

STILL_HOP_S = 1.0
"""Block length when nothing moves: longer transforms waste less on the overlap."""


def early_part(voices: Sequence[Voice], field: Field, n_samples: int) -> Part:
    """What adds the early fields of ``voices``; the filters of a place are made once for as long as its source rests there."""
    rate, in_room = field.sample_rate_hz, field.room.kind == "shoebox"
    heard = [(voice, rests) for voice in voices if (rests := rests_of(voice, field)).longest_s > 0 or in_room]
    moving = any(voice.moves for voice, _ in heard)
    wide = max((voice.n_wide for voice, _ in heard), default=0)
    late = field.doppler and moving
    lead = field.lead_samples + wide // 2 + late * DELAY_LEAD_SAMPLES
    n_taps = lead + wide + late * DELAY_TAPS + field.n_taps
    blocks = Blocks(n_samples, min(round(STILL_HOP_S * rate), n_samples), 0, n_taps)
    if moving:
        blocks = moving_blocks(field, n_samples, n_taps)

    def spectra(voice: Voice, responses: Sequence[_Response]) -> NDArray[np.complex64]:
        return spectra_of(np.float32(voice.gain) * _added(responses, lead, blocks.n_taps), blocks.n_fft)

    @lru_cache(maxsize=max(len(heard), 1))
    def still_at(index: int, rest: int) -> NDArray[np.complex64]:
        voice, rests = heard[index]
        responses = _whole_response(field, voice, rests.places_m[rest])
        if late and voice.moves:
            responses = [_delayed(response, rests.late_samples[rest] % 1) for response in responses]
        return spectra(voice, responses)

    def later_at(voice: Voice, start: int) -> NDArray[np.complex64]:
        return spectra(voice, [_later_response(field, voice.place_m(blocks.middle(start) / rate))])

    def later_of(voice: Voice, here: Moment, bundle: int) -> NDArray[np.complex64]:
        chosen = here.bundle_of_image == bundle
        return spectra(voice, [_later_response(field, here.place_m, chosen)])

    def feeds(start: int, stop: int) -> Iterator[Feed]:
        for index, (voice, rests) in enumerate(heard):
            stem, rest = voice.source.audio, rests.during(*blocks.span_s(start, rate))
            if rest is not None:
                ago = int(rests.late_samples[rest] // 1)
                yield cut(stem, start - ago, stop - ago), partial(still_at, index, rest)
            elif not in_room:
                continue
            elif not field.doppler:
                yield stem.read(start, stop)[0], partial(later_at, voice, start)
            elif not is_silent(voice, field, start, stop):
                here = moment(field, voice.source.trajectory, blocks.middle(start) / rate, (blocks.hop + blocks.fade) / rate)
                for bundle, feed in enumerate(bundle_feeds(voice.source, here, start, stop)):
                    yield feed, partial(later_of, voice, here, bundle)

    def add(out: NDArray[np.float32], begin: int) -> None:
        convolve_into(out, feeds, blocks, lead, begin)

    return add


@dataclass(frozen=True)
class _Response:
    """Taps (C, L) and how early they are."""

    taps: NDArray[np.float32]
    lead_samples: int


def _whole_response(field: Field, voice: Voice, place_m: FloatArray) -> list[_Response]:
    """What a source that stands still is convolved with."""
    source, filters, distance_m = voice.source, voice.decorrelators, float(np.linalg.norm(place_m))
    if source.is_bed:
        assert filters is not None
        return [_Response(wide_response(field, place_m / distance_m, source.extent_rad, filters), _wide_lead(field, filters))]
    if filters is None:
        return [_Response(point_response(field, place_m), field.lead_samples)]
    wide = wide_response(field, place_m / distance_m, source.extent_rad, filters)
    direct = _Response(through_air(field, wide, distance_m), _wide_lead(field, filters) + field.colouring.lead_samples)
    return [direct, _Response(point_response(field, place_m, 1), field.lead_samples)]


def _later_response(field: Field, place_m: FloatArray, chosen: NDArray[np.bool_] | None = None) -> _Response:
    """What a moving source's later images, or those of them that are ``chosen``, do; near paths are left to `add_moving`."""
    return _Response(point_response(field, place_m, NEAR_ORDER + 1, chosen), field.lead_samples)


def _delayed(response: _Response, late_samples: float) -> _Response:
    """A response that is late by a fraction of a sample."""
    from scipy.signal import fftconvolve

    _, kernels = fractional_delays(np.array([late_samples]))
    return _Response(fftconvolve(response.taps, kernels, axes=1), response.lead_samples + DELAY_LEAD_SAMPLES)


def _wide_lead(field: Field, filters: NDArray[np.float32]) -> int:
    return filters.shape[1] // 2 + field.ear_lead_samples


def _added(responses: Sequence[_Response], lead_samples: int, n_taps: int) -> NDArray[np.float32]:
    taps = np.zeros((len(responses[0].taps), n_taps), dtype=np.float32)
    for response in responses:
        start = lead_samples - response.lead_samples
        taps[:, start : start + response.taps.shape[1]] += response.taps
    return taps
