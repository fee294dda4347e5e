"""Figures as PNG bytes: what is heard where (`explain`), and what is in a sound file (`inspected`)."""

from seehear.figures.explaining import Mark, explain
from seehear.figures.inspecting import inspected

__all__ = ["Mark", "explain", "inspected"]
