"""Sound files: read into tagged audio, written with the right order and mask."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream
from av.container import InputContainer

from seehear.io.caf import caf_facts, is_caf, write_caf
from seehear.io.containers import channel_layout, open_container
from seehear.io.files import PathLike, WholeFiles, check_input, check_output, whole_file
from seehear.io.opus import opus_layout, write_opus
from seehear.io.pcm import WIDTH_BYTES, Subtype, pcm_steps
from seehear.io.spherical import declared_order
from seehear.io.streams import SoundFile, pcm_span, soundfile_span, spooled
from seehear.io.wav import AMBIX_COMMENT, WavFacts, wav_facts, write_wav
from seehear.types import (
    BINAURAL,
    HIGHEST_ORDER,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1,
    SURROUND_7_1_4,
    Audio,
    Convention,
    InputError,
    Layout,
    Sound,
    ambisonics,
    blocks,
    discrete,
)

_MASKS = {
    **{layout.wav_mask: layout for layout in (MONO, STEREO, SURROUND_5_1, SURROUND_7_1, SURROUND_5_1_4, SURROUND_7_1_4)},
    0x3F: SURROUND_5_1,
}
"""Layout per dwChannelMask; 5.1 comes with side (0x60F) or back (0x3F) surrounds, in the same order."""
_FLAC_LAYOUTS = ("mono", "stereo", "binaural", "5.1", "7.1")
"""FLAC gives every channel count a fixed meaning (RFC 9639, 9.1.3): others would be played from the wrong speakers."""
_AMBISONICS = {layout.n_channels: layout for layout in map(ambisonics, range(1, HIGHEST_ORDER + 1))}

ORDERS: dict[str, Convention] = {"": "", "acn": "acn-sn3d", "fuma": "fuma", "n3d": "acn-n3d"}
"""What people call the order and weights of ambisonic channels; empty is what the file says."""
RATES_HZ = (8_000, 192_000)
_SEEKABLE = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
"""libsndfile's sample formats in which it finds every sample again."""
_MOST_SAMPLES = 1 << 48
AUDIO_SUFFIXES = (".wav", ".flac", ".caf", ".opus")
"""What :func:`write_audio` writes."""
_CLOCK_SLACK_S = 0.01
_MAX_PLANES = 7
"""PyAV counts the planes of a frame up to the first null pointer: of eight channels, the most that lie in the frame itself, it
reads on behind them."""


def open_audio(path: PathLike, layout: Layout | None = None, convention: Convention = "") -> SoundFile:
    """The sound of a file, read span by span, at its own rate, tagged with what its header says its channels are.

    WAV masks, CAF layouts, the FLAC and Vorbis orders, our AmbiX comment and ``.amb`` files are understood; channels that nothing
    is said about are discrete (four channels with mask 0 are not taken for ambisonics) unless ``layout`` tells, for ambisonics
    with ``convention`` (AmbiX when left empty). Lossy sound and the track of a video are decoded once into a temporary file.
    InputError: missing, empty, damaged or unknown file, no samples, a layout of another size; as it is read NaN and samples
    beyond `MAX_SAMPLE`.
    """
    path = check_input(path)
    sound = _opened(path)
    if sound.n_samples == 0:
        raise InputError(f"{path} holds no samples")
    if layout is None:
        return sound
    if layout.n_channels != sound.layout.n_channels:
        raise InputError(f"{path} has {sound.layout.n_channels} channels, {layout.name} needs {layout.n_channels}")
    ambix: Convention = "acn-sn3d" if layout.kind == "ambisonics" else ""
    return replace(sound, layout=layout, convention=convention or ambix)


def read_audio(path: PathLike, layout: Layout | None = None, convention: Convention = "") -> Audio:
    """The sound of a file in memory; arguments and errors as :func:`open_audio`."""
    return _in_memory(open_audio(path, layout, convention))


def open_ambisonics(path: PathLike, convention: Convention = "") -> SoundFile:
    """The ambisonic sound of a file in its own convention: the one that it says, else ``convention``, else AmbiX.

    InputError: as :func:`open_audio`; another number of channels than 4, 9, 16, 25, 36, 49 or 64; a header that says that the
    channels are loudspeakers or another convention than ``convention``; FuMa above third order; four channels of FLAC or
    Vorbis, which are quadraphonic loudspeakers (RFC 9639, Vorbis I 4.3.9), unless ``convention`` says that they are ambisonic;
    a rate outside `RATES_HZ`.
    """
    sound = open_audio(path)
    n_channels = sound.layout.n_channels
    known = sound.layout.kind == "ambisonics"
    if known and convention not in ("", sound.convention):
        raise InputError(f"{path} says that it is {sound.convention}, not {convention}")
    if n_channels not in _AMBISONICS:
        counts = ", ".join(str(n) for n in _AMBISONICS)
        raise InputError(f"{path} has {n_channels} channels: ambisonics of order 1 to {HIGHEST_ORDER} has {counts}")
    facts = wav_facts(Path(path))
    if sound.layout.kind == "speakers" or (facts is not None and facts.mask):
        raise InputError(f"{path} says that its channels are loudspeakers: ambisonic sound is needed")
    if not (known or convention) and n_channels == 4 and _is_quadraphonic(Path(path)):
        raise InputError(
            f"{path} has four channels, which are quadraphonic loudspeakers in FLAC and Vorbis files: "
            "say that their order is acn (AmbiX) or fuma, or use a WAV file"
        )
    check_rate(path, sound.sample_rate_hz)
    layout, found = _AMBISONICS[n_channels], sound.convention or convention or "acn-sn3d"
    if found == "fuma" and layout.order > 3:
        raise InputError(f"{path} has {n_channels} channels, but FuMa ends at third order (16 channels)")
    return sound if known else replace(sound, layout=layout, convention=found)


def read_ambisonics(path: PathLike, convention: Convention = "") -> Audio:
    """The ambisonic sound of a file in memory; arguments and errors as :func:`open_ambisonics`."""
    return _in_memory(open_ambisonics(path, convention))


def _in_memory(sound: SoundFile) -> Audio:
    return Audio(sound.read(0, sound.n_samples), sound.sample_rate_hz, sound.layout, sound.convention)


def _is_quadraphonic(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(64)
    return head[:4] == b"fLaC" or (head[:4] == b"OggS" and b"\x01vorbis" in head)


def check_rate(path: PathLike, rate_hz: float) -> None:
    """Nothing, or an InputError when the file's sample rate is none that space is computed at (NaN among them)."""
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise InputError(f"{path} has a sample rate of {rate_hz:g} Hz: {RATES_HZ[0]} to {RATES_HZ[1]} Hz can be used")


def write_audio(
    path: PathLike,
    sound: Sound,
    subtype: Subtype = "PCM_24",
    *,
    mask: int | None = None,
    force: bool = False,
    within: WholeFiles | None = None,
) -> None:
    """Nothing; ``path`` then holds the sound as WAV, FLAC, CAF or Opus, by its extension, the same bytes for the same sound.

    A sound of any length is written block by block; a WAV above 4 GB is RF64. Ambisonics must be AmbiX (ACN, SN3D). ``mask``
    takes the place of the layout's dwChannelMask: 0x3F for a 5.1 WAV whose surrounds are to be called back instead of side.
    ``within``: the file appears with all those of that run.
    InputError instead of clipping when an integer subtype cannot hold the peak, for NaN, for a layout that FLAC has no place for,
    and for a mask of other channels.
    """
    path = check_audio_output(path, sound.layout, subtype, force=force)
    layout = sound.layout if mask is None else _masked(sound.layout, mask, path)
    if layout.kind == "ambisonics" and sound.convention != "acn-sn3d":
        raise InputError(
            f"ambisonic files are AmbiX (acn-sn3d), this audio is {sound.convention or 'untagged'}: convert it first"
        )
    check_peak(path, sound, math.inf if subtype == "FLOAT" else 1.0)
    with whole_file(path, force, within) as temporary:
        if path.suffix.lower() == ".flac":
            _write_flac(temporary, path, sound, subtype)
            return
        if path.suffix.lower() == ".opus":
            write_opus(temporary, sound)
            return
        with temporary.open("wb") as file:
            if path.suffix.lower() == ".caf":
                write_caf(file, sound, subtype)
            else:
                write_wav(file, sound, subtype, mask=layout.wav_mask)


def check_audio_output(path: PathLike, layout: Layout, subtype: Subtype = "PCM_24", *, force: bool = False) -> Path:
    """The path, when :func:`write_audio` can put audio of that layout there; InputError otherwise, before any work."""
    path = check_output(path, force)
    suffix = path.suffix.lower()
    if suffix not in AUDIO_SUFFIXES:
        raise InputError(f"{path} has no known audio extension: use {', '.join(AUDIO_SUFFIXES)}")
    if subtype not in get_args(Subtype):
        raise InputError(f"unknown sample format {subtype!r}: choose one of {', '.join(get_args(Subtype))}")
    if suffix == ".flac" and (layout.name not in _FLAC_LAYOUTS or subtype == "FLOAT"):
        what = "floating-point samples" if subtype == "FLOAT" else f"{layout.name} audio"
        raise InputError(f"FLAC has no place for {what}: use .wav")
    if suffix == ".opus":
        opus_layout(layout)
    return path


def _masked(layout: Layout, mask: int, path: Path) -> Layout:
    known = [each for each, named in _MASKS.items() if named == layout]
    if mask not in known:
        known_text = ", ".join(f"{each:#x}" for each in known) or "none"
        raise InputError(f"a channel mask of {layout.name} audio is one of: {known_text}; got {mask:#x}")
    if path.suffix.lower() != ".wav":
        raise InputError(f"{path.suffix[1:].upper()} has no place for a channel mask of your choice: use .wav")
    return replace(layout, wav_mask=mask)


def check_peak(path: PathLike, sound: Sound, most: float = 1.0) -> None:
    """Nothing, or an InputError for NaN and when a sample lies beyond ``most``: integer files would clip. Reads it all."""
    peaks = np.array([np.abs(block).max(initial=0.0) for block in blocks(sound)])
    if not np.isfinite(peaks).all():
        raise InputError(f"{path} cannot be written: the sound contains NaN or infinite samples")
    peak = float(peaks.max(initial=0.0))
    if peak > most:
        raise InputError(f"{path} would clip: the sound peaks at {20 * np.log10(peak):+.1f} dBFS, lower its level")


def _write_flac(temporary: Path, path: Path, sound: Sound, subtype: Subtype) -> None:
    rate, n_channels = sound.sample_rate_hz, sound.layout.n_channels
    if not 1 <= rate <= 655_350:
        raise InputError(f"FLAC has no place for {rate} Hz: use .wav")
    shift = 8 * (4 - WIDTH_BYTES[subtype])  # libsndfile takes 32-bit steps and drops the low bits: no rounding of its own
    try:
        with soundfile.SoundFile(_name(temporary), "w", rate, n_channels, subtype, format="FLAC") as file:
            for block in blocks(sound):
                file.write(pcm_steps(block, subtype) << shift)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path} cannot be written: {error.error_string}") from None


def _opened(path: Path) -> SoundFile:
    """The sound, before anybody says what it is."""
    with path.open("rb") as file:
        head = file.read(12)
    facts = wav_facts(path)
    if facts is not None:
        if facts.data.truncated:
            raise InputError(f"{path} is truncated: its header promises more samples than there are")
        layout, convention = _layout(facts.n_channels, facts, False)
        if facts.pcm is not None:
            span = pcm_span(path.open("rb"), facts.data.start, facts.n_channels, facts.pcm)
            return SoundFile(path, facts.sample_rate_hz, layout, facts.n_samples, convention, span)
    elif is_caf(head):
        return _opened_caf(path)
    elif head[:4] == b"OggS":  # libsndfile leaves loudspeakers in the order of Vorbis, L C R Ls Rs LFE, and tells no ambisonics
        return _decoded(path)
    return _opened_soundfile(path, facts) or _decoded(path)


def _opened_caf(path: Path) -> SoundFile:
    try:
        with path.open("rb") as file:
            facts = caf_facts(file)
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from None
    if facts.data is None:
        raise InputError(f"{path} is damaged: its header has no sound")
    if facts.data.truncated:
        raise InputError(f"{path} is truncated: its header promises more samples than there are")
    if facts.pcm is None:
        sound = _decoded(path)
        named = facts.layout is not None and facts.n_channels == sound.layout.n_channels
        return replace(sound, layout=facts.layout, convention=facts.convention) if named else sound
    span = pcm_span(path.open("rb"), facts.data.start, facts.n_channels, facts.pcm)
    n_samples = facts.data.length // (facts.n_channels * facts.pcm.width_bytes)
    layout = facts.layout or _unnamed(facts.n_channels)
    return SoundFile(path, round(facts.sample_rate_hz), layout, n_samples, facts.convention, span)


def _opened_soundfile(path: Path, facts: WavFacts | None) -> SoundFile | None:
    """The sound by libsndfile; None when it does not know the format.

    Lossy sound is decoded once: where it is sought, libsndfile does not give the samples that it gives in order.
    """
    try:
        file = soundfile.SoundFile(_name(path))
    except soundfile.LibsndfileError as error:
        if facts is not None:
            raise InputError(f"{path} is damaged ({error.error_string})") from None
        return None
    span = soundfile_span(file)
    if file.frames > _MOST_SAMPLES:  # a stream that does not tell its length
        return None
    layout, convention = _layout(file.channels, facts, file.format == "FLAC")
    sound = SoundFile(path, file.samplerate, layout, file.frames, convention, span)
    if file.subtype in _SEEKABLE or file.format == "FLAC":
        _check_end(sound)
        return sound
    spool = spooled(blocks(sound), sound.sample_rate_hz, layout, convention)
    return replace(sound, span=spool.read)


def _name(path: Path) -> str | bytes:
    """The name as soundfile takes it: in bytes, because it need not be UTF-8, but where names are no bytes."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _check_end(sound: SoundFile) -> None:
    """Nothing, or an InputError when the last sample that the header promises is not there."""
    try:
        found = sound.span(max(0, sound.n_samples - 1), sound.n_samples).shape[1]
    except OSError:
        found = 0
    if found < min(1, sound.n_samples):
        raise InputError(f"{sound.path} is truncated: its header promises more than {sound.n_samples - 1} samples")


def _layout(n_channels: int, facts: WavFacts | None, is_flac: bool) -> tuple[Layout, Convention]:
    """What the channels are: by the WAV header where there is one, else by the fixed orders of FLAC."""
    if n_channels in _AMBISONICS and facts is not None:
        if facts.b_format and n_channels <= 16:
            return _AMBISONICS[n_channels], "fuma"
        if facts.comment.startswith(AMBIX_COMMENT):
            return _AMBISONICS[n_channels], "acn-sn3d"
    if n_channels <= 2:
        return _unnamed(n_channels), ""
    layout = _MASKS.get(facts.mask or 0) if facts else {6: SURROUND_5_1, 8: SURROUND_7_1}.get(n_channels) if is_flac else None
    return (layout if layout is not None and layout.n_channels == n_channels else _unnamed(n_channels)), ""


def _unnamed(n_channels: int) -> Layout:
    """What channels are that nothing is said about."""
    return (MONO, STEREO)[n_channels - 1] if n_channels <= 2 else discrete(n_channels)


def _decoded(path: Path) -> SoundFile:
    """The sound track that players choose, decoded once by PyAV: compressed sound cannot be sought to the sample."""
    with open_container(path) as container:
        stream = _sound_stream(container, path)
        rate, name = stream.codec_context.sample_rate, channel_layout(stream, path)
    parts = (block for _, block in track_blocks(path, name, rate, None))
    first = next(parts, None)
    if first is None:
        raise InputError(f"{path} holds no samples")
    n_channels = len(first)
    known = {"binaural": BINAURAL, "5.1": SURROUND_5_1, "5.1(side)": SURROUND_5_1, "7.1": SURROUND_7_1}
    known |= {"5.1.4": SURROUND_5_1_4, "7.1.4": SURROUND_7_1_4}
    layout, convention = known.get(name, _unnamed(n_channels)), ""
    if name.startswith("ambisonic ") and n_channels in _AMBISONICS:  # of Opus and SA3D, in FFmpeg always ACN and SN3D
        layout, convention = _AMBISONICS[n_channels], "acn-sn3d"
    order = declared_order(path)  # FFmpeg gives AAC the loudspeakers of its own header, whatever SA3D says
    if order is not None and n_channels == (order + 1) ** 2:
        layout, convention = _AMBISONICS[n_channels], "acn-sn3d"
    spool = spooled(itertools.chain((first,), parts), rate, layout, convention)
    return SoundFile(path, rate, layout, spool.n_samples, convention, spool.read)


def track_blocks(path: PathLike, layout: str, rate_hz: int, origin_s: float | None) -> Iterator[tuple[int, np.ndarray]]:
    """First sample's index and samples (C, n) of the sound track, block by block, mixed to FFmpeg's ``layout`` and resampled.

    One channel comes unchanged from both of two: FFmpeg would lower it by 3 dB, as if two loudspeakers were to keep its power.
    Index 0 is at ``origin_s`` of the container's clock, or at the first sample where it is None. Blocks follow each other
    without gaps unless the file's clock jumps by more than 10 ms.
    """
    with open_container(path) as container:
        stream = _sound_stream(container, path)
        frames = container.decode(stream)
        first = next(frames, None)
        if first is None:
            return
        doubled = layout == "stereo" and first.layout.nb_channels == 1
        form = "fltp" if av.AudioLayout(layout).nb_channels <= _MAX_PLANES else "flt"
        resampler = av.AudioResampler(format=form, layout="mono" if doubled else layout, rate=rate_hz)
        at = None
        for frame in itertools.chain((first,), frames, (None,)):
            for block in resampler.resample(frame):
                told = None if block.pts is None else float(block.pts * block.time_base)
                origin_s = told or 0.0 if origin_s is None else origin_s
                index = at or 0 if told is None else round((told - origin_s) * rate_hz)
                at = index if at is None or abs(index - at) > _CLOCK_SLACK_S * rate_hz else at
                samples = block.to_ndarray() if block.format.is_planar else _planes(block)
                yield at, np.repeat(samples, 2, axis=0) if doubled else samples
                at += block.samples


def _planes(block: av.AudioFrame) -> np.ndarray:
    return np.ascontiguousarray(block.to_ndarray().reshape(-1, block.layout.nb_channels).T)


def _sound_stream(container: InputContainer, path: PathLike) -> AudioStream:
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if not streams:
        raise InputError(f"{path} has no sound that can be read")
    best = container.streams.best("audio")
    chosen = next((stream for stream in streams if stream == best), streams[0])
    channel_layout(chosen, path)
    return chosen
