import math
import os
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from seehear.training.loop import Schedule, Validation, batch_indices, step_generator, train
from seehear.types import InputError

SCHEDULE = Schedule(steps=60, learning_rate=0.05, weight_decay=0.0, save_every=10)


def small_net() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def noisy_loss(module: nn.Module):
    def loss(step, generator):
        x = torch.randn(16, 4, generator=generator)
        return F.mse_loss(module(x), x[:, :2] - x[:, 2:])

    return loss


def test_a_killed_run_ends_with_the_same_weights(tmp_path):
    """Independent run: stopped by an error at step 37 and started again, bit for bit the same as an unbroken one."""
    whole = small_net()
    expected = train(whole, noisy_loss(whole), SCHEDULE, seed=1)

    def failing(module):
        inner = noisy_loss(module)

        def loss(step, generator):
            if step == 37:
                raise KeyboardInterrupt
            return inner(step, generator)

        return loss

    checkpoint = tmp_path / "run.checkpoint"
    first, second = small_net(), small_net()
    with pytest.raises(KeyboardInterrupt):
        train(first, failing(first), SCHEDULE, seed=1, checkpoint=checkpoint)
    steps = []
    found = train(second, noisy_loss(second), SCHEDULE, seed=1, checkpoint=checkpoint, log=lambda step, _: steps.append(step))
    assert steps[0] == 30
    for name in expected:
        assert torch.equal(found[name], expected[name]), name
    for name, tensor in whole.state_dict().items():
        assert torch.equal(second.state_dict()[name], tensor), name


def test_a_foreign_checkpoint_is_refused(tmp_path):
    """Planted faults: a checkpoint of another model, one that lacks something, and a file that is none."""
    checkpoint = tmp_path / "run.checkpoint"
    net = small_net()
    train(net, noisy_loss(net), replace(SCHEDULE, steps=2), checkpoint=checkpoint)
    other = nn.Linear(4, 2)
    with pytest.raises(InputError, match="another model"):
        train(other, noisy_loss(other), SCHEDULE, checkpoint=checkpoint)
    whole = load_file(checkpoint)
    for lost in ("average.0.weight", "step", "optimizer.0.exp_avg_sq"):
        save_file({name: tensor for name, tensor in whole.items() if name != lost}, checkpoint)
        with pytest.raises(InputError, match="or is damaged"):
            train(net, noisy_loss(net), SCHEDULE, checkpoint=checkpoint)
    checkpoint.write_bytes(b"not weights")
    with pytest.raises(InputError, match="cannot be read"):
        train(other, noisy_loss(other), SCHEDULE, checkpoint=checkpoint)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path):
    """Planted fault: at the fourth step; the weights are those of the third, and so is the checkpoint."""
    net, checkpoint, seen = nn.Linear(1, 1), tmp_path / "run.checkpoint", []

    def loss(step, generator):
        seen.append(net.weight.item())
        return net(torch.ones(1, 1)).sum() * (math.nan if step == 3 else 1.0)

    with pytest.raises(InputError, match="loss of step 4 is nan"):
        train(net, loss, replace(SCHEDULE, save_every=1), checkpoint=checkpoint)
    assert net.weight.item() == seen[3] != seen[2]
    assert load_file(checkpoint)["module.weight"].item() == seen[3]


def test_it_learns_a_linear_map():
    """Planted answer: y = (x0 - x2, x1 - x3) without noise."""
    torch.manual_seed(0)
    net = nn.Linear(4, 2)
    average = train(net, noisy_loss(net), Schedule(steps=400, learning_rate=0.05, weight_decay=0.0, ema_decay=0.9))
    wanted = torch.tensor([[1.0, 0, -1, 0], [0, 1, 0, -1]])
    torch.testing.assert_close(average["weight"], wanted, atol=2e-3, rtol=0)


def test_the_rate_warms_up_and_follows_half_a_cosine():
    """Closed form at the ends, the top and the middle."""
    schedule = Schedule(steps=1000, learning_rate=0.4, warmup=0.1)
    assert schedule.rate(0) == pytest.approx(0.004)
    assert schedule.rate(99) == pytest.approx(0.4) == schedule.rate(100)
    assert schedule.rate(550) == pytest.approx(0.2)
    assert schedule.rate(1000) == pytest.approx(0.0)


def test_the_average_is_exponential():
    """Closed form: a constant gradient with plain steps of Adam moves a weight by the rate; the average follows by hand."""
    net = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight.zero_()
    schedule = Schedule(steps=3, learning_rate=0.1, warmup=0.0, weight_decay=0.0, ema_decay=0.5)
    average = train(net, lambda step, generator: net(torch.ones(1, 1)).sum(), schedule)
    position, expected = 0.0, 0.0
    for step in range(3):
        position -= schedule.rate(step)
        decay = min(0.5, (step + 1) / (step + 10))
        expected = decay * expected + (1 - decay) * position
    assert float(net.weight.detach()) == pytest.approx(position, rel=1e-4)
    assert float(average["weight"]) == pytest.approx(expected, rel=1e-4)


def test_an_epoch_is_a_shuffle():
    """Closed form: 5 batches of 4 out of 21 hold 20 different members, another order in the next epoch."""
    epochs = [torch.cat([batch_indices(21, 4, 7, step) for step in range(start, start + 5)]) for start in (0, 5)]
    for epoch in epochs:
        assert len(set(epoch.tolist())) == 20 and epoch.max() < 21
    assert not torch.equal(*epochs)
    with pytest.raises(InputError, match="batch of 4"):
        batch_indices(3, 4, 0, 0)


def test_step_generators_are_independent_of_the_past():
    """Closed form: the same (seed, step) gives the same numbers; draws of different steps do not correlate."""
    a, b = (torch.randn(10000, generator=step_generator(0, step)) for step in (1, 2))
    assert torch.equal(a, torch.randn(10000, generator=step_generator(0, 1)))
    assert abs(float(np.corrcoef(a, b)[0, 1])) < 4 / math.sqrt(10000)


def test_a_constant_rate_stays_after_the_warm_up():
    """Closed form: a tenth of the rate at the first of ten steps, all of it from the tenth on; no warm-up at all."""
    schedule = Schedule(steps=1000, learning_rate=0.4, warmup_steps=10, shape="constant")
    assert [schedule.rate(step) for step in (0, 4, 9, 10, 999)] == pytest.approx([0.04, 0.2, 0.4, 0.4, 0.4])
    assert replace(schedule, warmup_steps=0).rate(0) == 0.4
    assert Schedule(steps=1000, learning_rate=0.4, warmup_steps=0).rate(0) == 0.4


def test_batches_of_a_step_are_one_batch_in_parts():
    """Closed form: the gradient of the mean over 12 numbers is the mean of those over three times 4."""
    numbers = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))

    def fit(accumulation: int) -> tuple[nn.Module, list[float]]:
        torch.manual_seed(0)
        net, told = nn.Linear(1, 1), []

        def loss(number, generator):
            x = numbers.view(5 * accumulation, -1, 1)[number]
            return F.mse_loss(net(x), 3 * x - 1)

        schedule = Schedule(steps=5, learning_rate=0.1, accumulation=accumulation)
        train(net, loss, schedule, log=lambda step, value: told.append(value))
        return net, told

    (whole, losses), (parts, part_losses) = fit(1), fit(3)
    torch.testing.assert_close(parts.weight, whole.weight, rtol=1e-5, atol=1e-6)
    assert part_losses == pytest.approx(losses, rel=1e-5)


def test_long_gradients_are_shortened():
    """Closed form: Adam's second moment after one step is (1 - 0.999) g^2, with g = (3, 4) shortened to length 1."""
    net = nn.Linear(2, 1, bias=False)
    seen = []
    schedule = Schedule(steps=1, learning_rate=0.0, clip_norm=1.0)

    def loss(step, generator):
        return (net.weight * torch.tensor([[3.0, 4.0]])).sum()

    train(net, loss, schedule, log=lambda step, value: seen.append(net.weight.grad.clone()))
    torch.testing.assert_close(seen[0], torch.tensor([[0.6, 0.8]]), rtol=1e-4, atol=0)


def test_the_best_average_is_kept():
    """Planted answer: Adam moves the weight by 0.1 a step from 0, and the held-out loss is least where it passes 0.45."""
    net = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight.zero_()
    kept, looks = [], []
    validation = Validation(
        lambda: float((net.weight.detach() - 0.45).square()),
        every=2,
        keep=lambda weights, steps, value: kept.append((steps, float(weights["weight"]), value)),
        log=lambda steps, value: looks.append(steps),
    )
    schedule = Schedule(steps=9, learning_rate=0.1, warmup_steps=0, shape="constant", weight_decay=0.0, ema_decay=0.0)
    train(net, lambda step, generator: -net(torch.ones(1, 1)).sum(), schedule, validation=validation)
    assert looks == [2, 4, 6, 8, 9]
    assert [steps for steps, _, _ in kept] == [2, 4]
    assert kept[-1][1] == pytest.approx(0.4, rel=1e-4) and kept[-1][2] == pytest.approx(0.0025, rel=1e-2)
    assert net.weight.item() == pytest.approx(0.9, rel=1e-4)  # and training went on from its own weights


def test_dropout_is_a_function_of_the_step_alone():
    """Independent runs: torch's global generator in another state, the same weights; and it is left as it was."""

    def fit(state: int) -> torch.Tensor:
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2))
        torch.manual_seed(state)
        before = torch.get_rng_state()
        train(net, noisy_loss(net), replace(SCHEDULE, steps=4))
        assert torch.equal(torch.get_rng_state(), before)
        return net[0].weight.detach()

    assert torch.equal(fit(5), fit(6))


def test_checkpoints_come_by_time_too(tmp_path):
    """Closed form: with 0 s between them there is one after every step, where by steps there would be none before the last."""
    net, seen = nn.Linear(4, 2), []
    checkpoint = tmp_path / "run.checkpoint"
    schedule = replace(SCHEDULE, steps=3, save_every=1000, save_every_s=0.0)
    inner = noisy_loss(net)

    def loss(step, generator):
        seen.append(checkpoint.exists())
        return inner(step, generator)

    train(net, loss, schedule, checkpoint=checkpoint)
    assert seen == [False, True, True]


_SHARED = """
import sys, torch
from torch import nn
from torch.nn import functional as F
from seehear.training.loop import Schedule, train
from seehear.training.processes import of_first, processes_now
torch.set_num_threads(1)
torch.manual_seed(0)
net = nn.Linear(1, 1)
numbers = torch.randn(5, 12, generator=torch.Generator().manual_seed(0)).view(20, 3, 1)
loss = lambda number, generator: F.mse_loss(net(numbers[number]), 3 * numbers[number] - 1)
told = []
train(net, loss, Schedule(steps=5, learning_rate=0.1, accumulation=4, clip_norm=0.5), log=lambda step, value: told.append(value))
print(of_first(7.0 + processes_now().index, processes_now()), net.weight.item(), net.bias.item(), *told)
"""


@pytest.mark.slow
def test_processes_share_the_batches_of_a_step():
    """Independent run: two processes with two batches each end where one with four does; only the first reports, and is heard."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}

    def started(index: int, count: int) -> subprocess.Popen:
        ranks = {"RANK": str(index), "LOCAL_RANK": str(index), "WORLD_SIZE": str(count)}
        return subprocess.Popen([sys.executable, "-c", _SHARED], env=shared | ranks, stdout=subprocess.PIPE, text=True)

    processes = [started(0, 1), started(0, 2), started(1, 2)]
    alone, first, second = ([float(v) for v in process.communicate(timeout=120)[0].split()] for process in processes)
    assert len(alone) == len(first) == 8 and len(second) == 3 and second[0] == 7
    assert first == pytest.approx(alone, rel=1e-4)
    assert second == pytest.approx(alone[:3], rel=1e-4)
