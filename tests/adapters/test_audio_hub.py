"""AST and CLAP from folders. Oracle: transformers' own models and feature extractors, called one clip at a time."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from seehear.adapters.audio_hub import HubAst, HubClap, hub_audio
from seehear.adapters.hub import Machine
from seehear.types import InputError

CPU = Machine("cpu", "float32", offline=True)


def clip(seed: int, n: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def test_ast_says_what_transformers_says(tiny):
    """A short clip is one piece; a long one is cut into equal pieces, whose answers are averaged."""
    from transformers import ASTFeatureExtractor, ASTForAudioClassification

    folder = tiny("ast")
    model, extractor = ASTForAudioClassification.from_pretrained(folder).eval(), ASTFeatureExtractor.from_pretrained(folder)

    def theirs(x):
        values = extractor(x, sampling_rate=16_000, return_tensors="pt")
        with torch.inference_mode():
            return model(**values).logits[0].numpy(), model.audio_spectrogram_transformer(**values).pooler_output[0].numpy()

    ours = hub_audio(folder, CPU)
    assert isinstance(ours, HubAst)
    assert ours.sample_rate_hz == 16_000
    assert ours.labels == ("Speech", "Dog", "Rain", "Silence", "Bell")
    short, long = clip(0, 8_000), clip(1, 25_000)
    told = [theirs(short), *(theirs(piece) for piece in np.array_split(long, 3))]
    probabilities = [softmax(logits.astype(np.float64)) for logits, _ in told]
    np.testing.assert_allclose(ours.tag([short, long]), [probabilities[0], np.mean(probabilities[1:], 0)], atol=1e-6)
    first, second = ours.embed([short, long])
    np.testing.assert_allclose(first, [told[0][1]], atol=1e-5)
    np.testing.assert_allclose(second, [features for _, features in told[1:]], atol=1e-5)
    assert np.ptp(probabilities, axis=0).max() > 1e-3  # the oracle tells clips apart


def test_clap_says_what_transformers_says(tiny):
    """Pieces of at most the model's length, each a feature of unit length."""
    from transformers import ClapFeatureExtractor, ClapModel

    folder = tiny("clap")
    model, extractor = ClapModel.from_pretrained(folder).eval(), ClapFeatureExtractor.from_pretrained(folder)
    ours = hub_audio(folder, CPU)
    assert isinstance(ours, HubClap)
    assert ours.sample_rate_hz == 48_000
    long = clip(2, 90_000)
    (features,) = ours.embed([long])
    with torch.inference_mode():
        values = [extractor(piece, sampling_rate=48_000, return_tensors="pt") for piece in np.array_split(long, 2)]
        theirs = [model.get_audio_features(**each).pooler_output[0].numpy() for each in values]
    np.testing.assert_allclose(features, theirs, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    assert not hasattr(ours, "tag")


def test_what_is_no_audio_model_or_no_clip_is_refused(tiny):
    """The contract: the sentence says what was needed and what was got."""
    with pytest.raises(InputError, match="depth_anything model where audio-spectrogram-transformer or clap is needed"):
        hub_audio(tiny("depth_anything"), CPU)
    with pytest.raises(InputError, match="mono clips"):
        hub_audio(tiny("ast"), CPU).tag([np.zeros((2, 100), np.float32)])
