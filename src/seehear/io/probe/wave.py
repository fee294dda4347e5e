"""The header of a WAVE file: format, lengths that should agree, and every text that people write into one."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from seehear.io.probe.header import Header, WaveHeader
from seehear.io.riff import IN_DS64, Chunk, chunks, info_texts, riff_form, text_of
from seehear.io.wav import wav_facts

_CODECS = {0x2: "Microsoft ADPCM", 0x6: "A-law", 0x7: "mu-law", 0x11: "IMA ADPCM", 0x55: "MP3"}
_MAX_TEXT = 1 << 16
"""Bytes of a chunk of texts that are read."""
_BEXT_DESCRIPTION = 256
"""EBU Tech 3285: the first field."""


def wave_header(path: Path) -> Header | None:
    """The header of a RIFF, RF64 or BW64 WAVE file, None for another kind. InputError for one without format or sound."""
    facts = wav_facts(path)
    if facts is None:
        return None
    with path.open("rb") as file:
        form = riff_form(file) or (b"", b"")
        found = list(chunks(file))
        tag = next((struct.unpack("<H", each.body(file, 2))[0] for each in found if each.name == b"fmt "), 0)
        codec = {"float": "float"}.get(facts.pcm.kind, "PCM") if facts.pcm else _CODECS.get(tag, f"format {tag:#06x}")
        wave = WaveHeader(
            mask=facts.mask,
            b_format=facts.b_format,
            form_bytes=_form_bytes(file, found),
            truncated=any(each.truncated for each in found),
            chunks=tuple(each.name.decode("latin-1").strip() for each in found),
        )
        return Header(
            container=f"{form[0].decode()}/WAVE",
            n_bytes=file.seek(0, os.SEEK_END),
            codec=codec,
            sample_rate_hz=facts.sample_rate_hz,
            n_channels=facts.n_channels,
            bits=8 * facts.pcm.width_bytes if facts.pcm else None,
            texts=tuple(_texts(file, found)),
            wave=wave,
        )


def _form_bytes(file: BinaryIO, found: list[Chunk]) -> int | None:
    """Bytes of the whole file by its own account."""
    file.seek(4)
    length = struct.unpack("<I", file.read(4))[0]
    if length == IN_DS64:
        ds64 = next((each.body(file, 8) for each in found if each.name == b"ds64"), b"")
        return struct.unpack("<Q", ds64)[0] + 8 if len(ds64) == 8 else None
    return length + 8 if length else None


def _texts(file: BinaryIO, found: list[Chunk]) -> Iterator[tuple[str, str]]:
    for where, text in _fields(file, found):
        if text:
            yield where, text


def _fields(file: BinaryIO, found: list[Chunk]) -> Iterator[tuple[str, str]]:
    for each in found:
        if each.name == b"LIST":
            yield from ((f"INFO {name}", text) for name, text in info_texts(each.body(file, _MAX_TEXT)))
        elif each.name == b"bext":
            yield "bext", text_of(each.body(file, _BEXT_DESCRIPTION))
        elif each.name == b"iXML":
            yield "iXML", text_of(each.body(file, _MAX_TEXT))
