"""How good are generated sound fields? Every measure of ViSAGe (section 3.3) over pairs of clips, and the rows to read it by.

Measures: CC and AUC of energy maps (`metrics.spatial`), the angle between directions of arrival and to the camera
(`metrics.direction`), FAD and KLD of mono decoded at the camera's direction (eq. 2), FAD averaged over the channels
(`metrics.frechet`, `metrics.divergence`). Conventions: ACN/SN3D, first order, all at 16 kHz; an embedder of another rate gets
that resampled by soxr (HQ). Rows: what is measured, and four to read it by, that say what a figure is worth:

- ``truth``: the reference for itself; of FAD half of the references beside the rest: the bias that sets of half the size have.
- ``shuffled``: the reference of another clip. FAD_avg does not see this, for the set is the same.
- ``noise``: white noise from everywhere, as loud as the reference.
- ``silence``.

Source: Kim, Yun & Kim, "ViSAGe: Video-to-Spatial Audio Generation", ICLR 2025. Deviations: the embedder and tagger are whichever
are handed in (the paper has VGGish and PaSST).
Shapes: T samples, D features, K labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from seehear.metrics.direction import angle_scores, angles_rad, reference_vectors
from seehear.metrics.divergence import divergence_score
from seehear.metrics.frechet import at_infinity, mean_frechet_score
from seehear.metrics.score import Score
from seehear.metrics.spatial import Compat, decode_to_mono, frame_scores, mean_scores
from seehear.protocols import AudioTagger, Embedder
from seehear.types import Direction, FloatArray

RATE_HZ = 16_000
ROWS = ("generated", "truth", "shuffled", "noise", "silence")


@dataclass(frozen=True)
class FieldPair:
    """A generated sound field and its reference, ACN/SN3D (4, T), equally long, at `RATE_HZ`."""

    key: str
    generated: FloatArray
    reference: FloatArray
    direction: Direction | None
    """Where the camera looked; None where nobody knows."""


@dataclass(frozen=True)
class Judges:
    """Who listens."""

    embedder: Embedder
    tagger: AudioTagger | None
    """None where there is none: no KLD."""


@dataclass(frozen=True)
class Heard:
    """What judges made of a field."""

    channels: tuple[FloatArray, ...]
    """Embeddings (n, D) of W, Y, Z and X."""
    decoded: FloatArray | None
    """Those (n, D) of mono at the camera's direction; None without one."""
    answer: FloatArray | None
    """Tagged probabilities (K,) of that mono."""


@dataclass
class Row:
    """Everything about one way to make sound that scores need; embeddings, no sound.

    What a clip does to a Frechet distance, and so its interval, follows from its own embeddings, but only once the moments of
    all are known: they are kept, and moments alone would not do. With 128 features of 5 s in four windows all rows together
    take about 50 kB a pair: 0.5 GB for 10 000.
    """

    frames: list[dict[str, FloatArray]] = field(default_factory=list)
    angles: list[float] = field(default_factory=list)
    to_camera: list[float] = field(default_factory=list)
    made: list[Heard] = field(default_factory=list)
    wanted: list[Heard] = field(default_factory=list)


def heard(sound: FloatArray, direction: Direction | None, judges: Judges) -> Heard:
    """What the judges make of a field (4, T) at `RATE_HZ`."""
    channels = judges.embedder.embed([_at(channel, judges.embedder.sample_rate_hz) for channel in sound])
    return Heard(tuple(channels), *_towards(sound, direction, judges))


def _towards(sound: FloatArray, direction: Direction | None, judges: Judges) -> tuple[FloatArray | None, FloatArray | None]:
    """Embeddings and answer of a field's mono at a direction."""
    if direction is None:
        return None, None
    mono = decode_to_mono(sound, direction)
    answer = None if judges.tagger is None else judges.tagger.tag([_at(mono, judges.tagger.sample_rate_hz)])[0]
    return judges.embedder.embed([_at(mono, judges.embedder.sample_rate_hz)])[0], answer


def _at(mono: FloatArray, rate_hz: int) -> FloatArray:
    import soxr

    x = np.ascontiguousarray(mono, dtype=np.float32)
    return x if rate_hz == RATE_HZ else soxr.resample(x, RATE_HZ, rate_hz)


def diffuse_noise(reference: FloatArray, rng: np.random.Generator) -> FloatArray:
    """White noise (4, T) from everywhere with the RMS of the W of ``reference``: a third of its power in each of Y, Z and X."""
    rms = float(np.sqrt(np.mean(np.square(reference[0], dtype=np.float64))))
    gains = rms * np.sqrt((1, 1 / 3, 1 / 3, 1 / 3))[:, None]
    return (gains * rng.standard_normal(reference.shape)).astype(np.float32)


def measured_rows(
    pairs: Iterable[FieldPair], judges: Judges, *, controls: bool = True, compat: Compat | None = None, seed: int = 0
) -> dict[str, Row]:
    """Each row's measurements over ``pairs``, which are taken one by one; without ``controls`` of "generated" alone.

    Of "shuffled", each pair has the reference of the one before, the first that of the last.
    """
    rows = {name: Row() for name in (ROWS if controls else ROWS[:1])}
    silent: dict[tuple[int, bool], Heard] = {}
    first: tuple[FieldPair, Heard] | None = None
    before: tuple[FieldPair, Heard] | None = None
    for index, pair in enumerate(pairs):
        wanted = heard(pair.reference, pair.direction, judges)
        add_clip(rows["generated"], pair, pair.generated, heard(pair.generated, pair.direction, judges), wanted, compat)
        if controls:
            noise = diffuse_noise(pair.reference, np.random.default_rng((seed, index)))
            silence = np.zeros_like(pair.reference)
            alike = silence.shape[1], pair.direction is None
            if alike not in silent:  # from wherever one listens
                silent[alike] = heard(silence, pair.direction, judges)
            add_clip(rows["truth"], pair, pair.reference, wanted, wanted, compat)
            add_clip(rows["noise"], pair, noise, heard(noise, pair.direction, judges), wanted, compat)
            add_clip(rows["silence"], pair, silence, silent[alike], wanted, compat)
            if before is not None:
                _add_shuffled(rows["shuffled"], (pair, wanted), before, judges, compat)
            before = (pair, wanted)
            first = first or before
    if controls and first is not None and before is not None and before[0] is not first[0]:
        _add_shuffled(rows["shuffled"], first, before, judges, compat)
    return rows


def _add_shuffled(
    row: Row, own: tuple[FieldPair, Heard], other: tuple[FieldPair, Heard], judges: Judges, compat: Compat | None
) -> None:
    (pair, wanted), (partner, channels) = own, other
    n = min(pair.reference.shape[1], partner.reference.shape[1])
    cut = FieldPair(pair.key, pair.generated[:, :n], pair.reference[:, :n], pair.direction)
    # Its channels are the other's; only what is heard towards this camera is new.
    sound = partner.reference[:, :n]
    made = Heard(channels.channels, *_towards(sound, pair.direction, judges))
    add_clip(row, cut, sound, made, wanted, compat)


def add_clip(row: Row, pair: FieldPair, sound: FloatArray, made: Heard, wanted: Heard, compat: Compat | None = None) -> None:
    """Adds ``sound`` (4, T) beside the reference of ``pair``; ``made`` and ``wanted`` are what judges made of the two."""
    row.frames.append(frame_scores(sound, pair.reference, RATE_HZ, compat=compat))
    row.angles.append(float(angles_rad([sound], reference_vectors([pair.reference]))[0]))
    if pair.direction is not None:
        row.to_camera.append(float(angles_rad([sound], pair.direction.vector[None])[0]))
    row.made.append(made)
    row.wanted.append(wanted)


def row_scores(row: Row, *, n_failed: int = 0, halves: bool = False, seed: int = 0) -> dict[str, Score]:
    """Every measure of a row by name; ``n_failed`` clips could not be compared at all and count in each.

    ``fad_dec_at_infinity`` and ``fad_avg_at_infinity`` are what endless sets would have, without an interval. ``halves``: FAD is
    between every other clip and the rest. Without directions there is no ``..._dec`` and nothing to the camera.
    """
    scores = mean_scores(row.frames, n_failed=n_failed, seed=seed)
    scores |= angle_scores(np.array([*row.angles, *[np.nan] * n_failed]), seed=seed)
    decoded = [k for k, each in enumerate(row.wanted) if each.decoded is not None]
    if decoded:
        to_camera = angle_scores(np.array([*row.to_camera, *[np.nan] * n_failed]), seed=seed)
        scores |= {f"{name}_to_camera": score for name, score in to_camera.items()}
        sets = [[side[k].decoded for k in decoded] for side in (row.made, row.wanted)]
        scores |= _fad("fad_dec", [sets], n_failed + len(row.wanted) - len(decoded), halves, seed)
    channels = [[[each.channels[c] for each in side] for side in (row.made, row.wanted)] for c in range(4)]
    scores |= _fad("fad_avg", channels, n_failed, halves, seed)
    tagged = [k for k in decoded if row.wanted[k].answer is not None]
    if tagged:
        p, q = (np.array([side[k].answer for k in tagged]) for side in (row.wanted, row.made))
        scores["kld_dec"] = divergence_score(p, q, n_failed=n_failed + len(row.wanted) - len(tagged), seed=seed)
    return scores


def _fad(name: str, sets: Sequence[Sequence[Sequence[FloatArray]]], n_failed: int, halves: bool, seed: int) -> dict[str, Score]:
    """The mean distance over ``sets`` of (generated, reference), and that of endless sets."""
    if halves:
        even = len(sets[0][1]) // 2 * 2
        sets = [(wanted[:even:2], wanted[1:even:2]) for _, wanted in sets]
    score = mean_frechet_score([(made, wanted) for made, wanted in sets], n_failed=n_failed, seed=seed)
    unbiased = [at_infinity(made, wanted, np.random.default_rng(seed)) for made, wanted in sets]
    nowhere = (float("nan"), float("nan"))
    return {name: score, f"{name}_at_infinity": Score(float(np.mean(unbiased)), score.n, n_failed, "1", "lower", nowhere)}
