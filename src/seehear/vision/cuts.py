"""Where one shot ends and the next begins: hard cuts, fades through black and dissolves, in one pass over small frames.

Shapes: F frames, h w pixels of a small frame.
"""

from __future__ import annotations

import itertools
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray

SHORTEST_SHOT_S = 0.5
"""Too short to be looked at by itself."""
_THUMB_PX = 24
"""Height and width of the picture that is compared place by place: a pan of a twentieth of the picture changes little in it."""
_AROUND_S = 0.25
"""A flash is shorter: what is like its past again so soon is no cut."""
_FLOOR = 0.28
"""Least unlikeness of a cut, whatever happens around it."""
_OVER_USUAL = 3.0
"""A cut is so many times as unlike as the busiest frames within a second of it (their 80th percentile)."""
_BLANK = 1.5
"""Standard deviation of a black or white frame, in percent of white."""
_DISSOLVE_S = (0.4, 0.8, 1.2)
_DISSOLVE_REST = 0.12
"""The middle of a dissolve is the mean of its ends: the rest over the difference of the ends."""


@dataclass(frozen=True)
class Shot:
    """An unbroken stretch of a video."""

    start_s: float
    stop_s: float
    seen_s: tuple[float, float]
    """The part that is looked at: all, unless a neighbour too short to be looked at was joined to it."""

    @property
    def duration_s(self) -> float:
        return self.stop_s - self.start_s


@dataclass(frozen=True)
class Signature:
    """What a frame looks like, roughly."""

    colours: FloatArray
    """(216,) shares of 6 x 6 x 6 colours."""
    thumb: NDArray[np.float32]
    """Lightness (24, 24), 0 to 100."""

    def unlike(self, other: Signature) -> float:
        """0 (the same) to 1 (nothing in common): geometric mean of the difference of colours and of where light and dark are.

        The first is half the L1 distance of histograms, the second 1 less the correlation of thumbs. A lamp that goes on
        changes the first alone, a camera that pans the second.
        """
        colour = 0.5 * float(np.abs(self.colours - other.colours).sum())
        a, b = (x.thumb - x.thumb.mean() for x in (self, other))
        power = float(np.sqrt((a * a).mean() * (b * b).mean()))
        alike = float((a * b).mean()) / power if power > 0.1 else 0.0
        return float(np.sqrt(colour * min(1.0, max(0.0, 1 - alike))))

    @property
    def is_blank(self) -> bool:
        return float(self.thumb.std()) < _BLANK


def signature(rgb: NDArray[np.uint8]) -> Signature:
    """The signature of a small frame (h, w, 3)."""
    codes = (rgb.astype(np.uint16) * 6 >> 8) @ np.array([36, 6, 1], np.uint16)
    colours = np.bincount(codes.ravel(), minlength=216) / codes.size
    light = rgb @ (np.array([0.2126, 0.7152, 0.0722], np.float32) * np.float32(100 / 255))
    return Signature(colours, _thumb(light.astype(np.float32)))


def _thumb(light: NDArray[np.float32]) -> NDArray[np.float32]:
    for axis in (0, 1):
        n = light.shape[axis]
        edges = np.linspace(0, n, _THUMB_PX + 1)
        low = np.minimum(edges[:-1].astype(int), n - 1)
        high = np.maximum(edges[1:].astype(int), low + 1)
        total = np.concatenate([np.zeros_like(light.take([0], axis)), np.cumsum(light, axis=axis, dtype=np.float32)], axis=axis)
        counts = (high - low).reshape((-1, 1) if axis == 0 else (1, -1))
        light = (total.take(high, axis) - total.take(low, axis)) / counts
    return light


@dataclass
class CutFinder:
    """Finds cuts in a stream of frames; memory for 17 bytes per frame (an hour: 1.5 MB) and the signatures of three seconds."""

    times_s: array[float] = field(default_factory=lambda: array("d"))
    _unlike: array[float] = field(default_factory=lambda: array("d"))
    _blank: bytearray = field(default_factory=bytearray)
    _across: dict[int, float] = field(default_factory=dict)
    _dissolves: list[tuple[float, float]] = field(default_factory=list)
    _recent: deque[tuple[int, Signature]] = field(default_factory=deque)

    def add(self, time_s: float, rgb: NDArray[np.uint8]) -> float:
        """Takes the next small frame; how unlike it is to the one before, 0 to 1."""
        index, now = len(self.times_s), signature(rgb)
        self.times_s.append(time_s)
        self._unlike.append(now.unlike(self._recent[-1][1]) if self._recent else 0.0)
        self._blank.append(now.is_blank)
        self._recent.append((index, now))
        # In a slide show, seconds pass from one frame to the next: the frame before is always kept.
        while len(self._recent) > 2 and time_s - self.times_s[self._recent[0][0]] > 2 * max(_DISSOLVE_S):
            self._recent.popleft()
        self._look_back(time_s)
        self._look_for_dissolve(time_s)
        return self._unlike[-1]

    def _look_back(self, now_s: float) -> None:
        """How unlike the frames before each likely cut are to those after it, once the latter are known."""
        for index in list(takewhile(lambda i: self.times_s[i] + _AROUND_S >= now_s - 1e-6, reversed(self._across))):
            later = self._recent[-1][1]
            earlier = [s for i, s in self._recent if i < index and self.times_s[i] >= self.times_s[index] - _AROUND_S]
            self._across[index] = min([self._across[index], *(later.unlike(s) for s in earlier)])
        if self._unlike[-1] >= _FLOOR:
            index = len(self.times_s) - 1
            earlier = [s for i, s in self._recent if i < index and self.times_s[i] >= now_s - _AROUND_S]
            self._across[index] = min(self._recent[-1][1].unlike(s) for s in earlier or [self._recent[-2][1]])

    def _look_for_dissolve(self, now_s: float) -> None:
        """Remembers a span whose middle and quarters are the weighted means of its unlike ends."""
        if len(self._recent) < 9 or len(self.times_s) % 2:
            return
        times = np.array([self.times_s[i] for i, _ in self._recent])
        for span_s in _DISSOLVE_S:
            if times[0] > now_s - span_s:
                return
            first = self._recent[int(np.abs(times - (now_s - span_s)).argmin())][1]
            last = self._recent[-1][1]
            if first.is_blank or last.is_blank or first.unlike(last) < _FLOOR:
                continue
            if _is_mixture(first, last, [self._recent[int(np.abs(times - (now_s - p * span_s)).argmin())][1] for p in _PARTS]):
                self._dissolves.append((now_s - span_s, now_s))

    def cuts_s(self) -> list[float]:
        """Times of the first frames of new shots, in order: hard cuts, middles of black and of dissolves."""
        unlike, times = np.array(self._unlike), np.array(self.times_s)
        found = []
        for index, across in self._across.items():
            around = slice(*np.searchsorted(times, (times[index] - 1.1, times[index] + 1.1)))
            apart_s = np.abs(times[around] - times[index])
            near = (apart_s <= 1) & (apart_s > 0)
            usual = float(np.percentile(unlike[around][near], 80)) if near.any() else 0.0
            beside = slice(max(index - 1, 0), index + 2)
            is_top = unlike[index] >= unlike[beside][np.abs(times[beside] - times[index]) <= _AROUND_S].max()
            from_black = any(self._blank[index - 1 : index + 1])
            if across >= _FLOOR and is_top and unlike[index] > _OVER_USUAL * usual and not from_black:
                found.append(float(times[index]))
        found += self._middles_of_black()
        return sorted({*found, *self._middles_of_dissolves(found)})

    def _middles_of_black(self) -> list[float]:
        """Between two pictures with nothing but black (or white) for a moment."""
        middles, index = [], 0
        for blank, run in itertools.groupby(self._blank):
            length = len(list(run))
            if blank and index > 0 and index + length < len(self._blank):
                middles.append(self.times_s[index + length // 2])
            index += length
        return middles

    def _middles_of_dissolves(self, cuts: Sequence[float]) -> list[float]:
        """One per group of overlapping spans that no cut explains, nor a fade (a dissolve from or to black)."""
        reach = max(_DISSOLVE_S)
        spans = [span for span in self._dissolves if not any(span[0] - reach <= cut <= span[1] + reach for cut in cuts)]
        middles: list[float] = []
        times = np.array(self.times_s)
        group: list[tuple[float, float]] = []
        for span in [*sorted(spans), (np.inf, np.inf)]:
            if group and span[0] > max(stop for _, stop in group):
                middle = 0.5 * (min(start for start, _ in group) + max(stop for _, stop in group))
                middles.append(float(times[np.abs(times - middle).argmin()]))
                group = []
            group.append(span)
        return middles


_PARTS = (0.25, 0.5, 0.75)


def _is_mixture(first: Signature, last: Signature, between: Sequence[Signature]) -> bool:
    """Whether pictures go over from ``first`` to ``last`` place by place, each a weighted mean of both, and steadily.

    A pan, or a thing that moves, shows what neither end holds; a light that goes on changes all places alike, which is
    taken out with the means.
    """
    change = (last.thumb - last.thumb.mean()) - (first.thumb - first.thumb.mean())
    power = float((change**2).mean())
    if power < 9.0:
        return False
    shares = []
    for middle in between:
        here = (middle.thumb - middle.thumb.mean()) - (first.thumb - first.thumb.mean())
        share = float((here * change).mean()) / power
        rest = float(((here - share * change) ** 2).mean())
        if rest > _DISSOLVE_REST**2 * power:
            return False
        shares.append(share)
    late, middle, early = shares
    return early + 0.08 < middle < late - 0.08 and early > 0.03 and late < 0.97 and 0.2 < middle < 0.8


def split_shots(cuts_s: Sequence[float], duration_s: float) -> tuple[Shot, ...]:
    """The shots between cuts; one shorter than half a second is joined to its shorter neighbour, which is looked at instead."""
    inside = [cut for cut in sorted(cuts_s) if 0 < cut < duration_s]
    shots = [Shot(a, b, (a, b)) for a, b in itertools.pairwise([0.0, *inside, duration_s])]
    while len(shots) > 1:
        index = min(range(len(shots)), key=lambda i: shots[i].duration_s)
        if shots[index].duration_s >= SHORTEST_SHOT_S:
            break
        neighbours = [i for i in (index - 1, index + 1) if 0 <= i < len(shots)]
        other = min(neighbours, key=lambda i: shots[i].duration_s)
        left, right = (shots[i] for i in sorted((index, other)))
        seen = max(left.seen_s, right.seen_s, key=lambda span: span[1] - span[0])
        shots[min(index, other) : max(index, other) + 1] = [Shot(left.start_s, right.stop_s, seen)]
    return tuple(shots)
