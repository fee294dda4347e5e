"""A scene as objects and beds, for renderers of the Audio Definition Model.

An object is what is heard of a source on the straight way; the bed is all else of our own 7.1.4 render: the room, what is
heard from everywhere, the LFE. So a renderer that pans as we do gives what we give. Shapes: C channels, T samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.field import head_rotation
from seehear.acoustics.loudness import Loudness, level_plan
from seehear.acoustics.meter import Meter
from seehear.acoustics.moving import FRAME_HOP_S
from seehear.acoustics.render import render_blocks
from seehear.io.adm.programme import Bed, Programme
from seehear.io.soundtrack import amplified, weighted
from seehear.io.streams import spooled
from seehear.types import (
    FRONT,
    MONO,
    NEAREST_M,
    SURROUND_7_1_4,
    InputError,
    Layout,
    Room,
    Scene,
    Sound,
    Source,
    ambisonics,
    peak_of,
)

HIGHEST_ADM_ORDER = 3
FULL_SCALE_DB = -0.01
"""What a track may reach: rounding must not carry it over full scale, where PCM ends."""
LEAST_PEAK = 2.0**-24
"""Half a step of 24 bits: what stays below is silence in the file."""


def programme_of(scene: Scene, loudness: Loudness) -> Programme:
    """Every source with a place as an object, as the turned listener sees it; all else of the scene in beds.

    An object's track is its stem through the air on its way, at 1 m; the loudness and the distance law are gains of the
    object. The bed in 7.1.4 is our render without the objects' direct sound and without an ambisonic bed, which stays one (up
    to third order); a silent bed is left out. One gain brings the whole to its loudness in our 7.1.4, less where a peak of it,
    or of a bed, would pass what is allowed. InputError for a room of pixels.
    """
    if scene.room.kind == "pixels":
        raise InputError("a room of pixels has six microphones and no objects: ADM needs --geometry camera")
    meter = Meter(SURROUND_7_1_4, scene.sample_rate_hz)
    sounds: list[tuple[Sound, str]] = [
        (spooled(_around(scene, meter), scene.sample_rate_hz, SURROUND_7_1_4), "room and ambience")
    ]
    if _has_bed(scene):
        sounds.append((_ambisonic_bed(scene), "ambisonic bed"))
    peaks = [peak_of(sound) for sound, _ in sounds]
    headrooms_db = [FULL_SCALE_DB - 20 * math.log10(peak) for peak in peaks if peak > 0]
    gain_db = min([level_plan(meter, loudness, limit=False).gain_db, *headrooms_db])
    placed = tuple(_object(source, scene, gain_db) for source in scene.sources if not (source.is_bed or source.muted))
    beds = [Bed(amplified(sound, gain_db), label) for sound, label in sounds]
    heard = [bed for bed, peak in zip(beds, peaks, strict=True) if peak * 10 ** (gain_db / 20) >= LEAST_PEAK]
    return Programme(placed, tuple(heard if placed or heard else beds))


def _has_bed(scene: Scene) -> bool:
    return scene.bed is not None and not scene.bed_muted


def _around(scene: Scene, meter: Meter) -> Iterator[NDArray[np.float32]]:
    """Blocks (C, T) of our raw 7.1.4 without the objects' direct sound and the ambisonic bed; ``meter`` hears all of it."""
    whole = _rendered(replace(scene, bed=None), SURROUND_7_1_4)
    placed = tuple(replace(source, muted=source.muted or source.is_bed, lfe=False) for source in scene.sources)
    direct = _rendered(replace(scene, sources=placed, room=Room(), bed=None), SURROUND_7_1_4)
    field = _rendered(replace(scene, sources=()), SURROUND_7_1_4) if _has_bed(scene) else None
    for samples in whole:
        meter.add(samples if field is None else samples + next(field))
        yield samples - next(direct)


def _ambisonic_bed(scene: Scene) -> Sound:
    assert scene.bed is not None
    layout = ambisonics(min(scene.bed.layout.order, HIGHEST_ADM_ORDER))
    return spooled(_rendered(replace(scene, sources=()), layout), scene.sample_rate_hz, layout, "acn-sn3d")


def _rendered(scene: Scene, layout: Layout) -> Iterator[NDArray[np.float32]]:
    return (audio.samples for (audio,) in render_blocks(scene, [layout]))


def _object(source: Source, scene: Scene, gain_db: float) -> Source:
    """The source as the turned head hears it, through the air; a track beyond full scale is turned down and its gain up."""
    track = _through_air(source, scene)
    peak = peak_of(track)
    over_db = 20 * math.log10(peak) - FULL_SCALE_DB if peak > 1 else 0.0
    trajectory = source.trajectory
    if scene.listener != FRONT:
        trajectory = replace(trajectory, directions=trajectory.directions @ head_rotation(scene.listener).T)
    gain_db = source.gain_db + gain_db + over_db
    return replace(source, audio=amplified(track, -over_db), trajectory=trajectory, gain_db=gain_db)


def _through_air(source: Source, scene: Scene) -> Sound:
    """The stem as it arrives on the straight way, but at 1 m: what the distance law takes is given back."""
    alone = replace(source, gain_db=0.0, extent_rad=0.0, lfe=False)
    direct = replace(scene, sources=(alone,), room=Room(), bed=None, listener=FRONT)
    rate, trajectory = scene.sample_rate_hz, source.trajectory
    hop = round(FRAME_HOP_S * rate)

    def law(start: int, stop: int) -> NDArray[np.float32]:
        knots = hop * np.arange(start // hop, -(-stop // hop) + 1)
        distances_m = np.maximum(trajectory.at(knots / rate)[1], NEAREST_M)
        return np.interp(np.arange(start, stop), knots, distances_m).astype(np.float32)

    return weighted(spooled(_rendered(direct, MONO), rate, MONO), law)
