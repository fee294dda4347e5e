import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seehear.training.loop import Schedule, batch_indices, step_generator, train
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
    """Planted fault: a checkpoint of another model."""
    checkpoint = tmp_path / "run.checkpoint"
    net = small_net()
    train(net, noisy_loss(net), replace(SCHEDULE, steps=2), checkpoint=checkpoint)
    other = nn.Linear(4, 2)
    with pytest.raises(InputError, match="another model"):
        train(other, noisy_loss(other), SCHEDULE, checkpoint=checkpoint)


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
