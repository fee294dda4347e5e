"""The nouns of seehear: frozen values, validated once, shared by every room.

Axes: x front, y left, z up. A direction is a unit vector; azimuth is counter-clockwise from the front
(left = +90 degrees), elevation is up. Radians inside; degrees only at the edges.
Shapes: C channels, T samples, H W pixels, K trajectory points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


class InputError(ValueError):
    """Something the caller can fix: a file, a flag, a value. The message is one clear sentence."""


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def _is_array(value: object, ndim: int, kind: type = np.floating) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == ndim and np.issubdtype(value.dtype, kind)


def _told(value: object) -> str:
    """What an error says that it got."""
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


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
        if not _is_array(x, 2, np.float32):
            raise InputError(f"audio must be float32 of shape (channels, samples), got {_told(x)}")
        if x.shape[0] != self.layout.n_channels:
            raise InputError(f"layout {self.layout.name} has {self.layout.n_channels} channels, the audio has {x.shape[0]}")
        if not _is_count(self.sample_rate_hz):
            raise InputError(f"sample rate must be a positive whole number, got {self.sample_rate_hz!r} Hz")
        if self.convention not in get_args(Convention):
            raise InputError(f"unknown ambisonic convention {self.convention!r}: choose acn-sn3d, acn-n3d or fuma")
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

    def __post_init__(self) -> None:
        if not _is_number(self.azimuth_rad):
            raise InputError(f"azimuth must be a finite number, got {self.azimuth_rad!r}")
        if not (_is_number(self.elevation_rad) and abs(self.elevation_rad) <= math.pi / 2 + 1e-6):
            raise InputError(f"elevation must lie in -pi/2 to pi/2, got {self.elevation_rad!r}")

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
        if not (_is_array(self.times_s, 1) and _is_array(self.directions, 2) and _is_array(self.distances_m, 1)):
            got = ", ".join(_told(x) for x in (self.times_s, self.directions, self.distances_m))
            raise InputError(f"a trajectory needs arrays of numbers: times, directions and distances, got {got}")
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
        if not (_is_number(self.extent_rad) and 0 <= self.extent_rad <= 2 * math.pi + 1e-9):
            raise InputError(f"extent of {self.label!r} must lie in 0 to 2 pi, got {self.extent_rad!r}")
        if not _is_number(self.gain_db):
            raise InputError(f"gain of {self.label!r} must be a finite number, got {self.gain_db!r}")

    @property
    def is_bed(self) -> bool:
        return surrounds(self.extent_rad)


def surrounds(extent_rad: float) -> bool:
    """Whether something of that angular width is heard from everywhere."""
    return extent_rad >= 2 * math.pi - 1e-6


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
        for what, lengths_m in (("size", self.size_m), ("listener", self.listener_m)):
            if len(lengths_m) != 3 or not all(map(_is_number, lengths_m)):
                raise InputError(f"the {what} of a room needs three lengths, got {lengths_m}")
        if self.kind == "shoebox":
            inside = all(0 < p < s for p, s in zip(self.listener_m, self.size_m, strict=True))
            if not (inside and _is_number(self.rt60_s) and self.rt60_s > 0):
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
        if not _is_count(self.sample_rate_hz):
            raise InputError(f"sample rate must be a positive whole number, got {self.sample_rate_hz!r} Hz")
        if not (_is_number(self.duration_s) and self.n_samples >= 1):
            raise InputError(f"duration must be at least one sample, got {self.duration_s!r} s at {self.sample_rate_hz} Hz")
        if not _is_count(self.seed, 0):
            raise InputError(f"seed must be a whole number from 0, got {self.seed!r}")
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
        if not _is_array(self.rgb, 3, np.uint8) or self.rgb.shape[2] != 3 or self.rgb.size == 0:
            raise InputError(f"an image must be uint8 of shape (height, width, 3), got {_told(self.rgb)}")
        if self.focal_35mm is not None and not (_is_number(self.focal_35mm) and self.focal_35mm > 0):
            raise InputError(f"a focal length must be positive, got {self.focal_35mm!r} mm")

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

    def __post_init__(self) -> None:
        if not _is_array(self.depth, 2, np.float32) or self.depth.size == 0:
            raise InputError(f"depth must be float32 of shape (height, width), got {_told(self.depth)}")
        # NaN anywhere makes both extremes NaN, which no comparison lets pass.
        nearest, farthest = float(self.depth.min()), float(self.depth.max())
        if not (nearest >= 0 and farthest <= (np.finfo(np.float32).max if self.metric else 1 + 1e-6)):
            rule = "be finite and not negative" if self.metric else "lie in 0 to 1"
            raise InputError(f"depth must {rule}, got {nearest:g} to {farthest:g}")


@dataclass(frozen=True)
class ConceptScores:
    """Probabilities over the sounding vocabulary; what is left is ``unknown`` (silent or not recognised)."""

    scores: Mapping[str, float]
    unknown: float

    def __post_init__(self) -> None:
        for name, p in (*self.scores.items(), ("unknown", self.unknown)):
            if not (_is_number(p) and 0 <= p <= 1 + 1e-6):
                raise InputError(f"the probability of {name!r} must lie in 0 to 1, got {p!r}")
        if (total := sum(self.scores.values()) + self.unknown) > 1 + 1e-3:
            raise InputError(f"probabilities add up to {total:.4g}, more than 1")

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

    def __post_init__(self) -> None:
        if not _is_array(self.mask, 2, np.bool_) or not self.mask.any():
            raise InputError(f"a region needs a bool mask (height, width) that is not empty, got {_told(self.mask)}")
        height, width = self.mask.shape
        x0, y0, x1, y1 = self.box if len(self.box) == 4 and all(map(_is_number, self.box)) else (0, 0, 0, 0)
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise InputError(f"a box needs 0 <= x0 < x1 <= {width} and 0 <= y0 < y1 <= {height}, got {self.box}")
        if self.polygon is not None and len(self.polygon) < 3:
            raise InputError(f"a polygon needs at least three vertices, got {len(self.polygon)}")


@dataclass(frozen=True)
class Rendering:
    """What ``spatialize`` gives back: the sound, the scene it came from, and the run's report."""

    audio: Audio
    scene: Scene
    report: Mapping[str, object]
    """Sources as shown to the user, files, seconds per stage, models and licences, notes."""
    figure: bytes | None = None
    """The explaining picture as PNG, when asked for."""
