"""Sounds made of a sound, read span by span: one channel, another start, a piece. T samples, whatever the length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seehear.types import MONO, FloatArray, InputError, Sound, derived


def mono_of(sound: Sound, channel: int | None) -> Sound:
    """One channel of the sound, counted from 1, or for None the mean of all. InputError for a channel that it has not."""
    count = sound.layout.n_channels
    if channel is not None and not 1 <= channel <= count:
        raise InputError(f"channel {channel} was asked for, the sound has {count}: they count from 1")
    weights = np.full((1, count), 1 / count) if channel is None else np.eye(count)[[channel - 1]]
    made = derived(sound, lambda start, stop: weights.astype(np.float32) @ sound.read(start, stop))
    return replace(made, layout=MONO, convention="")


def placed(sound: Sound, at: int, n_samples: int) -> Sound:
    """``n_samples`` of silence with the sound from sample ``at`` on; what lies outside is left out."""

    def span(start: int, stop: int) -> NDArray[np.float32]:
        out = np.zeros((sound.layout.n_channels, stop - start), np.float32)
        first, last = max(start - at, 0), min(stop - at, sound.n_samples)
        if first < last:
            out[:, first + at - start : last + at - start] = sound.read(first, last)
        return out

    return replace(derived(sound, span), n_samples=n_samples)


def windowed(sound: Sound, start: int, stop: int, fade: int) -> Sound:
    """The sound from sample ``start`` to ``stop``, silence elsewhere; where it is cut, it fades inside over ``fade`` samples."""
    fade = min(fade, (stop - start) // 2)
    begins, ends = fade > 0 and start > 0, fade > 0 and stop < sound.n_samples

    def span(first: int, last: int) -> NDArray[np.float32]:
        times = np.arange(first, last, dtype=float)
        gain = ((times >= start) & (times < stop)).astype(float)
        if begins:
            gain *= _rise((times - start + 0.5) / fade)
        if ends:
            gain *= _rise((stop - times - 0.5) / fade)
        return sound.read(first, last) * gain.astype(np.float32)

    return derived(sound, span)


def _rise(share: FloatArray) -> FloatArray:
    """sin^2 of a quarter turn: 0 before 0, 1 after 1."""
    return np.sin(0.5 * np.pi * np.clip(share, 0, 1)) ** 2
