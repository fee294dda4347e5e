"""Long continuous sounds: exact length, even level, bounded memory."""

import tracemalloc

import numpy as np
import pytest

from seehear.foley import momentary_lufs, synthesize
from seehear.foley.pieces import LONGEST_WHOLE_S, OVERLAP_S, PIECE_S, in_pieces

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
