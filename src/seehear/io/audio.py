"""Sound files: read into tagged audio, written with the right order and mask."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import soundfile

from seehear.io.caf import caf_facts, is_caf, write_caf
from seehear.io.decoding import decode_file
from seehear.io.files import PathLike, WholeFiles, check_input, check_output, whole_file
from seehear.io.layouts import FIELDS, MASKS, unnamed
from seehear.io.opus import opus_layout, write_opus
from seehear.io.pcm import WIDTH_BYTES, Pcm, Subtype, pcm_steps
from seehear.io.streams import SoundFile, pcm_span, soundfile_span, spooled
from seehear.io.wav import AMBIX_COMMENT, WavFacts, wav_facts, write_wav
from seehear.types import (
    HIGHEST_ORDER,
    SURROUND_5_1,
    SURROUND_7_1,
    Audio,
    Convention,
    InputError,
    Layout,
    Sound,
    blocks,
    peak_of,
    whole,
)

_FLAC_LAYOUTS = ("mono", "stereo", "binaural", "5.1", "7.1")
"""FLAC gives every channel count a fixed meaning (RFC 9639, 9.1.3): others would be played from the wrong speakers."""
RATES_HZ = (8_000, 192_000)
_SEEKABLE = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
"""libsndfile's sample formats in which it finds every sample again."""
_MOST_SAMPLES = 1 << 48
AUDIO_SUFFIXES = (".wav", ".flac", ".caf", ".opus")
"""What :func:`write_audio` writes."""


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
    return whole(open_audio(path, layout, convention))


def salvaged(path: PathLike) -> SoundFile | None:
    """What is there of a truncated WAV, which :func:`open_audio` refuses; None where no sample can be read."""
    facts = wav_facts(Path(path))
    return _opened_wav(Path(path), facts, facts.pcm) if facts is not None and facts.pcm is not None and facts.n_samples else None


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
    if n_channels not in FIELDS:
        counts = ", ".join(str(n) for n in FIELDS)
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
    layout, found = FIELDS[n_channels], sound.convention or convention or "acn-sn3d"
    if found == "fuma" and layout.order > 3:
        raise InputError(f"{path} has {n_channels} channels, but FuMa ends at third order (16 channels)")
    return sound if known else replace(sound, layout=layout, convention=found)


def read_ambisonics(path: PathLike, convention: Convention = "") -> Audio:
    """The ambisonic sound of a file in memory; arguments and errors as :func:`open_ambisonics`."""
    return whole(open_ambisonics(path, convention))


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
    known = [each for each, named in MASKS.items() if named == layout]
    if mask not in known:
        known_text = ", ".join(f"{each:#x}" for each in known) or "none"
        raise InputError(f"a channel mask of {layout.name} audio is one of: {known_text}; got {mask:#x}")
    if path.suffix.lower() != ".wav":
        raise InputError(f"{path.suffix[1:].upper()} has no place for a channel mask of your choice: use .wav")
    return replace(layout, wav_mask=mask)


def check_peak(path: PathLike, sound: Sound, most: float = 1.0) -> None:
    """Nothing, or an InputError for NaN and when a sample lies beyond ``most``: integer files would clip. Reads it all."""
    peak = peak_of(sound)
    if not math.isfinite(peak):
        raise InputError(f"{path} cannot be written: the sound contains NaN or infinite samples")
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
        if facts.pcm is not None:
            return _opened_wav(path, facts, facts.pcm)
    elif is_caf(head):
        return _opened_caf(path)
    elif head[:4] == b"OggS":  # libsndfile leaves loudspeakers in the order of Vorbis, L C R Ls Rs LFE, and tells no ambisonics
        return decode_file(path)
    return _opened_soundfile(path, facts) or decode_file(path)


def _opened_wav(path: Path, facts: WavFacts, pcm: Pcm) -> SoundFile:
    layout, convention = _layout(facts.n_channels, facts, False)
    span = pcm_span(path.open("rb"), facts.data.start, facts.n_channels, pcm)
    return SoundFile(path, facts.sample_rate_hz, layout, facts.n_samples, convention, span)


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
        sound = decode_file(path)
        named = facts.layout is not None and facts.n_channels == sound.layout.n_channels
        return replace(sound, layout=facts.layout, convention=facts.convention) if named else sound
    span = pcm_span(path.open("rb"), facts.data.start, facts.n_channels, facts.pcm)
    n_samples = facts.data.length // (facts.n_channels * facts.pcm.width_bytes)
    layout = facts.layout or unnamed(facts.n_channels)
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
    if n_channels in FIELDS and facts is not None:
        if facts.b_format and n_channels <= 16:
            return FIELDS[n_channels], "fuma"
        if facts.comment.startswith(AMBIX_COMMENT):
            return FIELDS[n_channels], "acn-sn3d"
    if n_channels <= 2:
        return unnamed(n_channels), ""
    layout = MASKS.get(facts.mask or 0) if facts else {6: SURROUND_5_1, 8: SURROUND_7_1}.get(n_channels) if is_flac else None
    return (layout if layout is not None and layout.n_channels == n_channels else unnamed(n_channels)), ""
