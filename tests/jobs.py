"""Jobs for the runner, in a module of their own: worker processes import it by name."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seehear.data.runner import Crew, Item, run
from seehear.data.worker import THREADS
from seehear.types import InputError

PARTS = 3


def content(name: str, part: int) -> bytes:
    return hashlib.sha256(f"{name} {part}".encode()).digest() * 1000


def write_parts(item: Item, folder: Path) -> Mapping[str, Any]:
    """Three files a little apart in time, so that a kill may come between any two of them; or what the item asks for."""
    if item.input == "broken":
        raise InputError("broken.jpg is no picture")
    if item.input == "bug":
        raise ZeroDivisionError("a bug")
    if item.input == "threads":
        return {"threads": [os.environ.get(name) for name in THREADS]}
    if item.input == "exits":
        sys.exit("of a library")
    if item.input == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if item.input == "hangs":
        time.sleep(3600)
    if item.input == "dies" or (item.input == "dies once" and not Path(item.options["mark"]).exists()):
        Path(item.options.get("mark", folder / "mark")).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / "deep").mkdir()
    for part in range(PARTS):
        time.sleep(item.options.get("pause_s", 0.0))
        (folder / ("deep" if part else ".") / f"{part}.bin").write_bytes(content(item.name, part))
    return {"seed": 7}


def main() -> None:
    """As a program: so many items into a folder, by two workers; prints each row's item as it is done."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which what a shell runs in the background would ignore
    folder, count, pause_s = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    items = [Item(f"item{index:02d}", "fine", {"pause_s": pause_s}) for index in range(count)]
    for row in run(items, write_parts, folder, settings={"count": count}, crew=Crew(2), resume=True):
        print(row["item"], "known" in row, flush=True)


if __name__ == "__main__":
    main()
