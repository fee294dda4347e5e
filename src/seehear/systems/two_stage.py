"""ViSAGe's baselines: first mono sound for what is seen, then its place (Kim, Yun & Kim 2025, section 6.1).

The first stage is any `MonoSource`: a sound generator asked for what a recogniser names, or the mono variant of ViSAGe. The
second is any `SecondStage`: encoding at a direction, or the U-Net of `nets.spatializer`. Where the direction of the source is
known, as in a synthetic world, encoding at it is an oracle, and is to be reported as one.

Ambisonics is ACN/SN3D. The paper prints W = s / sqrt(2), which is Furse-Malham's W: `printed_encoding`, its channels W, X, Y, Z.
Turned into SN3D by the one converter, it is a plane wave with W = s. As ``s = sqrt(2) W`` of a W at Furse-Malham's level is the
same s, `encoding` starts from a W in SN3D and takes s = W. Printed numbers that are taken for SN3D as they stand
(`printed_read_as_sn3d`) are no plane wave: X, Y and Z are 3 dB too loud for their W.

Legend: T samples, F video frames, D features, P patches, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.sphere import convert, encode
from seehear.protocols import ConceptRecognizer, SoundGenerator
from seehear.sampling.guidance import Guidance
from seehear.systems.ambisonize import Ambisonizer, Look, Making, check_codec, decoded, make_codes, windows_of
from seehear.types import FOA, Audio, Direction, FloatArray, Image, InputError, Prompt, n_samples
from seehear.vocabulary import described

if TYPE_CHECKING:
    from seehear.nets.spatializer import Spatializer

FUMA_WXYZ_TO_ACN = (0, 2, 3, 1)
"""Where W, Y, Z, X stand in W, X, Y, Z."""


@dataclass(frozen=True)
class Seen:
    """What both stages are given of a silent clip."""

    frames: Sequence[Image]
    """F of them, in order."""
    features: NDArray[np.float32]
    """(F, D) pooled features of the frames."""
    energy_map: NDArray[np.float32]
    """(F, P) patchwise energy maps."""
    direction: Direction
    """Where the camera looks."""


MonoSource = Callable[[Seen, float, int, np.random.Generator], NDArray[np.float32]]
"""(seen, seconds, rate in Hz, random generator) to mono sound (T,), T = round(seconds * rate)."""
SecondStage = Callable[[NDArray[np.float32], int, Seen], NDArray[np.float32]]
"""(w (T,), rate in Hz, seen) to ambisonics (4, T), ACN/SN3D."""


@dataclass(frozen=True)
class TwoStage:
    """A mono source and what gives its sound a place."""

    mono: MonoSource
    place: SecondStage

    def ambisonics(self, seen: Seen, duration_s: float, sample_rate_hz: int, rng: np.random.Generator) -> Audio:
        """First-order ambisonics, ACN/SN3D, of round(duration_s * rate) samples."""
        w = self.mono(seen, duration_s, sample_rate_hz, rng)
        if w.shape != (n_samples(duration_s, sample_rate_hz),):
            raise InputError(f"the mono stage must give {n_samples(duration_s, sample_rate_hz)} samples, got shape {w.shape}")
        return Audio(self.place(w, sample_rate_hz, seen), sample_rate_hz, FOA, "acn-sn3d")


def printed_encoding(w: FloatArray, direction: Direction) -> FloatArray:
    """The paper's Ambi Enc. (4, T) in the order W, X, Y, Z, Furse-Malham, of ``w`` (T,), Furse-Malham too.

    s = sqrt(2) W; W = s / sqrt(2), X = cos(az) cos(el) s, Y = sin(az) cos(el) s, Z = sin(el) s.
    """
    return convert(encode(math.sqrt(2) * w, direction.vector), "acn-sn3d", "fuma")


def encoding(w: FloatArray, direction: Direction) -> FloatArray:
    """Ambisonics (4, T), ACN/SN3D, of ``w`` (T,), SN3D too, as a plane wave from ``direction``: `printed_encoding`, converted."""
    printed = printed_encoding(w / np.asarray(math.sqrt(2), w.dtype), direction)
    return convert(printed, "fuma", "acn-sn3d")


def printed_read_as_sn3d(w: FloatArray, direction: Direction) -> FloatArray:
    """`printed_encoding` (4, T) in ACN order, its numbers not converted: X, Y and Z weigh sqrt(2) times what SN3D asks for."""
    return printed_encoding(w, direction)[list(FUMA_WXYZ_TO_ACN)]


def encoded_at_camera(w: NDArray[np.float32], sample_rate_hz: int, seen: Seen) -> NDArray[np.float32]:
    """Ambi Enc. as a `SecondStage`: `encoding` where the camera looks."""
    return encoding(w, seen.direction)


def spatialized_by(net: Spatializer) -> SecondStage:
    """Audio Spatial. as a `SecondStage`: the U-Net, at the rate that it was trained for."""

    def place(w: NDArray[np.float32], sample_rate_hz: int, seen: Seen) -> NDArray[np.float32]:
        import torch

        if sample_rate_hz != net.config.sample_rate_hz:
            raise InputError(f"the spatializer works at {net.config.sample_rate_hz} Hz, got sound at {sample_rate_hz} Hz")
        energy_map = torch.from_numpy(seen.energy_map)[None] if net.config.n_patches else None
        towards = torch.from_numpy(seen.direction.vector).float()[None]
        return net.spatialize(torch.from_numpy(w)[None], torch.from_numpy(seen.features)[None], energy_map, towards)[0].numpy()

    return place


def recognised_sound(recognizer: ConceptRecognizer, generator: SoundGenerator) -> MonoSource:
    """Sound by any generator of what the middle frame most likely shows of all that sounds; silence where that is nothing."""

    def mono(seen: Seen, duration_s: float, sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float32]:
        picture = seen.frames[len(seen.frames) // 2]
        scores = recognizer.recognize([picture])[0]
        if not scores.scores and not scores.text:
            return np.zeros(n_samples(duration_s, sample_rate_hz), np.float32)
        concept = scores.top(1)[0][0] if scores.scores else described(scores.text).name
        return generator.generate(Prompt(concept, scores.text, picture), duration_s, sample_rate_hz, rng).samples[0]

    return mono


def mono_visage(parts: Ambisonizer, guidance: Guidance) -> MonoSource:
    """Sound of the mono variant of ViSAGe (6.1), window by window; `Seen` must hold features at the rate that it knows."""
    if parts.trained.config.n_channels != 1:
        raise InputError(f"the mono stage is a ViSAGe of one channel, this one makes {parts.trained.config.n_channels}")
    check_codec(parts.trained, parts.codec)

    def mono(seen: Seen, duration_s: float, sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float32]:
        if sample_rate_hz != parts.codec.sample_rate_hz:
            raise InputError(f"the mono stage works at {parts.codec.sample_rate_hz} Hz, asked for {sample_rate_hz} Hz")
        windows = windows_of(parts.trained, parts.codec, duration_s)
        frames = np.minimum(np.arange((windows.n - 1) * windows.hop + windows.size), len(seen.features) - 1)
        looks = (
            Look(seen.features[which], seen.energy_map[which])
            for which in (frames[k * windows.hop : k * windows.hop + windows.size] for k in range(windows.n))
        )
        making = Making(guidance, seed=int(rng.integers(2**31)))
        codes = make_codes(looks, seen.direction, parts, windows, making, lambda _: None)
        return np.concatenate(list(decoded(codes, parts.codec)), axis=1)[0, : n_samples(duration_s, sample_rate_hz)]

    return mono
