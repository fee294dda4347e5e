"""Regions over time: linked by place and appearance into tracks, smoothed, and found by their motion.

Directions are relative to the camera: the listener looks along with it. Linking takes its motion into account.

Shapes: K keyframes of a track, H W pixels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seehear.types import Box, FloatArray, Image, InputError, Region
from seehear.vision.egomotion import NO_PATH, CameraPath, Similarity, camera_motion, moved
from seehear.vision.pixels import grow, lab, shrink
from seehear.vision.regions import mask_box, region_of

_LONG_SIDE_PX = 320
_MAX_LOG_GROWTH = math.log(4.0)
_CUT_SHARE = 0.5
_MAX_COVERED = 0.3
MOVES = 0.99
"""Saliency from which on a region was found by its motion."""
LEAP_S = 1.0
"""So long ago a thing may have been seen last that now is somewhere else."""
LEAP_SPEED = 2.0
"""Picture widths per second that a leap may cover."""
_LEAP_COLOUR = 0.35
_MAX_LOG_LEAP_GROWTH = math.log(2.5)
"""What leaps looks the same before and after."""
_MOST_ERROR = 0.25
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
    def is_mover(self) -> bool:
        """Whether it was always found by its motion."""
        return all(region.saliency >= MOVES for region in self.regions)


@dataclass
class _Open:
    times: list[float]
    indices: list[int]
    regions: list[Region]
    appearance: FloatArray

    def predict(self, time_s: float, camera: CameraPath, wraps: bool) -> Box:
        """Its box at ``time_s``: moved by the camera, and on at its own mean velocity of its last three sightings."""
        box = self.seen_at(-1, time_s, camera)
        if len(self.regions) < 2:
            return _as_box(box)
        back = max(-3, -len(self.regions))
        change = box - self.seen_at(back, time_s, camera)
        own = 0.5 * (change[:2] + change[2:])
        own[0] = _across_seam(own[0], self.regions[-1], wraps)
        shift = own * (time_s - self.times[-1]) / (self.times[-1] - self.times[back])
        return _as_box(box + np.tile(shift, 2))

    def seen_at(self, index: int, time_s: float, camera: CameraPath) -> FloatArray:
        """The box of a sighting where the camera would have it at ``time_s`` if it stood still."""
        region = self.regions[index]
        height, width = region.mask.shape
        motion = camera.between(self.times[index], time_s)
        x0, y0, x1, y1 = region.box
        (x, y) = motion.points(np.array([[(x0 + x1) / 2, (y0 + y1) / 2]]), width, height)[0]
        half = 0.5 * abs(motion.turn) * np.array([x1 - x0, y1 - y0])
        return np.array([x - half[0], y - half[1], x + half[0], y + half[1]])


def _across_seam(columns: float, region: Region, wraps: bool) -> float:
    """A distance in columns, the short way round in a picture that ``wraps``."""
    width = region.mask.shape[1]
    return (columns + width / 2) % width - width / 2 if wraps else columns


def _as_box(values: FloatArray) -> Box:
    x0, y0, x1, y1 = (float(v) for v in values)
    return x0, y0, x1, y1


def link_tracks(
    keyframes: Sequence[Keyframe],
    *,
    camera: CameraPath = NO_PATH,
    wraps: bool = False,
    max_gap: int = 2,
    min_sightings: int = 3,
    max_cost: float = 0.55,
) -> list[Track]:
    """Tracks through ``keyframes`` (times increasing), most confident first.

    Each keyframe's regions are assigned to the open tracks by the Hungarian method; the cost joins the distance of boxes
    (predicted from the ``camera``'s motion and a constant own velocity), their change of size, and the difference of
    colours. A track may miss ``max_gap`` keyframes; one seen fewer than ``min_sightings`` times (or than the keyframes, if
    fewer) is flicker and is dropped. In a picture that ``wraps`` (equirectangular) the right edge is next to the left.
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
        predicted = [t.predict(frame.time_s, camera, wraps) for t in live]
        pairs = [[_cost(t, box, r, wraps) for r in frame.regions] for t, box in zip(live, predicted, strict=True)]
        cost = np.array(pairs).reshape(len(live), len(frame.regions))
        taken = set()
        # everything too costly costs the same: no good pair is given up to avoid an impossible one
        for i, j in zip(*linear_sum_assignment(np.minimum(cost, max_cost)), strict=True):
            if cost[i, j] < max_cost:
                _extend(live[i], index, frame.time_s, frame.regions[j])
                taken.add(int(j))
        rest = [j for j in range(len(frame.regions)) if j not in taken]
        for track, j in _leaps([t for t in live if _just_lost(t, index, frame.time_s)], frame, rest, camera, wraps):
            _extend(track, index, frame.time_s, frame.regions[j])
            taken.add(j)
        live += [_Open([frame.time_s], [index], [r], _appearance(r)) for j, r in enumerate(frame.regions) if j not in taken]
    needed = min(min_sightings, len(keyframes))
    tracks = [_close(t) for t in done + live if len(t.regions) >= needed]
    return sorted(tracks, key=lambda t: -t.confidence)


def _just_lost(track: _Open, index: int, time_s: float) -> bool:
    """Whether a track was seen within a second, or one keyframe, before."""
    return track.indices[-1] == index - 1 or (track.indices[-1] < index and time_s - track.times[-1] <= LEAP_S)


def _leaps(
    lost: Sequence[_Open], frame: Keyframe, free: Sequence[int], camera: CameraPath, wraps: bool
) -> list[tuple[_Open, int]]:
    """Lost tracks, each with the one ``free`` region that may be it farther off than linking by place allows.

    A thing that hops is nowhere near its prediction; it is believed to be the same where it moves by itself, looks alike
    and nothing else does, neither among what was lost nor among what is new.
    """
    fits = np.array([[_may_leap(track, frame.time_s, frame.regions[j], camera, wraps) for j in free] for track in lost])
    fits = fits.reshape(len(lost), len(free)).astype(bool)
    alone = fits & (fits.sum(axis=0) == 1) & (fits.sum(axis=1) == 1)[:, None]
    return [(lost[i], free[k]) for i, k in np.argwhere(alone)]


def _may_leap(track: _Open, time_s: float, region: Region, camera: CameraPath, wraps: bool) -> bool:
    """Whether what ``track`` last saw may be at ``region`` now: alike in colour and size, moving, within reach."""
    gap_s = time_s - track.times[-1]
    if min(track.regions[-1].saliency, region.saliency) < MOVES:
        return False
    box, now = track.seen_at(-1, time_s, camera), np.array(region.box)
    growth = abs(float(np.log(region.mask.sum() / track.regions[-1].mask.sum())))
    apart = (box[:2] + box[2:] - now[:2] - now[2:]) / 2
    apart[0] = _across_seam(apart[0], region, wraps)
    reach = float(np.linalg.norm(now[2:] - now[:2])) + LEAP_SPEED * gap_s * region.mask.shape[1]
    return looks_alike(track.appearance, region) and growth < _MAX_LOG_LEAP_GROWTH and float(np.linalg.norm(apart)) <= reach


def looks_alike(colours: FloatArray, region: Region) -> bool:
    """Whether an appearance is that of ``region``, but for some ground around it: half the L1 distance of their colours."""
    return region.appearance is not None and _colour_distance(colours, _appearance(region)) < _LEAP_COLOUR


def _colour_distance(a: FloatArray, b: FloatArray) -> float:
    return 0.5 * float(np.abs(a - b).sum()) if a.shape == b.shape else 0.5


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


def _cost(track: _Open, predicted: Box, region: Region, wraps: bool) -> float:
    """0 (the same) to 1 (hardly), 2 when it cannot be: place counts 0.5, colour 0.35, size 0.15, saliency 0.2."""
    a, b = np.array(predicted), np.array(region.box)
    size_a, size_b = a[2:] - a[:2], b[2:] - b[:2]
    reach = np.sqrt(np.linalg.norm(size_a) * np.linalg.norm(size_b))
    apart = (a[2:] + a[:2] - b[2:] - b[:2]) / 2
    apart[0] = _across_seam(apart[0], region, wraps)
    distance = float(np.linalg.norm(apart) / reach)
    growth = abs(float(np.log(np.prod(size_b) / np.prod(size_a))))
    if distance >= 1 or growth >= _MAX_LOG_GROWTH:
        return 2.0
    colour = _colour_distance(track.appearance, _appearance(region))
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


def stands_still(times_s: FloatArray, points: FloatArray, size: float, least: float, window_s: float = 0.6) -> bool:
    """Whether points (K, 2) sighted at ``times_s`` are one place seen with errors, for a thing of ``size`` (same unit).

    Its smoothed path then stays within ``least``, a tenth of its size, or what smoothing leaves of errors as large as the
    differences of successive sightings tell (robustly: their median absolute value over 0.6745 and the root of 2), a quarter
    of its size at most: what is sighted farther apart has hopped.
    """
    if len(times_s) < 3:
        return float(np.linalg.norm(np.ptp(points, axis=0))) <= max(least, 0.1 * size)
    path = smooth(times_s, points, window_s)
    reach = float(np.linalg.norm(np.ptp(path, axis=0)))
    steps = np.diff(points, axis=0)
    errors = np.median(np.abs(steps - np.median(steps, axis=0)), axis=0) / (0.6745 * 2**0.5)
    # A Gaussian window averages 2 sqrt(pi) of its deviations; the range of what is left is below six of its own (19 of 20 times).
    averaged = max(1.0, 2 * np.pi**0.5 * window_s / float(np.median(np.diff(times_s))))
    return reach <= max(least, 0.1 * size, 6 * min(float(np.linalg.norm(errors)), _MOST_ERROR * size) / averaged**0.5)


def motion_regions(
    before: Image,
    now: Image,
    after: Image | None = None,
    *,
    motions: Sequence[Similarity] | None = None,
    wraps: bool = False,
    max_regions: int = 10,
    min_share: float = 0.001,
) -> list[Region]:
    """Regions of ``now`` that move by themselves against ``before`` (a little earlier, one size), largest first.

    The camera's motion and a global change of brightness are taken out first; what differs by more than six robust
    standard deviations is grouped into connected parts. With ``after`` (a little later) only what differs from both
    counts, which leaves out the ground that the thing has just uncovered. Across a cut nothing moves. ``motions`` tell the
    camera's from ``before`` to ``now`` and from ``after`` to ``now``, else they are estimated; with ``wraps``
    (equirectangular) parts go on across the seam.
    """
    from scipy.ndimage import binary_closing, binary_opening

    others = [before] if after is None else [before, after]
    current = lab(shrink(now.rgb, _LONG_SIDE_PX))
    earlier = [_small_lab(other, now) for other in others]
    if motions is None:
        motions = [camera_motion(other[..., 0], current[..., 0], wraps=wraps) for other in earlier]
    changed = [_differs(other, current, motion, wraps) for other, motion in zip(earlier, motions, strict=True)]
    different = np.logical_and.reduce(changed)
    pad = 8 if wraps else 0
    padded = np.pad(different, ((0, 0), (pad, pad)), mode="wrap")
    closed = np.asarray(binary_closing(binary_opening(padded), iterations=4), dtype=bool)
    different = closed[:, pad : padded.shape[1] - pad]
    if different.mean() > _CUT_SHARE:
        return []
    parts, n = _connected(different, wraps)
    sizes = np.bincount(parts.ravel(), minlength=n + 1)[1:]
    kept = [i for i in np.argsort(-sizes, kind="stable")[:max_regions] if sizes[i] >= min_share * parts.size]
    return [_moving_region(grow(parts == i + 1, now.height_px, now.width_px), now, wraps) for i in kept]


def keyframe_regions(
    before: Image | None,
    now: Image,
    after: Image | None,
    still: Sequence[Region],
    max_regions: int = 10,
    *,
    motions: tuple[Similarity, Similarity] | None = None,
    wraps: bool = False,
) -> list[Region]:
    """At most ``max_regions`` regions of ``now``: what moves first, then those of ``still`` (found in ``now``) apart from it.

    The first and the last frame of a video have one neighbour, a lone picture has none and keeps its ``still`` regions.
    ``motions`` and ``wraps`` are those of ``motion_regions``.
    """
    known = list(motions) if motions is not None else None
    if before is None:
        before, after = after, None
        known = known[1:] if known is not None else None
    known = known[:1] if known is not None and after is None else known
    moving = []
    if before is not None:
        moving = motion_regions(before, now, after, motions=known, wraps=wraps, max_regions=max_regions)
    covered = np.logical_or.reduce([np.zeros(now.rgb.shape[:2], dtype=bool), *(r.mask for r in moving)])
    apart = [r for r in still if (r.mask & covered).sum() < _MAX_COVERED * r.mask.sum()]
    return (moving + apart)[:max_regions]


def _connected(mask: NDArray[np.bool_], wraps: bool) -> tuple[NDArray[np.integer], int]:
    """Numbers (h, w) of the connected parts of a mask, 1 and up; across the seam of a picture that ``wraps`` too."""
    from scipy.ndimage import label

    numbers, n = label(mask)  # type: ignore[misc]
    parts = np.asarray(numbers, dtype=np.int64)
    if wraps:
        for left, right in zip(parts[:, 0], parts[:, -1], strict=True):
            if left and right and left != right:
                parts[parts == right] = left
    return parts, n


def _moving_region(mask: NDArray[np.bool_], image: Image, wraps: bool) -> Region:
    """The region of a mask; one across the seam has the box of its larger part, as found regions have."""
    region = region_of(mask, image, saliency=1.0)
    if not (wraps and mask[:, 0].any() and mask[:, -1].any()):
        return region
    free = np.flatnonzero(~mask.any(axis=0))
    if not free.size:
        return region
    middle = int(free[0])
    larger = mask.copy()
    if mask[:, :middle].sum() >= mask[:, middle:].sum():
        larger[:, middle:] = False
    else:
        larger[:, :middle] = False
    return replace(region, box=mask_box(larger))


def _small_lab(image: Image, like: Image) -> NDArray[np.float32]:
    if image.rgb.shape != like.rgb.shape:
        raise InputError(f"frames must have one size, got {image.rgb.shape[:2]} and {like.rgb.shape[:2]}")
    return lab(shrink(image.rgb, _LONG_SIDE_PX))


def _differs(other: NDArray[np.float32], current: NDArray[np.float32], motion: Similarity, wraps: bool) -> NDArray[np.bool_]:
    """Where two small frames (h, w, 3) differ by more than the noise, once ``other`` has moved as the camera did."""
    from scipy.ndimage import gaussian_filter

    aligned = _relit(moved(other, motion, wraps=wraps), current)
    aligned = np.where(np.isnan(aligned), current, aligned)
    difference = gaussian_filter(np.linalg.norm(current - aligned, axis=-1), 1.0)
    middle = np.median(difference)
    deviation = 1.4826 * np.median(np.abs(difference - middle))
    return difference > middle + 6 * max(float(deviation), _LEAST_NOISE_LAB)


def _relit(other: NDArray[np.float32], current: NDArray[np.float32]) -> NDArray[np.float32]:
    """``other`` with its lightness shifted by the median difference to ``current``."""
    return other + np.array([np.nanmedian(current[..., 0] - other[..., 0]), 0, 0], dtype=np.float32)
