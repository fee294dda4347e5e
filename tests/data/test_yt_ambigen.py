"""YT-Ambigen. Oracles: the released formula of its directions, and planted lists and files as its authors' script makes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from panoramic_films import RATE_HZ, panorama, plane_wave, tone, write_film
from seehear.data.clips import Clip
from seehear.data.reading import Missing, of_length
from seehear.data.yt_ambigen import camera_direction, read_clips, read_entries
from seehear.io.opus import write_opus
from seehear.types import FOA, Audio, Direction, InputError


def released(index_elevation: int | np.ndarray, index_azimuth: int | np.ndarray) -> np.ndarray:
    """roty(2 a - 179) rotx(89 - 2 e) (0, 0, 1), x right, y down, z front, as (front, left, up)."""
    a, b = np.radians(2 * np.asarray(index_azimuth) - 179), np.radians(89 - 2 * np.asarray(index_elevation))
    x, y, z = 0, -np.sin(b), np.cos(b)  # rotx: [[1, 0, 0], [0, cos, -sin], [0, sin, cos]]
    right, down, front = (
        np.cos(a) * x + np.sin(a) * z,
        y,
        -np.sin(a) * x + np.cos(a) * z,
    )  # roty: [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    return np.stack(np.broadcast_arrays(front, -right, -down), axis=-1)


def test_directions_are_those_of_the_released_formula() -> None:
    """Oracle: the released matrices, at all 16,200 pairs; the README's azimuth 0 is behind, elevation 0 is above."""
    ours = np.array([[camera_direction(e, a).vector for a in range(180)] for e in range(90)])
    np.testing.assert_allclose(ours, released(np.arange(90)[:, None], np.arange(180)), atol=1e-12)
    assert camera_direction(0, 0).vector == pytest.approx(Direction(np.pi, np.pi / 2).vector, abs=0.025)
    with pytest.raises(InputError, match="in this order, got 90 and 3"):
        camera_direction(90, 3)


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    (tmp_path / "lists").mkdir()
    ids = ["b2VhNUmUV3k_52", "_D7CJg5fvsE_107", "ZT-hByPEOUo_8", "BigJ9LPLEcg_464"]
    (tmp_path / "lists" / "test.csv").write_text("file_path\n" + "".join(f"{i}.npy\n" for i in ids))
    (tmp_path / "lists" / "ambi.json").write_text(json.dumps({i: [40 + k, 60 + 9 * k] for k, i in enumerate(ids)}))
    return tmp_path / "lists"


def test_clips_are_read_and_what_is_missing_is_told(lists: Path, tmp_path: Path) -> None:
    """Planted: a clip whose sound comes from its camera's direction, one without video, one whose sound is
    no sound, one whose sound is cut short. The first has 19 frames of 20, so the last is shown twice; 17 are too few."""
    for folder in ("nfov", "audio"):
        (tmp_path / folder).mkdir()
    entries = read_entries(lists, "test")
    assert (entries[1].youtube_id, entries[1].start_s) == ("_D7CJg5fvsE", 107)
    for k, entry in enumerate(entries):
        sound = plane_wave(tone("dog", 5.0 if k < 3 else 2.0), entry.direction)
        pictures = [panorama(Direction(0.0), "red")[:, 64:192]] * (20 if k else 19)
        write_film(tmp_path / "nfov", entry.clip_id, pictures, np.zeros((1, 8)))
        upsampled = np.repeat(sound, 48_000 // RATE_HZ, axis=1)
        write_opus(tmp_path / "audio" / f"{entry.clip_id}.opus", Audio(upsampled, 48_000, FOA, "acn-sn3d"))
    (tmp_path / "nfov" / f"{entries[1].clip_id}.mp4").unlink()
    (tmp_path / "audio" / f"{entries[2].clip_id}.opus").write_bytes(b"<html>video unavailable</html>")
    found = list(read_clips(lists, tmp_path, "test"))
    assert [type(each) for each in found] == [Clip, Missing, Missing, Missing]
    clip, *missing = found
    assert isinstance(clip, Clip)
    assert clip.frames.shape == (20, 128, 128, 3) and clip.frames_per_s == pytest.approx(4, rel=1e-3)
    assert (clip.frames[19] == clip.frames[18]).all()
    with pytest.raises(InputError, match="x has 17 of 20 frames"):
        of_length(list(clip.frames[:17]), 20, "x")
    assert clip.sound.n_samples == 240_000 and clip.facts["split"] == "test" and clip.facts["start_s"] == 52
    np.testing.assert_allclose(clip.direction.vector, released(40, 60), atol=1e-12)
    w, y, z, x = clip.sound.samples
    heard = np.array([w @ x, w @ y, w @ z]) / (w @ w)
    np.testing.assert_allclose(heard, released(40, 60), atol=0.01)
    reasons = ["does not exist", "is damaged", "of 240000 samples"]
    assert all(reason in each.reason for reason, each in zip(reasons, missing, strict=True))  # type: ignore[union-attr]


def test_lists_that_are_not_the_released_ones_are_refused(lists: Path, tmp_path: Path) -> None:
    """Each message says which file and what it should be."""
    with pytest.raises(InputError, match=r"train.csv does not exist: it is in csv/yt_ambigen"):
        read_entries(lists, "train")
    (lists / "valid.csv").write_text("file_path\nAAAAAAAAAAA_1.npy\n")
    with pytest.raises(InputError, match=r"ambi.json has no direction for AAAAAAAAAAA_1"):
        read_entries(lists, "valid")
    (lists / "valid.csv").write_text("id\nAAAAAAAAAAA_1\n")
    with pytest.raises(InputError, match="no column file_path"):
        read_entries(lists, "valid")
    (lists / "valid.csv").write_bytes(b"file_path\n\xff\xfe")
    with pytest.raises(InputError, match="is not a list of YT-Ambigen"):
        read_entries(lists, "valid")
    with pytest.raises(InputError, match=r"ambi\.json of YT-Ambigen"):
        read_entries(lists / "test.csv", "test")
    with pytest.raises(InputError, match="no folder nfov"):
        next(read_clips(lists, tmp_path / "nowhere", "test"))
    for text in ('{"a": 3}', '{"a": [Infinity, 3]}', '{"a": [NaN, 3]}'):
        (lists / "ambi.json").write_text(text)
        with pytest.raises(InputError, match=r"pairs \[elevation, azimuth\]"):
            read_entries(lists, "test")
