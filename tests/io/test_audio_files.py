"""Sound files: masks and order, exact samples, honest tags, and every way to be unreadable."""

import io
import struct
import wave

import av
import numpy as np
import pytest
import soundfile
from scipy.io import wavfile

from seehear.io import wav
from seehear.io.audio import read_ambisonics, read_audio, write_audio
from seehear.types import (
    BINAURAL,
    FOA,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1,
    SURROUND_7_1_4,
    Audio,
    InputError,
    Layout,
    ambisonics,
)

LARGER = [
    (SURROUND_7_1, ""),
    (SURROUND_5_1_4, ""),
    (SURROUND_7_1_4, ""),
    (ambisonics(2), "acn-sn3d"),
    (ambisonics(7), "acn-sn3d"),
]
MASKS = {SURROUND_7_1: 0x63F, SURROUND_5_1_4: 0x2D60F, SURROUND_7_1_4: 0x2D63F, ambisonics(3): 0}
FFMPEG_NAMES = {"5.1": "5.1(side)", "foa": "4 channels", "7.1": "7.1", "5.1.4": "5.1.4", "7.1.4": "7.1.4", "hoa3": "16 channels"}
STEP = {"PCM_16": 2.0**-15, "PCM_24": 2.0**-23, "FLOAT": 0.0}
PCM_GUID = bytes.fromhex("0100000000001000800000aa00389b71")
B_FORMAT_GUID = bytes.fromhex("010000002107d3118644c8c1ca000000")


def fmt_chunk(data: bytes) -> bytes:
    at = data.index(b"fmt ")
    return data[at + 8 : at + 8 + struct.unpack("<I", data[at + 4 : at + 8])[0]]


def extensible(mask: int, samples: np.ndarray, guid: bytes = PCM_GUID) -> bytes:
    """A 16-bit WAVE_FORMAT_EXTENSIBLE file by the letter of Microsoft's page; ``samples`` int16 (T, C)."""
    n, rate = samples.shape[1], 48_000
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, n, rate, rate * 2 * n, 2 * n, 16, 22, 16, mask) + guid
    data = samples.astype("<i2").tobytes()
    body = b"WAVEfmt " + struct.pack("<I", 40) + fmt + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("subtype", list(STEP))
@pytest.mark.parametrize(
    ("layout", "convention"), [(MONO, ""), (STEREO, ""), (BINAURAL, ""), (SURROUND_5_1, ""), (FOA, "acn-sn3d"), *LARGER]
)
def test_samples_come_back_through_two_readers(tmp_path, noise, layout, convention, subtype):
    """Oracle: libsndfile and scipy read what was written, in the same order, to half a step of the subtype."""
    audio = noise(layout, convention=convention)
    write_audio(tmp_path / "a.wav", audio, subtype)
    samples, rate = soundfile.read(tmp_path / "a.wav", always_2d=True)
    assert rate == 48_000 and np.abs(samples.T - audio.samples).max() <= STEP[subtype] / 2
    rate, raw = wavfile.read(tmp_path / "a.wav")
    scale = {"PCM_16": 2.0**15, "PCM_24": 2.0**31, "FLOAT": 1.0}[subtype]
    assert rate == 48_000 and np.abs(raw.reshape(-1, layout.n_channels).T / scale - audio.samples).max() <= STEP[subtype] / 2
    back = read_audio(tmp_path / "a.wav")
    assert back.layout == (STEREO if layout is BINAURAL else layout) and back.convention == convention
    assert np.array_equal(back.samples, samples.T.astype(np.float32))


@pytest.mark.parametrize(("layout", "mask"), [(SURROUND_5_1, 0x60F), (FOA, 0), *MASKS.items()])
def test_the_header_says_what_the_channels_are(tmp_path, noise, layout, mask):
    """Oracle: WAVEFORMATEXTENSIBLE decoded by hand; FFmpeg knows the loudspeaker layouts by their masks, and nothing of AmbiX."""
    write_audio(tmp_path / "a.wav", noise(layout, convention="acn-sn3d" if layout.kind == "ambisonics" else ""))
    tag, n, rate, rate_bytes, align, bits, extra, valid, found, guid = struct.unpack(
        "<HHIIHHHHI16s", fmt_chunk((tmp_path / "a.wav").read_bytes())
    )
    assert (tag, n, rate, bits, extra, valid, found, guid) == (0xFFFE, layout.n_channels, 48_000, 24, 22, 24, mask, PCM_GUID)
    assert align == 3 * n and rate_bytes == 48_000 * align
    with av.open(str(tmp_path / "a.wav")) as container:
        name = container.streams.audio[0].codec_context.layout.name
    assert name == FFMPEG_NAMES[layout.name]


def test_surrounds_may_be_called_back_on_request(tmp_path, noise):
    """Oracle: the mask at its place in the header, PyAV's name of the layout, the same samples; other masks are refused."""
    audio = noise(SURROUND_5_1)
    write_audio(tmp_path / "back.wav", audio, mask=0x3F)
    write_audio(tmp_path / "side.wav", audio, mask=0x60F)
    assert struct.unpack("<I", (tmp_path / "back.wav").read_bytes()[40:44]) == (0x3F,)
    with av.open(str(tmp_path / "back.wav")) as container:
        assert container.streams.audio[0].layout.name == "5.1"
    assert read_audio(tmp_path / "back.wav").layout == SURROUND_5_1
    assert (tmp_path / "back.wav").read_bytes()[44:] == (tmp_path / "side.wav").read_bytes()[44:]
    for name, layout, mask in (("a.wav", SURROUND_5_1, 0x3), ("a.wav", FOA, 0x33), ("a.flac", SURROUND_5_1, 0x3F)):
        with pytest.raises(InputError, match="mask"):
            write_audio(tmp_path / name, noise(layout, convention="acn-sn3d" if layout is FOA else ""), mask=mask)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.wav", "side.wav"]


def test_two_channels_are_plain_pcm(tmp_path, noise):
    """Oracle: Python's wave module, which reads nothing but plain PCM."""
    audio = noise(STEREO)
    write_audio(tmp_path / "a.wav", audio)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (
            2,
            3,
            48_000,
            audio.n_samples,
        )


def test_odd_lengths_are_padded_and_sizes_are_right(tmp_path):
    """Oracle: RIFF: every size field by hand; one sample of 24-bit mono needs a pad byte."""
    write_audio(tmp_path / "a.wav", Audio(np.full((1, 1), 0.5, np.float32), 48_000, MONO))
    data = (tmp_path / "a.wav").read_bytes()
    assert len(data) == 44 + 4 and struct.unpack("<I", data[4:8])[0] == 40 and struct.unpack("<I", data[40:44])[0] == 3
    assert data[44:] == b"\x00\x00\x40\x00"


def test_the_same_audio_gives_the_same_bytes(tmp_path, noise):
    """Oracle: equality of two writes, WAV and FLAC."""
    for name in ("a.wav", "a.flac"):
        write_audio(tmp_path / name, noise(SURROUND_5_1))
        first = (tmp_path / name).read_bytes()
        write_audio(tmp_path / name, noise(SURROUND_5_1), force=True)
        assert (tmp_path / name).read_bytes() == first


@pytest.mark.parametrize("layout", [MONO, STEREO, BINAURAL, SURROUND_5_1, SURROUND_7_1])
def test_flac_keeps_samples_and_order(tmp_path, noise, layout):
    """Oracle: libsndfile and FFmpeg, which know the fixed orders of FLAC (RFC 9639, 9.1.3)."""
    audio = noise(layout)
    write_audio(tmp_path / "a.flac", audio)
    samples, _ = soundfile.read(tmp_path / "a.flac", always_2d=True)
    assert np.abs(samples.T - audio.samples).max() <= 2.0**-24
    assert read_audio(tmp_path / "a.flac").layout == (STEREO if layout is BINAURAL else layout)
    with av.open(str(tmp_path / "a.flac")) as container:
        assert container.streams.audio[0].codec_context.layout.name == {1: "mono", 2: "stereo", 6: "5.1(side)", 8: "7.1"}[
            layout.n_channels
        ] or (layout is SURROUND_5_1 and container.streams.audio[0].codec_context.layout.name == "5.1")


@pytest.mark.parametrize(
    ("mask", "n", "name"),
    [
        (0x60F, 6, "5.1"),
        (0x3F, 6, "5.1"),
        (0, 6, "discrete6"),
        (0, 4, "discrete4"),
        (0x33, 4, "discrete4"),
        (0x63F, 8, "7.1"),
        (0xFF, 8, "discrete8"),
        (0x2D60F, 10, "5.1.4"),
        (0x2D63F, 12, "7.1.4"),
        (0, 16, "discrete16"),
    ],
)
def test_masks_of_other_programs_are_understood(tmp_path, mask, n, name):
    """Oracle: files built by hand; four channels without a mask are not taken for ambisonics."""
    samples = np.arange(n * 10, dtype=np.int16).reshape(10, n)
    (tmp_path / "a.wav").write_bytes(extensible(mask, samples))
    audio = read_audio(tmp_path / "a.wav")
    assert audio.layout.name == name and audio.convention == "" and np.array_equal(audio.samples, samples.T / np.float32(2**15))


def test_ambisonics_is_known_only_when_it_is_said(tmp_path):
    """Oracle: a hand-built .amb file is FuMa; an untagged one is what the caller says, AmbiX unless told."""
    samples = np.arange(40, dtype=np.int16).reshape(10, 4)
    (tmp_path / "a.amb").write_bytes(extensible(0, samples, B_FORMAT_GUID))
    (tmp_path / "a.wav").write_bytes(extensible(0, samples))
    assert (read_audio(tmp_path / "a.amb").layout, read_audio(tmp_path / "a.amb").convention) == (FOA, "fuma")
    assert (
        read_audio(tmp_path / "a.wav", FOA).convention == "acn-sn3d"
        and read_audio(tmp_path / "a.wav", FOA, "fuma").convention == "fuma"
    )
    with pytest.raises(InputError, match=r"4 channels, 5\.1 needs 6"):
        read_audio(tmp_path / "a.wav", SURROUND_5_1)


def test_ambisonic_files_of_any_order(tmp_path, noise):
    """Oracle: the samples that were written, tagged by the caller when the file says nothing, by the file when it does."""
    for order in (1, 3, 7):
        audio = noise(ambisonics(order), convention="acn-sn3d")
        write_audio(tmp_path / "ambix.wav", audio, "FLOAT", force=True)
        soundfile.write(tmp_path / "plain.wav", audio.samples.T, 48_000, subtype="FLOAT")
        for name in ("ambix.wav", "plain.wav"):
            back = read_ambisonics(tmp_path / name)
            assert (back.layout, back.convention) == (ambisonics(order), "acn-sn3d")
            assert np.array_equal(back.samples, audio.samples)
    samples = np.arange(160, dtype=np.int16).reshape(10, 16)
    (tmp_path / "third.amb").write_bytes(extensible(0, samples, B_FORMAT_GUID))
    assert (read_ambisonics(tmp_path / "third.amb").layout.name, read_ambisonics(tmp_path / "third.amb").convention) == (
        "hoa3",
        "fuma",
    )
    (tmp_path / "third.wav").write_bytes(extensible(0, samples))
    assert read_ambisonics(tmp_path / "third.wav", "fuma").convention == "fuma"


def test_what_is_no_ambisonic_file(tmp_path, noise):
    """Oracle: planted faults, each said: a count, speakers, FuMa where the file says AmbiX, FuMa of fifth order."""
    write_audio(tmp_path / "surround.wav", noise(SURROUND_5_1))
    (tmp_path / "quad.wav").write_bytes(extensible(0x33, np.ones((10, 4), np.int16)))
    write_audio(tmp_path / "ambix.wav", noise(FOA, convention="acn-sn3d"))
    (tmp_path / "fifth.wav").write_bytes(extensible(0, np.ones((10, 36), np.int16)))
    for name, convention, message in (
        ("surround.wav", "", r"has 6 channels: ambisonics of order 1 to 7 has 4, 9, 16, 25, 36, 49, 64"),
        ("quad.wav", "", "loudspeakers"),
        ("ambix.wav", "fuma", "says that it is acn-sn3d, not fuma"),
        ("fifth.wav", "fuma", "FuMa ends at third order"),
    ):
        with pytest.raises(InputError, match=message):
            read_ambisonics(tmp_path / name, convention)


def test_ambisonic_files_that_no_field_has(tmp_path):
    """Oracle: planted faults at and beyond the edges: rates of 1 Hz and 4 MHz, samples of 3e38."""
    for rate_hz, peak, message in (
        (1, 1.0, "sample rate of 1 Hz: 8000 to 192000 Hz"),
        (4_000_000, 1.0, r"sample rate of 4e\+06 Hz"),
        (48_000, 3e38, r"reaches 3e\+38, full scale is 1"),
    ):
        soundfile.write(tmp_path / "a.wav", np.full((50, 4), peak, np.float32), rate_hz, subtype="FLOAT")
        with pytest.raises(InputError, match=message):
            read_ambisonics(tmp_path / "a.wav")
    for rate_hz in (8_000, 192_000):
        soundfile.write(tmp_path / "a.wav", np.full((50, 4), 1e6, np.float32), rate_hz, subtype="FLOAT")
        assert read_ambisonics(tmp_path / "a.wav").samples.max() == 1e6


@pytest.mark.parametrize("name", ["a.flac", "a.ogg"])
def test_four_channels_are_quadraphonic_where_the_format_says_so(tmp_path, name):
    """Oracle: RFC 9639 9.1.3 and Vorbis I 4.3.9: four channels are loudspeakers, so the caller must say that they are not."""
    soundfile.write(tmp_path / name, np.full((2000, 4), 0.25), 48_000)
    with pytest.raises(InputError, match="four channels, which are quadraphonic loudspeakers"):
        read_ambisonics(tmp_path / name)
    for convention in ("acn-sn3d", "fuma"):
        assert read_ambisonics(tmp_path / name, convention).convention == convention


@pytest.mark.parametrize(("codec", "name"), [("aac", "a.m4a"), ("libopus", "a.webm"), ("libmp3lame", "a.mp3")])
def test_compressed_sound_starts_in_time(tmp_path, codec, name):
    """Oracle: a planted click at 0.25 s comes back within 1 ms, encoder delay taken off."""
    click = np.zeros((2, 24_000), np.float32)
    click[:, 12_000:12_048] = np.hanning(48) * 0.9
    with av.open(str(tmp_path / name), "w", format="mp4" if name.endswith("m4a") else None) as output:
        stream = output.add_stream(codec, rate=48_000, layout="stereo")
        planar = codec != "libopus"
        samples = click if planar else np.ascontiguousarray(click.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp" if planar else "flt", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    audio = read_audio(tmp_path / name)
    assert audio.layout == STEREO and abs(int(np.abs(audio.samples[0]).argmax()) - 12_024) < 48


def test_bad_sounds_say_why(tmp_path, noise):
    """Oracle: planted faults; each is one sentence that names the file."""
    write_audio(tmp_path / "whole.wav", noise(SURROUND_5_1))
    data = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "half.wav").write_bytes(data[: len(data) // 2])
    (tmp_path / "head.wav").write_bytes(data[:30])
    (tmp_path / "none.wav").write_bytes(extensible(3, np.zeros((0, 2), np.int16)))
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound " * 100)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan, 0.0]), 48_000, subtype="FLOAT")
    soundfile.write(tmp_path / "inf.wav", np.array([0.0, np.inf, 0.0]), 48_000, subtype="FLOAT")
    faults = {
        "half.wav": "truncated",
        "head.wav": "damaged",
        "none.wav": "no samples",
        "empty.wav": "0 bytes",
        "text.wav": "no known format",
        "nan.wav": "NaN",
        "inf.wav": "infinite",
        "missing.wav": "does not exist",
    }
    for name, message in faults.items():
        with pytest.raises(InputError, match=message) as caught:
            read_audio(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_impossible_writes_are_refused_and_leave_nothing(tmp_path, noise, monkeypatch):
    """Oracle: planted requests; the folder stays empty."""
    loud = Audio(np.full((2, 100), 1.25, np.float32), 48_000, STEREO)
    fuma, ambix, untagged = (noise(FOA, convention=c) for c in ("fuma", "acn-sn3d", ""))
    quad = Audio(np.zeros((4, 10), np.float32), 48_000, Layout("discrete4", "discrete", ("1", "2", "3", "4")))
    requests = [
        ("a.wav", loud, "PCM_24", r"\+1\.9 dBFS"),
        ("a.wav", fuma, "PCM_24", "this audio is fuma"),
        ("a.wav", untagged, "PCM_24", "untagged"),
        ("a.flac", ambix, "PCM_24", "FLAC has no place for foa"),
        ("a.flac", quad, "PCM_24", "FLAC has no place for discrete4"),
        ("a.flac", noise(STEREO), "FLOAT", "FLAC has no place for floating-point"),
        ("a.mp3", noise(STEREO), "PCM_24", "no known audio extension"),
        ("a", noise(STEREO), "PCM_24", "no known audio extension"),
        ("a.wav", noise(STEREO), "PCM_8", "unknown sample format"),
        ("none/a.wav", noise(STEREO), "PCM_24", "does not exist"),
    ]
    for name, audio, subtype, message in requests:
        with pytest.raises(InputError, match=message):
            write_audio(tmp_path / name, audio, subtype)
    monkeypatch.setattr(wav, "_MAX_BYTES", 100_000)
    with pytest.raises(InputError, match="do not fit in a RIFF file"):
        wav.write_wav(io.BytesIO(), noise(STEREO), "PCM_24", container="wav")
    assert list(tmp_path.iterdir()) == []
    write_audio(tmp_path / "a.wav", loud, "FLOAT")
    assert (read_audio(tmp_path / "a.wav").samples == 1.25).all()


def test_real_sounds_are_read(media):
    """Oracle: libsndfile's own count of channels and samples."""
    for path in [*sorted((media / "foa_jsambisonics").glob("*.ogg")), *sorted((media / "audio_misc_ccby").glob("*.*"))[:5]]:
        if path.suffix == ".csv":
            continue
        audio, info = read_audio(path), soundfile.info(path)
        assert (audio.layout.n_channels, audio.n_samples, audio.sample_rate_hz) == (info.channels, info.frames, info.samplerate)
