"""``spatialize``: a photo, GIF or video in, spatial sound out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from math import degrees, isfinite, radians
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import seehear
from seehear.io.files import check_input
from seehear.presets import SpatializePreset, spatialize_preset
from seehear.systems.spatialize import Geometry, Sighting, SoundingObject, SpatializeOptions, compose, sight
from seehear.types import FOA, Audio, Image, InputError, Layout, Rendering, Scene, Video, layout_named
from seehear.verbs.outputs import OutputOptions, Targets, targets
from seehear.verbs.progress import Stages, Watcher, unwatched

if TYPE_CHECKING:
    from seehear.io.mux import MuxReport

STILL_S = 10.0
MAX_VIDEO_S = 3600.0
"""A whole scene is held in memory; damaged files may also claim to last for days."""
ANALYSIS_SIDE_PX = 640
"""Regions, cues and crops are computed on frames of at most this side."""
KEYFRAME_S = 0.3
MAX_KEYFRAMES = 60
"""A longer video has its keyframes further apart, so that memory and time do not grow with its length."""

Picture = str | Path | Image | NDArray[np.uint8]


def spatialize(picture: Picture, *, watch: Watcher = unwatched, dry_run: bool = False, **options: Any) -> Rendering:
    """The spatial sound of a picture: its audio in the wanted layout, the scene behind it, and a report.

    ``picture`` is a path (photo, GIF, video), an :class:`Image` or a uint8 array (H, W, 3). ``options`` are the fields of
    :class:`SpatializeOptions` (what to make) and :class:`OutputOptions` (which files to write; none by default).
    With ``dry_run`` nothing is made: the report of the empty rendering tells the resolved plan. InputError for
    anything the caller can fix. Source: SEE-2-SOUND (Dagli et al. 2024), see docs/see2sound.md.
    """
    # Media libraries load when there is work, not at start-up.
    from seehear.io.scene import as_written
    from seehear.verbs.write import Deliverables, write_all

    wanted, outputs = split_options(options)
    layout = layout_named(wanted.layout)
    name = check_input(picture).stem if isinstance(picture, str | Path) else "picture"
    files = targets(outputs, name, layout)
    preset = spatialize_preset(wanted.models)
    stages = Stages(watch)
    with stages.stage("reading", 0.03):
        media = _read(picture)
        duration_s = _duration_s(media, wanted.seconds)
        if outputs.keep_audio_db is not None and not (isinstance(media, Video) and media.has_audio):
            raise InputError("--keep-audio needs a video with sound: this picture has none")
    if dry_run:
        return _plan(media, duration_s, wanted, files, preset)
    with stages.stage("looking", 0.3):
        frames = _frames(media, duration_s)
        sighting = _sight(frames, preset, wanted)
    with stages.stage("making sounds", 0.3) as tell:
        scene = _compose(sighting, preset, wanted, duration_s, isinstance(media, Video), tell)
        scene = as_written(scene)
    with stages.stage("rendering", 0.2):
        renders = _render(scene, files, layout, outputs, wanted)
    report = _report(sighting, scene, renders[layout.name], media, frames[0][1], preset, wanted, outputs)
    with stages.stage("drawing", 0.05):
        figure = None
        if files.figure is not None:
            figure = _figure(sighting, scene, renders, layout, f"{name}: what is heard where", wanted)
    with stages.stage("writing", 0.12):
        extra = {
            "made_by": {
                "seehear": seehear.__version__,
                "verb": "spatialize",
                "options": asdict(wanted),
                "models": report["models"],
            }
        }
        video = write_all(files, Deliverables(media, scene, renders, outputs.video_layout, figure, extra), outputs)
    report["notes"] += _video_notes(video, outputs)
    report |= {"files": [str(path) for path in files.files], "seconds": stages.seconds}
    return Rendering(renders[layout.name], scene, report, figure)


def split_options(options: Mapping[str, Any]) -> tuple[SpatializeOptions, OutputOptions]:
    """The two option values of a call; InputError names an unknown option."""
    names = [{f.name for f in fields(kind)} for kind in (SpatializeOptions, OutputOptions)]
    unknown = sorted(set(options) - names[0] - names[1])
    if unknown:
        raise InputError(f"unknown option {unknown[0]!r}: spatialize takes {', '.join(sorted(names[0] | names[1]))}")
    wanted = dict(options)
    if isinstance(wanted.get("objects"), str):
        wanted["objects"] = (wanted["objects"],)
    if "objects" in wanted:
        wanted["objects"] = tuple(wanted["objects"])
    first, second = ({k: v for k, v in wanted.items() if k in known} for known in names)
    return SpatializeOptions(**first), OutputOptions(**second)


def _read(picture: Picture) -> Image | Video:
    from seehear.io.video import read_media

    if isinstance(picture, Image):
        return picture
    return Image(np.ascontiguousarray(picture)) if isinstance(picture, np.ndarray) else read_media(picture)


def _duration_s(media: Image | Video, seconds: float | None) -> float:
    if isinstance(media, Image):
        return STILL_S if seconds is None else seconds
    if seconds is None and media.duration_s > MAX_VIDEO_S:
        raise InputError(f"the video says it lasts {media.duration_s:.0f} s: give --seconds of at most {MAX_VIDEO_S:.0f}")
    if seconds is not None and seconds > media.duration_s + 1 / media.frame_rate_hz:
        raise InputError(f"--seconds {seconds:g} is longer than the video, which lasts {media.duration_s:.2f} s")
    return media.duration_s if seconds is None else min(seconds, media.duration_s)


def _frames(media: Image | Video, duration_s: float) -> list[tuple[float, Image]]:
    """Keyframes at analysis size; a still is one."""
    from seehear.io.video import read_frames
    from seehear.vision.pixels import shrink

    if isinstance(media, Image):
        small = np.rint(255 * shrink(media.rgb, ANALYSIS_SIDE_PX)).astype(np.uint8)
        return [(0.0, Image(small, media.focal_35mm))]
    step_s = max(KEYFRAME_S, duration_s / MAX_KEYFRAMES)
    keyframes = []
    for time_s, frame in read_frames(media, every_s=step_s, max_side_px=ANALYSIS_SIDE_PX):
        if time_s >= duration_s and keyframes:
            break
        keyframes.append((time_s, frame))
    return keyframes


def _sight(frames: list[tuple[float, Image]], preset: SpatializePreset, wanted: SpatializeOptions) -> Sighting:
    eyes = preset.eyes(wanted.outline)
    return sight(frames, eyes, _geometry(wanted), n_sources=wanted.sources, say=wanted.say, objects=wanted.objects)


def _geometry(wanted: SpatializeOptions) -> Geometry:
    fov_rad = None if wanted.fov_deg is None else radians(wanted.fov_deg)
    return Geometry(fov_rad, wanted.equirectangular, wanted.near_m, wanted.far_m)


def _compose(
    sighting: Sighting,
    preset: SpatializePreset,
    wanted: SpatializeOptions,
    duration_s: float,
    moves: bool,
    tell: Callable[[str, float], None],
) -> Scene:
    count = len(sighting.objects)
    made = iter(range(count))
    return compose(
        sighting, preset.generator(), wanted, duration_s, moves=moves, progress=lambda what: tell(what, next(made) / count)
    )


def _render(scene: Scene, files: Targets, layout: Layout, outputs: OutputOptions, wanted: SpatializeOptions) -> dict[str, Audio]:
    """Every layout that a file or the caller needs, from one pass over the scene."""
    from seehear.acoustics.render import render

    needed = [layout, *(each for _, each in files.audio)]
    needed += [layout_named(outputs.video_layout)] if files.video is not None else []
    needed += [FOA] if files.figure is not None else []
    layouts = list({each.name: each for each in needed}.values())
    return {audio.layout.name: audio for audio in render(scene, layouts, level_lufs=wanted.level_lufs)}


def _figure(
    sighting: Sighting, scene: Scene, renders: Mapping[str, Audio], layout: Layout, title: str, wanted: SpatializeOptions
) -> bytes:
    from seehear.figures import Mark, explain

    marks = [
        Mark(item.concept.name, _score(item), source.trajectory, source.extent_rad, item.place.box, item.place.polygon)
        for item, source in zip(sighting.objects, scene.sources, strict=True)
    ]
    hfov_rad = None if wanted.equirectangular else _geometry(wanted).camera(sighting.picture).hfov_rad
    return explain(sighting.picture, marks, renders[layout.name], renders[FOA.name], title=title, hfov_rad=hfov_rad)


# ------------------------------------------------------------------------------------------------ report


def _score(item: SoundingObject) -> float | None:
    return round(item.score, 3) if item.origin == "seen" else None


def _report(
    sighting: Sighting,
    scene: Scene,
    audio: Audio,
    media: Image | Video,
    frame: Image,
    preset: SpatializePreset,
    wanted: SpatializeOptions,
    outputs: OutputOptions,
) -> dict[str, Any]:
    from seehear.acoustics.loudness import integrated_lufs, true_peak_dbtp

    notes = list(sighting.notes)
    if sighting.uncertain and preset.hint:
        notes.append(preset.hint)
    if isinstance(media, Video) and media.has_audio and outputs.keep_audio_db is None:
        notes.append("The original sound of the video is dropped (--keep-audio DB mixes it in).")
    scale = media.width_px / frame.width_px
    return {
        "version": seehear.__version__,
        "sources": [_source_report(item, source, scale) for item, source in zip(sighting.objects, scene.sources, strict=True)],
        "duration_s": scene.duration_s,
        "sample_rate_hz": scene.sample_rate_hz,
        "layout": audio.layout.name,
        "room": {"kind": scene.room.kind, "size_m": scene.room.size_m, "rt60_s": round(scene.room.rt60_s, 3)},
        "loudness_lufs": _finite(integrated_lufs(audio)),
        "true_peak_dbtp": _finite(true_peak_dbtp(audio)),
        "seed": wanted.seed,
        "models": _models(preset),
        "notes": notes,
    }


def _video_notes(video: MuxReport | None, outputs: OutputOptions) -> list[str]:
    """What became of a video's own sound."""
    if video is None or not video.kept_audio:
        return []
    turned = f"; the mix was turned down by {-video.mix_gain_db:.1f} dB so that it does not clip" if video.mix_gain_db < 0 else ""
    return [f"The original sound is mixed into the video at {outputs.keep_audio_db:+g} dB{turned}."]


def _finite(value: float) -> float | None:
    return round(value, 2) if isfinite(value) else None


def _source_report(item: SoundingObject, source: Any, scale: float) -> dict[str, Any]:
    x, y, z = source.trajectory.directions[len(source.trajectory.times_s) // 2]
    moving = not source.trajectory.is_static
    start_s, stop_s = item.place.active_s
    return {
        "label": item.concept.name,
        "origin": item.origin,
        "score": _score(item),
        "azimuth_deg": None if source.is_bed else round(degrees(np.arctan2(y, x)), 1),
        "elevation_deg": None if source.is_bed else round(degrees(np.arcsin(np.clip(z, -1, 1))), 1),
        "distance_m": None if source.is_bed else round(float(np.median(source.trajectory.distances_m)), 2),
        "extent_deg": round(degrees(source.extent_rad), 1),
        "box": None if item.place.box is None else [round(scale * edge, 1) for edge in item.place.box],
        "moves": moving,
        "from_s": round(start_s, 2),
        "to_s": round(stop_s, 2) if isfinite(stop_s) else None,
        "gain_db": round(source.gain_db, 2),
    }


def _models(preset: SpatializePreset) -> list[dict[str, Any]]:
    return [{k: v for k, v in asdict(part).items() if v is not None} for part in preset.parts]


def _plan(
    media: Image | Video, duration_s: float, wanted: SpatializeOptions, files: Targets, preset: SpatializePreset
) -> Rendering:
    """An empty rendering whose report tells what would be done."""
    from seehear.types import Room, n_samples

    layout = layout_named(wanted.layout)
    silent = Audio(np.zeros((layout.n_channels, n_samples(duration_s, wanted.rate_hz)), np.float32), wanted.rate_hz, layout)
    report = {
        "dry_run": True,
        "input": {"kind": type(media).__name__.lower(), "width_px": media.width_px, "height_px": media.height_px},
        "duration_s": duration_s,
        "options": asdict(wanted),
        "models": _models(preset),
        "download_mib": 0,
        "files": [str(path) for path in files.files],
    }
    return Rendering(silent, Scene((), Room(), duration_s, wanted.rate_hz, wanted.seed), report)
