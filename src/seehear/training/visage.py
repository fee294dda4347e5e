"""Training ViSAGe (Kim, Yun and Kim, ICLR 2025, sections 5.2 and 6.1, appendix A): the loss, and what is changed at random.

Legend: B batch, F frames, K rows of codes, L frames of codes, S steps of the pattern, V codes, D width.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seehear.adapters.builtin_codec import BuiltinCodec
from seehear.adapters.visage_builtin import is_trained_visage, load_builtin_visage, save_trained_visage
from seehear.adapters.visage_checkpoint import load_visage
from seehear.data.prepared import TURNED, UPRIGHT, Prepared, PreparedBatch, PreparedHeader
from seehear.io.files import whole_file
from seehear.nets.trained_visage import TrainedVisage
from seehear.nets.visage import Conditioning, Visage
from seehear.nets.visage_config import VisageConfig, mono
from seehear.sampling.tokens import Pattern, build, pattern_named
from seehear.training.curves import RUN, Curves, read_run
from seehear.training.first_weights import start_clear
from seehear.training.loop import Validation, batch_indices, refuse_uneven, train
from seehear.training.processes import of_first, processes_now, wait_for_all
from seehear.training.recipes import Span, VisageRecipe
from seehear.types import InputError
from seehear.vision.patch_energy import Compat
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


@dataclass(frozen=True)
class Start:
    """A model to start from, and what is known of what it was trained with."""

    folder: Path
    net: Visage
    encoder: str | None = None
    """``name`` of its encoder of frames; a released checkpoint does not say, and is taken to know that of the data."""
    codec: str | None = None
    energy_compat: Compat | None = None
    """Whose energy maps it knows; None is the paper's, also where it looks at none, as a mono model."""


def read_start(folder: Path) -> Start:
    """The model of a folder, trained here or released; InputError if it is missing, damaged or neither."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} with a model to start from")
    if not is_trained_visage(folder):
        net = load_visage(folder)
        return Start(folder, net, energy_compat="visage" if net.config.energy_map else None)
    found = load_builtin_visage(folder)
    compat = found.energy_compat if found.config.energy_map else None
    return Start(folder, found.net, found.encoder_name, found.codec_name, compat)


def refuse_misfit(recipe: VisageRecipe, header: PreparedHeader, n_clips: int, start: Start | None) -> None:
    """Nothing, or an InputError: too few or too short clips, or a model to start from that is missing, needless or another."""
    if any(not 1 <= span.n_frames <= header.n_code_frames for span in recipe.spans):
        raise InputError(f"spans have 1 to {header.n_code_frames} frames of codes here, got {recipe.spans}")
    if n_clips < recipe.batch_size:
        raise InputError(f"a batch of {recipe.batch_size} needs at least as many clips, got {n_clips}")
    if (start is not None) != recipe.pretrained:
        raise InputError("this recipe starts from a pretrained model" if recipe.pretrained else "this recipe starts from nothing")
    if start is None:
        return
    for what, theirs, ours in (("encoder", start.encoder, header.encoder), ("codec", start.codec, header.codec)):
        if theirs not in (None, ours):
            raise InputError(f"the model in {start.folder} was trained with the {what} {theirs}, the data are of {ours}")
    wanted = recipe.config_for(header)
    if _is_mono(start, wanted):
        wanted = mono(wanted)
    elif wanted.energy_map and start.net.config.energy_map and start.energy_compat != header.compat:
        whose = {None: "the paper's", "visage": "the released program's"}
        raise InputError(
            f"the model in {start.folder} knows {whose[start.energy_compat]} energy maps, the clips are prepared with "
            f"{whose[header.compat]}: train from their shards, which are then prepared to fit it"
        )
    pairs = ((each.name, getattr(start.net.config, each.name), getattr(wanted, each.name)) for each in fields(wanted))
    if differs := [f"{name} {theirs} instead of {ours}" for name, theirs, ours in pairs if theirs != ours and name != "dropout"]:
        raise InputError(f"the model in {start.folder} does not fit the recipe and the clips: it has {', '.join(differs)}")


def _is_mono(start: Start, wanted: VisageConfig) -> bool:
    return start.net.config.n_channels == 1 and wanted.n_channels > 1


def new_net(task: VisageTask) -> Visage:
    """The model before training: drawn from the seed, or taken from the model to start from.

    InputError: as :func:`read_start` and :func:`refuse_misfit`.
    """
    recipe, header = task.recipe, task.data.header
    start = None if task.start is None else read_start(task.start)
    refuse_misfit(recipe, header, len(task.data), start)
    net = Visage(recipe.config_for(header), torch.Generator().manual_seed(task.seed))
    if recipe.clear_start:
        start_clear(net, _code_vectors(header), torch.Generator().manual_seed(task.seed))
    if start is None:
        return net
    if _is_mono(start, net.config):
        net.start_from_mono(start.net, decoder_alone=recipe.clear_start)
    else:
        load_strictly(net, start.net.state_dict(), f"the model in {start.folder}")
    return net


def _code_vectors(header: PreparedHeader) -> Tensor | None:
    """What the codec of the data says of its codes (N, V, E); None if it is not the builtin one, which alone says it."""
    codec = BuiltinCodec()
    return torch.from_numpy(codec.code_vectors()) if codec.name == header.codec else None


def seconds_per_step(task: VisageTask, device: torch.device | str = "cpu", n_steps: int = 2) -> float:
    """How long a step takes here, measured on a copy that is thrown away; of several processes as the first finds it.

    The mean over a whole run: steps of spans and of whole clips take their own times, each by its share of the run.
    """
    net, recipe = new_net(task).to(device), task.recipe
    seconds, ended = 0.0, 0.0
    for span in (*recipe.spans, None):
        until = 1.0 if span is None else min(span.until, 1.0)
        if until > ended:
            alone = replace(recipe, spans=() if span is None else (replace(span, until=1.0),))
            seconds += (until - ended) * _seconds_of_a_step(net, replace(task, recipe=alone), n_steps)
            ended = until
    return of_first(seconds, processes_now())


def _seconds_of_a_step(net: Visage, task: VisageTask, n_steps: int) -> float:
    """The mean of ``n_steps`` steps after a first one, which takes longer; 0 in a process that does not report."""
    schedule = replace(task.recipe.schedule, steps=1 + n_steps)
    times = []
    loss = training_loss(net, task.data, replace(task.recipe, schedule=schedule), task.seed)
    train(net, loss, schedule, seed=task.seed, log=lambda step, value: times.append(time.monotonic()))
    return (times[-1] - times[0]) / n_steps if times else 0.0


def _sha256_of_keys(data: Prepared) -> str:
    return hashlib.sha256("\n".join(data.keys).encode()).hexdigest()


def refuse_another_run(out: Path, settings: Mapping[str, Any]) -> None:
    """Nothing, or an InputError where the run in ``out`` was told something else than these of a task's settings."""
    there, settings = read_run(out), json.loads(json.dumps(settings))
    # A run of an earlier version may say less.
    differs = [name for name, value in settings.items() if there.get(name, value) != value]
    if differs == ["recipe"]:
        schedule, wanted = there["recipe"]["schedule"], settings["recipe"]["schedule"]
        if there["recipe"] | {"schedule": schedule | {"steps": wanted["steps"]}} == settings["recipe"]:
            raise InputError(
                f"the run in {out} is one of {schedule['steps']} steps, got {wanted['steps']}: "
                "leave out the number to go on with it, or choose another folder"
            )
    if differs:
        raise InputError(f"{out} holds a run with another {', '.join(differs)}: choose another folder")


def _claim(out: Path, settings: Mapping[str, Any]) -> None:
    """Writes down what is learned in ``out``, or checks that it is what was learned there before."""
    if (out / RUN).exists():
        refuse_another_run(out, settings)
        return
    out.mkdir(parents=True, exist_ok=True)
    with whole_file(out / RUN) as partial:
        partial.write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
