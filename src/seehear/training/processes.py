"""Several processes that train one model, each on its device: who is which, and what they average.

Started by ``accelerate launch`` or ``torchrun``; a run that was started by itself is one process and touches nothing here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seehear.adapters.hub import Machine

if TYPE_CHECKING:
    from accelerate import PartialState

BUCKET = 2**25
"""Numbers that are averaged together at most: few large messages instead of one for each tensor."""


PATIENCE = timedelta(days=7)
"""How long processes wait for each other: one may prepare the clips of all."""


@dataclass(frozen=True)
class Processes:
    """The processes of a run, as seen by one of them."""

    index: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and reports."""
        return self.index == 0


def processes_now() -> Processes:
    """The processes that this one belongs to."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    state = _state(cpu=not torch.cuda.is_available())
    return Processes(state.process_index, state.num_processes)


def _state(cpu: bool) -> PartialState:
    """accelerate's view of the processes, which meet here for the first time."""
    from accelerate import PartialState

    return PartialState(cpu=cpu, timeout=PATIENCE)


def device_here(asked: str) -> torch.device:
    """The device called ``asked`` (auto, cpu, cuda, cuda:1, mps), or, of several processes, the one that is this one's.

    InputError if this machine does not have it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        device = _state(cpu=asked == "cpu" or not torch.cuda.is_available()).device
        assert device is not None
        return device
    if asked != "auto":
        return torch.device(Machine(asked).torch_device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def threads(n: int) -> Iterator[None]:
    """In this block torch computes with ``n`` threads of the processor, after it with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def wait_for_all(processes: Processes) -> None:
    """Returns when every process has come here."""
    if processes.count > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def averaged(value: Tensor, processes: Processes) -> Tensor:
    """The mean of a tensor over the processes."""
    if processes.count == 1:
        return value
    from accelerate.utils import reduce

    return torch.as_tensor(reduce(value, "mean"))


def of_first(value: float, processes: Processes) -> float:
    """The number that the first process has."""
    if processes.count == 1:
        return value
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([value])[0]


def average_gradients(parameters: Iterable[torch.nn.Parameter], processes: Processes) -> None:
    """Puts the mean over the processes in the place of each gradient; one that a process lacks is 0 there."""
    if processes.count == 1:
        return
    bucket: list[Tensor] = []
    for parameter in parameters:
        if not parameter.requires_grad:
            continue
        if parameter.grad is None:  # all processes must send the same
            parameter.grad = torch.zeros_like(parameter)
        if sum(g.numel() for g in bucket) + parameter.numel() > BUCKET and bucket:
            _average(bucket, processes)
            bucket = []
        bucket.append(parameter.grad)
    if bucket:
        _average(bucket, processes)


def _average(gradients: list[Tensor], processes: Processes) -> None:
    flat = averaged(torch.cat([g.flatten() for g in gradients]), processes)
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
