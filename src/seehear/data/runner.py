"""The resumable runner: many items, several processes, and a folder in which nothing is ever half there or done twice.

An item works in a folder of its own below ``.work``; its row goes into that folder as the last file, and one rename
publishes both. So what lies beside ``.work`` is whole whatever happens, and a killed run is continued by looking at what
is there. Failures, which publish nothing, are rows of the journal, appended and synchronised one by one.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seehear.io.files import TEMPORARY, check_folder, whole_file
from seehear.types import InputError

WORK, JOURNAL, ROW, LOCK, SETTINGS = ".work", "results.jsonl", "result.json", ".lock", "batch.json"
QUEUED_PER_WORKER = 2
"""Items handed out ahead: enough that no worker waits, few enough that a million are not held."""
DIED = "its process died: too little memory, or a file that breaks its reader"

Job = Callable[["Item", Path], Mapping[str, Any]]
"""Makes an item's files in the folder and tells what else belongs in its row; InputError for what its caller can fix."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One thing to do: the name of its folder, what it starts from, and what it asks for of its own."""

    name: str
    input: str
    options: Mapping[str, Any] = field(default_factory=dict)


def run(
    items: Iterable[Item],
    job: Job,
    folder: Path,
    *,
    settings: Mapping[str, Any],
    workers: int = 1,
    resume: bool = False,
    retry: bool = False,
) -> Iterator[Row]:
    """The row of every item as it is done: ``item``, ``input``, ``status`` ("done" or "failed"), ``seconds``, ``files``, of a
    failure its ``reason`` and whether it is ``fixable`` by the caller; ``known`` when it is of an earlier run.

    ``job`` must be picklable: it runs in ``workers`` processes of their own, also for one worker, so that what kills a
    process (too little memory, a broken file) costs one item. With ``resume`` an earlier run of equal ``settings`` is
    continued: its outputs stand, and its failures unless ``retry``. At the end ``results.jsonl`` has every row once, in the
    order of the items.
    InputError: a folder that holds something else or other settings, or in which another run is at work.
    """
    with _claimed(folder, settings, resume):
        journal = () if retry else _journal(folder / JOURNAL)
        failed = {row["item"]: row for row in journal if row["status"] == "failed"}
        order: list[str] = []

        def turns() -> Iterator[Item | Row]:
            for item in items:
                order.append(item.name)
                row = _published(folder / item.name) or failed.get(item.name)
                yield item if row is None else row | {"known": True}

        for row in _worked_off(turns(), job, folder, workers):
            if "known" not in row:
                _append(folder / JOURNAL, row)
                if row["status"] == "failed":
                    failed[row["item"]] = row
            yield row
        with whole_file(folder / JOURNAL, force=True) as temporary, temporary.open("w", encoding="utf-8") as out:
            for name in order:
                out.write(_line(_published(folder / name) or failed[name]))


# ------------------------------------------------------------------------------------------------ the folder


@contextmanager
def _claimed(folder: Path, settings: Mapping[str, Any], resume: bool) -> Iterator[None]:
    """The folder, made or found to be of an equal run, for this process alone; what a killed run left at work is gone."""
    from filelock import FileLock, Timeout

    if check_folder(folder):
        folder.mkdir()
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"another run is at work in {folder}") from None
    try:
        told = folder / SETTINGS
        if told.exists():
            if not resume:
                raise InputError(f"{folder} holds a batch already: --resume goes on with it, or name another folder")
            if _read(told) != json.loads(json.dumps(settings)):
                raise InputError(f"{folder} holds a batch of other settings (see {told}): name another folder")
        elif any(path.name != LOCK for path in folder.iterdir()):
            raise InputError(f"{folder} is not empty and holds no batch: name another folder")
        else:
            with whole_file(told) as temporary:
                temporary.write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
        for torn in folder.glob(f"{TEMPORARY}*"):
            torn.unlink(missing_ok=True)
        shutil.rmtree(folder / WORK, ignore_errors=True)
        (folder / WORK).mkdir(exist_ok=True)
        try:
            yield
        finally:
            shutil.rmtree(folder / WORK, ignore_errors=True)
    finally:
        lock.release()


def _published(folder: Path) -> Row | None:
    """The row of an item whose outputs are there."""
    path = folder / ROW
    return _read(path) if path.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not what a batch wrote: {error}") from None


def _journal(path: Path) -> Iterator[Row]:
    """Every whole line; the last one of a killed run may be torn."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                yield json.loads(line)
            except ValueError:
                raise InputError(f"{path} is not what a batch wrote: a line of it is no JSON") from None


def _line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _append(path: Path, row: Row) -> None:
    """Nothing; the row is on the disk, behind whatever a killed run left of a line."""
    with path.open("a+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.truncate(_after_last_newline(file, end))
        file.write(_line(row).encode())
        file.flush()
        os.fsync(file.fileno())


def _after_last_newline(file: Any, end: int) -> int:
    """Where the torn line at the end begins; the end itself when the last line is whole."""
    at = end
    while at:
        step = min(at, 4096)
        file.seek(at - step)
        if (found := file.read(step).rfind(b"\n")) >= 0:
            return at - step + found + 1
        at -= step
    return 0


# ------------------------------------------------------------------------------------------------ the work


def _worked_off(source: Iterator[Item | Row], job: Job, folder: Path, workers: int) -> Iterator[Row]:
    """Rows of all items. When a process dies, everything that its pool had in hand is done again, each in a pool of its own."""
    while True:
        lost: list[Item] = []
        for done in _in_pool(source, job, folder, workers):
            if isinstance(done, Item):
                lost.append(done)
            else:
                yield done
        if not lost:
            return
        for item in lost:
            for done in _in_pool(iter([item]), job, folder, 1):
                yield _failed(item, DIED, 0.0, False) if isinstance(done, Item) else done


def _in_pool(source: Iterator[Item | Row], job: Job, folder: Path, workers: int) -> Iterator[Row | Item]:
    """Rows of what ``source`` has, until it ends or a process dies: then the items that were in hand."""
    running: dict[Future[Row], Item] = {}
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_live_with_parent)
    try:
        while True:
            while len(running) < workers * QUEUED_PER_WORKER and (item := next(source, None)) is not None:
                if isinstance(item, Item):
                    running[_submitted(pool, item, job, folder)] = item
                else:
                    yield item
            if not running:
                return
            done = wait(running, return_when=FIRST_COMPLETED).done
            died = any(isinstance(future.exception(), BrokenExecutor) for future in done)
            for future in wait(running).done if died else done:  # of a dead pool all are done at once
                item = running.pop(future)
                yield item if isinstance(future.exception(), BrokenExecutor) else future.result()
            if died:
                return
    finally:
        pool.shutdown(cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, item: Item, job: Job, folder: Path) -> Future[Row]:
    """The item's future; one that has failed already where the pool died meanwhile."""
    try:
        return pool.submit(_do, item, job, folder)
    except BrokenExecutor as error:
        lost: Future[Row] = Future()
        lost.set_exception(error)
        return lost


def _live_with_parent() -> None:
    """Ends this process with the one that hands out the work, however that ends: a later run must find nobody at work."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _do(item: Item, job: Job, folder: Path) -> Row:
    """The row of one item, whose files are then published; or that of its failure, and nothing is.

    One that is published already was done by a process that died before it could say so.
    """
    if (there := _published(folder / item.name)) is not None:
        return there
    work = folder / WORK / f"{item.name}-{secrets.token_hex(4)}"
    begun = time.perf_counter()
    try:
        work.mkdir()
        told = job(item, work)
        files = sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file())
        row = {"item": item.name, "input": item.input, "status": "done", "seconds": _since(begun), **told, "files": files}
        _synchronised(work / ROW, row)
        return _publish(work, folder / item.name, row)
    except InputError as error:
        return _failed(item, str(error), _since(begun), True)
    except Exception as error:  # counted, with its reason: the others go on
        return _failed(item, f"{type(error).__name__}: {error}", _since(begun), False)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _publish(work: Path, place: Path, row: Row) -> Row:
    """The row of what is then at its place: this one, unless a killed run's last worker was there first."""
    try:
        work.rename(place)
    except OSError:
        there = _published(place)
        if there is None:
            raise
        return there
    return row


def _failed(item: Item, reason: str, seconds: float, fixable: bool) -> Row:
    told = {"status": "failed", "seconds": seconds, "reason": reason, "fixable": fixable, "files": []}
    return {"item": item.name, "input": item.input, **told}


def _synchronised(path: Path, row: Row) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 3)
