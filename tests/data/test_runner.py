"""The resumable runner. Oracles: planted items whose files are known byte for byte, and planted deaths."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import jobs
from seehear.data.runner import JOURNAL, ROW, WORK, Crew, Item, run
from seehear.data.worker import THREADS
from seehear.types import InputError

FINE = [Item(f"item{index}", "fine") for index in range(4)]


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / JOURNAL).read_text("utf-8").splitlines()]


def assert_whole(folder: Path, name: str) -> None:
    found = {path.name: path.read_bytes() for path in (folder / name).rglob("*.bin")}
    assert found == {f"{part}.bin": jobs.content(name, part) for part in range(jobs.PARTS)}


def test_every_item_has_its_files_and_a_row_in_the_order_of_the_items(tmp_path: Path) -> None:
    done = list(run(iter(FINE), jobs.write_parts, tmp_path / "out", settings={}, crew=Crew(2)))
    assert {row["item"] for row in done} == {item.name for item in FINE}
    rows = rows_of(tmp_path / "out")
    assert [row["item"] for row in rows] == [item.name for item in FINE]
    for row in rows:
        assert_whole(tmp_path / "out", row["item"])
        assert (row["status"], row["seed"], row["files"]) == ("done", 7, ["0.bin", "deep/1.bin", "deep/2.bin"])
        assert json.loads((tmp_path / "out" / row["item"] / ROW).read_text()) == row
    assert not (tmp_path / "out" / WORK).exists()


def test_failures_are_rows_and_cost_nobody_else(tmp_path: Path) -> None:
    """A file that cannot be used, a failure of ours, and a process that dies: each one row, its reason told, nothing left."""
    items = [FINE[0], Item("a", "broken"), Item("b", "dies"), Item("c", "bug"), Item("d", "exits"), *FINE[1:]]
    done = {row["item"]: row for row in run(items, jobs.write_parts, tmp_path / "out", settings={}, crew=Crew(2))}
    begins = ["broken.jpg is no picture", "its process died", "ZeroDivisionError: a bug", "SystemExit: of a library"]
    assert [done[name]["reason"][: len(begin)] for name, begin in zip("abcd", begins, strict=True)] == begins
    assert [done[name]["fixable"] for name in "abcd"] == [True, False, False, False]
    for item in FINE:
        assert_whole(tmp_path / "out", item.name)
    assert not any((tmp_path / "out" / name).exists() for name in "abcd")
    assert [row["item"] for row in rows_of(tmp_path / "out")] == [item.name for item in items]


def test_a_finished_run_does_nothing_again_but_failures_when_asked(tmp_path: Path) -> None:
    items = [*FINE, Item("a", "broken")]
    first = list(run(items, jobs.write_parts, tmp_path / "out", settings={}))
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.bin")}
    again = list(run(items, jobs.write_parts, tmp_path / "out", settings={}, resume=True))
    assert all(row["known"] for row in again) and len(again) == len(first)
    retried = list(run(items, jobs.write_parts, tmp_path / "out", settings={}, resume=True, retry=True))
    assert [row["item"] for row in retried if "known" not in row] == ["a"]
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.bin")}
    assert len(rows_of(tmp_path / "out")) == len(items)


def test_what_hangs_is_given_up_and_what_dies_once_is_done_again(tmp_path: Path) -> None:
    """Planted: an item that sleeps for an hour beside others that go on; one whose first process is killed."""
    items = [Item("a", "hangs"), *FINE, Item("b", "dies once", {"mark": str(tmp_path / "mark")})]
    begun = time.monotonic()
    done = {row["item"]: row for row in run(items, jobs.write_parts, tmp_path / "out", settings={}, crew=Crew(2, 5.0))}
    assert time.monotonic() - begun < 60
    assert done["a"]["status"] == "failed" and done["a"]["fixable"] and done["a"]["seconds"] == pytest.approx(5, abs=2)
    assert done["a"]["reason"] == "given up after the 5 s of --limit" and not (tmp_path / "out" / "a").exists()
    for name in ("b", *(item.name for item in FINE)):
        assert_whole(tmp_path / "out", name)


def test_workers_share_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: an environment that says nothing, and one that says how many threads; of one worker nothing is asked."""
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    share = str(max(1, (os.cpu_count() or 1) // 2))
    for number, (workers, told, expected) in enumerate(
        [(1, "", [None] * 3), (2, "", [share] * 3), (2, "7", ["7", share, share])]
    ):
        if told:
            monkeypatch.setenv(THREADS[0], told)
        (row,) = run([Item("a", "threads")], jobs.write_parts, tmp_path / str(number), settings={}, crew=Crew(workers))
        assert row["threads"] == expected


def test_another_list_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    """Planted: the same name stands for another input, or asks for something else; more items are welcome."""
    list(run(FINE[:1], jobs.write_parts, tmp_path / "out", settings={}))
    for other in (Item("item0", "another"), Item("item0", "fine", {"pause_s": 0.0})):
        with pytest.raises(InputError, match=r"item0 was made from fine of an earlier list"):
            list(run([other], jobs.write_parts, tmp_path / "out", settings={}, resume=True))
    more = list(run(FINE[:2], jobs.write_parts, tmp_path / "out", settings={}, resume=True))
    assert [(row["item"], "known" in row) for row in more] == [("item0", True), ("item1", False)]


def test_a_full_disk_ends_the_run_and_counts_nothing_as_failed(tmp_path: Path) -> None:
    """Planted: a job that meets ENOSPC as the system words it."""
    items = [FINE[0], Item("a", "full"), FINE[1]]
    with pytest.raises(InputError, match=r"No space left on device.*: make room, then --resume"):
        list(run(items, jobs.write_parts, tmp_path / "out", settings={}))
    assert [row["item"] for row in rows_of(tmp_path / "out")] == ["item0"]
    assert not (tmp_path / "out" / WORK).exists()


def test_a_file_name_that_is_no_text_is_told_as_it_is(tmp_path: Path) -> None:
    """Planted: the byte 0xFF in a name, which Python keeps as U+DCFF; JSON reads it back."""
    name = os.fsdecode(b"photo\xff.png")
    (row,) = run([Item("photo", name)], jobs.write_parts, tmp_path / "out", settings={})
    assert row["input"] == name and rows_of(tmp_path / "out") == [row]
    assert [each["known"] for each in run([Item("photo", name)], jobs.write_parts, tmp_path / "out", settings={}, resume=True)]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX signals")
def test_ctrl_c_ends_all_processes_at_once_and_quietly(tmp_path: Path) -> None:
    """SIGINT to the whole group, as a terminal sends it, while items of an hour are at work; then it is finished."""
    command = [sys.executable, str(Path(jobs.__file__)), str(tmp_path / "out"), "3"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    how = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*command, "1200"], start_new_session=True, **how)
    while len(list(tmp_path.glob(f"out/{WORK}/*/item*/deep"))) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    begun = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)  # to the end of stderr, which every process of it holds open
    assert time.monotonic() - begun < 30  # the items would take an hour
    assert said.count("Traceback") == 1  # that of the parent, which is no command
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".lock", "batch.json"]
    subprocess.run([*command, "0"], check=True, **how)
    assert_whole(tmp_path / "out", "item02")


def test_a_script_without_its_guard_is_told_so(tmp_path: Path) -> None:
    """Planted: the call at the top of a script, which each worker imports."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, pathlib\nimport jobs\nfrom seehear.data.runner import Item, run\n"
        "list(run([Item('a', 'fine')], jobs.write_parts, pathlib.Path(sys.argv[1]), settings={}))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, script, tmp_path / "out"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "needs `if __name__ == '__main__':` before the call" in done.stderr


def test_a_torn_line_of_a_killed_run_is_dropped(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    items = [Item("a", "broken"), Item("b", "broken")]
    list(run(items[:1], jobs.write_parts, folder, settings={}))
    with (folder / JOURNAL).open("a") as journal:
        journal.write('{"item": "b", "sta')
    rows = list(run(items, jobs.write_parts, folder, settings={}, resume=True))
    assert [("known" in row, row["item"]) for row in rows] == [(True, "a"), (False, "b")]
    assert [row["item"] for row in rows_of(folder)] == ["a", "b"]


@pytest.mark.parametrize(
    ("prepare", "settings", "resume", "sentence"),
    [
        (True, {}, False, "holds an earlier run: --resume"),
        (True, {"layout": "foa"}, True, "a run with other layout"),
        (False, {}, True, "is not empty and holds no run"),
    ],
)
def test_a_folder_of_something_else_is_refused(
    tmp_path: Path, prepare: bool, settings: dict, resume: bool, sentence: str
) -> None:
    if prepare:
        list(run(FINE[:1], jobs.write_parts, tmp_path / "out", settings={}))
    else:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=sentence):
        list(run(FINE, jobs.write_parts, tmp_path / "out", settings=settings, resume=resume))


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    first = run(FINE, jobs.write_parts, tmp_path / "out", settings={})
    next(first)
    with pytest.raises(InputError, match="another run is at work"):
        next(run(FINE, jobs.write_parts, tmp_path / "out", settings={}, resume=True))
    assert len(list(first)) == len(FINE) - 1


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX signals")
def test_killed_at_any_moment_nothing_is_lost_or_done_twice(tmp_path: Path) -> None:
    """kill -9 of the parent alone, at random moments of its work, again and again on one folder; then it is finished."""
    folder, dice = tmp_path / "out", random.Random(5)
    command = [sys.executable, str(Path(jobs.__file__)), str(folder), "12", "0.03"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    seen: dict[Path, int] = {}
    for _ in range(4):
        left = set(folder.glob(f"{WORK}/*/item*"))
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while set(folder.glob(f"{WORK}/*/item*")) <= left and process.poll() is None:  # until it is at work
            time.sleep(0.01)
        time.sleep(dice.uniform(0.0, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.2)  # its workers end with it
        for published in folder.glob("item*"):
            assert_whole(folder, published.name)
            (row,) = published.glob(ROW)
            assert seen.setdefault(row, row.stat().st_mtime_ns) == row.stat().st_mtime_ns
    finished = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    known = [line.split() for line in finished.stdout.splitlines()]
    assert {name for name, told in known if told == "True"} == {row.parent.name for row in seen}
    assert [row["item"] for row in rows_of(folder)] == [f"item{index:02d}" for index in range(12)]
    for index in range(12):
        assert_whole(folder, f"item{index:02d}")
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith("item")) == [
        *sorted({".lock"} & {path.name for path in folder.iterdir()}),
        "batch.json",
        JOURNAL,
    ]
