"""Sound and its channels. Shapes: C channels, T samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from seehear.types.checks import FloatArray, InputError, is_array, is_count, told
from seehear.types.direction import Direction


@dataclass(frozen=True)
class Layout:
    """What each channel of an :class:`Audio` is: labels, angles and WAV mask, in WAV order (BS.775, BS.2051)."""

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
    def order(self) -> int:
        """Ambisonic order; InputError for any other kind of layout."""
        if self.kind != "ambisonics":
            raise InputError(f"{self.name} is no ambisonic layout")
        return math.isqrt(self.n_channels) - 1

    @property
    def vectors(self) -> FloatArray:
        """Unit vectors (C, 3) of the channels; the LFE's is meaningless."""
        return np.array([Direction(a, e).vector for a, e in zip(self.azimuths_rad, self.elevations_rad, strict=True)])


def _speakers(name: str, mask: int, *channels: tuple[str, float] | tuple[str, float, float]) -> Layout:
    """A layout of (label, azimuth in degrees, elevation in degrees unless it is level)."""
    labels = tuple(channel[0] for channel in channels)
    azimuths = tuple(math.radians(channel[1]) for channel in channels)
    elevations = tuple(math.radians(channel[2]) if len(channel) == 3 else 0.0 for channel in channels)
    return Layout(name, "speakers", labels, azimuths, elevations, mask)


HIGHEST_ORDER = 7
"""Of ambisonics: 64 channels."""


def ambisonics(order: int) -> Layout:
    """The layout of a full set of (order + 1)^2 ambisonic channels in ACN order; InputError outside order 1 to 7."""
    if not 1 <= order <= HIGHEST_ORDER:
        raise InputError(f"an ambisonic layout has an order from 1 to {HIGHEST_ORDER}, got {order}")
    if order == 1:
        return Layout("foa", "ambisonics", ("W", "Y", "Z", "X"))
    return Layout(f"hoa{order}", "ambisonics", tuple(f"ACN{i}" for i in range((order + 1) ** 2)))


_FRONT = (("L", 30), ("R", -30), ("C", 0), ("LFE", 0))
_SURROUND = (("Ls", 110), ("Rs", -110))
_BACK_AND_SIDE = (("Lb", 135), ("Rb", -135), ("Ls", 90), ("Rs", -90))
MONO = Layout("mono", "speakers", ("M",), (0.0,), (0.0,), 0x4)
STEREO = _speakers("stereo", 0x3, ("L", 30), ("R", -30))
SURROUND_5_1 = _speakers("5.1", 0x60F, *_FRONT, *_SURROUND)
SURROUND_7_1 = _speakers("7.1", 0x63F, *_FRONT, *_BACK_AND_SIDE)
SURROUND_5_1_4 = _speakers(
    "5.1.4", 0x2D60F, *_FRONT, *_SURROUND, ("Ltf", 30, 30), ("Rtf", -30, 30), ("Ltb", 110, 30), ("Rtb", -110, 30)
)
SURROUND_7_1_4 = _speakers(
    "7.1.4", 0x2D63F, *_FRONT, *_BACK_AND_SIDE, ("Ltf", 45, 30), ("Rtf", -45, 30), ("Ltb", 135, 30), ("Rtb", -135, 30)
)
BINAURAL = Layout("binaural", "binaural", ("left ear", "right ear"), wav_mask=0x3)
FOA = ambisonics(1)
LAYOUTS: Mapping[str, Layout] = {
    x.name: x
    for x in (
        *(MONO, STEREO, SURROUND_5_1, SURROUND_7_1, SURROUND_5_1_4, SURROUND_7_1_4, BINAURAL),
        *(ambisonics(order) for order in range(1, HIGHEST_ORDER + 1)),
    )
}


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

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples (C, stop - start), a view; InputError outside 0 to T."""
        check_span(start, stop, self.n_samples)
        return self.samples[:, start:stop]


class Sound(Protocol):
    """Sound of any length, read span by span: an :class:`Audio` in memory, or a file (`io.streams`)."""

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def layout(self) -> Layout: ...

    @property
    def convention(self) -> Convention: ...

    @property
    def n_samples(self) -> int: ...

    @property
    def duration_s(self) -> float: ...

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples (C, stop - start) from ``start`` on; InputError outside 0 to T, and for a file that cannot be read."""
        ...


BLOCK_SAMPLES = 1 << 17
"""How much of a sound is read at once where nothing else decides: 2.7 s at 48 kHz."""


def blocks(sound: Sound, size: int = BLOCK_SAMPLES) -> Iterator[NDArray[np.float32]]:
    """The whole sound in order, (C, n) at a time with n at most ``size``."""
    for start in range(0, sound.n_samples, size):
        yield sound.read(start, min(start + size, sound.n_samples))


def peak_of(sound: Sound) -> float:
    """The largest magnitude of any sample; NaN where one is."""
    return float(np.max([np.abs(block).max(initial=0.0) for block in blocks(sound)], initial=0.0))


def whole(sound: Sound) -> Audio:
    """The sound in memory; an :class:`Audio` is itself."""
    if isinstance(sound, Audio):
        return sound
    return Audio(sound.read(0, sound.n_samples), sound.sample_rate_hz, sound.layout, sound.convention)


@dataclass(frozen=True)
class Derived:
    """A :class:`Sound` whose samples a function gives, mostly of another sound (:func:`derived`)."""

    sample_rate_hz: int
    layout: Layout
    convention: Convention
    n_samples: int
    span: Callable[[int, int], NDArray[np.float32]]
    """Samples (C, stop - start) from ``start`` to ``stop``, both within the sound."""

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate_hz

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples (C, stop - start); InputError outside 0 to T."""
        check_span(start, stop, self.n_samples)
        return self.span(start, stop)


def derived(sound: Sound, span: Callable[[int, int], NDArray[np.float32]]) -> Derived:
    """The sound with samples that ``span`` gives; ``replace`` changes what else is different."""
    return Derived(sound.sample_rate_hz, sound.layout, sound.convention, sound.n_samples, span)


def reblocked(pieces: Iterable[NDArray[np.float32]], size: int) -> Iterator[NDArray[np.float32]]:
    """The same samples in blocks (C, size), the last one shorter."""
    held: list[NDArray[np.float32]] = []
    n_held = 0
    for piece in pieces:
        held.append(piece)
        n_held += piece.shape[1]
        if n_held < size:
            continue
        row = np.concatenate(held, axis=1) if len(held) > 1 else piece
        whole = n_held // size * size
        for start in range(0, whole, size):
            yield row[:, start : start + size]
        held, n_held = [row[:, whole:]], n_held - whole
    if n_held:
        yield np.concatenate(held, axis=1)


def check_span(start: int, stop: int, n_samples: int) -> None:
    """Nothing, or an InputError for a span of samples that does not lie in a sound of ``n_samples``."""
    if not 0 <= start <= stop <= n_samples:
        raise InputError(f"samples {start} to {stop} were asked of a sound that has {n_samples}")


def n_samples(duration_s: float, sample_rate_hz: int) -> int:
    """The exact length of a requested duration: round(seconds * rate)."""
    return round(duration_s * sample_rate_hz)
