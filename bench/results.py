"""Run `seehear spatialize` on every permissive photo and video and print the table of docs/results.md.

    python bench/results.py --media DIR [--models builtin] [--only N]

The three best guesses are what the recogniser thinks of the picture, heard or not. Photos that the recogniser's heads learned
from are marked and do not count as hits.

Each file is a process of its own (`python -m seehear spatialize FILE --folder ... --json`), timed from outside; peak memory
is the operating system's for that process. A known label is a hit when its concept is among the first three sounds of the
run (placed sources, then the ambience); files whose labels map to no concept are excluded. The baselines answer the most
common concept, or the three most common ones, of the same files for every file.
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

from seehear.data.photos import PERMISSIVE, read_photos
from seehear.types import InputError
from seehear.vocabulary import find_concept, label_concepts

PHOTOS = (*PERMISSIVE, "photos_coco_ccbysa", "photos_360_ccbysa")
VIDEOS = "videos_permissive"


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


def rows_of(media: Path, folder: str, models: str, only: int | None) -> list[Row]:
    extra = ["--equirectangular"] if "360" in folder else []
    rows = []
    for path, known, learned in labelled_files(media, folder)[:only]:
        rows.append(run(path, known, learned, models, extra))
        print(f"{rows[-1].file}: {rows[-1].status} {rows[-1].seconds:.1f} s {rows[-1].heard}", file=sys.stderr, flush=True)
    return rows


def summary(rows: list[Row]) -> list[str]:
    """Hit rate beside the most-common baseline, and the spread of time and memory."""
    known = [row for row in rows if row.known and not row.learned]
    seconds = [row.seconds for row in rows]
    lines = [f"- files: {len(rows)}, failed: {sum(row.status != 0 for row in rows)}"]
    if known:

        def share(right: int) -> str:
            return f"{right} of {len(known)} ({100 * right / len(known):.0f} %)"

        ranked = [name for name, _ in Counter(c for row in known for c in row.known).most_common(3)]
        lines.append(f"- known label among the first three sounds: {share(sum(row.hit for row in known))}")
        lines.append(
            f"- known label among the three best guesses: {share(sum(bool(row.known & set(row.guessed)) for row in known))}"
        )
        lines.append(f"- known label as the first sound: {share(sum(bool(row.known & set(row.heard[:1])) for row in known))}")
        for names in (ranked[:1], ranked):
            lines.append(f"- always answering {', '.join(names)}: {share(sum(bool(row.known & set(names)) for row in known))}")
    lines.append(f"- whole process: median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s")
    memory = [row.peak_mib for row in rows]
    lines.append(f"- peak memory: median {statistics.median(memory):.0f} MiB, largest {max(memory):.0f} MiB")
    return lines


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
    options = parser.parse_args()
    photos = [row for folder in PHOTOS for row in rows_of(options.media, folder, options.models, options.only)]
    videos = rows_of(options.media, VIDEOS, options.models, options.only)
    for title, rows in (("Photos", photos), ("Videos", videos)):
        print(f"\n### {title} (`--models {options.models}`)\n")
        print("\n".join([*summary(rows), "", *table(rows)]))


if __name__ == "__main__":
    main()
