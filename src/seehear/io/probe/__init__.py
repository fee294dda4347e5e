"""What the header of any media file says: container, codec, channels, masks, boxes, texts."""

from __future__ import annotations

from dataclasses import replace

from seehear.io.files import PathLike, check_input
from seehear.io.opus import read_opus_head
from seehear.io.probe.caf import caf_header
from seehear.io.probe.header import Header, IsoHeader, SpatialAudio, WaveHeader
from seehear.io.probe.iso import is_iso, iso_header
from seehear.io.probe.library import library_header
from seehear.io.probe.wave import wave_header

__all__ = ["Header", "IsoHeader", "SpatialAudio", "WaveHeader", "probe"]


def probe(path: PathLike) -> Header:
    """The header of a media file. InputError: missing, empty, no media file, or too damaged to say what it holds."""
    path = check_input(path)
    own = wave_header(path) or caf_header(path)
    if own is not None:
        return own
    iso = iso_header(path) if is_iso(path) else None
    header = library_header(path)
    if iso is not None:
        return replace(header, iso=iso, container="QuickTime" if iso.brand == "qt  " else header.container)
    return replace(header, opus=read_opus_head(path)) if header.container == "Ogg" else header
