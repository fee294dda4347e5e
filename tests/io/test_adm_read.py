"""Reading ADM files: our own, those of others, and what is damaged or hostile."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

import adm_programmes
from seehear.io.adm.axml import axml_and_tracks
from seehear.io.adm.chna import TrackId, chna_body, parse_chna
from seehear.io.adm.contents import AdmContents
from seehear.io.adm.document import parse_axml, parse_time
from seehear.io.adm.read import adm_contents, read_adm
from seehear.io.adm.write import write_adm
from seehear.io.riff import chunk
from seehear.types import InputError

DATA = np.load(Path(__file__).parents[1] / "oracles" / "ear" / "rendered.npz")
HEAD, FOOT = "<audioFormatExtended>", "</audioFormatExtended>"


def wav_with(path: Path, *further: bytes, n_channels: int = 4) -> Path:
    """A WAVE file of 10 silent frames of 24 bits, with ``further`` chunks."""
    fmt = struct.pack("<HHIIHH", 1, n_channels, 48000, 48000 * 3 * n_channels, 3 * n_channels, 24)
    body = b"WAVE" + chunk(b"fmt ", fmt) + b"".join(further) + chunk(b"data", bytes(30 * n_channels))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def contents_of(axml: str, *tracks: TrackId, n_channels: int = 4) -> AdmContents:
    return adm_contents(parse_axml(axml.encode(), "a.wav"), tracks, n_channels)


def test_our_own_file(tmp_path: Path) -> None:
    """What was planted by `adm_programmes.everything` comes back: names, types, tracks, places, gains, speakers, harmonics."""
    write_adm(tmp_path / "a.wav", adm_programmes.everything())
    contents = read_adm(tmp_path / "a.wav")
    assert contents is not None
    assert (contents.programmes, contents.contents, contents.problems) == (("seehear",), ("seehear",), ())
    dog, rain, bed, field = contents.objects
    assert [(o.name, o.type, o.pack) for o in (dog, rain, bed, field)] == [
        ("dog & <bone>", "Objects", "dog & <bone>"),
        ("rain", "Objects", "rain"),
        ("bed", "DirectSpeakers", "7.1.4 (4+7+0)"),
        ("field", "HOA", "ambisonics of order 1, SN3D"),
    ]
    (block,) = dog.tracks[0].channel.blocks
    assert (block.position, block.gain, block.width, block.diffuse) == ((90.0, 0.0, 1.0), 0.5, 0.0, 0.0)
    assert (block.start_s, block.duration_s, block.cartesian, block.jump) == (0.0, 0.08, False, False)
    (block,) = rain.tracks[0].channel.blocks
    assert (block.gain, block.width, block.height, block.diffuse) == (1.0, 360.0, 360.0, 1.0)
    assert [t.track for o in contents.objects for t in o.tracks] == list(range(1, 19))
    labels = [t.channel.speaker_label for t in bed.tracks]
    assert labels[:6] == ["M+030", "M-030", "M+000", "LFE", "M+090", "M-090"]
    assert [(t.channel.order, t.channel.degree) for t in field.tracks] == [(0, 0), (1, -1), (1, 0), (1, 1)]
    assert {t.channel.normalization for t in field.tracks} == {"SN3D"}


def test_a_file_of_another_program() -> None:
    """The facts that tests/oracles/ear/make.py gave to ear's own writer."""
    tracks = []
    for line in DATA["foreign chna"].tolist():
        track, uid, track_format, pack = line.split()
        tracks.append(TrackId(int(track), uid, track_format, pack))
    contents = contents_of(zlib.decompress(DATA["foreign axml"].tobytes()).decode(), *tracks, n_channels=6)
    assert (contents.programmes, contents.contents, contents.problems) == (("a programme",), ("a content",), ())
    polar, cartesian, field = contents.objects
    assert [(o.name, o.type, [t.track for t in o.tracks]) for o in contents.objects] == [
        ("polar", "Objects", [1]),
        ("cartesian", "Objects", [5]),
        ("field", "HOA", [2, 3, 4, 6]),
    ]
    blocks = polar.tracks[0].channel.blocks
    assert [(b.start_s, b.duration_s, b.position) for b in blocks] == [(i / 2, 0.5, (30.0 * i, -10.0, 0.5)) for i in range(3)]
    assert {(b.gain, b.width, b.height) for b in blocks} == {(0.25, 45.0, 0.0)}
    (block,) = cartesian.tracks[0].channel.blocks
    assert (block.cartesian, block.position, block.diffuse) == (True, (0.5, -1.0, 0.25), 0.5)
    assert [(t.channel.order, t.channel.degree) for t in field.tracks] == [(0, 0), (1, -1), (1, 0), (1, 1)]
    assert {t.channel.normalization for t in field.tracks} == {"N3D"}


def test_the_second_edition() -> None:
    """BS.2076-2: gains in dB, times in samples, a channel named by the track itself, a muted object, absolute distance."""
    contents = contents_of(
        f"""{HEAD}<audioProgramme audioProgrammeID="APR_1001" audioProgrammeName="p"/>
        <audioObject audioObjectID="AO_1001" audioObjectName="o" start="00:00:01.24000S48000">
        <gain gainUnit="dB">-20</gain><mute>1</mute>
        <audioPackFormatIDRef>AP_00031001</audioPackFormatIDRef><audioTrackUIDRef>ATU_00000001</audioTrackUIDRef></audioObject>
        <audioPackFormat audioPackFormatID="AP_00031001" audioPackFormatName="pack" typeLabel="0003" absoluteDistance="2.5"/>
        <audioChannelFormat audioChannelFormatID="AC_00031001" audioChannelFormatName="c" typeLabel="0003">
        <audioBlockFormat audioBlockFormatID="AB_00031001_00000001"><gain gainUnit="dB">6</gain><jumpPosition>1</jumpPosition>
        <position coordinate="azimuth">-12.5</position><position coordinate="azimuth" bound="min">-20</position>
        </audioBlockFormat></audioChannelFormat>
        <audioTrackUID UID="ATU_00000001"><audioChannelFormatIDRef>AC_00031001</audioChannelFormatIDRef></audioTrackUID>{FOOT}""",
        TrackId(2, "ATU_00000001", "AC_00031001_00", "AP_00031001"),
    )
    (thing,) = contents.objects
    assert (thing.start_s, thing.gain, thing.muted, thing.absolute_distance_m) == (1.5, pytest.approx(0.1), True, 2.5)
    (block,) = thing.tracks[0].channel.blocks
    assert (block.position, block.jump, block.start_s) == ((-12.5, 0.0, 1.0), True, None)
    assert block.gain == pytest.approx(10**0.3)
    assert contents.problems == ()


def test_tracks_without_definitions(tmp_path: Path) -> None:
    """BS.2088 allows ``chna`` alone where everything is a common definition; padding entries (track 0) are no tracks."""
    entries = [TrackId(i, f"ATU_0000000{i}", f"AT_0001000{i}_01", "AP_00010002") for i in (1, 2)]
    body = chna_body([*entries, TrackId(0, "", "", "")])
    contents = read_adm(wav_with(tmp_path / "a.wav", chunk(b"chna", body)))
    assert contents is not None
    (bed,) = contents.objects
    assert (bed.pack, [t.channel.speaker_label for t in bed.tracks]) == ("stereo (0+2+0)", ["M+030", "M-030"])
    assert contents.tracks == tuple(entries)
    assert contents.problems == ()


def test_faults_are_told() -> None:
    """Each planted fault in plain words: no tracks, a track beyond the file, references to nothing, an object without a track."""
    referring = (
        '<audioObject audioObjectID="AO_1001" audioObjectName="o"><audioPackFormatIDRef>AP_00031001</audioPackFormatIDRef>'
    )
    uid = "<audioTrackUIDRef>ATU_00000001</audioTrackUIDRef>"
    assert contents_of(f"{HEAD}{referring}{uid}</audioObject>{FOOT}").problems == (
        "no chna chunk says which track is which: renderers cannot play the objects",
        "the ADM has no audioProgramme",
        "the object 'o' refers to ATU_00000001, which the chna chunk does not give a track",
        "the object 'o' refers to AP_00031001, which the file does not define",
    )
    track = TrackId(7, "ATU_00000001", "AT_00031001_01", "AP_00031001")
    assert "the chna chunk refers to track 7, the file has 4" in contents_of(f"{HEAD}{FOOT}", track).problems
    assert "the object 'o' has no track" in contents_of(f"{HEAD}{referring}</audioObject>{FOOT}", track).problems


def test_files_without_adm(tmp_path: Path) -> None:
    """None for a plain WAVE file, an error for no such file at all."""
    assert read_adm(wav_with(tmp_path / "a.wav")) is None
    (tmp_path / "b.wav").write_bytes(b"OggS" + bytes(100))
    with pytest.raises(InputError, match="no WAVE, RF64 or BW64 file"):
        read_adm(tmp_path / "b.wav")


BOMB = (
    "<!DOCTYPE a [<!ENTITY b 'x'>" + "".join(f"<!ENTITY {c} '{'&' + p + ';'}'>" for p, c in zip("bc", "cd", strict=True)) + "]>"
)


@pytest.mark.parametrize(
    ("axml", "told"),
    [
        (f"{BOMB}<a>&d;</a>".encode(), "document type definition"),
        (f'<?xml version="1.0" encoding="utf-16"?>{BOMB}<a/>'.encode("utf-16"), "document type definition"),
        (b'<!DOCTYPE a SYSTEM "http://localhost/a.dtd"><a/>', "document type definition"),
        (b"<a><b></a>", "no well-formed XML"),
        (b"", "no well-formed XML"),
        (b"<a>&b;</a>", "no well-formed XML"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "no well-formed XML"),
    ],
)
def test_what_is_not_read(tmp_path: Path, axml: bytes, told: str) -> None:
    """Entities are never expanded, whatever the encoding, and broken XML is told."""
    with pytest.raises(InputError, match=told):
        read_adm(wav_with(tmp_path / "a.wav", chunk(b"axml", axml)))


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Limits, lowered here, on definitions, blocks, and bytes."""
    monkeypatch.setattr("seehear.io.adm.document.MAX_ELEMENTS", 3)
    monkeypatch.setattr("seehear.io.adm.document.MAX_BLOCKS", 3)
    monkeypatch.setattr("seehear.io.adm.read.MAX_AXML_BYTES", 500)
    with pytest.raises(InputError, match="more than 3 definitions"):
        parse_axml(f"{HEAD}{'<audioObject/>' * 4}{FOOT}".encode(), "a")
    with pytest.raises(InputError, match="more than 3 block formats"):
        parse_axml(f"{HEAD}<audioChannelFormat>{'<audioBlockFormat/>' * 4}</audioChannelFormat>{FOOT}".encode(), "a")
    with pytest.raises(InputError, match="MB of ADM metadata"):
        read_adm(wav_with(tmp_path / "a.wav", chunk(b"axml", bytes(501))))


def test_times() -> None:
    """Both notations of BS.2076-2; nothing else."""
    assert parse_time("01:02:03.25000") == 3723.25
    assert parse_time("00:00:01.00441S44100") == 1.01
    assert [parse_time(text) for text in ("", "1.5", "00:00", "00:00:01.00441S0", "x00:00:01.0")] == [None] * 5


def test_mutated_metadata_never_crashes(tmp_path: Path) -> None:
    """500 files with bytes changed, cut, doubled: contents or an InputError, each in far less than a second of the processor."""
    axml, tracks = axml_and_tracks(adm_programmes.everything())
    good = wav_with(tmp_path / "a.wav", chunk(b"chna", chna_body(tracks)), chunk(b"axml", axml)).read_bytes()
    rng = np.random.default_rng(4)
    outcomes = {"read": 0, "refused": 0}
    slowest_s = 0.0
    for _ in range(500):
        mutant = bytearray(good)
        for _ in range(int(rng.integers(1, 6))):
            at = int(rng.integers(12, len(mutant)))
            kind = int(rng.integers(4))
            if kind < 2:
                mutant[at] = int(rng.choice(list(b'<>&"/A0 \0\xff') if kind else range(256)))
            elif kind == 2:
                del mutant[at : at + int(rng.integers(1, 60))]
            else:
                mutant[at:at] = mutant[at : at + int(rng.integers(1, 60))]
        (tmp_path / "b.wav").write_bytes(mutant)
        start = time.process_time()
        try:
            read_adm(tmp_path / "b.wav")
            outcomes["read"] += 1
        except InputError:
            outcomes["refused"] += 1
        slowest_s = max(slowest_s, time.process_time() - start)
    assert min(outcomes.values()) > 50
    assert slowest_s < 1


def test_chna_that_promises_too_much() -> None:
    """Whole entries only, never more than there are bytes: planted."""
    whole = chna_body([TrackId(1, "ATU_00000001", "AT_00010001_01", "AP_00010002")] * 3)
    assert len(parse_chna(whole[:-1])) == 2
    assert len(parse_chna(struct.pack("<HH", 9, 999) + whole[4:])) == 3
    assert parse_chna(b"\1") == ()
