"""Edits of a scene file, its exports, and what is in it: read, change, write whole or not at all. Nothing is generated.

An edit replaces the scene file, or writes another one with ``output``. A source is named by its number, its label or the
beginning of its label; "bed" is the ambisonic ambience.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from math import degrees, radians
from pathlib import Path
from typing import Any

import numpy as np

from seehear.types import NOT_STATED, Direction, InputError, Recording, Scene, Sound, Source, blocks
from seehear.verbs.scene_options import GainOptions, MoveOptions, ReplaceOptions, RetimeOptions, RoomOptions

SILENT = 1e-4
"""What peaks below this (-80 dBFS) may leave a scene without a word."""


@dataclass(frozen=True)
class Edited:
    """What an edit came to."""

    scene: Scene
    files: tuple[Path, ...]
    """Written: new stems, then the scene file."""
    notes: tuple[str, ...] = ()
    """What else to know, e.g. that sound was cut."""


def show(scene: str | Path) -> dict[str, Any]:
    """What is in a scene file: length, rate, room, and for every source its number, label, gain, place and stem."""
    from seehear.io.scene import read_scene

    return {"file": str(scene), **described(read_scene(scene), Path(scene).parent)}


def mute(scene: str | Path, *which: str | int, output: str | Path | None = None, force: bool = False) -> Edited:
    """The scene with those sources left out of renders."""
    from seehear.systems import scene_editing

    _named(which)
    return _edited(scene, lambda before: scene_editing.mute(before, *which), output, force)


def unmute(scene: str | Path, *which: str | int, output: str | Path | None = None, force: bool = False) -> Edited:
    """The scene with those sources heard again; without a name all of them."""
    from seehear.systems import scene_editing

    def change(before: Scene) -> Scene:
        return scene_editing.mute(before, *which, muted=False) if which else scene_editing.unmute_all(before)

    return _edited(scene, change, output, force)


def solo(scene: str | Path, *which: str | int, output: str | Path | None = None, force: bool = False) -> Edited:
    """The scene with all other sources muted."""
    from seehear.systems import scene_editing

    _named(which)
    return _edited(scene, lambda before: scene_editing.solo(before, *which), output, force)


def gain(scene: str | Path, *which: str | int, output: str | Path | None = None, force: bool = False, **options: Any) -> Edited:
    """The scene with other gains; ``options`` are the fields of :class:`GainOptions`, one of them."""
    from seehear.systems import scene_editing

    wanted = _options(GainOptions, options)
    _named(which)
    return _edited(
        scene, lambda before: scene_editing.gain(before, *which, by_db=wanted.by_db, to_db=wanted.to_db), output, force
    )


def move(
    scene: str | Path, which: str | int = "", *, output: str | Path | None = None, force: bool = False, **options: Any
) -> Edited:
    """The scene with a source elsewhere, or with ``csv`` all that a table moves; ``options`` are the fields of
    :class:`MoveOptions`."""
    from seehear.io.trajectories import read_trajectories
    from seehear.systems import scene_editing

    wanted = _options(MoveOptions, options)
    if bool(wanted.csv) == bool(str(which)):
        raise InputError("name the source to move, or give a table with --csv that numbers them")
    if not (wanted.csv or wanted.places):
        raise InputError("nowhere to move to: give --azimuth, --elevation, --distance, --turn, --scale or --csv")

    def change(before: Scene) -> Scene:
        if not wanted.csv:
            return scene_editing.move(
                before,
                which,
                azimuth_rad=None if wanted.azimuth_deg is None else radians(wanted.azimuth_deg),
                elevation_rad=None if wanted.elevation_deg is None else radians(wanted.elevation_deg),
                distance_m=wanted.distance_m,
                turn_rad=radians(wanted.turn_deg),
                scale=wanted.scale,
            )
        for index, trajectory in read_trajectories(wanted.csv, before).items():
            before = scene_editing.follow(before, index + 1, trajectory)
        return before

    return _edited(scene, change, output, force)


def room(scene: str | Path, *, output: str | Path | None = None, force: bool = False, **options: Any) -> Edited:
    """The scene in another room; ``options`` are the fields of :class:`RoomOptions`."""
    from seehear.systems import scene_editing

    wanted = _options(RoomOptions, options)
    how = {"kind": wanted.kind or None, "size_m": wanted.sides_m, "rt60_s": wanted.rt60_s, "height_m": wanted.height_m}
    return _edited(scene, lambda before: scene_editing.with_room(before, **how), output, force)


def replace_sound(
    scene: str | Path,
    which: str | int,
    sound: str | Path,
    *,
    output: str | Path | None = None,
    force: bool = False,
    **options: Any,
) -> Edited:
    """The scene with the sound of a file for that source; ``options`` are the fields of :class:`ReplaceOptions`."""
    from seehear.io.audio import check_rate, open_audio
    from seehear.systems import scene_editing
    from seehear.systems.scene_sounds import mono_of

    wanted = _options(ReplaceOptions, options)
    new: Sound = open_audio(sound)
    check_rate(sound, new.sample_rate_hz)
    if wanted.channel or new.layout.n_channels == 1:
        new = mono_of(new, int(wanted.channel) if wanted.channel.isdecimal() else None)
    else:
        raise InputError(f"{sound} has {new.layout.n_channels} channels, a source is mono: choose with --channel N or mix")

    def change(before: Scene) -> Scene:
        how = {"at_s": wanted.at_s, "repeat": wanted.repeat, "keep_level": wanted.keep_level}
        after, index = scene_editing.replace_sound(before, which, new, **how), scene_editing.index_of(before, which)
        assert index is not None  # a bed is refused
        recording = Recording(Path(sound).name, wanted.licence or NOT_STATED)
        return scene_editing.with_source(after, index, replace(after.sources[index], recording=recording))

    def notes(before: Scene) -> Iterable[str]:
        left_s = before.duration_s - wanted.at_s
        if new.duration_s > left_s + 0.5 / before.sample_rate_hz:
            yield f"Of the {new.duration_s:.2f} s of {Path(sound).name} the first {left_s:.2f} s are heard."

    return _edited(scene, change, output, force, notes)


def retime(
    scene: str | Path, which: str | int, *, output: str | Path | None = None, force: bool = False, **options: Any
) -> Edited:
    """The scene with a sound cut or heard at another time; ``options`` are the fields of :class:`RetimeOptions`."""
    from seehear.systems import scene_editing

    wanted = _options(RetimeOptions, options)
    cut = {"from_s": wanted.from_s, "to_s": wanted.to_s}

    def change(before: Scene) -> Scene:
        return scene_editing.retime(before, which, shift_s=wanted.shift_s, path=wanted.with_path, **cut)

    def notes(before: Scene) -> Iterable[str]:
        if wanted.shift_s and _leaves(scene_editing.retime(before, which, **cut), which, wanted.shift_s):
            end = "end" if wanted.shift_s > 0 else "beginning"
            yield f"Sound in the {abs(wanted.shift_s):.2f} s at the {end} of the scene was shifted out of it and is gone."

    return _edited(scene, change, output, force, notes)


def rename(scene: str | Path, which: str | int, label: str, *, output: str | Path | None = None, force: bool = False) -> Edited:
    """The scene with another label for a source."""
    from seehear.systems import scene_editing

    return _edited(scene, lambda before: scene_editing.rename(before, which, label), output, force)


def remove(scene: str | Path, *which: str | int, output: str | Path | None = None, force: bool = False) -> Edited:
    """The scene without those sources; their stems stay where they are."""
    from seehear.systems import scene_editing

    _named(which)
    return _edited(scene, lambda before: scene_editing.remove(before, *which), output, force)


def export(scene: str | Path, output: str | Path, *, force: bool = False) -> Path:
    """The file that was written: by its extension a REAPER project (.rpp) or a table of trajectories (.csv)."""
    from seehear.io.reaper import write_reaper
    from seehear.io.scene import read_scene
    from seehear.io.trajectories import write_trajectories

    writers = {".rpp": write_reaper, ".csv": write_trajectories}
    output = Path(output)
    if output.suffix.lower() not in writers:
        raise InputError(f"{output} has no extension that a scene is exported to: use .rpp (REAPER) or .csv (trajectories)")
    writers[output.suffix.lower()](output, read_scene(scene), force=force)
    return output


def described(scene: Scene, folder: Path) -> dict[str, Any]:
    """The scene as a report: everything but samples and the points between."""
    room = scene.room
    bed = None
    if scene.bed is not None:
        bed = {"order": scene.bed.layout.order, "gain_db": scene.bed_gain_db, "muted": scene.bed_muted}
        bed["stem"] = _stem(scene.bed, folder)
    return {
        "duration_s": scene.duration_s,
        "sample_rate_hz": scene.sample_rate_hz,
        "room": {"kind": room.kind, "size_m": list(room.size_m), "rt60_s": room.rt60_s},
        "sources": [_source(number, source, folder) for number, source in enumerate(scene.sources, start=1)],
        "bed": bed,
    }


def _source(number: int, source: Source, folder: Path) -> dict[str, Any]:
    path = source.trajectory
    first, last = (None, None) if source.is_bed else (_place(path.directions[i], path.distances_m[i]) for i in (0, -1))
    return {
        "number": number,
        "label": source.label,
        "muted": source.muted,
        "gain_db": round(source.gain_db, 2),
        "from": first,
        "to": None if path.is_static else last,
        "points": len(path.times_s),
        "extent_deg": round(degrees(source.extent_rad), 1),
        "lfe": source.lfe,
        "stem": _stem(source.audio, folder),
        "recording": None if source.recording is None else asdict(source.recording),
    }


def _place(vector: np.ndarray, distance_m: float) -> dict[str, float]:
    direction = Direction.of(vector)
    return {
        "azimuth_deg": round(degrees(direction.azimuth_rad), 1) + 0.0,
        "elevation_deg": round(degrees(direction.elevation_rad), 1) + 0.0,
        "distance_m": round(float(distance_m), 2),
    }


def _stem(sound: Sound, folder: Path) -> str:
    from seehear.io.scene import Stem

    if not isinstance(sound, Stem):
        return ""
    return sound.path.relative_to(folder.resolve()).as_posix() if sound.path.is_relative_to(folder.resolve()) else str(sound.path)


def _options(kind: type, given: dict[str, Any]) -> Any:
    """The options value; InputError for a name that it has not."""
    known = [each.name for each in fields(kind)]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InputError(f"unknown option {unknown[0]!r}: there are {', '.join(known)}")
    return kind(**given)


def _named(which: tuple[str | int, ...]) -> None:
    if not which:
        raise InputError("name a source by its number, its label or the beginning of its label: `seehear scene show` lists them")


def _leaves(scene: Scene, which: str | int, shift_s: float) -> bool:
    """Whether a shift takes anything that is heard out of the scene."""
    from seehear.systems.scene_editing import index_of
    from seehear.systems.scene_sounds import placed

    index = index_of(scene, which)
    sound = scene.bed if index is None else scene.sources[index].audio
    assert sound is not None
    gone = min(abs(round(shift_s * scene.sample_rate_hz)), scene.n_samples)
    leaving = placed(sound, gone - scene.n_samples if shift_s > 0 else 0, gone)
    return any(np.abs(block).max() > SILENT for block in blocks(leaving))


def _edited(
    path: str | Path,
    change: Callable[[Scene], Scene],
    output: str | Path | None,
    force: bool,
    notes: Callable[[Scene], Iterable[str]] = lambda _: (),
) -> Edited:
    """Reads, changes and writes; the scene file of before stays whole until the new one takes its place."""
    from seehear.io.files import check_output
    from seehear.io.scene import as_written, read_extra, read_scene, save_scene

    target = Path(path) if output is None else check_output(output, force)
    if output is not None and target.suffix.lower() != ".json":
        raise InputError(f"a scene is a .json file, got {target}")
    before = read_scene(path)
    scene = as_written(change(before))
    told = tuple(notes(before))
    stems = save_scene(target, scene, extra=read_extra(path), force=force or output is None)
    return Edited(read_scene(target) if stems else scene, (*stems, target), told)
