"""kill -9 at random moments: a batch is killed again and again, continued, and compared with one that was not.

    python bench/batch_kill.py --media DIR [--kills 20]

Every kill takes the parent alone, at a moment drawn at random. After each, every published folder must have the bytes of the
undisturbed run and must not be touched again; at the end all must be there, each done once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CALL = ["--", "spatialize", "--seconds", "1", "--layout", "foa", "--output", "{name}.foa.wav", "--scene", "{name}.json"]
VARYING = ("result.json",)
"""Files that tell how long something took."""


def command(photos: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "seehear", "batch", str(photos), "--out", str(out), "--workers", "2", "--resume", *CALL]


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 by path of what an item has made."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in VARYING]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def published(out: Path) -> list[Path]:
    return sorted(path.parent for path in out.glob("*/result.json"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--photos", type=int, default=16)
    wanted = parser.parse_args()
    dice = random.Random(7)
    with tempfile.TemporaryDirectory() as scratch:
        photos, whole, out = Path(scratch, "photos"), Path(scratch, "whole"), Path(scratch, "out")
        photos.mkdir()
        for path in sorted(wanted.media.glob("photos_coco_ccby/*.jpg"))[: wanted.photos]:
            shutil.copy(path, photos)
        begun = time.perf_counter()
        subprocess.run(command(photos, whole), check=True, capture_output=True)
        took_s = time.perf_counter() - begun
        truth = {path.name: contents(path) for path in published(whole)}
        made: dict[str, int] = {}
        kills = lost = again = torn = 0
        while kills < wanted.kills:
            process = subprocess.Popen(command(photos, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # Short runs, so that twenty kills come before everything is done.
            time.sleep(dice.uniform(0, max(4.0, took_s / 4)))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.wait()
            time.sleep(0.3)
            there = {path.name: (path / "result.json").stat().st_mtime_ns for path in published(out)}
            lost += len(made.keys() - there.keys())
            again += sum(there[name] != stamp for name, stamp in made.items() if name in there)
            torn += sum(contents(out / name) != truth[name] for name in there)
            made |= there
            if len(made) == len(truth) and kills < wanted.kills:
                shutil.rmtree(out)
                made = {}
        subprocess.run(command(photos, out), check=True, capture_output=True)
        rows = [json.loads(line) for line in (out / "results.jsonl").read_text("utf-8").splitlines()]
        end = {path.name: contents(path) for path in published(out)}
        left = sorted(path.name for path in out.iterdir() if path.name not in end)
        print(
            json.dumps(
                {
                    "photos": len(truth),
                    "kills": kills,
                    "lost": lost,
                    "done twice": again,
                    "torn": torn,
                    "equal at the end": end == truth,
                    "rows once": sorted(row["item"] for row in rows) == sorted(truth),
                    "left over": [name for name in left if name not in ("batch.json", "results.jsonl", ".lock")],
                    "undisturbed_s": round(took_s, 1),
                }
            )
        )
        sys.exit(0 if end == truth and not (lost or again or torn) else 1)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
