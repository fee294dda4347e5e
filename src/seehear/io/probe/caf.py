"""The header of a Core Audio file."""

from __future__ import annotations

from pathlib import Path

from seehear.io.caf import caf_facts, is_caf
from seehear.io.probe.header import Header
from seehear.types import InputError

_CODECS = {b"aac ": "AAC", b"alac": "ALAC", b"ulaw": "mu-law", b"alaw": "A-law", b"ima4": "IMA ADPCM"}


def caf_header(path: Path) -> Header | None:
    """The header of a CAF file, None for another kind. InputError when it does not describe its samples."""
    with path.open("rb") as file:
        if not is_caf(file.read(12)):
            return None
        try:
            facts = caf_facts(file)
        except InputError as error:
            raise InputError(f"{path} is damaged: {error}") from None
    codec = facts.codec.decode("latin-1").strip()
    if facts.pcm is not None:
        codec = "float" if facts.pcm.kind == "float" else "PCM"
    return Header(
        container="CAF",
        n_bytes=path.stat().st_size,
        codec=_CODECS.get(facts.codec, codec),
        sample_rate_hz=round(facts.sample_rate_hz),
        n_channels=facts.n_channels,
        bits=8 * facts.pcm.width_bytes if facts.pcm is not None else None,
        layout=facts.layout.name if facts.layout is not None and facts.layout.kind != "ambisonics" else "",
        declared=facts.convention,
    )
