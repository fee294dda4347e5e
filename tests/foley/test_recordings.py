"""Calls, contacts, blasts and instruments beside real recordings: where the energy lies."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from listening import RATE_HZ
from seehear.foley import blasts, contacts, farm, pond, strings, wild, winds

MEDIA = Path(os.environ.get("SEEHEAR_MEDIA", Path(__file__).resolve().parents[2] / "../shared/media"))
SOUNDS = {**farm.SOUNDS, **pond.SOUNDS, **wild.SOUNDS, **blasts.SOUNDS, **contacts.SOUNDS, **strings.SOUNDS, **winds.SOUNDS}
GUNS = ["rifle_fire", "rifle_small_fire", "pistol_fire", "ar_fire", "shotgun_fire_pump"]
CENTRES_HZ = np.array([63, 125, 250, 500, 1000, 2000, 4000, 8000])


def octaves_db(x: np.ndarray) -> np.ndarray:
    """Levels (8,) of the octave bands in the loud frames of ``x``, relative to the whole, not below -30."""
    freqs, _, power = signal.spectrogram(x, RATE_HZ, nperseg=2048)
    total = power.sum(0)
    mean = power[:, total > 0.03 * total.max()].mean(1)
    bands = [mean[(freqs >= c / 2**0.5) & (freqs < c * 2**0.5)].sum() / mean.sum() for c in CENTRES_HZ]
    return 10 * np.log10(np.array(bands) + 1e-3)


@pytest.mark.skipif(not (MEDIA / "audio_labels.csv").exists(), reason="needs the real recordings of the media folder")
@pytest.mark.parametrize(
    ("name", "controls", "classes", "within_db"),
    [
        ("cow", {}, ["cow_moo"], 5),
        ("sheep", {"species": "sheep"}, ["sheep_baa"], 4),
        ("sheep", {"species": "goat"}, ["goat_bleat"], 7),
        ("goose", {"species": "goose"}, ["goose"], 4),
        ("goose", {"species": "duck"}, ["duck_quack"], 5),
        ("elephant", {}, ["elephant_trumpet"], 5),
        ("lion", {}, ["lion_bellow", "tiger_roar"], 4),
        ("wolf", {}, ["wolf_howl"], 6),
        ("frog", {"species": "tree frog"}, ["frog"], 6),
        ("insects", {}, ["bee", "bees", "bumble_bee"], 5),
        ("cicada", {}, ["cicada"], 4),
        ("door", {}, ["door_close"], 6),
        ("glass", {"happening": "break"}, ["node_dug_glass"], 5),
        ("gunshot", {}, GUNS, 5),
        ("fireworks", {}, ["fireworks", "fireworks_pop"], 5),
        ("piano", {}, ["piano"], 5),
        ("brass", {"instrument": "trumpet"}, ["trumpet"], 5),
    ],
)
def test_octaves_lie_near_recordings(name: str, controls: dict[str, str], classes: list[str], within_db: float) -> None:
    """Oracle: CC0 and CC BY recordings, one to twelve of each; mean distance of the median octave levels above -30 dB."""
    import soundfile
    import soxr

    with (MEDIA / "audio_labels.csv").open(encoding="utf-8") as file:
        paths = [row["file"] for row in csv.DictReader(file) if row["class"] in classes]
    clips = (soundfile.read(MEDIA / path, always_2d=True) for path in paths)
    real = np.median([octaves_db(soxr.resample(x.mean(1), rate_hz, RATE_HZ)) for x, rate_hz in clips], axis=0)
    ours = [octaves_db(SOUNDS[name](5.0, RATE_HZ, np.random.default_rng(seed), **controls)) for seed in range(8)]
    distance = np.abs(np.median(ours, axis=0) - real)
    assert distance.mean() < within_db
