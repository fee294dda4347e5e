"""Do two ambisonic sounds come from the same directions? Energy maps over the sphere, their correlation and AUC-Judd.

Source: Kim, Yun & Kim, "ViSAGe: Video-to-Spatial Audio Generation", ICLR 2025, section 3.3; AUC: Judd, Durand & Torralba 2012,
Bylinskii et al. 2018. Conventions: ACN/SN3D, axes x front, y left, z up; the sphere in cells of 2 degrees, laid out by
`acoustics.sphere.map_directions`.

- Energy map, eq. 1: as printed it is the mean of a signed signal, which is zero for any sound without an offset. Here it is the
  RMS of W + n . (X, Y, Z) towards n, which is eq. 1 with the SN3D harmonics and a square under the mean.
- Rows are re-sampled to round(180 sin(polar angle)) points, so that every part of the sphere counts alike.
- CC is Pearson's coefficient of the points. AUC-Judd: the map tells points where the reference is above its maximum less one
  standard deviation ("fixations") from all others; the area under the exact ROC curve, ties counted half.
- A generated map without any direction (silence, or W alone) has CC 0 and AUC 0.5. A reference without any direction cannot be
  measured: counted in ``n_failed``, not in the value.

``compat="visage"`` gives the scores of the authors' program (github.com/jaeyeonkim99/visage): its X and Y weigh sqrt(2) times
what SN3D asks for, so it does not see a true sound field; its directions are the corners of cells, its re-sampled rows do not
close; its ROC curve is one point late; frames in which either map is flat are skipped. Its noise of 1e-7 against ties is left
out: it changes maps whose whole range is about as small.
Shapes: C channels, T samples, F frames, P points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seehear.acoustics.sphere import directions_of, map_directions, pattern_powers, real_sh
from seehear.metrics.score import Score, bootstrap
from seehear.types import Direction, FloatArray, InputError

Compat = Literal["visage"]
N_AZIMUTH, N_ELEVATION = 180, 90
FRAME_RATES_HZ: dict[str, int | None] = {"all": None, "1fps": 1, "5fps": 5}
"""Energy maps a second; ``None`` is one of the whole clip."""
FLAT = 1e-6
"""A map whose range is a smaller share of its maximum has no direction: what is left is rounding."""
_BATCH_FRAMES = 64


def decode_to_mono(samples: FloatArray, direction: Direction) -> FloatArray:
    """W + n . (X, Y, Z) (T,) of ACN/SN3D ``samples`` (C >= 4, T): a cardioid that looks to ``direction`` (eq. 2), same dtype.

    A plane wave from there is doubled. The azimuth of eq. 2 is counter-clockwise; the authors' program takes a clockwise
    one, and multiplies X by Y (a division sign for a plus), which is not reproduced. InputError without a first order.
    """
    if samples.ndim != 2 or len(samples) < 4:
        raise InputError(f"sound towards a direction is decoded of ambisonics (C >= 4, T), got {samples.shape}")
    return real_sh(1, direction.vector[None])[0].astype(samples.dtype) @ samples[:4]


def frame_covariances(samples: FloatArray, sample_rate_hz: int, frame_rate_hz: int | None = None) -> FloatArray:
    """Mean products (F, 4, 4), float64, of the first-order channels of ``samples`` (C >= 4, T) in every frame.

    Frames begin at round(k rate / frame rate); a remainder of less than half a frame belongs to the last one. ``None``: one
    frame of the whole.
    """
    field = np.asarray(samples[:4], dtype=np.float64)
    n_frames = 1 if frame_rate_hz is None else max(1, round(field.shape[1] * frame_rate_hz / sample_rate_hz))
    borders = [round(k * sample_rate_hz / (frame_rate_hz or 1)) for k in range(n_frames)] + [field.shape[1]]
    spans = (field[:, start:stop] for start, stop in pairwise(borders))
    return np.stack([span @ span.T / span.shape[1] for span in spans])


def energy_maps(covariances: FloatArray, *, compat: Compat | None = None) -> FloatArray:
    """RMS (..., 90, 180) of W + n . (X, Y, Z) towards every n of the sphere (eq. 1), from mean products (..., 4, 4)."""
    power = pattern_powers(covariances, _patterns(compat))
    return np.sqrt(power).reshape(*covariances.shape[:-2], N_ELEVATION, N_AZIMUTH)


@cache
def _patterns(compat: Compat | None) -> FloatArray:
    if compat is None:
        return real_sh(1, map_directions(N_AZIMUTH, N_ELEVATION).reshape(-1, 3))
    azimuth_rad, elevation_rad = np.radians(np.arange(178, -181, -2)), np.radians(np.arange(88, -91, -2))
    corners = directions_of(azimuth_rad[None, :], elevation_rad[:, None]).reshape(-1, 3)
    return real_sh(1, corners) * (1, np.sqrt(2), 1, np.sqrt(2))


def sphere_samples(maps: FloatArray, *, compat: Compat | None = None) -> FloatArray:
    """Values (..., P) of ``maps`` (..., 90, 180) at points that lie evenly on the sphere: each row of cells at polar angle p
    interpolated linearly, and round its end, to round(180 sin p) points.

    ``visage`` starts each row at its first cell and takes steps that are half a step in all too short to close the circle.
    """
    first, second, share = _sampling(compat)
    flat = maps.reshape(*maps.shape[:-2], -1)
    return flat.take(first, axis=-1) * (1 - share) + flat.take(second, axis=-1) * share


@cache
def _sampling(compat: Compat | None) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """Index of the cells before and after each point, and the share of the latter."""
    polar_rad = np.pi * (np.arange(N_ELEVATION) + 0.5) / N_ELEVATION
    firsts, seconds, shares = [], [], []
    for row, n in enumerate(np.round(N_AZIMUTH * np.sin(polar_rad)).astype(int)):
        step = N_AZIMUTH / n
        column = np.arange(n) * (N_AZIMUTH - 0.5 * step) / n if compat else (np.arange(n) + 0.5) * step - 0.5
        before = np.floor(column).astype(np.intp)
        firsts.append(row * N_AZIMUTH + before % N_AZIMUTH)
        seconds.append(row * N_AZIMUTH + (before + 1) % N_AZIMUTH)
        shares.append(column - before)
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(shares)


def correlation(points: FloatArray, reference: FloatArray) -> FloatArray:
    """Pearson's coefficient (F,) of ``points`` (F, P) and ``reference`` (F, P); 0 for flat points, NaN for a flat reference."""
    _validate(points, reference)
    a, b = (values - values.mean(axis=1, keepdims=True) for values in (points, reference))
    product = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    known = ~_flat(points) & ~_flat(reference)
    cc = np.divide((a * b).sum(axis=1), product, out=np.zeros(len(a)), where=known)
    return np.where(_flat(reference), np.nan, cc)


def auc_judd(points: FloatArray, reference: FloatArray, *, compat: Compat | None = None) -> FloatArray:
    """Area (F,) under the ROC curve by which ``points`` (F, P) find where ``reference`` (F, P) is above max - std.

    From ranks: the chance that a point inside lies above one outside (Mann & Whitney 1947), ties half; 0.5 for flat points,
    NaN for a flat reference. ``visage`` counts each true positive one threshold late, which takes
    1/m + (1 - (N + 1)/m) / (2 n) from the area (n points inside, m outside, N of them above the highest inside).
    """
    _validate(points, reference)
    inside = reference > (reference.max(axis=1) - reference.std(axis=1))[:, None]
    flat, unknown = _flat(points), _flat(reference)
    auc = np.where(flat, 0.5, np.nan)
    for k in np.flatnonzero(~flat & ~unknown):
        hits, others = np.sort(points[k, inside[k]]), np.sort(points[k, ~inside[k]])
        n, m = len(hits), len(others)
        below = np.searchsorted(others, hits, "left").sum() + np.searchsorted(others, hits, "right").sum()
        auc[k] = below / (2 * n * m)
        if compat:
            above_all = m - np.searchsorted(others, hits[-1], "right")
            auc[k] -= 1 / m + (1 - (above_all + 1) / m) / (2 * n)
    return np.where(unknown, np.nan, auc)


def _validate(points: FloatArray, reference: FloatArray) -> None:
    if points.ndim != 2 or points.shape != reference.shape or points.shape[1] < 2:
        raise InputError(f"maps are compared at the same points (F, P), got {points.shape} and {reference.shape}")
    if not (np.isfinite(points).all() and np.isfinite(reference).all()):
        raise InputError("maps are compared where they are finite")


def _flat(points: FloatArray) -> NDArray[np.bool_]:
    high, low = points.max(axis=1), points.min(axis=1)
    return high - low <= FLAT * np.maximum(high, -low)


def frame_scores(
    generated: FloatArray, reference: FloatArray, sample_rate_hz: int, *, compat: Compat | None = None
) -> dict[str, FloatArray]:
    """``cc_all``, ``auc_all``, ``cc_1fps``, ... (F,) of every frame of one clip, ACN/SN3D (C >= 4, T); NaN: cannot be measured.

    InputError for sounds of unlike lengths, without a first order or with samples that are not finite.
    """
    if generated.ndim != 2 or reference.ndim != 2 or min(len(generated), len(reference)) < 4:
        raise InputError(f"spatial scores need ambisonics (C >= 4, T), got {generated.shape} and {reference.shape}")
    if generated.shape[1] != reference.shape[1] or not generated.shape[1]:
        raise InputError(f"generated and reference must be equally long, got {generated.shape} and {reference.shape}")
    if sample_rate_hz < 1:
        raise InputError(f"a sample rate is at least 1 Hz, got {sample_rate_hz}")
    if not (np.isfinite(generated[:4]).all() and np.isfinite(reference[:4]).all()):
        raise InputError("spatial scores need finite samples")
    scores = {}
    for name, frame_rate_hz in FRAME_RATES_HZ.items():
        pair = np.stack([frame_covariances(each, sample_rate_hz, frame_rate_hz) for each in (generated, reference)])
        cc, auc = [], []
        for start in range(0, pair.shape[1], _BATCH_FRAMES):
            maps = energy_maps(pair[:, start : start + _BATCH_FRAMES], compat=compat)
            points, wanted = sphere_samples(maps, compat=compat)
            skipped = _flat(points) if compat else np.zeros(len(points), bool)
            cc.append(np.where(skipped, np.nan, correlation(points, wanted)))
            auc.append(np.where(skipped, np.nan, auc_judd(points, wanted, compat=compat)))
        scores[f"cc_{name}"], scores[f"auc_{name}"] = np.concatenate(cc), np.concatenate(auc)
    return scores


def spatial_scores(
    clips: Iterable[tuple[FloatArray, FloatArray]], sample_rate_hz: int, *, compat: Compat | None = None, seed: int = 0
) -> dict[str, Score]:
    """Scores ``cc_all``, ``auc_all``, ``cc_1fps``, ``auc_1fps``, ``cc_5fps``, ``auc_5fps`` of (generated, reference) pairs.

    The value is the mean over clips of the mean over a clip's frames, as in the paper; n and n_failed count frames (of "all":
    clips), and the interval is over resampled clips, because frames of one clip are alike.
    """
    return mean_scores([frame_scores(*pair, sample_rate_hz, compat=compat) for pair in clips], seed=seed)


def mean_scores(of_clips: Sequence[Mapping[str, FloatArray]], *, n_failed: int = 0, seed: int = 0) -> dict[str, Score]:
    """The scores of :func:`spatial_scores` of clips by their `frame_scores`; ``n_failed`` clips without any count one each."""
    scores = {}
    for name in (f"{kind}_{frames}" for frames in FRAME_RATES_HZ for kind in ("cc", "auc")):
        measured = [frames[np.isfinite(frames)] for frames in (clip[name] for clip in of_clips)]
        means = np.array([frames.mean() for frames in measured if len(frames)])
        score = bootstrap(lambda i, means=means: float(means[i].mean()), len(means), seed=seed)
        n = sum(len(frames) for frames in measured)
        scores[name] = replace(score, n=n, n_failed=n_failed + sum(len(clip[name]) for clip in of_clips) - n)
    return scores
