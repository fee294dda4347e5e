"""Heads from SOFA files (AES69), by `sofar`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.io.audio import RATES_HZ, check_rate
from seehear.io.files import check_input
from seehear.types import Hrtf, InputError

CONVENTIONS = ("SimpleFreeFieldHRIR", "GeneralFIR", "GeneralFIRE")
WANTED_M = 1.0
"""Of several distances the one nearest to this is taken."""
LONGEST_S, MOST_VALUES = 1.0, 5e7
"""Of responses with their delays: more is a room, or more than memory should be spent on."""
ALIGNED = 0.9999
"""Cosine of the angle (0.8 degrees) by which a head may look aside."""


def read_sofa(path: str | Path) -> Hrtf:
    """The head in a SOFA file: impulse responses of two ears from directions all around.

    Azimuths of SOFA run counter-clockwise from the front, as ours do. Delays that the file keeps apart from the responses are
    put back; ears stand left, right, whichever the file has first. InputError: not a SOFA file, another convention, a field
    that is missing or damaged, not two ears, a head that looks elsewhere than to +x, a rate outside 8 to 192 kHz, responses of
    more than a second.
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
    responses = _field(source, data, "Data_IR")
    if responses.ndim != 3 or responses.shape[1] != 2:
        raise InputError(f"{source} has responses of shape {responses.shape}: two ears are needed")
    rate_hz = float(_field(source, data, "Data_SamplingRate").ravel()[0])
    check_rate(source, rate_hz)
    directions, radii_m = _directions(source, data)
    if len(directions) != len(responses):
        raise InputError(f"{source} has {len(directions)} positions for {len(responses)} responses")
    _check_view(source, data)
    near = np.abs(radii_m - radii_m[np.abs(radii_m - WANTED_M).argmin()]) < 0.01
    delays = _delays(source, data, len(responses))[near]
    heard = _delayed(source, responses[near], delays, rate_hz)
    licence = " ".join(str(getattr(data, "GLOBAL_License", "") or "not stated").split())
    name = " ".join(str(getattr(data, "GLOBAL_DatabaseName", "") or "").split())
    shown = f"{source.name} ({name})" if name else source.name
    return Hrtf(directions[near], heard[:, ::-1] if _ears_swapped(source, data) else heard, round(rate_hz), shown, licence)


def _field(source: Path, data: Any, name: str) -> NDArray[np.float64]:
    """The numbers of a field, finite and at least one; InputError says which field is missing or damaged."""
    if getattr(data, name, None) is None:
        raise InputError(f"{source} has no {name}: a SOFA file of impulse responses needs it")
    try:
        values = np.asarray(getattr(data, name), dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{source} has a {name} that is no array of numbers") from None
    if not values.size or not np.isfinite(values).all():
        raise InputError(f"{source} has a {name} that is empty, NaN or infinite")
    return values


def _vectors(source: Path, data: Any, name: str) -> NDArray[np.float64]:
    """Field ``name`` of positions as cartesian vectors (n, 3). Of no type, sources are spherical and all else cartesian."""
    values = _field(source, data, name)
    values = np.moveaxis(values, 1, -1).reshape(-1, 3) if values.ndim == 3 and values.shape[1] == 3 else np.atleast_2d(values)
    if values.ndim != 2 or values.shape[1] != 3:
        raise InputError(f"{source} has a {name} of shape {values.shape}: three coordinates each are needed")
    usual = "spherical" if name == "SourcePosition" else "cartesian"
    kind = str(getattr(data, f"{name}_Type", None) or usual).strip().lower()
    if kind not in ("cartesian", "spherical"):
        raise InputError(f"{source} has a {name} in {kind} coordinates: cartesian or spherical ones are needed")
    if kind == "cartesian":
        return values
    azimuth, elevation = np.radians(values[:, 0]), np.radians(values[:, 1])
    level = np.cos(elevation)
    unit = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=1)
    return unit * values[:, 2:]


def _directions(source: Path, data: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (M, 3) and distances (M,) of the sources."""
    positions = _vectors(source, data, "SourcePosition")
    radii_m = np.linalg.norm(positions, axis=1)
    if not (radii_m > 0).all():
        raise InputError(f"{source} has a source inside the head")
    return positions / radii_m[:, None], radii_m


def _check_view(source: Path, data: Any) -> None:
    """InputError unless the head looks to +x with +z up, as directions are counted from there."""
    for name, axis, told in (("ListenerView", (1.0, 0, 0), "looks to"), ("ListenerUp", (0, 0, 1.0), "has its top at")):
        if getattr(data, name, None) is None:
            continue
        vectors = _vectors(source, data, name) if name == "ListenerView" else np.atleast_2d(_field(source, data, name))
        for vector in vectors.reshape(-1, 3):
            if not vector @ axis > ALIGNED * np.linalg.norm(vector):
                seen = ", ".join(f"{each:g}" for each in vector)
                raise InputError(f"the head in {source} {told} ({seen}): only files with the view along x and z up can be used")


def _ears_swapped(source: Path, data: Any) -> bool:
    """Whether the first receiver is on the right (negative y) and the second on the left."""
    if getattr(data, "ReceiverPosition", None) is None:
        return False
    ears = _vectors(source, data, "ReceiverPosition")
    return len(ears) >= 2 and bool(ears[0, 1] < 0 < ears[len(ears) // 2, 1])


def _delays(source: Path, data: Any, n_measured: int) -> NDArray[np.int64]:
    """Whole samples (M, 2) of delay in front of the responses; none where the file tells none."""
    if getattr(data, "Data_Delay", None) is None:
        return np.zeros((n_measured, 2), dtype=np.int64)
    delays = np.atleast_2d(_field(source, data, "Data_Delay"))
    if delays.ndim != 2 or delays.shape[0] not in (1, n_measured) or delays.shape[1] not in (1, 2):
        raise InputError(f"{source} has a Data_Delay of shape {delays.shape}: (1 or {n_measured}, 2) is needed")
    if delays.min() < 0 or delays.max() > RATES_HZ[1]:
        raise InputError(f"{source} has delays of {delays.min():g} to {delays.max():g} samples: they cannot be those of a head")
    return np.broadcast_to(np.rint(delays).astype(np.int64), (n_measured, 2))


def _delayed(source: Path, responses: NDArray[np.float64], samples: NDArray[np.int64], rate_hz: float) -> NDArray[np.float32]:
    """``responses`` (M, 2, L) with ``samples`` (M, 2) of delay in front."""
    n_taps = responses.shape[2]
    length = n_taps + int(samples.max())
    if length > LONGEST_S * rate_hz or 2 * len(responses) * length > MOST_VALUES:
        raise InputError(
            f"{source} holds {len(responses)} responses of {length / rate_hz:.2f} s with their delays: at most {LONGEST_S:g} s, "
            f"and {MOST_VALUES:.1g} samples in all, can be used"
        )
    out = np.zeros((*responses.shape[:2], length), dtype=np.float32)
    for measurement, ear in np.ndindex(*samples.shape):
        start = samples[measurement, ear]
        out[measurement, ear, start : start + n_taps] = responses[measurement, ear]
    return out
