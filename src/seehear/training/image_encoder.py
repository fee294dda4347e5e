"""Trains the builtin image encoder: ``python -m seehear.training.image_encoder --media DIR --out FILE [--research]``.

Order: Fisher vectors and their head, then the residual network (resumable), then the weights of the two, fitted on
held-out pictures. No GPU is needed; seeds are part of the recipe.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from seehear.adapters.builtin import concept_matrix
from seehear.data.photos import PERMISSIVE, Photo, photo_crops, read_photos
from seehear.data.pictures import Pictures, Split, join, read_archive, split
from seehear.data.rendered import corner_pictures, rendered_pictures
from seehear.nets.encoder_config import EncoderConfig, FisherConfig
from seehear.nets.image_encoder import ConvNet, ImageEncoder
from seehear.nets.local_features import fit_fisher
from seehear.training.augment import Augmentation, augment, mixup, random_views
from seehear.training.loop import Schedule, batch_indices, train
from seehear.types import InputError
from seehear.weights import write_pack

Say = Callable[[str], None]
CALTECH = ("caltech101", "images_caltech101.zip")
TINY_IMAGENET = ("tiny-imagenet", "nc_images_tiny_imagenet.zip")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights."""

    archives: tuple[tuple[str, str], ...] = (CALTECH,)
    """Name of the label set and file of each picture archive."""
    per_class: int | None = None
    """At most so many pictures of each class; None takes all."""
    rendered_per_class: int = 60
    """Pictures of each kind that this project renders."""
    corners: int = 400
    """Corners of training pictures that stand for "nothing"."""
    encoder: EncoderConfig = field(default=EncoderConfig(classes=0))
    """Sizes; the number of classes comes from the pictures."""
    schedule: Schedule = field(default=Schedule(steps=2000))
    """Of the residual network."""
    batch_size: int = 64
    """Pictures per step."""
    sizes_px: tuple[tuple[float, int], ...] = ((0.9, 64), (1.0, 80))
    """Until which part of the steps pictures have which side: small and fast first (Touvron et al. 2019)."""
    augmentation: Augmentation = field(default=Augmentation())
    """Of the pictures that the residual network sees."""
    label_smoothing: float = 0.1
    """Part of the target that is spread over all classes (Szegedy et al. 2016)."""
    fisher_views: int = 2
    """Random views of every picture that the Fisher head learns from beside the picture itself."""
    fisher_augmentation: Augmentation = field(default=Augmentation(smallest_area=0.45, aspect=1.3, rotation_deg=5.0))
    """Of those views; only their framing changes."""
    photo_folders: tuple[str, ...] = PERMISSIVE
    """Folders of photos; the half of them that is not held out is shown to the heads, not to the network."""
    photos_left_out: tuple[str, ...] = ("darknet_dog.jpg", "darknet_horses.jpg", "sam2_truck.jpg")
    """Photos whose terms are not certain to allow any use: photographers not stated, and a sample of SA-1B."""
    photo_views: int = 6
    """Random views of every crop of a photo."""
    conv_head_decay: float = 1e-6
    """Squared-norm penalty of the head on pooled features of unit mean length."""
    fisher_head_decay: float = 1e-6
    """Squared-norm penalty of the head on Fisher vectors."""
    head_steps: int = 100
    """Most steps of L-BFGS for each head."""
    answer_precision: float = 0.9
    """How often an answer shall be right on held-out pictures; sets the threshold that is shipped with the weights."""
    seed: int = 0


DEFAULT = Recipe()
RESEARCH = replace(
    DEFAULT,
    archives=(CALTECH, TINY_IMAGENET),
    encoder=EncoderConfig(
        classes=0,
        fishers=(FisherConfig(components=40), FisherConfig(kind="colour", projection=46, components=40)),
    ),
    per_class=120,
    schedule=Schedule(steps=900),
    # Six epochs of more pictures: less needs to be hidden from the network.
    augmentation=Augmentation(smallest_area=0.5, erase=0.0, mixup=0.0),
    rendered_per_class=100,
    corners=800,
    photos_left_out=(),
    fisher_views=0,
    head_steps=60,
)


def read_pictures(media: Path, recipe: Recipe) -> Split:
    """All pictures of the recipe, split; corners are cut within each part, so that no picture is in two of them."""
    side = recipe.encoder.input_px
    sets = [read_archive(media / file, name, side, recipe.per_class) for name, file in recipe.archives]
    sets.append(rendered_pictures(recipe.rendered_per_class, side, recipe.seed))
    parts = split(join(*sets))
    whole = sum(len(part) for part in (parts.train, parts.validation, parts.test))

    def with_corners(part: Pictures) -> Pictures:
        return join(part, corner_pictures(part, round(recipe.corners * len(part) / whole), recipe.seed))

    return Split(with_corners(parts.train), with_corners(parts.validation), with_corners(parts.test))


def training_photos(media: Path, recipe: Recipe) -> list[Photo]:
    """The photos of the recipe's folders that are neither held out nor left out."""
    photos = [photo for folder in recipe.photo_folders for photo in read_photos(media / folder)]
    return [photo for photo in photos if not photo.held_out and photo.path.name not in recipe.photos_left_out]


def batches(pictures: Pictures, size: int = 64) -> Iterator[Tensor]:
    """The pictures in order as (B, 3, S, S) in 0 to 1."""
    for start in range(0, len(pictures), size):
        yield torch.from_numpy(pictures.pixels[start : start + size]).float() / 255


def fit_linear(features: Tensor, labels: Tensor, classes: int, decay: float, steps: int) -> tuple[Tensor, Tensor]:
    """Weight (classes, D) and bias of multinomial logistic regression with a squared-norm penalty, by L-BFGS."""
    weight = torch.zeros(classes, features.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=steps, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        loss = F.cross_entropy(F.linear(features, weight, bias), labels) + decay * (weight**2).sum()
        loss.backward()
        return loss

    solver.step(closure)
    return weight.detach(), bias.detach()


def framed(pictures: Pictures, recipe: Recipe, view: int) -> Iterator[Tensor]:
    """The pictures in order, each in a random framing, the same for the same ``view``."""
    generator = torch.Generator().manual_seed(recipe.seed + view)
    for rgb in batches(pictures):
        yield random_views(rgb, rgb.shape[-1], recipe.fisher_augmentation, generator)


def head_examples(pictures: Pictures, photos: Pictures, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches (B, 3, S, S) and labels that the heads learn from: everything as it is, then random views.

    Labels count the classes of ``join(pictures, photos)``. Photos are few and varied, so they are shown in more views.
    """
    both = join(pictures, photos)
    ranks = (np.arange(len(pictures)), np.arange(len(pictures), len(both)))
    for members, views in zip(ranks, (recipe.fisher_views, recipe.photo_views), strict=True):
        part = both.take(members)
        labels = torch.from_numpy(part.labels)
        for view in (batches(part), *(framed(part, recipe, view) for view in range(views))):
            yield from zip(view, labels.split(64), strict=True)


def fit_mixtures(encoder: ImageEncoder, pictures: Pictures, recipe: Recipe) -> None:
    """Fits the projection and the mixture of every Fisher branch."""
    for i, config in enumerate(encoder.config.fishers):
        fitted = fit_fisher(config, batches(pictures), torch.Generator().manual_seed(recipe.seed + i))
        encoder.fishers[i].load_state_dict(fitted.state_dict())


def fit_heads(encoder: ImageEncoder, examples: Iterator[tuple[Tensor, Tensor]], recipe: Recipe) -> None:
    """Fits both linear heads, on the network's pooled features and on the Fisher vectors."""
    encoder.eval()
    pooled, fisher, labels = [], [], []
    with torch.no_grad():
        for rgb, truth in examples:
            pooled.append(encoder.conv_grid(rgb).mean((2, 3)))
            fisher.append(encoder.fisher_features(rgb))
            labels.append(truth)
    for head, features, decay in (
        (encoder.conv.head, torch.cat(pooled), recipe.conv_head_decay),
        (encoder.fisher_head, torch.cat(fisher), recipe.fisher_head_decay),
    ):
        # Equal scales make the penalty mean the same for both and L-BFGS quick; the scale goes into the weight.
        scale = features.square().mean().sqrt() * math.sqrt(features.shape[1])
        weight, bias = fit_linear(features / scale, torch.cat(labels), encoder.config.classes, decay, recipe.head_steps)
        head.load_state_dict({"weight": weight / scale, "bias": bias})


def train_conv(pictures: Pictures, recipe: Recipe, checkpoint: Path | None, say: Say) -> ConvNet:
    """The residual network, trained with a head of its own; the moving average of its weights."""
    classes = len(pictures.classes)
    with torch.random.fork_rng():  # torch's modules draw their first weights from the global generator
        torch.manual_seed(recipe.seed)
        conv = ConvNet(replace(recipe.encoder, classes=classes)).to(memory_format=torch.channels_last)
    pixels, labels = torch.from_numpy(pictures.pixels), torch.from_numpy(pictures.labels)
    started, shown = time.monotonic(), max(1, recipe.schedule.steps // 40)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        chosen = batch_indices(len(labels), recipe.batch_size, recipe.seed, step)
        side = next(px for until, px in recipe.sizes_px if step < until * recipe.schedule.steps)
        targets = F.one_hot(labels[chosen], classes).float()
        rgb, targets = mixup(
            augment(pixels[chosen], side, recipe.augmentation, generator), targets, recipe.augmentation, generator
        )
        logits, _ = conv(rgb.contiguous(memory_format=torch.channels_last))
        return F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)

    def log(step: int, value: float) -> None:
        if step % shown == 0:
            say(f"step {step} of {recipe.schedule.steps}: loss {value:.3f}, {time.monotonic() - started:.0f} s")

    conv.load_state_dict(train(conv, loss, recipe.schedule, seed=recipe.seed, checkpoint=checkpoint, log=log))
    return conv.to(memory_format=torch.contiguous_format)


@torch.no_grad()
def branch_logits(encoder: ImageEncoder, pictures: Pictures) -> tuple[Tensor, Tensor]:
    """Logits of both branches for all pictures, each (N, classes)."""
    encoder.eval()
    rows = [encoder.branch_logits(rgb)[:2] for rgb in batches(pictures)]
    return torch.cat([row[0] for row in rows]), torch.cat([row[1] for row in rows])


def fit_fusion(conv_logits: Tensor, fisher_logits: Tensor, labels: Tensor) -> Tensor:
    """Positive weights (2,) of the two logits that make held-out labels most likely: fusion and temperature in one."""
    log_weights = torch.zeros(2, requires_grad=True)
    solver = torch.optim.LBFGS([log_weights], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        weights = log_weights.exp()
        loss = F.cross_entropy(weights[0] * conv_logits + weights[1] * fisher_logits, labels)
        loss.backward()
        return loss

    solver.step(closure)
    return log_weights.detach().exp()


def fit_threshold(scores: NDArray, truth: NDArray, precision: float) -> float:
    """The lowest score (in steps of 0.05) from which answers are right at least as often as ``precision``; 1 if none is.

    ``scores`` (N, concepts); ``truth`` (N,) with -1 where every answer is wrong.
    """
    best, right = scores.max(1), scores.argmax(1) == truth
    for threshold in np.arange(0.1, 1.0, 0.05):
        answered = best >= threshold
        if answered.any() and right[answered].mean() >= precision:
            return round(float(threshold), 2)
    return 1.0


@torch.no_grad()
def concept_scores(encoder: ImageEncoder, pictures: Pictures) -> tuple[NDArray, NDArray]:
    """Concept probabilities (N, concepts) and the true concept (N,) of labelled pictures, -1 where it is unknown."""
    _, matrix = concept_matrix(pictures.classes)
    logits = torch.cat([encoder(rgb).logits for rgb in batches(pictures)])
    concept_of_class = np.where(matrix[:, -1] == 1, -1, matrix.argmax(1))
    return (logits.double().softmax(1).numpy() @ matrix)[:, :-1], concept_of_class[pictures.labels]


def fit_encoder(
    parts: Split, photos: Pictures, recipe: Recipe, checkpoint: Path | None = None, say: Say = lambda _: None
) -> ImageEncoder:
    """The trained and calibrated encoder for the classes of ``join(parts.train, photos)``; ``parts.test`` is not looked at."""
    say(f"{len(parts.train)} pictures of {len(parts.train.classes)} classes, {len(photos)} crops of photos")
    conv = train_conv(parts.train, recipe, checkpoint, say)
    encoder = ImageEncoder(replace(recipe.encoder, classes=len(join(parts.train, photos).classes)))
    encoder.conv.stem, encoder.conv.stages = conv.stem, conv.stages
    say("fitting the Fisher vectors")
    fit_mixtures(encoder, parts.train, recipe)
    say("fitting the heads")
    fit_heads(encoder, head_examples(parts.train, photos, recipe), recipe)
    conv_logits, fisher_logits = branch_logits(encoder, parts.validation)
    encoder.fusion.copy_(fit_fusion(conv_logits, fisher_logits, torch.from_numpy(parts.validation.labels)))
    return encoder.eval()


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when the weights are written."""
    parser = argparse.ArgumentParser(
        prog="python -m seehear.training.image_encoder", description="Train the builtin image encoder."
    )
    parser.add_argument("--media", type=Path, required=True, metavar="DIR", help="folder with images_caltech101.zip")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors")
    parser.add_argument(
        "--research", action="store_true", help="also learn from Tiny ImageNet: the weights are for research only"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="train the residual network for fewer steps, to try things out")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="processor threads; the result depends on it (default 1)"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    recipe = RESEARCH if options.research else DEFAULT
    if options.steps is not None:
        recipe = replace(recipe, schedule=replace(recipe.schedule, steps=options.steps))
    try:
        _run(options.media, options.out, recipe, options.research)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _run(media: Path, out: Path, recipe: Recipe, research: bool) -> None:
    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    parts = read_pictures(media, recipe)
    chosen = training_photos(media, recipe)
    photos = photo_crops(chosen, recipe.encoder.input_px, seed=recipe.seed)
    checkpoint = out.with_suffix(".checkpoint")
    encoder = fit_encoder(parts, photos, recipe, checkpoint, say)
    threshold = fit_threshold(
        *concept_scores(encoder, join(parts.validation, photos.take(np.zeros(0, np.int64)))), recipe.answer_precision
    )
    classes = join(parts.train, photos)
    entry = {
        "licence": "research-only (ImageNet terms)"
        if research
        else "Apache-2.0 (trained on CC BY and permissive pictures, listed)",
        "research_only": research,
        "trained_on": _sources(research, chosen),
        "command": f"python -m seehear.training.image_encoder --media DIR --out {out.name}{' --research' if research else ''}",
        "recipe": asdict(recipe),
        "config": asdict(encoder.config),
        "classes": list(classes.classes),
        "sound_classes": list(classes.sound_classes),
        "answer_threshold": threshold,
    }
    complete = write_pack(out.stem, out, encoder.state_dict(), entry)
    checkpoint.unlink(missing_ok=True)
    say(f"wrote {out}: {complete['bytes'] / 2**20:.2f} MiB, fusion {[round(v, 3) for v in encoder.fusion.tolist()]}")


def _sources(research: bool, photos: Sequence[Photo]) -> list[str]:
    sources = [
        "Caltech-101, 62 classes (Li, Andreeto, Ranzato, Perona 2022, doi:10.22002/D1.20086; CC BY 4.0)",
        "pictures rendered by seehear.data.rendered (Apache-2.0)",
    ]
    if research:
        sources.append("Tiny ImageNet, 75 classes (ImageNet terms: non-commercial research)")
    return sources + [f"photo {photo.source}" for photo in photos]


if __name__ == "__main__":
    raise SystemExit(main())
