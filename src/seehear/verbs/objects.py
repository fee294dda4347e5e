"""A scene as objects and beds, for renderers of the Audio Definition Model."""

from __future__ import annotations

from dataclasses import replace

from seehear.acoustics.field import head_rotation
from seehear.acoustics.loudness import Loudness, level_plan
from seehear.acoustics.meter import Meter
from seehear.acoustics.render import render_blocks
from seehear.io.adm.programme import Bed, Programme
from seehear.io.soundtrack import amplified
from seehear.io.streams import spooled
from seehear.types import SURROUND_7_1_4, Direction, InputError, Layout, Room, Scene, Sound, Source, ambisonics

HIGHEST_ADM_ORDER = 3


def programme_of(scene: Scene, loudness: Loudness) -> Programme:
    """Every source with a place as an object, dry, as the turned listener sees it; all that surrounds in beds.

    What is heard from everywhere is one bed in 7.1.4, an ambisonic bed stays one (up to third order). One gain brings the whole
    to the loudness that it has in our own dry 7.1.4. Reverberation is left to the renderer. InputError for a room of pixels.
    """
    if scene.room.kind == "pixels":
        raise InputError("a room of pixels has six microphones and no objects: ADM needs --geometry camera")
    dry = replace(scene, room=Room())
    gain_db = _gain_db(dry, loudness)
    placed = tuple(_seen(source, scene, gain_db) for source in scene.sources if not source.is_bed)
    beds = []
    if any(source.is_bed and not source.muted for source in scene.sources):
        around = tuple(replace(source, muted=source.muted or not source.is_bed) for source in scene.sources)
        beds.append(Bed(_rendered(replace(dry, sources=around, bed=None), SURROUND_7_1_4, gain_db), "ambience"))
    if scene.bed is not None and not scene.bed_muted:
        layout = ambisonics(min(scene.bed.layout.order, HIGHEST_ADM_ORDER))
        beds.append(Bed(_rendered(replace(dry, sources=()), layout, gain_db), "ambisonic bed"))
    return Programme(placed, tuple(beds))


def _gain_db(dry: Scene, loudness: Loudness) -> float:
    meter = Meter(SURROUND_7_1_4, dry.sample_rate_hz)
    for (audio,) in render_blocks(dry, [SURROUND_7_1_4]):
        meter.add(audio.samples)
    return level_plan(meter, loudness, limit=False).gain_db


def _seen(source: Source, scene: Scene, gain_db: float) -> Source:
    """The source as the turned head hears it."""
    trajectory = source.trajectory
    if scene.listener != Direction(0.0):
        trajectory = replace(trajectory, directions=trajectory.directions @ head_rotation(scene.listener).T)
    return replace(source, trajectory=trajectory, gain_db=source.gain_db + gain_db)


def _rendered(scene: Scene, layout: Layout, gain_db: float) -> Sound:
    parts = (audio.samples for (audio,) in render_blocks(scene, [layout]))
    convention = "acn-sn3d" if layout.kind == "ambisonics" else ""
    return amplified(spooled(parts, scene.sample_rate_hz, layout, convention), gain_db)
