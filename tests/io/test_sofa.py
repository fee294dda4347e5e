"""Heads from SOFA files. Oracle: files written by `sofar`, the reference implementation of AES69 in Python."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import sofar

from seehear.acoustics.hrtf import MeasuredHead
from seehear.acoustics.sphere import directions_of, quadrature
from seehear.io.sofa import read_sofa
from seehear.types import InputError

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "media"
AZIMUTH_DEG = np.tile(np.arange(0, 360, 30.0), 5)
ELEVATION_DEG = np.repeat([-60.0, -30, 0, 30, 60], 12)


def write(path, **changes):
    file = sofar.Sofa("SimpleFreeFieldHRIR")
    file.Data_IR = np.random.default_rng(0).standard_normal((60, 2, 32))
    file.Data_SamplingRate = 44100
    file.SourcePosition = np.stack([AZIMUTH_DEG, ELEVATION_DEG, np.full(60, 1.4)], axis=1)
    file.GLOBAL_License = "CC0"
    file.GLOBAL_DatabaseName = "planted"
    for name, value in changes.items():
        setattr(file, name, value)
    sofar.write_sofa(str(path), file)
    return file


def test_what_was_written_is_read(tmp_path):
    """Round trip: responses, rate, credits, and directions in our axes (azimuth counter-clockwise, as in SOFA)."""
    file = write(tmp_path / "head.sofa")
    head = read_sofa(tmp_path / "head.sofa")
    np.testing.assert_allclose(head.responses, file.Data_IR, rtol=1e-6)
    assert (head.sample_rate_hz, head.name, head.licence) == (44100, "head.sofa (planted)", "CC0")
    np.testing.assert_allclose(head.directions, directions_of(np.radians(AZIMUTH_DEG), np.radians(ELEVATION_DEG)), atol=1e-9)
    assert head.directions[3 + 24] == pytest.approx([0, 1, 0], abs=1e-9)  # 90 degrees is left


def test_cartesian_positions_delays_and_distances(tmp_path):
    """Planted: the same directions as x y z; two samples of delay for the right ear; a second sphere at 3 m is left out."""
    directions = directions_of(np.radians(AZIMUTH_DEG), np.radians(ELEVATION_DEG))
    radii = np.where(np.arange(60) % 2, 1.2, 3.0)[:, None]
    file = write(
        tmp_path / "head.sofa",
        SourcePosition=directions * radii,
        SourcePosition_Type="cartesian",
        SourcePosition_Units="metre",
        Data_Delay=np.array([[0.0, 2.0]]),
    )
    head = read_sofa(tmp_path / "head.sofa")
    np.testing.assert_allclose(head.directions, directions[1::2], atol=1e-9)
    np.testing.assert_allclose(head.responses[:, 0, :32], file.Data_IR[1::2, 0], rtol=1e-6)
    np.testing.assert_allclose(head.responses[:, 1, 2:], file.Data_IR[1::2, 1], rtol=1e-6)
    assert not head.responses[:, 1, :2].any()


def test_files_that_are_no_head(tmp_path):
    """Planted: text, an empty file, no file, one ear, a file of rooms, a silent response, too few directions."""
    (tmp_path / "text.sofa").write_text("not a head" * 50)
    (tmp_path / "empty.sofa").write_bytes(b"")
    write(tmp_path / "silent.sofa", Data_IR=np.zeros((60, 2, 32)))
    write(tmp_path / "few.sofa", Data_IR=np.ones((5, 2, 32)), SourcePosition=np.eye(5, 3) * 9 + 1)
    write(tmp_path / "other.sofa")
    with netCDF4.Dataset(tmp_path / "other.sofa", "a") as other:
        other.SOFAConventions = "SingleRoomSRIR"
    whole = (tmp_path / "silent.sofa").read_bytes()
    (tmp_path / "cut.sofa").write_bytes(whole[: len(whole) // 2])
    for name, said in (
        ("text", "not a SOFA file"),
        ("empty", "empty|not a SOFA file"),
        ("missing", "no such file|does not exist|not exist"),
        ("silent", "silent"),
        ("few", "at least 12 directions"),
        ("other", "SimpleFreeFieldHRIR"),
        ("cut", "not a SOFA file"),
    ):
        with pytest.raises(InputError, match=said):
            read_sofa(tmp_path / f"{name}.sofa")


def without(path, name):
    """A copy of ``path`` that lacks a variable, or with ``Variable:Attribute`` an attribute."""
    variable, _, attribute = name.partition(":")
    target = path.with_name("without.sofa")
    with netCDF4.Dataset(path) as old, netCDF4.Dataset(target, "w") as new:
        new.setncatts({key: old.getncattr(key) for key in old.ncattrs()})
        for key, dimension in old.dimensions.items():
            new.createDimension(key, len(dimension))
        for key, values in old.variables.items():
            if key == variable and not attribute:
                continue
            copy = new.createVariable(key, values.dtype, values.dimensions)
            copy.setncatts({a: values.getncattr(a) for a in values.ncattrs() if (key, a) != (variable, attribute)})
            copy[:] = values[:]
    return target


def edited(path, name, value):
    """``path``, with every value of a variable replaced."""
    with netCDF4.Dataset(path, "a") as file:
        file[name][:] = value
    return path


def test_files_without_what_may_be_missing(tmp_path):
    """Planted: without delays there are none, positions of no type are spherical; what cannot be told is asked for by name."""
    file = write(tmp_path / "head.sofa")
    for name in ("Data.Delay", "SourcePosition:Type", "ReceiverPosition", "ListenerView"):
        head = read_sofa(without(tmp_path / "head.sofa", name))
        np.testing.assert_allclose(head.responses, file.Data_IR, rtol=1e-6)
        np.testing.assert_allclose(head.directions, directions_of(np.radians(AZIMUTH_DEG), np.radians(ELEVATION_DEG)), atol=1e-9)
    for name in ("Data.SamplingRate", "SourcePosition"):
        with pytest.raises(InputError, match=f"has no {name.replace('.', '_')}"):
            read_sofa(without(tmp_path / "head.sofa", name))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Data.SamplingRate", np.nan, "Data_SamplingRate that is empty, NaN or infinite"),
        ("Data.SamplingRate", 1e9, r"sample rate of 1e\+09 Hz: 8000 to 192000 Hz"),
        ("Data.SamplingRate", 7999.0, "8000 to 192000 Hz"),
        ("Data.Delay", np.nan, "Data_Delay that is empty, NaN or infinite"),
        ("Data.Delay", -1.0, "cannot be those of a head"),
        ("Data.Delay", 99999.0, "60 responses of 2.27 s with their delays: at most 1 s"),
        ("Data.IR", np.inf, "Data_IR that is empty, NaN or infinite"),
        ("SourcePosition", np.nan, "SourcePosition that is empty, NaN or infinite"),
        ("ListenerView", [0.0, 1, 0], r"looks to \(0, 1, 0\): only files with the view along x"),
        ("ListenerUp", [0.0, 0, -1], r"has its top at \(0, 0, -1\)"),
    ],
)
def test_damaged_fields_are_named(tmp_path, name, value, said):
    """Planted: values that no measurement has, and a head that looks aside."""
    write(tmp_path / "head.sofa", ListenerUp=[0, 0, 1], ListenerView=[1, 0, 0])
    with pytest.raises(InputError, match=said):
        read_sofa(edited(tmp_path / "head.sofa", name, value))


def test_one_silent_ear_is_refused(tmp_path):
    """Planted: of one direction the right ear was not measured."""
    responses = np.random.default_rng(0).standard_normal((60, 2, 32))
    responses[7, 1] = 0
    write(tmp_path / "head.sofa", Data_IR=responses)
    with pytest.raises(InputError, match="every direction needs both ears"):
        read_sofa(tmp_path / "head.sofa")


def test_ears_stand_left_then_right(tmp_path):
    """Planted: a file whose first receiver is on the right, in cartesian and in spherical coordinates."""
    for position, kind, units in (
        ([[0, -0.09, 0], [0, 0.09, 0]], "cartesian", "metre"),
        ([[270, 0, 0.09], [90, 0, 0.09]], "spherical", "degree, degree, metre"),
    ):
        changes = {"ReceiverPosition": np.array(position), "ReceiverPosition_Type": kind, "ReceiverPosition_Units": units}
        file = write(tmp_path / "head.sofa", **changes)
        np.testing.assert_allclose(read_sofa(tmp_path / "head.sofa").responses, file.Data_IR[:, ::-1], rtol=1e-6)


@pytest.mark.skipif(not MEDIA.exists(), reason="the folder of real recordings is not here")
def test_kemar_as_published():
    """Published numbers: Gardner & Martin 1995 (710 directions, 44.1 kHz); the delay between the ears follows Woodworth's
    formula for a head of 8.75 cm within a fifth, and the nearer ear is louder. Closed form: a diffuse field keeps its third
    octaves from 40 Hz to 16 kHz within 1.5 dB (1891 directions, where the mean has settled), though the file is 23 dB
    down at 40 Hz."""
    measured = read_sofa(MEDIA / "hrtf_rir" / "mit_kemar_normal_pinna.sofa")
    assert (measured.responses.shape, measured.sample_rate_hz) == ((710, 2, 512), 44100)
    assert "Gardner and Martin" in measured.licence
    azimuth = np.radians([30.0, 60.0, 90.0])
    responses = MeasuredHead(measured)(directions_of(azimuth, np.zeros(3)), 48000)
    energy = (responses.astype(np.float64) ** 2).sum(axis=-1)
    assert (energy[:, 0] > 4 * energy[:, 1]).all()
    spectra = np.fft.rfft(responses, 4096)
    cross = spectra[:, 1] * np.conj(spectra[:, 0]) * (np.fft.rfftfreq(4096, 1 / 48000) < 3000)
    lag_s = np.fft.irfft(cross, 16 * 4096)[:, : 16 * 100].argmax(axis=1) / (16 * 48000)
    points, shares = quadrature(60)
    power = np.einsum("n,nef->f", shares, np.abs(np.fft.rfft(MeasuredHead(measured)(points, 48000), 16384)) ** 2) / 2
    f = np.fft.rfftfreq(16384, 1 / 48000)
    thirds = 45.0 * 2 ** (np.arange(26) / 3)  # from 40 Hz to 16 kHz
    levels_db = 10 * np.log10([power[(f > c * 2 ** (-1 / 6)) & (f < c * 2 ** (1 / 6))].mean() for c in thirds])
    np.testing.assert_allclose(levels_db, 0, atol=1.5)
    woodworth_s = 0.0875 / 343 * (azimuth + np.sin(azimuth))
    np.testing.assert_allclose(lag_s, woodworth_s, rtol=0.2)
