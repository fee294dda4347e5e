"""Core Audio Format: what we write is read by others, what others write is read by us, layouts included."""

import struct

import av
import numpy as np
import pytest
import soundfile

from seehear.io.audio import open_audio, read_ambisonics, read_audio, write_audio
from seehear.types import (
    BINAURAL,
    FOA,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1,
    SURROUND_7_1_4,
    InputError,
    ambisonics,
    discrete,
)

MPEG_7_1_C, ATMOS_7_1_4 = 128 << 16 | 8, 192 << 16 | 12
LARGER = (SURROUND_5_1, SURROUND_7_1, SURROUND_5_1_4, SURROUND_7_1_4, FOA, ambisonics(3), discrete(3))
FFMPEG_NAMES = {"mono": "mono", "5.1": "5.1(side)", "7.1": "7.1", "5.1.4": "5.1.4", "7.1.4": "7.1.4", "foa": "4 channels"}


def caf(n: int, body: bytes, flags: int, bits: int, *, chan: tuple[int, int] | None = None, codec: bytes = b"lpcm") -> bytes:
    """A CAF file by the letter of Apple's specification."""
    desc = struct.pack(">d4sIIIII", 48_000.0, codec, flags, n * bits // 8, 1, n, bits)
    parts = [(b"desc", desc), (b"free", bytes(13)), (b"data", struct.pack(">I", 1) + body)]
    if chan is not None:
        parts.insert(1, (b"chan", struct.pack(">III", *chan, 0)))
    return b"caff\0\1\0\0" + b"".join(name + struct.pack(">q", len(each)) + each for name, each in parts)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize(
    "layout",
    [MONO, STEREO, BINAURAL, SURROUND_5_1, SURROUND_7_1, SURROUND_5_1_4, SURROUND_7_1_4, FOA, ambisonics(3), discrete(3)],
)
def test_others_read_what_we_write(tmp_path, noise, layout, subtype):
    """Oracle: libsndfile reads the samples to half a step, FFmpeg the layout by tag or bitmap; it comes back."""
    audio = noise(layout, 0.02, convention="acn-sn3d" if layout.kind == "ambisonics" else "")
    write_audio(tmp_path / "a.caf", audio, subtype)
    samples, rate = soundfile.read(tmp_path / "a.caf", always_2d=True)
    step = {"PCM_16": 2.0**-15, "PCM_24": 2.0**-23, "FLOAT": 0.0}[subtype]
    assert rate == 48_000 and np.abs(samples.T - audio.samples).max() <= step / 2
    back = read_audio(tmp_path / "a.caf")
    assert (back.layout, back.convention) == (layout, audio.convention)
    assert np.array_equal(back.samples, samples.T.astype(np.float32))
    if layout.name in FFMPEG_NAMES:
        with av.open(str(tmp_path / "a.caf")) as container:
            stream = container.streams.audio[0]
            assert stream.codec_context.layout.name == FFMPEG_NAMES[layout.name]
            assert sum(frame.samples for frame in container.decode(stream)) == audio.n_samples


@pytest.mark.parametrize(
    ("flags", "bits", "stored"),
    [
        (0, 8, ">i1"),
        (0, 16, ">i2"),
        (2, 16, "<i2"),
        (0, 32, ">i4"),
        (2, 32, "<i4"),
        (1, 32, ">f4"),
        (3, 32, "<f4"),
        (1, 64, ">f8"),
    ],
)
def test_every_kind_of_linear_pcm(tmp_path, flags, bits, stored):
    """Oracle: numpy's own reading of the bytes, and libsndfile's of the file."""
    values = np.linspace(-1, 1, 30, endpoint=False).reshape(10, 3)
    if stored[1] == "i":
        values = np.rint(values * 2.0 ** (bits - 1))
    body = values.astype(stored).tobytes()
    (tmp_path / "a.caf").write_bytes(caf(3, body, flags, bits))
    expected = np.frombuffer(body, stored).reshape(10, 3).T / (1 if stored[1] == "f" else 2.0 ** (bits - 1))
    back = read_audio(tmp_path / "a.caf")
    assert back.layout == discrete(3) and np.abs(back.samples - expected).max() <= 2.0**-25
    assert np.array_equal(back.samples, soundfile.read(tmp_path / "a.caf", dtype="float32")[0].T)


def test_24_bits_in_either_order(tmp_path):
    """Oracle: Python's int.to_bytes."""
    steps = [0, 1, -1, 2**23 - 1, -(2**23), 123_456, -654_321, 77]
    for flags, order in ((0, "big"), (2, "little")):
        body = b"".join(step.to_bytes(3, order, signed=True) for step in steps)  # type: ignore[arg-type]
        (tmp_path / "a.caf").write_bytes(caf(2, body, flags, 24))
        assert np.array_equal(read_audio(tmp_path / "a.caf").samples.T.ravel() * 2.0**23, steps)


@pytest.mark.parametrize(
    ("n", "chan", "layout", "convention"),
    [
        (2, (106 << 16 | 2, 0), BINAURAL, ""),
        (6, (121 << 16 | 6, 0), SURROUND_5_1, ""),
        (6, (1 << 16, 0x3F), SURROUND_5_1, ""),
        (8, (1 << 16, 0x63F), SURROUND_7_1, ""),
        (8, (189 << 16 | 8, 0), SURROUND_7_1, ""),
        (8, (MPEG_7_1_C, 0), discrete(8), ""),
        (10, (195 << 16 | 10, 0), SURROUND_5_1_4, ""),
        (12, (ATMOS_7_1_4, 0), discrete(12), ""),
        (16, (190 << 16 | 16, 0), ambisonics(3), "acn-sn3d"),
        (4, (191 << 16 | 4, 0), FOA, "acn-n3d"),
        (4, (190 << 16 | 9, 0), discrete(4), ""),
        (2, (121 << 16 | 6, 0), STEREO, ""),
        (4, (0, 0), discrete(4), ""),
    ],
)
def test_layouts_of_core_audio(tmp_path, n, chan, layout, convention):
    """Oracle: the tags of CoreAudioBaseTypes.h; another order than ours and a tag of another size are not taken for a layout."""
    (tmp_path / "a.caf").write_bytes(caf(n, np.arange(n, dtype="<i2").tobytes(), 2, 16, chan=chan))
    sound = open_audio(tmp_path / "a.caf")
    assert (sound.layout, sound.convention) == (layout, convention)
    assert np.array_equal(sound.read(0, 1)[:, 0] * 2**15, np.arange(n))
    if layout.kind == "ambisonics":
        assert read_ambisonics(tmp_path / "a.caf").convention == convention


def test_compressed_sound_in_caf(tmp_path):
    """Oracle: G.711's law at its ends; a layout that FFmpeg has no name for is refused, as PyAV would free its table twice."""
    codes = bytes([0x00, 0x80, 0xFF, 0x7F] * 200)
    (tmp_path / "a.caf").write_bytes(caf(2, codes, 0, 8, codec=b"ulaw"))
    audio = read_audio(tmp_path / "a.caf")
    assert audio.layout == STEREO and np.allclose(audio.samples[:, :2] * 2**15, [[-32_124, 0], [32_124, 0]])
    (tmp_path / "b.caf").write_bytes(caf(8, codes, 0, 8, codec=b"ulaw", chan=(MPEG_7_1_C, 0)))
    with pytest.raises(InputError, match="order that cannot be decoded safely"):
        open_audio(tmp_path / "b.caf")


def test_bad_files_say_why(tmp_path):
    """Oracle: planted faults; each is one sentence that names the file."""
    good = caf(2, bytes(400), 2, 16)
    faults = {
        "truncated": good[:-1],
        "description of the samples": good[:30],
        "has no sound": good[: good.index(b"data")],
        "no samples": caf(2, b"", 2, 16),
        "0 channels": good.replace(struct.pack(">II", 2, 16), struct.pack(">II", 0, 16), 1),
        "at nan Hz": good.replace(struct.pack(">d", 48_000.0), struct.pack(">d", float("nan")), 1),
        "4096 chunks": good[:52] + (b"free" + bytes(8)) * 5000,
    }
    for message, data in faults.items():
        (tmp_path / "bad.caf").write_bytes(data)
        with pytest.raises(InputError, match=message) as caught:
            open_audio(tmp_path / "bad.caf")
        assert "bad.caf" in str(caught.value) and "\n" not in str(caught.value)


def test_the_reader_survives_any_damage(tmp_path):
    """Oracle: an InputError or a readable sound for each of 400 mutated files, without channels that the bytes do not hold."""
    good = caf(2, bytes(range(200)), 2, 16, chan=(101 << 16 | 2, 0))
    rng = np.random.default_rng(0)
    for _ in range(400):
        data = bytearray(good[: rng.integers(1, len(good) + 1)])
        for at in rng.integers(0, min(len(data), 110), rng.integers(0, 5)):
            data[at] = rng.integers(256)
        (tmp_path / "a.caf").write_bytes(data)
        try:
            audio = read_audio(tmp_path / "a.caf")
        except InputError:
            continue
        assert audio.samples.nbytes <= 8 * len(data)
