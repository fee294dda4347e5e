"""Picture and sound in one file: frames, times, rotation and sync as planted, read back by PyAV alone."""

import math
import struct

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from seehear.io import mux
from seehear.io.mux import VideoOptions, write_video
from seehear.io.video import read_frames, read_media
from seehear.types import BINAURAL, FOA, MONO, STEREO, SURROUND_5_1, Audio, Image, InputError, Layout, ambisonics

RATE = 48_000


def silence(seconds: float, layout: Layout = BINAURAL, rate: int = RATE) -> Audio:
    return Audio(np.zeros((layout.n_channels, round(seconds * rate)), np.float32), rate, layout)


def click(seconds: float, at_s: float, layout: Layout = BINAURAL, rate: int = RATE) -> Audio:
    """Silence with a 2 ms Hann pulse that peaks at ``at_s``."""
    audio = silence(seconds, layout, rate)
    width = rate // 500
    start = round(at_s * rate) - width // 2
    audio.samples[:, start : start + width] = 0.9 * np.hanning(width)
    return audio


def heard(path) -> tuple[np.ndarray, int, str]:
    """Samples (C, T) from presentation time 0, rate and FFmpeg's layout name."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate, parts, first = stream.codec_context.sample_rate, [], None
        for frame in container.decode(stream):
            first = frame.pts if first is None else first
            parts.append(
                frame.to_ndarray() if frame.format.is_planar else frame.to_ndarray().reshape(-1, frame.layout.nb_channels).T
            )
        start = round(float(first * stream.time_base) * rate)
        samples = np.concatenate(parts, axis=1)
        samples = samples / 2.0**31 if samples.dtype == np.int32 else samples
        return np.pad(samples, ((0, 0), (start, 0))), rate, stream.codec_context.layout.name


def seen(path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as container:
        return [(float(frame.time), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def flash_and_click(path, sound=0) -> tuple[float, float]:
    """When the picture first turns white and when the loudest sample comes, by the container's clock."""
    flash_s = next(time_s for time_s, rgb in seen(path) if rgb.mean() > 128)
    samples, rate, _ = heard(path)
    return flash_s, int(np.abs(samples[sound]).argmax()) / rate


def flash_frames(n: int, lit: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    return [np.full((height, width, 3), 255 if index >= lit else 0, np.uint8) for index in range(n)]


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [
        ("a.mp4", "libx264", "copied"),
        ("a.mkv", "libx264", "copied"),
        ("a.ts", "libx264", "copied"),
        ("b.mp4", "mpeg4", "copied"),
        ("c.mp4", "libsvtav1", "copied"),
        ("c.flv", "libx264", "copied"),
        ("a.webm", "libvpx-vp9", "copied"),
        ("a.mp4", "libx265", "copied"),
        ("b.avi", "mjpeg", "encoded"),
        ("c.avi", "libx264", "encoded"),
        ("a.h264", "libx264", "encoded"),
        ("b.webm", "libvpx", "encoded"),
    ],
)
def test_flash_and_click_stay_together(tmp_path, make_video, name, codec, kind):
    """Oracle: planted flash at frame 17 of 25 Hz and click at 0.68 s, both found there, through B-frames and late starts."""
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    source = read_media(make_video(tmp_path / name, flash_frames(30, 17), codec=codec, pix_fmt=pix_fmt))
    report = write_video(tmp_path / "out.mp4", source, click(1.2, 0.68), duration_s=1.2)
    flash_s, click_s = flash_and_click(tmp_path / "out.mp4")
    assert report.picture == kind and abs(flash_s - 0.68) < 0.002 and abs(click_s - 0.68) < 0.001
    assert len(seen(tmp_path / "out.mp4")) == 30


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_flash_and_click_of_an_animation(tmp_path, name):
    """Oracle: planted uneven delays: the third frame, at 0.43 s, is white; so is the click at 0.43 s."""
    frames = [Pillow.new("RGB", (64, 48), colour) for colour in ("black", "navy", "white", "red")]
    frames[0].save(
        tmp_path / name,
        save_all=True,
        append_images=frames[1:],
        duration=[130, 300, 70, 500],
    )
    report = write_video(tmp_path / "out.mp4", read_media(tmp_path / name), click(1.0, 0.43), duration_s=1.0)
    flash_s, click_s = flash_and_click(tmp_path / "out.mp4")
    assert report.picture == "encoded" and abs(flash_s - 0.43) < 0.002 and abs(click_s - 0.43) < 0.001
    assert [time_s for time_s, _ in seen(tmp_path / "out.mp4")] == pytest.approx([0.0, 0.13, 0.43, 0.5], abs=1e-4)
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(1.0, abs=1e-4)


def test_a_still_fades_in_and_out(tmp_path):
    """Oracle: raised cosines of 3/8 s and 3/4 s on the picture's level and the tone, black and silent at both ends."""
    rng = np.random.default_rng(0)
    image = Image(np.repeat(np.repeat(rng.integers(40, 215, (12, 16, 3), dtype=np.uint8), 8, 0), 8, 1))
    tone = Audio((0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE) * np.ones((2, 1))).astype(np.float32), RATE, STEREO)
    assert write_video(tmp_path / "a.mp4", image, tone, duration_s=3.0).picture == "still"
    frames = seen(tmp_path / "a.mp4")
    assert [t for t, _ in frames] == pytest.approx(np.arange(75) / 25, abs=1e-6)
    level = np.array([rgb.mean() for _, rgb in frames]) / image.rgb.mean()
    times = np.arange(75) / 25
    ramp = np.minimum(times / (3 / 8), (3 - times) / (3 / 4)).clip(0, 1)
    assert np.abs(level - (0.5 - 0.5 * np.cos(np.pi * ramp))).max() < 0.02
    assert np.abs(frames[37][1].astype(int) - image.rgb).mean() < 3
    samples, _, _ = heard(tmp_path / "a.mp4")
    assert np.abs(samples[:, :480]).max() < 0.01 and np.abs(samples[:, 3 * RATE - 480 : 3 * RATE]).max() < 0.01
    assert np.abs(samples[:, RATE : 2 * RATE]).max() == pytest.approx(0.5, rel=0.02)


def test_a_click_over_a_still_keeps_its_time(tmp_path):
    """Oracle: planted click at 1.7 s; the edit list (ISO/IEC 14496-12, 8.6.6) takes the 1024 samples of encoder delay off."""
    write_video(tmp_path / "a.mp4", Image(np.full((40, 60, 3), 99, np.uint8)), click(4.0, 1.7), duration_s=4.0)
    samples, rate, _ = heard(tmp_path / "a.mp4")
    assert abs(int(np.abs(samples[0]).argmax()) / rate - 1.7) < 0.001
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    edit = data.index(b"elst", data.index(b"elst") + 4) + 4  # the sound track's, after the picture's
    version, count = data[edit], struct.unpack(">I", data[edit + 4 : edit + 8])[0]
    media_time = struct.unpack(">i", data[edit + 12 : edit + 16])[0]
    assert (version, count, media_time) == (0, 1, 1024)


def test_copied_frames_times_and_rotation_are_the_same(tmp_path, make_video, rotate_mp4):
    """Oracle: the source itself, decoded: equal pixels, equal uneven times, equal rotation."""
    rng = np.random.default_rng(0)
    times = [0.0, 0.04, 0.05, 0.3, 0.35, 1.1, 1.125, 1.9]
    pictures = [np.repeat(np.repeat(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8), 8, 0), 8, 1) for _ in times]
    path = make_video(tmp_path / "a.mp4", pictures, times)
    rotate_mp4(path, 90)
    write_video(tmp_path / "out.mp4", read_media(path), silence(2.0), duration_s=2.0)
    before, after = seen(path), seen(tmp_path / "out.mp4")
    assert [t for t, _ in before] == pytest.approx(times, abs=1e-3)
    assert [t for t, _ in after] == pytest.approx([t for t, _ in before], abs=1e-4)
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(before, after, strict=True))
    assert read_media(tmp_path / "out.mp4").rotation_deg == read_media(path).rotation_deg == 270
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.duration / av.time_base == pytest.approx(2.0, abs=0.03)


def test_what_the_container_refuses_is_encoded(tmp_path, make_video):
    """Oracle: VP9 has no place in QuickTime: the flash planted at 0.68 s is there all the same."""
    source = read_media(make_video(tmp_path / "a.webm", flash_frames(30, 17), codec="libvpx-vp9"))
    assert write_video(tmp_path / "out.mov", source, click(1.2, 0.68), duration_s=1.2).picture == "encoded"
    flash_s, click_s = flash_and_click(tmp_path / "out.mov")
    assert abs(flash_s - 0.68) < 0.002 and abs(click_s - 0.68) < 0.001
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.webm", "out.mov"]


def test_the_start_of_an_edit_list_is_kept(tmp_path, make_video, grey):
    """Oracle: an edit list patched to start at the ninth of 28 frames (ISO/IEC 14496-12, 8.6.6): 8 to 27 are shown, from 0."""
    path = make_video(tmp_path / "a.mp4", grey(28), options={"bf": "2", "g": "12"})
    data = bytearray(path.read_bytes())
    edit = data.index(b"elst") + 12
    duration, media_time = struct.unpack(">Ii", data[edit : edit + 8])
    struct.pack_into(">Ii", data, edit, duration - 320, media_time + 8 * 512)
    path.write_bytes(data)
    write_video(tmp_path / "out.mp4", read_media(path), silence(0.8), duration_s=0.8)
    for name in ("a.mp4", "out.mp4"):
        frames = list(read_frames(read_media(tmp_path / name)))
        assert [t for t, _ in frames] == pytest.approx(np.arange(20) / 25, abs=1e-4)
        assert [round((image.rgb.mean() - 16) / 8) for _, image in frames] == list(range(8, 28))


def test_hevc_has_the_name_that_all_players_take(tmp_path, make_video, grey):
    """Oracle: the sample entry: hvc1 (ISO/IEC 14496-15, 8.4.1), from a file that says hev1 and one that says nothing."""
    for name in ("a.mp4", "a.mkv"):
        source = make_video(tmp_path / name, grey(5), codec="libx265", options={"x265-params": "log-level=none"})
        write_video(tmp_path / "out.mp4", read_media(source), silence(0.2), duration_s=0.2, force=True)
        data = (tmp_path / "out.mp4").read_bytes()
        assert b"hvc1" in data and b"hev1" not in data and len(seen(tmp_path / "out.mp4")) == 5


def test_encoded_rotation_is_applied(tmp_path, make_video):
    """Oracle: the upright frames of the source, within the loss of the codec."""
    pictures = [np.zeros((48, 64, 3), np.uint8) for _ in range(3)]
    for picture in pictures:
        picture[:24, :32] = (200, 60, 30)
    source = read_media(make_video(tmp_path / "a.avi", pictures, codec="mjpeg", pix_fmt="yuvj420p", options={"qscale": "2"}))
    write_video(tmp_path / "out.mp4", source, silence(0.12), duration_s=0.12)
    for (_, before), (_, after) in zip(read_frames(source), seen(tmp_path / "out.mp4"), strict=True):
        assert np.abs(before.rgb.astype(int) - after).mean() < 3


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_other_lengths_than_the_source(tmp_path, make_video, grey, seconds):
    """Oracle: planted 25 frames in 1 s: a shorter video has the frames before its end, a longer one holds the last."""
    source = read_media(make_video(tmp_path / "a.mp4", grey(25), options={"bf": "2"}))
    write_video(tmp_path / "out.mp4", source, silence(seconds), duration_s=seconds)
    frames = [(t, rgb) for t, rgb in seen(tmp_path / "out.mp4") if t < seconds - 1e-6]
    assert [round((rgb.mean() - 16) / 8) for _, rgb in frames] == list(range(min(25, math.ceil(seconds * 25))))
    assert [t for t, _ in frames] == pytest.approx(np.arange(len(frames)) / 25, abs=1e-4)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.duration / av.time_base == pytest.approx(seconds, abs=0.1)
    assert heard(tmp_path / "out.mp4")[0].shape[1] == pytest.approx(seconds * RATE, abs=1024)


def test_surround_channels_stay_in_order(tmp_path):
    """Oracle: a planted tone per channel (the LFE's low) is the strongest line of that decoded channel."""
    tones = np.array([400, 700, 1000, 60, 1300, 1600])
    samples = 0.4 * np.sin(2 * np.pi * tones[:, None] * np.arange(2 * RATE) / RATE)
    audio = Audio(samples.astype(np.float32), RATE, SURROUND_5_1)
    write_video(tmp_path / "a.mp4", Image(np.full((40, 60, 3), 99, np.uint8)), audio, duration_s=2.0)
    decoded, _, name = heard(tmp_path / "a.mp4")
    middle = decoded[:, RATE // 2 : RATE // 2 + RATE]
    lines = np.abs(np.fft.rfft(middle * np.hanning(RATE), axis=1)).argmax(axis=1)
    assert name == "5.1" and np.array_equal(lines, tones)


def kept(tmp_path, make_video, layout: Layout, gain_db: float, sound: np.ndarray, rendered: Audio | None = None, **options):
    path = make_video(tmp_path / "src.mp4", flash_frames(50, 10), sound=sound, **options)
    options = VideoOptions(keep_audio_db=gain_db)
    report = write_video(tmp_path / "out.mp4", read_media(path), rendered or silence(2.0, layout), options, duration_s=2.0)
    return report, heard(tmp_path / "out.mp4")[0]


@pytest.mark.parametrize("layout", [MONO, STEREO, BINAURAL, SURROUND_5_1])
def test_kept_sound_has_its_level(tmp_path, make_video, layout):
    """Oracle: closed form: one channel at 0.5 * 10^(-6/20) in every channel, or in the centre alone."""
    sound = 0.5 * np.sin(2 * np.pi * 500 * np.arange(2 * RATE) / RATE)
    report, samples = kept(tmp_path, make_video, layout, -6.0, sound)
    level = np.sqrt(2 * np.mean(samples[:, RATE // 2 : RATE] ** 2, axis=1))
    expected = 0.5 * 10 ** (-6 / 20)
    assert report.kept_audio and report.mix_gain_db == 0
    assert np.sort(level)[-1] == pytest.approx(expected, rel=0.01)
    if layout is SURROUND_5_1:
        assert level.argmax() == 2 and np.delete(level, 2).max() < 0.01 * expected
    else:
        assert level == pytest.approx(expected, rel=0.01)


def test_the_original_sound_is_dropped_unless_asked_for(tmp_path, make_video):
    """Oracle: a planted tone in the source, silence in the render: silence in the file."""
    path = make_video(tmp_path / "src.mp4", flash_frames(25, 5), sound=0.5 * np.sin(np.arange(RATE)))
    assert not write_video(tmp_path / "out.mp4", read_media(path), silence(1.0), duration_s=1.0).kept_audio
    assert np.abs(heard(tmp_path / "out.mp4")[0]).max() < 1e-4


@pytest.mark.parametrize("start_s", [0.0, 0.3])
def test_kept_sound_keeps_its_time(tmp_path, make_video, start_s):
    """Oracle: planted click 0.7 s into a track that starts with the picture or 0.3 s after it."""
    sound = click(1.5, 0.7, MONO).samples[0]
    _, samples = kept(tmp_path, make_video, STEREO, 0.0, sound, sound_start_s=start_s)
    assert abs(int(np.abs(samples[0]).argmax()) / RATE - (0.7 + start_s)) < 0.002


def test_a_loud_mix_is_lowered_not_clipped(tmp_path, make_video):
    """Oracle: two equal tones of 0.9 sum to 1.8; the report's gain brings that to -1 dBFS."""
    tone = 0.9 * np.sin(2 * np.pi * 500 * np.arange(2 * RATE) / RATE)
    rendered = Audio(np.tile(tone, (2, 1)).astype(np.float32), RATE, STEREO)
    report, samples = kept(tmp_path, make_video, STEREO, 0.0, tone, rendered)
    assert report.mix_gain_db == pytest.approx(-1 - 20 * np.log10(0.9 * 2), abs=0.2)
    assert np.abs(samples).max() < 0.95


@pytest.mark.parametrize(("rate", "expected"), [(44_100, 44_100), (96_000, 96_000), (192_000, 48_000), (50_000, 48_000)])
def test_rates_that_aac_lacks_are_resampled(tmp_path, rate, expected):
    """Oracle: planted click at 0.8 s, to 1 ms."""
    write_video(tmp_path / "a.mp4", Image(np.full((40, 60, 3), 99, np.uint8)), click(2.0, 0.8, STEREO, rate), duration_s=2.0)
    samples, found, _ = heard(tmp_path / "a.mp4")
    assert found == expected and abs(int(np.abs(samples[0]).argmax()) / found - 0.8) < 0.001


@pytest.mark.parametrize(
    ("height", "width", "size"), [(33, 51, (50, 32)), (16, 512, (512, 16)), (100, 4000, (1920, 48)), (2161, 3841, (1920, 1080))]
)
def test_sizes_become_even_and_bounded(tmp_path, height, width, size):
    """Oracle: closed form, floor to even of the side times 1920 / longest; the left half stays dark."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, width // 2 :] = 255
    write_video(tmp_path / "a.mp4", Image(rgb), silence(0.2), duration_s=0.2)
    frames = seen(tmp_path / "a.mp4")
    assert frames[0][1].shape == (size[1], size[0], 3)
    middle = frames[2][1]
    assert middle[:, : size[0] // 2 - 4].max() < 20 and middle[:, size[0] // 2 + 4 :].min() > 200


def test_the_same_call_gives_the_same_bytes(tmp_path, make_video, grey):
    """Oracle: equality of two files, for a still and a copy."""
    video = read_media(make_video(tmp_path / "src.mp4", grey(25)))
    for name, picture in (("a.mp4", Image(np.full((40, 60, 3), 99, np.uint8))), ("b.mp4", video)):
        for _ in range(2):
            write_video(tmp_path / name, picture, click(1.0, 0.4), duration_s=1.0, force=True)
            first = (tmp_path / name).read_bytes()
        assert (tmp_path / name).read_bytes() == first


def test_nothing_is_left_of_an_interrupted_video(tmp_path, monkeypatch):
    """Oracle: an empty folder after a planted Ctrl-C half way, and the old file after another."""

    def interrupted(output, sound, how):
        stream = output.add_stream("aac", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 4096), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, 0
        yield from stream.encode(frame)
        raise KeyboardInterrupt

    monkeypatch.setattr(mux, "sound_packets", interrupted)
    image = Image(np.full((40, 60, 3), 99, np.uint8))
    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.mp4", image, silence(2.0), duration_s=2.0)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.mp4", image, silence(2.0), duration_s=2.0, force=True)
    assert (tmp_path / "a.mp4").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_impossible_videos_are_refused(tmp_path, make_video, grey):
    """Oracle: planted requests; nothing appears."""
    image = Image(np.full((40, 60, 3), 99, np.uint8))
    mute = read_media(make_video(tmp_path / "mute.mp4", grey(25)))
    ambix = Audio(np.zeros((9, RATE), np.float32), RATE, ambisonics(2), "acn-sn3d")
    fuma = Audio(np.zeros((4, RATE), np.float32), RATE, FOA, "fuma")
    ambix_1 = Audio(np.zeros((4, RATE), np.float32), RATE, FOA, "acn-sn3d")
    flash = read_media(make_video(tmp_path / "flash.mp4", grey(25), sound=np.zeros(RATE)))
    loud = Audio(np.full((2, RATE), 1.5, np.float32), RATE, STEREO)
    for name, picture, audio, keep, message in [
        ("a.avi", image, silence(1.0), None, "no known video extension"),
        ("a.mp4", image, ambix, None, "not hoa2: use .mov"),
        ("a.mp4", image, fuma, None, "not fuma: convert it"),
        ("a.mp4", flash, ambix_1, 0.0, "cannot be kept in foa"),
        ("a.mp4", image, loud, None, r"\+3\.5 dBFS"),
        ("a.mp4", image, silence(0.5), None, "the video 1.000 s"),
        ("a.mp4", image, silence(1.0), 0.0, "no original sound"),
        ("a.mp4", mute, silence(1.0), 0.0, "no original sound"),
        ("mute.mp4", image, silence(1.0), None, "exists already"),
        ("none/a.mp4", image, silence(1.0), None, "does not exist"),
    ]:
        with pytest.raises(InputError, match=message):
            write_video(tmp_path / name, picture, audio, VideoOptions(keep_audio_db=keep), duration_s=1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flash.mp4", "mute.mp4"]


def test_real_videos_keep_every_frame(media, tmp_path):
    """Oracle: the number and times of the frames of the source, read by PyAV."""
    for path in sorted((media / "videos_permissive").glob("[fo]*.mp4")):
        video = read_media(path)
        seconds = round(video.duration_s, 3)
        out = tmp_path / path.name
        report = write_video(out, video, silence(seconds), VideoOptions(keep_audio_db=0.0), duration_s=seconds)
        with av.open(str(path)) as a, av.open(str(out)) as b:
            before, after = ([float(frame.time) for frame in x.decode(video=0)] for x in (a, b))
        assert report.picture == "copied" and after == pytest.approx([t - before[0] for t in before], abs=1e-4)
