"""The autoregressive loop. Oracles: a planted rule for the next code followed by hand, closed-form probabilities."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest
import torch
from torch import Tensor

from seehear.sampling.autoregressive import FREE, GREEDY, Sampling, draw, generate
from seehear.sampling.tokens import PatternName, build, pattern_named
from seehear.types import InputError

N_CODES, PADDING = 11, 11


def next_codes(columns: list[list[int]], row: int, item: int) -> int:
    """The planted rule: what stands in all rows of all steps before, weighted by its place, decides the code of ``row``."""
    seen = sum((step + 1) * (i + 2) * code for step, column in enumerate(columns) for i, code in enumerate(column))
    return (seen + 3 * row + item) % N_CODES


def planted_logits(sequence: Tensor, step: int) -> Tensor:
    """Logits whose largest is at ``next_codes``; a second best keeps draws from being certain."""
    assert sequence.shape[-1] == step
    batch, rows, _ = sequence.shape
    logits = torch.zeros(batch, rows, N_CODES)
    for item in range(batch):
        columns = sequence[item].T.tolist()
        for row in range(rows):
            logits[item, row, next_codes(columns, row, item)] = 2.0
    return logits


def free(batch: int, rows: int, frames: int) -> Tensor:
    return torch.full((batch, rows, frames), FREE)


@pytest.mark.parametrize("name", get_args(PatternName))
def test_each_step_sees_all_before_it_and_padding_stays(name: PatternName) -> None:
    """Oracle: the planted rule applied to lists of columns, padding put where the pattern has no code whatever the logits say."""
    pattern = pattern_named(name, 2)
    n_frames, batch = 4, 2
    codes = generate(planted_logits, free(batch, 8, n_frames), pattern=pattern, padding=PADDING, sampling=GREEDY)
    holds_code = build(pattern, torch.ones((8, n_frames), dtype=torch.int64), 0)
    for item in range(batch):
        columns: list[list[int]] = []
        for step in range(pattern.n_steps(n_frames)):
            column = [next_codes(columns, row, item) if holds_code[row, step] else PADDING for row in range(8)]
            columns.append(column)
        assert torch.equal(build(pattern, codes[item], PADDING).T, torch.tensor(columns))


def test_known_codes_stay_and_are_gone_on_from() -> None:
    """Oracle: greedy codes from nothing; begun with their own first frames, the loop comes to the same, else to others."""
    pattern = pattern_named("visage", 2)
    whole = generate(planted_logits, free(1, 8, 6), pattern=pattern, padding=PADDING, sampling=GREEDY)
    begun = free(1, 8, 6)
    begun[..., :3] = whole[..., :3]
    assert torch.equal(generate(planted_logits, begun, pattern=pattern, padding=PADDING, sampling=GREEDY), whole)
    begun[..., :3] = (whole[..., :3] + 1) % N_CODES
    other = generate(planted_logits, begun, pattern=pattern, padding=PADDING, sampling=GREEDY)
    assert torch.equal(other[..., :3], begun[..., :3])
    assert not torch.equal(other[..., 3:], whole[..., 3:])
    assert FREE in begun  # what was passed in is not written to


def test_the_generator_alone_decides_the_draws() -> None:
    """Oracle: same seed, same codes; another seed, others; the global seed plays no part."""

    def made(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return generate(
            planted_logits,
            free(2, 8, 5),
            pattern=pattern_named("visage", 2),
            padding=PADDING,
            sampling=Sampling(),
            generator=generator,
        )

    first = made(1)
    torch.rand(3)
    assert torch.equal(made(1), first)
    assert not torch.equal(made(2), first)


def frequencies(probabilities: list[float], sampling: Sampling, seed: int = 0) -> Tensor:
    logits = torch.tensor(probabilities, dtype=torch.float64).log().expand(400_000, -1) + 5.0
    codes = draw(logits, sampling, torch.Generator().manual_seed(seed))
    return torch.bincount(codes, minlength=len(probabilities)) / len(codes)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(top_k=None), [0.15, 0.5, 0.05, 0.3]),
        (Sampling(top_k=3), [0.15 / 0.95, 0.5 / 0.95, 0.0, 0.3 / 0.95]),
        (Sampling(top_k=1), [0.0, 1.0, 0.0, 0.0]),
        (Sampling(top_k=None, top_p=0.75), [0.0, 0.625, 0.0, 0.375]),  # 0.5 + 0.3 is the first sum to reach 0.75
        (Sampling(top_k=None, top_p=0.4), [0.0, 1.0, 0.0, 0.0]),
        (Sampling(top_k=2, top_p=0.7), [0.0, 0.625, 0.0, 0.375]),  # of the two kept, 0.625 alone does not reach 0.7
        (Sampling(top_k=2, top_p=0.6), [0.0, 1.0, 0.0, 0.0]),  # top-p is taken of what top-k left: 0.625, not 0.5
        (Sampling(temperature=0.5, top_k=None), [0.0225 / 0.365, 0.25 / 0.365, 0.0025 / 0.365, 0.09 / 0.365]),
    ],
    ids=str,
)
def test_draws_have_the_probabilities_they_should(sampling: Sampling, expected: list[float]) -> None:
    """Oracle: the definitions, in closed form: p^(1/T), the k largest, the fewest that reach p, each renormalised.

    0.004 is five standard deviations of 400,000 draws; what is cut must never be drawn."""
    seen = frequencies([0.15, 0.5, 0.05, 0.3], sampling)
    assert torch.allclose(seen, torch.tensor(expected), atol=0.004)
    assert bool((seen[torch.tensor(expected) == 0] == 0).all())


def test_rows_are_drawn_independently() -> None:
    """Oracle: two rows of fair coins agree in half of the draws (five standard deviations of 100,000: 0.008)."""
    codes = draw(torch.zeros(100_000, 2, 2), Sampling(), torch.Generator().manual_seed(3))
    assert abs((codes[:, 0] == codes[:, 1]).double().mean().item() - 0.5) < 0.008


def test_a_low_temperature_comes_to_greedy() -> None:
    """Oracle: the limit T -> 0 of p^(1/T) is the largest; greedy needs no generator."""
    logits = torch.randn(200, 36, 64, generator=torch.Generator().manual_seed(4))
    cold = draw(logits, Sampling(temperature=1e-5), torch.Generator().manual_seed(5))
    assert torch.equal(cold, logits.argmax(-1))
    assert torch.equal(draw(logits, GREEDY), cold)
    with pytest.raises(ValueError, match="generator"):
        draw(logits, Sampling())


def test_the_loop_calls_for_every_step_in_order() -> None:
    """Oracle: counting; a cache needs each step once, those of known codes too, and never a code still to be made."""
    calls: list[int] = []

    def logits(sequence: Tensor, step: int) -> Tensor:
        assert FREE not in sequence
        calls.append(step)
        return torch.zeros(1, 8, N_CODES)

    known = free(1, 8, 3)
    known[..., 0] = 2
    generate(logits, known, pattern=pattern_named("visage", 2), padding=PADDING, sampling=GREEDY)
    assert calls[0] == 0
    assert all(b - a == 1 for a, b in pairwise(calls))
    assert len(calls) == 7


def test_wrong_settings_and_shapes_say_why() -> None:
    """Oracle: the value named in each error."""
    with pytest.raises(InputError, match=r"got -0\.5"):
        Sampling(temperature=-0.5)
    with pytest.raises(InputError, match="got 0"):
        Sampling(top_k=0)
    with pytest.raises(InputError, match=r"got 1\.5"):
        Sampling(top_p=1.5)
    pattern = pattern_named("visage", 2)
    with pytest.raises(ValueError, match="float32"):
        generate(planted_logits, torch.zeros(1, 8, 3), pattern=pattern, padding=PADDING, sampling=GREEDY)
    with pytest.raises(ValueError, match="padding"):
        generate(planted_logits, free(1, 8, 3), pattern=pattern, padding=FREE, sampling=GREEDY)
    with pytest.raises(ValueError, match=r"got \(2, 8, 11\)"):
        generate(lambda *_: torch.zeros(2, 8, 11), free(1, 8, 3), pattern=pattern, padding=PADDING, sampling=GREEDY)


def test_answers_that_are_no_numbers_are_not_turned_into_codes() -> None:
    """Planted: one stray logit at one step of a row; -inf, which forbids a code, is none."""
    pattern = pattern_named("visage", 2)
    for sampling in (GREEDY, Sampling()):

        def made(stray: float, sampling: Sampling = sampling) -> torch.Tensor:
            logits = torch.zeros(3, 1, 8, 11)
            logits[2, 0, 3, 2] = stray
            generator = torch.Generator().manual_seed(0)
            given = free(1, 8, 1)
            return generate(
                lambda _, step: logits[step], given, pattern=pattern, padding=PADDING, sampling=sampling, generator=generator
            )

        assert made(-float("inf")).shape == (1, 8, 1)
        for stray in (float("nan"), float("inf")):
            with pytest.raises(InputError, match="not finite"):
                made(stray)
