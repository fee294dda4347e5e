"""Motion energy, onsets, periods and level curves. Oracle of every test: planted motion at known times."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seehear.vision.egomotion import NO_PATH, CameraPath, Similarity, camera_motion
from seehear.vision.motion import (
    LEAST_ENERGY,
    MotionRecord,
    beats_s,
    level_curve_db,
    motion_energy,
    onsets_s,
    own_motion,
    period_s,
)

H, W, STEP_S = 90, 160, 0.08
GROUND = gaussian_filter(np.random.default_rng(0).normal(0, 1, (H, 600)), 2)
GROUND = (50 + 12 * GROUND / GROUND.std()).astype(np.float32)


def frame(index: int, disc_x: float, pan_px: float = 0.0) -> np.ndarray:
    """A bright disc of radius 10 at (``disc_x``, 45) before ground that has moved left by ``pan_px``, with noise."""
    x = np.arange(W) + pan_px
    low = x.astype(int)
    rows = GROUND[:, low] * (1 - (x - low)) + GROUND[:, low + 1] * (x - low)
    y, x = np.mgrid[0:H, 0:W]
    shown = np.where((x - disc_x) ** 2 + (y - 45) ** 2 < 100, 90, rows)
    return (shown + np.random.default_rng(index).normal(0, 0.5, shown.shape)).astype(np.float32)


def record_of(frames: list[np.ndarray]) -> MotionRecord:
    maps, steps = [], [Similarity()]
    for before, now in itertools.pairwise(frames):
        steps.append(camera_motion(before, now))
        moved = own_motion(before, now, steps[-1])
        assert moved is not None
        maps.append(moved)
    times = STEP_S * np.arange(len(frames))
    return MotionRecord(times, np.stack([maps[0], *maps]), CameraPath.of_steps(list(times), steps))


def disc_energy(record: MotionRecord, xs: np.ndarray) -> np.ndarray:
    boxes = [(x - 10, 35.0, x + 10, 55.0) for x in xs[::4]]
    return motion_energy(record, list(record.times_s[::4]), boxes, (W, H))


def test_jumps_are_onsets_also_before_a_panning_camera() -> None:
    """A disc hops by 12 px within two frames, three times: an onset at each frame where a hop begins, none else."""
    hops = (15, 32, 50)
    xs = 40 + 6.0 * np.sum([np.clip(np.arange(64) - hop + 1, 0, 2) for hop in hops], axis=0)
    for pan_px in (0.0, 1.3):
        record = record_of([frame(i, x, pan_px * i) for i, x in enumerate(xs)])
        found = onsets_s(record.times_s, disc_energy(record, xs))
        np.testing.assert_allclose(found, STEP_S * np.array(hops), atol=1e-6)


def test_a_still_thing_in_a_moving_camera_has_no_motion() -> None:
    """The disc goes with the ground, the camera pans at 1.3 px a frame: nothing moves by itself, the path adds up to 52 px."""
    xs = 120 - 1.3 * np.arange(41)
    frames = []
    for i, x in enumerate(xs):
        low = round(x)
        frames.append(frame(i, low, 120 - low))
    record = record_of(frames)
    energy = disc_energy(record, xs)
    assert energy.mean() < LEAST_ENERGY
    assert onsets_s(record.times_s, energy) == []
    assert level_curve_db(record.times_s, energy) is None
    assert record.camera.shifts[-1].real * W == pytest.approx(-52, abs=0.5)


def test_a_cut_tells_nothing() -> None:
    """Unlike pictures have no map."""
    assert own_motion(frame(0, 40), frame(1, 40, 300), Similarity()) is None


def test_energy_counts_the_share_of_a_thing_that_changed() -> None:
    """Closed form: one cell of 10 percent within a box of four cells is 2.5 percent, alike at any picture size."""
    maps = np.zeros((2, 22, 40), np.uint8)
    maps[1, 5, 5] = 50
    record = MotionRecord(np.array([0.0, 0.1]), maps, NO_PATH)
    for scale in (1, 4):
        box = tuple(scale * float(v) for v in (20, 20, 28, 28))
        size = (160 * scale, 88 * scale)
        np.testing.assert_allclose(motion_energy(record, [0.0], [box], size), [0, 2.5])


def test_twice_the_motion_is_three_decibels() -> None:
    """Closed form: energy that steps from e to 2 e steps by 10 log10 2; a flat or faint one says nothing."""
    times = STEP_S * np.arange(100)
    energy = np.where(times < 4, 2.0, 4.0)
    gain_db = level_curve_db(times, energy)
    assert gain_db is not None
    assert gain_db[-1] - gain_db[0] == pytest.approx(10 * np.log10(2), abs=0.01)
    assert level_curve_db(times, np.where(times < 4, 0.02, 0.04)) is None
    assert level_curve_db(times, 2 + 0.1 * np.sin(times)) is None


def test_steps_are_counted_and_land_between_swings() -> None:
    """Planted: swings 1.8 times a second, noisy: the period within 2 %, each beat within 60 ms of the least motion."""
    times = STEP_S * np.arange(90)
    swing = np.abs(np.sin(np.pi * 1.8 * (times - 0.13)))
    energy = 3 * swing + np.random.default_rng(3).normal(0, 0.15, len(times))
    period = period_s(times, np.maximum(energy, 0))
    assert period == pytest.approx(1 / 1.8, rel=0.02)
    beats = np.array(beats_s(times, energy, period))
    truth = 0.13 + np.arange(13) / 1.8
    assert len(beats) == pytest.approx(len(truth), abs=1)
    assert max(np.abs(truth - beat).min() for beat in beats) < 0.06
    assert period_s(times, np.full(90, 2.0)) is None
    assert period_s(times, 2 + np.random.default_rng(1).normal(0, 0.5, 90)) is None
