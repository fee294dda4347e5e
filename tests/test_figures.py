"""The explaining picture. Oracles: closed-form levels, an independent PNG reader, planted colours."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image as Pillow

from planted import scenery
from seehear.figures import PALETTE, Mark, channel_levels_db, explain
from seehear.types import FOA, SURROUND_5_1, Audio, Direction, Image, Trajectory


def tone(channels: int, amplitude: float) -> np.ndarray:
    t = np.arange(16000) / 16000
    x = np.zeros((channels, 16000), np.float32)
    x[0] = amplitude * np.sin(2 * np.pi * 100 * t)
    return x


def test_channel_levels() -> None:
    """Closed form: a sine of amplitude a has RMS a / sqrt 2 and peak a; silence is -inf."""
    rms, peak = channel_levels_db(Audio(tone(6, 0.5), 16000, SURROUND_5_1))
    assert rms[0] == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=1e-3)
    assert peak[0] == pytest.approx(20 * math.log10(0.5), abs=1e-2)
    assert np.isneginf(rms[1:]).all()


def test_the_figure_shows_every_source() -> None:
    """Planted: each placed source's colour is in the picture, the same call gives the same bytes, and a PNG reader opens it."""
    times = np.array([0.0, 1.0])
    path = np.stack([Direction(0.5).vector, Direction(-0.5).vector])
    marks = [
        Mark("dog", 0.9, Trajectory(times, path, np.array([2.0, 3.0])), 0.0, (10.0, 20.0, 80.0, 90.0), None),
        Mark(
            "sea",
            None,
            Trajectory.fixed(Direction(0.2), 20.0),
            0.9,
            (0.0, 100.0, 200.0, 120.0),
            ((0.0, 100.0), (200.0, 100.0), (90.0, 120.0)),
        ),
        Mark("wind", None, Trajectory.fixed(Direction(0.0), 1.0), 2 * math.pi, None, None),
    ]
    foa = Audio(tone(4, 0.1), 16000, FOA, "acn-sn3d")
    surround = Audio(tone(6, 0.1), 16000, SURROUND_5_1)
    first, second = (explain(Image(scenery(200, 120)), marks, surround, foa, title="t", hfov_rad=1.0, dpi=60) for _ in range(2))
    assert first == second
    with Pillow.open(io.BytesIO(first)) as opened:
        pixels = np.asarray(opened.convert("RGB")).reshape(-1, 3)
    for colour in PALETTE[:2]:
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        assert (np.abs(pixels - rgb).max(axis=1) <= 2).sum() > 20
