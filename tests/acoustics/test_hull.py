"""Triangles of a mesh: the quick search against all triangles, and weights that rebuild the direction."""

import numpy as np
import pytest

from seehear.acoustics.hull import FEW_TRIANGLES, hull_of, mesh_of, weights
from seehear.acoustics.sphere import directions_of
from seehear.types import InputError


def scattered(n, seed=0):
    v = np.random.default_rng(seed).standard_normal((n, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def capless_rings():
    """Rings every 5 degrees down to -40: below them only long thin triangles."""
    levels = np.radians(np.arange(-40, 90, 5.0))
    return np.concatenate([directions_of(np.radians(np.arange(0, 360, 5.0)) + level, np.full(72, level)) for level in levels])


def uneven():
    """A dense cap among few directions: the median triangle is tiny, the others are large."""
    near = scattered(6000)
    return np.concatenate([near[near[:, 0] > 0.9], scattered(60, 1)])


@pytest.mark.parametrize(
    "vertices", [scattered(30), scattered(1500), capless_rings(), uneven()], ids=["few", "many", "capless", "uneven"]
)
def test_the_triangle_found_is_the_one_among_all(vertices):
    """Independent implementation: every triangle tried for every direction has the same smallest weight; the three vertices with
    their weights add up to the direction, at vertices to that vertex alone."""
    corners = hull_of(vertices, "these").simplices
    mesh = mesh_of(vertices, corners)
    assert (mesh.tree is None) == (len(corners) <= FEW_TRIANGLES)
    directions = np.concatenate([scattered(800, 2), vertices[:30], [[0, 0, -1.0], [0, 0, 1], [1, 0, 0]]])
    found, shares = weights(directions, mesh)
    assert (shares >= 0).all()
    np.testing.assert_allclose(np.einsum("nk,nkx->nx", shares, vertices[found]), directions, atol=1e-7)
    inverses = np.linalg.inv(vertices[corners])
    for direction, share in zip(directions[:800], shares, strict=False):
        assert np.maximum((direction @ inverses).min(axis=1).max(), 0) == pytest.approx(share.min(), abs=1e-9)
    np.testing.assert_allclose(np.sort(shares[800:830], axis=1)[:, -1], 1, atol=1e-7)


def test_half_a_sphere_is_refused():
    """Planted: nothing behind."""
    half = scattered(200)
    with pytest.raises(InputError, match="these do not surround the listener"):
        hull_of(half[half[:, 0] > 0], "these")
