import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from PIL import ImageDraw
from torch.nn import functional as F

from seehear.data.pictures import Pictures, split
from seehear.nets.encoder_config import EncoderConfig, FisherConfig
from seehear.training.augment import Augmentation
from seehear.training.image_encoder import (
    Recipe,
    branch_logits,
    fit_encoder,
    fit_fusion,
    fit_linear,
    fit_threshold,
    main,
    training_photos,
)
from seehear.training.loop import Schedule

TINY = Recipe(
    encoder=EncoderConfig(
        classes=0,
        input_px=32,
        conv_px=32,
        widths=(8, 12, 16, 24),
        blocks=(1, 1, 1),
        fishers=(FisherConfig(scales_px=(32,), projection=8, components=4), FisherConfig("colour", (32,), 4, 8, 4)),
    ),
    schedule=Schedule(steps=40, learning_rate=4e-3, ema_decay=0.9, save_every=10),
    batch_size=20,
    sizes_px=((1.0, 32),),
    augmentation=Augmentation(smallest_area=0.8, rotation_deg=0.0, colour=0.05, grey=0.0, erase=0.0, mixup=0.0),
    head_steps=60,
)
SHAPES = ("disc", "square", "cross", "stripes")
COLOURS = {"red": (210, 40, 40), "green": (40, 170, 60), "blue": (50, 70, 210)}


def shape_world(per_class: int, seed: int, side: int = 32) -> Pictures:
    """Coloured shapes of random place, size and shade on random grey: the class is colour and shape."""
    pixels, labels = [], []
    for label, (shape, colour) in enumerate((s, c) for s in SHAPES for c in COLOURS.values()):
        for i in range(per_class):
            rng = np.random.default_rng((seed, label, i))
            picture = Pillow.new("RGB", (side, side), (int(rng.integers(60, 200)),) * 3)
            draw, r = ImageDraw.Draw(picture), rng.uniform(0.25, 0.36) * side
            x, y = rng.uniform(0.4, 0.6, 2) * side
            fill = tuple(int(v) for v in np.clip(np.array(colour) + rng.normal(0, 15, 3), 0, 255))
            if shape == "disc":
                draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)
            elif shape == "square":
                draw.rectangle((x - r, y - r, x + r, y + r), fill=fill)
            elif shape == "cross":
                draw.line((x - r, y - r, x + r, y + r), fill=fill, width=4)
                draw.line((x - r, y + r, x + r, y - r), fill=fill, width=4)
            else:
                for line in np.arange(y - r, y + r, 4):
                    draw.line((x - r, line, x + r, line), fill=fill, width=2)
            noisy = np.asarray(picture) + rng.normal(0, 4, (side, side, 3))
            pixels.append(np.clip(noisy, 0, 255).astype(np.uint8).transpose(2, 0, 1))
            labels.append(label)
    classes = tuple(f"world/{c} {s}" for s in SHAPES for c in COLOURS)
    names = tuple(f"world/{seed}/{i}" for i in range(len(labels)))
    return Pictures(np.stack(pixels), np.array(labels), classes, classes, names)


def crops_of_photos() -> Pictures:
    """Four noise pictures of one more class, in the role of the photos."""
    pixels = np.random.default_rng(9).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    return Pictures(pixels, np.zeros(4, np.int64), ("crops/thing",), ("thing",), tuple(f"photos/{i}" for i in range(4)))


def accuracy(encoder, pictures: Pictures) -> float:
    conv, fisher = branch_logits(encoder, pictures)
    logits = encoder.fusion[0] * conv + encoder.fusion[1] * fisher
    return float((logits.argmax(1).numpy() == pictures.labels).mean())


def test_it_overfits_twenty_pictures():
    """Planted answer: both branches learn twenty pictures of four classes by heart."""
    world = shape_world(5, seed=0)
    few = world.take(np.flatnonzero(world.labels % 3 == 0)[:20])
    parts = replace(split(few), train=few, validation=few)
    recipe = replace(TINY, schedule=replace(TINY.schedule, steps=60))
    encoder = fit_encoder(parts, crops_of_photos(), recipe)
    conv, fisher = branch_logits(encoder, few)
    for logits in (conv, fisher):
        assert (logits.argmax(1).numpy() == few.labels).all()


def test_a_killed_training_gives_the_same_weights(tmp_path):
    """Independent run: interrupted in the network's training and run again, every tensor is bit for bit the same."""
    parts = split(shape_world(6, seed=1))
    recipe = replace(TINY, schedule=replace(TINY.schedule, steps=24, save_every=7))
    photos = crops_of_photos()
    expected = fit_encoder(parts, photos, recipe)

    class Killed(Exception):
        pass

    def kill(text: str) -> None:
        if text.startswith("step 16"):
            raise Killed

    checkpoint = tmp_path / "run.checkpoint"
    with pytest.raises(Killed):
        fit_encoder(parts, photos, recipe, checkpoint, kill)
    assert checkpoint.exists()
    found = fit_encoder(parts, photos, recipe, checkpoint)
    for name, tensor in expected.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name


@pytest.mark.slow
def test_the_planted_world_is_learned():
    """Planted answer: twelve classes of colour and shape, unseen pictures recognised better than 95 %."""
    recipe = replace(TINY, schedule=replace(TINY.schedule, steps=600), batch_size=48)
    encoder = fit_encoder(split(shape_world(60, seed=2)), crops_of_photos(), recipe)
    assert accuracy(encoder, shape_world(30, seed=3)) > 0.95


def test_the_linear_head_separates_planted_classes():
    """Independent implementation: at the solution the gradient of loss and penalty vanishes; separable points are all right."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.eye(4) * 3
    labels = torch.arange(4).repeat(50)
    points = centres[labels] + 0.3 * torch.randn(200, 4, generator=generator)
    weight, bias = fit_linear(points, labels, 4, decay=1e-2, steps=200)
    assert (F.linear(points, weight, bias).argmax(1) == labels).all()
    weight.requires_grad_()
    loss = F.cross_entropy(F.linear(points, weight, bias), labels) + 1e-2 * (weight**2).sum()
    assert torch.autograd.grad(loss, weight)[0].abs().max() < 1e-3


def test_fusion_finds_the_temperature_and_ignores_noise():
    """Planted answer: labels drawn from softmax(2 z) give the first branch weight 2 and a random branch weight near 0."""
    generator = torch.Generator().manual_seed(0)
    z, noise = torch.randn(20000, 5, generator=generator), torch.randn(20000, 5, generator=generator)
    labels = torch.multinomial((2 * z).softmax(1), 1, generator=generator)[:, 0]
    weights = fit_fusion(z, noise, labels)
    assert float(weights[0]) == pytest.approx(2, abs=0.06) and float(weights[1]) < 0.06


def test_the_threshold_is_the_lowest_with_the_wanted_precision():
    """Closed form: answers above 0.6 are right, below they are wrong half the time."""
    best = np.linspace(0.05, 0.99, 200)
    scores = np.stack([best, np.zeros(200)], 1)
    truth = np.where(best >= 0.6, 0, np.arange(200) % 2)
    assert fit_threshold(scores, truth, 1.0) == pytest.approx(0.6)
    assert fit_threshold(scores, np.full(200, -1), 0.9) == 1.0
    assert fit_threshold(scores, np.zeros(200, int), 0.9) == pytest.approx(0.1)


def test_a_missing_archive_is_the_callers_to_fix(tmp_path, capsys):
    """Conformance: exit status 2 and one sentence, nothing written."""
    assert main(["--media", str(tmp_path), "--out", str(tmp_path / "x.safetensors")]) == 2
    assert "no picture archive" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_no_photo_is_both_learned_from_and_judged(media):
    """Published number: docs/models.md says 20 photos are learned from; none is held out, share-alike or of uncertain terms."""
    chosen = training_photos(media, Recipe())
    assert len(chosen) == 20
    for photo in chosen:
        assert not photo.held_out and "BY-SA" not in photo.source and "SA-1B" not in photo.source
        assert "not stated" not in photo.source, photo.source


def test_the_recipes_are_what_the_docs_say():
    """Closed form: the residual network halves the picture four times, so the grid is a sixteenth of its side."""
    config = Recipe().encoder
    assert config.grid_size == config.conv_px // 16 == 6 and config.feature_size == 256
    assert math.isclose(Recipe().sizes_px[-1][0], 1.0)
