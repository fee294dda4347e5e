"""Generated sound fields beside their references: files of one name in two folders, and where the camera looked."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seehear.acoustics.sphere import convert
from seehear.data.shards import MANIFEST, read_clips, read_manifest_rows
from seehear.io.audio import open_ambisonics
from seehear.io.files import check_input
from seehear.io.resampling import resampled
from seehear.metrics.ambisonics import RATE_HZ, FieldPair
from seehear.types import Convention, Direction, FloatArray, InputError, Sound

SUFFIXES = (".wav", ".amb", ".flac", ".caf", ".opus", ".ogg")
LONGEST_S = 600.0
"""Clips are held in memory, a film is no clip."""
UNLIKE_S = 0.1
"""By so much a generated clip may be shorter or longer than its reference: codecs have frames. What is over is left out."""


@dataclass(frozen=True)
class FieldSets:
    """Which sounds there are, by key: the path inside its folder, without the extension."""

    generated: Mapping[str, Path]
    reference: Mapping[str, Path]
    """Empty where the references are clips in shards."""
    shards: Path | None
    keys: tuple[str, ...]
    """Of all references, by name; of shards in their order."""
    directions: Mapping[str, Direction]
    """Where the camera looked, for those of which it is known."""
    faults: Mapping[str, str]
    """Why what lies beside a sound tells no direction: such a pair is not compared."""

    @property
    def unused(self) -> list[str]:
        """What was generated for no reference."""
        return sorted(self.generated.keys() - set(self.keys))


@dataclass(frozen=True)
class Unreadable:
    """A pair that cannot be compared."""

    key: str
    reason: str


def find_fields(generated: Path, reference: Path, directions: Path | None = None) -> FieldSets:
    """The sounds of two folders, the reference of files or of shards, and the directions of its clips.

    A direction is what the file ``directions`` says; else the manifest of the shards, or NAME.json (NAME.seehear.json) beside the
    reference or the generated file. InputError: no folder, no sounds, two files of one name, nothing in common, or directions
    that cannot be read or are of other sounds; a NAME.json that tells none is a fault of its pair.
    """
    made, faults = sounds_in(generated), dict[str, str]()
    if (reference / MANIFEST).is_file():
        rows = read_manifest_rows(reference)
        keys, wanted, shards = tuple(row["key"] for row in rows), dict[str, Path](), reference
        known = {row["key"]: _direction(row, f"{reference / MANIFEST}, {row['key']}") for row in rows}
    else:
        wanted, shards = sounds_in(reference), None
        keys = tuple(sorted(wanted))
        known = {}
        for key in keys:
            try:
                known[key] = _beside(wanted[key]) or _beside(made.get(key))
            except InputError as error:
                faults[key] = str(error)
    if not made.keys() & set(keys):
        raise InputError(f"no sound in {generated} has the name of one in {reference}, such as {keys[0]!r}")
    if directions is not None:
        told = read_directions(directions)
        if not told.keys() & set(keys):
            raise InputError(f"{directions} names no sound of {reference}, such as {keys[0]!r}")
        known |= told
        faults = {key: reason for key, reason in faults.items() if key not in told}
    return FieldSets(made, wanted, shards, keys, {key: each for key, each in known.items() if each is not None}, faults)


def sounds_in(folder: Path) -> dict[str, Path]:
    """The sound files of a folder and its sub-folders by key; InputError where there are none, or two of one key."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: name one that holds ambisonic sounds")
    found: dict[str, Path] = {}
    for path in sorted(each for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file()):
        key = path.relative_to(folder).with_suffix("").as_posix()
        if key in found:
            raise InputError(f"{found[key]} and {path} have one name: keep one of them")
        found[key] = path
    if not found:
        raise InputError(f"{folder} holds no sounds ({', '.join(SUFFIXES)})")
    return found


def read_directions(path: Path) -> dict[str, Direction | None]:
    """Directions by key, from CSV (name, azimuth_deg, elevation_deg), a JSON {name: [azimuth, elevation]} or a manifest.

    InputError: what is no such file, a name that is there twice, numbers that are no direction.
    """
    text = _text(check_input(path))
    if path.suffix.lower() == ".csv":
        rows = list(csv.DictReader(text.splitlines()))
        if not rows or not {"name", "azimuth_deg", "elevation_deg"} <= rows[0].keys():
            raise InputError(f"{path} needs the columns name, azimuth_deg and elevation_deg, and a row per clip")
        told = [(row["name"] or "", {"direction_deg": [row["azimuth_deg"], row["elevation_deg"]]}) for row in rows]
    elif path.suffix.lower() == ".jsonl":
        told = [(row["key"], row) for row in read_manifest_rows(path)]
    else:
        told = [(key, {"direction_deg": value}) for key, value in _object(path, text).items()]
    found: dict[str, Direction | None] = {}
    for name, value in told:
        if _key(name) in found:
            raise InputError(f"{path} has two directions for {name}")
        found[_key(name)] = _direction(value, f"{path}, {name}")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8: {error}") from None


def _object(path: Path, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a JSON object")
    return value


def _key(name: str) -> str:
    path = Path(name)
    return path.with_suffix("").as_posix() if path.suffix.lower() in SUFFIXES else name


def _direction(row: Mapping[str, Any], where: str) -> Direction | None:
    """The direction in ``direction_deg``, or ``azimuth_deg`` and ``elevation_deg``; None where nothing is said of it."""
    apart = [row.get("azimuth_deg"), row.get("elevation_deg")]
    angles = row.get("direction_deg", None if None in apart else apart)
    if angles is None:
        return None
    try:
        if isinstance(angles, str):
            raise TypeError
        azimuth, elevation = (float(angle) for angle in angles)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{where}: a direction is an azimuth and an elevation in degrees, got {angles!r}") from None
    if not (math.isfinite(azimuth) and abs(elevation) <= 90):
        raise InputError(f"{where}: an elevation lies in -90 to 90 degrees and an azimuth is finite, got {angles!r}")
    return Direction(math.radians(azimuth), math.radians(elevation))


def _beside(sound: Path | None) -> Direction | None:
    """What NAME.json or NAME.seehear.json beside a sound says."""
    paths = () if sound is None else (sound.with_suffix(".json"), sound.with_suffix(".seehear.json"))
    path = next((path for path in paths if path.is_file()), None)
    return None if path is None else _direction(_object(path, _text(path)), str(path))


# ------------------------------------------------------------------------------------------------ reading


def read_pairs(
    sets: FieldSets, *, generated_order: Convention = "", reference_order: Convention = "", seed: int = 0
) -> Iterator[FieldPair | Unreadable]:
    """Every reference with what was generated for it, one at a time: files in random order, so that neighbours are no relatives;
    clips of shards in theirs, for an archive has no other.
    """
    for key, read_reference in _references(sets, reference_order, seed):
        try:
            if key not in sets.generated:
                raise InputError(f"nothing was generated for {key}")
            if key in sets.faults:
                raise InputError(sets.faults[key])
            made = _field(open_ambisonics(sets.generated[key], generated_order), str(sets.generated[key]))
            yield _pair(key, made, read_reference(), sets.directions.get(key))
        except InputError as error:
            yield Unreadable(key, str(error))


def _references(sets: FieldSets, order: Convention, seed: int) -> Iterator[tuple[str, Callable[[], FloatArray]]]:
    """Keys with what reads the reference."""
    if sets.shards is not None:
        for clip in read_clips(sets.shards):
            yield clip.key, lambda clip=clip: _field(clip.sound, clip.key)
        return
    for k in np.random.default_rng(seed).permutation(len(sets.keys)):
        path = sets.reference[sets.keys[k]]
        yield sets.keys[k], lambda path=path: _field(open_ambisonics(path, order), str(path))


def _field(sound: Sound, name: str) -> FloatArray:
    """W, Y, Z, X in SN3D (4, T) at `RATE_HZ`, of any order."""
    seconds = sound.n_samples / sound.sample_rate_hz
    if seconds > LONGEST_S:
        raise InputError(f"{name} has {seconds:.0f} s: clips of at most {LONGEST_S:.0f} s are compared")
    samples = np.concatenate(list(resampled(sound, RATE_HZ)), axis=1)
    return convert(samples, sound.convention or "acn-sn3d", "acn-sn3d")[:4]


def _pair(key: str, made: FloatArray, wanted: FloatArray, direction: Direction | None) -> FieldPair:
    lengths = made.shape[1], wanted.shape[1]
    if max(lengths) - min(lengths) > UNLIKE_S * RATE_HZ or not min(lengths):
        raise InputError(
            f"{key}: the generated sound has {lengths[0] / RATE_HZ:.2f} s, its reference {lengths[1] / RATE_HZ:.2f} s: "
            "they must be equally long"
        )
    n = min(lengths)
    return FieldPair(key, made[:, :n], wanted[:, :n], direction)
