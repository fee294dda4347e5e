"""Writing ADM: one WAVE file up to 4 GB and BW64 above, with ``chna`` before the samples and ``axml`` behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.io.adm.axml import axml_and_tracks
from seehear.io.adm.chna import chna_body
from seehear.io.adm.common import pack_of
from seehear.io.adm.programme import Programme
from seehear.io.files import PathLike, WholeFiles, whole_file
from seehear.io.wav import write_wav
from seehear.types import Convention, InputError, Layout, Sound, discrete

_HEADER_BYTES = 1 << 20
"""More than everything that is neither samples, ``axml`` nor ``chna``."""
_MOST_RIFF_BYTES = 0xFFFF_FFFF - _HEADER_BYTES
_BYTES_PER_SAMPLE = 3
_FULL_SCALE = 1.0


def write_adm(path: PathLike, programme: Programme, *, force: bool = False, within: WholeFiles | None = None) -> None:
    """Nothing; ``path`` is then an ADM file of 24-bit PCM: the stems of the objects as they are, then the beds.

    The level of an object and its distance are the gains of its blocks. The same programme gives the same bytes.
    ``force`` and ``within`` as in :func:`seehear.io.files.whole_files`.
    InputError: a sound beyond full scale, which PCM cannot hold; more than 65535 tracks.
    """
    axml, tracks = axml_and_tracks(programme)
    joined = _Joined(tuple(_part(sound, label) for sound, label in _labelled(programme)))
    n_bytes = len(axml) + 40 * len(tracks) + joined.n_samples * len(tracks) * _BYTES_PER_SAMPLE
    container = "wav" if n_bytes <= _MOST_RIFF_BYTES else "bw64"
    with whole_file(path, force, within) as temporary, temporary.open("wb") as file:
        chna = (b"chna", chna_body(tracks))
        write_wav(file, joined, "PCM_24", before=(chna,), after=((b"axml", axml),), container=container)


def _labelled(programme: Programme) -> list[tuple[Sound, str]]:
    return list(zip(programme.sounds, [*(s.label for s in programme.audible), *(b.label for b in programme.beds)], strict=True))


def _part(sound: Sound, label: str) -> _Part:
    is_object = sound.layout.n_channels == 1
    return _Part(sound, label, (0,) if is_object else pack_of(sound.layout)[2])


@dataclass(frozen=True)
class _Part:
    """A sound, its name, and the order in which its channels are written."""

    sound: Sound
    label: str
    order: Sequence[int]

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        samples = self.sound.read(start, stop)
        peak = float(np.abs(samples).max(initial=0))
        if peak > _FULL_SCALE:
            raise InputError(f"{self.label!r} reaches {20 * np.log10(peak):+.1f} dBFS, 24-bit ADM ends at 0: lower its level")
        return samples[list(self.order)]


@dataclass(frozen=True)
class _Joined:
    """All parts as one :class:`seehear.types.Sound` of discrete channels."""

    parts: tuple[_Part, ...]

    @property
    def sample_rate_hz(self) -> int:
        return self.parts[0].sound.sample_rate_hz

    @property
    def layout(self) -> Layout:
        return discrete(sum(len(part.order) for part in self.parts))

    @property
    def convention(self) -> Convention:
        return ""

    @property
    def n_samples(self) -> int:
        return self.parts[0].sound.n_samples

    @property
    def duration_s(self) -> float:
        return self.parts[0].sound.duration_s

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        return np.concatenate([part.read(start, stop) for part in self.parts])
