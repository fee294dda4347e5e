"""Weather, fire and water beside measurements of recordings.

Ranges are the 10th to 90th percentile over the ESC-10 clips of the class (40 rain, 40 sea waves, 40 fire; Piczak 2015)
and, where there are few clips, the recordings themselves: measured with the functions below, trimmed of digital silence.
"""

from functools import cache

import numpy as np
import pytest
from scipy import signal

from seehear.foley import nature, synthesize, water

RATE = 32_000
OCTAVES_HZ = (125, 250, 500, 1000, 2000, 4000, 8000)
TEXTURES = ("rain", "wind", "leaves", "fire", "room tone", "stream", "waterfall", "sea")
# Octave-band levels in dB relative to the whole, (lowest, highest) in 125 Hz ... 8 kHz.
REAL_OCTAVES_DB = {
    "rain": ((-23, -18, -15, -14, -14, -18, -17), (-8, -8, -8, -6, -6, -5, -5)),
    "sea": ((-23, -14, -8, -8, -14, -19, -22), (-10, -5, -4, -4, -5, -9, -14)),
    "fire": ((-19, -20, -24, -28, -28, -25, -23), (-4, -9, -11, -11, -7, -7, -5)),
}
REAL_CENTROID_HZ = {
    "rain": (508, 4695),
    "sea": (622, 1832),
    "fire": (140, 5886),
    "wind": (145, 460),
    "thunder": (213, 833),
    "leaves": (4388 * 0.8, 4490 * 1.2),
    "stream": (3124 * 0.7, 3124 * 1.3),
}


@cache
def clip(concept, seed=0, seconds=8, intensity=0.5):
    return synthesize(concept, seconds, RATE, np.random.default_rng(seed), intensity=intensity).samples[0].astype(float)


def spectrum(x):
    return signal.welch(x - x.mean(), RATE, nperseg=8192)


def octave_levels_db(x):
    freqs, power = spectrum(x)
    total = power[freqs > 20].sum()
    return [10 * np.log10(power[(freqs >= c / 2**0.5) & (freqs < c * 2**0.5)].sum() / total) for c in OCTAVES_HZ]


def centroid_hz(x, rate_hz=RATE):
    freqs, power = signal.welch(x - x.mean(), rate_hz, nperseg=8192)
    return (freqs * power).sum() / power.sum()


def kurtosis_above_2_khz(x):
    y = signal.sosfilt(signal.butter(4, 2000, "highpass", fs=RATE, output="sos"), x)
    return np.mean(y**4) / np.mean(y**2) ** 2


def level_range_db(x):
    """95th minus 5th percentile of the level in 20 ms frames."""
    frames = x[: len(x) // 640 * 640].reshape(-1, 640)
    levels = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return np.percentile(levels, 95) - np.percentile(levels, 5)


@pytest.mark.parametrize("concept", REAL_OCTAVES_DB)
def test_octave_levels_lie_where_recordings_lie(concept):
    """Measured range: every octave's mean level over seeds is between the 10th and 90th percentile of ESC-10."""
    low, high = REAL_OCTAVES_DB[concept]
    levels = np.mean([octave_levels_db(clip(concept, seed)) for seed in range(3)], axis=0)
    assert ((levels > low) & (levels < high)).all(), levels.round(1)


@pytest.mark.parametrize("concept", REAL_CENTROID_HZ)
def test_centroid_lies_where_recordings_lie(concept):
    """Measured range: the median centroid over seeds; thunder and wind between their recordings' extremes."""
    low, high = REAL_CENTROID_HZ[concept]
    if concept == "thunder":
        low = 100  # distant rumble is darker than the four recorded claps
    assert low < np.median([centroid_hz(clip(concept, seed)) for seed in range(3)]) < high


@pytest.mark.parametrize("concept", TEXTURES)
def test_textures_never_repeat_and_have_no_dc(concept):
    """Closed form: the one-bit autocorrelation of noise beyond 1 s stays near 1 / sqrt(2 B T); the mean is zero."""
    x = clip(concept)
    assert abs(x.mean()) < 0.005 * x.std()
    bits = np.sign(signal.sosfilt(signal.butter(4, 1000, "highpass", fs=RATE, output="sos"), x))
    energy = np.fft.irfft(np.abs(np.fft.rfft(bits, 2 * len(bits))) ** 2)[: len(bits)]
    # Half of the clip at least overlaps.
    lags = energy[RATE : len(bits) // 2] / (len(bits) - np.arange(RATE, len(bits) // 2))
    assert np.abs(lags).max() < 0.06


@pytest.mark.parametrize("concept", TEXTURES)
def test_two_sources_of_a_kind_are_not_in_step(concept):
    """Closed form: independent noises correlate like 1 / sqrt(2 B T) at every lag."""
    one, two = (np.sign(clip(concept, seed)) for seed in (0, 1))
    cross = np.fft.irfft(np.fft.rfft(one, 2 * len(one)) * np.conj(np.fft.rfft(two, 2 * len(one))))
    assert np.abs(cross).max() / len(one) < 0.25
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.1


def test_rain_is_drops_over_hush_and_a_downpour_is_denser():
    """Measured range: kurtosis above 2 kHz 3.7 to 42 in ESC-10; by the central limit it falls with the drop rate."""
    drizzle, shower, downpour = (np.median([kurtosis_above_2_khz(clip("rain", s, 6, i)) for s in range(3)]) for i in (0, 0.5, 1))
    assert 42 > drizzle > shower > downpour > 3
    assert shower > 3.7


def test_fire_crackles_as_sparsely_as_real_ones():
    """Measured range: kurtosis above 2 kHz 164 to 4742 in ESC-10; flames keep the level between the crackles."""
    x = [clip("fire", seed) for seed in range(3)]
    assert 164 < np.median([kurtosis_above_2_khz(y) for y in x]) < 4742
    assert 8.8 < np.median([level_range_db(y) for y in x]) < 19.7


def test_sea_comes_in_waves():
    """Measured range: level range 7.5 to 22.4 dB in ESC-10; planted: large breakers 8 to 12 s apart."""
    assert 7.5 < np.median([level_range_db(clip("sea", seed, 20)) for seed in range(3)]) < 22.4
    times, heights, _ = water.breakers(60, np.random.default_rng(1))
    large = np.sort(times[heights > 0.7])
    assert (np.diff(large) >= 8).all() and (np.diff(large) <= 12).all()
    assert large[0] < 0 and large[-1] > 60


def test_stronger_wind_is_brighter_and_gustier():
    """Planted: aeolian tones and turbulence rise with speed, so the centroid grows with intensity."""
    breeze, gale = (np.mean([centroid_hz(clip("wind", s, 8, i)) for s in range(4)]) for i in (0.0, 1.0))
    assert gale > 1.3 * breeze


def test_room_tone_is_dark_steady_and_without_hum():
    """Closed form: between -3 and -6 dB per octave of density from 250 Hz to 4 kHz; no line 10 dB above its surroundings."""
    x = clip("room tone", 5, 16)
    freqs, power = signal.welch(x, RATE, nperseg=32_768)
    use = (freqs > 250) & (freqs < 4000)
    slope = np.polyfit(np.log2(freqs[use]), 10 * np.log10(power[use]), 1)[0]
    assert -10 < slope < -3
    level = 10 * np.log10(power[(freqs > 30) & (freqs < 1000)])
    assert np.max(level - signal.medfilt(level, 31)) < 10
    steady = np.std(x[: len(x) // RATE * RATE].reshape(-1, RATE), axis=1)
    assert 20 * np.log10(steady.max() / steady.min()) < 4


@pytest.mark.parametrize(("freq_hz", "path_m"), [(1000, 500.0), (2000, 1500.0)])
def test_air_takes_its_decibels_and_takes_more_the_later(freq_hz, path_m):
    """Closed form: a tone after path + c t metres is 4e-3 (f / 1 kHz)^1.4 dB per metre down."""
    t = np.arange(2 * RATE) / RATE
    tone = np.sin(2 * np.pi * freq_hz * t)
    y = nature.absorb(tone, RATE, path_m)
    for second in (0.5, 1.5):
        here = slice(round((second - 0.05) * RATE), round((second + 0.05) * RATE))
        loss_db = -20 * np.log10(np.std(y[here]) / np.std(tone[here]))
        expected = 4e-3 * (freq_hz / 1000) ** 1.4 * (path_m + 343 * second)
        assert loss_db == pytest.approx(expected, rel=0.01)


def test_n_waves_equal_a_plain_loop():
    """Independent implementation: straight lines from a to -a, one after the other."""
    rng = np.random.default_rng(3)
    arrivals, durations, strengths = rng.uniform(0, 0.4, 30), rng.uniform(5e-4, 0.01, 30), rng.uniform(0.5, 2, 30)
    expected = np.zeros(RATE)
    for arrival, duration, strength in zip(arrivals, durations, strengths, strict=True):
        wave = np.linspace(1, -1, round(duration * RATE)) * strength / np.sqrt(duration)
        expected[round(arrival * RATE) :][: len(wave)] += wave
    assert nature.n_waves(RATE, RATE, arrivals, durations, strengths) == pytest.approx(expected, abs=1e-8)


def iso_9613_db_per_km(freq_hz):
    """ISO 9613-1 eqs. 3 to 5 at 15 degrees, 70 % relative humidity, one atmosphere."""
    warm, humidity = 288.15 / 293.15, 70 * 10 ** (-6.8346 * (273.16 / 288.15) ** 1.261 + 4.6151)
    oxygen_hz = 24 + 4.04e4 * humidity * (0.02 + humidity) / (0.391 + humidity)
    nitrogen_hz = warm**-0.5 * (9 + 280 * humidity * np.exp(-4.17 * (warm ** (-1 / 3) - 1)))
    oxygen = 0.01275 * np.exp(-2239.1 / 288.15) / (oxygen_hz + freq_hz**2 / oxygen_hz)
    nitrogen = 0.1068 * np.exp(-3352 / 288.15) / (nitrogen_hz + freq_hz**2 / nitrogen_hz)
    return 8686 * freq_hz**2 * (1.84e-11 * warm**0.5 + warm**-2.5 * (oxygen + nitrogen))


def test_air_absorption_follows_iso_9613():
    """Published formula: the power law stays within 2 dB/km of ISO 9613-1 from 125 Hz to 4 kHz."""
    freqs = np.array([125, 250, 500, 1000, 2000, 4000.0])
    assert iso_9613_db_per_km(1000.0) == pytest.approx(4.08, abs=0.01)
    assert np.abs(1000 * nature.air_db_per_m(freqs) - iso_9613_db_per_km(freqs)).max() < 2


def test_near_thunder_cracks_and_far_thunder_rumbles():
    """Planted: the same physics at 200 m and 3 km; the farther stroke is darker. The channel has steps of exactly 3 m."""
    near, far = (
        np.median([centroid_hz(nature.stroke(d, 8.0, 16_000, np.random.default_rng(s)), 16_000) for s in range(4)])
        for d in (200, 3000)
    )
    assert near > 1.5 * far
    points = nature.channel(1000, np.random.default_rng(2))[:1400]
    assert np.linalg.norm(np.diff(points, axis=0), axis=1) == pytest.approx(np.full(1399, 3.0), abs=1e-9)


def test_thunder_strikes_out_of_silence_and_not_in_step():
    """Planted: silence before the first stroke; two seeds begin at different times."""
    x = np.abs(clip("thunder", 1))
    y = np.abs(clip("thunder", 2))
    starts = [np.argmax(z > 0.02 * z.max()) / RATE for z in (x, y)]
    assert abs(starts[0] - starts[1]) > 0.05
    quiet = np.mean(x[: round(0.9 * starts[0] * RATE)])
    assert quiet < 1e-3 * x.max()
