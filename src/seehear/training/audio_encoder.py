"""Trains the builtin audio encoder: ``python -m seehear.training.audio_encoder --media DIR --out FILE``.

It learns to name the sounds that this project synthesises, and real recordings of the same things whose terms allow any use.
Sounds are mixed, filtered and buried in noise as powers of mel bands, so that a step costs no synthesis. Held out: other
seeds of every sound, a fold of ESC-10 (Piczak 2015), and collections that were not trained on. No GPU is needed.
Shapes: N clips, B windows, M mel bands, F frames.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seehear.adapters.audio_encoder import clip_probabilities, heard, mel_power
from seehear.data.recordings import Recording, read_recordings
from seehear.foley import sounds, synthesize
from seehear.foley.blocks import noise
from seehear.metrics.classification import top_k_accuracy
from seehear.metrics.score import Score
from seehear.nets.audio_encoder import AudioEncoder, AudioEncoderConfig
from seehear.training.command import Say, run_recipe
from seehear.training.loop import Schedule, train
from seehear.weights import write_pack

SILENCE, NOISE = "silence", "noise"
CLIP_S = 5.0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights."""

    folders: tuple[str, ...] = ("audio_esc10", "audio_blanket_ambience", "audio_resonance_birds")
    """Collections of recordings whose terms allow any use."""
    held_out_fold: int = 5
    """Of collections with folds: never trained on."""
    pieces: int = 6
    """At most so many pieces of 5 s are taken of a long recording."""
    seeds: int = 20
    """Clips of each synthesised sound."""
    noises: int = 40
    """Clips of noise, from white to brown."""
    encoder: AudioEncoderConfig = field(default=AudioEncoderConfig(labels=0))
    """Sizes; the number of labels comes from the sounds."""
    schedule: Schedule = field(default=Schedule(steps=1000, learning_rate=3e-3, ema_decay=0.995))
    batch_size: int = 64
    real_share: float = 0.35
    """Part of a batch that is real recordings."""
    plain_share: float = 0.08
    """Part of a batch that is noise or silence."""
    level_db: tuple[float, float] = (-55.0, -15.0)
    """Levels of windows relative to a full-scale sine, and of silence, which is noise that nobody hears:"""
    silence_db: tuple[float, float] = (-120.0, -80.0)
    noise_db: tuple[float, float] = (8.0, 60.0)
    """How far below the window a noise floor lies."""
    mixed_share: float = 0.35
    """Part of a batch with another sound beside it,"""
    mixed_db: tuple[float, float] = (3.0, 20.0)
    """so far below; the target has each sound by its amplitude."""
    filter_db: float = 4.0
    """Standard deviation of five knots of a smooth filter over the mel bands."""
    label_smoothing: float = 0.05
    seed: int = 0


DEFAULT = Recipe()


@dataclass(frozen=True)
class Sounds:
    """Clips to learn from: mel power (N, F, M) and label (N,)."""

    power: Tensor
    labels: Tensor


# ------------------------------------------------------------------------------------------------ sounds


def label_names() -> tuple[str, ...]:
    """What the encoder tells apart: every sound that can be synthesised, noise and silence."""
    return (*sounds(), NOISE, SILENCE)


def synthesised(recipe: Recipe, first_seed: int, seeds: int) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Clips (T,) of every sound with their labels, each of another intensity."""
    for label, name in enumerate(sounds()):
        for seed in range(first_seed, first_seed + seeds):
            rng = np.random.default_rng((recipe.seed, seed, label))
            yield synthesize(name, CLIP_S, recipe.encoder.sample_rate_hz, rng, intensity=rng.uniform(0.1, 0.9)).samples[0], label


def noises(recipe: Recipe) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Clips (T,) of noise whose power falls by 0 to 6 dB per octave, and as many from which silence is made."""
    names = label_names()
    for seed in range(2 * recipe.noises):
        rng = np.random.default_rng((recipe.seed, seed, len(names)))
        x = noise(rng, round(CLIP_S * recipe.encoder.sample_rate_hz), -rng.uniform(0, 6))
        yield 0.1 * x.astype(np.float32), names.index(NOISE if seed < recipe.noises else SILENCE)


def pieces(recording: Recording, rate_hz: int, most: int) -> Iterator[NDArray[np.float32]]:
    """Up to ``most`` clips (T,) of 5 s, spread over the recording; a shorter one as it is."""
    x, n = recording.mono(rate_hz), round(CLIP_S * rate_hz)
    starts = np.linspace(0, max(0, len(x) - n), min(most, max(1, len(x) // n))).astype(int)
    return (x[start : start + n] for start in starts)


def recordings(media: Path, recipe: Recipe) -> list[Recording]:
    """The recordings that are learned from: all with a concept but the held-out fold."""
    every = [each for folder in recipe.folders for each in read_recordings(media / folder)]
    return [each for each in every if each.concept in sounds() and each.fold != recipe.held_out_fold]


def real(chosen: Sequence[Recording], recipe: Recipe) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Clips (T,) of recordings with their labels."""
    names = label_names()
    for each in chosen:
        for piece in pieces(each, recipe.encoder.sample_rate_hz, recipe.pieces):
            yield piece, names.index(each.concept or "")


def gathered(clips: Iterator[tuple[NDArray[np.float32], int]], recipe: Recipe) -> Sounds:
    """The clips as mel powers of 5 s, shorter ones followed by silence."""
    n = round(CLIP_S * recipe.encoder.sample_rate_hz)
    power, labels = zip(*((mel_power(np.pad(x, (0, n - len(x))), recipe.encoder), label) for x, label in clips), strict=True)
    return Sounds(torch.from_numpy(np.stack(power)), torch.tensor(labels))


# ------------------------------------------------------------------------------------------------ one step


def uniform(bounds: tuple[float, float], n: int, generator: torch.Generator) -> Tensor:
    """Numbers (n,) between the bounds."""
    return bounds[0] + (bounds[1] - bounds[0]) * torch.rand(n, generator=generator)


def loud_windows(power: Tensor, frames: int, generator: torch.Generator) -> Tensor:
    """A window (B, frames, M) of each clip (B, F, M): the loudest of three at random, scaled to a mean band power of 1."""
    starts = torch.randint(0, power.shape[1] - frames + 1, (len(power), 3), generator=generator)
    levels = torch.cumsum(F.pad(power.sum(2), (1, 0)), 1)
    rows = torch.arange(len(power))[:, None]
    best = starts.gather(1, (levels[rows, starts + frames] - levels[rows, starts]).argmax(1, keepdim=True))
    window = power[rows, best + torch.arange(frames)]
    return window / window.mean((1, 2), keepdim=True).clamp(min=1e-12)


def disturbed(window: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Windows (B, F, M) through another microphone, over a noise floor of some colour."""
    size, _, n_mels = window.shape
    knots = recipe.filter_db * torch.randn(size, 1, 5, generator=generator)
    gain_db = F.interpolate(knots, size=n_mels, mode="linear", align_corners=True)
    window = window * 10 ** (gain_db / 10)
    colour_db = torch.linspace(0, 1, n_mels) * uniform((-25.0, 5.0), size, generator)[:, None]
    # The power of noise in a band of few bins is about exponentially distributed.
    flicker = -torch.log(torch.rand(window.shape, generator=generator).clamp(min=1e-6))
    below_db = uniform(recipe.noise_db, size, generator)[:, None]
    return window + flicker * 10 ** ((colour_db - below_db) / 10)[:, None]


def batch(parts: Sequence[tuple[Sounds, float]], recipe: Recipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Levels (B, M, F) in dB of windows of clips from each part by its share, and their targets (B, K)."""
    names = label_names()
    counts = [round(share * recipe.batch_size) for _, share in parts]
    powers, labels = [], []
    for (part, _), count in zip(parts, counts, strict=True):
        chosen = torch.randint(0, len(part.labels), (count,), generator=generator)
        powers.append(part.power[chosen])
        labels.append(part.labels[chosen])
    window = loud_windows(torch.cat(powers), recipe.encoder.window_frames, generator)
    label = torch.cat(labels)
    size = len(label)
    target = F.one_hot(label, len(names)).float()
    plain = label >= len(sounds())
    other = torch.randperm(size, generator=generator)
    is_mixed = (torch.rand(size, generator=generator) < recipe.mixed_share) & ~plain & ~plain[other]
    beside = 10 ** (-uniform(recipe.mixed_db, size, generator) / 10) * is_mixed
    window = window + beside[:, None, None] * window[other]
    part_of_other = (beside.sqrt() / (1 + beside.sqrt()))[:, None]
    target = (1 - part_of_other) * target + part_of_other * target[other]
    window = disturbed(window, recipe, generator)
    level = uniform(recipe.level_db, size, generator)
    level = torch.where(label == names.index(SILENCE), uniform(recipe.silence_db, size, generator), level)
    decibels = 10 * torch.log10(window.clamp(min=1e-12)) + level[:, None, None]
    return decibels.clamp(min=recipe.encoder.floor_db).transpose(1, 2), target


def fit(parts: Sequence[tuple[Sounds, float]], recipe: Recipe, checkpoint: Path | None = None, say: Say = print) -> AudioEncoder:
    """The trained encoder: the moving average of its weights."""
    names = label_names()
    with torch.random.fork_rng():  # torch's modules draw their first weights from the global generator
        torch.manual_seed(recipe.seed)
        net = AudioEncoder(replace(recipe.encoder, labels=len(names))).to(memory_format=torch.channels_last)
        started, shown = time.process_time(), max(1, recipe.schedule.steps // 20)

        def loss(step: int, generator: torch.Generator) -> Tensor:
            levels, target = batch(parts, recipe, generator)
            torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))  # of the dropout
            return F.cross_entropy(net(levels)[0], target, label_smoothing=recipe.label_smoothing)

        def log(step: int, value: float) -> None:
            if step % shown == 0 or step + 1 == recipe.schedule.steps:
                say(f"step {step} of {recipe.schedule.steps}: loss {value:.3f}, {time.process_time() - started:.0f} s")

        net.load_state_dict(train(net, loss, recipe.schedule, seed=recipe.seed, checkpoint=checkpoint, log=log))
    return net.to(memory_format=torch.contiguous_format).eval()


# ------------------------------------------------------------------------------------------------ what it is worth


def accuracy(net: AudioEncoder, clips: Iterator[tuple[NDArray[np.float32], int]]) -> Score:
    """Top-1 accuracy over clips (T,) with their labels."""
    pairs = [(clip_probabilities(*heard(net, x)[::2]), label) for x, label in clips]
    return top_k_accuracy(np.array([p for p, _ in pairs]), np.array([label for _, label in pairs]))


def measured(net: AudioEncoder, media: Path, recipe: Recipe) -> dict[str, Any]:
    """Top-1 accuracy on what was not trained on, among all labels; chance is 1 / labels."""
    names = label_names()
    fold = [each for each in read_recordings(media / "audio_esc10") if each.fold == recipe.held_out_fold]
    others = [
        each
        for folder in ("audio_antumdeluge_cc0", "audio_antumdeluge_ccby")
        for each in read_recordings(media / folder)
        if each.concept in sounds()
    ]
    found = {
        "synthesised, other seeds": accuracy(net, synthesised(recipe, 10_000, 4)),
        f"ESC-10 fold {recipe.held_out_fold}": accuracy(net, real(fold, recipe)),
        "antumdeluge, another collection": accuracy(net, real(others, recipe)),
    }
    scores = {name: {"top_1": round(s.value, 4), "ci": [round(end, 4) for end in s.ci], "n": s.n} for name, s in found.items()}
    return {**scores, "chance": round(1 / len(names), 4)}


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when the weights are written."""
    return run_recipe("audio_encoder", "audio encoder", DEFAULT, _run, arguments)


def _run(media: Path, out: Path, recipe: Recipe, say: Say) -> None:
    chosen = recordings(media, recipe)
    made = 1 - recipe.real_share - recipe.plain_share
    parts = [
        (gathered(synthesised(recipe, 0, recipe.seeds), recipe), made),
        (gathered(real(chosen, recipe), recipe), recipe.real_share),
        (gathered(noises(recipe), recipe), recipe.plain_share),
    ]
    say(" + ".join(str(len(part.labels)) for part, _ in parts) + " clips: synthesised, real, noise and silence")
    checkpoint = out.with_suffix(".checkpoint")
    net = fit(parts, recipe, checkpoint, say)
    figures = measured(net, media, recipe)
    entry = {
        "licence": "Apache-2.0 (trained on CC0, CC BY and Apache-2.0 recordings, listed)",
        "research_only": False,
        "trained_on": ["sounds synthesised by seehear.foley (Apache-2.0)", *(f"recording {each.source}" for each in chosen)],
        "command": f"python -m seehear.training.audio_encoder --media DIR --out {out.name}",
        "recipe": asdict(recipe),
        "config": asdict(net.config),
        "labels": list(label_names()),
        "measured": figures,
    }
    complete = write_pack(out.stem, out, net.state_dict(), entry)
    checkpoint.unlink(missing_ok=True)
    say(f"wrote {out}: {complete['bytes'] / 2**20:.2f} MiB, {figures}")


if __name__ == "__main__":
    raise SystemExit(main())
