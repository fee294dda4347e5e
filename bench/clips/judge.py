"""The judge of short clips: a second around the loudest moment, statistics of its log-mel spectrogram, a linear discriminant.

Most labelled clips beyond ESC-10 are single game sounds of 0.2 to 3 s, so the length of a clip must be no clue: real and
synthetic clips alike are cut to one second around their loudest moment and judged on that. Everything else passes the door of
the ESC-10 check (22.05 kHz, log-mel relative to the clip's own peak, floor 60 dB below it).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.fft import dct

# The other check lends its front end and its discriminant; its folder comes first, as it has a check.py too.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "esc10"))
from classifier import FLOOR_DB, HOP_SAMPLES, RATE_HZ, log_mel_db
from witness import Discriminant

CLASSES = (
    *("dog", "rain", "sea", "baby", "clock", "sneeze", "helicopter", "chainsaw", "rooster", "fire"),
    *("bird", "crickets", "gunshot", "explosion", "thunder", "footsteps", "speech", "sheep", "door", "horse", "bee"),
    *("aeroplane", "gorilla", "other"),
)
"""``other`` are clips of things that are none of these (scraping, digging, writing, toys, tools)."""
WEIGHTS = Path(__file__).with_name("clips.safetensors")
PIECE_S = 1.0
BEFORE_S = 0.2
"""The loudest moment lies this far from the beginning of the piece, where the clip has so much before it."""
SHRINKAGE = 0.6


def loudest_piece(samples: NDArray[np.floating], rate_hz: int) -> NDArray[np.floating]:
    """One second (or what there is) of a clip (T,) around its loudest 20 ms."""
    n = round(0.02 * rate_hz)
    energy = np.convolve(np.square(samples), np.ones(n), "same")
    start = max(0, int(energy.argmax()) - round(BEFORE_S * rate_hz))
    return samples[start : start + round(PIECE_S * rate_hz)]


def features(samples: NDArray[np.floating], rate_hz: int) -> NDArray[np.float64]:
    """Statistics (F,) of the loudest second: cepstra and their motion, levels, course in time, modulation."""
    db = log_mel_db(loudest_piece(samples, rate_hz), rate_hz)[:, : round(PIECE_S * RATE_HZ / HOP_SAMPLES)]
    db = np.maximum(db, -FLOOR_DB)
    cepstra = dct(db, axis=0, norm="ortho")[:20]
    mean = db.mean(axis=0)
    modulation = np.abs(np.fft.rfft(mean - mean.mean()))[1:]
    parts = (
        cepstra.mean(axis=1),
        cepstra.std(axis=1),
        np.diff(cepstra, axis=1).std(axis=1),
        np.percentile(db, (10, 50, 90), axis=1)[:, ::4].ravel(),
        db.std(axis=1)[::4],
        np.percentile(mean, (5, 25, 50, 75, 95)),
        [part.mean() for part in np.array_split(mean, 8)],
        np.log1p([part.mean() for part in np.array_split(modulation, 10)]),
    )
    return np.concatenate(parts)


@dataclass(frozen=True)
class Judge:
    """A discriminant and what it is worth: recall (K,) on real clips of sources it had not heard, number of sources (K,)."""

    discriminant: Discriminant
    recall: NDArray
    sources: NDArray

    @property
    def knows(self) -> NDArray[np.bool_]:
        """Whether its word counts for each class (K,): half of the real clips recognised, from four sources or more."""
        return (self.recall >= 0.5) & (self.sources >= 4)


def save(judge: Judge, path: Path) -> None:
    """Write a judge to be frozen."""
    tensors = vars(judge.discriminant) | {"recall": judge.recall, "sources": judge.sources}
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, path)


def load_frozen(path: Path = WEIGHTS) -> Judge:
    """The frozen judge."""
    tensors = load_file(path)
    recall, sources = tensors.pop("recall"), tensors.pop("sources")
    return Judge(Discriminant(**tensors), recall, sources)


def places(scores: NDArray, labels: NDArray) -> NDArray[np.intp]:
    """The place (N,) of each clip's own class among the answers, 0 for the first; ``scores`` (N, K)."""
    own = np.take_along_axis(scores, labels[:, None], 1)
    return (scores > own).sum(axis=1)
