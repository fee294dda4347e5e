"""``world``: clips of the synthetic audio-visual world in shards."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import seehear
from seehear.data.runner import Crew
from seehear.systems.spatialize.options import check_choice, check_range, check_types, option
from seehear.types import InputError
from seehear.verbs.progress import Watcher, unwatched

if TYPE_CHECKING:  # the world needs scipy and PyAV, which `seehear --help` does not wait for
    from seehear.data.world import SplitName, WorldOptions

PER_CLIP_S, PER_CLIP_MB = 0.4, 0.7
"""About what a clip of the usual size costs on one core, and takes on the disk."""


@dataclass(frozen=True)
class WorldMaking:
    """What to make."""

    clips: int = option(100, "How many clips.", "N")
    seed: int = option(0, "Number of the world: another one, other clips.", "N")
    split: str = option("train", "train, validation or test: other worlds of the same species.", "NAME")
    side_px: int = option(224, "Side of the square pictures.", "PX", "--side")
    fps: float = option(4.0, "Pictures per second.", "HZ")
    seconds: float = option(5.0, "Length of each clip.", "S")
    rate_hz: int = option(24_000, "Sample rate.", "HZ")
    panoramas: int = option(0, "Also panoramic videos (MOV with AmbiX), so many pixels high.", "PX")
    photos: str = option("", "Archive of photos of things, half of which take the place of drawn ones.", "ZIP")
    workers: int = option(1, "Processes that work at the same time.", "N")
    per_shard: int = option(100, "Clips per shard.", "N")
    resume: bool = option(False, "Go on with a run that was stopped.")

    def __post_init__(self) -> None:
        check_types(self)
        check_choice("--split", self.split, "train", "validation", "test")
        check_range("--clips", self.clips, 1, 10_000_000)
        check_range("--seed", self.seed, 0, 2**31)
        check_range("--workers", self.workers, 1, 256)
        check_range("--per-shard", self.per_shard, 1, 100_000)
        check_range("--panoramas", self.panoramas, 0, 2048, "px")
        if self.panoramas % 2:
            raise InputError(f"--panoramas must be even, got {self.panoramas} px")
        _ = self.world

    @property
    def world(self) -> WorldOptions:
        """How each clip is made; InputError for a number that does not fit."""
        from seehear.data.world import WorldOptions

        return WorldOptions(
            side_px=self.side_px,
            frames_per_s=self.fps,
            sample_rate_hz=self.rate_hz,
            seconds=self.seconds,
            photos=self.photos,
        )


def world(out: str | Path, *, watch: Watcher = unwatched, dry_run: bool = False, **options: Any) -> dict[str, Any]:
    """The report of making clips of the synthetic world: how many, where, and what failed.

    ``options`` are the fields of :class:`WorldMaking`. The folder ``out`` then holds a folder per shard with ``clips.tar``
    (a WebDataset) and ``manifest.jsonl`` with a row per clip; the same options make the same bytes, whatever the workers and
    however often the run was stopped. `seehear.data.shards.read_clips` reads them. A script that calls this needs
    ``if __name__ == "__main__":``. With ``dry_run`` nothing is made.
    InputError: an option that does not fit, a folder that holds something else.
    """
    from seehear.data.shards import MANIFEST, make_shards
    from seehear.data.world import clips_of, write_panoramas
    from seehear.data.world.photos import photo_shelf

    asked = WorldMaking(**options)
    folder, how, split = Path(out), asked.world, cast("SplitName", asked.split)
    n_shards = -(-asked.clips // asked.per_shard)
    report: dict[str, Any] = {"version": seehear.__version__, "clips": asked.clips, "shards": n_shards, "out": str(folder)}
    if asked.photos:
        photo_shelf(asked.photos, split)
    if dry_run:
        minutes = asked.clips * PER_CLIP_S / 60 / asked.workers
        return report | {
            "dry_run": True,
            "about_minutes": round(minutes, 1),
            "about_gb": round(asked.clips * PER_CLIP_MB / 1000, 2),
        }
    settings = {"seehear": seehear.__version__, "verb": "world", "seed": asked.seed, "split": asked.split, **_told(how)}
    make = partial(clips_of, asked.seed, split=split, options=how)
    beside = None
    if asked.panoramas:
        beside = partial(write_panoramas, seed=asked.seed, split=split, options=how, height_px=asked.panoramas)
        settings |= {"panoramas_px": asked.panoramas}
    failures, done = [], 0
    rows = make_shards(
        make,
        asked.clips,
        folder,
        settings=settings,
        per_shard=asked.per_shard,
        crew=Crew(asked.workers),
        resume=asked.resume,
        beside=beside,
    )
    for number, row in enumerate(rows, start=1):
        if row["status"] == "failed":
            failures.append({key: row[key] for key in ("item", "reason", "fixable")})
        else:
            done += row["clips"]
        if "known" not in row:
            end = f"{row['clips']} clips, {row['seconds']:.0f} s" if row["status"] == "done" else f"failed: {row['reason']}"
            watch(f"shard {number}/{n_shards}: {end}", number / n_shards)
    if failures and all(each["fixable"] for each in failures):
        raise InputError(f"{len(failures)} of {n_shards} shards could not be made: {failures[0]['reason']}")
    return report | {"clips": done, "failures": failures, "manifest": None if failures else str(folder / MANIFEST)}


def _told(how: WorldOptions) -> dict[str, Any]:
    """What the clips depend on, as JSON."""
    return {f"world_{name}": value for name, value in asdict(how).items()}
