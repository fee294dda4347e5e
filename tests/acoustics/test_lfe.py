import numpy as np
import pytest
from scipy.signal import welch

from seehear.acoustics.lfe import lfe_feed
from seehear.types import InputError


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_response_is_linkwitz_riley(rate):
    """Closed form: |H| = -10 dB / (1 + (tan(pi f / fs) / tan(pi 120 / fs))^4), the bilinear 4th-order Linkwitz-Riley."""
    impulse = np.zeros(rate)
    impulse[0] = 1
    response = np.abs(np.fft.rfft(lfe_feed(impulse, rate)))
    f = np.arange(rate // 2 + 1)
    warped = np.tan(np.pi * f[:-1] / rate) / np.tan(np.pi * 120 / rate)
    np.testing.assert_allclose(response[:-1], 10**-0.5 / (1 + warped**4), atol=1e-9)
    assert 20 * np.log10(response[120]) == pytest.approx(-16.02, abs=0.01)


def test_pink_noise_is_gone_above_500_hz():
    """Planted answer: pink noise passes at -10 dB in the bass and loses more than 40 dB more above 500 Hz."""
    rate, n = 48000, 1 << 19
    rng = np.random.default_rng(0)
    f = np.fft.rfftfreq(n, 1 / rate)
    pink = np.fft.irfft(np.exp(2j * np.pi * rng.random(len(f))) / np.sqrt(np.maximum(f, 10)), n).astype(np.float32)
    low = lfe_feed(pink, rate)
    assert low.dtype == np.float32
    f, power_in = welch(pink, rate, nperseg=32768)
    _, power_out = welch(low, rate, nperseg=32768)
    bass, above = (f > 20) & (f < 60), f > 500
    change_db = 10 * np.log10(power_out / power_in)
    assert np.median(change_db[bass]) == pytest.approx(-10, abs=0.3)
    assert 10 * np.log10(power_out[above].sum() / power_in[above].sum()) < -10 - 40
    assert 10 * np.log10(power_out[above].sum() / power_out[bass].sum()) < -40


def test_rate_below_the_crossover_is_refused():
    """Planted fault: a rate that cannot carry 120 Hz."""
    with pytest.raises(InputError, match="rate"):
        lfe_feed(np.zeros(10), 200)
