"""ViSAGe (Kim, Yun and Kim, ICLR 2025, section 5): the frames of a silent video and its camera's direction to ambisonics.

    frames, 4 a second -> pooled features, patch energy maps (eq. 3) -> conditions, with the direction
                       -> codes, step by step in a pattern (eq. 4), guided (eq. 5 to 7) -> codec -> W, Y, Z, X

The model knows pieces of one length (5 s). A longer video is made window by window: each begins with the last fifth of the one
before, whose frames it sees again and whose codes are given, and goes on from there. A shorter one, and what is left at the
end, is a window whose last frame is held and whose codes are made only as far as they are heard.

Legend: F frames, D features, h w patches, C channels (W, Y, Z, X), N codebooks, K = C N rows, L frames of codes, T samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seehear.io.resampling import resampled
from seehear.io.streams import spooled
from seehear.protocols import Codec, FrameEncoder, FrameFeatures
from seehear.sampling.autoregressive import FREE, Sampling, generate
from seehear.sampling.guidance import Guidance, guided_logits
from seehear.sampling.tokens import n_codec_frames, n_made_frames, with_last_repeated
from seehear.types import FOA, Direction, FloatArray, Image, InputError, Sound, n_samples
from seehear.vision.patch_energy import Compat, patch_energy_map

if TYPE_CHECKING:
    from torch import Tensor

    from seehear.nets.trained_visage import TrainedVisage
    from seehear.nets.visage import Conditioning, Visage

OVERLAP = 5
"""A window repeats one part in so many of the one before, and at least one frame: 1 s of 5 s."""
CONTEXT_FRAMES = 32
"""Frames of codes beyond what is kept of a decoded block, on either side: more than any codec here hears."""

Tell = Callable[[float], None]
"""Told how much of the codes is made (0 to 1)."""


@dataclass(frozen=True)
class Ambisonizer:
    """The parts: a trained net and what its weights are tied to."""

    trained: TrainedVisage
    encoder: FrameEncoder
    codec: Codec
    middle_square: bool = False
    """Whether the encoder sees the middle square of a frame alone, as CLIP does."""

    def check(self) -> None:
        """Nothing, or an InputError when the encoder or the codec is not the one that the net was trained with."""
        trained, config = self.trained, self.trained.config
        if trained.encoder_name != self.encoder.name:
            raise InputError(
                f"this ViSAGe was trained with the encoder of frames {trained.encoder_name}, and cannot use {self.encoder.name}"
            )
        check_codec(trained, self.codec)
        if config.n_channels != FOA.n_channels:
            raise InputError(f"ambisonics need a ViSAGe of 4 channels, this one makes {config.n_channels} (mono pretraining)")


def check_codec(trained: TrainedVisage, codec: Codec) -> None:
    """Nothing, or an InputError when the codec is not the one that the net was trained with."""
    if trained.codec_name != codec.name:
        raise InputError(f"this ViSAGe was trained with the codec {trained.codec_name}, and cannot use {codec.name}")
    config, sizes = trained.config, (codec.n_codebooks, codec.codebook_size)
    if sizes != (config.n_codebooks, config.codebook_size):
        raise InputError(
            f"this ViSAGe makes codes of {config.n_codebooks} codebooks of {config.codebook_size}, "
            f"the codec {codec.name} has {sizes[0]} of {sizes[1]}"
        )


@dataclass(frozen=True)
class Making:
    """How codes are chosen."""

    guidance: Guidance
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0


@dataclass(frozen=True)
class Windows:
    """How a video is cut into pieces of the length that the model knows."""

    n: int
    """How many."""
    size: int
    """Frames that one sees."""
    hop: int
    """Frames from one to the next."""
    codes_per_window: int
    """Frames of codes that one makes."""
    n_codes: int
    """Frames of codes that the whole sound has."""
    codes_per_frame: float
    """Frames of codes that the codec has while one frame is shown."""

    def first_code(self, window: int) -> int:
        """The first frame of codes of a window, on the clock of the codec: nothing drifts."""
        return round(window * self.hop * self.codes_per_frame)

    def n_codes_of(self, window: int) -> int:
        """Frames of codes that are made of a window, those given included; no more than the sound has."""
        return min(self.codes_per_window, self.n_codes - self.first_code(window))


def windows_of(trained: TrainedVisage, codec: Codec, duration_s: float) -> Windows:
    """The windows of ``duration_s``; InputError if the net has no place for two frames, so that windows could share one."""
    config, pattern, frames_per_s = trained.config, trained.code_pattern, trained.frames_per_s
    n_codes_known = (config.max_steps - 1 - max(pattern.offsets)) // pattern.stride + 1
    size = min(config.max_frames, math.floor(n_codes_known / trained.code_frames_per_s * frames_per_s + 1e-6))
    if size < 2:
        raise InputError(
            f"windows need two frames of the video at least: the model has positions for {config.max_frames} frames "
            f"and {config.max_steps} steps"
        )
    hop = size - max(1, size // OVERLAP)
    window_s, hop_s = size / frames_per_s, hop / frames_per_s
    n = 1 + max(0, math.ceil((duration_s - window_s) / hop_s - 1e-6))
    n_codes = n_codec_frames(duration_s, codec.sample_rate_hz, codec.hop_samples)
    made = min(n_codes_known, n_made_frames(window_s, trained.code_frames_per_s))
    return Windows(n, size, hop, made, n_codes, codec.sample_rate_hz / codec.hop_samples / frames_per_s)


# ------------------------------------------------------------------------------------------------ what is seen


def frames_at(frames: Iterable[tuple[float, Image]], frames_per_s: float, n: int) -> Iterator[Image]:
    """``n`` frames at times i / ``frames_per_s``: of timed ``frames`` the first at or after each time and before the next, else
    the last one before."""
    shown, i = None, 0
    for time_s, frame in frames:
        due = math.floor(time_s * frames_per_s + 1e-4)
        while shown is not None and i < min(due, n):
            yield shown
            i += 1
        shown = frame
        if due == i < n:
            yield shown
            i += 1
        if i >= n:
            return
    while shown is not None and i < n:
        yield shown
        i += 1


@dataclass(frozen=True)
class Look:
    """What the model sees of a window."""

    features: NDArray[np.float32]
    """(F, D)."""
    energy_map: FloatArray
    """(F, h, w), each frame's sum 1 (eq. 3)."""


def look(frames: Iterable[Image], encoder: FrameEncoder, windows: Windows, compat: Compat | None = None) -> Iterator[Look]:
    """What is seen of each window; after the last of ``frames`` that one is held. InputError without any."""
    source = iter(frames)
    kept: FrameFeatures | None = None
    last: Image | None = None
    for _ in range(windows.n):
        new = list(islice(source, windows.hop if kept else windows.size))
        last = new[-1] if new else last
        if last is None:
            raise InputError("the video has no frame that could be shown")
        new += [last] * ((windows.hop if kept else windows.size) - len(new))
        seen = _encoded(encoder, new)
        if kept is not None:
            seen = FrameFeatures(
                np.concatenate([kept.pooled, seen.pooled]),
                np.concatenate([kept.patches, seen.patches]),
            )
        yield Look(seen.pooled, patch_energy_map(seen.patches, compat=compat))
        kept = FrameFeatures(seen.pooled[windows.hop :], seen.patches[windows.hop :])


def _encoded(encoder: FrameEncoder, frames: Sequence[Image]) -> FrameFeatures:
    """Features of frames, of which a held one is looked at once."""
    distinct = list({id(frame): frame for frame in frames}.values())
    place = {id(frame): i for i, frame in enumerate(distinct)}
    seen, order = encoder.encode_frames(distinct), [place[id(frame)] for frame in frames]
    return FrameFeatures(seen.pooled[order], seen.patches[order])


def conditioning(seen: Look, direction: Direction, net: Visage) -> Conditioning:
    """V, E and D of section 5.1 as the net takes them: those that it was made with. InputError for features of other sizes."""
    import torch

    from seehear.nets.visage import Conditioning

    config, device = net.config, net.null_features.device
    energy = seen.energy_map.reshape(len(seen.energy_map), -1)
    sizes = (seen.features.shape[1], energy.shape[1] if config.energy_map else config.n_patches)
    if sizes != (config.feature_size, config.n_patches):
        raise InputError(
            f"the model takes {config.feature_size} features and {config.n_patches} patches of a frame, "
            f"the encoder gives {sizes[0]} and {sizes[1]}"
        )

    def tensor(values: FloatArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))[None].to(device)

    return Conditioning(
        tensor(seen.features),
        tensor(direction.vector) if config.direction else None,
        tensor(energy) if config.energy_map else None,
    )


# ------------------------------------------------------------------------------------------------ what is heard


def make_codes(
    looks: Iterable[Look], direction: Direction, parts: Ambisonizer, windows: Windows, making: Making, tell: Tell
) -> Iterator[NDArray[np.int64]]:
    """New codes (C, N, n) of each window, in all ``windows.n_codes`` frames.

    The codes that a window shares with the one before are given to it, and later codes see them (section 5.2, inference).
    """
    import torch

    net, pattern = parts.trained.net, parts.trained.code_pattern
    shape = (parts.trained.config.n_channels, parts.trained.config.n_codebooks, -1)
    generator = torch.Generator(net.null_features.device).manual_seed(making.seed)
    told = _counted(tell, sum(pattern.n_steps(windows.n_codes_of(window)) for window in range(windows.n)))
    codes, made = torch.empty(1, pattern.n_rows, 0, dtype=torch.int64), 0
    for window, seen in enumerate(looks):
        start, n = windows.first_code(window), windows.n_codes_of(window)
        given = codes[..., codes.shape[-1] - (made - start) :]
        free = given.new_full((1, pattern.n_rows, start + n - made), FREE)
        step_logits = guided_steps(conditioning(seen, direction, net), making.guidance, parts.trained, n, told)
        codes = generate(
            step_logits,
            torch.cat([given, free], -1).to(net.null_features.device),
            pattern=pattern,
            padding=net.config.padding,
            sampling=making.sampling,
            generator=generator,
        ).cpu()
        new, made = codes[..., given.shape[-1] :], start + n
        if window == windows.n - 1:  # the codec may have a frame more than the model makes: the last is repeated, as released
            new = with_last_repeated(codes, codes.shape[-1] + windows.n_codes - made)[..., given.shape[-1] :]
        yield new[0].reshape(shape).numpy()


def guided_steps(
    conditions: Conditioning, guidance: Guidance, trained: TrainedVisage, n_codes: int, told: Callable[[], None] = lambda: None
) -> Callable[[Tensor, int], Tensor]:
    """Guided logits of each step for B ``conditions``: every branch of the guidance, its conditions replaced by null embeddings,
    in one batch. ``n_codes`` frames are made; ``told`` is called at every step."""
    import torch

    net = trained.net
    pattern = trained.code_pattern
    with torch.no_grad():
        branches = (net.without(conditions, visual=not b.visual, direction=not b.direction) for b in guidance.branches)
        memory = torch.cat([net.encode(branch) for branch in branches])
        logits = net.step_logits(memory, pattern.n_steps(n_codes), lambda step: pattern.rows_at(step, n_codes))
    guided = guided_logits(logits, guidance)

    def step_logits(sequence: Tensor, step: int, /) -> Tensor:
        told()
        return guided(sequence, step)

    return step_logits


def _counted(tell: Tell, total: int) -> Callable[[], None]:
    """What is called at each of ``total`` steps, and tells how many of them are begun."""
    begun = 0

    def step() -> None:
        nonlocal begun
        tell(begun / total)
        begun += 1

    return step


def decoded(blocks: Iterable[NDArray[np.int64]], codec: Codec) -> Iterator[NDArray[np.float32]]:
    """Sound (C, n) of consecutive blocks of codes (C, N, n), the same as of all codes at once: a block is decoded with
    ``CONTEXT_FRAMES`` of its neighbours and those are cut off again."""
    held: NDArray[np.int64] | None = None
    done = 0
    for block in blocks:
        held = block if held is None else np.concatenate([held, block], axis=-1)
        ready = held.shape[-1] - CONTEXT_FRAMES
        if ready > done:
            yield codec.decode(held)[:, done * codec.hop_samples : ready * codec.hop_samples]
            first = max(0, ready - CONTEXT_FRAMES)
            held, done = held[..., first:], ready - first
    if held is not None:
        yield codec.decode(held)[:, done * codec.hop_samples :]


@dataclass(frozen=True)
class Ambisonized:
    """What came of a video."""

    sound: Sound
    """First-order ambisonics, ACN and SN3D, in a temporary file."""
    energy_maps: NDArray[np.float32]
    """(F, h, w) what the model was told stands out in each frame (eq. 3)."""
    frames_per_s: float
    """Of the frames that it saw."""


def ambisonize(
    frames: Iterable[tuple[float, Image]],
    direction: Direction,
    duration_s: float,
    parts: Ambisonizer,
    making: Making,
    *,
    sample_rate_hz: int,
    tell: Tell = lambda _: None,
    see: Callable[[int, Image], None] = lambda _number, _frame: None,
) -> Ambisonized:
    """Ambisonics of round(duration_s * sample_rate_hz) samples for timed ``frames`` of a camera that looks in ``direction``.

    The direction is a condition of the model and nothing else: what it makes is not turned. ``see`` is shown every frame that the
    model sees, with its number. The memory that it takes does not grow with the length, but for the energy maps. InputError
    where parts do not fit each other, and without frames.
    """
    parts.check()
    windows = windows_of(parts.trained, parts.codec, duration_s)
    n_frames = max(1, math.ceil(duration_s * parts.trained.frames_per_s - 1e-6))
    maps: list[NDArray[np.float32]] = []

    def noted(looks: Iterable[Look]) -> Iterator[Look]:
        for seen in looks:
            maps.append(seen.energy_map[windows.size - windows.hop if maps else 0 :].astype(np.float32))
            yield seen

    def shown(frames: Iterable[Image]) -> Iterator[Image]:
        for number, frame in enumerate(frames):
            see(number, frame)
            yield frame

    steady = shown(frames_at(frames, parts.trained.frames_per_s, n_frames))
    looks = noted(look(steady, parts.encoder, windows, parts.trained.energy_compat))
    codes = make_codes(looks, direction, parts, windows, making, tell)
    rate_hz = parts.codec.sample_rate_hz
    # A sample more than the duration has, so that none is missing at the other rate.
    raw = spooled(_first(decoded(codes, parts.codec), math.ceil(duration_s * rate_hz)), rate_hz, FOA, "acn-sn3d")
    there = _first(resampled(raw, sample_rate_hz), n_samples(duration_s, sample_rate_hz))
    sound = spooled(there, sample_rate_hz, FOA, "acn-sn3d")
    return Ambisonized(sound, np.concatenate(maps)[:n_frames], parts.trained.frames_per_s)


def _first(parts: Iterable[NDArray[np.float32]], n: int) -> Iterator[NDArray[np.float32]]:
    """The first ``n`` samples of consecutive parts (C, m); all parts are asked for, none is given on that is empty."""
    left = n
    for part in parts:
        if left > 0:
            yield part[:, :left]
        left -= part.shape[1]
