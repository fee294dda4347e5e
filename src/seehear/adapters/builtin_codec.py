"""The project's own codec (``nets.codec``) as a Codec, from the shipped weights: 24 kHz, 50 frames of 4 codes per second."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.nets.codec_config import CodecConfig
from seehear.types import InputError
from seehear.weights import load_pack, load_strictly, read_manifest

SIGN_LENGTH = 2.5
"""Length of what `BuiltinCodec.code_vectors` says of a sign, of a level, and of a shape."""
PIECE_FRAMES = 3000
"""One minute is coded at once; longer sounds in pieces that see enough of their neighbours to be coded alike."""


@dataclass(frozen=True)
class BuiltinCodec:
    """Codes by the shipped weights; loads them at the first sound and needs no network."""

    pack: str = "codec"
    """Name of the weights in the manifest."""
    folder: Path | None = None
    """Of the manifest; None is that of the shipped packs."""

    @cached_property
    def _entry(self) -> dict[str, Any]:
        entries = read_manifest(self.folder)
        if self.pack not in entries:
            raise InputError(f"unknown weights {self.pack!r}: choose one of {', '.join(entries)}")
        return entries[self.pack]

    @cached_property
    def config(self) -> CodecConfig:
        """The sizes of the codec."""
        return CodecConfig(**self._entry["config"])

    @property
    def name(self) -> str:
        """The pack and the beginning of its hash: other weights mean other codes."""
        return f"seehear {self.pack} {self._entry['sha256'][:12]}"

    @property
    def sample_rate_hz(self) -> int:
        return self.config.sample_rate_hz

    @property
    def hop_samples(self) -> int:
        return self.config.hop_samples

    @property
    def n_codebooks(self) -> int:
        return self.config.n_codebooks

    @property
    def codebook_size(self) -> int:
        return self.config.codebook_size

    @cached_property
    def _net(self) -> Any:
        from seehear.nets.codec import GainShapeCodec

        tensors, _ = load_pack(self.pack, self.folder)
        net = GainShapeCodec(self.config).eval()
        load_strictly(net, tensors, f"the pack {self.pack}")
        return net

    def encode(self, samples: NDArray[np.float32], /) -> NDArray[np.int64]:
        """Codes (C, N, L) of samples (C, T), L = ceil(T / hop): row 0 sign and level, the others the shape.

        Shapes of ``a * samples`` are those of ``samples`` for any a but 0; silence has code 0 throughout.
        """
        import torch

        if samples.ndim != 2 or not samples.size:
            raise InputError(f"a codec takes samples (C, T), at least one, got {samples.shape}")
        if not np.isfinite(samples).all():
            raise InputError("a codec takes finite samples, got some that are not")
        hop, reach = self.hop_samples, self.config.reach_frames
        n_frames = -(-samples.shape[1] // hop)
        codes = []
        for start in range(0, n_frames, PIECE_FRAMES):
            first, last = max(0, start - reach), min(n_frames, start + PIECE_FRAMES + reach)
            piece = torch.from_numpy(np.ascontiguousarray(samples[:, first * hop : last * hop], np.float32))
            made = self._net.encode(piece).numpy()
            codes.append(made[:, :, start - first :][:, :, :PIECE_FRAMES])
        return np.concatenate(codes, axis=2)

    def decode(self, codes: NDArray[np.int64], /) -> NDArray[np.float32]:
        """Samples (C, L * hop) of codes (C, n, L) of the first n of N books, 2 <= n <= N: fewer books, coarser shapes."""
        import torch

        n, v = self.n_codebooks, self.codebook_size
        if codes.ndim != 3 or not 2 <= codes.shape[1] <= n or not codes.shape[2]:
            raise InputError(f"this codec takes codes (C, 2 to {n}, L), got {codes.shape}")
        if codes.min() < 0 or codes.max() >= v:
            raise InputError(f"codes of this codec are 0 to {v - 1}, got {codes.min()} to {codes.max()}")
        hop, reach = self.hop_samples, self.config.reach_frames
        sound = []
        for start in range(0, codes.shape[2], PIECE_FRAMES):
            first = max(0, start - reach)
            piece = np.ascontiguousarray(codes[:, :, first : start + PIECE_FRAMES + reach], np.int64)
            made = self._net.decode(torch.from_numpy(piece)).numpy()
            sound.append(made[:, (start - first) * hop :][:, : PIECE_FRAMES * hop])
        return np.concatenate(sound, axis=1)

    def code_vectors(self) -> NDArray[np.float32]:
        """What the codes mean, (N, V, latent), each book of about the same length: near codes have near vectors.

        Of the first book the sign and cosines of the level, of the others the shapes themselves; of silence a number of its own.
        """
        m, size = self.config.n_levels, self.config.latent
        level = np.arange(1, m + 1)[:, None] / m
        waves = np.concatenate([level - 0.5, np.cos(np.pi * np.arange(1, size - 2) * level)], axis=1)
        waves *= SIGN_LENGTH / np.linalg.norm(waves, axis=1).mean()
        first = np.zeros((2 * m + 1, size))
        first[1:, 0] = np.repeat((SIGN_LENGTH, -SIGN_LENGTH), m)
        first[1:, 1:-1] = np.tile(waves, (2, 1))
        first[0, -1] = SIGN_LENGTH
        shapes = np.pad(self._net.books.vectors.numpy(), ((0, 0), (1, 0), (0, 0)))
        shapes *= SIGN_LENGTH / np.linalg.norm(shapes, axis=2).mean()
        return np.concatenate([first[None], shapes]).astype(np.float32)
