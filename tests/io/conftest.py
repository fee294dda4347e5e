"""Media planted by the tests: every picture, time and sound in them is known."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from seehear.types import Audio, Layout


@pytest.fixture
def media() -> Path:
    """The folder of real media beside the repository (or SEEHEAR_MEDIA); the test skips where there is none."""
    folder = Path(os.environ.get("SEEHEAR_MEDIA", Path(__file__).resolve().parents[2] / "../shared/media"))
    if not folder.is_dir():
        pytest.skip("the folder of real media is absent")
    return folder


@pytest.fixture
def noise() -> Callable[..., Audio]:
    def make(layout: Layout, seconds: float = 0.5, rate: int = 48_000, convention: str = "", seed: int = 0) -> Audio:
        shape = (layout.n_channels, round(seconds * rate))
        samples = np.random.default_rng(seed).uniform(-0.9, 0.9, shape).astype(np.float32)
        return Audio(samples, rate, layout, convention)  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_video() -> Callable[..., Path]:
    return _make_video


def _make_video(
    path: Path,
    pictures: Sequence[np.ndarray],
    times_s: Sequence[float] | None = None,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rate: int = 25,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    sound: np.ndarray | None = None,
    sound_start_s: float = 0.0,
    aspect: Fraction | None = None,
) -> Path:
    """A video whose frames are ``pictures`` (H, W, 3) at ``times_s`` (in 1/1000 s) or a constant rate."""
    ticks = 1000 if times_s is not None else rate
    at = [round(t * ticks) for t in times_s] if times_s is not None else range(len(pictures))
    with av.open(str(path), "w", options=container_options or {}) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = Fraction(1, ticks)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        voice = output.add_stream("aac", rate=48_000, layout="mono") if sound is not None else None
        for pts, picture in zip(at, pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = pts, Fraction(1, ticks)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if voice is not None and sound is not None:
            frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = 48_000, Fraction(1, 48_000), round(sound_start_s * 48_000)
            output.mux(voice.encode(frame))
            output.mux(voice.encode(None))
    return path


@pytest.fixture
def rotate_mp4() -> Callable[[Path, int], None]:
    """Writes the rotation (clockwise, as a phone does) into an MP4's track header: ISO/IEC 14496-12, 8.3.2 and 6.2.2."""

    def rotate(path: Path, clockwise_deg: int) -> None:
        one = 1 << 16
        a, b = {90: (0, one), 180: (-one, 0), 270: (0, -one)}[clockwise_deg]
        data = bytearray(path.read_bytes())
        header = data.index(b"tkhd") + 4
        matrix = header + 4 + (32 if data[header] else 20) + 8 + 8
        struct.pack_into(">9i", data, matrix, a, b, 0, -b, a, 0, 0, 0, 1 << 30)
        path.write_bytes(data)

    return rotate


@pytest.fixture
def grey() -> Callable[..., list[np.ndarray]]:
    """Flat grey frames whose level tells their index: 16 + 8 * index."""

    def make(n: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
        return [np.full((height, width, 3), 16 + 8 * (i % 28), np.uint8) for i in range(n)]

    return make
