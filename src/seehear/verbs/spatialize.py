"""``spatialize``: a photo, GIF or video in, spatial sound out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from math import radians
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
from numpy.typing import NDArray

import seehear
from seehear.acoustics.microphones import pixel_room
from seehear.io.files import check_input, file_sha256
from seehear.presets import ModelOptions, SpatializePreset, spatialize_preset
from seehear.systems.spatialize import (
    WATCH_SIDE_PX,
    Geometry,
    Sighting,
    SoundingObject,
    SpatializeOptions,
    check_words,
    compose,
    keyframe_times,
    sight,
    watch,
)
from seehear.systems.spatialize.ambience import ambience_note, check_ambience, with_ambience, without_ambience
from seehear.types import BINAURAL, FOA, NOT_STATED, Audio, Image, InputError, Layout, Rendering, Scene, Video, layout_named
from seehear.verbs.ledger import Entry, check_commercial, entry, licence_notes, models_of
from seehear.verbs.listening import Listener, listener
from seehear.verbs.outputs import OutputOptions, Targets, targets, video_layout
from seehear.verbs.progress import Stages, Watcher, unwatched
from seehear.verbs.report import (
    kept_sound_notes,
    notes_of,
    plan,
    room_notes,
    shown_score,
    sound_report,
    source_reports,
)

STILL_S = 10.0
MAX_VIDEO_S = 3600.0
"""A whole scene is held in memory; damaged files may also claim to last for days."""
ANALYSIS_SIDE_PX = 640
"""Regions, cues and crops are computed on frames of at most this side."""
LABEL_CHARACTERS = 28
"""Descriptions are drawn shortened; the report has all of them."""
WATCH_STEP_S = 1 / 60
"""Of a faster video not every frame is watched."""

Picture = str | Path | Image | NDArray[np.uint8]


def spatialize(
    picture: Picture,
    *,
    watch: Watcher = unwatched,
    dry_run: bool = False,
    preset: SpatializePreset | None = None,
    **options: Any,
) -> Rendering:
    """The spatial sound of a picture: its audio in the wanted layout, the scene behind it, and a report.

    ``picture`` is a path (photo, GIF, video), an :class:`Image` or a uint8 array (H, W, 3). ``options`` are the fields of
    :class:`SpatializeOptions` (what to make), :class:`OutputOptions` (which files to write; none by default) and
    :class:`ModelOptions` (how to run models). Many runs may share one ``preset`` (:func:`seehear.presets.spatialize_preset`),
    which loads its models once; it takes the place of ``models``.
    With ``dry_run`` nothing is made: the report of the empty rendering tells the resolved plan. InputError for
    anything the caller can fix. Source: SEE-2-SOUND (Dagli et al. 2024), see docs/see2sound.md.
    """
    wanted, outputs, models = split_options(options)
    preset = preset or spatialize_preset(wanted.models, models)
    if wanted.commercial_only:
        preset = replace(preset, hint=None)  # it names weights that must not be sold
    check_words(wanted, free=preset.reads_text)
    name = check_input(picture).stem if isinstance(picture, str | Path) else "picture"
    files = _files(wanted, outputs, name)
    stages = Stages(watch)
    with stages.stage("reading", 0.03):
        given = _given(picture, wanted, outputs)
        ears = listener(wanted.hrtf, files.heard)
    ledger = _ledger(preset, ears, wanted, outputs, name)
    if dry_run:
        return plan(given.media, given.duration_s, wanted, files.targets, preset, ledger)
    if preset.prepare is not None:
        with stages.stage("getting models", 0.05) as tell:
            preset = preset.ready(tell)
        ledger = _ledger(preset, ears, wanted, outputs, name)
    with stages.stage("looking", 0.3), _imported_beside("scipy.signal"):
        sighting = _look(given, preset, wanted)
    with stages.stage("making sounds", 0.3) as tell:
        scene = _compose(sighting, preset, wanted, given, tell)
    with stages.stage("rendering", 0.15):
        renders = _render(scene, files.heard, ears, wanted)
    made = _Made(sighting, scene, renders)
    report = _report(made, given, files, wanted, ledger)
    report["notes"] = _notes(made, given, files, wanted, preset, outputs) + licence_notes(ledger)
    with stages.stage("writing", 0.17), _drawn(made, files, name, given.geometry) as figure:
        written, notes = _write(made, figure, given, files, outputs, {"options": asdict(wanted), "models": report["models"]})
    report["notes"] += notes
    report |= {"files": written, "seconds": stages.seconds}
    return Rendering(renders[files.layout.name], scene, report, None if figure is None else figure())


@dataclass(frozen=True)
class _Given:
    """What a run starts from, read and checked."""

    media: Image | Video
    duration_s: float
    geometry: Geometry
    ambience: Audio | None


@dataclass(frozen=True)
class _Files:
    """What a run writes, and the layouts that it takes."""

    targets: Targets
    layout: Layout
    """Of the audio that the caller gets."""
    of_video: Layout
    """Of the sound in the video file."""
    heard: list[Layout]
    """Every one that a file or the caller needs."""


@dataclass(frozen=True)
class _Made:
    """What a run has made, before anything is written."""

    sighting: Sighting
    scene: Scene
    renders: Mapping[str, Audio]
    """By the name of their layout."""


def split_options(options: Mapping[str, Any]) -> tuple[SpatializeOptions, OutputOptions, ModelOptions]:
    """The three option values of a call; InputError names an unknown option."""
    names = [{f.name for f in fields(kind)} for kind in (SpatializeOptions, OutputOptions, ModelOptions)]
    unknown = sorted(set(options) - set().union(*names))
    if unknown:
        raise InputError(f"unknown option {unknown[0]!r}: spatialize takes {', '.join(sorted(set().union(*names)))}")
    first, second, third = ({k: v for k, v in options.items() if k in known} for known in names)
    return SpatializeOptions(**first), OutputOptions(**second), ModelOptions(**third)


def _files(wanted: SpatializeOptions, outputs: OutputOptions, name: str) -> _Files:
    layout = layout_named(wanted.layout)
    headphones = None if wanted.geometry == "paper" else BINAURAL
    files = targets(outputs, name, layout, headphones)
    of_video = video_layout(outputs, layout, headphones)
    return _Files(files, layout, of_video, _layouts(files, layout, of_video, wanted))


def _given(picture: Picture, wanted: SpatializeOptions, outputs: OutputOptions) -> _Given:
    media = _read(picture)
    duration_s = _duration_s(media, wanted.seconds)
    _check_media(media, wanted, outputs)
    return _Given(media, duration_s, _geometry(wanted, media), _ambience(wanted))


def _ledger(
    preset: SpatializePreset, ears: Listener, wanted: SpatializeOptions, outputs: OutputOptions, name: str
) -> list[Entry]:
    """All that takes part; InputError when something of it must not be sold and only what may was asked for."""
    ledger: list[Entry] = [*models_of(preset), *([ears.credit] if ears.credit else [])]
    if wanted.bed:
        ledger.append(entry("bed", Path(wanted.bed).name, wanted.bed_licence or NOT_STATED, sha256=file_sha256(wanted.bed)))
    if wanted.commercial_only:
        check_commercial(ledger)
    if outputs.keep_audio_db is not None:  # whose video it is, is theirs to know who hands it in
        ledger.append(entry("original sound", name, "that of the video"))
    return ledger


def _read(picture: Picture) -> Image | Video:
    from seehear.io.image import check_size
    from seehear.io.video import read_media

    if isinstance(picture, str | Path):
        return read_media(picture)
    if not isinstance(picture, Image | np.ndarray):
        raise InputError(f"a picture is a path, an Image or a uint8 array (height, width, 3), got {type(picture).__name__}")
    image = picture if isinstance(picture, Image) else Image(np.ascontiguousarray(picture))
    check_size("the picture", image.width_px, image.height_px)
    return image


def _ambience(wanted: SpatializeOptions) -> Audio | None:
    """The ambisonic recording that --bed names, if it does."""
    from seehear.io.audio import ORDERS, read_ambisonics

    if not wanted.bed:
        return None
    recorded = read_ambisonics(wanted.bed, ORDERS[wanted.bed_order])
    check_ambience(recorded, wanted.bed)
    return recorded


def _check_media(media: Image | Video, wanted: SpatializeOptions, outputs: OutputOptions) -> None:
    """InputError where an option asks for what this picture does not have."""
    if outputs.keep_audio_db is not None and not (isinstance(media, Video) and media.has_audio):
        raise InputError("--keep-audio needs a video with sound: this picture has none")
    aspect = media.width_px / media.height_px
    if wanted.equirectangular and not 1.8 <= aspect <= 2.2:
        raise InputError(f"an equirectangular picture is twice as wide as high, this one is {aspect:.2f} times as wide")


def _duration_s(media: Image | Video, seconds: float | None) -> float:
    if isinstance(media, Image):
        return STILL_S if seconds is None else seconds
    if seconds is None and media.duration_s > MAX_VIDEO_S:
        raise InputError(f"the video says it lasts {media.duration_s:.0f} s: give --seconds of at most {MAX_VIDEO_S:.0f}")
    if seconds is not None and seconds > media.duration_s + 1 / media.frame_rate_hz:
        raise InputError(f"--seconds {seconds:g} is longer than the video, which lasts {media.duration_s:.2f} s")
    return media.duration_s if seconds is None else min(seconds, media.duration_s)


def _look(given: _Given, preset: SpatializePreset, wanted: SpatializeOptions) -> Sighting:
    """What is seen and will be heard; a recorded ambience takes the place of those that sight suggests."""
    sighting = _sight(given.media, given.duration_s, preset, wanted, given.geometry)
    return sighting if given.ambience is None else without_ambience(sighting)


def _sight(
    media: Image | Video, duration_s: float, preset: SpatializePreset, wanted: SpatializeOptions, geometry: Geometry
) -> Sighting:
    """What is seen at analysis size: a still at once; a video watched small and whole, then its keyframes one shot at a time."""
    from seehear.io.video import read_frames
    from seehear.vision.pixels import shrink

    asked: dict[str, Any] = {"n_sources": wanted.sources, "say": wanted.say, "objects": wanted.objects}
    asked["reads_text"] = preset.reads_text
    eyes = preset.eyes(wanted.outline, geometry.equirectangular)
    if isinstance(media, Image):
        small = np.rint(255 * shrink(media.rgb, ANALYSIS_SIDE_PX)).astype(np.uint8)
        return sight([(0.0, Image(small, media.focal_35mm))], eyes, geometry, **asked)
    small = read_frames(media, every_s=WATCH_STEP_S, max_side_px=WATCH_SIDE_PX)
    watched = watch(until(small, duration_s), duration_s, wraps=geometry.equirectangular)
    times = keyframe_times(watched.shots, duration_s)
    frames = until(read_frames(media, at_s=times, max_side_px=ANALYSIS_SIDE_PX), duration_s)
    return sight(frames, eyes, geometry, watched=watched, **asked)


def until(frames: Iterator[tuple[float, Image]], stop_s: float) -> Iterator[tuple[float, Image]]:
    """The frames before ``stop_s``, the first one in any case."""
    for index, (time_s, frame) in enumerate(frames):
        if index and time_s >= stop_s:
            return
        yield time_s, frame


def _geometry(wanted: SpatializeOptions, media: Image | Video) -> Geometry:
    if wanted.geometry == "paper":
        pixel_room(media.width_px, media.height_px)  # refuses a picture that is too small before any work
        return Geometry(pixels=(media.width_px, media.height_px))
    fov_rad = None if wanted.fov_deg is None else radians(wanted.fov_deg)
    told = isinstance(media, Video) and media.equirectangular and fov_rad is None
    return Geometry(fov_rad, wanted.equirectangular or told, wanted.near_m, wanted.far_m)


def _panorama_notes(media: Image | Video, wanted: SpatializeOptions, geometry: Geometry, picture: Image) -> list[str]:
    """Says that a video's own word was taken for a panorama, or that a picture looks like one."""
    from seehear.vision.panorama import looks_like_panorama

    if geometry.equirectangular and not wanted.equirectangular:
        return ["The file says that it is a 360-degree equirectangular video, and is heard as one (--fov says otherwise)."]
    is_asked = geometry.equirectangular or geometry.pixels is not None or wanted.fov_deg is not None
    if is_asked or not looks_like_panorama(picture):
        return []
    kind = "video" if isinstance(media, Video) else "picture"
    return [f"This {kind} looks like a 360-degree panorama: --equirectangular hears it from all around."]


def _compose(
    sighting: Sighting,
    preset: SpatializePreset,
    wanted: SpatializeOptions,
    given: _Given,
    tell: Callable[[str, float], None],
) -> Scene:
    """The scene, as its file would keep it, with the recorded ambience if there is one."""
    from seehear.io.scene import as_written

    media, moves = given.media, isinstance(given.media, Video)
    count = len(sighting.objects)
    begun: list[str] = []

    def begin(what: str) -> None:
        begun.append(what)
        tell(what, (len(begun) - 1) / count)

    def go_on(part: float) -> None:
        tell(begun[-1], (len(begun) - 1 + part) / count)

    scene = compose(
        sighting,
        preset.generator(go_on),
        wanted,
        given.duration_s,
        moves=moves,
        room=pixel_room(media.width_px, media.height_px) if wanted.geometry == "paper" else None,
        progress=begin,
    )
    if given.ambience is not None:
        scene = with_ambience(scene, given.ambience, wanted.bed_level_db or 0.0, moves=moves)
    return as_written(scene)


def _layouts(files: Targets, layout: Layout, sound_of_video: Layout, wanted: SpatializeOptions) -> list[Layout]:
    """Every layout that a file or the caller needs."""
    needed = [layout, *(each for _, each in files.audio)]
    needed += [sound_of_video] if files.video is not None else []
    needed += [FOA] if files.figure is not None and wanted.geometry != "paper" else []
    return list({each.name: each for each in needed}.values())


def _render(scene: Scene, layouts: Sequence[Layout], ears: Listener, wanted: SpatializeOptions) -> dict[str, Audio]:
    """Every layout from one pass over the scene."""
    from seehear.acoustics.field import Engine
    from seehear.acoustics.render import render

    renders = render(scene, layouts, level_lufs=wanted.level_lufs, engine=Engine(head=ears.head, doppler=wanted.doppler))
    return {audio.layout.name: audio for audio in renders}


def _report(made: _Made, given: _Given, files: _Files, wanted: SpatializeOptions, ledger: list[Entry]) -> dict[str, Any]:
    """What was made, of what and by which models; the loudness is that of the first file."""
    sighting, scene = made.sighting, made.scene
    written = files.layout if files.targets.audio or files.targets.video is None else files.of_video
    return {
        "version": seehear.__version__,
        "sources": source_reports(sighting, scene, given.media.width_px / sighting.picture.width_px),
        "guesses": [{"label": name, "score": round(score, 3)} for name, score in sighting.guesses],
        **sound_report(scene, made.renders[written.name]),
        "seed": wanted.seed,
        "models": ledger,
    }


def _notes(
    made: _Made, given: _Given, files: _Files, wanted: SpatializeOptions, preset: SpatializePreset, outputs: OutputOptions
) -> list[str]:
    """Sentences for the user, from what was seen to what was heard."""
    sighting = made.sighting
    notes = notes_of(sighting, given.media, files.targets, preset, outputs)
    notes += _panorama_notes(given.media, wanted, given.geometry, sighting.picture)
    notes += room_notes(wanted, sighting, made.scene.room)
    if given.ambience is not None:
        notes.append(ambience_note(Path(wanted.bed).name, given.ambience, given.duration_s))
    return notes


def _write(
    made: _Made,
    figure: Callable[[], bytes] | None,
    given: _Given,
    files: _Files,
    outputs: OutputOptions,
    settings: Mapping[str, Any],
) -> tuple[list[str], list[str]]:
    """Writes all that was asked for; the names of the files, and what became of a video's own sound."""
    # Media libraries load when there is work, not at start-up.
    from seehear.verbs.write import Deliverables, write_all

    made_by = {"seehear": seehear.__version__, "verb": "spatialize", **settings}
    deliverables = Deliverables(given.media, made.scene, made.renders, files.of_video.name, figure, {"made_by": made_by})
    done = write_all(files.targets, deliverables, outputs)
    return [str(path) for path in (*files.targets.files, *done.stems)], kept_sound_notes(done.video, outputs)


@contextmanager
def _imported_beside(library: str) -> Iterator[None]:
    """Imports what the next step needs (most of a second) while the picture is looked at, which leaves the interpreter free."""
    with ThreadPoolExecutor(1) as beside:
        imported = beside.submit(import_module, library)
        yield
        imported.result()


@contextmanager
def _drawn(made: _Made, files: _Files, name: str, geometry: Geometry) -> Iterator[Callable[[], bytes] | None]:
    """Waits for the figure, which is drawn in a thread of its own: the encoder of the video leaves the interpreter to it."""
    if files.targets.figure is None:
        yield None
        return
    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(_figure, made, files.layout, f"{name}: what is heard where", geometry).result


def _figure(made: _Made, layout: Layout, title: str, geometry: Geometry) -> bytes:
    from seehear.figures import Mark, explain

    sighting, scene, renders = made.sighting, made.scene, made.renders
    marks = [
        Mark(
            shorten(item.concept.name, LABEL_CHARACTERS, placeholder="..."),
            shown_score(item),
            source.trajectory,
            source.extent_rad,
            *_outline(item, sighting),
        )
        for item, source in zip(sighting.objects, scene.sources, strict=True)
    ]
    hfov_rad = None
    if not (geometry.equirectangular or geometry.pixels):
        hfov_rad = geometry.camera(sighting.picture).hfov_rad
    return explain(sighting.picture, marks, renders[layout.name], renders.get(FOA.name), title=title, hfov_rad=hfov_rad)


def _outline(item: SoundingObject, sighting: Sighting) -> tuple[Any, Any]:
    """Box and polygon of what is in the shot that the figure shows."""
    return (item.place.box, item.place.polygon) if item.picture is sighting.picture else (None, None)
