import numpy as np
import pytest

from seehear.acoustics.sphere import (
    convert,
    degrees_of,
    direction_of_arrival,
    directions_of,
    encode,
    energy_map,
    map_directions,
    order_of,
    quadrature,
    real_sh,
    rotation_by,
    sh_rotation,
)
from seehear.types import Direction, InputError


def random_directions(n, seed=0):
    v = np.random.default_rng(seed).normal(size=(n, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def random_rotation(seed=0):
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def test_order_two_closed_form():
    """Closed form: the AmbiX table of SN3D polynomials up to degree 2, in ACN order W Y Z X V T R S U."""
    d = random_directions(50)
    x, y, z = d.T
    r3 = np.sqrt(3)
    second = [r3 * x * y, r3 * y * z, (3 * z**2 - 1) / 2, r3 * x * z, r3 / 2 * (x**2 - y**2)]
    np.testing.assert_allclose(real_sh(2, d), np.stack([np.ones(50), y, z, x, *second], axis=1), atol=1e-14)


def test_order_seven_against_spharpy():
    """Independent implementation: spharpy's real harmonics (its SN3D carries 1 / sqrt(4 pi)); poles included."""
    pyfar, spharpy = pytest.importorskip("pyfar"), pytest.importorskip("spharpy")
    d = np.concatenate([random_directions(40), [[0, 0, 1], [0, 0, -1], [-1, 0, 0]]])
    theirs = spharpy.spherical.spherical_harmonic_basis_real(
        7, pyfar.Coordinates(*d.T), normalization="SN3D", channel_convention="ACN", condon_shortley=False
    )
    np.testing.assert_allclose(real_sh(7, d), theirs * np.sqrt(4 * np.pi), atol=1e-12)


def test_addition_theorem_to_order_30():
    """Closed form: SN3D harmonics of each degree have unit energy in every direction (addition theorem at angle 0)."""
    d = random_directions(20)
    degree = np.floor(np.sqrt(np.arange(31**2))).astype(int)
    energy = np.stack([np.bincount(degree, weights=row**2) for row in real_sh(30, d)])
    np.testing.assert_allclose(energy, 1, atol=1e-12)


def test_rotation_moves_the_source_and_keeps_energy():
    """Planted answer: the rotated field of a source at d is the field of a source at R d; the matrix is orthogonal."""
    d, r = random_directions(30), random_rotation()
    matrix = sh_rotation(6, r)
    np.testing.assert_allclose(real_sh(6, d) @ matrix.T, real_sh(6, d @ r.T), atol=1e-12)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(49), atol=1e-12)


def test_quarter_turn_closed_form():
    """Closed form: a quarter turn to the left in first order is Y' = X, X' = -Y (what ViSAGe's augmentation negates)."""
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    expected = np.array([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, -1, 0, 0]])
    np.testing.assert_allclose(sh_rotation(1, quarter), expected, atol=1e-15)


def test_rotations_compose():
    """Closed form: the representation is a homomorphism, D(A B) = D(A) D(B)."""
    a, b = random_rotation(1), random_rotation(2)
    np.testing.assert_allclose(sh_rotation(4, a @ b), sh_rotation(4, a) @ sh_rotation(4, b), atol=1e-13)


def test_rotation_refuses_a_stretch():
    """Planted fault: a matrix that is not orthogonal."""
    with pytest.raises(InputError, match="orthogonal"):
        sh_rotation(1, 2 * np.eye(3))


@pytest.mark.parametrize(("other", "order"), [("acn-n3d", 7), ("fuma", 3), ("fuma", 2), ("fuma", 1), ("fuma", 0)])
def test_convert_round_trip(other, order):
    """Round trip: to the other convention and back."""
    x = np.random.default_rng(0).normal(size=((order + 1) ** 2, 100))
    np.testing.assert_allclose(convert(convert(x, "acn-sn3d", other), other, "acn-sn3d"), x, atol=1e-15)


def test_fuma_and_n3d_closed_form():
    """Closed form: FuMa is W / sqrt 2, X, Y, Z; N3D is SN3D times sqrt(2 n + 1); dtype stays."""
    w, y, z, x = ambix = np.arange(1.0, 5.0, dtype=np.float32)[:, None] * np.ones(3, np.float32)
    fuma = convert(ambix, "acn-sn3d", "fuma")
    np.testing.assert_allclose(fuma, np.stack([w / np.sqrt(2), x, y, z]), rtol=1e-6)
    assert fuma.dtype == np.float32
    n3d = convert(ambix, "acn-sn3d", "acn-n3d")
    np.testing.assert_allclose(n3d, ambix * np.sqrt([[1], [3], [3], [3]]), rtol=1e-6)
    np.testing.assert_allclose(convert(fuma, "fuma", "acn-n3d"), n3d, rtol=1e-6)


def test_fuma_to_third_order_as_printed():
    """Published numbers: the Furse-Malham polynomials W XYZ RSTUV KLMNOPQ of azimuth and elevation (Malham 2003)."""
    azimuth, elevation = np.random.default_rng(1).uniform(-1.5, 1.5, (2, 30))
    sin_e, cos_e = np.sin(elevation), np.cos(elevation)
    printed = [
        np.full(30, np.sqrt(0.5)),
        *(np.cos(azimuth) * cos_e, np.sin(azimuth) * cos_e, sin_e),
        (3 * sin_e**2 - 1) / 2,
        *(np.cos(azimuth) * np.sin(2 * elevation), np.sin(azimuth) * np.sin(2 * elevation)),
        *(np.cos(2 * azimuth) * cos_e**2, np.sin(2 * azimuth) * cos_e**2),
        sin_e * (5 * sin_e**2 - 3) / 2,
        *(np.sqrt(135 / 256) * trig(azimuth) * cos_e * (5 * sin_e**2 - 1) for trig in (np.cos, np.sin)),
        *(np.sqrt(27 / 4) * trig(2 * azimuth) * sin_e * cos_e**2 for trig in (np.cos, np.sin)),
        *(trig(3 * azimuth) * cos_e**3 for trig in (np.cos, np.sin)),
    ]
    ambix = real_sh(3, directions_of(azimuth, elevation)).T
    np.testing.assert_allclose(convert(ambix, "acn-sn3d", "fuma"), printed, atol=1e-14)


def test_fuma_weights_against_spharpy():
    """Independent implementation: spharpy's maxN harmonics, which have FuMa's weights (its FuMa channel order does not follow
    the printed letters, so its ACN order is sorted here)."""
    pyfar, spharpy = pytest.importorskip("pyfar"), pytest.importorskip("spharpy")
    d = random_directions(40)
    theirs = spharpy.spherical.spherical_harmonic_basis_real(
        3, pyfar.Coordinates(*d.T), normalization="maxN", channel_convention="ACN", condon_shortley=False
    )
    fuma = convert(real_sh(3, d).T, "acn-sn3d", "fuma")
    order = [0, 3, 1, 2, 6, 7, 5, 8, 4, 12, 13, 11, 14, 10, 15, 9]
    np.testing.assert_allclose(fuma, theirs[:, order].T * np.sqrt(4 * np.pi), atol=1e-12)


@pytest.mark.parametrize("degree", [3, 15, 100])
def test_quadrature_is_exact(degree):
    """Closed form: the mean over the sphere of a product of SN3D harmonics is 1 / (2 n + 1) with itself and 0 with others."""
    points, weights = quadrature(degree)
    order = min(degree // 2, 7)
    harmonics = real_sh(order, points)
    expected = np.diag(1 / (2 * degrees_of(order) + 1))
    np.testing.assert_allclose((harmonics * weights[:, None]).T @ harmonics, expected, atol=1e-13)
    highest = min(degree, 20)
    np.testing.assert_allclose(weights @ real_sh(highest, points), np.eye(1, (highest + 1) ** 2)[0], atol=1e-12)


def test_yaw_pitch_and_roll():
    """Planted answers: a quarter of yaw takes the front to the left, of pitch the front up, of roll the left up; roll is first,
    yaw last."""
    front, left, up = np.eye(3)
    quarter = np.pi / 2
    np.testing.assert_allclose(rotation_by(quarter) @ front, left, atol=1e-15)
    np.testing.assert_allclose(rotation_by(0, quarter) @ front, up, atol=1e-15)
    np.testing.assert_allclose(rotation_by(0, 0, quarter) @ left, up, atol=1e-15)
    np.testing.assert_allclose(
        rotation_by(quarter, 0.3, 0.2), rotation_by(quarter) @ rotation_by(0, 0.3) @ rotation_by(0, 0, 0.2)
    )


@pytest.mark.parametrize("order", [1, 4, 7])
def test_rotation_round_trip_to_order_seven(order):
    """Round trip: forth and back is where it was; no degree gains or loses energy."""
    field = np.random.default_rng(order).normal(size=((order + 1) ** 2, 50))
    turn = rotation_by(0.7, -0.4, 1.9)
    turned = sh_rotation(order, turn) @ field
    np.testing.assert_allclose(sh_rotation(order, turn.T) @ turned, field, atol=1e-12)
    before, after = (np.add.reduceat(x**2, np.arange(order + 1) ** 2) for x in (field, turned))
    np.testing.assert_allclose(after.sum(axis=1), before.sum(axis=1), rtol=1e-12)


def test_convert_refuses_what_it_does_not_know():
    """Planted faults: an incomplete order, FuMa above third order, no convention."""
    with pytest.raises(InputError, match="got 5"):
        convert(np.zeros((5, 2)), "acn-sn3d", "acn-n3d")
    with pytest.raises(InputError, match="third order"):
        convert(np.zeros((25, 2)), "acn-sn3d", "fuma")
    with pytest.raises(InputError, match="unknown"):
        convert(np.zeros((4, 2)), "", "fuma")


def test_order_of():
    """Closed form: (order + 1)^2."""
    assert [order_of(n) for n in (1, 4, 9, 16)] == [0, 1, 2, 3]


def test_directions_of_matches_types():
    """Independent implementation: Direction.vector."""
    azimuth, elevation = np.random.default_rng(0).uniform(-1.5, 1.5, (2, 20))
    expected = [Direction(a, e).vector for a, e in zip(azimuth, elevation, strict=True)]
    np.testing.assert_allclose(directions_of(azimuth, elevation), expected, atol=1e-15)


@pytest.mark.parametrize(("azimuth_deg", "elevation_deg"), [(0, 0), (90, 0), (-135, 30), (10, -80)])
def test_doa_and_map_of_a_planted_source(azimuth_deg, elevation_deg):
    """Planted answer: a plane wave of unit power; intensity finds it, the map peaks there with power 1."""
    direction = Direction(np.radians(azimuth_deg), np.radians(elevation_deg))
    x = np.random.default_rng(0).normal(size=4800)
    field = encode(x / np.sqrt(np.mean(x**2)), direction.vector)
    found = direction_of_arrival(field)
    np.testing.assert_allclose(found.vector, direction.vector, atol=1e-12)
    power = energy_map(field, 72, 36)
    peak = map_directions(72, 36)[np.unravel_index(power.argmax(), power.shape)]
    assert np.degrees(np.arccos(peak @ direction.vector)) < 4
    # First-order plane-wave decode: ((1 + 3 cos angle) / 4)^2.
    expected = ((1 + 3 * map_directions(72, 36) @ direction.vector) / 4) ** 2
    np.testing.assert_allclose(power, expected, atol=1e-12)


def test_map_is_laid_out_like_an_equirectangular_picture():
    """Closed form: top row up, left edge behind, left quarter is the left side, centre is front."""
    d = map_directions(360, 180)
    np.testing.assert_allclose(d[0, :, 2].min(), np.sin(np.radians(89.5)), atol=1e-12)
    np.testing.assert_allclose(d[90, 90], directions_of(np.radians(89.5), np.radians(-0.5)), atol=1e-12)
    assert d[90, 180, 0] > 0.999
    assert d[90, 0, 0] < -0.999


def test_silence_has_no_direction():
    """Planted fault: an all-zero field."""
    with pytest.raises(InputError, match="intensity"):
        direction_of_arrival(np.zeros((4, 10)))
    assert energy_map(np.zeros((4, 10), np.float32), 8, 4).max() == 0
