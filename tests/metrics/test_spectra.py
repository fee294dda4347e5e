import numpy as np
import pytest

from seehear.metrics.spectra import (
    chroma,
    floored_db,
    hz_to_mel,
    mel_filters,
    mel_to_hz,
    mfcc,
    onset_strength,
    power_spectra,
    spectral_contrast_db,
    third_octaves,
    zero_crossing_rate,
)

RATE_HZ = 22_050


def sine(frequency_hz: float, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz + 0.3)


def test_mel_scale_has_slaney_s_anchors():
    """Published numbers (Auditory Toolbox): 1 kHz is 15 mel, 6.4 kHz is 42, 200 Hz is 3; the way back is exact."""
    assert hz_to_mel(np.array([200.0, 1000.0, 6400.0])) == pytest.approx([3, 15, 42])
    frequencies = np.array([0.0, 50, 999, 1000, 1001, 11_025])
    assert mel_to_hz(hz_to_mel(frequencies)) == pytest.approx(frequencies)


def test_mel_filters_have_unit_area():
    """Closed form: a triangle of height 2 / width has area 1; sums over bins agree where a triangle spans many bins."""
    areas = mel_filters(RATE_HZ, 16_384).sum(axis=1) * RATE_HZ / 16_384
    assert areas[20:] == pytest.approx(np.ones(len(areas) - 20), abs=0.01)


def test_power_of_a_sine_in_its_bin():
    """Closed form: a sine of amplitude 1 on bin 100 of 2048 has |X| = 2048 / 4 (Hann) there."""
    power = power_spectra(sine(100 * RATE_HZ / 2048))
    assert power[0].argmax() == 100
    assert power[0, 100] == pytest.approx((2048 / 4) ** 2, rel=1e-6)


def test_the_last_frame_is_filled_up():
    """Closed form: 2049 samples need two frames of 2048 with hop 512; the energy of the last sample is in the second."""
    impulse = np.zeros(2049)
    impulse[-1] = 1
    power = power_spectra(impulse)
    assert power.shape[0] == 2
    assert power[0].sum() == 0
    window = 0.5 - 0.5 * np.cos(2 * np.pi * 1536 / 2048)
    assert power[1] == pytest.approx(np.full(1025, window**2))


def test_floor_lies_80_db_down():
    """Closed form."""
    assert floored_db(np.array([1e-20, 1.0, 1e-4])) == pytest.approx([-80, 0, -40])
    assert not floored_db(np.zeros(3)).any()


def test_gain_only_moves_the_first_cepstrum():
    """Closed form: 20 dB on 128 mel bands is 20 sqrt(128) on the orthonormal c0 and nothing on the others."""
    x = np.random.default_rng(0).standard_normal(RATE_HZ)
    change = mfcc(10 * x, RATE_HZ) - mfcc(x, RATE_HZ)
    assert change[:, 0] == pytest.approx(np.full(len(change), 20 * np.sqrt(128)))
    assert np.abs(change[:, 1:]).max() < 1e-9


@pytest.mark.parametrize(("frequency_hz", "pitch_class"), [(440.0, 9), (261.63, 0), (1864.66, 10), (138.59, 1)])
def test_chroma_of_a_tone(frequency_hz, pitch_class):
    """Closed form: A4 is class 9 (C first), C4 0, B flat 6 10, C sharp 3 1; the strongest class is 1."""
    frame = chroma(sine(frequency_hz), RATE_HZ)[2]
    assert frame.argmax() == pitch_class
    assert frame.max() == 1
    assert np.sort(frame)[-2] < 0.35  # what leaks through the window into a neighbouring semitone


def test_chroma_of_what_is_flat_is_flat():
    """Closed form: a click has one magnitude in all bins, so all classes are 1; white noise has one mean magnitude, so over 300
    frames all classes are their mean within 3 % (four standard errors where a class has few bins and frames overlap)."""
    click = np.zeros(RATE_HZ)
    click[RATE_HZ // 2] = 1
    frames = chroma(click, RATE_HZ)
    assert frames.any(axis=1).sum() == 16  # 8192 / 512 windows hold it
    assert frames[frames.any(axis=1)] == pytest.approx(1.0, abs=1e-9)
    folded = chroma(np.random.default_rng(3).standard_normal(20 * RATE_HZ), RATE_HZ).mean(axis=0)
    assert folded / folded.mean() == pytest.approx(np.ones(12), abs=0.03)


def test_chroma_of_silence_is_zero():
    """Closed form: no pitch, not a division by zero."""
    assert not chroma(np.zeros(RATE_HZ), RATE_HZ).any()


def test_contrast_of_a_tone_in_noise():
    """Planted answer: in white noise a tone 20 dB over its power stands out in its octave only."""
    noise = 1e-1 * np.random.default_rng(1).standard_normal(44_100)
    plain = spectral_contrast_db(noise, 44_100).mean(axis=0)
    toned = spectral_contrast_db(noise + sine(1200, rate_hz=44_100), 44_100).mean(axis=0)
    assert (toned - plain).argmax() == 3  # 800 to 1600 Hz
    # Power of the tone's main lobe over the noise per bin: 20 dB - 3 dB (sine) + 10 log10(1024 / 1.5);
    # the strongest noise bin, about 5 times the mean, is what it replaces.
    assert (toned - plain)[3] == pytest.approx(20 - 3 + 10 * np.log10(1024 / 1.5) - 10 * np.log10(5), abs=6)
    assert np.abs((toned - plain)[[0, 6]]).max() < 1


def test_onsets_are_where_clicks_are():
    """Planted answer: three clicks give the three largest onset strengths, at the frames that they enter."""
    x = 1e-4 * np.random.default_rng(2).standard_normal(RATE_HZ * 2)
    for at in (10_000, 20_000, 30_000):
        x[at] += 1
    strength = onset_strength(x, RATE_HZ)
    peaks = np.sort(np.argsort(strength)[-3:])
    assert np.abs(peaks - (np.array([10_000, 20_000, 30_000]) - 2048) / 512).max() <= 2.5


def test_zero_crossings_of_a_sine():
    """Closed form: 2 f / rate."""
    assert zero_crossing_rate(sine(1000, 4, 44_100)) == pytest.approx(2 * 1000 / 44_100, rel=1e-3)


def test_zeros_between_samples_of_one_sign_are_no_crossing():
    """Closed form: + 0 + - 0 - has one crossing in five steps."""
    assert zero_crossing_rate(np.array([1.0, 0, 2, -1, 0, -3])) == pytest.approx(1 / 5)
    assert zero_crossing_rate(np.zeros(5)) == 0


def test_third_octaves_have_the_published_bins():
    """Published numbers (Taal et al. 2011: 15 bands from 150 Hz, the last up to about 4.3 kHz at 10 kHz and 512 points)."""
    bands = third_octaves(10_000, 512, 15, 150.0)
    first, last = np.flatnonzero(bands[0]), np.flatnonzero(bands[14])
    assert (first[0], first[-1] + 1) == (7, 9)  # 134 and 168 Hz at 19.5 Hz a bin
    assert (last[-1] + 1) * 10_000 / 512 == pytest.approx(3810 * 2 ** (1 / 6), rel=3e-3)
    assert bands.sum(axis=0).max() == 1
