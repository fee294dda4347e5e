"""An ambience from an ambisonic file: the scene's rate, length and level."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.sphere import convert
from seehear.systems.spatialize.compose import EDGE_FADE_S, STILL_FADES_S
from seehear.systems.spatialize.mix_buffer import MixBuffer
from seehear.systems.spatialize.sounding import Sighting
from seehear.types import InputError, Scene, Sound, blocks
from seehear.types.sound import BLOCK_SAMPLES

OVERLAP_S = 2.0
"""A short file is repeated; its end fades into its beginning over this time, or over a quarter of it."""
LEVEL_DB = -12.0
"""Over the reference of stems: what an ambience of leaves or rain has, behind the placed sources."""


SHORTEST_S = 0.5
SILENT = 1e-6
"""A peak of W below this (-120 dBFS) has nothing that a level could be set by."""


def check_ambience(recorded: Sound, name: str) -> None:
    """InputError, naming the file, when there is too little sound in it to surround anybody with."""
    if recorded.duration_s < SHORTEST_S:
        raise InputError(f"{name} lasts {recorded.duration_s:.3g} s: an ambience needs {SHORTEST_S:g} s at least")
    if not any(np.abs(block[0]).max() > SILENT for block in blocks(recorded)):
        raise InputError(f"{name} is silent: its first channel, W, has nothing to set the level of the ambience by")


def with_ambience(scene: Scene, recorded: Sound, level_db: float, *, moves: bool) -> Scene:
    """``scene`` with an ambisonic recording around it, ``level_db`` over the usual ambience, faded as the stems are.

    A recording longer than the scene is cut at its end, a shorter one repeated. Its level is that of W. Of more than a
    minute both lie in temporary files; InputError when the disk is full.
    """
    from seehear.foley.level import gain_to_reference, momentary_lufs  # filters: not at start-up

    rate_hz = scene.sample_rate_hz
    bed = MixBuffer.of_length(scene.n_samples, rate_hz, recorded.layout, "acn-sn3d")
    add_repeated(bed, _fitted(recorded, rate_hz, scene.n_samples), round(OVERLAP_S * rate_hz))
    w = _FirstChannel(bed.sound)
    peak = max(float(np.abs(block[0]).max()) for block in blocks(bed.sound))
    gain = 1.0 if peak == 0 else gain_to_reference(momentary_lufs(w, rate_hz), peak)  # type: ignore[arg-type]
    for start in range(0, scene.n_samples, BLOCK_SAMPLES):
        bed.scale(start, np.full(min(BLOCK_SAMPLES, scene.n_samples - start), gain, np.float32))
    fade_in, fade_out = (
        min(round(seconds * rate_hz), scene.n_samples // 2) for seconds in ((EDGE_FADE_S,) * 2 if moves else STILL_FADES_S)
    )
    bed.scale(0, _rise(fade_in, 2))
    bed.scale(scene.n_samples - fade_out, _rise(fade_out, 2)[::-1])
    return replace(scene, bed=bed.sound, bed_gain_db=LEVEL_DB + level_db)


@dataclass(frozen=True)
class _FirstChannel:
    """The first channel of a sound, as what has a length and slices."""

    sound: Sound

    def __len__(self) -> int:
        return self.sound.n_samples

    def __getitem__(self, span: slice) -> NDArray[np.float32]:
        return self.sound.read(span.start, min(span.stop, len(self)))[0]


def _fitted(recorded: Sound, rate_hz: int, n_samples: int) -> Sound:
    """``recorded`` in AmbiX at a rate, as much of it as ``n_samples`` need."""
    from seehear.io.resampling import resampled

    if recorded.sample_rate_hz == rate_hz and recorded.convention in ("", "acn-sn3d"):
        return recorded
    length = min(round(recorded.n_samples * rate_hz / recorded.sample_rate_hz), n_samples)
    field, start = MixBuffer.of_length(length, rate_hz, recorded.layout, "acn-sn3d"), 0
    for block in resampled(recorded, rate_hz):
        part = block[:, : length - start]
        known = recorded.convention in ("", "acn-sn3d")
        field.add(start, part if known else convert(part, recorded.convention, "acn-sn3d"))
        start += part.shape[1]
        if start == length:
            break
    return field.sound


def add_repeated(bed: MixBuffer, field: Sound, overlap: int) -> None:
    """Fills ``bed`` with ``field``: its beginning, or itself again and again with cross-fades of equal power.

    The end and its beginning are taken for independent of each other, as those of an ambience are.
    """
    length, total = field.n_samples, bed.sound.n_samples
    overlap = min(overlap, length // 4)
    rise = _rise(overlap, 1)
    for start in range(0, total, length - overlap if length < total else total):
        for at in range(0, min(length, total - start), BLOCK_SAMPLES):
            part = field.read(at, min(at + BLOCK_SAMPLES, length, total - start)).copy()
            stop = at + part.shape[1]
            if start > 0 and at < overlap:
                part[:, : overlap - at] *= rise[at : min(stop, overlap)]
            if length < total and start + length - overlap < total and stop > length - overlap:
                first = max(length - overlap, at)
                part[:, first - at :] *= rise[::-1][first - length + overlap : stop - length + overlap]
            bed.add(start + at, part)


def _rise(n: int, power: int) -> NDArray[np.float32]:
    """The beginning of a fade (n,): sin^power of a quarter turn."""
    return (np.sin(0.5 * np.pi * (np.arange(n) + 0.5) / max(n, 1)) ** power).astype(np.float32)


def without_ambience(sighting: Sighting) -> Sighting:
    """``sighting`` without the ambience that was chosen for it."""
    return replace(sighting, objects=tuple(item for item in sighting.objects if item.origin != "ambience"))


def ambience_note(name: str, recorded: Sound, duration_s: float) -> str:
    """What became of the recording, for the report."""
    fitted = ""
    if recorded.duration_s < duration_s:
        fitted = f"; its {recorded.duration_s:.1f} s are repeated"
    elif recorded.duration_s > duration_s:
        fitted = f"; of its {recorded.duration_s:.1f} s the first {duration_s:.1f} s are heard"
    return f"The ambience is {name} ({recorded.layout.name}), in place of one chosen from the picture{fitted}."
