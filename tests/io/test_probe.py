"""Headers of media files. Oracles: bytes laid out by the test after the published formats, and FFmpeg's own reading."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import soundfile

from faulty_files import B_FORMAT_GUID_TAIL, RATE, field, opus, patched, speakers, video, wav
from seehear.io.probe import SpatialAudio, probe
from seehear.io.spherical import mark
from seehear.types import STEREO, InputError

FOUR = field(seconds=0.02)


def test_a_wave_header(tmp_path: Path) -> None:
    """Planted: mask, B-format, three kinds of text, a length that is 7 too long."""
    chunks = [
        (b"bext", b"Description".ljust(602, b"\0")),
        (b"iXML", b"<BWFXML/>"),
        (b"LIST", b"INFO" + b"ICMT" + struct.pack("<I", 5) + b"hello" + b"\0" + b"IART" + struct.pack("<I", 2) + b"me"),
    ]
    path = wav(tmp_path / "a.wav", FOUR, mask=0x33, guid_tail=B_FORMAT_GUID_TAIL, chunks=chunks)
    n_bytes = path.stat().st_size
    patched(b"RIFF", struct.pack("<I", n_bytes - 8 + 7), 4)(path)
    header = probe(path)
    assert (header.container, header.codec, header.bits, header.n_channels) == ("RIFF/WAVE", "float", 32, 4)
    assert (header.sample_rate_hz, header.n_bytes) == (RATE, n_bytes)
    assert header.texts == (("bext", "Description"), ("iXML", "<BWFXML/>"), ("INFO ICMT", "hello"), ("INFO IART", "me"))
    wave = header.wave
    assert wave is not None
    assert (wave.mask, wave.b_format, wave.form_bytes, wave.truncated) == (0x33, True, n_bytes + 7, False)
    assert wave.chunks == ("fmt", "bext", "iXML", "LIST", "data")


@pytest.mark.parametrize(
    ("name", "subtype", "told"),
    [
        ("a.flac", "PCM_24", ("FLAC", "FLAC", 24)),
        ("a.flac", "PCM_16", ("FLAC", "FLAC", 16)),
        ("a.aiff", "PCM_16", ("AIFF", "PCM", 16)),
        ("a.caf", "FLOAT", ("CAF", "float", 32)),
        ("a.w64", "PCM_24", ("Wave64", "PCM", 24)),
        ("a.ogg", "VORBIS", ("Ogg", "Vorbis", None)),
        ("a.mp3", "MPEG_LAYER_III", ("MP3", "MP3", None)),
        ("a.wav", "ULAW", ("RIFF/WAVE", "mu-law", None)),
        ("a.wav", "PCM_U8", ("RIFF/WAVE", "PCM", 8)),
    ],
)
def test_containers_that_libsndfile_writes(name: str, subtype: str, told: tuple, tmp_path: Path) -> None:
    """What was asked of libsndfile is what is told."""
    soundfile.write(tmp_path / name, speakers(STEREO, 0.1).T, RATE, subtype)
    header = probe(tmp_path / name)
    assert (header.container, header.codec, header.bits) == told
    assert (header.n_channels, header.sample_rate_hz) == (2, RATE)


def test_a_spherical_video(tmp_path: Path) -> None:
    """The boxes as the specifications lay them out; the numbers of SA3D are patched to tell every field from the others."""
    path = video(tmp_path / "a.mov", FOUR, "4.0", mapping=lambda made: mark(made, sphere=True, ambisonic_order=1))
    body = struct.pack(">BBIBBI4I", 1, 0x80, 3, 4, 5, 4, 3, 2, 1, 0)
    patched(b"SA3D", body, 4)(path)
    header = probe(path)
    iso = header.iso
    assert iso is not None
    assert (header.container, header.codec, header.bits, header.n_channels) == ("QuickTime", "PCM", 24, 4)
    assert iso.sa3d == SpatialAudio(1, 0x80, 3, 4, 5, 4, (3, 2, 1, 0))
    assert not iso.sa3d.is_ambix
    assert (iso.picture_codec, iso.width_px, iso.height_px, iso.n_sound_tracks) == ("avc1", 720, 360, 1)
    assert (iso.spherical, iso.spherical_v1, iso.stereo_mode, iso.missing_bytes) == ("equirectangular", True, "mono", 0)


def test_a_plain_video(tmp_path: Path) -> None:
    header = probe(video(tmp_path / "a.mp4", speakers(STEREO, 0.1), "stereo", (64, 48)))
    assert (header.container, header.codec, header.layout) == ("MP4", "AAC", "stereo")  # FFmpeg's words
    assert header.iso is not None
    assert (header.iso.sa3d, header.iso.spherical, header.iso.stereo_mode, header.iso.spherical_v1) == (None, "", "", False)
    assert (header.iso.width_px, header.iso.height_px) == (64, 48)


def test_an_opus_field(tmp_path: Path) -> None:
    header = probe(opus(tmp_path / "a.opus", FOUR, 2))
    assert header.opus is not None
    assert (header.container, header.codec, header.opus.family, header.n_channels) == ("Ogg", "Opus", 2, 4)
    assert header.layout == "ambisonic 1"  # FFmpeg's words


@pytest.mark.parametrize("content", [b"hello, world. " * 100, b"\0" * 5000, b"RIFF\x24\0\0\0WAVEfmt ", b"OggS" + bytes(40)])
def test_what_is_no_media(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.wav"):
        probe(path)
