import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from seehear.acoustics.sphere import direction_of_arrival, encode
from seehear.adapters.spatializer import load_spatializer
from seehear.data.clips import Clip
from seehear.data.prepared import prepare
from seehear.data.shards import write_shards
from seehear.nets.spatializer import Spatializer, SpatializerConfig
from seehear.protocols import FrameFeatures
from seehear.training.loop import Schedule
from seehear.training.spatializer import (
    Examples,
    Recipe,
    fit_spatializer,
    l2_loss,
    main,
    read_examples,
    segments,
    turned,
    unexplained,
)
from seehear.types import FOA, Audio, Direction, InputError

TINY = SpatializerConfig(
    feature_size=2,
    n_patches=0,
    frames_per_s=4.0,
    sample_rate_hz=400,
    window_samples=32,
    hop_samples=8,
    widths=(8, 8),
    condition_width=16,
)
RECIPE = Recipe(segment_frames=2, schedule=Schedule(steps=130, learning_rate=2e-2, weight_decay=0.0, ema_decay=0.9))


class Shades:
    """The shade of a frame and its negative, in one patch."""

    name = "shades"

    def encode_frames(self, frames):
        shade = np.array([frame.rgb[0, 0, 0] / 255 for frame in frames], np.float32)
        pooled = np.stack([shade, -shade], 1)
        return FrameFeatures(pooled, pooled[:, None, None])


class Sign:
    """A codec of one bit; nothing here looks at its codes."""

    name, sample_rate_hz, hop_samples, n_codebooks, codebook_size = "sign", 400, 10, 1, 2

    def encode(self, samples):
        return (samples[:, None, ::10] > 0).astype(np.int64)


def clip(number: int) -> Clip:
    rng = np.random.default_rng(number)
    direction = Direction(rng.uniform(-3, 3), rng.uniform(-1, 1))
    field = encode(rng.uniform(-0.5, 0.5, 2000), direction.vector).astype(np.float32)
    frames = np.full((20, 2, 2, 3), 10 * number, np.uint8)
    return Clip(f"clip{number}", frames, 4.0, Audio(field, 400, FOA, "acn-sn3d"), direction)


def waves(n: int, seed: int = 0) -> Examples:
    """Noise from where the camera looks, or, where the first feature is 1, from the opposite side."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(n, 3, generator=generator), dim=1)
    behind = torch.rand(n, generator=generator) < 0.5
    heard = torch.where(behind[:, None], -directions, directions)
    w = torch.randn(n, 1, 2000, generator=generator)
    fields = torch.cat([w, heard[:, [1, 2, 0], None] * w], 1)
    features = torch.stack([behind.float(), torch.zeros(n)], 1)[:, None].expand(n, 20, 2).contiguous()
    return Examples(fields.half(), features, torch.zeros(n, 20, 1), directions)


def test_it_learns_where_sound_is_from_features_and_direction() -> None:
    """Planted world: unseen waves come from the camera's direction or, told by a feature alone, from the opposite one.

    Without training, all energy of X, Y and Z is unexplained (1); deaf to the feature, it could not fall below 1 either.
    """
    net = fit_spatializer(waves(64), TINY, RECIPE)
    assert unexplained(net, waves(12, seed=1)) < 0.2


def test_the_loss_is_the_energy_of_what_is_wrong() -> None:
    """Closed form: of a plane wave an answer of nothing (masks of 0, as untrained) lacks |W|^2 / 3 per channel and number, the
    true masks lack nothing, half of them a quarter."""
    net = Spatializer(TINY)
    heard = torch.tensor([[-0.8, 0.6, 0.0]])
    w = torch.randn(1, 1, 2000, generator=torch.Generator().manual_seed(0))
    field = torch.cat([w, heard[:, [1, 2, 0], None] * w], 1)
    given = field, torch.zeros(1, 20, 2), torch.zeros(1, 20, 1), heard
    whole = float(net.spectrogram(w)[:, 0].abs().square().mean()) / 3
    for part in (0.0, 0.5, 1.0):
        with torch.no_grad():
            net.masks.bias[0::2] = part * heard[0, [1, 2, 0]]
            assert float(l2_loss(net, *given)) == pytest.approx((1 - part) ** 2 * whole, rel=1e-4, abs=1e-6 * whole)


def test_a_turned_field_comes_from_the_turned_direction() -> None:
    """Closed form: a source at azimuth a comes from a + 90 degrees, and so looks the camera; elevation stays."""
    before, after = Direction(0.7, 0.4), Direction(0.7 + np.pi / 2, 0.4)
    wave = torch.from_numpy(encode(np.random.default_rng(0).normal(size=500), before.vector)).float()
    vector = torch.from_numpy(before.vector).float()
    fields, vectors = turned(torch.stack([wave, wave]), torch.stack([vector, vector]), torch.tensor([True, False]))
    for field, direction, expected in zip(fields, vectors, (after, before), strict=True):
        np.testing.assert_allclose(direction_of_arrival(field.numpy()).vector, expected.vector, atol=1e-6)
        np.testing.assert_allclose(direction.numpy(), expected.vector, atol=1e-6)


def test_a_segment_begins_with_its_frame_and_has_unit_power() -> None:
    """Planted answer: sample and feature of a ramp say when they were; W has power 1 after cutting."""
    ramp = torch.arange(2000.0)
    examples = Examples(
        (ramp / 1000).expand(1, 4, -1).half(),
        torch.arange(20.0)[None, :, None].expand(1, 20, 2),
        torch.zeros(1, 20, 1),
        torch.ones(1, 3),
    )
    recipe = Recipe(segment_frames=3, rotation=0.0)
    fields, features, _, _ = segments(examples, torch.zeros(9, dtype=torch.int64), recipe, 100, torch.Generator().manual_seed(0))
    assert fields.shape == (9, 4, 300) and len(set(features[:, 0, 0].tolist())) > 3
    torch.testing.assert_close(fields[:, 0].square().mean(1), torch.ones(9))
    for field, first in zip(fields[:, 0], features[:, 0, 0], strict=True):
        start = field[0] / (field[-1] - field[0]) * 299  # of a ramp, whatever its scale
        assert float(start) == pytest.approx(100 * float(first), rel=5e-3, abs=1)


def test_sound_and_features_are_joined_by_key_and_the_command_leaves_a_model(tmp_path, capsys) -> None:
    """Planted answer: clips prepared in another order than they are stored keep their features and their direction."""
    write_shards(map(clip, range(8)), tmp_path / "shards")
    data = prepare(map(clip, reversed(range(1, 8))), Shades(), Sign(), tmp_path / "prepared")
    examples = read_examples(tmp_path / "shards", data, 5)
    assert len(examples) == 5
    for i, number in enumerate(range(1, 6)):
        assert float(examples.features[i, 3, 0]) == pytest.approx(10 * number / 255, abs=1e-3)
        came_from = direction_of_arrival(examples.fields[i].numpy()).vector
        np.testing.assert_allclose(came_from, examples.directions[i].numpy(), atol=2e-3)
    words = ["--data", str(tmp_path / "shards"), "--prepared", str(tmp_path / "prepared"), "--out", str(tmp_path / "out")]
    assert main([*words, "--clips", "7"]) == 2
    assert "56 clips are needed at least, got 7" in capsys.readouterr().err
    with pytest.raises(InputError, match="no clip of"):
        write_shards([clip(9)], tmp_path / "others")
        read_examples(tmp_path / "others", data, 5)


def test_a_saved_spatializer_is_read_strictly(tmp_path) -> None:
    """Round trip of the same sound; planted faults: another encoder, a setting that is none, a missing file."""
    from seehear.adapters.spatializer import SETTINGS, WEIGHTS, save_spatializer

    net = fit_spatializer(waves(16), TINY, replace(RECIPE, schedule=Schedule(steps=3)))
    save_spatializer(tmp_path / "net", net, encoder_name="shades", facts={"steps": 3})
    one = waves(1, seed=2)
    given = (one.fields[:, 0].float(), one.features, None, one.directions)
    assert torch.equal(load_spatializer(tmp_path / "net", encoder_name="shades").spatialize(*given), net.spatialize(*given))
    with pytest.raises(InputError, match="knows features of shades, got those of CLIP"):
        load_spatializer(tmp_path / "net", encoder_name="CLIP")
    settings = json.loads((tmp_path / "net" / SETTINGS).read_text())
    settings["config"]["depth"] = 6
    (tmp_path / "net" / SETTINGS).write_text(json.dumps(settings))
    with pytest.raises(InputError, match="cannot be read"):
        load_spatializer(tmp_path / "net", encoder_name="shades")
    (tmp_path / "net" / WEIGHTS).unlink()
    with pytest.raises(InputError, match=f"lacks {WEIGHTS}"):
        load_spatializer(tmp_path / "net", encoder_name="shades")
