"""``spatialize``: a photo, GIF or video in, spatial sound out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import seehear
from seehear.acoustics.loudness import Loudness, loudness_named
from seehear.acoustics.microphones import pixel_room
from seehear.io.files import check_input, file_sha256
from seehear.presets import ModelOptions, SpatializePreset, spatialize_preset
from seehear.systems.spatialize import (
    WATCH_SIDE_PX,
    Geometry,
    Sighting,
    SpatializeOptions,
    check_words,
    compose,
    keyframe_times,
    sight,
    watch,
)
from seehear.systems.spatialize.ambience import ambience_note, with_ambience, without_ambience
from seehear.types import BINAURAL, FOA, NOT_STATED, Image, InputError, Layout, Rendering, Scene, Video, layout_named
from seehear.verbs.drawing import drawn_beside, figure
from seehear.verbs.given import Given, Picture, given_of, panorama_notes
from seehear.verbs.ledger import Entry, check_commercial, credits_of, entry, licence_notes, models_of
from seehear.verbs.listening import Listener, listener
from seehear.verbs.outputs import OutputOptions, Targets, targets, video_layout, with_credits
from seehear.verbs.progress import Stages, Watcher, unwatched
from seehear.verbs.rendering import Levelled, level_notes, rendered
from seehear.verbs.report import notes_of, plan, room_notes, sound_report, source_reports, video_notes

ANALYSIS_SIDE_PX = 640
"""Regions, cues and crops are computed on frames of at most this side."""
WATCH_STEP_S = 1 / 60
"""Of a faster video not every frame is watched."""


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
        given = given_of(picture, wanted, outputs)
        ears = listener(wanted.hrtf, files.heard)
    ledger, files = _ledger(preset, ears, wanted, outputs, files)
    if dry_run:
        return plan(given.media, given.duration_s, wanted, files.targets, preset, ledger)
    if preset.prepare is not None:
        with stages.stage("getting models", 0.05) as tell:
            preset = preset.ready(tell)
        ledger, files = _ledger(preset, ears, wanted, outputs, files)
    with stages.stage("looking", 0.3), _imported_beside("scipy.signal"):
        sighting = _look(given, preset, wanted)
    with stages.stage("making sounds", 0.3) as tell:
        scene = _compose(sighting, preset, wanted, given, tell)
    with stages.stage("rendering", 0.15) as tell:
        renders = _render(scene, files.heard, ears, wanted, lambda part: tell("rendering", part))
    made = _Made(sighting, scene, renders, loudness_named(wanted.loudness))
    report = _report(made, given, files, wanted, ledger)
    report["notes"] = _notes(made, given, files, wanted, preset, outputs) + licence_notes(ledger)
    with stages.stage("writing", 0.17), drawn_beside(_drawing(made, files, given)) as drawn:
        source = picture if files.targets.sidecar is not None else None  # hashing a film for nobody takes its time
        sidecar = _sidecar(report, source, wanted, stages.seconds)
        written, notes = _write(made, drawn, given, files, outputs, sidecar)
    report["notes"] += notes
    report |= {"files": written, "seconds": stages.seconds}
    return Rendering(renders[files.layout.name].sound, scene, report, None if drawn is None else drawn())


@dataclass(frozen=True)
class _Files:
    """What a run writes, and the layouts that it takes."""

    name: str
    """Of the picture, without its extension."""
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
    renders: Mapping[str, Levelled]
    """By the name of their layout."""
    loudness: Loudness
    """Their target."""


def split_options(options: Mapping[str, Any]) -> tuple[SpatializeOptions, OutputOptions, ModelOptions]:
    """The three option values of a call; InputError names an unknown option."""
    names = [{f.name for f in fields(kind)} for kind in (SpatializeOptions, OutputOptions, ModelOptions)]
    unknown = sorted(set(options) - set().union(*names))
    if unknown:
        raise InputError(f"unknown option {unknown[0]!r}: spatialize takes {', '.join(sorted(set().union(*names)))}")
    first, second, third = ({k: v for k, v in options.items() if k in known} for known in names)
    return SpatializeOptions(**first), OutputOptions(**second), ModelOptions(**third)


def _files(wanted: SpatializeOptions, outputs: OutputOptions, name: str) -> _Files:
    if outputs.adm is not None and wanted.doppler:
        raise InputError("--doppler has no effect on --adm, whose objects are moved by what plays them: leave one of them out")
    layout = layout_named(wanted.layout)
    headphones = None if wanted.geometry == "paper" else BINAURAL
    files = targets(outputs, name, layout, headphones)
    of_video = video_layout(outputs, layout, headphones)
    return _Files(name, files, layout, of_video, _layouts(files, layout, of_video, wanted))


def _ledger(
    preset: SpatializePreset, ears: Listener, wanted: SpatializeOptions, outputs: OutputOptions, files: _Files
) -> tuple[list[Entry], _Files]:
    """All that takes part, and the files with those of its credits; InputError when something of it must not be sold and only
    what may was asked for."""
    ledger: list[Entry] = [*models_of(preset), *([ears.credit] if ears.credit else [])]
    if wanted.bed:
        ledger.append(entry("bed", Path(wanted.bed).name, wanted.bed_licence or NOT_STATED, sha256=file_sha256(wanted.bed)))
    if wanted.commercial_only:
        check_commercial(ledger)
    if outputs.keep_audio_db is not None:  # whose video it is, is theirs to know who hands it in
        ledger.append(entry("original sound", files.name, "that of the video"))
    return ledger, replace(files, targets=with_credits(files.targets, bool(credits_of(ledger)), outputs.force))


def _look(given: Given, preset: SpatializePreset, wanted: SpatializeOptions) -> Sighting:
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


def _compose(
    sighting: Sighting,
    preset: SpatializePreset,
    wanted: SpatializeOptions,
    given: Given,
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


def _render(
    scene: Scene, layouts: list[Layout], ears: Listener, wanted: SpatializeOptions, tell: Callable[[float], None]
) -> dict[str, Levelled]:
    """Every layout from one pass over the scene."""
    from seehear.acoustics.field import Engine

    engine = Engine(head=ears.head, doppler=wanted.doppler)
    return rendered(scene, layouts, loudness_named(wanted.loudness), engine, tell)


def _report(made: _Made, given: Given, files: _Files, wanted: SpatializeOptions, ledger: list[Entry]) -> dict[str, Any]:
    """What was made, of what and by which models; the loudness is that of the first file."""
    sighting, scene = made.sighting, made.scene
    written = files.layout if files.targets.audio or files.targets.video is None else files.of_video
    return {
        "version": seehear.__version__,
        "sources": source_reports(sighting, scene, given.media.width_px / sighting.picture.width_px),
        "guesses": [{"label": name, "score": round(score, 3)} for name, score in sighting.guesses],
        **sound_report(scene, made.renders[written.name]),
        "loudness": wanted.loudness,
        "seed": wanted.seed,
        "models": ledger,
    }


def _notes(
    made: _Made, given: Given, files: _Files, wanted: SpatializeOptions, preset: SpatializePreset, outputs: OutputOptions
) -> list[str]:
    """Sentences for the user, from what was seen to what was heard."""
    sighting = made.sighting
    notes = notes_of(sighting, given.media, files.targets, preset, outputs)
    notes += panorama_notes(given.media, wanted, given.geometry, sighting.picture)
    notes += room_notes(wanted, sighting, made.scene.room)
    if given.ambience is not None:
        notes.append(ambience_note(Path(wanted.bed).name, given.ambience, given.duration_s))
    return notes + level_notes(made.renders[files.layout.name], made.loudness)


def _sidecar(
    report: Mapping[str, Any], picture: Picture | None, wanted: SpatializeOptions, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """How it was made, for people and programs that find the files later; the times are those until writing."""
    source = {"file": Path(picture).name, "sha256": file_sha256(picture)} if isinstance(picture, str | Path) else None
    told = {key: value for key, value in report.items() if key != "version"}
    made_by = {"seehear": seehear.__version__, "verb": "spatialize", "input": source, "options": asdict(wanted)}
    return {**made_by, **told, "seconds": dict(seconds)}


def _write(
    made: _Made,
    drawn: Callable[[], bytes] | None,
    given: Given,
    files: _Files,
    outputs: OutputOptions,
    sidecar: Mapping[str, Any],
) -> tuple[list[str], list[str]]:
    """Writes all that was asked for; the names of the files, and what became of the sound of a video."""
    # Media libraries load when there is work, not at start-up.
    from seehear.verbs.write import Deliverables, write_all

    made_by = {name: sidecar[name] for name in ("seehear", "verb", "options", "models")}
    deliverables = Deliverables(
        media=given.media,
        scene=made.scene,
        renders=made.renders,
        video_layout=files.of_video.name,
        figure=drawn,
        extra={"made_by": made_by},
        loudness=made.loudness,
        sidecar=sidecar,
    )
    done = write_all(files.targets, deliverables, outputs)
    return [str(path) for path in (*files.targets.files, *done.stems)], video_notes(done.video, outputs)


def _drawing(made: _Made, files: _Files, given: Given) -> Callable[[], bytes] | None:
    """What draws the figure, if there is to be one."""
    if files.targets.figure is None:
        return None
    sounds = {layout: each.sound for layout, each in made.renders.items()}
    title = f"{files.name}: what is heard where"
    return lambda: figure(made.sighting, made.scene, sounds, files.layout, title, given.geometry)


@contextmanager
def _imported_beside(library: str) -> Iterator[None]:
    """Imports what the next step needs (most of a second) while the picture is looked at, which leaves the interpreter free."""
    with ThreadPoolExecutor(1) as beside:
        imported = beside.submit(import_module, library)
        yield
        imported.result()
