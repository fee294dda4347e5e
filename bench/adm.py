"""Our ADM files in the EBU renderer, beside our own panning and renders.

`python bench/adm.py` prints where that renderer plays the objects; its gains are in `tests/oracles/ear/rendered.npz` (made by
`make.py` there, in an environment of its own). Angles are between energy vectors r_E = sum g^2 u / sum g^2 or velocity vectors
r_V = sum g u of the loudspeakers at u (Gerzon 1992) and where an object is meant to be. Amplitude panning, BS.2127's and ours,
lets r_E lean towards the nearer loudspeaker, whatever file it plays. What our file adds is the column of its share: r_E of the
rendered file against r_E of the very direction put into ear's panner without a file. Mean / largest, in degrees; of objects that
move every 20 ms of their 4 s.

`python bench/adm.py .../bin/ear-render [SCENE.json ...]` has that program render ADM files of scenes to 4+7+0 and tells how far
that is from our own 7.1.4, LFE included: level of the difference, largest difference of the level of a loudspeaker that is at
most 30 dB softer than all together, and that of all together.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from seehear.acoustics.layouts import speaker_gains
from seehear.acoustics.loudness import Loudness
from seehear.acoustics.render import render
from seehear.io.adm.common import pack_of
from seehear.io.adm.write import write_adm
from seehear.io.audio import open_audio
from seehear.io.scene import read_scene
from seehear.types import MONO, SURROUND_7_1_4, Audio, FloatArray, Room, Scene, Source, Trajectory, discrete, whole
from seehear.verbs.objects import programme_of

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


OURS = {LARGEST: adm_programmes.NINE_TEN_THREE, MEDIUM: SURROUND_7_1_4}


def our_energy(directions: FloatArray, system: str) -> FloatArray:
    """r_E (N, 3) up to its length of our own panning; the LFE's gain is 0."""
    return speaker_gains(OURS[system], directions) ** 2 @ OURS[system].vectors


def apart_deg(name: str) -> FloatArray:
    """(N, 2): between r_E of ear's render of the file and of our panning of the intended direction, on 9+10+3 and on 4+7+0."""
    intended = adm_programmes.intended(name)
    assert intended is not None
    gains = {system: DATA[f"gains {name} {system}"] for system in OURS}
    return np.stack([angles_deg(energy(gains[x], x), our_energy(intended, x)) for x in OURS], axis=1)


def errors_deg(name: str) -> FloatArray:
    """(N, 6): r_V and r_E on 9+10+3, ours there, r_E on 4+7+0, ours in 7.1.4, the file's share on 9+10+3."""
    intended = adm_programmes.intended(name)
    assert intended is not None
    large, medium = (DATA[f"gains {name} {system}"] for system in (LARGEST, MEDIUM))
    columns = (
        angles_deg(velocity(large, LARGEST), intended),
        angles_deg(energy(large, LARGEST), intended),
        angles_deg(our_energy(intended, LARGEST), intended),
        angles_deg(energy(medium, MEDIUM), intended),
        angles_deg(our_energy(intended, MEDIUM), intended),
        angles_deg(energy(large, LARGEST), energy(DATA[f"exact {name} {LARGEST}"], LARGEST)),
    )
    return np.stack(columns, axis=1)


def cells_of(rows: FloatArray) -> str:
    return " | ".join(f"{column.mean():.1f} / {column.max():.1f}" for column in rows.T)


def print_objects() -> None:
    systems = ("ear 9+10+3 r_V", "ear 9+10+3 r_E", "ours 9+10+3 r_E", "ear 4+7+0 r_E", "ours 7.1.4 r_E", "the file's share")
    columns = (*systems, "ear to ours, 9+10+3", "ear to ours, 4+7+0")
    print(f"| object | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    static = np.concatenate([errors_deg("static"), apart_deg("static")], axis=1)
    places = np.array(adm_programmes.STATIC)
    for elevation in np.unique(places[:, 1]):
        at = places[:, 1] == elevation
        print(f"| at rest, elevation {elevation:g}°, {at.sum()} directions | {cells_of(static[at])} |")
    for name, told in MOVING.items():
        print(f"| {told} | {cells_of(np.concatenate([errors_deg(name), apart_deg(name)], axis=1))} |")


def print_sphere() -> None:
    directions = adm_programmes.sphere()
    apart = [angles_deg(energy(DATA[f"sphere {x}"], x), our_energy(directions, x)) for x in OURS]
    elevations_deg = np.degrees(np.arcsin(directions[:, 2]))
    spans = " | ".join(f"{x}: mean / largest | below 3 degrees" for x in OURS)
    print(f"\n| directions over the sphere, ear to ours, r_E | {spans} |\n|---|---|---|---|---|")
    for low, high in ((30, 90), (0, 30), (-90, 0)):
        at = (elevations_deg > low) & (elevations_deg <= high)
        cells = (f"{x[at].mean():.1f} / {x[at].max():.1f} | {np.mean(x[at] < 3):.0%}" for x in apart)
        print(f"| {at.sum()}, elevation {low} to {high}° | {' | '.join(cells)} |")


def print_waves() -> None:
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


def scenes() -> Iterator[tuple[str, Scene]]:
    """Things that make a noise of their own for four seconds, at rest and in motion, in rooms and outdoors."""
    rate_hz, duration_s = 48_000, 4.0
    hall = Room("shoebox", (8.0, 6.0, 3.0), (4.0, 3.0, 1.6), 0.6)
    times_s = np.linspace(0, duration_s, 41)

    def noise(seed: int) -> Audio:
        samples = np.random.default_rng(seed).standard_normal((1, round(duration_s * rate_hz)))
        return Audio((0.9 * samples / np.abs(samples).max()).astype(np.float32), rate_hz, MONO)

    def at(seed: int, azimuth_deg: float, elevation_deg: float, distance_m: float, extent_deg: float = 0.0) -> Source:
        place = Trajectory.fixed(adm_programmes.direction(azimuth_deg, elevation_deg), distance_m)
        return Source(noise(seed), place, f"noise {seed}", extent_rad=np.radians(extent_deg), lfe=seed == 1)

    def moving(seed: int, x_m: FloatArray, y_m: FloatArray, z_m: float) -> Source:
        places_m = np.stack([x_m, y_m, np.full_like(x_m, z_m)], axis=1)
        distances_m = np.linalg.norm(places_m, axis=1)
        return Source(noise(seed), Trajectory(times_s, places_m / distances_m[:, None], distances_m), f"noise {seed}")

    def scene(room: Room, *sources: Source) -> Scene:
        return Scene(sources, room, duration_s, rate_hz, seed=1, listener=adm_programmes.direction(20, 0))

    rest = at(1, 40, 10, 2.0), at(2, -100, 0, 1.5)
    rain = replace(at(3, 0, 0, 1.0, 360.0), gain_db=-12.0)
    road = np.linspace(-10, 10, 41)
    yield "two at rest, one from everywhere, in a hall", scene(hall, *rest, rain)
    yield "the same outdoors, and one 60 m away", scene(Room("outdoor"), *rest, rain, at(4, 5, 1, 60.0))
    yield "one walks around, level, in a hall", scene(hall, moving(5, 1.5 * np.cos(times_s), 1.5 * np.sin(times_s), 0.0))
    yield "one passes at 1.5 m, 0.3 m up, outdoors", scene(Room("outdoor"), moving(6, road, np.full(41, -1.5), 0.3))
    yield "one 20 degrees wide, dry", scene(Room(), at(7, 60, 15, 2.0, 20.0))
    yield "one 90 degrees wide, dry", scene(Room(), at(8, 30, 0, 2.0, 90.0))


def print_scene(ear_render: str, name: str, scene: Scene) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, heard = Path(folder) / "adm.wav", Path(folder) / "heard.wav"
        write_adm(file, programme_of(scene, Loudness()))
        subprocess.run([ear_render, "--strict", "-s", MEDIUM, file, heard], check=True, stderr=subprocess.DEVNULL)
        theirs = whole(open_audio(heard, discrete(SURROUND_7_1_4.n_channels))).samples
    (audio,) = render(scene, [SURROUND_7_1_4])
    ours = audio.samples[list(pack_of(SURROUND_7_1_4)[2])]
    own, other, difference = (np.mean(np.square(x, dtype=float), axis=1) for x in (ours, theirs, theirs - ours))
    loud = own > 1e-3 * own.sum()
    widest = np.abs(10 * np.log10(other[loud] / own[loud])).max()
    less_db, more_db = (10 * np.log10(x.sum() / own.sum()) for x in (difference, other))
    print(f"| {name} | {less_db:.0f} | {widest:.1f} | {round(more_db, 2) + 0:.2f} |")


def main() -> None:
    if len(sys.argv) > 1:
        print("| scene | ear less ours, dB | largest difference of a loudspeaker, dB | of all, dB |\n|---|---|---|---|")
        for name, scene in (*scenes(), *((path, read_scene(path)) for path in sys.argv[2:])):
            print_scene(sys.argv[1], name, scene)
    else:
        print_objects()
        print_sphere()
        print_waves()


if __name__ == "__main__":
    main()
