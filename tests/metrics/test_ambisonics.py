"""Rows of sound fields: what noise is, and whose reference stands in for whose."""

import numpy as np
import pytest

from seehear.metrics.ambisonics import ROWS, FieldPair, Judges, diffuse_noise, measured_rows, row_scores
from seehear.metrics.spatial import frame_covariances
from seehear.types import Direction


class Level:
    """A judge whose one feature is the mean of a clip; it names nothing."""

    name, sample_rate_hz = "level", 16_000

    def embed(self, clips):
        return [np.array([[float(x.mean())]], np.float32) for x in clips]


def test_noise_comes_from_everywhere():
    """Closed form: a diffuse field in SN3D has a third of W's power in each of Y, Z and X, and no correlation."""
    reference = 0.3 * np.random.default_rng(0).standard_normal((4, 200_000))
    found = frame_covariances(diffuse_noise(reference, np.random.default_rng(1)), 16_000)[0]
    np.testing.assert_allclose(np.diag(found) / 0.09, (1, 1 / 3, 1 / 3, 1 / 3), rtol=0.01)
    assert np.abs(found - np.diag(np.diag(found))).max() < 0.005 * 0.09


def test_shuffled_has_the_reference_of_the_clip_before():
    """Planted: clips whose W is their number; each is heard as the one before it, the first as the last."""
    direction = Direction(0.0)
    sounds = [np.array([k, 0, 0, 0.5 * k])[:, None] * np.ones((4, 1600)) for k in (1.0, 2.0, 3.0)]
    pairs = [FieldPair(str(k), x, x, direction) for k, x in enumerate(sounds)]
    rows = measured_rows(iter(pairs), Judges(Level(), None))
    assert tuple(rows) == ROWS
    shuffled = rows["shuffled"]
    heard = sorted(
        (wanted.decoded.item(), made.decoded.item()) for made, wanted in zip(shuffled.made, shuffled.wanted, strict=True)
    )
    np.testing.assert_allclose(heard, [(1.5, 4.5), (3.0, 1.5), (4.5, 3.0)], rtol=1e-6)
    assert [each.channels[0].item() for each in rows["generated"].made] == [1, 2, 3]
    assert [each.decoded.item() for each in rows["silence"].made] == [0, 0, 0]
    scores = row_scores(rows["truth"], n_failed=2)
    assert (scores["cc_all"].value, scores["cc_all"].n, scores["cc_all"].n_failed) == (pytest.approx(1), 3, 2)
    assert scores["fad_dec"].value == pytest.approx(0, abs=1e-9) and "kld_dec" not in scores
    assert measured_rows(iter(pairs), Judges(Level(), None), controls=False).keys() == {"generated"}
