"""Media files with one planted fault each, and clean ones; made byte by byte where the product's own writers would not err."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import av
import numpy as np
from scipy.signal import butter, sosfilt

from seehear.acoustics.loudness import normalise
from seehear.acoustics.sphere import convert, encode
from seehear.io.adm.programme import Programme
from seehear.io.adm.write import write_adm
from seehear.io.audio import write_audio
from seehear.io.opus import write_opus
from seehear.io.spherical import mark
from seehear.types import FOA, MONO, STEREO, SURROUND_5_1, Audio, Convention, Direction, Layout, Source, Trajectory

RATE = 48_000
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
B_FORMAT_GUID_TAIL = bytes.fromhex("00002107d3118644c8c1ca000000")


def speakers(layout: Layout = SURROUND_5_1, seconds: float = 0.3) -> np.ndarray:
    """Independent noise in every channel (C, T) at -23 LUFS, the LFE's below 80 Hz."""
    return _noise(layout, seconds).copy()


@cache
def _noise(layout: Layout, seconds: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 0.1, (layout.n_channels, round(seconds * RATE)))
    if layout.lfe is not None:
        noise[layout.lfe] = sosfilt(butter(8, 80, fs=RATE, output="sos"), noise[layout.lfe])
    return normalise(Audio(noise.astype(np.float32), RATE, layout))[0].samples


def field(convention: Convention = "acn-sn3d", order: int = 1, seconds: float = 0.3) -> np.ndarray:
    """Twelve independent sounds from directions all over the sphere (C, T), W at -23 LUFS."""
    rng = np.random.default_rng(2)
    directions = rng.normal(size=(12, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    samples = sum(encode(rng.normal(0, 0.02, round(seconds * RATE)), direction, order) for direction in directions)
    return convert(np.asarray(samples), "acn-sn3d", convention).astype(np.float32)


def wav(
    path: Path,
    samples: np.ndarray,
    *,
    mask: int | None = None,
    guid_tail: bytes = GUID_TAIL,
    chunks: Sequence[tuple[bytes, bytes]] = (),
    rate: int = RATE,
    n_riff: int | None = None,
) -> Path:
    """A 32-bit float WAVE file; WAVE_FORMAT_EXTENSIBLE with that mask, or the plain format for None."""
    n_channels, body = len(samples), samples.T.astype("<f4").tobytes()
    tag = 3 if mask is None else 0xFFFE
    fmt = struct.pack("<HHIIHH", tag, n_channels, rate, rate * 4 * n_channels, 4 * n_channels, 32)
    fmt += struct.pack("<H", 0) if mask is None else struct.pack("<HHIH", 22, 32, mask, 3) + guid_tail
    parts = b"".join(
        n + struct.pack("<I", len(b)) + b + b"\0" * (len(b) % 2) for n, b in ((b"fmt ", fmt), *chunks, (b"data", body))
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(parts) if n_riff is None else n_riff) + b"WAVE" + parts)
    return path


def video(
    path: Path,
    samples: np.ndarray,
    layout: str,
    size: tuple[int, int] = (720, 360),
    *,
    n_sound_tracks: int = 1,
    mapping: Callable[[Path], None] | None = None,
) -> Path:
    """One grey picture and sound in an MP4 (AAC) or MOV (PCM); then ``mapping`` works on it."""
    with av.open(str(path), "w", options={"movflags": "faststart"}) as output:
        picture = output.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = *size, "yuv420p"
        codec = "pcm_s24le" if path.suffix == ".mov" else "aac"
        sounds = [output.add_stream(codec, rate=RATE, layout=layout) for _ in range(n_sound_tracks)]
        shape = (size[1], size[0], 3)
        frame = av.VideoFrame.from_ndarray(np.full(shape, 90, np.uint8), format="rgb24")
        output.mux([*picture.encode(frame), *picture.encode(None)])
        for sound in sounds:
            planar = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
            planar.rate = RATE
            resampler = av.AudioResampler(sound.codec_context.format.name, layout, RATE, sound.codec_context.frame_size or None)
            for block in (*resampler.resample(planar), *resampler.resample(None)):
                output.mux(sound.encode(block))
            output.mux(sound.encode(None))
    if mapping is not None:
        mapping(path)
    return path


def patched(old: bytes, new: bytes, at: int = 0) -> Callable[[Path], None]:
    """A change of the bytes that begin ``at`` behind the first ``old``."""

    def patch(path: Path) -> None:
        content = bytearray(path.read_bytes())
        start = content.index(old) + at
        content[start : start + len(new)] = new
        path.write_bytes(bytes(content))

    return patch


def _marked(path: Path, *, sphere: bool, order: int | None, then: Callable[[Path], None] | None = None) -> None:
    mark(path, sphere=sphere, ambisonic_order=order)
    if then is not None:
        then(path)


def opus(path: Path, samples: np.ndarray, family: int) -> Path:
    """Ogg Opus in mapping family 2, or with the number of another family written over it."""
    write_opus(path, Audio(samples, RATE, FOA, "acn-sn3d"))
    if family != 2:
        content = bytearray(path.read_bytes())
        content[content.index(b"OpusHead") + 18] = family
        path.write_bytes(bytes(_with_page_sum(content)))
    return path


def _with_page_sum(content: bytearray) -> bytearray:
    """The file with the checksum of its first page made right (RFC 3533: CRC-32 of polynomial 0x04c11db7, not reflected)."""
    n_segments = content[26]
    stop = 27 + n_segments + sum(content[27 : 27 + n_segments])
    content[22:26] = bytes(4)
    total = 0
    for byte in content[:stop]:
        total ^= byte << 24
        for _ in range(8):
            total = (total << 1 ^ 0x04C11DB7) & 0xFFFFFFFF if total & 0x80000000 else total << 1
    content[22:26] = struct.pack("<I", total)
    return content


def _edited(change: Callable[[np.ndarray], None], layout: Layout = SURROUND_5_1) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        samples = speakers(layout)
        change(samples)
        return wav(folder / "faulty.wav", samples, mask=layout.wav_mask)

    return make


def _swap(x: np.ndarray) -> None:
    x[[2, 3]] = x[[3, 2]]


def _full_band(x: np.ndarray) -> None:
    x[3] = x[2][::-1]


def _clip(x: np.ndarray) -> None:
    x[0] = np.clip(30 * x[0], -1, 1)
    x *= np.float32(0.9999)


def _set(channel: int, value: float | np.ndarray) -> Callable[[np.ndarray], None]:
    def change(x: np.ndarray) -> None:
        x[channel] = value

    return change


def _peak(level: float) -> Callable[[np.ndarray], None]:
    """A sine of that amplitude at a ninth of the rate, with soft ends."""

    def change(x: np.ndarray) -> None:
        at = np.arange(x.shape[1])
        x[0] = level * np.sin(2 * np.pi * at / 9) * np.minimum(1, np.minimum(at, at[::-1]) / 1000)

    return change


def _unclosed(folder: Path) -> Path:
    return wav(folder / "faulty.wav", speakers(), mask=0x60F, n_riff=0)


def _truncated(folder: Path) -> Path:
    path = wav(folder / "faulty.wav", speakers(), mask=0x60F)
    path.write_bytes(path.read_bytes()[:-30_000])
    return path


def _huge(folder: Path) -> Path:
    """A plain WAV with a hole of 4.3 GB behind its samples, that takes no room."""
    path = wav(folder / "faulty.wav", speakers(), mask=0x60F)
    with path.open("r+b") as file:
        file.truncate((1 << 32) + (1 << 20))
    return path


def adm(path: Path) -> Path:
    """ADM with two objects, left and right."""
    places = (Trajectory.fixed(Direction(azimuth, 0.0), 2.0) for azimuth in (1.0, -1.0))
    sounds = (Audio(x[None].copy(), RATE, MONO) for x in speakers(STEREO))
    write_adm(path, Programme(tuple(Source(*each, "bird") for each in zip(sounds, places, strict=True))))
    return path


def _unlisted_track(folder: Path) -> Path:
    path = adm(folder / "faulty.wav")
    patched(b"chna", b"ATU_0000ffff", 8 + 4 + 2)(path)
    return path


def _cut_video(folder: Path) -> Path:
    path = video(folder / "faulty.mov", speakers(STEREO), "stereo")
    path.write_bytes(path.read_bytes()[:-64])
    return path


def _cut_file(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write_audio(folder / name, Audio(speakers(), RATE, SURROUND_5_1))
        (folder / name).write_bytes((folder / name).read_bytes()[:-30_000])
        return folder / name

    return make


def _holed(folder: Path) -> Path:
    """Four seconds of which the third is zeros."""
    path = folder / "faulty.flac"
    write_audio(path, Audio(np.tile(speakers(STEREO, 0.4), 10), RATE, STEREO))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : 3 * len(content) // 4] = bytes(3 * len(content) // 4 - len(content) // 2)
    path.write_bytes(bytes(content))
    return path


def _quad_flac(folder: Path) -> Path:
    import soundfile

    soundfile.write(folder / "ambisonic field.flac", field().T, RATE, "PCM_24")
    return folder / "ambisonic field.flac"


_NOISE_4 = np.random.default_rng(3).normal(0, 0.05, (4, RATE // 2)).astype(np.float32)

FAULTS: dict[str, tuple[str, str, Callable[[Path], Path]]] = {
    "a mask of quad in a file called AmbiX": (
        "ambisonic-mask", "problem", lambda folder: wav(folder / "choir ambix.wav", field(), mask=0x33),
    ),
    "a mask of quad, and energies of a field": (
        "ambisonic-mask", "note", lambda folder: wav(folder / "choir.wav", field(), mask=0x33),
    ),
    "a FLAC with a field": ("ambisonic-mask", "problem", _quad_flac),
    "no mask": ("no-mask", "problem", lambda folder: wav(folder / "faulty.wav", speakers())),
    "a mask of four for six": ("mask-count", "problem", lambda folder: wav(folder / "faulty.wav", speakers(), mask=0x33)),
    "back instead of side": ("back-surrounds", "note", lambda folder: wav(folder / "faulty.wav", speakers(), mask=0x3F)),
    "four channels about which nothing is said": (
        "undeclared-field", "note", lambda folder: wav(folder / "faulty.wav", field(), mask=0),
    ),
    "an .amb that is called AmbiX": (
        "convention-conflict", "problem",
        lambda folder: wav(folder / "ambix.amb", field("fuma"), mask=0, guid_tail=B_FORMAT_GUID_TAIL),
    ),
    "AmbiX at 44.1 kHz": (
        "ambix-rate", "note", lambda folder: wav(folder / "choir ambix.wav", field(), mask=0, rate=44_100),
    ),
    "an LFE of all frequencies": ("lfe-full-band", "problem", _edited(_full_band)),
    "LFE and centre swapped": ("lfe-swapped", "problem", _edited(_swap)),
    "cut waves": ("clipped", "problem", _edited(_clip)),
    "a true peak above full scale": ("over-full-scale", "problem", _edited(_peak(1.2))),
    "a true peak above -1 dBTP": ("true-peak", "problem", _edited(_peak(0.95))),
    "a silent channel": ("silent-channel", "problem", _edited(_set(1, 0.0))),
    "a silent surround": ("silent-channel", "note", _edited(_set(5, 0.0))),
    "all silent": ("silent", "problem", _edited(lambda x: x.fill(0))),
    "a channel twice": ("duplicate-channels", "problem", _edited(lambda x: x.__setitem__(4, x[0]))),
    "mono as stereo": ("duplicate-channels", "note", _edited(lambda x: x.__setitem__(1, x[0]), STEREO)),
    "an inverted channel": ("inverted-polarity", "problem", _edited(lambda x: x.__setitem__(1, -x[0]), STEREO)),
    "direct current": ("dc-offset", "problem", _edited(lambda x: x.__setitem__(0, x[0] + np.float32(0.02)))),
    "NaN": ("nan", "problem", _edited(lambda x: x.__setitem__((2, 1000), np.nan))),
    "hardly audible": ("loudness", "note", _edited(lambda x: x.__imul__(np.float32(0.05)))),
    "an end too early": ("truncated", "problem", _truncated),
    "a recording that was not closed": ("riff-size", "problem", _unclosed),
    "4.3 GB in a plain WAV": ("over-4gb", "problem", _huge),
    "a track that chna does not list": ("adm", "problem", _unlisted_track),
    "a sphere whose four channels say nothing": (
        "sa3d-missing", "problem",
        lambda folder: video(folder / "a.mov", field(), "4.0", mapping=lambda p: _marked(p, sphere=True, order=None)),
    ),
    "SA3D of another number of channels": (
        "sa3d-channels", "problem",
        lambda folder: video(
            folder / "a.mov", field(), "4.0",
            mapping=lambda p: _marked(p, sphere=True, order=1, then=patched(b"SA3D", struct.pack(">I", 2), 6)),
        ),
    ),
    "SA3D of another order of channels": (
        "sa3d-order", "problem",
        lambda folder: video(
            folder / "a.mov", field(), "4.0",
            mapping=lambda p: _marked(p, sphere=True, order=1, then=patched(b"SA3D", b"\1", 10)),
        ),
    ),
    "a field beside a picture that is no sphere": (
        "not-spherical", "problem",
        lambda folder: video(folder / "a.mov", field(), "4.0", mapping=lambda p: _marked(p, sphere=False, order=1)),
    ),
    "a field beside a picture that can be no sphere": (
        "not-spherical", "problem",
        lambda folder: video(folder / "a.mov", field(), "4.0", (640, 480), mapping=lambda p: _marked(p, sphere=False, order=1)),
    ),
    "four channels beside a picture that can be no sphere": (
        "sa3d-missing", "note", lambda folder: video(folder / "a.mov", field(), "4.0", (640, 480)),
    ),
    "a picture of two to one that is not marked": (
        "not-spherical", "note", lambda folder: video(folder / "a.mp4", speakers(STEREO), "stereo"),
    ),
    "stereo beside a sphere": (
        "sphere-without-field", "note",
        lambda folder: video(
            folder / "a.mp4", speakers(STEREO), "stereo", mapping=lambda p: _marked(p, sphere=True, order=None)
        ),
    ),
    "two sound tracks": (
        "sound-tracks", "problem",
        lambda folder: video(folder / "a.mov", speakers(STEREO), "stereo", (640, 360), n_sound_tracks=2),
    ),
    "a CAF that ends too early": ("unreadable", "problem", _cut_file("faulty.caf")),
    "a FLAC that ends too early": ("unreadable", "problem", _cut_file("faulty.flac")),
    "a FLAC with a hole": ("unreadable", "problem", _holed),
    "a video that ends too early": ("truncated", "problem", _cut_video),
    "an Opus field in family 1": ("opus-family-1", "problem", lambda folder: opus(folder / "choir foa.opus", _NOISE_4, 1)),
    "an Opus field in family 255": ("opus-family-255", "problem", lambda folder: opus(folder / "choir.opus", _NOISE_4, 255)),
}  # fmt: skip
"""What was planted: the code that must be found, its severity, and how the file is made in a folder."""


def _written(name: str, samples: np.ndarray, layout: Layout) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        convention: Convention = "acn-sn3d" if layout.kind == "ambisonics" else ""
        write_audio(folder / name, Audio(samples, RATE, layout, convention))
        return folder / name

    return make


CLEAN: dict[str, Callable[[Path], Path]] = {
    "stereo WAV": _written("clean.wav", speakers(STEREO), STEREO),
    "5.1 WAV": _written("clean.wav", speakers(), SURROUND_5_1),
    "5.1 FLAC": _written("clean.flac", speakers(), SURROUND_5_1),
    "5.1 CAF": _written("clean.caf", speakers(), SURROUND_5_1),
    "AmbiX WAV": _written("clean.wav", field(), FOA),
    "AmbiX CAF": _written("clean.caf", field(), FOA),
    "FuMa .amb": lambda folder: wav(folder / "clean.amb", field("fuma"), mask=0, guid_tail=B_FORMAT_GUID_TAIL),
    "ADM": lambda folder: adm(folder / "clean.wav"),
    "Opus field": lambda folder: opus(folder / "clean.opus", field(), 2),
    "stereo MP4": lambda folder: video(folder / "clean.mp4", speakers(STEREO), "stereo", (640, 360)),
    "sphere with field": lambda folder: video(
        folder / "clean.mov", field(), "4.0", mapping=lambda path: _marked(path, sphere=True, order=1)
    ),
}  # fmt: skip
