"""The figure of a run, drawn while its video is encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from textwrap import shorten
from typing import Any

from seehear.systems.spatialize import Geometry, Sighting, SoundingObject
from seehear.systems.spatialize.lanes import lanes_of
from seehear.types import FOA, Layout, Scene, Sound
from seehear.verbs.report import shown_score

LABEL_CHARACTERS = 28
"""Descriptions are drawn shortened; the report has all of them."""


@contextmanager
def drawn_beside(draw: Callable[[], bytes] | None) -> Iterator[Callable[[], bytes] | None]:
    """What waits for the figure, which is drawn in a thread of its own: the encoder of the video leaves the interpreter to it."""
    if draw is None:
        yield None
        return
    with ThreadPoolExecutor(1) as beside:
        yield beside.submit(draw).result


def figure(
    sighting: Sighting, scene: Scene, sounds: Mapping[str, Sound], layout: Layout, title: str, geometry: Geometry
) -> bytes:
    """The picture that explains what is heard where, as PNG; ``sounds`` by the name of their layout."""
    from seehear.figures import Mark, explain

    marks = []
    for lane, source in zip(lanes_of(sighting.objects, scene.duration_s), scene.sources, strict=True):
        # Of things that take turns, the one in the shot that is shown, else the longest.
        shown = [item for item in lane.objects if item.picture is sighting.picture]
        item = shown[0] if shown else lane.longest(scene.duration_s)
        path = source.trajectory if len(lane.objects) == 1 else item.place.trajectory
        label = shorten(source.label, LABEL_CHARACTERS, placeholder="...")
        marks.append(Mark(label, shown_score(item), path, source.extent_rad, *_outline(item, sighting)))
    hfov_rad = None
    if not (geometry.equirectangular or geometry.pixels):
        hfov_rad = geometry.camera(sighting.picture).hfov_rad
    return explain(sighting.picture, marks, sounds[layout.name], sounds.get(FOA.name), title=title, hfov_rad=hfov_rad)


def _outline(item: SoundingObject, sighting: Sighting) -> tuple[Any, Any]:
    """Box and polygon of what is in the shot that the figure shows."""
    return (item.place.box, item.place.polygon) if item.picture is sighting.picture else (None, None)
