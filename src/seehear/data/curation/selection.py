"""Which windows become clips: those in which a tagger recognises something, chosen so that none overlap.

Shapes: N windows, K labels, T samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seehear.data.curation.records import Reject, Rules, Window
from seehear.data.curation.sound import window_sound
from seehear.io.resampling import resampled
from seehear.protocols import AudioTagger
from seehear.types import MONO, Audio, FloatArray

MOST_LABELS = 3
"""Kept of each window."""
_BATCH = 16
"""Windows that are tagged together, which bounds memory."""


def chosen(best: FloatArray, starts_s: Sequence[int], rules: Rules) -> list[int]:
    """Indices, in the order of time, of windows that do not overlap and whose best label is probable enough.

    ``recursive``: the window with the highest probability (the earliest of equals) is taken, then the same is done with what
    lies before it and with what lies after it, until nothing there reaches ``least_probability``. So we read "recursively
    select clips with high-probability sound event labels" (section 4); the released clips of a video begin at whole
    seconds, five or more apart, as this makes them. ``consecutive``: only windows at multiples of their length.
    """
    starts = np.asarray(starts_s, dtype=int)
    if rules.selection == "consecutive":
        return [int(i) for i in np.flatnonzero((starts % rules.window_s == 0) & (best >= rules.least_probability))]

    taken: list[int] = []
    spans = [(0, len(starts))]  # of windows in the order of time; a stack, for an hour is too deep for the interpreter's
    while spans:
        low, high = spans.pop()
        if low >= high or best[at := low + int(best[low:high].argmax())] < rules.least_probability:
            continue
        taken.append(at)
        spans.append((low, int(np.searchsorted(starts, starts[at] - rules.window_s, side="right"))))
        spans.append((int(np.searchsorted(starts, starts[at] + rules.window_s, side="left")), high))
    return sorted(taken)


def tagged(windows: Sequence[Window], tagger: AudioTagger, rules: Rules) -> Iterator[Window]:
    """The windows with their three most probable labels, heard in W at the tagger's rate; ``ignored_labels`` are left out."""
    counted = np.array([label not in rules.ignored_labels for label in tagger.labels])
    for at in range(0, len(windows), _BATCH):
        group = windows[at : at + _BATCH]
        probabilities = tagger.tag([mono_at(window_sound(window, rules), tagger.sample_rate_hz) for window in group])
        for window, row in zip(group, np.where(counted, probabilities, -1.0), strict=True):
            top = [int(k) for k in np.argsort(-row, kind="stable")[:MOST_LABELS] if row[k] >= 0]
            yield replace(window, labels=tuple((tagger.labels[k], float(row[k])) for k in top))


def mono_at(sound: Audio, rate_hz: int) -> NDArray[np.float32]:
    """W (T,) of ambisonics at another rate."""
    w = Audio(np.ascontiguousarray(sound.samples[:1]), sound.sample_rate_hz, MONO)
    return np.concatenate(list(resampled(w, rate_hz)), axis=1)[0]


def selected(windows: Sequence[Window], tagger: AudioTagger, rules: Rules) -> list[Window | Reject]:
    """The chosen ones of a film's windows (in the order of time) with their labels, and why the others are not."""
    heard = list(tagged(windows, tagger, rules))
    best = np.array([window.labels[0][1] if window.labels else 0.0 for window in heard])
    taken = set(chosen(best, [window.start_s for window in heard], rules))
    return [window if i in taken else _why_not(window, float(best[i]), rules) for i, window in enumerate(heard)]


def _why_not(window: Window, best: float, rules: Rules) -> Reject:
    if best >= rules.least_probability:
        return Reject("labels", "overlaps a clip that is kept", f"at {window.start_s} s")
    label = window.labels[0][0] if window.labels else "nothing"
    return Reject("labels", "no sound event is recognised", f"at most {label} {best:.2f} at {window.start_s} s")
