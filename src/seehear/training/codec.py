"""Trains the builtin codec: ``python -m seehear.training.codec --media DIR --out FILE.safetensors``.

The codec is blind to level by its making, so sounds are shown at one level only. No GPU is needed; seeds are part of the recipe.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.data.recordings import Recording, read_recordings
from seehear.foley import sounds, synthesize
from seehear.metrics.spectra import mel_filters
from seehear.nets.codec import GainShapeCodec, Quantised
from seehear.nets.codec_config import CodecConfig
from seehear.training.command import Say, run_recipe
from seehear.training.loop import Schedule, train
from seehear.types import InputError
from seehear.weights import write_pack

LEVEL = 0.1
"""RMS of what is shown."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights."""

    codec: CodecConfig = field(default=CodecConfig())
    """Sizes."""
    schedule: Schedule = field(
        default=Schedule(steps=800, learning_rate=1.5e-3, weight_decay=0.0, ema_decay=0.99, save_every=100)
    )
    """Of the steps."""
    batch_size: int = 16
    """Stretches per step."""
    stretch_frames: int = 50
    """Length of a stretch."""
    folders: tuple[str, ...] = (
        "audio_esc10",
        "audio_antumdeluge_cc0",
        "audio_antumdeluge_ccby",
        "audio_blanket_ambience",
        "audio_resonance_birds",
        "audio_misc_ccby",
    )
    """Of recordings whose terms allow any use, some with attribution."""
    held_out_fold: int = 5
    """Recordings of this fold of their collection are not learned from."""
    foley_each: int = 3
    """Takes of every synthesised sound."""
    foley_s: float = 4.0
    """Seconds of a take."""
    foley_share: float = 0.4
    """Part of the stretches that are synthesised."""
    mixed: float = 0.3
    """Part of the stretches to which another is added, 0 to 20 dB below."""
    one_book_less: float = 0.2
    """Part of the stretches that must do with fewer books of shapes, one at least (Zeghidour et al. 2021)."""
    mel_windows: tuple[tuple[int, int], ...] = ((2048, 128), (512, 64), (128, 16))
    """Samples of the windows of the spectral loss and how many mel bands each has; the hop is a quarter."""
    mel_weight: float = 2.0
    """Of the spectral loss beside the squared error of the coefficients."""
    commitment: float = 0.1
    """Of the distance between shapes and their codes."""
    seed: int = 0


DEFAULT = Recipe()


@dataclass(frozen=True)
class Collection:
    """Sounds end to end, stretches of which can be drawn."""

    samples: NDArray[np.float32]
    """(T,)"""
    starts: NDArray[np.int64]
    """Where each stretch that is not silent begins; neighbours overlap by half."""


def collection(every: Iterable[NDArray[np.float32]], length: int) -> Collection:
    """The sounds, each at one level and followed by silence up to whole stretches of ``length`` samples."""
    joined, starts, at = [], [], 0
    for sound in every:
        rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if len(sound) else 0.0
        if rms == 0:
            continue
        padded = np.pad(sound * np.float32(LEVEL / rms), (0, max(length - len(sound), -len(sound) % (length // 2))))
        for start in range(0, len(padded) - length + 1, length // 2):
            if np.square(padded[start : start + length]).mean() > (1e-3 * LEVEL) ** 2:
                starts.append(at + start)
        joined.append(padded.astype(np.float32))
        at += len(padded)
    if not joined:
        raise InputError("there is no sound to learn from")
    return Collection(np.concatenate(joined), np.array(starts))


def draw(source: Collection, n: int, length: int, rng: torch.Generator) -> Tensor:
    """Random stretches (n, length) at RMS ``LEVEL``."""
    chosen = torch.randint(len(source.starts), (n,), generator=rng).tolist()
    shift = torch.randint(length // 4, (n,), generator=rng).tolist()
    first = [min(int(source.starts[i]) + s, len(source.samples) - length) for i, s in zip(chosen, shift, strict=True)]
    x = torch.from_numpy(np.stack([source.samples[i : i + length] for i in first]))
    return LEVEL * x / x.square().mean(1, keepdim=True).sqrt().clamp_min(1e-3 * LEVEL)


def examples(real: Collection, synthetic: Collection, recipe: Recipe, rng: torch.Generator) -> Tensor:
    """A batch (B, T)."""
    length = recipe.stretch_frames * recipe.codec.hop_samples
    n_synthetic = round(recipe.foley_share * recipe.batch_size)

    def both() -> Tensor:
        parts = [draw(real, recipe.batch_size - n_synthetic, length, rng), draw(synthetic, n_synthetic, length, rng)]
        return torch.cat(parts)[torch.randperm(recipe.batch_size, generator=rng)]

    x, other = both(), both()
    gain = 10 ** (-torch.rand(len(x), 1, generator=rng)) * (torch.rand(len(x), 1, generator=rng) < recipe.mixed)
    return x + gain * other


class MelDistance(torch.nn.Module):
    """Mean |difference| of log10 mel magnitudes over windows, 60 dB below the level of the stretches at most."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        rate = recipe.codec.sample_rate_hz
        self.windows = [
            (torch.hann_window(n), torch.from_numpy(mel_filters(rate, n, mels).T).float()) for n, mels in recipe.mel_windows
        ]

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        total = made.new_zeros(())
        for window, filters in self.windows:
            n = len(window)
            floor = 1e-3 * LEVEL * float(window.square().sum()) ** 0.5
            share = filters / filters.sum(0).clamp_min(1e-9)
            logs = []
            for x in (made, wanted):
                spectrum = torch.stft(x, n, n // 4, window=window, return_complex=True, pad_mode="constant")
                power = spectrum.real.square() + spectrum.imag.square()
                logs.append(0.5 * (power.transpose(1, 2) @ share + floor**2).log10())
            total = total + (logs[0] - logs[1]).abs().mean()
        return total / len(self.windows)


def losses(
    codec: GainShapeCodec, sound: Tensor, mel: MelDistance, rng: torch.Generator, fewer: float
) -> tuple[Tensor, Tensor, Quantised]:
    """Squared error of the frames, loud ones weighing more; mel distance; and what the codebooks said."""
    books = codec.config.n_codebooks - 1
    dropped = torch.rand(len(sound), generator=rng) < fewer
    n_books = torch.where(dropped, torch.randint(1, books + 1, (len(sound),), generator=rng), books)
    levels, made, quantised = codec(sound, rng, n_books)
    wanted = codec.analyse(sound)[1]
    error = ((made - wanted).square().mean(-1) * levels).sum() / levels.sum()
    return error, mel(codec.synthesise(levels, made), sound), quantised


@torch.no_grad()
def components(codec: GainShapeCodec, sound: Tensor) -> Tensor:
    """The directions (D, M) in which frames of ``sound`` (B, T) vary most, loud frames weighing more; orthonormal."""
    levels, frames = codec.analyse(sound)
    weighted = (frames * levels[..., None].sqrt()).reshape(-1, frames.shape[-1]).double()
    return torch.linalg.eigh(weighted.T @ weighted).eigenvectors[:, -codec.config.latent :].T.flip(0).float()


def fit_codec(
    real: Collection, synthetic: Collection, recipe: Recipe, checkpoint: Path | None = None, say: Say = lambda _: None
) -> GainShapeCodec:
    """The trained codec."""
    with torch.random.fork_rng():  # torch's modules draw their first weights from the global generator
        torch.manual_seed(recipe.seed)
        codec, mel = GainShapeCodec(recipe.codec), MelDistance(recipe)
    rng = torch.Generator().manual_seed(recipe.seed)
    codec.start_from(components(codec, torch.cat([examples(real, synthetic, recipe, rng) for _ in range(20)])))
    started = time.monotonic()
    shown = max(1, recipe.schedule.steps // 40)
    said: dict[str, float] = {}

    def loss(step: int, rng: torch.Generator) -> Tensor:
        error, distance, quantised = losses(codec, examples(real, synthetic, recipe, rng), mel, rng, recipe.one_book_less)
        parts = {"error": error, "mel": distance, "commitment": quantised.commitment}
        said.update({name: float(part.detach()) for name, part in parts.items()})
        return error + recipe.mel_weight * distance + recipe.commitment * quantised.commitment

    def log(step: int, value: float) -> None:
        if step % shown == 0:
            parts = ", ".join(f"{name} {part:.3f}" for name, part in said.items())
            say(f"step {step} of {recipe.schedule.steps}: loss {value:.3f} ({parts}), {time.monotonic() - started:.0f} s")

    codec.load_state_dict(train(codec, loss, recipe.schedule, seed=recipe.seed, checkpoint=checkpoint, log=log), strict=False)
    return codec.eval()


def takes(recipe: Recipe, seed: int) -> Iterator[NDArray[np.float32]]:
    """Every synthesised sound ``foley_each`` times, (T,), at random intensities; each take has a seed of its own."""
    for number, concept in enumerate(sounds()):
        for take in range(recipe.foley_each):
            rng = np.random.default_rng((seed, number, take))
            intensity = float(rng.uniform(0.2, 0.8))
            yield synthesize(concept, recipe.foley_s, recipe.codec.sample_rate_hz, rng, intensity=intensity).samples[0]


def read_sounds(media: Path, recipe: Recipe) -> tuple[Collection, Collection, list[Recording]]:
    """What the recipe learns from: recordings, synthesised sounds, and the list of the former."""
    length, rate = recipe.stretch_frames * recipe.codec.hop_samples, recipe.codec.sample_rate_hz
    every = [each for folder in recipe.folders for each in read_recordings(media / folder)]
    chosen = [each for each in every if each.fold != recipe.held_out_fold]
    real = collection([each.mono(rate) for each in chosen], length)
    return real, collection(list(takes(recipe, recipe.seed)), length), chosen


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when the weights are written."""
    return run_recipe("codec", "codec", DEFAULT, _run, arguments)


def _run(media: Path, out: Path, recipe: Recipe, say: Say) -> None:
    real, synthetic, recordings = read_sounds(media, recipe)
    say(f"{len(real.starts)} stretches of {len(recordings)} recordings, {len(synthetic.starts)} of synthesised sounds")
    checkpoint = out.with_suffix(".checkpoint")
    codec = fit_codec(real, synthetic, recipe, checkpoint, say)
    entry = {
        "licence": "Apache-2.0 (trained on CC0, CC BY and permissive sounds, listed)",
        "research_only": False,
        "trained_on": [
            "sounds synthesised by seehear.foley (Apache-2.0)",
            *(f"recording {each.source}" for each in recordings),
        ],
        "command": f"python -m seehear.training.codec --media DIR --out {out.name}",
        "recipe": asdict(recipe),
        "config": asdict(recipe.codec),
    }
    complete = write_pack(out.stem, out, codec.state_dict(), entry)
    checkpoint.unlink(missing_ok=True)
    say(f"wrote {out}: {complete['bytes'] / 2**20:.2f} MiB")


if __name__ == "__main__":
    raise SystemExit(main())
