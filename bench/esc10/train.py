"""Train the judge on folds 1 to 4 of ESC-10 (real clips only), measure it on fold 5, and write it to be frozen.

    python bench/esc10/train.py --media MEDIA_FOLDER [--out FILE] [--test-fold 5] [--seed 0]

MEDIA_FOLDER holds ``audio_esc10`` with ``labels.csv`` (columns file, coarse, fold).
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import soundfile
import torch
from classifier import CLASSES, N_FRAMES, N_MELS, WEIGHTS, Esc10Net, log_mel_db, network_input, probabilities
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn import functional

COARSE = {"sea_waves": "sea", "crying_baby": "baby"}
EPOCHS = 48
BATCH = 32
AVERAGED_EPOCHS = 10
"""The weights are the mean over the last epochs (Izmailov et al. 2018), after which batch norms are measured again."""
KEPT_REAL_CLIPS = 0.95
"""The rejection threshold keeps this share of the correctly recognised clips of the test fold."""


def read_clips(media: Path) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Log-mel (N, N_MELS, N_FRAMES), class indices (N,) and folds (N,) of every clip."""
    folder = media / "audio_esc10"
    rows = list(csv.DictReader((folder / "labels.csv").read_text("utf-8").splitlines()))
    mels = [log_mel_db(samples, rate) for samples, rate in (soundfile.read(folder / row["file"]) for row in rows)]
    labels = [CLASSES.index(COARSE.get(row["coarse"], row["coarse"])) for row in rows]
    return np.stack(mels), np.array(labels), np.array([int(row["fold"]) for row in rows])


def augment(db: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Another recording of the same clips: shifted in time, other microphone, other hiss, parts missing.

    Circular shift, random smooth equaliser, random noise floor, two time and one frequency mask (SpecAugment, Park 2019).
    """

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(shape, generator=generator)

    size = len(db)
    shifts = torch.randint(0, N_FRAMES, (size,), generator=generator)
    stretch = torch.arange(N_FRAMES)[None] - shifts[:, None]
    db = db.gather(2, (stretch % N_FRAMES)[:, None].expand(-1, N_MELS, -1))
    knots = 4.0 * torch.randn(size, 1, 5, generator=generator)
    db = db + functional.interpolate(knots, size=N_MELS, mode="linear", align_corners=True).transpose(1, 2)
    db = torch.maximum(db, -uniform(35, 80, size, 1, 1) + uniform(-2, 2, size, N_MELS, N_FRAMES))
    for _ in range(2):
        start, width = uniform(0, N_FRAMES, size, 1, 1), uniform(0, 36, size, 1, 1)
        time = torch.arange(N_FRAMES)
        db = torch.where((time >= start) & (time < start + width), torch.tensor(-80.0), db)
    start, width = uniform(0, N_MELS, size, 1, 1), uniform(0, 10, size, 1, 1)
    mel = torch.arange(N_MELS)[:, None]
    return torch.where((mel >= start) & (mel < start + width), torch.tensor(-80.0), db)


def train(db: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> Esc10Net:
    """A network trained with mixup (Zhang 2018), AdamW and a one-cycle rate."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = Esc10Net().to(memory_format=torch.channels_last)
    x, y = torch.from_numpy(db), functional.one_hot(torch.from_numpy(labels), len(CLASSES)).float()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=2e-2)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.2, final_div_factor=20)
    averaged = torch.optim.swa_utils.AveragedModel(net)
    for epoch in range(EPOCHS):
        net.train()
        for rows in torch.randperm(len(x), generator=generator).split(BATCH):
            if len(rows) < BATCH:
                continue
            inputs, targets = network_input(augment(x[rows], generator), 80.0), y[rows]
            share = torch.rand(BATCH, generator=generator) * 0.3 * (torch.rand(BATCH, generator=generator) < 0.5)
            other = torch.randperm(BATCH, generator=generator)
            inputs = (1 - share)[:, None, None, None] * inputs + share[:, None, None, None] * inputs[other]
            targets = (1 - share)[:, None] * targets + share[:, None] * targets[other]
            optimizer.zero_grad()
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            loss = functional.cross_entropy(net(inputs), targets, label_smoothing=0.05)
            loss.backward()
            optimizer.step()
            schedule.step()
        if epoch >= EPOCHS - AVERAGED_EPOCHS:
            averaged.update_parameters(net)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {loss.item():.3f}", flush=True)
    batches = (network_input(augment(part, generator), 80.0) for part in x.split(BATCH))
    torch.optim.swa_utils.update_bn(batches, averaged)
    return averaged.module.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--test-fold", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(2)
    db, labels, folds = read_clips(options.media)
    held = folds == options.test_fold
    net = train(db[~held], labels[~held], seed=options.seed)
    p = probabilities(net, db[held])
    guesses = p.argmax(axis=1)
    right = guesses == labels[held]
    threshold = np.quantile(p.max(axis=1)[right], 1 - KEPT_REAL_CLIPS)
    print(f"fold {options.test_fold}: {right.sum()}/{held.sum()} = {right.mean():.1%}, rejection below p = {threshold:.3f}")
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (labels[held], guesses), 1)
    for name, row in zip(CLASSES, confusion, strict=True):
        print(f"{name:11s}", *(f"{count:3d}" for count in row))
    tensors = {name: value.contiguous() for name, value in net.state_dict().items()}
    save_file(tensors | {"threshold": torch.tensor(float(threshold))}, options.out)


if __name__ == "__main__":
    main()
