"""An ambience from an ambisonic file: the scene's rate, length and level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.sphere import convert
from seehear.systems.spatialize.compose import EDGE_FADE_S, STILL_FADES_S
from seehear.systems.spatialize.sounding import Sighting
from seehear.types import Audio, InputError, Scene

OVERLAP_S = 2.0
"""A short file is repeated; its end fades into its beginning over this time, or over a quarter of it."""
LEVEL_DB = -12.0
"""Over the reference of stems: what an ambience of leaves or rain has, behind the placed sources."""


SHORTEST_S = 0.5
SILENT = 1e-6
"""A peak of W below this (-120 dBFS) has nothing that a level could be set by."""


def check_ambience(recorded: Audio, name: str) -> None:
    """InputError, naming the file, when there is too little sound in it to surround anybody with."""
    if recorded.duration_s < SHORTEST_S:
        raise InputError(f"{name} lasts {recorded.duration_s:.3g} s: an ambience needs {SHORTEST_S:g} s at least")
    if not np.abs(recorded.samples[0]).max() > SILENT:
        raise InputError(f"{name} is silent: its first channel, W, has nothing to set the level of the ambience by")


def with_ambience(scene: Scene, recorded: Audio, level_db: float, *, moves: bool) -> Scene:
    """``scene`` with an ambisonic recording around it, ``level_db`` over the usual ambience, faded as the stems are.

    A recording longer than the scene is cut at its end, a shorter one repeated. Its level is that of W.
    """
    from seehear.foley.level import reference_gain  # filters: not at start-up

    field = recorded.samples
    if recorded.convention not in ("", "acn-sn3d"):
        field = convert(field, recorded.convention, "acn-sn3d")
    if recorded.sample_rate_hz != scene.sample_rate_hz:
        import soxr

        field = soxr.resample(field.T, recorded.sample_rate_hz, scene.sample_rate_hz).T
    field = np.array(repeated(field, scene.n_samples, round(OVERLAP_S * scene.sample_rate_hz)), dtype=np.float32)
    field *= np.float32(reference_gain(field[0], scene.sample_rate_hz))
    for seconds, view in zip((EDGE_FADE_S, EDGE_FADE_S) if moves else STILL_FADES_S, (field, field[:, ::-1]), strict=True):
        n = min(round(seconds * scene.sample_rate_hz), scene.n_samples // 2)
        view[:, :n] *= (np.sin(0.5 * np.pi * (np.arange(n) + 0.5) / max(n, 1)) ** 2).astype(np.float32)
    bed = Audio(field, scene.sample_rate_hz, recorded.layout, "acn-sn3d")
    return replace(scene, bed=bed, bed_gain_db=LEVEL_DB + level_db)


def repeated(field: NDArray[np.float32], n_samples: int, overlap: int) -> NDArray[np.float32]:
    """``field`` (C, T) over ``n_samples``: its beginning, or itself again and again with cross-fades of equal power.

    The end and its beginning are taken for independent of each other, as those of an ambience are.
    """
    length = field.shape[1]
    if length >= n_samples:
        return field[:, :n_samples]
    overlap = min(overlap, length // 4)
    rise = np.sin(0.5 * np.pi * (np.arange(overlap) + 0.5) / max(overlap, 1)).astype(np.float32)
    out = np.zeros((len(field), n_samples), dtype=np.float32)
    for start in range(0, n_samples, length - overlap):
        piece = field.copy()
        if start > 0:
            piece[:, :overlap] *= rise
        if start + length < n_samples:
            piece[:, length - overlap :] *= rise[::-1]
        out[:, start : start + length] += piece[:, : n_samples - start]
    return out


def without_ambience(sighting: Sighting) -> Sighting:
    """``sighting`` without the ambience that was chosen for it."""
    return replace(sighting, objects=tuple(item for item in sighting.objects if item.origin != "ambience"))


def ambience_note(name: str, recorded: Audio, duration_s: float) -> str:
    """What became of the recording, for the report."""
    fitted = ""
    if recorded.duration_s < duration_s:
        fitted = f"; its {recorded.duration_s:.1f} s are repeated"
    elif recorded.duration_s > duration_s:
        fitted = f"; of its {recorded.duration_s:.1f} s the first {duration_s:.1f} s are heard"
    return f"The ambience is {name} ({recorded.layout.name}), in place of one chosen from the picture{fitted}."
