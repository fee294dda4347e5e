"""Moving pictures: their facts, and their frames as a stream with real presentation times."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.stream import VideoStream

from seehear.io.animation import animation_frames, is_animation_file, open_animation
from seehear.io.containers import open_container
from seehear.io.files import PathLike, check_input
from seehear.io.image import check_size, file_hint, is_picture_file, read_image, to_rgb
from seehear.types import Image, InputError, Video

T = TypeVar("T")

_HD_HEIGHT_PX = 720
_COLORSPACE_UNSPECIFIED = 2
"""AVCOL_SPC_UNSPECIFIED, which PyAV's enumeration lacks."""
_FORMATS_THAT_DECLARE_DURATION = ("mov", "matroska")
"""For others FFmpeg estimates it."""
_SLACK_S, _SLACK_PART = 1.0, 0.1
"""How much earlier than declared a file may end before it counts as truncated (headers are often a little wrong)."""


@dataclass(frozen=True)
class Track:
    """The picture track of a container, as demuxing tells it."""

    video: Video
    codec: str
    first_s: float
    """Container time of the first frame that is shown; it is 0 in everything that ``io`` gives out."""
    pts_s: np.ndarray
    """Container time at which each packet is shown, in the order of the file; NaN where the container does not say."""


def read_media(path: PathLike) -> Image | Video:
    """What a file shows, by its content and not its name: an image, or a video when it has more than one moment.

    InputError: nothing that can be read, sound only, damaged, or too small or elongated to look at.
    """
    path = check_input(path)
    if is_animation_file(path):
        return open_animation(path)
    if is_picture_file(path):
        return read_image(path)
    if hint := file_hint(path):
        raise InputError(f"{path} cannot be read: {hint}")
    return open_track(path).video


def read_frames(
    video: Video,
    *,
    every_s: float | None = None,
    at_s: Sequence[float] | None = None,
    max_side_px: int | None = None,
) -> Iterator[tuple[float, Image]]:
    """Presentation time in seconds (the first frame is at 0) and upright picture of each frame, streamed.

    ``every_s``: only the first frame at or after each multiple of it. ``at_s``: only the first frame at or after each of
    these increasing times, and none after the last. ``max_side_px``: larger pictures are reduced to it.
    Memory does not depend on the length. InputError where the file is damaged.
    """
    if is_animation_file(video.path):
        for time_s, picture in _thinned(animation_frames(video.path), every_s, at_s):
            size = _fit(picture.width, picture.height, max_side_px)
            rgb = to_rgb(picture)
            if size != picture.size:
                rgb = av.VideoFrame.from_ndarray(rgb, format="rgb24").to_ndarray(
                    width=size[0], height=size[1], interpolation="AREA"
                )
            yield time_s, Image(rgb)
        return
    with open_container(video.path) as container:
        stream = picture_stream(container, video.path)
        stream.thread_type = "AUTO"
        for time_s, frame in _thinned(_timed_frames(container, stream), every_s, at_s):
            yield time_s, Image(_upright_rgb(frame, stream, max_side_px))


def pictures_at(video: Video, times_s: Sequence[float], max_side_px: int | None = None) -> Iterator[Image]:
    """A picture for each of increasing times: the first that is shown then or later, and the last until one frame after the end.

    Of times after that there is none. Memory and errors as :func:`read_frames`.
    """
    left, last = deque(times_s), None
    for time_s, last in read_frames(video, at_s=times_s, max_side_px=max_side_px):
        while left and left[0] <= time_s + 1e-6:
            left.popleft()
            yield last
    end_s = video.duration_s + 1 / max(video.frame_rate_hz, 1.0)
    while last is not None and left and left.popleft() <= end_s:
        yield last


def picture_stream(container: InputContainer, path: PathLike) -> VideoStream:
    """The stream that players show; InputError when the file has sound only (a cover picture is not a video)."""
    streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & Disposition.attached_pic]
    if not streams:
        what = "holds sound but no picture" if container.streams.audio else "holds no picture that can be decoded"
        raise InputError(f"{path} {what}: a picture or a video is needed")
    best = container.streams.best("video")
    return next((s for s in streams if s == best), streams[0])


def open_track(path: PathLike) -> Track:
    """The picture track of a container: one decoded frame, then one pass over the packets."""
    with open_container(path) as container:
        stream = picture_stream(container, path)
        frame = next(container.decode(stream), None)
        if frame is None:
            raise InputError(f"{path} holds no frame that can be decoded")
        width_px, height_px = _displayed_size(frame, stream)
        codec = stream.codec_context.codec.canonical_name
        first_s = _time_s(container, frame) or 0.0
    check_size(path, width_px, height_px)
    with open_container(path) as container:
        stream = picture_stream(container, path)
        pts_s, end_s = _scan(container, stream, path)
        has_audio = any(s.codec_context is not None for s in container.streams.audio)
    duration_s = max(end_s - first_s, 1e-3)
    n_shown = max(1, int(np.sum(~(pts_s < first_s - 1e-6))))
    rotation_deg = round(frame.rotation / 90) * 90 % 360
    is_sphere = _is_equirectangular(frame)
    video = Video(str(path), width_px, height_px, duration_s, n_shown / duration_s, rotation_deg, has_audio, is_sphere)
    return Track(video, codec, first_s, pts_s)


def _is_equirectangular(frame: av.VideoFrame) -> bool:
    """Whether the file's spherical metadata (Google's sv3d box or XML, Matroska's projection) names that projection.

    FFmpeg hands it on as an AVSphericalMapping, whose first field is the projection, 0 for a whole equirectangular sphere.
    """
    told = frame.side_data.get(SideDataType.SPHERICAL)
    return told is not None and int.from_bytes(bytes(told)[:4], sys.byteorder) == 0


def _scan(container: InputContainer, stream: VideoStream, path: PathLike) -> tuple[np.ndarray, float]:
    """Times of the picture's packets and when its last one ends; InputError when the file ends much too early."""
    pts_s, picture_end_s, end_s = [], 0.0, 0.0
    for packet in container.demux():
        if packet.size == 0:
            continue
        is_picture = packet.stream == stream
        time_s = _time_s(container, packet)
        if is_picture:
            pts_s.append(np.nan if time_s is None else time_s)
        at = packet.dts if time_s is None else packet.pts
        if at is None:
            continue
        ends_s = float((at + (packet.duration or 0)) * packet.time_base)
        if is_picture and not packet.duration:
            ends_s += _frame_interval_s(stream)
        end_s = max(end_s, ends_s)
        picture_end_s = max(picture_end_s, ends_s) if is_picture else picture_end_s
    declared_s = (container.duration or 0) / av.time_base
    says_so = container.format.name.split(",")[0] in _FORMATS_THAT_DECLARE_DURATION
    if says_so and declared_s - end_s > max(_SLACK_S, _SLACK_PART * declared_s):
        raise InputError(f"{path} is truncated: it declares {declared_s:.1f} s and holds {end_s:.1f} s")
    counted_s = len(pts_s) * _frame_interval_s(stream)
    return np.array(pts_s), counted_s if _is_counted(container) else picture_end_s or counted_s


def _is_counted(container: InputContainer) -> bool:
    """Whether frames have no times: AVI counts packets in decoding order, which FFmpeg's times follow, wrong with B-frames."""
    return container.format.name == "avi"


def _time_s(container: InputContainer, shown: av.Packet | av.VideoFrame) -> float | None:
    """When a packet or frame is shown, by the container's clock; None where it does not say."""
    return None if _is_counted(container) or shown.pts is None else float(shown.pts * shown.time_base)


def _frame_interval_s(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else 0.04


def _timed_frames(container: InputContainer, stream: VideoStream) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decoded frames at strictly increasing times from 0; frames without a time are counted."""
    first_s, last_s = None, -np.inf
    for index, frame in enumerate(container.decode(stream)):
        told_s = _time_s(container, frame)
        time_s = index * _frame_interval_s(stream) if told_s is None else told_s
        first_s = time_s if first_s is None else first_s
        if time_s - first_s > last_s:
            last_s = time_s - first_s
            yield last_s, frame


def _thinned(frames: Iterator[tuple[float, T]], every_s: float | None, at_s: Sequence[float] | None) -> Iterator[tuple[float, T]]:
    due = deque(at_s or ())
    due_s = 0.0
    for time_s, frame in frames:
        if at_s is not None:
            if not due:
                return
            due_s = due[0]
        if time_s < due_s - 1e-6 and (every_s is not None or at_s is not None):
            continue
        if every_s is not None:
            due_s = (np.floor((time_s + 1e-6) / every_s) + 1) * every_s
        while due and due[0] <= time_s + 1e-6:
            due.popleft()
        yield time_s, frame


def _displayed_size(frame: av.VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height with square pixels and upright."""
    aspect = stream.sample_aspect_ratio or 1
    width, height = max(1, round(frame.width * float(aspect))), frame.height
    return (height, width) if round(frame.rotation / 90) % 2 else (width, height)


def _fit(width_px: int, height_px: int, max_side_px: int | None) -> tuple[int, int]:
    scale = min(1.0, max_side_px / max(width_px, height_px)) if max_side_px else 1.0
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def _upright_rgb(frame: av.VideoFrame, stream: VideoStream, max_side_px: int | None) -> np.ndarray:
    """The frame as sRGB (H, W, 3) with square pixels, its display rotation applied."""
    turns = round(frame.rotation / 90) % 4
    width, height = _fit(*_displayed_size(frame, stream), max_side_px)
    if turns % 2:
        width, height = height, width
    untagged = frame.colorspace == _COLORSPACE_UNSPECIFIED
    colorspace = "ITU709" if untagged and frame.height >= _HD_HEIGHT_PX else None  # what players assume
    rgb = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA", src_colorspace=colorspace)
    return np.ascontiguousarray(np.rot90(rgb, turns))
