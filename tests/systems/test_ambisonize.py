"""ViSAGe in use: windows, frames and joins. Oracles: planted nets, encoders and codecs; codes of the authors' own program."""

import importlib.util
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from seehear.adapters.visage_checkpoint import directions_from_released, load_visage
from seehear.nets.trained_visage import TrainedVisage
from seehear.nets.visage_config import VisageConfig
from seehear.protocols import FrameFeatures
from seehear.sampling.autoregressive import GREEDY
from seehear.sampling.guidance import guidance_named, released_dual
from seehear.systems.ambisonize import (
    Ambisonizer,
    Look,
    Making,
    Windows,
    ambisonize,
    decoded,
    frames_at,
    make_codes,
    windows_of,
)
from seehear.types import FRONT, Direction, Image, InputError

pytestmark = pytest.mark.usefixtures("one_thread")

ORACLE = Path(__file__).resolve().parents[1] / "oracles" / "visage_tiny" / "make.py"
RATE_HZ, HOP, SIZE = 8000, 160, 64
"""Of the planted codec: 50 frames of codes a second."""
CONFIG = VisageConfig(n_codebooks=2, codebook_size=SIZE, feature_size=1, n_patches=49, max_frames=8, max_steps=201)


@dataclass
class CountingNet:
    """A net whose every code is that before it in its row plus one: a gap or a fresh start is heard. Notes what it saw."""

    config: VisageConfig = CONFIG
    null_features: torch.Tensor = field(default_factory=lambda: torch.zeros(1))
    seen: list[Any] = field(default_factory=list)

    def without(self, conditioning: Any, **_: bool) -> Any:
        return conditioning

    def encode(self, conditioning: Any) -> torch.Tensor:
        self.seen.append(conditioning)
        return conditioning.features

    def step_logits(self, memory: torch.Tensor, n_steps: int, rows_at: Any) -> Any:
        pattern = trained(self).code_pattern

        def logits(sequence: torch.Tensor, step: int) -> torch.Tensor:
            last = sequence[..., step - pattern.stride] if step >= pattern.stride else torch.full((len(sequence), 8), SIZE)
            following = torch.where(last == SIZE, 0, (last + 1) % SIZE)
            return torch.nn.functional.one_hot(following, SIZE).float()

        return logits


@dataclass(frozen=True)
class SineCodec:
    """Codes 0, 1, 2, ... of the first codebook are a sine of RATE / (HOP SIZE) Hz without a jump; channel c has gain c + 1."""

    name: str = "sine"
    sample_rate_hz: int = RATE_HZ
    hop_samples: int = HOP
    n_codebooks: int = 2
    codebook_size: int = SIZE

    def decode(self, codes: np.ndarray, /) -> np.ndarray:
        phase = (codes[:, 0, :, None] + np.arange(HOP) / HOP) / SIZE
        return (np.arange(1, 5)[:, None] / 8 * np.sin(2 * np.pi * phase).reshape(4, -1)).astype(np.float32)


class BrightnessEncoder:
    """One feature: the first number of the frame."""

    name = "brightness"

    def encode_frames(self, frames: Any, /) -> FrameFeatures:
        values = np.array([frame.rgb[0, 0, 0] for frame in frames], np.float32)
        return FrameFeatures(values[:, None], np.ones((len(frames), 7, 7, 2), np.float32))


def trained(net: Any) -> TrainedVisage:
    return TrainedVisage(net, "visage", "brightness", "sine", 4.0, 50.0)


def film(n: int, frames_per_s: float) -> list[tuple[float, Image]]:
    """Frame i is i bright."""
    return [(i / frames_per_s, Image(np.full((4, 6, 3), i, np.uint8))) for i in range(n)]


def test_windows_of_the_paper_s_model():
    """Closed form: 5 s are one window of 430 of the codec's 431 frames; 12 s are windows at 0, 4 and 8 s, each 430 frames
    unless the sound ends before, at the codec's 86.13 frames per second."""
    net: Any = SimpleNamespace(config=VisageConfig())
    released = TrainedVisage(net, "visage", "clip", "dac", 4.0, 86.0)
    dac: Any = SimpleNamespace(sample_rate_hz=44100, hop_samples=512)
    five, twelve = windows_of(released, dac, 5.0), windows_of(released, dac, 12.0)
    assert (five.n, five.size, five.hop, five.n_codes, five.n_codes_of(0)) == (1, 20, 16, 431, 430)
    assert (twelve.n, twelve.n_codes) == (3, math.ceil(12 * 44100 / 512))
    assert [twelve.first_code(k) for k in range(3)] == [0, 345, 689]
    assert [twelve.n_codes_of(k) for k in range(3)] == [430, 430, 1034 - 689]
    assert windows_of(released, dac, 5.1).n == 2 and windows_of(released, dac, 9.0).n == 2
    short = windows_of(released, dac, 0.7)
    assert (short.n, short.n_codes_of(0)) == (1, 61)


@pytest.mark.parametrize("max_frames", [2, 3, 4])
def test_windows_of_few_frames_leave_no_gap(max_frames):
    """Closed form: at 86 of the codec's 86.13 codes a second every window begins where there are codes already, up to an hour."""
    net: Any = SimpleNamespace(config=replace(CONFIG, max_frames=max_frames, max_steps=861))
    dac: Any = SimpleNamespace(sample_rate_hz=44100, hop_samples=512)
    windows = windows_of(TrainedVisage(net, "visage", "clip", "dac", 4.0, 86.0), dac, 3600.0)
    ends = [windows.first_code(k) + windows.n_codes_of(k) for k in range(windows.n)]
    assert windows.size == max_frames and all(windows.first_code(k + 1) <= ends[k] for k in range(windows.n - 1))
    assert 0 <= windows.n_codes - ends[-1] <= 1


def test_a_model_of_less_than_two_frames_is_refused():
    """Planted fault: windows that could not share a frame."""
    with pytest.raises(InputError, match="two frames of the video at least"):
        windows_of(trained(CountingNet(replace(CONFIG, max_frames=1))), SineCodec(), 1.0)


@pytest.mark.parametrize(
    ("times_s", "shown"),
    [
        ([i / 24 for i in range(24)], [0, 6, 12, 18]),  # every sixth
        ([0.0, 0.5], [0, 0, 1, 1]),  # two frames a second: each is held
        ([0.0, 0.1], [0, 1, 1, 1]),  # a GIF that rests on its last frame
        ([0.0, 0.3, 0.6, 0.9], [0, 1, 2, 3]),
        ([0.0], [0, 0, 0, 0]),
    ],
)
def test_frames_are_those_shown_at_a_steady_rate(times_s, shown):
    """Planted answer: which frame of a film stands for each quarter of a second."""
    frames = [(time_s, Image(np.full((2, 2, 3), i, np.uint8))) for i, time_s in enumerate(times_s)]
    assert [frame.rgb[0, 0, 0] for frame in frames_at(frames, 4.0, 4)] == shown


@pytest.mark.parametrize("duration_s", [0.31, 2.0, 2.04, 7.3])
def test_a_long_sound_is_one_sine_without_a_jump(duration_s):
    """Closed form: codes that go on counting over every join of 2 s windows are one sine, exact to rounding, and to the sample as
    long as asked for; the last codes are those of the model."""
    parts = Ambisonizer(trained(CountingNet()), BrightnessEncoder(), SineCodec())
    told: list[float] = []
    made = ambisonize(
        film(200, 24), FRONT, duration_s, parts, Making(guidance_named("joint"), GREEDY), sample_rate_hz=RATE_HZ, tell=told.append
    )
    samples = made.sound.read(0, made.sound.n_samples)
    t = np.arange(round(duration_s * RATE_HZ))
    sine = np.sin(2 * np.pi * t / (HOP * SIZE))
    np.testing.assert_allclose(samples, np.arange(1, 5)[:, None] / 8 * sine, atol=1e-6)
    assert made.sound.convention == "acn-sn3d" and made.sound.layout.name == "foa"
    assert made.energy_maps.shape == (math.ceil(duration_s * 4), 7, 7)
    assert told[0] == 0 and np.diff(told).min() > 0 and told[-1] < 1


def test_another_rate_is_the_same_sine():
    """Closed form: at 48 kHz the sine of 0.78 Hz is there within 0.1 % of full scale, of exactly the asked length."""
    parts = Ambisonizer(trained(CountingNet()), BrightnessEncoder(), SineCodec())
    sound = ambisonize(film(9, 4), FRONT, 2.2333, parts, Making(guidance_named("joint"), GREEDY), sample_rate_hz=48000).sound
    t = np.arange(round(2.2333 * 48000)) / 48000
    samples = sound.read(0, sound.n_samples)[0]
    inner = slice(2000, -2000)
    np.testing.assert_allclose(samples[inner], 0.125 * np.sin(2 * np.pi * t * RATE_HZ / (HOP * SIZE))[inner], atol=1e-3)
    assert len(samples) == len(t)


def test_every_window_sees_its_frames_and_the_camera_s_direction():
    """Planted answer: windows of 8 frames at 4 a second, a hop of 7 apart; after the film its last frame is held."""
    net = CountingNet()
    direction = Direction(math.radians(40), math.radians(-10))
    parts = Ambisonizer(trained(net), BrightnessEncoder(), SineCodec())
    ambisonize(film(19, 4), direction, 4.75, parts, Making(guidance_named("joint", 0.0), GREEDY), sample_rate_hz=RATE_HZ)
    assert [seen.features[0, :, 0].tolist() for seen in net.seen] == [
        list(range(8)),
        list(range(7, 15)),
        [*range(14, 19), 18, 18, 18],
    ]
    for seen in net.seen:
        np.testing.assert_allclose(seen.direction[0], direction.vector, atol=1e-6)
        np.testing.assert_allclose(seen.energy_map.sum(-1), 1, atol=1e-6)


def test_blocks_of_codes_decode_as_the_whole():
    """Closed form: a codec that hears 5 frames on either side gives the same samples in blocks of any length as at once."""
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal(11)

    def decode(codes: np.ndarray) -> np.ndarray:
        smooth = np.stack([np.convolve(channel[0], kernel, "same") for channel in codes])
        return np.repeat(smooth, 3, axis=1).astype(np.float32)

    codec: Any = SimpleNamespace(decode=decode, hop_samples=3)
    codes = rng.integers(0, 99, (4, 2, 400))
    for cuts in ([400], [100, 200, 300, 400], [1, 2, 40, 41, 399, 400]):
        blocks = np.split(codes, cuts[:-1], axis=-1)
        np.testing.assert_array_equal(np.concatenate(list(decoded(blocks, codec)), axis=1), decode(codes))


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The tiny checkpoint in the released layout, and its inputs and answers."""
    spec = importlib.util.spec_from_file_location("visage_tiny", ORACLE)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    folder = tmp_path_factory.mktemp("visage_tiny")
    answers = oracle.unpack(folder)
    return TrainedVisage(load_visage(folder), "visage", "", "", 4.0, 86.0), answers


def test_codes_of_a_window_are_those_of_the_released_program(released):
    """Conformance data: every greedy code of 2 s, guided twice (the video 2.5, the direction 1.5), the last frame repeated to
    the codec's length."""
    net, answers = released
    codec: Any = SimpleNamespace(sample_rate_hz=44100, hop_samples=512)
    windows = windows_of(net, codec, 2.0)
    vector = directions_from_released(torch.from_numpy(answers["direction"]))[0].numpy()
    seen = Look(answers["clip"][0], answers["energy_map"][0].reshape(8, 7, 7))
    parts: Any = SimpleNamespace(trained=net)
    blocks = make_codes([seen], Direction.of(vector), parts, windows, Making(released_dual(2.5, 1.5), GREEDY), lambda _: None)
    codes = np.concatenate(list(blocks), axis=-1)
    np.testing.assert_array_equal(codes.reshape(12, 173), answers["greedy_dual_cfg_codes"][0].T)


def test_the_same_seed_makes_the_same_codes(released):
    """Planted answer: drawn codes repeat with the seed and differ with another; a window of given codes keeps them."""
    net, answers = released
    seen = [Look(answers["clip"][0], answers["energy_map"][0].reshape(8, 7, 7))] * 2
    parts: Any = SimpleNamespace(trained=net)
    windows = Windows(n=2, size=8, hop=7, codes_per_window=6, n_codes=10, codes_per_frame=5 / 7)

    def codes(seed: int) -> np.ndarray:
        making = Making(guidance_named("directional", 1.0), seed=seed)
        return np.concatenate(list(make_codes(seen, FRONT, parts, windows, making, lambda _: None)), axis=-1)

    first = codes(1)
    assert first.shape == (4, 3, 10)
    assert np.array_equal(first, codes(1)) and not np.array_equal(first, codes(2))


def test_parts_that_do_not_belong_together_are_refused():
    """Planted answer: another encoder, another codec, other codebooks, one channel; and a video without frames."""
    good = trained(CountingNet())
    parts = Ambisonizer(good, BrightnessEncoder(), SineCodec())
    making = Making(guidance_named("joint"), GREEDY)
    for other, said in (
        (replace(parts, trained=replace(good, encoder_name="clip")), "trained with the encoder of frames clip"),
        (replace(parts, trained=replace(good, codec_name="dac")), "trained with the codec dac"),
        (replace(parts, codec=SineCodec(n_codebooks=3)), "2 codebooks of 64"),
        (replace(parts, trained=trained(CountingNet(replace(CONFIG, n_channels=1)))), "4 channels"),
        (replace(parts, trained=trained(CountingNet(replace(CONFIG, feature_size=7)))), "7 features and 49 patches"),
    ):
        with pytest.raises(InputError, match=said):
            ambisonize(film(4, 4), FRONT, 1.0, other, making, sample_rate_hz=RATE_HZ)
    with pytest.raises(InputError, match="no frame"):
        ambisonize([], FRONT, 1.0, parts, making, sample_rate_hz=RATE_HZ)
