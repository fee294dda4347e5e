"""Heads from SOFA files (AES69), by `sofar`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.io.files import check_input
from seehear.types import Hrtf, InputError

CONVENTIONS = ("SimpleFreeFieldHRIR", "GeneralFIR", "GeneralFIRE")
WANTED_M = 1.0
"""Of several distances the one nearest to this is taken."""


def read_sofa(path: str | Path) -> Hrtf:
    """The head in a SOFA file: impulse responses of two ears from directions all around.

    Azimuths of SOFA run counter-clockwise from the front, as ours do. Delays that the file keeps apart from the responses are
    put back. InputError: not a SOFA file, another convention, not two ears, no directions.
    """
    import sofar

    source = check_input(path)
    if source.suffix.lower() != ".sofa":
        raise InputError(f"{source} is not a SOFA file: its name must end in .sofa")
    try:
        # Many published files fail the newest version of the standard in some detail; what matters is checked below.
        data: Any = sofar.read_sofa(str(source), verify=False, verbose=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{source} is not a SOFA file that can be read: {' '.join(str(error).split())[:200]}") from None
    convention = str(getattr(data, "GLOBAL_SOFAConventions", "nothing"))
    if convention not in CONVENTIONS or not hasattr(data, "Data_IR"):
        raise InputError(f"{source} holds {convention}: head-related impulse responses (SimpleFreeFieldHRIR) are needed")
    responses = np.asarray(data.Data_IR, dtype=np.float64)
    if responses.ndim != 3 or responses.shape[1] != 2:
        raise InputError(f"{source} has responses of shape {responses.shape}: two ears are needed")
    directions, radii_m = _directions(source, data)
    if len(directions) != len(responses):
        raise InputError(f"{source} has {len(directions)} positions for {len(responses)} responses")
    responses = _delayed(responses, np.asarray(data.Data_Delay, dtype=np.float64))
    near = np.abs(radii_m - radii_m[np.abs(radii_m - WANTED_M).argmin()]) < 0.01
    rate_hz = float(np.ravel(data.Data_SamplingRate)[0])
    licence = " ".join(str(getattr(data, "GLOBAL_License", "") or "not stated").split())
    name = " ".join(str(getattr(data, "GLOBAL_DatabaseName", "") or "").split())
    shown = f"{source.name} ({name})" if name else source.name
    return Hrtf(directions[near], responses[near].astype(np.float32), round(rate_hz), shown, licence)


def _directions(source: Path, data: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (M, 3) and distances (M,) of the sources."""
    positions = np.atleast_2d(np.asarray(data.SourcePosition, dtype=np.float64))
    if positions.shape[1] != 3 or not np.isfinite(positions).all():
        raise InputError(f"{source} has no usable source positions")
    if str(data.SourcePosition_Type) == "cartesian":
        radii = np.linalg.norm(positions, axis=1)
        if not (radii > 0).all():
            raise InputError(f"{source} has a source inside the head")
        return positions / radii[:, None], radii
    azimuth, elevation = np.radians(positions[:, 0]), np.radians(positions[:, 1])
    level = np.cos(elevation)
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=1), positions[:, 2]


def _delayed(responses: NDArray[np.float64], delays: NDArray[np.float64]) -> NDArray[np.float64]:
    """``responses`` (M, 2, L) with the broadcast delays (1 or M, 2) in samples, rounded to whole ones, in front."""
    samples = np.broadcast_to(np.rint(np.atleast_2d(delays)).astype(int), responses.shape[:2])
    if samples.min() < 0 or samples.max() > 1e5:
        raise InputError(f"delays of head-related impulse responses must lie in 0 to 1e5 samples, got {samples.min()}")
    out = np.zeros((*responses.shape[:2], responses.shape[2] + int(samples.max())))
    for measurement, ear in np.ndindex(*samples.shape):
        start = samples[measurement, ear]
        out[measurement, ear, start : start + responses.shape[2]] = responses[measurement, ear]
    return out
