"""The ``axml`` chunk of a programme: audioFormatExtended of BS.2076-1, with the common definitions of BS.2094 by reference.

Every object is an audioObject of its own with a mono pack of type Objects; every bed an audioObject with a common pack of type
DirectSpeakers or HOA. The text depends on nothing but the programme: no dates, no program versions, no random IDs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from seehear.io.adm.chna import TrackId
from seehear.io.adm.common import pack_of
from seehear.io.adm.motion import TICKS_PER_S, Block, blocks_of, ticks
from seehear.io.adm.programme import Bed, Programme
from seehear.types import Source

_OWN = 0x1001
"""Where the numbers of own definitions start."""
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<ebuCoreMain xmlns="urn:ebu:metadata-schema:ebuCore_2016" xml:lang="en">
<coreMetadata>
<format>
<audioFormatExtended>
"""
_FOOT = """</audioFormatExtended>
</format>
</coreMetadata>
</ebuCoreMain>
"""


@dataclass(frozen=True)
class _Entry:
    """One audioObject: its number, name, type, pack, and what each of its tracks is."""

    number: int
    name: str
    type_label: str
    pack: str
    tracks: tuple[TrackId, ...]

    @property
    def id(self) -> str:
        return f"AO_{self.number:04x}"


def axml_and_tracks(programme: Programme, bits: int = 24) -> tuple[bytes, tuple[TrackId, ...]]:
    """The body of the ``axml`` chunk in UTF-8, and the entries for ``chna``."""
    duration = ticks(programme.n_samples, programme.sample_rate_hz)
    entries = tuple(_entries(programme))
    parts = [_HEAD, *_frame(programme, entries, duration)]
    for entry, source in zip(entries, programme.audible, strict=False):  # beds come last and need no definitions
        parts += _definitions(entry, source, duration)
    for entry in entries:
        for track in entry.tracks:
            parts += _track_uid(track, programme.sample_rate_hz, bits)
    parts.append(_FOOT)
    return "".join(parts).encode("utf-8"), tuple(track for entry in entries for track in entry.tracks)


def _entries(programme: Programme) -> Iterator[_Entry]:
    next_track = 1
    for number, source in enumerate(programme.audible, start=_OWN):
        own = f"0003{number:04x}"
        track = TrackId(next_track, f"ATU_{next_track:08x}", f"AT_{own}_01", f"AP_{own}")
        yield _Entry(number, source.label, "0003", f"AP_{own}", (track,))
        next_track += 1
    for number, bed in enumerate(programme.beds, start=_OWN + len(programme.audible)):
        yield _bed_entry(number, bed, next_track)
        next_track += bed.sound.layout.n_channels


def _bed_entry(number: int, bed: Bed, first_track: int) -> _Entry:
    pack, channels, _ = pack_of(bed.sound.layout)
    tracks = tuple(
        TrackId(track, f"ATU_{track:08x}", f"AT_{channel.removeprefix('AC_')}_01", pack)
        for track, channel in enumerate(channels, start=first_track)
    )
    return _Entry(number, bed.label, pack[3:7], pack, tracks)


def _frame(programme: Programme, entries: tuple[_Entry, ...], duration: int) -> Iterator[str]:
    """Programme, content and objects."""
    name, end = _quoted(programme.name), _time(duration)
    yield f'<audioProgramme audioProgrammeID="APR_1001" audioProgrammeName={name} start="{_time(0)}" end="{end}">\n'
    yield "<audioContentIDRef>ACO_1001</audioContentIDRef>\n</audioProgramme>\n"
    yield f'<audioContent audioContentID="ACO_1001" audioContentName={name}>\n'
    for entry in entries:
        yield f"<audioObjectIDRef>{entry.id}</audioObjectIDRef>\n"
    yield "</audioContent>\n"
    for entry in entries:
        yield f'<audioObject audioObjectID="{entry.id}" audioObjectName={_quoted(entry.name)}'
        yield f' start="{_time(0)}" duration="{end}">\n<audioPackFormatIDRef>{entry.pack}</audioPackFormatIDRef>\n'
        for track in entry.tracks:
            yield f"<audioTrackUIDRef>{track.uid}</audioTrackUIDRef>\n"
        yield "</audioObject>\n"


def _definitions(entry: _Entry, source: Source, duration: int) -> Iterator[str]:
    """Pack, channel with its blocks, stream and track format of one object."""
    own, name = entry.pack.removeprefix("AP_"), _quoted(entry.name)
    typed = 'typeLabel="0003" typeDefinition="Objects"'
    yield f'<audioPackFormat audioPackFormatID="AP_{own}" audioPackFormatName={name} {typed}>\n'
    yield f"<audioChannelFormatIDRef>AC_{own}</audioChannelFormatIDRef>\n</audioPackFormat>\n"
    yield f'<audioChannelFormat audioChannelFormatID="AC_{own}" audioChannelFormatName={name} {typed}>\n'
    extent = _extent(source)
    for number, block in enumerate(blocks_of(source, duration), start=1):
        yield _block(f"AB_{own}_{number:08x}", block, extent)
    yield "</audioChannelFormat>\n"
    pcm = 'formatLabel="0001" formatDefinition="PCM"'
    yield f'<audioStreamFormat audioStreamFormatID="AS_{own}" audioStreamFormatName={name} {pcm}>\n'
    yield f"<audioChannelFormatIDRef>AC_{own}</audioChannelFormatIDRef>\n"
    yield f"<audioTrackFormatIDRef>AT_{own}_01</audioTrackFormatIDRef>\n</audioStreamFormat>\n"
    yield f'<audioTrackFormat audioTrackFormatID="AT_{own}_01" audioTrackFormatName={name} {pcm}>\n'
    yield f"<audioStreamFormatIDRef>AS_{own}</audioStreamFormatIDRef>\n</audioTrackFormat>\n"


def _block(identifier: str, block: Block, extent: str) -> str:
    times = f'rtime="{_time(block.start_ticks)}" duration="{_time(block.duration_ticks)}"'
    return (
        f'<audioBlockFormat audioBlockFormatID="{identifier}" {times}>'
        "<cartesian>0</cartesian>"
        f'<position coordinate="azimuth">{_number(block.azimuth_deg, 4)}</position>'
        f'<position coordinate="elevation">{_number(block.elevation_deg, 4)}</position>'
        '<position coordinate="distance">1</position>'
        f"{extent}<gain>{_number(block.gain, 8)}</gain><jumpPosition>0</jumpPosition></audioBlockFormat>\n"
    )


def _extent(source: Source) -> str:
    """Width and height of a wide source; one from everywhere is diffuse as well."""
    if not source.extent_rad:
        return ""
    angle_deg = _number(min(math.degrees(source.extent_rad), 360), 4)
    diffuse = "<diffuse>1</diffuse>" if source.is_bed else ""
    return f"<width>{angle_deg}</width><height>{angle_deg}</height>{diffuse}"


def _track_uid(track: TrackId, sample_rate_hz: int, bits: int) -> Iterator[str]:
    yield f'<audioTrackUID UID="{track.uid}" sampleRate="{sample_rate_hz}" bitDepth="{bits}">\n'
    yield f"<audioTrackFormatIDRef>{track.track_format}</audioTrackFormatIDRef>\n"
    yield f"<audioPackFormatIDRef>{track.pack}</audioPackFormatIDRef>\n</audioTrackUID>\n"


def _time(at: int) -> str:
    """hh:mm:ss.zzzzz"""
    seconds, part = divmod(at, TICKS_PER_S)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{part:05d}"


def _number(value: float, decimals: int) -> str:
    """Plain decimals without trailing zeros, and without a minus before zero."""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _quoted(name: str) -> str:
    """A name as a quoted attribute; characters that XML cannot hold become U+FFFD."""
    return quoteattr(re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", name))
