"""What a run starts from: the picture, its length, how it is seen, and an ambience, read and checked before any work."""

from __future__ import annotations

from dataclasses import dataclass
from math import radians
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.microphones import pixel_room
from seehear.systems.spatialize import Geometry, SpatializeOptions
from seehear.systems.spatialize.ambience import check_ambience
from seehear.systems.spatialize.options import LONGEST_S
from seehear.types import Image, InputError, Sound, Video
from seehear.verbs.outputs import OutputOptions

STILL_S = 10.0
Picture = str | Path | Image | NDArray[np.uint8]


@dataclass(frozen=True)
class Given:
    """What a run starts from, read and checked."""

    media: Image | Video
    duration_s: float
    geometry: Geometry
    ambience: Sound | None


def given_of(picture: Picture, wanted: SpatializeOptions, outputs: OutputOptions) -> Given:
    """All of it; InputError where a file, or an option for it, cannot be used."""
    media = read_picture(picture)
    duration_s = duration_of(media, wanted.seconds)
    _check_media(media, wanted, outputs)
    return Given(media, duration_s, _geometry(wanted, media, outputs.spherical), _ambience(wanted))


def read_picture(picture: Picture) -> Image | Video:
    """What there is to see in a file, an Image or an array; InputError where that cannot be used."""
    from seehear.io.image import check_size
    from seehear.io.video import read_media

    if isinstance(picture, str | Path):
        return read_media(picture)
    if not isinstance(picture, Image | np.ndarray):
        raise InputError(f"a picture is a path, an Image or a uint8 array (height, width, 3), got {type(picture).__name__}")
    image = picture if isinstance(picture, Image) else Image(np.ascontiguousarray(picture))
    check_size("the picture", image.width_px, image.height_px)
    return image


def _ambience(wanted: SpatializeOptions) -> Sound | None:
    """The ambisonic recording that --bed names, if it does."""
    from seehear.io.audio import open_ambisonics
    from seehear.io.layouts import ORDERS

    if not wanted.bed:
        return None
    recorded = open_ambisonics(wanted.bed, ORDERS[wanted.bed_order])
    check_ambience(recorded, wanted.bed)
    return recorded


def _check_media(media: Image | Video, wanted: SpatializeOptions, outputs: OutputOptions) -> None:
    """InputError where an option asks for what this picture does not have."""
    from seehear.io.spherical import check_sphere

    if outputs.keep_audio_db is not None and not (isinstance(media, Video) and media.has_audio):
        raise InputError("--keep-audio needs a video with sound: this picture has none")
    if outputs.spherical:
        check_sphere(media.width_px, media.height_px)
    aspect = media.width_px / media.height_px
    if wanted.equirectangular and not 1.8 <= aspect <= 2.2:
        raise InputError(f"an equirectangular picture is twice as wide as high, this one is {aspect:.2f} times as wide")


def duration_of(media: Image | Video, seconds: float | None) -> float:
    """The length of what is made: as asked, else that of a video, 10 s of a still. InputError for more than a video has."""
    if isinstance(media, Image):
        return STILL_S if seconds is None else seconds
    if seconds is None and media.duration_s > LONGEST_S:  # damaged files may claim to last for days
        raise InputError(f"the video says it lasts {media.duration_s:.0f} s: give --seconds of at most {LONGEST_S}")
    if seconds is not None and seconds > media.duration_s + 1 / media.frame_rate_hz:
        raise InputError(f"--seconds {seconds:g} is longer than the video, which lasts {media.duration_s:.2f} s")
    return media.duration_s if seconds is None else min(seconds, media.duration_s)


def _geometry(wanted: SpatializeOptions, media: Image | Video, spherical: bool) -> Geometry:
    """How it is seen; a sphere is one for the eyes too, unless a field of view is told."""
    if wanted.geometry == "paper":
        pixel_room(media.width_px, media.height_px)  # refuses a picture that is too small before any work
        return Geometry(pixels=(media.width_px, media.height_px))
    fov_rad = None if wanted.fov_deg is None else radians(wanted.fov_deg)
    told = (spherical or (isinstance(media, Video) and media.equirectangular)) and fov_rad is None
    return Geometry(fov_rad, wanted.equirectangular or told, wanted.near_m, wanted.far_m)


def panorama_notes(media: Image | Video, wanted: SpatializeOptions, geometry: Geometry, picture: Image) -> list[str]:
    """Says that a video's own word was taken for a panorama, or that a picture looks like one."""
    from seehear.vision.panorama import looks_like_panorama

    if geometry.equirectangular and not wanted.equirectangular and isinstance(media, Video) and media.equirectangular:
        return ["The file says that it is a 360-degree equirectangular video, and is heard as one (--fov says otherwise)."]
    is_asked = geometry.equirectangular or geometry.pixels is not None or wanted.fov_deg is not None
    if is_asked or not looks_like_panorama(picture):
        return []
    kind = "video" if isinstance(media, Video) else "picture"
    return [f"This {kind} looks like a 360-degree panorama: --equirectangular hears it from all around."]
