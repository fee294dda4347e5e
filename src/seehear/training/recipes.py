"""Recipes of ViSAGe as frozen values: the paper's (appendix A) and those of the small model; an ablation is one changed field.

    PRETRAIN   mono sound, image features as the only condition (VGGSound in the paper)
    FINETUNE   ambisonics, from a pretrained model
    SCRATCH    ambisonics, without one
    BUILTIN    the small model that is shipped, on the synthetic world

The paper does not say for how many steps it trains; those here are ours and meant to be set. What depends on the data
(length of a feature, patches, codebooks, frames) is taken from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from seehear.nets.visage_config import VisageConfig, mono
from seehear.sampling.tokens import PatternName, pattern_named
from seehear.training.loop import Schedule

if TYPE_CHECKING:
    from seehear.data.prepared import PreparedHeader


@dataclass(frozen=True)
class Span:
    """A part of the training that sees parts of clips."""

    until: float
    """Part of all steps after which it ends."""
    n_frames: int
    """Frames of codes; the span starts anywhere in the clip."""
    batch_size: int
    """Clips of a batch meanwhile, or all where there are fewer."""
    hide_past: float
    """As in the recipe, meanwhile."""
    emphasis: float
    """How many times as much the first codes of Y, Z and X count as others: levels and signs, which directions are made of."""


@dataclass(frozen=True)
class VisageRecipe:
    """Everything that decides the weights, apart from the data, the seed and the model that is started from."""

    schedule: Schedule
    batch_size: int
    """Clips of a batch; a step has ``schedule.accumulation`` of them."""
    config: VisageConfig = field(default=VisageConfig())
    """Sizes that do not depend on the data, and whether direction and energy map are conditions."""
    pattern: PatternName = "visage"
    """Order of the codes."""
    mono: bool = False
    """Pretraining: W alone, features as the only condition."""
    pretrained: bool = False
    """Whether it starts from a model that was pretrained on mono."""
    rotation: float = 0.5
    """How often a clip is turned by +90 degrees of azimuth (section 5.2)."""
    drop_direction: float = 0.1
    """How often the direction is replaced by its null embedding (section 5.2)."""
    drop_visual: float = 0.1
    """How often features and energy map are replaced together by theirs, whether the direction is or not (section 5.2)."""
    hide_past: float = 0.0
    """How often the decoder sees nothing of a clip's own past in the spatial channels (ours, not the paper's). The past of Y, Z
    and X beside that of W gives the direction away, so that without this only the first frames teach what the camera's is for."""
    spans: tuple[Span, ...] = ()
    """Short spans of many clips first (ours, not the paper's): what the direction is for can only be learned from different
    directions, and a batch of whole clips has few. After them, and by default from the beginning, clips are whole."""
    clear_start: bool = False
    """Whether the first weights are those of `training.first_weights` (ours) instead of the released ones."""
    validate_every: int = 1000
    """Steps between looks at held-out clips, if there are any."""

    def config_for(self, data: PreparedHeader) -> VisageConfig:
        """The configuration of the model that learns from these data."""
        config = replace(
            self.config,
            n_codebooks=data.n_codebooks,
            codebook_size=data.codebook_size,
            feature_size=data.feature_size,
            n_patches=data.n_patches,
            max_frames=data.n_frames,
        )
        # Mono and the model that starts from it have positions for the same steps, so that all of them can be taken over.
        steps = pattern_named(self.pattern, config.n_codebooks).n_steps(data.n_code_frames)
        config = replace(config, max_steps=steps)
        return mono(config) if self.mono else config


PAPER_SCHEDULE = Schedule(
    steps=100_000,
    learning_rate=2e-4,
    warmup_steps=4000,
    shape="constant",
    weight_decay=1e-2,
    clip_norm=1.0,
    precision="bfloat16",
    ema_decay=0.0,
    accumulation=4,
    save_every=1000,
    save_every_s=600.0,
)
"""Appendix A: AdamW, a constant rate after 4000 steps of warm-up, 64 clips per step (here 4 batches of 16), no moving average."""

SCRATCH = VisageRecipe(schedule=PAPER_SCHEDULE, batch_size=16)
PRETRAIN = replace(SCRATCH, schedule=replace(PAPER_SCHEDULE, learning_rate=1e-4), mono=True, rotation=0.0, drop_direction=0.0)
FINETUNE = replace(SCRATCH, schedule=replace(PAPER_SCHEDULE, learning_rate=1e-4, warmup_steps=0), pretrained=True)

SMALL = VisageConfig(
    n_codebooks=4, codebook_size=255, width=192, n_heads=6, n_encoder_layers=2, n_decoder_layers=3, feed_forward=576, dropout=0.0
)
"""Small enough to be shipped and to answer on two cores."""

BUILTIN = VisageRecipe(
    schedule=Schedule(
        steps=2500,
        learning_rate=1e-3,
        warmup_steps=100,
        weight_decay=1e-2,
        clip_norm=1.0,
        precision="bfloat16",
        ema_decay=0.99,
        save_every=250,
        save_every_s=60.0,
    ),
    batch_size=8,
    config=SMALL,
    hide_past=0.5,
    spans=(Span(until=0.3, n_frames=8, batch_size=200, hide_past=1.0, emphasis=10.0),),
    clear_start=True,
    validate_every=200,
)
BUILTIN_PRETRAIN = replace(BUILTIN, mono=True, rotation=0.0, drop_direction=0.0, hide_past=0.0, spans=())
BUILTIN_FINETUNE = replace(BUILTIN, pretrained=True)
"""Takes the decoder and the rows of W alone, and starts clear elsewhere: mono pretraining of a small net leaves an encoder that
says nearly the same whatever it is given, so that a direction is not heard."""

RECIPES = {
    "builtin": BUILTIN,
    "builtin-pretrain": BUILTIN_PRETRAIN,
    "builtin-finetune": BUILTIN_FINETUNE,
    "scratch": SCRATCH,
    "pretrain": PRETRAIN,
    "finetune": FINETUNE,
}
