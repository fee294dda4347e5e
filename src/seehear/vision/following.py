"""One point of a moving picture, followed by what it looks like.

Shapes: F frames, H W pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seehear.types import Box, FloatArray, InputError

LEAST_LIKENESS = 0.6
"""Correlation of a patch with where it is found next, below which the point is lost."""
_LEAST_PX, _SHARE = 6, 8
"""Half a patch is half the box, but 6 pixels at least and an eighth of the picture at most; it may move as far between frames."""
_LEAST_CONTRAST = 1.5
"""Standard deviation of grey levels (of 255) that a patch needs to be told from its surroundings."""


def follow_middle(frames: NDArray[np.uint8], index: int, box: Box) -> FloatArray:
    """Where the middle of ``box`` in frame ``index`` is in every frame: x, y (F, 2) in pixels, NaN before and after it is lost.

    Normalised cross-correlation with the last sighting (Lewis, "Fast Normalized Cross-Correlation", 1995), forwards and backwards
    from ``index``, to the whole pixel. What has no contrast, or leaves the picture, is lost.
    """
    if frames.ndim != 4 or not 0 <= index < len(frames):
        raise InputError(
            f"frame {index} of {frames.shape} cannot be followed: (frames, height, width, 3) and one of them are needed"
        )
    grey = frames.astype(np.float32).mean(axis=-1)
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    smaller = min(grey.shape[1:])
    half = int(np.clip(min(box[2] - box[0], box[3] - box[1]) / 2, _LEAST_PX, max(_LEAST_PX, smaller // _SHARE)))
    path = np.full((len(frames), 2), np.nan)
    path[index] = middle
    for order in (range(index + 1, len(frames)), range(index - 1, -1, -1)):
        at = middle
        for k in order:
            before = k - 1 if order.step > 0 else k + 1
            found = _next(grey[before], grey[k], at, half, max(smaller // _SHARE, 2))
            if found is None:
                break
            path[k] = at = found
    return path


def _next(before: FloatArray, now: FloatArray, at: FloatArray, half: int, reach: int) -> FloatArray | None:
    """Where the patch about ``at`` is in the next picture, or None."""
    from skimage.feature import match_template

    column, row = (int(v) for v in np.floor(at))
    height, width = now.shape
    if not (half <= column < width - half and half <= row < height - half):
        return None
    patch = before[row - half : row + half + 1, column - half : column + half + 1]
    if patch.std() < _LEAST_CONTRAST:
        return None
    top, left = max(0, row - half - reach), max(0, column - half - reach)
    searched = now[top : row + half + reach + 1, left : column + half + reach + 1]
    likeness = match_template(searched, patch)
    best = np.unravel_index(int(likeness.argmax()), likeness.shape)
    if likeness[best] < LEAST_LIKENESS:
        return None
    return at + np.array([left + best[1] + half - column, top + best[0] + half - row])
