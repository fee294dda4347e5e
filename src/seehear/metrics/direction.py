"""Does an ambisonic sound come from where it should? The angle between directions of arrival.

Conventions: ACN/SN3D, axes x front, y left, z up. The direction of a clip is that of its active intensity W (X, Y, Z), summed
over time (`acoustics.sphere.direction_of_arrival`), so loud moments count for more.

- Directness is the length of that sum over the energy: 1 for one plane wave, 0 for a diffuse field or W alone. It is one minus
  the diffuseness of Merimaa & Pulkki 2005 (J. Audio Eng. Soc. 53), with the time averages over the whole clip.
- A reference whose directness is below `DIFFUSE` does not say where its sound should come from: counted in ``n_failed``, not in
  the value. A generated field without net intensity (silence, W alone) is a quarter turn away from everything, which is the
  median of a random direction: it must neither gain nor vanish.
- By chance, the angle has the density sin / 2: its median is 90 degrees, and (1 - cos a) / 2 of all clips lie within a.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import degrees, pi, radians

import numpy as np

from seehear.acoustics.sphere import direction_of_arrival, intensity_and_energy
from seehear.metrics.score import Score, bootstrap
from seehear.types import FloatArray, InputError

DIFFUSE = 0.1
"""References with less directness have no direction of their own."""
WITHIN_RAD = radians(30)
UNDIRECTED_RAD = pi / 2
"""The angle of a generated field without net intensity."""


def directness(samples: FloatArray) -> float:
    """|<W (X, Y, Z)>| / (<W^2 + X^2 + Y^2 + Z^2> / 2) of ACN/SN3D ``samples`` (C >= 4, T), 0 to 1; 0 for silence."""
    intensity, energy = intensity_and_energy(samples)
    return float(np.linalg.norm(intensity)) / energy if energy > 0 else 0.0


def reference_vectors(fields: Sequence[FloatArray]) -> FloatArray:
    """Unit vectors (n, 3) from which reference fields (C >= 4, T) come; NaN where the directness is below `DIFFUSE`."""
    unknown = np.full(3, np.nan)
    known = (direction_of_arrival(field).vector if directness(field) >= DIFFUSE else unknown for field in fields)
    return np.array(list(known)).reshape(-1, 3)


def angles_rad(fields: Sequence[FloatArray], wanted: FloatArray) -> FloatArray:
    """Angles (n,), 0 to pi, between the directions of arrival of ``fields`` (C >= 4, T) and unit vectors ``wanted`` (n, 3).

    NaN where ``wanted`` is NaN; `UNDIRECTED_RAD` for a field without net intensity. InputError if the numbers differ.
    """
    if np.shape(wanted) != (len(fields), 3):
        raise InputError(f"{len(fields)} fields need as many wanted directions (n, 3), got shape {np.shape(wanted)}")
    angles = np.empty(len(fields))
    for i, (field, vector) in enumerate(zip(fields, wanted, strict=True)):
        if directness(field) > 0:
            heard = direction_of_arrival(field).vector
            # The arc tangent is exact at both ends, where the arc cosine has lost half its digits.
            angles[i] = np.arctan2(np.linalg.norm(np.cross(heard, vector)), heard @ vector)
        else:
            angles[i] = UNDIRECTED_RAD
    return np.where(np.isnan(wanted).any(axis=1), np.nan, angles)


def angle_scores(angles: FloatArray, *, seed: int = 0) -> dict[str, Score]:
    """``angle_median`` in degrees and ``within_30_deg``, a share, of ``angles`` (n,) in radians; NaN ones are ``n_failed``."""
    known = angles[np.isfinite(angles)]
    n, n_failed = len(known), len(angles) - len(known)
    median = bootstrap(lambda i: degrees(np.median(known[i])), n, n_failed=n_failed, unit="deg", better="lower", seed=seed)
    within = bootstrap(lambda i: float(np.mean(known[i] <= WITHIN_RAD)), n, n_failed=n_failed, seed=seed)
    return {"angle_median": median, "within_30_deg": within}
