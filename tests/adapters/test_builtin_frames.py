from dataclasses import replace

import numpy as np
import pytest
from skimage import data

from seehear.adapters.builtin_frames import SCALE, SIDE_PX, BuiltinFrames
from seehear.nets.encoder_config import config_from_mapping
from seehear.nets.image_encoder_arrays import encode
from seehear.nets.warp import warp_to_square
from seehear.types import Image, InputError
from seehear.weights import load_pack


def test_features_are_those_of_the_encoder_on_plain_arrays():
    """Independent implementation: the encoder written in numpy, whose network sees the same square."""
    picture = Image(data.cat())
    features = BuiltinFrames().encode_frames([picture])
    tensors, entry = load_pack("image-encoder")
    square = warp_to_square(picture.rgb, SIDE_PX)[None].astype(np.float32) / 255
    whole = encode(square, tensors, replace(config_from_mapping(entry["config"]), conv_px=SIDE_PX))
    np.testing.assert_allclose(features.patches, SCALE * whole.grid.transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(features.pooled, SCALE * whole.pooled, rtol=1e-4, atol=1e-4)
    assert features.patches.shape == (1, 7, 7, 256)
    assert 0.3 < features.pooled.std() < 3


def test_a_frame_is_the_same_alone_and_among_others():
    """Closed form: frames do not know of each other, whatever the batches are."""
    rng = np.random.default_rng(0)
    frames = [Image(rng.integers(0, 256, (30, 40 + i, 3), dtype=np.uint8)) for i in range(5)]
    together = BuiltinFrames(batch_size=2).encode_frames(frames)
    alone = [BuiltinFrames().encode_frames([frame]) for frame in frames]
    np.testing.assert_allclose(together.patches, np.concatenate([each.patches for each in alone]), rtol=1e-4, atol=1e-4)


def test_patches_keep_places():
    """Planted answer: what appears in the lower right corner changes the last patch most."""
    plain = np.full((112, 112, 3), 128, np.uint8)
    changed = plain.copy()
    changed[96:, 96:] = np.random.default_rng(0).integers(0, 256, (16, 16, 3))
    before, after = BuiltinFrames().encode_frames([Image(plain), Image(changed)]).patches
    assert np.unravel_index(np.linalg.norm(after - before, axis=-1).argmax(), (7, 7)) == (6, 6)


def test_the_name_tells_weights_apart_and_no_frames_are_refused():
    """Planted answer: two packs, two names; an empty video says so."""
    assert BuiltinFrames().name != BuiltinFrames("image-encoder-research").name
    with pytest.raises(InputError, match="at least one frame"):
        BuiltinFrames().encode_frames([])
