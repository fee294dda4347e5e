"""Programmes whose ADM files the EBU renderer has rendered (`tests/oracles/ear`).

`python tests/adm_programmes.py FOLDER` writes them, where things should be heard beside them (.npy), and directions
over the sphere.

A sound is steady (0.5) where it is on, so that what a renderer gives out is its gains. Where many things are tried in one file,
each is on in a slot of its own.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np

from seehear.acoustics.sphere import directions_of, real_sh
from seehear.io.adm.common import SPEAKERS
from seehear.io.adm.programme import Bed, Programme
from seehear.io.adm.write import write_adm
from seehear.types import LAYOUTS, MONO, Audio, Direction, FloatArray, Layout, Source, Trajectory, ambisonics

RATE_HZ = 48_000
LEVEL = 0.5
SLOT = 960
"""Samples of a slot: 20 ms."""
MOTION_S = 4.0
STATIC = (
    *((azimuth, 0.0) for azimuth in range(-165, 181, 15)),
    *((azimuth, 30.0) for azimuth in range(-150, 181, 30)),
    *((azimuth, 60.0) for azimuth in range(-120, 181, 60)),
    (0.0, 90.0),
    *((azimuth, -20.0) for azimuth in range(-120, 181, 60)),
)
"""Azimuths and elevations in degrees."""
WAVES = tuple((azimuth, elevation) for elevation in (0.0, 30.0) for azimuth in range(-135, 181, 45))
"""Where the plane waves of the ambisonic beds come from."""
SPEAKER_LAYOUTS = ("mono", "stereo", "5.1", "7.1", "5.1.4", "7.1.4")
WIDTHS_DEG = (20.0, 60.0, 120.0)
WIDE = Direction(math.radians(60), math.radians(15))


def _nine_ten_three() -> Layout:
    """System H of BS.2051 (22.2) without its LFEs, in the order of its Table 10: a layout for panning, not one of ours."""
    front = "M+060 M-060 M+000 M+135 M-135 M+030 M-030 M+180 M+090 M-090"
    names = f"{front} U+045 U-045 U+000 T+000 U+135 U-135 U+090 U-090 U+180 B+000 B+045 B-045".split()
    places = {label: (math.radians(azimuth), math.radians(elevation)) for label, azimuth, elevation in SPEAKERS.values()}
    azimuths_rad, elevations_rad = zip(*(places[name] for name in names), strict=True)
    return Layout("9+10+3", "speakers", tuple(names), azimuths_rad, elevations_rad)


NINE_TEN_THREE = _nine_ten_three()


def sphere() -> FloatArray:
    """Unit vectors (1000, 3) evenly over the sphere: a Fibonacci spiral."""
    index = np.arange(1000)
    return directions_of(index * math.pi * (3 - math.sqrt(5)), np.arcsin(1 - (2 * index + 1) / 1000))


def in_slot(index: int, n_slots: int) -> Audio:
    """A mono sound that is on in one slot of many."""
    samples = np.zeros((1, n_slots * SLOT), dtype=np.float32)
    samples[:, index * SLOT : (index + 1) * SLOT] = LEVEL
    return Audio(samples, RATE_HZ, MONO)


def steady(duration_s: float) -> Audio:
    return Audio(np.full((1, round(duration_s * RATE_HZ)), LEVEL, dtype=np.float32), RATE_HZ, MONO)


def direction(azimuth_deg: float, elevation_deg: float) -> Direction:
    return Direction(math.radians(azimuth_deg), math.radians(elevation_deg))


def static() -> Programme:
    """A point in every direction of `STATIC`; distances from 0.25 to 8 m, gains from -6 to +6 dB."""
    return Programme(
        tuple(
            Source(
                in_slot(i, len(STATIC)),
                Trajectory.fixed(direction(*place), 0.25 * 2 ** (i % 6)),
                f"{place[0]:g} {place[1]:g}",
                gain_db=(i % 5 - 2) * 3.0,
            )
            for i, place in enumerate(STATIC)
        )
    )


def wide() -> Programme:
    """One direction in several widths, at 1 m."""
    return Programme(
        tuple(
            Source(in_slot(i, len(WIDTHS_DEG)), Trajectory.fixed(WIDE, 1.0), f"{width:g}", extent_rad=math.radians(width))
            for i, width in enumerate(WIDTHS_DEG)
        )
    )


def _moving(directions: FloatArray, distances_m: FloatArray, times_s: FloatArray, label: str) -> Programme:
    return Programme((Source(steady(MOTION_S), Trajectory(times_s, directions, distances_m), label),))


def around() -> Programme:
    """Once around the listener, level, over the seam at the back."""
    times_s = np.linspace(0, MOTION_S, 41)
    return _moving(directions_of(2.0 + 2 * np.pi * times_s / MOTION_S, 0 * times_s), np.ones(41), times_s, "around")


def overhead() -> Programme:
    """From the left over the zenith to the right, and nowhere else before 0.5 s and after 3.5 s."""
    times_s = np.linspace(0.5, 3.5, 31)
    angle = np.pi * (times_s - 0.5) / 3
    directions = np.stack([0 * angle, np.cos(angle), np.sin(angle)], axis=1)
    return _moving(directions, np.full(31, 2.0), times_s, "overhead")


def passing() -> Programme:
    """Along a straight road 1.5 m to the right and 0.3 m up, from 10 m behind to 10 m ahead: 5 m/s."""
    times_s = np.linspace(0, MOTION_S, 61)
    places_m = np.stack([-10 + 20 * times_s / MOTION_S, np.full(61, -1.5), np.full(61, 0.3)], axis=1)
    distances_m = np.linalg.norm(places_m, axis=1)
    return _moving(places_m / distances_m[:, None], distances_m, times_s, "passing")


def waves(order: int) -> Programme:
    """An ambisonic bed of plane waves, one per slot."""
    azimuths_deg, elevations_deg = np.array(WAVES).T
    weights = real_sh(order, directions_of(np.radians(azimuths_deg), np.radians(elevations_deg)))
    samples = np.repeat(LEVEL * weights.T, SLOT, axis=1).astype(np.float32)
    return Programme((), (Bed(Audio(samples, RATE_HZ, ambisonics(order), "acn-sn3d"), "waves"),))


def speakers(name: str) -> Programme:
    """A bed of loudspeakers, one on per slot, in the order of the layout."""
    layout = LAYOUTS[name]
    samples = np.repeat(LEVEL * np.eye(layout.n_channels, dtype=np.float32), SLOT, axis=1)
    return Programme((), (Bed(Audio(samples, RATE_HZ, layout), name),))


def everything() -> Programme:
    """An object, a thing from everywhere, a muted one, and both kinds of beds in one file."""
    n = 4 * SLOT
    objects = (
        Source(in_slot(0, 4), Trajectory.fixed(direction(90, 0), 2.0), "dog & <bone>"),
        Source(in_slot(1, 4), Trajectory.fixed(direction(0, 0), 5.0), "rain", extent_rad=2 * math.pi),
        Source(steady(n / RATE_HZ), Trajectory.fixed(direction(0, 0), 1.0), "muted", muted=True),
    )
    bed, field = np.zeros((12, n), dtype=np.float32), np.zeros((4, n), dtype=np.float32)
    bed[5, 2 * SLOT : 3 * SLOT] = LEVEL
    field[:, 3 * SLOT :] = LEVEL * np.array([[1.0], [0], [0], [-1]])
    beds = (
        Bed(Audio(bed, RATE_HZ, LAYOUTS["7.1.4"]), "bed"),
        Bed(Audio(field, RATE_HZ, ambisonics(1), "acn-sn3d"), "field"),
    )
    return Programme(objects, beds)


PROGRAMMES = {
    "static": static,
    "wide": wide,
    "around": around,
    "overhead": overhead,
    "passing": passing,
    "waves1": lambda: waves(1),
    "waves2": lambda: waves(2),
    "waves3": lambda: waves(3),
    **{f"speakers {name}": lambda name=name: speakers(name) for name in SPEAKER_LAYOUTS},
    "everything": everything,
}


def intended(name: str) -> FloatArray | None:
    """Unit vectors (N, 3) of what is heard in the middle of each slot; None for files of loudspeakers and of everything."""
    if name.startswith("waves"):
        return np.array([direction(*place).vector for place in WAVES])
    if name.startswith("speakers") or name == "everything":
        return None
    objects = PROGRAMMES[name]().objects
    n_slots = objects[0].audio.n_samples // SLOT
    times_s = (np.arange(n_slots) + 0.5) * SLOT / RATE_HZ
    if len(objects) == 1:
        return objects[0].trajectory.at(times_s)[0]
    return np.concatenate([source.trajectory.directions for source in objects])


if __name__ == "__main__":
    for key, make in PROGRAMMES.items():
        write_adm(Path(sys.argv[1]) / f"{key}.wav", make(), force=True)
        if (vectors := intended(key)) is not None:
            np.save(Path(sys.argv[1]) / f"{key}.npy", vectors)
    np.save(Path(sys.argv[1]) / "sphere.npy", sphere())
    with patch("seehear.io.adm.write._MOST_RIFF_BYTES", 0):  # as if it were larger than 4 GB
        write_adm(Path(sys.argv[1]) / "everything bw64.wav", everything(), force=True)
