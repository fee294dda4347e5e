"""Training ViSAGe (Kim, Yun and Kim, ICLR 2025, sections 5.2 and 6.1, appendix A): the loss, and what is changed at random.

Legend: B batch, F frames, K rows of codes, L frames of codes, S steps of the pattern, V codes, D width.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seehear.adapters.builtin_codec import BuiltinCodec
from seehear.adapters.folders import read_json
from seehear.adapters.visage_builtin import is_trained_visage, load_builtin_visage, save_trained_visage
from seehear.adapters.visage_checkpoint import load_visage
from seehear.data.prepared import TURNED, UPRIGHT, Prepared, PreparedBatch, PreparedHeader
from seehear.io.files import whole_file
from seehear.nets.trained_visage import TrainedVisage
from seehear.nets.visage import Conditioning, Visage
from seehear.sampling.tokens import Pattern, build, pattern_named
from seehear.training.curves import RUN, Curves
from seehear.training.first_weights import start_clear
from seehear.training.loop import Validation, batch_indices, refuse_uneven, train
from seehear.training.processes import of_first, processes_now, wait_for_all
from seehear.training.recipes import Span, VisageRecipe
from seehear.types import InputError
from seehear.weights import load_strictly


@dataclass(frozen=True)
class Examples:
    """A batch as tensors on the device of the model."""

    conditioning: Conditioning
    codes: Tensor
    """(B, K, L) int64, rows channel-major, channels W, Y, Z, X; W alone in mono pretraining."""


def examples(batch: PreparedBatch, turned: NDArray[np.bool_], net: Visage) -> Examples:
    """What ``net`` learns from a batch, the clips of the mask ``turned`` (B,) turned by +90 degrees of azimuth.

    Turning by R about z: W' = W, (X', Y', Z') = R (X, Y, Z) = (-Y, X, Z) (section 5.2, rotation augmentation), and the direction
    of the camera (x, y, z) becomes (-y, x, z). The codes of -Y are those of the sound -Y, not made from those of Y.
    """
    device, config = net.null_features.device, net.config
    channels = np.where(turned[:, None], TURNED, UPRIGHT)[:, : config.n_channels]
    codes = np.take_along_axis(batch.codes, channels[:, :, None, None], axis=1).reshape(len(channels), config.n_rows, -1)
    x, y, z = batch.directions.T
    directions = np.stack([np.where(turned, -y, x), np.where(turned, x, y), z], axis=1)
    return Examples(
        Conditioning(
            torch.from_numpy(batch.features).to(device),
            torch.from_numpy(directions).to(device) if config.direction else None,
            torch.from_numpy(batch.energy_maps).to(device) if config.energy_map else None,
        ),
        torch.from_numpy(codes).to(device),
    )


def code_loss(
    net: Visage,
    given: Examples,
    pattern: Pattern,
    *,
    hidden_past: Tensor | None = None,
    first_frame: int = 0,
    emphasis: float = 1.0,
) -> Tensor:
    """The mean of -log p of every code, given the conditions and all rows of the steps before (eq. 8).

    Of the clips of the mask ``hidden_past`` (B,) the decoder is shown the past of W alone. The codes may be those of a span of
    the clips that begins at ``first_frame``. In the mean the first codes of Y, Z and X count ``emphasis`` times.

    Equation 8 sums over the 4 N rows of all steps; where the pattern has no code there is nothing to say, so here the sum and
    the mean are over the codes alone. It writes the past of the code's own row; the decoder, which adds up the embeddings of
    all rows, sees the past of all of them, and so does it here.
    """
    sequence = build(pattern, given.codes, net.config.padding)
    past = sequence[..., :-1]
    if hidden_past is not None:
        spatial = torch.arange(net.config.n_rows, device=past.device) >= net.config.n_codebooks
        past = past.masked_fill(hidden_past.to(past.device)[:, None, None] & spatial[:, None], net.config.padding)
    hidden = net.decode(net.encode(given.conditioning), past, first_frame * pattern.stride)
    weights = torch.ones(net.config.n_rows, device=past.device)
    weights[net.config.n_codebooks :: net.config.n_codebooks] = emphasis
    total = hidden.new_zeros((), dtype=torch.float32)
    for rows, steps in steps_by_rows(pattern, given.codes.shape[-1]):
        # Logits of all rows at all steps would be twice as many in the paper's pattern, four times in the naive order.
        logits = net.logits(hidden[:, steps], rows)
        targets = sequence[:, list(rows), steps].transpose(1, 2)
        losses = F.cross_entropy(logits.flatten(0, 2).float(), targets.flatten(), reduction="none")
        total = total + (losses.view(targets.shape) * weights[list(rows)]).sum()
    return total / (weights.sum() * given.codes[:, 0].numel())


def steps_by_rows(pattern: Pattern, n_frames: int) -> Iterator[tuple[tuple[int, ...], slice]]:
    """The rows that have codes, and the steps, evenly spaced, at which just these have: together every code once."""
    last: dict[tuple[int, ...], list[int]] = {}
    for step in range(pattern.n_steps(n_frames)):
        rows = pattern.rows_at(step, n_frames)
        if rows:
            last.setdefault(rows, []).append(step)
    for rows, steps in last.items():
        yield rows, slice(steps[0], steps[-1] + 1, steps[1] - steps[0] if len(steps) > 1 else 1)


def training_loss(net: Visage, data: Prepared, recipe: VisageRecipe, seed: int) -> Callable[[int, torch.Generator], Tensor]:
    """The loss of a batch by its number: clips in seeded order, some turned, conditions of some dropped (section 5.2)."""
    pattern = pattern_named(recipe.pattern, net.config.n_codebooks, net.config.n_channels)

    whole = Span(1.0, data.header.n_code_frames, recipe.batch_size, recipe.hide_past, 1.0)

    def loss(number: int, generator: torch.Generator) -> Tensor:
        done = number / (recipe.schedule.steps * recipe.schedule.accumulation)
        span = next((span for span in recipe.spans if done < span.until), whole)
        chosen = batch_indices(len(data), min(span.batch_size, len(data)), seed, number)
        turned, no_direction, no_visual, no_past = (
            torch.rand(len(chosen), generator=generator) < p
            for p in (recipe.rotation, recipe.drop_direction, recipe.drop_visual, span.hide_past)
        )
        given = examples(data.batch(chosen.numpy()), turned.numpy(), net)
        kept = net.without(given.conditioning, visual=no_visual, direction=no_direction)
        first = int(torch.randint(whole.n_frames - span.n_frames + 1, (), generator=generator))
        seen = Examples(kept, given.codes[..., first : first + span.n_frames])
        hidden = no_past if span.hide_past else None
        return code_loss(net, seen, pattern, hidden_past=hidden, first_frame=first, emphasis=span.emphasis)

    return loss


def validation_loss(net: Visage, data: Prepared, recipe: VisageRecipe) -> float:
    """The loss over all clips of ``data`` as they are: nothing turned, nothing dropped."""
    pattern, total = pattern_named(recipe.pattern, net.config.n_codebooks, net.config.n_channels), 0.0
    device = net.null_features.device
    for chosen in np.split(np.arange(len(data)), range(recipe.batch_size, len(data), recipe.batch_size)):
        given = examples(data.batch(chosen), np.zeros(len(chosen), bool), net)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=recipe.schedule.precision == "bfloat16"):
            total += float(code_loss(net, given, pattern)) * len(chosen)
    return total / len(data)


@dataclass(frozen=True)
class VisageTask:
    """What is learned from what: with the same task the same run, weights and all, on the same machine."""

    recipe: VisageRecipe
    data: Prepared
    validation: Prepared | None = None
    """Held-out clips; with them the best model is kept, without them the last."""
    start: Path | None = None
    """Folder of a model to start from: pretrained on mono, or of the same kind."""
    seed: int = 0

    def settings(self) -> dict[str, Any]:
        """The task as JSON; the clips by the hash of their keys."""
        return {
            "recipe": asdict(self.recipe),
            "data": asdict(self.data.header),
            "clips": len(self.data),
            "clips_sha256": _sha256_of_keys(self.data),
            "validation_clips": 0 if self.validation is None else len(self.validation),
            "validation_sha256": None if self.validation is None else _sha256_of_keys(self.validation),
            "start": None if self.start is None else str(self.start),
            "seed": self.seed,
        }


CHECKPOINT = "checkpoint.safetensors"
Watch = Callable[[int, float], None]
"""Told the steps done and the loss of the last one."""


def fit_visage(task: VisageTask, out: Path, *, device: torch.device | str = "cpu", watch: Watch | None = None) -> TrainedVisage:
    """The model of ``task``, saved to ``out`` beside its curves; goes on where a run of the same task was stopped.

    InputError: ``out`` holds another task, or the model to start from or the number of clips does not fit; nothing is written.
    """
    crew, settings = processes_now(), task.settings()
    refuse_uneven(task.recipe.schedule, crew)
    net = new_net(task).to(device)
    if crew.first:
        _claim(out, settings)
    curves = Curves(out)

    def save(weights: Mapping[str, Tensor], steps: int, facts: Mapping[str, Any]) -> None:
        with torch.device("meta"):
            result = Visage(net.config)
        result.load_state_dict(weights, assign=True)
        save_trained_visage(out, _trained(task, result, {"steps": steps, **facts, **settings}))

    def log(step: int, value: float) -> None:
        curves.training(step, value)
        if watch is not None:
            watch(step + 1, value)

    def keep(weights: Mapping[str, Tensor], steps: int, value: float) -> None:
        save(weights, steps, {"validation_loss": value})

    validation = None
    if task.validation is not None:
        held_out = task.validation
        validation = Validation(
            lambda: validation_loss(net, held_out, task.recipe), task.recipe.validate_every, keep, curves.validation
        )
    average = train(
        net,
        training_loss(net, task.data, task.recipe, task.seed),
        task.recipe.schedule,
        seed=task.seed,
        checkpoint=out / CHECKPOINT,
        log=log,
        validation=validation,
    )
    curves.close()
    if validation is None and crew.first:
        save(average, task.recipe.schedule.steps, {})
    wait_for_all(crew)
    return load_builtin_visage(out)


def _trained(task: VisageTask, net: Visage, facts: Mapping[str, Any]) -> TrainedVisage:
    """``net`` with all that it was tied to by ``task``."""
    header = task.data.header
    rates = header.frames_per_s, header.code_frames_per_s
    return TrainedVisage(
        net.eval(), task.recipe.pattern, header.encoder, header.codec, *rates, facts=facts, energy_compat=header.compat
    )


def new_net(task: VisageTask) -> Visage:
    """The model before training: drawn from the seed, or taken from the model to start from.

    InputError: too few clips for a batch, or a model to start from that is missing, needless or does not fit.
    """
    recipe, header = task.recipe, task.data.header
    batch_size = recipe.batch_size
    if any(not 1 <= span.n_frames <= header.n_code_frames for span in recipe.spans):
        raise InputError(f"spans have 1 to {header.n_code_frames} frames of codes here, got {recipe.spans}")
    if len(task.data) < batch_size:
        raise InputError(f"a batch of {batch_size} needs at least as many clips, got {len(task.data)}")
    net = Visage(recipe.config_for(header), torch.Generator().manual_seed(task.seed))
    if (task.start is not None) != recipe.pretrained:
        raise InputError("this recipe starts from a pretrained model" if recipe.pretrained else "this recipe starts from nothing")
    if recipe.clear_start:
        start_clear(net, _code_vectors(header), torch.Generator().manual_seed(task.seed))
    if task.start is None:
        return net
    if is_trained_visage(task.start):
        start = load_builtin_visage(task.start)
        for what, theirs, ours in (("encoder", start.encoder_name, header.encoder), ("codec", start.codec_name, header.codec)):
            if theirs != ours:
                raise InputError(f"the model in {task.start} was trained with the {what} {theirs}, the data are of {ours}")
        if start.config.energy_map and start.energy_compat != header.compat:
            raise InputError(f"the model in {task.start} and the data have energy maps of two definitions")
        found = start.net
    else:
        found = load_visage(task.start)
    if found.config.n_channels == 1 and net.config.n_channels > 1:
        net.start_from_mono(found)
    elif found.config.n_heads != net.config.n_heads:  # all else that differs shows in the shapes
        raise InputError(f"the model in {task.start} has {found.config.n_heads} heads, the recipe {net.config.n_heads}")
    else:
        load_strictly(net, found.state_dict(), f"the model in {task.start}")
    return net


def _code_vectors(header: PreparedHeader) -> Tensor | None:
    """What the codec of the data says of its codes (N, V, E); None if it is not the builtin one, which alone says it."""
    codec = BuiltinCodec()
    return torch.from_numpy(codec.code_vectors()) if codec.name == header.codec else None


def seconds_per_step(task: VisageTask, device: torch.device | str = "cpu", n_steps: int = 2) -> float:
    """How long a step takes here, measured on a copy that is thrown away; of several processes as the first finds it."""
    net = new_net(task).to(device)
    schedule = replace(task.recipe.schedule, steps=1 + n_steps)
    times = []
    loss = training_loss(net, task.data, task.recipe, task.seed)
    train(net, loss, schedule, seed=task.seed, log=lambda step, value: times.append(time.monotonic()))
    return of_first((times[-1] - times[0]) / n_steps if times else 0.0, processes_now())


def _sha256_of_keys(data: Prepared) -> str:
    return hashlib.sha256("\n".join(data.keys).encode()).hexdigest()


def _claim(out: Path, settings: Mapping[str, Any]) -> None:
    """Writes down what is learned in ``out``, or checks that it is what was learned there before."""
    out.mkdir(parents=True, exist_ok=True)
    settings = json.loads(json.dumps(settings))
    path = out / RUN
    if path.exists():
        there = read_json(path)
        # A run of an earlier version may say less.
        differs = [name for name, value in settings.items() if there.get(name, value) != value]
        if differs:
            raise InputError(f"{out} holds a run with another {', '.join(differs)}: choose another folder")
    else:
        with whole_file(path) as partial:
            partial.write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
