"""Clips in WebDataset shards: tar archives whose files share a key, and a manifest with a row per clip.

A clip with the key K is K.json (direction, labels, caption, facts), K.flac (W, Y, Z, X, SN3D, 16 bit), K.f000.jpg and so on,
one per frame, and for some frames K.f000.mask.png (8 bit, number of the source) and K.f000.depth.png (16 bit, centimetres, 65535
is the sky). Dots after the first belong to the extension, so the webdataset library groups them as they are.
The same clips make the same bytes, whoever writes them.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image as Pillow

from seehear.data.clips import Clip
from seehear.data.runner import Crew, Item, Row, run
from seehear.io.files import PathLike, WholeFiles, check_input, whole_file, whole_files
from seehear.types import FOA, Audio, Direction, InputError

MANIFEST, SHARD, ROWS = "manifest.jsonl", "clips.tar", "clips.jsonl"
JPEG_QUALITY = 92
SKY_CM = 65_535
"""In a depth picture: infinitely far."""
PER_SHARD = 100
ALONE = Crew()
_FRAME = re.compile(r"f(\d{3,})\.(jpg|mask\.png|depth\.png)")


# ------------------------------------------------------------------------------------------------ a clip and its files


def clip_files(clip: Clip) -> dict[str, bytes]:
    """The files of a clip by extension. InputError for a sound that a file of 16 bit cannot hold."""
    peak = float(np.abs(clip.sound.samples).max(initial=0))
    if peak > 1:
        raise InputError(f"the sound of clip {clip.key} peaks at {20 * math.log10(peak):+.1f} dBFS: lower its level")
    told = {
        "direction_deg": [math.degrees(clip.direction.azimuth_rad), math.degrees(clip.direction.elevation_rad)],
        "labels": list(clip.labels),
        "caption": clip.caption,
        "frames_per_s": clip.frames_per_s,
        "n_frames": len(clip.frames),
        "facts": dict(clip.facts),
    }
    files = {"json": json.dumps(told, ensure_ascii=False).encode(), "flac": _flac(clip.sound)}
    for i, frame in enumerate(clip.frames):
        files[f"f{i:03d}.jpg"] = _picture(Pillow.fromarray(frame), "JPEG", quality=JPEG_QUALITY)
    for i, mask in clip.masks.items():
        files[f"f{i:03d}.mask.png"] = _picture(Pillow.fromarray(mask), "PNG", compress_level=3)
    for i, depth_m in clip.depths_m.items():
        centimetres = np.where(np.isfinite(depth_m), np.minimum(np.rint(100 * depth_m), SKY_CM - 1), SKY_CM)
        files[f"f{i:03d}.depth.png"] = _picture(Pillow.fromarray(centimetres.astype(np.uint16)), "PNG", compress_level=3)
    return files


def _flac(sound: Audio) -> bytes:
    steps = np.clip(np.rint(sound.samples.T * 32768.0), -32768, 32767).astype(np.int16)
    out = io.BytesIO()
    soundfile.write(out, steps, sound.sample_rate_hz, "PCM_16", format="FLAC")
    return out.getvalue()


def _picture(picture: Pillow.Image, kind: str, **how: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def clip_from_files(key: str, files: Mapping[str, bytes]) -> Clip:
    """The clip of :func:`clip_files`; InputError for a file that is missing or no such file."""
    try:
        told = json.loads(files["json"])
        samples, rate_hz = soundfile.read(io.BytesIO(files["flac"]), dtype="float32", always_2d=True)
        numbered: dict[str, dict[int, NDArray]] = {"jpg": {}, "mask.png": {}, "depth.png": {}}
        for extension, data in files.items():
            if found := _FRAME.fullmatch(extension):
                with Pillow.open(io.BytesIO(data)) as picture:
                    numbered[found[2]][int(found[1])] = np.asarray(picture.convert("RGB") if found[2] == "jpg" else picture)
        frames = np.stack([numbered["jpg"][i] for i in range(told["n_frames"])])
        azimuth, elevation = (math.radians(angle) for angle in told["direction_deg"])
        return Clip(
            key=key,
            frames=frames,
            frames_per_s=told["frames_per_s"],
            sound=Audio(np.ascontiguousarray(samples.T), rate_hz, FOA, "acn-sn3d"),
            direction=Direction(azimuth, elevation),
            labels=tuple(told["labels"]),
            caption=told["caption"],
            facts=told["facts"],
            masks=numbered["mask.png"],
            depths_m={i: _metres(depth) for i, depth in numbered["depth.png"].items()},
        )
    except KeyError as error:
        raise InputError(f"clip {key} lacks {error.args[0]!r}: it was not written by seehear") from None
    except (OSError, SyntaxError, TypeError, ValueError, Pillow.DecompressionBombError, soundfile.LibsndfileError) as error:
        raise InputError(f"clip {key} is damaged: {error}") from None


def _metres(centimetres: NDArray) -> NDArray[np.float32]:
    return np.where(centimetres == SKY_CM, np.inf, centimetres / 100.0).astype(np.float32)


# ------------------------------------------------------------------------------------------------ writing


def write_shard(clips: Iterable[Clip], path: PathLike, within: WholeFiles | None = None) -> list[Row]:
    """The manifest rows of ``clips``, which are then in the tar archive ``path``, whole. One clip is in memory at a time.

    With ``within`` the archive appears with the other files of that run.
    """
    rows = []
    with whole_file(path, within=within) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        for clip in clips:
            digest = hashlib.sha256()
            for extension, data in sorted(clip_files(clip).items()):
                header = tarfile.TarInfo(f"{clip.key}.{extension}")
                header.size = len(data)
                archive.addfile(header, io.BytesIO(data))
                digest.update(data)
            rows.append(_row(clip, Path(path).name, digest.hexdigest()))
    return rows


def _row(clip: Clip, shard: str, sha256: str) -> Row:
    direction = [round(math.degrees(clip.direction.azimuth_rad), 3), round(math.degrees(clip.direction.elevation_rad), 3)]
    return {
        "shard": shard,
        "key": clip.key,
        "labels": list(clip.labels),
        "direction_deg": direction,
        "split": clip.facts.get("split"),
        "caption": clip.caption,
        "sha256": sha256,
    }


def write_shards(clips: Iterable[Clip], out: PathLike, *, per_shard: int = PER_SHARD, within: WholeFiles | None = None) -> int:
    """How many of ``clips`` there were; the folder ``out`` then holds them in shard-000000.tar and so on, and their manifest.

    They appear together at the end (with ``within`` that of that run), or none does.
    InputError for a folder that has a manifest already, or two clips with one key.
    """
    if (Path(out) / MANIFEST).exists():
        raise InputError(f"{out} holds clips already: name another folder")
    source, rows = iter(clips), list[Row]()
    with whole_files(within) as files:
        folder = files.folder(out)
        for number, first in enumerate(source):  # the rest of each shard is taken inside
            part = chain([first], islice(source, per_shard - 1))
            rows += write_shard(part, folder / f"shard-{number:06d}.tar", files)
        write_manifest(folder, rows, files)
    return len(rows)


def write_manifest(folder: Path, rows: Iterable[Row], within: WholeFiles | None = None) -> None:
    """Nothing; the manifest of ``folder`` is then there, whole. InputError for two rows with one key."""
    seen: set[str] = set()
    with whole_file(folder / MANIFEST, True, within) as temporary, temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            if row["key"] in seen:
                raise InputError(f"two clips have the key {row['key']!r}")
            seen.add(row["key"])
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class _ShardJob:
    """One shard: what a worker process is handed."""

    make: Callable[[range], Iterable[Clip]]
    n_clips: int
    per_shard: int
    beside: Callable[[range, Path], object] | None

    def __call__(self, item: Item, folder: Path) -> Mapping[str, Any]:
        first = int(item.name) * self.per_shard
        numbers = range(first, min(first + self.per_shard, self.n_clips))
        rows = write_shard(self.make(numbers), folder / SHARD)
        if self.beside is not None:
            self.beside(numbers, folder)
        lines = [json.dumps({**row, "shard": f"{item.name}/{SHARD}"}, ensure_ascii=False) + "\n" for row in rows]
        (folder / ROWS).write_text("".join(lines), "utf-8")
        return {"clips": len(rows)}


def make_shards(
    make: Callable[[range], Iterable[Clip]],
    n_clips: int,
    out: PathLike,
    *,
    settings: Mapping[str, Any],
    per_shard: int = PER_SHARD,
    crew: Crew = ALONE,
    resume: bool = False,
    beside: Callable[[range, Path], object] | None = None,
) -> Iterator[Row]:
    """The runner's row of every shard as it is done; at the end ``out`` has the manifest of all ``n_clips``.

    ``make`` gives the clips of a range of numbers and is picklable: workers make a shard each. What is done is whole, and a
    run that was stopped goes on with ``resume``; neither that nor the number of workers changes a byte of a shard. ``beside``
    makes what else belongs to a range of clips in their shard's folder.
    InputError as :func:`data.runner.run`.
    """
    folder, names = Path(out), [f"{i:06d}" for i in range(math.ceil(n_clips / per_shard))]
    settings = {**settings, "n_clips": n_clips, "per_shard": per_shard}
    job = _ShardJob(make, n_clips, per_shard, beside)
    failed = False
    for row in run((Item(name, name) for name in names), job, folder, settings=settings, crew=crew, resume=resume, retry=True):
        failed = failed or row["status"] == "failed"
        yield row
    if not failed:
        write_manifest(folder, (row for name in names for row in _lines(folder / name / ROWS)))


# ------------------------------------------------------------------------------------------------ reading


def manifest_rows(path: PathLike) -> Iterator[Row]:
    """The manifest rows of a folder of shards, or of a manifest, one at a time.

    InputError where there is none or it is damaged.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / MANIFEST).is_file():
            raise InputError(f"{path} has no {MANIFEST}: it holds no clips, or they are not finished (--resume goes on)")
        path = path / MANIFEST
    return _lines(check_input(path))


def read_manifest_rows(path: PathLike) -> list[Row]:
    """All of :func:`manifest_rows`."""
    return list(manifest_rows(path))


def _lines(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
                yield {**row, "shard": str(row["shard"]), "key": str(row["key"])}
            except (ValueError, KeyError, TypeError):
                raise InputError(f"{path}, line {number}: not a row of a manifest (an object with shard and key)") from None


def clip_keys(path: PathLike, *, split: str | None = None) -> Iterator[str]:
    """The keys of the clips that :func:`read_clips` has there; errors as there, but no picture or sound is opened."""
    if Path(path).suffix == ".tar":
        return _keys(check_input(path), split)
    return (row["key"] for row in manifest_rows(path) if split is None or row.get("split") == split)


def count_clips(path: PathLike, *, split: str | None = None) -> int:
    """How many there are of :func:`clip_keys`."""
    return sum(1 for _ in clip_keys(path, split=split))


def read_clips(path: PathLike, *, split: str | None = None, every: int = 1) -> Iterator[Clip]:
    """The clips of a folder of shards, a manifest (.jsonl) or one archive (.tar), one at a time, in the order of the shards.

    ``split`` keeps those of one split by the manifest, for an archive by their facts; ``every`` the first of so many. What is
    not kept is not decoded.
    InputError: what is no such thing, damaged or lacks a clip.
    """
    path = Path(path)
    if path.suffix == ".tar":
        chosen = split is not None or every > 1  # which takes a pass of its own: facts may follow the other files of a clip
        yield from _archived(check_input(path), set(islice(_keys(path, split), 0, None, every)) if chosen else None)
        return
    base = path if path.is_dir() else path.parent
    shards: dict[str, set[str]] = {}
    rows = (row for row in manifest_rows(path) if split is None or row.get("split") == split)
    for row in islice(rows, 0, None, every):
        shards.setdefault(row["shard"], set()).add(row["key"])
    for shard, keys in shards.items():
        found = set()
        for clip in _archived(check_input(base / shard), keys):
            found.add(clip.key)
            yield clip
        if lost := sorted(keys - found):
            raise InputError(f"{base / shard} lacks {len(lost)} clips of its manifest, such as {lost[0]}")


def _keys(path: Path, split: str | None) -> Iterator[str]:
    """The keys of an archive, or of those of its clips whose facts name that split."""
    for key, files in _groups(path, lambda _, extension: split is not None and extension == "json"):
        if split is None or _split_of(key, files) == split:
            yield key


def _split_of(key: str, files: Mapping[str, bytes]) -> str | None:
    try:
        return json.loads(files["json"])["facts"].get("split")
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError(f"clip {key} has no {key}.json that tells its facts: it was not written by seehear") from None


def _archived(path: Path, keys: Set[str] | None) -> Iterator[Clip]:
    """The clips of an archive that have one of these keys, or all."""
    for key, files in _groups(path, lambda key, _: keys is None or key in keys):
        if files:
            yield clip_from_files(key, files)


def _groups(path: Path, wanted: Callable[[str, str], bool]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Every key of an archive with those of its files that are ``wanted`` (key, extension); files of a key stand together."""
    key, files = None, dict[str, bytes]()
    try:
        with tarfile.open(path, "r|") as archive:
            for header in (each for each in archive if each.isfile()):
                own, _, extension = header.name.partition(".")
                if own != key:
                    if key is not None:
                        yield key, files
                    key, files = own, {}
                if wanted(own, extension) and (file := archive.extractfile(header)):
                    files[extension] = file.read()
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"{path} is no archive of clips, or damaged: {error}") from None
    if key is not None:
        yield key, files
