"""Long continuous sounds: exact length, even level, bounded memory."""

import tracemalloc

import numpy as np
import pytest

from seehear.foley import momentary_lufs, synthesize
from seehear.foley.pieces import LONGEST_WHOLE_S, OVERLAP_S, PIECE_S, in_pieces, last_rest, overlapping, resting

RATE = 8000


def white(seconds, rng):
    return rng.standard_normal(round(seconds * RATE))


@pytest.mark.parametrize("seconds", [40.001, 44.1, 58.0, 75.33333, 300.0])
def test_a_join_is_not_heard_in_the_level(seconds):
    """Closed form: independent white noise of one loudness stays at one power through every overlap, to its own scatter."""
    x = in_pieces(white, seconds, RATE, np.random.default_rng(0))
    assert x.shape == (round(seconds * RATE),) and x.dtype == np.float32
    frame = RATE // 2
    power_db = 10 * np.log10(np.mean(x[: len(x) // frame * frame].reshape(-1, frame).astype(float) ** 2, axis=1))
    # The power of 4000 samples of noise scatters by sqrt(2 / 4000), 0.097 dB, around that of its piece.
    assert np.abs(power_db - np.median(power_db)).max() < 5 * 0.097


def test_nothing_comes_again():
    """Closed form: pieces of independent noise correlate by chance alone, below 5 / sqrt(N)."""
    x = in_pieces(white, 88.0, RATE, np.random.default_rng(0))
    first, second, third = (x[k * 28 * RATE + 2 * RATE : (k + 1) * 28 * RATE] for k in range(3))
    for a, b in ((first, second), (second, third), (first, third)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(len(a))


def test_pieces_of_other_levels_are_made_equal():
    """Planted levels 20 dB apart: the ends of the result differ by less than 0.2 dB."""
    gains = iter((1.0, 10.0, 0.1, 1.0))
    x = in_pieces(lambda seconds, rng: next(gains) * white(seconds, rng), 114.0, RATE, np.random.default_rng(0))
    loudness = momentary_lufs(x, RATE)
    assert np.mean(loudness[:200]) == pytest.approx(np.mean(loudness[-200:]), abs=0.2)


@pytest.mark.parametrize("concept", ["rain", "stream", "wind", "room tone"])
def test_textures_step_no_more_at_a_join_than_elsewhere(concept):
    """Oracle: the texture itself: level changes from second to second at the joins lie within those away from them."""
    seconds = 100.0
    x = synthesize(concept, seconds, RATE, np.random.default_rng(1)).samples[0]
    level = 10 * np.log10(np.mean(x.reshape(-1, RATE).astype(float) ** 2, axis=1))
    steps = np.abs(np.diff(level))
    joins = np.linspace(0, seconds - OVERLAP_S, round((seconds - OVERLAP_S) / (PIECE_S - OVERLAP_S)) + 1)[1:-1]
    near = np.any(np.abs(np.arange(len(steps))[:, None] + 1 - (joins + OVERLAP_S / 2)) <= 2, axis=1)
    assert len(joins) >= 2 and steps[near].max() < 1.3 * steps[~near].max()


@pytest.mark.parametrize("concept", ["sea", "rain", "leaves", "dog"])
def test_memory_stays(concept):
    """Measured by tracemalloc at 48 kHz: below 150 MB beyond the result for two minutes, events included."""
    tracemalloc.start()
    try:
        audio = synthesize(concept, 120.0, 48_000, np.random.default_rng(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert audio.n_samples == 120 * 48_000
    assert peak - audio.samples.nbytes < 150e6


@pytest.mark.parametrize("seconds", [LONGEST_WHOLE_S - 0.01, LONGEST_WHOLE_S + 0.01, 61.7])
def test_long_sounds_are_exact_and_seeded(seconds):
    """Round trip: length to the sample, the same seed gives the same bytes."""
    one, two = (synthesize("room tone", seconds, RATE, np.random.default_rng(5)).samples for _ in range(2))
    assert one.shape == (1, round(seconds * RATE)) and one.tobytes() == two.tobytes()


def bursts(seconds, rng):
    """Half-second bursts, some at the very end cut off by it, each a ramp of its own number: about one in two seconds."""
    x = np.zeros(round(seconds * RATE))
    at = int(rng.uniform(0, RATE))
    while at < len(x):
        part = x[at : at + RATE // 2]
        part += rng.uniform(0.3, 1) * RAMP[: len(part)]
        at += int(rng.uniform(0.6, 4) * RATE)
    return x


RAMP = np.linspace(1, 0.2, RATE // 2) * np.where(np.arange(RATE // 2) % 2, 1, -1)


@pytest.mark.parametrize("seconds", [61.23456, 150.0001])
def test_no_event_is_cut_by_a_join(seconds):
    """Planted bursts of one shape: each in the result is whole (the shape times a number), but for one at the very end."""
    x = np.concatenate(list(resting(bursts, seconds, RATE, np.random.default_rng(2))))
    assert x.shape == (round(seconds * RATE),) and x.dtype == np.float32
    starts = np.flatnonzero((np.abs(x) > 0) & (np.concatenate([[0], np.abs(x[:-1])]) == 0))
    assert len(starts) > seconds / 4
    for start in starts:
        shape = x[start : start + RATE // 2]
        if start + RATE // 2 < len(x):
            np.testing.assert_allclose(shape / (shape[0] * RAMP[0]), RAMP, rtol=1e-5)
            assert x[start + RATE // 2] == 0


def test_what_never_rests_goes_over_with_equal_power():
    """Closed form: white noise has no rest, so it keeps its power through every join, to its own scatter (below 0.5 dB)."""
    x = np.concatenate(list(resting(lambda s, r: 0.1 * white(s, r), 131.7, RATE, np.random.default_rng(0))))
    assert x.shape == (round(131.7 * RATE),)
    assert last_rest(x, RATE) is None
    frame = RATE // 2
    power_db = 10 * np.log10(np.mean(x[: len(x) // frame * frame].reshape(-1, frame).astype(float) ** 2, axis=1))
    assert np.abs(power_db - np.median(power_db)).max() < 0.5


def test_a_join_of_smooth_sounds_has_no_click():
    """Planted: noise below 200 Hz; no step between samples at any join is larger than the largest inside pieces."""

    def smooth(seconds, rng):
        x = np.fft.rfft(rng.standard_normal(round(seconds * RATE)))
        x[int(200 * seconds) :] = 0
        return np.fft.irfft(x, round(seconds * RATE))

    inside = max(np.abs(np.diff(smooth(30.0, np.random.default_rng(k)))).max() for k in range(8))
    for join in (overlapping, resting):
        x = np.concatenate(list(join(smooth, 140.0, RATE, np.random.default_rng(1))))
        assert np.abs(np.diff(x)).max() < 1.1 * inside


@pytest.mark.parametrize("join", [overlapping, resting])
def test_pieces_of_bounded_length_and_one_seed(join):
    """Planted: no piece is longer than 40 s, however long the sound; the same seed gives the same blocks."""
    asked = []

    def make(seconds, rng):
        asked.append(seconds)
        return bursts(seconds, rng)

    one, two = (np.concatenate(list(join(make, 400.0, RATE, np.random.default_rng(9)))) for _ in range(2))
    assert one.tobytes() == two.tobytes() and len(one) == 400 * RATE
    assert max(asked) <= LONGEST_WHOLE_S and len(asked) > 2 * 400 / 30


def test_the_last_rest():
    """Closed form: of bursts with silence between, the end of the sound if it is silent, else of the last pause."""
    x = np.zeros(8 * RATE)
    x[:RATE] = x[5 * RATE : 6 * RATE] = x[7 * RATE :] = 1.0
    assert last_rest(x, RATE) == pytest.approx(7 * RATE - 0.025 * RATE, abs=0.011 * RATE)
    assert last_rest(np.zeros(100), RATE) == 100
