"""From sounding objects to a scene: a mono sound for each (SEE-2-SOUND section 2.2) and the room around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from seehear.acoustics.room import room_for, waypoints_m
from seehear.protocols import SoundGenerator
from seehear.systems.spatialize.look import patch
from seehear.systems.spatialize.motion import SeenMotion
from seehear.systems.spatialize.options import SpatializeOptions
from seehear.systems.spatialize.sounding import RoomKind, Sighting, SoundingObject
from seehear.systems.spatialize.timing import at_times, clip_s, follow
from seehear.types import Audio, Prompt, Room, Scene, Source, n_samples, surrounds

ENTRY_FADE_S = 0.35
"""Fade of a source that enters or leaves the picture."""
EDGE_FADE_S = 0.02
"""A video's sound begins and ends with its picture, without a click."""
STILL_FADES_S = (0.25, 0.75)
"""A still has no event at its ends, so its sound comes and goes softly."""


def compose(
    sighting: Sighting,
    generator: SoundGenerator,
    options: SpatializeOptions,
    duration_s: float,
    *,
    moves: bool = False,
    room: Room | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Scene:
    """The scene of everything sighted, each with a stem of the scene's whole length; ``moves`` for a moving picture, ``room``
    when the sources do not decide it.

    Each stem has its own random stream, spawned from the seed by position, so that two dogs never bark in step.
    """
    streams = np.random.SeedSequence(options.seed).spawn(len(sighting.objects))
    sources = []
    for item, stream in zip(sighting.objects, streams, strict=True):
        concept, place = item.concept, item.place
        progress(f"sound of {concept.name}")
        start_s = min(place.active_s[0], max(duration_s - 0.1, 0.0))
        stop_s = min(place.active_s[1], duration_s)
        prompt = Prompt(concept.name, item.text, patch(sighting.picture if item.picture is None else item.picture, place))
        span_s = (start_s, max(stop_s, start_s + 0.05))
        sound = _sound(item.motion, generator, prompt, span_s, options.rate_hz, np.random.default_rng(stream))
        fades_s = _fades(item, start_s > 0, stop_s < duration_s, moves)
        stem = _stem(
            sound,
            start_s,
            n_samples(duration_s, options.rate_hz),
            fades_s,
            1 if any(item.fades_s) and surrounds(place.extent_rad) else 2,
        )
        level_db = concept.level_db + item.level_db
        sources.append(Source(stem, place.trajectory, concept.name, level_db, place.extent_rad, concept.lfe))
    if room is None:
        kind: RoomKind = sighting.room_kind if options.room == "auto" else options.room  # type: ignore[assignment]
        room = _room(kind, sources)
    return Scene(tuple(sources), room, duration_s, options.rate_hz, options.seed)


def _sound(
    motion: SeenMotion | None,
    generator: SoundGenerator,
    prompt: Prompt,
    span_s: tuple[float, float],
    rate_hz: int,
    rng: np.random.Generator,
) -> Audio:
    """The mono sound of one object from ``span_s[0]`` to ``span_s[1]``: as its motion says, else as the generator makes it.

    Seen events are those of one clip of the generator, cut apart and placed in turn.
    """
    start_s, length_s = span_s[0], span_s[1] - span_s[0]
    motion = motion or SeenMotion()
    events = [time_s - start_s for time_s in motion.events_s if span_s[0] <= time_s < span_s[1]]
    if events:
        clip = generator.generate(prompt, clip_s(len(events)), rate_hz, rng)
        return replace(clip, samples=at_times(clip.samples[0], events, length_s, rate_hz)[None])
    sound = generator.generate(prompt, length_s, rate_hz, rng)
    if motion.times_s is None or motion.gain_db is None:
        return sound
    return replace(sound, samples=follow(sound.samples[0], motion.times_s - start_s, motion.gain_db, rate_hz)[None])


def _fades(item: SoundingObject, enters: bool, leaves: bool, moves: bool) -> tuple[float, float]:
    """Lengths of the fades at both ends: of a cut, of an entry or exit, else of the scene's ends.

    A seen event at the entry keeps its attack.
    """
    edges_s = (EDGE_FADE_S, EDGE_FADE_S) if moves else STILL_FADES_S
    has_events = item.motion is not None and len(item.motion.events_s) > 0
    usual = (ENTRY_FADE_S if enters and not has_events else edges_s[0], ENTRY_FADE_S if leaves else edges_s[1])
    fade_in, fade_out = item.fades_s
    return usual[0] if fade_in is None else fade_in, usual[1] if fade_out is None else fade_out


def _stem(sound: Audio, start_s: float, total: int, fades_s: tuple[float, float], power: int = 2) -> Audio:
    """``sound`` placed on ``total`` samples with fades (in, out), each at most half of it: sin^``power`` of a quarter turn.

    1 keeps the power of a cross-fade of independent sounds, 2 is smooth at both ends.
    """
    stem = np.zeros((1, total), np.float32)
    first = round(start_s * sound.sample_rate_hz)
    clip = sound.samples[:, : total - first].copy()
    for seconds, view in zip(fades_s, (clip, clip[:, ::-1]), strict=True):
        n = min(round(seconds * sound.sample_rate_hz), clip.shape[1] // 2)
        view[:, :n] *= (np.sin(0.5 * np.pi * (np.arange(n) + 0.5) / max(n, 1)) ** power).astype(np.float32)
    stem[:, first : first + clip.shape[1]] = clip
    return Audio(stem, sound.sample_rate_hz, sound.layout)


def _room(kind: RoomKind, sources: Sequence[Source]) -> Room:
    """A room of that kind around everything that has a place."""
    placed = [waypoints_m(source.trajectory) for source in sources if not source.is_bed]
    return room_for(kind, np.concatenate([np.zeros((0, 3)), *placed]))
