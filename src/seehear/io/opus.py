"""Ogg Opus (RFC 7845, RFC 8486): what a file's head says, read without trusting a length; files written."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from seehear.io.files import PathLike
from seehear.io.resampling import resampled
from seehear.types import InputError, Layout, Sound, reblocked

RATE_HZ = 48_000
"""What every Opus decoder puts out; pre-skip and lengths are counted in it (RFC 7845, 4)."""
_FAMILIES = {"mono": ("mono", 0), "stereo": ("stereo", 0), "binaural": ("stereo", 0), "5.1": ("5.1", 1), "7.1": ("7.1", 1)}
_CHANNEL_BIT_RATE = 128_000
"""YouTube asks for at least 512 kb/s of four channels."""
_FRAME_SAMPLES = 960
_MAX_HEAD = 1 << 17
"""Bytes: 255 channels from 255 streams by a matrix have a head of 130 071."""
_MAX_PAGES = 64
"""Pages that a head may be spread over: 64 KiB each, the largest takes two or three."""


@dataclass(frozen=True)
class OpusHead:
    """The identification header of an Opus stream (RFC 7845, 5.1)."""

    n_channels: int
    pre_skip_samples: int
    """Samples at 48 kHz to leave out at the start."""
    input_rate_hz: int
    """Of the sound before it was encoded; 0 is unknown."""
    gain_db: float
    family: int
    """Channel mapping: 0 mono and stereo, 1 the Vorbis orders of loudspeakers, 2 and 3 ambisonics, 255 nothing is said."""
    n_streams: int
    n_coupled: int
    """How many of the streams are stereo; they come first."""
    mapping: tuple[int, ...]
    """The decoded channel that each output channel is, 255 for silence; empty for family 3."""
    matrix: NDArray[np.float32] | None = None
    """Family 3: output channels (C, streams + coupled streams) from decoded channels (RFC 8486, 3.2)."""

    @property
    def ambisonic_order(self) -> int | None:
        """Order of the ambisonics in families 2 and 3; None for the other families and for impossible numbers of channels."""
        order = int(np.sqrt(self.n_channels)) - 1
        whole = self.n_channels - (order + 1) ** 2 in (0, 2)  # two more are head-locked stereo
        return order if self.family in (2, 3) and whole else None


def read_opus_head(path: PathLike) -> OpusHead | None:
    """The head of the first Opus stream of an Ogg file; None when the file is none. InputError when the head is damaged."""
    with Path(path).open("rb") as file:
        head = _first_packet(file)
    if head is None or not head.startswith(b"OpusHead"):
        return None
    try:
        return opus_head(head)
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from None


def opus_head(head: bytes) -> OpusHead:
    """The facts of an identification header, from its "OpusHead" on. InputError when they contradict each other."""
    if len(head) < 19:
        raise InputError(f"an Opus head has 19 bytes or more, this one {len(head)}")
    version, n_channels, pre_skip, rate, gain, family = struct.unpack("<BBHIhB", head[8:19])
    if version >> 4:
        raise InputError(f"version {version} of the Opus head is unknown")
    if n_channels == 0:
        raise InputError("the Opus head says that there are no channels")
    facts = (n_channels, pre_skip, rate, gain / 256, family)
    if family == 0:
        if n_channels > 2:
            raise InputError(f"channel mapping family 0 has one or two channels, not {n_channels}")
        return OpusHead(*facts, 1, n_channels - 1, tuple(range(n_channels)))
    if len(head) < 21:
        raise InputError("the channel mapping of the Opus head is missing")
    n_streams, n_coupled = head[19], head[20]
    n_decoded = n_streams + n_coupled
    if n_streams == 0 or n_coupled > n_streams or n_decoded > 255:
        raise InputError(f"the Opus head says {n_streams} streams, {n_coupled} of them stereo")
    if family == 3:
        return OpusHead(*facts, n_streams, n_coupled, (), _matrix(head[21:], n_channels, n_decoded))
    mapping = head[21 : 21 + n_channels]
    if len(mapping) < n_channels or any(each >= n_decoded and each != 255 for each in mapping):
        raise InputError(f"the Opus head maps {n_channels} channels to {list(mapping)} of {n_decoded}")
    return OpusHead(*facts, n_streams, n_coupled, tuple(mapping))


def _matrix(raw: bytes, n_channels: int, n_decoded: int) -> NDArray[np.float32]:
    """The demixing matrix of family 3: 16-bit fractions, column after column (RFC 8486, 3.2)."""
    count = n_channels * n_decoded
    if len(raw) < 2 * count:
        raise InputError(f"the demixing matrix of the Opus head has {len(raw)} bytes, {2 * count} are needed")
    steps = np.frombuffer(raw[: 2 * count], "<i2").reshape(n_decoded, n_channels).T
    return steps.astype(np.float32) / np.float32(32768)


def _first_packet(file: BinaryIO) -> bytes | None:
    """The first packet of the file's first logical stream, at most 128 KiB of it; None when the file is no Ogg file."""
    packet, serial = b"", None
    for _ in range(_MAX_PAGES):
        header = file.read(27)
        if len(header) < 27 or header[:4] != b"OggS" or header[4] != 0:
            return packet or None
        lacing = file.read(header[26])
        body = file.read(sum(lacing))
        number = header[14:18]
        serial = number if serial is None else serial
        if number != serial:
            continue
        for size in lacing:
            packet, body = packet + body[:size], body[size:]
            if size < 255 or len(packet) > _MAX_HEAD:
                return packet[:_MAX_HEAD]
    return packet


def opus_layout(layout: Layout) -> tuple[str, int]:
    """FFmpeg's name of the layout and the channel mapping family it goes into; InputError where Opus has no place for it.

    Ambisonics is family 2: the default above two channels, family 1, takes them for loudspeakers and one of six for an LFE.
    """
    if layout.kind == "ambisonics":
        return f"ambisonic {layout.order}", 2
    if layout.name not in _FAMILIES:
        raise InputError(f"Opus has no place for {layout.name} audio: it takes {', '.join(_FAMILIES)} and ambisonics")
    return _FAMILIES[layout.name]


def write_opus(path: Path, sound: Sound) -> None:
    """Nothing; the file ``path`` is then Ogg Opus of exactly as many samples at 48 kHz, 128 kb/s a channel.

    Other rates are resampled. InputError for a layout that Opus has no place for. The same sound gives the same bytes.
    """
    name, family = opus_layout(sound.layout)
    options = {"mapping_family": str(family)}
    with av.open(str(path), "w", format="opus", options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream("libopus", rate=RATE_HZ, layout=name, options=options)
        stream.bit_rate = _CHANNEL_BIT_RATE * sound.layout.n_channels
        start = 0
        for block in reblocked(resampled(sound, RATE_HZ), _FRAME_SAMPLES):
            # Interleaved: of eight planes and more PyAV reads and writes beyond the last.
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T).reshape(1, -1), format="flt", layout=name)
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
            output.mux(stream.encode(frame))
            start += block.shape[1]
        output.mux(stream.encode(None))
