"""From sounding objects to a scene: a mono sound for each (SEE-2-SOUND section 2.2) and the room around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.room import RoomKind, room_for, waypoints_m
from seehear.protocols import SoundGenerator
from seehear.systems.spatialize.lanes import lanes_of, level_db, span_s
from seehear.systems.spatialize.look import patch
from seehear.systems.spatialize.mix_buffer import MixBuffer
from seehear.systems.spatialize.motion import SeenMotion
from seehear.systems.spatialize.options import SpatializeOptions
from seehear.systems.spatialize.sounding import LONG_S, Sighting, SoundingObject
from seehear.systems.spatialize.timing import at_times, clip_s, follow, placed_events
from seehear.types import Image, Prompt, Room, Scene, Source, n_samples, surrounds

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
    """The scene of everything sighted, with a stem of the scene's whole length per lane (`lanes_of`); ``moves`` for a moving
    picture, ``room`` when the sources do not decide it.

    Each object has its own random stream, spawned from the seed by position, so that two dogs never bark in step. Stems of
    more than a minute are spools, written piece by piece where something sounds. InputError when the disk is full.
    """
    streams = np.random.SeedSequence(options.seed).spawn(len(sighting.objects))
    sources = []
    for lane in lanes_of(sighting.objects, duration_s):
        stem = MixBuffer.of_length(n_samples(duration_s, options.rate_hz), options.rate_hz)
        for item, index in zip(lane.objects, lane.indices, strict=True):
            progress(f"sound of {item.concept.name}")
            prompt = Prompt(item.concept.name, item.text, _patch(item, sighting))
            rng = np.random.default_rng(streams[index])
            parts = _sound(item, generator, prompt, span_s(item, duration_s), options.rate_hz, rng)
            _add(stem, parts, item, duration_s, moves=moves, gain_db=level_db(item) - lane.level_db)
        concept = lane.objects[0].concept
        trajectory = lane.trajectory(duration_s)
        sources.append(Source(stem.sound, trajectory, lane.label, lane.level_db, lane.extent_rad, concept.lfe))
    if room is None:
        kind: RoomKind = sighting.room_kind if options.room == "auto" else options.room  # type: ignore[assignment]
        room = room_around(kind, sources)
    return Scene(tuple(sources), room, duration_s, options.rate_hz, options.seed)


def _patch(item: SoundingObject, sighting: Sighting) -> Image | None:
    """What is seen of an object; None for what is all around, and where a long video has not kept its shot's frame."""
    if item.picture is None and sighting.shots_s:
        return None
    return patch(sighting.picture if item.picture is None else item.picture, item.place)


def _sound(
    item: SoundingObject,
    generator: SoundGenerator,
    prompt: Prompt,
    heard_s: tuple[float, float],
    rate_hz: int,
    rng: np.random.Generator,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The mono sound of one object from ``heard_s[0]`` to ``heard_s[1]``, in parts (first sample, samples (n,)) that add up:
    as its motion says, else as the generator makes it.

    Seen events are those of one clip of the generator, cut apart and placed in turn. What lasts longer than `LONG_S` is made
    of pieces.
    """
    from seehear.foley.pieces import overlapping, resting  # filters: not at start-up

    start_s, length_s = heard_s[0], heard_s[1] - heard_s[0]
    motion = item.motion or SeenMotion()
    events = [time_s - start_s for time_s in motion.events_s if heard_s[0] <= time_s < heard_s[1]]
    if events:
        clip = generator.generate(prompt, clip_s(len(events)), rate_hz, rng).samples[0]
        if length_s > LONG_S:
            yield from placed_events(clip, events, n_samples(length_s, rate_hz), rate_hz)
        else:
            yield 0, at_times(clip, events, length_s, rate_hz)
        return

    def make(seconds: float, child: np.random.Generator) -> NDArray[np.float32]:
        return generator.generate(prompt, seconds, rate_hz, child).samples[0]

    join = resting if item.concept.kind == "event" else overlapping
    first = 0
    for part in [make(length_s, rng)] if length_s <= LONG_S else join(make, length_s, rate_hz, rng):
        is_level = motion.times_s is None or motion.gain_db is None
        yield first, part if is_level else follow(part, motion.times_s - start_s, motion.gain_db, rate_hz, first=first)
        first += len(part)


def _fades(item: SoundingObject, enters: bool, leaves: bool, moves: bool) -> tuple[float, float]:
    """Lengths of the fades at both ends: of a cut, of an entry or exit, else of the scene's ends.

    A seen event at the entry keeps its attack.
    """
    edges_s = (EDGE_FADE_S, EDGE_FADE_S) if moves else STILL_FADES_S
    has_events = item.motion is not None and len(item.motion.events_s) > 0
    usual = (ENTRY_FADE_S if enters and not has_events else edges_s[0], ENTRY_FADE_S if leaves else edges_s[1])
    fade_in, fade_out = item.fades_s
    return usual[0] if fade_in is None else fade_in, usual[1] if fade_out is None else fade_out


def _add(
    stem: MixBuffer,
    parts: Iterable[tuple[int, NDArray[np.float32]]],
    item: SoundingObject,
    duration_s: float,
    *,
    moves: bool,
    gain_db: float,
) -> None:
    """Adds an object to its stem: its parts at their places, faded at its entry and exit.

    A fade is at most half of what is heard, sin^p of a quarter turn: p = 1 keeps the power of a cross-fade of independent
    sounds (of ambiences, over a cut), 2 is smooth at both ends.
    """
    rate_hz, (start_s, stop_s) = stem.sound.sample_rate_hz, span_s(item, duration_s)
    start = round(start_s * rate_hz)
    length = min(n_samples(stop_s - start_s, rate_hz), stem.sound.n_samples - start)
    power = 1 if any(item.fades_s) and surrounds(item.place.extent_rad) else 2
    fades = [min(round(each * rate_hz), length // 2) for each in _fades(item, start_s > 0, stop_s < duration_s, moves)]
    for first, samples in parts:
        part = samples[: max(length - first, 0)].copy()
        for n, at, view in ((fades[0], first, part), (fades[1], length - first - len(part), part[::-1])):
            near = view[: max(n - at, 0)]
            near *= (np.sin(0.5 * np.pi * (at + np.arange(len(near)) + 0.5) / max(n, 1)) ** power).astype(np.float32)
        if gain_db:
            part *= np.float32(10 ** (gain_db / 20))
        stem.add(start + first, part[None])


def room_around(kind: RoomKind, sources: Sequence[Source]) -> Room:
    """A room of that kind around everything that has a place."""
    placed = [waypoints_m(source.trajectory) for source in sources if not source.is_bed]
    return room_for(kind, np.concatenate([np.zeros((0, 3)), *placed]))
