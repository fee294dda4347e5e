"""Real Fourier transforms along the last axis in single precision, with the types that scipy's dispatch hides."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray


def fast_length(n_samples: int) -> int:
    """The next length at which a real transform is fast."""
    from scipy.fft import next_fast_len

    return cast(int, next_fast_len(n_samples, real=True))


def rfft(x: FloatArray, n_fft: int) -> NDArray[np.complex64]:
    """Spectra (..., n_fft // 2 + 1) of ``x`` (..., T), zero-padded to ``n_fft``; single precision for float32."""
    from scipy import fft

    return cast(NDArray[np.complex64], fft.rfft(x, n_fft))


def irfft(spectra: NDArray[np.complex64], n_fft: int) -> NDArray[np.float32]:
    """Signals (..., n_fft) of ``spectra`` (..., n_fft // 2 + 1)."""
    from scipy import fft

    return cast(NDArray[np.float32], fft.irfft(spectra, n_fft))
