"""What MP4 and QuickTime files say of sound fields and of pictures all around.

Source: ISO/IEC 14496-12 (boxes); those of Google as in `io.spherical`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from seehear.io.boxes import Box, SampleEntry, body_of, boxes, children, find, sample_entries, starts_as_iso
from seehear.io.probe.header import IsoHeader
from seehear.io.spherical import V1_UUID, spatial_audio

_STEREO_MODES = ("mono", "top-bottom", "left-right", "custom")
_PROJECTIONS = {"equi": "equirectangular", "cbmp": "cubemap", "mshp": "mesh"}
_MAX_XML = 1 << 16


def is_iso(path: Path) -> bool:
    """Whether the file begins as an MP4 or QuickTime file does."""
    with path.open("rb") as file:
        return starts_as_iso(file.read(8))


def iso_header(path: Path) -> IsoHeader:
    """What the boxes say; InputError for boxes whose lengths cannot be."""
    with path.open("rb") as file:
        top = list(boxes(file))
        entries = list(sample_entries(file))
        sounds = [each for each in entries if each.handler == "soun"]
        picture = next((each for each in entries if each.handler == "vide"), None)
        width_px, height_px = _size_px(file, picture)
        spherical_v1 = picture is not None and _is_spherical_v1(file, picture.track)
        spherical = _projection(file, picture) if picture is not None else ""
        return IsoHeader(
            brand=body_of(file, top[0], 4).decode("latin-1") if top and top[0].kind == "ftyp" else "",
            n_sound_tracks=len({each.track for each in sounds}),
            sa3d=spatial_audio(file, sounds[0]) if sounds else None,
            picture_codec=picture.box.kind if picture is not None else "",
            width_px=width_px,
            height_px=height_px,
            spherical=spherical or ("equirectangular" if spherical_v1 else ""),
            spherical_v1=spherical_v1,
            stereo_mode=_stereo_mode(file, picture.boxes) if picture is not None else "",
            missing_bytes=sum(box.missing for box in top),
        )


def _size_px(file: BinaryIO, picture: SampleEntry | None) -> tuple[int, int]:
    """Width and height in the sample entry of a picture: after 8 bytes of every entry and 16 reserved ones."""
    body = body_of(file, picture.box, 28) if picture is not None else b""
    return struct.unpack(">HH", body[24:28]) if len(body) == 28 else (0, 0)


def _projection(file: BinaryIO, picture: SampleEntry) -> str:
    """The projection of the ``sv3d`` box, "unknown" for one without a known kind, empty without the box."""
    for box in picture.boxes:
        if box.kind == "sv3d":
            kinds = [each.kind for projection in find(file, "proj", box) for each in children(file, projection)]
            return next((_PROJECTIONS[kind] for kind in kinds if kind in _PROJECTIONS), "unknown")
    return ""


def _stereo_mode(file: BinaryIO, within: Sequence[Box]) -> str:
    for box in within:
        body = body_of(file, box, 5) if box.kind == "st3d" else b""
        if len(body) == 5:
            return _STEREO_MODES[body[4]] if body[4] < len(_STEREO_MODES) else "custom"
    return ""


def _is_spherical_v1(file: BinaryIO, track: Box) -> bool:
    marks = (body_of(file, box, _MAX_XML) for box in find(file, "uuid", track) if box.uuid == V1_UUID)
    return any(b"Spherical>true" in xml.replace(b" ", b"") for xml in marks)
