"""Pictures: any common file to upright 8-bit sRGB. Transparency is laid on white, as pages and viewers show it."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps, UnidentifiedImageError

from seehear.io.files import PathLike, check_input
from seehear.types import Image, InputError

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "QOI", "TIFF", "WEBP")
"""What pillow may open: rasters only, recognised by their content; none that start another program or guess."""
ANIMATED_FORMATS = ("AVIF", "GIF", "PNG", "WEBP")
"""Of these, the ones whose frames are moments (the frames of a TIFF or MPO are pages and views)."""

MIN_SIDE_PX = 16
MAX_ASPECT = 32
MAX_PIXELS = 178_956_970
"""Pillow's own limit against decompression bombs: half a gigabyte of RGB."""

_STRIP_PX = 256
_EXIF_IFD, _FOCAL_LENGTH_35MM = 0x8769, 0xA405
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    TypeError,
    RuntimeError,
    OverflowError,
    struct.error,
    zlib.error,
)
"""What pillow's decoders raise on damaged data (found by corrupting files)."""


def read_image(path: PathLike) -> Image:
    """The picture in a file: upright uint8 sRGB (H, W, 3) and its 35 mm-equivalent focal length; of an animation the first frame.

    EXIF orientation is applied, transparency laid on white, an embedded colour profile turned to sRGB, more than 8 bits scaled.
    InputError: missing, empty, damaged or unknown file, a side under 16 px, an aspect over 32, more than 178 megapixels.
    """
    with warnings.catch_warnings(action="ignore"), open_pillow(path) as picture:  # of odd metadata: what can be read is read
        picture.load()
        focal_35mm = _focal_35mm(picture)
        _turn_upright(picture)
        return Image(to_rgb(picture), focal_35mm)


@contextlib.contextmanager
def open_pillow(path: PathLike) -> Iterator[Pillow.Image]:
    """The opened, not yet decoded picture; a decoding error inside the block becomes an InputError that names the file."""
    path = check_input(path)
    try:
        with _open(path) as picture:
            check_size(path, picture.width, picture.height)
            yield picture
    except InputError:
        raise
    except UnidentifiedImageError:
        what = file_hint(path) or "its content is of no known format"
        raise InputError(f"{path} is not a picture that can be read: {what}") from None
    except Pillow.DecompressionBombError:
        raise InputError(f"{path} has more than {MAX_PIXELS / 1e6:.0f} megapixels") from None
    except _BROKEN as error:
        raise InputError(f"{path} is damaged or truncated ({' '.join(str(error).split()) or type(error).__name__})") from None


def is_picture_file(path: PathLike) -> bool:
    """Whether pillow knows the file's content, animated or not."""
    try:
        with _open(path):
            return True
    except UnidentifiedImageError:
        return False
    except (Pillow.DecompressionBombError, *_BROKEN):
        return True


def _open(path: PathLike) -> Pillow.Image:
    Pillow.init()  # loads pillow's readers; it does so itself only when asked for any format
    with warnings.catch_warnings(action="ignore", category=Pillow.DecompressionBombWarning):  # the limit here is ours
        return Pillow.open(path, formats=FORMATS)


def check_size(path: PathLike, width_px: int, height_px: int) -> None:
    """Nothing, or an InputError for a picture too small, too elongated or too large to look at."""
    if min(width_px, height_px) < MIN_SIDE_PX:
        raise InputError(f"{path} is {width_px} x {height_px} px: both sides must be at least {MIN_SIDE_PX} px")
    if max(width_px, height_px) > MAX_ASPECT * min(width_px, height_px):
        raise InputError(f"{path} is {width_px} x {height_px} px: one side may be at most {MAX_ASPECT} times the other")
    if width_px * height_px > MAX_PIXELS:
        raise InputError(f"{path} has {width_px * height_px / 1e6:.0f} megapixels, more than {MAX_PIXELS / 1e6:.0f}")


def is_animated(picture: Pillow.Image) -> bool:
    """Whether an opened picture has more than one moment."""
    return picture.format in ANIMATED_FORMATS and getattr(picture, "n_frames", 1) > 1


def to_rgb(picture: Pillow.Image) -> NDArray[np.uint8]:
    """8-bit sRGB (H, W, 3) of any pillow mode, transparency on white."""
    picture.load()
    if picture.mode.startswith(("I", "F")):
        picture = Pillow.fromarray(_grey_8_bit(picture))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        page = Pillow.new("RGBA", picture.size, "white")
        page.alpha_composite(picture)
        page.info["icc_profile"] = picture.info.get("icc_profile")
        picture = page
    return _array(_to_srgb(picture))


def _array(picture: Pillow.Image) -> NDArray[np.uint8]:
    """The pixels (H, W, 3), copied in strips: pillow's own conversion holds a large picture three times."""
    rgb = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, _STRIP_PX):
        bottom = min(top + _STRIP_PX, picture.height)
        rgb[top:bottom] = np.asarray(picture.crop((0, top, picture.width, bottom)))
    return rgb


def _grey_8_bit(picture: Pillow.Image) -> NDArray[np.uint8]:
    """8-bit grey of a 16- or 32-bit or floating-point picture, by the smallest usual white that holds its maximum."""
    values = np.asarray(picture).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("pixels that are not numbers")
    whites = (1.0, 255.0, 65535.0, 2.0**32 - 1) if picture.mode == "F" else (65535.0, 2.0**32 - 1)
    white = next((white for white in whites if values.max() <= white), values.max())
    return np.rint(values.clip(0) * (255 / white)).astype(np.uint8)


def _to_srgb(picture: Pillow.Image) -> Pillow.Image:
    """RGB by the embedded colour profile if there is a usable one, else by pillow's plain conversion."""
    profile = picture.info.get("icc_profile")
    if profile and picture.mode in ("RGB", "RGBA", "CMYK", "L"):
        source = picture.convert("RGB") if picture.mode == "RGBA" else picture
        try:
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(source, ImageCms.ImageCmsProfile(io.BytesIO(profile)), srgb, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a damaged profile, or one for another mode: the plain conversion is what viewers show then
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _turn_upright(picture: Pillow.Image) -> None:
    """Turns and mirrors the picture in place as its EXIF orientation says; not at all where the EXIF data is damaged."""
    with contextlib.suppress(*_BROKEN):
        ImageOps.exif_transpose(picture, in_place=True)


def _focal_35mm(picture: Pillow.Image) -> float | None:
    """EXIF FocalLengthIn35mmFilm in mm; None where absent, zero (EXIF's "unknown") or damaged."""
    try:
        focal = float(picture.getexif().get_ifd(_EXIF_IFD).get(_FOCAL_LENGTH_35MM, 0))
    except (*_BROKEN, ZeroDivisionError):
        return None
    return focal if 1 <= focal <= 10_000 else None


def file_hint(path: Path) -> str:
    """What to do about a picture file of a kind that is known but not supported; empty for any other file."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
        return "HEIC is not supported, save it as JPEG or PNG first"
    return ""
