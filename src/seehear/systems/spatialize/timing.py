"""Sounds at given times: the events of a generator's clip, cut apart and placed, and levels that follow a curve.

Shapes: T samples, F points of a curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray, n_samples

CLIP_S = (2.5, 8.0)
"""A generator is asked for a clip of this length, longer for more events, and its events are used in turn."""
CLIP_PER_EVENT_S = 0.8
LONGEST_EVENT_S = 3.0
_FRAME_S = 0.005
_LOUD_DB, _QUIET_DB = -20.0, -34.0
"""An event begins where the level passes the first after it was below the second, both under the clip's loudest 5 ms."""
_LEAD_S = 0.003
_FADES_S = (0.002, 0.03)


def clip_s(n_events: int) -> float:
    """How long a clip to ask a generator for, so that ``n_events`` do not all sound alike."""
    return float(np.clip(CLIP_PER_EVENT_S * n_events, *CLIP_S))


def events_in(x: NDArray[np.float32], rate_hz: int) -> list[slice]:
    """The events of a sound (T,): from just before each rise out of quiet to the next one, or to where it has faded.

    A sound without pauses is one event. Empty for silence.
    """
    hop = max(1, round(_FRAME_S * rate_hz))
    frames = np.zeros(-(-len(x) // hop) * hop, np.float32)
    frames[: len(x)] = x
    power = np.square(frames.reshape(-1, hop).astype(float)).mean(axis=1)
    if power.max() <= 0:
        return []
    level_db = 10 * np.log10(np.maximum(power / power.max(), 1e-12))
    starts, is_quiet = [], True
    for index, level in enumerate(level_db):
        if is_quiet and level > _LOUD_DB:
            starts.append(index)
            is_quiet = False
        elif level < _QUIET_DB:
            is_quiet = True
    events = []
    for start, end in zip(starts, [*starts[1:], len(level_db)], strict=True):
        heard = np.flatnonzero(level_db[start:end] > 2 * _QUIET_DB)
        first = max(0, start * hop - round(_LEAD_S * rate_hz))
        events.append(slice(first, min((start + int(heard[-1]) + 1) * hop, len(x), first + round(LONGEST_EVENT_S * rate_hz))))
    return events


def placed_events(
    clip: NDArray[np.float32], times_s: Sequence[float], length: int, rate_hz: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The events of ``clip`` in turn at ``times_s`` of a sound of ``length`` samples, each (first sample, sound (n,)) and cut
    off softly by the next: they overlap by its fade of 30 ms."""
    events = events_in(clip, rate_hz)
    if not events:
        return
    lead = round(_LEAD_S * rate_hz)
    firsts = [max(0, round(time_s * rate_hz) - lead) for time_s in times_s]
    fade_out = round(_FADES_S[1] * rate_hz)
    for index, (first, end) in enumerate(zip(firsts, [*firsts[1:], length], strict=True)):
        sound = clip[events[index % len(events)]]
        room = max(0, min(end + (fade_out if index + 1 < len(firsts) else 0), length) - first)
        sound = sound[:room].astype(np.float32, copy=True)
        for seconds, view in zip(_FADES_S, (sound, sound[::-1]), strict=True):
            n = min(round(seconds * rate_hz), len(view) // 2)
            view[:n] *= (np.arange(n, dtype=np.float32) + 0.5) / max(n, 1)
        yield first, sound


def at_times(clip: NDArray[np.float32], times_s: Sequence[float], duration_s: float, rate_hz: int) -> NDArray[np.float32]:
    """Sound (T,) of ``duration_s`` with the events of ``clip`` in turn at ``times_s``, as :func:`placed_events` says."""
    out = np.zeros(n_samples(duration_s, rate_hz), np.float32)
    for first, sound in placed_events(clip, times_s, len(out), rate_hz):
        out[first : first + len(sound)] += sound
    return out


def follow(
    x: NDArray[np.float32], times_s: FloatArray, gain_db: FloatArray, rate_hz: int, *, first: int = 0
) -> NDArray[np.float32]:
    """``x`` (T,) with a gain in dB that goes through ``gain_db`` (F,) at ``times_s``, held beyond its ends.

    ``x`` begins ``first`` samples after time 0, as a span of a longer sound does.
    """
    block, out = 1 << 16, np.empty_like(x)
    for start in range(0, len(x), block):
        part = x[start : start + block]
        moments = (first + start + np.arange(len(part))) / rate_hz
        out[start : start + len(part)] = part * 10 ** (np.interp(moments, times_s, gain_db) / 20)
    return out
