"""Damaged files and the parsers of headers. Oracle: nothing but InputError may come out, soon, and within bounded memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

import fuzzing

QUICK, SLOW, LIBRARIES = 1_000, 100_000, 5_000
QUICK_BYTES = 8 << 20
"""More than the largest seed, with room for what is made of it."""


def test_damaged_headers_are_read_or_refused(tmp_path: Path) -> None:
    """All are counted; the accidents are neither too small nor too great: every parser reads some, and every one but the walk
    over chunks, which only ends early, refuses some."""
    told = fuzzing.fuzz(tmp_path, 0, QUICK)
    for parser in fuzzing.PARSERS:
        assert told[f"{parser} read"] + told[f"{parser} refused"] == QUICK
        assert told[f"{parser} refused"] > 0 or parser == "chunks", parser
        assert told[f"{parser} read"] > 0, parser


def test_damaged_headers_take_little_memory(tmp_path: Path) -> None:
    """A few kilobytes of file never make the parsers take megabytes."""
    fuzzing.fuzz(tmp_path, 0, 20)
    tracemalloc.start()
    fuzzing.fuzz(tmp_path, 1_000_000, 150)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < QUICK_BYTES


@pytest.mark.slow
def test_a_hundred_thousand_damaged_headers(tmp_path: Path) -> None:
    """The same at length, with half a gigabyte of address space on top of what the process has."""
    with fuzzing.memory_limit():
        told = fuzzing.fuzz(tmp_path, 0, SLOW)
    print(dict(sorted(told.items())))
    assert sum(told.values()) == SLOW * len(fuzzing.PARSERS)


@pytest.mark.slow
def test_libraries_on_damaged_files(tmp_path: Path) -> None:
    """libsndfile and FFmpeg neither crash nor hang behind our doors, in a process of their own with a memory limit."""
    told: Counter[str] = Counter()
    ends: list[str] = []
    at = 0
    while at < LIBRARIES:
        words = [sys.executable, fuzzing.__file__, str(tmp_path), str(at), str(LIBRARIES - at)]
        ended = subprocess.run(words, capture_output=True, text=True)
        lines = ended.stdout.splitlines()
        told.update(line.split()[2] for line in lines if len(line.split()) == 3)
        if ended.returncode == 0:
            break
        assert lines, ended.stderr
        ends.append(f"{lines[-1]}: status {ended.returncode}, {ended.stderr.strip().splitlines()[-1:]}")
        at = int(lines[-1].split()[0]) + 1
    print(dict(told), ends)
    assert not ends
