"""Opus heads planted by RFC 7845 and RFC 8486, and those of the encoder in FFmpeg."""

import struct

import numpy as np
import pytest

from seehear.io.opus import opus_head, read_opus_head
from seehear.types import InputError


def head(n_channels: int, family: int, tail: bytes = b"", version: int = 1) -> bytes:
    return b"OpusHead" + struct.pack("<BBHIhB", version, n_channels, 312, 44_100, -256, family) + tail


def ogg(packet: bytes, serial: int = 7, lie: int = 0) -> bytes:
    """One or more pages of a packet, by RFC 3533, 6."""
    lacing = [255] * (len(packet) // 255) + [len(packet) % 255]
    pages = b""
    while lacing:
        now, lacing = lacing[:255], lacing[255:]
        body, packet = packet[: sum(now)], packet[sum(now) :]
        pages += b"OggS" + struct.pack("<BBqIIIB", 0, 0, 0, serial, 0, 0, len(now) + lie) + bytes(now) + body
    return pages


def test_heads_of_every_family(tmp_path):
    """Oracle: planted fields (RFC 7845, 5.1; RFC 8486, 3.1 and 3.2)."""
    stereo = opus_head(head(2, 0))
    assert (stereo.n_channels, stereo.pre_skip_samples, stereo.input_rate_hz, stereo.gain_db) == (2, 312, 44_100, -1.0)
    assert (stereo.n_streams, stereo.n_coupled, stereo.mapping, stereo.ambisonic_order) == (1, 1, (0, 1), None)
    quad = opus_head(head(4, 1, bytes([2, 2, 0, 1, 2, 3])))
    assert (quad.family, quad.n_streams, quad.n_coupled, quad.ambisonic_order) == (1, 2, 2, None)
    foa = opus_head(head(4, 2, bytes([4, 0, 0, 1, 255, 3])))
    assert (foa.n_streams, foa.mapping, foa.ambisonic_order) == (4, (0, 1, 255, 3), 1)
    assert [opus_head(head(n, 2, bytes([n, 0, *range(n)]))).ambisonic_order for n in (6, 11, 16, 5)] == [1, 2, 3, None]
    matrix = np.arange(4 * 5).reshape(5, 4)  # column after column: the second column of the matrix is 4 to 7
    mixed = opus_head(head(4, 3, bytes([3, 2]) + matrix.astype("<i2").tobytes()))
    assert mixed.mapping == () and np.array_equal(mixed.matrix * 32768, matrix.T)
    path = tmp_path / "a.opus"
    large = head(150, 3, bytes([150, 0]) + bytes(2 * 150 * 150))  # 45 021 bytes on one page, 88 000 on two
    for packet in (large, head(200, 3, bytes([220, 0]) + bytes(2 * 200 * 220))):
        path.write_bytes(ogg(packet) + ogg(b"OpusTags"))
        assert read_opus_head(path).matrix.size == (len(packet) - 21) // 2


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (b"OpusHead", "19 bytes or more"),
        (head(3, 0), "one or two channels, not 3"),
        (head(0, 1, bytes(2)), "no channels"),
        (head(2, 0, version=16), "version 16"),
        (head(4, 2), "mapping of the Opus head is missing"),
        (head(4, 2, bytes([4, 0, 0, 1])), "maps 4 channels"),
        (head(4, 2, bytes([4, 0, 0, 1, 2, 9])), "of 4"),
        (head(4, 2, bytes([0, 0, 0, 1, 2, 3])), "0 streams"),
        (head(4, 2, bytes([2, 3, 0, 1, 2, 3])), "3 of them stereo"),
        (head(4, 3, bytes([4, 0]) + bytes(31)), "31 bytes, 32 are needed"),
    ],
)
def test_damaged_heads_are_refused(tmp_path, packet, message):
    """Oracle: planted contradictions."""
    (tmp_path / "a.opus").write_bytes(ogg(packet))
    with pytest.raises(InputError, match=message):
        read_opus_head(tmp_path / "a.opus")


def test_other_files_have_no_head(tmp_path):
    """Oracle: planted: no Ogg file, another codec, a page that promises more than there is."""
    for data in (b"RIFF", b"OggS", ogg(b"\x01vorbis" + bytes(30)), ogg(b"")[:27]):
        (tmp_path / "a.opus").write_bytes(data)
        assert read_opus_head(tmp_path / "a.opus") is None
    (tmp_path / "a.opus").write_bytes(ogg(head(2, 0), lie=200)[:40])
    assert read_opus_head(tmp_path / "a.opus") is None
