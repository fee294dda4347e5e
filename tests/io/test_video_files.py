"""Moving pictures: real frame times, rotation, damaged and odd files, memory."""

import struct
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from seehear.io.video import pictures_at, read_frames, read_media
from seehear.types import Image, InputError, Video

UNEVEN_S = [0.0, 0.04, 0.05, 0.3, 0.35, 1.1, 1.125, 2.0]


def indices(frames) -> list[int]:
    """The planted index of each flat grey frame."""
    return [round((float(image.rgb.mean()) - 16) / 8) for _, image in frames]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.webm"])
def test_variable_frame_rate_keeps_real_times(tmp_path, make_video, grey, name):
    """Oracle: planted times (1 ms clock) and grey levels, through B-frames where the codec has them."""
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    video = read_media(make_video(tmp_path / name, grey(8), UNEVEN_S, codec=codec))
    frames = list(read_frames(video))
    assert np.abs(np.array([t for t, _ in frames]) - UNEVEN_S).max() < 1e-3
    assert indices(frames) == list(range(8))
    assert (video.width_px, video.height_px, video.has_audio, video.rotation_deg) == (64, 48, False, 0)


def test_every_asked_time_has_a_picture_until_a_frame_after_the_end(tmp_path, make_video, grey):
    """Oracle: planted times and grey levels: the first picture shown then or later, as often as it is asked for."""
    video = read_media(make_video(tmp_path / "a.mp4", grey(8), UNEVEN_S))
    asked_s = [0.0, 0.01, 0.05, 0.4, 0.5, 0.6, 1.12, 2.0, 2.05, 2.06, 9.0]
    shown = [(0.0, image) for image in pictures_at(video, asked_s)]
    n_after = sum(t <= video.duration_s + 1 / video.frame_rate_hz for t in asked_s[8:])
    assert indices(shown) == [0, 1, 2, 5, 5, 5, 6, 7] + [7] * n_after and n_after < 3


@pytest.mark.parametrize(("clockwise", "corner"), [(90, (3, -4)), (180, (-4, -4)), (270, (-4, 3))])
def test_the_rotation_flag_is_applied(tmp_path, make_video, rotate_mp4, clockwise, corner):
    """Oracle: the track header's matrix written by the standard; red top left turns clockwise with it."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:16, :16, 0] = 255
    path = make_video(tmp_path / "a.mp4", [picture] * 3)
    rotate_mp4(path, clockwise)
    video = read_media(path)
    _, image = next(read_frames(video))
    assert (image.width_px, image.height_px) == (video.width_px, video.height_px) == ((48, 64) if clockwise % 180 else (64, 48))
    assert image.rgb[corner][0] > 200 and (image.rgb[..., 0] > 128).mean() == pytest.approx(1 / 12, rel=0.05)


@pytest.mark.parametrize(
    ("name", "container_options"), [("a.ts", {}), ("a.mkv", {"output_ts_offset": "7.3"}), ("a.mkv", {"live": "1"})]
)
def test_time_starts_at_zero_and_duration_is_known(tmp_path, make_video, grey, name, container_options):
    """Oracle: 25 planted frames at 25 Hz; the file starts late (TS: 1.4 s) or has no duration field (live Matroska)."""
    path = make_video(tmp_path / name, grey(25), container_options=container_options)
    with av.open(str(path)) as container:
        assert container.duration is None or container.start_time > 0
    video = read_media(path)
    frames = list(read_frames(video))
    assert video.duration_s == pytest.approx(1.0, abs=2e-3) and video.frame_rate_hz == pytest.approx(25, rel=3e-3)
    assert np.abs(np.array([t for t, _ in frames]) - np.arange(25) / 25).max() < 1.1e-3


def test_avi_frames_are_counted(tmp_path, make_video, grey):
    """Oracle: 25 planted frames with B-frames in AVI, which stores no presentation times."""
    frames = list(read_frames(read_media(make_video(tmp_path / "a.avi", grey(25), options={"bf": "2"}))))
    assert indices(frames) == list(range(25)) and [t for t, _ in frames] == pytest.approx(np.arange(25) / 25)


def test_frames_are_thinned_and_reduced(tmp_path, make_video, grey):
    """Oracle: the first frame at or after each multiple of 0.3 s, of frames every 0.04 s; sides by proportion."""
    video = read_media(make_video(tmp_path / "a.mp4", grey(25, 60, 120)))
    frames = list(read_frames(video, every_s=0.3, max_side_px=40))
    assert [t for t, _ in frames] == pytest.approx([0.0, 0.32, 0.6, 0.92]) and indices(frames) == [0, 8, 15, 23]
    assert {image.rgb.shape for _, image in frames} == {(20, 40, 3)}


def test_pixels_that_are_not_square(tmp_path, make_video, grey):
    """Oracle: sample aspect 3:2 on 64 x 48 is shown at 96 x 48."""
    video = read_media(make_video(tmp_path / "a.mp4", grey(2), aspect=Fraction(3, 2)))
    assert (video.width_px, video.height_px) == (96, 48) and next(read_frames(video))[1].rgb.shape == (48, 96, 3)


def gif(path: Path, delays_ms: list[int], **options) -> Path:
    frames = [Pillow.fromarray(np.full((40, 60, 3), 16 + 8 * i, np.uint8)) for i in range(len(delays_ms))]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=delays_ms, **options)
    return path


@pytest.mark.parametrize(("name", "options"), [("a.gif", {}), ("a.webp", {"lossless": True}), ("a.png", {}), ("a.avif", {})])
def test_animations_have_their_own_times(tmp_path, name, options):
    """Oracle: planted delays, the last one counted in the duration."""
    video = read_media(gif(tmp_path / name, [100, 300, 50, 400], **options))
    assert isinstance(video, Video) and not video.has_audio
    frames = list(read_frames(video))
    assert [t for t, _ in frames] == pytest.approx([0.0, 0.1, 0.4, 0.45]) and video.duration_s == pytest.approx(0.85)
    assert indices(frames) == [0, 1, 2, 3] and video.frame_rate_hz == pytest.approx(4 / 0.85)
    assert next(read_frames(video, max_side_px=30))[1].rgb.shape == (20, 30, 3)


def test_hasty_gifs_are_shown_as_browsers_do(tmp_path):
    """Oracle: the rule of the browsers: a delay under 20 ms is 100 ms."""
    video = read_media(gif(tmp_path / "a.gif", [0, 10, 20, 0]))
    assert [t for t, _ in read_frames(video)] == pytest.approx([0.0, 0.1, 0.2, 0.22]) and video.duration_s == pytest.approx(0.32)


def test_partial_gif_frames_are_composed_on_white(tmp_path):
    """Oracle: planted: frame 2 paints its right half, the transparent left shows what was there."""
    first, second = Pillow.new("RGBA", (40, 40), (0, 0, 0, 0)), Pillow.new("RGBA", (40, 40), (0, 0, 0, 0))
    first.paste((255, 0, 0, 255), (0, 0, 20, 40))
    second.paste((0, 0, 255, 255), (20, 0, 40, 40))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=100, disposal=0)
    (_, one), (_, two) = read_frames(read_media(tmp_path / "a.gif"))
    assert (one.rgb[:, :20] == (255, 0, 0)).all() and (one.rgb[:, 20:] == 255).all()
    assert (two.rgb[:, :20] == (255, 0, 0)).all() and (two.rgb[:, 20:] == (0, 0, 255)).all()


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.avif"])
def test_one_frame_is_a_picture(tmp_path, name):
    """Oracle: planted single frame."""
    assert isinstance(read_media(gif(tmp_path / name, [100])), Image)


def test_colours_survive(tmp_path, make_video):
    """Oracle: planted colours in a video tagged BT.601 and limited range, within the loss of 8-bit 4:2:0."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32], picture[:, 32:] = (200, 60, 30), (20, 90, 160)
    _, image = next(read_frames(read_media(make_video(tmp_path / "a.mp4", [picture] * 2, options={"crf": "1"}))))
    assert np.abs(image.rgb[:, :28].astype(int) - (200, 60, 30)).max() <= 4
    assert np.abs(image.rgb[:, 36:].astype(int) - (20, 90, 160)).max() <= 4


def test_bad_videos_say_why(tmp_path, make_video, grey):
    """Oracle: planted faults; each is one sentence that names the file."""
    rng = np.random.default_rng(0)
    busy = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(75)]
    for name, options in (("end.mp4", {}), ("start.mp4", {"movflags": "faststart"}), ("a.mkv", {})):
        data = make_video(tmp_path / name, busy, container_options=options).read_bytes()
        (tmp_path / f"half-{name}").write_bytes(data[: len(data) // 2])
    tiny = make_video(tmp_path / "tiny.mp4", grey(3, 8, 64))
    long = make_video(tmp_path / "long.mp4", grey(3, 16, 16 * 33))
    with av.open(str(tmp_path / "sound.m4a"), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    (tmp_path / "text.mp4").write_text("no video\n" * 100)
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXTINF:10,\nend.mp4\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.txt").write_text("ffconcat version 1.0\nfile end.mp4\n")
    (tmp_path / "empty.mp4").touch()
    faults = {
        "half-end.mp4": "damaged, truncated",
        "half-start.mp4": "truncated",
        "half-a.mkv": "truncated",
        tiny.name: "at least 16 px",
        long.name: "32 times",
        "sound.m4a": "sound but no picture",
        "text.mp4": "no known format",
        "list.mp4": "no known format",
        "list.txt": "no known format",
        "empty.mp4": "0 bytes",
        "missing.mp4": "does not exist",
    }
    for name, message in faults.items():
        with pytest.raises(InputError, match=message) as caught:
            read_media(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.ts", "libx264")])
def test_damaged_videos_never_crash(tmp_path, make_video, name, codec):
    """Oracle: only frames or an InputError come back, whatever bytes are changed or missing."""
    rng = np.random.default_rng(2)
    busy = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(8)]
    whole = np.frombuffer(make_video(tmp_path / name, busy, codec=codec).read_bytes(), np.uint8)
    for attempt in range(25):
        data = whole.copy()
        data[rng.integers(0, len(data) if attempt % 2 else 800, 4)] = rng.integers(0, 256, 4)
        (tmp_path / "b").write_bytes(data[: rng.integers(1, len(data)) if attempt % 5 == 0 else None].tobytes())
        try:
            times = [t for t, _ in read_frames(read_media(tmp_path / "b"))]
        except InputError as error:
            assert str(tmp_path / "b") in str(error) and "\n" not in str(error)
        else:
            assert times[0] == 0 and all(a < b for a, b in pairwise(times))


def test_a_cover_picture_is_no_video(tmp_path):
    """Oracle: an MP3 with a planted cover: its sound is read, its picture is not taken for a video."""
    with av.open(str(tmp_path / "a.mp3"), "w") as output:
        sound, cover = output.add_stream("libmp3lame", rate=44_100, layout="stereo"), output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 99, np.uint8), format="rgb24").reformat(format="yuvj420p")
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 44_100), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, picture.pts = 44_100, 0, 0
        packets = [*sound.encode(frame), *sound.encode(None)]
        output.mux([*cover.encode(picture), *cover.encode(None)])
        output.mux(packets)
    with av.open(str(tmp_path / "a.mp3")) as container:
        assert len(container.streams.video) == 1
    with pytest.raises(InputError, match="sound but no picture"):
        read_media(tmp_path / "a.mp3")


def test_a_broadcast_that_starts_between_keyframes(tmp_path, make_video, grey):
    """Oracle: planted: the first frame after the cut that can be decoded is a keyframe (every tenth), and it is at 0."""
    path = make_video(tmp_path / "a.ts", grey(28), options={"g": "10", "bf": "2", "sc_threshold": "0"})
    path.write_bytes(path.read_bytes()[188 * 40 :])
    frames = list(read_frames(read_media(path)))
    assert indices(frames) == list(range(indices(frames)[0], 28)) and indices(frames)[0] in (10, 20)
    assert [t for t, _ in frames] == pytest.approx(np.arange(len(frames)) / 25, abs=1e-4)


def test_a_name_with_a_colon_is_a_file(tmp_path, make_video, grey):
    """Oracle: planted file; FFmpeg would take the word before the colon for a protocol."""
    path = make_video(tmp_path / "a.mp4", grey(3)).rename(tmp_path / "concat:größe 雨.mp4")
    assert len(list(read_frames(read_media(path)))) == 3


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_does_not_grow_with_length(tmp_path, make_video, grey):
    """Oracle: 300 frames of 480 x 640 are 264 MiB; a stream holds a few of them (the base is after 50 frames)."""
    video = read_media(make_video(tmp_path / "a.mp4", grey(300, 480, 640), codec="mpeg4", options={"qscale": "20"}))
    levels = []
    for index, _ in enumerate(read_frames(video)):
        if index % 50 == 49:
            levels.append(resident_mib())
    assert len(levels) == 6 and max(levels) - levels[0] < 30


def test_real_videos_have_increasing_times_within_their_duration(media):
    """Oracle: the container's own duration, read by PyAV, and strict order."""
    for path in sorted((media / "videos_permissive").glob("*.mp4")):
        video = read_media(path)
        times = [t for t, _ in read_frames(video, max_side_px=32)]
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert video.duration_s == pytest.approx(float(stream.duration * stream.time_base), abs=0.06)
        assert times[0] == 0 and all(a < b for a, b in pairwise(times)) and times[-1] < video.duration_s


def test_a_video_that_says_it_is_a_sphere_is_one(tmp_path: Path) -> None:
    """Planted: an MP4 with Google's sv3d box (equirectangular, Spherical Video V2) in its sample entry, and the same without."""

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content) + 8) + kind + content

    plain, sphere = tmp_path / "plain.mp4", tmp_path / "sphere.mp4"
    with av.open(str(plain), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for level in range(5):
            picture = av.VideoFrame.from_ndarray(np.full((64, 128, 3), 50 + level, np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    data = bytearray(plain.read_bytes())
    projection = box(b"proj", box(b"prhd", bytes(16)) + box(b"equi", bytes(20)))
    extra = box(b"sv3d", box(b"svhd", bytes(4) + b"test\0") + projection)
    moov = data.index(b"moov")
    entry = data.index(b"mp4v", data.index(b"stsd", moov)) - 4
    end = entry + struct.unpack_from(">I", data, entry)[0]
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"mp4v"):
        at = data.index(name, moov) - 4
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(extra))
    assert data.index(b"mdat") < moov, "nothing behind the box has an offset"
    data[end:end] = extra
    sphere.write_bytes(data)
    assert read_media(sphere).equirectangular
    assert not read_media(plain).equirectangular


def test_frames_at_given_times() -> None:
    """Closed form: the first frame at or after each time, none twice, none after the last."""
    from seehear.io.video import _thinned

    frames = ((i / 10, i) for i in range(50))
    assert [i for _, i in _thinned(frames, None, [0.0, 0.31, 0.32, 0.5, 2.0, 9.0])] == [0, 4, 5, 20]
