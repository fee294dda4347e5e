"""What every value of seehear checks when it is made, and the error that says what was wrong."""

from __future__ import annotations

import math
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


class InputError(ValueError):
    """Something the caller can fix: a file, a flag, a value. The message is one clear sentence."""


def is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def is_array(value: object, ndim: int, kind: type = np.floating) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == ndim and np.issubdtype(value.dtype, kind)


def told(value: object) -> str:
    """What an error says that it got."""
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
