"""What any ADM file holds, as pure data."""

from __future__ import annotations

from dataclasses import dataclass

from seehear.io.adm.chna import TrackId


@dataclass(frozen=True, slots=True)
class AdmBlock:
    """An audioBlockFormat of an object: when it holds, and what it says at its end."""

    start_s: float | None
    duration_s: float | None
    """None with ``start_s``: as long as the object."""
    position: tuple[float, float, float]
    """Azimuth (+ left) and elevation in degrees, distance in that of the loudspeakers; if cartesian X right, Y front, Z up."""
    cartesian: bool
    gain: float
    width: float
    """Degrees, or a share of the room if cartesian; so are ``height``, and ``depth`` always."""
    height: float
    depth: float
    diffuse: float
    jump: bool


@dataclass(frozen=True)
class AdmChannel:
    """An audioChannelFormat; which fields say something depends on the type of its object."""

    id: str
    name: str
    speaker_label: str = ""
    """Of DirectSpeakers: the label of BS.2051."""
    azimuth_deg: float | None = None
    elevation_deg: float | None = None
    order: int | None = None
    """Of HOA, with ``degree`` and ``normalization``."""
    degree: int | None = None
    normalization: str = ""
    blocks: tuple[AdmBlock, ...] = ()
    """Of Objects."""


@dataclass(frozen=True)
class AdmTrack:
    """Which channel of the file, counted from 1, and what it is; 0 and None where the file does not say."""

    track: int
    uid: str
    channel: AdmChannel | None


@dataclass(frozen=True)
class AdmObject:
    """An audioObject: its name, its type, its pack and its tracks."""

    id: str
    name: str
    type: str
    """DirectSpeakers, Matrix, Objects, HOA, Binaural, or "" where nothing says it."""
    pack: str
    pack_id: str
    tracks: tuple[AdmTrack, ...]
    start_s: float | None = None
    duration_s: float | None = None
    gain: float = 1.0
    muted: bool = False
    absolute_distance_m: float | None = None
    """What a distance of 1 is, where the pack says it."""


@dataclass(frozen=True)
class AdmContents:
    """What an ADM file holds, and what is wrong with it in plain words."""

    programmes: tuple[str, ...]
    contents: tuple[str, ...]
    objects: tuple[AdmObject, ...]
    tracks: tuple[TrackId, ...]
    problems: tuple[str, ...]
