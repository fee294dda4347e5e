"""Scenes written: the document, its stems, and what of a scene survives the trip."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from seehear.io.files import PathLike, WholeFiles, check_folder, check_output, file_sha256, whole_files
from seehear.io.scene.limits import MAX_GAIN_DB, VERSION
from seehear.io.scene.stems import BED_NAME, Stem, as_stem, is_stem, stem_name, write_stem
from seehear.types import Direction, InputError, Scene, Sound, Source

_DEGREE_DECIMALS = 12
"""Angles are rounded to 1e-12 degrees, so that 30 reads as 30.0."""
_LINE_CHARACTERS = 110


def write_scene(
    path: PathLike,
    scene: Scene,
    stems_dir: PathLike,
    *,
    extra: Mapping[str, object] | None = None,
    force: bool = False,
    within: WholeFiles | None = None,
) -> tuple[Path, ...]:
    """The stems that were written; ``path`` then holds the scene, which refers to them by relative path and SHA-256.

    ``stems_dir`` is the folder of ``path`` or lies below it (so that the whole can be moved) and is made if missing.
    ``extra`` is kept in the file for people and other programs. With ``force`` the stems of an earlier run go too.
    On any exception nothing is left behind; ``within``: the files appear with all those of that run. The same scene
    gives the same bytes; what is written is :func:`as_written`.
    """
    path, stems_dir = check_scene_output(path, stems_dir, force=force), Path(stems_dir)
    scene = as_written(scene)
    with whole_files(within) as files:
        written = _all_stems(files, stems_dir, scene, force)
        kept = [_Kept(stem, file_sha256(temporary)) for stem, temporary in written.items()]
        _write_document(files, path, scene, kept, extra or {}, force)
    return tuple(written)


def write_stems(stems_dir: PathLike, scene: Scene, *, force: bool = False, within: WholeFiles | None = None) -> tuple[Path, ...]:
    """The stems that were written, one mono 24-bit WAV per source and one AmbiX WAV for a bed, all or none.

    ``stems_dir`` is made if missing. ``force`` and ``within`` as in :func:`write_scene`.
    """
    with whole_files(within) as files:
        return tuple(_all_stems(files, Path(stems_dir), as_written(scene), force))


def save_scene(
    path: PathLike, scene: Scene, *, extra: Mapping[str, object] | None = None, force: bool = False
) -> tuple[Path, ...]:
    """The stems that were written or copied; ``path`` then holds the scene, and stems that lie in its folder stay as they are.

    For a scene that was read and changed. A sound that is new, or lies outside the folder of ``path``, becomes a file of a new
    name in the folder of the first stem that stays, else in ``NAME-stems``. No stem is changed or removed, and the scene file
    is replaced last, in one step: whenever this stops, the scene of before is whole.
    InputError: as :func:`write_scene`.
    """
    path = check_output(path, force)
    scene = as_written(scene)
    home = path.parent.resolve()
    there = (sound.path.parent for _, sound in _sounds(scene) if isinstance(sound, Stem) and sound.path.is_relative_to(home))
    folder = next(there, home / f"{path.stem}-stems")
    kept: list[_Kept] = []
    written: list[Path] = []
    with whole_files() as files:
        for name, sound in _sounds(scene):
            if isinstance(sound, Stem) and sound.path.is_relative_to(home):
                kept.append(_Kept(sound.path, sound.sha256))
                continue
            files.folder(folder)
            stem = _free(folder, sound.path.name if isinstance(sound, Stem) else name, written)
            temporary = files.file(stem)
            _put(temporary, sound)
            written.append(stem)
            kept.append(_Kept(stem, file_sha256(temporary)))
        _write_document(files, path, scene, kept, extra or {}, force)
    return tuple(path.parent / stem.relative_to(home) for stem in written)


def check_scene_output(path: PathLike, stems_dir: PathLike, *, force: bool = False) -> Path:
    """The path, when :func:`write_scene` can put a scene there and its stems into ``stems_dir``; InputError otherwise."""
    path = check_output(path, force)
    _relative(path, Path(stems_dir))
    check_folder(stems_dir)
    return path


def as_written(scene: Scene) -> Scene:
    """The scene with its angles and stems as the files hold them: exactly what is read back after :func:`write_scene`.

    Render this one, and the render from disk has the same bytes. A stem that would pass full scale is turned down by whole
    decibels, and its gain up by as many. InputError when that leaves the range of gains.
    """
    bed, bed_gain_db = scene.bed, scene.bed_gain_db
    if bed is not None:
        bed, lowered_db = as_stem(bed)
        bed_gain_db = _gain_within(bed_gain_db + lowered_db, "the bed")
    sources = tuple(_stem_as_written(source) for source in scene.sources)
    return _angles_as_written(replace(scene, sources=sources, bed=bed, bed_gain_db=bed_gain_db))


def _stem_as_written(source: Source) -> Source:
    stem, lowered_db = as_stem(source.audio)
    return replace(source, audio=stem, gain_db=_gain_within(source.gain_db + lowered_db, repr(source.label)))


def _gain_within(gain_db: float, what: str) -> float:
    if abs(gain_db) > MAX_GAIN_DB:
        raise InputError(f"the gain of {what} is {gain_db:g} dB: a scene file holds -{MAX_GAIN_DB} to {MAX_GAIN_DB} dB")
    return gain_db


def _angles_as_written(scene: Scene) -> Scene:
    return replace(
        scene,
        listener=_direction_as_written(scene.listener),
        sources=tuple(
            replace(
                source,
                extent_rad=math.radians(as_degrees(source.extent_rad)),
                trajectory=replace(
                    source.trajectory,
                    directions=np.array([_direction_as_written(Direction.of(v)).vector for v in source.trajectory.directions]),
                ),
            )
            for source in scene.sources
        ),
    )


# ------------------------------------------------------------------------------------------- stems


@dataclass(frozen=True)
class _Kept:
    """A stem's file and its hash, empty where none is to be remembered."""

    path: Path
    sha256: str


def _all_stems(files: WholeFiles, stems_dir: Path, scene: Scene, force: bool) -> dict[Path, Path]:
    """Every stem and then the bed, written under a temporary name, by its path; those of an earlier run are outdated."""
    files.folder(stems_dir)
    if force:
        files.outdate(path for path in stems_dir.iterdir() if is_stem(path))
    stems = {}
    for name, sound in _sounds(scene):
        path = stems_dir / name
        stems[path] = files.file(path, force)
        _put(stems[path], sound)
    return stems


def _sounds(scene: Scene) -> Iterator[tuple[str, Sound]]:
    """Every stem and then the bed, by the name that its file gets."""
    for number, source in enumerate(scene.sources, start=1):
        yield stem_name(number, source.label) + _suffix(source.audio), source.audio
    if scene.bed is not None:
        yield BED_NAME + _suffix(scene.bed), scene.bed


def _suffix(sound: Sound) -> str:
    return sound.path.suffix if isinstance(sound, Stem) else ".wav"


def _put(temporary: Path, sound: Sound) -> None:
    """Nothing; the file then holds the sound: byte for byte where it comes from a file."""
    if isinstance(sound, Stem):
        shutil.copyfile(sound.path, temporary)
        return
    with temporary.open("wb") as file:
        write_stem(file, sound)


def _free(folder: Path, name: str, taken: list[Path]) -> Path:
    """A path in ``folder`` that nothing has yet: ``name``, or with a number before its suffix."""
    path, count = folder / name, 1
    while path in taken or path.exists() or path.is_symlink():
        count += 1
        path = folder / f"{Path(name).stem}-{count}{Path(name).suffix}"
    return path


# ------------------------------------------------------------------------------------------- the document


def _write_document(
    files: WholeFiles, path: Path, scene: Scene, kept: list[_Kept], extra: Mapping[str, object], force: bool
) -> None:
    """Nothing; the scene file is asked for last, so that it appears when its stems are there."""
    entries = [_source_entry(source, _named(stem, path)) for source, stem in zip(scene.sources, kept, strict=False)]
    document = _document(scene, entries, extra)
    if scene.bed is not None:
        document["bed"] = {**_named(kept[-1], path), "gain_db": float(scene.bed_gain_db), **_muted(scene.bed_muted)}
    files.file(path, force).write_text(_pretty(document) + "\n", encoding="utf-8", newline="\n")


def _named(stem: _Kept, path: Path) -> dict[str, str]:
    name = str(_relative(path, stem.path))
    return {"stem": name, "sha256": stem.sha256} if stem.sha256 else {"stem": name}


def _muted(muted: bool) -> dict[str, bool]:
    """Said only where it is so: a scene without it is read by versions that know no muting."""
    return {"muted": True} if muted else {}


def _document(scene: Scene, sources: list[dict[str, Any]], extra: Mapping[str, object]) -> dict[str, Any]:
    room = scene.room
    return {
        "version": VERSION,
        "duration_s": float(scene.duration_s),
        "sample_rate_hz": int(scene.sample_rate_hz),
        "seed": int(scene.seed),
        "listener": {
            "azimuth_deg": as_degrees(scene.listener.azimuth_rad),
            "elevation_deg": as_degrees(scene.listener.elevation_rad),
        },
        "room": {
            "kind": room.kind,
            "size_m": [float(side) for side in room.size_m],
            "listener_m": [float(place) for place in room.listener_m],
            "rt60_s": float(room.rt60_s),
        },
        "sources": sources,
        "extra": dict(extra),
    }


def _source_entry(source: Source, stem: dict[str, str]) -> dict[str, Any]:
    trajectory = source.trajectory
    points = []
    for time_s, vector, distance_m in zip(trajectory.times_s, trajectory.directions, trajectory.distances_m, strict=True):
        direction = Direction.of(vector)
        points.append(
            {
                "time_s": float(time_s),
                "azimuth_deg": as_degrees(direction.azimuth_rad),
                "elevation_deg": as_degrees(direction.elevation_rad),
                "distance_m": float(distance_m),
            }
        )
    return {
        "label": source.label,
        **stem,
        "gain_db": float(source.gain_db),
        **_muted(source.muted),
        **({"recording": asdict(source.recording)} if source.recording else {}),
        "extent_deg": as_degrees(source.extent_rad),
        "lfe": bool(source.lfe),
        "trajectory": points,
    }


def _direction_as_written(direction: Direction) -> Direction:
    return Direction(math.radians(as_degrees(direction.azimuth_rad)), math.radians(as_degrees(direction.elevation_rad)))


def as_degrees(angle_rad: float) -> float:
    """The angle in degrees as files say it: 30.0, where the binary value is 30.000000000000004."""
    return round(math.degrees(angle_rad), _DEGREE_DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0


def _pretty(value: Any, indent: str = "") -> str:
    """JSON with everything that fits on one line on one line; TypeError and ValueError for what JSON cannot hold."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not value or not isinstance(value, (dict, list, tuple)) or len(indent) + len(flat) <= _LINE_CHARACTERS:
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        lines = [f"{json.dumps(str(key), ensure_ascii=False)}: {_pretty(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inner + line for line in lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _pretty(item, inner) for item in value) + f"\n{indent}]"


def _relative(path: Path, stem: Path) -> PurePosixPath:
    """``stem``, a file or a folder of stems, as the scene file ``path`` names it."""
    try:
        return PurePosixPath(stem.resolve().relative_to(path.parent.resolve()).as_posix())
    except ValueError:
        raise InputError(f"the stems folder {stem} must lie in the folder of {path}, so that both can be moved") from None
