"""The sound of a video: mixed, faded and levelled block by block, then AAC for MP4 and 24-bit PCM for QuickTime.

AAC starts with 1024 samples of encoder delay; the file's edit list takes them off again. First-order ambisonics is AAC of
FFmpeg's layout 4.0 (channel configuration 4): a decoder that gives its channels in WAV order gives back ACN. YouTube takes 4.0
or no layout and refuses quad (google/spatial-media#138). Its four channels are one sound field, so each is coded for itself: no
intensity stereo and no noise substitution, which would keep levels and lose phases, and the coder that spends alike on all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from seehear.io.decoding import track_blocks
from seehear.io.files import PathLike
from seehear.io.pcm import pcm_steps
from seehear.io.resampling import resampled
from seehear.io.streams import Spool
from seehear.types import InputError, Layout, Sound, blocks, derived, reblocked

_AAC_LAYOUTS = {
    "mono": ("mono", 128_000),
    "stereo": ("stereo", 256_000),
    "binaural": ("stereo", 256_000),
    "5.1": ("5.1", 512_000),
    "foa": ("4.0", 640_000),
}
"""FFmpeg's layout name (its AAC encoder wants 5.1, same order as ours) and the bit rate, per layout."""
_FIELD_OPTIONS = {"aac_coder": "fast", "aac_is": "0", "aac_pns": "0"}
_AAC_RATES_HZ = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_AAC_FRAME_SAMPLES = 1024
_AAC_DELAY_SAMPLES = 1024

_PCM_LAYOUTS = {"binaural": "stereo", "5.1": "5.1(side)"}
"""FFmpeg's name of a layout where it is not ours; its ``chan`` box says then which loudspeakers there are."""
_PCM_FRAME_SAMPLES = 4096

_FADE_IN_S, _FADE_OUT_S = 0.5, 1.0
_MIX_PEAK_DBFS = -1.0
_MAX_LOWERINGS = 4
_MARGIN_DB = 0.02

PeakOf = Callable[[Iterable[NDArray[np.float32]], int], float]
"""True peak in dBTP of blocks (C, n) at a rate in Hz."""


@dataclass(frozen=True)
class Coding:
    """How a sound is coded in a container."""

    codec: str
    layout: str
    """FFmpeg's name."""
    rate_hz: int
    frame_samples: int
    bit_rate: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)


def coding(suffix: str, layout: Layout, sample_rate_hz: int = 48_000) -> Coding:
    """The coding of a sound in a video file with that extension; InputError for a layout that it has no place for."""
    if suffix == ".mov":
        if layout.kind == "discrete":
            raise InputError(f"a video takes loudspeakers, binaural or ambisonic sound, not {layout.name}")
        name = f"ambisonic {layout.order}" if layout.kind == "ambisonics" else _PCM_LAYOUTS.get(layout.name, layout.name)
        return Coding("pcm_s24le", name, sample_rate_hz, _PCM_FRAME_SAMPLES)
    if layout.name not in _AAC_LAYOUTS:
        raise InputError(f"an {suffix} video takes {', '.join(_AAC_LAYOUTS)} sound, not {layout.name}: use .mov")
    name, bit_rate = _AAC_LAYOUTS[layout.name]
    rate_hz = sample_rate_hz if sample_rate_hz in _AAC_RATES_HZ else 48_000
    options = _FIELD_OPTIONS if layout.kind == "ambisonics" else {}
    return Coding("aac", name, rate_hz, _AAC_FRAME_SAMPLES, bit_rate, options)


def weighted(sound: Sound, gain: Callable[[int, int], NDArray[np.floating] | np.float32]) -> Sound:
    """The sound times a gain, which may change from sample to sample: ``gain`` of the samples from one number up to another."""
    return derived(sound, lambda start, stop: (sound.read(start, stop) * gain(start, stop)).astype(np.float32, copy=False))


def amplified(sound: Sound, gain_db: float) -> Sound:
    """The sound at that gain; itself at 0 dB."""
    factor = np.float32(10 ** (gain_db / 20))
    return weighted(sound, lambda start, stop: factor) if gain_db else sound


def faded(sound: Sound, duration_s: float) -> Sound:
    """The sound with the fades of a still picture."""
    rate = sound.sample_rate_hz
    return weighted(sound, lambda start, stop: fade(np.arange(start, stop) / rate, duration_s))


def fade(times_s: np.ndarray, duration_s: float) -> np.ndarray:
    """Raised-cosine gain from 0 to 1 at the start and back to 0 at ``duration_s``; shorter fades for very short videos."""
    rise_s, fall_s = min(_FADE_IN_S, duration_s / 8), min(_FADE_OUT_S, duration_s / 4)
    ramp = np.minimum(times_s / rise_s, (duration_s - times_s) / fall_s).clip(0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * ramp)


def mixed(sound: Sound, path: PathLike, origin_s: float, gain_db: float) -> tuple[Sound, float]:
    """The sound with that of the file ``path`` added at ``gain_db``, and the gain in dB that keeps the sum below -1 dBFS.

    ``origin_s``: where the sound begins by the file's clock. InputError for ambisonics: loudspeaker channels have no place there.
    """
    if sound.layout.kind == "ambisonics":
        raise InputError(f"the original sound cannot be kept in {sound.layout.name}: choose a layout of loudspeakers or binaural")
    mix = Spool(sound.sample_rate_hz, sound.layout, sound.n_samples)
    start = 0
    for block in blocks(sound):
        mix.write(start, block)
        start += block.shape[1]
    gain = np.float32(10 ** (gain_db / 20))
    name = _AAC_LAYOUTS[sound.layout.name][0] if sound.layout.name in _AAC_LAYOUTS else sound.layout.name
    for at, block in track_blocks(path, name, sound.sample_rate_hz, origin_s):
        kept = block[:, max(0, -at) :]
        first = max(0, at)
        last = min(mix.n_samples, first + kept.shape[1])
        if last > first:
            mix.write(first, mix.read(first, last) + gain * kept[:, : last - first])
    peak = max((float(np.abs(block).max(initial=0.0)) for block in blocks(mix)), default=0.0)
    limit = 10 ** (_MIX_PEAK_DBFS / 20)
    if peak <= limit:
        return mix, 0.0
    factor = np.float32(limit / peak)
    return weighted(mix, lambda start, stop: factor), 20 * float(np.log10(limit / peak))


def sound_packets(output: OutputContainer, sound: Sound, how: Coding) -> Iterator[av.Packet]:
    """Coded packets; the stream is added at once, the encoding follows the iteration."""
    stream = output.add_stream(how.codec, rate=how.rate_hz, layout=how.layout, options=dict(how.options))
    if how.bit_rate is not None:
        stream.bit_rate = how.bit_rate

    def packets() -> Iterator[av.Packet]:
        for frame in _frames(sound, how):
            yield from stream.encode(frame)
        yield from stream.encode(None)

    return packets()


def _frames(sound: Sound, how: Coding) -> Iterator[av.AudioFrame]:
    start = 0
    for block in reblocked(resampled(sound, how.rate_hz), how.frame_samples):
        if how.codec == "aac":
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block, np.float32), format="fltp", layout=how.layout)
        else:
            steps = pcm_steps(block, "PCM_24") << 8  # FFmpeg takes them as the upper bits of 32
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(steps).reshape(1, -1), format="s32", layout=how.layout)
        frame.sample_rate, frame.pts, frame.time_base = how.rate_hz, start, Fraction(1, how.rate_hz)
        yield frame
        start += block.shape[1]


def decoded(sound: Sound, how: Coding) -> Iterator[NDArray[np.float32]]:
    """What a player decodes of the sound when it is AAC: blocks (C, n) at its rate, without encoder delay and end padding."""
    encoder = av.CodecContext.create(how.codec, "w")
    encoder.sample_rate, encoder.layout, encoder.format = how.rate_hz, how.layout, "fltp"  # type: ignore[attr-defined]
    encoder.bit_rate, encoder.options, encoder.time_base = how.bit_rate, dict(how.options), Fraction(1, how.rate_hz)
    encoder.open()
    decoder = av.CodecContext.create(how.codec, "r")
    decoder.extradata = encoder.extradata
    skip, left = _AAC_DELAY_SAMPLES, round(sound.n_samples * how.rate_hz / sound.sample_rate_hz)

    def packets() -> Iterator[av.Packet | None]:
        for frame in _frames(sound, how):
            yield from encoder.encode(frame)  # type: ignore[attr-defined]
        yield from encoder.encode(None)  # type: ignore[attr-defined]
        yield None

    for packet in packets():
        for frame in decoder.decode(packet):  # type: ignore[attr-defined]
            block = frame.to_ndarray()[:, skip:][:, :left]
            skip = max(0, skip - frame.samples)
            left -= block.shape[1]
            if block.shape[1]:
                yield block


def headroom_gain_db(sound: Sound, how: Coding, peak_of: PeakOf, ceiling_dbtp: float) -> tuple[float, float]:
    """The gain (0 dB or less) at which the true peak of the decoded AAC stays at or below the ceiling, and that peak in dBTP.

    A coder adds noise, so a sound that just keeps a ceiling passes it once it is decoded. The noise changes with the level:
    measured again after each lowering, at most four times.
    """
    gain_db = 0.0
    peak_dbtp = float(peak_of(decoded(sound, how), how.rate_hz))
    for _ in range(_MAX_LOWERINGS):
        if peak_dbtp <= ceiling_dbtp:
            break
        gain_db -= peak_dbtp - ceiling_dbtp + _MARGIN_DB
        peak_dbtp = float(peak_of(decoded(amplified(sound, gain_db), how), how.rate_hz))
    return gain_db, peak_dbtp
