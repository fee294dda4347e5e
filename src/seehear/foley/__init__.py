"""Procedural sound synthesis: concept -> waveform, no weights. One module per family, one function per concept."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyloudnorm import IIRfilter

from seehear.foley import animals, impacts, machines, nature, voices, water
from seehear.types import MONO, Audio, InputError, n_samples
from seehear.vocabulary import find_concept

__all__ = ["REFERENCE_LUFS", "SOUNDS", "FoleyGenerator", "momentary_lufs", "sounds", "synthesize"]

REFERENCE_LUFS = -30.0
"""95th percentile of a stem's momentary loudness (docs/architecture.md, Levels)."""
PEAK_DBFS = -1.0
SILENCE_DB = 40.0
"""A window this far below the loudest one is silence between events and does not count."""


SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {
    **nature.SOUNDS,
    **water.SOUNDS,
    **animals.SOUNDS,
    **voices.SOUNDS,
    **machines.SOUNDS,
    **impacts.SOUNDS,
}
"""``function(duration_s, rate_hz, rng, *, intensity=0.5, ...) -> (T,)`` by concept."""


def sounds() -> tuple[str, ...]:
    """The names of every concept that can be synthesised."""
    return tuple(SOUNDS)


def synthesize(
    concept: str,
    duration_s: float,
    sample_rate_hz: int,
    rng: np.random.Generator,
    *,
    intensity: float = 0.5,
    event_rate: float | None = None,
) -> Audio:
    """Mono float32 sound of ``concept`` (or a synonym), exactly ``round(duration_s * sample_rate_hz)`` samples long.

    ``intensity`` 0 to 1; ``event_rate`` mean events per second, only for sounds made of events. The level is the stem
    reference of docs/architecture.md. InputError: unknown concept, duration below 50 ms, rate outside 8 to 192 kHz,
    intensity outside 0 to 1, an event rate that is not positive or that the sound does not have.
    """
    name = concept if concept in SOUNDS else find_concept(concept).name
    if not (np.isfinite(duration_s) and duration_s >= 0.05):
        raise InputError(f"a sound needs at least 0.05 s, got {duration_s} s")
    if not 8_000 <= sample_rate_hz <= 192_000:
        raise InputError(f"the sample rate must lie in 8000 to 192000 Hz, got {sample_rate_hz}")
    if not 0 <= intensity <= 1:
        raise InputError(f"intensity must lie in 0 to 1, got {intensity}")
    controls: dict[str, float] = {"intensity": intensity}
    if event_rate is not None:
        if not event_rate > 0:
            raise InputError(f"the event rate must be positive, got {event_rate}")
        if "event_rate" not in inspect.signature(SOUNDS[name]).parameters:
            raise InputError(f"{name!r} goes on without events, so it takes no event rate")
        controls["event_rate"] = event_rate
    x = SOUNDS[name](duration_s, sample_rate_hz, rng, **controls)
    if x.shape != (n_samples(duration_s, sample_rate_hz),):
        raise AssertionError(f"{name!r} made {x.shape} samples instead of {n_samples(duration_s, sample_rate_hz)}")
    return Audio(_at_reference(x, sample_rate_hz).astype(np.float32)[None], sample_rate_hz, MONO)


@dataclass(frozen=True)
class FoleyGenerator:
    """The weight-free ``protocols.SoundGenerator``."""

    intensity: float = 0.5
    """0 faint to 1 violent, the same for every sound."""

    def generate(self, concept: str, duration_s: float, sample_rate_hz: int, rng: np.random.Generator, /) -> Audio:
        """Mono sound of exactly ``round(duration_s * sample_rate_hz)`` samples at the stem reference level."""
        return synthesize(concept, duration_s, sample_rate_hz, rng, intensity=self.intensity)


def momentary_lufs(x: NDArray[np.floating], rate_hz: int) -> NDArray[np.floating]:
    """Momentary loudness of a mono signal (T,) in LUFS: K-weighted, 400 ms windows every 100 ms (BS.1770-4, EBU 3341).

    A signal shorter than a window is one window of its own length.
    """
    # Analogue prototypes of the two BS.1770 filters, re-derived for any rate by De Man (2014).
    shelf = IIRfilter(3.99984385397, 0.7071752369554193, 1681.9744509555319, rate_hz, "high_shelf_DeMan")
    high_pass = IIRfilter(0.0, 0.5003270373253953, 38.13547087613982, rate_hz, "high_pass_DeMan")
    weighted = high_pass.apply_filter(shelf.apply_filter(np.asarray(x, dtype=float)))
    window = min(round(0.4 * rate_hz), len(x))
    starts = np.arange(0, len(x) - window + 1, round(0.1 * rate_hz))
    energy = np.concatenate([[0.0], np.cumsum(weighted**2)])
    return -0.691 + 10 * np.log10(np.maximum(energy[starts + window] - energy[starts], 1e-20) / window)


def _at_reference(x: NDArray[np.floating], rate_hz: int) -> NDArray[np.floating]:
    """``x`` with one gain, at the stem reference level; silence stays silence."""
    peak = float(np.max(np.abs(x)))
    if peak == 0:
        return x
    loudness = momentary_lufs(x / peak, rate_hz)
    level = float(np.percentile(loudness[loudness > loudness.max() - SILENCE_DB], 95))
    gain_db = min(REFERENCE_LUFS - level, PEAK_DBFS)
    return x / peak * 10 ** (gain_db / 20)
