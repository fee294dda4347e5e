"""The walk over RIFF, RF64 and BW64 chunks: exact on files built by hand, bounded on damaged ones."""

import io
import struct

import numpy as np
import pytest

from seehear.io.riff import Chunk, chunk, chunks, riff_form
from seehear.types import InputError

UNKNOWN = 0xFFFF_FFFF


def riff(*bodies: bytes, form: bytes = b"RIFF") -> io.BytesIO:
    return io.BytesIO(form + struct.pack("<I", 4 + sum(map(len, bodies))) + b"WAVE" + b"".join(bodies))


def ds64(n_data: int, *rows: tuple[bytes, int]) -> bytes:
    """EBU Tech 3306, 3.2: sizes of the form, of data and of the samples, then a table of (name, size)."""
    body = struct.pack("<QQQI", 0, n_data, 0, len(rows)) + b"".join(name + struct.pack("<Q", size) for name, size in rows)
    return chunk(b"ds64", body)


def test_chunks_lie_where_they_were_put():
    """Oracle: a hand-built file; an odd body is followed by a pad byte, the last one may lack it."""
    file = riff(b"fmt \x03\0\0\0abc\0", b"data\4\0\0\0wxyz", b"odd \1\0\0\0!")
    assert riff_form(file) == (b"RIFF", b"WAVE")
    found = list(chunks(file))
    assert found == [Chunk(b"fmt ", 20, 3), Chunk(b"data", 32, 4), Chunk(b"odd ", 44, 1)]
    assert [each.body(file, 3) for each in found] == [b"abc", b"wxy", b"!"]


def test_lengths_beyond_32_bits_come_from_ds64():
    """Oracle: a hand-built RF64 file with a table of two chunks of one name, in order, and a plain 32-bit length between them."""
    long = [
        struct.pack("<4sI", name, UNKNOWN) + body for name, body in ((b"data", b"123456"), (b"axml", b"ab"), (b"axml", b"cdef"))
    ]
    table = ds64(6, (b"axml", 2), (b"axml", 4))
    file = riff(table, long[0], long[1], b"junk\2\0\0\0zz", long[2], form=b"RF64")
    assert [(each.name, each.length, each.truncated) for each in chunks(file)] == [
        (b"ds64", 52, False),
        (b"data", 6, False),
        (b"axml", 2, False),
        (b"junk", 2, False),
        (b"axml", 4, False),
    ]
    [*_, last] = chunks(file)
    assert last.body(file, 100) == b"cdef"


@pytest.mark.parametrize("length", [UNKNOWN, 0x7FFF_F000, 0x8000_0000])
def test_sound_from_a_pipe_reaches_to_the_end(length):
    """Oracle: the lengths that FFmpeg, SoX and arecord write when they cannot seek back."""
    file = riff(b"data" + struct.pack("<I", length) + b"12345678")
    assert list(chunks(file)) == [Chunk(b"data", 20, 8)]


@pytest.mark.parametrize("length", [9, 1 << 20, 0x9000_0000])
def test_promises_that_the_file_does_not_keep_are_told(length):
    """Oracle: planted lengths; the body is what is there, and the walk ends."""
    file = riff(b"fmt \2\0\0\0ab", b"data" + struct.pack("<I", length) + b"12345678")
    assert list(chunks(file)) == [Chunk(b"fmt ", 20, 2), Chunk(b"data", 30, 8, truncated=True)]


def test_what_follows_the_last_chunk_is_no_chunk():
    """Oracle: zeros and half a header after the last chunk; other kinds of files have none."""
    for tail in (b"\0" * 64, b"data", b"\xff\xff\xff\xffabcd1234"):
        assert list(chunks(riff(b"fmt \2\0\0\0ab" + tail))) == [Chunk(b"fmt ", 20, 2)]
    for other in (b"", b"RIFF", b"RIFX\0\0\0\0WAVEfmt \0\0\0\0", b"caff" + bytes(20)):
        assert riff_form(io.BytesIO(other)) is None and list(chunks(io.BytesIO(other))) == []
    with pytest.raises(InputError, match="more than 4096 chunks"):
        list(chunks(riff(b"none\0\0\0\0" * 5000)))


def test_the_walk_survives_any_damage():
    """Oracle: the promise itself, on 3000 mutated files: every body lies in the file, after the one before."""
    good = riff(  # all that the walker knows
        ds64(6, (b"axml", 2)),
        b"fmt " + struct.pack("<I", 16) + bytes(16),
        struct.pack("<4sI", b"data", UNKNOWN) + b"123456",
        form=b"RF64",
    ).getvalue()
    rng = np.random.default_rng(0)
    for _ in range(3000):
        data = bytearray(good[: rng.integers(1, len(good) + 1)])
        for at in rng.integers(0, len(data), rng.integers(0, 6)):
            data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)])
        end = 0
        for each in chunks(io.BytesIO(data)):
            assert end <= each.start - 8 and 0 <= each.length <= len(data) - each.start
            end = each.start + each.length
