"""From sounding objects to a scene: a mono sound for each (SEE-2-SOUND section 2.2) and the room around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from seehear.acoustics.room import room_for, waypoints_m
from seehear.protocols import SoundGenerator
from seehear.systems.spatialize.look import patch
from seehear.systems.spatialize.options import SpatializeOptions
from seehear.systems.spatialize.sight import RoomKind, Sighting
from seehear.types import Audio, Prompt, Room, Scene, Source, n_samples

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
        length_s = max(stop_s - start_s, 0.05)
        prompt = Prompt(concept.name, item.text, patch(sighting.picture, place))
        sound = generator.generate(prompt, length_s, options.rate_hz, np.random.default_rng(stream))
        edges_s = (EDGE_FADE_S, EDGE_FADE_S) if moves else STILL_FADES_S
        fades_s = (ENTRY_FADE_S if start_s > 0 else edges_s[0], ENTRY_FADE_S if stop_s < duration_s else edges_s[1])
        stem = _stem(sound, start_s, n_samples(duration_s, options.rate_hz), fades_s)
        level_db = concept.level_db + item.level_db
        sources.append(Source(stem, place.trajectory, concept.name, level_db, place.extent_rad, concept.lfe))
    if room is None:
        kind: RoomKind = sighting.room_kind if options.room == "auto" else options.room  # type: ignore[assignment]
        room = _room(kind, sources)
    return Scene(tuple(sources), room, duration_s, options.rate_hz, options.seed)


def _stem(sound: Audio, start_s: float, total: int, fades_s: tuple[float, float]) -> Audio:
    """``sound`` placed on ``total`` samples with raised-cosine fades (in, out), each at most half of it."""
    stem = np.zeros((1, total), np.float32)
    first = round(start_s * sound.sample_rate_hz)
    clip = sound.samples[:, : total - first].copy()
    for seconds, view in zip(fades_s, (clip, clip[:, ::-1]), strict=True):
        n = min(round(seconds * sound.sample_rate_hz), clip.shape[1] // 2)
        view[:, :n] *= (np.sin(0.5 * np.pi * (np.arange(n) + 0.5) / max(n, 1)) ** 2).astype(np.float32)
    stem[:, first : first + clip.shape[1]] = clip
    return Audio(stem, sound.sample_rate_hz, sound.layout)


def _room(kind: RoomKind, sources: Sequence[Source]) -> Room:
    """A room of that kind around everything that has a place."""
    placed = [waypoints_m(source.trajectory) for source in sources if not source.is_bed]
    return room_for(kind, np.concatenate([np.zeros((0, 3)), *placed]))
