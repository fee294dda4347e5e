"""What is told while something works. Oracles: planted clocks and texts."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from seehear.cli import terminal


def test_on_a_pipe_the_time_left_follows_from_what_was_done_meanwhile(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half was known at the start; a tenth in 20 s leaves four tenths: 80 s, later 2 min, an hour and more."""
    clock = iter([100.0, 105.0, 120.0, 120.0, 260.0, 20_100.0, 20_200.0])
    monkeypatch.setattr(terminal, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with terminal.progress_bar() as watch:
        for stage, done in (("a", 0.5), ("b", 0.55), ("c", 0.6), ("c", 0.6), ("d", 0.8), ("e", 0.9), ("f", 1.0)):
            watch(stage, done)
    assert capsys.readouterr().err.splitlines() == [
        "[ 50 %] a",
        "[ 55 %] b",
        "[ 60 %, 80 s left] c",
        "[ 80 %, 2 min left] d",
        "[ 90 %, 83 min left] e",
        "[100 %] f",
    ]


def test_names_with_brackets_are_drawn_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: what rich would take for a style, and for the end of one that was never begun."""

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with terminal.progress_bar() as watch:
        watch("1/2 a [red] b[/c]: failed", 0.5)
    assert "1/2 a [red] b[/c]: failed" in screen.getvalue()
