"""Trains the U-Net spatializer: ``python -m seehear.training.spatializer --data SHARDS --prepared FOLDER --out FOLDER``.

The sound comes from shards of clips; what is seen (features, energy maps, directions) from the prepared clips of the same keys,
so that the spatializer and ViSAGe see the same. The loss is the paper's L2 (Kim, Yun & Kim 2025, section 6.1), of complex
spectrograms of X, Y and Z, with W at unit power; segments are turned by a quarter as ViSAGe's are (section 5.2).

Legend: n clips, B batch, T samples, F video frames, D features, P patches.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from seehear.adapters.spatializer import save_spatializer
from seehear.data.prepared import Prepared, read_prepared, sound_at
from seehear.data.shards import read_clips
from seehear.nets.spatializer import Spatializer, SpatializerConfig, rms
from seehear.training.command import tell
from seehear.training.loop import Schedule, batch_indices, train
from seehear.types import InputError

Say = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, but the data."""

    n_clips: int = 800
    """At most so many clips, the first ones; 5 s at 24 kHz take 0.9 MiB of memory."""
    n_held_out: int = 40
    """The last of them are not learned from: the error is measured on them."""
    widths: tuple[int, ...] = SpatializerConfig.widths
    """Channels of the levels of the net."""
    segment_frames: int = 5
    """Video frames of a segment: 1.25 s at 4 a second."""
    rotation: float = 0.5
    """Part of the segments that are turned by +90 degrees of azimuth, direction and all."""
    batch_size: int = 16
    """Segments per step."""
    schedule: Schedule = field(default=Schedule(steps=600, learning_rate=4e-3, weight_decay=1e-2, ema_decay=0.99, save_every=100))
    seed: int = 0


DEFAULT = Recipe()


@dataclass(frozen=True)
class Examples:
    """Sound fields and what is seen of them."""

    fields: Tensor
    """(n, 4, T) W, Y, Z, X, half precision, W of unit power."""
    features: Tensor
    """(n, F, D)."""
    energy_maps: Tensor
    """(n, F, P)."""
    directions: Tensor
    """(n, 3) unit vectors of the camera."""

    def __len__(self) -> int:
        return len(self.fields)

    def take(self, which: slice) -> Examples:
        return Examples(self.fields[which], self.features[which], self.energy_maps[which], self.directions[which])


def read_examples(shards: str | Path, prepared: Prepared, n_clips: int) -> Examples:
    """The first ``n_clips`` clips of ``shards`` that are among the prepared ones; InputError if there is none."""
    place = {key: i for i, key in enumerate(prepared.keys)}
    fields, places = [], []
    for clip in read_clips(shards):
        if len(fields) == n_clips:
            break
        if clip.key in place:
            samples = torch.from_numpy(sound_at(clip, prepared.header.sample_rate_hz))
            fields.append((samples / rms(samples[:1])).half())
            places.append(place[clip.key])
    if not fields:
        raise InputError(f"no clip of {shards} is among the {len(prepared)} prepared in {prepared.folder}")
    seen = prepared.batch(places)
    return Examples(torch.stack(fields), *map(torch.from_numpy, (seen.features, seen.energy_maps, seen.directions)))


def turned(fields: Tensor, directions: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
    """Fields (B, 4, T) and unit vectors (B, 3), those of ``which`` (B,) turned by +90 degrees of azimuth.

    (W, X, Y, Z) becomes (W, -Y, X, Z) (section 5.2), which is W, X, Z, -Y in the order W, Y, Z, X.
    """
    w, y, z, x = fields.unbind(1)
    front, left, up = directions.unbind(1)
    quarter = torch.stack([w, x, z, -y], 1), torch.stack([-left, front, up], 1)
    return torch.where(which[:, None, None], quarter[0], fields), torch.where(which[:, None], quarter[1], directions)


def l2_loss(net: Spatializer, fields: Tensor, features: Tensor, energy_maps: Tensor, directions: Tensor) -> Tensor:
    """Mean |Y, Z, X - answer|^2 of complex spectrograms, of ``fields`` (B, 4, T) with W of unit power."""
    spectra = net.spectrogram(fields)
    answer = net(spectra[:, 0], features, energy_maps if net.config.n_patches else None, directions)
    return torch.view_as_real(answer - spectra[:, 1:]).square().sum(-1).mean()


def segments(examples: Examples, chosen: Tensor, recipe: Recipe, frame_samples: int, generator: torch.Generator) -> list[Tensor]:
    """A batch of random segments, W of unit power: fields, features, energy maps, directions; they start with a video frame."""
    n_frames = examples.features.shape[1]
    starts = torch.randint(n_frames - recipe.segment_frames + 1, (len(chosen),), generator=generator)
    frames = starts[:, None] + torch.arange(recipe.segment_frames)
    length = recipe.segment_frames * frame_samples
    cut = [examples.fields[i, :, s * frame_samples : s * frame_samples + length] for i, s in zip(chosen, starts, strict=True)]
    fields = torch.stack(cut).float()
    which = torch.rand(len(chosen), generator=generator) < recipe.rotation
    fields, directions = turned(fields / rms(fields[:, 0])[:, None, None], examples.directions[chosen], which)
    rows = chosen[:, None]
    return [fields, examples.features[rows, frames], examples.energy_maps[rows, frames], directions]


@torch.no_grad()
def unexplained(net: Spatializer, examples: Examples) -> float:
    """The energy of the errors of Y, Z and X over that of Y, Z and X: 1 for no answer at all, 0 for a perfect one."""
    wrong = total = 0.0
    for i in range(len(examples)):
        one = examples.take(slice(i, i + 1))
        field = one.fields.float()
        energy_map = one.energy_maps if net.config.n_patches else None
        made = net.spatialize(field[:, 0], one.features, energy_map, one.directions)
        wrong += float((made - field).square().sum())
        total += float(field[:, 1:].square().sum())
    return wrong / total


def fit_spatializer(
    examples: Examples, config: SpatializerConfig, recipe: Recipe, checkpoint: Path | None = None, say: Say = lambda _: None
) -> Spatializer:
    """The spatializer that ``recipe`` makes of ``examples``, for evaluation; a run that was stopped goes on at ``checkpoint``."""
    with torch.random.fork_rng():  # torch's modules draw their first weights from the global generator
        torch.manual_seed(recipe.seed)
        net = Spatializer(config)
    frame_samples = round(config.sample_rate_hz / config.frames_per_s)
    started, shown = time.monotonic(), max(1, recipe.schedule.steps // 20)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        chosen = batch_indices(len(examples), recipe.batch_size, recipe.seed, step)
        return l2_loss(net, *segments(examples, chosen, recipe, frame_samples, generator))

    def log(step: int, value: float) -> None:
        if step % shown == 0:
            say(f"step {step} of {recipe.schedule.steps}: loss {value:.4g}, {time.monotonic() - started:.0f} s")

    net.load_state_dict(train(net, loss, recipe.schedule, seed=recipe.seed, checkpoint=checkpoint, log=log))
    return net.eval()


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when the weights are written."""
    parser = argparse.ArgumentParser(
        prog="python -m seehear.training.spatializer", description="Train the U-Net that gives mono sound a place."
    )
    parser.add_argument("--data", type=Path, required=True, metavar="SHARDS", help="folder of clips")
    parser.add_argument("--prepared", type=Path, required=True, metavar="FOLDER", help="the same clips, prepared for ViSAGe")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--clips", type=int, default=DEFAULT.n_clips, metavar="N", help=f"default {DEFAULT.n_clips}")
    parser.add_argument(
        "--steps", type=int, default=DEFAULT.schedule.steps, metavar="N", help=f"default {DEFAULT.schedule.steps}"
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="processor threads; the result depends on it (default 1)"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    try:
        _run(given, replace(DEFAULT, n_clips=given.clips, schedule=replace(DEFAULT.schedule, steps=given.steps)))
    except InputError as error:
        tell(str(error))
        return 2
    return 0


def _run(given: argparse.Namespace, recipe: Recipe) -> None:
    prepared = read_prepared(given.prepared)
    header = prepared.header
    config = SpatializerConfig(
        feature_size=header.feature_size,
        n_patches=header.n_patches,
        frames_per_s=header.frames_per_s,
        sample_rate_hz=header.sample_rate_hz,
        widths=recipe.widths,
    )
    examples = read_examples(given.data, prepared, recipe.n_clips)
    n_learned = len(examples) - recipe.n_held_out
    if n_learned < recipe.batch_size:
        raise InputError(f"{recipe.n_held_out + recipe.batch_size} clips are needed at least, got {len(examples)}")
    given.out.mkdir(parents=True, exist_ok=True)
    checkpoint = given.out / "spatializer.checkpoint"
    begun = time.process_time()
    net = fit_spatializer(examples.take(slice(n_learned)), config, recipe, checkpoint, tell)
    error = unexplained(net, examples.take(slice(n_learned, None)))
    facts = {
        "recipe": asdict(recipe),
        "n_learned": n_learned,
        "unexplained_energy_held_out": error,
        "cpu_s": round(time.process_time() - begun, 1),
    }
    save_spatializer(given.out, net, encoder_name=header.encoder, facts=facts)
    checkpoint.unlink(missing_ok=True)
    tell(f"wrote {given.out}: {error:.3f} of the energy of X, Y, Z unexplained in {recipe.n_held_out} held-out clips")


if __name__ == "__main__":
    raise SystemExit(main())
