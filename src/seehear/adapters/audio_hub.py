"""Audio models from a hub as Embedder and AudioTagger: AST (Gong et al. 2021) and CLAP (Wu et al. 2023).

ViSAGe measures with VGGish (FAD) and PaSST (KLD). Neither can be loaded this way: transformers has no such architectures,
and their released weights are pickles of other programs. AST is a tagger of the same 527 labels of AudioSet as PaSST's.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.adapters.folders import architecture
from seehear.adapters.hub import Machine, Tell, load_model, nothing_told, read_files, resolve
from seehear.types import InputError

AST, CLAP = "audio-spectrogram-transformer", "clap"
SHORTEST_S = 0.1
"""Shorter clips are followed by silence: not even one frame could be made of them."""


@dataclass(frozen=True)
class HubAst:
    """Pooled features and AudioSet labels from a checkpoint such as MIT/ast-finetuned-audioset-10-10-0.4593."""

    source: str | Path
    """A hub id or a folder with config.json, preprocessor_config.json and model.safetensors."""
    machine: Machine = field(default_factory=Machine)
    tell: Tell = nothing_told
    batch_size: int = 8

    @property
    def name(self) -> str:
        return f"AST {Path(self.source).name if Path(self.source).is_dir() else self.source}"

    @cached_property
    def _folder(self) -> Path:
        return resolve(self.source, (AST,), offline=self.machine.is_offline, tell=self.tell)

    @cached_property
    def _extractor(self) -> Any:
        from transformers import ASTFeatureExtractor

        with warnings.catch_warnings():  # that the lowest of AST's bands are narrower than a bin is how it was trained
            warnings.filterwarnings("ignore", "At least one mel filter", UserWarning)
            return read_files(partial(ASTFeatureExtractor.from_pretrained, self._folder, local_files_only=True), self._folder)

    @cached_property
    def _model(self) -> Any:
        from transformers import ASTForAudioClassification

        return load_model(ASTForAudioClassification, self._folder, self.machine)

    @property
    def sample_rate_hz(self) -> int:
        return int(self._extractor.sampling_rate)

    @property
    def labels(self) -> tuple[str, ...]:
        names = self._model.config.id2label
        return tuple(str(names[k]) for k in range(len(names)))

    def embed(self, clips: Sequence[NDArray[np.float32]], /) -> list[NDArray[np.float32]]:
        """For each mono clip (T,) its features (n, D): one per piece of at most the model's length (1024 frames: 10.24 s)."""
        return [features for features, _ in self._heard(clips)]

    def tag(self, clips: Sequence[NDArray[np.float32]], /) -> NDArray[np.float64]:
        """Softmax (n, K) over the labels for mono clips (T,), the mean over the pieces of a long one.

        AudioSet's labels do not exclude one another, so AST was trained for a sigmoid of each; the softmax of its logits is what
        audioldm_eval takes of PaSST, which was trained alike.
        """
        from scipy.special import softmax

        return np.array([softmax(logits.astype(np.float64), axis=1).mean(0) for _, logits in self._heard(clips)])

    def _heard(self, clips: Sequence[NDArray[np.float32]]) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Features (n, D) and logits (n, K) of the pieces of each clip."""
        import torch

        frame_samples = round(0.01 * self.sample_rate_hz)  # Kaldi's frames, which the architecture fixes
        for clip in clips:
            cut = pieces(clip, self._extractor.max_length * frame_samples, self.sample_rate_hz)
            features, logits = [], []
            for start in range(0, len(cut), self.batch_size):
                batch = cut[start : start + self.batch_size]
                values = self._extractor(batch, sampling_rate=self.sample_rate_hz, return_tensors="pt")["input_values"]
                with torch.inference_mode():
                    inputs = values.to(self.machine.torch_device, self.machine.torch_dtype)
                    pooled = self._model.audio_spectrogram_transformer(inputs).pooler_output
                    logits.append(self._model.classifier(pooled).float().cpu().numpy())
                    features.append(pooled.float().cpu().numpy())
            yield np.concatenate(features), np.concatenate(logits)


@dataclass(frozen=True)
class HubClap:
    """Audio features of unit length from a checkpoint of the layout of laion/clap-htsat-fused, in safetensors.

    LAION's main branches held pickles only when this was written, which are not opened; a conversion is in refs/pr/3 there.
    """

    source: str | Path
    """A hub id or a folder with config.json, preprocessor_config.json and model.safetensors."""
    machine: Machine = field(default_factory=Machine)
    tell: Tell = nothing_told

    @property
    def name(self) -> str:
        return f"CLAP {Path(self.source).name if Path(self.source).is_dir() else self.source}"

    @cached_property
    def _folder(self) -> Path:
        return resolve(self.source, (CLAP,), offline=self.machine.is_offline, tell=self.tell)

    @cached_property
    def _extractor(self) -> Any:
        from transformers import ClapFeatureExtractor

        return read_files(partial(ClapFeatureExtractor.from_pretrained, self._folder, local_files_only=True), self._folder)

    @cached_property
    def _model(self) -> Any:
        from transformers import ClapModel

        return load_model(ClapModel, self._folder, self.machine)

    @property
    def sample_rate_hz(self) -> int:
        return int(self._extractor.sampling_rate)

    def embed(self, clips: Sequence[NDArray[np.float32]], /) -> list[NDArray[np.float32]]:
        """For each mono clip (T,) its features (n, D): one per piece of at most the model's length (10 s).

        Pieces go through one by one: of a batch, the fusing kind would pick one at random to look at longer.
        """
        import torch

        made = []
        for clip in clips:
            features = []
            for piece in pieces(clip, self._extractor.nb_max_samples, self.sample_rate_hz):
                values = self._extractor(piece, sampling_rate=self.sample_rate_hz, return_tensors="pt")
                spectra = values["input_features"].to(self.machine.torch_device, self.machine.torch_dtype)
                with torch.inference_mode():
                    is_longer = values["is_longer"].to(self.machine.torch_device)
                    found = self._model.get_audio_features(input_features=spectra, is_longer=is_longer)
                features.append(found.pooler_output[0].float().cpu().numpy())
            made.append(np.stack(features))
        return made


def hub_audio(source: str | Path, machine: Machine, tell: Tell = nothing_told) -> HubAst | HubClap:
    """The adapter of what a hub id or a folder holds, fetched if need be; InputError for another architecture."""
    folder = resolve(source, (AST, CLAP), offline=machine.is_offline, tell=tell)
    return HubAst(source, machine, tell) if architecture(folder) == AST else HubClap(source, machine, tell)


def pieces(clip: NDArray[np.float32], longest: int, rate_hz: int) -> list[NDArray[np.float32]]:
    """A mono clip (T,) in equal parts of at most ``longest`` samples; InputError for what is no finite mono clip."""
    if clip.ndim != 1 or not len(clip) or not np.isfinite(clip).all():
        raise InputError(f"audio models hear finite mono clips (T,), got {clip.shape}")
    least = round(SHORTEST_S * rate_hz)
    return np.array_split(np.pad(clip, (0, max(0, least - len(clip)))), -(-len(clip) // longest))
