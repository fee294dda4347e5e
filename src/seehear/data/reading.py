"""Clips from files that others made: what is missing or broken is counted, what is a little short or too loud is made to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seehear.types import Audio, InputError

LEAST_SHARE = 0.9
"""Of its length that the sound and the picture of a clip must have: less is a broken download, not a coder's last frame."""


@dataclass(frozen=True)
class Missing:
    """A clip of the list that cannot be read."""

    clip_id: str
    reason: str


def padded(samples: NDArray[np.float32], n_samples: int, clip_id: str) -> NDArray[np.float32]:
    """The samples (C, n_samples), cut or continued by silence; InputError when more than a tenth is missing."""
    if samples.shape[1] < LEAST_SHARE * n_samples:
        raise InputError(f"the sound of {clip_id} has {samples.shape[1]} of {n_samples} samples: its file is broken")
    whole = np.zeros((len(samples), n_samples), np.float32)
    whole[:, : samples.shape[1]] = samples[:, :n_samples]
    return whole


def of_length(frames: Sequence[NDArray[np.uint8]], n_frames: int, clip_id: str) -> NDArray[np.uint8]:
    """The frames (n_frames, H, W, 3), cut or continued by the last; InputError when more than a tenth is missing."""
    if len(frames) < LEAST_SHARE * n_frames:
        raise InputError(f"the picture of {clip_id} has {len(frames)} of {n_frames} frames: its file is broken")
    return np.stack([frames[min(i, len(frames) - 1)] for i in range(n_frames)])


def within_full_scale(sound: Audio) -> tuple[Audio, float]:
    """The sound with one gain for all channels that keeps it within full scale, and that gain in dB: 0 for most.

    Decoders of lossy sound overshoot; an archive of 16 bits has no place for that.
    """
    peak = float(np.abs(sound.samples).max(initial=0.0))
    if peak <= 1.0:
        return sound, 0.0
    return replace(sound, samples=sound.samples / np.float32(peak)), -20 * float(np.log10(peak))
