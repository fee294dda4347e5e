from functools import partial

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
    filters = [partial(spectra_of, t, blocks.n_fft) for t in taps]
    convolve_into(out, lambda start, stop: zip(signals[:, start:stop], filters, strict=True), blocks, lead)
    expected = sum(fftconvolve(s[None].astype(float), t.astype(float), axes=1) for s, t in zip(signals, taps, strict=True))
    np.testing.assert_allclose(out, expected[:, lead : lead + 1001], atol=1e-4)


def test_filters_fade_from_block_to_block():
    """Closed form: a constant through gains 1, 2, 3, ... per block is their linear interpolation over the fades."""
    blocks = Blocks(300, 100, 40, 1)
    out = np.zeros((1, 300), dtype=np.float32)

    def feeds(start, stop):
        yield np.ones(stop - start, np.float32), lambda: np.full((1, blocks.n_fft // 2 + 1), 1 + start // 100, dtype=np.complex64)

    convolve_into(out, feeds, blocks, 0)
    ramp = (np.arange(40) + 0.5) / 40
    expected = np.concatenate([np.ones(100), 1 + ramp, np.full(60, 2), 2 + ramp, np.full(60, 3)])
    np.testing.assert_allclose(out[0], expected, atol=1e-5)


@pytest.mark.parametrize("lead", [0, 20, 300])
def test_spans_are_parts_of_the_whole(lead):
    """Planted answer: a span that is asked for alone has the bytes of the whole, wherever it lies and however short; only blocks
    that reach into it are asked for."""
    rng = np.random.default_rng(2)
    signals, taps = rng.standard_normal((2, 1001), dtype=np.float32), rng.standard_normal((2, 3, 90), dtype=np.float32)
    blocks = Blocks(1001, 128, 37, 90)
    filters = [partial(spectra_of, t, blocks.n_fft) for t in taps]
    asked = []

    def feeds(start, stop):
        asked.append(start)
        return zip(signals[:, start:stop], filters, strict=True)

    whole = np.zeros((3, 1001), dtype=np.float32)
    convolve_into(whole, feeds, blocks, lead)
    for begin, end in ((0, 1001), (0, 1), (127, 129), (128, 256), (500, 901), (1000, 1001)):
        asked.clear()
        span = np.zeros((3, end - begin), dtype=np.float32)
        convolve_into(span, feeds, blocks, lead, begin)
        np.testing.assert_array_equal(span, whole[:, begin:end])
        assert all(start - lead < end and start - lead + blocks.n_fft > begin for start in asked)


def test_silence_costs_nothing():
    """Planted answer: filters of silent sounds and blocks are not asked for, and what is heard is the same."""
    signals = np.zeros((2, 1000), dtype=np.float32)
    signals[0, 300:350] = np.random.default_rng(3).standard_normal(50)
    blocks, out, asked = Blocks(1000, 100, 0, 30), np.zeros((1, 1000), np.float32), []
    taps = np.random.default_rng(4).standard_normal((1, 30), dtype=np.float32)

    def feeds(start, stop):
        for index, signal in enumerate(signals[:, start:stop]):
            yield signal, lambda index=index: asked.append((index, start)) or spectra_of(taps, blocks.n_fft)

    convolve_into(out, feeds, blocks, 0)
    assert asked == [(0, 300)]
    np.testing.assert_allclose(out[0], np.convolve(signals[0], taps[0])[:1000], atol=1e-5)
