"""What seehear hears without a download: the project's own audio encoder as an Embedder and an AudioTagger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seehear.metrics.spectra import mel_filters, power_spectra
from seehear.types import InputError
from seehear.weights import load_pack, load_strictly, read_manifest

if TYPE_CHECKING:
    from seehear.nets.audio_encoder import AudioEncoder, AudioEncoderConfig

PACK = "audio-encoder"
BATCH_WINDOWS = 64


def mel_power(clip: NDArray[np.floating], config: AudioEncoderConfig) -> NDArray[np.float32]:
    """Power (F, M) in mel bands of a mono clip (T,) at the encoder's rate, relative to a full-scale sine; at least one window.

    What is shorter than a window is followed by silence.
    """
    least = config.fft_samples + (config.window_frames - 1) * config.hop_samples
    x = np.pad(clip, (0, max(0, least - len(clip))))
    # Half the sum of the Hann window is what a sine of amplitude 1 has in its bin; the bins stand for an integral over frequency.
    scale = config.sample_rate_hz / config.fft_samples / (config.fft_samples / 4) ** 2
    return (power_spectra(x, config.fft_samples, config.hop_samples) @ (scale * _filters(config).T)).astype(np.float32)


@lru_cache(maxsize=4)
def _filters(config: AudioEncoderConfig) -> NDArray[np.float64]:
    return mel_filters(config.sample_rate_hz, config.fft_samples, config.n_mels)


def level_db(power: NDArray[np.float32], config: AudioEncoderConfig) -> NDArray[np.float32]:
    """The power in dB, not below the encoder's floor."""
    return 10 * np.log10(np.maximum(power, np.float32(10 ** (config.floor_db / 10))))


def windows(power: NDArray[np.float32], config: AudioEncoderConfig) -> NDArray[np.float32]:
    """Overlapping windows (n, M, window_frames) of the power (F, M) of a clip; less than half a step at its end is left out."""
    last = len(power) - config.window_frames
    starts = list(range(0, last + 1, config.step_frames))
    if last - starts[-1] >= config.step_frames / 2:
        starts.append(last)
    return np.stack([power[start : start + config.window_frames].T for start in starts])


@dataclass(frozen=True)
class BuiltinAudioEncoder:
    """Features and kinds of sound from the shipped weights; loads them at the first clip and needs no network."""

    pack: str = PACK
    """Name of the weights in the manifest."""

    @property
    def name(self) -> str:
        return f"builtin audio encoder {self.manifest_entry['sha256'][:8]}"

    @cached_property
    def manifest_entry(self) -> dict[str, Any]:
        """Hash, licence, recipe and measured figures of the weights, without loading them."""
        return read_manifest()[self.pack]

    @property
    def sample_rate_hz(self) -> int:
        return int(self.manifest_entry["config"]["sample_rate_hz"])

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.manifest_entry["labels"])

    @cached_property
    def _net(self) -> AudioEncoder:
        from seehear.nets.audio_encoder import AudioEncoder, config_from_mapping

        tensors, entry = load_pack(self.pack)
        net = AudioEncoder(config_from_mapping(entry["config"]))
        load_strictly(net, tensors, f"the weights {self.pack!r}")
        return net.eval()

    def embed(self, clips: Sequence[NDArray[np.float32]], /) -> list[NDArray[np.float32]]:
        """For each mono clip (T,) its features (n, D) of unit length: one per window of 1.92 s, overlapping by half.

        Unit length, as CLAP has it: of features as they are, pauses and single loud clips would rule a Frechet distance.
        """
        return [features / np.linalg.norm(features, axis=1, keepdims=True) for _, features, _ in self._heard(clips)]

    def tag(self, clips: Sequence[NDArray[np.float32]], /) -> NDArray[np.float64]:
        """Probabilities (n, K) of the labels for mono clips (T,), each row summing to 1."""
        return np.array([clip_probabilities(logits, power) for logits, _, power in self._heard(clips)]).reshape(len(clips), -1)

    def _heard(self, clips: Sequence[NDArray[np.float32]]) -> Iterator[tuple[NDArray, NDArray, NDArray]]:
        return (heard(self._net, clip) for clip in clips)


def heard(net: AudioEncoder, clip: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]]:
    """Logits (n, K), features (n, D) and mean power (n,) of the windows of a mono clip (T,) at the encoder's rate.

    InputError for a clip of more than one channel, without samples or with samples that are not finite.
    """
    import torch

    if clip.ndim != 1 or not len(clip) or not np.isfinite(clip).all():
        raise InputError(f"the audio encoder hears finite mono clips (T,), got {clip.shape}")
    power = windows(mel_power(clip, net.config), net.config)
    levels = torch.from_numpy(level_db(power, net.config))
    with torch.inference_mode():
        parts = [net(part) for part in levels.split(BATCH_WINDOWS)]
    logits, features = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return logits.astype(np.float64), features, power.mean((1, 2), dtype=np.float64)


def clip_probabilities(logits: NDArray[np.float64], power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (K,) of a clip: those of its windows, each weighing as its RMS, so that pauses do not outvote a bark."""
    from scipy.special import softmax

    weights = np.sqrt(power) + 1e-9
    return weights / weights.sum() @ softmax(logits, axis=1)
