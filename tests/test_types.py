"""The nouns. Oracles: planted bad values, each refused with a sentence that names what is wrong; closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seehear.types import (
    FOA,
    MONO,
    Audio,
    ConceptScores,
    DepthMap,
    Direction,
    Image,
    InputError,
    Region,
    Room,
    Scene,
    Source,
    Trajectory,
    ambisonics,
    layout_named,
    surrounds,
)

SILENCE = Audio(np.zeros((1, 800), np.float32), 8000, MONO)
AHEAD = Trajectory.fixed(Direction(0.0), 2.0)
SOURCE = Source(SILENCE, AHEAD, "dog")
SCENE = Scene((SOURCE,), Room(), 0.1, 8000)
MASK = np.zeros((40, 60), bool)
MASK[10:20, 10:30] = True
REGION = Region(MASK, (10, 10, 30, 20))
ONE = np.ones(1)
HALL = Room("shoebox", (6.0, 5.0, 3.0), (3.0, 2.0, 1.6), 0.5)


def field(n: int, convention: str = "acn-sn3d") -> Audio:
    return Audio(np.zeros((4, n), np.float32), 8000, FOA, convention)  # type: ignore[arg-type]


def test_layouts_are_the_published_ones() -> None:
    """Published numbers: BS.775 and BS.2051 angles and the bits of dwChannelMask in ascending order, heights at 30 degrees;
    (order + 1)^2 ambisonic channels."""
    bits = {
        **{"L": 0x1, "R": 0x2, "C": 0x4, "LFE": 0x8, "Lb": 0x10, "Rb": 0x20, "Ls": 0x200, "Rs": 0x400},
        **{"Ltf": 0x1000, "Rtf": 0x4000, "Ltb": 0x8000, "Rtb": 0x20000},
    }
    angles = {
        "7.1": {"L": 30, "C": 0, "LFE": 0, "Lb": 135, "Ls": 90},
        "5.1.4": {"L": 30, "C": 0, "LFE": 0, "Ls": 110, "Ltf": 30, "Ltb": 110},
        "7.1.4": {"L": 30, "C": 0, "LFE": 0, "Lb": 135, "Ls": 90, "Ltf": 45, "Ltb": 135},
    }
    for name, azimuths in angles.items():
        layout = layout_named(name)
        found = [bits[label] for label in layout.labels]
        assert found == sorted(found) and sum(found) == layout.wav_mask
        for label, azimuth, elevation in zip(layout.labels, layout.azimuths_rad, layout.elevations_rad, strict=True):
            side = -1 if label.startswith("R") else 1
            wanted = side * azimuths[label if side > 0 else "L" + label[1:]]
            assert math.degrees(azimuth) == pytest.approx(wanted), label
            assert math.degrees(elevation) == pytest.approx(30 if "t" in label else 0)
    for order in range(1, 8):
        layout = layout_named("foa" if order == 1 else f"hoa{order}")
        assert (layout.n_channels, layout.order, layout.wav_mask) == ((order + 1) ** 2, order, 0)
    for order in (0, 8):
        with pytest.raises(InputError, match="order from 1 to 7"):
            ambisonics(order)


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "direction of NaN": (lambda: Direction(math.nan), "azimuth must be a finite number"),
    "direction of text": (lambda: Direction("left"), "azimuth must be a finite number"),
    "elevation past the zenith": (lambda: Direction(0.0, 2.0), "elevation must lie in"),
    "elevation of infinity": (lambda: Direction(0.0, math.inf), "elevation must lie in"),
    "samples as a list": (lambda: Audio([[0.0]], 8000, MONO), "float32 of shape .*got list"),
    "samples as float64": (lambda: Audio(np.zeros((1, 8)), 8000, MONO), "got float64"),
    "samples of NaN": (lambda: Audio(np.full((1, 8), np.nan, np.float32), 8000, MONO), "NaN"),
    "too many channels": (lambda: Audio(np.zeros((2, 8), np.float32), 8000, MONO), "has 1 channels"),
    "half a sample a second": (lambda: replace(SILENCE, sample_rate_hz=48000.5), "whole number"),
    "rate of zero": (lambda: replace(SILENCE, sample_rate_hz=0), "whole number"),
    "unheard of convention": (lambda: Audio(np.zeros((4, 8), np.float32), 8000, FOA, "wxyz"), "unknown ambisonic convention"),
    "bed that is no ambisonics": (lambda: Scene((), Room(), 1.0, 8000, bed=SILENCE), "bed must be ambisonic"),
    "bed in FuMa": (lambda: Scene((), Room(), 0.001, 8000, bed=field(8, "fuma")), "bed must be ambisonic.*fuma"),
    "bed of another length": (lambda: Scene((), Room(), 1.0, 8000, bed=field(8)), "bed has 8 samples, the scene 8000"),
    "bed of another rate": (lambda: Scene((), Room(), 0.001, 16000, bed=field(8)), "bed has 8000 Hz"),
    "gain of the bed as text": (lambda: Scene((), Room(), 1.0, 8000, bed_gain_db="loud"), "gain of the bed"),
    "order of speakers": (lambda: MONO.order, "no ambisonic layout"),
    "trajectory of lists": (lambda: Trajectory([0.0], [[1.0, 0.0, 0.0]], [2.0]), "arrays of numbers.*list"),
    "trajectory of one direction": (lambda: Trajectory(ONE, np.array([1.0, 0.0, 0.0]), ONE), "arrays of numbers"),
    "trajectory back in time": (lambda: Trajectory(np.array([1.0, 0.0]), np.eye(3)[:2], np.ones(2)), "must increase"),
    "trajectory behind zero": (lambda: replace(AHEAD, distances_m=-ONE), "positive distances"),
    "source too wide": (lambda: replace(SOURCE, extent_rad=7.0), "extent of 'dog'"),
    "source of no width": (lambda: replace(SOURCE, extent_rad=math.nan), "extent of 'dog'"),
    "gain as text": (lambda: replace(SOURCE, gain_db="loud"), "gain of 'dog'"),
    "room of two lengths": (lambda: replace(HALL, size_m=(6.0, 5.0)), "size of a room"),
    "room of NaN": (lambda: Room("outdoor", listener_m=(0.0, 0.0, math.nan)), "listener of a room"),
    "endless reverberation": (lambda: replace(HALL, rt60_s=math.inf), "positive rt60_s"),
    "listener in the wall": (lambda: replace(HALL, listener_m=(0.0, 2.0, 1.6)), "listener inside"),
    "scene of no sample": (lambda: Scene((), Room(), 1e-9, 8000), "at least one sample"),
    "scene of NaN seconds": (lambda: Scene((), Room(), math.nan, 8000), "at least one sample"),
    "scene at half a sample": (lambda: Scene((), Room(), 1.0, 8000.5), "whole number"),
    "scene of a negative seed": (lambda: replace(SCENE, seed=-1), "seed"),
    "stem of another length": (lambda: replace(SCENE, duration_s=0.2), "stem 'dog' has 800 samples"),
    "stem of another rate": (lambda: replace(SCENE, sample_rate_hz=16000), "stem 'dog' has 8000 Hz"),
    "image of floats": (lambda: Image(np.zeros((4, 4, 3))), "uint8 of shape .*got float64"),
    "image without rows": (lambda: Image(np.zeros((0, 4, 3), np.uint8)), "uint8 of shape"),
    "image as a list": (lambda: Image([[[0, 0, 0]]]), "got list"),
    "focal length of zero": (lambda: Image(np.zeros((4, 4, 3), np.uint8), 0.0), "focal length"),
    "depth of NaN": (lambda: DepthMap(np.array([[0.5, np.nan]], np.float32)), "depth must lie in 0 to 1"),
    "depth past the farthest": (lambda: DepthMap(np.array([[0.5, 1.1]], np.float32)), "depth must lie in 0 to 1"),
    "metres of infinity": (lambda: DepthMap(np.array([[5.0, np.inf]], np.float32), metric=True), "finite"),
    "depth of one row": (lambda: DepthMap(np.zeros(4, np.float32)), "float32 of shape"),
    "depth of float64": (lambda: DepthMap(np.zeros((4, 4))), "got float64"),
    "probability of 7": (lambda: ConceptScores({"dog": 7}, 0.0), "'dog' must lie in 0 to 1"),
    "negative unknown": (lambda: ConceptScores({"dog": 0.5}, -3), "'unknown' must lie in 0 to 1"),
    "probabilities over one": (lambda: ConceptScores({"dog": 0.6, "cat": 0.3}, 0.2), "add up to 1.1"),
    "region of nothing": (lambda: replace(REGION, mask=np.zeros((40, 60), bool)), "not empty"),
    "region of numbers": (lambda: replace(REGION, mask=MASK.astype(float)), "bool mask"),
    "box from right to left": (lambda: replace(REGION, box=(30, 10, 10, 20)), "x0 < x1"),
    "box out of the picture": (lambda: replace(REGION, box=(10, 10, 61, 20)), "x1 <= 60"),
    "box of three edges": (lambda: replace(REGION, box=(10, 10, 30)), "a box needs"),
    "polygon of two points": (lambda: replace(REGION, polygon=((0.0, 0.0), (1.0, 1.0))), "three vertices"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_are_refused(name: str) -> None:
    """Planted: one field is wrong, the sentence names it."""
    make, sentence = BAD[name]
    with pytest.raises(InputError, match=sentence):
        make()


def test_values_at_the_limits_are_taken() -> None:
    """Closed form: the ends of every range belong to it, and numpy's numbers are numbers."""
    for elevation_rad in (math.pi / 2, -np.float64(np.pi) / 2, np.float32(np.pi / 2)):
        assert Direction(np.float32(0.0), elevation_rad).vector[2] == pytest.approx(math.copysign(1, elevation_rad))
    assert Scene((), Room(), 1 / 8000, np.int64(8000)).n_samples == 1
    assert ConceptScores({"dog": 1.0, "cat": np.float32(0.0005)}, 0).top()[0] == ("dog", 1.0)
    assert replace(REGION, box=(0, 0, 60, 40)).box[2] == 60
    assert DepthMap(np.array([[0.0, 1.0]], np.float32)).depth.max() == 1
    assert DepthMap(np.array([[80.0]], np.float32), metric=True).metric
    assert Image(np.zeros((1, 1, 3), np.uint8), np.float32(28)).width_px == 1


def test_beds_are_as_wide_as_the_world() -> None:
    """Closed form: 2 pi surrounds, less does not; a source asks the same rule."""
    assert surrounds(2 * math.pi) and not surrounds(2 * math.pi - 1e-3)
    assert replace(SOURCE, extent_rad=2 * math.pi).is_bed and not replace(SOURCE, extent_rad=3.0).is_bed


def test_a_trajectory_passes_between_its_points() -> None:
    """Closed form: half way between front and left is 45 degrees, half way between 1 and 4 m in log is 2 m; held outside."""
    path = Trajectory(np.array([0.0, 2.0]), np.eye(3)[:2], np.array([1.0, 4.0]))
    directions, distances_m = path.at(np.array([-1.0, 1.0, 9.0]))
    np.testing.assert_allclose(directions, [[1, 0, 0], [math.sqrt(0.5), math.sqrt(0.5), 0], [0, 1, 0]], atol=1e-12)
    np.testing.assert_allclose(distances_m, [1, 2, 4], rtol=1e-12)
