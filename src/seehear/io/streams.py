"""Sound of any length that stays on disk: spools that are written once, and sound files; both are read span by span."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from seehear.io.files import TEMPORARY, PathLike
from seehear.io.pcm import Pcm, pcm_samples
from seehear.types import Convention, InputError, Layout, check_span

if TYPE_CHECKING:
    import soundfile

MAX_SAMPLE = 1e6
"""What a sound file may have; larger samples are no sound but a damaged file, and would pass what 32-bit floats hold."""
Span = Callable[[int, int], NDArray[np.float32]]
"""Samples (C, n) of a file from one index to another, fewer at the end of a truncated one; called from several threads."""

_WIDTH = 4
"""Bytes of a float32 sample."""


@dataclass(eq=False)
class Spool:
    """A sound in an unnamed temporary file, which goes with it. Filled once, from start to end; unwritten silence takes no room.

    A :class:`seehear.types.Sound` of exactly ``n_samples``. Samples are interleaved float32, as they were given.
    """

    sample_rate_hz: int
    layout: Layout
    n_samples: int
    convention: Convention = ""
    folder: PathLike | None = None
    """Where the file lies; None is the system's folder for temporary files."""
    _file: BinaryIO = field(init=False, repr=False)
    _turn: Lock = field(init=False, repr=False, default_factory=Lock)
    """One file position, perhaps several threads: the figure is drawn while the video is encoded."""

    def __post_init__(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(dir=self.folder, prefix=TEMPORARY)  # type: ignore[assignment]  # noqa: SIM115
            weakref.finalize(self, self._file.close)
            self._file.truncate(self.n_samples * self._frame)
        except OSError as error:
            raise InputError(f"no temporary file for {self.duration_s:.0f} s of sound: {error.strerror}") from None

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate_hz

    @property
    def _frame(self) -> int:
        return self.layout.n_channels * _WIDTH

    def write(self, start: int, samples: NDArray[np.float32]) -> None:
        """Nothing; samples (C, n) are then at ``start``. InputError outside the spool, or when the disk is full."""
        check_span(start, start + samples.shape[1], self.n_samples)
        try:
            with self._turn:
                self._file.seek(start * self._frame)
                self._file.write(np.ascontiguousarray(samples.T, dtype="<f4").data)
                self._file.flush()
        except OSError as error:
            raise InputError(f"the temporary file of {self.duration_s:.0f} s of sound cannot grow: {error.strerror}") from None

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples (C, stop - start)."""
        check_span(start, stop, self.n_samples)
        with self._turn:
            self._file.seek(start * self._frame)
            raw = np.frombuffer(self._file.read((stop - start) * self._frame), dtype="<f4")
        return np.ascontiguousarray(raw.reshape(-1, self.layout.n_channels).T)


def spooled(parts: Iterable[NDArray[np.float32]], sample_rate_hz: int, layout: Layout, convention: Convention = "") -> Spool:
    """A spool of all ``parts`` (C, n) in order, for sound whose length is known only at its end. InputError on a full disk."""
    spool = Spool(sample_rate_hz, layout, 0, convention)
    for part in parts:
        start = spool.n_samples
        spool.n_samples += part.shape[1]
        spool.write(start, part)
    return spool


@dataclass(frozen=True, eq=False)
class SoundFile:
    """A sound in a file that stays open while this lives: a :class:`seehear.types.Sound` that reads what it is asked for."""

    path: Path
    sample_rate_hz: int
    layout: Layout
    n_samples: int
    convention: Convention
    span: Span = field(repr=False)

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate_hz

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples (C, stop - start). InputError outside the sound, for a truncated file, NaN, and beyond `MAX_SAMPLE`."""
        check_span(start, stop, self.n_samples)
        try:
            samples = self.span(start, stop)
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror or error}") from None
        if samples.shape[1] < stop - start:
            held = start + samples.shape[1]
            raise InputError(f"{self.path} is truncated: it promises {self.n_samples} samples and holds {held}")
        peak = float(np.abs(samples).max(initial=0.0))
        if not np.isfinite(peak):
            raise InputError(f"{self.path} contains NaN or infinite samples")
        if peak > MAX_SAMPLE:
            raise InputError(f"{self.path} reaches {peak:.3g}, full scale is 1 and the most that is taken {MAX_SAMPLE:g}")
        return samples


def pcm_span(file: BinaryIO, at: int, n_channels: int, pcm: Pcm) -> Span:
    """The samples of linear PCM that begins at byte ``at`` of a file; the file closes with what is returned."""
    turn, frame = Lock(), n_channels * pcm.width_bytes

    def span(start: int, stop: int) -> NDArray[np.float32]:
        with turn:
            file.seek(at + start * frame)
            raw = file.read((stop - start) * frame)
        return pcm_samples(raw[: len(raw) // frame * frame], n_channels, pcm)

    weakref.finalize(span, file.close)
    return span


def soundfile_span(file: soundfile.SoundFile) -> Span:
    """The samples of a file that libsndfile seeks to the sample; the file closes with what is returned."""
    from soundfile import LibsndfileError

    turn = Lock()

    def span(start: int, stop: int) -> NDArray[np.float32]:
        with turn:
            try:
                file.seek(start)
                return np.ascontiguousarray(file.read(stop - start, dtype="float32", always_2d=True).T)
            except LibsndfileError as error:
                raise OSError(error.error_string) from None

    weakref.finalize(span, file.close)
    return span
