import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from seehear.nets.encoder_config import EncoderConfig, FisherConfig, config_from_mapping
from seehear.nets.image_encoder import ImageEncoder
from seehear.nets.image_encoder_arrays import encode
from seehear.nets.warp import warp_to_square

TINY = EncoderConfig(
    classes=3,
    input_px=48,
    conv_px=32,
    widths=(4, 6, 8, 10),
    blocks=(1, 1, 1),
    fishers=(FisherConfig(scales_px=(48,), projection=4, components=2),),
)


def tiny_encoder() -> ImageEncoder:
    torch.manual_seed(0)
    return ImageEncoder(TINY).eval()


def test_logits_are_the_weighted_sum_of_both_branches():
    """Closed form: fusion (a, b) gives a times one plus b times the other; the pooled feature is the mean of the grid."""
    encoder = tiny_encoder()
    encoder.fusion.copy_(torch.tensor([0.3, 2.0]))
    rgb = torch.rand(2, 3, 48, 48)
    conv, fisher, grid = encoder.branch_logits(rgb)
    encoding = encoder(rgb)
    torch.testing.assert_close(encoding.logits, 0.3 * conv + 2.0 * fisher)
    torch.testing.assert_close(encoding.pooled, grid.mean((2, 3)))
    assert encoding.grid.shape == (2, TINY.feature_size, TINY.grid_size, TINY.grid_size) == (2, 10, 2, 2)


def test_the_grid_keeps_places():
    """Planted answer: a change in the top left quarter changes the top left patch most."""
    encoder = tiny_encoder()
    plain = torch.full((1, 3, 32, 32), 0.5)
    changed = plain.clone()
    changed[:, :, :8, :8] = torch.rand(1, 3, 8, 8)
    difference = (encoder.conv(changed)[1] - encoder.conv(plain)[1]).abs().sum(1)[0]
    assert difference.argmax() == 0 and difference[0, 0] > 0


def test_any_size_is_resized_inside():
    """Closed form: a picture of one colour encodes the same at every size."""
    encoder = tiny_encoder()
    small, large = (encoder(torch.full((1, 3, side, side), 0.3)).logits for side in (20, 100))
    torch.testing.assert_close(small, large, rtol=1e-4, atol=1e-5)


def test_a_configuration_survives_json():
    """Round trip through the manifest's text."""
    assert config_from_mapping(json.loads(json.dumps(asdict(TINY)))) == TINY


@pytest.mark.parametrize("size", [(10, 70), (64, 64), (300, 17)])
def test_warping_keeps_the_halves(size):
    """Planted answer: left half black, right half white stays so at every aspect."""
    rgb = np.zeros((*size, 3), np.uint8)
    rgb[:, (size[1] + 1) // 2 :] = 255
    square = warp_to_square(rgb, 32)
    assert square.shape == (3, 32, 32) and square[:, :, :12].max() == 0 and square[:, :, 21:].min() == 255


@pytest.mark.parametrize(("height", "width"), [(48, 48), (20, 31), (130, 64)])
def test_arrays_and_tensors_agree(height, width):
    """Independent implementation: torch's own layers, with norms, biases and mixtures that are not those of a fresh network."""
    encoder = tiny_encoder()
    generator = torch.Generator().manual_seed(1)
    state = encoder.state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point():
            positive = name.endswith(("running_var", "deviation")) or (name.startswith("fishers") and name.endswith("weight"))
            drawn = torch.rand(tensor.shape, generator=generator)
            state[name] = 0.5 + drawn if positive else 2 * drawn - 1
    encoder.load_state_dict(state)
    rgb = torch.rand(3, 3, height, width, generator=generator)
    with torch.inference_mode():
        wanted = encoder(rgb)
    found = encode(rgb.numpy(), {name: tensor.numpy() for name, tensor in encoder.state_dict().items()}, TINY)
    for theirs, ours in zip(wanted, found, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-3, atol=1e-4)
