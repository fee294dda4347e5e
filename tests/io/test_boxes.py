"""Walking ISO base media boxes: rows planted with struct, and files of FFmpeg against a second, naive parser."""

import io
import struct

import av
import numpy as np
import pytest

from seehear.io.boxes import Insertion, body_of, boxes, children, find, insert, sample_entries, walk
from seehear.types import InputError


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def test_lengths_of_every_kind():
    """Oracle: planted: 32 bits, 64 bits, a uuid, one to the end of the file (ISO/IEC 14496-12, 4.2)."""
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + 5) + b"12345"
    named = box(b"uuid", bytes(range(16)) + b"xy")
    data = box(b"ftyp", b"isom") + long + named + struct.pack(">I4s", 0, b"free") + b"rest"
    found = list(boxes(io.BytesIO(data)))
    assert [(x.kind, x.start, x.length, x.header) for x in found] == [
        ("ftyp", 0, 12, 8),
        ("mdat", 12, 21, 16),
        ("uuid", 33, 26, 24),
        ("free", 59, 12, 8),
    ]
    assert found[2].uuid == bytes(range(16)) and data[found[1].body : found[1].stop] == b"12345"


def test_lengths_that_lie():
    """Oracle: planted: a box that promises 92 bytes too many is cut there, one shorter than its header is refused."""
    (cut,) = boxes(io.BytesIO(struct.pack(">I4s", 100, b"moov")))
    assert (cut.length, cut.missing) == (8, 92)
    for liar in (struct.pack(">I4s", 7, b"moov"), struct.pack(">I4sQ", 1, b"moov", 15), struct.pack(">I4s", 1, b"moov")):
        with pytest.raises(InputError, match="'moov' at byte 8"):
            list(boxes(io.BytesIO(box(b"free") + liar)))


def test_many_and_deep_boxes_end():
    """Oracle: the bounds: 65 536 boxes in a row and 12 levels, of files planted with more."""
    with pytest.raises(InputError, match="65536"):
        list(boxes(io.BytesIO(box(b"free") * 65_537)))
    deep = b""
    for _ in range(2000):
        deep = box(b"moov", deep)
    assert max(depth for depth, _ in walk(io.BytesIO(deep))) == 12
    with pytest.raises(InputError, match="65536"):
        list(walk(io.BytesIO(box(b"moov", box(b"moov", b"" + box(b"free") * 65_537)))))


def test_quicktime_and_iso_fields():
    """Oracle: planted: ``meta`` with and without version, sound entries of version 0, 1 and 2 (QuickTime File Format)."""
    inner = box(b"hdlr", bytes(24))
    for meta in (box(b"meta", inner), box(b"meta", bytes(4) + inner)):
        file = io.BytesIO(meta)
        assert [x.kind for x in children(file, next(boxes(file)))] == ["hdlr"]

    def movie(brand: bytes, version: int, fields: int) -> io.BytesIO:
        entry = box(b"lpcm", bytes(8) + struct.pack(">H", version) + bytes(fields - 10) + box(b"SA3D", b"x"))
        sound = box(b"minf", box(b"stbl", box(b"stsd", struct.pack(">II", 0, 1) + entry)))
        handler = box(b"hdlr", bytes(8) + b"soun" + bytes(12))
        return io.BytesIO(box(b"ftyp", brand) + box(b"moov", box(b"trak", box(b"mdia", handler + sound))))

    for brand, version, fields in ((b"qt  ", 0, 28), (b"qt  ", 1, 44), (b"qt  ", 2, 64), (b"isom", 0, 28), (b"isom", 1, 28)):
        (entry,) = sample_entries(movie(brand, version, fields))
        assert (entry.handler, entry.box.kind, [x.kind for x in entry.boxes]) == ("soun", "lpcm", ["SA3D"])


def test_a_real_file(tmp_path, make_video, grey):
    """Oracle: a naive recursive parser of the few containers on the way, and the codecs that PyAV names."""
    path = make_video(tmp_path / "a.mp4", grey(3), sound=np.zeros(4800))
    data = path.read_bytes()

    def naive(start: int, stop: int) -> list[tuple[str, int, int]]:
        rows = []
        while start < stop:
            length, kind = struct.unpack(">I4s", data[start : start + 8])
            rows.append((kind.decode(), start, length))
            if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf"):
                rows += naive(start + 8, start + length)
            start += length
        return rows

    inside = {"url ", "avc1", "mp4a", "meta", "ilst", "hdlr", "©too", "data"}
    with path.open("rb") as file:
        found = [(x.kind, x.start, x.length) for _, x in walk(file)]
        expected = naive(0, len(data))
        assert [x for x in found if x in expected] == expected
        assert {kind for kind, *_ in set(found) - set(expected)} <= inside
        entries = list(sample_entries(file))
        assert [next(find(file, "moov/mvhd")).start, len(list(find(file, "moov/trak")))] == [data.index(b"mvhd") - 4, 2]
    assert [(x.handler, x.box.kind) for x in entries] == [("vide", "avc1"), ("soun", "mp4a")]
    assert "avcC" in {x.kind for x in entries[0].boxes} and "esds" in {x.kind for x in entries[1].boxes}
    with av.open(str(path)) as container:
        assert [stream.codec_context.codec_tag for stream in container.streams] == ["avc1", "mp4a"]


@pytest.mark.parametrize(("offset", "kind"), [((1 << 32) - 37, b"stco"), ((1 << 32) - 36, b"co64"), (17, b"stco")])
def test_offsets_that_pass_4_gib_become_64_bit(offset, kind):
    """Closed form: what lies behind ``moov`` moves by the 36 bytes that come in, and by 4 more for each wider offset."""
    table = box(b"stco", struct.pack(">III", 0, 1, offset))
    stbl = box(b"stbl", table)
    file = io.BytesIO(box(b"moov", box(b"trak", box(b"mdia", box(b"minf", stbl)))) + box(b"mdat", bytes(8)))
    (target,) = find(file, "moov/trak/mdia")
    insert(file, [Insertion(target, target.stop, box(b"free", bytes(28)))])
    (minf,) = find(file, "moov/trak/mdia/minf/stbl")
    (made,) = children(file, minf)
    grown = 36 + (4 if kind == b"co64" else 0)
    expected = offset + grown if offset > 100 else offset
    form = ">IIQ" if kind == b"co64" else ">III"
    assert (made.kind, body_of(file, made)) == (kind.decode(), struct.pack(form, 0, 1, expected))
    assert [each.kind for each in boxes(file)] == ["moov", "mdat"] and next(boxes(file)).length == 8 + 8 * 4 + 20 + grown
