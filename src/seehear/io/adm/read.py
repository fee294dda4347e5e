"""Reading ADM: what the objects of any ADM file are, as pure data. Tolerant of what is missing, never trusting a size.

Common definitions that a file does not repeat are filled in from BS.2094. Nothing is expanded and nothing fetched: a document
type definition is refused, as entities and references to elsewhere need one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from seehear.io.adm.chna import TrackId, parse_chna
from seehear.io.adm.common import hoa_channel, pack_name, speaker
from seehear.io.adm.contents import AdmChannel, AdmContents, AdmObject, AdmTrack
from seehear.io.adm.document import Document, Element, parse_axml
from seehear.io.files import PathLike, check_input
from seehear.io.riff import chunks, riff_form
from seehear.types import InputError

MAX_AXML_BYTES = 1 << 28
"""256 MiB; an hour in which ten objects never rest takes about 50."""
_MAX_CHNA_BYTES = 4 + 40 * 0xFFFF
_TYPES: Mapping[str, str] = {"0001": "DirectSpeakers", "0002": "Matrix", "0003": "Objects", "0004": "HOA", "0005": "Binaural"}


def read_adm(path: PathLike) -> AdmContents | None:
    """What the ADM metadata of a RIFF, RF64 or BW64 file says; None when it has neither ``axml`` nor ``chna``.

    InputError for a file that is not there or of another kind, and for an ``axml`` chunk that is no XML, has a document type
    definition, or is too large to be sound.
    """
    path = check_input(path)
    with path.open("rb") as file:
        form = riff_form(file)
        if form is None or form[1] != b"WAVE":
            raise InputError(f"{path} is no WAVE, RF64 or BW64 file, which ADM comes in")
        axml, chna, n_channels = _metadata(file)
    if axml is None and chna is None:
        return None
    document = Document({}) if axml is None else parse_axml(axml, str(path))
    return adm_contents(document, parse_chna(chna or b""), n_channels, has_axml=axml is not None)


def _metadata(file: BinaryIO) -> tuple[bytes | None, bytes | None, int]:
    """The bodies of ``axml`` and ``chna``, and the number of channels, 0 if unknown."""
    axml = chna = None
    n_channels = 0
    for each in chunks(file):
        if each.name == b"axml" and axml is None:
            if each.length > MAX_AXML_BYTES:
                raise InputError(
                    f"{file.name} has {each.length / 1e6:.0f} MB of ADM metadata: at most {MAX_AXML_BYTES >> 20} MiB"
                )
            axml = each.body(file, MAX_AXML_BYTES)
        elif each.name == b"chna" and chna is None:
            chna = each.body(file, _MAX_CHNA_BYTES)
        elif each.name == b"fmt ":
            n_channels = int.from_bytes(each.body(file, 4)[2:4], "little")
    return axml, chna, n_channels


def adm_contents(document: Document, tracks: Sequence[TrackId], n_channels: int, *, has_axml: bool = True) -> AdmContents:
    """The contents of a parsed document and its ``chna`` entries."""
    resolver = _Resolver(document, {track.uid.upper(): track for track in tracks})
    objects = tuple(resolver.objects())
    return AdmContents(
        tuple(e.name for e in document.of("audioProgramme")),
        tuple(e.name for e in document.of("audioContent")),
        objects or tuple(resolver.packs_without_objects(tracks)),
        tuple(tracks),
        tuple(dict.fromkeys(_problems(document, tracks, n_channels, has_axml=has_axml, resolver=resolver))),
    )


def _problems(
    document: Document, tracks: Sequence[TrackId], n_channels: int, *, has_axml: bool, resolver: _Resolver
) -> Iterator[str]:
    if not tracks:
        yield "no chna chunk says which track is which: renderers cannot play the objects"
    if has_axml and not document.of("audioProgramme"):
        yield "the ADM has no audioProgramme"
    if not has_axml and any(not pack_name(track.pack) for track in tracks):
        yield "the chna chunk refers to definitions that no axml chunk gives"
    beyond = sorted({track.track for track in tracks if n_channels and track.track > n_channels})
    if beyond:
        yield f"the chna chunk refers to track {beyond[0]}, the file has {n_channels}"
    yield from resolver.problems


class _Resolver:
    """Follows references from objects to channels."""

    def __init__(self, document: Document, by_uid: Mapping[str, TrackId]) -> None:
        self._document = document
        self._by_uid = by_uid
        self._channels: dict[str, AdmChannel] = {}
        self.problems: list[str] = []

    def objects(self) -> Iterator[AdmObject]:
        for element in self._document.of("audioObject"):
            pack_id = element.first("audioPackFormatIDRef")
            uids = [uid for uid in element.refs("audioTrackUIDRef") if uid.upper() != "ATU_00000000"]
            if not uids and not element.refs("audioObjectIDRef"):
                self.problems.append(f"the object {element.name!r} has no track")
            tracks = tuple(self._track(uid, element.name) for uid in uids)
            pack_id = pack_id or next((self._by_uid[uid.upper()].pack for uid in uids if uid.upper() in self._by_uid), "")
            yield self._object(element, pack_id, tracks)

    def packs_without_objects(self, tracks: Sequence[TrackId]) -> Iterator[AdmObject]:
        """One nameless object per pack, for files that have ``chna`` alone."""
        for pack_id in dict.fromkeys(track.pack for track in tracks):
            own = tuple(self._track(t.uid, "") for t in tracks if t.pack == pack_id)
            yield self._object(Element("audioObject", "", ""), pack_id, own)

    def _object(self, element: Element, pack_id: str, tracks: tuple[AdmTrack, ...]) -> AdmObject:
        pack = self._document.get(pack_id)
        if pack_id and pack is None and not pack_name(pack_id):
            self.problems.append(f"the object {element.name!r} refers to {pack_id}, which the file does not define")
        kind = pack.attributes.get("typeDefinition", "") if pack else ""
        label = pack.attributes.get("typeLabel", "") if pack else ""
        return AdmObject(
            element.id,
            element.name,
            kind or _TYPES.get(label or pack_id[3:7], ""),
            pack_name(pack_id) or (pack.name if pack else ""),
            pack_id,
            tracks,
            element.time_s("start"),
            element.time_s("duration"),
            element.gain,
            element.first("mute") == "1",
            pack.number("absoluteDistance") if pack else None,
        )

    def _track(self, uid: str, owner: str) -> AdmTrack:
        entry, element = self._by_uid.get(uid.upper()), self._document.get(uid)
        if entry is None:
            self.problems.append(f"the object {owner!r} refers to {uid}, which the chna chunk does not give a track")
        track_format = element.first("audioTrackFormatIDRef") if element else ""
        channel_id = element.first("audioChannelFormatIDRef") if element else ""
        reference = track_format or (entry.track_format if entry else "")
        channel_id = channel_id or self._channel_of(reference)
        return AdmTrack(entry.track if entry else 0, uid, self._channel(channel_id) if channel_id else None)

    def _channel_of(self, reference: str) -> str:
        """The channel's ID of a track format, over its stream format; BS.2076-2 may name the channel at once."""
        if reference.startswith("AC_"):
            return reference.removesuffix("_00")
        track_format = self._document.get(reference)
        stream = self._document.get(track_format.first("audioStreamFormatIDRef")) if track_format else None
        if stream and stream.first("audioChannelFormatIDRef"):
            return stream.first("audioChannelFormatIDRef")
        return f"AC_{reference[3:11]}" if reference.startswith("AT_") else ""

    def _channel(self, channel_id: str) -> AdmChannel:
        if channel_id not in self._channels:
            self._channels[channel_id] = _channel(channel_id, self._document.get(channel_id))
        return self._channels[channel_id]


def _channel(channel_id: str, element: Element | None) -> AdmChannel:
    """An own or a common channel."""
    if element is None:
        place, harmonic = speaker(channel_id), hoa_channel(channel_id)
        if place:
            return AdmChannel(channel_id, place[0], place[0], place[1], place[2])
        if harmonic:
            return AdmChannel(channel_id, f"{harmonic[2]} {harmonic[0]},{harmonic[1]}", "", None, None, *harmonic)
        return AdmChannel(channel_id, "")
    first = element.first_block
    order = first.whole("order") if first else None
    place = first.coordinates if first and not element.blocks else {}
    return AdmChannel(
        channel_id,
        element.name,
        first.texts.get("speakerLabel", "").rsplit(":", 1)[-1] if first else "",
        place.get("azimuth"),
        place.get("elevation"),
        order,
        first.whole("degree") if first else None,
        "" if first is None or order is None else first.texts.get("normalization", "SN3D"),
        element.blocks,
    )
