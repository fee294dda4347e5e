"""A followed point. Oracle: planted paths of a patch over a textured ground."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.types import InputError
from seehear.vision.following import follow_middle


def film(path: np.ndarray, size: int = 24, side: int = 128, drift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """A patch whose top left corner is at ``path`` (F, 2), before a ground that drifts; NaN where it is not there."""
    rng = np.random.default_rng(1)
    ground = rng.integers(60, 120, (2 * side, 2 * side, 3), dtype=np.uint8)
    patch = rng.integers(100, 255, (size, size, 3), dtype=np.uint8)
    frames = []
    for k, (x, y) in enumerate(path):
        frame = np.roll(ground, (k * drift[1], k * drift[0]), (0, 1))[:side, :side].copy()
        if np.isfinite(x):
            frame[int(y) : int(y) + size, int(x) : int(x) + size] = patch
        frames.append(frame)
    return np.stack(frames)


@pytest.mark.parametrize("start", [0, 7, 15])
def test_a_planted_path_is_found_forwards_and_backwards(start: int) -> None:
    """Oracle: the planted path, a spiral of up to 10 pixels a frame before a ground that moves the other way; to the pixel."""
    turn = np.linspace(0, 2 * np.pi, 16)
    path = np.rint(np.stack([52 + 20 * np.cos(turn), 52 + 25 * np.sin(turn)], axis=-1))
    x, y = path[start]
    found = follow_middle(film(path, drift=(3, -2)), start, (x, y, x + 24, y + 24))
    np.testing.assert_allclose(found, path + 12, atol=0.01)


def test_what_is_hidden_or_leaves_is_lost() -> None:
    """Planted: gone after frame 5; from frame 3 on in a flat picture nothing can be told."""
    path = np.array([[20.0 + 4 * k, 50.0] for k in range(10)])
    path[6:] = np.nan
    found = follow_middle(film(path, drift=(5, 5)), 2, (28, 50, 52, 74))
    assert np.isfinite(found[:6]).all() and np.isnan(found[6:]).all()
    flat = np.full((4, 64, 64, 3), 90, np.uint8)
    assert np.isnan(np.delete(follow_middle(flat, 1, (20, 20, 40, 40)), 1, axis=0)).all()
    with pytest.raises(InputError, match="frame 4"):
        follow_middle(flat, 4, (0, 0, 9, 9))
