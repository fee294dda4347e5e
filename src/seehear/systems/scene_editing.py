"""Edits of a scene: plain functions that take a scene and give another. No file is touched and no sound is generated.

A source is named by its number from 1, its label, or the beginning of its label; "bed" is the ambisonic ambience.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from seehear.acoustics.room import EAR_HEIGHT_M, LISTENER_FRACTION, MARGIN_M, RoomKind, check_inside, waypoints_m
from seehear.acoustics.sphere import rotation_by
from seehear.io.resampling import resampled
from seehear.io.scene.limits import DISTANCES_M, MAX_GAIN_DB, RT60S_S, SIDES_M
from seehear.io.streams import spooled
from seehear.systems.scene_sounds import placed, windowed
from seehear.systems.spatialize.ambience import add_repeated
from seehear.systems.spatialize.compose import room_around
from seehear.systems.spatialize.mix_buffer import MixBuffer
from seehear.types import MONO, Direction, InputError, Room, Scene, Sound, Source, Trajectory, n_samples

BED = "bed"
CUT_FADE_S = 0.01
"""A sound that is cut fades over this time, so that it does not click."""
REPEAT_OVERLAP_S = 0.5
"""Of a sound that is repeated: its end fades into its beginning."""
_SHOWN = 12


def index_of(scene: Scene, which: str | int) -> int | None:
    """The index of the source that ``which`` names, None for the bed; InputError that lists the sources for none or several."""
    name = str(which).strip()
    if name.casefold() == BED and scene.bed is not None:
        return None
    if name.isdecimal() and 1 <= int(name) <= len(scene.sources):
        return int(name) - 1
    labels = [source.label.casefold() for source in scene.sources]
    exact = [index for index, label in enumerate(labels) if label == name.casefold()]
    found = exact or [index for index, label in enumerate(labels) if name and label.startswith(name.casefold())]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{name!r} may be {_listed(scene, found, 'or')}: say the number")
    raise InputError(f"no source is called {name!r}: the scene has {_listed(scene, range(len(scene.sources)), 'and')}")


def _listed(scene: Scene, indices: Sequence[int], last: str) -> str:
    names = [f"{index + 1} {scene.sources[index].label}" for index in indices]
    if last == "and":
        names += [BED] if scene.bed is not None else []
    if len(names) > _SHOWN:
        return ", ".join(names[:_SHOWN]) + f" and {len(names) - _SHOWN} more"
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names or ["no source"])


def _source_index(scene: Scene, which: str | int, what: str) -> int:
    index = index_of(scene, which)
    if index is None:
        raise InputError(f"the bed is all around and cannot be {what}: name a source")
    return index


def with_source(scene: Scene, index: int, source: Source) -> Scene:
    """The scene with another source in that place."""
    return replace(scene, sources=(*scene.sources[:index], source, *scene.sources[index + 1 :]))


def mute(scene: Scene, *which: str | int, muted: bool = True) -> Scene:
    """The scene with those sources left out of renders, or with ``muted=False`` heard again."""
    for index in [index_of(scene, each) for each in which]:
        if index is None:
            scene = replace(scene, bed_muted=muted)
        else:
            scene = with_source(scene, index, replace(scene.sources[index], muted=muted))
    return scene


def unmute_all(scene: Scene) -> Scene:
    """The scene with everything heard."""
    return replace(scene, sources=tuple(replace(source, muted=False) for source in scene.sources), bed_muted=False)


def solo(scene: Scene, *which: str | int) -> Scene:
    """The scene with only those sources heard: all others are muted."""
    heard = {index_of(scene, each) for each in which}
    sources = tuple(replace(source, muted=index not in heard) for index, source in enumerate(scene.sources))
    return replace(scene, sources=sources, bed_muted=scene.bed is not None and None not in heard)


def gain(scene: Scene, *which: str | int, by_db: float | None = None, to_db: float | None = None) -> Scene:
    """The scene with the gain of those sources changed ``by_db``, or set ``to_db`` (dB at 1 m). InputError beyond +-120 dB."""
    if (by_db is None) == (to_db is None):
        raise InputError("a gain is changed by some decibels or set to some: give one of --by and --to")
    for each in which:
        index = index_of(scene, each)
        now_db = scene.bed_gain_db if index is None else scene.sources[index].gain_db
        gain_db = float(to_db) if to_db is not None else now_db + float(by_db or 0.0)
        if not abs(gain_db) <= MAX_GAIN_DB:
            raise InputError(f"the gain of {each!r} would be {gain_db:g} dB: it lies in -{MAX_GAIN_DB} to {MAX_GAIN_DB} dB")
        if index is None:
            scene = replace(scene, bed_gain_db=gain_db)
        else:
            scene = with_source(scene, index, replace(scene.sources[index], gain_db=gain_db))
    return scene


def rename(scene: Scene, which: str | int, label: str) -> Scene:
    """The scene with another label for that source; its stem keeps the name of its file."""
    index = _source_index(scene, which, "renamed")
    return with_source(scene, index, replace(scene.sources[index], label=label))


def remove(scene: Scene, *which: str | int) -> Scene:
    """The scene without those sources (or its bed). Later sources move up, and with them their decorrelation."""
    gone = {index_of(scene, each) for each in which}
    sources = tuple(source for index, source in enumerate(scene.sources) if index not in gone)
    scene = replace(scene, sources=sources)
    return replace(scene, bed=None, bed_gain_db=0.0, bed_muted=False) if None in gone else scene


def move(
    scene: Scene,
    which: str | int,
    *,
    azimuth_rad: float | None = None,
    elevation_rad: float | None = None,
    distance_m: float | None = None,
    turn_rad: float = 0.0,
    scale: float = 1.0,
) -> Scene:
    """The scene with that source elsewhere. Azimuth, elevation and distance that are given hold for all of its trajectory (all
    three: it stands still there), then the whole is turned to the left by ``turn_rad`` and distances are multiplied by ``scale``.

    InputError for a source that is all around, a distance that no scene file holds, and a place outside the room.
    """
    index = _source_index(scene, which, "moved")
    path = scene.sources[index].trajectory
    count = len(path.times_s)
    places = [Direction.of(vector) for vector in path.directions]
    azimuths = [place.azimuth_rad if azimuth_rad is None else azimuth_rad for place in places]
    elevations = [place.elevation_rad if elevation_rad is None else elevation_rad for place in places]
    directions = np.array([Direction(a, e).vector for a, e in zip(azimuths, elevations, strict=True)])
    distances_m = (path.distances_m if distance_m is None else np.full(count, float(distance_m))) * scale
    moved = Trajectory(path.times_s, directions @ rotation_by(turn_rad, 0.0, 0.0).T, distances_m)
    if (moved.directions == moved.directions[0]).all() and (distances_m == distances_m[0]).all():
        moved = Trajectory(np.zeros(1), moved.directions[:1], distances_m[:1])
    return follow(scene, index + 1, moved)


def follow(scene: Scene, which: str | int, trajectory: Trajectory) -> Scene:
    """The scene with that source on another trajectory. InputError as :func:`move`."""
    index = _source_index(scene, which, "moved")
    source = replace(scene.sources[index], trajectory=trajectory)
    if source.is_bed:
        raise InputError(f"source {index + 1} {source.label!r} is all around: it has no place to be moved from")
    nearest_m, farthest_m = float(trajectory.distances_m.min()), float(trajectory.distances_m.max())
    if not DISTANCES_M[0] <= nearest_m <= farthest_m <= DISTANCES_M[1]:
        raise InputError(
            f"source {source.label!r} would be {nearest_m:g} to {farthest_m:g} m away: "
            f"distances lie in {DISTANCES_M[0]:g} to {DISTANCES_M[1]:g} m"
        )
    check_inside(scene.room, source)
    return with_source(scene, index, source)


def with_room(
    scene: Scene,
    *,
    kind: RoomKind | None = None,
    size_m: tuple[float, float, float] | None = None,
    rt60_s: float | None = None,
    height_m: float | None = None,
) -> Scene:
    """The scene in another room: one of that ``kind`` around everything that has a place, or a shoebox of ``size_m``; or in its
    own, with another reverberation time or height of the ears over the floor or ground.

    In a shoebox of ``size_m`` the listener is where `room_for` has it, moved no farther than all sources need to be half a metre
    inside, or as near to that as they can be.
    InputError where one of them is outside, and for what the room does not have.
    """
    room = scene.room
    for what, unit, limits, values in (
        ("side", " m", SIDES_M, size_m or ()),
        ("reverberation time", " s", RT60S_S, () if rt60_s is None else (rt60_s,)),
        ("height of the ears", " m", (DISTANCES_M[0], SIDES_M[1]), () if height_m is None else (height_m,)),
    ):
        if not all(limits[0] <= value <= limits[1] for value in values):
            told = ", ".join(f"{value:g}" for value in values)
            raise InputError(f"the {what} of a room lies in {limits[0]:g} to {limits[1]:g}{unit}, got {told}")
    if room.kind == "pixels":
        raise InputError("the room of this scene is the picture, in pixels (the paper's own mode): it cannot be another")
    if kind is not None and size_m is not None:
        raise InputError("a room is of a kind or of a size: give one of them")
    if kind is not None:
        room = room_around(kind, scene.sources)
    elif size_m is not None:
        if rt60_s is None and room.kind != "shoebox":
            raise InputError("the scene has no walls yet: say how long a room of that size reverberates")
        room = Room("shoebox", size_m, _place_in(size_m, scene.sources), rt60_s or room.rt60_s)
    if rt60_s is not None:
        if room.kind != "shoebox":
            raise InputError(f"a room of kind {room.kind} has no reverberation time: only walls make one")
        room = replace(room, rt60_s=rt60_s)
    if height_m is not None:
        if room.kind == "none":
            raise InputError("without a room there is no ground to be above")
        room = replace(room, listener_m=(*room.listener_m[:2], height_m))
    for source in scene.sources:
        check_inside(room, source)
    return replace(scene, room=room)


def _place_in(size_m: tuple[float, float, float], sources: Sequence[Source]) -> tuple[float, float, float]:
    """Where the listener is in a shoebox of that size."""
    places = np.concatenate([np.zeros((1, 3)), *(waypoints_m(each.trajectory) for each in sources if not each.is_bed)])
    size = np.array(size_m)
    usual = np.array([LISTENER_FRACTION * size[0], 0.5 * size[1], min(EAR_HEIGHT_M, 0.5 * size[2])])
    lowest, highest = MARGIN_M - places.min(axis=0), size - MARGIN_M - places.max(axis=0)
    at = np.where(lowest <= highest, np.clip(usual, lowest, highest), np.clip((lowest + highest) / 2, 0.01 * size, 0.99 * size))
    return float(at[0]), float(at[1]), float(at[2])


def retime(
    scene: Scene,
    which: str | int,
    *,
    shift_s: float = 0.0,
    from_s: float | None = None,
    to_s: float | None = None,
    path: bool = False,
) -> Scene:
    """The scene with the sound of that source cut to ``from_s`` to ``to_s``, then heard ``shift_s`` later (earlier below zero).

    Times are rounded to samples; what leaves the scene at its ends is gone. Cuts fade over 10 ms. With ``path`` the trajectory
    shifts too; without, the source is where it was, as the picture shows it. The bed can be retimed as well.
    """
    index = index_of(scene, which)
    sound = scene.bed if index is None else scene.sources[index].audio
    assert sound is not None
    rate, last_s = scene.sample_rate_hz, scene.duration_s
    if not all(math.isfinite(each) for each in (shift_s, from_s or 0.0, to_s or 0.0)):
        raise InputError("times must be finite numbers of seconds")
    start, stop = n_samples(from_s or 0.0, rate), scene.n_samples if to_s is None else n_samples(min(to_s, last_s), rate)
    if not 0 <= start < stop:
        raise InputError(f"nothing is left from {from_s or 0.0:g} to {last_s if to_s is None else to_s:g} s of {last_s:g} s")
    if abs(shift_s) >= last_s:
        raise InputError(f"shifted by {shift_s:g} s, nothing is left in a scene of {last_s:g} s")
    if (start, stop) != (0, scene.n_samples):
        sound = windowed(sound, start, stop, n_samples(CUT_FADE_S, rate))
    if n_samples(shift_s, rate):
        sound = placed(sound, n_samples(shift_s, rate), scene.n_samples)
    if index is None:
        return replace(scene, bed=sound)
    source = replace(scene.sources[index], audio=sound)
    if path and not source.trajectory.is_static:
        times_s = source.trajectory.times_s + n_samples(shift_s, rate) / rate
        source = replace(source, trajectory=replace(source.trajectory, times_s=times_s))
    return with_source(scene, index, source)


def replace_sound(
    scene: Scene,
    which: str | int,
    sound: Sound,
    *,
    at_s: float = 0.0,
    repeat: bool = False,
    keep_level: bool = False,
) -> Scene:
    """The scene with another sound for that source: at the scene's rate, from ``at_s`` on, cut at the scene's end or followed by
    silence, or with ``repeat`` again and again.

    Unless ``keep_level``, the source's gain makes the new sound as loud (BS.1770, integrated) as the old one was; where one of
    them is silent, the gain stays. InputError for a sound of several channels.
    """
    index = _source_index(scene, which, "replaced")
    if sound.layout.n_channels != 1:
        raise InputError(f"a source is mono, the new sound has {sound.layout.n_channels} channels: say which, or mix them")
    rate = scene.sample_rate_hz
    at = n_samples(at_s, rate) if math.isfinite(at_s) else -1
    if not 0 <= at < scene.n_samples:
        raise InputError(f"the new sound must begin within the scene, at 0 to {scene.duration_s:g} s, not at {at_s:g} s")
    if sound.sample_rate_hz != rate:
        sound = spooled(resampled(sound, rate), rate, MONO)
    left = scene.n_samples - at
    if sound.n_samples > left:
        sound = placed(windowed(sound, 0, left, n_samples(CUT_FADE_S, rate)), 0, left)
    # Before it is repeated or followed by silence, neither of which changes a gated loudness: hours need not be measured.
    change_db = 0.0 if keep_level else _louder_db(scene.sources[index].audio, sound)
    if repeat:
        filled = MixBuffer.of_length(left, rate)
        add_repeated(filled, sound, n_samples(REPEAT_OVERLAP_S, rate))
        sound = filled.sound
    source = replace(scene.sources[index], audio=placed(sound, at, scene.n_samples))
    return gain(with_source(scene, index, source), index + 1, by_db=change_db)


def _louder_db(old: Sound, new: Sound) -> float:
    """How much louder the old sound is in LU; 0 where one of them is silent."""
    from seehear.acoustics.loudness import integrated_lufs  # filters: not at start-up

    difference_db = integrated_lufs(old) - integrated_lufs(new)
    return difference_db if math.isfinite(difference_db) else 0.0
