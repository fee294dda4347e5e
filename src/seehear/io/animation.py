"""Animated pictures (GIF, WebP, APNG, AVIF) as moving pictures with their real frame times, the last one's included."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image as Pillow

from seehear.io.files import PathLike
from seehear.io.image import is_animated, is_picture_file, open_pillow
from seehear.types import Video

_MIN_DELAY_S, _DEFAULT_DELAY_S = 0.02, 0.1
"""Browsers show frames that ask for less than 20 ms for 100 ms: such files were made when players were slow."""


def open_animation(path: PathLike) -> Video:
    """The facts of an animated picture, every frame decoded once; InputError where one is damaged."""
    with open_pillow(path) as picture:
        times_s = [end_s for _, end_s, _ in _moments(picture)]
        return Video(str(path), picture.width, picture.height, times_s[-1], len(times_s) / times_s[-1])


def animation_frames(path: PathLike) -> Iterator[tuple[float, Pillow.Image]]:
    """Start in seconds and composed picture of every frame, one in memory at a time; valid until the next one."""
    with open_pillow(path) as picture:
        for start_s, _, frame in _moments(picture):
            yield start_s, frame


def is_animation_file(path: PathLike) -> bool:
    """Whether the file is a picture with more than one moment."""
    if not is_picture_file(path):
        return False
    with open_pillow(path) as picture:
        return is_animated(picture)


def _moments(picture: Pillow.Image) -> Iterator[tuple[float, float, Pillow.Image]]:
    start_ms = 0.0  # milliseconds, as the files count: their sums are exact
    for index in range(picture.n_frames):  # type: ignore[attr-defined]
        picture.seek(index)
        picture.load()
        delay_ms = float(picture.info.get("duration") or 0)
        delay_ms = delay_ms if delay_ms >= 1000 * _MIN_DELAY_S else 1000 * _DEFAULT_DELAY_S
        yield start_ms / 1000, (start_ms + delay_ms) / 1000, picture
        start_ms += delay_ms
