"""The ``chna`` chunk of BS.2088: which track is which audioTrackUID, of which track format and pack."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_ENTRY = struct.Struct("<H12s14s11sx")


@dataclass(frozen=True)
class TrackId:
    """An entry: the track counted from 1, and the IDs of its audioTrackUID, audioTrackFormat and audioPackFormat."""

    track: int
    uid: str
    track_format: str
    pack: str


def chna_body(entries: Sequence[TrackId]) -> bytes:
    """The body of a ``chna`` chunk."""
    n_tracks = len({entry.track for entry in entries})
    rows = (_ENTRY.pack(e.track, *(text.encode("ascii") for text in (e.uid, e.track_format, e.pack))) for e in entries)
    return struct.pack("<HH", n_tracks, len(entries)) + b"".join(rows)


def parse_chna(body: bytes) -> tuple[TrackId, ...]:
    """The entries of a ``chna`` chunk that are there, without unused ones (track 0)."""
    if len(body) < 4:
        return ()
    whole = (len(body) - 4) // _ENTRY.size
    rows = _ENTRY.iter_unpack(body[4 : 4 + _ENTRY.size * min(whole, struct.unpack("<H", body[2:4])[0])])
    return tuple(TrackId(row[0], *(text.rstrip(b"\0 ").decode("ascii", "replace") for text in row[1:])) for row in rows if row[0])
