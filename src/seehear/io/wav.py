"""The WAV container: our own ``fmt `` chunk (soundfile cannot set a channel mask) and the reading of anybody's.

Source: Microsoft, "Multiple channel audio data and WAVE files" (WAVEFORMATEXTENSIBLE); RIFF/WAVE 1991; AmbiX
(Nachbar et al. 2011) for the channel order and weights of ambisonics, which a WAV file has no field for: a mask of 0
means "no loudspeakers", and an INFO comment says what it is, for people and for :func:`wav_facts`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from seehear.io.riff import DS64_BYTES, IN_DS64, chunk, chunks, riff_form
from seehear.types import InputError, Sound, blocks

Subtype = Literal["PCM_16", "PCM_24", "FLOAT"]
Container = Literal["auto", "wav", "rf64", "bw64"]

AMBIX_COMMENT = "AmbiX: ACN channel order, SN3D normalisation"
_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""KSDATAFORMAT_SUBTYPE_*: the format tag in two bytes, then this."""
_B_FORMAT_GUID_TAIL = bytes.fromhex("00002107d3118644c8c1ca000000")
"""SUBTYPE_AMBISONIC_B_FORMAT_*, the ``.amb`` convention: channels W X Y Z in FuMa weights."""
_MAX_BYTES = 0xFFFF_FFFF
_FORM = {"rf64": b"RF64", "bw64": b"BW64"}


@dataclass(frozen=True)
class WavFacts:
    """What a WAV header says beyond what soundfile tells."""

    mask: int | None
    """dwChannelMask; None when the file is not WAVE_FORMAT_EXTENSIBLE."""
    b_format: bool = False
    comment: str = ""
    truncated: bool = False
    """Whether the data chunk promises more bytes than the file has."""


def write_wav(
    file: BinaryIO,
    sound: Sound,
    subtype: Subtype,
    *,
    before: Sequence[tuple[bytes, bytes]] = (),
    after: Sequence[tuple[bytes, bytes]] = (),
    container: Container = "auto",
) -> None:
    """Nothing; ``file`` then holds the sound: plain WAVE up to two channels, WAVE_FORMAT_EXTENSIBLE with the mask above.

    ``before`` and ``after`` are further chunks (name, body) around ``data``. ``container`` "auto" is RIFF up to 4 GB, RF64 above:
    the length is known beforehand, so that the file is written from start to end and no room for ``ds64`` has to be kept.
    InputError: more than 4 GB in a container "wav"; NaN.
    """
    tail = b"".join(chunk(name, body) for name, body in after)
    header, n_data = _header(sound, subtype, before, len(tail), container)
    file.write(header)
    for block in blocks(sound):
        file.write(pcm_bytes(block, subtype))
    file.write(b"\0" * (n_data % 2) + tail)


def _header(
    sound: Sound, subtype: Subtype, before: Sequence[tuple[bytes, bytes]], n_after: int, container: Container
) -> tuple[bytes, int]:
    """Every byte before the samples, and the number of bytes of the samples."""
    n_data = sound.n_samples * sound.layout.n_channels * _BYTES[subtype]
    middle = b"".join(chunk(name, body) for name, body in before)
    if sound.layout.kind == "ambisonics":
        middle = chunk(b"LIST", b"INFO" + chunk(b"ICMT", AMBIX_COMMENT.encode("ascii") + b"\0")) + middle
    fmt = chunk(b"fmt ", _fmt(sound, subtype))
    n_fact = 12 if subtype == "FLOAT" else 0
    n_riff = 4 + len(fmt) + n_fact + len(middle) + 8 + n_data + n_data % 2 + n_after
    if container == "auto":
        container = "wav" if n_riff <= _MAX_BYTES else "rf64"
    if container == "wav" and n_riff > _MAX_BYTES:
        raise InputError(f"{n_riff / 1e9:.1f} GB of sound do not fit in a RIFF file (4.3 GB): RF64 and BW64 have room for them")
    ds64, fact = b"", struct.pack("<I", min(sound.n_samples, IN_DS64)) if n_fact else b""
    if container != "wav":
        n_riff += 8 + DS64_BYTES
        ds64 = chunk(b"ds64", struct.pack("<QQQI", n_riff, n_data, sound.n_samples, 0))
    riff, n_riff_32, n_data_32 = (b"RIFF", n_riff, n_data) if container == "wav" else (_FORM[container], IN_DS64, IN_DS64)
    head = riff + struct.pack("<I", n_riff_32) + b"WAVE" + ds64 + fmt + (chunk(b"fact", fact) if n_fact else b"")
    return head + middle + b"data" + struct.pack("<I", n_data_32), n_data


def _fmt(sound: Sound, subtype: Subtype) -> bytes:
    """The body of the ``fmt `` chunk."""
    n_channels, width = sound.layout.n_channels, _BYTES[subtype]
    tag = _FLOAT if subtype == "FLOAT" else _PCM
    extensible = n_channels > 2 or sound.layout.kind == "ambisonics"
    rate, align = sound.sample_rate_hz, n_channels * width
    fmt = struct.pack("<HHIIHH", _EXTENSIBLE if extensible else tag, n_channels, rate, rate * align, align, width * 8)
    if extensible:
        return fmt + struct.pack("<HHIH", 22, width * 8, sound.layout.wav_mask, tag) + _GUID_TAIL
    return fmt + struct.pack("<H", 0) if tag == _FLOAT else fmt


def pcm_bytes(samples: NDArray[np.float32], subtype: Subtype) -> bytes:
    """Interleaved little-endian samples of (C, n), rounded to the nearest step (no dither: 16-bit material returns unchanged)."""
    frames = np.ascontiguousarray(samples.T)
    if subtype == "FLOAT":
        return frames.astype("<f4").tobytes()
    full = 2.0 ** (8 * _BYTES[subtype] - 1)
    steps = np.rint(frames * full).clip(-full, full - 1).astype("<i4")
    return steps.astype("<i2").tobytes() if subtype == "PCM_16" else steps.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def wav_facts(path: Path) -> WavFacts | None:
    """The facts of a RIFF, RF64 or BW64 WAVE file's header; None when it is another kind of file."""
    with path.open("rb") as file:
        form = riff_form(file)
        if form is None or form[1] != b"WAVE":
            return None
        mask, b_format, comment, truncated = None, False, "", False
        for each in chunks(file):
            if each.name == b"fmt " and each.length >= 40:
                fmt = each.body(file, 40)
                if struct.unpack("<H", fmt[:2])[0] == _EXTENSIBLE:
                    mask, b_format = struct.unpack("<I", fmt[20:24])[0], fmt[26:] == _B_FORMAT_GUID_TAIL
            elif each.name == b"LIST" and each.length < 1 << 16:
                comment = comment or _info_comment(each.body(file, 1 << 16))
            elif each.name == b"data":
                truncated = each.truncated
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
