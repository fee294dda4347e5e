import os
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S
from seehear.acoustics.binaural import HEAD_RADIUS_M, HRIR_DELAY_S, hrir, sphere_response
from seehear.acoustics.extent import spread
from seehear.acoustics.sphere import directions_of

MEDIA = Path(os.environ.get("SEEHEAR_MEDIA", Path(__file__).resolve().parents[2] / "../shared/media"))
FRONT, BACK, UP, DOWN = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]])


def horizon(azimuth_deg):
    return directions_of(np.radians(azimuth_deg), np.zeros(np.shape(azimuth_deg)))


def onsets_s(responses, rate):
    """When each ear first reaches half of its peak, 16 x oversampled."""
    fine = np.abs(resample_poly(responses, 16, 1, axis=-1))
    return (fine >= 0.5 * fine.max(axis=-1, keepdims=True)).argmax(axis=-1) / (16 * rate)


def band_db(responses, rate, low_hz, high_hz):
    power = np.abs(np.fft.rfft(responses, 2048)) ** 2
    f = np.fft.rfftfreq(2048, 1 / rate)
    return 10 * np.log10(power[..., (f >= low_hz) & (f < high_hz)].mean(axis=-1))


def test_sphere_scatters_as_in_the_limits():
    """Closed form: at low frequency 1 - (3/2) i mu cos(incidence) (Rayleigh, e^{+i omega t} turns it to +); at high, 2 at the
    lit pole (a wall doubles the pressure)."""
    incidence = np.radians([0.0, 60, 90, 150, 180])
    f = 2.0
    mu = 2 * np.pi * f * HEAD_RADIUS_M / SPEED_OF_SOUND_M_S
    np.testing.assert_allclose(sphere_response(incidence, np.array([f]))[:, 0], 1 + 1.5j * mu * np.cos(incidence), atol=2 * mu**2)
    lit = sphere_response(np.zeros(1), np.array([20000.0]))
    assert abs(lit[0, 0]) == pytest.approx(2, rel=0.01)


def test_sphere_satisfies_the_rigid_boundary():
    """Independent computation: incident plane wave plus outgoing waves, with the coefficients solved numerically so that the
    radial velocity vanishes on the sphere, gives the same pressure."""
    from scipy.special import eval_legendre, spherical_jn, spherical_yn

    incidence, f = np.radians(np.linspace(0, 180, 13)), 3000.0
    mu = 2 * np.pi * f * HEAD_RADIUS_M / SPEED_OF_SOUND_M_S
    m = np.arange(30)
    amplitude = 1j**m * (2 * m + 1)
    j, dj = spherical_jn(m, mu), spherical_jn(m, mu, derivative=True)
    h, dh = j - 1j * spherical_yn(m, mu), dj - 1j * spherical_yn(m, mu, derivative=True)
    pressure = eval_legendre(m, np.cos(incidence)[:, None]) @ (amplitude * (j - dj / dh * h))
    np.testing.assert_allclose(sphere_response(incidence, np.array([f]))[:, 0], pressure, atol=1e-9)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_itd_follows_woodworth(rate):
    """Published formula: (a / c)(sin th + th), Woodworth 1938, within 10 % from 15 to 90 degrees on both sides, by onsets."""
    azimuth = np.arange(15, 91, 5)
    expected = HEAD_RADIUS_M / SPEED_OF_SOUND_M_S * (np.sin(np.radians(azimuth)) + np.radians(azimuth))
    for side in (1, -1):
        onset = onsets_s(hrir(horizon(side * azimuth), rate), rate)
        np.testing.assert_allclose(side * (onset[:, 1] - onset[:, 0]), expected, rtol=0.1)


def test_left_and_right_mirror():
    """Closed form: mirrored directions exchange the ears; the median plane is the same for both."""
    d = spread(FRONT, 2 * np.pi, 50)
    np.testing.assert_allclose(hrir(d, 48000), hrir(d * [1, -1, 1], 48000)[:, ::-1], atol=1e-6)
    median = hrir(np.stack([FRONT, BACK, UP, DOWN]), 48000)
    np.testing.assert_allclose(median[:, 0], median[:, 1], atol=1e-6)


@pytest.mark.parametrize("rate", [16000, 44100, 48000, 96000])
def test_common_delay_is_as_documented(rate):
    """Planted answer: straight ahead the peak lies at HRIR_DELAY_S, 22 us later for ears 5 degrees behind, at any rate."""
    response = resample_poly(hrir(FRONT, rate)[0, 0], 16, 1)
    expected = HRIR_DELAY_S + np.radians(5) * HEAD_RADIUS_M / SPEED_OF_SOUND_M_S
    assert np.abs(response).argmax() / (16 * rate) == pytest.approx(expected, abs=25e-6)


def test_everywhere_at_once_sounds_flat():
    """Closed form: after diffuse-field equalisation the mean power over the sphere is 1 up to 18 kHz (0.1 dB)."""
    power = np.mean(np.abs(np.fft.rfft(hrir(spread(UP, 2 * np.pi, 2000), 48000))) ** 2, axis=(0, 1))
    assert np.abs(10 * np.log10(power[np.arange(129) * 187.5 < 18000])).max() < 0.1


def test_front_is_brighter_than_back_and_the_notch_climbs():
    """Published cues: treble loss behind (Blauert 1997); the notch from about 6 kHz below to about 10 kHz above (Lopez-Poveda &
    Meddis 1996); overhead a boost near 8 kHz instead (Blauert's band)."""
    rate = 48000
    front, back, up, down = hrir(np.stack([FRONT, BACK, UP, DOWN]), rate)
    assert band_db(front[0], rate, 3000, 16000) - band_db(back[0], rate, 3000, 16000) > 3
    assert abs(band_db(front[0], rate, 100, 500) - band_db(back[0], rate, 100, 500)) < 0.5
    assert band_db(up[0], rate, 7000, 9000) - band_db(front[0], rate, 7000, 9000) > 4
    assert np.abs(20 * np.log10(np.abs(np.fft.rfft(up[0]) / np.fft.rfft(down[0])))[2:80]).mean() > 2
    elevation = np.radians([-40.0, -20, 0, 20])
    spectra = np.abs(np.fft.rfft(hrir(directions_of(np.zeros(4), elevation), rate)[:, 0], 2048))
    f = np.fft.rfftfreq(2048, 1 / rate)
    band = (f > 4500) & (f < 12000)
    notch = f[band][spectra[:, band].argmin(axis=1)]
    np.testing.assert_allclose(notch, [6060, 6960, 8000, 9190], rtol=0.06)


def test_straight_ahead_is_hardly_coloured():
    """Planted answer: a frontal source keeps its spectrum within 3 dB to 6 kHz, outside the notch."""
    spectrum = 20 * np.log10(np.abs(np.fft.rfft(hrir(FRONT, 48000)[0, 0])))
    f = np.arange(129) * 187.5
    assert np.abs(spectrum[f < 6000]).max() < 3


def test_neighbours_sound_alike():
    """Closed form: a 1-degree step changes an ear by less than -10 dB below 8 kHz (no jumps in the tables), once around."""
    spectra = np.fft.rfft(hrir(horizon(np.arange(0.0, 361.0)), 48000))[..., :43]
    change = (np.abs(np.diff(spectra, axis=0)) ** 2).sum(axis=(1, 2)) / (np.abs(spectra[1:]) ** 2).sum(axis=(1, 2))
    assert 10 * np.log10(change.max()) < -10


def test_level_differences_are_near_kemar():
    """Independent measurement: the octave ILD of the MIT KEMAR over azimuth (Gardner & Martin 1995), mean error < 4 dB a band."""
    path = MEDIA / "hrtf_rir/mit_kemar_normal_pinna.sofa"
    sofar = pytest.importorskip("sofar")
    if not path.exists():
        pytest.skip("the KEMAR SOFA file of the media folder is not here")
    sofa = sofar.read_sofa(path, verbose=False)
    level = np.abs(sofa.SourcePosition[:, 1]) < 1
    azimuth, responses = sofa.SourcePosition[level, 0], sofa.Data_IR[level]
    ours = hrir(horizon(azimuth), 44100)
    for centre in (500, 1000, 2000, 4000, 8000):
        theirs, mine = (band_db(x, 44100, centre / 2**0.5, centre * 2**0.5) for x in (responses, ours))
        assert np.abs((theirs[:, 0] - theirs[:, 1]) - (mine[:, 0] - mine[:, 1])).mean() < 4, centre
        assert np.corrcoef(theirs[:, 0] - theirs[:, 1], mine[:, 0] - mine[:, 1])[0, 1] > 0.9, centre
