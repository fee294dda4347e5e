"""Procedural sound synthesis: concept -> waveform, no weights. One module per family, one function per concept."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.foley import (
    animals,
    blasts,
    contacts,
    engines,
    farm,
    handwork,
    household,
    impacts,
    machines,
    nature,
    people,
    percussion,
    pond,
    signals,
    strings,
    voices,
    water,
    wild,
    winds,
)
from seehear.foley.level import REFERENCE_LUFS, momentary_lufs, reference_gain, without_clicks
from seehear.foley.pieces import LONGEST_WHOLE_S, in_pieces
from seehear.types import MONO, Audio, InputError, Prompt, n_samples
from seehear.vocabulary import concepts, find_concept

__all__ = ["REFERENCE_LUFS", "SOUNDS", "FoleyGenerator", "momentary_lufs", "sounds", "synthesize"]

SOUNDS: Mapping[str, Callable[..., NDArray[np.floating]]] = {
    **nature.SOUNDS,
    **water.SOUNDS,
    **animals.SOUNDS,
    **farm.SOUNDS,
    **wild.SOUNDS,
    **pond.SOUNDS,
    **voices.SOUNDS,
    **people.SOUNDS,
    **machines.SOUNDS,
    **engines.SOUNDS,
    **signals.SOUNDS,
    **household.SOUNDS,
    **handwork.SOUNDS,
    **impacts.SOUNDS,
    **contacts.SOUNDS,
    **blasts.SOUNDS,
    **strings.SOUNDS,
    **winds.SOUNDS,
    **percussion.SOUNDS,
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
    reference of docs/architecture.md. Beyond 40 s, what goes on without events is made of pieces; what is cut fades in 5 ms.
    InputError: unknown concept, duration below 50 ms, rate outside 8 to 192 kHz, intensity outside 0 to 1, an event rate
    that is not positive or that the sound does not have.
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

    def make(seconds: float, generator: np.random.Generator) -> NDArray[np.floating]:
        x = SOUNDS[name](seconds, sample_rate_hz, generator, **controls)
        if x.shape != (n_samples(seconds, sample_rate_hz),):
            raise AssertionError(f"{name!r} made {x.shape} samples instead of {n_samples(seconds, sample_rate_hz)}")
        return x

    goes_on = concepts()[name].kind != "event" and duration_s > LONGEST_WHOLE_S
    x = in_pieces(make, duration_s, sample_rate_hz, rng) if goes_on else make(duration_s, rng)
    x = without_clicks(x, sample_rate_hz)
    x *= reference_gain(x, sample_rate_hz)
    return Audio(x.astype(np.float32, copy=False)[None], sample_rate_hz, MONO)


@dataclass(frozen=True)
class FoleyGenerator:
    """The weight-free ``protocols.SoundGenerator``."""

    intensity: float = 0.5
    """0 faint to 1 violent, the same for every sound."""

    def generate(self, prompt: Prompt, duration_s: float, sample_rate_hz: int, rng: np.random.Generator, /) -> Audio:
        """Mono sound of exactly ``round(duration_s * sample_rate_hz)`` samples at the stem reference level."""
        return synthesize(prompt.concept, duration_s, sample_rate_hz, rng, intensity=self.intensity)
