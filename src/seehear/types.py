"""The nouns of seehear: frozen values, validated once, shared by every room.

Axes: x front, y left, z up. A direction is a unit vector; azimuth is counter-clockwise from the front
(left = +90 degrees), elevation is up. Radians inside; degrees only at the edges.
Shapes: C channels, T samples, H W pixels, K trajectory points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


class InputError(ValueError):
    """Something the caller can fix: a file, a flag, a value. The message is one clear sentence."""


# ------------------------------------------------------------------------------------------- sound


@dataclass(frozen=True)
class Layout:
    """What each channel of an :class:`Audio` is: labels, angles and WAV mask, in WAV order (DESIGN table)."""

    name: str
    kind: Literal["speakers", "binaural", "ambisonics", "discrete"]
    labels: tuple[str, ...]
    azimuths_rad: tuple[float, ...] = ()
    elevations_rad: tuple[float, ...] = ()
    wav_mask: int = 0

    @property
    def n_channels(self) -> int:
        return len(self.labels)

    @property
    def lfe(self) -> int | None:
        """Index of the low-frequency effects channel, or None."""
        return self.labels.index("LFE") if "LFE" in self.labels else None

    @property
    def speakers(self) -> tuple[int, ...]:
        """Channel indices that have a direction (everything but the LFE)."""
        return tuple(i for i, label in enumerate(self.labels) if label != "LFE")

    @property
    def vectors(self) -> FloatArray:
        """Unit vectors (C, 3) of the channels; the LFE's is meaningless."""
        return np.array([Direction(a, e).vector for a, e in zip(self.azimuths_rad, self.elevations_rad, strict=True)])


def _speakers(name: str, mask: int, *channels: tuple[str, float]) -> Layout:
    labels = tuple(label for label, _ in channels)
    azimuths = tuple(math.radians(azimuth) for _, azimuth in channels)
    return Layout(name, "speakers", labels, azimuths, (0.0,) * len(labels), mask)


MONO = Layout("mono", "speakers", ("M",), (0.0,), (0.0,), 0x4)
STEREO = _speakers("stereo", 0x3, ("L", 30), ("R", -30))
SURROUND_5_1 = _speakers("5.1", 0x60F, ("L", 30), ("R", -30), ("C", 0), ("LFE", 0), ("Ls", 110), ("Rs", -110))
BINAURAL = Layout("binaural", "binaural", ("left ear", "right ear"), wav_mask=0x3)
FOA = Layout("foa", "ambisonics", ("W", "Y", "Z", "X"))
LAYOUTS: Mapping[str, Layout] = {x.name: x for x in (MONO, STEREO, SURROUND_5_1, BINAURAL, FOA)}


def layout_named(name: str) -> Layout:
    """The layout of that name; InputError lists the known ones."""
    try:
        return LAYOUTS[name]
    except KeyError:
        raise InputError(f"unknown layout {name!r}: choose one of {', '.join(LAYOUTS)}") from None


def discrete(n_channels: int) -> Layout:
    """Channels that nothing is known about, e.g. read from a file without a mask."""
    return Layout(f"discrete{n_channels}", "discrete", tuple(f"ch{i + 1}" for i in range(n_channels)))


Convention = Literal["", "acn-sn3d", "acn-n3d", "fuma"]


@dataclass(frozen=True)
class Audio:
    """Sound: ``samples`` float32 (C, T), its rate, what its channels are, and the ambisonic convention if any."""

    samples: NDArray[np.float32]
    sample_rate_hz: int
    layout: Layout
    convention: Convention = ""

    def __post_init__(self) -> None:
        x = self.samples
        if x.ndim != 2 or x.dtype != np.float32:
            raise InputError(f"audio must be float32 of shape (channels, samples), got {x.dtype} of shape {x.shape}")
        if x.shape[0] != self.layout.n_channels:
            raise InputError(f"layout {self.layout.name} has {self.layout.n_channels} channels, the audio has {x.shape[0]}")
        if self.sample_rate_hz <= 0:
            raise InputError(f"sample rate must be positive, got {self.sample_rate_hz} Hz")
        if not np.isfinite(x).all():
            raise InputError("audio contains NaN or infinite samples")

    @property
    def n_samples(self) -> int:
        return self.samples.shape[1]

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate_hz


def n_samples(duration_s: float, sample_rate_hz: int) -> int:
    """The exact length of a requested duration: round(seconds * rate)."""
    return round(duration_s * sample_rate_hz)


# ------------------------------------------------------------------------------------------- space


@dataclass(frozen=True)
class Direction:
    """A direction from the listener. ``azimuth_rad`` counter-clockwise from the front, ``elevation_rad`` up."""

    azimuth_rad: float
    elevation_rad: float = 0.0

    @property
    def vector(self) -> FloatArray:
        c = math.cos(self.elevation_rad)
        return np.array([c * math.cos(self.azimuth_rad), c * math.sin(self.azimuth_rad), math.sin(self.elevation_rad)])

    @classmethod
    def of(cls, vector: FloatArray) -> Direction:
        """The direction of any non-zero vector (3,)."""
        x, y, z = (float(v) for v in vector)
        return cls(math.atan2(y, x), math.atan2(z, math.hypot(x, y)))


@dataclass(frozen=True)
class Trajectory:
    """Where a source is over time; held constant before the first and after the last point.

    ``times_s`` (K,) strictly increasing, ``directions`` (K, 3) unit vectors, ``distances_m`` (K,) positive.
    """

    times_s: FloatArray
    directions: FloatArray
    distances_m: FloatArray

    def __post_init__(self) -> None:
        k = len(self.times_s)
        if k == 0 or self.directions.shape != (k, 3) or self.distances_m.shape != (k,):
            raise InputError("a trajectory needs K times, (K, 3) directions and K distances")
        if not (np.isfinite(self.times_s).all() and np.isfinite(self.directions).all() and np.isfinite(self.distances_m).all()):
            raise InputError("a trajectory must be finite")
        if (np.diff(self.times_s) <= 0).any():
            raise InputError("trajectory times must increase")
        if (self.distances_m <= 0).any() or not np.allclose(np.linalg.norm(self.directions, axis=1), 1, atol=1e-3):
            raise InputError("a trajectory needs unit directions and positive distances")

    @classmethod
    def fixed(cls, direction: Direction, distance_m: float) -> Trajectory:
        return cls(np.zeros(1), direction.vector[None], np.array([float(distance_m)]))

    @property
    def is_static(self) -> bool:
        return len(self.times_s) == 1 or (
            np.allclose(self.directions, self.directions[0], atol=1e-6) and np.allclose(self.distances_m, self.distances_m[0])
        )

    def at(self, times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Directions (N, 3) and distances (N,) at ``times_s``: chord-normalised direction, geometric distance."""
        directions = np.stack([np.interp(times_s, self.times_s, self.directions[:, i]) for i in range(3)], axis=-1)
        norms = np.linalg.norm(directions, axis=-1, keepdims=True)
        nearest = self.directions[np.abs(np.asarray(times_s)[:, None] - self.times_s[None]).argmin(axis=1)]
        directions = np.where(norms > 1e-6, directions / np.maximum(norms, 1e-6), nearest)
        return directions, np.exp(np.interp(times_s, self.times_s, np.log(self.distances_m)))


@dataclass(frozen=True)
class Source:
    """One sounding thing: a mono stem of the scene's whole length, where it is, how loud at 1 m, how wide."""

    audio: Audio
    trajectory: Trajectory
    label: str
    gain_db: float = 0.0
    """Gain in dB at 1 m; the distance law 1/r, clamped at 0.5 m, comes on top."""
    extent_rad: float = 0.0
    """Angular width: 0 is a point, 2 pi an ambient bed from everywhere (a bed ignores distance and room)."""
    lfe: bool = False
    """Whether this source may feed the LFE channel."""

    def __post_init__(self) -> None:
        if self.audio.layout.n_channels != 1:
            raise InputError(f"source {self.label!r} must be mono, got {self.audio.layout.n_channels} channels")
        if not 0 <= self.extent_rad <= 2 * math.pi + 1e-9:
            raise InputError(f"extent of {self.label!r} must lie in 0 to 2 pi, got {self.extent_rad}")
        if not math.isfinite(self.gain_db):
            raise InputError(f"gain of {self.label!r} must be finite")

    @property
    def is_bed(self) -> bool:
        return self.extent_rad >= 2 * math.pi - 1e-6


@dataclass(frozen=True)
class Room:
    """The acoustic surroundings, with axes parallel to the listener's (x front, y left, z up)."""

    kind: Literal["none", "shoebox", "outdoor"] = "none"
    size_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Length (x), width (y), height (z) of a shoebox."""
    listener_m: tuple[float, float, float] = (0.0, 0.0, 1.6)
    """The listener from the shoebox's corner (0, 0, 0); outdoors only the height counts."""
    rt60_s: float = 0.0
    """Wanted reverberation time; the wall absorption follows from it."""

    def __post_init__(self) -> None:
        if self.kind not in ("none", "shoebox", "outdoor"):
            raise InputError(f"unknown room kind {self.kind!r}: choose none, shoebox or outdoor")
        if self.kind == "shoebox":
            inside = all(0 < p < s for p, s in zip(self.listener_m, self.size_m, strict=True))
            if not inside or not self.rt60_s > 0:
                raise InputError("a shoebox needs the listener inside it and a positive rt60_s")
        if self.kind == "outdoor" and not self.listener_m[2] > 0:
            raise InputError("outdoors the listener must be above the ground")


@dataclass(frozen=True)
class Scene:
    """Everything that is heard: enough to render any layout without any generator."""

    sources: tuple[Source, ...]
    room: Room
    duration_s: float
    sample_rate_hz: int
    seed: int = 0
    listener: Direction = Direction(0.0)
    """Where the listener looks: renders are rotated by its inverse."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration_s) and self.duration_s > 0):
            raise InputError(f"duration must be positive, got {self.duration_s} s")
        for source in self.sources:
            if source.audio.sample_rate_hz != self.sample_rate_hz:
                rate_hz = source.audio.sample_rate_hz
                raise InputError(f"stem {source.label!r} has {rate_hz} Hz, the scene {self.sample_rate_hz} Hz")
            if source.audio.n_samples != self.n_samples:
                raise InputError(f"stem {source.label!r} has {source.audio.n_samples} samples, the scene {self.n_samples}")

    @property
    def n_samples(self) -> int:
        return n_samples(self.duration_s, self.sample_rate_hz)


# ------------------------------------------------------------------------------------------- sight


@dataclass(frozen=True)
class Image:
    """A picture: ``rgb`` uint8 (H, W, 3), upright; the 35 mm-equivalent focal length if the file told it."""

    rgb: NDArray[np.uint8]
    focal_35mm: float | None = None

    def __post_init__(self) -> None:
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype != np.uint8:
            got = f"{self.rgb.dtype} of shape {self.rgb.shape}"
            raise InputError(f"an image must be uint8 of shape (height, width, 3), got {got}")

    @property
    def height_px(self) -> int:
        return self.rgb.shape[0]

    @property
    def width_px(self) -> int:
        return self.rgb.shape[1]


@dataclass(frozen=True)
class Video:
    """A moving picture on disk (video, GIF or animated WebP): facts only, frames are streamed by ``io``."""

    path: str
    width_px: int
    height_px: int
    """Size as displayed, after rotation."""
    duration_s: float
    frame_rate_hz: float
    """Average rate; real frame times come with the frames."""
    rotation_deg: int = 0
    has_audio: bool = False


@dataclass(frozen=True)
class DepthMap:
    """Relative depth (H, W) float32 in 0 (nearest) to 1 (farthest), or metres when ``metric``."""

    depth: NDArray[np.float32]
    metric: bool = False


@dataclass(frozen=True)
class ConceptScores:
    """Probabilities over the sounding vocabulary; what is left is ``unknown`` (silent or not recognised)."""

    scores: Mapping[str, float]
    unknown: float

    def top(self, k: int = 1) -> list[tuple[str, float]]:
        return sorted(self.scores.items(), key=lambda item: (-item[1], item[0]))[:k]


Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels, x1 and y1 exclusive."""


@dataclass(frozen=True)
class Region:
    """A part of a picture: its mask, its axis-aligned box (eq. 2 of SEE-2-SOUND), optionally its convex hull (eq. 1)."""

    mask: NDArray[np.bool_]
    """(H, W) at the resolution of the picture it was found in."""
    box: Box
    saliency: float = 0.0
    """How much it stands out, 0 to 1."""
    polygon: tuple[tuple[float, float], ...] | None = None
    """Vertices (x, y) of the convex hull when asked for; None means that the box outlines the region."""
    scores: ConceptScores | None = None
    appearance: FloatArray | None = field(default=None, compare=False)
    """A descriptor for matching regions over time."""


@dataclass(frozen=True)
class Rendering:
    """What ``spatialize`` gives back: the sound, the scene it came from, and the run's report."""

    audio: Audio
    scene: Scene
    report: Mapping[str, object]
    """Sources as shown to the user, files, seconds per stage, models and licences, notes."""
    figure: bytes | None = None
    """The explaining picture as PNG, when asked for."""
