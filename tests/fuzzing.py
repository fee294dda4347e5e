"""Damaged media files by the thousand, for the parsers of headers: seeds of every container and what is done to them.

`python tests/fuzzing.py FOLDER FIRST COUNT` lets the libraries (libsndfile, FFmpeg) loose on them too, in a process that may die.
"""

from __future__ import annotations

import resource
import signal
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from faulty_files import B_FORMAT_GUID_TAIL, adm, field, opus, speakers, video, wav
from seehear.io.adm.read import read_adm
from seehear.io.audio import open_audio, write_audio
from seehear.io.boxes import sample_entries, walk
from seehear.io.caf import caf_facts
from seehear.io.opus import opus_head, read_opus_head
from seehear.io.probe import probe
from seehear.io.probe.caf import caf_header
from seehear.io.probe.iso import iso_header
from seehear.io.probe.wave import wave_header
from seehear.io.riff import chunks
from seehear.io.spherical import declared_order, mark
from seehear.io.wav import wav_facts, write_wav
from seehear.types import FOA, STEREO, SURROUND_5_1, Audio, InputError

SHORT_S = 0.003
CASE_S = 2.0
"""All parsers together may not take longer for a file of a few kilobytes."""
MEMORY_BYTES = 1 << 29
"""What the process may take beyond what it has when the fuzzing begins."""
LENGTHS = (0, 1, 7, 8, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 1 << 16, 1 << 24)


def seeds(folder: Path) -> dict[str, bytes]:
    """Small sound files of every container, by name."""
    sphere = lambda path: mark(path, sphere=True, ambisonic_order=1)  # noqa: E731
    texts = [
        (b"bext", b"choir, B-format".ljust(602, b"\0")),
        (b"iXML", b"<BWFXML><NOTE>ambix</NOTE></BWFXML>"),
        (b"LIST", b"INFOICMT" + struct.pack("<I", 6) + b"wyzx\0\0"),
    ]
    five, foa = speakers(SURROUND_5_1, SHORT_S), field(seconds=SHORT_S)
    made = {
        "wav": wav(folder / "plain.wav", speakers(STEREO, SHORT_S)),
        "wavex": wav(folder / "mask.wav", five, mask=0x60F, chunks=texts),
        "amb": wav(folder / "field.amb", foa, mask=0, guid_tail=B_FORMAT_GUID_TAIL),
        "adm": adm(folder / "adm.wav"),
        "caf": folder / "field.caf",
        "mp4": video(folder / "sound.mp4", speakers(STEREO, SHORT_S), "stereo", (64, 32)),
        "mov": video(folder / "sphere.mov", foa, "4.0", (64, 32), mapping=sphere),
        "opus": opus(folder / "field.opus", foa, 2),
        "flac": folder / "five.flac",
    }
    write_audio(made["caf"], Audio(foa, 48_000, FOA, "acn-sn3d"))
    write_audio(made["flac"], Audio(five, 48_000, SURROUND_5_1))
    for form in ("rf64", "bw64"):
        with (folder / f"{form}.wav").open("wb") as file:
            write_wav(file, Audio(five, 48_000, SURROUND_5_1), "PCM_24", container=form)
        made[form] = folder / f"{form}.wav"
    short = {name: path.read_bytes() for name, path in made.items()}
    short["adm"] = _without_samples(short["adm"])
    return short | {"opus3": _family_3()}


def _without_samples(content: bytes) -> bytes:
    """The ADM file with two samples instead of seconds: its XML is what is to be damaged."""
    start = content.index(b"data")
    length = struct.unpack("<I", content[start + 4 : start + 8])[0]
    return content[: start + 4] + struct.pack("<I", 12) + content[start + 8 : start + 20] + content[start + 8 + length :]


def _family_3() -> bytes:
    """One Ogg page with an Opus head whose demixing matrix is the identity of four channels."""
    matrix = np.round(32767 * np.eye(4)).astype("<i2").tobytes()
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 4, 312, 48_000, 0, 3) + bytes((2, 2)) + matrix
    return b"OggS" + bytes((0, 2)) + bytes(20) + bytes((1, len(head))) + head


def damaged(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """The file after one to three accidents."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        _ACCIDENTS[rng.integers(len(_ACCIDENTS))](data, others, rng)
    return bytes(data)


def _flip(data: bytearray, others: list[bytes], rng: np.random.Generator) -> None:
    for _ in range(rng.integers(1, 17)):
        if data:
            data[_early(len(data), rng)] = rng.integers(256)


def _cut(data: bytearray, others: list[bytes], rng: np.random.Generator) -> None:
    del data[_early(len(data) + 1, rng) :]


def _length(data: bytearray, others: list[bytes], rng: np.random.Generator) -> None:
    """An extreme number of 32 or 64 bits in place of what may be a length."""
    at, width = _early(len(data) + 1, rng), int(rng.choice((4, 8)))
    value = int(rng.choice(LENGTHS)) if rng.random() < 0.8 else len(data) + int(rng.integers(-9, 9))
    data[at : at + width] = max(value, 0).to_bytes(width, "little" if rng.random() < 0.5 else "big")


def _twice(data: bytearray, others: list[bytes], rng: np.random.Generator) -> None:
    """A span copied to another place, up to 64 times in a row."""
    start = _early(len(data) + 1, rng)
    span = bytes(data[start : start + rng.integers(1, 200)])
    at = _early(len(data) + 1, rng)
    data[at:at] = span * int(rng.choice((1, 1, 1, 2, 64)))


def _lose(data: bytearray, others: list[bytes], rng: np.random.Generator) -> None:
    start = _early(len(data) + 1, rng)
    del data[start : start + rng.integers(1, 64)]


def _mix(data: bytearray, others: list[bytes], rng: np.random.Generator) -> None:
    """A span of another file written over."""
    other = others[rng.integers(len(others))]
    start, at, n = _early(len(other), rng), _early(len(data) + 1, rng), int(rng.integers(1, 200))
    data[at : at + n] = other[start : start + n]


_ACCIDENTS = (_flip, _cut, _length, _length, _twice, _lose, _mix)


def _early(n: int, rng: np.random.Generator) -> int:
    """An index below ``n``; half of them lie in the first 200, where headers are."""
    return int(rng.integers(min(n, 200) if rng.random() < 0.5 else n)) if n else 0


def _chunks(path: Path) -> None:
    with path.open("rb") as file:
        for each in chunks(file):
            each.body(file, 64)


def _boxes(path: Path) -> None:
    with path.open("rb") as file:
        list(sample_entries(file))
        for _ in walk(file):
            pass


def _caf(path: Path) -> None:
    with path.open("rb") as file:
        caf_facts(file)


def _head(path: Path) -> None:
    content = path.read_bytes()
    opus_head(content[max(content.find(b"OpusHead"), 0) :])


PARSERS: dict[str, Callable[[Path], object]] = {
    "chunks": _chunks,
    "wav_facts": wav_facts,
    "wave_header": wave_header,
    "read_adm": read_adm,
    "caf_facts": _caf,
    "caf_header": caf_header,
    "boxes": _boxes,
    "iso_header": iso_header,
    "declared_order": declared_order,
    "opus_head": _head,
    "read_opus_head": read_opus_head,
}
"""What is our own: no library looks at the file."""


def cases(folder: Path, first: int, count: int) -> Iterator[tuple[int, str, Path]]:
    """Number, name of the seed and path of one damaged file after the other; a number gives the same file every time."""
    with TemporaryDirectory(dir=folder) as apart:
        made = seeds(Path(apart))
    names, contents = list(made), list(made.values())
    path = folder / "damaged"
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        name = names[number % len(names)]
        path.write_bytes(damaged(made[name], contents, rng) or b"\0")
        yield number, name, path


def fuzz(folder: Path, first: int, count: int) -> Counter[str]:
    """How often each parser read ("chunks read") and refused ("chunks refused") a damaged file.

    Anything else that comes out of a parser comes out here, with the number of the case: any exception but InputError, and
    TimeoutError after `CASE_S`.
    """
    told: Counter[str] = Counter()
    with _time_limit() as begin:
        for number, name, path in cases(folder, first, count):
            begin()
            for parser, parse in PARSERS.items():
                try:
                    parse(path)
                except InputError:
                    told[f"{parser} refused"] += 1
                except BaseException as error:
                    error.add_note(f"case {number}, made of {name}, in {parser}")
                    raise
                else:
                    told[f"{parser} read"] += 1
    return told


@contextmanager
def _time_limit() -> Iterator[Callable[[], object]]:
    """What begins a case: after `CASE_S` of this process's time (others may be busy) without a next one a TimeoutError comes."""

    def late(*_: object) -> None:
        raise TimeoutError(f"longer than {CASE_S} s")

    before = signal.signal(signal.SIGVTALRM, late)
    try:
        yield lambda: signal.setitimer(signal.ITIMER_VIRTUAL, CASE_S)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def memory_limit() -> Iterator[None]:
    """No more address space than `MEMORY_BYTES` beyond what there is: more is a MemoryError."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _through_libraries(path: Path) -> str:
    """What became of opening the file with all that we have, and reading a second of it."""
    try:
        probe(path)
        sound = open_audio(path)
        sound.read(0, min(sound.n_samples, 48_000))
    except InputError:
        return "refused"
    return "read"


def main() -> None:
    """Prints the number of a case before it and what became of it after it."""
    folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with memory_limit():
        for number, name, path in cases(folder, first, count):
            print(number, name, end=" ", flush=True)
            signal.alarm(10)
            print(_through_libraries(path), flush=True)
            signal.alarm(0)


if __name__ == "__main__":
    main()
