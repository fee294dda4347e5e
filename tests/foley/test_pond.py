"""Frogs, wings and cicadas: pulse rates, wing beats and spectra against published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from listening import RATE_HZ, loud_runs_s, pitches_hz
from seehear.foley import pond


def pulse_rate_hz(x: np.ndarray, low_hz: float, high_hz: float) -> float:
    """The strongest periodicity of the envelope of ``x`` between the two rates."""
    envelope = np.abs(signal.hilbert(x))
    spectrum = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(x)), 4 * RATE_HZ))
    return (4 * low_hz + spectrum[int(4 * low_hz) : int(4 * high_hz)].argmax()) / 4


@pytest.mark.parametrize(
    ("species", "pulses_hz", "peak_hz", "note_s"),
    [
        ("tree frog", (70, 125), (1850, 2500), (0.12, 0.32)),
        ("bullfrog", (88, 115), (170, 280), (0.4, 0.9)),
        ("pond frog", (23, 50), (1400, 2150), (0.2, 0.8)),
    ],
)
def test_frogs_pulse_and_ring_as_published(
    species: str, pulses_hz: tuple[float, float], peak_hz: tuple[float, float], note_s: tuple[float, float]
) -> None:
    """Oracle: published numbers (Capranica 1965; Gerhardt & Huber 2002): pulse rate, strongest frequency, length of a call."""
    for seed in range(5):
        x = pond.frog(8.0, RATE_HZ, np.random.default_rng(seed), intensity=0.0, species=species)
        start, end = loud_runs_s(x, 0.06)[0]
        call = x[int(start * RATE_HZ) : int(end * RATE_HZ)]
        assert note_s[0] < end - start < note_s[1]
        assert pulses_hz[0] < pulse_rate_hz(call, 0.5 * pulses_hz[0], 1.4 * pulses_hz[1]) < pulses_hz[1]
        freqs, power = signal.welch(call, RATE_HZ, nperseg=2048)
        assert peak_hz[0] < freqs[power.argmax()] < peak_hz[1]


@pytest.mark.parametrize("species", sorted(pond.WING_BEATS_HZ))
def test_wings_beat_at_the_published_rate(species: str) -> None:
    """Oracle: published wing-beat rates (Byrne et al. 1988; Kawakita & Ichikawa 2019), within 6 % for manoeuvres."""
    low_hz, high_hz = pond.WING_BEATS_HZ[species]
    for seed in range(5):
        x = pond.insects(3.0, RATE_HZ, np.random.default_rng(seed), intensity=0.0, species=species)
        found = np.median(pitches_hz(x, 0.65 * low_hz, 1.4 * high_hz, frame_s=0.06))
        assert 0.94 * low_hz <= found <= 1.06 * high_hz


def test_one_wing_beat_is_one_cycle_of_unit_power() -> None:
    """Oracle: closed form; no offset, unit RMS, no overtone above the asked one."""
    cycle = pond._wing_cycle(np.random.default_rng(0), 20)
    spectrum = np.abs(np.fft.rfft(cycle))
    assert np.sqrt(np.mean(cycle**2)) == pytest.approx(1)
    assert spectrum[0] < 1e-9
    assert spectrum[21:].max() < 1e-9


def test_more_insects_are_a_steadier_swarm() -> None:
    """Oracle: closed form; the level of many independent fliers varies less than that of one."""

    def unrest(intensity: float) -> float:
        found = []
        for seed in range(4):
            x = pond.insects(4.0, 16_000, np.random.default_rng(seed), intensity=intensity)
            frames = np.sqrt((x.reshape(-1, 3200) ** 2).mean(1))
            found.append(frames.std() / frames.mean())
        return float(np.mean(found))

    assert unrest(1.0) < unrest(0.0)


def test_cicadas_sing_at_4_to_9_khz_without_a_rest() -> None:
    """Oracle: published range of the carrier (Young & Bennet-Clark 1995) and of eight recordings: nothing below 1.5 kHz."""
    for seed in range(6):
        x = pond.cicada(4.0, RATE_HZ, np.random.default_rng(seed))
        freqs, power = signal.welch(x, RATE_HZ, nperseg=1024)
        assert 3800 < freqs[power.argmax()] < 8600
        assert power[freqs < 1500].sum() < 1e-3 * power.sum()
        frames = np.sqrt((x.reshape(-1, RATE_HZ // 2) ** 2).mean(1))
        assert frames.min() > 0.1 * frames.max()


def test_an_echeme_comes_as_often_as_planted() -> None:
    """Oracle: planted answer; a song cut into 8 echemes a second has the strongest modulation of its envelope there."""
    species = pond._Cicada(5000, 6, 200, 3, echeme_hz=8.0, duty=0.5, depth=0.95)
    song = pond._one_cicada(4 * RATE_HZ, RATE_HZ, np.random.default_rng(1), species)
    assert pulse_rate_hz(song, 3, 40) == pytest.approx(8, rel=0.1)
