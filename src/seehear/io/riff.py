"""RIFF, RF64 and BW64 files as a list of chunks, found without reading their bodies and without trusting a length.

Source: Microsoft/IBM, "Multimedia Programming Interface and Data Specifications 1.0" (RIFF, 1991); EBU Tech 3306 (RF64) and
ITU-R BS.2088 (BW64), whose ``ds64`` chunk has the lengths that do not fit in 32 bits.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from seehear.types import InputError

FORMS = (b"RIFF", b"RF64", b"BW64")
IN_DS64 = 0xFFFF_FFFF
"""The 32-bit length of what has its length in ``ds64``; streams that did not know theirs write it too."""
DS64_BYTES = 28
"""Of a ``ds64`` body without a table: three 64-bit lengths and the number of the table's rows."""
_UNKNOWN_BYTES = (0x7FFF_E000, 0x8000_0000)
"""Lengths of ``data`` in this range are written by programs (SoX, arecord) that write into a pipe and know none."""
_MAX_CHUNKS = 4096
_MAX_ROWS = 4096


@dataclass(frozen=True)
class Chunk:
    """A chunk's name and where its body lies."""

    name: bytes
    start: int
    """Of the body, in bytes from the start of the file."""
    length: int
    """Bytes of the body that are there: the file does not end before ``start + length``."""
    truncated: bool = False
    """Whether the header promises more bytes than the file has."""

    def body(self, file: BinaryIO, most: int) -> bytes:
        """The first ``most`` bytes of the body, or all where it has less."""
        file.seek(self.start)
        return file.read(min(self.length, most))


def riff_form(file: BinaryIO) -> tuple[bytes, bytes] | None:
    """What the file starts with, e.g. (RF64, WAVE); None when it is no RIFF, RF64 or BW64 file."""
    file.seek(0)
    head = file.read(12)
    return (head[:4], head[8:]) if len(head) == 12 and head[:4] in FORMS else None


def chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The chunks of a RIFF, RF64 or BW64 file in order, none for another file; 64-bit lengths are taken from ``ds64``.

    The walk ends at the end of the file, at a truncated chunk, and where a name is no printable ASCII (padding or damage).
    A ``data`` chunk whose writer knew no length reaches to the end of the file. Between steps ``file`` may be read elsewhere.
    InputError after 4096 chunks: no such file is sound.
    """
    form = riff_form(file)
    if form is None:
        return
    size = file.seek(0, os.SEEK_END)
    long = form[0] != b"RIFF"
    lengths: dict[bytes, list[int]] = {}
    at = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or not all(0x20 <= byte <= 0x7E for byte in head[:4]):
            return
        name, length, start = head[:4], struct.unpack("<I", head[4:])[0], at + 8
        if long and name == b"ds64" and not lengths:
            lengths = _ds64(file, start, min(length, size - start))
        if long and length == IN_DS64 and lengths.get(name):
            length = lengths[name].pop(0)
        elif name == b"data" and (length == IN_DS64 or (start + length > size and _is_unknown(length))):
            length = size - start
        there = min(length, size - start)
        yield Chunk(name, start, there, truncated=there < length)
        if there < length:
            return
        at = start + length + length % 2
    raise InputError(f"{getattr(file, 'name', 'the file')} is damaged: it has more than {_MAX_CHUNKS} chunks")


def _is_unknown(length: int) -> bool:
    return _UNKNOWN_BYTES[0] <= length <= _UNKNOWN_BYTES[1]


def _ds64(file: BinaryIO, start: int, length: int) -> dict[bytes, list[int]]:
    """64-bit lengths per chunk name, in order; empty when the chunk is too short."""
    file.seek(start)
    body = file.read(min(length, DS64_BYTES + 12 * _MAX_ROWS))
    if len(body) < 24:
        return {}
    lengths = {b"data": [struct.unpack("<Q", body[8:16])[0]]}
    n_rows = struct.unpack("<I", body[24:28])[0] if len(body) >= DS64_BYTES else 0
    for at in range(DS64_BYTES, min(DS64_BYTES + 12 * n_rows, len(body) - 11), 12):
        lengths.setdefault(body[at : at + 4], []).append(struct.unpack("<Q", body[at + 4 : at + 12])[0])
    return lengths


def chunk(name: bytes, body: bytes) -> bytes:
    """The bytes of a chunk: name, length, body, and a pad byte after an odd length."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def info_texts(body: bytes) -> Iterator[tuple[str, str]]:
    """Name and text of every entry of a LIST/INFO body, e.g. ("ICMT", "made by ..."); none of another LIST."""
    at = 4
    while body[:4] == b"INFO" and at + 8 <= len(body):
        name, length = body[at : at + 4].decode("latin-1"), struct.unpack("<I", body[at + 4 : at + 8])[0]
        yield name, text_of(body[at + 8 : at + 8 + length])
        at += 8 + length + length % 2


def text_of(raw: bytes) -> str:
    """The text of a field, which ends at the first zero byte."""
    return raw.split(b"\0")[0].decode("utf-8", "replace").strip()
