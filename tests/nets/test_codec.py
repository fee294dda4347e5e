import math

import numpy as np
import pytest
import scipy.fft
import torch

from seehear.nets.codec import GainShapeCodec, ShapeBooks, cosine_transform, fold, mirrored
from seehear.nets.codec_config import CodecConfig
from seehear.types import InputError

SMALL = CodecConfig(hop_samples=64, codebook_size=61, latent=8, width=24, n_blocks=1, level_step_db=2.0)
M = SMALL.n_levels


def codec(config: CodecConfig = SMALL, seed: int = 0) -> GainShapeCodec:
    """Random layers whose blocks do something: they begin as nothing."""
    torch.manual_seed(seed)
    made = GainShapeCodec(config).eval()
    for block in (*made.encoder, *made.decoder):
        torch.nn.init.normal_(block.out.weight, std=0.1)
    return made


def sound(n: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(2, n, generator=torch.Generator().manual_seed(seed))


def test_the_transform_is_a_dct_iv():
    """Independent implementation: scipy's orthonormal DCT of type 4."""
    x = np.random.default_rng(0).normal(size=(3, 64))
    expected = scipy.fft.dct(x, type=4, norm="ortho")
    assert np.abs(torch.from_numpy(x).float().numpy() @ cosine_transform(64).numpy() - expected).max() < 1e-5


def test_frames_are_those_of_an_mdct_with_a_sine_window():
    """Closed form: X(k) = sqrt(2 / M) sum_n w(n) x(n) cos(pi / M (n + 1/2 - M / 2) (k + 1/2)) over 2 M samples that begin
    half a block early (the phase of a DCT-IV: even at a block's beginning, odd at its end)."""
    m, t = 64, 3
    x = sound(6 * m)[:1]
    frames = (fold(x.reshape(1, -1, m)) @ cosine_transform(m))[0].double().numpy()
    n, k = np.arange(2 * m), np.arange(m)
    window = np.sin(np.pi / (2 * m) * (n + 0.5))
    segment = x[0, t * m - m // 2 : t * m - m // 2 + 2 * m].double().numpy()
    basis = np.cos(np.pi / m * np.outer(n + 0.5 - m / 2, k + 0.5))
    expected = math.sqrt(2 / m) * (window * segment) @ basis
    assert np.abs(frames[t] - expected).max() < 1e-5


@pytest.mark.parametrize("n", [1, 63, 64, 65, 640, 1000])
def test_analysis_and_synthesis_are_inverse(n):
    """Round trip: exactly L blocks come back, the sound in them without delay, silence after it; energies agree."""
    net, x = codec(), sound(n)
    levels, frames = net.analyse(x)
    back = net.synthesise(levels, frames)
    assert back.shape == (2, -(-n // 64) * 64)
    assert (back[:, :n] - x).abs().max() < 1e-5
    assert back[:, n:].abs().max() < 1e-5 if back.shape[1] > n else True
    energy = (levels[..., None] * frames / net.emphasis).square().sum()
    assert float(energy) == pytest.approx(float(x.square().sum()), rel=1e-4)


def test_the_negative_sound_has_the_mirrored_codes():
    """Closed form: every part before the codes is odd, so the codes of -x are those of x with the first book mirrored."""
    net, x = codec(), sound(64 * 40)
    codes = net.encode(x)
    assert (net.encode(-x) == mirrored(codes, M)).all()
    assert (mirrored(mirrored(codes, M), M) == codes).all()
    assert ((codes[:, 0] > M).float().mean() - 0.5).abs() < 0.3  # both signs occur
    assert torch.equal(net.decode(mirrored(codes, M)), -net.decode(codes))


@pytest.mark.parametrize("gain_db", [-6.0, -20.0, -26.0])
def test_a_louder_copy_has_the_same_shapes(gain_db):
    """Closed form: gains that are whole steps of 2 dB move the first book by so many steps and nothing else."""
    net, x = codec(), sound(64 * 40)
    codes, other = net.encode(x), net.encode(10 ** (gain_db / 20) * x)
    steps = torch.where(codes[:, 0] > M, codes[:, 0] - M, codes[:, 0])
    # A level on the border of two steps may fall to either side.
    quieter = torch.where(other[:, 0] > M, other[:, 0] - M, other[:, 0])
    heard = (steps + gain_db / 2 >= 1.5)[:, None].expand_as(codes[:, 1:])
    assert heard.float().mean() > 0.9
    assert (other[:, 1:] == codes[:, 1:])[heard].float().mean() > 0.99
    assert ((quieter - steps).float()[heard[:, 0]] == gain_db / 2).float().mean() > 0.99


def test_silence_is_zero_codes_and_zero_codes_are_silence():
    """Closed form: digital silence, and anything half a step below the lowest level, is code 0 in every book."""
    net = codec()
    lowest_db = SMALL.highest_level_db - (M - 1) * SMALL.level_step_db
    faint = sound(640) * 10 ** ((lowest_db - 40) / 20)
    for x in (torch.zeros(1, 640), faint):
        assert not net.encode(x).any()
    assert not net.decode(torch.zeros(1, 4, 10, dtype=torch.long)).any()


def test_levels_are_rounded_to_the_nearest_step():
    """Closed form: a lattice of 2 dB keeps each level within 1 dB; louder than the highest is the highest."""
    net, x = codec(), sound(64 * 40)
    levels = net.analyse(x)[0]
    first = net.encode(x)[:, 0]
    step = torch.where(first > M, first - M, first)
    said_db = SMALL.highest_level_db + (step - M) * SMALL.level_step_db
    assert (said_db - 20 * levels.log10()).abs().max() <= 1.0 + 1e-3
    assert set(net.encode(1e4 * x)[:, 0].unique().tolist()) == {M, 2 * M}


def test_books_find_the_nearest_vector_and_leave_zero_where_it_is_nearer():
    """Independent implementation: the codes of a search by hand over all signs and vectors, book after book."""
    torch.manual_seed(0)
    books = ShapeBooks(3, 6, 4)
    books.vectors[2] *= 3  # too long for most of what is left: the zero vector wins
    shapes = torch.randn(1, 50, 4)
    quantised = books(shapes)
    for t in range(50):
        z = shapes[0, t]
        options = [(float((s * z - c).norm()), s, i) for s in (1, -1) for i, c in enumerate(books.vectors[0])]
        _, sign, code = min(options)
        rest = sign * z - books.vectors[0][code]
        expected = [code + 1]
        for book in (1, 2):
            table = torch.cat([torch.zeros(1, 4), books.vectors[book]])
            expected.append(int((rest - table).norm(dim=1).argmin()))
            rest = rest - table[expected[-1]]
        assert quantised.codes[0, t].tolist() == expected and quantised.signs[0, t] == sign
    assert (quantised.codes[..., 2] == 0).any()
    said = books.lookup(quantised.codes) * quantised.signs[..., None]
    assert (said - quantised.shapes).abs().max() < 1e-6


def test_books_learn_the_points_that_there_are():
    """Planted answer: shapes at six points and their mirrors; the first book ends at the points, whatever their sign."""
    rng = torch.Generator().manual_seed(0)
    points = torch.nn.functional.normalize(torch.randn(6, 8, generator=rng), dim=1) * 3
    books = ShapeBooks(2, 6, 8)
    for _ in range(120):
        chosen = points[torch.randint(6, (1, 64), generator=rng)]
        signs = torch.randint(2, (1, 64, 1), generator=rng) * 2 - 1
        books(chosen * signs, rng)
    cosines = torch.nn.functional.normalize(books.vectors[0], dim=1) @ torch.nn.functional.normalize(points, dim=1).T
    assert cosines.abs().max(0).values.min() > 0.999


def test_fewer_books_are_a_coarser_sound():
    """Closed form: leaving books out is saying 0 in them."""
    net, x = codec(), sound(640)
    codes = net.encode(x)
    emptied = codes.clone()
    emptied[:, 2:] = 0
    assert torch.equal(net.decode(codes[:, :2]), net.decode(emptied))
    assert not torch.equal(net.decode(codes[:, :2]), net.decode(codes))


@pytest.mark.parametrize("change", [{"codebook_size": 30}, {"hop_samples": 63}, {"context_frames": 2}, {"n_codebooks": 1}])
def test_sizes_that_cannot_be_are_refused(change):
    """Planted fault."""
    with pytest.raises(InputError):
        CodecConfig(**change)
