"""Panoramic videos on the disk, and the stage that opens them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.sphere import convert
from seehear.data.curation.records import Film, Reject, Rules
from seehear.types import FOA, Convention, InputError, Sound, derived

PICTURES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
SOUNDS = (".wav", ".opus", ".caf", ".flac", ".ogg", ".m4a", ".webm", ".mka")
"""What lies beside a video with the same name is its sound: YouTube's come as ID.mp4 and ID.webm."""
PANORAMA_PX = 896
"""Width to which larger panoramas are reduced: that of the released data, and 2 pi focal lengths of a view of 90 degrees in 224
pixels (704) or more, so that a view neither blurs nor flickers."""
COLUMNS = ("video", "sound", "name", "convention")


@dataclass(frozen=True)
class FilmFiles:
    """Where a film is: its picture, its sound when that is a file of its own, its name, and its ambisonic convention if told."""

    name: str
    video: Path
    sound: Path | None = None
    convention: Convention = ""


def listed_films(source: Path) -> list[FilmFiles]:
    """The films of a folder by name, or of the rows of a CSV or JSONL manifest (``video``, and if need be ``sound``, ``name``,
    ``convention``; paths are seen from the manifest). InputError: neither, a row that cannot be used, none at all."""
    films = list(_in_folder(source) if source.is_dir() else _in_manifest(source))
    if not films:
        raise InputError(f"{source} holds no video: {', '.join(PICTURES)} are taken, or a .csv or .jsonl that names them")
    return list(_with_own_names(films))


def _in_folder(folder: Path) -> Iterator[FilmFiles]:
    by_name: dict[str, list[Path]] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")):
        by_name.setdefault(path.stem, []).append(path)
    for name, paths in by_name.items():
        videos = sorted((p for p in paths if p.suffix.lower() in PICTURES), key=lambda p: PICTURES.index(p.suffix.lower()))
        if videos:
            sounds = [path for path in paths if path.suffix.lower() in SOUNDS and path != videos[0]]
            yield FilmFiles(name, videos[0], sounds[0] if sounds else None)


def _in_manifest(source: Path) -> Iterator[FilmFiles]:
    for number, row in enumerate(_rows(source), start=1):
        where = f"{source}, row {number}: "
        if not isinstance(row, dict):
            raise InputError(f"{where}an object with `video` is needed, got {json.dumps(row)[:40]}")
        if None in row:  # where csv puts the cells that have no column
            raise InputError(f"{where}more cells than columns: a name with a comma needs quotes")
        if unknown := sorted(set(row) - set(COLUMNS)):
            raise InputError(f"{where}unknown column {unknown[0]!r}: it takes {', '.join(COLUMNS)}")
        texts = {key: value for key, value in row.items() if value}
        if not isinstance(texts.get("video"), str) or not all(isinstance(text, str) for text in texts.values()):
            raise InputError(f"{where}`video` must name a file, got {row.get('video')!r}")
        convention = texts.get("convention", "")
        if convention not in get_args(Convention):
            raise InputError(f"{where}convention is acn-sn3d, acn-n3d or fuma, got {convention!r}")
        video, sound = source.parent / texts["video"], texts.get("sound")
        yield FilmFiles(texts.get("name") or video.stem, video, source.parent / sound if sound else None, convention)


def _rows(source: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            if source.suffix.lower() == ".jsonl":
                yield from (json.loads(line) for line in file if line.strip())
            elif source.suffix.lower() == ".csv":
                yield from csv.DictReader(file, strict=True)
            else:
                raise InputError(f"{source} is no folder and no manifest (.csv or .jsonl)")
    except FileNotFoundError:
        raise InputError(f"{source} does not exist") from None
    except (OSError, csv.Error, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{source} is not a manifest that can be read: {error}") from None


def _with_own_names(films: Sequence[FilmFiles]) -> Iterator[FilmFiles]:
    """Names that may stand in keys of clips and names of folders, no two alike."""
    seen: set[str] = set()
    for film in films:
        plain = re.sub(r"[^\w-]+", "-", film.name).strip("-")[:80] or "film"
        name = next(each for n in range(len(seen) + 1) if (each := plain if n == 0 else f"{plain}-{n + 1}") not in seen)
        seen.add(name)
        yield FilmFiles(name, film.video, film.sound, film.convention)


def open_film(files: FilmFiles, rules: Rules) -> Film | Reject:
    """The film, or why it cannot be used: unreadable, no panorama, no ambisonics, shorter than a clip."""
    from seehear.io.audio import open_ambisonics
    from seehear.io.spherical import is_sphere_size
    from seehear.io.video import open_track, pictures_at

    try:
        video = open_track(files.video).video
        sound = open_ambisonics(files.sound or files.video, files.convention)
    except InputError as error:
        return Reject("read", "cannot be read as a video with ambisonics", str(error))
    if not is_sphere_size(video.width_px, video.height_px):
        size = f"{video.width_px} x {video.height_px}"
        return Reject("read", "the picture is no panorama", f"{size}, twice as wide as high is needed")
    duration_s = min(video.duration_s, sound.duration_s)
    if duration_s < rules.window_s - 1e-6:
        return Reject("read", "shorter than a clip", f"{duration_s:.2f} s of the {rules.window_s} s that are needed")

    def panoramas(times_s: Sequence[float]) -> Iterator[NDArray[np.uint8]]:
        return (image.rgb for image in pictures_at(video, times_s, PANORAMA_PX))

    return Film(files.name, first_order_ambix(sound), duration_s, panoramas, str(files.video))


def first_order_ambix(sound: Sound) -> Sound:
    """The first four channels of ambisonics, in ACN order and SN3D whatever they were in."""
    if sound.layout == FOA and sound.convention in ("", "acn-sn3d"):
        return sound

    def span(start: int, stop: int) -> NDArray[np.float32]:
        samples = sound.read(start, stop)
        return convert(samples, sound.convention or "acn-sn3d", "acn-sn3d")[:4].astype(np.float32)

    return replace(derived(sound, span), layout=FOA, convention="acn-sn3d")
