import numpy as np
import pytest

from seehear.acoustics.sphere import encode
from seehear.metrics.reconstruction import intensity_error_rad, kept_bandwidth_hz, mel_distance, snr_db
from seehear.types import InputError

RATE = 24_000


def noise(n: int = RATE, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).normal(size=n)


def test_snr_is_the_level_of_what_is_added():
    """Closed form: noise at -20 dB of the sound's power gives 20 dB; a sound without anything of it gives 0 dB."""
    x, n = noise(), noise(seed=1)
    n *= 0.1 * np.linalg.norm(x) / np.linalg.norm(n)
    assert snr_db(x + n, x) == pytest.approx(20, abs=1e-9)
    assert snr_db(np.zeros_like(x), x) == pytest.approx(0)
    assert snr_db(-x, x) == pytest.approx(-20 * np.log10(2))
    assert snr_db(x, x) == np.inf and np.isnan(snr_db(x, np.zeros_like(x)))


def test_mel_distance_of_a_gain_is_the_gain_in_every_window():
    """Closed form: 6 dB are log10 2 per window, seven windows; 0 for equal sounds, for the negative one too (phase-blind)."""
    x = noise()
    assert mel_distance(2 * x, x, RATE) == pytest.approx(7 * np.log10(2), rel=1e-3)
    assert mel_distance(x, x, RATE) == mel_distance(-x, x, RATE) == 0


def test_mel_distance_of_silence_is_down_to_the_floor():
    """Closed form: a full-band sound against silence is, per window, log10 of its magnitudes over 1e-5: a sine of amplitude 1
    has magnitude 1/2 at its own bin, so a band of one bin there is 4.7 above the floor at most."""
    x = np.sin(2 * np.pi * 3000 * np.arange(RATE) / RATE)
    assert 0 < mel_distance(np.zeros_like(x), x, RATE) < 7 * np.log10(0.5 / 1e-5)
    floor = 1e-7 * noise()
    assert mel_distance(floor, np.zeros_like(floor), RATE) == 0


@pytest.mark.parametrize("cut_hz", [2000, 6000])
def test_kept_bandwidth_is_where_the_filter_cuts(cut_hz):
    """Planted answer: a sound whose upper part is replaced by other noise is kept up to the cut, to one band of 500 Hz."""
    x, other = np.fft.rfft(noise()), np.fft.rfft(noise(seed=1))
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    made = np.fft.irfft(np.where(hz < cut_hz, 0.3 * x, other))
    assert abs(kept_bandwidth_hz(made, noise(), RATE) - cut_hz) <= 500
    assert kept_bandwidth_hz(noise(seed=2), noise(), RATE) == 0
    assert kept_bandwidth_hz(noise(), noise(), RATE) == RATE / 2


def test_intensity_error_is_the_angle_between_plane_waves():
    """Closed form: 30 degrees in azimuth; a change of level or of sign is none; nothing is nowhere."""
    x, angle = noise(), np.deg2rad(30)
    front, turned = encode(x, np.array([1.0, 0, 0])), encode(x, np.array([np.cos(angle), np.sin(angle), 0]))
    assert intensity_error_rad(turned, front) == pytest.approx(angle, rel=1e-9)
    assert intensity_error_rad(-0.1 * front, front) == pytest.approx(0, abs=1e-9)
    assert intensity_error_rad(encode(x, np.array([-1.0, 0, 0])), front) == pytest.approx(np.pi)
    assert np.isnan(intensity_error_rad(np.zeros_like(front), front))


def test_unlike_sounds_are_refused():
    """Planted fault: other lengths, channels where one is asked for, three where four are."""
    for measure in (snr_db, lambda a, b: mel_distance(a, b, RATE), lambda a, b: kept_bandwidth_hz(a, b, RATE)):
        with pytest.raises(InputError, match="one length"):
            measure(noise(10), noise(11))
    with pytest.raises(InputError, match="fields"):
        intensity_error_rad(np.zeros((3, 5)), np.zeros((3, 5)))
