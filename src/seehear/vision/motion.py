"""How much things move by themselves, over time: motion energy without the camera's part, its onsets and its period.

Shapes: F frames at about 12 per second, h w pixels of a small frame, r c cells of a motion map, K sightings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import Box, FloatArray
from seehear.vision.egomotion import NO_PATH, CameraPath, Lightness, Similarity, moved

CELL_PX = 4
"""Side of a cell of a motion map."""
UNIT = 0.2
"""A count of a motion map in percent of white: 255 counts hold all that moves at all softly."""
_NOISES = 2.0
_LEAST_CHANGE = 0.4
_MOST_NOISE = 1.0
"""What changes by twice the noise and 0.4 percent of white has moved. The noise is the 20th percentile of the changes, as a
fifth of most pictures stands still; what fills the picture, like the sea, is not taken for more than 1 percent of noise."""
_RESAMPLED = 0.5
"""Linear interpolation errs by no more than this share of the range around a pixel."""
_CUT_CHANGE = 6.0
"""Where the median change is larger, in percent of white, a cut or a flash is seen and not motion."""
_MARGIN = 0.15
"""A thing moves a little beyond its box: its limbs, its splashes."""
LEAST_ENERGY = 0.25
"""Mean motion of a thing, in percent of white, below which it stands still."""
_REST_S = 0.4
_LEAST_GAP_S = 0.25
"""Two onsets are at least so far apart."""
_CONTRAST = 3.0
"""Moments of motion are so many times stronger than the usual, else there is no clear event."""
_PERIODS_S = (0.28, 0.9)
"""Steps, hoofbeats and strokes per second lie within 1.1 to 3.6."""
_PERIODIC = 0.5


@dataclass(frozen=True)
class MotionRecord:
    """What moved by itself where, over a video, and what the camera did."""

    times_s: FloatArray
    """(F,) when the second of each pair of frames was shown."""
    maps: NDArray[np.uint8]
    """(F, r, c) mean change of lightness per cell beyond noise and camera, in counts of 0.2 percent of white."""
    camera: CameraPath

    def within(self, start_s: float, stop_s: float) -> MotionRecord:
        """The part between two times; the camera's path stays whole."""
        inside = (self.times_s >= start_s - 1e-6) & (self.times_s < stop_s - 1e-6)
        return MotionRecord(self.times_s[inside], self.maps[inside], self.camera)


NO_MOTION = MotionRecord(np.zeros(0), np.zeros((0, 1, 1), np.uint8), NO_PATH)
"""Of a still."""


def own_motion(before: Lightness, now: Lightness, camera: Similarity, *, wraps: bool = False) -> NDArray[np.uint8] | None:
    """The motion map (r, c) of ``now`` against ``before``: what changed beyond the camera's motion and the noise.

    Where the camera moved, a pixel has changed only as far as it leaves the middle half of the range of the 3 x 3 pixels
    around its origin (less for a motion below a pixel): edges that are resampled do not count. None when most of the
    picture changes, in a cut or a flash, which tell nothing.
    """
    from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

    height, width = now.shape
    origin = moved(before, camera, wraps=wraps)
    known = np.isfinite(origin)
    origin = np.where(known, origin, now)
    origin += np.median((now - origin)[known]) if known.any() else 0.0
    corners = np.array([[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]])
    shift_px = float(np.abs(camera.points(corners, width, height) - corners).max())
    slack = _RESAMPLED * min(1.0, shift_px)
    high, low = (origin + slack * (bound(origin, 3) - origin) for bound in (maximum_filter, minimum_filter))
    change = gaussian_filter(np.maximum(now - high, 0) + np.maximum(low - now, 0), 0.7)
    if np.median(change) > _CUT_CHANGE:
        return None
    noise = min(float(np.percentile(change, 20)), _MOST_NOISE)
    change = np.where(known, np.maximum(change - _NOISES * noise - _LEAST_CHANGE, 0), 0)
    rows, columns = height // CELL_PX, width // CELL_PX
    cells = change[: rows * CELL_PX, : columns * CELL_PX].reshape(rows, CELL_PX, columns, CELL_PX).mean(axis=(1, 3))
    return np.minimum(np.rint(cells / UNIT), 255).astype(np.uint8)


def motion_energy(
    record: MotionRecord, times_s: Sequence[float], boxes: Sequence[Box], size_px: tuple[int, int], *, wraps: bool = False
) -> FloatArray:
    """Motion (F,) of a thing in percent of white: the changes within its boxes over its size, at each time of ``record``.

    Its ``boxes`` at ``times_s`` (K,) count pixels of a picture of ``size_px`` (width, height). Between two sightings the
    change within both boxes (and what lies between them) counts; its size is the mean of theirs. A picture that ``wraps``
    has no box across its seam but one on either side.
    """
    if not len(record.times_s):
        return np.zeros(0)
    rows, columns = record.maps.shape[1:]
    cells = np.array([columns, rows]) / size_px
    corners = np.asarray(boxes, dtype=float) * np.tile(cells, 2)
    seen = np.asarray(times_s, dtype=float)
    energy = np.zeros(len(record.times_s))
    for i, time_s in enumerate(record.times_s):
        after = int(np.clip(np.searchsorted(seen, time_s), 0, len(seen) - 1))
        before = max(after - 1, 0) if seen[after] >= time_s else after
        pair = corners[[before, after]]
        apart = wraps and abs(pair[0, 0] + pair[0, 2] - pair[1, 0] - pair[1, 2]) > columns
        spans = pair if apart else [np.concatenate([pair[:, :2].min(axis=0), pair[:, 2:].max(axis=0)])]
        covered = np.zeros((rows, columns))
        for x0, y0, x1, y1 in spans:
            dx, dy = _MARGIN * (x1 - x0), _MARGIN * (y1 - y0)
            np.maximum(covered, _cover(rows, y0 - dy, y1 + dy)[:, None] * _cover(columns, x0 - dx, x1 + dx), out=covered)
        size = float(np.mean(np.prod(pair[:, 2:] - pair[:, :2], axis=1)))
        energy[i] = UNIT * float((covered * record.maps[i]).sum()) / max(size, 1.0)
    return energy


def _cover(n: int, start: float, stop: float) -> FloatArray:
    """How much of each of ``n`` cells the interval covers, 0 to 1."""
    edges = np.arange(n + 1)
    return np.diff(np.clip(edges, start, stop))


def onsets_s(times_s: FloatArray, energy: FloatArray) -> list[float]:
    """When motion sets in: the first frame of each rise of ``energy`` (F,) far above what it was just before.

    Empty where nothing stands out: a thing that moves all the time, or never, has no events. A rise counts from 30 % of
    the strongest on.
    """
    if len(energy) < 4 or energy.max() < 2 * LEAST_ENERGY:
        return []
    usual = float(np.median(energy))
    if energy.max() < _CONTRAST * max(usual, LEAST_ENERGY):
        return []
    rest = max(1, round(_REST_S / float(np.median(np.diff(times_s)))))
    least = max(0.3 * (energy.max() - usual), LEAST_ENERGY)
    found: list[float] = []
    for i in range(1, len(energy)):
        before = float(energy[max(0, i - rest) : i].min())
        rises = energy[i] - before > least and energy[i] > 2 * before and energy[i] > energy[i - 1]
        if rises and (not found or times_s[i] - found[-1] >= _LEAST_GAP_S) and _is_start(energy, i, least):
            found.append(float(times_s[i]))
    return found


def _is_start(energy: FloatArray, i: int, least: float) -> bool:
    """Whether the frame before was still below the rise that this one is part of."""
    return energy[i - 1] < 0.5 * (energy[i] + energy[max(0, i - 2) : i].min()) or energy[i] - energy[i - 1] > least


def period_s(times_s: FloatArray, energy: FloatArray) -> float | None:
    """The period of ``energy`` (F,), as of steps: the first peak of its autocorrelation; None where it has none.

    Parabolic interpolation between lags (a frame is a large part of a step). At least four periods must be seen.
    """
    if len(energy) < 12 or energy.mean() < LEAST_ENERGY:
        return None
    step = float(np.median(np.diff(times_s)))
    even = np.arange(times_s[0], times_s[-1], step)
    x = np.interp(even, times_s, energy)
    x -= np.convolve(np.pad(x, 8, mode="reflect"), np.ones(17) / 17, mode="valid")[: len(x)]
    n = len(x)
    power = float(np.dot(x, x))
    if power <= 1e-6 * n:
        return None
    lags = np.arange(0, int(_PERIODS_S[1] / step) + 2)
    lags = lags[lags < n // 2]
    alike = np.array([np.dot(x[: n - k], x[k:]) / np.sqrt(np.dot(x[: n - k], x[: n - k]) * np.dot(x[k:], x[k:])) for k in lags])
    inside = [
        k
        for k in lags[1:-1]
        if _PERIODS_S[0] <= k * step <= _PERIODS_S[1] and alike[k] >= max(alike[k - 1], alike[k + 1]) and alike[k] > _PERIODIC
    ]
    if not inside:
        return None
    best = max(alike[k] for k in inside)
    k = next(k for k in inside if alike[k] > 0.85 * best)
    curve = alike[k - 1] - 2 * alike[k] + alike[k + 1]
    period = (k + (0.5 * (alike[k - 1] - alike[k + 1]) / curve if curve < 0 else 0.0)) * step
    return period if (times_s[-1] - times_s[0]) >= 4 * period else None


def beats_s(times_s: FloatArray, energy: FloatArray, period: float) -> list[float]:
    """When feet land: the moments of least motion once per ``period``, between two swings.

    A comb of that period is laid where the energy at its teeth is least; each tooth then moves to the least energy
    within a fifth of a period of it.
    """
    phases = np.linspace(0, period, 24, endpoint=False)
    teeth = [np.arange(times_s[0] + phase, times_s[-1], period) for phase in phases]
    best = min(teeth, key=lambda comb: float(np.interp(comb, times_s, energy).mean()))
    offsets = sorted(np.linspace(-0.2, 0.2, 9) * period, key=abs)
    near = best[:, None] + np.array(offsets)
    beats = near[np.arange(len(best)), np.interp(near, times_s, energy).round(6).argmin(axis=1)]
    return [float(b) for b in beats if times_s[0] <= b <= times_s[-1]]


def level_curve_db(times_s: FloatArray, energy: FloatArray, *, window_s: float = 0.3, most_db: float = 6.0) -> FloatArray | None:
    """The gain (F,) in dB by which a sound follows motion; None where that says nothing.

    10 log10 of the energy over its mean, after smoothing by a Gaussian of ``window_s`` and within +-``most_db``: twice the
    motion is 3 dB. Nothing is said of what hardly moves, or by a level that varies little: by less than 2.5 dB between its
    5th and 95th percentiles.
    """
    from scipy.ndimage import gaussian_filter1d

    if len(energy) < 6 or energy.mean() < LEAST_ENERGY:
        return None
    smoothed = gaussian_filter1d(energy, window_s / float(np.median(np.diff(times_s))), mode="nearest")
    gain_db = np.clip(10 * np.log10(np.maximum(smoothed, 1e-6) / smoothed.mean()), -most_db, most_db)
    low, high = np.percentile(gain_db, (5, 95))
    return gain_db if high - low >= 2.5 else None
