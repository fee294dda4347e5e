import numpy as np
import pytest
from scipy.signal import fftconvolve

from seehear.acoustics.convolve import Blocks, convolve_into, spectra_of


@pytest.mark.parametrize("fade", [0, 37])
@pytest.mark.parametrize("lead", [0, 20])
def test_blocks_are_a_convolution(fade, lead):
    """Independent implementation: the sum of scipy's full convolutions, `lead` samples earlier, cut to the length."""
    rng = np.random.default_rng(1)
    signals = rng.standard_normal((3, 1001), dtype=np.float32)
    taps = rng.standard_normal((3, 2, 90), dtype=np.float32)
    blocks = Blocks(1001, 128, fade, 90)
    out = np.zeros((2, 1001), dtype=np.float32)
    spectra = [spectra_of(t, blocks.n_fft) for t in taps]
    convolve_into(out, lambda start, stop: signals[:, start:stop], lambda start: spectra, blocks, lead)
    expected = sum(fftconvolve(s[None].astype(float), t.astype(float), axes=1) for s, t in zip(signals, taps, strict=True))
    np.testing.assert_allclose(out, expected[:, lead : lead + 1001], atol=1e-4)


def test_filters_fade_from_block_to_block():
    """Closed form: a constant through gains 1, 2, 3, ... per block is their linear interpolation over the fades."""
    blocks = Blocks(300, 100, 40, 1)
    out = np.zeros((1, 300), dtype=np.float32)

    def gain_at(start):
        return [np.full((1, blocks.n_fft // 2 + 1), 1 + start // 100, dtype=np.complex64)]

    convolve_into(out, lambda start, stop: np.ones((1, stop - start), np.float32), gain_at, blocks, 0)
    ramp = (np.arange(40) + 0.5) / 40
    expected = np.concatenate([np.ones(100), 1 + ramp, np.full(60, 2), 2 + ramp, np.full(60, 3)])
    np.testing.assert_allclose(out[0], expected, atol=1e-5)
