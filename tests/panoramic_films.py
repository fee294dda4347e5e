"""Planted panoramic films: a coloured disc somewhere on a grey sphere, and a tone that comes from somewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from seehear.acoustics.sphere import convert, encode, map_directions
from seehear.data.clips import Clip
from seehear.io.audio import write_audio
from seehear.types import FOA, Audio, Direction

RATE_HZ, WIDTH_PX, HEIGHT_PX, FRAMES_PER_S = 8_000, 256, 128, 4
COLOURS = {"red": (230, 20, 20), "blue": (20, 20, 230)}
TONES_HZ = {"dog": 440.0, "rain": 1000.0}
"""What is heard of each label, by `PitchTagger`."""


def panorama(direction: Direction, colour: str | None) -> np.ndarray:
    """A grey sphere (H, W, 3) with a disc of 20 degrees' radius in that direction."""
    rgb = np.full((HEIGHT_PX, WIDTH_PX, 3), 110, np.uint8)
    if colour is not None:
        rgb[map_directions(WIDTH_PX, HEIGHT_PX) @ direction.vector > np.cos(np.radians(20))] = COLOURS[colour]
    return rgb


def tone(label: str, seconds: float, amplitude: float = 0.1) -> np.ndarray:
    """A mono tone (T,) that `PitchTagger` takes for the label; anything else is white noise."""
    n = round(seconds * RATE_HZ)
    if label in TONES_HZ:
        return amplitude * np.sin(2 * np.pi * TONES_HZ[label] * np.arange(n) / RATE_HZ)
    return amplitude * np.random.default_rng(7).standard_normal(n)


def plane_wave(mono: np.ndarray, direction: Direction) -> np.ndarray:
    """AmbiX (4, T) of a sound from there."""
    return encode(mono, direction.vector).astype(np.float32)


def write_film(folder: Path, name: str, pictures: Sequence[np.ndarray], samples: np.ndarray) -> Path:
    """NAME.mp4 without sound, and NAME.wav beside it."""
    with av.open(str(folder / f"{name}.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=FRAMES_PER_S, options={"preset": "ultrafast"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    if len(samples) == 4:
        write_audio(folder / f"{name}.wav", Audio(samples.astype(np.float32), RATE_HZ, FOA, "acn-sn3d"), "FLOAT")
    return folder / f"{name}.mp4"


def plant(folder: Path, name: str, direction: Direction, seconds: int = 5, fault: str = "") -> None:
    """A red disc that sounds like a dog from its direction, or the same with one fault."""
    samples = plane_wave(tone("noise" if fault == "noise" else "dog", seconds), direction)
    if fault == "missing":
        samples[2] = 0  # Z
    if fault == "silent":
        samples *= 10 ** (-75 / 20)
    if fault == "fuma":
        samples = convert(samples, "acn-sn3d", "fuma")
    size = np.s_[:, : WIDTH_PX // 2] if fault == "flat" else np.s_[:]
    picture = panorama(direction, None if fault == "unseen" else "red")[size]
    write_film(folder, name, [picture] * (seconds * FRAMES_PER_S), samples)


@dataclass(frozen=True)
class PitchTagger:
    """Tells the planted tones by the strongest frequency, and of noise nothing."""

    name: str = "pitch"
    sample_rate_hz: int = 8_000
    labels: tuple[str, ...] = ("dog", "rain", "White noise")

    def tag(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        rows = []
        for clip in clips:
            power = np.abs(np.fft.rfft(clip)) ** 2
            hz = np.fft.rfftfreq(len(clip), 1 / self.sample_rate_hz)
            near = [power[np.abs(hz - TONES_HZ[label]) < 5].sum() / max(power.sum(), 1e-20) for label in ("dog", "rain")]
            rows.append([*near, 1 - sum(near)])
        return np.array(rows)


@dataclass(frozen=True)
class RedIsDog:
    """The share of a clip's pixels that are red."""

    def __call__(self, clip: Clip) -> float:
        frames = clip.frames.astype(int)
        return float(((frames[..., 0] > 150) & (frames[..., 2] < 90)).mean())
