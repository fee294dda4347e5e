"""How loud a sound is, the loudness that is published for where it goes, and the one gain (and limiter) that brings it there.

A sound is measured once (`acoustics.meter.Meter`), its gain follows from that, and it is levelled while it is read again: no
length has to fit in memory. Where the peaks would pass the ceiling at the wanted loudness, up to 6 dB of them are limited
(`acoustics.limiter`); beyond that the level stays lower.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.limiter import limited
from seehear.acoustics.meter import Meter, gated_lufs
from seehear.types import Audio, FloatArray, InputError, Sound, blocks

MOST_LIMITING_DB = 6.0
"""Peaks are turned down by no more than this. Larger reductions are heard as such; then the level stays below its target."""
SILENT_DBTP = -600.0
"""A sound of a lower peak is silence: the gain that it needs would pass what 32-bit floats hold."""
LEAST_CORRECTION_LU, MOST_CORRECTIONS = 0.02, 3
"""What a limiter takes from the loudness is given back until it is less than this, or so many times."""


def measured(sound: Sound) -> Meter:
    """A meter that has heard the whole of ``sound``."""
    meter = Meter(sound.layout, sound.sample_rate_hz, sound.convention)
    for block in blocks(sound):
        meter.add(block)
    return meter


def integrated_lufs(sound: Sound) -> float:
    """Gated loudness of ``sound`` in LUFS; -inf for silence. Shorter than 400 ms: the whole of it is one block."""
    return measured(sound).integrated_lufs


def true_peak_dbtp(sound: Sound) -> float:
    """Highest true peak of all channels in dBTP: that of the samples and of a 4 x oversampling; -inf for silence."""
    return measured(sound).true_peak_dbtp


@dataclass(frozen=True)
class Loudness:
    """A target: integrated loudness of the programme, and the true peak that it must not pass."""

    level_lufs: float = -23.0
    peak_dbtp: float = -1.0

    def __post_init__(self) -> None:
        if not -70 < self.level_lufs <= 0:
            raise InputError(f"a loudness level must lie between -70 and 0 LUFS, got {self.level_lufs}")
        if not -20 <= self.peak_dbtp <= 0:
            raise InputError(f"a true peak must lie between -20 and 0 dBTP, got {self.peak_dbtp}")


PRESETS: Mapping[str, Loudness] = {
    "ebu": Loudness(-23.0, -1.0),
    "web": Loudness(-14.0, -1.0),
    "podcast": Loudness(-16.0, -1.0),
    "film": Loudness(-24.0, -2.0),
    "music": Loudness(-18.0, -1.0),
}
"""ebu: European broadcast (EBU R 128). web: what Spotify and YouTube play at; Spotify asks for at most -1 dBTP. podcast: Apple
Podcasts, audio requirements (-16 dB LKFS +- 1 dB, -1 dBTP). film: US television (ATSC A/85: -24 LKFS, -2 dBTP) and the sound
mix specification of Netflix for programmes with less than 15 % dialogue (-24 LKFS +- 2, -2 dBTP); its -27 LKFS is of dialogue
alone, which cannot be told here. music: immersive music (Dolby Atmos for Apple Music: at most -18 LKFS, -1 dBTP)."""


def loudness_named(text: str) -> Loudness:
    """The target of that preset, or of a number: "-19" (LUFS, peaks to -1 dBTP), "-27/-2" (LUFS/dBTP).

    InputError for anything else, and for a level or a peak that is none.
    """
    if text in PRESETS:
        return PRESETS[text]
    number = r"([+-]?\d+(?:\.\d*)?)"
    found = re.fullmatch(rf"{number}(?:\s*LUFS)?(?:\s*/\s*{number}(?:\s*dBTP)?)?", text.strip(), re.IGNORECASE)
    if found is None:
        raise InputError(
            f"a loudness is one of {', '.join(PRESETS)}, a level in LUFS like -19, or a level and a true peak like -27/-2,"
            f" got {text!r}"
        )
    level, peak = found.groups()
    return Loudness(float(level)) if peak is None else Loudness(float(level), float(peak))


@dataclass(frozen=True)
class LevelPlan:
    """How a measured sound is brought to its level."""

    gain_db: float
    ceiling_dbtp: float
    reduction_db: float = 0.0
    """By how much the limiter turns the highest peak down after the gain."""
    missing_lu: float = 0.0
    """How much below its target the level stays because of the peaks; what the limiter takes is in it once `corrected`."""

    @property
    def limits(self) -> bool:
        return self.reduction_db > 0


def level_plan(meter: Meter, loudness: Loudness, *, limit: bool = True) -> LevelPlan:
    """The gain that brings what ``meter`` heard to its loudness, and whether its peaks are then limited.

    Without ``limit``, or where peaks would have to be turned down by more than `MOST_LIMITING_DB`, the level is as near as they
    let it. Silence (a peak below `SILENT_DBTP`) stays as it is. What has no loudness but peaks (an LFE alone) is only lowered.
    InputError for channels that nothing is known about.
    """
    peak = meter.true_peak_dbtp
    if peak < SILENT_DBTP:
        return LevelPlan(0.0, loudness.peak_dbtp)
    wanted_db, room_db = _gain_to_level_db(meter.block_powers, loudness.level_lufs, peak), loudness.peak_dbtp - peak
    if wanted_db is None:
        return LevelPlan(min(0.0, room_db), loudness.peak_dbtp)
    gain_db = min(wanted_db, room_db + (MOST_LIMITING_DB if limit else 0.0))
    return LevelPlan(gain_db, loudness.peak_dbtp, max(0.0, gain_db - room_db), wanted_db - gain_db)


def corrected(plan: LevelPlan, loudness: Loudness, levelled_meter: Meter) -> LevelPlan:
    """``plan`` with the loudness given back that the limiter took, as far as `MOST_LIMITING_DB` lets it.

    ``levelled_meter`` has heard what `levelled` made of the whole sound.
    """
    if not plan.limits:
        return plan
    short_lu = loudness.level_lufs - levelled_meter.integrated_lufs
    more_db = min(short_lu, MOST_LIMITING_DB - plan.reduction_db)
    if more_db < LEAST_CORRECTION_LU:
        more_db = 0.0
    return replace(
        plan,
        gain_db=plan.gain_db + more_db,
        reduction_db=plan.reduction_db + more_db,
        missing_lu=max(0.0, short_lu - more_db),
    )


def settled_plan(sound: Sound, loudness: Loudness, *, limit: bool = True, plan: LevelPlan | None = None) -> LevelPlan:
    """The `level_plan` of ``sound``, `corrected` until its loudness is met: read once, or up to four times where it limits.

    ``plan`` is that of a sound which was measured before, and is not read for it again.
    """
    plan = plan or level_plan(measured(sound), loudness, limit=limit)
    for _ in range(MOST_CORRECTIONS if plan.limits else 0):
        meter = Meter(sound.layout, sound.sample_rate_hz, sound.convention)
        for block in levelled(blocks(sound), plan, sound.sample_rate_hz):
            meter.add(block)
        before_db, plan = plan.gain_db, corrected(plan, loudness, meter)
        if plan.gain_db == before_db:
            break
    return plan


def levelled(blocks: Iterable[NDArray[np.float32]], plan: LevelPlan, sample_rate_hz: int) -> Iterator[NDArray[np.float32]]:
    """The sound of ``blocks`` (C, n) at the level of its plan, in blocks of its own (C, n), of the same length."""
    gain = np.float32(10 ** (plan.gain_db / 20))
    raised = (block * gain for block in blocks)
    return limited(raised, sample_rate_hz, plan.ceiling_dbtp) if plan.limits else raised


def normalise(audio: Audio, level_lufs: float = -23.0, peak_dbtp: float = -1.0, *, limit: bool = False) -> tuple[Audio, float]:
    """``audio`` with one gain on all channels, and that gain in dB: ``level_lufs``, or as near as ``peak_dbtp`` lets it.

    With ``limit`` up to 6 dB of its peaks are limited for that. Silence stays as it is with 0 dB. What has no loudness but
    peaks (an LFE alone) is only lowered.
    InputError for a level that is no programme level (-70 LUFS, the absolute gate, to 0 LUFS).
    """
    plan = settled_plan(audio, Loudness(level_lufs, peak_dbtp), limit=limit)
    samples = np.empty_like(audio.samples)
    start = 0
    for block in levelled(blocks(audio), plan, audio.sample_rate_hz):
        samples[:, start : start + block.shape[1]] = block
        start += block.shape[1]
    return replace(audio, samples=samples), plan.gain_db


def _gain_to_level_db(block_powers: FloatArray, level_lufs: float, peak_dbtp: float) -> float | None:
    """The gain in dB that makes blocks of those powers measure ``level_lufs``, None when they have no loudness.

    First from the peak at full scale, where no sound is too quiet for the absolute gate; then once more at the wanted level,
    because that gate may leave out other blocks there.
    """
    gain_db = -peak_dbtp
    for _ in range(2):
        loudness = gated_lufs(10 ** (gain_db / 10) * block_powers)
        if loudness == -math.inf:
            return None
        gain_db += level_lufs - loudness
    return gain_db
