"""Measured heads: the computed head sampled on a grid comes back, also through a loudspeaker without bass."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from seehear.acoustics.binaural import HRIR_DELAY_S, hrir
from seehear.acoustics.field import Engine
from seehear.acoustics.hrtf import MeasuredHead, arrival_samples, solid_angles
from seehear.acoustics.render import render
from seehear.acoustics.sphere import directions_of, quadrature
from seehear.types import BINAURAL, FOA, MONO, Audio, Direction, Hrtf, InputError, Room, Scene, Source, Trajectory

RATE_HZ = 48000


def grid(step_deg=5.0, lowest_deg=-90.0):
    """Unit vectors of rings, thinner towards the poles, which are one point each."""
    rings = []
    for elevation in np.arange(lowest_deg, 90.1, step_deg):
        count = max(1, round(360 / step_deg * np.cos(np.radians(elevation))))
        rings.append(directions_of(np.radians(np.arange(count) * 360 / count), np.full(count, np.radians(elevation))))
    return np.concatenate(rings)


def sampled(directions, rate_hz=RATE_HZ, delay_samples=37):
    """The computed head as if measured: louder, late by an unknown delay, in another room's file."""
    responses = np.pad(3.0 * hrir(directions, rate_hz), ((0, 0), (0, 0), (delay_samples, 64)))
    return Hrtf(directions, responses.astype(np.float32), rate_hz, "computed", "none")


@pytest.fixture(scope="module")
def head():
    return MeasuredHead(sampled(grid()))


def level_difference_db(responses):
    energy = (responses.astype(np.float64) ** 2).sum(axis=-1)
    return 10 * np.log10(energy[:, 0] / energy[:, 1])


def delay_between_s(responses, rate_hz=RATE_HZ):
    """Lag of the best agreement of left and right below 1.5 kHz, from their cross-spectrum, 16 times finer than a sample."""
    n_fft = 4096
    spectra = np.fft.rfft(responses, n_fft)
    cross = spectra[:, 1] * np.conj(spectra[:, 0]) * (np.fft.rfftfreq(n_fft, 1 / rate_hz) < 1500)
    lag = np.fft.irfft(cross, 16 * n_fft).argmax(axis=-1)
    return np.where(lag > 8 * n_fft, lag - 16 * n_fft, lag) / (16 * rate_hz)


@pytest.mark.parametrize("rate_hz", [48000, 44100])
def test_a_sampled_head_is_the_head_between_its_samples(head, rate_hz):
    """Planted answer: the computed head, read at directions between those of the grid, also at another rate."""
    wanted = directions_of(np.radians(np.arange(2.3, 360, 17.0)), np.radians(np.linspace(-50, 60, 22)))
    theirs, ours = head(wanted, rate_hz), hrir(wanted, rate_hz)
    assert theirs.shape == ours.shape
    np.testing.assert_allclose(level_difference_db(theirs), level_difference_db(ours), atol=0.5)
    np.testing.assert_allclose(delay_between_s(theirs, rate_hz), delay_between_s(ours, rate_hz), atol=20e-6)
    frequencies = np.fft.rfftfreq(1024, 1 / rate_hz)
    heard = (frequencies > 200) & (frequencies < 12000)
    difference_db = 20 * np.log10(np.abs(np.fft.rfft(theirs, 1024)[..., heard] / np.fft.rfft(ours, 1024)[..., heard]))
    assert np.sqrt(np.mean(difference_db**2)) < 0.6
    # In sync: the middle of both ears where the computed head has it, within half of 0.1 ms.
    arrivals = arrival_samples(np.stack([theirs, ours]).astype(np.float64), 2048).mean(axis=(1, 2)) / rate_hz
    assert abs(arrivals[0] - arrivals[1]) < 50e-6


def test_a_diffuse_field_keeps_its_level_and_spectrum(head):
    """Closed form: the mean power over all directions is 1 at every frequency (within the smoothing of a sixth of an octave)."""
    everywhere = directions_of(np.radians(np.random.default_rng(0).uniform(0, 360, 1500)), np.arcsin(np.linspace(-1, 1, 1500)))
    power = np.mean(np.abs(np.fft.rfft(head(everywhere, RATE_HZ), 2048)) ** 2, axis=(0, 1))
    frequencies = np.fft.rfftfreq(2048, 1 / RATE_HZ)
    inside = (frequencies > 200) & (frequencies < 14000)
    np.testing.assert_allclose(10 * np.log10(power[inside]), 0, atol=1.0)


THIRDS_HZ = 50.0 * 2 ** (np.arange(25) / 3)


def third_octaves_db(head, rate_hz):
    """Mean level (25,) over the sphere of a head's responses in third-octave bands from 50 Hz to 12.8 kHz."""
    points, shares = quadrature(24)
    power = np.einsum("n,nef->f", shares, np.abs(np.fft.rfft(head(points, rate_hz), 16384)) ** 2) / 2
    f = np.fft.rfftfreq(16384, 1 / rate_hz)
    return 10 * np.log10([power[(f > c * 2 ** (-1 / 6)) & (f < c * 2 ** (1 / 6))].mean() for c in THIRDS_HZ])


@pytest.mark.parametrize("order, rate_hz", [(2, 48000), (4, 44100)])
def test_the_loudspeaker_of_a_measurement_does_not_take_the_bass(order, rate_hz):
    """Planted answer: the computed head measured through a loudspeaker with a high-pass of 100 Hz (12 or 24 dB an octave) has a
    flat diffuse spectrum from 45 Hz on, and between the ears the level and delay it has below 400 Hz without it."""
    plain = sampled(grid(10.0))
    sections = butter(order, 100, "highpass", fs=RATE_HZ, output="sos")
    padded = np.pad(plain.responses, ((0, 0), (0, 0), (0, 512)))
    dull = MeasuredHead(replace(plain, responses=sosfilt(sections, padded, axis=-1).astype(np.float32)))
    np.testing.assert_allclose(third_octaves_db(dull, rate_hz), 0, atol=0.5)
    wanted = directions_of(np.radians([30.0, 90, -60]), np.zeros(3))
    low = np.fft.rfftfreq(16384, 1 / rate_hz)
    low = (low > 50) & (low < 400)
    ratio = [(s := np.fft.rfft(h(wanted, rate_hz), 16384)[..., low])[:, 0] / s[:, 1] for h in (dull, MeasuredHead(plain))]
    np.testing.assert_allclose(20 * np.log10(np.abs(ratio[0] / ratio[1])), 0, atol=0.3)
    delay_s = np.angle(ratio[0] / ratio[1]) / (2 * np.pi * np.fft.rfftfreq(16384, 1 / rate_hz)[(low).nonzero()[0]])
    np.testing.assert_allclose(delay_s, 0, atol=30e-6)


def test_a_measured_direction_comes_back(head):
    """Planted answer: at the directions of the grid the computed head comes back within 0.3 dB rms (200 Hz to 12 kHz), 0.1 dB
    between the ears, and 10 us."""
    wanted = grid()[::37]
    theirs, ours = head(wanted, RATE_HZ), hrir(wanted, RATE_HZ)
    np.testing.assert_allclose(level_difference_db(theirs), level_difference_db(ours), atol=0.1)
    np.testing.assert_allclose(delay_between_s(theirs), delay_between_s(ours), atol=10e-6)
    frequencies = np.fft.rfftfreq(1024, 1 / RATE_HZ)
    heard = (frequencies > 200) & (frequencies < 12000)
    difference_db = 20 * np.log10(np.abs(np.fft.rfft(theirs, 1024)[..., heard] / np.fft.rfft(ours, 1024)[..., heard]))
    assert np.sqrt(np.mean(difference_db**2)) < 0.3


def test_solid_angles_of_rings():
    """Closed form: the points of a ring share the band between its neighbours; without a lower cap the lowest ring gets it."""
    whole = grid(10.0)
    areas = solid_angles(whole)
    equator = np.abs(whole[:, 2]) < 1e-9
    band = np.sin(np.radians(5.0))  # of the sphere between -5 and 5 degrees
    assert areas[equator].sum() == pytest.approx(band, rel=0.01)
    capless = grid(10.0, lowest_deg=-40.0)
    lowest = capless[:, 2] < np.sin(np.radians(-39))
    assert solid_angles(capless)[lowest].sum() == pytest.approx((1 - np.sin(np.radians(35))) / 2, rel=0.01)


def test_a_render_takes_the_head():
    """Planted: the same scene through the computed head and through its samples differs little, and not at all in ambisonics."""
    noise = 0.1 * np.random.default_rng(1).standard_normal((1, RATE_HZ // 2)).astype(np.float32)
    place = Trajectory.fixed(Direction(np.radians(50), np.radians(10)), 2.0)
    room = Room("shoebox", (6.0, 5.0, 3.0), (3.0, 2.0, 1.5), 0.4)
    scene = Scene((Source(Audio(noise, RATE_HZ, MONO), place, "wind"),), room, 0.5, RATE_HZ)
    other = Engine(head=MeasuredHead(sampled(grid())))
    ours, field = render(scene, [BINAURAL, FOA], level_lufs=None)
    theirs, same = render(scene, [BINAURAL, FOA], level_lufs=None, engine=other)
    assert np.array_equal(field.samples, same.samples)
    assert not np.array_equal(ours.samples, theirs.samples)
    level_db = 10 * np.log10((theirs.samples**2).sum(axis=1) / (ours.samples**2).sum(axis=1))
    np.testing.assert_allclose(level_db, 0, atol=0.7)


@pytest.mark.parametrize(
    ("directions", "said"),
    [(grid()[grid()[:, 0] > 0.1], "surround"), (grid(60.0)[:5], "at least 12 directions")],
)
def test_heads_that_cannot_be_used(directions, said):
    """Planted: half a sphere, and five directions."""
    with pytest.raises(InputError, match=said):
        MeasuredHead(sampled(directions))(np.array([[1.0, 0, 0]]), RATE_HZ)


def test_the_delay_of_a_response_is_found():
    """Closed form: a pulse at a known fraction of a sample."""
    n = np.arange(256)
    responses = np.stack([np.sinc(n - at) * np.exp(-(((n - at) / 20) ** 2)) for at in (40.0, 41.25, 80.5)])
    np.testing.assert_allclose(arrival_samples(responses, 1024), (40.0, 41.25, 80.5), atol=0.15)
    assert HRIR_DELAY_S > 0
