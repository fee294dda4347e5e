"""The sound of videos: any length, any source, PCM in MOV, true peak after AAC."""

import struct
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest

from seehear.io.audio import read_audio, write_audio
from seehear.io.boxes import body_of, find, sample_entries
from seehear.io.decoding import track_blocks
from seehear.io.mux import VideoOptions, write_video
from seehear.io.resampling import resampled
from seehear.io.soundtrack import amplified, coding, decoded, faded, headroom_gain_db
from seehear.io.streams import Spool
from seehear.io.video import read_media
from seehear.types import LAYOUTS, STEREO, SURROUND_5_1, Audio, Image, InputError, Layout, blocks, check_span, discrete, reblocked

RATE = 48_000
STILL = Image(np.full((40, 60, 3), 99, np.uint8))


def noise(layout: Layout, seconds: float = 1.0, rate: int = RATE, peak: float = 0.5) -> Audio:
    samples = np.random.default_rng(0).uniform(-peak, peak, (layout.n_channels, round(seconds * rate))).astype(np.float32)
    return Audio(samples, rate, layout, "acn-sn3d" if layout.kind == "ambisonics" else "")


def spool(audio: Audio) -> Spool:
    kept = Spool(audio.sample_rate_hz, audio.layout, audio.n_samples, audio.convention)
    kept.write(0, audio.samples)
    return kept


def sample_peak_db(parts, rate_hz: int) -> float:
    return 20 * np.log10(max(np.abs(part).max() for part in parts))


CHAN = {
    "mono": 0x640001,
    "stereo": 0x650002,
    "binaural": 0x650002,
    "5.1": 0x790006,
    "7.1": (0x10000, 0x63F),
    "5.1.4": (0x10000, 0x2D60F),
    "7.1.4": (0x10000, 0x2D63F),
    "foa": None,
    "hoa7": None,
}
"""Tag, or tag and bitmap, of Core Audio's channel layouts: Mono, Stereo, MPEG_5_1_A (L R C LFE Ls Rs), UseChannelBitmap."""


@pytest.mark.parametrize("name", CHAN)
def test_mov_holds_24_bit_samples_of_every_layout(tmp_path, name, make_video, grey):
    """Oracle: the nearest step of 2^-23 of every sample, and Core Audio's tag of the layout in the ``chan`` box."""
    sound = noise(LAYOUTS[name])
    video = read_media(make_video(tmp_path / "src.mp4", grey(25)))
    report = write_video(tmp_path / "a.mov", video, sound, duration_s=1.0)
    with av.open(str(tmp_path / "a.mov")) as container:
        stream = container.streams.audio[0]
        parts = [frame.to_ndarray().reshape(-1, sound.layout.n_channels) for frame in container.decode(stream)]
    steps = np.concatenate(parts).T >> 8
    assert np.array_equal(steps, np.rint(sound.samples.astype(float) * 2**23)) and report.codec == "pcm_s24le"
    with (tmp_path / "a.mov").open("rb") as file:
        (entry,) = (each for each in sample_entries(file) if each.handler == "soun")
        chan = [struct.unpack(">II", body_of(file, box)[4:12]) for box in entry.boxes if box.kind == "chan"]
    told = CHAN[name]
    assert chan == ([] if told is None else [told if isinstance(told, tuple) else (told, 0)])
    back = read_audio(tmp_path / "a.mov")
    assert back.layout.name == ("stereo" if name == "binaural" else name) and back.convention == sound.convention


@pytest.mark.parametrize("rate", [44_100, 96_000, 192_000])
def test_mov_keeps_every_rate(tmp_path, rate):
    """Oracle: the rate and the number of samples that went in."""
    write_video(tmp_path / "a.mov", STILL, noise(STEREO, 0.5, rate), duration_s=0.5)
    back = read_audio(tmp_path / "a.mov")
    assert (back.sample_rate_hz, back.n_samples) == (rate, rate // 2)


@pytest.mark.parametrize(("name", "rate"), [("a.mp4", 48_000), ("a.mp4", 50_000), ("a.mov", 44_100)])
def test_a_sound_on_disk_gives_the_same_bytes(tmp_path, make_video, grey, name, rate):
    """Oracle: the file from the same sound in memory, with the original sound kept and too loud together, and faded."""
    video = read_media(make_video(tmp_path / "src.mp4", grey(75), sound=np.sin(np.arange(3 * RATE))))
    sound = noise(STEREO, 3.0, rate, 0.9)
    for picture, options in ((video, VideoOptions(keep_audio_db=0.0)), (STILL, VideoOptions())):
        files = []
        for each in (sound, spool(sound)):
            report = write_video(tmp_path / name, picture, each, options, duration_s=3.0, force=True)
            files.append((tmp_path / name).read_bytes())
        assert files[0] == files[1] and (report.mix_gain_db < -5) == (picture is video)


class Long:
    """Five minutes of a tone that is nowhere in memory; the last second falls silent."""

    sample_rate_hz, layout, convention, n_samples, duration_s = RATE, STEREO, "", 300 * RATE, 300.0

    def read(self, start: int, stop: int) -> np.ndarray:
        check_span(start, stop, self.n_samples)
        at = np.arange(start, stop)
        tone = 0.5 * np.sin(2 * np.pi * 1000 / RATE * (at % RATE)) * (at < 299 * RATE)
        return np.tile(tone.astype(np.float32), (2, 1))


def test_a_long_sound_takes_the_memory_of_a_few_blocks(tmp_path, make_video, grey):
    """Oracle: 115 MB of samples pass through less than 16 MB; the last second is where it was planted."""
    video = read_media(make_video(tmp_path / "src.mp4", grey(25)))
    tracemalloc.start()
    write_video(tmp_path / "a.mov", video, Long(), duration_s=300.0)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 16e6
    with av.open(str(tmp_path / "a.mov")) as container:
        stream = container.streams.audio[0]
        assert stream.duration * stream.time_base == 300
        container.seek(int(298.5 / stream.time_base), stream=stream)
        frames = list(container.decode(stream))
        samples = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in frames])[:, 0] / 2.0**31
        silent = np.flatnonzero(samples)[-1] + 1 + round(float(frames[0].pts * frames[0].time_base) * RATE)
    assert silent == 299 * RATE


@pytest.mark.parametrize("layout", [STEREO, SURROUND_5_1, LAYOUTS["foa"]])
def test_what_players_decode_is_foreseen(tmp_path, layout):
    """Oracle: the written file, decoded by FFmpeg's demuxer and decoder: equal samples."""
    sound = noise(layout, 1.3)
    video = faded(sound, 1.3)
    foreseen = np.concatenate(list(decoded(video, coding(".mp4", layout))), axis=1)
    write_video(tmp_path / "a.mp4", STILL, sound, duration_s=1.3)
    heard = read_audio(tmp_path / "a.mp4").samples
    assert foreseen.shape == heard.shape and np.abs(foreseen - heard).max() < 1e-6


@pytest.mark.parametrize(("rate", "n"), [(48_000, 59_256), (44_100, 54_441), (44_100, 17_640), (48_000, 1_025)])
def test_aac_ends_where_the_file_says(tmp_path, rate, n):
    """Oracle: the samples that went in, in the edit list (counted in samples) and read back; and an edit list cut to 2/3."""
    sound = noise(STEREO, n / rate, rate)
    write_video(tmp_path / "a.mp4", STILL, sound, duration_s=n / rate)
    with (tmp_path / "a.mp4").open("r+b") as file:
        edit = list(find(file, "moov/trak/edts/elst"))[1]
        assert struct.unpack(">IIIi", body_of(file, edit)[:16]) == (0, 1, n, 1024)
        whole = read_audio(tmp_path / "a.mp4").samples
        assert whole.shape == (2, n)
        file.seek(edit.body + 8)
        file.write(struct.pack(">I", 2 * n // 3))
    assert np.array_equal(read_audio(tmp_path / "a.mp4").samples, whole[:, : 2 * n // 3])


def test_the_peak_after_coding_stays_below_the_ceiling(tmp_path):
    """Oracle: noise to 8 kHz that peaks at -1 dBFS passes it once decoded; the file lowered for it does not."""
    spectra = np.fft.rfft(noise(STEREO, 2.0).samples)
    spectra[:, np.fft.rfftfreq(2 * RATE, 1 / RATE) > 8000] = 0
    samples = np.fft.irfft(spectra)
    sound = Audio((samples * 10 ** (-1 / 20) / np.abs(samples).max()).astype(np.float32), RATE, STEREO)
    how = coding(".mp4", STEREO)
    before = sample_peak_db(decoded(faded(sound, 2.0), how), RATE)
    report = write_video(tmp_path / "a.mp4", STILL, sound, VideoOptions(peak_of=sample_peak_db), duration_s=2.0)
    after = sample_peak_db([read_audio(tmp_path / "a.mp4").samples], RATE)
    assert before > -0.9 and -1.5 < after <= -1.0
    assert report.coded_peak_dbtp == pytest.approx(after, abs=1e-4)
    assert report.coded_gain_db == pytest.approx(-1 - before - 0.02, abs=1e-4)
    assert headroom_gain_db(amplified(sound, -12), how, sample_peak_db, -1.0)[0] == 0.0
    assert write_video(tmp_path / "a.mov", STILL, sound, VideoOptions(peak_of=sample_peak_db), duration_s=2.0).coded_gain_db == 0


@pytest.mark.parametrize(("source", "rate"), [(44_100, 48_000), (96_000, 48_000), (50_000, 48_000), (8_000, 48_000)])
def test_resampling_in_blocks(source, rate):
    """Oracle: soxr of the whole at once: equal samples, and round(T * ratio) of them."""
    import soxr

    sound = noise(STEREO, 300_001 / source, source)
    whole = soxr.resample(sound.samples.T, source, rate).T
    parts = np.concatenate(list(resampled(sound, rate)), axis=1)
    n = round(300_001 * rate / source)
    assert parts.shape[1] == n and np.array_equal(parts[:, : whole.shape[1]], whole[:, :n])
    assert list(resampled(Audio(np.zeros((2, 0), np.float32), source, STEREO), rate)) == []


def test_blocks_of_another_size():
    """Oracle: the same samples in order; all but the last block have the size."""
    sound = noise(STEREO, 0.1)
    pieces = [sound.samples[:, a:b] for a, b in ((0, 1), (1, 1), (1, 3000), (3000, 3001), (3001, 4800))]
    for size in (1, 7, 1024, 5000):
        parts = list(reblocked(pieces if size != 7 else blocks(sound, 13), size))
        assert np.array_equal(np.concatenate(parts, axis=1), sound.samples)
        assert {part.shape[1] for part in parts[:-1]} <= {size} and 1 <= parts[-1].shape[1] <= size


def test_opus_of_every_layout_is_in_step(tmp_path):
    """Oracle: planted noise from 1 to 6 kHz in every channel comes back at no delay; families of RFC 7845 and 8486."""
    from seehear.io.opus import read_opus_head

    for name, family in (("mono", 0), ("binaural", 0), ("7.1", 1), ("foa", 2), ("hoa2", 2), ("hoa3", 2)):
        layout = LAYOUTS[name]
        n = RATE + 77
        spectra = np.fft.rfft(noise(layout, n / RATE).samples, axis=1)
        hz = np.fft.rfftfreq(n, 1 / RATE)
        spectra[:, (hz < 1000) | (hz > 6000)] = 0
        samples = np.fft.irfft(spectra, n, axis=1).astype(np.float32)
        write_audio(tmp_path / "a.opus", Audio(samples, RATE, layout, noise(layout, 0.1).convention), force=True)
        head, back = read_opus_head(tmp_path / "a.opus"), read_audio(tmp_path / "a.opus")
        assert (head.family, head.n_channels) == (family, layout.n_channels)
        assert (head.ambisonic_order or 1) == (layout.order if family == 2 else 1)
        assert back.n_samples == n and back.layout.name == ("stereo" if name == "binaural" else name)
        assert back.convention == ("acn-sn3d" if family == 2 else "")
        alike = [np.corrcoef(a, b)[0, 1] for a, b in zip(samples, back.samples, strict=True)]
        assert np.min(np.delete(alike, layout.lfe or [])) > 0.99  # one sample of delay would leave 0.9


def test_opus_of_other_rates_and_layouts(tmp_path):
    """Oracle: round(T * 48/44.1) samples; the same bytes twice; a planted layout that Opus has no mapping for."""
    sound = noise(LAYOUTS["foa"], 0.7, 44_100)
    for name in ("a.opus", "b.opus"):
        write_audio(tmp_path / name, sound)
    assert read_audio(tmp_path / "a.opus").n_samples == round(sound.n_samples * 48 / 44.1)
    assert (tmp_path / "a.opus").read_bytes() == (tmp_path / "b.opus").read_bytes()
    with pytest.raises(InputError, match=r"no place for 7\.1\.4"):
        write_audio(tmp_path / "c.opus", noise(LAYOUTS["7.1.4"], 0.1))
    with pytest.raises(InputError, match="not discrete3"):
        write_video(tmp_path / "c.mov", STILL, noise(discrete(3)), duration_s=1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.opus", "b.opus"]


def test_a_gap_in_the_clock_stays_a_gap(tmp_path):
    """Planted: PCM of ones for 0.5 s, then, a second later by the file's clock, of twos; and a gap of 5 ms, which is jitter."""
    for gap_s, starts in ((1.0, {0, 72_000}), (0.005, {0})):
        with av.open(str(tmp_path / "a.mkv"), "w") as output:
            stream = output.add_stream("pcm_s16le", rate=RATE, layout="mono")
            for index in range(50):
                frame = av.AudioFrame.from_ndarray(np.full((1, 960), 1 + index // 25, np.int16), format="s16", layout="mono")
                frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
                frame.pts = 960 * index + (round(gap_s * RATE) if index >= 25 else 0)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        heard = list(track_blocks(tmp_path / "a.mkv", "mono", RATE, 0.0))
        jumps = {
            at for (at, _), end in zip(heard, [-1, *(at + block.shape[1] for at, block in heard)], strict=False) if at != end
        }
        assert jumps == starts and sum(block.shape[1] for _, block in heard) == RATE
        for at, block in heard:
            assert np.allclose(block * 32768, 2 if at >= 24_000 else 1)
