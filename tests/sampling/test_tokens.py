"""Code patterns. Oracles: equation 4 of the ViSAGe paper written out, its step counts, the order of its groups, round trips."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from seehear.sampling.tokens import (
    Pattern,
    PatternName,
    build,
    n_codec_frames,
    n_made_frames,
    pattern_named,
    revert,
    steps_of,
    with_last_repeated,
)
from seehear.types import InputError

NAMES = get_args(PatternName)
_RANDOM = np.random.default_rng(0)
SIZES = [
    *[(1, 1, 4), (1, 9, 4), (2, 3, 4), (7, 9, 4), (20, 4, 4), (5, 2, 9), (6, 9, 1)],
    *[tuple(map(int, _RANDOM.integers(1, (40, 10, 10)))) for _ in range(40)],
]  # L frames, N codebooks, channels
PADDING = 1024


@pytest.mark.parametrize(("n_frames", "n_codebooks"), [(1, 2), (1, 3), (2, 9), (13, 9), (86, 3)])
def test_the_papers_pattern_is_its_equation_4(n_frames: int, n_codebooks: int) -> None:
    """Oracle: equation 4 with its own letters, counted from 1, "s != 0" read as s != 1."""
    L, N = n_frames, n_codebooks
    codes = torch.randint(0, PADDING, (4 * N, L), generator=torch.Generator().manual_seed(L))
    expected = torch.full((4 * N, 2 * L + 1), PADDING)
    for i in range(1, 4 * N + 1):
        primary, omnidirectional = i % N == 1, i <= N
        for s in range(1, 2 * L + 2):
            if s % 2 == 1 and s != 2 * L + 1 and primary and omnidirectional:
                expected[i - 1, s - 1] = codes[i - 1, (s + 1) // 2 - 1]
            elif s % 2 == 1 and s != 1 and not primary and not omnidirectional:
                expected[i - 1, s - 1] = codes[i - 1, (s - 1) // 2 - 1]
            elif s % 2 == 0 and primary != omnidirectional:
                expected[i - 1, s - 1] = codes[i - 1, s // 2 - 1]
    assert torch.equal(build(pattern_named("visage", N), codes, PADDING), expected)


def test_the_delay_pattern_moves_each_row_one_step_further() -> None:
    """Oracle: figure 4 (b) written by hand for two channels of two codebooks and two frames."""
    codes = torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8]])
    expected = torch.tensor([[1, 2, 0, 0, 0], [0, 3, 4, 0, 0], [0, 0, 5, 6, 0], [0, 0, 0, 7, 8]])
    assert torch.equal(build(pattern_named("delay", 2, 2), codes, 0), expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("residual", [[1, 0, 2, 0], [0, 3, 0, 4], [5, 0, 6, 0], [0, 7, 0, 8]]),
        ("spatial", [[1, 0, 2, 0], [3, 0, 4, 0], [0, 5, 0, 6], [0, 7, 0, 8]]),
        (
            "naive",
            [[1, 0, 0, 0, 2, 0, 0, 0], [0, 3, 0, 0, 0, 4, 0, 0], [0, 0, 5, 0, 0, 0, 6, 0], [0, 0, 0, 7, 0, 0, 0, 8]],
        ),
    ],
)
def test_the_other_patterns(name: PatternName, expected: list[list[int]]) -> None:
    """Oracle: the orders of sections 5.2 and 6.2 written by hand for rows W_p, W_r, S_p, S_r and two frames."""
    codes = torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8]])
    assert build(pattern_named(name, 2, 2), codes, 0).tolist() == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("n_frames", "n_codebooks", "n_channels"), SIZES)
def test_revert_is_the_inverse_and_every_code_stands_once(
    name: PatternName, n_frames: int, n_codebooks: int, n_channels: int
) -> None:
    """Oracle: round trips of distinct codes both ways, so that one lost, doubled or moved is seen; what stands at padding is not
    read."""
    pattern = pattern_named(name, n_codebooks, n_channels)
    n_rows = n_codebooks * n_channels
    order = torch.randperm(3 * n_rows * n_frames, generator=torch.Generator().manual_seed(7))
    codes = order.reshape(3, n_rows, n_frames)
    sequence = build(pattern, codes, -1)
    assert sorted(sequence[sequence != -1].tolist()) == list(range(codes.numel()))
    assert pattern.n_frames(sequence.shape[-1]) == n_frames
    assert torch.equal(revert(pattern, sequence), codes)
    assert torch.equal(revert(pattern, torch.where(sequence == -1, 5, sequence)), codes)
    assert torch.equal(build(pattern, revert(pattern, sequence), -1), sequence)


@pytest.mark.parametrize("name", NAMES)
def test_no_code_comes_before_those_it_depends_on(name: PatternName) -> None:
    """Oracle: the dependencies each pattern models. Residual: p before r of a channel; spatial: W before S; in time: frames."""
    n_codebooks, n_frames = 3, 6
    steps = steps_of(pattern_named(name, n_codebooks), n_frames).reshape(4, n_codebooks, n_frames)
    assert bool((steps.diff(dim=-1) > 0).all())
    residual = steps[:, 1:] > steps[:, :1]
    spatial = steps[1:] > steps[:1]
    assert bool(residual.all()) == (name != "spatial")
    assert bool(spatial.all()) == (name != "residual")
    assert bool((steps[:, 1:] >= steps[:, :1]).all() and (steps[1:] >= steps[:1]).all())


@pytest.mark.parametrize("name", NAMES)
def test_no_step_is_spent_on_padding_alone(name: PatternName) -> None:
    """Oracle: a pattern that has no shorter form holds a code at every step, for four channels of several codebooks."""
    pattern = pattern_named(name, 9)
    sequence = build(pattern, torch.zeros((36, 11), dtype=torch.int64), 1)
    assert bool((sequence == 0).any(dim=0).all())


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_of_a_step_are_those_that_have_a_code_there(name: PatternName) -> None:
    """Oracle: where ``build`` put codes, at every step from first to last and none beyond."""
    pattern = pattern_named(name, 3)
    sequence = build(pattern, torch.zeros((12, 5), dtype=torch.int64), 1)
    for step, column in enumerate(sequence.T):
        assert list(pattern.rows_at(step, 5)) == (column == 0).nonzero().flatten().tolist()
    assert pattern.rows_at(-1, 5) == pattern.rows_at(sequence.shape[-1], 5) == ()


def test_the_numbers_of_steps_are_the_papers() -> None:
    """Oracle: 2L + 1, L + 4N - 1, 2L, 2L and 4L of sections 5.2 and 6.2; 430 frames and 861 steps for 5 s; 345 steps
    for 2 s is the ``max_target_length`` of a released configuration."""
    L, N = n_made_frames(5.0), 9
    assert L == 430
    counted = {name: pattern_named(name, N).n_steps(L) for name in NAMES}
    assert counted == {"visage": 861, "delay": L + 4 * N - 1, "residual": 2 * L, "spatial": 2 * L, "naive": 4 * L}
    assert pattern_named("visage", 3).n_steps(n_made_frames(2.0)) == 345
    assert pattern_named("visage", 9, 1).n_steps(L) == 860  # mono: nothing is left for the last step
    assert pattern_named("visage", 1).n_steps(L) == 860  # no residual codes either


def test_codes_are_filled_up_to_the_codecs_frames() -> None:
    """Oracle: ceil(5 * 44100 / 512) = ceil(430.66) = 431, ceil(172.27) = 173, 512 samples are one frame; the last is repeated."""
    assert [n_codec_frames(seconds) for seconds in (5.0, 2.0, 512 / 44100)] == [431, 173, 1]
    assert [n_made_frames(seconds) for seconds in (1.0, 0.1, 1e-3)] == [86, 9, 1]
    codes = torch.tensor([[1, 2], [3, 4]])
    assert with_last_repeated(codes, 4).tolist() == [[1, 2, 2, 2], [3, 4, 4, 4]]
    assert torch.equal(with_last_repeated(codes, 2), codes)


def test_what_cannot_be_a_pattern_says_why() -> None:
    """Oracle: the sizes named in each error."""
    pattern = pattern_named("visage", 3)
    with pytest.raises(InputError, match=r"visage, delay, residual, spatial, naive, got 'flat'"):
        pattern_named("flat", 3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="got 0 and 4"):
        pattern_named("visage", 0)
    with pytest.raises(InputError, match="860 steps"):
        pattern.n_frames(860)
    with pytest.raises(InputError, match=r"12, frames.* got \(9, 4\)"):
        build(pattern, torch.zeros((9, 4), dtype=torch.int64), 0)
    with pytest.raises(InputError, match=r"12, steps.* got \(9, 5\)"):
        revert(pattern, torch.zeros((9, 5), dtype=torch.int64))
    with pytest.raises(InputError, match="5 frames of codes cannot be filled up to 4"):
        with_last_repeated(torch.zeros((12, 5), dtype=torch.int64), 4)
    with pytest.raises(InputError, match="got nan"):
        n_made_frames(float("nan"))
    with pytest.raises(ValueError, match="offsets from 0"):
        Pattern(2, (1, 2))
