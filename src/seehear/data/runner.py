"""The resumable runner: many items, several processes, and a folder in which nothing is ever half there or done twice.

An item works in a folder of its own below ``.work``; its row goes into that folder as the last file, and one rename
publishes both. So what lies beside ``.work`` is whole whatever happens, and a killed run is continued by looking at what
is there. Failures, which publish nothing, are rows of the journal, appended and synchronised one by one.

Every worker is a pool of one process with one item in hand. So it is known whose fault a death is, and a process can be
ended without taking anything from the others.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seehear.data.worker import begin
from seehear.io.files import TEMPORARY, check_folder, whole_file
from seehear.types import InputError

WORK, JOURNAL, ROW, LOCK, SETTINGS = ".work", "results.jsonl", "result.json", ".lock", "batch.json"
OURS = (JOURNAL, ROW, SETTINGS)
"""What no item may be called; all others of the runner's own files begin with a dot."""
DIED = "its process died, also when it was alone: too little memory, or a file that breaks its reader"
UNSTARTED = (
    "no worker process can be started: a script that asks for workers needs `if __name__ == '__main__':` before the call"
    " (each worker imports the script), and some memory must be free"
)
NO_SPACE = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))

Job = Callable[["Item", Path], Mapping[str, Any]]
"""Makes an item's files in the folder and tells what else belongs in its row; InputError for what its caller can fix."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One thing to do: the name of its folder (no other item's), what it starts from, and what it asks for of its own."""

    name: str
    input: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> dict[str, Any]:
        """What it is, as its row says it."""
        return json.loads(json.dumps({"item": self.name, "input": self.input, "options": self.options}))


@dataclass(frozen=True)
class Crew:
    """How many processes work at the same time, and after how long (s) one is given up with its item; None is never."""

    workers: int = 1
    limit_s: float | None = None


def run(
    items: Iterable[Item],
    job: Job,
    folder: Path,
    *,
    settings: Mapping[str, Any],
    crew: Crew = Crew(),
    resume: bool = False,
    retry: bool = False,
) -> Iterator[Row]:
    """The row of every item as it is done: ``item``, ``input``, its own ``options``, ``status`` ("done" or "failed"),
    ``seconds``, ``reason`` (None unless it failed), ``files``, of a failure whether it is ``fixable`` by the caller, and what
    the job tells; ``known`` when it is of an earlier run.

    ``job`` must be picklable: it runs in processes of their own, also for one worker, so that what kills a process (too
    little memory, a broken file) costs one item, and that only after it died a second time with nobody beside it.
    With ``resume`` an earlier run of equal ``settings`` is continued: its outputs stand, and its failures unless ``retry``.
    At the end ``results.jsonl`` has every row once, in the order of the items.
    InputError: a folder that holds something else, other settings or other items of these names, or in which another run is
    at work; a full disk, which ends the run.
    """
    with _claimed(folder, settings, resume) as work:
        journal = () if retry else _journal(folder / JOURNAL)
        failed = {row["item"]: row for row in journal if row["status"] == "failed"}
        order: list[str] = []

        def turns() -> Iterator[Item | Row]:
            for item in items:
                order.append(item.name)
                row = _published(folder / item.name) or failed.get(item.name)
                if row is not None and any(row.get(key) != value for key, value in item.asked.items()):
                    raise InputError(f"{folder / item.name} was made from {row['input']} of an earlier list: name another folder")
                yield item if row is None else row | {"known": True}

        for row in _worked_off(turns(), job, work, crew):
            if "known" not in row:
                if row["status"] == "failed":
                    _check_space(row["reason"])
                    failed[row["item"]] = row
                _append(folder / JOURNAL, row)
            yield row
        with whole_file(folder / JOURNAL, force=True) as temporary, temporary.open("wb") as out:
            for name in order:
                out.write(_line(_published(folder / name) or failed[name]))


def _check_space(reason: str) -> None:
    """InputError where an item failed because the disk is full: so would all that follow, and all would count as failed."""
    if any(each in reason for each in NO_SPACE):
        raise InputError(f"{reason}: make room, then --resume goes on from here")


# ------------------------------------------------------------------------------------------------ the folder


@contextmanager
def _claimed(folder: Path, settings: Mapping[str, Any], resume: bool) -> Iterator[Path]:
    """A folder to work in, inside ``folder``, which is made or found to be of an equal run and is for this process alone.

    What a killed run left at work is gone; the new name keeps its last workers, should they still live, from ours.
    """
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
                raise InputError(f"{folder} holds an earlier run: --resume goes on with it, or name another folder")
            before, now = _read(told), json.loads(json.dumps(settings))
            if other := sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key)):
                raise InputError(f"{folder} holds a run with other {', '.join(other)} (see {told}): name another folder")
        elif any(path.name != LOCK for path in folder.iterdir()):
            raise InputError(f"{folder} is not empty and holds no run to go on with: name another folder")
        else:
            with whole_file(told) as temporary:
                temporary.write_bytes(_line(settings, indent=2))
        for torn in folder.glob(f"{TEMPORARY}*"):
            torn.unlink(missing_ok=True)
        shutil.rmtree(folder / WORK, ignore_errors=True)
        work = folder / WORK / secrets.token_hex(4)
        work.mkdir(parents=True)
        try:
            yield work
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
        raise InputError(f"{path} is damaged, or was not written by seehear: {error}") from None


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
                raise InputError(f"{path} is damaged, or was not written by seehear: a line of it is no JSON") from None


def _line(row: Mapping[str, Any], indent: int | None = None) -> bytes:
    """JSON; the bytes of a file name that are no text become escapes, which JSON reads back as they were."""
    return (json.dumps(row, ensure_ascii=False, indent=indent) + "\n").encode("utf-8", "backslashreplace")


def _append(path: Path, row: Row) -> None:
    """Nothing; the row is on the disk, behind whatever a killed run left of a line. InputError when the disk takes it not."""
    try:
        with path.open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            file.truncate(_after_last_newline(file, end))
            file.write(_line(row))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); --resume goes on from here") from None


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


def _worked_off(source: Iterator[Item | Row], job: Job, work: Path, crew: Crew) -> Iterator[Row]:
    """Rows of all items. One whose process died is done once more after all others, with no process beside its own."""
    lost: list[Item] = []
    for done in _handed_out(source, job, work, crew):
        if isinstance(done, Item):
            lost.append(done)
        else:
            yield done
    for item in lost:
        for done in _handed_out(iter([item]), job, work, Crew(1, crew.limit_s)):
            yield _failed(item, DIED, 0.0, fixable=False) if isinstance(done, Item) else done


@dataclass(frozen=True)
class _Hand:
    """A process and what it is asked for, one thing at a time."""

    pool: ProcessPoolExecutor
    pid: Future[int]

    @classmethod
    def hired(cls, workers: int) -> _Hand:
        with _uninterrupted():  # the process starts in submit
            pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=begin, initargs=(workers,))
            return cls(pool, pool.submit(os.getpid))

    def dismiss(self) -> None:
        """Nothing; the process is gone at once, or as soon as it has started."""
        with suppress(BrokenExecutor):
            pid = self.pid.result()
            for process in multiprocessing.active_children():
                if process.pid == pid:
                    process.kill()
        self.pool.shutdown(cancel_futures=True)


def _handed_out(source: Iterator[Item | Row], job: Job, work: Path, crew: Crew) -> Iterator[Row | Item]:
    """Rows of what ``source`` has, in the order in which they are done; an item itself where its process died."""
    idle: list[_Hand] = []
    busy: dict[Future[Row], tuple[_Hand, Item, float]] = {}
    try:
        while True:
            while len(busy) < crew.workers and (item := next(source, None)) is not None:
                if isinstance(item, Item):
                    hand = idle.pop() if idle else _Hand.hired(crew.workers)
                    busy[hand.pool.submit(_do, item, job, work)] = (hand, item, time.monotonic())
                else:
                    yield item
            if not busy:
                return
            first = min(begun for _, _, begun in busy.values())
            left_s = None if crew.limit_s is None else max(0.0, first + crew.limit_s - time.monotonic())
            done = wait(busy, left_s, FIRST_COMPLETED).done
            for future in done:
                hand, item, _ = busy.pop(future)
                if isinstance(future.exception(), BrokenExecutor):
                    hand.dismiss()
                    if hand.pid.exception():
                        raise InputError(UNSTARTED)
                    yield _published(work.parent.parent / item.name) or item
                else:
                    idle.append(hand)
                    yield future.result()
            yield from _given_up(busy, crew.limit_s, work)
    finally:
        for hand in (*idle, *(hand for hand, _, _ in busy.values())):
            hand.dismiss()


def _given_up(busy: dict[Future[Row], tuple[_Hand, Item, float]], limit_s: float | None, work: Path) -> Iterator[Row]:
    """Rows of what has taken too long; its process is gone."""
    for future, (hand, item, begun) in list(busy.items()):
        if limit_s is not None and time.monotonic() - begun >= limit_s and not future.done():
            hand.dismiss()
            del busy[future]
            late = _failed(item, f"given up after the {limit_s:g} s of --limit", _since(begun), fixable=True)
            yield _published(work.parent.parent / item.name) or late


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """What starts in here never hears of Ctrl-C, which the terminal sends to all: this process ends the others itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker  # not on Windows

    resource_tracker.ensure_running()  # starts with the first process otherwise, and then takes the block away
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do(item: Item, job: Job, work: Path) -> Row:
    """The row of one item, whose files are then published; or that of its failure, and nothing is."""
    own, begun = work / item.name, time.monotonic()
    try:
        shutil.rmtree(own, ignore_errors=True)  # of a process that died
        own.mkdir()
        told = job(item, own)
        files = sorted(path.relative_to(own).as_posix() for path in own.rglob("*") if path.is_file())
        ended = {"status": "done", "seconds": _since(begun), "reason": None}
        row = json.loads(json.dumps({**item.asked, **ended, **told, "files": files}))
        _synchronised(own / ROW, row)
        return _publish(own, work.parent.parent / item.name, row)
    except InputError as error:
        return _failed(item, str(error), _since(begun), fixable=True)
    except (Exception, SystemExit) as error:  # counted, with its reason: the others go on
        return _failed(item, f"{type(error).__name__}: {error}", _since(begun), fixable=False)
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _publish(own: Path, place: Path, row: Row) -> Row:
    """The row of what is then at its place: this one, unless a killed run's last worker was there first."""
    try:
        own.rename(place)
    except OSError:
        there = _published(place)
        if there is None:
            raise
        return there
    return row


def _failed(item: Item, reason: str, seconds: float, *, fixable: bool) -> Row:
    return {**item.asked, "status": "failed", "seconds": seconds, "reason": reason, "fixable": fixable, "files": []}


def _synchronised(path: Path, row: Row) -> None:
    with path.open("wb") as file:
        file.write(_line(row, indent=2))
        file.flush()
        os.fsync(file.fileno())


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)
