from dataclasses import replace

import numpy as np
import pytest
import torch

from seehear.nets.audio_encoder import AudioEncoderConfig
from seehear.training.audio_encoder import (
    DEFAULT,
    Sounds,
    batch,
    disturbed,
    fit,
    label_names,
    loud_windows,
    main,
    pieces,
    recordings,
)
from seehear.training.loop import Schedule

TINY = replace(
    DEFAULT,
    encoder=AudioEncoderConfig(labels=0, n_mels=16, window_frames=32, widths=(8, 16), features=16),
    schedule=Schedule(steps=50, learning_rate=2e-2, ema_decay=0.9),
    batch_size=24,
    filter_db=1.0,
    noise_db=(30.0, 40.0),
    mixed_share=0.0,
)


def tones(bands: list[int], seed: int = 0) -> Sounds:
    """Clips (40 frames, 16 bands) in which one band sounds; the label is the place in ``bands``."""
    power = 1e-3 * np.random.default_rng(seed).random((len(bands), 40, 16)).astype(np.float32)
    for row, band in enumerate(bands):
        power[row, :, band] = 1.0
    return Sounds(torch.from_numpy(power), torch.arange(len(bands)))


def test_windows_are_the_loudest_of_three_and_equally_loud():
    """Planted: a burst in 4 of 400 frames is met by 3 of 400 single windows of 32 in 43 %, and by random ones in 8.5 %."""
    power = torch.full((2000, 400, 2), 1e-6)
    power[:, 200:204] = 1.0
    found = loud_windows(power, 32, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(found.mean((1, 2)), 1, rtol=1e-4)
    met = (found.amax((1, 2)) > 2).float().mean()
    one = (32 + 3) / (400 - 32 + 1)
    assert float(met) == pytest.approx(1 - (1 - one) ** 3, abs=0.03)


def test_targets_have_each_sound_by_its_amplitude():
    """Closed form: targets sum to 1; what is mixed in at d dB below has 1 / (1 + 10^(d / 20)) of them."""
    names = label_names()
    recipe = replace(TINY, mixed_share=1.0, mixed_db=(6.0, 6.0))
    levels, target = batch([(tones([2, 9]), 1.0)], recipe, torch.Generator().manual_seed(1))
    assert levels.shape == (24, 16, 32) and target.shape == (24, len(names))
    np.testing.assert_allclose(target.sum(1), 1, atol=1e-6)
    lesser = 1 / (1 + 10 ** (6 / 20))
    mixed = [sorted(row.tolist())[-2:] for row in target if (row > 0).sum() == 2]
    assert mixed
    np.testing.assert_allclose(mixed, [[lesser, 1 - lesser]] * len(mixed), atol=1e-5)


def test_silence_is_never_made_loud():
    """The contract: levels of "silence" lie where the recipe says, all others in theirs."""
    names = label_names()
    part = Sounds(torch.ones(8, 40, 16), torch.full((8,), names.index("silence")))
    levels, _ = batch([(part, 1.0)], TINY, torch.Generator().manual_seed(2))
    assert levels.max() < TINY.silence_db[1] + 5
    levels, _ = batch([(tones([3]), 1.0)], TINY, torch.Generator().manual_seed(3))
    assert levels.amax((1, 2)).min() > TINY.level_db[0]


def test_the_noise_floor_lies_as_far_below_as_asked():
    """Closed form: flat noise 20 dB below a window of unit power has a mean power of 0.01."""
    recipe = replace(TINY, noise_db=(20.0, 20.0), filter_db=0.0)
    quiet = disturbed(torch.zeros(400, 32, 16), recipe, torch.Generator().manual_seed(4))
    assert float(quiet[:, :, 0].mean()) == pytest.approx(0.01, rel=0.01)  # the lowest band has no colour


def test_it_learns_what_sounds():
    """Planted: tones of twelve bands that are steady or beat; windows of other seeds are named."""

    def kinds(seed: int) -> Sounds:
        steady = tones(list(range(2, 14)), seed).power
        beating = steady * (torch.arange(40) % 8 < 4)[None, :, None] + 1e-3
        return Sounds(torch.cat([steady, beating]), torch.arange(2).repeat_interleave(12))

    net = fit([(kinds(0), 1.0)], TINY, say=lambda _: None)
    levels, target = batch([(kinds(9), 1.0)], replace(TINY, batch_size=100), torch.Generator().manual_seed(5))
    with torch.inference_mode():
        assert (net(levels)[0].argmax(1) == target.argmax(1)).float().mean() > 0.95


def test_the_held_out_fold_is_not_learned_from(media):
    """Planted: ESC-10 has five folds; every label is one that can be synthesised."""
    chosen = recordings(media, DEFAULT)
    assert {each.fold for each in chosen if each.path.parts[-3] == "audio_esc10"} == {1, 2, 3, 4}
    assert len(chosen) > 300
    ambience = next(each for each in chosen if "blanket" in str(each.path))
    cut = list(pieces(ambience, 8000, 3))
    assert [len(piece) for piece in cut] == [40_000] * 3
    assert (cut[0] != cut[2]).any()


def test_a_missing_folder_is_told_in_a_sentence(tmp_path, capsys):
    """The contract: status 2 and what is missing."""
    assert main(["--media", str(tmp_path), "--out", str(tmp_path / "x.safetensors"), "--steps", "1"]) == 2
    assert "no index of recordings" in capsys.readouterr().err
