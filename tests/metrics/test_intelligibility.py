import numpy as np
import pytest

from seehear.metrics.intelligibility import RATE_HZ, stoi
from seehear.types import InputError


def syllables(seconds: float = 3.0, seed: int = 0) -> np.ndarray:
    """Noise in syllables of about a fifth of a second: envelopes as speech has them."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return rng.standard_normal(len(t)) * (0.1 + np.sin(2 * np.pi * 2.3 * t) ** 2) * (1.2 + np.sin(2 * np.pi * 0.7 * t))


def noisy(x: np.ndarray, snr_db: float) -> np.ndarray:
    noise = np.random.default_rng(9).standard_normal(len(x))
    return x + noise * np.linalg.norm(x) / np.linalg.norm(noise) * 10 ** (-snr_db / 20)


def test_the_same_sound_at_any_level_is_fully_intelligible():
    """Closed form: each segment's correlation with a multiple of itself is 1."""
    x = syllables()
    assert stoi(x, x, RATE_HZ) == pytest.approx(1, abs=1e-9)
    assert stoi(x, 0.02 * x, RATE_HZ) == pytest.approx(1, abs=1e-9)


def test_it_falls_with_noise():
    """Closed form (Taal 2011, fig. 3): strictly falling with the noise; near 1 at 30 dB, little at -30 dB."""
    x = syllables()
    values = [stoi(x, noisy(x, snr), RATE_HZ) for snr in (30, 15, 5, 0, -5, -15, -30)]
    assert (np.diff(values) < 0).all()
    assert values[0] > 0.99
    assert values[-1] < 0.25  # what noise has in common with anything, by chance


def test_equations_one_by_one():
    """Independent implementation: Taal's eqs. 1 to 5 with loops, for a sound without silent frames."""
    x = syllables(1.2)
    x += 0.1 * np.random.default_rng(3).standard_normal(len(x))
    y = noisy(x, 3.0)
    window = np.hanning(258)[1:-1]

    def spectra(s):
        # What is left after nothing was silent is windowed twice, as in the method: taken apart, added up, taken apart.
        total = np.zeros(len(s))
        starts = range(0, len(s) - 256 + 1, 128)
        for start in starts:
            total[start : start + 256] += window * s[start : start + 256]
        return [np.fft.rfft(window * total[start : start + 256], 512) for start in starts]

    def envelope(frames, j):
        centre = 150 * 2 ** (j / 3)
        frequencies = np.arange(257) * 10_000 / 512
        low = int(np.argmin(np.abs(frequencies - centre * 2 ** (-1 / 6))))
        high = int(np.argmin(np.abs(frequencies - centre * 2 ** (1 / 6))))
        return np.array([np.sqrt(sum(abs(frame[k]) ** 2 for k in range(low, high))) for frame in frames])

    x_frames, y_frames, found = spectra(x), spectra(y), []
    for j in range(15):
        xj, yj = envelope(x_frames, j), envelope(y_frames, j)
        for m in range(30, len(xj) + 1):
            a, b = xj[m - 30 : m], yj[m - 30 : m]
            b = b * np.sqrt(np.sum(a**2) / np.sum(b**2))
            b = np.minimum(b, a + 10 ** (15 / 20) * a)
            found.append(np.corrcoef(a, b)[0, 1])
    assert stoi(x, y, RATE_HZ) == pytest.approx(np.mean(found), abs=1e-9)


def test_silence_around_changes_nothing():
    """Closed form: frames more than 40 dB below the loudest are taken out, so a pause (of whole frames) costs nothing."""
    x = syllables()
    pause = np.zeros(128 * 100)
    with_pause = np.concatenate([x[: 128 * 100], pause, x[128 * 100 :]])
    assert stoi(with_pause, noisy(with_pause, 60), RATE_HZ) == pytest.approx(stoi(x, noisy(x, 60), RATE_HZ), abs=2e-3)


def test_too_little_sound_is_not_a_number():
    """Closed form: 30 frames of 256 with hop 128 need 3968 samples."""
    x = syllables(1.0)
    assert np.isnan(stoi(x[:3900], x[:3900], RATE_HZ))
    assert stoi(x[:3968], x[:3968], RATE_HZ) == pytest.approx(1, abs=1e-9)
    assert np.isnan(stoi(x[:100], x[:100], RATE_HZ))


def test_unlike_lengths_are_refused():
    """Closed form."""
    with pytest.raises(InputError, match="one length"):
        stoi(np.zeros(5000), np.zeros(5001), RATE_HZ)
