"""What a run tells: its sources, its sound, its models, and what else there is to know."""

from __future__ import annotations

from dataclasses import asdict, replace
from math import degrees, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from seehear.acoustics.room import room_for
from seehear.presets import AmbisonizePreset, SpatializePreset
from seehear.systems.spatialize import Sighting, SoundingObject, SpatializeOptions
from seehear.systems.spatialize.lanes import Lane, lanes_of
from seehear.types import Derived, Image, Rendering, Room, Scene, Source, Video, layout_named, n_samples
from seehear.verbs.ledger import Entry, licence_notes
from seehear.verbs.outputs import OutputOptions, Targets
from seehear.verbs.rendering import Levelled, levels

if TYPE_CHECKING:
    from seehear.io.mux import MuxReport

SEGMENT_KEYS = ("from_s", "to_s", "azimuth_deg", "elevation_deg", "distance_m", "score", "text", "moves", "motion")
"""What is told of each thing of a source in which several take turns."""


def shown_score(item: SoundingObject) -> float | None:
    """The probability of what was recognised; what the user said, and an ambience, have none."""
    return round(item.score, 3) if item.origin == "seen" else None


def sound_report(scene: Scene, heard: Levelled) -> dict[str, Any]:
    """Length, rate, room and measured loudness of a render."""
    room = scene.room
    return {
        "duration_s": scene.duration_s,
        "sample_rate_hz": scene.sample_rate_hz,
        "layout": heard.sound.layout.name,
        "room": {"kind": room.kind, "size_m": [round(edge, 2) for edge in room.size_m], "rt60_s": round(room.rt60_s, 3)},
        **levels(heard),
    }


def notes_of(
    sighting: Sighting, media: Image | Video, files: Targets, preset: SpatializePreset, outputs: OutputOptions
) -> list[str]:
    """Sentences for the user: what was seen, what was not, and what became of the original sound."""
    notes = list(sighting.notes)
    if sighting.uncertain and sighting.guesses:
        best = ", ".join(f"{name} {100 * score:.0f} %" for name, score in sighting.guesses)
        notes.append(f"Little was recognised with confidence; the best guesses were {best}.")
    if sighting.uncertain and preset.hint:
        notes.append(preset.hint)
    if files.video is not None and isinstance(media, Video) and media.has_audio and outputs.keep_audio_db is None:
        notes.append("The original sound of the video is dropped (--keep-audio DB mixes it in).")
    return notes


def room_notes(wanted: SpatializeOptions, sighting: Sighting, room: Room) -> list[str]:
    """Says which of several shots the room is of, or when the room that was asked for could not hold the sources."""
    asked = wanted.room
    if asked == "auto" and wanted.geometry == "camera" and sighting.room_shot_s is not None:
        start_s, stop_s = sighting.room_shot_s
        return [f"The acoustics are those of the shot from {start_s:.2f} to {stop_s:.2f} s."]
    if asked in ("small", "hall") and room.kind == "outdoor":
        return [f"The sources are too far away for --room {asked}: the acoustics are those of the open."]
    hall = room_for("hall", np.zeros((0, 3)))
    if asked == "small" and all(side >= least for side, least in zip(room.size_m, hall.size_m, strict=True)):
        return ["The sources are too far away for --room small: the acoustics are those of a hall."]
    return []


def source_reports(sighting: Sighting, scene: Scene, scale: float) -> list[dict[str, Any]]:
    """One report per source; ``scale`` takes boxes from the analysed frame to the original picture."""
    lanes = lanes_of(sighting.objects, scene.duration_s)
    return [_lane_report(lane, source, scale, scene.duration_s) for lane, source in zip(lanes, scene.sources, strict=True)]


def _lane_report(lane: Lane, source: Source, scale: float, duration_s: float) -> dict[str, Any]:
    """The report of one source; where several things take turns in it, that of the longest, and ``segments``: when and where
    each of them is."""
    if len(lane.objects) == 1:
        return _source_report(lane.objects[0], source, scale)
    parts = [replace(source, trajectory=item.place.trajectory, extent_rad=item.place.extent_rad) for item in lane.objects]
    told = [_source_report(item, part, scale) for item, part in zip(lane.objects, parts, strict=True)]
    longest = next(each for each, item in zip(told, lane.objects, strict=True) if item is lane.longest(duration_s))
    events_s = [time_s for each in told for time_s in each["events_s"]]
    whole = {"label": source.label, "moves": True, "events_s": events_s, "from_s": told[0]["from_s"], "to_s": told[-1]["to_s"]}
    return {**longest, **whole, "segments": [{key: each[key] for key in SEGMENT_KEYS} for each in told]}


def video_notes(video: MuxReport | None, outputs: OutputOptions) -> list[str]:
    """What became of a video's own sound, and of the peaks of the new one."""
    if video is None:
        return []
    notes = []
    if video.kept_audio:
        turned = ""
        if video.mix_gain_db < 0:
            turned = f"; the mix was turned down by {-video.mix_gain_db:.1f} dB so that it does not clip"
        notes.append(f"The original sound is mixed into the video at {outputs.keep_audio_db:+g} dB{turned}.")
    if video.coded_gain_db < 0:
        notes.append(f"The video's sound is {-video.coded_gain_db:.1f} dB lower: its coder adds to the peaks.")
    return notes


def _source_report(item: SoundingObject, source: Source, scale: float) -> dict[str, Any]:
    x, y, z = source.trajectory.directions[len(source.trajectory.times_s) // 2]
    moving = not source.trajectory.is_static
    start_s, stop_s = item.place.active_s
    return {
        "label": item.concept.name,
        "text": item.text or None,
        "origin": item.origin,
        "score": shown_score(item),
        "azimuth_deg": None if source.is_bed else round(degrees(np.arctan2(y, x)), 1),
        "elevation_deg": None if source.is_bed else round(degrees(np.arcsin(np.clip(z, -1, 1))), 1),
        "distance_m": None if source.is_bed else round(float(np.median(source.trajectory.distances_m)), 2),
        "extent_deg": round(degrees(source.extent_rad), 1),
        "box": None if item.place.box is None else [round(scale * edge, 1) for edge in item.place.box],
        "moves": moving,
        "motion": item.motion is not None,
        "events_s": [] if item.motion is None else [round(time_s, 3) for time_s in item.motion.events_s],
        "from_s": round(start_s, 2),
        "to_s": round(stop_s, 2) if isfinite(stop_s) else None,
        "gain_db": round(source.gain_db, 2),
    }


def download_gb(preset: SpatializePreset | AmbisonizePreset) -> float | None:
    """What a run would download first, in GB; None where the size of a model is not known."""
    sizes = [part.size_mib for part in preset.parts if part.get is not None]
    return None if None in sizes else round(sum(size for size in sizes if size is not None) * 2**20 / 1e9, 2)


def plan(
    media: Image | Video,
    duration_s: float,
    wanted: SpatializeOptions,
    files: Targets,
    preset: SpatializePreset,
    ledger: list[Entry],
) -> Rendering:
    """An empty rendering whose report tells what would be done."""
    layout = layout_named(wanted.layout)
    length = n_samples(duration_s, wanted.rate_hz)  # of six hours, too, nothing is made
    n_channels = layout.n_channels
    silent = Derived(wanted.rate_hz, layout, "", length, lambda start, stop: np.zeros((n_channels, stop - start), np.float32))
    report = {
        "dry_run": True,
        "input": {"kind": type(media).__name__.lower(), "width_px": media.width_px, "height_px": media.height_px},
        "duration_s": duration_s,
        "options": asdict(wanted),
        "models": ledger,
        "download_gb": download_gb(preset),
        "notes": licence_notes(ledger),
        "files": [str(path) for path in (*files.files, *([files.stems] if files.stems is not None else []))],
    }
    return Rendering(silent, Scene((), Room(), duration_s, wanted.rate_hz, wanted.seed), report)
