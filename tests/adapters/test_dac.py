from shutil import copytree
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from seehear.adapters import dac
from seehear.adapters.dac import DacCodec
from seehear.adapters.hub import Machine
from seehear.types import InputError
from tiny_models import tiny_clip, tiny_dac

CPU = Machine("cpu", "float32", offline=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_dac(tmp_path_factory.mktemp("models") / "dac")


@pytest.fixture(scope="module")
def codec(folder) -> DacCodec:
    return DacCodec(folder, CPU)


@pytest.fixture(scope="module")
def model(folder):
    from transformers import DacModel

    return DacModel.from_pretrained(folder).eval()


def sound(n: int, channels: int = 2) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).normal(size=(channels, n))).astype(np.float32)


def test_the_numbers_are_those_of_the_checkpoint(codec, folder, tmp_path):
    """Published numbers: 44.1 kHz and a hop of 2 x 4 x 8 x 8 = 512 as descript/dac_44khz; its books as the tiny one was made.

    The same weights elsewhere have the same name, in whatever precision they run, others another.
    """
    assert (codec.sample_rate_hz, codec.hop_samples, codec.n_codebooks, codec.codebook_size) == (44_100, 512, 3, 64)
    assert codec.name.startswith("dac-44100hz-3x64-")
    assert DacCodec(str(copytree(folder, tmp_path / "copy")), CPU).name == codec.name
    assert DacCodec(folder, Machine("cpu", "bfloat16", offline=True)).name == codec.name
    assert DacCodec(tiny_dac(tmp_path / "other", seed=1), CPU).name != codec.name


@pytest.mark.parametrize("n", [1, 512, 5 * 512, 5 * 512 + 1])
def test_codes_and_sound_are_those_of_transformers(codec, model, n):
    """Independent implementation: transformers' DacModel on one channel at a time, filled up to whole frames."""
    x = sound(n)
    frames = -(-n // 512)
    codes = codec.encode(x)
    assert codes.dtype == np.int64
    for channel, made in zip(x, codes, strict=True):
        padded = torch.zeros(1, 1, frames * 512)
        padded[0, 0, :n] = torch.from_numpy(channel)
        with torch.no_grad():
            theirs = model.encode(padded).audio_codes[0]
            heard = model.decode(audio_codes=theirs[None]).audio_values[0]
        assert (made == theirs.numpy()).all()
        assert np.abs(codec.decode(made[None])[0] - heard.numpy()).max() < 1e-6
        assert heard.shape[-1] == frames * 512 and heard.abs().max() > 1e-3


def test_long_sounds_go_through_in_pieces(codec, monkeypatch):
    """Independent way: pieces of 5 frames beside the whole; they see further than the model hears, so nothing changes."""
    x = sound(60 * 512, 1)
    codes, whole = codec.encode(x), codec.decode(codec.encode(x))
    monkeypatch.setattr(dac, "PIECE_FRAMES", 5)
    assert (codec.encode(x) == codes).mean() > 0.99
    assert np.abs(codec.decode(codes) - whole).max() < 1e-5


def test_fewer_books_can_be_decoded(codec, model):
    """Independent implementation: transformers with the first book alone."""
    codes = codec.encode(sound(3 * 512, 1))[:, :1]
    with torch.no_grad():
        theirs = model.decode(audio_codes=torch.from_numpy(codes)).audio_values[0].numpy()
    assert np.abs(codec.decode(codes)[0] - theirs).max() < 1e-6


def test_odd_strides_end_in_silence(tmp_path):
    """Closed form: a stride of 5 loses a sample of its rate at the end (DAC at 24 kHz has one), yet L frames are L hops."""
    from transformers import DacConfig, DacModel

    sizes = {"encoder_hidden_size": 4, "decoder_hidden_size": 16, "n_codebooks": 2, "codebook_size": 16, "codebook_dim": 4}
    DacModel(DacConfig(downsampling_ratios=[2, 5], sampling_rate=24_000, **sizes)).save_pretrained(tmp_path)
    codec = DacCodec(tmp_path, CPU)
    codes = codec.encode(sound(95, 1))
    made = codec.decode(codes)
    assert codec.hop_samples == 10 and codes.shape == (1, 2, 10) and made.shape == (1, 100)
    assert not made[0, -1] and made[0, :-2].any()


def test_faults_are_named(codec, tmp_path):
    """Planted faults: shapes, numbers that are not finite, codes out of range, another model's folder, spoilt sound."""
    for samples in (np.zeros(10, np.float32), np.zeros((1, 0), np.float32), np.full((1, 512), np.inf, np.float32)):
        with pytest.raises(InputError):
            codec.encode(samples)
    for codes in (np.zeros((1, 4, 3), int), np.zeros((1, 3, 0), int), np.full((1, 3, 3), 64), np.full((1, 3, 3), -1)):
        with pytest.raises(InputError):
            codec.decode(codes)
    with pytest.raises(InputError, match="clip"):
        DacCodec(tiny_clip(tmp_path / "clip"), CPU).encode(sound(512))
    spoilt = DacCodec(codec.source, CPU)
    answer = SimpleNamespace(audio_values=torch.full((1, 512), float("nan")))
    vars(spoilt)["_model"] = SimpleNamespace(decode=lambda audio_codes: answer)
    with pytest.raises(InputError, match="not finite"):
        spoilt.decode(np.zeros((1, 3, 1), int))
