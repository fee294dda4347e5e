"""Tunes and sums of modes: pitch, harmony, rhythm; closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.foley.modes import body, decaying, stiff_string_hz, through_body
from seehear.foley.phrases import SCALES, Tune, compose, hertz, nearest_above


def tune(seed: int = 0, duration_s: float = 30.0, **changes: float) -> Tune:
    options = {"lowest": 57, "highest": 81, "notes_per_s": 2.0} | changes
    return compose(duration_s, np.random.default_rng(seed), **options)  # type: ignore[arg-type]


def test_equal_temperament() -> None:
    """Published numbers (ISO 16: A4 = 440 Hz): C4 261.6256, A5 880, E2 82.4069 Hz."""
    assert [hertz(m) for m in (69, 60, 81, 40)] == pytest.approx([440, 261.6256, 880, 82.4069], rel=1e-6)


def test_triads_and_registers() -> None:
    """Planted: in C major I, ii, IV, V are C E G, D F A, F A C, G B D; the lowest D not below E3 (52) is D4 (62)."""
    c_major = Tune(0, SCALES["major"], 4, 0.5, 0.0, (0,), ())
    assert [c_major.triad(k) for k in (0, 1, 3, 4)] == [(0, 4, 7), (2, 5, 9), (5, 9, 0), (7, 11, 2)]
    assert nearest_above(2, 52) == 62 and nearest_above(4, 52) == 52


@pytest.mark.parametrize("seed", range(8))
def test_melodies_keep_the_rules(seed: int) -> None:
    """Planted rules: all of the scale and range, mostly steps, bars begin on the chord, notes in order and not overlapping."""
    made = tune(seed)
    assert all((note.midi - made.tonic) % 12 in made.scale and 57 <= note.midi <= 81 for note in made.melody)
    steps = np.abs(np.diff([note.midi for note in made.melody]))
    assert np.mean(steps <= 2) > 0.55 and steps.max() <= 12
    starts, ends = (np.array([f(note) for note in made.melody]) for f in (lambda n: n.start_s, lambda n: n.start_s + n.length_s))
    assert np.all(np.diff(starts) > 0) and np.all(ends[:-1] < starts[1:] + 0.06)
    for bar, chord in enumerate(made.chords):
        first = [note for note in made.melody if abs(note.start_s - made.bar_s(bar)) < 0.06]
        assert all(note.midi % 12 in made.triad(chord) for note in first)


def test_notes_come_at_their_rate() -> None:
    """Planted answer: 1.5 and 3 notes a second within 5 % over ten tunes of 60 s."""
    for rate in (1.5, 3.0):
        counts = [len(tune(seed, 60.0, notes_per_s=rate).melody) for seed in range(10)]
        assert np.mean(counts) == pytest.approx(60 * rate, rel=0.05)


def test_tunes_differ() -> None:
    """Seeds decide: twelve seeds, twelve melodies; one seed, one."""
    assert len({tuple(note.midi for note in tune(seed).melody) for seed in range(12)}) == 12
    assert tune(3) == tune(3)


def test_modes_are_summed_exactly() -> None:
    """Closed form: sum of g exp(-d t) sin(2 pi f t + p), one mode above 0.45 of the rate left out."""
    rng = np.random.default_rng(1)
    freqs, decays, gains, phases = (
        rng.uniform(50, 3000, 20),
        rng.uniform(1, 80, 20),
        rng.standard_normal(20),
        rng.uniform(0, 6, 20),
    )
    t = np.arange(5003)[:, None] / 8000
    expected = (gains * np.exp(-decays * t) * np.sin(2 * np.pi * freqs * t + phases)).sum(1)
    found = decaying(np.r_[freqs, 3700.0], np.r_[decays, 5.0], np.r_[gains, 9.0], 5003, 8000, np.r_[phases, 0.0])
    assert found == pytest.approx(expected, abs=1e-9)
    assert not decaying([5000.0], 1.0, 1.0, 10, 8000).any() and len(decaying([100.0], 1.0, 1.0, 0, 8000)) == 0


def test_stiff_string() -> None:
    """Closed form: f_n = n f_0 sqrt(1 + B n^2); partial 10 of 100 Hz at B = 0.001 is 1000 sqrt(1.1) Hz."""
    assert stiff_string_hz(100.0, 1e-3, 10)[[0, 9]] == pytest.approx([100 * np.sqrt(1.001), 1000 * np.sqrt(1.1)], rel=1e-12)


def test_bodies_ring_where_they_should() -> None:
    """Planted answer: a mode at 200 Hz (5 % of spread) of Q 40 outlives those of Q 1; energy 1; closed form: T60 = 2.2 Q / f."""
    response = body(np.random.default_rng(2), 16_000, ((200.0, 40.0, 50.0),), (2000.0, 2100.0), count=3, q=1.0)
    freqs = np.fft.rfftfreq(64_000, 1 / 16_000)
    peak = freqs[np.argmax(np.abs(np.fft.rfft(response[400:], 64_000)))]
    assert abs(peak / 200 - 1) <= 0.051 and np.sum(response**2) == pytest.approx(1)
    early, late = (np.sqrt(np.mean(response[k : k + 1600] ** 2)) for k in (400, 2000))
    assert 20 * np.log10(early / late) == pytest.approx(60 * 0.1 / (2.2 * 40 / peak), rel=0.02)
    impulse = np.r_[1.0, np.zeros(9_000)]
    assert through_body(impulse, response)[: len(response)] == pytest.approx(response, abs=1e-12)
