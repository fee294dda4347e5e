"""From a scene to its channels: every layout asked for in one pass over the stems.

Static and moving sources take the same way: a source's early field (direct sound and images up to the mixing time) is one
short filter per channel, convolved in blocks with shared spectra; a moving source has a new one for every block, and its
direct sound and first reflections follow it in finer frames. One diffuse tail serves all. Beyond the stems, only the channels
grow with the length: as panned, in the order of their layout, and at their level.
Shapes: S sources, C channels of the panner, T samples, L taps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.acoustics.allrad import decode
from seehear.acoustics.convolve import Blocks, convolve_into, spectra_of
from seehear.acoustics.doppler import (
    Moment,
    bundle_feeds,
    cut,
    direct_arrivals,
    direct_feed,
    first_distance_m,
    followed,
    moment,
)
from seehear.acoustics.field import DEFAULT_ENGINE, Engine, Field, field_of, head_rotation
from seehear.acoustics.hrtf import Head
from seehear.acoustics.layouts import downmix_5_1_to_stereo
from seehear.acoustics.lfe import lfe_feed
from seehear.acoustics.loudness import normalise
from seehear.acoustics.microphones import record
from seehear.acoustics.moving import FRAME_HOP_S, Mover, add_moving
from seehear.acoustics.panning import Panner
from seehear.acoustics.paths import NEAREST_M
from seehear.acoustics.responses import NEAR_ORDER, point_response, spread_filters, through_air, wide_response
from seehear.acoustics.room import check_inside
from seehear.acoustics.tail import tail_gain, tail_response
from seehear.types import LAYOUTS, MONO, STEREO, SURROUND_5_1, Audio, FloatArray, InputError, Layout, Scene, Source

BLOCK_HOP_S = 0.5
BLOCK_FADE_S = 0.1
"""A moving source's later images are renewed every `BLOCK_HOP_S` and cross-faded over `BLOCK_FADE_S`."""
STILL_HOP_S = 1.0
"""Block length when nothing moves: longer transforms waste less on the overlap."""
LFE_PIECE_S, LFE_SETTLE_S = 10.0, 0.25
"""The LFE is filtered in pieces; a quarter of a second before each, its filter has long forgotten where it started."""
LOUDEST_GAIN_DB = 200.0
"""More than any sound over any other, and far from where single precision ends."""


def render(
    scene: Scene, layouts: Sequence[Layout], *, level_lufs: float | None = -23.0, engine: Engine = DEFAULT_ENGINE
) -> tuple[Audio, ...]:
    """The scene in each of ``layouts``, every one exactly ``scene.n_samples`` long; work is shared between them.

    ``level_lufs``: loudness of each result (one gain for all its channels, at most -1 dBTP), or None for the raw level, at
    which a 0 dB source at 1 m without a room has the energy of its stem. Ambisonics is ACN/SN3D.
    Random parts come from ``scene.seed``. A layout's samples do not depend on which others are asked for.
    InputError for an unknown layout, a source outside its room, Doppler in a room of pixels or a gain beyond `LOUDEST_GAIN_DB`.
    """
    for layout in layouts:
        if LAYOUTS.get(layout.name) != layout:
            raise InputError(f"cannot render {layout.name}: choose one of {', '.join(LAYOUTS)}")
    for source in scene.sources:
        check_inside(scene.room, source)
        if source.gain_db > LOUDEST_GAIN_DB:
            raise InputError(
                f"the gain of {source.label!r} is {source.gain_db:g} dB: at most {LOUDEST_GAIN_DB:g} dB can be rendered"
            )
    if scene.room.kind == "pixels":
        if engine.doppler:
            raise InputError("a room of pixels is heard through a simulator without Doppler: leave it out")
        rendered = _recorded(scene, layouts)
        return tuple(audio if level_lufs is None else normalise(audio, level_lufs)[0] for audio in rendered)
    if engine.doppler:
        scene = followed(scene)
    panner = Panner.for_layouts(layouts)
    field = field_of(scene.room, scene.listener, panner, scene.sample_rate_hz, engine)
    channels = _channels(scene, field)
    lfe = _lfe(scene, engine.doppler) if any(layout.lfe is not None for layout in layouts) else None
    rendered = (_as_layout(channels, layout, panner, lfe, scene.sample_rate_hz) for layout in layouts)
    if scene.bed is not None:
        rendered = (_with_bed(audio, scene, engine.head) for audio in rendered)
    return tuple(audio if level_lufs is None else normalise(audio, level_lufs)[0] for audio in rendered)


def _recorded(scene: Scene, layouts: Sequence[Layout]) -> Iterator[Audio]:
    """The layouts that the paper's six microphones can give: 5.1 as they are, stereo as its downmix."""
    for layout in layouts:
        if layout not in (SURROUND_5_1, STEREO):
            raise InputError(f"a room of pixels is heard by six microphones: it gives 5.1 or stereo, not {layout.name}")
    if scene.bed is not None:
        raise InputError("a room of pixels is heard by six microphones: it has no place for an ambisonic bed")
    heard = record(scene)
    for layout in layouts:
        yield Audio(heard if layout == SURROUND_5_1 else downmix_5_1_to_stereo(heard), scene.sample_rate_hz, layout)


def _as_layout(
    channels: NDArray[np.float32], layout: Layout, panner: Panner, lfe: NDArray[np.float32] | None, sample_rate_hz: int
) -> Audio:
    if layout.kind == "binaural":
        return Audio(channels[-2:], sample_rate_hz, layout)
    if layout.kind == "ambisonics":
        return Audio(channels[: layout.n_channels], sample_rate_hz, layout, "acn-sn3d")
    if layout == MONO:
        return Audio(channels[:1], sample_rate_hz, layout)
    panned = SURROUND_5_1 if layout == STEREO else layout
    surround = np.zeros((panned.n_channels, channels.shape[1]), dtype=np.float32)
    surround[list(panned.speakers)] = panner.speakers_of(panned, channels)
    if layout == STEREO:
        return Audio(downmix_5_1_to_stereo(surround), sample_rate_hz, layout)
    if lfe is not None and layout.lfe is not None:
        surround[layout.lfe] = lfe
    return Audio(surround, sample_rate_hz, layout)


def _with_bed(audio: Audio, scene: Scene, head: Head) -> Audio:
    """``audio`` and, decoded to its layout, the ambisonic bed as the turned head hears it."""
    assert scene.bed is not None
    bed = decode(scene.bed, audio.layout, head_rotation(scene.listener), head)
    return replace(audio, samples=audio.samples + np.float32(10 ** (scene.bed_gain_db / 20)) * bed.samples)


def _gain(source: Source) -> float:
    return 10 ** (source.gain_db / 20)


def _place(source: Source, time_s: float) -> FloatArray:
    """Displacement (3,) in metres from the listener at ``time_s``."""
    directions, distances = source.trajectory.at(np.array([time_s]))
    return directions[0] * distances[0]


def _channels(scene: Scene, field: Field) -> NDArray[np.float32]:
    """Channels (C, T) of the panner: early fields, moving sources' near paths, the tail."""
    out = np.zeros((field.panner.n_channels, scene.n_samples), dtype=np.float32)
    if not scene.sources or not len(out):
        return out
    decorrelators = [_decorrelators(scene, index) for index in range(len(scene.sources))]
    _add_early(out, scene, field, decorrelators)
    movers = [Mover(s, _gain(s), filters) for s, filters in zip(scene.sources, decorrelators, strict=True) if _moves(s)]
    if movers:
        add_moving(out, movers, field)
    if field.mixing_s is not None:
        _add_tail(out, scene, field)
    return out


def _moves(source: Source) -> bool:
    return not (source.is_bed or source.trajectory.is_static)


def _decorrelators(scene: Scene, index: int) -> NDArray[np.float32] | None:
    """Filters of the extent of source ``index``, None for a point; its own random stream, whoever else is there."""
    extent_rad = scene.sources[index].extent_rad
    if extent_rad == 0:
        return None
    return spread_filters(extent_rad, scene.sample_rate_hz, np.random.default_rng([scene.seed, 1 + index]))


# ------------------------------------------------------------------------------------------- early field


@dataclass(frozen=True)
class _Response:
    """Taps (C, L) and how early they are."""

    taps: NDArray[np.float32]
    lead_samples: int


def _early_response(field: Field, source: Source, filters: NDArray[np.float32] | None, time_s: float) -> list[_Response]:
    """What a source's blocks are convolved with at ``time_s``; a moving one's near paths are left to `add_moving`."""
    place = _place(source, time_s)
    distance_m = float(np.linalg.norm(place))
    if source.is_bed:
        assert filters is not None
        return [_Response(wide_response(field, place / distance_m, source.extent_rad, filters), _wide_lead(field, filters))]
    if _moves(source):
        return [_Response(point_response(field, place, NEAR_ORDER + 1), field.lead_samples)]
    if filters is None:
        return [_Response(point_response(field, place), field.lead_samples)]
    wide = wide_response(field, place / distance_m, source.extent_rad, filters)
    direct = _Response(through_air(field, wide, distance_m), _wide_lead(field, filters) + field.colouring.lead_samples)
    return [direct, _Response(point_response(field, place, 1), field.lead_samples)]


def _bundle_responses(field: Field, here: Moment) -> Iterator[_Response]:
    """What each bundle of a moving source's later images does to its feed."""
    for bundle in range(len(here.gradients)):
        taps = point_response(field, here.place_m, NEAR_ORDER + 1, here.bundle_of_image == bundle)
        yield _Response(taps, field.lead_samples)


def _wide_lead(field: Field, filters: NDArray[np.float32]) -> int:
    return filters.shape[1] // 2 + field.ear_lead_samples


def _added(responses: Sequence[_Response], lead_samples: int, n_taps: int) -> NDArray[np.float32]:
    taps = np.zeros((len(responses[0].taps), n_taps), dtype=np.float32)
    for response in responses:
        start = lead_samples - response.lead_samples
        taps[:, start : start + response.taps.shape[1]] += response.taps
    return taps


def _add_early(out: NDArray[np.float32], scene: Scene, field: Field, decorrelators: Sequence[NDArray[np.float32] | None]) -> None:
    rate = scene.sample_rate_hz
    heard = [
        (source, filters)
        for source, filters in zip(scene.sources, decorrelators, strict=True)
        if scene.room.kind == "shoebox" or not _moves(source)
    ]
    if not heard:
        return
    wide = max((0 if filters is None else filters.shape[1] for _, filters in heard), default=0)
    lead = field.lead_samples + wide // 2
    hop_s, fade_s = (BLOCK_HOP_S, BLOCK_FADE_S) if any(_moves(source) for source, _ in heard) else (STILL_HOP_S, 0)
    blocks = Blocks(scene.n_samples, min(round(hop_s * rate), scene.n_samples), round(fade_s * rate), lead + wide + field.n_taps)

    def spectra(source: Source, responses: Sequence[_Response]) -> NDArray[np.complex64]:
        return spectra_of(np.float32(_gain(source)) * _added(responses, lead, blocks.n_taps), blocks.n_fft)

    fixed = [None if _moves(s) else spectra(s, _early_response(field, s, filters, 0)) for s, filters in heard]

    @lru_cache(maxsize=len(heard))
    def moment_at(index: int, start: int) -> Moment:
        return moment(field, heard[index][0].trajectory, blocks.middle(start) / rate, (blocks.hop + blocks.fade) / rate)

    def filters_at(start: int) -> Iterator[NDArray[np.complex64]]:
        for index, ((source, filters), known) in enumerate(zip(heard, fixed, strict=True)):
            if known is not None:
                yield known
            elif field.doppler:
                for response in _bundle_responses(field, moment_at(index, start)):
                    yield spectra(source, [response])
            else:
                yield spectra(source, _early_response(field, source, filters, blocks.middle(start) / rate))

    def segment(start: int, stop: int) -> NDArray[np.float32]:
        shifted = (field.doppler and known is None for known in fixed)
        return np.concatenate(
            [
                bundle_feeds(source, moment_at(index, start), start, stop) if by_bundles else source.audio.samples[:, start:stop]
                for index, ((source, _), by_bundles) in enumerate(zip(heard, shifted, strict=True))
            ]
        )

    convolve_into(out, segment, filters_at, blocks, lead)


# ------------------------------------------------------------------------------------------- tail and LFE


def _add_tail(out: NDArray[np.float32], scene: Scene, field: Field) -> None:
    """One diffuse tail for all sources, from where each is in the middle of the scene."""
    roomy = [source for source in scene.sources if not source.is_bed]
    if not roomy:
        return
    middle_s = scene.duration_s / 2
    gains = np.array([_gain(s) * tail_gain(field, _place(s, middle_s)) for s in roomy], dtype=np.float32)
    taps = tail_response(field, scene.n_samples, np.random.default_rng([scene.seed, 0]))
    hop = min(max(round(BLOCK_HOP_S * scene.sample_rate_hz), taps.shape[1]), scene.n_samples)
    blocks = Blocks(scene.n_samples, hop, 0, taps.shape[1])
    spectra = spectra_of(taps, blocks.n_fft)

    late = [_tail_delay(source, middle_s) if field.doppler and _moves(source) else 0 for source in roomy]

    def segment(start: int, stop: int) -> NDArray[np.float32]:
        feed = np.zeros((1, stop - start), dtype=np.float32)
        for source, gain, delay in zip(roomy, gains, late, strict=True):
            feed += gain * cut(source.audio.samples[0], start - delay, stop - delay)
        return feed

    convolve_into(out, segment, lambda start: [spectra], blocks, 0)


def _tail_delay(source: Source, middle_s: float) -> int:
    """Samples by which the tail follows a stem with Doppler: by the direct path in the middle, where its level comes from.

    Its own paths lengthen and shorten alike: it keeps its pitch.
    """
    late_m = float(np.linalg.norm(_place(source, middle_s))) - first_distance_m(source.trajectory)
    return round(late_m / SPEED_OF_SOUND_M_S * source.audio.sample_rate_hz)


def _lfe(scene: Scene, doppler: bool) -> NDArray[np.float32]:
    """The LFE channel (T,): low-passed sources that may feed it, at their distance, without the room; else silence."""
    lfe = np.zeros(scene.n_samples, dtype=np.float32)
    piece, before = round(LFE_PIECE_S * scene.sample_rate_hz), round(LFE_SETTLE_S * scene.sample_rate_hz)
    for source in scene.sources:
        for start in range(0, scene.n_samples if source.lfe else 0, piece):
            warm = min(before, start)
            stop, late = min(start + piece, scene.n_samples), doppler and _moves(source)
            stem = direct_feed(source, start - warm, stop) if late else source.audio.samples[0, start - warm : stop]
            fed = lfe_feed(stem, scene.sample_rate_hz)[warm:]
            lfe[start : start + piece] += _gain_along(source, start, len(fed), late) * fed
    return lfe


def _gain_along(source: Source, start: int, n_samples: int, doppler: bool) -> NDArray[np.float32]:
    """Linear gain (n,) from sample ``start`` on: level and distance law, the latter linear between points 20 ms apart."""
    rate = source.audio.sample_rate_hz
    if source.is_bed:
        return np.full(n_samples, _gain(source), dtype=np.float32)
    knots = np.arange(0, n_samples + round(FRAME_HOP_S * rate), round(FRAME_HOP_S * rate))
    times_s = (start + knots) / rate
    if doppler:
        times_s = direct_arrivals(source.trajectory, times_s[0], times_s[-1]).emission_s(times_s)[0]
    _, distances = source.trajectory.at(times_s)
    return np.interp(np.arange(n_samples), knots, _gain(source) / np.maximum(distances, NEAREST_M)).astype(np.float32)
