"""Apple's Core Audio Format: linear PCM with a channel layout, written and read without another library.

FFmpeg and libsndfile read CAF too, but PyAV 18.1 frees the table of a channel layout that FFmpeg has no own name for twice.

Source: Apple, "Apple Core Audio Format Specification 1.0" (2006-2011) for the chunks; CoreAudioBaseTypes.h (macOS 10.15) for the
layout tags and for the bitmap, whose bits are those of dwChannelMask.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from seehear.io.layouts import FIELDS, MASKS
from seehear.io.pcm import WIDTH_BYTES, Pcm, Subtype, pcm_bytes
from seehear.io.riff import Chunk
from seehear.types import (
    BINAURAL,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1,
    Convention,
    InputError,
    Layout,
    Sound,
    blocks,
)

_BITMAP_TAG = 1 << 16
_TAGS = {100 << 16 | 1: MONO, 101 << 16 | 2: STEREO, 106 << 16 | 2: BINAURAL, 121 << 16 | 6: SURROUND_5_1}
"""Mono, Stereo, Binaural and MPEG_5_1_A (L R C LFE Ls Rs)."""
_MORE_TAGS = {189 << 16 | 8: SURROUND_7_1, 195 << 16 | 10: SURROUND_5_1_4}
"""WAVE_7_1 and Atmos_5_1_4, which have our order; MPEG_7_1_C and Atmos_7_1_4 have the sides before the backs."""
_HOA_ACN: dict[int, Convention] = {190: "acn-sn3d", 191: "acn-n3d"}
_DISCRETE = 147
_IS_FLOAT, _IS_LITTLE_ENDIAN = 1, 2
_DESC_BYTES = 32
_MAX_CHUNKS = 4096


@dataclass(frozen=True)
class CafFacts:
    """What a CAF header says."""

    sample_rate_hz: float
    n_channels: int
    codec: bytes
    """Four characters; ``lpcm`` is linear PCM."""
    pcm: Pcm | None
    """How samples are stored; None where they are compressed or of no known width."""
    layout: Layout | None
    """None where the file says nothing that we know."""
    convention: Convention
    data: Chunk | None
    """Where the samples are, without the four bytes before them."""


def write_caf(file: BinaryIO, sound: Sound, subtype: Subtype) -> None:
    """Nothing; ``file`` then holds the sound as little-endian linear PCM with its layout in a ``chan`` chunk."""
    width, n_channels = WIDTH_BYTES[subtype], sound.layout.n_channels
    flags = _IS_LITTLE_ENDIAN | (_IS_FLOAT if subtype == "FLOAT" else 0)
    desc = struct.pack(">d4sIIIII", sound.sample_rate_hz, b"lpcm", flags, width * n_channels, 1, n_channels, width * 8)
    n_data = 4 + sound.n_samples * n_channels * width
    file.write(b"caff" + struct.pack(">HH", 1, 0))
    for name, body in ((b"desc", desc), (b"chan", struct.pack(">III", *_tag(sound.layout), 0))):
        file.write(name + struct.pack(">q", len(body)) + body)
    file.write(b"data" + struct.pack(">qI", n_data, 0))
    for block in blocks(sound):
        file.write(pcm_bytes(block, subtype))


def _tag(layout: Layout) -> tuple[int, int]:
    """mChannelLayoutTag and mChannelBitmap."""
    if layout.kind == "ambisonics":
        return 190 << 16 | layout.n_channels, 0
    for tag, named in _TAGS.items():
        if named == layout:
            return tag, 0
    return (_BITMAP_TAG, layout.wav_mask) if layout.wav_mask else (_DISCRETE << 16 | layout.n_channels, 0)


def is_caf(head: bytes) -> bool:
    """Whether a file that starts so is a CAF file."""
    return head[:4] == b"caff"


def caf_facts(file: BinaryIO) -> CafFacts:
    """What the header of a CAF file says; InputError where it has no description of its samples."""
    found: dict[bytes, Chunk] = {}
    for each in _chunks(file):
        found.setdefault(each.name, each)
    desc = found[b"desc"].body(file, _DESC_BYTES) if b"desc" in found else b""
    if len(desc) < _DESC_BYTES:
        raise InputError("its description of the samples is missing")
    rate_hz, codec, flags, packet_bytes, packet_frames, n_channels, bits = struct.unpack(">d4sIIIII", desc)
    if not (math.isfinite(rate_hz) and rate_hz >= 1 and n_channels >= 1):
        raise InputError(f"it claims {n_channels} channels at {rate_hz:g} Hz")
    pcm = Pcm("float" if flags & _IS_FLOAT else "int", (bits + 7) // 8, not flags & _IS_LITTLE_ENDIAN)
    whole = (packet_bytes, packet_frames) == (pcm.width_bytes * n_channels, 1)
    layout, convention = _layout(found[b"chan"].body(file, 12) if b"chan" in found else b"", n_channels)
    data = found.get(b"data")
    if data is not None:
        data = Chunk(b"data", data.start + 4, max(0, data.length - 4), data.truncated)
    known = codec == b"lpcm" and whole and pcm.is_known
    return CafFacts(rate_hz, n_channels, codec, pcm if known else None, layout, convention, data)


def _chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The chunks of a CAF file; ``data`` of unknown length (-1) reaches to the end."""
    size = file.seek(0, os.SEEK_END)
    at = 8
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(12)
        if len(head) < 12:
            return
        name, length, start = head[:4], struct.unpack(">q", head[4:])[0], at + 12
        if name == b"data" and length == -1:
            length = size - start
        if length < 0:
            return
        there = min(length, size - start)
        yield Chunk(name, start, there, truncated=there < length)
        if there < length:
            return
        at = start + length
    raise InputError(f"it has more than {_MAX_CHUNKS} chunks")


def _layout(chan: bytes, n_channels: int) -> tuple[Layout | None, Convention]:
    """The layout that a ``chan`` body names, when it is one of ours and of that many channels."""
    if len(chan) < 12:
        return None, ""
    tag, bitmap, _ = struct.unpack(">III", chan)
    if tag >> 16 in _HOA_ACN and tag & 0xFFFF == n_channels and n_channels in FIELDS:
        return FIELDS[n_channels], _HOA_ACN[tag >> 16]
    layout = MASKS.get(bitmap) if tag == _BITMAP_TAG else {**_TAGS, **_MORE_TAGS}.get(tag)
    return (layout if layout is not None and layout.n_channels == n_channels else None), ""
