"""The boxes of MP4 and QuickTime files (ISO/IEC 14496-12): walked without trusting a length, and put into files.

A file is a row of boxes, each a length, a four-letter kind and a body; the bodies of some are boxes again.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from seehear.types import InputError

_PLAIN = ("moov", "trak", "edts", "mdia", "minf", "dinf", "stbl", "udta", "mvex", "moof", "traf", "mfra", "meco", "strk")
_CONTAINERS = frozenset((*_PLAIN, "sinf", "schi", "wave", "sv3d", "proj"))
"""Kinds whose body is boxes from its first byte on; ``meta``, ``stsd``, ``dref`` and sample entries begin with fields."""
_FIRST_KINDS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
_MAX_BOXES = 1 << 16
"""In one body: an hour in fragments of 100 ms has 72 000 at the top, more is damage."""
_MAX_DEPTH = 12
_MAX_BODY = 1 << 26
"""Bytes of the largest body that is read at once; the tables of a day of video are smaller."""
_MOVED_BYTES = 1 << 22
_PICTURE_FIELDS, _SOUND_FIELDS = 78, 28
"""Bytes between the header of a sample entry and its boxes (ISO/IEC 14496-12, 12.1.3 and 12.2.3)."""
_QUICKTIME_SOUND_FIELDS = {1: 44, 2: 64}
"""The same for QuickTime's longer sound entries, by their version (QuickTime File Format, sound sample descriptions)."""


@dataclass(frozen=True)
class Box:
    """One box: its kind and where it lies in the file, in bytes."""

    kind: str
    """Four characters, Latin-1."""
    start: int
    length: int
    """Of the whole box, header included, as far as it lies within what holds it."""
    header: int
    """Bytes before the body: 8, or 16 with a 64-bit length, and 16 more in a ``uuid`` box."""
    uuid: bytes = b""
    missing: int = 0
    """Bytes that the length promises beyond the end of what holds the box; 0 in a sound file."""

    @property
    def body(self) -> int:
        return self.start + self.header

    @property
    def stop(self) -> int:
        return self.start + self.length


@dataclass(frozen=True)
class SampleEntry:
    """How the samples of a track are coded: one entry of its ``stsd`` box."""

    track: Box
    handler: str
    """``vide``, ``soun``, ..."""
    box: Box
    """Its kind is the codec: ``avc1``, ``mp4a``, ``lpcm``."""
    boxes: tuple[Box, ...]
    """Those within: ``esds``, ``chan``, ``SA3D``, ``sv3d``."""


def starts_as_iso(head: bytes) -> bool:
    """Whether the first 8 bytes are those of an MP4 or QuickTime file; old QuickTime files have no ``ftyp``."""
    return head[4:8] in _FIRST_KINDS


def boxes(file: BinaryIO, start: int = 0, stop: int | None = None) -> Iterator[Box]:
    """The boxes that lie in a row from ``start`` to ``stop``, by default in the whole file.

    A length of 0 reaches to ``stop``; one beyond it is cut there and ends the row (`Box.missing`). Fewer than 8 bytes at the
    end are none (QuickTime closes some rows with four zero bytes). InputError for a length that its own header does not fit
    in, and for more than 65 536 boxes.
    """
    if stop is None:
        stop = file.seek(0, os.SEEK_END)
    for _ in range(_MAX_BOXES):
        if stop - start < 8:
            return
        file.seek(start)
        head = file.read(min(32, stop - start))
        if len(head) < 8:  # ``stop`` lies beyond the end of the file
            return
        box = _box(head, start, stop)
        yield box
        if box.missing:
            return
        start = box.stop
    raise InputError(f"more than {_MAX_BOXES} boxes in a row before byte {start}: the file is damaged")


def _box(head: bytes, start: int, stop: int) -> Box:
    length, header = struct.unpack(">I", head[:4])[0], 8
    kind = head[4:8].decode("latin-1")
    if length == 1 and len(head) >= 16:
        length, header = struct.unpack(">Q", head[8:16])[0], 16
    elif length == 0:
        length = stop - start
    uuid = b""
    if kind == "uuid":
        uuid = head[header : header + 16]
        header += 16
    if length < header:
        raise InputError(f"the box {kind!r} at byte {start} says that it has {length} bytes: the file is damaged")
    kept = min(length, stop - start)
    return Box(kind, start, kept, min(header, kept), uuid, length - kept)


def children(file: BinaryIO, box: Box) -> Iterator[Box]:
    """The boxes within a box; none when its kind holds no boxes. For those of a sample entry see :func:`sample_entries`."""
    fields = {"stsd": 8, "dref": 8}.get(box.kind, 0 if box.kind in _CONTAINERS else None)
    if box.kind == "meta":
        file.seek(box.body)
        fields = 0 if file.read(8)[4:] == b"hdlr" else 4  # QuickTime's has no version and flags
    if fields is not None:
        yield from boxes(file, box.body + fields, box.stop)


def find(file: BinaryIO, path: str, within: Box | None = None) -> Iterator[Box]:
    """All boxes at a path such as ``moov/trak/mdia/hdlr``, in the order of the file; below ``within`` when it is given."""
    kind, _, rest = path.partition("/")
    for box in boxes(file) if within is None else children(file, within):
        if box.kind == kind:
            yield from find(file, rest, box) if rest else (box,)


def walk(file: BinaryIO) -> Iterator[tuple[int, Box]]:
    """Depth and box of every box, parents first; boxes nested deeper than 12 are left unopened."""

    def below(row: Iterator[Box], depth: int) -> Iterator[tuple[int, Box]]:
        for box in row:
            yield depth, box
            if depth < _MAX_DEPTH:
                yield from below(children(file, box), depth + 1)

    return below(boxes(file), 0)


def sample_entries(file: BinaryIO) -> Iterator[SampleEntry]:
    """The sample entries of all tracks, in the order of the file."""
    for track in find(file, "moov/trak"):
        kinds = [body_of(file, box, 12)[8:12].decode("latin-1") for box in find(file, "mdia/hdlr", track)]
        handler = kinds[0] if kinds else ""
        for entry in find(file, "mdia/minf/stbl/stsd", track):
            for box in children(file, entry):
                yield SampleEntry(track, handler, box, tuple(_entry_boxes(file, handler, box)))


def _entry_boxes(file: BinaryIO, handler: str, entry: Box) -> Iterator[Box]:
    if handler == "vide":
        yield from boxes(file, entry.body + _PICTURE_FIELDS, entry.stop)
    elif handler == "soun":
        head = body_of(file, entry, 10)
        version = struct.unpack(">H", head[8:10])[0] if len(head) == 10 else 0
        fields = _QUICKTIME_SOUND_FIELDS.get(version, _SOUND_FIELDS)
        if version == 1 and _is_iso(file):
            fields = _SOUND_FIELDS
        yield from boxes(file, entry.body + fields, entry.stop)


def _is_iso(file: BinaryIO) -> bool:
    """Whether the file's brand is another than QuickTime's: its sound entries of version 1 have no further fields."""
    first = next(boxes(file), None)
    return first is not None and first.kind == "ftyp" and body_of(file, first, 4) != b"qt  "


def body_of(file: BinaryIO, box: Box, most: int = _MAX_BODY) -> bytes:
    """The body of a box, its first ``most`` bytes at the most; shorter where the file ends."""
    file.seek(box.body)
    return file.read(min(most, box.stop - box.body, _MAX_BODY))


@dataclass(frozen=True)
class Insertion:
    """Bytes, themselves whole boxes, that are to come into a box within ``moov``."""

    into: Box
    at: int
    """Byte of the file before which they come; the end of ``into`` puts them last."""
    data: bytes


def insert(file: BinaryIO, insertions: Sequence[Insertion]) -> None:
    """Nothing; the boxes are then in the file, lengths of what holds them and offsets of samples (stco, co64) with them.

    The file is changed in place. What follows ``moov`` moves back; tables whose offsets pass 4 GiB by that become 64-bit ones.
    InputError, and nothing changed, for a file in fragments (moof), whose offsets are elsewhere too, and for a damaged one.
    """
    top = list(boxes(file))
    if any(box.kind == "moof" for box in top):
        raise InputError("a file in fragments cannot be marked: write it anew without them")
    moov = next((box for box in top if box.kind == "moov"), None)
    if moov is None or moov.missing or moov.length > _MAX_BODY:
        raise InputError("the file has no whole 'moov' box: it is damaged")

    def rebuilt(growth: int) -> bytes:
        return _rebuilt(file, moov, insertions, lambda offset: offset + growth if offset >= moov.stop else offset)

    new, growth = rebuilt(0), 0
    while len(new) - moov.length != growth:  # a third time where a table grew to 64 bits, which moves all offsets once more
        growth = len(new) - moov.length
        new = rebuilt(growth)
    _move_back(file, moov.stop, growth)
    file.seek(moov.start)
    file.write(new)


def _rebuilt(file: BinaryIO, box: Box, insertions: Sequence[Insertion], moved: Callable[[int], int]) -> bytes:
    """The bytes of a box with everything that comes into it and the boxes within."""
    if box.kind in ("stco", "co64"):
        return _offsets(body_of(file, box), box.kind, moved)
    parts, at = [], box.body
    here = [(each.at, each.data) for each in insertions if each.into == box]
    within = [(child.start, child) for child in children(file, box)]
    for start, what in sorted([*here, *within], key=lambda item: item[0]):
        file.seek(at)
        parts.append(file.read(start - at))
        at = start
        if isinstance(what, Box):
            parts.append(_rebuilt(file, what, insertions, moved))
            at = what.stop
        else:
            parts.append(what)
    file.seek(at)
    body = b"".join((*parts, file.read(box.stop - at)))
    file.seek(box.start)
    head = file.read(box.header)
    if head[:4] == b"\0\0\0\1":
        return head[:8] + struct.pack(">Q", len(head) + len(body)) + head[16:] + body
    return struct.pack(">I", len(head) + len(body)) + head[4:] + body


def _offsets(body: bytes, kind: str, moved: Callable[[int], int]) -> bytes:
    """A table of the places of samples (ISO/IEC 14496-12, 8.7.5) with its offsets ``moved``, as 64-bit ones where they must."""
    count = struct.unpack(">I", body[4:8])[0] if len(body) >= 8 else -1
    width, form = (4, "I") if kind == "stco" else (8, "Q")
    if not 0 <= count * width <= len(body) - 8:
        raise InputError(f"the box {kind!r} promises {count} offsets and has {len(body)} bytes: the file is damaged")
    old = struct.unpack(f">{count}{form}", body[8 : 8 + count * width])
    new = [moved(offset) for offset in old]
    wide = kind == "co64" or max(new, default=0) >= 1 << 32
    table = struct.pack(f">{count}{'Q' if wide else 'I'}", *new)
    return struct.pack(">I4s", 16 + len(table), b"co64" if wide else b"stco") + body[:8] + table


def _move_back(file: BinaryIO, start: int, by: int) -> None:
    """Nothing; the file from ``start`` to its end then lies ``by`` bytes further back."""
    at = file.seek(0, os.SEEK_END)
    while at > start:
        size = min(_MOVED_BYTES, at - start)
        at -= size
        file.seek(at)
        block = file.read(size)
        file.seek(at + by)
        file.write(block)
