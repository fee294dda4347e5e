"""What a checkpoint's preprocessor_config.json asks of a picture, done with pillow and numpy. Shapes: H W pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.io.files import read_json
from seehear.types import InputError


@dataclass(frozen=True)
class Preprocessing:
    """How a model wants its pictures: size, filter, and (scale * rgb - mean) / std."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float
    resample: int
    """Pillow's number of the filter: 2 bilinear, 3 bicubic."""
    longest_px: int | None = None
    """The longer side, aspect kept (SAM)."""
    height_px: int | None = None
    width_px: int | None = None
    keep_aspect: bool = False
    multiple_px: int = 1
    """Both sides are multiples of this."""


def read_preprocessing(folder: Path) -> Preprocessing:
    """The preprocessing of the checkpoint in ``folder``: preprocessor_config.json or what stands in for it.

    InputError when there is neither, or a number is missing.
    """
    found = {key: value for key, value in _image_processor(folder).items() if value is not None}
    try:
        mean, std = (tuple(map(float, found[key])) for key in ("image_mean", "image_std"))
        size = found["size"]
        size = {"height": size, "width": size} if isinstance(size, int) else size
        return Preprocessing(
            mean=mean if found.get("do_normalize", True) else (0.0, 0.0, 0.0),
            std=std if found.get("do_normalize", True) else (1.0, 1.0, 1.0),
            scale=float(found.get("rescale_factor", 1 / 255)) if found.get("do_rescale", True) else 1.0,
            resample=_filter(found.get("resample", 2)),
            longest_px=size.get("longest_edge"),
            height_px=size.get("height"),
            width_px=size.get("width"),
            keep_aspect=bool(found.get("keep_aspect_ratio", False)),
            multiple_px=int(found.get("ensure_multiple_of", 1)),
        )
    except KeyError as error:
        raise InputError(
            f"the preprocessor settings in {folder} need image_mean, image_std and size: {error} is missing"
        ) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"the preprocessor settings in {folder} hold a wrong value: {error}") from None


def _filter(number: Any) -> int:
    from PIL import Image as Pillow

    return int(Pillow.Resampling(number))


def _image_processor(folder: Path) -> dict[str, Any]:
    for name in ("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json"):
        path = folder / name
        if not path.is_file():
            continue
        found = read_json(path)
        if name != "processor_config.json":
            return found
        if "image_processor" in found:
            return found["image_processor"]
    raise InputError(f"{folder} has no preprocessor_config.json: how pictures must be prepared is unknown")


def resize(rgb: NDArray[np.uint8], height_px: int, width_px: int, resample: int) -> NDArray[np.uint8]:
    """``rgb`` (H, W, 3) at another size, by pillow's filter of that number."""
    from PIL import Image as Pillow

    return np.asarray(Pillow.fromarray(rgb).resize((width_px, height_px), Pillow.Resampling(resample)))


def normalise(rgb: NDArray[np.uint8], how: Preprocessing) -> NDArray[np.float32]:
    """(scale * rgb - mean) / std, channels first: (3, H, W)."""
    values = (rgb.astype(np.float32) * np.float32(how.scale) - np.float32(how.mean)) / np.float32(how.std)
    return np.ascontiguousarray(values.transpose(2, 0, 1))
