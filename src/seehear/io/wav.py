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

from seehear.io.pcm import WIDTH_BYTES, Pcm, Subtype, pcm_bytes
from seehear.io.riff import DS64_BYTES, IN_DS64, Chunk, chunk, chunks, info_texts, riff_form
from seehear.types import InputError, Sound, blocks

Container = Literal["auto", "wav", "rf64", "bw64"]

AMBIX_COMMENT = "AmbiX: ACN channel order, SN3D normalisation"
_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""KSDATAFORMAT_SUBTYPE_*: the format tag in two bytes, then this."""
_B_FORMAT_GUID_TAIL = bytes.fromhex("00002107d3118644c8c1ca000000")
"""SUBTYPE_AMBISONIC_B_FORMAT_*, the ``.amb`` convention: channels W X Y Z in FuMa weights."""
_FMT_BYTES = 40
_MAX_BYTES = 0xFFFF_FFFF
_FORM = {"rf64": b"RF64", "bw64": b"BW64"}


@dataclass(frozen=True)
class WavFacts:
    """What a WAV header says."""

    n_channels: int
    sample_rate_hz: int
    pcm: Pcm | None
    """How samples are stored; None where they are compressed or of no known width."""
    data: Chunk
    mask: int | None = None
    """dwChannelMask; None when the file is not WAVE_FORMAT_EXTENSIBLE."""
    b_format: bool = False
    comment: str = ""

    @property
    def n_samples(self) -> int:
        """Whole samples that are there; 0 where they are compressed."""
        return self.data.length // (self.n_channels * self.pcm.width_bytes) if self.pcm else 0


def write_wav(
    file: BinaryIO,
    sound: Sound,
    subtype: Subtype,
    *,
    mask: int | None = None,
    before: Sequence[tuple[bytes, bytes]] = (),
    after: Sequence[tuple[bytes, bytes]] = (),
    container: Container = "auto",
) -> None:
    """Nothing; ``file`` then holds the sound: plain WAVE up to two channels, WAVE_FORMAT_EXTENSIBLE with the mask above.

    ``mask`` takes the place of the layout's. ``before`` and ``after`` are further chunks (name, body) around ``data``.
    ``container`` "auto" is RIFF up to 4 GB, RF64 above: the length is known beforehand, so that the file is written from start to
    end and no room for ``ds64`` has to be kept. InputError: more than 4 GB in a container "wav".
    """
    tail = b"".join(chunk(name, body) for name, body in after)
    fmt = _fmt(sound, subtype, sound.layout.wav_mask if mask is None else mask)
    header, n_data = _header(sound, subtype, fmt, b"".join(chunk(name, body) for name, body in before), len(tail), container)
    file.write(header)
    for block in blocks(sound):
        file.write(pcm_bytes(block, subtype))
    file.write(b"\0" * (n_data % 2) + tail)


def _header(sound: Sound, subtype: Subtype, fmt: bytes, before: bytes, n_after: int, container: Container) -> tuple[bytes, int]:
    """Every byte before the samples, and the number of bytes of the samples."""
    n_data = sound.n_samples * sound.layout.n_channels * WIDTH_BYTES[subtype]
    head = chunk(b"fmt ", fmt)
    if subtype == "FLOAT":
        head += chunk(b"fact", struct.pack("<I", min(sound.n_samples, IN_DS64)))
    if sound.layout.kind == "ambisonics":
        head += chunk(b"LIST", b"INFO" + chunk(b"ICMT", AMBIX_COMMENT.encode("ascii") + b"\0"))
    head += before
    n_riff = 4 + len(head) + 8 + n_data + n_data % 2 + n_after
    if container == "auto":
        container = "wav" if n_riff <= _MAX_BYTES else "rf64"
    if container == "wav" and n_riff > _MAX_BYTES:
        raise InputError(f"{n_riff / 1e9:.1f} GB of sound do not fit in a RIFF file (4.3 GB): RF64 and BW64 have room for them")
    if container == "wav":
        return b"RIFF" + struct.pack("<I", n_riff) + b"WAVE" + head + b"data" + struct.pack("<I", n_data), n_data
    ds64 = chunk(b"ds64", struct.pack("<QQQI", n_riff + 8 + DS64_BYTES, n_data, sound.n_samples, 0))
    in_ds64 = struct.pack("<I", IN_DS64)
    return _FORM[container] + in_ds64 + b"WAVE" + ds64 + head + b"data" + in_ds64, n_data


def _fmt(sound: Sound, subtype: Subtype, mask: int) -> bytes:
    """The body of the ``fmt `` chunk."""
    n_channels, width = sound.layout.n_channels, WIDTH_BYTES[subtype]
    tag = _FLOAT if subtype == "FLOAT" else _PCM
    extensible = n_channels > 2 or sound.layout.kind == "ambisonics"
    rate, align = sound.sample_rate_hz, n_channels * width
    fmt = struct.pack("<HHIIHH", _EXTENSIBLE if extensible else tag, n_channels, rate, rate * align, align, width * 8)
    if extensible:
        return fmt + struct.pack("<HHIH", 22, width * 8, mask, tag) + _GUID_TAIL
    return fmt + struct.pack("<H", 0) if tag == _FLOAT else fmt


def wav_facts(path: Path) -> WavFacts | None:
    """The facts of a RIFF, RF64 or BW64 WAVE file's header; None for another kind of file. InputError when it is damaged."""
    with path.open("rb") as file:
        form = riff_form(file)
        if form is None or form[1] != b"WAVE":
            return None
        fmt, comment, data = b"", "", None
        for each in chunks(file):
            if each.name == b"fmt ":
                fmt = fmt or each.body(file, _FMT_BYTES)
            elif each.name == b"LIST" and each.length < 1 << 16:
                comment = comment or dict(info_texts(each.body(file, 1 << 16))).get("ICMT", "")
            elif each.name == b"data":
                data = data or each
    if len(fmt) < 16 or data is None:
        raise InputError(f"{path} is damaged: its header has no {'format' if len(fmt) < 16 else 'sound'}")
    tag, n_channels, rate, _, align, bits = struct.unpack("<HHIIHH", fmt[:16])
    if not (n_channels and rate):
        raise InputError(f"{path} is damaged: its header claims {n_channels} channels at {rate} Hz")
    extensible = tag == _EXTENSIBLE and len(fmt) == _FMT_BYTES
    mask = struct.unpack("<I", fmt[20:24])[0] if extensible else None
    if extensible and fmt[26:] in (_GUID_TAIL, _B_FORMAT_GUID_TAIL):
        tag = struct.unpack("<H", fmt[24:26])[0]
    pcm = Pcm("float" if tag == _FLOAT else "uint" if bits <= 8 else "int", (bits + 7) // 8)
    known = tag in (_PCM, _FLOAT) and pcm.is_known and align == n_channels * pcm.width_bytes
    return WavFacts(n_channels, rate, pcm if known else None, data, mask, extensible and fmt[26:] == _B_FORMAT_GUID_TAIL, comment)


def is_mono_float_wav(path: Path) -> bool:
    """Whether the file starts as :func:`write_wav` starts one channel of 32-bit float samples."""
    with path.open("rb") as file:
        head = file.read(24)
    return (head[:4], head[8:16]) == (b"RIFF", b"WAVEfmt ") and head[20:] == struct.pack("<HH", _FLOAT, 1)
