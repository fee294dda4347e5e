"""How the camera moved between two frames: a similarity (shift, zoom, roll) that most of the picture agrees on.

Coordinates are complex numbers: z = ((x - W / 2) + i (y - H / 2)) / W, so that a motion holds at any picture size.
Shapes: h w pixels of a small frame, F frames, N points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray, InputError

Lightness = NDArray[np.float32]
"""(h, w), 0 black to 100 white."""

_COARSEST_PX = 36
_STEPS_PER_LEVEL = 5
_TUKEY = 4.685
"""Residuals beyond so many standard deviations have no weight (95 % efficiency for Gaussian noise)."""
_LEAST_NOISE = 0.5
_RIDGE = 0.15
"""Squared gradient per pixel that is added to the normal equations: along a stripe, or on a wall, nothing moves."""
_BETTER = 0.9
_MAX_SHIFT = 0.35
"""Of the short side: a camera that pans faster between two frames is not followed."""
_MAX_ZOOM = 1.5


@dataclass(frozen=True)
class Similarity:
    """Where a point went: z' = turn z + shift."""

    turn: complex = 1.0
    """Zoom times the unit number of the roll (clockwise in the picture, as y points down)."""
    shift: complex = 0.0
    """In picture widths."""

    def after(self, first: Similarity) -> Similarity:
        """``first``, then this one."""
        return Similarity(self.turn * first.turn, self.turn * first.shift + self.shift)

    def inverse(self) -> Similarity:
        return Similarity(1 / self.turn, -self.shift / self.turn)

    def points(self, points_px: FloatArray, width_px: float, height_px: float) -> FloatArray:
        """Where points (N, 2) of a picture went."""
        x, y = np.asarray(points_px, dtype=float).reshape(-1, 2).T
        z = self.turn * ((x - 0.5 * width_px) + 1j * (y - 0.5 * height_px)) / width_px + self.shift
        return np.stack([z.real * width_px + 0.5 * width_px, z.imag * width_px + 0.5 * height_px], axis=-1)


STILL = Similarity()


@dataclass(frozen=True)
class CameraPath:
    """The camera over time: point z of the first frame is at ``turns[i] * z + shifts[i]`` in frame ``i``; a cut starts again."""

    times_s: FloatArray
    """(F,) increasing."""
    turns: NDArray[np.complex128]
    shifts: NDArray[np.complex128]
    """(F,) both, as in :class:`Similarity`; arrays, as an hour has 43 000 of them."""

    def between(self, start_s: float, stop_s: float) -> Similarity:
        """Where points of the frame at ``start_s`` are at ``stop_s`` (the nearest frames)."""
        if not len(self.times_s):
            return STILL
        first, last = (self._place(int(np.abs(self.times_s - time_s).argmin())) for time_s in (start_s, stop_s))
        return last.after(first.inverse())

    def within(self, part: slice) -> CameraPath:
        """The frames of ``part``."""
        return CameraPath(self.times_s[part], self.turns[part], self.shifts[part])

    def _place(self, index: int) -> Similarity:
        return Similarity(complex(self.turns[index]), complex(self.shifts[index]))

    @classmethod
    def of_steps(cls, times_s: Sequence[float], steps: Sequence[Similarity]) -> CameraPath:
        """The path whose ``steps[i]`` leads from frame ``i - 1`` to frame ``i`` (``steps[0]`` is not used)."""
        places = list(accumulate(steps[1:], lambda place, step: step.after(place), initial=STILL))[: len(times_s)]
        turns, shifts = (np.array([getattr(place, each) for place in places], complex) for each in ("turn", "shift"))
        return cls(np.asarray(times_s, dtype=float), turns, shifts)


NO_PATH = CameraPath(np.zeros(0), np.zeros(0, complex), np.zeros(0, complex))
"""A camera that stands still, or of which nothing is known."""


def lightness(rgb: NDArray[np.uint8]) -> Lightness:
    """Rec. 709 luma (h, w) of a small sRGB frame, 0 to 100."""
    return (rgb @ (np.array([0.2126, 0.7152, 0.0722], np.float32) * np.float32(100 / 255))).astype(np.float32)


def camera_motion(before: Lightness, now: Lightness, *, wraps: bool = False) -> Similarity:
    """Where the points of ``before`` are in ``now``, as most of the picture tells; still where that is nothing.

    Robust multi-resolution fit of a parametric motion (Odobez & Bouthemy 1995): Gauss-Newton steps on the difference of
    lightness with Tukey weights and an offset of brightness, coarse to fine, from the shift of phase correlation where
    that agrees better than none. With ``wraps`` (equirectangular) the camera only turns about its upright axis.
    """
    if before.shape != now.shape:
        raise InputError(f"frames must have one size, got {before.shape} and {now.shape}")
    if min(np.ptp(before), np.ptp(now)) < 1:  # black
        return STILL
    start = _phase_shift(before, now, wraps)
    if wraps:
        return start
    levels = [(before, now)]
    while levels[-1][0].shape[1] > 2 * _COARSEST_PX and min(levels[-1][0].shape) > 16:
        levels.append(tuple(_halved(x) for x in levels[-1]))  # type: ignore[arg-type]
    motion = start
    for a, b in levels[::-1]:
        for _ in range(_STEPS_PER_LEVEL):
            motion, moved_px = _improved(a, b, motion)
            if moved_px < 0.02:
                break
    lost = abs(motion.shift) * now.shape[1] > _MAX_SHIFT * min(now.shape) or not 1 / _MAX_ZOOM < abs(motion.turn) < _MAX_ZOOM
    return start if lost or _cost(before, now, motion) > _cost(before, now, start) else motion


def moved(picture: NDArray[np.floating], motion: Similarity, *, wraps: bool = False) -> NDArray[np.float32]:
    """``picture`` (h, w) or (h, w, 3) as it looks after ``motion``; NaN where nothing is known."""
    if motion == STILL:
        return picture.astype(np.float32)
    from scipy.ndimage import affine_transform, shift

    if wraps:
        columns = motion.shift.real * picture.shape[1]
        offset = (0.0, columns, 0.0)[: picture.ndim]
        return shift(picture, offset, order=1, mode="grid-wrap").astype(np.float32)
    back = motion.inverse()
    height, width = picture.shape[:2]
    c, s = back.turn.real, back.turn.imag
    matrix = np.array([[c, s], [-s, c]])  # rows and columns: y' = c y + s x, x' = c x - s y
    centre = np.array([0.5 * height - 0.5, 0.5 * width - 0.5])
    offset = centre - matrix @ centre + width * np.array([back.shift.imag, back.shift.real])
    if picture.ndim == 2:
        return affine_transform(picture, matrix, offset, order=1, cval=np.nan, output=np.float32).astype(np.float32, copy=False)
    parts = [affine_transform(picture[..., i], matrix, offset, order=1, cval=np.nan, output=np.float32) for i in range(3)]
    return np.stack(parts, axis=-1).astype(np.float32, copy=False)


def _phase_shift(before: Lightness, now: Lightness, wraps: bool) -> Similarity:
    """The global shift by phase correlation, if it makes most of the picture agree better; else it is that of a large thing."""
    from skimage.registration import phase_cross_correlation

    # The window hides the picture's edges, which stay where they are when the camera turns.
    height, width = now.shape
    window = np.hanning(height)[:, None] * (1.0 if wraps else np.hanning(width))
    a, b = ((x - x.mean()) * window for x in (now, before))
    rows, columns = phase_cross_correlation(a, b, upsample_factor=4 if wraps else 1)[0]
    motion = Similarity(shift=complex(columns, 0 if wraps else rows) / width)
    small = max(abs(rows), 0 if wraps else abs(columns)) <= _MAX_SHIFT * min(height, width)
    if motion == STILL or not small or (wraps and abs(rows) > 1):
        return STILL
    rests = []
    for each in (STILL, motion):
        rest = now - moved(before, each, wraps=wraps)
        rests.append(float(np.nanmedian(np.abs(rest - np.nanmedian(rest)))))
    return motion if rests[1] < _BETTER * rests[0] else STILL


def _halved(x: Lightness) -> Lightness:
    """Area-averaged to half the size, an odd last row or column left out."""
    height, width = (n // 2 for n in x.shape)
    return x[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean(axis=(1, 3))


def _improved(before: Lightness, now: Lightness, motion: Similarity) -> tuple[Similarity, float]:
    """``motion`` after one Gauss-Newton step, and how far that moved the picture's edge in pixels."""
    height, width = now.shape
    warped = moved(now, motion.inverse())  # now(W(z)) over the points z of before
    rest = warped - before
    gy, gx = np.gradient(warped, axis=0), np.gradient(warped, axis=1)
    known = np.isfinite(rest) & np.isfinite(gx) & np.isfinite(gy)
    if known.sum() < 0.2 * known.size:
        return motion, 0.0
    y, x = np.nonzero(known)
    x, y = x + 0.5 - 0.5 * width, y + 0.5 - 0.5 * height
    gx, gy, rest = gx[known], gy[known], rest[known]
    rest = rest - np.median(rest)
    scale = _TUKEY * max(_LEAST_NOISE, 1.4826 * float(np.median(np.abs(rest))))
    weights = np.clip(1 - (rest / scale) ** 2, 0, None) ** 2
    jacobian = np.stack([(gx * x + gy * y) / width, (gy * x - gx * y) / width, gx, gy, np.ones_like(gx)], axis=-1)
    normal = (weights[:, None] * jacobian).T @ jacobian + _RIDGE * len(rest) * np.diag([1, 1, 1, 1, 0.1])
    zoom, roll, dx, dy, _ = -np.linalg.solve(normal, (weights * rest) @ jacobian)
    step = Similarity(1 + complex(zoom, roll) / width, complex(dx, dy) / width)
    return motion.after(step), float(np.hypot(dx, dy) + 0.5 * np.hypot(zoom, roll))


def _cost(before: Lightness, now: Lightness, motion: Similarity) -> float:
    """Mean absolute rest, limited so that what moves by itself counts little."""
    rest = now - moved(before, motion)
    return float(np.nanmean(np.minimum(np.abs(rest - np.nanmedian(rest)), 5.0)))
