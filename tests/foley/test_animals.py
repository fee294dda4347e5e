"""Animals: measured pitch, rhythm and silence against published numbers; the shared voice against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from listening import RATE_HZ, loud_runs_s, pitches_hz
from seehear.foley import animals, birds, phonation, voices

ALL = {**animals.SOUNDS, **voices.SOUNDS}
CALLS = ["dog", "cat", "rooster", "bird", "seagull", "crow", "sneeze"]


def make(name: str, seed: int, seconds: float = 5.0, rate_hz: int = RATE_HZ, **controls: float) -> np.ndarray:
    return ALL[name](seconds, rate_hz, np.random.default_rng(seed), **controls)


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize(("seconds", "rate_hz"), [(0.05, 8000), (0.777, 11025), (2.5, 44100), (0.3, 192000)])
def test_length_is_exact_and_the_sound_finite_without_offset(name: str, seconds: float, rate_hz: int) -> None:
    """Oracle: closed form, round(seconds * rate); the mean is far below the RMS when the sound outlasts its own pitch."""
    x = make(name, 3, seconds, rate_hz)
    assert x.shape == (round(seconds * rate_hz),)
    assert np.isfinite(x).all()
    assert np.abs(x).max() > 0.01
    if seconds > 0.5:
        assert abs(x.mean()) < 0.01 * np.sqrt(np.mean(x**2))


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_generator_decides_everything(name: str) -> None:
    """Oracle: round trip; one seed gives the same samples. Two seeds are not in step.

    Envelopes of independent sounds do not correlate: below 0.5 in the mean over pairs of seeds (1 = in step).
    """
    xs = [make(name, seed) for seed in range(4)]
    assert np.array_equal(make(name, 1), xs[1])
    envelopes = np.abs(np.array(xs)).reshape(4, -1, 1200).mean(2)
    pairs = np.corrcoef(envelopes)[np.triu_indices(4, 1)]
    assert pairs.mean() < 0.5


@pytest.mark.parametrize("name", CALLS)
def test_calls_have_silence_between_them_and_end_whole(name: str) -> None:
    """Oracle: planted answer; one-shots are silent for a third of the time or more, and the last is not cut."""
    for seed in range(4):
        x = make(name, seed, 8.0)
        frames = np.abs(x).reshape(-1, 240).max(1)
        assert (frames < 1e-3 * frames.max()).mean() > 0.33
        assert np.abs(x[-32:]).max() < 0.02 * np.abs(x).max()


@pytest.mark.parametrize(
    ("name", "low_hz", "high_hz"),
    [
        ("dog", 300, 900),
        ("cat", 400, 850),
        ("rooster", 450, 1050),
        ("baby", 350, 550),
        ("seagull", 500, 1400),
        ("crow", 240, 450),
    ],
)
def test_fundamental_lies_in_the_published_range(name: str, low_hz: float, high_hz: float) -> None:
    """Oracle: published numbers. Median F0 per individual, by an independent estimator.

    Dog barks 300-900 Hz (Riede & Fitch 1999; Yin & McCowan 2004), meows 400-850 Hz (Schötz et al. 2019), rooster 450-1050 Hz
    (Marler et al. 1962), infant cry 350-550 Hz (LaGasse et al. 2005), herring gull 500-1400 Hz, crow 240-450 Hz.
    """
    for seed in range(6):
        found = pitches_hz(make(name, seed, intensity=0.1), 0.5 * low_hz, 2 * high_hz)
        assert len(found) >= 5
        assert low_hz <= np.median(found) <= high_hz


def test_bark_lasts_150_to_300_ms_and_its_pitch_rises_and_falls() -> None:
    """Oracle: published numbers (Feddersen-Petersen 2000: barks of 0.1-0.3 s), measured on the waveform."""
    lengths = np.concatenate([np.diff(loud_runs_s(make("dog", seed, 10.0), 0.05)) for seed in range(6)])
    assert 0.1 < np.median(lengths) < 0.3
    assert lengths.max() < 0.35


def test_rooster_crows_in_four_notes_of_which_the_last_is_longest() -> None:
    """Oracle: published number, the four-note crow of about 2 s (Kruijt 1964)."""
    for seed in range(5):
        x = make("rooster", seed, 4.0)
        envelope = signal.sosfiltfilt(signal.butter(2, 25, fs=RATE_HZ, output="sos"), np.abs(x))
        peaks = signal.find_peaks(-envelope, height=-0.12 * envelope.max(), prominence=0.1 * envelope.max())[0]
        start, end = loud_runs_s(x, 0.4)[0]
        notes = np.diff(np.concatenate([[start], [p / RATE_HZ for p in peaks if start < p / RATE_HZ < end], [end]]))
        assert len(notes) == 4
        assert notes.argmax() == 3
        assert 1.2 < end - start < 2.9


@pytest.mark.parametrize("temperature_c", [15.0, 20.0, 27.0])
def test_one_cricket_chirps_by_dolbears_law(temperature_c: float) -> None:
    """Oracle: published law, N per minute = 40 + 4 (T_F - 50) (Dolbear 1897), counted on the envelope within 5 %."""
    fahrenheit = temperature_c * 1.8 + 32
    expected = (40 + 4 * (fahrenheit - 50)) / 60
    assert animals.dolbear_chirps_per_s(temperature_c) == pytest.approx(expected)
    x = animals._chirper(30.0, RATE_HZ, np.random.default_rng(4), expected)
    starts = loud_runs_s(x, 0.06)[:, 0]
    assert 1 / np.median(np.diff(starts)) == pytest.approx(expected, rel=0.08)


def test_crickets_sing_near_4500_hz_over_a_night_that_never_stops() -> None:
    """Oracle: published number, field-cricket carriers of 4-5 kHz (Bennet-Clark 1989)."""
    x = make("crickets", 0)
    freqs, power = signal.welch(x, RATE_HZ, nperseg=4096)
    assert 4000 < freqs[power.argmax()] < 5000
    frames = np.sqrt((x.reshape(-1, 1200) ** 2).mean(1))
    assert frames.min() > 1e-3 * frames.max()


@pytest.mark.parametrize("species", sorted(birds.SPECIES))
def test_every_species_sings_between_1_5_and_8_khz(species: str) -> None:
    """Oracle: published range of passerine song, about 2 to 7 kHz (Catchpole & Slater 2008): 95 % of the energy within 1.5-8."""
    x = birds.bird(6.0, RATE_HZ, np.random.default_rng(0), species=species)
    freqs, power = signal.welch(x, RATE_HZ, nperseg=2048)
    assert power[(freqs > 1500) & (freqs < 8000)].sum() > 0.95 * power.sum()


def test_tract_resonates_where_a_uniform_tube_does() -> None:
    """Oracle: closed form, resonances (2 n - 1) c / 4 L = 500, 1500, 2500 Hz of a 17.5 cm tube at 350 m/s."""
    assert phonation.tube_hz(0.175, 3) == pytest.approx([500, 1500, 2500])
    click = np.zeros(RATE_HZ // 4)
    click[RATE_HZ // 8] = 1
    y = phonation.tract(click, RATE_HZ, phonation.throat_hz(0.175, [1.0], [1.0]), 0.175)
    spectrum = np.abs(np.fft.rfft(y, 4 * RATE_HZ))
    peaks = signal.find_peaks(spectrum[: 4 * 3000], prominence=0.1 * spectrum.max())[0] / 4
    assert peaks == pytest.approx([500, 1500, 2500], abs=12)


@pytest.mark.parametrize("length_m", [0.35, 0.6, 2.0])
def test_long_tract_is_the_lossy_tube(length_m: float) -> None:
    """Oracle: closed form. At its resonances (2 n - 1) c / 4 L the tube has the gain 1 / sinh(a L).

    1 / cosh((a + 2 pi i f / c) L) with a = pi B / c, B = 40 Hz + 0.06 f up to 300 Hz; the mouth adds f / sqrt(f^2 + corner^2).
    """
    click = np.zeros(RATE_HZ)
    click[RATE_HZ // 2] = 1
    resonances = phonation.tube_hz(length_m, 12)
    y = phonation.long_tract(click, RATE_HZ, resonances[None, :2], length_m, corner_hz=80)
    gains = np.abs(np.fft.rfft(y, 48 * RATE_HZ))[np.round(48 * resonances).astype(int)]
    loss = np.pi * np.minimum(40 + 0.06 * resonances, 300) / 350 * length_m
    assert gains == pytest.approx(resonances / np.hypot(resonances, 80) / np.sinh(loss), rel=0.01)


def test_an_uneven_tube_shifts_the_formants_above_the_moving_ones() -> None:
    """Oracle: closed form; a tube of 17.5 cm has its third and fourth resonance at 2500 and 3500 Hz."""
    mouth = np.array([[400.0, 1400.0], [700.0, 1100.0]])
    formants = phonation.uneven_hz(mouth, 0.175, [0.9, 1.1])
    assert formants == pytest.approx(np.column_stack([mouth, [2250, 2250], [3850, 3850]]))


def test_a_register_changes_at_its_place() -> None:
    """Oracle: closed form; half way at the position, within 1.8 % of the ends one duration away (tanh 2 = 0.964)."""
    curve = phonation.step(RATE_HZ, RATE_HZ, 0.4, 0.05)
    at = [round(RATE_HZ * s) for s in (0.35, 0.4, 0.45)]
    assert curve[at] == pytest.approx([0.018, 0.5, 0.982], abs=1e-3)


def test_source_vibrates_at_the_asked_pitch_and_slope() -> None:
    """Oracle: closed form; a steady 200 Hz without jitter has harmonics at 200 k falling 12 dB per octave."""
    x = phonation.source(
        np.full(RATE_HZ, 200.0), RATE_HZ, np.random.default_rng(0), slope_db_per_octave=-12, jitter=0, shimmer=0, breath=0
    )
    levels = 20 * np.log10(np.abs(np.fft.rfft(x * np.hanning(RATE_HZ)))[[200, 400, 800, 1600]])
    assert np.diff(levels) == pytest.approx([-12, -12, -12], abs=0.1)
