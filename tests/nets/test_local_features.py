import math

import pytest
import torch
from torch.nn import functional as F

from seehear.nets.encoder_config import FisherConfig
from seehear.nets.local_features import (
    FisherVector,
    dense_descriptors,
    fisher_gradients,
    fit_fisher,
    fit_mixture,
    log_joint,
    normalise,
)


@pytest.mark.parametrize("turn", range(8))
def test_a_ramp_fills_one_orientation_bin(turn):
    """Closed form: the gradient of a linear ramp at 45 degrees times k lies in bin k alone."""
    angle = turn * math.pi / 4
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    ramp = 0.5 + 0.002 * (x * math.cos(angle) + y * math.sin(angle))
    config = FisherConfig(scales_px=(64,))
    descriptors, centres = dense_descriptors(ramp.expand(1, 3, 64, 64), config)
    assert descriptors.shape == (1, 13 * 13, 128) and centres.shape == (169, 2)
    energy = (descriptors**2).view(169, 8, 16).sum(2)[84]
    assert energy[turn] / energy.sum() == pytest.approx(1, abs=1e-3)


def test_a_colour_descriptor_holds_means_and_deviations():
    """Closed form: stripes of 0 and 1 have mean and deviation one half; a constant channel has no deviation."""
    rgb = torch.zeros(1, 3, 32, 32)
    rgb[:, 0, :, ::2] = 1
    rgb[:, 1] = 0.25
    descriptors, _ = dense_descriptors(rgb, FisherConfig(kind="colour", scales_px=(32,)))
    by_channel = descriptors[0].view(-1, 6, 16).mean((0, 2))
    assert by_channel.tolist() == pytest.approx([0.5, 0.25, 0, 0.5, 0.001, 0.001], abs=1e-3)


def test_fisher_gradients_are_the_gradients_of_the_likelihood():
    """Independent implementation: autograd of the mean log-likelihood, scaled by the closed-form Fisher information."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 50, 3, generator=generator, dtype=torch.float64)
    weight = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    mean = torch.randn(3, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    deviation = (0.5 + torch.rand(3, 3, generator=generator, dtype=torch.float64)).requires_grad_()
    gamma = log_joint(x, weight, mean, deviation).softmax(-1)
    found = fisher_gradients(x, gamma, weight, mean, deviation).detach()
    for i in range(2):
        likelihood = log_joint(x[i], weight, mean, deviation).logsumexp(-1).mean()
        by_mean, by_deviation = torch.autograd.grad(likelihood, (mean, deviation))
        scale = deviation.detach() / torch.sqrt(weight)[:, None]
        expected = torch.cat([(by_mean * scale).flatten(), (by_deviation * scale / math.sqrt(2)).flatten()])
        torch.testing.assert_close(found[i], expected, rtol=1e-9, atol=1e-9)


def test_log_joint_is_the_gaussian_density():
    """Independent implementation: torch.distributions, up to the constant that cancels."""
    generator = torch.Generator().manual_seed(1)
    x, mean = torch.randn(5, 4, generator=generator), torch.randn(3, 4, generator=generator)
    deviation, weight = 0.3 + torch.rand(3, 4, generator=generator), torch.tensor([0.1, 0.6, 0.3])
    density = torch.distributions.Normal(mean, deviation).log_prob(x[:, None]).sum(-1) + torch.log(weight)
    torch.testing.assert_close(log_joint(x, weight, mean, deviation) - 2 * math.log(2 * math.pi), density, rtol=1e-4, atol=1e-4)


def test_normalised_vectors_have_unit_length_and_rooted_ratios():
    """Closed form: (9, -16, 0) becomes (3, -4, 0) / 5."""
    assert normalise(torch.tensor([[9.0, -16, 0]])).tolist()[0] == pytest.approx([0.6, -0.8, 0])


def test_the_mixture_finds_planted_clusters():
    """Planted answer: three well separated Gaussians; weights, means and deviations come back within the sampling error."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.tensor([[0.0, 0, 0], [6, 0, 3], [0, 8, -3]])
    deviation = torch.tensor([[1.0, 0.8, 0.9], [0.7, 1.2, 1.0], [1.1, 1.0, 0.7]])
    member = torch.tensor([0] * 4000 + [1] * 2000 + [2] * 2000)
    x = mean[member] + deviation[member] * torch.randn(8000, 3, generator=generator)
    fisher = FisherVector(FisherConfig(projection=1, components=3))
    fit_mixture(fisher, x, generator, em_steps=40)
    order = torch.cdist(mean, fisher.mean).argmin(1)
    torch.testing.assert_close(fisher.mean[order], mean, atol=0.1, rtol=0)
    torch.testing.assert_close(fisher.deviation[order], deviation, atol=0.06, rtol=0)
    torch.testing.assert_close(fisher.weight[order], torch.tensor([0.5, 0.25, 0.25]), atol=0.005, rtol=0)


def test_fitted_descriptors_are_white_and_tell_stripes_apart():
    """Planted answer: on the fitted pictures the projection has unit covariance; the two stripe directions share no component."""
    generator = torch.Generator().manual_seed(0)
    axis = torch.arange(48.0)
    stripes = [(0.5 + 0.5 * torch.sin(axis * 2 * math.pi / p))[None, None].expand(3, 48, 48) for p in (8.0, 8.5, 9, 9.5)]
    pictures = torch.stack([*stripes, *(s.transpose(1, 2) for s in stripes)])
    pictures = pictures + 0.1 * torch.rand(pictures.shape, generator=generator)
    config = FisherConfig(scales_px=(48,), projection=8, components=4)
    fisher = fit_fisher(config, [pictures], generator, em_steps=15)
    local = fisher.local(pictures)[..., :8].flatten(0, 1)
    torch.testing.assert_close(torch.cov(local.T), torch.eye(8), atol=0.25, rtol=0)
    vectors = fisher(pictures)
    assert vectors.norm(dim=1).tolist() == pytest.approx([1] * 8)
    shares = fisher.responsibilities(fisher.local(pictures)).mean(1)
    assert torch.minimum(shares[:4].mean(0), shares[4:].mean(0)).sum() < 0.01


def test_a_mirror_image_mirrors_the_positions():
    """Closed form: local features of the mirrored picture hold the negated x positions at the same grid places."""
    fisher = FisherVector(FisherConfig(scales_px=(32,), projection=4, components=2))
    local = fisher.local(torch.rand(1, 3, 32, 32))
    x = local[0, :, -2].view(5, 5)
    torch.testing.assert_close(x, -x.flip(1))
    torch.testing.assert_close(F.normalize(local[0, :, -1].view(5, 5).diff(dim=0), dim=0).min(), torch.tensor(0.5))
