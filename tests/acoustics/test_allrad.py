"""Decoding of ambisonics against closed forms on regular layouts, the paper's numbers, and independent paths."""

import math

import numpy as np
import pytest

from seehear.acoustics.allrad import allrad_decoder, decode, decoding_matrix, max_re_weights, sampling_decoder
from seehear.acoustics.binaural import hrir
from seehear.acoustics.layouts import downmix_5_1_to_stereo
from seehear.acoustics.sphere import convert, degrees_of, direction_of_arrival, map_directions, quadrature, real_sh, rotation_by
from seehear.types import (
    BINAURAL,
    FOA,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1,
    SURROUND_7_1_4,
    Audio,
    Direction,
    InputError,
    Layout,
    ambisonics,
    discrete,
)

RATE_HZ = 48000
SPHERE = map_directions(36, 18).reshape(-1, 3)
GOLDEN = (1 + math.sqrt(5)) / 2
OCTAHEDRON = np.concatenate([np.eye(3), -np.eye(3)])
ICOSAHEDRON = np.array([np.roll([0.0, a, b * GOLDEN], i) for a in (-1, 1) for b in (-1, 1) for i in range(3)]) / math.hypot(
    1, GOLDEN
)
SURROUNDS = (SURROUND_5_1, SURROUND_7_1, SURROUND_5_1_4, SURROUND_7_1_4)


def speakers_at(vectors):
    directions = [Direction.of(v) for v in vectors]
    angles = tuple(d.azimuth_rad for d in directions), tuple(d.elevation_rad for d in directions)
    return Layout("regular", "speakers", tuple(f"S{i}" for i in range(len(vectors))), *angles)


def wave(order, direction, n=4800, seed=0):
    """A plane wave of noise."""
    x = 0.1 * np.random.default_rng(seed).standard_normal(n)
    return Audio(np.float32(np.outer(real_sh(order, direction[None])[0], x)), RATE_HZ, ambisonics(order), "acn-sn3d")


@pytest.mark.parametrize("order", [1, 2, 3, 5, 7])
def test_max_re_weights(order):
    """Published number: r_E is cos(137.9 / (order + 1.51) degrees) within 0.6 % (Zotter & Frank 2012); closed form: these weights
    give the energy vector that length, and any small change of them a shorter one."""
    weights = max_re_weights(order)

    def length(a):
        n = np.arange(1, order + 1)
        return 2 * np.sum(n * a[1:] * a[:-1]) / np.sum((2 * np.arange(order + 1) + 1) * a**2)

    longest = np.polynomial.legendre.leggauss(order + 1)[0].max()
    assert longest == pytest.approx(math.cos(math.radians(137.9 / (order + 1.51))), rel=6e-3)
    assert length(weights) == pytest.approx(longest, rel=1e-12)
    for i in range(order + 1):
        for step in (-0.01, 0.01):
            assert length(weights + step * np.eye(order + 1)[i]) <= longest


def test_first_order_weights_are_the_known_ones():
    """Published number: 3-D max-r_E of first order weighs the first degree by 0.577 (Gerzon 1992)."""
    np.testing.assert_allclose(max_re_weights(1), [1, 0.5773503], atol=1e-7)


@pytest.mark.parametrize(("vectors", "order"), [(OCTAHEDRON, 1), (ICOSAHEDRON, 2)])
def test_on_a_t_design_it_is_the_sampling_decoder(vectors, order):
    """Closed form: with virtual loudspeakers where the real ones are, panning is the identity, and on a t-design of twice the
    order the sampling decoder has unit energy for every direction and its vectors point there exactly."""
    layout = speakers_at(vectors)
    found = allrad_decoder(layout, order, virtual=vectors)
    sampled = sampling_decoder(order, vectors, np.full(len(vectors), 1 / len(vectors)))
    np.testing.assert_allclose(found / np.linalg.norm(found), sampled / np.linalg.norm(sampled), atol=1e-7)
    gains = real_sh(order, SPHERE) @ found.T
    np.testing.assert_allclose(np.sum(gains**2, axis=1), 1, atol=1e-6)
    velocity = gains @ vectors
    np.testing.assert_allclose(velocity / np.linalg.norm(velocity, axis=1, keepdims=True), SPHERE, atol=1e-6)


def test_first_order_on_an_octahedron():
    """Closed form: by symmetry the row of a speaker at v is a W + b v . (X, Y, Z), a and b the same for all (to 0.2 %, what
    5151 points leave of the symmetry); panning only blurs: b / a is less than that of the sampling decoder."""
    matrix = allrad_decoder(speakers_at(OCTAHEDRON), 1)
    xyz = matrix[:, [3, 1, 2]]
    np.testing.assert_allclose(matrix[:, 0], matrix[0, 0], rtol=2e-3)
    np.testing.assert_allclose(xyz, xyz[0, 0] * OCTAHEDRON, atol=1e-3)
    assert 1 < xyz[0, 0] / matrix[0, 0] < 3 * max_re_weights(1)[1]


@pytest.mark.parametrize("layout", SURROUNDS)
@pytest.mark.parametrize("order", [1, 3, 7])
def test_diffuse_sound_keeps_its_energy(layout, order):
    """Closed form: the mean energy over plane waves from everywhere is 1 (another quadrature than the decoder's), the LFE
    gets nothing, and left and right are mirror images."""
    matrix = decoding_matrix(layout, order)
    points, weights = quadrature(33)
    energy = np.sum((real_sh(order, points) @ matrix.T) ** 2, axis=1)
    assert weights @ energy == pytest.approx(1, rel=1e-9)
    assert not matrix[layout.lfe].any()
    mirrored = real_sh(order, SPHERE * [1, -1, 1]) @ matrix.T
    other = {"L": "R", "R": "L"}
    labels = [x if x == "LFE" else other.get(x[0], x[0]) + x[1:] for x in layout.labels]
    swap = [layout.labels.index(label) for label in labels]
    np.testing.assert_allclose((real_sh(order, SPHERE) @ matrix.T)[:, swap], mirrored, atol=1e-6)


def test_higher_orders_are_sharper():
    """Planted answer: on 7.1.4 the energy vector of plane waves from the upper half gets longer with the order, towards 1; every
    speaker around and above is the loudest for its own direction from order 3 on."""
    above = SPHERE[SPHERE[:, 2] > 0]
    lengths = []
    for order in (1, 3, 5, 7):
        matrix = decoding_matrix(SURROUND_7_1_4, order)
        power = (real_sh(order, above) @ matrix.T) ** 2
        lengths.append(np.linalg.norm(power @ SURROUND_7_1_4.vectors / power.sum(axis=1, keepdims=True), axis=1).mean())
        own = real_sh(order, SURROUND_7_1_4.vectors) @ matrix.T
        ring = [i for i, label in enumerate(SURROUND_7_1_4.labels) if label not in ("LFE", "C", "L", "R")]
        assert order < 3 or (own.argmax(axis=1)[ring] == ring).all()
    assert lengths == sorted(lengths) and 0.5 < lengths[0] < 0.6 and 0.75 < lengths[-1] < 0.8


def test_decode_to_channels():
    """Independent paths: mono is W; stereo is the BS.775 downmix of the 5.1 decode; a lower order is the first channels, a higher
    one has silence behind them; FuMa and N3D decode as the same field in AmbiX."""
    field = wave(3, Direction(0.5, 0.3).vector)
    np.testing.assert_allclose(decode(field, MONO).samples, field.samples[:1], atol=1e-8)
    surround = decode(field, SURROUND_5_1)
    np.testing.assert_allclose(decode(field, STEREO).samples, downmix_5_1_to_stereo(surround.samples), atol=1e-7)
    np.testing.assert_allclose(decode(field, FOA).samples, field.samples[:4], atol=1e-8)
    more = decode(field, ambisonics(5))
    assert more.convention == "acn-sn3d" and not more.samples[16:].any()
    np.testing.assert_allclose(more.samples[:16], field.samples, atol=1e-8)
    for other in ("fuma", "acn-n3d"):
        stored = Audio(convert(field.samples, "acn-sn3d", other), RATE_HZ, field.layout, other)
        np.testing.assert_allclose(decode(stored, SURROUND_5_1).samples, surround.samples, atol=1e-7)


@pytest.mark.parametrize("order", [1, 3, 7])
def test_decode_turns_the_field(order):
    """Planted answer: a wave from d under a rotation R decodes as a wave from R d, to speakers, ears and ambisonics."""
    turn, d = rotation_by(1.1, 0.4, -0.3), Direction(-0.4, 0.2).vector
    for layout in (SURROUND_7_1_4, BINAURAL, FOA, STEREO):
        turned = decode(wave(order, d), layout, turn).samples
        np.testing.assert_allclose(turned, decode(wave(order, turn @ d), layout).samples, atol=1e-5)
    doa = direction_of_arrival(decode(wave(order, d), FOA, turn).samples).vector
    np.testing.assert_allclose(doa, turn @ d, atol=1e-5)


def test_ears_are_in_sync_and_on_their_side():
    """Independent implementation: below 1.2 kHz the ears hear a wave as its own head filter has it (-12 dB of error), in sync;
    blocks leave no seam."""
    d = Direction(math.radians(60)).vector
    field = wave(3, d, n=2 * RATE_HZ + 777)
    ears = decode(field, BINAURAL).samples.astype(float)
    lead = round(0.5e-3 * RATE_HZ)
    exact = np.stack([np.convolve(field.samples[0], h)[lead : lead + field.n_samples] for h in hrir(d[None], RATE_HZ)[0]])
    low = np.fft.rfftfreq(field.n_samples, 1 / RATE_HZ) < 1200
    error, whole = (np.sum(np.abs(np.fft.rfft(x)[:, low]) ** 2) for x in (ears - exact, exact))
    assert 10 * np.log10(error / whole) < -12
    assert np.sum(ears[0] ** 2) > 2 * np.sum(ears[1] ** 2)
    short = Audio(field.samples[:, : RATE_HZ + 5000], RATE_HZ, field.layout, "acn-sn3d")
    settled = RATE_HZ + 4000  # a filter's length before where the shorter one ends
    np.testing.assert_allclose(decode(short, BINAURAL).samples[:, :settled], ears[:, :settled], atol=1e-6)


def test_a_diffuse_field_is_as_loud_in_every_layout():
    """Closed form: independent SN3D channels have the energy of W in every loudspeaker layout (1 %), and both ears together
    twice that within 1 dB (each ear hears a diffuse field at its level)."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((36, 4 * RATE_HZ)) / np.sqrt(2 * degrees_of(5) + 1)[:, None]
    field = Audio((0.1 * x).astype(np.float32), RATE_HZ, ambisonics(5), "acn-sn3d")
    w = np.sum(field.samples[0].astype(float) ** 2)
    for layout in SURROUNDS:
        assert np.sum(decode(field, layout).samples.astype(float) ** 2) / w == pytest.approx(1, rel=0.01)
    ears = np.sum(decode(field, BINAURAL).samples.astype(float) ** 2) / w
    assert 10 * np.log10(ears / 2) == pytest.approx(0, abs=1)


def test_what_cannot_be_decoded():
    """Planted faults: sound that is not ambisonic, channels without a place, speakers on one side only."""
    field = wave(1, Direction(0.0).vector)
    with pytest.raises(InputError, match=r"5\.1 is no ambisonic layout"):
        decode(decode(field, SURROUND_5_1), STEREO)
    with pytest.raises(InputError, match="discrete3"):
        decode(field, discrete(3))
    with pytest.raises(InputError, match="surround"):
        decode(field, speakers_at(OCTAHEDRON[:3]))
