"""Buses and channels: what several layouts need, and how well fixed filters stand in for head-related ones."""

import numpy as np
import pytest

from seehear.acoustics.binaural import hrir
from seehear.acoustics.layouts import speaker_gains
from seehear.acoustics.panning import Panner, aligned_above_hz, ambisonic_ear_filters
from seehear.acoustics.sphere import directions_of, map_directions, quadrature, real_sh
from seehear.types import BINAURAL, FOA, MONO, STEREO, SURROUND_5_1, SURROUND_7_1_4, ambisonics

RATE_HZ = 48000
GRID = map_directions(19, 10).reshape(-1, 3)


@pytest.mark.parametrize(
    "layouts, n_channels, n_buses",
    [
        ([MONO], 4, 4),
        ([STEREO], 5, 5),
        ([BINAURAL], 2, 16),
        ([FOA, SURROUND_5_1], 9, 9),
        ([FOA, BINAURAL, STEREO], 11, 21),
        ([STEREO, SURROUND_5_1, SURROUND_7_1_4], 16, 16),
        ([FOA, ambisonics(7), BINAURAL], 66, 64),
        ([ambisonics(2), BINAURAL, SURROUND_7_1_4], 22, 27),
    ],
)
def test_only_what_is_needed(layouts, n_channels, n_buses):
    """Closed form: (order + 1)^2 channels of ambisonics, 4 at least, one per loudspeaker (stereo shares those of 5.1), 2 ears
    fed by the 16 buses of order 3."""
    panner = Panner.for_layouts(layouts)
    assert (panner.n_channels, panner.bus_gains(GRID).shape[1]) == (n_channels, n_buses)


def test_channels_are_harmonics_and_speakers():
    """Independent implementation: the amplitude channels are the spherical harmonics and the VBAP gains, LFE left out."""
    gains = Panner.for_layouts([FOA, SURROUND_5_1, BINAURAL]).amplitude_gains(GRID)
    np.testing.assert_allclose(gains[:, :4], real_sh(1, GRID), atol=1e-6)
    np.testing.assert_allclose(gains[:, 4:], speaker_gains(SURROUND_5_1, GRID)[:, [0, 1, 2, 4, 5]], atol=1e-6)


def test_every_layout_finds_its_channels():
    """Independent implementation: `speakers_of` picks each layout's VBAP gains out of the channels of many, in either order."""
    for layouts in ([SURROUND_7_1_4, STEREO, ambisonics(3)], [ambisonics(3), SURROUND_5_1, BINAURAL, SURROUND_7_1_4]):
        panner = Panner.for_layouts(layouts)
        channels = panner.amplitude_gains(GRID).T
        for layout in (SURROUND_5_1, SURROUND_7_1_4):
            expected = speaker_gains(layout, GRID)[:, list(layout.speakers)].T
            np.testing.assert_allclose(panner.speakers_of(layout, channels), expected, atol=1e-6)
        np.testing.assert_allclose(channels[:16], real_sh(3, GRID).T, atol=1e-6)


def test_fixed_filters_stand_in_for_the_head():
    """Independent implementation: over directions between those fitted, order 3 through its fixed filters has the head's
    diffuse-field energy within 1 dB from 300 Hz to 16 kHz, each direction's magnitude within 3.5 dB rms up to 12 kHz and, below
    1.2 kHz, its waveform to -12 dB; nothing is early by more than the head allows."""
    filters = ambisonic_ear_filters(3, RATE_HZ)
    exact = hrir(GRID, RATE_HZ)
    found = np.einsum("nk,ekl->nel", real_sh(3, GRID), filters)
    weights = np.hypot(GRID[:, 0], GRID[:, 1])[:, None, None]
    a, b = np.fft.rfft(exact), np.fft.rfft(found)
    frequencies = np.fft.rfftfreq(exact.shape[-1], 1 / RATE_HZ)

    def energy_db(spectra):
        return 10 * np.log10(np.sum(weights * np.abs(spectra) ** 2, axis=(0, 1)))

    middle = (frequencies > 300) & (frequencies < 16000)
    np.testing.assert_allclose(energy_db(b)[middle], energy_db(a)[middle], atol=1.0)
    audible = (frequencies > 300) & (frequencies < 12000)
    ratio_db = 20 * np.log10(np.abs(b[..., audible]) / np.abs(a[..., audible]))
    assert np.sqrt(np.average(ratio_db**2, weights=np.broadcast_to(weights, ratio_db.shape))) < 3.5
    low = (frequencies > 0) & (frequencies < 1200)
    assert 10 * np.log10(np.sum(np.abs(b - a)[..., low] ** 2) / np.sum(np.abs(a)[..., low] ** 2)) < -12
    early = np.sum(found[..., :8] ** 2) / np.sum(found**2)
    assert 10 * np.log10(early) < -25


OCTAVES_HZ = 250.0 * 2 ** np.arange(6)
FRONT = directions_of(np.radians([0.0, 20, -20, 10, -10]), np.radians([0.0, 0, 0, 10, -10]))


def octave_levels_db(power, rate_hz=RATE_HZ):
    """Level (6,) of a power spectrum (F,) in octave bands from 250 Hz to 8 kHz."""
    f = np.linspace(0, rate_hz / 2, len(power))
    return 10 * np.log10([power[(f > c / 2**0.5) & (f < c * 2**0.5)].mean() for c in OCTAVES_HZ])


@pytest.mark.parametrize("order, front_db", [(1, 2.5), (2, 2.1), (3, 1.6), (5, 0.5), (7, 0.5)])
def test_every_order_keeps_the_spectrum_of_the_head(order, front_db):
    """Independent implementation: beside the same head panned directly, each octave of a diffuse field (a quadrature other than
    the fitted one) is within 0.5 dB at every order, and that of waves around the front within what the order's blur leaves."""
    filters = np.fft.rfft(ambisonic_ear_filters(order, RATE_HZ), 2048)
    points, weights = quadrature(33)
    for directions, shares, tolerance_db in ((points, weights, 0.5), (FRONT, np.full(5, 0.2), front_db)):
        exact = np.fft.rfft(hrir(directions, RATE_HZ), 2048)
        found = np.einsum("nk,ekf->nef", real_sh(order, directions), filters, optimize=True)
        levels = [octave_levels_db(np.einsum("n,nef->f", shares, np.abs(x) ** 2)) for x in (found, exact)]
        np.testing.assert_allclose(levels[0], levels[1], atol=tolerance_db)


def test_phase_is_kept_as_far_as_an_order_reaches():
    """Closed form: N c / (2 pi a) is 624 Hz for order 1 and a head of 8.75 cm; from order 3 on the ear's own 1.5 kHz decides."""
    assert aligned_above_hz(1) == pytest.approx(343.2 / (2 * np.pi * 0.0875), rel=0.005)
    assert aligned_above_hz(2) == pytest.approx(2 * aligned_above_hz(1))
    assert aligned_above_hz(3) == aligned_above_hz(7) == 1500
