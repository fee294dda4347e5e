"""Which region is a part of which: a rider on a horse, a window in a house. Shapes: R regions, H W pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seehear.types import Region

PART_SHARE = 0.8
"""Share of a part's pixels that lie in its whole."""


def nesting(regions: Sequence[Region]) -> list[int | None]:
    """Index of the smallest larger region that each of ``regions`` is a part of; None for what is a whole itself.

    A part has at least 80 % of its pixels inside the whole. Of two regions with one mask the later is the part of the
    earlier.
    """
    if not regions:
        return []
    shared = shared_pixels(regions)
    area = np.diag(shared)
    parents: list[int | None] = []
    for i in range(len(regions)):
        larger = (area > area[i]) | ((area == area[i]) & (np.arange(len(regions)) < i))
        wholes = np.flatnonzero(larger & (shared[i] >= PART_SHARE * area[i]))
        parents.append(int(wholes[area[wholes].argmin()]) if wholes.size else None)
    return parents


def shared_pixels(regions: Sequence[Region]) -> NDArray[np.float64]:
    """Pixels (R, R) that two regions share; the diagonal holds their areas."""
    masks = np.stack([region.mask.ravel() for region in regions]).astype(np.float32)
    return (masks @ masks.T).astype(float)


def is_part(part: Region, whole: Region) -> bool:
    """Whether ``part`` is no larger than ``whole`` and lies within it by at least 80 % of its pixels."""
    area = part.mask.sum()
    return bool(area <= whole.mask.sum() and (part.mask & whole.mask).sum() >= PART_SHARE * area)
