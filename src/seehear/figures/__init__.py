"""Figures as PNG bytes: what is heard where (`explain`), what is in a sound file (`inspected`), and what a model made of a video
(`ambisonized`)."""

from seehear.figures.ambisonizing import SeenFrame, ambisonized
from seehear.figures.explaining import Mark, explain
from seehear.figures.inspecting import inspected

__all__ = ["Mark", "SeenFrame", "ambisonized", "explain", "inspected"]
