"""Sound of any length that stays on disk: spools that are written once and read span by span."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from threading import Lock
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from seehear.io.files import PathLike
from seehear.types import Convention, InputError, Layout, check_span

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
            self._file = tempfile.TemporaryFile(dir=self.folder, prefix=".seehear-")  # type: ignore[assignment]  # noqa: SIM115
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
