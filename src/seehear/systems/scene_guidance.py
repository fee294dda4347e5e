"""Scene guidance (SEE-2-SOUND section 3.1): how little a sound changes when it is made to fit its picture.

A sound is compared with itself after acoustic matching to the picture. The less the matching changes, the better the sound
already fitted; so the paper argues. The baseline is one sound for the whole picture, without space.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seehear.metrics.audio_similarity import Channels, compare
from seehear.protocols import AcousticMatcher
from seehear.types import MONO, Audio, Image, Scene

HISS_DB = -20.0


def scene_guidance(audio: Audio, image: Image, matcher: AcousticMatcher, *, channels: Channels = "each") -> dict[str, float]:
    """The measures of appendix G by name, of ``audio`` beside itself matched to ``image``."""
    return compare(audio, matcher.match(audio, image), channels=channels)


def mono_mix(scene: Scene) -> Audio:
    """The baseline: the sum of the same stems at their levels at 1 m, without direction, distance or room (T samples)."""
    total = np.zeros((1, scene.n_samples))
    for source in scene.sources:
        total += 10 ** (source.gain_db / 20) * source.audio.samples
    return Audio(total.astype(np.float32), scene.sample_rate_hz, MONO)


def with_hiss(audio: Audio, rng: np.random.Generator) -> Audio:
    """``audio`` and white noise `HISS_DB` from its rms in every channel: a control, which fits no picture better."""
    rms = np.sqrt(np.mean(np.square(audio.samples, dtype=np.float64), axis=1, keepdims=True))
    hiss = 10 ** (HISS_DB / 20) * rms * rng.standard_normal(audio.samples.shape)
    return replace(audio, samples=(audio.samples + hiss).astype(np.float32))
