"""Interleaved linear PCM: float32 samples to bytes and back. Shapes: C channels, n samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Subtype = Literal["PCM_16", "PCM_24", "FLOAT"]
"""What is written."""
WIDTH_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
_WIDTHS_BYTES = {"int": (1, 2, 3, 4), "uint": (1,), "float": (4, 8)}


@dataclass(frozen=True)
class Pcm:
    """How one sample is stored."""

    kind: Literal["int", "uint", "float"]
    width_bytes: int
    big_endian: bool = False

    @property
    def is_known(self) -> bool:
        """Whether :func:`pcm_samples` reads it."""
        return self.width_bytes in _WIDTHS_BYTES[self.kind]


def pcm_steps(samples: NDArray[np.float32], subtype: Subtype) -> NDArray[np.int32]:
    """Frames (n, C) of an integer subtype: the nearest of its steps (no dither: 16-bit material returns unchanged)."""
    full = 2.0 ** (8 * WIDTH_BYTES[subtype] - 1)
    return np.rint(np.ascontiguousarray(samples.T) * full).clip(-full, full - 1).astype("<i4")


def pcm_bytes(samples: NDArray[np.float32], subtype: Subtype) -> bytes:
    """Interleaved little-endian bytes of samples (C, n)."""
    if subtype == "FLOAT":
        return np.ascontiguousarray(samples.T).astype("<f4").tobytes()
    steps = pcm_steps(samples, subtype)
    return steps.astype("<i2").tobytes() if subtype == "PCM_16" else steps.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def pcm_samples(raw: bytes, n_channels: int, pcm: Pcm) -> NDArray[np.float32]:
    """Samples (C, n) of interleaved bytes: full scale is 1; what is beyond float32 becomes infinite."""
    order = ">" if pcm.big_endian else "<"
    if pcm.width_bytes == 3:
        narrow = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(narrow), 4), np.uint8)
        wide[:, slice(0, 3) if pcm.big_endian else slice(1, 4)] = narrow
        stored, full = wide.view(f"{order}i4")[:, 0], np.float32(2.0**31)
    else:
        stored = np.frombuffer(raw, f"{order}{pcm.kind[0]}{pcm.width_bytes}")
        full = np.float32(2.0 ** (8 * pcm.width_bytes - 1))
    with np.errstate(over="ignore", invalid="ignore"):
        samples = np.ascontiguousarray(stored.reshape(-1, n_channels).T.astype(np.float32))
    if pcm.kind == "float":
        return samples
    return (samples - full if pcm.kind == "uint" else samples) / full
