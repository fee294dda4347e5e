"""Classifier-free guidance: one definition, and the schemes of ViSAGe made of it.

One definition: ``uncond + scale * (cond - uncond)`` (Ho & Salimans 2022, equation 6, whose 1 + w is the scale); scale 0 is
unconditional, 1 is plain conditional. With several conditions each has its own difference and scale. The papers that add omega
on top of the conditional answer mean scale = 1 + omega.

ViSAGe (Kim et al. 2025, section 5.2 and appendix B) guides log p. Logits do as well: they differ from log p by a number per row
that all codes share, and a sum over branches keeps that so. With null for the answer without video V and camera direction D,
equations 5 to 7 are

    directional  l(V, D) + omega (l(-, D) - null)                                 (5)
    joint        l(V, D) + omega (l(V, D) - null)                                 (5, its first null replaced by V)
    visual       l(V, D) + omega (l(V, -) - null)                                 (6)
    dual         l(V, D) + omega_1 (l(-, D) - null) + omega_2 (l(V, -) - null)    (7)

where l(V, D) is itself null + 1 * (l(V, D) - null).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from seehear.types import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from seehear.sampling.autoregressive import StepLogits

GuidanceName = Literal["directional", "joint", "visual", "dual"]

OMEGA = 2.5
"""The paper's guidance scale (section 5.2), added on top of the conditional answer."""


def guided(uncond: Tensor, *conds: tuple[Tensor, float]) -> Tensor:
    """``uncond`` plus, for each (answer, scale) of ``conds``, scale times (answer - ``uncond``)."""
    answer = uncond
    for cond, scale in conds:
        answer = answer + scale * (cond - uncond)
    return answer


class Conditions(NamedTuple):
    """Which conditions a branch keeps; the others are replaced by their null embeddings."""

    visual: bool
    """CLIP features and patchwise energy map."""
    direction: bool
    """Unit vector of the camera's direction."""


BOTH, VISUAL, DIRECTION, NEITHER = (
    Conditions(True, True),
    Conditions(True, False),
    Conditions(False, True),
    Conditions(False, False),
)


@dataclass(frozen=True)
class Guidance:
    """Scales on the differences of branches from the unconditional one."""

    both: float = 1.0
    """Scale of the branch that keeps video and direction."""
    visual: float = 0.0
    """Scale of the branch that keeps the video alone."""
    direction: float = 0.0
    """Scale of the branch that keeps the direction alone."""

    @property
    def scales(self) -> tuple[tuple[Conditions, float], ...]:
        """The conditional branches that count, with their scales."""
        every = ((BOTH, self.both), (VISUAL, self.visual), (DIRECTION, self.direction))
        return tuple((conditions, scale) for conditions, scale in every if scale != 0)

    @property
    def branches(self) -> tuple[Conditions, ...]:
        """What the net has to answer, in the order that ``combined`` takes: NEITHER last, left out where nothing is guided."""
        conditional = tuple(conditions for conditions, _ in self.scales)
        if len(self.scales) == 1 and self.scales[0][1] == 1:  # null + 1 * (cond - null)
            return conditional
        return (*conditional, NEITHER)


def guidance_named(name: GuidanceName, omega: float = OMEGA, omega_visual: float = OMEGA) -> Guidance:
    """The paper's scheme called ``name``.

    ``omega`` is the scale of ``directional`` and ``joint`` (equation 5) and omega_1 of ``dual`` (7); ``omega_visual`` is the
    scale of ``visual`` (6) and omega_2 of ``dual``. InputError for another name, or a scale that is not finite.
    """
    if not (isfinite(omega) and isfinite(omega_visual)):
        raise InputError(f"guidance scales are finite, got {omega} and {omega_visual}")
    if name == "joint":
        return Guidance(both=1 + omega)
    if name == "directional":
        return Guidance(direction=omega)
    if name == "visual":
        return Guidance(visual=omega_visual)
    if name == "dual":
        return Guidance(direction=omega, visual=omega_visual)
    raise InputError(f"guidance is one of {', '.join(get_args(GuidanceName))}, got {name!r}")


def released_dual(guidance_scale: float, spatial_guidance_scale: float) -> Guidance:
    """Dual guidance with the released code's two settings: the first goes with the video, the second with the direction.

    That is ``guidance_named("dual", spatial_guidance_scale, guidance_scale)``: equation 7 names the direction's scale first.
    """
    return guidance_named("dual", omega=spatial_guidance_scale, omega_visual=guidance_scale)


def batch_conditions(guidance: Guidance, n_items: int) -> tuple[Conditions, ...]:
    """What each of the G B rows of the guided batch keeps: all ``n_items`` of the first branch, then those of the next."""
    return tuple(branch for branch in guidance.branches for _ in range(n_items))


def combined(guidance: Guidance, answers: Sequence[Tensor] | Tensor) -> Tensor:
    """The guided answer (...) of the ``answers`` (G, ...) that the branches gave, in their order."""
    if len(answers) != len(guidance.branches):
        raise ValueError(f"this guidance takes the answers of {len(guidance.branches)} branches, got {len(answers)}")
    if len(answers) == 1:
        return answers[0]
    *conds, uncond = answers
    return guided(uncond, *((cond, scale) for cond, (_, scale) in zip(conds, guidance.scales, strict=True)))


def guided_logits(step_logits: StepLogits, guidance: Guidance) -> StepLogits:
    """Guided logits of B items from ``step_logits`` over the G B rows of ``batch_conditions``: all branches in one batch.

    They are combined in at least float32: scales above 1 make the rounding of shorter formats larger.
    """
    import torch

    def logits(sequence: Tensor, step: int, /) -> Tensor:
        n_branches = len(guidance.branches)
        answers = step_logits(sequence.repeat(n_branches, 1, 1), step)
        answers = answers.to(torch.promote_types(answers.dtype, torch.float32))
        return combined(guidance, answers.unflatten(0, (n_branches, sequence.shape[0])))

    return logits
