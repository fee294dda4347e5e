"""Sound that others are mixed into: in memory where it is short, else in a temporary file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seehear.systems.spatialize.sounding import LONG_S
from seehear.types import MONO, Audio, Convention, Layout

if TYPE_CHECKING:
    from seehear.io.streams import Spool


@dataclass(frozen=True)
class MixBuffer:
    """A sound of fixed length, silent at first."""

    sound: Audio | Spool

    @classmethod
    def of_length(cls, total: int, rate_hz: int, layout: Layout = MONO, convention: Convention = "") -> MixBuffer:
        """In memory up to `LONG_S`, else a spool, in which silence takes no room."""
        if total <= LONG_S * rate_hz:
            return cls(Audio(np.zeros((layout.n_channels, total), np.float32), rate_hz, layout, convention))
        from seehear.io.streams import Spool  # sound files: not at start-up

        return cls(Spool(rate_hz, layout, total, convention))

    def add(self, start: int, part: NDArray[np.float32]) -> None:
        """Adds samples (C, n) from ``start`` on."""
        if part.any():
            self._put(start, self.sound.read(start, start + part.shape[1]) + part)

    def scale(self, start: int, factors: NDArray[np.float32]) -> None:
        """Multiplies all channels from ``start`` on by ``factors`` (n,)."""
        self._put(start, self.sound.read(start, start + len(factors)) * factors)

    def _put(self, start: int, samples: NDArray[np.float32]) -> None:
        if isinstance(self.sound, Audio):
            self.sound.samples[:, start : start + samples.shape[1]] = samples
        else:
            self.sound.write(start, samples)
