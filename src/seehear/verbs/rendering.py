"""Scenes and fields heard: rendered or decoded block by block, measured meanwhile, then brought to their level."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seehear.types import Audio, Layout, Scene, Sound, blocks, discrete

if TYPE_CHECKING:
    from seehear.acoustics.field import Engine
    from seehear.acoustics.loudness import LevelPlan, Loudness
    from seehear.acoustics.meter import Meter

Tell = Callable[[float], None]
"""Told how much is done (0 to 1)."""
SHORT_LU = 0.2
"""A level that is no more than this below its target is there."""


@dataclass(frozen=True)
class Levelled:
    """A sound at its level: in memory when it is one block, else in a temporary file."""

    sound: Sound
    plan: LevelPlan
    """How it came there."""
    loudness_lufs: float
    true_peak_dbtp: float


def levels(heard: Levelled) -> dict[str, float | None]:
    """Measured loudness and true peak for a report; None for silence."""
    told = {"loudness_lufs": heard.loudness_lufs, "true_peak_dbtp": heard.true_peak_dbtp}
    return {name: round(value, 2) if isfinite(value) else None for name, value in told.items()}


def level_notes(heard: Levelled, loudness: Loudness) -> list[str]:
    """Says what the peaks did to the level."""
    plan, notes = heard.plan, []
    if plan.limits:
        notes.append(f"Peaks are turned down by up to {plan.reduction_db:.1f} dB, by one gain for all channels.")
    if plan.missing_lu > SHORT_LU and isfinite(heard.loudness_lufs):
        notes.append(
            f"The level stays at {heard.loudness_lufs:.1f} LUFS instead of {loudness.level_lufs:g}: its peaks leave no more room."
        )
    return notes


def untold(_: float) -> None:
    """Tell nobody."""


def rendered(
    scene: Scene, layouts: Sequence[Layout], loudness: Loudness, engine: Engine, tell: Tell = untold
) -> dict[str, Levelled]:
    """Every layout from one pass over the scene, by name."""
    from seehear.acoustics.render import render_blocks

    sounds = levelled_blocks(render_blocks(scene, layouts, engine=engine), scene.n_samples, loudness, tell)
    return {each.sound.layout.name: each for each in sounds}


def levelled_blocks(
    parts: Iterator[tuple[Audio, ...]], n_samples: int, loudness: Loudness, tell: Tell = untold
) -> tuple[Levelled, ...]:
    """What ``parts`` (blocks of several sounds, ``n_samples`` in all) are once joined, each at its level."""
    raw = _joined(parts, n_samples, tell)
    return tuple(_at_level(sound, meter, loudness) for sound, meter in raw)


def _joined(parts: Iterator[tuple[Audio, ...]], n_samples: int, tell: Tell) -> list[tuple[Sound, Meter]]:
    """Each sound as a whole, and a meter that has heard it."""
    from seehear.acoustics.meter import Meter
    from seehear.io.streams import Spool

    first = next(parts)
    meters = [Meter(audio.layout, audio.sample_rate_hz, audio.convention) for audio in first]
    if first[0].n_samples == n_samples:
        for meter, audio in zip(meters, first, strict=True):
            meter.add(audio.samples)
        return list(zip(first, meters, strict=True))
    spools = [Spool(audio.sample_rate_hz, audio.layout, n_samples, audio.convention) for audio in first]
    start = 0
    for block in chain((first,), parts):
        for spool, meter, audio in zip(spools, meters, block, strict=True):
            spool.write(start, audio.samples)
            meter.add(audio.samples)
        start += block[0].n_samples
        tell(start / n_samples)
    return list(zip(spools, meters, strict=True))


def _at_level(raw: Sound, meter: Meter, loudness: Loudness) -> Levelled:
    from seehear.acoustics.loudness import level_plan, measured, settled_plan
    from seehear.acoustics.meter import gated_lufs

    plan = level_plan(meter, loudness)
    if plan.limits:
        plan = settled_plan(raw, loudness, plan=plan)
    sound = _with_gain(raw, plan)
    if plan.limits:
        heard = measured(sound)
        return Levelled(sound, plan, heard.integrated_lufs, heard.true_peak_dbtp)
    lufs = gated_lufs(10 ** (plan.gain_db / 10) * meter.block_powers)
    return Levelled(sound, plan, lufs, meter.true_peak_dbtp + plan.gain_db)


def _with_gain(raw: Sound, plan: LevelPlan) -> Sound:
    from seehear.acoustics.loudness import levelled
    from seehear.io.streams import spooled

    parts = levelled(blocks(raw), plan, raw.sample_rate_hz)
    if isinstance(raw, Audio):
        return replace(raw, samples=np.concatenate(list(parts), axis=1))
    return spooled(parts, raw.sample_rate_hz, raw.layout, raw.convention)


def true_peak_of(parts: Iterable[NDArray[np.float32]], sample_rate_hz: int) -> float:
    """The true peak in dBTP of blocks (C, n), whatever their channels are."""
    from seehear.acoustics.meter import Meter

    meter = None
    for block in parts:
        meter = meter or Meter(discrete(len(block)), sample_rate_hz)
        meter.add(block)
    return -np.inf if meter is None else meter.true_peak_dbtp
