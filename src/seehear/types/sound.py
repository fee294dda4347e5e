"""Sound and its channels. Shapes: C channels, T samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from seehear.types.checks import FloatArray, InputError, is_array, is_count, told
from seehear.types.direction import Direction


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
        if not is_array(x, 2, np.float32):
            raise InputError(f"audio must be float32 of shape (channels, samples), got {told(x)}")
        if x.shape[0] != self.layout.n_channels:
            raise InputError(f"layout {self.layout.name} has {self.layout.n_channels} channels, the audio has {x.shape[0]}")
        if not is_count(self.sample_rate_hz):
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
