"""DAC (Kumar et al., High-Fidelity Audio Compression with Improved RVQGAN, NeurIPS 2023) as a Codec: ViSAGe's codec.

``descript/dac_44khz``: 44.1 kHz, hop 512, nine codebooks of 1024.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.adapters.folders import hash_of_tensor
from seehear.adapters.hub import Machine, Tell, load_model, nothing_told, resolve
from seehear.types import InputError

DAC_44KHZ = "descript/dac_44khz"
PIECE_FRAMES = 860
"""About ten seconds at 44.1 kHz; longer sounds go through in pieces."""
REACH_FRAMES = 16
"""Frames beside a piece that are coded with it and thrown away: more than either half of the model hears on one side."""


@dataclass(frozen=True)
class DacCodec:
    """Codes by a ``dac`` checkpoint such as ``descript/dac_44khz``; loads it at the first sound."""

    source: str | Path = DAC_44KHZ
    """A hub id or a folder with config.json and model.safetensors."""
    machine: Machine = field(default_factory=Machine)
    tell: Tell = nothing_told

    @cached_property
    def _folder(self) -> Path:
        return resolve(self.source, ("dac",), offline=self.machine.is_offline, tell=self.tell)

    @cached_property
    def _model(self) -> Any:
        from transformers import DacModel

        return load_model(DacModel, self._folder, self.machine)

    @cached_property
    def _config(self) -> Any:
        from transformers import DacConfig

        return DacConfig.from_pretrained(self._folder, local_files_only=True)

    @cached_property
    def name(self) -> str:
        """Rate, sizes, and the start of a hash over the first codebook, which is the same in every file of the same weights."""
        weights = hash_of_tensor(self._folder, "quantizer.quantizers.0.codebook.weight")
        return f"dac-{self.sample_rate_hz}hz-{self.n_codebooks}x{self.codebook_size}-{weights}"

    @property
    def sample_rate_hz(self) -> int:
        return int(self._config.sampling_rate)

    @property
    def hop_samples(self) -> int:
        return math.prod(self._config.downsampling_ratios)

    @property
    def n_codebooks(self) -> int:
        return int(self._config.n_codebooks)

    @property
    def codebook_size(self) -> int:
        return int(self._config.codebook_size)

    def encode(self, samples: NDArray[np.float32], /) -> NDArray[np.int64]:
        """Codes (C, N, L) of samples (C, T); the last of L = ceil(T / hop) frames is filled up with silence."""
        if samples.ndim != 2 or not samples.size:
            raise InputError(f"a codec takes samples (C, T), at least one, got {samples.shape}")
        if not np.isfinite(samples).all():
            raise InputError("a codec takes finite samples, got some that are not")
        return np.stack([self._encode_channel(channel) for channel in samples])

    def decode(self, codes: NDArray[np.int64], /) -> NDArray[np.float32]:
        """Samples (C, L * hop) of codes (C, n, L) of the first n of N books."""
        if codes.ndim != 3 or not 1 <= codes.shape[1] <= self.n_codebooks or not codes.shape[2]:
            raise InputError(f"this codec takes codes (C, 1 to {self.n_codebooks}, L), got {codes.shape}")
        if codes.min() < 0 or codes.max() >= self.codebook_size:
            raise InputError(f"codes of this codec are 0 to {self.codebook_size - 1}, got {codes.min()} to {codes.max()}")
        return np.stack([self._decode_channel(channel) for channel in codes])

    def _encode_channel(self, channel: NDArray[np.float32]) -> NDArray[np.int64]:
        import torch

        hop = self.hop_samples
        n_frames = -(-len(channel) // hop)
        padded = np.pad(np.asarray(channel, np.float32), (0, n_frames * hop - len(channel)))
        pieces = []
        for first, start, stop, last in _pieces(n_frames):
            with torch.inference_mode():
                sound = torch.from_numpy(padded[first * hop : last * hop])[None, None]
                made = self._model.encode(sound.to(self.machine.torch_device, self.machine.torch_dtype)).audio_codes[0]
            if made.shape[1] != last - first:
                raise InputError(f"the codec {self.source} made {made.shape[1]} frames of {last - first}: its config is damaged")
            pieces.append(made[:, start - first : stop - first].cpu().numpy().astype(np.int64))
        return np.concatenate(pieces, axis=1)

    def _decode_channel(self, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        import torch

        hop = self.hop_samples
        pieces = []
        for first, start, stop, last in _pieces(codes.shape[1]):
            with torch.inference_mode():
                piece = torch.from_numpy(np.ascontiguousarray(codes[None, :, first:last])).to(self.machine.torch_device)
                made = self._model.decode(audio_codes=piece).audio_values.float().cpu().numpy().reshape(-1)
            # Odd strides lose samples at the end of what is decoded; the last frame is filled up with silence there.
            made = np.pad(made, (0, max(0, (last - first) * hop - len(made))))
            pieces.append(made[(start - first) * hop : (stop - first) * hop])
        sound = np.concatenate(pieces)
        if not np.isfinite(sound).all():
            raise InputError("the codec gave numbers that are not finite: its weights are damaged or need float32")
        return sound


def _pieces(n_frames: int) -> Iterator[tuple[int, int, int, int]]:
    """Frames (first, start, stop, last): what lies from start to stop is kept of what is made of first to last."""
    for start in range(0, n_frames, PIECE_FRAMES):
        stop = min(n_frames, start + PIECE_FRAMES)
        yield max(0, start - REACH_FRAMES), start, stop, min(n_frames, stop + REACH_FRAMES)
