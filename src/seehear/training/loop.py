"""The one training loop: AdamW, warm-up, cosine or constant rate, moving average of the weights, validation, exact resume.

All randomness of a batch comes from ``step_generator(seed, number)``, that of dropout too, so a checkpoint needs no random state:
a run that is killed and started again takes the same steps and ends with the same weights on the same machine.

A step may be made of several batches whose gradients are averaged (``Schedule.accumulation``). Under ``accelerate launch`` or
``torchrun`` the processes share these batches: four batches on one device, two on each of two and one on each of four are
the same step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seehear.training.processes import Processes, average_gradients, averaged, processes_now
from seehear.types import InputError


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn."""

    steps: int
    """Optimiser steps."""
    learning_rate: float = 2e-3
    """The highest rate of AdamW (Loshchilov and Hutter 2019), reached after the warm-up."""
    warmup: float = 0.05
    """Fraction of the steps in which the rate rises linearly; after it, half a cosine takes it to zero."""
    weight_decay: float = 0.05
    """Decay of weight matrices and kernels; biases and norms do not decay."""
    ema_decay: float = 0.998
    """Of the moving average that is the result; it starts faster (Polyak and Juditsky 1992). 0: the weights themselves."""
    save_every: int = 200
    """Steps between checkpoints."""
    save_every_s: float | None = None
    """Seconds between checkpoints, beside those by steps."""
    shape: Literal["cosine", "constant"] = "cosine"
    """What the rate does after the warm-up: half a cosine down to zero, or nothing."""
    warmup_steps: int | None = None
    """Steps of the warm-up, in the place of ``warmup``; 0 is none."""
    clip_norm: float | None = None
    """Largest norm of all gradients together; longer ones are shortened to it."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the products in the loss (autocast); weights, averages and the optimiser are float32."""
    accumulation: int = 1
    """Batches per step, over all processes together."""

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = max(1, round(self.warmup * self.steps)) if self.warmup_steps is None else self.warmup_steps
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        if self.shape == "constant":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))


Loss = Callable[[int, torch.Generator], Tensor]
"""The loss of a batch by its number, with all its randomness from the generator. A step has one batch unless it accumulates."""


@dataclass(frozen=True)
class Validation:
    """Looks at the moving average as it goes, and keeps the best."""

    loss: Callable[[], float]
    """Loss on held-out data of the module in training, called while its weights are the average, without gradients."""
    every: int
    """Steps between looks; there is one after the last step too."""
    keep: Callable[[Mapping[str, Tensor], int, float], None]
    """Given the average, the steps taken and the loss each time that the loss is the lowest so far."""
    log: Callable[[int, float], None] | None = None
    """Hears the steps taken and the loss of every look."""


@dataclass
class _Run:
    """What a checkpoint holds."""

    module: nn.Module
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor]
    steps_done: int = 0
    best: float = math.inf
    saved_at: float = field(default_factory=time.monotonic)


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random source of one step."""
    state = np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def batch_indices(n: int, batch_size: int, seed: int, step: int) -> Tensor:
    """The members of a step's batch: every epoch is one seeded shuffle of ``n``, its last incomplete batch left out."""
    per_epoch = n // batch_size
    if per_epoch == 0:
        raise InputError(f"a batch of {batch_size} needs at least as many examples, got {n}")
    epoch, position = divmod(step, per_epoch)
    order = np.random.default_rng((seed, epoch, n)).permutation(n)
    return torch.from_numpy(order[position * batch_size : (position + 1) * batch_size])


def train(
    module: nn.Module,
    loss: Loss,
    schedule: Schedule,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    log: Callable[[int, float], None] | None = None,
    validation: Validation | None = None,
) -> dict[str, Tensor]:
    """The moving average of the module's state after ``schedule.steps`` steps; the module itself is trained in place.

    With ``checkpoint``, the run is saved there as it goes and goes on from there if the file exists. ``log`` hears the
    step and its loss. The module stays on its device. InputError: a checkpoint that cannot be read or is of another model, a
    loss that is no number, or processes that cannot share the batches of a step evenly.
    """
    crew = processes_now()
    refuse_uneven(schedule, crew)
    optimizer = torch.optim.AdamW(_parameter_groups(module, schedule.weight_decay), lr=schedule.learning_rate)
    run = _Run(module, optimizer, {name: tensor.clone() for name, tensor in module.state_dict().items()})
    if checkpoint is not None and checkpoint.exists():
        _load(checkpoint, run)
    module.train()
    for step in range(run.steps_done, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        value = float(_backward(run, loss, schedule, seed, crew))
        if not math.isfinite(value):
            raise InputError(f"the loss of step {step + 1} is {value}: the data are spoiled, or the learning rate is too high")
        if schedule.clip_norm is not None:
            nn.utils.clip_grad_norm_(module.parameters(), schedule.clip_norm)
        optimizer.step()
        run.steps_done = step + 1
        _update_average(run.average, module, min(schedule.ema_decay, (step + 1) / (step + 10)))
        if log is not None and crew.first:
            log(step, value)
        last = run.steps_done == schedule.steps
        if validation is not None and (last or run.steps_done % validation.every == 0):
            _validate(run, validation, crew)
        if checkpoint is not None and crew.first and (last or _is_due(run, schedule)):
            _save(checkpoint, run)
    return run.average


def refuse_uneven(schedule: Schedule, processes: Processes) -> None:
    """Nothing, or an InputError when the processes cannot have as many batches of a step each."""
    if schedule.accumulation % processes.count:
        raise InputError(f"{processes.count} processes cannot share {schedule.accumulation} batches of a step evenly")


def _backward(run: _Run, loss: Loss, schedule: Schedule, seed: int, crew: Processes) -> Tensor:
    """The loss of a step, whose gradients it leaves in the parameters: the mean over its batches in all processes."""
    device = next(run.module.parameters()).device
    values = []
    for part in range(crew.index, schedule.accumulation, crew.count):
        number = run.steps_done * schedule.accumulation + part
        generator = step_generator(seed, number)
        with _dropout_from(generator, device), _autocast(schedule, device):
            value = loss(number, generator)
        if not values:
            run.optimizer.zero_grad(set_to_none=True)
        (value if schedule.accumulation == 1 else value * (crew.count / schedule.accumulation)).backward()
        values.append(value.detach())
    average_gradients(run.module.parameters(), crew)
    return values[0] if schedule.accumulation == 1 else averaged(torch.stack(values).mean(), crew)


@contextmanager
def _dropout_from(generator: torch.Generator, device: torch.device) -> Iterator[None]:
    """Layers draw from torch's global generators: in this block they are a function of ``generator``, after it as before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(generator.initial_seed() ^ 1)  # another stream than that of the batch
        yield


def _autocast(schedule: Schedule, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=schedule.precision == "bfloat16")


@torch.no_grad()
def _validate(run: _Run, validation: Validation, crew: Processes) -> None:
    own = {name: tensor.clone() for name, tensor in run.module.state_dict().items()}
    run.module.load_state_dict(run.average)
    run.module.eval()
    value = validation.loss()
    run.module.train()
    run.module.load_state_dict(own)
    if crew.first and validation.log is not None:
        validation.log(run.steps_done, value)
    if value < run.best:
        run.best = value
        if crew.first:
            validation.keep(run.average, run.steps_done, value)


def _is_due(run: _Run, schedule: Schedule) -> bool:
    late = schedule.save_every_s is not None and time.monotonic() - run.saved_at >= schedule.save_every_s
    return late or run.steps_done % schedule.save_every == 0


def _parameter_groups(module: nn.Module, weight_decay: float) -> list[dict]:
    parameters = [p for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


@torch.no_grad()
def _update_average(average: dict[str, Tensor], module: nn.Module, decay: float) -> None:
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            average[name].lerp_(tensor, 1 - decay)
        else:
            average[name].copy_(tensor)


def _save(path: Path, run: _Run) -> None:
    tensors = {f"module.{name}": t for name, t in run.module.state_dict().items()}
    tensors |= {f"average.{name}": t for name, t in run.average.items()}
    for index, state in run.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": t for name, t in state.items()}
    tensors |= {"step": torch.tensor(run.steps_done), "best": torch.tensor(run.best, dtype=torch.float64)}
    partial = path.with_name(path.name + ".part")
    # Copies in main memory: there may be no room for them where the model is, and what shares memory cannot be written.
    save_file({name: t.detach().to("cpu", copy=True).contiguous() for name, t in tensors.items()}, partial)
    partial.replace(path)
    run.saved_at = time.monotonic()


def _load(path: Path, run: _Run) -> None:
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"the checkpoint {path} cannot be read: {error}") from None
    found = {name: t.shape for name, t in tensors.items() if name != "best"}  # checkpoints of earlier versions have none
    if found != _shapes(run, tensors):
        raise InputError(f"the checkpoint {path} belongs to another model, or is damaged: delete it or choose another output")
    run.module.load_state_dict({name: tensors[f"module.{name}"] for name in run.average})
    for name in run.average:
        run.average[name].copy_(tensors[f"average.{name}"])
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            state.setdefault(int(index), {})[key] = tensor
    run.optimizer.load_state_dict({"state": state, "param_groups": run.optimizer.state_dict()["param_groups"]})
    run.steps_done = int(tensors["step"])
    run.best = float(tensors["best"]) if "best" in tensors else math.inf


def _shapes(run: _Run, tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """Of all that a checkpoint of ``run`` holds; the optimiser has nothing of parameters that never had a gradient."""
    shapes = {f"{part}.{name}": t.shape for part in ("module", "average") for name, t in run.module.state_dict().items()}
    parameters = [p for group in run.optimizer.param_groups for p in group["params"]]
    for i, parameter in enumerate(parameters):
        if f"optimizer.{i}.exp_avg" in tensors:
            own = {"exp_avg": parameter.shape, "exp_avg_sq": parameter.shape, "step": torch.Size([])}
            shapes |= {f"optimizer.{i}.{name}": shape for name, shape in own.items()}
    return shapes | {"step": torch.Size([])}
