import numpy as np
import pytest

from seehear.acoustics.sphere import convert, direction_of_arrival, encode
from seehear.metrics.direction import directness
from seehear.systems.two_stage import (
    Seen,
    TwoStage,
    encoded_at_camera,
    encoding,
    printed_encoding,
    printed_read_as_sn3d,
    recognised_sound,
    spatialized_by,
)
from seehear.types import MONO, Audio, ConceptScores, Direction, Image, InputError, Prompt

LEFT_UP = Direction(np.radians(60), np.radians(30))


def seen(direction: Direction = LEFT_UP) -> Seen:
    frames = [Image(np.full((8, 8, 3), shade, np.uint8)) for shade in (0, 100, 200)]
    return Seen(frames, np.ones((3, 5), np.float32), np.full((3, 4), 0.25, np.float32), direction)


def noise(n: int = 4000) -> np.ndarray:
    return np.random.default_rng(0).normal(size=n).astype(np.float32)


def test_the_printed_encoding_is_furse_malham() -> None:
    """Closed form, the paper's four equations with s = sqrt(2) W: the W that comes out is the W that went in."""
    w, azimuth, elevation = noise().astype(float), LEFT_UP.azimuth_rad, LEFT_UP.elevation_rad
    s = np.sqrt(2) * w
    expected = [
        s / np.sqrt(2),
        np.cos(azimuth) * np.cos(elevation) * s,
        np.sin(azimuth) * np.cos(elevation) * s,
        np.sin(elevation) * s,
    ]
    np.testing.assert_allclose(printed_encoding(w, LEFT_UP), expected, atol=1e-12)


def test_converted_it_is_a_plane_wave_and_unconverted_it_is_none() -> None:
    """Closed form: in SN3D a wave has |I| = E (directness 1) and W = s; numbers read as they stand have 2 sqrt(2) / 3 = 0.943."""
    w = noise()
    np.testing.assert_allclose(encoding(w, LEFT_UP), encode(w, LEFT_UP.vector), atol=1e-6)
    assert directness(convert(printed_encoding(w, LEFT_UP), "fuma", "acn-sn3d")) == pytest.approx(1, abs=1e-6)
    read = printed_read_as_sn3d(w, LEFT_UP)
    assert directness(read) == pytest.approx(2 * np.sqrt(2) / 3, abs=1e-6)
    np.testing.assert_allclose(read[1:], np.sqrt(2) * encoding(w, LEFT_UP)[1:], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(direction_of_arrival(read).vector, LEFT_UP.vector, atol=1e-6)


class RisingDoubt:
    """Names a dog for the middle frame of three, a bell for the others."""

    def recognize(self, images):
        return [ConceptScores({"dog": 0.3, "bell": 0.1} if i.rgb[0, 0, 0] == 100 else {"bell": 0.9}, 0.1) for i in images]


class Tones:
    """A tone for every concept, so that its pitch says what was asked for."""

    def generate(self, prompt: Prompt, duration_s, sample_rate_hz, rng):
        pitch_hz = {"dog": 200, "bell": 900}[prompt.concept]
        t = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
        return Audio(np.sin(2 * np.pi * pitch_hz * t).astype(np.float32)[None], sample_rate_hz, MONO)


def test_what_is_recognised_sounds_where_the_camera_looks() -> None:
    """Planted answer: the middle frame shows a dog, whose tone of 200 Hz comes from the camera's direction."""
    system = TwoStage(recognised_sound(RisingDoubt(), Tones()), encoded_at_camera)
    field = system.ambisonics(seen(), 0.5, 8000, np.random.default_rng(0))
    assert field.convention == "acn-sn3d" and field.samples.shape == (4, 4000)
    assert np.abs(np.fft.rfft(field.samples[0])).argmax() * 2 == 200
    np.testing.assert_allclose(direction_of_arrival(field.samples).vector, LEFT_UP.vector, atol=1e-6)


def test_the_unet_is_a_second_stage_at_its_own_rate() -> None:
    """Closed form: constant masks of a unit vector place the sound there (nets/test_spatializer); another rate is refused."""
    import torch

    from seehear.nets.spatializer import Spatializer, SpatializerConfig

    net = Spatializer(
        SpatializerConfig(feature_size=5, n_patches=4, sample_rate_hz=8000, window_samples=64, hop_samples=16, widths=(8, 8))
    ).eval()
    with torch.no_grad():
        net.masks.bias[0::2] = torch.tensor([0.6, 0.0, -0.8])
    field = spatialized_by(net)(noise(), 8000, seen())
    np.testing.assert_allclose(direction_of_arrival(field).vector, [-0.8, 0.6, 0], atol=2e-3)
    with pytest.raises(InputError, match="8000 Hz, got sound at 16000"):
        spatialized_by(net)(noise(), 16000, seen())


def test_a_mono_stage_of_another_length_is_refused() -> None:
    """Planted fault."""
    with pytest.raises(InputError, match="must give 800 samples"):
        TwoStage(lambda *_: noise(799), encoded_at_camera).ambisonics(seen(), 0.1, 8000, np.random.default_rng(0))
