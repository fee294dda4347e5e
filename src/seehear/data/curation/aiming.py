"""Where the camera looks: to the loudest direction of a window. Then what it sees becomes a clip."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from seehear.acoustics.sphere import map_directions
from seehear.data.clips import Clip
from seehear.data.curation.records import Reject, Rules, Window
from seehear.data.curation.sound import window_sound
from seehear.data.reading import within_full_scale
from seehear.metrics.spatial import FLAT, N_AZIMUTH, N_ELEVATION, energy_maps, frame_covariances
from seehear.types import Audio, Direction, InputError
from seehear.vision.camera import Camera
from seehear.vision.viewport import perspective_views


def loudest_direction(sound: Audio) -> Direction | None:
    """Where the energy map (eq. 1) of first-order ambisonics has its maximum; None where it has none."""
    energy = energy_maps(frame_covariances(sound.samples, sound.sample_rate_hz))[0]
    if np.ptp(energy) <= FLAT * energy.max():
        return None
    return Direction.of(map_directions(N_AZIMUTH, N_ELEVATION).reshape(-1, 3)[int(energy.argmax())])


def aimed(window: Window, rules: Rules) -> Window | Reject:
    """The window with its loudest direction; a field that is the same in all directions has none."""
    direction = loudest_direction(window_sound(window, rules))
    if direction is None:
        return Reject("direction", "sound comes from everywhere alike", f"at {window.start_s} s")
    return replace(window, direction=direction)


def clip_times_s(window: Window, rules: Rules) -> list[float]:
    """When the frames of a clip are shown."""
    return [window.start_s + k / rules.frames_per_s for k in range(round(rules.window_s * rules.frames_per_s))]


def clips(windows: Sequence[Window], rules: Rules) -> Iterator[Clip]:
    """A clip of every aimed window of one film: its sound, and a view of the panorama towards it.

    The windows follow one another, so the film is gone through once. InputError where it ends before it should.
    """
    if not windows:
        return
    camera = Camera(rules.view_px, rules.view_px, math.radians(rules.hfov_deg))
    times_s = [time_s for window in windows for time_s in clip_times_s(window, rules)]
    panoramas = windows[0].film.panoramas(times_s)
    for window in windows:
        pictures = list(islice(panoramas, len(times_s) // len(windows)))
        if len(pictures) * len(windows) < len(times_s):
            raise InputError(f"{window.film.name} shows nothing any more before {window.start_s + rules.window_s} s")
        assert window.direction is not None
        yield clip_of(window, perspective_views(np.stack(pictures), camera, window.direction), rules)


def clip_of(window: Window, views: np.ndarray, rules: Rules) -> Clip:
    """The clip of a window whose pictures are there."""
    film, direction = window.film, window.direction
    assert direction is not None
    sound, gain_db = within_full_scale(window_sound(window, rules))
    facts = {
        **rules.facts,
        "origin": film.origin or film.name,
        "start_s": window.start_s,
        "hfov_deg": rules.hfov_deg,
        "tags": [[label, round(p, 4)] for label, p in window.labels],
        "gain_db": gain_db,
    }
    heard = tuple(label for label, p in window.labels if p >= rules.least_probability)
    return Clip(f"{film.name}_{window.start_s}", views, rules.frames_per_s, sound, direction, heard, "", facts)
