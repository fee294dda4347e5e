from dataclasses import replace

import numpy as np
import pytest
import torch

from seehear.metrics.reconstruction import snr_db
from seehear.nets.codec import GainShapeCodec
from seehear.nets.codec_config import CodecConfig
from seehear.training.codec import (
    DEFAULT,
    LEVEL,
    MelDistance,
    collection,
    components,
    draw,
    examples,
    fit_codec,
    losses,
    main,
)
from seehear.types import InputError

RATE = 8000
TINY = CodecConfig(sample_rate_hz=RATE, hop_samples=64, codebook_size=61, level_step_db=2.0, latent=8, width=24, n_blocks=1)
RECIPE = replace(
    DEFAULT,
    codec=TINY,
    schedule=replace(DEFAULT.schedule, steps=25, learning_rate=3e-3),
    batch_size=8,
    stretch_frames=16,
    mel_windows=((256, 32), (64, 8)),
)


def tones(seconds: float, seed: int) -> np.ndarray:
    """Decaying tones of 200 to 1000 Hz, a new one every 100 ms."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE // 10) / RATE
    one = [np.exp(-20 * t) * np.sin(2 * np.pi * hz * t) for hz in rng.uniform(200, 1000, round(10 * seconds))]
    return (0.3 * np.concatenate(one)).astype(np.float32)


def test_a_collection_holds_every_sound_at_one_level_and_no_silent_stretch():
    """Planted answers: two sounds of unlike level come out alike, the empty and the silent one not at all."""
    loud, faint = tones(1, 0), 0.01 * tones(1, 1)
    gap = np.concatenate([loud, np.zeros(RATE, np.float32), loud])
    made = collection([loud, np.zeros(500, np.float32), faint, np.zeros(0, np.float32)], 1000)
    assert len(made.samples) == 2 * RATE
    for part in np.split(made.samples, 2):
        assert float(np.sqrt(np.mean(part**2))) == pytest.approx(LEVEL, rel=1e-5)
    starts = collection([gap], 1000).starts
    assert not ((starts >= RATE) & (starts + 1000 <= 2 * RATE)).any() and (starts >= 2 * RATE).any()
    with pytest.raises(InputError, match="no sound"):
        collection([np.zeros(100, np.float32)], 1000)


def test_stretches_have_the_level_and_come_from_the_generator():
    """Closed form: RMS 0.1 each; the same generator state, the same batch."""
    source = collection([tones(3, 0)], 1024)
    x = draw(source, 5, 1024, torch.Generator().manual_seed(1))
    assert x.square().mean(1).sqrt().numpy() == pytest.approx(np.full(5, LEVEL), rel=1e-4)
    batches = [examples(source, source, RECIPE, torch.Generator().manual_seed(s)) for s in (2, 2, 3)]
    assert batches[0].shape == (8, 1024)
    assert torch.equal(batches[0], batches[1]) and not torch.equal(batches[0], batches[2])


def test_the_spectral_loss_of_a_gain_is_its_logarithm():
    """Closed form: 6.02 dB are log10 2 wherever the sound lies far above the floor; none between a sound and its negative."""
    x = LEVEL * torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    mel = MelDistance(RECIPE)
    assert float(mel(2 * x, x)) == pytest.approx(np.log10(2), rel=5e-3)
    assert float(mel(-x, x)) == pytest.approx(0, abs=1e-5)


def test_components_are_the_singular_vectors_of_weighted_frames():
    """Independent implementation: numpy's SVD of the frames, each times the root of its level; the same space, to 1e-3."""
    torch.manual_seed(0)
    codec = GainShapeCodec(TINY)
    x = torch.from_numpy(tones(4, 0))[None]
    levels, frames = codec.analyse(x)
    weighted = (frames[0] * levels[0, :, None].sqrt()).numpy()
    theirs = np.linalg.svd(weighted, full_matrices=False)[2][: TINY.latent]
    ours = components(codec, x).numpy()
    assert np.abs(ours @ ours.T - np.eye(8)).max() < 1e-4
    assert np.linalg.svd(ours @ theirs.T)[1].min() > 1 - 1e-3


def test_fewer_books_are_heard_where_they_are_dropped():
    """Planted answer: with every stretch cut to fewer books the commitment is larger than with none."""
    x = torch.from_numpy(tones(2, 0)).reshape(8, -1)[:, : 31 * 64]

    def commitment(fewer: float) -> torch.Tensor:
        torch.manual_seed(0)
        return losses(GainShapeCodec(TINY), x, MelDistance(RECIPE), torch.Generator().manual_seed(0), fewer)[2].commitment

    assert commitment(1.0) > commitment(0.0)


def test_a_codec_learns_and_the_same_seed_learns_the_same():
    """Planted task: tones it has not heard. 25 steps bring the waveform from below 0 to above 1.5 dB SNR; two runs agree."""
    source = collection([tones(8, 0)], 1024)
    heard = torch.from_numpy(tones(2, 1))[None]

    def snr(codec: GainShapeCodec) -> float:
        return snr_db(codec.decode(codec.encode(heard))[0].numpy(), heard[0].numpy())

    before = torch.random.get_rng_state()
    codec = fit_codec(source, source, RECIPE)
    assert torch.equal(before, torch.random.get_rng_state())  # the program's own random numbers stay as they were
    torch.manual_seed(0)
    assert snr(GainShapeCodec(TINY).eval()) < 0 and snr(codec) > 1.5
    short = replace(RECIPE, schedule=replace(RECIPE.schedule, steps=2))
    first, second = (fit_codec(source, source, short).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_folder_without_recordings_ends_with_status_2(tmp_path, capsys):
    """Planted fault."""
    assert main(["--media", str(tmp_path), "--out", str(tmp_path / "codec.safetensors")]) == 2
    assert "no index of recordings" in capsys.readouterr().err
