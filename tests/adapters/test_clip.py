import numpy as np
import pytest
import torch

import tiny_models
from seehear.adapters.clip import ClipFrames, prepare
from seehear.adapters.hub import Machine
from seehear.types import Image, InputError

pytestmark = pytest.mark.usefixtures("one_thread")

ON_CPU = Machine("cpu", offline=True)


def noise(height: int, width: int, seed: int = 0) -> Image:
    return Image(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(90, 160), (161, 90), (224, 224), (100, 333), (31, 45)])
def test_frames_are_prepared_as_the_checkpoint_s_own_processor_does(size):
    """Independent implementation: transformers' processor of CLIP, the middle of a bicubic copy of 8 bits."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    frame = noise(*size)
    theirs = CLIPImageProcessorPil()(frame.rgb, return_tensors="np")["pixel_values"][0]
    np.testing.assert_allclose(prepare(frame, 224), theirs, atol=1e-5)


def test_features_are_those_of_the_released_program_s_reading(tiny):
    """Independent implementation: both halves loaded by transformers; its projection of the normed class token, not scaled, and
    the tokens of the patches as the last layer leaves them, with which the class token is normed to the same projection."""
    from transformers import CLIPModel

    frames = [noise(60, 80, seed) for seed in range(3)]
    encoder = ClipFrames(tiny("clip"), ON_CPU, batch_size=2)
    features = encoder.encode_frames(frames)
    whole = CLIPModel.from_pretrained(tiny("clip")).eval()
    with torch.no_grad():
        pixels = torch.from_numpy(np.stack([prepare(frame, 56) for frame in frames]))
        states = whole.vision_model(pixel_values=pixels, output_hidden_states=True).hidden_states[-1]
        pooled = whole.visual_projection(whole.vision_model.post_layernorm(states[:, 0]))
    np.testing.assert_allclose(features.pooled, pooled, atol=1e-5)
    np.testing.assert_allclose(features.patches.reshape(3, 49, 24), states[:, 1:], atol=1e-5)
    assert np.abs(np.linalg.norm(features.pooled, axis=1) - 1).min() > 0.01


def test_patches_keep_places(tiny):
    """Planted answer: a change in the third row, sixth column of the patches changes that patch most."""
    plain = np.full((56, 56, 3), 90, np.uint8)
    changed = plain.copy()
    changed[16:24, 40:48] = noise(8, 8).rgb
    before, after = ClipFrames(tiny("clip"), ON_CPU).encode_frames([Image(plain), Image(changed)]).patches
    assert np.unravel_index(np.linalg.norm(after - before, axis=-1).argmax(), (7, 7)) == (2, 5)


def test_the_name_tells_weights_apart_whatever_file_they_are_in(tiny, tmp_path):
    """Planted answer: the picture half saved by itself, in half precision, is the same encoder, and so is one that runs in
    bfloat16; other weights are another."""
    from transformers import CLIPVisionModelWithProjection

    half = tmp_path / "half"
    CLIPVisionModelWithProjection.from_pretrained(tiny("clip"), dtype=torch.float16).save_pretrained(half)
    name = ClipFrames(tiny("clip"), ON_CPU).name
    assert ClipFrames(half, ON_CPU).name == name
    assert ClipFrames(tiny("clip"), Machine("cpu", "bfloat16", offline=True)).name == name
    assert ClipFrames(tiny_models.tiny_clip(tmp_path / "other", seed=1), ON_CPU).name != name


def test_what_is_no_clip_is_refused(tiny):
    """Planted answer: a depth model where CLIP is needed, and a video without frames."""
    with pytest.raises(InputError, match="depth_anything model where clip"):
        _ = ClipFrames(tiny("depth_anything"), ON_CPU).name
    with pytest.raises(InputError, match="at least one frame"):
        ClipFrames(tiny("clip"), ON_CPU).encode_frames([])
