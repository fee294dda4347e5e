"""A picture and a sound into one MP4 or MOV: packets copied where it takes them, H.264 with the real frame times elsewhere.

Sound (`io.soundtrack`) and picture both start at 0.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.container import OutputContainer

from seehear.io.audio import check_peak
from seehear.io.containers import open_container
from seehear.io.files import PathLike, WholeFiles, check_output, whole_file
from seehear.io.image import is_picture_file
from seehear.io.soundtrack import Coding, PeakOf, amplified, coding, fade, faded, headroom_gain_db, mixed, sound_packets
from seehear.io.spherical import check_sphere, is_sphere_size, mark
from seehear.io.video import Track, open_track, picture_stream, read_frames
from seehear.types import Image, InputError, Layout, Sound, Video, n_samples

_SUFFIXES = (".mp4", ".m4v", ".mov")
_COPIED_CODECS = ("h264", "hevc", "av1", "vp9", "mpeg4")
"""What MP4 players take as it is."""
_TICKS_HZ = 90_000
_STILL_RATE_HZ = 25
_MAX_SIDE_PX, _MAX_SPHERE_PX = 1920, 4096
"""Longest side of what is encoded; of a sphere only a quarter is seen at once (4096 is the most of H.264 level 5.1)."""


@dataclass(frozen=True)
class VideoOptions:
    """What a video is to be."""

    keep_audio_db: float | None = None
    """Gain at which the original sound is mixed in; None leaves it out."""
    spherical: bool = False
    """The picture is a whole sphere in equirectangular projection and is to say so. A video that says so keeps saying it."""
    max_side_px: int | None = None
    """Of what is encoded; by default 1920, for a sphere 4096."""
    peak_of: PeakOf | None = None
    """Measures the true peak of what players decode of AAC, which may lie above that of the sound; None takes it as it comes."""
    ceiling_dbtp: float = -1.0
    """The sound is lowered until that true peak is not above it."""


@dataclass(frozen=True)
class MuxReport:
    """How a video was made."""

    picture: Literal["still", "copied", "encoded"]
    kept_audio: bool
    mix_gain_db: float = 0.0
    """Gain of the whole mix, below 0 where the render and the kept sound together would have clipped."""
    codec: str = "aac"
    """Of the sound, FFmpeg's name."""
    spherical: bool = False
    """Whether the picture says that it is a sphere."""
    coded_gain_db: float = 0.0
    """Gain of the whole sound, below 0 where it would have passed the ceiling once decoded."""
    coded_peak_dbtp: float | None = None
    """True peak of what players decode; None where it was not measured."""


def write_video(
    path: PathLike,
    picture: Image | Video,
    sound: Sound,
    options: VideoOptions = VideoOptions(),
    *,
    duration_s: float,
    force: bool = False,
    within: WholeFiles | None = None,
) -> MuxReport:
    """How it was done; ``path`` then holds the picture with the sound, both ``duration_s`` long. Memory is that of a few blocks.

    A video keeps its packets (frames, times, rotation) when the container takes its codec; other pictures become H.264, a still
    with fades of picture and sound at both ends. A shorter picture holds its last frame. The sound is AAC in MP4 and 24-bit PCM
    in MOV; ambisonic sound says so (SA3D). ``within``: the file appears with all those of that run.
    InputError: unknown extension, a layout that the container does not take, ambisonics that are not AmbiX, a peak over full
    scale, no original sound to keep, a sphere that is not twice as wide as high.
    """
    path = check_video_output(path, sound.layout, force=force)
    if sound.n_samples != n_samples(duration_s, sound.sample_rate_hz):
        raise InputError(f"the sound lasts {sound.duration_s:.3f} s, the video {duration_s:.3f} s")
    if sound.layout.kind == "ambisonics" and sound.convention != "acn-sn3d":
        raise InputError(
            f"ambisonic sound of a video is AmbiX (acn-sn3d), not {sound.convention or 'untagged'}: convert it first"
        )
    spherical = _is_sphere(picture, options.spherical)
    check_peak(path, sound)
    track = open_track(picture.path) if isinstance(picture, Video) and not is_picture_file(picture.path) else None
    mix_gain_db = 0.0
    if options.keep_audio_db is not None:
        if track is None or not track.video.has_audio:
            raise InputError("there is no original sound to keep")
        sound, mix_gain_db = mixed(sound, track.video.path, track.first_s, options.keep_audio_db)
    if isinstance(picture, Image):
        sound = faded(sound, duration_s)
    how = coding(path.suffix.lower(), sound.layout, sound.sample_rate_hz)
    coded_gain_db, coded_peak_dbtp = 0.0, None
    if options.peak_of is not None and how.codec == "aac":
        coded_gain_db, coded_peak_dbtp = headroom_gain_db(sound, how, options.peak_of, options.ceiling_dbtp)
        sound = amplified(sound, coded_gain_db)
    copied = track if track is not None and track.codec in _COPIED_CODECS and np.isfinite(track.pts_s).all() else None
    film = _Film(picture, sound, how, duration_s, options.max_side_px or (_MAX_SPHERE_PX if spherical else _MAX_SIDE_PX))
    with whole_file(path, force, within) as temporary:
        try:
            _write(temporary, film, copied)
        except av.error.FFmpegError:
            if copied is None:
                raise
            copied = None  # MP4 takes the codec but not this stream, e.g. because its decoding times are out of order
            _write(temporary, film, None)
        if spherical or sound.layout.kind == "ambisonics":
            order = sound.layout.order if sound.layout.kind == "ambisonics" else None
            mark(temporary, sphere=spherical, ambisonic_order=order)
    kind = "still" if isinstance(picture, Image) else "copied" if copied is not None else "encoded"
    kept = options.keep_audio_db is not None
    return MuxReport(kind, kept, mix_gain_db, how.codec, spherical, coded_gain_db, coded_peak_dbtp)


def write_frames(
    path: PathLike, frames: Iterable[np.ndarray], rate_hz: float, sound: Sound, *, spherical: bool = False, force: bool = False
) -> None:
    """Nothing; ``path`` then holds pictures (H, W, 3) uint8 of equal size, ``rate_hz`` a second, as H.264 with the sound beside.

    The sound as :func:`write_video` has it, without its measuring of peaks; ``spherical`` marks the pictures as whole spheres.
    InputError: as there, and no frames.
    """
    path = check_video_output(path, sound.layout, force=force)
    check_peak(path, sound)
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise InputError(f"{path} needs at least one picture")
    if spherical:
        check_sphere(first.shape[1], first.shape[0])
    size = _even_size(first, _MAX_SPHERE_PX)
    timed = ((i / rate_hz, _yuv(rgb, size)) for i, rgb in enumerate(itertools.chain((first,), pictures)))
    how = coding(path.suffix.lower(), sound.layout, sound.sample_rate_hz)

    def packets(output: OutputContainer) -> Iterator[av.Packet]:
        return _h264_packets(output, timed, size, sound.duration_s, rate_hz)

    with whole_file(path, force) as temporary:
        _multiplexed(temporary, packets, sound, how)
        order = sound.layout.order if sound.layout.kind == "ambisonics" else None
        if spherical or order is not None:
            mark(temporary, sphere=spherical, ambisonic_order=order)


def check_video_output(path: PathLike, layout: Layout, *, force: bool = False) -> Path:
    """The path, when :func:`write_video` can put a video with that sound there; InputError otherwise, before any work."""
    path = check_output(path, force)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"{path} has no known video extension: use {', '.join(_SUFFIXES)}")
    coding(suffix, layout)
    return path


def _is_sphere(picture: Image | Video, asked: bool) -> bool:
    """Whether the written picture is to say that it is a sphere. InputError when it is asked for and cannot be one."""
    size = (picture.rgb.shape[1], picture.rgb.shape[0]) if isinstance(picture, Image) else (picture.width_px, picture.height_px)
    if asked:
        check_sphere(*size)
    return asked or (isinstance(picture, Video) and picture.equirectangular and is_sphere_size(*size))


@dataclass(frozen=True)
class _Film:
    """What goes into the file."""

    picture: Image | Video
    sound: Sound
    how: Coding
    duration_s: float
    max_side_px: int


def _write(path: Path, film: _Film, copied: Track | None) -> None:
    picture, duration_s, max_side_px = film.picture, film.duration_s, film.max_side_px

    def packets(output: OutputContainer) -> Iterator[av.Packet]:
        if isinstance(picture, Image):
            return _still_packets(output, picture, duration_s, max_side_px)
        if copied is not None:
            return _copied_packets(output, copied, duration_s)
        return _encoded_packets(output, picture, duration_s, max_side_px)

    _multiplexed(path, packets, film.sound, film.how)


def _multiplexed(path: Path, pictures: Callable[[OutputContainer], Iterator[av.Packet]], sound: Sound, how: Coding) -> None:
    container_format = "mov" if path.suffix.lower() == ".mov" else "mp4"
    # Edit lists count in the movie's timescale; in FFmpeg's own, 1 kHz, they would cut up to a millisecond off the sound.
    options = {"movflags": "+faststart", "fflags": "+bitexact", "movie_timescale": str(how.rate_hz)}
    with av.open(str(path), "w", format=container_format, options=options) as output:
        heard_and_seen = pictures(output), sound_packets(output, sound, how)
        for packet in heapq.merge(*heard_and_seen, key=lambda packet: packet.dts * packet.time_base):
            output.mux(packet)


# ------------------------------------------------------------------------------------------- picture


def _still_packets(output: OutputContainer, image: Image, duration_s: float, max_side_px: int) -> Iterator[av.Packet]:
    base = _yuv(image.rgb, _even_size(image.rgb, max_side_px))
    times_s = np.arange(int(np.ceil(duration_s * _STILL_RATE_HZ - 1e-6))) / _STILL_RATE_HZ
    levels = np.arange(256.0)

    def frames() -> Iterator[tuple[float, av.VideoFrame]]:
        planes, height = base.to_ndarray(), base.height
        for time_s, gain in zip(times_s, fade(times_s, duration_s), strict=True):
            if gain > 0.999:
                yield time_s, base
                continue
            luma, chroma = (np.rint(black + (levels - black) * gain).clip(0, 255).astype(np.uint8) for black in (16, 128))
            faded = np.concatenate([luma[planes[:height]], chroma[planes[height:]]])
            yield time_s, av.VideoFrame.from_ndarray(faded, format="yuv420p")

    return _h264_packets(output, frames(), (base.width, base.height), duration_s, _STILL_RATE_HZ)


def _encoded_packets(output: OutputContainer, video: Video, duration_s: float, max_side_px: int) -> Iterator[av.Packet]:
    pictures = read_frames(video, max_side_px=max_side_px)
    rgb = next(pictures)[1].rgb
    size = _even_size(rgb, max_side_px)

    def frames() -> Iterator[tuple[float, av.VideoFrame]]:
        yield 0.0, _yuv(rgb, size)
        for time_s, image in pictures:
            if time_s >= duration_s:
                return
            yield time_s, _yuv(image.rgb, size)  # a stream may change its size on the way

    return _h264_packets(output, frames(), size, duration_s, video.frame_rate_hz)


def _h264_packets(
    output: OutputContainer,
    frames: Iterable[tuple[float, av.VideoFrame]],
    size: tuple[int, int],
    duration_s: float,
    rate_hz: float,
) -> Iterator[av.Packet]:
    """H.264 packets of frames at their times, the last one shown until ``duration_s``.

    No B-frames: decoding order is display order, so that the picture starts at 0 in players that ignore edit lists too.
    """
    rate = Fraction(rate_hz).limit_denominator(1001)
    stream = output.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "veryfast", "bf": "0"})
    (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, _TICKS_HZ)
    context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
    context.color_range = 1  # limited

    def encoded() -> Iterator[av.Packet]:
        for time_s, frame in frames:
            frame.pts, frame.time_base = round(time_s * _TICKS_HZ), Fraction(1, _TICKS_HZ)
            yield from stream.encode(frame)
        yield from stream.encode(None)

    return _lasting(encoded(), duration_s)


def _even_size(rgb: np.ndarray, max_side_px: int) -> tuple[int, int]:
    """Width and height of the encoded picture: even, as 4:2:0 needs, and within ``max_side_px``."""
    height, width = rgb.shape[:2]
    scale = min(1.0, max_side_px / max(width, height))
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def _yuv(rgb: np.ndarray, size: tuple[int, int]) -> av.VideoFrame:
    """The picture as BT.709 4:2:0 of that size; of a picture that is one too wide or high, the last column or row is left out."""
    width, height = size
    if rgb.shape[1] - width in (0, 1) and rgb.shape[0] - height in (0, 1):
        rgb = rgb[:height, :width]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return frame.reformat(width, height, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", interpolation="AREA")


def _copied_packets(output: OutputContainer, track: Track, duration_s: float) -> Iterator[av.Packet]:
    """The source's packets, moved so that its first shown frame is at 0, as far as frames before ``duration_s`` need them."""
    shown = np.flatnonzero(track.pts_s - track.first_s < duration_s - 1e-6)
    n_kept = int(shown[-1]) + 1  # packets are kept in decoding order: later ones may be references of earlier ones
    path = track.video.path
    with open_container(path) as source:
        template = picture_stream(source, path)
        # With the display matrix, which holds the rotation; opaque, because there is no encoder named as the decoder of AV1.
        stream = output.add_stream_from_template(template, opaque=track.codec == "av1")
        stream.time_base = template.time_base
        if track.codec == "hevc":
            stream.codec_context.codec_tag = "hvc1"  # the one of its two names that Apple's players take

    def packets() -> Iterator[av.Packet]:
        with open_container(path) as source:
            origin = picture_stream(source, path)
            offset = round(track.first_s / origin.time_base)
            kept = itertools.islice((packet for packet in source.demux(origin) if packet.size), n_kept)
            for packet in _with_decoding_times(kept):
                packet.pts -= offset
                packet.dts -= offset
                packet.stream = stream
                yield packet

    return _lasting(packets(), duration_s)


def _with_decoding_times(packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """The packets, those before the first known decoding time counted back from it: Matroska leaves them to be found."""
    waiting: list[av.Packet] = []
    for packet in packets:
        if packet.dts is None:
            waiting.append(packet)
            continue
        dts = packet.dts
        for earlier in reversed(waiting):
            dts -= earlier.duration or 1
            earlier.dts = dts
        yield from (*waiting, packet)
        waiting = []
    for packet in waiting:
        packet.dts = packet.pts
        yield packet


def _lasting(packets: Iterator[av.Packet], duration_s: float) -> Iterator[av.Packet]:
    """The packets, the last one lasting so that the track, which starts one reordering delay before 0, ends at ``duration_s``."""
    held, first_dts = None, 0
    for packet in packets:
        if held is None:
            first_dts = packet.dts
        else:
            yield held
        held = packet
    if held is not None:
        held.duration = max(1, round(duration_s / held.time_base) + first_dts - held.dts)
        yield held
