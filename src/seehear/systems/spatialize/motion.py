"""What seen motion does to a sound: it places the events of what comes and goes, and shapes the level of what goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seehear.types import Box, FloatArray
from seehear.vision.motion import MotionRecord, beats_s, level_curve_db, motion_energy, onsets_s, period_s
from seehear.vocabulary import Concept

STEPPING = ("footsteps", "horse")
"""What sounds once per step: its steps come from the period of its motion, not from when it starts to move."""


@dataclass(frozen=True)
class SeenMotion:
    """What the motion of one thing says about its sound; nothing of both where it is not clear."""

    events_s: tuple[float, ...] = ()
    """When it sounds, for an event."""
    times_s: FloatArray | None = None
    gain_db: FloatArray | None = None
    """(F,) gain at ``times_s``, for a texture."""


def seen_motion(
    record: MotionRecord,
    concept: Concept,
    sightings: Sequence[tuple[float, Box]],
    size_px: tuple[int, int],
    *,
    wraps: bool = False,
) -> SeenMotion | None:
    """What the motion of a thing sighted at boxes (of a picture of ``size_px``) says about its sound; None if nothing.

    Events begin when motion sets in; steps fall once per period of it. The level of a texture follows 10 log10 of the
    motion over its mean within +-6 dB.
    """
    times = [time_s for time_s, _ in sightings]
    if len(times) > 1:
        half_s = 0.5 * float(np.median(np.diff(times)))
        record = record.within(times[0] - half_s, times[-1] + half_s)
    if concept.kind == "bed" or len(record.times_s) < 4:
        return None
    energy = motion_energy(record, times, [box for _, box in sightings], size_px, wraps=wraps)
    if concept.kind == "texture":
        gain_db = level_curve_db(record.times_s, energy)
        return None if gain_db is None else SeenMotion(times_s=record.times_s, gain_db=gain_db)
    if concept.like in STEPPING:
        period = period_s(record.times_s, energy)
        events = beats_s(record.times_s, energy, period) if period is not None else []
    else:
        events = onsets_s(record.times_s, energy)
    return SeenMotion(tuple(events)) if events else None
