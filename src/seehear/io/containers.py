"""Containers that FFmpeg reads, opened by their content, without network or helper files."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from seehear.io.files import PathLike, check_input
from seehear.types import InputError

_FORMATS = (
    "mov,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,ogg,asf,h264,hevc,ivf,nut,mxf,dv,mp3,aac,ac3,eac3,wav,w64,flac,aiff,caf,au"
)
"""FFmpeg demuxers of media files; not the playlists, image sequences and text renderers that it also guesses."""


@contextmanager
def open_container(path: PathLike) -> Iterator[InputContainer]:
    """The opened file; a demuxing or decoding error inside the block becomes an InputError that names it."""
    path = check_input(path)
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    try:
        # Absolute, so that a name with a colon is never taken for a protocol.
        with av.open(str(path.absolute()), container_options=options, metadata_errors="replace") as container:
            yield container
    except av.error.FFmpegError as error:
        raise InputError(f"{path} is damaged, truncated or of no known format ({error.strerror or error})") from None


def channel_layout(stream: AudioStream, path: PathLike) -> str:
    """FFmpeg's name of the stream's channel layout. InputError for one whose order only the file itself knows.

    PyAV 18.1 frees the table of such a layout twice, once per object that mentions it: nothing of the stream may be decoded.
    """
    layout = stream.codec_context.layout
    name = layout.name
    if re.search(r"channels \(|\+", name):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))  # never freed here: the table is the decoder's
        raise InputError(f"{path} has its channels in an order that cannot be decoded safely ({name}): convert it to WAV first")
    return name


def ffmpeg_version() -> str:
    """The version of the FFmpeg inside PyAV."""
    return str(av.ffmpeg_version_info)


def encoders(names: Iterable[str]) -> dict[str, bool]:
    """Whether that FFmpeg has each of the encoders."""
    return {name: name in av.codecs_available and _can_encode(name) for name in names}


def _can_encode(name: str) -> bool:
    try:
        return av.Codec(name, "w").is_encoder
    except av.codec.codec.UnknownCodecError:
        return False
