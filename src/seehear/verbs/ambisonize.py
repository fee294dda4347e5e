"""``ambisonize``: a silent field-of-view video and the direction of its camera in, first-order ambisonics out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import ceil, degrees
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import seehear
from seehear.acoustics.loudness import loudness_named
from seehear.acoustics.sphere import intensity_and_energy
from seehear.io.files import check_input, file_sha256
from seehear.presets import AmbisonizePreset, MachineOptions, ambisonize_preset
from seehear.systems.ambisonize import Making
from seehear.systems.ambisonize import ambisonize as sound_field_of
from seehear.systems.spatialize.options import RATE_HZ
from seehear.types import FOA, Audio, Direction, Image, InputError, Layout, Room, Scene, Sound, Video, blocks, layout_named
from seehear.verbs.ambisonize_options import AmbisonizeFiles, AmbisonizeOptions
from seehear.verbs.drawing import drawn_beside
from seehear.verbs.given import Picture, duration_of, read_picture
from seehear.verbs.ledger import Entry, check_commercial, credits_of, licence_notes, models_of
from seehear.verbs.listening import Listener, listener
from seehear.verbs.outputs import Targets, targets, video_layout, with_credits
from seehear.verbs.progress import Stages, Watcher, unwatched
from seehear.verbs.rendering import Levelled, level_notes, levelled_blocks, levels
from seehear.verbs.report import download_gb, video_notes

if TYPE_CHECKING:
    from seehear.io.mux import MuxReport
    from seehear.systems.ambisonize import Ambisonized, Ambisonizer

FRAME_SIDE_PX = 640
"""Frames are looked at no larger."""
FRAME_STEP_S = 1 / 60
"""Of a faster video not every frame is looked at."""
TOLD_S = 5.0
"""How often it is told how far the sound is."""
SHOWN_FRAMES = 6
"""Of the video, in the figure."""


@dataclass(frozen=True)
class AmbisonizedVideo:
    """What :func:`ambisonize` gives back."""

    audio: Sound
    """In the wanted layout, at its level."""
    report: Mapping[str, Any]
    """Direction asked and heard, length, level, files, seconds per stage, models and licences, notes."""
    figure: bytes | None = None
    """The picture as PNG, when asked for."""


def ambisonize(
    picture: Picture,
    *,
    watch: Watcher = unwatched,
    dry_run: bool = False,
    preset: AmbisonizePreset | None = None,
    **options: Any,
) -> AmbisonizedVideo:
    """First-order ambisonics that a model makes for a video whose camera looks in a direction, or that in another layout.

    ``picture`` is a path (video, GIF, photo), an :class:`Image` or a uint8 array (H, W, 3). ``options`` are the fields of
    :class:`AmbisonizeOptions` (what to make), :class:`AmbisonizeFiles` (which files to write; none by default) and
    :class:`MachineOptions` (how to run models). Many runs may share one ``preset`` (:func:`seehear.presets.ambisonize_preset`).
    With ``dry_run`` nothing is made: the report tells the resolved plan, and the sound is empty. InputError for anything the
    caller can fix. Source: ViSAGe (Kim, Yun and Kim 2025), see docs/visage.md.
    """
    wanted, files, machine = _split(options)
    preset = preset or ambisonize_preset(wanted.models, machine)
    stages = Stages(watch)
    with stages.stage("reading", 0.02):
        media = read_picture(picture)
        duration_s = duration_of(media, wanted.seconds)
        asked = _asked(picture, wanted, files)
        ears = listener(wanted.hrtf, asked.heard)
        asked = _with_ledger(asked, preset, ears)
    if dry_run:
        return AmbisonizedVideo(_silence(asked.layout), _plan(asked, preset, media, duration_s))
    with stages.stage("getting models", 0.13) as tell:
        parts = preset.load(tell)
    with stages.stage("making sound", 0.65) as tell:
        frames: dict[float, Image] = {}
        made = sound_field_of(
            _frames(media),
            wanted.direction,
            duration_s,
            parts,
            Making(wanted.scheme, wanted.sampling, wanted.seed),
            sample_rate_hz=RATE_HZ,
            tell=lambda part: tell(_making(part * duration_s), part),
            see=_keeping(frames, duration_s, parts),
        )
    with stages.stage("decoding", 0.1) as tell:
        renders = _rendered(made.sound, asked, ears, lambda part: tell("decoding", part))
    report = _report(asked, made.sound, renders) | {"notes": _notes(asked, preset, media, renders)}
    with stages.stage("writing", 0.1), drawn_beside(_drawing(asked, frames, made, renders)) as drawn:
        sidecar = _sidecar(asked, picture, report, stages.seconds)
        video = _write(asked, media, duration_s, renders, drawn, sidecar)
    report["notes"] += video_notes(video, asked.files.options)
    report |= {"files": [str(path) for path in asked.targets.files], "seconds": stages.seconds}
    return AmbisonizedVideo(renders[asked.layout.name].sound, report, None if drawn is None else drawn())


def _split(options: Mapping[str, Any]) -> tuple[AmbisonizeOptions, AmbisonizeFiles, MachineOptions]:
    """The three option values of a call; InputError names an unknown option."""
    names = [{f.name for f in fields(kind)} for kind in (AmbisonizeOptions, AmbisonizeFiles, MachineOptions)]
    unknown = sorted(set(options) - set().union(*names))
    if unknown:
        raise InputError(f"unknown option {unknown[0]!r}: ambisonize takes {', '.join(sorted(set().union(*names)))}")
    first, second, third = ({k: v for k, v in options.items() if k in known} for known in names)
    return AmbisonizeOptions(**first), AmbisonizeFiles(**second), MachineOptions(**third)


@dataclass(frozen=True)
class _Asked:
    """What a run is to make, checked before any work."""

    name: str
    """Of the video, without its extension."""
    wanted: AmbisonizeOptions
    files: AmbisonizeFiles
    targets: Targets
    layout: Layout
    """Of the audio that the caller gets."""
    of_video: Layout
    """Of the sound in the video file."""
    heard: tuple[Layout, ...]
    """Every one that a file or the caller needs."""
    ledger: tuple[Entry, ...] = ()


def _asked(picture: Picture, wanted: AmbisonizeOptions, files: AmbisonizeFiles) -> _Asked:
    """The files and layouts of a run; InputError when one cannot be written."""
    name = check_input(picture).stem if isinstance(picture, str | Path) else "picture"
    layout = layout_named(wanted.layout)
    found = targets(files.options, name, layout)
    if found.scene is not None:
        raise InputError(f"there is no scene behind a sound field that is made at once: name a .wav, not {found.scene.name}")
    of_video = video_layout(files.options, layout)
    needed = [layout, *([of_video] if found.video else []), *([FOA] if found.figure else [])]
    return _Asked(name, wanted, files, found, layout, of_video, tuple(dict.fromkeys(needed)))


def _with_ledger(asked: _Asked, preset: AmbisonizePreset, ears: Listener) -> _Asked:
    """With all that takes part, and its credits; InputError for what must not be sold where only what may was asked for."""
    ledger = (*models_of(preset), *([ears.credit] if ears.credit else []))
    if asked.wanted.commercial_only:
        check_commercial(ledger)
    return replace(asked, ledger=ledger, targets=with_credits(asked.targets, bool(credits_of(ledger)), asked.files.force))


def _plan(asked: _Asked, preset: AmbisonizePreset, media: Image | Video, duration_s: float) -> dict[str, Any]:
    """What would be done."""
    return {
        "dry_run": True,
        "input": {"kind": type(media).__name__.lower(), "width_px": media.width_px, "height_px": media.height_px},
        "duration_s": duration_s,
        "options": asdict(asked.wanted),
        "models": asked.ledger,
        "download_gb": download_gb(preset),
        "notes": licence_notes(asked.ledger),
        "files": [str(path) for path in asked.targets.files],
    }


def _silence(layout: Layout) -> Audio:
    return Audio(np.zeros((layout.n_channels, 0), np.float32), RATE_HZ, layout)


# ------------------------------------------------------------------------------------------------ seeing and hearing


def _frames(media: Image | Video) -> Iterator[tuple[float, Image]]:
    """Timed frames, small; a still is one."""
    from seehear.io.video import read_frames

    if isinstance(media, Image):
        yield 0.0, media
    else:
        yield from read_frames(media, every_s=FRAME_STEP_S, max_side_px=FRAME_SIDE_PX)


def _making(done_s: float) -> str:
    told_s = done_s // TOLD_S * TOLD_S
    return f"making sound from {told_s:g} s on" if told_s else "making sound"


def _keeping(frames: dict[float, Image], duration_s: float, parts: Ambisonizer) -> Callable[[int, Image], None]:
    """What keeps some frames in ``frames``, evenly spaced over the video, by their time and as the encoder sees them."""
    frames_per_s = parts.trained.frames_per_s
    n = max(1, ceil(duration_s * frames_per_s - 1e-6))
    numbers = {int((i + 0.5) / SHOWN_FRAMES * n) for i in range(SHOWN_FRAMES)}

    def see(number: int, frame: Image) -> None:
        if number in numbers:
            frames[number / frames_per_s] = _middle_square(frame) if parts.middle_square else frame

    return see


def _middle_square(frame: Image) -> Image:
    side = min(frame.height_px, frame.width_px)
    top, left = (frame.height_px - side) // 2, (frame.width_px - side) // 2
    return Image(np.ascontiguousarray(frame.rgb[top : top + side, left : left + side]))


def _rendered(field: Sound, asked: _Asked, ears: Listener, tell: Callable[[float], None]) -> dict[str, Levelled]:
    """The field in every layout that is needed, each at its level, by name."""
    from seehear.acoustics.allrad import decode_blocks

    parts = zip(*(decode_blocks(field, layout, None, ears.head) for layout in asked.heard), strict=True)
    sounds = levelled_blocks(parts, field.n_samples, loudness_named(asked.wanted.loudness), tell)
    return {each.sound.layout.name: each for each in sounds}


def heard_from(field: Sound) -> dict[str, float | None]:
    """Azimuth and elevation of a sound field's mean intensity W (X, Y, Z), and its directness: 1 for a plane wave, 0 for a field
    from everywhere, whose direction is None as is that of silence."""
    intensity, energy = np.zeros(3), 0.0
    for block in blocks(field):
        more, louder = intensity_and_energy(block)
        intensity, energy = intensity + more, energy + louder
    directness = float(np.linalg.norm(intensity)) / energy if energy > 0 else 0.0
    direction = Direction.of(intensity) if directness > 0 else None
    return {
        "heard_azimuth_deg": None if direction is None else round(degrees(direction.azimuth_rad), 1),
        "heard_elevation_deg": None if direction is None else round(degrees(direction.elevation_rad), 1),
        "directness": round(directness, 3),
    }


# ------------------------------------------------------------------------------------------------ telling and writing


def _report(asked: _Asked, field: Sound, renders: Mapping[str, Levelled]) -> dict[str, Any]:
    """What was made and by which models; the loudness is that of the first file."""
    wanted = asked.wanted
    written = asked.layout if asked.targets.audio or asked.targets.video is None else asked.of_video
    return {
        "version": seehear.__version__,
        "azimuth_deg": wanted.azimuth_deg,
        "elevation_deg": wanted.elevation_deg,
        **heard_from(field),
        "guidance": wanted.guidance,
        "duration_s": field.duration_s,
        "sample_rate_hz": field.sample_rate_hz,
        "layout": written.name,
        **levels(renders[written.name]),
        "loudness": wanted.loudness,
        "seed": wanted.seed,
        "models": list(asked.ledger),
    }


def _notes(asked: _Asked, preset: AmbisonizePreset, media: Image | Video, renders: Mapping[str, Levelled]) -> list[str]:
    """Sentences for the user."""
    notes = [preset.hint] if preset.hint else []
    if isinstance(media, Video) and media.equirectangular:
        notes.append("This is a 360-degree video: the model knows fields of view, cut one out and say where it looks.")
    if asked.targets.video is not None and isinstance(media, Video) and media.has_audio:
        notes.append("The original sound of the video is dropped.")
    notes += level_notes(renders[asked.layout.name], loudness_named(asked.wanted.loudness))
    return notes + licence_notes(asked.ledger)


def _sidecar(asked: _Asked, picture: Picture, report: Mapping[str, Any], seconds: Mapping[str, float]) -> dict[str, Any]:
    """How it was made, for people and programs that find the files later; the times are those until writing."""
    source = None
    if asked.targets.sidecar is not None and isinstance(picture, str | Path):
        source = {"file": Path(picture).name, "sha256": file_sha256(picture)}
    told = {key: value for key, value in report.items() if key != "version"}
    made_by = {"seehear": seehear.__version__, "verb": "ambisonize", "input": source, "options": asdict(asked.wanted)}
    return {**made_by, **told, "seconds": dict(seconds)}


def _write(
    asked: _Asked,
    media: Image | Video,
    duration_s: float,
    renders: Mapping[str, Levelled],
    drawn: Callable[[], bytes] | None,
    sidecar: Mapping[str, Any],
) -> MuxReport | None:
    """How the video was made, if one was; every file that was asked for is then there, or none."""
    from seehear.verbs.write import Deliverables, write_all

    deliverables = Deliverables(
        media=media,
        scene=Scene((), Room(), duration_s, RATE_HZ, asked.wanted.seed),
        renders=renders,
        video_layout=asked.of_video.name,
        figure=drawn,
        extra={},
        loudness=loudness_named(asked.wanted.loudness),
        sidecar=sidecar,
    )
    return write_all(asked.targets, deliverables, asked.files.options).video


def _drawing(
    asked: _Asked, frames: Mapping[float, Image], made: Ambisonized, renders: Mapping[str, Levelled]
) -> Callable[[], bytes] | None:
    """What draws the figure, if there is to be one."""
    if asked.targets.figure is None:
        return None

    def drawn() -> bytes:
        from seehear.figures.ambisonizing import SeenFrame, ambisonized

        maps = made.energy_maps
        seen = [SeenFrame(at_s, frame, maps[round(at_s * made.frames_per_s)]) for at_s, frame in frames.items()]
        title = f"{asked.name}: camera at azimuth {asked.wanted.azimuth_deg:g}°, elevation {asked.wanted.elevation_deg:g}°"
        return ambisonized(seen, renders[FOA.name].sound, asked.wanted.direction, title=title)

    return drawn
