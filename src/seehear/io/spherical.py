"""What tells players that a video is a sphere and its sound ambisonic: Google's boxes in MP4 and QuickTime files.

Sources: Spatial Audio RFC (SA3D), Spherical Video V2 RFC (st3d, sv3d), Spherical Video RFC (V1, XML in a uuid box), all in
github.com/google/spatial-media. V2 tells today's players, V1 the older ones and YouTube's first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from seehear.io.boxes import Insertion, SampleEntry, body_of, insert, sample_entries, starts_as_iso
from seehear.io.files import PathLike
from seehear.types import HIGHEST_ORDER, InputError

V1_UUID = UUID("ffcc8263-f855-4a93-8814-587a02521fdd").bytes
_V1_XML = (
    '<?xml version="1.0"?>'
    '<rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">'
    "<GSpherical:Spherical>true</GSpherical:Spherical>"
    "<GSpherical:Stitched>true</GSpherical:Stitched>"
    "<GSpherical:StitchingSoftware>seehear</GSpherical:StitchingSoftware>"
    "<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>"
    "</rdf:SphericalVideo>"
)
_CODEC_BOXES = ("avcC", "hvcC", "av1C", "vpcC", "esds")
"""Mandatory boxes of a picture's sample entry; st3d and sv3d come after them and before the optional ones."""
_MAX_ASPECT_ERROR_PX = 2
_MAX_CHANNELS = 256


@dataclass(frozen=True)
class SpatialAudio:
    """An ``SA3D`` box (Google, "Spatial Audio RFC", version 0)."""

    version: int
    kind: int
    """0 is periphonic: the full sphere. The top bit says that head-locked stereo follows."""
    order: int
    channel_order: int
    """0 is ACN."""
    normalisation: int
    """0 is SN3D."""
    n_channels: int
    """Of the map, by the box's own account."""
    channel_map: tuple[int, ...]
    """As far as it is there."""

    @property
    def is_ambix(self) -> bool:
        """Whether it declares ACN order and SN3D weights: the only ones that the specification has."""
        return self.channel_order == 0 and self.normalisation == 0

    @property
    def is_plain(self) -> bool:
        """Whether it is AmbiX of order 1 to 7 and nothing else: no head-locked stereo, all channels in their order."""
        count = (self.order + 1) ** 2 if 1 <= self.order <= HIGHEST_ORDER else 0
        is_full = self.n_channels == count and self.channel_map == tuple(range(count))
        return count > 0 and is_full and self.is_ambix and (self.version, self.kind) == (0, 0)


def is_sphere_size(width_px: int, height_px: int) -> bool:
    """Whether a picture of that size may be a whole sphere in equirectangular projection: twice as wide as high."""
    return height_px > 0 and abs(width_px - 2 * height_px) <= _MAX_ASPECT_ERROR_PX


def check_sphere(width_px: int, height_px: int) -> None:
    """Nothing, or an InputError when a picture of that size is no whole sphere in equirectangular projection."""
    if not is_sphere_size(width_px, height_px):
        raise InputError(f"a 360-degree picture is twice as wide as high (equirectangular), this one is {width_px} x {height_px}")


def mark(path: Path, *, sphere: bool, ambisonic_order: int | None) -> None:
    """Nothing; the finished file then says that its picture is a sphere, and that its sound is AmbiX of that order.

    InputError, and nothing changed, where it has no such track, and as :func:`seehear.io.boxes.insert`.
    """
    with path.open("r+b") as file:
        entries = list(sample_entries(file))
        pictures = [entry for entry in entries if sphere and entry.handler == "vide"]
        sounds = [entry for entry in entries if ambisonic_order is not None and entry.handler == "soun"]
        if len(pictures) < sphere or len(sounds) < (ambisonic_order is not None):
            raise InputError(f"{path} has no {'picture' if len(pictures) < sphere else 'sound'} track that can be marked")
        insertions = [_behind_codec(entry, st3d() + sv3d()) for entry in pictures]
        insertions += [Insertion(entry.track, entry.track.stop, v1_uuid()) for entry in pictures]
        insertions += [Insertion(entry.box, entry.box.stop, sa3d(ambisonic_order or 0)) for entry in sounds]
        try:
            insert(file, insertions)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def declared_order(path: PathLike) -> int | None:
    """The order of the AmbiX sound that the SA3D box of an MP4 or QuickTime file declares; None where none does.

    None too for what is no plain AmbiX (`SpatialAudio.is_plain`).
    """
    with Path(path).open("rb") as file:
        if not starts_as_iso(file.read(8)):
            return None
        found = (spatial_audio(file, entry) for entry in sample_entries(file) if entry.handler == "soun")
        return next((each.order for each in found if each is not None and each.is_plain), None)


def spatial_audio(file: BinaryIO, entry: SampleEntry) -> SpatialAudio | None:
    """The first ``SA3D`` box of a sample entry: version, type, order, channel order, normalisation, then a map of as many
    channels as it says. None where there is none of that length."""
    for box in entry.boxes:
        body = body_of(file, box, 12 + 4 * _MAX_CHANNELS) if box.kind == "SA3D" else b""
        if len(body) >= 12:
            facts = struct.unpack(">BBIBBI", body[:12])
            n = min(facts[-1], (len(body) - 12) // 4)
            return SpatialAudio(*facts, struct.unpack(f">{n}I", body[12 : 12 + 4 * n]))
    return None


def _behind_codec(entry: SampleEntry, data: bytes) -> Insertion:
    ends = [box.stop for box in entry.boxes if box.kind in _CODEC_BOXES]
    return Insertion(entry.box, ends[0] if ends else entry.box.stop, data)


def sa3d(order: int) -> bytes:
    """The box that makes a sound track periphonic ambisonics of that order: version 0, ACN, SN3D, channels in their order."""
    count = (order + 1) ** 2
    return _box(b"SA3D", struct.pack(">BBIBBI", 0, 0, order, 0, 0, count) + struct.pack(f">{count}I", *range(count)))


def st3d() -> bytes:
    """The box of one view for both eyes."""
    return _box(b"st3d", bytes(4) + b"\0")


def sv3d() -> bytes:
    """The box of a whole equirectangular sphere that looks ahead."""
    header = _box(b"svhd", bytes(4) + b"seehear\0")
    pose = _box(b"prhd", bytes(4) + bytes(12))
    bounds = _box(b"equi", bytes(4) + bytes(16))
    return _box(b"sv3d", header + _box(b"proj", pose + bounds))


def v1_uuid() -> bytes:
    """The older box of the same, for the track."""
    return _box(b"uuid", V1_UUID + _V1_XML.encode("ascii"))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body
