"""Sound tracks decoded by FFmpeg: of videos, and of sound files that are coded with loss."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer

from seehear.io.containers import channel_layout, open_container
from seehear.io.files import PathLike
from seehear.io.layouts import FIELDS, unnamed
from seehear.io.spherical import declared_order
from seehear.io.streams import SoundFile, spooled
from seehear.types import BINAURAL, SURROUND_5_1, SURROUND_5_1_4, SURROUND_7_1, SURROUND_7_1_4, Convention, InputError, Layout

_NAMES = {
    "binaural": BINAURAL,
    "5.1": SURROUND_5_1,
    "5.1(side)": SURROUND_5_1,
    "7.1": SURROUND_7_1,
    "5.1.4": SURROUND_5_1_4,
    "7.1.4": SURROUND_7_1_4,
}
"""Layouts by FFmpeg's name, where its channels are ours in our order."""
_LONGEST_FRAME = 2048
"""Samples, of HE-AAC: a file with more than that beyond its told end has no padding there but a wrong clock."""
_CLOCK_SLACK_S = 0.01
_MAX_PLANES = 7
"""PyAV counts the planes of a frame up to the first null pointer: of eight channels, the most that lie in the frame itself, it
reads on behind them."""


def decode_file(path: Path) -> SoundFile:
    """The sound track that players choose, decoded once into a temporary file: what is compressed cannot be sought to the sample.

    It begins and ends where the file says so: without the coder's delay and the padding of its last frame.
    """
    with open_container(path) as container:
        stream = _sound_stream(container, path)
        rate, name, told = stream.codec_context.sample_rate, channel_layout(stream, path), _told_samples(container, stream)
    parts = (block for _, block in track_blocks(path, name, rate, None))
    first = next(parts, None)
    if first is None:
        raise InputError(f"{path} holds no samples")
    layout, convention = _layout(path, name, len(first))
    spool = spooled(itertools.chain((first,), parts), rate, layout, convention)
    n_samples = told if told is not None and 0 < spool.n_samples - told < _LONGEST_FRAME else spool.n_samples
    return SoundFile(path, rate, layout, n_samples, convention, spool.read)


def _told_samples(container: InputContainer, stream: AudioStream) -> int | None:
    """Samples of the track by the edit list of an MP4 or QuickTime file; None where they are not counted in samples."""
    counted = container.format.name.startswith("mov") and stream.time_base == Fraction(1, stream.codec_context.sample_rate)
    return stream.duration if counted else None


def _layout(path: Path, name: str, n_channels: int) -> tuple[Layout, Convention]:
    order = declared_order(path)  # FFmpeg gives AAC the loudspeakers of its own header, whatever SA3D says
    if order is None and name.startswith("ambisonic "):  # of Opus, in FFmpeg always ACN and SN3D
        order = FIELDS[n_channels].order if n_channels in FIELDS else None
    if order is not None and n_channels == (order + 1) ** 2:
        return FIELDS[n_channels], "acn-sn3d"
    return _NAMES.get(name, unnamed(n_channels)), ""


def track_blocks(path: PathLike, layout: str, rate_hz: int, origin_s: float | None) -> Iterator[tuple[int, np.ndarray]]:
    """First sample's index and samples (C, n) of the sound track, block by block, mixed to FFmpeg's ``layout`` and resampled.

    One channel comes unchanged from both of two: FFmpeg would lower it by 3 dB, as if two loudspeakers were to keep its power.
    Index 0 is at ``origin_s`` of the container's clock, or at the first sample where it is None. Blocks follow each other
    without gaps unless the file's clock jumps by more than 10 ms.
    """
    with open_container(path) as container:
        stream = _sound_stream(container, path)
        frames = container.decode(stream)
        first = next(frames, None)
        if first is None:
            return
        doubled = layout == "stereo" and first.layout.nb_channels == 1
        form = "fltp" if av.AudioLayout(layout).nb_channels <= _MAX_PLANES else "flt"
        resampler = av.AudioResampler(format=form, layout="mono" if doubled else layout, rate=rate_hz)
        at = None
        for frame in itertools.chain((first,), frames, (None,)):
            for block in resampler.resample(frame):
                told = None if block.pts is None else float(block.pts * block.time_base)
                origin_s = told or 0.0 if origin_s is None else origin_s
                index = at or 0 if told is None else round((told - origin_s) * rate_hz)
                at = index if at is None or abs(index - at) > _CLOCK_SLACK_S * rate_hz else at
                samples = block.to_ndarray() if block.format.is_planar else _planes(block)
                yield at, np.repeat(samples, 2, axis=0) if doubled else samples
                at += block.samples


def _planes(block: av.AudioFrame) -> np.ndarray:
    return np.ascontiguousarray(block.to_ndarray().reshape(-1, block.layout.nb_channels).T)


def _sound_stream(container: InputContainer, path: PathLike) -> AudioStream:
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if not streams:
        raise InputError(f"{path} has no sound that can be read")
    best = container.streams.best("audio")
    chosen = next((stream for stream in streams if stream == best), streams[0])
    channel_layout(chosen, path)
    return chosen
