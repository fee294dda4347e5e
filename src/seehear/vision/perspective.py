"""Straight lines, the point where most of them meet, and the horizon through it.

Parallel lines of the world meet in one point of the picture; that of level lines lies on the horizon, and things near it
are far away. Shapes: h w pixels of a small picture, N segments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray

_SECTORS = 8
_MIN_GRADIENT = 3.0
"""Lightness (L*) per pixel from which a pixel can belong to an edge."""
_MIN_LENGTH = 0.06
"""Of the picture's diagonal."""
_SLENDER = 4.0
_LONGEST = 80
"""So many segments propose points: 3160 pairs."""
_UPRIGHT_RAD = math.radians(12)
"""Nearer the vertical than this, a line is taken for an upright edge, whose vanishing point says nothing about depth."""
_LEVEL_RAD = math.radians(4)
"""Nearer the horizontal, two lines meet too far away to tell where."""
_AGREES_RAD = math.radians(2.5)


@dataclass(frozen=True)
class VanishingPoint:
    """Where receding lines meet, in shares of the picture's width and height, and the weight of the evidence."""

    x: float
    y: float
    support: float
    """0 to 1: total length of the agreeing lines, compared with the picture's diagonal, that lead from different sides."""


def line_segments(lightness: NDArray[np.float32]) -> FloatArray:
    """Straight edges (N, 4) as x0, y0, x1, y1 in pixels of a lightness picture (h, w) in L*, longest first.

    Line-support regions of Burns, Hanson & Riseman, "Extracting Straight Lines", PAMI 1986: connected pixels whose gradients
    point into one sector, for two sets of sectors shifted by half of one; each region's line is the principal axis of its
    pixels weighted by gradient magnitude. A line of length L has the variance L^2 / 12.
    """
    from scipy.ndimage import gaussian_filter, label

    smooth = gaussian_filter(lightness.astype(np.float32), 0.7)
    dy, dx = np.gradient(smooth)
    strength, angle = np.hypot(dx, dy), np.arctan2(dy, dx) / (2 * math.pi) * _SECTORS
    strong = strength > _MIN_GRADIENT
    found = []
    for shift in (0.0, 0.5):
        sector = np.floor(angle + shift).astype(int) % _SECTORS
        parts, n = np.zeros(lightness.shape, np.intp), 0
        for k in range(_SECTORS):
            own, count = label(strong & (sector == k), np.ones((3, 3)))  # type: ignore[misc]
            parts[own > 0] = own[own > 0] + n
            n += count
        found.append(_axes(parts, strength, n))
    segments = np.concatenate(found)
    long = np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1])
    return segments[np.argsort(-long)]


def _axes(parts: NDArray[np.intp], strength: NDArray, n: int) -> FloatArray:
    """Ends (N, 4) of the slender and long ones among ``n`` parts (labels from 1)."""
    rows, columns = np.nonzero(parts)
    owner, weight = parts[rows, columns] - 1, strength[rows, columns].astype(float)
    x, y = columns + 0.5, rows + 0.5
    total = np.maximum(np.bincount(owner, weight, n), 1e-9)
    mx, my = (np.bincount(owner, weight * v, n) / total for v in (x, y))
    xx, yy, xy = (np.bincount(owner, weight * v, n) / total for v in (x * x, y * y, x * y))
    xx, yy, xy = xx - mx**2, yy - my**2, xy - mx * my
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    length, width = np.sqrt(12 * (middle + half)), np.sqrt(12 * np.maximum(middle - half, 1 / 12))
    turn = 0.5 * np.arctan2(2 * xy, xx - yy)
    keep = (length > _MIN_LENGTH * math.hypot(*parts.shape)) & (length > _SLENDER * width)
    dx, dy = 0.5 * length * np.cos(turn), 0.5 * length * np.sin(turn)
    return np.stack([mx - dx, my - dy, mx + dx, my + dy], axis=-1)[keep]


def vanishing_point(segments: FloatArray, height: int, width: int) -> VanishingPoint:
    """Where the receding ones among ``segments`` (N, 4) meet; support 0 and the middle of the picture without evidence.

    Each pair of the longest segments proposes its intersection; a segment agrees if it points there within 2.5 degrees.
    Unlike RANSAC nothing is drawn at random: all pairs are tried. A point counts only by the weaker of two bundles:
    lines that come from its left and from its right (or above and below), so that one set of parallel lines is no evidence.
    """
    nothing = VanishingPoint(0.5, 0.5, 0.0)
    dx, dy = segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1]
    slope = np.abs(np.arctan2(dy, dx))
    slope = np.minimum(slope, math.pi - slope)
    receding = segments[(slope < math.pi / 2 - _UPRIGHT_RAD) & (slope > _LEVEL_RAD)][:_LONGEST]
    if len(receding) < 3:
        return nothing
    ends = [np.concatenate([receding[:, k : k + 2], np.ones((len(receding), 1))], axis=1) for k in (0, 2)]
    lines = np.cross(ends[0], ends[1])
    i, j = np.triu_indices(len(receding), 1)
    meeting = np.cross(lines[i], lines[j])
    finite = np.abs(meeting[:, 2]) > 1e-9
    points = meeting[finite, :2] / meeting[finite, 2:]
    inside = (np.abs(points[:, 0] / width - 0.5) < 1.0) & (np.abs(points[:, 1] / height - 0.5) < 0.6)
    points = points[inside]
    if not len(points):
        return nothing
    support = _support(points, receding) / math.hypot(height, width)
    best = int(support.argmax())
    return VanishingPoint(float(points[best, 0] / width), float(points[best, 1] / height), float(min(1.0, support[best])))


def _support(points: FloatArray, segments: FloatArray) -> FloatArray:
    """Length of the agreeing lines of the weaker direction (falling or rising) for each point (P,)."""
    middle = 0.5 * (segments[:, :2] + segments[:, 2:])
    along = segments[:, 2:] - segments[:, :2]
    length = np.linalg.norm(along, axis=1)
    to = points[:, None] - middle[None]
    away = np.linalg.norm(to, axis=2)
    sine = np.abs(to[..., 0] * along[:, 1] - to[..., 1] * along[:, 0]) / np.maximum(away * length, 1e-9)
    # a segment that goes on beyond the point does not recede to it
    agrees = (sine < math.sin(_AGREES_RAD)) & (away > 0.45 * length)
    rising = along[:, 0] * along[:, 1] < 0
    return np.minimum((agrees * length * rising).sum(axis=1), (agrees * length * ~rising).sum(axis=1))
