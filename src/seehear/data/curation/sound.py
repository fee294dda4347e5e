"""The stages that listen to levels: is it AmbiX, are all channels there, where is anything to hear.

All read second by second, so an hour takes no more memory than a minute. Shapes: C channels, S whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.channels import ChannelFacts, ChannelMeter
from seehear.data.curation.records import Film, Reject, Rules, Window
from seehear.types import FOA, Audio, FloatArray, Sound

SILENT_RATIO_DB = -80.0
"""So far below full scale W says nothing about conventions."""


def _seconds(sound: Sound, n_seconds: int) -> Iterator[NDArray[np.float32]]:
    """The samples (C, rate) of each whole second."""
    rate = sound.sample_rate_hz
    return (sound.read(second * rate, (second + 1) * rate) for second in range(n_seconds))


def n_whole_seconds(film: Film) -> int:
    """Whole seconds that are both seen and heard."""
    return int(min(film.duration_s, film.sound.duration_s) + 1e-6)


def with_ambix_levels(film: Film, rules: Rules) -> Film | Reject:
    """The film, unless X, Y and Z have so much more energy than W that they cannot be in SN3D.

    For any number of uncorrelated plane waves the ratio is 1 in SN3D, 2 in FuMa, 3 in N3D (`acoustics.channels`). Channels in
    another order at the right level cannot be told from sound out of other directions.
    """
    if rules.most_field_ratio is None:
        return film
    meter = ChannelMeter(4, film.sound.sample_rate_hz)
    for second in _seconds(film.sound, n_whole_seconds(film)):
        meter.add(second)
    ratio = band_field_ratio(meter.facts, rules.field_band_hz)
    if not ratio > rules.most_field_ratio:
        return film
    guess = "fuma" if ratio < np.sqrt(2.0 * 3.0) else "acn-n3d"
    return Reject("order", "levels are not those of AmbiX", f"X, Y and Z have {ratio:.2f} times the energy of W, as in {guess}")


def band_field_ratio(facts: ChannelFacts, band_hz: tuple[float, float]) -> float:
    """Energy of channels 2 to 4 over that of the first between two frequencies; NaN if that is silent."""
    low, high = band_hz
    inside = (facts.frequencies_hz >= low) & (facts.frequencies_hz <= high)
    energies = facts.powers[:4, inside].sum(axis=1)
    heard = facts.rms[0] > 10 ** (SILENT_RATIO_DB / 20) and energies[0] > 0
    return float(energies[1:].sum() / energies[0]) if heard else float("nan")


def with_all_channels(film: Film, rules: Rules) -> Film | Reject:
    """The film, unless the mean magnitude of any channel in any second is below 1e-20 (section 4)."""
    for index, second in enumerate(_seconds(film.sound, n_whole_seconds(film))):
        mean = np.abs(second[:4], dtype=np.float64).mean(axis=1)
        if (missing := np.flatnonzero(mean < rules.least_amplitude)).size:
            names = ", ".join("WYZX"[i] for i in missing)
            return Reject("channels", "a channel is missing", f"{names} in second {index}")
    return film


def second_levels_dbfs(film: Film) -> FloatArray:
    """RMS (S,) of W in every whole second, in dBFS; -inf for digital silence."""
    power = [np.square(second[0], dtype=np.float64).mean() for second in _seconds(film.sound, n_whole_seconds(film))]
    with np.errstate(divide="ignore"):
        return 10 * np.log10(np.array(power, dtype=float))


def sounding_windows(film: Film, rules: Rules) -> list[Window | Reject]:
    """Every window that begins at a whole second, or why not: it needs more than 3 seconds whose RMS is high enough."""
    valid = second_levels_dbfs(film) >= rules.least_rms_dbfs
    n_windows = max(0, len(valid) - rules.window_s + 1)
    counts = [int(valid[start : start + rules.window_s].sum()) for start in range(n_windows)]
    return [
        Window(film, start)
        if count > rules.more_than_valid_s
        else Reject("windows", "too little to hear", f"{count} of {rules.window_s} seconds at {start} s")
        for start, count in enumerate(counts)
    ]


def window_sound(window: Window, rules: Rules) -> Audio:
    """The first-order ambisonics (4, T) of a window."""
    sound = window.film.sound
    first = window.start_s * sound.sample_rate_hz
    samples = sound.read(first, first + rules.window_s * sound.sample_rate_hz)[:4]
    return Audio(np.ascontiguousarray(samples), sound.sample_rate_hz, FOA, "acn-sn3d")
