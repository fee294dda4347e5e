"""Where the EBU renderer plays the objects of our ADM files, beside our own panning: `python bench/adm.py` prints the table.

The renderer's gains are in `tests/oracles/ear/rendered.npz` (made by `make.py` there, in an environment of its own). Of each
object: the angle between where it is meant to be and the energy vector r_E = sum g^2 u / sum g^2 or the velocity vector
r_V = sum g u of the loudspeakers at u (Gerzon 1992). Amplitude panning, BS.2127's and ours, keeps r_V and lets r_E lean towards
the nearer loudspeaker, whatever file it plays. What our file adds is the last column: r_E of the rendered file against r_E of the
very direction put into ear's panner without a file. Mean / largest, in degrees; of objects that move every 20 ms of their 4 s.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from seehear.acoustics.layouts import speaker_gains
from seehear.types import SURROUND_7_1_4, FloatArray

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))
import adm_programmes  # noqa: E402

DATA = np.load(TESTS / "oracles" / "ear" / "rendered.npz")
LARGEST, MEDIUM = "9+10+3", "4+7+0"
MOVING = {"around": "around, 90°/s", "overhead": "left to right overhead, 60°/s", "passing": "passing at 1.5 m, 5 m/s"}
WAVES = ("waves1", "waves2", "waves3")


def energy(gains: FloatArray, system: str) -> FloatArray:
    """r_E (N, 3) without the LFE."""
    return np.where(np.char.startswith(DATA[f"names {system}"], "LFE"), 0.0, gains.astype(float) ** 2) @ DATA[f"vectors {system}"]


def velocity(gains: FloatArray, system: str) -> FloatArray:
    """r_V (N, 3) up to its length, without the LFE."""
    return np.where(np.char.startswith(DATA[f"names {system}"], "LFE"), 0.0, gains.astype(float)) @ DATA[f"vectors {system}"]


def angles_deg(a: FloatArray, b: FloatArray) -> FloatArray:
    """Between rows of (N, 3), of any length."""
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=1) / 2, 0, 1)))


def errors_deg(name: str) -> FloatArray:
    """(N, 5): r_V and r_E on 9+10+3, r_E on 4+7+0, r_E of our 7.1.4, the file's share on 9+10+3."""
    intended = adm_programmes.intended(name)
    assert intended is not None
    ours = speaker_gains(SURROUND_7_1_4, intended) ** 2 @ SURROUND_7_1_4.vectors
    large, medium = (DATA[f"gains {name} {system}"] for system in (LARGEST, MEDIUM))
    columns = (
        angles_deg(velocity(large, LARGEST), intended),
        angles_deg(energy(large, LARGEST), intended),
        angles_deg(energy(medium, MEDIUM), intended),
        angles_deg(ours, intended),
        angles_deg(energy(large, LARGEST), energy(DATA[f"exact {name} {LARGEST}"], LARGEST)),
    )
    return np.stack(columns, axis=1)


def main() -> None:
    columns = ("ear 9+10+3 r_V", "ear 9+10+3 r_E", "ear 4+7+0 r_E", "ours 7.1.4 r_E", "the file's share")
    print(f"| object | {' | '.join(columns)} |\n|---|---|---|---|---|---|")
    static = errors_deg("static")
    places = np.array(adm_programmes.STATIC)
    for elevation in np.unique(places[:, 1]):
        at = places[:, 1] == elevation
        cells = " | ".join(f"{e.mean():.1f} / {e.max():.1f}" for e in static[at].T)
        print(f"| at rest, elevation {elevation:g}°, {at.sum()} directions | {cells} |")
    for name, told in MOVING.items():
        print(f"| {told} | {' | '.join(f'{e.mean():.1f} / {e.max():.1f}' for e in errors_deg(name).T)} |")
    print("\n| ambisonics | ear 9+10+3 r_E | ear 4+7+0 r_E | largest difference to ear's own waves |\n|---|---|---|---|")
    for name in WAVES:
        intended = adm_programmes.intended(name)
        assert intended is not None
        cells, difference = [], 0.0
        for system in (LARGEST, MEDIUM):
            gains, exact = DATA[f"gains {name} {system}"], DATA[f"exact {name} {system}"]
            error = angles_deg(energy(gains, system), intended)
            cells.append(f"{error.mean():.1f} / {error.max():.1f}")
            difference = max(difference, float(np.abs(gains - exact).max()))
        print(f"| order {name[-1]}, {len(intended)} plane waves | {' | '.join(cells)} | {difference:.0e} |")


if __name__ == "__main__":
    main()
