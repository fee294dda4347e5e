"""YT-Ambigen as its authors released it: lists of clips, the directions of their cameras, and the files that their script makes.

What is expected, and where (nothing is downloaded here). From https://github.com/jaeyeonkim99/visage, in one folder:

- ``train.csv``, ``valid.csv``, ``test.csv``: one column ``file_path`` with ``ID_SECONDS.npy``: the eleven characters of a YouTube
  id and the second of the video at which the clip begins (81,594, 9,604 and 11,166 rows);
- ``ambi.json``: for each ``ID_SECONDS`` the pair [elevation, azimuth] of its camera, in steps of two degrees.

And in another folder what their ``utils/prepare_dataset.py`` makes:

- ``nfov/ID_SECONDS.mp4``: 224 x 224 pixels, 90 degrees, 4 frames per second;
- ``audio/ID_SECONDS.opus``: first-order ambisonics of the panorama, as YouTube has it (ACN, SN3D).
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from seehear.data.clips import CLIP_S, Clip
from seehear.data.reading import Missing, of_length, padded, within_full_scale
from seehear.types import FOA, Audio, Direction, InputError

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
ELEVATIONS, AZIMUTHS = 90, 180
FRAMES_PER_S = 4.0
HFOV_DEG = 90.0


@dataclass(frozen=True)
class Entry:
    """One clip of the lists."""

    clip_id: str
    """``ID_SECONDS``."""
    direction: Direction

    @property
    def youtube_id(self) -> str:
        return self.clip_id[:11]

    @property
    def start_s(self) -> int:
        return int(self.clip_id[12:])


def camera_direction(index_elevation: int, index_azimuth: int) -> Direction:
    """The direction of a pair of ``ambi.json``: azimuth 179 - 2 a, elevation 89 - 2 e degrees, the centres of cells of 2 degrees.

    The released program turns (0, 0, 1) by (89 - 2 e) about x and by (2 a - 179) about y, its axes being x right, y down,
    z front; (right, down, front) is (front, -right, -down) here.
    """
    if not (0 <= index_elevation < ELEVATIONS and 0 <= index_azimuth < AZIMUTHS):
        raise InputError(
            f"a camera of YT-Ambigen has elevation 0 to {ELEVATIONS - 1} and azimuth 0 to {AZIMUTHS - 1}, in this order, "
            f"got {index_elevation} and {index_azimuth}"
        )
    return Direction(math.radians(179 - 2 * index_azimuth), math.radians(89 - 2 * index_elevation))


def read_entries(lists: Path, split: Split) -> list[Entry]:
    """The clips of a split in the order of its list; InputError for lists that are missing or not as released."""
    path, directions = lists / f"{split}.csv", _directions(lists / "ambi.json")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if "file_path" not in (rows.fieldnames or ()):
                raise InputError(f"{path} has no column file_path: it is not a list of YT-Ambigen")
            ids = [row["file_path"].strip().removesuffix(".npy") for row in rows]
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: it is in csv/yt_ambigen of github.com/jaeyeonkim99/visage") from None
    except (OSError, UnicodeDecodeError, csv.Error, AttributeError) as error:
        raise InputError(f"{path} is not a list of YT-Ambigen: {error}") from None
    if not ids:
        raise InputError(f"{path} names no clip")
    for clip_id in ids:
        if clip_id not in directions:
            raise InputError(f"ambi.json has no direction for {clip_id} of {path}: they are of different versions")
        if len(clip_id) < 13 or clip_id[11] != "_" or not clip_id[12:].isdigit():
            raise InputError(f"{path}: {clip_id!r} is not a YouTube id and a second (ID_SECONDS.npy)")
    return [Entry(clip_id, camera_direction(*directions[clip_id])) for clip_id in ids]


def _directions(path: Path) -> dict[str, tuple[int, int]]:
    try:
        told = json.loads(path.read_text("utf-8"))
        return {key: (int(elevation), int(azimuth)) for key, (elevation, azimuth) in told.items()}
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: it is in csv/yt_ambigen of github.com/jaeyeonkim99/visage") from None
    except (OSError, ValueError, OverflowError, TypeError, AttributeError) as error:  # Overflow: JSON may say Infinity
        raise InputError(f"{path} is not ambi.json of YT-Ambigen, pairs [elevation, azimuth] by clip: {error}") from None


def read_clips(lists: Path, media: Path, split: Split) -> Iterator[Clip | Missing]:
    """Every clip of a split in the order of its list, or what is wrong with its files: a video that YouTube has no longer, a
    download that broke. Sound is cut or continued by silence to 5 s, frames by the last, where no more than a tenth is missing.

    InputError: lists as of :func:`read_entries`, a folder of media without ``nfov`` and ``audio``.
    """
    for folder in ("nfov", "audio"):
        if not (media / folder).is_dir():
            raise InputError(f"{media} has no folder {folder}: utils/prepare_dataset.py of the released program makes it")
    for entry in read_entries(lists, split):
        try:
            yield read_clip(entry, media, split)
        except InputError as error:
            yield Missing(entry.clip_id, str(error))


def read_clip(entry: Entry, media: Path, split: Split) -> Clip:
    """The clip of an entry; InputError for files that are missing, damaged or of another kind."""
    from seehear.io.audio import read_ambisonics
    from seehear.io.video import open_track, read_frames

    video = open_track(media / "nfov" / f"{entry.clip_id}.mp4").video
    n_frames = max(1, round(CLIP_S * video.frame_rate_hz))
    frames = of_length([image.rgb for _, image in islice(read_frames(video), n_frames)], n_frames, entry.clip_id)
    sound = read_ambisonics(media / "audio" / f"{entry.clip_id}.opus")
    if sound.layout != FOA or sound.convention != "acn-sn3d":
        raise InputError(f"the sound of {entry.clip_id} is {sound.layout.name} {sound.convention}, not first-order AmbiX")
    samples = padded(sound.samples, round(CLIP_S * sound.sample_rate_hz), entry.clip_id)
    whole, gain_db = within_full_scale(Audio(samples, sound.sample_rate_hz, FOA, "acn-sn3d"))
    facts = {
        "origin": f"https://www.youtube.com/watch?v={entry.youtube_id}",
        "start_s": entry.start_s,
        "split": split,
        "hfov_deg": HFOV_DEG,
        "data_set": "YT-Ambigen",
        "licence": "not stated (videos on YouTube)",
        "gain_db": gain_db,
    }
    return Clip(entry.clip_id, frames, video.frame_rate_hz, whole, entry.direction, facts=facts)
