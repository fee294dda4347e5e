"""The scene file: everything that is heard, as JSON beside its stems (described in ``docs/scene.md``, ``scene.schema.json``).

Degrees live here and only here. Stems are mono 32-bit float WAV (a bed has its ambisonic channels), so that a scene renders
from disk as it does from memory.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from seehear.io.audio import MAX_SAMPLE, RATES_HZ, read_ambisonics, read_audio, write_audio
from seehear.io.fields import Fields
from seehear.io.files import PathLike, WholeFiles, check_folder, check_input, check_output, file_sha256, whole_files
from seehear.io.wav import AMBIX_COMMENT, is_mono_float_wav, wav_facts
from seehear.types import Audio, Direction, InputError, Room, Scene, Source, Trajectory, n_samples

VERSION = 1

# What a file may say, also in scene.schema.json: wider than anything that is heard, narrow enough for every scene to be rendered.
MAX_DURATION_S = 3600
MAX_SEED = 2**63 - 1
MAX_SOURCES = 256
MAX_POINTS = 100_000
MAX_GAIN_DB = 120
DISTANCES_M = (0.01, 10_000)
SIDES_M = (0.5, 1000)
RT60S_S = (0.05, 20)
"""Sides and reverberation time of a shoebox; other rooms do without, so theirs may also be 0."""
BED_NAME = "bed.wav"
"""The ambisonic ambience, among the stems."""
_DEGREE_DECIMALS = 12
"""Angles are rounded to 1e-12 degrees, so that 30 reads as 30.0."""
_NAME_CHARACTERS = 40
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
    gives the same bytes.
    """
    path, stems_dir = check_scene_output(path, stems_dir, force=force), Path(stems_dir)
    relative = _relative_folder(path, stems_dir)
    with whole_files(within) as files:
        stems = _stems(files, stems_dir, scene, force)
        entries = [
            _source_entry(source, str(relative / stem.name), file_sha256(temporary))
            for source, (stem, temporary) in zip(scene.sources, stems.items(), strict=False)  # the bed comes last
        ]
        document = _document(scene, entries, extra or {})
        if scene.bed is not None:
            bed = stems_dir / BED_NAME
            document["bed"] = _bed_entry(scene, str(relative / BED_NAME), file_sha256(stems[bed]))
        # Asked for last, so that it appears when its stems are there.
        files.file(path, force).write_text(_pretty(document) + "\n", encoding="utf-8", newline="\n")
    return tuple(stems)


def write_stems(stems_dir: PathLike, scene: Scene, *, force: bool = False, within: WholeFiles | None = None) -> tuple[Path, ...]:
    """The stems that were written, one mono float WAV per source and one AmbiX WAV for a bed, all or none.

    ``stems_dir`` is made if missing.

    ``force`` and ``within`` as in :func:`write_scene`.
    """
    with whole_files(within) as files:
        return tuple(_stems(files, Path(stems_dir), scene, force))


def _stems(files: WholeFiles, stems_dir: Path, scene: Scene, force: bool) -> dict[Path, Path]:
    """Every stem and then the bed, written under a temporary name, by its path; those of an earlier run are outdated."""
    files.folder(stems_dir)
    if force:
        files.outdate(path for path in stems_dir.iterdir() if _is_stem(path))
    stems = {}
    for number, source in enumerate(scene.sources, start=1):
        path = stems_dir / _stem_name(number, source.label)
        write_audio(path, source.audio, "FLOAT", force=force, within=files)
        stems[path] = files.file(path, force)
    if scene.bed is not None:
        path = stems_dir / BED_NAME
        write_audio(path, scene.bed, "FLOAT", force=force, within=files)
        stems[path] = files.file(path, force)
    return stems


def check_scene_output(path: PathLike, stems_dir: PathLike, *, force: bool = False) -> Path:
    """The path, when :func:`write_scene` can put a scene there and its stems into ``stems_dir``; InputError otherwise."""
    path = check_output(path, force)
    _relative_folder(path, Path(stems_dir))
    check_folder(stems_dir)
    return path


def read_scene(path: PathLike) -> Scene:
    """The scene of a file, its stems loaded.

    InputError names the file and says what is wrong: malformed JSON, unknown version or field, a value out of range, a
    stem that is missing, changed, empty, not finite, not mono, of another rate or length, or outside the scene's folder.
    """
    path = check_input(path)
    fields = Fields(_parsed(path), str(path))
    version = fields.integer("version")
    if version != VERSION:
        raise InputError(f"{path} is a scene of version {version}, this seehear reads version {VERSION}")
    fields.only("version", "duration_s", "sample_rate_hz", "seed", "listener", "room", "sources", "bed", "extra")
    rate = fields.integer("sample_rate_hz", *RATES_HZ)
    duration_s, seed = fields.number("duration_s", 1 / rate, MAX_DURATION_S), fields.integer("seed", 0, MAX_SEED)
    room, listener = _read_room(fields.child("room")), _read_listener(fields.child("listener"))
    length = n_samples(duration_s, rate)
    sources = tuple(_read_source(entry, path.parent, rate, length) for entry in fields.entries("sources", MAX_SOURCES))
    bed, bed_gain_db = _read_bed(fields.child("bed"), path.parent, rate, length) if "bed" in fields.value else (None, 0.0)
    with fields.placing_errors():
        return Scene(sources, room, duration_s, rate, seed, listener, bed, bed_gain_db)


def as_written(scene: Scene) -> Scene:
    """The scene with its angles as the file holds them: exactly what :func:`read_scene` gives back after :func:`write_scene`.

    Render this one, and the render from disk has the same bytes.
    """
    return replace(
        scene,
        listener=_direction_as_written(scene.listener),
        sources=tuple(
            replace(
                source,
                extent_rad=math.radians(_degrees(source.extent_rad)),
                trajectory=replace(
                    source.trajectory,
                    directions=np.array([_direction_as_written(Direction.of(v)).vector for v in source.trajectory.directions]),
                ),
            )
            for source in scene.sources
        ),
    )


# ------------------------------------------------------------------------------------------- writing


def _document(scene: Scene, sources: list[dict[str, Any]], extra: Mapping[str, object]) -> dict[str, Any]:
    room = scene.room
    return {
        "version": VERSION,
        "duration_s": float(scene.duration_s),
        "sample_rate_hz": int(scene.sample_rate_hz),
        "seed": int(scene.seed),
        "listener": {
            "azimuth_deg": _degrees(scene.listener.azimuth_rad),
            "elevation_deg": _degrees(scene.listener.elevation_rad),
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


def _source_entry(source: Source, stem: str, sha256: str) -> dict[str, Any]:
    trajectory = source.trajectory
    points = []
    for time_s, vector, distance_m in zip(trajectory.times_s, trajectory.directions, trajectory.distances_m, strict=True):
        direction = Direction.of(vector)
        points.append(
            {
                "time_s": float(time_s),
                "azimuth_deg": _degrees(direction.azimuth_rad),
                "elevation_deg": _degrees(direction.elevation_rad),
                "distance_m": float(distance_m),
            }
        )
    return {
        "label": source.label,
        "stem": stem,
        "sha256": sha256,
        "gain_db": float(source.gain_db),
        "extent_deg": _degrees(source.extent_rad),
        "lfe": bool(source.lfe),
        "trajectory": points,
    }


def _bed_entry(scene: Scene, stem: str, sha256: str) -> dict[str, Any]:
    return {"stem": stem, "sha256": sha256, "gain_db": float(scene.bed_gain_db)}


def _direction_as_written(direction: Direction) -> Direction:
    return Direction(math.radians(_degrees(direction.azimuth_rad)), math.radians(_degrees(direction.elevation_rad)))


def _degrees(angle_rad: float) -> float:
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


def _stem_name(number: int, label: str) -> str:
    """File name of a stem: its number keeps it unique, its label readable."""
    word = re.sub(r"[^\w-]+", "-", label).strip("-")[:_NAME_CHARACTERS]
    return f"{number:02d}-{word}.wav" if word else f"{number:02d}.wav"


def _relative_folder(path: Path, stems_dir: Path) -> PurePosixPath:
    try:
        return PurePosixPath(stems_dir.resolve().relative_to(path.parent.resolve()).as_posix())
    except ValueError:
        raise InputError(f"the stems folder {stems_dir} must lie in the folder of {path}, so that both can be moved") from None


def _is_stem(path: Path) -> bool:
    """Whether the file has the name and the format that stems and beds are written with here."""
    if path.name == BED_NAME and path.is_file():
        facts = wav_facts(path)
        return facts is not None and facts.comment.startswith(AMBIX_COMMENT)
    return re.fullmatch(r"\d{2,}(-[\w-]+)?\.wav", path.name) is not None and path.is_file() and is_mono_float_wav(path)


# ------------------------------------------------------------------------------------------- reading


def _parsed(path: Path) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a scene file: {error}") from None


def _read_room(fields: Fields) -> Room:
    fields.only("kind", "size_m", "listener_m", "rt60_s")
    kind = fields.text("kind")
    is_box = kind == "shoebox"
    rt60_s = fields.number("rt60_s", RT60S_S[0] if is_box else 0, RT60S_S[1])
    longest_m = SIDES_M[1] if is_box else DISTANCES_M[1]
    size_m = fields.triple("size_m", SIDES_M[0] if is_box else 0, longest_m)
    listener_m = fields.triple("listener_m", 0, DISTANCES_M[1])
    with fields.placing_errors():
        return Room(kind, size_m, listener_m, rt60_s)  # type: ignore[arg-type]  # Room checks the kind


def _read_listener(fields: Fields) -> Direction:
    fields.only("azimuth_deg", "elevation_deg")
    return _read_angles(fields)


def _read_angles(fields: Fields) -> Direction:
    elevation_deg = fields.number("elevation_deg", minimum=-90, maximum=90)
    return Direction(math.radians(fields.number("azimuth_deg", -360, 360)), math.radians(elevation_deg))


def _read_source(fields: Fields, folder: Path, rate: int, length: int) -> Source:
    fields.only("label", "stem", "sha256", "gain_db", "extent_deg", "lfe", "trajectory")
    label, gain_db, lfe = fields.text("label"), fields.number("gain_db", -MAX_GAIN_DB, MAX_GAIN_DB), fields.flag("lfe")
    extent_rad = math.radians(fields.number("extent_deg", minimum=0, maximum=360))
    trajectory = _read_trajectory(fields)
    return Source(_read_stem(fields, folder, rate, length), trajectory, label, gain_db, extent_rad, lfe)


def _read_trajectory(fields: Fields) -> Trajectory:
    times_s, vectors, distances_m = [], [], []
    for point in fields.entries("trajectory", MAX_POINTS):
        point.only("time_s", "azimuth_deg", "elevation_deg", "distance_m")
        times_s.append(point.number("time_s", -MAX_DURATION_S, MAX_DURATION_S))
        vectors.append(_read_angles(point).vector)
        distances_m.append(point.number("distance_m", *DISTANCES_M))
    with fields.placing_errors():
        return Trajectory(np.array(times_s), np.array(vectors).reshape(-1, 3), np.array(distances_m))


def _stem_path(fields: Fields, folder: Path) -> Path:
    name = fields.text("stem")
    folder = folder.resolve()
    try:
        stem = (folder / name).resolve()
    except ValueError as error:
        raise InputError(f"{fields.where}: {name!r} is not a file name ({error})") from None
    if PureWindowsPath(name).is_absolute() or PurePosixPath(name).is_absolute() or not stem.is_relative_to(folder):
        raise InputError(f"{fields.where}: the stem {name!r} lies outside the folder of the scene")
    return stem


def _read_stem(fields: Fields, folder: Path, rate: int, length: int) -> Audio:
    stem = _stem_path(fields, folder)
    audio = read_audio(stem)
    if audio.layout.n_channels != 1:
        raise InputError(f"the stem {stem} must be mono, it has {audio.layout.n_channels} channels")
    return _fitting(audio, stem, fields, rate, length)


def _read_bed(fields: Fields, folder: Path, rate: int, length: int) -> tuple[Audio, float]:
    """The bed and its gain in dB."""
    fields.only("stem", "sha256", "gain_db")
    gain_db, stem = fields.number("gain_db", -MAX_GAIN_DB, MAX_GAIN_DB), _stem_path(fields, folder)
    audio = read_ambisonics(stem)
    if audio.convention != "acn-sn3d":
        raise InputError(f"the bed {stem} must be AmbiX (acn-sn3d), it says {audio.convention}")
    return _fitting(audio, stem, fields, rate, length), gain_db


def _fitting(audio: Audio, stem: Path, fields: Fields, rate: int, length: int) -> Audio:
    """``audio``, when it has the scene's rate and length, a sane level and the hash that the scene remembers."""
    if audio.sample_rate_hz != rate:
        raise InputError(f"the stem {stem} has {audio.sample_rate_hz} Hz, the scene {rate} Hz")
    if audio.n_samples != length:
        raise InputError(f"the stem {stem} has {audio.n_samples} samples, the scene {length}")
    peak = float(np.abs(audio.samples).max())
    if peak > MAX_SAMPLE:
        raise InputError(f"the stem {stem} reaches {peak:.3g}, full scale is 1 and the most that is taken {MAX_SAMPLE:g}")
    told = fields.text("sha256", default="")
    if told and told.lower() != file_sha256(stem):
        raise InputError(
            f"the stem {stem} has changed since the scene was written: remove its sha256 from the scene to use it as it is"
        )
    return audio
