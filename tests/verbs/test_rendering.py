"""Renders of any length at their level. Oracles: the render in one piece, pyloudnorm, scipy's interpolation, planted peaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from scipy.signal import resample_poly

import seehear
from seehear.acoustics.field import Engine
from seehear.acoustics.loudness import LevelPlan, Loudness
from seehear.acoustics.render import render_blocks
from seehear.io.scene import write_scene
from seehear.io.streams import Spool
from seehear.types import FOA, MONO, STEREO, Audio, Direction, Room, Scene, Source, Trajectory, whole
from seehear.verbs.rendering import Levelled, level_notes, levelled_blocks, levels, rendered

RATE = 48_000


def scene(seconds: float, knock: float = 0.0, rate: int = RATE) -> Scene:
    """Noise from the left, with a knock a second that is so much louder."""
    n = round(seconds * rate)
    x = 0.02 * np.random.default_rng(0).standard_normal((1, n))
    beat = np.exp(-np.arange(rate // 50) / 200) * np.sin(2 * np.pi * 400 * np.arange(rate // 50) / rate)
    for start in range(rate // 2, n - rate // 50, rate):
        x[0, start : start + rate // 50] += knock * beat
    source = Source(Audio(x.astype(np.float32), rate, MONO), Trajectory.fixed(Direction(0.5), 2.0), "noise")
    return Scene((source,), Room(), seconds, rate, 3)


def in_blocks(what: Scene, loudness: Loudness, told: list[float]) -> tuple[Levelled, ...]:
    blocks = render_blocks(what, [STEREO, FOA], block_s=0.7)
    return levelled_blocks(blocks, what.n_samples, loudness, told.append)


@pytest.mark.parametrize("knock", [0.0, 0.5])
def test_a_render_through_files_is_that_in_memory(knock: float) -> None:
    """Oracle: the same scene in one block, to the last bit, with and without the limiter; the parts done that are planted."""
    made, told = scene(4.0, knock), []
    for long, short in zip(
        in_blocks(made, Loudness(-18.0), told), rendered(made, [STEREO, FOA], Loudness(-18.0), Engine()).values(), strict=True
    ):
        assert isinstance(long.sound, Spool) and isinstance(short.sound, Audio)
        assert (long.sound.n_samples, long.sound.convention) == (4 * RATE, short.sound.convention)
        np.testing.assert_array_equal(whole(long.sound).samples, short.sound.samples)
        assert (long.plan, long.loudness_lufs, long.true_peak_dbtp) == (short.plan, short.loudness_lufs, short.true_peak_dbtp)
        assert long.plan.limits == bool(knock)
    assert told == pytest.approx([min(0.7 * (i + 1), 4.0) / 4.0 for i in range(6)], abs=1e-9)


@pytest.mark.parametrize("knock", [0.0, 0.5])
def test_what_is_told_is_what_others_measure(knock: float) -> None:
    """pyloudnorm on stereo (0.05 LU), an interpolation by 8 (0.2 dB, white noise): the level is met, the ceiling kept."""
    heard = in_blocks(scene(4.0, knock), Loudness(-21.0, -1.0), [])[0]
    samples = whole(heard.sound).samples.astype(float).T
    lufs = pyloudnorm.Meter(RATE, filter_class="DeMan").integrated_loudness(samples)
    peak = 20 * np.log10(np.abs(resample_poly(samples, 8, 1, axis=0)).max())
    assert heard.loudness_lufs == pytest.approx(lufs, abs=0.05) and lufs == pytest.approx(-21, abs=0.1)
    assert heard.true_peak_dbtp == pytest.approx(peak, abs=0.2) and peak < -0.9
    assert bool(level_notes(heard, Loudness(-21.0))) == bool(knock)


def test_what_peaks_do_to_the_level_is_said() -> None:
    """Planted plans; silence has no level to tell."""
    sound = Audio(np.zeros((1, 10), np.float32), RATE, MONO)
    short = Levelled(sound, LevelPlan(3.0, -1.0, 6.0, 2.5), -16.5, -1.0)
    assert level_notes(short, Loudness(-14.0)) == [
        "Peaks are turned down by up to 6.0 dB, by one gain for all channels.",
        "The level stays at -16.5 LUFS instead of -14: its peaks leave no more room.",
    ]
    assert levels(short) == {"loudness_lufs": -16.5, "true_peak_dbtp": -1.0}
    silent = Levelled(sound, LevelPlan(0.0, -1.0), -np.inf, -np.inf)
    assert level_notes(silent, Loudness()) == [] and levels(silent) == {"loudness_lufs": None, "true_peak_dbtp": None}


def test_a_long_scene_by_the_verb(tmp_path: Path) -> None:
    """Longer than a block: what comes back is in the file (half a step of 24 bits), and is what one block makes."""
    made = scene(20.0, rate=8000)
    write_scene(tmp_path / "scene.json", made, tmp_path / "stems")
    sound = seehear.render(tmp_path / "scene.json", tmp_path / "long.wav", layout="stereo", loudness="-20")
    assert isinstance(sound, Spool)
    back, rate = soundfile.read(tmp_path / "long.wav", dtype="float64", always_2d=True)
    assert (rate, len(back)) == (8000, 160_000)
    np.testing.assert_allclose(back.T, whole(sound).samples, atol=0.51 * 2**-23)
    stem, _ = soundfile.read(tmp_path / "stems" / "01-noise.wav", dtype="float32", always_2d=True)
    as_read = replace(made, sources=(replace(made.sources[0], audio=Audio(stem.T.copy(), 8000, MONO)),))
    short = levelled_blocks(render_blocks(as_read, [STEREO], block_s=30.0), made.n_samples, Loudness(-20.0))[0]
    np.testing.assert_allclose(whole(sound).samples, whole(short.sound).samples, atol=1e-6)
