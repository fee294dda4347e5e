"""Our ADM files as the EBU renderer plays them. Oracle: ear 2.1 in an environment of its own (`tests/oracles/ear`)."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np
import pytest

import adm_programmes
from seehear.acoustics.layouts import speaker_gains
from seehear.io.adm.axml import axml_and_tracks
from seehear.types import SURROUND_7_1_4, FloatArray

DATA = np.load(Path(__file__).parents[1] / "oracles" / "ear" / "rendered.npz")
LARGEST, MEDIUM = "9+10+3", "4+7+0"
MOVING = ("around", "overhead", "passing")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.:])")


def energy_vectors(gains: FloatArray, system: str) -> FloatArray:
    """r_E (N, 3), Gerzon 1992, of loudspeaker gains (N, C)."""
    energy = np.where(np.char.startswith(DATA[f"names {system}"], "LFE"), 0.0, gains.astype(float) ** 2)
    return energy @ DATA[f"vectors {system}"] / energy.sum(axis=1, keepdims=True)


def angles_deg(a: FloatArray, b: FloatArray) -> FloatArray:
    """Between rows of (N, 3), of any length."""
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=1) / 2, 0, 1)))


def velocity_vectors(gains: FloatArray, system: str) -> FloatArray:
    """r_V (N, 3) up to its length."""
    return np.where(np.char.startswith(DATA[f"names {system}"], "LFE"), 0.0, gains) @ DATA[f"vectors {system}"]


@pytest.mark.parametrize("name", adm_programmes.PROGRAMMES)
def test_the_metadata_is_what_ear_rendered(name: str) -> None:
    """Otherwise the numbers below say nothing: tests/oracles/ear/make.py has to be run again."""
    axml, tracks = axml_and_tracks(adm_programmes.PROGRAMMES[name]())
    rendered = zlib.decompress(DATA[f"axml {name}"].tobytes()).decode()
    assert NUMBER.sub("#", axml.decode()) == NUMBER.sub("#", rendered)
    ours, theirs = (np.array(NUMBER.findall(text), dtype=float) for text in (axml.decode(), rendered))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-4)
    assert [f"{t.track} {t.uid} {t.track_format} {t.pack}" for t in tracks] == DATA[f"chna {name}"].tolist()


@pytest.mark.parametrize("system", [LARGEST, MEDIUM])
@pytest.mark.parametrize("name", ["static", *MOVING])
def test_objects_are_heard_where_they_are(name: str, system: str) -> None:
    """r_E of the rendered file against r_E of the intended direction in ear's own panner: 1 degree, 0 at rest."""
    heard = energy_vectors(DATA[f"gains {name} {system}"], system)
    wanted = energy_vectors(DATA[f"exact {name} {system}"], system)
    assert angles_deg(heard, wanted).max() < (0.01 if name == "static" else 1.0)


@pytest.mark.parametrize("name", ["static", *MOVING])
def test_objects_point_where_they_should(name: str) -> None:
    """r_V on 9+10+3, which amplitude panning preserves, against the trajectory itself, above the floor where it has speakers."""
    intended = adm_programmes.intended(name)
    assert intended is not None
    above = intended[:, 2] > -0.01
    error = angles_deg(velocity_vectors(DATA[f"gains {name} {LARGEST}"], LARGEST), intended)
    assert above.mean() > 0.8
    assert error[above].max() < 0.5


@pytest.mark.parametrize("name", ["static", *MOVING])
def test_seven_one_four_sounds_as_ours(name: str) -> None:
    """r_E of ear on 4+7+0 against that of our own panning of the intended direction on 7.1.4."""
    intended = adm_programmes.intended(name)
    assert intended is not None
    gains = speaker_gains(SURROUND_7_1_4, intended)
    ours = gains**2 @ SURROUND_7_1_4.vectors  # the LFE's gain is 0
    error = angles_deg(energy_vectors(DATA[f"gains {name} {MEDIUM}"], MEDIUM), ours)
    assert error.max() < (0.01 if name == "static" else 1)
    assert np.median(error) < 0.2


@pytest.mark.parametrize("name", ["static", *MOVING])
def test_nine_ten_three_sounds_as_ours(name: str) -> None:
    """r_E of ear on 9+10+3 against that of our own panning of the intended direction there, on and above the horizon: the same
    at rest, 1 degree in motion (the passing car turns by up to 4 degrees within a block)."""
    intended = adm_programmes.intended(name)
    assert intended is not None
    layout = adm_programmes.NINE_TEN_THREE
    np.testing.assert_allclose(layout.vectors, speakers_at(DATA[f"vectors {LARGEST}"], LARGEST), atol=1e-12)
    ours = speaker_gains(layout, intended) ** 2 @ layout.vectors
    error = angles_deg(energy_vectors(DATA[f"gains {name} {LARGEST}"], LARGEST), ours)[intended[:, 2] > -0.01]
    assert error.max() < {"static": 0.01, "passing": 1.0}.get(name, 0.2)


def speakers_at(rows: FloatArray, system: str) -> FloatArray:
    """Those of the loudspeakers, without the LFEs."""
    return rows[~np.char.startswith(DATA[f"names {system}"], "LFE")]


@pytest.mark.parametrize("system", [LARGEST, MEDIUM])
def test_the_sphere_is_panned_as_ours(system: str) -> None:
    """Every gain of ear's panner for 500 directions above the horizon is ours, to the half precision that they are kept in."""
    directions = adm_programmes.sphere()
    layout = {LARGEST: adm_programmes.NINE_TEN_THREE, MEDIUM: SURROUND_7_1_4}[system]
    above, ours = directions[:, 2] > 0, list(layout.speakers)
    places = (layout.vectors[ours] @ speakers_at(DATA[f"vectors {system}"], system).T).argmax(axis=1)
    theirs = speakers_at(DATA[f"sphere {system}"].astype(float).T, system)[places].T
    np.testing.assert_allclose(speaker_gains(layout, directions)[above][:, ours], theirs[above], rtol=0, atol=2.5e-4)


def test_levels_follow_gain_and_distance() -> None:
    """The power of each point that rests is its gain over its distance, at least 0.5 m: closed form."""
    gains = DATA[f"gains static {LARGEST}"].astype(float)
    wanted = [10 ** (s.gain_db / 20) / max(s.trajectory.distances_m[0], 0.5) for s in adm_programmes.static().objects]
    np.testing.assert_allclose(np.linalg.norm(gains, axis=1), wanted, rtol=1e-5)


@pytest.mark.parametrize("name", MOVING)
def test_levels_follow_the_distance_in_motion(name: str) -> None:
    """1/r of the trajectory, closed form; straight gains between block ends lose at most 0.15 dB, plus the 0.25 dB allowed."""
    source = adm_programmes.PROGRAMMES[name]().objects[0]
    gains = DATA[f"gains {name} {LARGEST}"].astype(float)
    times_s = (np.arange(len(gains)) + 0.5) * adm_programmes.SLOT / adm_programmes.RATE_HZ
    wanted = 1 / np.maximum(source.trajectory.at(times_s)[1], 0.5)
    assert np.abs(20 * np.log10(np.linalg.norm(gains, axis=1) / wanted)).max() < 0.4


def test_wider_is_wider() -> None:
    """The length of r_E falls with the width, the power stays 1, the direction within 8 degrees (ear spreads over a grid)."""
    gains = DATA[f"gains wide {LARGEST}"].astype(float)
    vectors = energy_vectors(gains, LARGEST)
    lengths = np.linalg.norm(vectors, axis=1)
    assert lengths[0] > 0.94 > 0.92 > lengths[1] > 0.9 > 0.76 > lengths[2]
    np.testing.assert_allclose(np.linalg.norm(gains, axis=1), 1, rtol=1e-5)
    assert angles_deg(vectors, np.tile(adm_programmes.WIDE.vector, (3, 1))).max() < 8


@pytest.mark.parametrize("system", [LARGEST, MEDIUM])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_ambisonics_is_what_ear_calls_so(order: int, system: str) -> None:
    """Our plane waves through ear's decoder equal its own plane waves (its SN3D harmonics) through the same decoder."""
    gains, wanted = (DATA[f"{what} waves{order} {system}"] for what in ("gains", "exact"))
    np.testing.assert_allclose(gains, wanted, atol=1e-6)
    intended = adm_programmes.intended(f"waves{order}")
    assert intended is not None
    assert angles_deg(energy_vectors(gains, system), intended).mean() < {1: 15, 2: 6, 3: 3.5}[order]


@pytest.mark.parametrize("name", adm_programmes.SPEAKER_LAYOUTS[1:])
def test_bed_channels_go_to_their_speakers(name: str) -> None:
    """One channel at a time comes out of the loudspeaker at its place alone, with gain 1: the names of BS.2051."""
    system, labels = {
        "stereo": ("0+2+0", "M+030 M-030"),
        "5.1": ("0+5+0", "M+030 M-030 M+000 LFE1 M+110 M-110"),
        "7.1": ("0+7+0", "M+030 M-030 M+000 LFE1 M+135 M-135 M+090 M-090"),
        "5.1.4": ("4+5+0", "M+030 M-030 M+000 LFE1 M+110 M-110 U+030 U-030 U+110 U-110"),
        "7.1.4": ("4+7+0", "M+030 M-030 M+000 LFE1 M+135 M-135 M+090 M-090 U+045 U-045 U+135 U-135"),
    }[name]
    names = DATA[f"names {system}"].tolist()
    wanted = np.eye(len(names))[[names.index(label) for label in labels.split()]]
    np.testing.assert_allclose(DATA[f"gains speakers {name} {system}"], wanted, atol=1e-6)


def test_one_file_holds_everything() -> None:
    """On 4+7+0: an object left at 2 m, a diffuse one, a bed channel (Rb), ambisonics from the back; RIFF and BW64 alike."""
    gains = DATA[f"gains everything {MEDIUM}"].astype(float)
    names = DATA[f"names {MEDIUM}"].tolist()
    np.testing.assert_allclose(gains[0], 0.5 * (np.array(names) == "M+090"), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(gains[1]), 1, rtol=1e-5)
    vectors = energy_vectors(gains, MEDIUM)
    assert np.linalg.norm(vectors[1]) < 0.2
    np.testing.assert_allclose(gains[2], 1.0 * (np.array(names) == "M-135"), atol=1e-6)
    assert angles_deg(vectors[3:], np.array([[-1.0, 0, 0]])).max() < 15
    np.testing.assert_array_equal(DATA[f"gains everything bw64 {MEDIUM}"], DATA[f"gains everything {MEDIUM}"])
