"""The one training loop: AdamW, cosine schedule, moving average of the weights, exact resume.

All randomness of a step comes from ``step_generator(seed, step)``, so a checkpoint needs no random state: a run that is
killed and started again takes the same steps and ends with the same weights on the same machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

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
    """Of the moving average that is the result; it starts faster (Polyak and Juditsky 1992)."""
    save_every: int = 200
    """Steps between checkpoints."""

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = max(1, round(self.warmup * self.steps))
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))


Loss = Callable[[int, torch.Generator], Tensor]
"""The loss of a step, with all its randomness from the generator."""


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random source of one step."""
    state = np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def batch_indices(n: int, batch_size: int, seed: int, step: int) -> Tensor:
    """The members of a step's batch: every epoch is one seeded shuffle of ``n``, its last incomplete batch left out."""
    per_epoch = n // batch_size
    if per_epoch == 0:
        raise InputError(f"a batch of {batch_size} needs at least as many pictures, got {n}")
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
) -> dict[str, Tensor]:
    """The moving average of the module's state after ``schedule.steps`` steps; the module itself is trained in place.

    With ``checkpoint``, the run is saved there as it goes and goes on from there if the file exists. ``log`` hears the
    step and its loss.
    """
    optimizer = torch.optim.AdamW(_parameter_groups(module, schedule.weight_decay), lr=schedule.learning_rate)
    average = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    start = 0
    if checkpoint is not None and checkpoint.exists():
        start = _load(checkpoint, module, optimizer, average)
    module.train()
    for step in range(start, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        value = loss(step, step_generator(seed, step))
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        _update_average(average, module, min(schedule.ema_decay, (step + 1) / (step + 10)))
        if log is not None:
            log(step, float(value.detach()))
        if checkpoint is not None and ((step + 1) % schedule.save_every == 0 or step + 1 == schedule.steps):
            _save(checkpoint, module, optimizer, average, step + 1)
    return average


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


def _save(path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, average: dict[str, Tensor], step: int) -> None:
    tensors = {f"module.{name}": t for name, t in module.state_dict().items()}
    tensors |= {f"average.{name}": t for name, t in average.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": t for name, t in state.items()}
    tensors["step"] = torch.tensor(step)
    partial = path.with_name(path.name + ".part")
    save_file({name: t.detach().clone().contiguous() for name, t in tensors.items()}, partial)
    partial.replace(path)


def _load(path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, average: dict[str, Tensor]) -> int:
    tensors = load_file(path)
    own = {name.removeprefix("module."): t for name, t in tensors.items() if name.startswith("module.")}
    shapes = {name: t.shape for name, t in module.state_dict().items()}
    if {name: t.shape for name, t in own.items()} != shapes:
        raise InputError(f"the checkpoint {path} belongs to another model: delete it or choose another output")
    module.load_state_dict(own)
    for name in average:
        average[name].copy_(tensors[f"average.{name}"])
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return int(tensors["step"])
