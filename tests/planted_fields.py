"""Plane waves in files: the planted fields of the tests of evaluation."""

from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

from seehear.acoustics.sphere import encode
from seehear.io.audio import write_audio
from seehear.types import FOA, Audio, Direction, discrete

RATE_HZ = 24_000
AZIMUTHS_DEG = {"a": 10.0, "b": -120.0, "c": 75.0, "d": 160.0}


def plane_wave(azimuth_deg: float, seed: int, seconds: float = 1.0) -> np.ndarray:
    """A plane wave (4, T), low-passed so that no resampler changes it, louder with every seed."""
    x = np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))
    x = sosfilt(butter(6, 3000, fs=RATE_HZ, output="sos"), x) * 0.05 * (1 + seed)
    return encode(x, Direction(np.radians(azimuth_deg)).vector).astype(np.float32)


def write_field(path: Path, samples: np.ndarray, fuma: bool = False) -> None:
    """The channels as floats; of FuMa no header says so."""
    layout = discrete(4) if fuma else FOA
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, Audio(samples.astype(np.float32), RATE_HZ, layout, "" if fuma else "acn-sn3d"), "FLOAT")
