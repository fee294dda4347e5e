"""Regions over time: linked by overlap and appearance into tracks, smoothed, and found by their motion.

Shapes: K keyframes of a track, H W pixels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import Box, FloatArray, Image, InputError, Region
from seehear.vision.pixels import grow, lab, shrink
from seehear.vision.regions import region_of

_LONG_SIDE_PX = 320
_MAX_LOG_GROWTH = math.log(4.0)
_MAX_SHIFT = 0.35
"""Of the short side: a camera that pans faster between two frames is not followed."""
_CUT_SHARE = 0.5
_BETTER = 0.9
_MAX_COVERED = 0.3
_LEAST_NOISE_LAB = 0.7
"""Standard deviation of camera noise that is always allowed for: a perfectly still background has none."""


@dataclass(frozen=True)
class Keyframe:
    """The regions seen at one time."""

    time_s: float
    regions: tuple[Region, ...]


@dataclass(frozen=True)
class Track:
    """One thing over time: where it was at the keyframes that saw it."""

    times_s: FloatArray
    """(K,) strictly increasing; the first is its entry, the last its exit."""
    regions: tuple[Region, ...]
    confidence: float
    """0 to 1: mean saliency x share of the keyframes between entry and exit that saw it x K / (K + 2)."""

    def region_at(self, time_s: float) -> Region:
        """The region seen nearest to a time."""
        return self.regions[int(np.abs(self.times_s - time_s).argmin())]

    @property
    def centres_px(self) -> FloatArray:
        """Centres (K, 2) of the boxes."""
        return np.array([[(r.box[0] + r.box[2]) / 2, (r.box[1] + r.box[3]) / 2] for r in self.regions])


@dataclass
class _Open:
    times: list[float]
    indices: list[int]
    regions: list[Region]
    appearance: FloatArray

    def predict(self, time_s: float) -> Box:
        """Its box at ``time_s``, at the mean velocity of its last three sightings."""
        box = np.array(self.regions[-1].box)
        if len(self.regions) < 2:
            return _as_box(box)
        back = max(-3, -len(self.regions))
        velocity = (box - np.array(self.regions[back].box)) / (self.times[-1] - self.times[back])
        shift = 0.5 * (velocity[:2] + velocity[2:]) * (time_s - self.times[-1])
        return _as_box(box + np.tile(shift, 2))


def _as_box(values: FloatArray) -> Box:
    x0, y0, x1, y1 = (float(v) for v in values)
    return x0, y0, x1, y1


def link_tracks(
    keyframes: Sequence[Keyframe], *, max_gap: int = 2, min_sightings: int = 3, max_cost: float = 0.55
) -> list[Track]:
    """Tracks through ``keyframes`` (times increasing), most confident first.

    Each keyframe's regions are assigned to the open tracks by the Hungarian method; the cost joins the distance of boxes
    (with constant-velocity prediction), their change of size, and the difference of colours. A track may miss ``max_gap``
    keyframes; one seen fewer than ``min_sightings`` times (or than the keyframes, if fewer) is flicker and is dropped.
    """
    from scipy.optimize import linear_sum_assignment

    times = [frame.time_s for frame in keyframes]
    if any(b <= a for a, b in itertools.pairwise(times)):
        raise InputError("keyframe times must increase")
    live: list[_Open] = []
    done: list[_Open] = []
    for index, frame in enumerate(keyframes):
        done += [t for t in live if index - t.indices[-1] > max_gap + 1]
        live = [t for t in live if index - t.indices[-1] <= max_gap + 1]
        cost = np.array([[_cost(t, frame.time_s, r) for r in frame.regions] for t in live]).reshape(len(live), len(frame.regions))
        taken = set()
        # everything too costly costs the same: no good pair is given up to avoid an impossible one
        for i, j in zip(*linear_sum_assignment(np.minimum(cost, max_cost)), strict=True):
            if cost[i, j] < max_cost:
                _extend(live[i], index, frame.time_s, frame.regions[j])
                taken.add(int(j))
        live += [_Open([frame.time_s], [index], [r], _appearance(r)) for j, r in enumerate(frame.regions) if j not in taken]
    needed = min(min_sightings, len(keyframes))
    tracks = [_close(t) for t in done + live if len(t.regions) >= needed]
    return sorted(tracks, key=lambda t: -t.confidence)


def _appearance(region: Region) -> FloatArray:
    return np.zeros(1) if region.appearance is None else np.asarray(region.appearance, dtype=float)


def _extend(track: _Open, index: int, time_s: float, region: Region) -> None:
    track.times.append(time_s)
    track.indices.append(index)
    track.regions.append(region)
    new = _appearance(region)
    track.appearance = 0.7 * track.appearance + 0.3 * new if new.shape == track.appearance.shape else new


def _close(track: _Open) -> Track:
    seen = len(track.indices) / (track.indices[-1] - track.indices[0] + 1)
    saliency = float(np.mean([r.saliency for r in track.regions]))
    trust = len(track.indices) / (len(track.indices) + 2)
    return Track(np.array(track.times), tuple(track.regions), seen * saliency * trust)


def _cost(track: _Open, time_s: float, region: Region) -> float:
    """0 (the same) to 1 (hardly), 2 when it cannot be: place counts 0.5, colour 0.35, size 0.15, saliency 0.2."""
    a, b = np.array(track.predict(time_s)), np.array(region.box)
    size_a, size_b = a[2:] - a[:2], b[2:] - b[:2]
    reach = np.sqrt(np.linalg.norm(size_a) * np.linalg.norm(size_b))
    distance = float(np.linalg.norm((a[2:] + a[:2] - b[2:] - b[:2]) / 2) / reach)
    growth = abs(float(np.log(np.prod(size_b) / np.prod(size_a))))
    if distance >= 1 or growth >= _MAX_LOG_GROWTH:
        return 2.0
    new = _appearance(region)
    colour = 0.5 * float(np.abs(new - track.appearance).sum()) if new.shape == track.appearance.shape else 0.5
    standing_out = abs(track.regions[-1].saliency - region.saliency)  # what moves has saliency 1
    return 0.5 * distance + 0.35 * colour + 0.15 * growth / _MAX_LOG_GROWTH + 0.2 * standing_out


def smooth(times_s: FloatArray, values: FloatArray, window_s: float = 0.6) -> FloatArray:
    """``values`` (K,) or (K, D) smoothed over time by local linear regression with a Gaussian window.

    A straight motion is kept exactly, also at its ends and with uneven times (Cleveland & Devlin 1988); ``window_s`` is
    the standard deviation of the window.
    """
    times, y = np.asarray(times_s, dtype=float), np.asarray(values, dtype=float)
    if len(times) < 3:
        return y.copy()
    offset = times[None, :] - times[:, None]
    weights = np.exp(-0.5 * (offset / window_s) ** 2)
    s0, s1, s2 = (np.sum(weights * offset**p, axis=1) for p in (0, 1, 2))
    # intercept of the weighted line at offset 0; a lone neighbourhood has s2 = s1 = 0 and keeps its value
    spread = s0 * s2 - s1**2
    linear = spread > 1e-9 * s0 * window_s**2
    safe = np.where(linear, spread, 1.0)[:, None]
    kernel = np.where(linear[:, None], weights * (s2[:, None] - offset * s1[:, None]) / safe, weights / s0[:, None])
    return kernel @ y


def motion_regions(
    before: Image,
    now: Image,
    after: Image | None = None,
    *,
    max_regions: int = 10,
    min_share: float = 0.001,
) -> list[Region]:
    """Regions of ``now`` that move against ``before`` (a little earlier, one size), largest first.

    A global shift of the camera and a global change of brightness are taken out first; what differs by more than six
    robust standard deviations is grouped into connected parts. With ``after`` (a little later) only what differs from both
    counts, which leaves out the ground that the thing has just uncovered. Across a cut nothing moves.
    """
    from scipy.ndimage import binary_closing, binary_opening, label

    current = lab(shrink(now.rgb, _LONG_SIDE_PX))
    others = [before] if after is None else [before, after]
    moved = np.logical_and.reduce([_differs(_small_lab(other, now), current) for other in others])
    moved = binary_closing(binary_opening(moved), iterations=4)
    if moved.mean() > _CUT_SHARE:
        return []
    parts, n = label(moved)  # type: ignore[misc]
    sizes = np.bincount(parts.ravel(), minlength=n + 1)[1:]
    kept = [i for i in np.argsort(-sizes, kind="stable")[:max_regions] if sizes[i] >= min_share * parts.size]
    return [region_of(grow(parts == i + 1, now.height_px, now.width_px), now, saliency=1.0) for i in kept]


def keyframe_regions(
    before: Image | None, now: Image, after: Image | None, still: Sequence[Region], max_regions: int = 10
) -> list[Region]:
    """At most ``max_regions`` regions of ``now``: what moves first, then those of ``still`` (found in ``now``) apart from it.

    The first and the last frame of a video have one neighbour, a lone picture has none and keeps its ``still`` regions.
    """
    if before is None:
        before, after = after, None
    moving = [] if before is None else motion_regions(before, now, after, max_regions=max_regions)
    covered = np.logical_or.reduce([np.zeros(now.rgb.shape[:2], dtype=bool), *(r.mask for r in moving)])
    apart = [r for r in still if (r.mask & covered).sum() < _MAX_COVERED * r.mask.sum()]
    return (moving + apart)[:max_regions]


def _small_lab(image: Image, like: Image) -> NDArray[np.float32]:
    if image.rgb.shape != like.rgb.shape:
        raise InputError(f"frames must have one size, got {image.rgb.shape[:2]} and {like.rgb.shape[:2]}")
    return lab(shrink(image.rgb, _LONG_SIDE_PX))


def _differs(other: NDArray[np.float32], current: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where two small frames (h, w, 3) differ by more than the noise, once aligned."""
    from scipy.ndimage import gaussian_filter

    difference = gaussian_filter(np.linalg.norm(current - _aligned(other, current), axis=-1), 1.0)
    middle = np.median(difference)
    deviation = 1.4826 * np.median(np.abs(difference - middle))
    return difference > middle + 6 * max(float(deviation), _LEAST_NOISE_LAB)


def _aligned(other: NDArray[np.float32], current: NDArray[np.float32]) -> NDArray[np.float32]:
    """``other`` (h, w, 3) shifted (to a quarter pixel) and matched in lightness to ``current``, which fills what is uncovered.

    The shift is that of the camera only if it makes most of the picture agree better; else it is that of a large thing.
    """
    from scipy.ndimage import shift
    from skimage.registration import phase_cross_correlation

    # the window hides the picture's edges, which stay where they are when the camera turns
    window = np.hanning(len(current))[:, None] * np.hanning(current.shape[1])
    a, b = ((x[..., 0] - x[..., 0].mean()) * window for x in (current, other))
    blank = min(np.ptp(a), np.ptp(b)) < 1  # a fade to black has no shift
    offset = np.zeros(2) if blank else phase_cross_correlation(a, b, upsample_factor=4)[0]
    choices = [_relit(other, current)]
    if 0 < np.abs(offset).max() <= _MAX_SHIFT * min(current.shape[:2]):
        moved = np.stack([shift(other[..., i], offset, order=1, cval=np.nan) for i in range(3)], axis=-1).astype(np.float32)
        choices.append(_relit(moved, current))
    rests = [np.nanmedian(np.abs(current - choice)[..., 0]) for choice in choices]
    best = choices[-1] if rests[-1] < _BETTER * rests[0] else choices[0]
    return np.where(np.isnan(best), current, best)


def _relit(other: NDArray[np.float32], current: NDArray[np.float32]) -> NDArray[np.float32]:
    """``other`` with its lightness shifted by the median difference to ``current``."""
    return other + np.array([np.nanmedian(current[..., 0] - other[..., 0]), 0, 0], dtype=np.float32)
