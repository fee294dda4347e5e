"""Watching a video once, small and all of it: where its shots begin, how the camera moves, and what moves by itself."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from seehear.types import Image, InputError
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
_HELD_BYTES = 1 << 22
"""Motion maps beyond this (about 6 minutes) go to a temporary file: an hour has 38 MB of them."""


@dataclass(eq=False)
class MotionSpool:
    """What moved by itself where over a video of any length, and what the camera did; shots are taken out of it one by one.

    40 bytes per frame (an hour: 1.7 MB) stay in memory.
    """

    _times_s: array[float] = field(default_factory=lambda: array("d"))
    _camera: array[float] = field(default_factory=lambda: array("d"))
    """Real and imaginary parts of turn and shift of each frame."""
    _place: Similarity = STILL
    _unknown: int = 0
    """Frames at the end of which nothing is known yet."""
    _last: NDArray[np.uint8] | None = None
    _maps: IO[bytes] = field(default_factory=lambda: SpooledTemporaryFile(_HELD_BYTES))  # noqa: SIM115

    def add(self, time_s: float, step: Similarity, moved: NDArray[np.uint8] | None) -> None:
        """Takes the next frame: the camera's ``step`` to it, and its motion map (r, c).

        Where the map is not known, at the start and at cuts and flashes, the next one counts (at the end the last).
        """
        self._place = step.after(self._place) if self._times_s else STILL
        self._times_s.append(time_s)
        self._camera.extend((self._place.turn.real, self._place.turn.imag, self._place.shift.real, self._place.shift.imag))
        self._unknown += 1
        if moved is not None:
            self._last = moved
            self._fill(moved)

    def _fill(self, known: NDArray[np.uint8]) -> None:
        try:
            self._maps.seek(0, 2)
            for _ in range(self._unknown):
                self._maps.write(known.tobytes())
        except OSError as error:
            raise InputError(f"no temporary file for the motion in the video: {error.strerror}") from None
        self._unknown = 0

    def within(self, start_s: float, stop_s: float) -> MotionRecord:
        """The part between two times, the camera's path too; NO_MOTION where nothing is known."""
        if self._last is None:
            return NO_MOTION
        self._fill(self._last)
        times_s = np.array(self._times_s)
        part = slice(*(int(i) for i in np.searchsorted(times_s, (start_s - 1e-6, stop_s - 1e-6))))
        rows, columns = self._last.shape
        self._maps.seek(part.start * rows * columns)
        count = part.stop - part.start
        maps = np.frombuffer(self._maps.read(count * rows * columns), np.uint8).reshape(count, rows, columns)
        turns, shifts = np.array(self._camera).view(complex).reshape(-1, 2)[part].T
        return MotionRecord(times_s[part], maps, CameraPath(times_s[part], turns, shifts))


@dataclass(frozen=True)
class Watched:
    """What one pass over all frames of a video tells."""

    shots: tuple[Shot, ...] = ()
    """In order, without gaps; none for a still."""
    motion: MotionRecord | MotionSpool = NO_MOTION


UNWATCHED = Watched()
"""A still, or frames of one shot of which no more is known."""


def watch(frames: Iterable[tuple[float, Image]], duration_s: float, *, wraps: bool = False) -> Watched:
    """Shots and motion of a video from all its frames (time, picture of at most 160 px a side), streamed.

    ``wraps`` for equirectangular pictures. One frame is held at a time, besides the last one that motion was measured on.
    """
    finder, record = CutFinder(), MotionSpool()
    before, measured_s = None, 0.0
    unlike = 0.0
    for time_s, frame in frames:
        unlike = max(unlike, finder.add(time_s, frame.rgb))
        if before is not None and time_s - measured_s < MOTION_STEP_S:
            continue
        now = lightness(frame.rgb)
        steady = before is not None and unlike < _UNLIKE
        motion = camera_motion(before, now, wraps=wraps) if before is not None and steady else STILL
        record.add(time_s, motion, own_motion(before, now, motion, wraps=wraps) if before is not None and steady else None)
        before, measured_s, unlike = now, time_s, 0.0
    return Watched(split_shots(finder.cuts_s(), duration_s), record)


def keyframe_times(shots: Iterable[Shot], duration_s: float) -> list[float]:
    """When to look closely: every 0.3 s from the start of each shot, further apart in a long video, three times at least."""
    step_s = max(KEYFRAME_S, duration_s / MAX_KEYFRAMES)
    times: list[float] = []
    for shot in shots:
        start, stop = shot.seen_s
        step = min(step_s, (stop - start) / _LEAST_KEYFRAMES)
        times += [float(start + i * step) for i in range(max(1, int(np.ceil((stop - start) / step - 1e-6))))]
    return times
