"""The parts of an IAMF file: a WAV and the FFmpeg command that makes one from it.

IAMF keeps a sound as mono and stereo streams bound by stream groups, which the FFmpeg inside PyAV writes only for those who call
it in C. Its command line makes them. Form of the command and order of the streams: AOMediaCodec/iamf-tools,
docs/external/encoding_with_external_tools.md.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np

from seehear.io.files import PathLike, WholeFiles, whole_file
from seehear.types import InputError, Layout, Sound, peak_of

_FRONT, _MIDDLE = (0, 1), ((2,), (3,))
_STREAMS: dict[str, tuple[str, tuple[tuple[int, ...], ...]]] = {
    "stereo": ("stereo", (_FRONT,)),
    "5.1": ("5.1(side)", (_FRONT, (4, 5), *_MIDDLE)),
    "7.1": ("7.1", (_FRONT, (6, 7), (4, 5), *_MIDDLE)),
    "5.1.4": ("5.1.4", (_FRONT, (4, 5), (6, 7), (8, 9), *_MIDDLE)),
    "7.1.4": ("7.1.4", (_FRONT, (6, 7), (4, 5), (8, 9), (10, 11), *_MIDDLE)),
}
"""FFmpeg's name and our channels of each stream: front, side, back and top pairs, then centre and LFE."""
_HIGHEST_ORDER = 3
"""Of ambisonics: the base profile of IAMF has at most 18 channels."""
_BIT_RATE = 128_000
IAMF_SUFFIX = ".iamf.txt"


def iamf_command(wav: str, output: str, layout: Layout, *, loudness_lufs: float, peak_dbfs: float, video: str = "") -> str:
    """The shell command by which FFmpeg 7.1 or later makes an IAMF file of our WAV, or an MP4 with the pictures of ``video``.

    ``loudness_lufs`` and ``peak_dbfs`` (of the samples) are what players level the stereo version by. InputError for a layout
    that IAMF has no place for.
    """
    name, streams = _streams(layout)
    labels = [f"[s{index}]" for index in range(len(streams))]
    parts = [
        f"[0:a]channelmap={'|'.join(map(str, channels))}:{('mono', 'stereo')[len(channels) - 1]}{label}"
        for channels, label in zip(streams, labels, strict=True)
    ]
    scene = layout.kind == "ambisonics"
    kind = f"{'scene' if scene else 'channel'},layer=ch_layout={name}{':ambisonics_mode=mono' if scene else ''}"
    members = "".join(f":st={index}" for index in range(len(streams)))
    element = f"type=iamf_audio_element:id=1{members}:audio_element_type={kind}"
    mix = (
        "type=iamf_mix_presentation:id=3:stg=0:annotations=en-us=default_mix_presentation,"
        "submix=parameter_id=100:parameter_rate=48000:default_mix_gain=0.0"
        f"|element=stg=0:headphones_rendering_mode=binaural:annotations=en-us={layout.name}"
        ":parameter_id=101:parameter_rate=48000:default_mix_gain=0.0"
        f"|layout=sound_system=stereo:integrated_loudness={loudness_lufs:.1f}:digital_peak={peak_dbfs:.1f}"
    )
    words = ["ffmpeg", "-i", wav, *(["-i", video, "-c:v", "copy"] if video else []), "-filter_complex", ";".join(parts)]
    for label in labels:
        words += ["-map", label]
    words += ["-map", "1:v:0"] if video else []
    words += ["-stream_group", element, "-stream_group", mix]
    for index in range(len(streams) + bool(video)):
        words += ["-streamid", f"{index}:{index}"]
    return shlex.join([*words, "-c:a", "libopus", "-ar", "48000", "-b:a", str(_BIT_RATE), output])


def _streams(layout: Layout) -> tuple[str, tuple[tuple[int, ...], ...]]:
    if layout.kind == "ambisonics" and layout.order <= _HIGHEST_ORDER:
        return rf"ambisonic\ {layout.order}", tuple((channel,) for channel in range(layout.n_channels))
    if layout.name not in _STREAMS:
        raise InputError(
            f"IAMF has no place for {layout.name} audio: it takes {', '.join(_STREAMS)} and foa to hoa{_HIGHEST_ORDER}"
        )
    return _STREAMS[layout.name]


def check_iamf(layout: Layout) -> None:
    """Nothing, or an InputError for a layout that IAMF has no place for."""
    _streams(layout)


def write_iamf_command(
    wav: PathLike, sound: Sound, *, loudness_lufs: float, force: bool = False, within: WholeFiles | None = None
) -> Path:
    """The file ``NAME.iamf.txt`` beside ``NAME.wav`` (which holds ``sound``): the command that makes ``NAME.iamf`` there.

    ``loudness_lufs``: integrated loudness of the sound. InputError for a layout that IAMF has no place for.
    """
    wav = Path(wav)
    peak_dbfs = 20 * float(np.log10(max(peak_of(sound), 1e-6)))
    output = wav.with_suffix(".iamf").name
    command = iamf_command(wav.name, output, sound.layout, loudness_lufs=loudness_lufs, peak_dbfs=peak_dbfs)
    text = wav.with_suffix(IAMF_SUFFIX)
    with whole_file(text, force, within) as temporary:
        temporary.write_text(command + "\n", encoding="utf-8")
    return text
