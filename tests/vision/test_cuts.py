"""Cuts between shots. Oracle of every test: planted cuts at known frames of pictures made here."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from seehear.vision.cuts import CutFinder, split_shots

RATE_HZ = 25.0


def ground(seed: int) -> np.ndarray:
    """A soft, coloured, textured strip (90, 400, 3): more than one frame shows of it."""
    rng = np.random.default_rng(seed)
    waves = gaussian_filter(rng.normal(0, 1, (90, 400, 3)), (6, 6, 0))
    return np.clip(rng.uniform(60, 190, 3) + 35 * waves / waves.std(), 0, 255)


A, B, C = ground(1), ground(2), ground(3)


def view(strip: np.ndarray, x: int = 0) -> np.ndarray:
    return strip[:, x : x + 160]


def cuts_of(frames: list[np.ndarray]) -> list[float]:
    """Frame numbers of the cuts that are found, under sensor noise."""
    finder = CutFinder()
    for index, frame in enumerate(frames):
        noise = np.random.default_rng(index).normal(0, 2, frame.shape)
        finder.add(index / RATE_HZ, np.clip(frame + noise, 0, 255).astype(np.uint8))
    return [round(cut * RATE_HZ, 6) for cut in finder.cuts_s()]


def test_hard_cuts_are_found_to_the_frame() -> None:
    """Two cuts in still shots and one between two pans, each at its exact frame."""
    assert cuts_of([view(A)] * 25 + [view(B)] * 17 + [view(C)] * 25) == [25, 42]
    pans = [view(A, 3 * i) for i in range(30)] + [view(B, 3 * i) for i in range(30)]
    assert cuts_of(pans) == [30]


def test_every_picture_of_a_slide_show_is_a_shot() -> None:
    """Three pictures shown for 3 s each, one frame per picture."""
    finder = CutFinder()
    for index, strip in enumerate((A, B, C)):
        finder.add(3.0 * index, view(strip).astype(np.uint8))
    assert finder.cuts_s() == [3.0, 6.0]


@pytest.mark.parametrize("step_px", [2, 8, 20])
def test_a_pan_is_no_cut(step_px: int) -> None:
    """Up to half a picture per second ... three pictures per second."""
    assert cuts_of([view(A, step_px * i) for i in range(240 // step_px)]) == []


def test_a_flash_and_a_lamp_are_no_cuts() -> None:
    """Three frames 120 grey levels brighter; half the light for a second, then all of it; a large thing passes."""
    flash = [view(A) + 120 * (20 <= i < 23) for i in range(50)]
    assert cuts_of(flash) == []
    assert cuts_of([0.5 * view(A)] * 25 + [view(A)] * 25) == []
    y, x = np.mgrid[:90, :160]
    disc = [np.where(((x - 4 * i) ** 2 + (y - 45) ** 2 < 900)[..., None], (220.0, 40, 30), view(A)) for i in range(50)]
    assert cuts_of(disc) == []


def test_fades_and_dissolves_are_one_cut_in_their_middle() -> None:
    """A fade to black for five frames and out of it; a dissolve of 20 frames: found within 3 frames of the middle."""
    fade = [view(A) * max(0, 1 - i / 15) for i in range(20)] + [view(B) * min(1, i / 15) for i in range(30)]
    (middle,) = cuts_of(fade)
    assert abs(middle - 17.5) <= 3
    mix = [(1 - i / 20) * view(A) + i / 20 * view(B) for i in range(20)]
    (middle,) = cuts_of([view(A)] * 30 + mix + [view(B)] * 30)
    assert abs(middle - 40) <= 3


def test_short_shots_join_their_neighbour() -> None:
    """Closed form: no shot is shorter than half a second, all together cover the video, and the longer part is looked at."""
    shots = split_shots([2.0, 2.2, 5.0], 6.0)
    assert [(s.start_s, s.stop_s) for s in shots] == [(0.0, 2.2), (2.2, 5.0), (5.0, 6.0)]
    assert shots[0].seen_s == (0.0, 2.0)
    assert split_shots([], 3.0)[0].seen_s == (0.0, 3.0)
    montage = split_shots([0.3 * i for i in range(1, 10)], 3.0)
    assert min(s.duration_s for s in montage) >= 0.5
    assert montage[0].start_s == 0
    assert montage[-1].stop_s == 3.0
