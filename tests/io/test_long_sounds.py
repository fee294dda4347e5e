"""Sound of any length: RF64 and BW64 beyond 4 GB, files read span by span, memory that does not grow."""

import io
import os
import struct
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import av
import numpy as np
import pytest
import soundfile
from scipy.io import wavfile

from seehear.io import wav
from seehear.io.audio import open_ambisonics, open_audio, read_ambisonics, read_audio, write_audio
from seehear.io.riff import chunks
from seehear.io.streams import Spool, spooled
from seehear.types import FOA, MONO, STEREO, SURROUND_5_1, Audio, InputError, Layout, ambisonics, blocks

GIB = 1 << 30


@dataclass(frozen=True)
class Silence:
    """A sound of any length that takes no memory, with one known sample at its end."""

    layout: Layout
    n_samples: int
    sample_rate_hz: int = 48_000
    convention: str = ""

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate_hz

    def read(self, start, stop):
        block = np.zeros((self.layout.n_channels, stop - start), np.float32)
        if stop == self.n_samples and stop > start:
            block[:, -1] = np.arange(1, self.layout.n_channels + 1) / 16
        return block


class HoleyFile(io.FileIO):
    """A file in which zeros are left out, as holes."""

    def write(self, data):
        if bytes(data).count(0) < len(data):
            return super().write(data)
        self.seek(len(data), os.SEEK_CUR)
        return len(data)


def rf64(n_channels: int, n_samples: int, form: bytes = b"RF64") -> bytes:
    """The head of a 16-bit file by the letter of EBU Tech 3306 and ITU-R BS.2088."""
    n_data = 2 * n_channels * n_samples
    ds64 = struct.pack("<QQQI", 72 + n_data, n_data, n_samples, 0)
    fmt = struct.pack("<HHIIHH", 1, n_channels, 48_000, 96_000 * n_channels, 2 * n_channels, 16)
    head = form + b"\xff\xff\xff\xffWAVEds64" + struct.pack("<I", 28) + ds64 + b"fmt " + struct.pack("<I", 16) + fmt
    return head + b"data\xff\xff\xff\xff"


@pytest.mark.parametrize("form", [b"RF64", b"BW64"])
def test_the_end_of_more_than_4_gb_is_read(tmp_path, form):
    """Oracle: a header built by hand before 5 GB of holes and two planted frames; libsndfile for RF64, which it knows."""
    n_samples = 5 * GIB // 4
    head = rf64(2, n_samples, form)
    with (tmp_path / "a.wav").open("wb") as file:
        file.write(head)
        os.truncate(file.fileno(), len(head) + 4 * n_samples)
        file.seek(-8, os.SEEK_END)
        file.write(np.array([1, -2, 3, -4], "<i2").tobytes())
    sound = open_audio(tmp_path / "a.wav")
    assert (sound.n_samples, sound.layout, sound.duration_s) == (n_samples, STEREO, n_samples / 48_000)
    assert np.array_equal(sound.read(n_samples - 3, n_samples) * 2**15, [[0, 1, 3], [0, -2, -4]])
    if form == b"RF64":
        with soundfile.SoundFile(tmp_path / "a.wav") as file:
            assert file.frames == n_samples and file.seek(n_samples - 2) and (file.read(2, "int16") == [[1, -2], [3, -4]]).all()


def written(sound, container, subtype="PCM_24", **more) -> bytes:
    file = io.BytesIO()
    wav.write_wav(file, sound, subtype, container=container, **more)
    return file.getvalue()


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
@pytest.mark.parametrize(("layout", "convention", "name"), [(SURROUND_5_1, "", "5.1(side)"), (FOA, "acn-sn3d", "4 channels")])
def test_others_read_our_rf64_and_bw64(tmp_path, noise, layout, convention, name, subtype):
    """Oracle: libsndfile and scipy read RF64, FFmpeg both, with the samples of the plain file, bit for bit, and the layout."""
    audio = noise(layout, 0.1, convention=convention)
    plain, _ = soundfile.read(io.BytesIO(written(audio, "wav", subtype)), dtype="int32" if subtype == "PCM_24" else "float32")
    for container in ("rf64", "bw64"):
        (tmp_path / "a.wav").write_bytes(written(audio, container, subtype))
        with av.open(str(tmp_path / "a.wav")) as file:
            assert file.streams.audio[0].codec_context.layout.name == name
            found = np.concatenate([frame.to_ndarray().reshape(-1, layout.n_channels) for frame in file.decode(audio=0)])
            assert np.array_equal(found, plain)
        back = read_audio(tmp_path / "a.wav")
        assert (back.layout, back.convention) == (layout, convention)
        assert np.array_equal(back.samples.T, soundfile.read(io.BytesIO(written(audio, "wav", subtype)), dtype="float32")[0])
        if container == "rf64":
            assert np.array_equal(soundfile.read(tmp_path / "a.wav", dtype=plain.dtype)[0], plain)
            assert np.array_equal(wavfile.read(tmp_path / "a.wav")[1], plain)


@pytest.mark.parametrize("container", ["wav", "rf64", "bw64"])
def test_further_chunks_surround_the_sound(noise, container):
    """Oracle: the walk over what was written: order, bodies, and no byte beyond; FFmpeg still finds every sample."""
    audio = noise(MONO, 0.001)  # 48 samples of three bytes
    data = written(audio, container, before=[(b"chna", b"odd")], after=[(b"axml", b"<a/>"), (b"note", b"12345")])
    file = io.BytesIO(data)
    found = {each.name: each.body(file, 100) for each in chunks(file)}
    assert list(found) == [b"ds64"] * (container != "wav") + [b"fmt ", b"chna", b"data", b"axml", b"note"]
    assert (found[b"chna"], found[b"axml"], found[b"note"]) == (b"odd", b"<a/>", b"12345")
    n_form = struct.unpack("<I", data[4:8])[0] if container == "wav" else struct.unpack("<Q", data[20:28])[0]
    assert n_form == len(data) - 8
    with av.open(io.BytesIO(data)) as read:
        assert sum(frame.samples for frame in read.decode(audio=0)) == 48


def test_the_container_grows_with_the_sound(tmp_path, monkeypatch):
    """Oracle: sizes by hand around the limit of 2^32 - 1 bytes, and libsndfile's count behind a hole of that size."""
    most = (0xFFFF_FFFF - 36) // 2  # bytes of 16-bit mono that a head of 44 bytes has room for
    heads = {}
    for n_samples in (most, most + 1, 100 * GIB):
        sound = Silence(MONO, n_samples)
        head, n_data = wav._header(sound, "PCM_16", wav._fmt(sound, "PCM_16", 0), b"", 0, "auto")
        assert n_data == 2 * n_samples
        heads[n_samples] = head
    assert heads[most][:4] == b"RIFF" and struct.unpack("<I", heads[most][4:8])[0] == 36 + 2 * most
    for n_samples in (most + 1, 100 * GIB):
        assert heads[n_samples][:8] == b"RF64\xff\xff\xff\xff"
        assert struct.unpack("<QQQI", heads[n_samples][20:48]) == (72 + 2 * n_samples, 2 * n_samples, n_samples, 0)
    (tmp_path / "a.wav").write_bytes(heads[most + 1])
    os.truncate(tmp_path / "a.wav", len(heads[most + 1]) + 2 * (most + 1))
    assert soundfile.info(tmp_path / "a.wav").frames == most + 1
    monkeypatch.setattr(wav, "_MAX_BYTES", 1000)
    write_audio(tmp_path / "b.wav", Silence(MONO, 1000))
    assert (tmp_path / "b.wav").read_bytes()[:4] == b"RF64" and read_audio(tmp_path / "b.wav").samples[0, -1] == 1 / 16


@pytest.mark.slow
def test_more_than_4_gb_are_written(tmp_path):
    """Oracle: libsndfile finds the length and the planted last frame of 4.4 GB that were written block by block."""
    sound = Silence(SURROUND_5_1, 185_000_000)
    with HoleyFile(tmp_path / "a.wav", "w") as file:
        wav.write_wav(file, sound, "FLOAT")
    assert (tmp_path / "a.wav").stat().st_size > 1 << 32
    with soundfile.SoundFile(tmp_path / "a.wav") as file:
        assert file.frames == sound.n_samples
        file.seek(sound.n_samples - 2)
        assert np.array_equal(file.read(2), [[0] * 6, [c / 16 for c in range(1, 7)]])


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.caf"])
def test_an_hour_takes_the_memory_of_a_minute(tmp_path, name):
    """Oracle: Python's and numpy's own count of memory while 40 MB of sound are written and read back."""
    sound = Silence(STEREO, 40 * 131_072)
    tracemalloc.start()
    try:
        write_audio(tmp_path / name, sound)
        back = open_audio(tmp_path / name)
        assert sum(block.shape[1] for block in blocks(back)) == back.n_samples == sound.n_samples
        assert tracemalloc.get_traced_memory()[1] < 12 << 20  # a block is 1 MB in float32; a whole file would be 40
    finally:
        tracemalloc.stop()
    assert np.array_equal(back.read(sound.n_samples - 1, sound.n_samples), [[1 / 16], [2 / 16]])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_U8"}),
        ("a.wav", {"subtype": "PCM_32"}),
        ("a.wav", {"subtype": "DOUBLE"}),
        ("a.wav", {"subtype": "ULAW"}),
        ("a.wav", {"subtype": "IMA_ADPCM"}),
        ("a.flac", {"subtype": "PCM_24"}),
        ("a.aiff", {"subtype": "PCM_24"}),
        ("a.w64", {"subtype": "PCM_16"}),
        ("a.au", {"subtype": "FLOAT"}),
        ("a.mp3", {}),
        ("a.ogg", {"subtype": "VORBIS"}),
        ("a.ogg", {"subtype": "OPUS"}),
    ],
)
def test_any_span_is_what_it_is_in_the_whole(tmp_path, noise, name, options):
    """Oracle: the whole file read once by libsndfile; spans from four threads, out of order."""
    soundfile.write(tmp_path / name, noise(STEREO, 3).samples.T, 48_000, **options)
    whole, _ = soundfile.read(tmp_path / name, dtype="float32")
    sound = open_audio(tmp_path / name)
    assert sound.n_samples == len(whole) and sound.layout == STEREO
    starts = np.random.default_rng(0).integers(0, len(whole) - 4000, 40).tolist()
    with ThreadPoolExecutor(4) as pool:
        spans = list(pool.map(lambda start: sound.read(start, start + 4000), starts))
    tolerance = 1e-5 if name == "a.ogg" else 0  # FFmpeg's decoders and those of libsndfile sum in another order
    for start, span in zip(starts, spans, strict=True):
        assert np.abs(span - whole[start : start + 4000].T).max() <= tolerance
    with pytest.raises(InputError, match="were asked of a sound"):
        sound.read(0, sound.n_samples + 1)


def test_loudspeakers_of_ogg_are_in_our_order(tmp_path):
    """Oracle: a planted level per channel, encoded by FFmpeg as 5.1; Vorbis and Opus store L C R Ls Rs LFE (RFC 7845)."""
    tone = np.sin(2 * np.pi * 60 / 48_000 * np.arange(48_000))
    samples = np.outer(np.arange(1, 7) / 10, tone).astype(np.float32)
    with av.open(str(tmp_path / "a.ogg"), "w") as output:
        stream = output.add_stream("libopus", rate=48_000, layout="5.1", bit_rate=600_000)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T).reshape(1, -1), format="flt", layout="5.1")
        frame.sample_rate, frame.pts = 48_000, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    audio = read_audio(tmp_path / "a.ogg")
    assert audio.layout == SURROUND_5_1
    levels = np.sqrt(2 * (audio.samples[:, 12_000:36_000] ** 2).mean(1))
    assert np.allclose(levels, np.arange(1, 7) / 10, rtol=0.01)


@pytest.mark.parametrize("name", ["a.w64", "a.aiff"])
def test_channels_that_nothing_is_said_about(tmp_path, name):
    """Oracle: six channels of formats without a fixed order are not taken for 5.1."""
    soundfile.write(tmp_path / name, np.zeros((100, 6)), 48_000)
    assert open_audio(tmp_path / name).layout.name == "discrete6"


def test_a_soundtrack_that_the_decoder_cannot_name_is_refused(tmp_path):
    """Oracle: a QuickTime file whose layout tag was changed to MPEG_7_1_C, whose table PyAV 18.1 would free twice."""
    with av.open(str(tmp_path / "a.mov"), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=48_000, layout="7.1")
        frame = av.AudioFrame.from_ndarray(np.ones((1, 8000), np.int16), format="s16", layout="7.1")
        frame.sample_rate, frame.pts = 48_000, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert open_audio(tmp_path / "a.mov").layout.name == "7.1"
    data = bytearray((tmp_path / "a.mov").read_bytes())
    struct.pack_into(">II", data, data.index(b"chan") + 8, 128 << 16 | 8, 0)
    (tmp_path / "b.mov").write_bytes(data)
    for _ in range(3):
        with pytest.raises(InputError, match=r"b\.mov has its channels in an order that cannot be decoded safely"):
            open_audio(tmp_path / "b.mov")


def test_a_flac_stream_of_unknown_length(tmp_path, noise):
    """Oracle: the samples that were written; STREAMINFO says 0, which means unknown (RFC 9639, 8.2)."""
    audio = noise(STEREO, 0.2)
    write_audio(tmp_path / "a.flac", audio)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(data)
    back = read_audio(tmp_path / "a.flac")
    assert back.n_samples == audio.n_samples and np.abs(back.samples - audio.samples).max() <= 2.0**-24


def test_damage_is_told(tmp_path, noise):
    """Oracle: planted faults: a file cut in half is refused at once, samples that no sound has where they are read."""
    write_audio(tmp_path / "a.flac", noise(STEREO, 2))
    data = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "half.flac").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"half\.flac is truncated"):
        open_audio(tmp_path / "half.flac")
    samples = np.zeros(3000, np.float32)
    for bad, message in ((np.nan, "contains NaN"), (3e38, r"reaches 3e\+38"), (-2e6, r"reaches 2e\+06")):
        samples[2000] = bad
        soundfile.write(tmp_path / "a.wav", samples, 48_000, subtype="FLOAT")
        sound = open_audio(tmp_path / "a.wav")
        assert not sound.read(0, 2000).any()
        with pytest.raises(InputError, match=message):
            sound.read(1999, 2001)


def test_integer_files_hold_the_same_steps(tmp_path, noise):
    """Oracle: the three containers against each other, for both integer subtypes, at full scale too."""
    samples = noise(STEREO, 0.1).samples.copy()
    samples[:, :4] = [1.0, -1.0, 2.0**-24, -(2.0**-24)]
    for subtype in ("PCM_16", "PCM_24"):
        found = []
        for name in ("a.wav", "a.flac", "a.caf"):
            write_audio(tmp_path / name, Audio(samples, 48_000, STEREO), subtype, force=True)
            found.append(read_audio(tmp_path / name).samples)
        assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_nothing_is_written_of_a_sound_that_breaks_late(tmp_path):
    """Oracle: an empty folder after a spool with NaN, or beyond full scale, in its last block."""
    for bad, message in ((np.nan, "NaN"), (1.5, r"\+3\.5 dBFS")):
        spool = Spool(48_000, MONO, 300_000)
        spool.write(299_990, np.full((1, 1), bad, np.float32))
        for name in ("a.wav", "a.flac", "a.caf"):
            with pytest.raises(InputError, match=message):
                write_audio(tmp_path / name, spool)
    with pytest.raises(InputError, match="NaN"):
        spool.write(0, np.full((1, 1), np.nan, np.float32))
        write_audio(tmp_path / "a.wav", spool, "FLOAT")
    assert list(tmp_path.iterdir()) == []


def test_a_spool_of_unknown_length_holds_its_parts():
    """Oracle: the parts."""
    parts = [np.random.default_rng(n).uniform(-1, 1, (2, n)).astype(np.float32) for n in (5, 1, 1000, 7)]
    spool = spooled(iter(parts), 44_100, STEREO)
    assert (spool.n_samples, spool.duration_s) == (1013, 1013 / 44_100)
    assert np.array_equal(spool.read(3, 1010), np.concatenate(parts, axis=1)[:, 3:1010])


def test_n3d_is_known_where_it_is_told(tmp_path, noise):
    """Oracle: the samples as they were, with the tag that the caller gave."""
    audio = noise(ambisonics(2), 0.01)
    soundfile.write(tmp_path / "a.wav", audio.samples.T, 48_000, subtype="FLOAT")
    sound = open_ambisonics(tmp_path / "a.wav", "acn-n3d")
    assert (sound.layout, sound.convention) == (ambisonics(2), "acn-n3d")
    assert np.array_equal(sound.read(0, sound.n_samples), audio.samples)
    assert read_ambisonics(tmp_path / "a.wav").convention == "acn-sn3d"


@pytest.mark.skipif(os.name == "nt", reason="names of Windows are Unicode")
@pytest.mark.parametrize("suffix", [b".wav", b".flac", b".caf"])
def test_names_need_not_be_utf_8(tmp_path, noise, suffix):
    """Oracle: the length of what was written under a name of bytes that are no UTF-8."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9" + suffix)
    write_audio(path, noise(STEREO, 0.1))
    assert read_audio(path).n_samples == 4800
