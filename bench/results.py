"""Run `seehear spatialize` on every permissive photo and video and print the table of docs/results.md.

    python bench/results.py --media DIR [--models builtin] [--only N] [--sight-only]

The three best guesses are what the recogniser thinks of the picture, heard or not. Photos that the recogniser's heads learned
from are marked and do not count as hits.

Each file is a process of its own (`python -m seehear spatialize FILE --folder ... --json`), timed from outside; peak memory
is the operating system's for that process. A known label is a hit when its concept is among the first three sounds of the
run (placed sources, then the ambience); files whose labels map to no concept are excluded. The baselines answer the most
common concept, or the three most common ones, of the same files for every file. A wrong sound is a placed source whose concept no
label of its photo maps to; labels are not complete (a photo of a bird may show the sea), so this counts too many.

``--sight-only`` looks at the photos in this process and makes no sound: recognition alone, in a minute or two.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from seehear.data.photos import PERMISSIVE, read_photos
from seehear.io.image import read_image
from seehear.presets import spatialize_preset
from seehear.systems.spatialize import Eyes, Geometry, sight
from seehear.types import Image, InputError
from seehear.vision.pixels import shrink
from seehear.vocabulary import find_concept, label_concepts

PHOTOS = (*PERMISSIVE, "photos_coco_ccbysa", "photos_360_ccbysa")
VIDEOS = "videos_permissive"
ANALYSIS_SIDE_PX = 640
"""Photos are looked at so large, as by `seehear spatialize`."""


@dataclass(frozen=True)
class Row:
    """One file's run."""

    file: str
    known: frozenset[str]
    learned: bool
    heard: tuple[str, ...]
    guessed: tuple[str, ...]
    placed: int
    seconds: float
    peak_mib: float
    duration_s: float
    status: int

    @property
    def hit(self) -> bool:
        return bool(self.known & set(self.heard[:3]))

    @property
    def wrong(self) -> int:
        return sum(concept not in self.known for concept in self.heard[: self.placed])


def labelled_files(media: Path, folder: str) -> list[tuple[Path, frozenset[str], bool]]:
    """Every file of an index, the concepts of its labels (photos by the committed table, videos by their words), and
    whether the recogniser learned from it."""
    if folder == VIDEOS:
        with (media / folder / "index.csv").open(encoding="utf-8") as file:
            entries = list(csv.DictReader(file))
        return [
            (media / folder / e["file"], frozenset(concepts_in(re.findall(r"[a-z]+", e["label"].lower()))), False)
            for e in entries
        ]
    table = label_concepts("photos")
    photos = read_photos(media / folder)
    return [
        (photo.path, frozenset(c for c in map(table.get, photo.words) if c), folder in PERMISSIVE and not photo.held_out)
        for photo in photos
    ]


def concepts_in(words: list[str]) -> Iterator[str]:
    """The concepts that some of the words name."""
    for word in words:
        with contextlib.suppress(InputError):
            yield find_concept(word).name


def run(path: Path, known: frozenset[str], learned: bool, models: str, extra: list[str]) -> Row:
    """One process; wall seconds and peak memory from the operating system."""
    with tempfile.TemporaryDirectory() as scratch:
        words = ["spatialize", str(path), "--folder", f"{scratch}/out", "--json", "--models", models, *extra]
        out = Path(scratch) / "report.json"
        begun = time.perf_counter()
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "seehear", *words],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, str(out), os.O_WRONLY | os.O_CREAT, 0o600),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
        )
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - begun
        code = os.waitstatus_to_exitcode(status)
        report = json.loads(out.read_text("utf-8")) if code == 0 else {"sources": [], "duration_s": 0.0}
    ordered = sorted(report["sources"], key=lambda s: s["origin"] == "ambience")
    placed = sum(s["origin"] != "ambience" for s in ordered)
    heard = tuple(s["label"] for s in ordered)
    guessed = tuple(guess["label"] for guess in report.get("guesses", []))
    return Row(path.name, known, learned, heard, guessed, placed, seconds, usage.ru_maxrss / 1024, report["duration_s"], code)


def glance(path: Path, known: frozenset[str], learned: bool, eyes: Eyes, equirectangular: bool) -> Row:
    """What would be heard, without making it; seconds of looking, no memory."""
    begun = time.perf_counter()
    photo = read_image(path)
    small = np.rint(255 * shrink(photo.rgb, ANALYSIS_SIDE_PX)).astype(np.uint8)
    found = sight([(0.0, Image(small, photo.focal_35mm))], eyes, Geometry(equirectangular=equirectangular))
    ordered = sorted(found.objects, key=lambda item: item.origin == "ambience")
    heard = tuple(item.concept.name for item in ordered)
    placed = sum(item.origin != "ambience" for item in ordered)
    guessed = tuple(name for name, _ in found.guesses)
    return Row(path.name, known, learned, heard, guessed, placed, time.perf_counter() - begun, 0.0, 0.0, 0)


def glances(media: Path, models: str, only: int | None) -> list[Row]:
    """Every photo, looked at in this process."""
    preset = spatialize_preset(models)
    rows = []
    for folder in PHOTOS:
        eyes = preset.eyes("box", "360" in folder)
        rows += [glance(*entry, eyes, "360" in folder) for entry in labelled_files(media, folder)[:only]]
    return rows


def rows_of(media: Path, folder: str, models: str, only: int | None) -> list[Row]:
    extra = ["--equirectangular"] if "360" in folder else []
    rows = []
    for path, known, learned in labelled_files(media, folder)[:only]:
        rows.append(run(path, known, learned, models, extra))
        print(f"{rows[-1].file}: {rows[-1].status} {rows[-1].seconds:.1f} s {rows[-1].heard}", file=sys.stderr, flush=True)
    return rows


def share(right: int, n: int) -> str:
    """A count with its share and the 95 % interval of Wilson (1927)."""
    low, high = binomtest(right, n).proportion_ci(0.95, "wilson")
    return f"{right} of {n} ({100 * right / n:.0f} % [{100 * low:.0f}, {100 * high:.0f}])"


def recognition(rows: list[Row]) -> list[str]:
    """Hit rates beside the most-common baselines, and wrong sounds."""
    known = [row for row in rows if row.known]
    placed, wrong = sum(row.placed for row in rows), sum(row.wrong for row in rows)
    lines = [f"- sounds placed: {placed} in {len(rows)} photos, wrong: {wrong} ({wrong / max(len(rows), 1):.2f} a photo)"]
    if known:
        ranked = [name for name, _ in Counter(c for row in known for c in row.known).most_common(3)]
        answers = [
            ("known label among the first three sounds", [row.heard[:3] for row in known]),
            ("known label as the first sound", [row.heard[:1] for row in known]),
            ("known label among the three best guesses", [row.guessed for row in known]),
            *((f"always answering {', '.join(names)}", [names] * len(known)) for names in (ranked[:1], ranked)),
        ]
        for title, given in answers:
            lines.append(
                f"- {title}: {share(sum(bool(r.known & set(g)) for r, g in zip(known, given, strict=True)), len(known))}"
            )
    return lines


def summary(rows: list[Row]) -> list[str]:
    """Recognition of what was never learned from, and the spread of time and memory."""
    seconds = [row.seconds for row in rows]
    memory = [row.peak_mib for row in rows]
    return [
        f"- files: {len(rows)}, failed: {sum(row.status != 0 for row in rows)}; below, those never learned from:",
        *recognition([row for row in rows if not row.learned]),
        f"- whole process: median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s",
        f"- peak memory: median {statistics.median(memory):.0f} MiB, largest {max(memory):.0f} MiB",
    ]


def table(rows: list[Row]) -> list[str]:
    lines = ["| file | known | heard | sources | hit | s | MiB |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        mark = "" if not row.known else "learned" if row.learned else "yes" if row.hit else "no"
        known = ", ".join(sorted(row.known)) or "none"
        heard = ", ".join(row.heard) or f"exit {row.status}"
        lines.append(f"| {row.file} | {known} | {heard} | {row.placed} | {mark} | {row.seconds:.1f} | {row.peak_mib:.0f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--models", default="builtin")
    parser.add_argument("--only", type=int, default=None, help="this many files of each folder")
    parser.add_argument("--sight-only", action="store_true", help="look at the photos in this process, make no sound")
    options = parser.parse_args()
    if options.sight_only:
        rows = glances(options.media, options.models, options.only)
        for title, learned in (("never learned from", False), ("learned from", True)):
            print(
                "\n".join(
                    [
                        f"\n### Photos {title} (`--models {options.models}`)\n",
                        *recognition([r for r in rows if r.learned == learned]),
                    ]
                )
            )
        print("\n".join(["", *table(rows)]))
        return
    photos = [row for folder in PHOTOS for row in rows_of(options.media, folder, options.models, options.only)]
    videos = rows_of(options.media, VIDEOS, options.models, options.only)
    for title, rows in (("Photos", photos), ("Videos", videos)):
        print(f"\n### {title} (`--models {options.models}`)\n")
        print("\n".join([*summary(rows), "", *table(rows)]))


if __name__ == "__main__":
    main()
