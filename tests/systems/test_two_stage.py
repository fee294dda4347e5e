from types import SimpleNamespace

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

pytestmark = pytest.mark.usefixtures("one_thread")

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


class Blank:
    """Recognises nothing, as what names no concept."""

    def recognize(self, images):
        return [ConceptScores({}, 1.0) for _ in images]


def test_a_captioner_s_words_reach_a_text_model(tiny) -> None:
    """Planted: a captioner names what no concept is; the hub's generator (tiny, genuine format) makes that text's sound, by seed,
    and the direction of arrival is the camera's."""
    from seehear.adapters.audio_diffusion import AudioModel, DiffusionGenerator

    class Captions:
        def recognize(self, images):
            return [ConceptScores({}, 0.1, "a squeaking hinge") for _ in images]

    generator = DiffusionGenerator(AudioModel(tiny("audioldm2")), steps=1)
    system = TwoStage(recognised_sound(Captions(), generator), encoded_at_camera)
    field = system.ambisonics(seen(), 0.5, 16000, np.random.default_rng(0)).samples
    of_text = generator.generate(Prompt("any", "a squeaking hinge"), 0.5, 16000, np.random.default_rng(0)).samples
    np.testing.assert_allclose(field[0], of_text[0], atol=1e-6)
    np.testing.assert_allclose(direction_of_arrival(field).vector, LEFT_UP.vector, atol=1e-6)


def test_where_nothing_is_recognised_there_is_silence() -> None:
    """Planted: no concept at all."""
    field = TwoStage(recognised_sound(Blank(), Tones()), encoded_at_camera).ambisonics(
        seen(), 0.5, 8000, np.random.default_rng(0)
    )
    assert field.samples.shape == (4, 4000) and not field.samples.any()


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


class Counting:
    """A net of one channel whose codes count on from the last one; notes the features that it is shown."""

    def __init__(self):
        import torch

        from seehear.nets.visage_config import VisageConfig, mono

        sizes = VisageConfig(n_codebooks=1, codebook_size=500, feature_size=1, n_patches=4, max_frames=10, max_steps=200)
        self.config, self.null_features, self.seen = mono(sizes), torch.zeros(1), []

    def without(self, conditioning, **_):
        return conditioning

    def encode(self, conditioning):
        self.seen.append(conditioning.features[0, :, 0].tolist())
        return conditioning.features

    def step_logits(self, memory, n_steps, rows_at):
        import torch

        def logits(sequence, step):
            last = sequence[..., step - 2] if step > 1 else torch.full((len(sequence), 1), -1)
            return 1e4 * torch.nn.functional.one_hot((last + 1) % 500, 500).float()

        return logits


class Steps:
    """A codec that holds code / 1000 for ten samples."""

    name, sample_rate_hz, hop_samples, n_codebooks, codebook_size = "steps", 400, 10, 1, 500

    def decode(self, codes):
        return np.repeat(codes[:, 0] / 1000, 10, axis=-1).astype(np.float32)


def test_the_mono_variant_goes_on_from_window_to_window() -> None:
    """Planted net: windows of 10 frames, 8 apart, see frames 0 to 9, 8 to 17 and 16 on, the last one held; its codes count on."""
    from seehear.nets.trained_visage import TrainedVisage
    from seehear.sampling.guidance import Guidance
    from seehear.systems.ambisonize import Ambisonizer
    from seehear.systems.two_stage import mono_visage

    net = Counting()
    parts = Ambisonizer(TrainedVisage(net, "visage", "any", "steps", 4.0, 40.0), None, Steps())
    shown = Seen([], np.arange(20, dtype=np.float32)[:, None], np.full((20, 4), 0.25, np.float32), LEFT_UP)
    w = mono_visage(parts, Guidance())(shown, 5.0, 400, np.random.default_rng(0))
    np.testing.assert_allclose(w, np.repeat(np.arange(200) / 1000, 10), atol=1e-6)
    assert net.seen == [list(range(10)), list(range(8, 18)), [16, 17, 18, *[19] * 7]]
    with pytest.raises(InputError, match="trained with the codec steps"):
        mono_visage(Ambisonizer(parts.trained, None, SimpleNamespace(name="dac")), Guidance())
    with pytest.raises(InputError, match="works at 400 Hz, asked for 8000"):
        mono_visage(parts, Guidance())(shown, 5.0, 8000, np.random.default_rng(0))
