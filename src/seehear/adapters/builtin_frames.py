"""What the shipped image encoder says of the frames of a video: a FrameEncoder without a download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from seehear.nets.encoder_config import config_from_mapping
from seehear.nets.warp import warp_to_square
from seehear.protocols import FrameFeatures
from seehear.types import Image, InputError
from seehear.weights import load_pack, load_strictly, read_manifest

if TYPE_CHECKING:
    from seehear.nets.image_encoder import ConvNet

SIDE_PX = 112
"""Frames are warped to this square, of which the network leaves 7 x 7 patches, as CLIP ViT-B/32 does; nothing is cut off."""
SCALE = 2.0
"""Brings pooled features to the order of 1: of twenty photos their root mean square is 1.5, their deviation 0.8."""


@dataclass(frozen=True)
class BuiltinFrames:
    """Features of frames from the residual network of the shipped image encoder; loads it at the first frame.

    The Fisher vectors, which the encoder names concepts with too, are left out: they take most of the time.
    """

    pack: str = "image-encoder"
    """Name of the weights in the manifest."""
    batch_size: int = 20
    """Frames that go through the network together."""

    @property
    def manifest_entry(self) -> dict[str, Any]:
        """Hash, licence and recipe of the weights, without loading them."""
        return read_manifest()[self.pack]

    @property
    def name(self) -> str:
        """Pack, start of its hash, side of the input, scale of the output: where one differs, so do the features."""
        return f"seehear-{self.pack}-{self.manifest_entry['sha256'][:8]}-{SIDE_PX}px-x{SCALE:g}"

    @cached_property
    def _net(self) -> ConvNet:
        from seehear.nets.image_encoder import ConvNet

        tensors, entry = load_pack(self.pack)
        net = ConvNet(config_from_mapping(entry["config"]))
        own = {key.removeprefix("conv."): tensor for key, tensor in tensors.items() if key.startswith("conv.")}
        load_strictly(net, own, f"the pack {self.pack}")
        return net.eval()

    def encode_frames(self, frames: Sequence[Image], /) -> FrameFeatures:
        """Pooled features (F, 256), the means of the patches (F, 7, 7, 256), all at least 0; InputError without a frame."""
        import torch

        if not frames:
            raise InputError("features need at least one frame, got none")
        parts = []
        with torch.inference_mode():
            for start in range(0, len(frames), self.batch_size):
                squares = np.stack([warp_to_square(frame.rgb, SIDE_PX) for frame in frames[start : start + self.batch_size]])
                parts.append(self._net(torch.from_numpy(squares).float() / 255)[1].permute(0, 2, 3, 1).contiguous().numpy())
        patches = np.float32(SCALE) * np.concatenate(parts)
        return FrameFeatures(patches.mean(axis=(1, 2)), patches)
