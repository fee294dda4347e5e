"""The judge of the ESC-10 check: log-mel features, a small convolutional network, and the frozen weights.

Real and synthetic clips pass the same door: 22.05 kHz (nothing above 10.5 kHz, so codec low-passes do not matter),
log-mel relative to the clip's own peak (loudness does not matter), a floor 60 dB below it (recording hiss and digital
silence look alike).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy import signal
from torch import nn

CLASSES = ("dog", "rain", "sea", "baby", "clock", "sneeze", "helicopter", "chainsaw", "rooster", "fire")
WEIGHTS = Path(__file__).with_name("esc10.safetensors")

RATE_HZ = 22050
WINDOW_SAMPLES = 1024
HOP_SAMPLES = 441
N_MELS = 64
FLOOR_DB = 60.0
N_FRAMES = 248
"""Five seconds."""


def mel_matrix() -> NDArray[np.float64]:
    """Triangular mel filters (N_MELS, bins) from 40 Hz to 10.5 kHz, each of unit sum (HTK mel scale)."""
    low, high = (2595 * np.log10(1 + f / 700) for f in (40.0, 10500.0))
    edges_hz = 700 * (10 ** (np.linspace(low, high, N_MELS + 2) / 2595) - 1)
    bins_hz = np.fft.rfftfreq(WINDOW_SAMPLES, 1 / RATE_HZ)
    rise = (bins_hz - edges_hz[:-2, None]) / np.diff(edges_hz)[:-1, None]
    fall = (edges_hz[2:, None] - bins_hz) / np.diff(edges_hz)[1:, None]
    triangles = np.maximum(0, np.minimum(rise, fall))
    # The lowest triangles are narrower than a bin: they take the nearest one.
    nearest = np.abs(bins_hz - edges_hz[1:-1, None]).argmin(axis=1)
    triangles[np.arange(N_MELS), nearest] += (triangles.sum(axis=1) < 0.5).astype(float)
    return triangles / triangles.sum(axis=1, keepdims=True)


def log_mel_db(samples: NDArray[np.floating], rate_hz: int) -> NDArray[np.float32]:
    """Log-mel spectrogram (N_MELS, N_FRAMES) in dB relative to the clip's peak band, of the first five seconds, not floored.

    Shorter clips are continued with silence, as ESC-10 itself does.
    """
    x = soxr.resample(np.asarray(samples, dtype=np.float64), rate_hz, RATE_HZ)
    wanted = WINDOW_SAMPLES + (N_FRAMES - 1) * HOP_SAMPLES
    x = np.pad(x[:wanted], (0, max(0, wanted - len(x))))
    frames = np.lib.stride_tricks.sliding_window_view(x, WINDOW_SAMPLES)[::HOP_SAMPLES] * signal.windows.hann(
        WINDOW_SAMPLES, sym=False
    )
    power = mel_matrix() @ (np.abs(np.fft.rfft(frames, axis=1)) ** 2).T
    db = 10 * np.log10(power + 1e-12)
    return (db - np.percentile(db, 99.5)).astype(np.float32)


def network_input(db: torch.Tensor, floor_db: torch.Tensor | float = FLOOR_DB) -> torch.Tensor:
    """Floored log-mel scaled to about -1 to 1: (B, 1, N_MELS, N_FRAMES) from dB (B, N_MELS, N_FRAMES)."""
    return (torch.maximum(db, -torch.as_tensor(floor_db)).unsqueeze(1) + 30) / 30


class Esc10Net(nn.Module):
    """Four convolution blocks, pooled over frequency (mean) and time (mean and maximum): about 60 K parameters."""

    def __init__(self, widths: tuple[int, ...] = (12, 24, 48, 96)) -> None:
        super().__init__()
        blocks, last = [], 1
        for width in widths:
            blocks += [nn.Conv2d(last, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
            last = width
        self.features = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(0.4)
        self.head = nn.Linear(2 * last, len(CLASSES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (B, 10) of ``network_input``."""
        h = self.features(x).mean(dim=2)
        return self.head(self.dropout(torch.cat([h.mean(dim=2), h.amax(dim=2)], dim=1)))


def load_frozen(path: Path = WEIGHTS) -> tuple[Esc10Net, float]:
    """The frozen network and its rejection threshold: below that probability a clip is none of the ten."""
    tensors = load_file(path)
    threshold = float(tensors.pop("threshold"))
    net = Esc10Net()
    net.load_state_dict(tensors)
    return net.eval(), threshold


@torch.no_grad()
def probabilities(net: Esc10Net, db: NDArray[np.float32]) -> NDArray[np.float32]:
    """Class probabilities (B, 10) of log-mel spectrograms (B, N_MELS, N_FRAMES)."""
    return torch.cat([net(network_input(part)).softmax(dim=1) for part in torch.from_numpy(db).split(32)]).numpy()
