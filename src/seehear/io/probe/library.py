"""The headers of formats that FFmpeg reads for us: everything but WAVE."""

from __future__ import annotations

import re
from pathlib import Path

from seehear.io.containers import channel_layout, open_container
from seehear.io.probe.header import Header
from seehear.types import InputError

_NAMES = {
    "mov,mp4,m4a,3gp,3g2,mj2": "MP4",
    "matroska,webm": "Matroska",
    "ogg": "Ogg",
    "flac": "FLAC",
    "caf": "CAF",
    "aiff": "AIFF",
    "w64": "Wave64",
    "au": "AU",
    "mp3": "MP3",
    "avi": "AVI",
    "mpegts": "MPEG-TS",
}
_CODECS = {"vorbis": "Vorbis", "opus": "Opus", "flac": "FLAC", "aac": "AAC", "mp3float": "MP3", "mp3": "MP3", "alac": "ALAC"}
_TEXTS = ("title", "comment", "description", "synopsis", "keywords")
"""Tags in which people say what the channels are."""
_PCM = re.compile(r"pcm_([sfu])(\d+)")


def library_header(path: Path) -> Header:
    """The header of a media file as FFmpeg reads it. InputError: no media, or neither sound nor picture in it."""
    with open_container(path) as container:
        sound = container.streams.best("audio")
        sound = sound if sound is not None and sound.codec_context is not None else None
        if sound is None and not container.streams.video:
            raise InputError(f"{path} has neither sound nor picture")
        name = container.format.name
        metadata = {**container.metadata, **(sound.metadata if sound is not None else {})}
        tags = [(f"tag {key}", value) for key, value in metadata.items() if key.lower() in _TEXTS]
        basic = {"container": _NAMES.get(name, name), "n_bytes": path.stat().st_size}
        if sound is None:
            return Header(**basic, texts=tuple(tags))
        codec, layout = sound.codec_context.name, channel_layout(sound, path)
        pcm = _PCM.match(codec)
        return Header(
            **basic,
            codec=("float" if pcm[1] == "f" else "PCM") if pcm else _CODECS.get(codec, codec),
            sample_rate_hz=sound.codec_context.sample_rate,
            n_channels=sound.codec_context.layout.nb_channels,
            bits=int(pcm[2]) if pcm else _flac_bits(path) if codec == "flac" and name == "flac" else None,
            layout="" if re.fullmatch(r"\d+ channels", layout) else layout,
            texts=tuple(tags),
        )


def _flac_bits(path: Path) -> int | None:
    """Bits per sample in the STREAMINFO block, which every FLAC file begins with (RFC 9639, 8.2)."""
    with path.open("rb") as file:
        head = file.read(22)
    return ((head[20] & 1) << 4 | head[21] >> 4) + 1 if len(head) == 22 and head[:4] == b"fLaC" else None
