"""The acoustics of SEE-2-SOUND as printed: a shoebox measured in pixels, heard by six omnidirectional microphones.

Source: Dagli et al. 2024, section 2.3 (eq. 3 and 4) and appendix E. The room is as wide and high as the picture and half as
deep as it is wide, one pixel a metre. What the paper leaves open is pyroomacoustics' default: rigid walls, one reflection.
Axes: the paper's coordinates (image column, image row, depth) are our (-y, -z, x) about the listener.
Shapes: C channels, N sources, T samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.paths import NEAREST_M
from seehear.types import SURROUND_5_1, FloatArray, InputError, Room, Scene, Source, blocks

REACH_M = 100.0
LARGEST_PX = 10000
MICROPHONES: dict[str, tuple[float, float, float]] = {
    "L": (0, 0, REACH_M),
    "R": (0, 0, -REACH_M),
    "C": (REACH_M, 0, 0),
    "LFE": (0, -REACH_M, 0),
    "Ls": (-REACH_M, 0, 0),
    "Rs": (0, REACH_M, 0),
}
"""Offsets from the listener as printed in appendix E, in the paper's axes. Section 2.3 lists the channels as FL FR C SL SR
LFE, appendix E as FL FR C LFE SL SR; files are in the standard order, which is the latter."""


def pixel_room(width_px: int, height_px: int) -> Room:
    """The room of a picture: w x h x 0.5 w with the listener in its middle.

    "Centrally at the ground level" (section 2.3) would put one of the printed microphones outside, whichever axis points up:
    they lie 100 before and behind, above and below. So the listener is in the middle of all three axes, and InputError
    refuses a picture whose room is too small even so.
    """
    least_px = (round(4 * REACH_M), round(2 * REACH_M))
    if max(width_px, height_px) > LARGEST_PX:
        raise InputError(f"a room of pixels has sides of at most {LARGEST_PX}, the picture is {width_px} x {height_px}")
    if width_px <= least_px[0] or height_px <= least_px[1]:
        raise InputError(
            f"the paper's microphones stand {REACH_M:g} pixels around the middle of a room of w x h x 0.5 w pixels: the picture "
            f"must be larger than {least_px[0]} x {least_px[1]}, this one is {width_px} x {height_px}"
        )
    size_m = (0.5 * width_px, float(width_px), float(height_px))
    return Room("pixels", size_m, (0.5 * size_m[0], 0.5 * size_m[1], 0.5 * size_m[2]))


def pixel_position(room: Room, column: float, row: float, depth: float) -> FloatArray:
    """Displacement (3,) from the listener of an image point at relative ``depth`` 0 (nearest) to 1.

    Positions keep half a pixel's distance from the walls, on which the image source model has no answer.
    """
    depth_m, width_m, height_m = room.size_m
    place = np.array([depth * depth_m, width_m - column, height_m - row])
    return np.clip(place, 0.5, np.array(room.size_m) - 0.5) - room.listener_m


def record(scene: Scene) -> NDArray[np.float32]:
    """What the six microphones hear (6, T), channels in the order of 5.1: eq. 4, with the absolute delays of eq. 3.

    Each source is a point where it is in the middle of the scene (an extent is not heard), at least `NEAREST_M` from microphones.
    The LFE is a microphone like the others, full band.
    InputError for a source that is everywhere, and for a listener who looks elsewhere than to the front.
    """
    return recorder(scene)(0, scene.n_samples)


def recorder(scene: Scene) -> Callable[[int, int], NDArray[np.float32]]:
    """What gives the samples from one to another of `record`; the sources' responses are made once."""
    if not np.allclose(scene.listener.vector, (1, 0, 0), atol=1e-6):
        raise InputError("a room of pixels is heard by six microphones that stand still: its listener must look to the front")
    listener = np.array(scene.room.listener_m)
    microphones = listener + _offsets()
    heard = [source for source in scene.sources if not source.muted and any(stem.any() for stem in blocks(source.audio))]
    responses = [_responses(scene, listener + place, microphones) for place in _places(heard, scene.duration_s / 2)]

    def recorded(start: int, stop: int) -> NDArray[np.float32]:
        out = np.zeros((SURROUND_5_1.n_channels, stop - start), dtype=np.float32)
        for source, to_microphones in zip(heard, responses, strict=True):
            before = min(start, max(len(response) for response in to_microphones) - 1)
            stem = 10 ** (source.gain_db / 20) * source.audio.read(start - before, stop)[0].astype(np.float64)
            if not stem.any():
                continue
            for channel, response in zip(out, to_microphones, strict=True):
                channel += _convolved(stem, response)[before:]
        return out

    return recorded


def _offsets() -> FloatArray:
    """`MICROPHONES` (6, 3) in our axes and the order of 5.1."""
    right, down, deep = (np.array(axis, dtype=float) for axis in ((0, -1, 0), (0, 0, -1), (1, 0, 0)))
    return np.array([a * right + b * down + c * deep for a, b, c in (MICROPHONES[label] for label in SURROUND_5_1.labels)])


def _responses(scene: Scene, source_m: FloatArray, microphones_m: FloatArray) -> list[FloatArray]:
    """Impulse responses from a source to each microphone (6, 3), no longer than the scene, with exact delays (eq. 3)."""
    import pyroomacoustics

    room = scene.room
    box = pyroomacoustics.ShoeBox(np.array(room.size_m), fs=scene.sample_rate_hz)
    box.add_microphone_array(microphones_m.T)
    box.add_source(_off_microphones(source_m, microphones_m, np.array(room.listener_m)))
    box.compute_rir()
    assert box.rir is not None
    # The library's fractional delay is a windowed sinc, which makes everything late by half its length.
    late = pyroomacoustics.constants.get("frac_delay_length") // 2
    return [responses[0][late : late + scene.n_samples] for responses in box.rir]


def _off_microphones(source_m: FloatArray, microphones_m: FloatArray, listener_m: FloatArray) -> FloatArray:
    """The source, or where it is `NEAREST_M` from a microphone that it would touch: on the way from that to the listener."""
    for microphone_m in microphones_m:
        if np.linalg.norm(source_m - microphone_m) < NEAREST_M:
            return microphone_m + NEAREST_M * (listener_m - microphone_m) / REACH_M
    return source_m


def _convolved(stem: FloatArray, response: FloatArray) -> FloatArray:
    from scipy.signal import oaconvolve

    return oaconvolve(stem, response)[: len(stem)]


def _places(sources: Sequence[Source], time_s: float) -> list[FloatArray]:
    places = []
    for source in sources:
        if source.is_bed:
            raise InputError(f"{source.label!r} is all around, but in a room of pixels every sound needs a place")
        directions, distances = source.trajectory.at(np.array([time_s]))
        places.append(directions[0] * distances[0])
    return places
