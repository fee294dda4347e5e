"""Watching a video once, small and all of it: where its shots begin, how the camera moves, and what moves by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import Image
from seehear.vision.cuts import CutFinder, Shot, split_shots
from seehear.vision.egomotion import STILL, CameraPath, Similarity, camera_motion, lightness
from seehear.vision.motion import NO_MOTION, MotionRecord, own_motion

WATCH_SIDE_PX = 160
"""Frames are watched at this size."""
MOTION_STEP_S = 0.075
"""Motion is measured between frames at least so far apart: 10 to 12.5 times a second at 24 to 30 frames."""
_UNLIKE = 0.25
"""From this unlikeness of neighbouring frames on no camera motion is looked for."""
KEYFRAME_S = 0.3
MAX_KEYFRAMES = 60
"""A longer video has its keyframes further apart, so that memory and time do not grow with its length."""
_LEAST_KEYFRAMES = 3
"""Of every shot; a thing is tracked from three sightings on."""


@dataclass(frozen=True)
class Watched:
    """What one pass over all frames of a video tells."""

    shots: tuple[Shot, ...] = ()
    """In order, without gaps; none for a still."""
    motion: MotionRecord = NO_MOTION
    """About 11 kB a second, a twentieth of one stem."""


UNWATCHED = Watched()
"""A still, or frames of one shot of which no more is known."""


def watch(frames: Iterable[tuple[float, Image]], duration_s: float, *, wraps: bool = False) -> Watched:
    """Shots and motion of a video from all its frames (time, picture of at most 160 px a side), streamed.

    ``wraps`` for equirectangular pictures. One frame is held at a time, besides the last one that motion was measured on.
    """
    finder = CutFinder()
    times: list[float] = []
    steps: list[Similarity] = []
    maps: list[NDArray[np.uint8] | None] = []
    before = None
    unlike = 0.0
    for time_s, frame in frames:
        unlike = max(unlike, finder.add(time_s, frame.rgb))
        if before is not None and time_s - times[-1] < MOTION_STEP_S:
            continue
        now = lightness(frame.rgb)
        steady = before is not None and unlike < _UNLIKE
        motion = camera_motion(before, now, wraps=wraps) if before is not None and steady else STILL
        maps.append(own_motion(before, now, motion, wraps=wraps) if before is not None and steady else None)
        times.append(time_s)
        steps.append(motion)
        before, unlike = now, 0.0
    known = [each for each in maps if each is not None]
    if not known:
        return Watched(split_shots(finder.cuts_s(), duration_s))
    record = MotionRecord(np.array(times), _filled(maps, known[-1]), CameraPath.of_steps(times, steps))
    return Watched(split_shots(finder.cuts_s(), duration_s), record)


def _filled(maps: Sequence[NDArray[np.uint8] | None], last: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The maps (F, r, c); where nothing is known, at the start and at cuts and flashes, the next one (at the end the last)."""
    filled = np.zeros((len(maps), *last.shape), np.uint8)
    for index in range(len(maps) - 1, -1, -1):
        here = maps[index]
        last = last if here is None else here
        filled[index] = last
    return filled


def keyframe_times(shots: Iterable[Shot], duration_s: float) -> list[float]:
    """When to look closely: every 0.3 s from the start of each shot, further apart in a long video, three times at least."""
    step_s = max(KEYFRAME_S, duration_s / MAX_KEYFRAMES)
    times: list[float] = []
    for shot in shots:
        start, stop = shot.seen_s
        step = min(step_s, (stop - start) / _LEAST_KEYFRAMES)
        times += [float(start + i * step) for i in range(max(1, int(np.ceil((stop - start) / step - 1e-6))))]
    return times
