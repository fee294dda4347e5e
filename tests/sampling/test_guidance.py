"""Guidance. Oracles: closed forms, equations 5 to 7 of the ViSAGe paper on log-probabilities, the released code's formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seehear.sampling.guidance import (
    BOTH,
    DIRECTION,
    NEITHER,
    VISUAL,
    Conditions,
    Guidance,
    batch_conditions,
    combined,
    guidance_named,
    guided,
    guided_logits,
    released_dual,
)
from seehear.types import InputError


def planted_answers(seed: int = 0) -> dict[Conditions, Tensor]:
    """Logits (2, 3, 7) of each branch."""
    generator = torch.Generator().manual_seed(seed)
    return {c: torch.randn(2, 3, 7, generator=generator, dtype=torch.float64) for c in (BOTH, VISUAL, DIRECTION, NEITHER)}


def answer(guidance: Guidance, answers: dict[Conditions, Tensor]) -> Tensor:
    return combined(guidance, torch.stack([answers[branch] for branch in guidance.branches]))


def test_scale_0_is_unconditional_and_1_conditional() -> None:
    """Oracle: the definition at 0 and 1, and that it is a straight line in the scale: 3 lies as far from 2 as 2 from 1."""
    cond, uncond = planted_answers()[BOTH], planted_answers()[NEITHER]
    assert torch.equal(guided(uncond, (cond, 0.0)), uncond)
    torch.testing.assert_close(guided(uncond, (cond, 1.0)), cond, rtol=0, atol=1e-14)
    one, two, three = (guided(uncond, (cond, scale)) for scale in (1.0, 2.0, 3.0))
    torch.testing.assert_close(three - two, two - one, rtol=0, atol=1e-13)
    torch.testing.assert_close(two, 2 * cond - uncond, rtol=0, atol=1e-13)


def test_guidance_is_linear_in_the_answers() -> None:
    """Oracle: linearity, and scales that sum to one over all branches: a number added to every answer comes out once."""
    guidance = guidance_named("dual", 2.5, 1.5)
    a, b = planted_answers(1), planted_answers(2)
    mixed = answer(guidance, {c: 2 * a[c] - 3 * b[c] for c in a})
    torch.testing.assert_close(mixed, 2 * answer(guidance, a) - 3 * answer(guidance, b), rtol=0, atol=1e-12)
    torch.testing.assert_close(answer(guidance, {c: a[c] + 4 for c in a}), answer(guidance, a) + 4, rtol=0, atol=1e-12)


@pytest.mark.parametrize("omega", [2.5, 0.3, -0.4])
def test_the_schemes_are_the_papers_equations(omega: float) -> None:
    """Oracle: equations 5, 5 with its first null replaced by V, 6 and 7 as printed, on log-probabilities.

    Ours goes on logits, so the distributions are compared."""
    logits = planted_answers()
    log_p = {c: value.log_softmax(-1) for c, value in logits.items()}
    omega_2 = 1.75
    equations = {
        "directional": log_p[BOTH] + omega * (log_p[DIRECTION] - log_p[NEITHER]),
        "joint": log_p[BOTH] + omega * (log_p[BOTH] - log_p[NEITHER]),
        "visual": log_p[BOTH] + omega_2 * (log_p[VISUAL] - log_p[NEITHER]),
        "dual": log_p[BOTH] + omega * (log_p[DIRECTION] - log_p[NEITHER]) + omega_2 * (log_p[VISUAL] - log_p[NEITHER]),
    }
    for name, expected in equations.items():
        ours = answer(guidance_named(name, omega, omega_2), logits)  # type: ignore[arg-type]
        torch.testing.assert_close(ours.softmax(-1), expected.softmax(-1), rtol=0, atol=1e-12)


def test_the_released_codes_formulas() -> None:
    """Oracle: the released arithmetic, l + s (l - l_null), and dual l + s (l_visual - l_null) + s2 (l_direction - l_null)."""
    logits = planted_answers()
    cond, null, s, s2 = logits[BOTH], logits[NEITHER], 2.5, 1.5
    joint = cond + s * (cond - null)
    dual = cond + s * (logits[VISUAL] - null) + s2 * (logits[DIRECTION] - null)
    torch.testing.assert_close(answer(guidance_named("joint", s), logits), joint, rtol=0, atol=1e-13)
    torch.testing.assert_close(answer(released_dual(s, s2), logits), dual, rtol=0, atol=1e-13)
    assert not torch.allclose(answer(guidance_named("dual", s, s2), logits), dual)  # the paper names them in the other order
    assert guidance_named("joint").both == 3.5  # omega = 2.5 on top of the plain conditional answer


def test_branches_are_those_that_count() -> None:
    """Oracle: what each equation reads. Nothing guided needs one pass, joint two, directional and visual three, dual four."""
    assert guidance_named("joint").branches == (BOTH, NEITHER)
    assert guidance_named("directional").branches == (BOTH, DIRECTION, NEITHER)
    assert guidance_named("visual").branches == (BOTH, VISUAL, NEITHER)
    assert guidance_named("dual").branches == (BOTH, VISUAL, DIRECTION, NEITHER)
    answers = planted_answers()
    for name in ("joint", "directional", "visual", "dual"):
        plain = guidance_named(name, 0.0, 0.0)  # type: ignore[arg-type]
        assert plain.branches == (BOTH,)
        assert torch.equal(answer(plain, answers), answers[BOTH])
    assert torch.equal(answer(guidance_named("joint", -1.0), answers), answers[NEITHER])


def test_all_branches_go_in_one_batch_in_their_order() -> None:
    """Oracle: a net whose answer names item and conditions of each row of the batch; the equation on what it would say alone."""
    guidance, n_items = guidance_named("dual", 2.0, 0.5), 3
    rows = batch_conditions(guidance, n_items)
    worth = {BOTH: 1.0, VISUAL: 20.0, DIRECTION: 300.0, NEITHER: 4000.0}
    calls = []

    def net(sequence: Tensor, step: int) -> Tensor:
        calls.append(sequence.shape[0])
        assert len(rows) == sequence.shape[0]
        per_row = torch.tensor([worth[conditions] for conditions in rows], dtype=torch.float64)
        return per_row[:, None, None] * (1 + sequence[:, :, -1:] + step) * torch.tensor([1.0, 2.0], dtype=torch.float64)

    sequence = torch.arange(n_items * 4 * 5).reshape(n_items, 4, 5)
    weight = 1.0 + 2.0 * (300.0 - 4000.0) + 0.5 * (20.0 - 4000.0)
    expected = weight * (1 + sequence[:, :, -1:] + 5) * torch.tensor([1.0, 2.0], dtype=torch.float64)
    torch.testing.assert_close(guided_logits(net, guidance)(sequence, 5), expected, rtol=1e-12, atol=0)
    assert calls == [4 * n_items]


def test_short_formats_are_combined_in_float32() -> None:
    """Oracle: the same bfloat16 answers combined in float64; in bfloat16 the error would be a thousand times the tolerance."""
    answers = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(6)).to(torch.bfloat16)
    guidance = guidance_named("joint", 2.5)
    ours = guided_logits(lambda *_: answers, guidance)(torch.zeros((1, 4, 3), dtype=torch.int64), 3)
    torch.testing.assert_close(ours[0].double(), combined(guidance, answers.double()), rtol=0, atol=1e-5)


def test_wrong_guidance_says_why() -> None:
    """Oracle: the names and numbers in each error."""
    with pytest.raises(InputError, match="directional, joint, visual, dual, got 'both'"):
        guidance_named("both")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"finite, got nan and 2\.5"):
        guidance_named("joint", float("nan"))
    with pytest.raises(ValueError, match="2 branches, got 1"):
        combined(guidance_named("joint"), torch.zeros(1, 2))
