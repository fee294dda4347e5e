"""A picture and a sound into one MP4: packets copied where MP4 takes them, H.264 with the real frame times elsewhere.

Sound and picture both start at 0. AAC starts with 1024 samples of encoder delay; the file's edit list takes them off again.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.container import OutputContainer

from seehear.io.audio import check_peak, track_blocks
from seehear.io.containers import open_container
from seehear.io.files import PathLike, WholeFiles, check_output, whole_file
from seehear.io.image import is_picture_file
from seehear.io.video import Track, open_track, picture_stream, read_frames
from seehear.types import Audio, Image, InputError, Layout, Video, n_samples

_SUFFIXES = (".mp4", ".m4v", ".mov")
_COPIED_CODECS = ("h264", "hevc", "av1", "vp9", "mpeg4")
"""What MP4 players take as it is."""
_AAC_LAYOUTS = {
    "mono": ("mono", 128_000),
    "stereo": ("stereo", 256_000),
    "binaural": ("stereo", 256_000),
    "5.1": ("5.1", 512_000),
}
"""FFmpeg's layout name (its AAC encoder wants 5.1, same order as ours) and the bit rate, per layout."""
_AAC_RATES_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_AAC_FRAME_SAMPLES = 1024

_TICKS_HZ = 90_000
_STILL_RATE_HZ = 25
_FADE_IN_S, _FADE_OUT_S = 0.5, 1.0
_MIX_PEAK_DBFS = -1.0


@dataclass(frozen=True)
class MuxReport:
    """How a video was made."""

    picture: Literal["still", "copied", "encoded"]
    kept_audio: bool
    mix_gain_db: float = 0.0
    """Gain of the whole mix, below 0 where the render and the kept sound together would have clipped."""


def write_video(
    path: PathLike,
    picture: Image | Video,
    audio: Audio,
    *,
    duration_s: float,
    keep_audio_db: float | None = None,
    max_side_px: int = 1920,
    force: bool = False,
    within: WholeFiles | None = None,
) -> MuxReport:
    """How it was done; ``path`` then holds the picture with the audio, both ``duration_s`` long.

    A video keeps its packets (frames, times, rotation) when MP4 takes its codec; other pictures become H.264, a still with
    fades of picture and sound at both ends. A shorter picture holds its last frame. ``keep_audio_db`` mixes in the original
    sound at that gain; without it the original sound is dropped. ``max_side_px`` applies to what is encoded.
    ``within``: the file appears with all those of that run.
    InputError: unknown extension, a layout that MP4 does not take, a peak over full scale, no original sound to keep.
    """
    path = check_video_output(path, audio.layout, force=force)
    if audio.n_samples != n_samples(duration_s, audio.sample_rate_hz):
        raise InputError(f"the sound lasts {audio.duration_s:.3f} s, the video {duration_s:.3f} s")
    check_peak(path, audio)
    track = open_track(picture.path) if isinstance(picture, Video) and not is_picture_file(picture.path) else None
    mix_gain_db = 0.0
    if keep_audio_db is not None:
        if track is None or not track.video.has_audio:
            raise InputError("there is no original sound to keep")
        audio, mix_gain_db = _mixed(audio, track, keep_audio_db)
    if isinstance(picture, Image):
        audio = _faded(audio, duration_s)
    copied = track if track is not None and track.codec in _COPIED_CODECS and np.isfinite(track.pts_s).all() else None
    with whole_file(path, force, within) as temporary:
        try:
            _write(temporary, picture, copied, audio, duration_s, max_side_px)
        except av.error.FFmpegError:
            if copied is None:
                raise
            copied = None  # MP4 takes the codec but not this stream, e.g. because its decoding times are out of order
            _write(temporary, picture, None, audio, duration_s, max_side_px)
    kind = "still" if isinstance(picture, Image) else "copied" if copied is not None else "encoded"
    return MuxReport(kind, keep_audio_db is not None, mix_gain_db)


def check_video_output(path: PathLike, layout: Layout, *, force: bool = False) -> Path:
    """The path, when :func:`write_video` can put a video with that sound there; InputError otherwise, before any work."""
    path = check_output(path, force)
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(f"{path} has no known video extension: use {', '.join(_SUFFIXES)}")
    if layout.name not in _AAC_LAYOUTS:
        raise InputError(f"a video takes {', '.join(_AAC_LAYOUTS)} sound, not {layout.name}")
    return path


def _write(path: Path, picture: Image | Video, copied: Track | None, audio: Audio, duration_s: float, max_side_px: int) -> None:
    container_format = "mov" if path.suffix.lower() == ".mov" else "mp4"
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format=container_format, options=options) as output:
        if isinstance(picture, Image):
            pictures = _still_packets(output, picture, duration_s, max_side_px)
        elif copied is not None:
            pictures = _copied_packets(output, copied, duration_s)
        else:
            pictures = _encoded_packets(output, picture, duration_s, max_side_px)
        sound = _audio_packets(output, audio)
        for packet in heapq.merge(pictures, sound, key=lambda packet: packet.dts * packet.time_base):
            output.mux(packet)


# ------------------------------------------------------------------------------------------- sound


def _audio_packets(output: OutputContainer, audio: Audio) -> Iterator[av.Packet]:
    """AAC packets; the stream is added at once, the encoding follows the iteration."""
    rate = audio.sample_rate_hz
    samples = audio.samples
    if rate not in _AAC_RATES_HZ:
        import soxr

        rate = 48_000
        samples = soxr.resample(samples.T, audio.sample_rate_hz, rate).T
    layout, bit_rate = _AAC_LAYOUTS[audio.layout.name]
    stream = output.add_stream("aac", rate=rate, layout=layout, bit_rate=bit_rate)

    def packets() -> Iterator[av.Packet]:
        for start in range(0, samples.shape[1], _AAC_FRAME_SAMPLES):
            block = np.ascontiguousarray(samples[:, start : start + _AAC_FRAME_SAMPLES], dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            yield from stream.encode(frame)
        yield from stream.encode(None)

    return packets()


def _mixed(audio: Audio, track: Track, gain_db: float) -> tuple[Audio, float]:
    """The audio with the video's own sound added at ``gain_db``, and the gain that keeps the sum below -1 dBFS."""
    samples = audio.samples.copy()
    layout, _ = _AAC_LAYOUTS[audio.layout.name]
    gain = np.float32(10 ** (gain_db / 20))
    for start, block in track_blocks(track.video.path, layout, audio.sample_rate_hz, track.first_s):
        block = block[:, max(0, -start) :]
        start = max(0, start)
        end = min(samples.shape[1], start + block.shape[1])
        if end > start:
            samples[:, start:end] += gain * block[:, : end - start]
    peak = float(np.abs(samples).max(initial=0.0))
    limit = 10 ** (_MIX_PEAK_DBFS / 20)
    mix_gain = limit / peak if peak > limit else 1.0
    samples *= np.float32(mix_gain)
    return Audio(samples, audio.sample_rate_hz, audio.layout), 20 * float(np.log10(mix_gain))


def _faded(audio: Audio, duration_s: float) -> Audio:
    times_s = np.arange(audio.n_samples) / audio.sample_rate_hz
    return Audio((audio.samples * _fade(times_s, duration_s)).astype(np.float32), audio.sample_rate_hz, audio.layout)


def _fade(times_s: np.ndarray, duration_s: float) -> np.ndarray:
    """Raised-cosine gain from 0 to 1 at the start and back to 0 at ``duration_s``; shorter fades for very short videos."""
    rise_s, fall_s = min(_FADE_IN_S, duration_s / 8), min(_FADE_OUT_S, duration_s / 4)
    ramp = np.minimum(times_s / rise_s, (duration_s - times_s) / fall_s).clip(0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * ramp)


# ------------------------------------------------------------------------------------------- picture


def _still_packets(output: OutputContainer, image: Image, duration_s: float, max_side_px: int) -> Iterator[av.Packet]:
    base = _yuv(image.rgb, _even_size(image.rgb, max_side_px))
    times_s = np.arange(int(np.ceil(duration_s * _STILL_RATE_HZ - 1e-6))) / _STILL_RATE_HZ
    levels = np.arange(256.0)

    def frames() -> Iterator[tuple[float, av.VideoFrame]]:
        planes, height = base.to_ndarray(), base.height
        for time_s, gain in zip(times_s, _fade(times_s, duration_s), strict=True):
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
