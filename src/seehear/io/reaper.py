"""A scene as a REAPER project: a track per stem, in sync, at its gain, panned to where it is, with its positions as notes.

The format is text: chunks between ``<NAME`` and ``>``, a line per property. Facts: Cockos' State Chunk Definitions
(wiki.cockos.com) and the ReaTeam documentation. Envelope points are (seconds, value, shape 0 = linear); a pan of +1 is left in
an envelope, -1 on the fader; in the mode Trim/Read fader and volume envelope multiply. Nothing needs a plug-in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

import numpy as np

from seehear.io.files import PathLike, whole_file
from seehear.io.scene.stems import Stem
from seehear.io.scene.writing import as_degrees
from seehear.types import NEAREST_M, Direction, FloatArray, InputError, Scene, Sound, Source, Trajectory

_PAN_LAW = 10 ** (-3 / 20)
"""Gain of each speaker for what is in the middle: constant power."""
_STEP_DEG = 5.0
"""Between two points of a trajectory the pan follows the arc in steps of this size."""
_MAX_NOTED = 1000
_FORMATS = {".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS", ".opus": "OPUS"}


def write_reaper(path: PathLike, scene: Scene, *, force: bool = False) -> None:
    """Nothing; ``path`` then holds the project, which refers to the stems by relative paths.

    Track volume is the gain where the source is nearest, by the distance law; for what moves, an envelope holds the rest. Pan
    is how far left the direction points (sin of the azimuth times cos of the elevation). The room is not in it. The bed is on a
    track of its own that does not reach the master, since only an ambisonic decoder makes it heard.
    InputError for a stem that lies in no file.
    """
    folder = Path(path).parent.resolve()
    lines = _indented(_project(scene, folder))
    with whole_file(path, force) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _indented(lines: Iterator[str]) -> Iterator[str]:
    depth = 0
    for line in lines:
        depth -= line == ">"
        yield "  " * depth + line
        depth += line.startswith("<")


def _project(scene: Scene, folder: Path) -> Iterator[str]:
    n_bed = 0 if scene.bed is None else scene.bed.layout.n_channels
    yield '<REAPER_PROJECT 0.1 "7.0/seehear" 0'
    yield from _notes("<NOTES 0 2", _about(scene))
    yield "RIPPLE 0"
    yield "AUTOXFADE 0"
    yield f"PANLAW {_PAN_LAW:.8f}"
    yield f"SAMPLERATE {scene.sample_rate_hz} 1 0"
    yield "TEMPO 120 4 4"
    yield f"SELECTION 0 {scene.duration_s!r}"
    yield f"MASTER_NCH {_even(n_bed)} 2"
    yield "MASTER_VOLUME 1 0 -1 -1 1"
    for source in scene.sources:
        yield from _track(source, scene.duration_s, folder)
    if scene.bed is not None:
        yield from _bed_track(scene, scene.bed, folder)
    yield ">"


def _even(n_channels: int) -> int:
    """REAPER's tracks have an even number of channels."""
    return max(2, n_channels + n_channels % 2)


def _about(scene: Scene) -> Iterator[str]:
    yield "A seehear scene. Azimuth is counter-clockwise from the front (left is +90 degrees), elevation is up."
    yield "Volume is gain and distance, pan is how far left or right it is. Room, back and height are not in it:"
    yield "`seehear render` makes loudspeaker, headphone and ambisonic sound of the scene."
    if scene.bed is not None:
        yield "The track 'bed' is AmbiX (ACN, SN3D) and does not reach the master: put an ambisonic decoder on it."


def _track(source: Source, duration_s: float, folder: Path) -> Iterator[str]:
    path = source.trajectory
    moves = not (source.is_bed or path.is_static)
    times_s = _times_s(path, duration_s) if moves else path.times_s[:1]
    directions, distances_m = path.at(times_s)
    heard_m = np.maximum(distances_m, NEAREST_M)
    gain = 10 ** (source.gain_db / 20) / (1.0 if source.is_bed else float(heard_m.min()))
    pan = 0.0 if source.is_bed or moves else -float(directions[0, 1])
    yield from _track_head(source.label, gain, pan, source.muted, 2, to_master=True)
    if moves:
        yield from _envelope("VOLENV2", times_s, heard_m.min() / heard_m)
        yield from _envelope("PANENV2", times_s, directions[:, 1])
    yield from _item(source.label, source.audio, duration_s, _positions(source), folder)
    yield ">"


def _bed_track(scene: Scene, bed: Sound, folder: Path) -> Iterator[str]:
    gain = 10 ** (scene.bed_gain_db / 20)
    yield from _track_head("bed", gain, 0.0, scene.bed_muted, _even(bed.layout.n_channels), to_master=False)
    about = iter([f"AmbiX, {bed.layout.n_channels} channels (ACN, SN3D): needs an ambisonic decoder"])
    yield from _item("bed", bed, scene.duration_s, about, folder)
    yield ">"


def _track_head(name: str, gain: float, pan: float, muted: bool, n_channels: int, *, to_master: bool) -> Iterator[str]:
    yield "<TRACK"
    yield f"NAME {_quoted(name)}"
    yield "AUTOMODE 0"
    yield f"VOLPAN {gain:.9g} {pan + 0.0:.9g} -1 -1 1"
    yield f"MUTESOLO {int(muted)} 0 0"
    yield f"NCHAN {n_channels}"
    yield f"MAINSEND {int(to_master)} 0"


def _item(name: str, sound: Sound, duration_s: float, notes: Iterator[str], folder: Path) -> Iterator[str]:
    if not isinstance(sound, Stem):
        raise InputError(f"the sound of {name!r} lies in no file: write the scene first")
    yield "<ITEM"
    yield "POSITION 0"
    yield f"LENGTH {duration_s!r}"
    yield "LOOP 0"
    yield "FADEIN 0 0 0"
    yield "FADEOUT 0 0 0"
    yield from _notes("<NOTES", notes)
    yield f"NAME {_quoted(name)}"
    yield "VOLPAN 1 0 1 -1"
    yield "SOFFS 0"
    yield f"<SOURCE {_FORMATS.get(sound.path.suffix.lower(), 'WAVE')}"
    yield f"FILE {_quoted(_relative(sound.path, folder))}"
    yield ">"
    yield ">"


def _relative(path: Path, folder: Path) -> str:
    """The path from the project's folder; the whole path where there is none (another drive)."""
    try:
        return PurePath(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.as_posix()


def _positions(source: Source) -> Iterator[str]:
    """A line per trajectory point, every n-th of very many."""
    if source.is_bed:
        yield "all around"
        return
    path = source.trajectory
    step = -(-len(path.times_s) // _MAX_NOTED)
    if step > 1:
        yield f"every {step}th of {len(path.times_s)} points: a CSV export has all"
    for time_s, vector, distance_m in zip(path.times_s[::step], path.directions[::step], path.distances_m[::step], strict=True):
        place = Direction.of(vector)
        azimuth_deg, elevation_deg = as_degrees(place.azimuth_rad), as_degrees(place.elevation_rad)
        yield f"{time_s:.3f} s: azimuth {azimuth_deg:.1f}, elevation {elevation_deg:.1f} deg, distance {distance_m:.2f} m"


def _times_s(path: Trajectory, duration_s: float) -> FloatArray:
    """Times of envelope points within the scene: those of the trajectory, and more on long arcs, which the pan follows."""
    cosines = np.clip(np.sum(path.directions[:-1] * path.directions[1:], axis=1), -1, 1)
    parts = np.maximum(np.ceil(np.degrees(np.arccos(cosines)) / _STEP_DEG), 1).astype(int)
    pieces = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(path.times_s, path.times_s[1:], parts, strict=False)]
    times_s = np.concatenate([[0.0], *pieces, path.times_s[-1:], [duration_s]])
    return np.unique(times_s[(times_s >= 0) & (times_s <= duration_s)])


def _envelope(name: str, times_s: FloatArray, values: FloatArray) -> Iterator[str]:
    yield f"<{name}"
    yield "ACT 1 -1"
    yield "VIS 1 1 1"
    yield "ARM 0"
    yield "DEFSHAPE 0 -1 -1"
    for time_s, value in zip(times_s, values, strict=True):
        yield f"PT {time_s:.9f} {value:.9g} 0"
    yield ">"


def _notes(head: str, lines: Iterator[str]) -> Iterator[str]:
    yield head
    yield from ("|" + " ".join(line.split()) for line in lines)
    yield ">"


def _quoted(text: str) -> str:
    """The text in those of REAPER's three quotes that it does not contain itself."""
    text = " ".join(text.split())
    quote = next((mark for mark in "\"'`" if mark not in text), "`")
    return quote + (text.replace("`", "'") if quote == "`" else text) + quote
