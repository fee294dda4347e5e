import math

import numpy as np
import pytest
from scipy.signal import fftconvolve

from seehear.acoustics.extent import decorrelators, spread
from seehear.acoustics.sphere import direction_of_arrival, real_sh
from seehear.types import Direction, InputError

RATE = 48000
FRONT_LEFT = Direction(0.7, 0.3).vector


def copies_of(x, n, seed):
    """Decorrelated copies (n, T) of ``x`` (T,), without the filters' delay."""
    filters = decorrelators(n, RATE, np.random.default_rng(seed))
    half = filters.shape[1] // 2
    return fftconvolve(np.asarray(x, np.float32)[None], filters, axes=1)[:, half : half + len(x)]


def third_octave_db(power, f, low_hz=100):
    centres = 1000 * 2.0 ** (np.arange(-10, 13) / 3)
    bands = [power[..., (f >= c * 2 ** (-1 / 6)) & (f < c * 2 ** (1 / 6))].mean(axis=-1) for c in centres if c >= low_hz]
    return 10 * np.log10(np.stack(bands, axis=-1))


@pytest.mark.parametrize("extent_deg", [5, 20, 90, 180, 300])
def test_cap_is_centred_and_full(extent_deg):
    """Closed form: a uniform cap of half-angle a has its mean at cos^2(a / 2) along its axis; all points lie within a."""
    half = math.radians(extent_deg / 2)
    d = spread(FRONT_LEFT, 2 * half, 400)
    np.testing.assert_allclose(d.mean(axis=0), math.cos(half / 2) ** 2 * FRONT_LEFT, atol=1e-12)
    angles = np.arccos(np.clip(d @ FRONT_LEFT, -1, 1))
    assert angles.max() <= half
    assert angles.max() > 0.95 * half
    np.testing.assert_allclose(np.linalg.norm(d, axis=1), 1, atol=1e-12)


def test_point_and_sphere():
    """Closed form: 0 is the direction itself; a whole sphere has the diffuse covariance of SN3D, diag(1, 1/3, 1/3, 1/3)."""
    np.testing.assert_allclose(spread(FRONT_LEFT, 0.0), [FRONT_LEFT])
    harmonics = real_sh(1, spread(FRONT_LEFT, 2 * math.pi))
    np.testing.assert_allclose(harmonics.T @ harmonics / len(harmonics), np.diag([1, 1 / 3, 1 / 3, 1 / 3]), atol=0.01)


def test_the_cap_turns_with_a_moving_source():
    """Closed form: turning the source around the vertical axis turns every virtual direction by the same rotation."""
    for azimuth, elevation in ((1.0, 0.2), (3.0, -0.9), (-2.0, 1.3)):
        turn = np.array([[np.cos(azimuth), -np.sin(azimuth), 0], [np.sin(azimuth), np.cos(azimuth), 0], [0, 0, 1]])
        still = spread(Direction(0.0, elevation).vector, 0.5)
        np.testing.assert_allclose(spread(Direction(azimuth, elevation).vector, 0.5), still @ turn.T, atol=1e-12)


@pytest.mark.parametrize("extent_rad", [-0.1, 7.0])
def test_extent_out_of_range(extent_rad):
    """Planted fault."""
    with pytest.raises(InputError, match="extent"):
        spread(FRONT_LEFT, extent_rad)


@pytest.mark.parametrize("n", [1, 5, 8, 24])
def test_filters_are_all_pass(n):
    """Closed form: unit energy; every third octave above 50 Hz within 1 dB of flat."""
    filters = decorrelators(n, RATE, np.random.default_rng(0)).astype(np.float64)
    np.testing.assert_allclose((filters**2).sum(axis=1), 1, atol=1e-5)
    power = np.abs(np.fft.rfft(filters, 1 << 16)) ** 2
    assert np.abs(third_octave_db(power, np.fft.rfftfreq(1 << 16, 1 / RATE), 50)).max() < 1


@pytest.mark.parametrize("n", range(4, 25, 2))
def test_the_sum_adds_up_in_energy(n):
    """Closed form: n incoherent copies at 1 / sqrt n sum to unit power: 0.1 dB in the bass, 0.3 dB above, for every number
    that `spread` makes; 1 dB in each octave from 500 Hz, where at most a few dozen knots average out."""
    f = np.fft.rfftfreq(1 << 14, 1 / RATE)
    for seed in range(3):
        total = decorrelators(n, RATE, np.random.default_rng(seed)).astype(np.float64).sum(axis=0) / math.sqrt(n)
        power = np.abs(np.fft.rfft(total, 1 << 14)) ** 2
        assert 10 * math.log10(power[(f > 50) & (f < 140)].mean()) == pytest.approx(0, abs=0.1)
        assert 10 * math.log10(power[f > 150].mean()) == pytest.approx(0, abs=0.3)
        octaves = [power[(f >= c / 2**0.5) & (f < c * 2**0.5)].mean() for c in (500, 1000, 2000, 4000, 8000, 16000)]
        assert np.abs(10 * np.log10(octaves)).max() < 1


def test_copies_of_noise_keep_energy_and_are_uncorrelated():
    """Planted answer: white noise in; equal energy (1 %), right length; in the octaves from 200 Hz a pairwise correlation as
    small as independent phases at the knots make it (about ten of them in the lower octaves, so 0.3), 0.2 from 3.2 kHz."""
    x = np.random.default_rng(0).normal(size=4 * RATE).astype(np.float32)
    copies = copies_of(x, 10, 1)
    assert copies.shape == (10, len(x))
    assert copies.dtype == np.float32
    np.testing.assert_allclose((copies**2).sum(axis=1), (x**2).sum(), rtol=0.01)
    spectra = np.fft.rfft(copies)
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    pairs = np.triu_indices(10, 1)
    for low in (200, 400, 800, 1600, 3200, 6400, 12800):
        band = spectra[:, (f >= low) & (f < 2 * low)]
        covariance = (band @ band.conj().T).real
        energy = np.diag(covariance)
        assert np.abs(covariance / np.sqrt(energy[:, None] * energy))[pairs].mean() < (0.3 if low < 3200 else 0.2), low
    assert np.abs(np.corrcoef(copies))[pairs].max() < 0.2


@pytest.mark.parametrize("extent_deg", [8, 40, 140])
def test_a_wide_source_is_heard_from_its_middle(extent_deg):
    """Planted answer: the intensity of an extended pink source in first-order ambisonics points at its centre (0.1 degrees)."""
    rng = np.random.default_rng(0)
    pink = np.fft.irfft(np.exp(2j * np.pi * rng.random(RATE + 1)) / np.sqrt(np.maximum(np.arange(RATE + 1), 40)))
    directions = spread(FRONT_LEFT, math.radians(extent_deg))
    field = real_sh(1, directions).T @ copies_of(pink, len(directions), 1)
    assert math.degrees(math.acos(min(1.0, direction_of_arrival(field).vector @ FRONT_LEFT))) < 0.1


def test_transients_stay_short_and_in_sync():
    """Planted answer: a click's copies have their energy around its own time, 80 % of it within 20 ms."""
    x = np.zeros(RATE, np.float32)
    x[RATE // 2] = 1
    copies = copies_of(x, 6, 2).astype(np.float64)
    t = (np.arange(RATE) - RATE // 2) / RATE
    share = np.cumsum(copies**2, axis=1)
    early, late = (share < 0.1).sum(axis=1), (share < 0.9).sum(axis=1)
    assert ((late - early) / RATE).max() < 0.020
    assert np.abs(copies**2 @ t).max() < 0.003


def test_same_seed_same_bytes():
    """Round trip: the filters depend on the generator and on nothing else."""
    first, again, other = (decorrelators(4, RATE, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes() != other.tobytes()
