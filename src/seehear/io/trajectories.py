"""Trajectories as a table: written as CSV for spreadsheets and other programs, and read back after editing.

Degrees and metres; x front, y left, z up. Sources that are all around have no place and no row.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from seehear.io.files import PathLike, check_input, whole_file
from seehear.io.scene.limits import DISTANCES_M, MAX_DURATION_S, MAX_POINTS
from seehear.io.scene.writing import as_degrees
from seehear.types import Direction, FloatArray, InputError, Scene, Trajectory

COLUMNS = ("source", "label", "time_s", "azimuth_deg", "elevation_deg", "distance_m", "x_m", "y_m", "z_m")
_POLAR, _CARTESIAN = COLUMNS[3:6], COLUMNS[6:]


def write_trajectories(path: PathLike, scene: Scene, *, force: bool = False) -> None:
    """Nothing; ``path`` then holds a row per source and trajectory point (`COLUMNS`, UTF-8), sources numbered from 1."""
    with whole_file(path, force) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(_rows(scene))


def _rows(scene: Scene) -> Iterator[tuple[object, ...]]:
    for number, source in enumerate(scene.sources, start=1):
        if source.is_bed:
            continue
        path = source.trajectory
        for time_s, vector, distance_m in zip(path.times_s, path.directions, path.distances_m, strict=True):
            direction = Direction.of(vector)
            angles = (as_degrees(direction.azimuth_rad), as_degrees(direction.elevation_rad))
            metres = (round(float(each), 9) + 0.0 for each in vector * distance_m)
            yield number, source.label, float(time_s), *angles, float(distance_m), *metres


def read_trajectories(path: PathLike, scene: Scene) -> dict[int, Trajectory]:
    """The trajectories that a table gives, by the index of the source; sources without a row are not among them.

    Needed are ``source`` (its number in the scene), ``time_s`` and the three of angles and distance, or without these x, y, z. A
    ``label`` must be the source's own. Other columns are ignored.
    InputError with the line: a missing column, no number, out of range, a source that is not there, times that do not increase.
    """
    path = check_input(path)
    points: dict[int, list[tuple[float, FloatArray, float]]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            polar = _is_polar(path, table.fieldnames or ())
            for row in table:
                index, point = _point(row, scene, polar, f"{path}, line {table.line_num}")
                points.setdefault(index, []).append(point)
                if len(points[index]) > MAX_POINTS:
                    raise InputError(f"{path}: source {index + 1} has more than {MAX_POINTS} points")
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no table of trajectories: {error}") from None
    if not points:
        raise InputError(f"{path} has no rows")
    return {index: _trajectory(path, index, rows) for index, rows in points.items()}


def _is_polar(path: Path, columns: object) -> bool:
    names = set(columns) if isinstance(columns, list | tuple) else set()
    polar = names.issuperset(_POLAR)
    missing = [name for name in ("source", "time_s", *(() if polar else _CARTESIAN)) if name not in names]
    if missing:
        wanted = f"source, time_s and {', '.join(_POLAR)} or {', '.join(_CARTESIAN)}"
        raise InputError(f"{path} has no column {missing[0]}: needed are {wanted}")
    return polar


def _point(row: Mapping[str, str | None], scene: Scene, polar: bool, where: str) -> tuple[int, tuple[float, FloatArray, float]]:
    """A row's source and its time, unit vector and distance."""
    number, label = (row["source"] or "").strip(), row.get("label")
    if not (number.isdecimal() and 1 <= int(number) <= len(scene.sources)):
        raise InputError(f"{where}: source must be a number from 1 to {len(scene.sources)}, got {number!r}")
    source = scene.sources[int(number) - 1]
    if label is not None and label != source.label:
        raise InputError(f"{where}: source {number} is {source.label!r} in the scene, not {label!r}")
    time_s = _number(row, "time_s", where, (-MAX_DURATION_S, MAX_DURATION_S))
    if polar:
        azimuth_rad = math.radians(_number(row, "azimuth_deg", where, (-360, 360)))
        elevation_rad = math.radians(_number(row, "elevation_deg", where, (-90, 90)))
        vector = Direction(azimuth_rad, elevation_rad).vector
        return int(number) - 1, (time_s, vector, _number(row, "distance_m", where, DISTANCES_M))
    metres = np.array([_number(row, name, where, (-DISTANCES_M[1], DISTANCES_M[1])) for name in _CARTESIAN])
    distance_m = float(np.linalg.norm(metres))
    if not DISTANCES_M[0] <= distance_m <= DISTANCES_M[1]:
        raise InputError(f"{where}: the distance must be {DISTANCES_M[0]:g} to {DISTANCES_M[1]:g} m, got {distance_m:g}")
    return int(number) - 1, (time_s, metres / distance_m, distance_m)


def _number(row: Mapping[str, str | None], name: str, where: str, limits: tuple[float, float]) -> float:
    text = row[name] or ""
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{where}: {name} must be a number, got {text!r}") from None
    if not limits[0] <= value <= limits[1]:
        raise InputError(f"{where}: {name} must be {limits[0]:g} to {limits[1]:g}, got {value:g}")
    return value


def _trajectory(path: Path, index: int, rows: list[tuple[float, FloatArray, float]]) -> Trajectory:
    times_s, vectors, distances_m = zip(*rows, strict=True)
    try:
        return Trajectory(np.array(times_s), np.array(vectors), np.array(distances_m))
    except InputError as error:
        raise InputError(f"{path}, source {index + 1}: {error}") from None
