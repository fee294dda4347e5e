import numpy as np
import pytest

from seehear.vision.haze import airlight, dark_channel, optical_depth, transmission

AIR = np.array([0.85, 0.88, 0.92])


def hazy(through: np.ndarray) -> np.ndarray:
    """A picture whose own light has a dark pixel in every patch, seen through haze of transmission (h, w)."""
    rng = np.random.default_rng(0)
    own = rng.uniform(0.1, 0.7, (*through.shape, 3))
    own[::2, ::2] = (0.0, 0.3, 0.4)
    return (own * through[..., None] + AIR * (1 - through[..., None])).astype(np.float32)


def test_transmission_is_recovered() -> None:
    """Oracle: planted answer: eq. 1 of He, Sun & Tang inverted: 1 - 0.95 (1 - t), where the air itself is in the picture."""
    through = np.repeat(np.array([0.001, 0.3, 0.6, 0.9]), 40)[:, None] * np.ones((1, 200))
    picture = hazy(through)
    np.testing.assert_allclose(airlight(picture), AIR, atol=0.002)
    found = transmission(picture)
    for row, t in ((60, 0.3), (100, 0.6), (140, 0.9)):
        np.testing.assert_allclose(found[row, 20:180], 1 - 0.95 * (1 - t), rtol=0.01)


def test_optical_depth_is_proportional_to_distance() -> None:
    """Oracle: closed form: Koschmieder: -ln exp(-b d) = b d, up to the 5 % of haze that are left."""
    distance = np.repeat(np.array([100.0, 0.5, 1.0, 1.5]), 40)[:, None] * np.ones((1, 200))
    found = optical_depth(hazy(np.exp(-0.6 * distance)))
    for row, d in ((60, 0.5), (100, 1.0), (140, 1.5)):
        expected = -np.log(1 - 0.95 * (1 - np.exp(-0.6 * d)))
        assert found[row, 100] == pytest.approx(expected, rel=0.01)


def test_dark_channel_is_the_minimum_over_channels_and_patch() -> None:
    """Oracle: closed form: one dark value in one channel spreads over its patch of 3 x 3 and no further."""
    picture = np.full((40, 60, 3), 0.8, np.float32)
    picture[20, 30, 1] = 0.1
    dark = dark_channel(picture)
    assert (dark[19:22, 29:32] == np.float32(0.1)).all() and (dark == np.float32(0.1)).sum() == 9
