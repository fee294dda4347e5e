"""VGGSound as people download it: the official list, and a folder of ten-second videos. For the pretraining of the mono model.

What is expected, and where (nothing is downloaded here):

- ``vggsound.csv`` of https://www.robots.ox.ac.uk/~vgg/data/vggsound/: no header, four columns: YouTube id, start in seconds,
  label, ``train`` or ``test`` (199,467 rows; labels with a comma are quoted);
- a folder with a video per row, named in one of the ways of the usual download scripts: ``ID_SSSSSS.mp4`` (start in six digits),
  ``ID_S.mp4``, or ``ID_START_END.mp4`` in milliseconds; .mp4, .mkv or .webm.

A video has one sound for all directions. As a `data.clips.Clip` its sound is in W alone: Y, Z and X are silent, the direction
is the front and means nothing, and ``facts["mono"]`` is true. The mono model (`nets.visage_config.mono`) learns W and asks for no
direction.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np

from seehear.data.clips import CLIP_S, Clip
from seehear.data.reading import Missing, of_length, padded, within_full_scale
from seehear.types import FOA, FRONT, Audio, InputError

Split = Literal["train", "test"]
LENGTH_S = 10
"""Seconds of a video of the data set."""
SUFFIXES = (".mp4", ".mkv", ".webm")
SMALLEST_SIDE_PX = 224
"""To which the smaller side of larger frames is reduced."""


@dataclass(frozen=True)
class Entry:
    """One row of the list."""

    youtube_id: str
    start_s: int
    label: str
    split: Split

    @property
    def clip_id(self) -> str:
        return f"{self.youtube_id}_{self.start_s:06d}"

    def paths(self, folder: Path) -> Iterator[Path]:
        """Where its video may be."""
        milliseconds = f"{self.youtube_id}_{1000 * self.start_s}_{1000 * (self.start_s + LENGTH_S)}"
        for name in (self.clip_id, f"{self.youtube_id}_{self.start_s}", milliseconds):
            yield from (folder / f"{name}{suffix}" for suffix in SUFFIXES)


def read_entries(path: Path, split: Split) -> list[Entry]:
    """The rows of a split in the order of the official list; InputError for a file that is not that list."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            entries = [_entry(row, f"{path}, row {number}: ") for number, row in enumerate(csv.reader(file), start=1) if row]
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: it is on www.robots.ox.ac.uk/~vgg/data/vggsound/") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not vggsound.csv: {error}") from None
    found = [entry for entry in entries if entry.split == split]
    if not found:
        raise InputError(f"{path} has no row of the split {split!r}")
    return found


def _entry(row: list[str], where: str) -> Entry:
    if len(row) != 4 or not row[1].strip().isdigit() or row[3].strip() not in get_args(Split):
        raise InputError(f"{where}YouTube id, start in seconds, label, train or test are needed, got {row}")
    youtube_id, start, label, split = (cell.strip() for cell in row)
    return Entry(youtube_id, int(start), label, cast(Split, split))


def read_clips(
    listing: Path, folder: Path, split: Split, rng: np.random.Generator, *, frames_per_s: float = 4.0
) -> Iterator[Clip | Missing]:
    """A clip of every row of a split in the order of the list, or what is wrong with it: no such file (many videos are gone), no
    sound, broken or too short.

    The five seconds of ten begin at a whole second that ``rng`` draws, one draw for each row whether its file is there or not.
    InputError: as of :func:`read_entries`, no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of videos")
    for entry in read_entries(listing, split):
        offset_s = int(rng.integers(0, LENGTH_S - int(CLIP_S) + 1))
        path = next((path for path in entry.paths(folder) if path.is_file()), None)
        if path is None:
            yield Missing(entry.clip_id, "no file")
            continue
        try:
            yield read_clip(entry, path, offset_s, frames_per_s)
        except InputError as error:
            yield Missing(entry.clip_id, str(error))


def read_clip(entry: Entry, path: Path, offset_s: int, frames_per_s: float) -> Clip:
    """Five seconds of a video of the data set from ``offset_s`` on, earlier in one that is too short for that.

    InputError for a file without sound or picture, damaged, or shorter than a clip by more than a tenth.
    """
    from seehear.io.audio import open_audio
    from seehear.io.video import open_track, pictures_at

    video, sound = open_track(path).video, open_audio(path)
    start_s = max(0.0, min(float(offset_s), sound.duration_s - CLIP_S, video.duration_s - CLIP_S))
    rate = sound.sample_rate_hz
    first = round(start_s * rate)
    span = sound.read(first, min(first + round(CLIP_S * rate), sound.n_samples))
    field = np.zeros((4, round(CLIP_S * rate)), np.float32)
    field[0] = padded(span.mean(axis=0, keepdims=True), field.shape[1], entry.clip_id)
    times_s = [start_s + k / frames_per_s for k in range(round(CLIP_S * frames_per_s))]
    larger = round(SMALLEST_SIDE_PX * max(video.width_px, video.height_px) / min(video.width_px, video.height_px))
    frames = of_length([image.rgb for image in pictures_at(video, times_s, larger)], len(times_s), entry.clip_id)
    whole, gain_db = within_full_scale(Audio(field, rate, FOA, "acn-sn3d"))
    facts = {
        "origin": f"https://www.youtube.com/watch?v={entry.youtube_id}",
        "start_s": entry.start_s + start_s,
        "split": entry.split,
        "mono": True,
        "data_set": "VGGSound",
        "licence": "CC BY 4.0 (the list; videos on YouTube belong to their owners)",
        "gain_db": gain_db,
    }
    return Clip(entry.clip_id, frames, frames_per_s, whole, FRONT, (entry.label,), entry.label, facts)
