"""ADM files as written: chunks, samples, bytes, and trajectories as blocks."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

import adm_programmes
from seehear.io.adm.axml import axml_and_tracks
from seehear.io.adm.motion import TICKS_PER_S, Block, blocks_of, ticks
from seehear.io.adm.programme import Bed, Programme
from seehear.io.adm.write import write_adm
from seehear.io.riff import chunks, riff_form
from seehear.types import FOA, LAYOUTS, MONO, Audio, Direction, FloatArray, InputError, Source, Trajectory, ambisonics

RATE_HZ = 48_000


def noise(n_channels: int, n_samples: int, seed: int = 0) -> np.ndarray:
    """Exact 24-bit steps, so that what is read can be compared without tolerance."""
    rng = np.random.default_rng(seed)
    return (rng.integers(-(2**22), 2**22, (n_channels, n_samples)) / 2**23).astype(np.float32)


def point(samples: np.ndarray, label: str = "thing", **more: float) -> Source:
    return Source(Audio(samples, RATE_HZ, MONO), Trajectory.fixed(Direction(0.5), 2.0), label, **more)  # type: ignore[arg-type]


def test_stems_come_back_as_they_were(tmp_path: Path) -> None:
    """Track by track, by soundfile: objects, the 7.1.4 bed with sides before backs (BS.2051), ambisonics in ACN order."""
    stem, bed, field = noise(1, 3000), noise(12, 3000, 1), noise(9, 3000, 2)
    beds = (
        Bed(Audio(bed, RATE_HZ, LAYOUTS["7.1.4"]), "bed"),
        Bed(Audio(field, RATE_HZ, ambisonics(2), "acn-sn3d"), "field"),
    )
    write_adm(tmp_path / "a.wav", Programme((point(stem, gain_db=-12.0),), beds))
    read, rate_hz = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate_hz == RATE_HZ
    assert soundfile.info(tmp_path / "a.wav").subtype == "PCM_24"
    in_bs_2051_order = bed[[0, 1, 2, 3, 6, 7, 4, 5, 8, 9, 10, 11]]
    np.testing.assert_array_equal(read.T, np.concatenate([stem, in_bs_2051_order, field]))


def test_chunks_are_those_of_bs_2088(tmp_path: Path) -> None:
    """fmt, chna before data, axml behind it, names padded to 40 bytes an entry."""
    write_adm(tmp_path / "a.wav", adm_programmes.everything())
    with (tmp_path / "a.wav").open("rb") as file:
        assert riff_form(file) == (b"RIFF", b"WAVE")
        found = {each.name: each for each in chunks(file)}
        chna = found[b"chna"].body(file, 1 << 20)
        axml = found[b"axml"].body(file, 1 << 20)
    assert list(found) == [b"fmt ", b"chna", b"data", b"axml"]
    n = 2 + 12 + 4
    assert struct.unpack("<HH", chna[:4]) == (n, n)
    assert len(chna) == 4 + 40 * n
    assert chna[4:44] == struct.pack("<H", 1) + b"ATU_00000001AT_00031001_01AP_00031001\0"
    assert (
        chna[4 + 40 * 6 : 4 + 40 * 7] == struct.pack("<H", 7) + b"ATU_00000007AT_0001000a_01AP_00010017\0"
    )  # M+090 is the fifth
    assert axml == axml_and_tracks(adm_programmes.everything())[0]


def test_long_files_are_bw64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of RIFF, lowered here: the form, and the lengths in ds64 are those of the file."""
    monkeypatch.setattr("seehear.io.adm.write._MOST_RIFF_BYTES", 0)
    write_adm(tmp_path / "a.wav", Programme((point(noise(1, 1001)),)))
    raw = (tmp_path / "a.wav").read_bytes()
    assert raw[:16] == b"BW64\xff\xff\xff\xffWAVEds64"
    assert struct.unpack("<QQQ", raw[20:44]) == (len(raw) - 8, 3003, 1001)


def test_same_programme_same_bytes(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write_adm(tmp_path / name, adm_programmes.passing())
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_muted_objects_are_left_out() -> None:
    """The planted label is gone, and the others are as without it."""
    loud, quiet = point(noise(1, 100)), point(noise(1, 100), "secret", muted=True)
    assert axml_and_tracks(Programme((quiet, loud))) == axml_and_tracks(Programme((loud,)))


def test_names_of_any_kind_are_readable_xml() -> None:
    """What XML must escape is escaped, what it cannot hold replaced; by the standard library's parser."""
    from xml.etree import ElementTree

    axml, _ = axml_and_tracks(Programme((point(noise(1, 10), 'a <b> & "c" \x00 \x1f é \ud800'),)))
    names = [e.get("audioObjectName") for e in ElementTree.fromstring(axml).iter() if e.tag.endswith("}audioObject")]
    assert names == ['a <b> & "c" \ufffd \ufffd é \ufffd']


def test_what_pcm_cannot_hold_is_refused(tmp_path: Path) -> None:
    loud = noise(1, 100)
    loud[0, 70] = 1.5
    with pytest.raises(InputError, match=r"'thing' reaches \+3.5 dBFS"):
        write_adm(tmp_path / "a.wav", Programme((point(loud),)))
    assert list(tmp_path.iterdir()) == []


def test_programmes_that_make_no_sense_are_refused() -> None:
    """Nothing to hear, two lengths, another convention, a layout that ADM has no pack for."""
    with pytest.raises(InputError, match="at least one object"):
        Programme((point(noise(1, 10), muted=True),))
    with pytest.raises(InputError, match="one rate and one length, got 10 samples at 48000 Hz, 11 samples"):
        Programme((point(noise(1, 10)), point(noise(1, 11))))
    with pytest.raises(InputError, match="must be acn-sn3d, got fuma"):
        Bed(Audio(noise(4, 10), RATE_HZ, FOA, "fuma"), "bed")
    for layout in (LAYOUTS["binaural"], ambisonics(7)):
        with pytest.raises(InputError, match=f"ADM has no pack for {layout.name}"):
            Bed(Audio(noise(layout.n_channels, 10), RATE_HZ, layout), "bed")


# ------------------------------------------------------------------------------------------- motion


def lerp_heard(blocks: tuple[Block, ...], times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Directions (N, 3) and gains (N,) by BS.2076: straight in angles, the shorter way round, and in gain."""
    ends_s = np.array([b.start_ticks + b.duration_ticks for b in blocks]) / TICKS_PER_S
    azimuth = np.unwrap([math.radians(b.azimuth_deg) for b in blocks])
    elevation = np.radians([b.elevation_deg for b in blocks])
    azimuth, elevation = np.interp(times_s, ends_s, azimuth), np.interp(times_s, ends_s, elevation)
    level = np.cos(elevation)
    directions = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=1)
    return directions, np.interp(times_s, ends_s, [b.gain for b in blocks])


def wandering(seed: int) -> Trajectory:
    """A random walk of 20 points in 10 s, anywhere on the sphere, up to 0.3 to 20 m away."""
    rng = np.random.default_rng(seed)
    times_s = np.sort(rng.uniform(0.2, 9.5, 20))
    places = np.cumsum(rng.normal(0, 0.35, (20, 3)), axis=0) + rng.normal(0, 1, 3)
    distances_m = np.clip(np.linalg.norm(places, axis=1), 0.3, 20)
    return Trajectory(times_s, places / np.linalg.norm(places, axis=1, keepdims=True), distances_m)


@pytest.mark.parametrize("seed", range(8))
def test_blocks_follow_the_trajectory(seed: int) -> None:
    """Straight ways between blocks, by BS.2076's rule, stay within 1 degree and 0.3 dB of the trajectory and 1/r, closed form."""
    trajectory = wandering(seed)
    source = Source(Audio(np.zeros((1, 10), np.float32), RATE_HZ, MONO), trajectory, "walk", gain_db=6.0)
    blocks = blocks_of(source, 10 * TICKS_PER_S)
    starts = [b.start_ticks for b in blocks]
    assert starts == [0, *np.cumsum([b.duration_ticks for b in blocks])[:-1]]
    assert sum(b.duration_ticks for b in blocks) == 10 * TICKS_PER_S
    times_s = np.arange(0.01, 10, 0.02)  # between the frames of 20 ms that the blocks were fitted at
    directions, gains = lerp_heard(blocks, times_s)
    wanted, distances_m = trajectory.at(times_s)
    speed = np.degrees(np.linalg.norm(np.diff(wanted, axis=0), axis=1)).max()
    error = np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(directions - wanted, axis=1) / 2, 0, 1)))
    assert error.max() < 1 + 0.5 * speed  # a turn within a frame is cut off
    assert np.median(error) < 0.3
    level_db = 20 * np.log10(gains * np.maximum(distances_m, 0.5)) - 6.0
    assert np.quantile(np.abs(level_db), 0.95) < 0.3
    assert len(blocks) < 250


def test_what_rests_is_one_block() -> None:
    """Gain and distance law in closed form: +6 dB at 4 m, and clamped at 0.5 m; what is everywhere knows no distance."""
    for distance_m, extent_rad, gain in ((4.0, 0.0, 10**0.3 / 4), (0.1, 0.0, 10**0.3 * 2), (4.0, 2 * math.pi, 10**0.3)):
        audio = Audio(np.zeros((1, 10), np.float32), RATE_HZ, MONO)
        source = Source(audio, Trajectory.fixed(Direction(-0.5, 0.25), distance_m), "a", 6.0, extent_rad)
        (block,) = blocks_of(source, 12345)
        assert (block.start_ticks, block.duration_ticks) == (0, 12345)
        np.testing.assert_allclose(
            (block.azimuth_deg, block.elevation_deg, block.gain), (math.degrees(-0.5), math.degrees(0.25), gain)
        )


def test_a_long_rest_is_one_long_block() -> None:
    """Fifty minutes of rest with one second of motion in it takes few blocks, and no work to speak of."""
    times_s = np.array([0.0, 900.0, 901.0])
    directions = np.array([Direction(a).vector for a in (0.0, 0.0, 1.0)])
    source = Source(Audio(np.zeros((1, 10), np.float32), RATE_HZ, MONO), Trajectory(times_s, directions, np.ones(3)), "a")
    blocks = blocks_of(source, 3000 * TICKS_PER_S)
    assert len(blocks) < 60
    assert max(b.duration_ticks for b in blocks) > 600 * TICKS_PER_S


def test_no_sample_is_without_metadata() -> None:
    """Five decimals, rounded up: 100 samples at 44.1 kHz are 2.26757 ms."""
    assert ticks(100, 44_100) == 227
    assert ticks(48_000 * 3600, 48_000) == 3600 * TICKS_PER_S
