import pytest
import torch

from seehear.training.augment import Augmentation, augment, erase_boxes, jitter_colours, mixup, random_views

OFF = Augmentation(smallest_area=1.0, aspect=1.0, rotation_deg=0.0, colour=0.0, grey=0.0, erase=0.0, mixup=0.0)


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_strength_only_mirroring_is_left():
    """Closed form: every picture equals itself or its mirror image, and both occur."""
    pixels = torch.randint(0, 256, (32, 3, 24, 24), generator=source(), dtype=torch.uint8)
    out, rgb = augment(pixels, 24, OFF, source(1)), pixels.float() / 255
    straight = (out - rgb).abs().amax((1, 2, 3)) < 1e-4
    mirrored = (out - rgb.flip(-1)).abs().amax((1, 2, 3)) < 1e-4
    assert (straight | mirrored).all() and straight.any() and mirrored.any()


def test_a_crop_keeps_at_least_its_area():
    """Planted answer: in a picture of its own coordinates, the spread of values seen is at least the smallest area's side."""
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    recipe = Augmentation(smallest_area=0.49, aspect=1.0, rotation_deg=0.0)
    views = random_views(ramp.expand(200, -1, -1, -1), 32, recipe, source())
    spread = views.amax((1, 2, 3)) - views.amin((1, 2, 3))
    assert spread.min() > 0.7 - 0.04 and spread.max() > 0.93


def test_a_grey_picture_stays_grey_but_for_the_white_balance():
    """Closed form: saturation acts on colour alone; the balance is at most a quarter of the strength."""
    grey = torch.rand(50, 1, 8, 8, generator=source()).expand(-1, 3, -1, -1) * 0.4 + 0.1
    out = jitter_colours(grey, Augmentation(colour=0.2, grey=0.0), source(1))
    ratio = (out + 1e-3).amax(1) / (out + 1e-3).amin(1)
    assert ratio.max() < 1.05 / 0.95 + 1e-3


def test_grey_removes_colour():
    """Closed form: with probability 1 all three channels are equal."""
    out = jitter_colours(torch.rand(5, 3, 8, 8), Augmentation(grey=1.0), source())
    torch.testing.assert_close(out, out[:, :1].expand(-1, 3, -1, -1))


def test_boxes_are_grey_and_no_larger_than_half_a_side():
    """Closed form: changed pixels are 0.45 and fill at most a quarter of the picture."""
    out = erase_boxes(torch.ones(64, 3, 32, 32), Augmentation(erase=1.0), source())
    changed = out != 1
    assert (out[changed] == torch.tensor(0.45)).all()
    area = changed[:, 0].float().mean((1, 2))
    assert area.max() <= 0.27 and area.mean() > 0.03


def test_mixup_blends_pictures_and_targets_alike():
    """Planted answer: pictures whose colour is their target stay equal to it after the blend."""
    targets = torch.eye(4)
    rgb = targets.view(4, 4, 1, 1).expand(-1, -1, 6, 6)
    blended, blended_targets = mixup(rgb, targets, Augmentation(mixup=0.4), source())
    torch.testing.assert_close(blended.mean((2, 3)), blended_targets)
    assert blended_targets.sum(1).tolist() == pytest.approx([1] * 4)
    assert not torch.equal(blended_targets, targets)


def test_mixup_shares_follow_the_beta_distribution():
    """Closed form: the larger share of Beta(a, a) at a = 1 is uniform on 1/2 to 1, so its mean is 3/4."""
    n = 4000
    _, targets = mixup(torch.zeros(n, 1, 1, 1), torch.eye(n), Augmentation(mixup=1.0), source())
    assert float(targets.amax(1).mean()) == pytest.approx(0.75, abs=0.007)
