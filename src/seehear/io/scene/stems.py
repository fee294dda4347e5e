"""Stems as files hold them: mono 24-bit PCM, named after their source, and the steps that their samples are rounded to."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from seehear.io.riff import chunk
from seehear.io.wav import AMBIX_COMMENT, is_mono_float_wav, wav_facts, write_wav
from seehear.types import Audio, Convention, Derived, Layout, Sound, blocks, derived

BED_NAME = "bed"
"""The ambisonic ambience, among the stems; like theirs, its name without the suffix."""
STEM_COMMENT = "seehear stem"
"""Comment in a stem's header, by which --force knows the stems of an earlier run."""
_NAME_CHARACTERS = 40
_FULL_STEPS = 1 << 23
"""Steps of a 24-bit sample from 0 to full scale."""


@dataclass(frozen=True)
class Stem:
    """A sound of a scene in its file, and what the scene remembers of that file."""

    sound: Sound
    path: Path
    sha256: str
    """Of the file's bytes; empty where the scene remembers none."""

    @property
    def sample_rate_hz(self) -> int:
        return self.sound.sample_rate_hz

    @property
    def layout(self) -> Layout:
        return self.sound.layout

    @property
    def convention(self) -> Convention:
        return self.sound.convention

    @property
    def n_samples(self) -> int:
        return self.sound.n_samples

    @property
    def duration_s(self) -> float:
        return self.sound.duration_s

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples (C, stop - start) of the file."""
        return self.sound.read(start, stop)


@dataclass(frozen=True)
class _OnSteps:
    """The samples of a sound, turned down by ``lowered_db`` and rounded to the steps of 24 bits: what its file will hold."""

    sound: Sound
    lowered_db: int

    def __call__(self, start: int, stop: int) -> NDArray[np.float32]:
        return _on_steps(self.sound.read(start, stop), self.lowered_db)


def as_stem(sound: Sound) -> tuple[Sound, int]:
    """What a 24-bit file keeps of ``sound``, and by how many whole decibels it had to be turned down to fit into full scale.

    A sound in memory stays there, any other is rounded as it is read. A stem of a file, and what was rounded, are as they were.
    """
    if isinstance(sound, Stem) or (isinstance(sound, Derived) and isinstance(sound.span, _OnSteps)):
        return sound, 0
    highest = lowest = 0.0
    for block in blocks(sound):
        highest, lowest = max(highest, float(block.max())), min(lowest, float(block.min()))
    # Two's complement: one step more below zero than above.
    steps = max(round(highest * _FULL_STEPS) + 1, -round(lowest * _FULL_STEPS))
    lowered_db = math.ceil(20 * math.log10(steps / _FULL_STEPS)) if steps > _FULL_STEPS else 0
    if isinstance(sound, Audio):
        samples = _on_steps(sound.samples, lowered_db)
        return Audio(samples, sound.sample_rate_hz, sound.layout, sound.convention), lowered_db
    return derived(sound, _OnSteps(sound, lowered_db)), lowered_db


def _on_steps(samples: NDArray[np.float32], lowered_db: int) -> NDArray[np.float32]:
    steps = np.rint(samples.astype(np.float64) * (_FULL_STEPS * 10 ** (-lowered_db / 20)))
    return (steps.clip(-_FULL_STEPS, _FULL_STEPS - 1) / _FULL_STEPS).astype(np.float32)


def write_stem(file: BinaryIO, sound: Sound) -> None:
    """Nothing; ``file`` then holds the sound as 24-bit PCM WAV, a mono one with our comment, an ambisonic one as AmbiX."""
    comment = (b"LIST", b"INFO" + chunk(b"ICMT", STEM_COMMENT.encode("ascii") + b"\0"))
    write_wav(file, sound, "PCM_24", before=() if sound.layout.kind == "ambisonics" else (comment,))


def stem_name(number: int, label: str) -> str:
    """File name of a stem without its suffix: its number keeps it unique, its label readable."""
    word = re.sub(r"[^\w-]+", "-", label).strip("-")[:_NAME_CHARACTERS]
    return f"{number:02d}-{word}" if word else f"{number:02d}"


def is_stem(path: Path) -> bool:
    """Whether the file has the name and the mark that stems and beds are written with here (float stems had none)."""
    is_bed = re.fullmatch(rf"{BED_NAME}(-\d+)?\.wav", path.name) is not None
    if not (is_bed or re.fullmatch(r"\d{2,}(-[\w-]+)?\.wav", path.name)) or not path.is_file():
        return False
    facts = wav_facts(path)
    if facts is None or is_bed:
        return facts is not None and facts.comment.startswith(AMBIX_COMMENT)
    return facts.comment.startswith(STEM_COMMENT) or is_mono_float_wav(path)
