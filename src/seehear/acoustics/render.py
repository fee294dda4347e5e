"""From a scene to its channels: every layout asked for in one pass over the stems, block by block.

Static and moving sources take the same way: a source's early field (direct sound and images up to the mixing time) is one
short filter per channel, convolved in blocks with shared spectra; a moving source has a new one for every block, and its
direct sound and first reflections follow it in finer frames. One diffuse tail serves all.

What does not depend on time (field, filters of what stands still, tail) is made once. A span of the scene can then be had by
itself: whatever overlaps it is made again on the same grid of blocks and frames, so spans join as if there were none. A scene
of any length needs the memory of one span.
Shapes: S sources, C channels of the panner, T samples, L taps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.allrad import decoder
from seehear.acoustics.convolve import Part
from seehear.acoustics.doppler import followed
from seehear.acoustics.early import early_part
from seehear.acoustics.field import DEFAULT_ENGINE, Engine, Field, field_of, head_rotation
from seehear.acoustics.hrtf import Head
from seehear.acoustics.layouts import downmix_5_1_to_stereo
from seehear.acoustics.lfe import add_lfe
from seehear.acoustics.loudness import normalise
from seehear.acoustics.microphones import recorder
from seehear.acoustics.moving import add_moving
from seehear.acoustics.panning import Panner
from seehear.acoustics.rests import on_the_move
from seehear.acoustics.room import check_inside
from seehear.acoustics.tail import tail_part
from seehear.acoustics.voices import Voice, voices_of
from seehear.types import LAYOUTS, MONO, STEREO, SURROUND_5_1, Audio, InputError, Layout, Scene

SPAN_S = 16.0
"""How much of a scene is rendered at once: a multiple of the grids of `early`, `moving` and `lfe`, so that little is made twice
(one part in 25 of what moves)."""
LOUDEST_GAIN_DB = 200.0
"""More than any sound over any other, and far from where single precision ends."""

Rendered = Callable[[int, int], tuple[Audio, ...]]
"""What gives the samples from one to another of every layout."""


def render(
    scene: Scene, layouts: Sequence[Layout], *, level_lufs: float | None = -23.0, engine: Engine = DEFAULT_ENGINE
) -> tuple[Audio, ...]:
    """The scene in each of ``layouts``, every one exactly ``scene.n_samples`` long; work is shared between them.

    ``level_lufs``: loudness of each result (one gain for all its channels, at most -1 dBTP), or None for the raw level, at
    which a 0 dB source at 1 m without a room has the energy of its stem. Ambisonics is ACN/SN3D.
    Random parts come from ``scene.seed``. A layout's samples do not depend on which others are asked for.
    InputError for an unknown layout, a source outside its room, Doppler in a room of pixels or a gain beyond `LOUDEST_GAIN_DB`.
    """
    rendered = _joined(render_blocks(scene, layouts, engine=engine), scene.n_samples)
    return tuple(audio if level_lufs is None else normalise(audio, level_lufs)[0] for audio in rendered)


def render_blocks(
    scene: Scene, layouts: Sequence[Layout], *, engine: Engine = DEFAULT_ENGINE, block_s: float = SPAN_S
) -> Iterator[tuple[Audio, ...]]:
    """Consecutive blocks of the raw `render` in each of ``layouts``: ``block_s`` long, the last shorter, ``n_samples`` in all.

    Their samples do not depend on ``block_s`` (in a room of pixels to double precision). Memory grows with it, not with the
    scene: stems and bed are read as they are needed. Errors are those of `render`, at the call; of a stem that cannot be read,
    at its block.
    """
    if not block_s > 0:
        raise InputError(f"a scene is rendered in blocks of a positive length, got {block_s} s")
    _check(scene, layouts)
    rendered = _recorded(scene, layouts, engine) if scene.room.kind == "pixels" else _rendered(scene, layouts, engine)
    size = max(1, round(min(block_s, scene.duration_s) * scene.sample_rate_hz))
    return (rendered(start, min(start + size, scene.n_samples)) for start in range(0, scene.n_samples, size))


def _joined(blocks: Iterator[tuple[Audio, ...]], n_samples: int) -> tuple[Audio, ...]:
    """The ``blocks`` of every layout one after the other: ``n_samples`` in all."""
    first = next(blocks)
    if all(audio.n_samples == n_samples for audio in first):
        return first
    whole = [np.empty((audio.layout.n_channels, n_samples), dtype=np.float32) for audio in first]
    start, block = 0, first
    while block:
        for samples, audio in zip(whole, block, strict=True):
            samples[:, start : start + audio.n_samples] = audio.samples
        start += block[0].n_samples
        block = next(blocks, ())
    return tuple(replace(audio, samples=samples) for audio, samples in zip(first, whole, strict=True))


def _check(scene: Scene, layouts: Sequence[Layout]) -> None:
    for layout in layouts:
        if LAYOUTS.get(layout.name) != layout:
            raise InputError(f"cannot render {layout.name}: choose one of {', '.join(LAYOUTS)}")
    for source in scene.sources:
        if source.muted:
            continue
        check_inside(scene.room, source)
        if source.gain_db > LOUDEST_GAIN_DB:
            raise InputError(
                f"the gain of {source.label!r} is {source.gain_db:g} dB: at most {LOUDEST_GAIN_DB:g} dB can be rendered"
            )


def _recorded(scene: Scene, layouts: Sequence[Layout], engine: Engine) -> Rendered:
    """The layouts that the paper's six microphones can give: 5.1 as they are, stereo as its downmix."""
    if engine.doppler:
        raise InputError("a room of pixels is heard through a simulator without Doppler: leave it out")
    for layout in layouts:
        if layout not in (SURROUND_5_1, STEREO):
            raise InputError(f"a room of pixels is heard by six microphones: it gives 5.1 or stereo, not {layout.name}")
    if scene.bed is not None and not scene.bed_muted:
        raise InputError("a room of pixels is heard by six microphones: it has no place for an ambisonic bed")
    heard = recorder(scene)

    def rendered(start: int, stop: int) -> tuple[Audio, ...]:
        surround = heard(start, stop)
        return tuple(
            Audio(surround if layout == SURROUND_5_1 else downmix_5_1_to_stereo(surround), scene.sample_rate_hz, layout)
            for layout in layouts
        )

    return rendered


def _rendered(scene: Scene, layouts: Sequence[Layout], engine: Engine) -> Rendered:
    """Voices in their room, the LFE and the ambisonic bed, in layouts that any number of places can be panned to."""
    if engine.doppler:
        scene = followed(scene)
    panner, voices, rate = Panner.for_layouts(layouts), voices_of(scene), scene.sample_rate_hz
    field = field_of(scene.room, scene.listener, panner, rate, engine)
    parts = _parts(scene, voices, field) if voices and panner.n_channels else []
    with_lfe = any(layout.lfe is not None for layout in layouts)
    beds = [_bed(scene, layout, engine.head) for layout in layouts]

    def rendered(start: int, stop: int) -> tuple[Audio, ...]:
        channels = np.zeros((panner.n_channels, stop - start), dtype=np.float32)
        for part in parts:
            part(channels, start)
        lfe = np.zeros(stop - start, dtype=np.float32) if with_lfe else None
        if lfe is not None:
            add_lfe(lfe, voices, engine.doppler, start)
        dry = (_as_layout(channels, layout, panner, lfe, rate) for layout in layouts)
        return tuple(audio if bed is None else bed(audio, start) for audio, bed in zip(dry, beds, strict=True))

    return rendered


def _parts(scene: Scene, voices: Sequence[Voice], field: Field) -> list[Part]:
    """What adds to the channels of the panner: early fields, moving sources' near paths, the tail."""
    n_samples, movers = scene.n_samples, [on_the_move(voice, field, scene.n_samples) for voice in voices if voice.moves]
    parts = [early_part(voices, field, n_samples)]
    if movers:
        parts.append(lambda out, begin: add_moving(out, movers, field, n_samples, begin))
    if field.mixing_s is not None and not all(voice.source.is_bed for voice in voices):
        parts.append(tail_part(voices, field, n_samples, np.random.default_rng([scene.seed, 0])))
    return parts


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


def _bed(scene: Scene, layout: Layout, head: Head) -> Callable[[Audio, int], Audio] | None:
    """What adds to a block from a sample on, decoded to its layout, the ambisonic bed as the turned head hears it, if any."""
    if scene.bed is None or scene.bed_muted:
        return None
    decoded, gain = decoder(scene.bed, layout, head_rotation(scene.listener), head), np.float32(10 ** (scene.bed_gain_db / 20))

    def added(audio: Audio, start: int) -> Audio:
        return replace(audio, samples=audio.samples + gain * decoded(start, start + audio.n_samples).samples)

    return added
