"""The building blocks against closed forms and plain-loop implementations."""

import numpy as np
import pytest
from scipy import signal

from seehear.foley import blocks

RATE = 48_000


def octave_level_db(x, rate_hz, centre_hz):
    """Power of a textbook FFT octave band in dB."""
    power = np.abs(np.fft.rfft(x)) ** 2 / len(x) ** 2 * 2
    freqs = np.fft.rfftfreq(len(x), 1 / rate_hz)
    return 10 * np.log10(power[(freqs >= centre_hz / 2**0.5) & (freqs < centre_hz * 2**0.5)].sum())


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
@pytest.mark.parametrize("centre_hz", [500, 1000, 4000])
def test_octave_noise_has_the_levels_asked_for(rate_hz, centre_hz):
    """Closed form: a level that is linear in log frequency is pink-like noise with exactly that power in each octave."""
    levels = {125: -6.0, 8000: -24.0}  # -3 dB per octave
    x = blocks.octave_noise(np.random.default_rng(1), 20 * rate_hz, rate_hz, levels)
    # Integral of 10^(level / 10) df / (0.7071 f) over the octave.
    octaves = np.linspace(-0.5, 0.5, 2001)
    expected = -6 - 3 * np.log2(centre_hz / 125) + 10 * np.log10(np.log(2) * 2**0.5 * np.mean(10 ** (-0.3 * octaves)))
    assert octave_level_db(x, rate_hz, centre_hz) == pytest.approx(expected, abs=0.12)


def test_moving_noise_follows_its_amplitude_in_time_and_frequency():
    """Planted: unit amplitude gives unit power; a step in time and a band in frequency come back."""
    n = 10 * RATE
    flat = blocks.moving_noise(np.random.default_rng(2), n, RATE, lambda t, f: np.ones((len(t), len(f))))
    assert np.mean(flat**2) == pytest.approx(1, rel=0.01)
    stepped = blocks.moving_noise(
        np.random.default_rng(3), n, RATE, lambda t, f: np.where(t < 5, 1.0, 0.1)[:, None] * (f > 6000)[None]
    )
    early, late = stepped[: int(4.9 * RATE)], stepped[int(5.1 * RATE) :]
    assert np.std(late) / np.std(early) == pytest.approx(0.1, rel=0.01)
    assert np.mean(early**2) == pytest.approx(0.75, rel=0.01)  # 18 of 24 kHz
    assert octave_level_db(stepped, RATE, 2000) < octave_level_db(stepped, RATE, 12000) - 40


def test_damped_sines_equal_a_plain_loop():
    """Independent implementation: one grain after the other in float64, with starts before 0 and ends past n."""
    rng = np.random.default_rng(4)
    n, count = 4000, 60
    times, freqs = rng.uniform(-0.05, 0.1, count), rng.uniform(200, 8000, count)
    decays, gains, phases = rng.uniform(50, 2000, count), rng.normal(size=count), rng.uniform(0, 6, count)
    rises = rng.uniform(0, 0.2, count)
    expected = np.zeros(n)
    for time, freq, decay, gain, rise, phase in zip(times, freqs, decays, gains, rises, phases, strict=True):
        start = round(time * RATE)
        for i in range(max(start, 0), n):
            t = (i - start) / RATE
            expected[i] += gain * np.exp(-decay * t) * np.sin(2 * np.pi * freq * (t + rise * decay * t * t / 2) + phase)
    got = blocks.damped_sines(n, RATE, times, freqs, decays, gains, rises=rises, phases=phases)
    # Grains are cut at -60 dB, so that tails up to 1e-3 of a few grains are missing.
    assert np.max(np.abs(got - expected)) < 4e-3
    assert np.sqrt(np.mean((got - expected) ** 2)) < 2e-3 * np.sqrt(np.mean(expected**2))


def test_damped_sines_do_not_alias_and_may_be_empty():
    """Closed form: a grain above Nyquist is silence, and so are no grains at all."""
    one = np.ones(1)
    assert not blocks.damped_sines(1000, 8000, 0 * one, 5000 * one, 100 * one, one).any()
    assert not blocks.damped_sines(1000, 8000, one[:0], one[:0], one[:0], one[:0]).any()


@pytest.mark.parametrize("radius_m", [0.0008, 0.002, 0.006])
def test_a_bubble_rings_at_minnaerts_frequency(radius_m):
    """Closed form: Minnaert's sqrt(3 gamma p / rho) / (2 pi r) at one atmosphere, within 1 %."""
    x = blocks.bubbles(RATE, RATE, np.zeros(1), np.array([radius_m]), np.ones(1))
    spectrum = np.abs(np.fft.rfft(x, 8 * RATE))
    expected = np.sqrt(3 * 1.4 * 101_325 / 998) / (2 * np.pi * radius_m)
    assert np.argmax(spectrum) / 8 == pytest.approx(expected, rel=0.01)


def test_poisson_times_count_and_follow_the_rate():
    """Closed form: counts have mean and variance rate x T; for a rate growing linearly the mean time is 2/3 of T."""
    rng = np.random.default_rng(5)
    counts = [len(blocks.poisson_times(rng, np.full(2000, 25.0), 1000)) for _ in range(2000)]
    assert np.mean(counts) == pytest.approx(50, rel=0.01)
    assert np.var(counts) == pytest.approx(50, rel=0.15)
    times = blocks.poisson_times(rng, np.linspace(0, 1e5, 3000), 1000)
    assert np.mean(times) == pytest.approx(2.0, rel=0.01)
    assert (np.diff(times) >= 0).all() and times[0] >= 0 and times[-1] <= 3


def test_power_law_and_log_uniform_have_their_quantiles():
    """Closed form: P(size > 2) = 2^-1.5; the median of log-uniform values is the geometric mean."""
    rng = np.random.default_rng(6)
    sizes = blocks.power_law(rng, 200_000, 1.5, 50)
    assert np.mean(sizes > 2) == pytest.approx(2**-1.5, rel=0.01)
    assert sizes.min() >= 1 and sizes.max() == 50
    assert np.median(blocks.log_uniform(rng, 100, 10_000, 200_000)) == pytest.approx(1000, rel=0.02)


def test_gust_curve_has_its_variance_and_falls_as_one_over_f():
    """Closed form: octaves of equal width in log frequency with halving power."""
    x = blocks.gust_curve(np.random.default_rng(7), 400_000, 100, 0.5, 5)
    assert np.mean(x) == pytest.approx(0, abs=0.05)
    assert np.var(x) == pytest.approx(0.81, rel=0.1)
    freqs, power = signal.welch(x, 100, nperseg=8192)
    low, high = ((power[(freqs > a) & (freqs < 2 * a)]).sum() for a in (0.25, 2.0))
    assert 2 < low / high < 12


@pytest.mark.parametrize("slope", [0.0, -3.0, -6.0])
def test_noise_has_its_slope_and_unit_power(slope):
    """Closed form: power density falls by the given dB per octave."""
    x = blocks.noise(np.random.default_rng(8), 2**19, slope)
    levels = [octave_level_db(x, RATE, centre) for centre in (500, 1000, 2000, 4000)]
    assert np.diff(levels).mean() == pytest.approx(slope + 3.01, abs=0.1)
    assert np.mean(x**2) == pytest.approx(1, rel=1e-9)


def test_resonator_peaks_at_unity_where_asked():
    """Closed form: steady response of the two-pole resonator at its centre is 1, at half a bandwidth away 1/sqrt(2)."""
    impulse = np.zeros(2**16)
    impulse[0] = 1
    response = np.abs(np.fft.rfft(blocks.resonator(impulse, 1000, 80, RATE)))
    freqs = np.fft.rfftfreq(2**16, 1 / RATE)
    assert response[np.argmin(abs(freqs - 1000))] == pytest.approx(1, rel=0.01)
    assert response[np.argmin(abs(freqs - 1040))] == pytest.approx(2**-0.5, rel=0.02)


def test_modal_hit_decays_by_60_db_in_its_t60():
    """Closed form: one mode, envelope measured by the analytic signal at 0.1 and 0.6 of T60."""
    x = blocks.modal_hit(np.array([700.0]), np.array([0.5]), np.array([1.0]), RATE, RATE, np.random.default_rng(9))
    envelope = np.abs(signal.hilbert(x))
    drop_db = 20 * np.log10(envelope[int(0.3 * RATE)] / envelope[int(0.05 * RATE)])
    assert drop_db == pytest.approx(-60 * 0.5, rel=0.01)


def test_event_times_keep_their_rate_and_dead_time():
    """Closed form: mean interval 1 / rate, no interval under the dead time, never empty."""
    times = blocks.event_times(np.random.default_rng(10), 4000, 2.0, 0.2)
    assert np.diff(times).mean() == pytest.approx(0.5, rel=0.03)
    assert np.diff(times).min() >= 0.2
    assert all(len(blocks.event_times(np.random.default_rng(seed), 0.05, 0.01)) == 1 for seed in range(50))


def test_place_cuts_at_both_ends_and_fade_reaches_zero():
    """Planted: a clip that sticks out keeps only its inside part; fades are raised cosines with half height in the middle."""
    canvas = np.zeros(10)
    blocks.place(canvas, np.arange(1.0, 6), -0.2, 10, 2.0)
    blocks.place(canvas, np.arange(1.0, 6), 0.8, 10)
    assert canvas.tolist() == [6, 8, 10, 0, 0, 0, 0, 0, 1, 2]
    y = blocks.fade(np.ones(1000), 0.2, 0.4, 1000)
    assert y[0] < 1e-4 and y[-1] < 1e-4 and y[300] == 1
    assert (y[99] + y[100]) / 2 == pytest.approx(0.5, abs=1e-6)


def test_band_is_3_db_down_at_its_edges_and_silent_above_nyquist():
    """Closed form: Butterworth edges; a band that no rate can carry is silence."""
    impulse = np.zeros(2**16)
    impulse[0] = 1
    freqs = np.fft.rfftfreq(2**16, 1 / RATE)
    response = np.abs(np.fft.rfft(blocks.band(impulse, 500, 4000, RATE)))
    for edge_hz in (500, 4000):
        assert response[np.argmin(abs(freqs - edge_hz))] == pytest.approx(2**-0.5, rel=0.01)
    assert not blocks.band(impulse, 4000, 6000, 8000).any()


def test_slow_random_passes_smoothly_at_its_speed():
    """Closed form: the mean squared Catmull-Rom weights are the variance; 2 changes a second leave nothing above 4 Hz."""
    x = blocks.slow_random(np.random.default_rng(13), 2_000_000, 100, 2.0)
    f = np.linspace(0, 1, 1001)
    weights = 0.5 * np.array([-f + 2 * f**2 - f**3, 2 - 5 * f**2 + 3 * f**3, f + 4 * f**2 - 3 * f**3, f**3 - f**2])
    assert np.var(x) == pytest.approx(np.mean(np.sum(weights**2, axis=0)), rel=0.03)
    freqs, power = signal.welch(x, 100, nperseg=4096)
    assert power[freqs > 4].sum() < 0.005 * power.sum()
