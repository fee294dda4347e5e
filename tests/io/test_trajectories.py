"""Tables of trajectories: what a spreadsheet sees, the way back, and every way to be wrong."""

import csv
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from seehear.io.trajectories import read_trajectories, write_trajectories
from seehear.types import Direction, InputError, Scene, Trajectory
from written_scenes import example


def moving() -> Scene:
    one = example()
    path = Trajectory(
        np.array([0.0, 0.1, 0.4]),
        np.stack([Direction(math.radians(a), math.radians(e)).vector for a, e in ((90, 0), (-45, 30), (180, -60))]),
        np.array([1.0, 2.0, 0.5]),
    )
    return replace(one, sources=(one.sources[0], replace(one.sources[2], trajectory=path, label='a "dog", two'), one.sources[1]))


def test_a_table_says_angles_and_metres(tmp_path):
    """Closed form: polar to Cartesian, x front, y left, z up, by Python's csv reader; what is all around has no row."""
    write_trajectories(tmp_path / "t.csv", moving())
    rows = list(csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8", newline="")))
    assert [(row["source"], row["label"]) for row in rows] == [("1", "dog"), *[("2", 'a "dog", two')] * 3]
    assert [float(row["azimuth_deg"]) for row in rows[1:]] == [90, -45, 180] and rows[0]["azimuth_deg"] == "30.0"
    for row in rows:
        azimuth, elevation, distance = (float(row[name]) for name in ("azimuth_deg", "elevation_deg", "distance_m"))
        level = distance * math.cos(math.radians(elevation))
        expected = (level * math.cos(math.radians(azimuth)), level * math.sin(math.radians(azimuth)))
        assert (float(row["x_m"]), float(row["y_m"])) == pytest.approx(expected, abs=1e-8)
        assert float(row["z_m"]) == pytest.approx(distance * math.sin(math.radians(elevation)), abs=1e-8)


@pytest.mark.parametrize("dropped", ["x_m", "azimuth_deg"])
def test_a_table_comes_back(tmp_path, dropped):
    """Round trip: by angles, and without them by x, y, z; other columns and a byte order mark are no harm."""
    write_trajectories(tmp_path / "t.csv", moving())
    rows = list(csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8", newline="")))
    with (tmp_path / "t.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, [name for name in rows[0] if name != dropped] + ["note"])
        table.writeheader()
        table.writerows({**{k: v for k, v in row.items() if k != dropped}, "note": "x"} for row in rows)
    back = read_trajectories(tmp_path / "t.csv", moving())
    assert list(back) == [0, 1]
    for index, path in back.items():
        expected = moving().sources[index].trajectory
        assert np.array_equal(path.times_s, expected.times_s)
        np.testing.assert_allclose(path.directions, expected.directions, atol=1e-8)
        np.testing.assert_allclose(path.distances_m, expected.distances_m, atol=1e-8)


HEAD = "source,label,time_s,azimuth_deg,elevation_deg,distance_m\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "has no column source: needed are source, time_s and azimuth_deg"),
        ("source,time_s,x_m\n", "has no column y_m"),
        (HEAD, "has no rows"),
        (HEAD + "9,dog,0,0,0,1\n", "line 2: source must be a number from 1 to 3, got '9'"),
        (HEAD + "dog,dog,0,0,0,1\n", "got 'dog'"),
        (HEAD + "1,cat,0,0,0,1\n", "source 1 is 'dog' in the scene, not 'cat'"),
        (HEAD + "1,dog,0,left,0,1\n", "line 2: azimuth_deg must be a number, got 'left'"),
        (HEAD + "1,dog,0,0\n", "elevation_deg must be a number, got ''"),
        (HEAD + "1,dog,0,0,0,0\n", "distance_m must be 0.01 to 10000, got 0"),
        (HEAD + "1,dog,0,nan,0,1\n", "azimuth_deg must be -360 to 360, got nan"),
        (HEAD + "1,dog,0,0,91,1\n", "elevation_deg must be -90 to 90"),
        (HEAD + "1,dog,1e9,0,0,1\n", "time_s must be -21600 to 21600"),
        (HEAD + "1,dog,1,0,0,1\n1,dog,1,5,0,1\n", "source 1: trajectory times must increase"),
        ("source,time_s,x_m,y_m,z_m\n1,0,0,0,0\n", "the distance must be 0.01 to 10000 m, got 0"),
        ("\udcff", "is no table of trajectories"),
        (HEAD + '1,"' + "x" * 200_000 + '",0,0,0,1\n', "is no table of trajectories"),
    ],
)
def test_wrong_tables_are_refused_with_their_line(tmp_path, text, message):
    """Planted faults, one each."""
    (tmp_path / "t.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_trajectories(tmp_path / "t.csv", moving())
    assert "t.csv" in str(caught.value) and "\n" not in str(caught.value)
