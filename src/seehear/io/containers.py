"""Containers that FFmpeg reads, opened by their content, without network or helper files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import av
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
