"""People without words: timing, spectrum and resemblance to real recordings."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from seehear.foley import animals, voices

RATE_HZ = 24_000
MEDIA = Path(os.environ.get("SEEHEAR_MEDIA", Path(__file__).resolve().parents[2] / "../shared/media"))
EDGES_HZ = np.array([400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000])


def third_octaves_db(x: np.ndarray) -> np.ndarray:
    """Levels (13,) of the loud frames of ``x`` in third octaves, relative to their mean."""
    freqs, _, power = signal.spectrogram(x, RATE_HZ, nperseg=1024)
    total = power.sum(0)
    mean = power[:, total > 0.03 * total.max()].mean(1)
    bands = [mean[(freqs >= a) & (freqs < b)].sum() for a, b in pairwise(EDGES_HZ)]
    levels = 10 * np.log10(np.array(bands) + 1e-15)
    return levels - levels.mean()


def real_clips(folder: str) -> Iterator[np.ndarray]:
    import soundfile
    import soxr

    with (MEDIA / "audio_labels.csv").open(encoding="utf-8") as file:
        paths = sorted(row["file"] for row in csv.DictReader(file) if row["file"].startswith(f"audio_esc10/{folder}/"))
    for path in paths[::4]:
        x, rate_hz = soundfile.read(MEDIA / path, always_2d=True)
        yield soxr.resample(x.mean(1), rate_hz, RATE_HZ)


@pytest.mark.skipif(not (MEDIA / "audio_labels.csv").exists(), reason="needs the real recordings of the media folder")
@pytest.mark.parametrize(
    ("name", "folder"), [("dog", "dog_bark"), ("baby", "baby_cry"), ("rooster", "rooster"), ("sneeze", "person_sneeze")]
)
def test_spectrum_lies_among_real_recordings(name: str, folder: str) -> None:
    """Oracle: real recordings (ESC-10). 11 of 13 third octaves or more lie between their 10th and 90th percentile (+-2 dB)."""
    real = np.array([third_octaves_db(x) for x in real_clips(folder)])
    make = {**animals.SOUNDS, **voices.SOUNDS}[name]
    ours = np.median([third_octaves_db(make(5.0, RATE_HZ, np.random.default_rng(seed))) for seed in range(6)], axis=0)
    low, high = np.percentile(real, [10, 90], axis=0)
    assert ((ours > low - 2) & (ours < high + 2)).sum() >= 11


def test_a_cry_is_a_breath_group_with_a_faint_gasp_before_the_next() -> None:
    """Oracle: published numbers; cries of 0.5-1.6 s, 30 to 60 a minute within a bout (LaGasse et al. 2005)."""
    for seed in range(4):
        x = voices.baby(12.0, RATE_HZ, np.random.default_rng(seed))
        envelope = np.sqrt(signal.sosfiltfilt(signal.butter(2, 12, fs=RATE_HZ, output="sos"), x**2).clip(0))
        loud = np.flatnonzero(np.diff((envelope > 0.25 * envelope.max()).astype(int)))
        starts, ends = loud[0::2] / RATE_HZ, loud[1::2] / RATE_HZ
        lengths = (ends - starts[: len(ends)])[ends - starts[: len(ends)] > 0.2]
        assert len(lengths) >= 3
        assert 0.4 < np.median(lengths) < 1.6
        assert 0.8 < np.median(np.diff(starts)) < 2.2


def test_babble_has_the_rhythm_of_speech_and_never_stops() -> None:
    """Oracle: published number; the envelope of a talker moves most at 2-8 Hz (Greenberg 1999), and a crowd leaves no silence."""
    rng = np.random.default_rng(0)
    voice, _ = voices._talker(30 * voices.SPEECH_RATE_HZ, rng, 0.5)
    envelope = np.abs(voice).reshape(-1, voices.SPEECH_RATE_HZ // 100).mean(1)
    freqs, power = signal.welch(envelope - envelope.mean(), 100, nperseg=512)
    syllables = (freqs >= 2) & (freqs <= 8)
    faster = freqs > 8
    assert power[syllables].sum() > 3 * power[faster].sum()
    x = voices.crowd(6.0, RATE_HZ, np.random.default_rng(1))
    frames = np.sqrt((x.reshape(-1, 2400) ** 2).mean(1))
    assert frames.min() > 0.1 * frames.max()


def test_louder_crowd_means_more_talkers() -> None:
    """Oracle: closed form; the sum of independent voices fluctuates less the more there are."""

    def unrest(intensity: float) -> float:
        found = []
        for seed in range(4):
            x = voices.crowd(4.0, 16_000, np.random.default_rng(seed), intensity=intensity)
            frames = np.sqrt((x.reshape(-1, 1600) ** 2).mean(1))
            found.append(frames.std() / frames.mean())
        return float(np.mean(found))

    assert unrest(1.0) < unrest(0.0)


def test_sneeze_is_a_faint_breath_and_a_broad_blast() -> None:
    """Oracle: planted answer; the blast rises within 120 ms, 20 dB above the breath before it, and reaches above 6 kHz."""
    for seed in range(5):
        x = voices.sneeze(3.0, RATE_HZ, np.random.default_rng(seed))
        frames = np.sqrt((x.reshape(-1, 240) ** 2).mean(1))
        peak = frames.argmax()
        onset = np.flatnonzero(frames[: peak + 1] < 0.1 * frames[peak])[-1]
        assert peak - onset <= 12
        before = frames[: max(onset - 35, 1)]
        assert np.median(before[before > 0]) < 0.1 * frames[peak]
        blast = x[onset * 240 : onset * 240 + RATE_HZ // 4]
        freqs, power = signal.welch(blast, RATE_HZ, nperseg=1024)
        assert 0.02 < power[freqs > 6000].sum() / power.sum() < 0.6
