import numpy as np
import pytest
import torch

from seehear.acoustics.sphere import encode
from seehear.nets.spatializer import Spatializer, SpatializerConfig
from seehear.types import Direction, InputError

SMALL = SpatializerConfig(
    feature_size=5, n_patches=4, frames_per_s=4.0, sample_rate_hz=4000, window_samples=64, hop_samples=16, widths=(8, 8, 8)
)


def seeded(config: SpatializerConfig = SMALL) -> Spatializer:
    torch.manual_seed(0)
    net = Spatializer(config)
    torch.nn.init.normal_(net.masks.weight, std=0.1)
    return net.eval()


def seen(n: int = 1, n_frames: int = 8) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    direction = torch.nn.functional.normalize(torch.randn(n, 3, generator=generator), dim=1)
    return torch.randn(n, n_frames, 5, generator=generator), torch.rand(n, n_frames, 4, generator=generator), direction


def noise(n_samples: int = 8000, n: int = 1) -> torch.Tensor:
    return torch.randn(n, n_samples, generator=torch.Generator().manual_seed(2))


def test_constant_masks_make_a_plane_wave() -> None:
    """Closed form: masks y, z, x of a unit vector make W (1, y, z, x), the encoding of W there; before training, W alone.

    The topmost bin is not made, so the sound has nothing there; the first and last window are cut off by the sound's ends.
    """
    t = torch.arange(8000) / 4000
    w = (torch.sin(2 * torch.pi * 300 * t) + 0.5 * torch.cos(2 * torch.pi * 1111 * t))[None]
    net = Spatializer(SMALL).eval()
    assert torch.equal(net.spatialize(w, *seen())[0, 1:], torch.zeros(3, 8000))
    towards = Direction(2.0, -0.4).vector
    with torch.no_grad():
        net.masks.bias[0::2] = torch.tensor(towards[[1, 2, 0]]).float()
    made = net.spatialize(w, *seen())[0].numpy()
    np.testing.assert_allclose(made[:, 64:-64], encode(w[0].numpy(), towards)[:, 64:-64], atol=1e-3)
    assert np.array_equal(made[0], w[0].numpy())


def test_a_spectrogram_has_the_power_of_its_sound() -> None:
    """Closed form: of white noise of variance 4 the mean power of bins is 4. Round trip: a tone below the topmost bin."""
    net = seeded()
    assert float(net.spectrogram(2 * noise(400_000)).abs().square().mean()) == pytest.approx(4, rel=0.01)
    tone = torch.sin(2 * torch.pi * 300 * torch.arange(8000) / 4000)[None]
    torch.testing.assert_close(net.samples(net.spectrogram(tone), 8000)[:, 64:-64], tone[:, 64:-64], atol=1e-4, rtol=0)


def test_an_imaginary_mask_turns_the_phase() -> None:
    """Closed form: the mask i turns a cosine into a minus sine."""
    t = torch.arange(8000) / 4000
    net = Spatializer(SMALL).eval()
    with torch.no_grad():
        net.masks.bias[1] = 1.0
    made = net.spatialize(torch.cos(2 * torch.pi * 500 * t)[None], *seen())[0, 1]
    torch.testing.assert_close(made[64:-64], -torch.sin(2 * torch.pi * 500 * t)[64:-64], atol=2e-3, rtol=0)


def test_the_answer_has_the_level_of_its_sound() -> None:
    """Closed form: a (a > 0) times W gives a times the ambisonics, and silence gives silence."""
    net, conditions = seeded(), seen()
    one, other = net.spatialize(noise(), *conditions), net.spatialize(0.01 * noise(), *conditions)
    assert one[:, 1:].square().mean() > 1e-6
    torch.testing.assert_close(other, 0.01 * one, rtol=1e-3, atol=1e-6)
    assert not net.spatialize(torch.zeros(1, 8000), *conditions).any()


def test_a_frame_is_heard_while_it_is_seen() -> None:
    """Planted change: the last of 8 frames (from 1.75 s) changes nothing before 1.5 s and something after 1.75 s.

    A column of the bottleneck is 8 hops of 16 samples, 32 ms; kernels reach one or two columns further.
    """
    net, (features, energy_map, direction) = seeded(), seen()
    changed = features.clone()
    changed[:, -1] += 3
    a, b = (net.spatialize(noise(), each, energy_map, direction) for each in (features, changed))
    assert torch.equal(a[..., :6000], b[..., :6000])
    assert (a - b)[:, 1:, 7100:].abs().max() > 1e-3


def test_every_condition_counts_and_w_stays() -> None:
    """Planted changes of energy map and direction are heard; W is what was given, at a length that no hop divides."""
    net, w, (features, energy_map, direction) = seeded(), noise(8191), seen()
    plain = net.spatialize(w, features, energy_map, direction)
    assert torch.equal(plain[:, 0], w)
    for other in ((features, energy_map.flip(-1), direction), (features, energy_map, -direction)):
        assert (net.spatialize(w, *other) - plain).abs().max() > 1e-4


def test_what_does_not_fit_is_said() -> None:
    """Planted faults: an energy map too few, sound of less than half a window, a spectrum that does not halve three times."""
    features, _, direction = seen()
    with pytest.raises(InputError, match="4 patches"):
        seeded().spatialize(noise(), features, None, direction)
    with pytest.raises(InputError, match="more than 32 samples"):
        seeded().spatialize(noise(32), *seen())
    with pytest.raises(InputError, match="do not halve 3 times"):
        SpatializerConfig(window_samples=100, widths=(8, 8, 8))
