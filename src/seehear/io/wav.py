"""The WAV container: our own ``fmt `` chunk (soundfile cannot set a channel mask) and the reading of anybody's.

Source: Microsoft, "Multiple channel audio data and WAVE files" (WAVEFORMATEXTENSIBLE); RIFF/WAVE 1991; AmbiX
(Nachbar et al. 2011) for the channel order and weights of ambisonics, which a WAV file has no field for: a mask of 0
means "no loudspeakers", and an INFO comment says what it is, for people and for :func:`wav_facts`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from seehear.types import Audio, InputError

Subtype = Literal["PCM_16", "PCM_24", "FLOAT"]

AMBIX_COMMENT = "AmbiX: ACN channel order, SN3D normalisation"
_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""KSDATAFORMAT_SUBTYPE_*: the format tag in two bytes, then this."""
_B_FORMAT_GUID_TAIL = bytes.fromhex("00002107d3118644c8c1ca000000")
"""SUBTYPE_AMBISONIC_B_FORMAT_*, the ``.amb`` convention: channels W X Y Z in FuMa weights."""
_MAX_BYTES = 0xFFFF_FFFF
_UNKNOWN_BYTES = 0x7FFF_F000
"""Data lengths from here on are written by RF64, and by streams that did not know theirs."""
_BLOCK_SAMPLES = 1 << 16


@dataclass(frozen=True)
class WavFacts:
    """What a WAV header says beyond what soundfile tells."""

    mask: int | None
    """dwChannelMask; None when the file is not WAVE_FORMAT_EXTENSIBLE."""
    b_format: bool = False
    comment: str = ""
    truncated: bool = False
    """Whether the data chunk promises more bytes than the file has."""


def write_wav(file: BinaryIO, audio: Audio, subtype: Subtype) -> None:
    """Nothing; ``file`` then holds the audio: plain WAVE up to two channels, WAVE_FORMAT_EXTENSIBLE with the mask above."""
    header, n_data = _header(audio, subtype)
    file.write(header)
    for block in _blocks(audio, subtype):
        file.write(block)
    if n_data % 2:
        file.write(b"\0")


def _header(audio: Audio, subtype: Subtype) -> tuple[bytes, int]:
    """Every byte before the samples, and the number of bytes of the samples."""
    n_channels, width = audio.layout.n_channels, _BYTES[subtype]
    n_data = audio.n_samples * n_channels * width
    tag = _FLOAT if subtype == "FLOAT" else _PCM
    extensible = n_channels > 2 or audio.layout.kind == "ambisonics"
    rate, align = audio.sample_rate_hz, n_channels * width
    fmt = struct.pack("<HHIIHH", _EXTENSIBLE if extensible else tag, n_channels, rate, rate * align, align, width * 8)
    if extensible:
        fmt += struct.pack("<HHIH", 22, width * 8, audio.layout.wav_mask, tag) + _GUID_TAIL
    elif tag == _FLOAT:
        fmt += struct.pack("<H", 0)
    chunks = _chunk(b"fmt ", fmt)
    if tag == _FLOAT:
        chunks += _chunk(b"fact", struct.pack("<I", audio.n_samples))
    if audio.layout.kind == "ambisonics":
        chunks += _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", AMBIX_COMMENT.encode("ascii") + b"\0"))
    n_riff = 4 + len(chunks) + 8 + n_data + n_data % 2
    if n_riff > _MAX_BYTES:
        raise InputError(
            f"{n_riff / 1e9:.1f} GB of sound do not fit in a WAV file (4.3 GB): choose fewer seconds, channels or Hz"
        )
    return b"RIFF" + struct.pack("<I", n_riff) + b"WAVE" + chunks + b"data" + struct.pack("<I", n_data), n_data


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _blocks(audio: Audio, subtype: Subtype) -> Iterator[bytes]:
    """Interleaved little-endian samples, rounded to the nearest step (no dither: 16-bit material returns unchanged)."""
    for start in range(0, audio.n_samples, _BLOCK_SAMPLES):
        frames = np.ascontiguousarray(audio.samples[:, start : start + _BLOCK_SAMPLES].T)
        if subtype == "FLOAT":
            yield frames.astype("<f4").tobytes()
            continue
        full = 2.0 ** (8 * _BYTES[subtype] - 1)
        steps = np.rint(frames * full).clip(-full, full - 1).astype("<i4")
        yield steps.astype("<i2").tobytes() if subtype == "PCM_16" else steps.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def wav_facts(path: Path) -> WavFacts | None:
    """The facts of a RIFF, RF64 or BW64 WAVE file's header; None when it is another kind of file."""
    with path.open("rb") as file:
        size = path.stat().st_size
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
            return None
        mask, b_format, comment, truncated = None, False, "", False
        while len(chunk := file.read(8)) == 8:
            name, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
            start = file.tell()
            if name == b"fmt " and length >= 40:
                fmt = file.read(40)
                if len(fmt) == 40 and struct.unpack("<H", fmt[:2])[0] == _EXTENSIBLE:
                    mask, b_format = struct.unpack("<I", fmt[20:24])[0], fmt[26:] == _B_FORMAT_GUID_TAIL
            elif name == b"LIST" and length < 1 << 16:
                comment = comment or _info_comment(file.read(length))
            elif name == b"data":
                if length >= _UNKNOWN_BYTES:
                    break
                truncated = start + length > size
            file.seek(start + length + length % 2)
        return WavFacts(mask, b_format, comment, truncated)


def is_mono_float_wav(path: Path) -> bool:
    """Whether the file starts as :func:`write_wav` starts one channel of 32-bit float samples."""
    with path.open("rb") as file:
        head = file.read(24)
    return (head[:4], head[8:16]) == (b"RIFF", b"WAVEfmt ") and head[20:] == struct.pack("<HH", _FLOAT, 1)


def _info_comment(body: bytes) -> str:
    """The ICMT text of a LIST/INFO chunk, "" when it has none."""
    at = 4
    while body[:4] == b"INFO" and at + 8 <= len(body):
        name, length = body[at : at + 4], struct.unpack("<I", body[at + 4 : at + 8])[0]
        if name == b"ICMT":
            return body[at + 8 : at + 8 + length].rstrip(b"\0").decode("utf-8", "replace")
        at += 8 + length + length % 2
    return ""
