import numpy as np
import pyroomacoustics as pra
import pytest

from seehear.acoustics.absorption import (
    COLOUR_TAPS,
    OCTAVES_HZ,
    SPEED_OF_SOUND_M_S,
    air_attenuation_db_per_m,
    eyring_absorption,
    ground_colouring,
    ground_reflection,
    octave_rt60_s,
    wall_absorption,
    wall_colouring,
)

RATE_HZ = 48000


@pytest.mark.parametrize(
    "temperature_c, humidity_percent, db_per_km",
    [
        (10, 70, [0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117.0]),
        (20, 70, [0.3, 1.1, 2.8, 5.0, 9.0, 22.9, 76.6]),
        (30, 70, [0.3, 1.0, 3.1, 7.4, 12.7, 23.1, 59.3]),
        (15, 20, [0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202.0]),
    ],
)
def test_air_is_the_standards(temperature_c, humidity_percent, db_per_km):
    """Published numbers: ISO 9613-2 table 2, 125 Hz to 8 kHz, printed to 0.1 dB/km (the exact midband frequencies are
    powers of 10^0.3 around 1 kHz)."""
    exact_hz = 1000 * 10 ** (0.3 * np.arange(-3, 4))
    found = 1000 * air_attenuation_db_per_m(exact_hz, temperature_c, humidity_percent)
    np.testing.assert_allclose(found, db_per_km, rtol=0.006, atol=0.05)


def test_absorption_gives_the_wanted_reverberation_time():
    """Independent implementation: pyroomacoustics' Eyring formula returns the RT60 that the absorption was solved for."""
    size, wanted = (7.0, 5.0, 3.0), np.array([0.3, 0.6, 1.5])
    volume, surface = 105.0, 2 * (35 + 21 + 15)
    found = [pra.rt60_eyring(surface, volume, a, 0.0, SPEED_OF_SOUND_M_S) for a in eyring_absorption(size, wanted)]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_mid_frequency_reverberation_is_the_wanted_one():
    """Closed form: without air the mean of the 500 Hz and 1 kHz octaves is the wanted RT60 (ISO 3382-1); air only shortens,
    by less than 5 % there in the hall preset, and at 8 kHz below what air alone allows."""
    assert octave_rt60_s(1.8, air=False)[2:4].mean() == pytest.approx(1.8)
    with_air = octave_rt60_s(1.8, air=True)
    assert (with_air < octave_rt60_s(1.8, air=False)).all()
    assert with_air[2:4].mean() == pytest.approx(1.8, rel=0.05)
    assert with_air[6] < 60 / (SPEED_OF_SOUND_M_S * air_attenuation_db_per_m(OCTAVES_HZ)[6])


def test_ground_reflection_limits():
    """Closed form: hard at low frequency (coefficient 1); far above grazing the plane-wave coefficient (Z sin - 1) /
    (Z sin + 1) remains; at grazing incidence and high frequency sound is reflected inverted."""
    assert ground_reflection(np.array([1.0]), np.array(0.5), np.array(2.0))[0] == pytest.approx(1, abs=0.01)
    frequency, sine = 4000.0, 0.9
    x = frequency / 200
    impedance = 1 + 9.08 * x**-0.75 - 11.9j * x**-0.73
    plane = (impedance * sine - 1) / (impedance * sine + 1)
    assert ground_reflection(np.array([frequency]), np.array(sine), np.array(1e5))[0] == pytest.approx(plane, abs=1e-4)
    assert ground_reflection(np.array([8000.0]), np.array(0.0), np.array(1e6))[0] == pytest.approx(-1, abs=1e-3)


def response(colouring, row, length_m):
    return (colouring.coefficients(np.array([row]), np.array([length_m])) @ colouring.basis)[0]


def test_few_filters_carry_the_colour_of_every_reflection():
    """Closed form: |H| = sqrt(1 - alpha)^n 10^(-a (r - 1) / 20) at the octave centres, for orders and lengths met in a
    room, to 0.25 dB (walls and air together take up to 40 dB)."""
    size, order = (8.0, 6.0, 3.0), 10
    absorption = wall_absorption(size, 0.5)
    colouring = wall_colouring(absorption, order, 60.0, RATE_HZ, air=True)
    bins = np.rint(OCTAVES_HZ[2:7] / RATE_HZ * 8192).astype(int)
    air = air_attenuation_db_per_m(OCTAVES_HZ[2:7])
    for n, r in [(0, 1.0), (0, 4.3), (1, 2.0), (2, 9.1), (5, 20.0), (8, 33.3), (10, 50.0)]:
        expected_db = 10 * n * np.log10(1 - absorption[2:7]) - air * (r - 1)
        found = np.fft.rfft(response(colouring, n, r), 8192)[bins]
        np.testing.assert_allclose(20 * np.log10(np.abs(found)), expected_db, atol=0.25)
    assert len(colouring.basis) <= 9


def test_what_has_no_colour_is_left_alone():
    """Closed form: the direct sound at 1 m is the unit impulse; with equal absorption in all bands and no air, n walls
    scale it by sqrt(1 - alpha)^n, exactly and with a single filter."""
    colouring = wall_colouring(wall_absorption((5, 4, 3), 0.4), 3, 40.0, RATE_HZ, air=True)
    np.testing.assert_allclose(response(colouring, 0, 1.0), np.eye(COLOUR_TAPS)[0], atol=1e-6)
    flat = wall_colouring(np.full(8, 0.36), 4, 40.0, RATE_HZ, air=False)
    assert len(flat.basis) == 1
    np.testing.assert_allclose(response(flat, 4, 17.0), 0.8**4 * np.eye(COLOUR_TAPS)[0], atol=1e-7)


def test_colours_are_in_time():
    """Closed form: the energy of a coloured reflection comes within 16 samples of its time zero: after it for walls (minimum
    phase), and for the ground 99.9 % of it not earlier than the band limit's 16 samples before."""
    walls = response(wall_colouring(wall_absorption((8, 6, 3), 0.5), 6, 60.0, RATE_HZ, air=True), 6, 30.0)
    assert np.sum(walls[:16] ** 2) > 0.98 * np.sum(walls**2)
    ground = ground_colouring(50.0, RATE_HZ, air=False)
    late = response(ground, 20, 5.0)
    assert np.sum(late[: ground.lead_samples - 16] ** 2) < 1e-3 * np.sum(late**2)
