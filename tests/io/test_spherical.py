"""360 video and ambisonic sound in MP4 and MOV, read back by a parser of this file's own and by PyAV."""

import io
import struct
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideDataType

from seehear.io.audio import read_audio
from seehear.io.boxes import Insertion, find, insert
from seehear.io.mux import VideoOptions, write_video
from seehear.io.spherical import declared_order, mark, sa3d
from seehear.io.video import read_media
from seehear.types import FOA, STEREO, SURROUND_5_1, Audio, Image, InputError, ambisonics

RATE = 48_000
PLAIN = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"sv3d", b"proj")
FIELDS = {b"stsd": 8, b"avc1": 78, b"mp4a": 28, b"in24": 44}
"""Bytes between header and boxes: ISO/IEC 14496-12, 12.1.3 and 12.2.3; QuickTime's sound entry of version 1."""


def tree(data: bytes, start: int = 0, stop: int | None = None, path: str = "") -> dict[str, list[bytes]]:
    """Bodies by path; every length is checked to fill its parent exactly."""
    stop = len(data) if stop is None else stop
    found: dict[str, list[bytes]] = {}
    while start < stop:
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        assert 8 <= length <= stop - start
        name = f"{path}/{kind.decode('latin-1')}"
        found.setdefault(name, []).append(data[start + 8 : start + length])
        if kind in PLAIN or kind in FIELDS:
            for key, bodies in tree(data, start + 8 + FIELDS.get(kind, 0), start + length, name).items():
                found.setdefault(key, []).extend(bodies)
        start += length
    return found


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def panorama(height: int = 64) -> Image:
    return Image(np.random.default_rng(0).integers(0, 255, (height, 2 * height, 3), dtype=np.uint8))


def field(order: int, seconds: float = 1.0) -> Audio:
    """A plane wave of noise up to 8 kHz from 60 degrees to the left, 20 up; what is above the first order is noise of its own."""
    rng = np.random.default_rng(1)
    n = round(seconds * RATE)
    spectra = np.fft.rfft(rng.standard_normal(((order + 1) ** 2, n)), axis=1)
    spectra[:, np.fft.rfftfreq(n, 1 / RATE) > 8000] = 0
    samples = np.fft.irfft(spectra, n, axis=1)
    azimuth, elevation = np.radians([60, 20])
    towards = [1, np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)]
    samples[:4] = np.array(towards)[:, None] * samples[0]
    samples *= 0.5 / np.abs(samples).max()
    return Audio(samples.astype(np.float32), RATE, ambisonics(order), "acn-sn3d")


@pytest.mark.parametrize(("name", "order", "entry"), [("a.mp4", 1, "mp4a"), ("a.mov", 1, "in24"), ("a.mov", 3, "in24")])
def test_boxes_of_a_sphere(tmp_path, name, order, entry):
    """Oracle: the fields of Google's three RFCs, by this file's parser; PyAV finds a whole equirectangular sphere."""
    report = write_video(tmp_path / name, panorama(), field(order), VideoOptions(spherical=True), duration_s=1.0)
    data = (tmp_path / name).read_bytes()
    found = tree(data)
    stbl = "/moov/trak/mdia/minf/stbl/stsd"
    (told,) = found[f"{stbl}/{entry}/SA3D"]
    n = (order + 1) ** 2
    assert told == struct.pack(f">BBIBBI{n}I", 0, 0, order, 0, 0, n, *range(n))
    sphere = f"{stbl}/avc1/sv3d"
    assert found[f"{stbl}/avc1/st3d"] == [bytes(5)] and found[f"{sphere}/svhd"] == [bytes(4) + b"seehear\0"]
    assert found[f"{sphere}/proj/prhd"] == [bytes(16)] and found[f"{sphere}/proj/equi"] == [bytes(20)]
    entries = [key.rsplit("/", 1)[1] for key in found if key.startswith(f"{stbl}/avc1/") and key.count("/") == 8]
    assert entries[:3] == ["avcC", "st3d", "sv3d"]
    (xml,) = (body[16:] for body in found["/moov/trak/uuid"])
    space = "{http://ns.google.com/videos/1.0/spherical/}"
    values = {child.tag.removeprefix(space): child.text for child in ElementTree.fromstring(xml)}
    assert values["Spherical"] == values["Stitched"] == "true" and values["ProjectionType"] == "equirectangular"
    assert found["/moov/trak/uuid"][0][:16].hex() == "ffcc8263f8554a938814587a02521fdd"
    assert report.spherical and declared_order(tmp_path / name) == order
    with av.open(str(tmp_path / name)) as container:
        assert len(container.streams) == 2
        frame = next(container.decode(video=0))
        assert bytes(frame.side_data[SideDataType.SPHERICAL]) == bytes(36) and SideDataType.STEREO3D in frame.side_data
        layout = container.streams.audio[0].codec_context.layout.name
    assert layout == ("4.0" if entry == "mp4a" else f"ambisonic {order}")
    assert read_media(tmp_path / name).equirectangular


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_the_samples_stay_where_the_tables_say(tmp_path, name):
    """Oracle: the same video without the marks: every packet of both tracks has the same bytes, time and duration."""

    def packets(path):
        with av.open(str(path)) as container:
            return [(p.stream.index, p.pts, p.dts, p.duration, bytes(p)) for p in container.demux() if p.size]

    sound = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (2, RATE)).astype(np.float32), RATE, STEREO)
    for marked in (False, True):
        options = VideoOptions(spherical=marked, max_side_px=128)
        write_video(tmp_path / f"{marked}_{name}", panorama(), sound, options, duration_s=1.0)
    plain, marked = (tmp_path / f"{each}_{name}" for each in (False, True))
    assert packets(marked) == packets(plain)
    added = sum(map(len, tree(marked.read_bytes())["/moov/trak/uuid"])) + 8 + 13 + 88  # st3d and sv3d, counted by their RFC
    assert marked.stat().st_size - plain.stat().st_size == added and "SA3D" not in str(tree(marked.read_bytes()).keys())


def test_tables_grow_to_64_bits():
    """Oracle: planted offsets around 4 GiB, after boxes that take 1000 bytes and then twice four more a sample (ISO 8.7.5)."""
    offsets = [100, (1 << 32) - 900, (1 << 32) - 1]
    table = box(b"stco", struct.pack(">II3I", 0, 3, *offsets))
    small = box(b"stco", struct.pack(">III", 0, 1, 5000))
    wide = box(b"co64", struct.pack(">IIQ", 0, 1, 1 << 33))
    tracks = [box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", each)))) for each in (table, small, wide)]
    data = box(b"ftyp", bytes(4)) + box(b"moov", b"".join(tracks)) + box(b"mdat", b"x" * 5000)
    file = io.BytesIO(data)
    first = next(find(file, "moov/trak"))
    insert(file, [Insertion(first, first.stop, box(b"uuid", bytes(992)))])
    new = file.getvalue()
    assert len(new) - len(data) == 1000 + 12
    found = tree(new)
    stbl = "/moov/trak/mdia/minf/stbl"
    moov_end = 12 + len(data[12:]) - 5008
    moved = [offset + 1012 if offset >= moov_end else offset for offset in (*offsets, 1 << 33)]
    assert found[f"{stbl}/co64"] == [struct.pack(">II3Q", 0, 3, *moved[:3]), struct.pack(">IIQ", 0, 1, moved[3])]
    assert found[f"{stbl}/stco"] == [struct.pack(">III", 0, 1, 6012)] and found["/moov/trak/uuid"] == [bytes(992)]
    assert new.endswith(data[-5008:])


def test_moov_behind_the_samples_moves_nothing():
    """Oracle: planted offsets before moov stay, and a 64-bit length of moov is kept as one."""
    table = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stco", struct.pack(">III", 0, 1, 20))))))
    data = box(b"ftyp", bytes(4)) + box(b"mdat", b"abc") + struct.pack(">I4sQ", 1, b"moov", 16 + len(table)) + table
    file = io.BytesIO(data)
    track = next(find(file, "moov/trak"))
    insert(file, [Insertion(track, track.stop, box(b"free"))])
    new = file.getvalue()
    assert new[:23] == data[:23] and new[23:39] == struct.pack(">I4sQ", 1, b"moov", 16 + len(table) + 8)
    assert new[39:] == struct.pack(">I", len(table) + 8) + table[4:] + box(b"free")


def test_four_channels_of_aac_keep_their_direction(tmp_path):
    """Oracle: a plane wave planted at (60, 20) degrees: active intensity of the decoded channels; each one's own signal."""
    sound = field(1, 2.0)
    write_video(tmp_path / "a.mp4", panorama(), sound, VideoOptions(spherical=True), duration_s=2.0)
    heard = read_audio(tmp_path / "a.mp4")
    assert (heard.layout, heard.convention) == (FOA, "acn-sn3d")
    inside = slice(RATE // 2, RATE)
    w, y, z, x = heard.samples[:, inside].astype(float)
    intensity = np.array([np.mean(w * each) for each in (x, y, z)])
    azimuth, elevation = np.degrees([np.arctan2(intensity[1], intensity[0]), np.arcsin(intensity[2] / np.linalg.norm(intensity))])
    assert abs(azimuth - 60) < 0.5 and abs(elevation - 20) < 0.5
    for coded, planted in zip(heard.samples[:, inside], sound.samples[:, inside], strict=True):
        assert np.corrcoef(coded, planted)[0, 1] > 0.99
        assert np.std(coded) == pytest.approx(np.std(planted), rel=0.01)


def test_what_the_source_says_is_kept(tmp_path, grey):
    """Oracle: a video that says that it is a sphere says so after its packets are copied; one that does not, does not."""
    write_video(tmp_path / "said.mp4", panorama(), field(1), VideoOptions(spherical=True), duration_s=1.0)
    write_video(tmp_path / "plain.mp4", panorama(), field(1), duration_s=1.0)
    sound = Audio(np.zeros((2, RATE), np.float32), RATE, STEREO)
    for name, expected in (("said.mp4", True), ("plain.mp4", False)):
        report = write_video(tmp_path / "out.mp4", read_media(tmp_path / name), sound, duration_s=1.0, force=True)
        assert report.picture == "copied" and report.spherical is expected
        assert read_media(tmp_path / "out.mp4").equirectangular is expected
    assert declared_order(tmp_path / "out.mp4") is None and declared_order(tmp_path / "plain.mp4") == 1


def test_other_shapes_are_refused(tmp_path, make_video, grey):
    """Oracle: planted pictures of 16:9 and 1:1; nothing appears."""
    sound = Audio(np.zeros((2, RATE), np.float32), RATE, STEREO)
    square = read_media(make_video(tmp_path / "square.mp4", grey(25, 64, 64)))
    for picture, size in ((Image(np.zeros((90, 160, 3), np.uint8)), "160 x 90"), (square, "64 x 64")):
        with pytest.raises(InputError, match=f"twice as wide as high .* this one is {size}"):
            write_video(tmp_path / "a.mp4", picture, sound, VideoOptions(spherical=True), duration_s=1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["square.mp4"]


def test_files_that_cannot_be_marked_stay_as_they_are(tmp_path, make_video, grey):
    """Oracle: planted: fragments, a table with fewer offsets than it promises, no sound; the bytes are the same afterwards."""
    flags = {"movflags": "frag_keyframe+empty_moov"}
    fragments = make_video(tmp_path / "fragments.mp4", grey(25), container_options=flags).read_bytes()
    plain = make_video(tmp_path / "plain.mp4", grey(25)).read_bytes()
    at = plain.index(b"stco") + 8
    short = plain[:at] + struct.pack(">I", 1 << 30) + plain[at + 4 :]
    cases = ((fragments, None, "in fragments"), (short, None, "promises 1073741824 offsets"), (plain, 1, "no sound track"))
    for data, order, message in (*cases, (plain[:60], None, "no picture track")):
        (tmp_path / "a.mp4").write_bytes(data)
        with pytest.raises(InputError, match=message):
            mark(tmp_path / "a.mp4", sphere=True, ambisonic_order=order)
        assert (tmp_path / "a.mp4").read_bytes() == data


def test_declared_orders_that_are_no_plain_ambix(tmp_path):
    """Oracle: planted faults in one SA3D box: version, head-locked stereo, order, channel order, weights, count, map."""
    write_video(tmp_path / "a.mp4", panorama(), field(1), duration_s=1.0)
    data = (tmp_path / "a.mp4").read_bytes()
    at = data.index(b"SA3D") + 4
    assert declared_order(tmp_path / "a.mp4") == 1 and data[at - 8 : at + 28] == sa3d(1)
    for offset, value in ((0, 1), (1, 0x80), (5, 2), (6, 1), (7, 1), (11, 9), (15, 1)):
        (tmp_path / "b.mp4").write_bytes(data[: at + offset] + bytes([value]) + data[at + offset + 1 :])
        assert declared_order(tmp_path / "b.mp4") is None
    (tmp_path / "b.mp4").write_bytes(data)
    assert read_audio(tmp_path / "b.mp4").layout.name == "foa"
    plain = write_video(
        tmp_path / "c.mp4", panorama(), Audio(np.zeros((6, RATE), np.float32), RATE, SURROUND_5_1), duration_s=1.0
    )
    mark(tmp_path / "c.mp4", sphere=False, ambisonic_order=1)  # of four channels, on a track of six
    assert plain.codec == "aac" and read_audio(tmp_path / "c.mp4").layout.name == "5.1"
    for other in (b"RIFF\0\0\0\0WAVE", b"\0\0\0\3abcd", b"abc"):
        (tmp_path / "b.mp4").write_bytes(other)
        assert declared_order(tmp_path / "b.mp4") is None
