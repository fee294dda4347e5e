"""Scenes read: every field checked, every stem found, nothing of its samples loaded."""

from __future__ import annotations

import json
import math
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from seehear.io.audio import RATES_HZ, open_ambisonics, open_audio
from seehear.io.fields import Fields
from seehear.io.files import PathLike, check_input, file_sha256
from seehear.io.scene.limits import (
    DISTANCES_M,
    MAX_DURATION_S,
    MAX_GAIN_DB,
    MAX_POINTS,
    MAX_SEED,
    MAX_SOURCES,
    RT60S_S,
    SIDES_M,
    VERSION,
)
from seehear.io.scene.stems import Stem
from seehear.types import Direction, InputError, Recording, Room, Scene, Sound, Source, Trajectory, n_samples


def read_scene(path: PathLike) -> Scene:
    """The scene of a file, its stems to be read from theirs when they are heard (:class:`Stem`).

    InputError names the file and says what is wrong: malformed JSON, unknown version or field, a value out of range, a
    stem that is missing, changed, empty, not mono, of another rate or length, or outside the scene's folder. NaN and
    samples beyond `MAX_SAMPLE` are refused when they are read.
    """
    path = check_input(path)
    fields = _scene_fields(path)
    fields.only("version", "duration_s", "sample_rate_hz", "seed", "listener", "room", "sources", "bed", "extra")
    rate = fields.integer("sample_rate_hz", *RATES_HZ)
    duration_s, seed = fields.number("duration_s", 1 / rate, MAX_DURATION_S), fields.integer("seed", 0, MAX_SEED)
    room, listener = _read_room(fields.child("room")), _read_listener(fields.child("listener"))
    length = n_samples(duration_s, rate)
    sources = tuple(_read_source(entry, path.parent, rate, length) for entry in fields.entries("sources", MAX_SOURCES))
    bed, gain_db, muted = None, 0.0, False
    if "bed" in fields.value:
        bed, gain_db, muted = _read_bed(fields.child("bed"), path.parent, rate, length)
    with fields.placing_errors():
        return Scene(sources, room, duration_s, rate, seed, listener, bed, gain_db, muted)


def read_extra(path: PathLike) -> dict[str, Any]:
    """What the scene file holds beyond the scene: its ``extra``. InputError when it is no scene file."""
    extra = _scene_fields(check_input(path)).value.get("extra", {})
    if not isinstance(extra, dict):
        raise InputError(f"{path}: extra must be an object")
    return extra


def _scene_fields(path: Path) -> Fields:
    fields = Fields(_parsed(path), str(path))
    version = fields.integer("version")
    if version != VERSION:
        raise InputError(f"{path} is a scene of version {version}, this seehear reads version {VERSION}")
    return fields


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
    fields.only("label", "stem", "sha256", "gain_db", "muted", "recording", "extent_deg", "lfe", "trajectory")
    label, gain_db, lfe = fields.text("label"), fields.number("gain_db", -MAX_GAIN_DB, MAX_GAIN_DB), fields.flag("lfe")
    extent_rad = math.radians(fields.number("extent_deg", minimum=0, maximum=360))
    trajectory, stem = _read_trajectory(fields), _read_stem(fields, folder, rate, length)
    return Source(stem, trajectory, label, gain_db, extent_rad, lfe, _is_muted(fields), _read_recording(fields))


def _read_recording(fields: Fields) -> Recording | None:
    if "recording" not in fields.value:
        return None
    told = fields.child("recording")
    told.only("name", "licence")
    return Recording(told.text("name"), told.text("licence"))


def _is_muted(fields: Fields) -> bool:
    return fields.flag("muted") if "muted" in fields.value else False


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


def _read_stem(fields: Fields, folder: Path, rate: int, length: int) -> Stem:
    path = _stem_path(fields, folder)
    sound = open_audio(path)
    if sound.layout.n_channels != 1:
        raise InputError(f"the stem {path} must be mono, it has {sound.layout.n_channels} channels")
    return _fitting(sound, path, fields, rate, length)


def _read_bed(fields: Fields, folder: Path, rate: int, length: int) -> tuple[Stem, float, bool]:
    """The bed, its gain in dB and whether it is muted."""
    fields.only("stem", "sha256", "gain_db", "muted")
    gain_db, path = fields.number("gain_db", -MAX_GAIN_DB, MAX_GAIN_DB), _stem_path(fields, folder)
    sound = open_ambisonics(path)
    if sound.convention != "acn-sn3d":
        raise InputError(f"the bed {path} must be AmbiX (acn-sn3d), it says {sound.convention}")
    return _fitting(sound, path, fields, rate, length), gain_db, _is_muted(fields)


def _fitting(sound: Sound, path: Path, fields: Fields, rate: int, length: int) -> Stem:
    """The stem, when it has the scene's rate and length and the hash that the scene remembers."""
    if sound.sample_rate_hz != rate:
        raise InputError(f"the stem {path} has {sound.sample_rate_hz} Hz, the scene {rate} Hz")
    if sound.n_samples != length:
        raise InputError(f"the stem {path} has {sound.n_samples} samples, the scene {length}")
    told = fields.text("sha256", default="").lower()
    if told and told != file_sha256(path):
        raise InputError(
            f"the stem {path} has changed since the scene was written: remove its sha256 from the scene to use it as it is"
        )
    return Stem(sound, path, told)
