"""Sound files: read into tagged audio, written with the right order and mask."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream
from av.container import InputContainer

from seehear.io.containers import open_container
from seehear.io.files import PathLike, WholeFiles, check_input, check_output, whole_file
from seehear.io.wav import AMBIX_COMMENT, Subtype, WavFacts, wav_facts, write_wav
from seehear.types import (
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

ORDERS: dict[str, Convention] = {"": "", "acn": "acn-sn3d", "fuma": "fuma"}
"""What people call the order and weights of ambisonic channels; empty is what the file says."""
RATES_HZ = (8_000, 192_000)
MAX_SAMPLE = 1e6
"""What scenes, ambisonic files and heads may have; larger samples are no sound but a damaged file, and would pass what 32-bit
floats hold."""
_CLOCK_SLACK_S = 0.01


def read_audio(path: PathLike, layout: Layout | None = None, convention: Convention = "") -> Audio:
    """The sound of a file, at its own rate, tagged with what its header says its channels are.

    WAV masks, the FLAC and Vorbis orders, our AmbiX comment and ``.amb`` files are understood; channels that nothing is
    said about are discrete (four channels with mask 0 are not taken for ambisonics) unless ``layout`` tells, for
    ambisonics with ``convention`` (AmbiX when left empty). Compressed sound and the track of a video go through PyAV.
    InputError: missing, empty, damaged or unknown file, NaN, no samples, a layout of another size.
    """
    path = check_input(path)
    facts = wav_facts(path)
    if facts is not None and facts.truncated:
        raise InputError(f"{path} is truncated: its header promises more samples than there are")
    samples, rate, found, found_convention = _read_soundfile(path, facts) or _read_av(path)
    if samples.shape[1] == 0:
        raise InputError(f"{path} holds no samples")
    if not np.isfinite(samples).all():
        raise InputError(f"{path} contains NaN or infinite samples")
    if layout is None:
        return Audio(samples, rate, found, found_convention)
    if layout.n_channels != len(samples):
        raise InputError(f"{path} has {len(samples)} channels, {layout.name} needs {layout.n_channels}")
    ambix: Convention = "acn-sn3d" if layout.kind == "ambisonics" else ""
    return Audio(samples, rate, layout, convention or ambix)


def read_ambisonics(path: PathLike, convention: Convention = "") -> Audio:
    """The ambisonic sound of a file in its own convention: the one that it says, else ``convention``, else AmbiX.

    InputError: as :func:`read_audio`; another number of channels than 4, 9, 16, 25, 36, 49 or 64; a header that says that the
    channels are loudspeakers or another convention than ``convention``; FuMa above third order; four channels of FLAC or
    Vorbis, which are quadraphonic loudspeakers (RFC 9639, Vorbis I 4.3.9), unless ``convention`` says that they are ambisonic;
    a rate outside `RATES_HZ`; samples beyond `MAX_SAMPLE`.
    """
    audio = read_audio(path)
    known = audio.layout.kind == "ambisonics"
    if known and convention not in ("", audio.convention):
        raise InputError(f"{path} says that it is {audio.convention}, not {convention}")
    if audio.layout.n_channels not in _AMBISONICS:
        counts = ", ".join(str(n) for n in _AMBISONICS)
        raise InputError(f"{path} has {audio.layout.n_channels} channels: ambisonics of order 1 to {HIGHEST_ORDER} has {counts}")
    facts = wav_facts(Path(path))
    if audio.layout.kind == "speakers" or (facts is not None and facts.mask):
        raise InputError(f"{path} says that its channels are loudspeakers: ambisonic sound is needed")
    if not (known or convention) and _is_quadraphonic(Path(path), audio):
        raise InputError(
            f"{path} has four channels, which are quadraphonic loudspeakers in FLAC and Vorbis files: "
            "say that their order is acn (AmbiX) or fuma, or use a WAV file"
        )
    check_rate(path, audio.sample_rate_hz)
    peak = float(np.abs(audio.samples).max())
    if peak > MAX_SAMPLE:
        raise InputError(f"{path} reaches {peak:.3g}, full scale is 1 and the most that is taken {MAX_SAMPLE:g}")
    layout, found = _AMBISONICS[audio.layout.n_channels], audio.convention or convention or "acn-sn3d"
    if found == "fuma" and layout.order > 3:
        raise InputError(f"{path} has {layout.n_channels} channels, but FuMa ends at third order (16 channels)")
    return audio if known else replace(audio, layout=layout, convention=found)


def _is_quadraphonic(path: Path, audio: Audio) -> bool:
    with path.open("rb") as file:
        head = file.read(64)
    return audio.layout.n_channels == 4 and (head[:4] == b"fLaC" or (head[:4] == b"OggS" and b"\x01vorbis" in head))


def check_rate(path: PathLike, rate_hz: float) -> None:
    """Nothing, or an InputError when the file's sample rate is none that space is computed at (NaN among them)."""
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise InputError(f"{path} has a sample rate of {rate_hz:g} Hz: {RATES_HZ[0]} to {RATES_HZ[1]} Hz can be used")


def write_audio(
    path: PathLike,
    audio: Audio,
    subtype: Subtype = "PCM_24",
    *,
    mask: int | None = None,
    force: bool = False,
    within: WholeFiles | None = None,
) -> None:
    """Nothing; ``path`` then holds the audio as WAV or FLAC, by its extension, byte for byte the same for the same audio.

    Ambisonics must be AmbiX (ACN, SN3D). ``mask`` takes the place of the layout's dwChannelMask: 0x3F for a 5.1 WAV whose
    surrounds are to be called back instead of side. ``within``: the file appears with all those of that run.
    InputError instead of clipping when an integer subtype cannot hold the peak, above 4 GB, for a layout that FLAC has no
    place for, and for a mask of other channels.
    """
    path = check_audio_output(path, audio.layout, subtype, force=force)
    if mask is not None:
        audio = replace(audio, layout=_masked(audio.layout, mask, path))
    if audio.layout.kind == "ambisonics" and audio.convention != "acn-sn3d":
        raise InputError(
            f"ambisonic files are AmbiX (acn-sn3d), this audio is {audio.convention or 'untagged'}: convert it first"
        )
    if subtype != "FLOAT":
        check_peak(path, audio)
    with whole_file(path, force, within) as temporary:
        if path.suffix.lower() == ".flac":
            _write_flac(temporary, path, audio, subtype)
        else:
            with temporary.open("wb") as file:
                write_wav(file, audio, subtype)


def check_audio_output(path: PathLike, layout: Layout, subtype: Subtype = "PCM_24", *, force: bool = False) -> Path:
    """The path, when :func:`write_audio` can put audio of that layout there; InputError otherwise, before any work."""
    path = check_output(path, force)
    suffix = path.suffix.lower()
    if suffix not in (".wav", ".flac"):
        raise InputError(f"{path} has no known audio extension: use .wav or .flac")
    if subtype not in get_args(Subtype):
        raise InputError(f"unknown sample format {subtype!r}: choose one of {', '.join(get_args(Subtype))}")
    if suffix == ".flac" and (layout.name not in _FLAC_LAYOUTS or subtype == "FLOAT"):
        what = "floating-point samples" if subtype == "FLOAT" else f"{layout.name} audio"
        raise InputError(f"FLAC has no place for {what}: use .wav")
    return path


def _masked(layout: Layout, mask: int, path: Path) -> Layout:
    known = [each for each, named in _MASKS.items() if named == layout]
    if mask not in known:
        known_text = ", ".join(f"{each:#x}" for each in known) or "none"
        raise InputError(f"a channel mask of {layout.name} audio is one of: {known_text}; got {mask:#x}")
    if path.suffix.lower() == ".flac":
        raise InputError("FLAC has no place for a channel mask: use .wav")
    return replace(layout, wav_mask=mask)


def check_peak(path: PathLike, sound: Sound) -> None:
    """Nothing, or an InputError when a sample lies beyond full scale: integer files would clip it."""
    peak = max((float(np.abs(block).max(initial=0.0)) for block in blocks(sound)), default=0.0)
    if peak > 1:
        raise InputError(f"{path} would clip: the sound peaks at {20 * np.log10(peak):+.1f} dBFS, lower its level")


def _write_flac(temporary: Path, path: Path, audio: Audio, subtype: Subtype) -> None:
    if not 1 <= audio.sample_rate_hz <= 655_350:
        raise InputError(f"FLAC has no place for {audio.sample_rate_hz} Hz: use .wav")
    try:
        soundfile.write(temporary, audio.samples.T, audio.sample_rate_hz, subtype=subtype, format="FLAC")
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path} cannot be written: {error.error_string}") from None


_Track = tuple[np.ndarray, int, Layout, Convention]


def _read_soundfile(path: Path, facts: WavFacts | None) -> _Track | None:
    """Samples (C, T), rate, layout and convention by libsndfile; None when it does not know the format."""
    try:
        with path.open("rb") as raw, soundfile.SoundFile(raw) as file:  # opened here: libsndfile takes only UTF-8 names
            frames = file.read(dtype="float32", always_2d=True)
            rate, promised = file.samplerate, file.frames
    except soundfile.LibsndfileError as error:
        if facts is not None:
            raise InputError(f"{path} is damaged ({error.error_string})") from None
        return None
    if len(frames) < promised:
        raise InputError(f"{path} is truncated: it promises {promised} samples and holds {len(frames)}")
    layout, convention = _layout(frames.shape[1], facts, file.format == "FLAC")
    return np.ascontiguousarray(frames.T), rate, layout, convention


def _layout(n_channels: int, facts: WavFacts | None, is_flac: bool) -> tuple[Layout, Convention]:
    """What the channels are: by the WAV header where there is one, else by the fixed orders of the compressed formats."""
    if n_channels in _AMBISONICS and facts is not None:
        if facts.b_format and n_channels <= 16:
            return _AMBISONICS[n_channels], "fuma"
        if facts.comment.startswith(AMBIX_COMMENT):
            return _AMBISONICS[n_channels], "acn-sn3d"
    if n_channels <= 2:
        return (MONO, STEREO)[n_channels - 1], ""
    if facts is None:
        fixed = SURROUND_5_1 if n_channels == 6 else SURROUND_7_1 if n_channels == 8 and is_flac else discrete(n_channels)
        return fixed, ""
    layout = _MASKS.get(facts.mask or 0)
    return (layout if layout is not None and layout.n_channels == n_channels else discrete(n_channels)), ""


def _read_av(path: Path) -> _Track:
    """Samples (C, T), rate, layout and convention of the sound track that players choose, by PyAV."""
    with open_container(path) as container:
        stream = _sound_stream(container, path)
        rate, name = stream.codec_context.sample_rate, stream.codec_context.layout.name
    blocks = [block for _, block in track_blocks(path, name, rate, None)]
    if not blocks:
        raise InputError(f"{path} holds no samples")
    samples = np.concatenate(blocks, axis=1)
    known = {"mono": MONO, "stereo": STEREO, "5.1": SURROUND_5_1, "5.1(side)": SURROUND_5_1, "7.1": SURROUND_7_1}
    return samples, rate, known.get(name, discrete(len(samples))), ""


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
        resampler = av.AudioResampler(format="fltp", layout="mono" if doubled else layout, rate=rate_hz)
        at = None
        for frame in itertools.chain((first,), frames, (None,)):
            for block in resampler.resample(frame):
                told = None if block.pts is None else float(block.pts * block.time_base)
                origin_s = told or 0.0 if origin_s is None else origin_s
                index = at or 0 if told is None else round((told - origin_s) * rate_hz)
                at = index if at is None or abs(index - at) > _CLOCK_SLACK_S * rate_hz else at
                samples = block.to_ndarray()
                yield at, np.repeat(samples, 2, axis=0) if doubled else samples
                at += block.samples


def _sound_stream(container: InputContainer, path: PathLike) -> AudioStream:
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    if not streams:
        raise InputError(f"{path} has no sound that can be read")
    best = container.streams.best("audio")
    return next((stream for stream in streams if stream == best), streams[0])
